//! What one could use instead of meshward, timed beside it: `cargo bench --bench peers`.
//!
//! All do their work in turn, round by round, in one thread, and a line a thing says the median time
//! of one message in µs, the median of its ratio to what meshward took in the same round to admit a
//! beacon under ML-DSA-65, and the bytes of one message on the wire. Each message carries 64 bytes
//! of payload, and each is another one.
//!
//! They do not do the same, so a smaller number is not a better one:
//!
//! | | what is timed | what that leaves out |
//! |---|---|---|
//! | meshward, fresh | `Core::handle_frame`: decoding, the key of the member and its epoch, budgets of the link, quarantine, the replay window, the sending rate, hash and post-quantum signature, what the frame means for suspicion and reputation | transport |
//! | meshward, duplicate | the same call with a frame that it has just taken: refused before the signature | transport |
//! | gossipsub, fresh | a whole `Swarm` with `libp2p-gossipsub` in `ValidationMode::Strict` and its default configuration (but for its heartbeat, which is put off): framing, protobuf, Ed25519 signature under the key in the peer id, message id, duplicate cache, message cache, the event. The bytes lie in memory: no Noise, no Yamux, no socket | post-quantum signatures; a list of members, so anybody with a key of its own is heard; a replay window: a message is told as a duplicate for a minute, while its id is in the cache, and is taken again after that; scores are off by default |
//! | gossipsub, duplicate | the same with a message that it has just taken: the signature is checked first | the same |
//! | `verify` | one call of the library, the key parsed beforehand where it has a form for that, the signature decoded inside | all else: who speaks, for whom, whether it was said before; its bytes are payload and signature alone |
//!
//! Ed25519 is broken by a large quantum computer. Dilithium3 is what ML-DSA-65 was made of, in its
//! third round. `pqcrypto-dilithium` (and meshward with it) and `aws-lc-rs` run C and assembler with
//! AVX2 where the processor has it; `ml-dsa` is portable Rust, and keeps the matrix of the key
//! expanded, which meshward does too.

use std::error::Error;

mod gossipsub;
mod mesh;
mod pipe;
mod raw;

/// What can go wrong here is told, and ends the run.
type Outcome<T> = Result<T, Box<dyn Error>>;

/// Rounds, unless the first argument says otherwise.
const ROUNDS: usize = 41;
/// Messages that each of them handles in a round.
const MESSAGES: usize = 40;
/// Bytes of payload in a message.
const PAYLOAD: usize = 64;

/// The payload of the message with `number`.
fn payload(number: usize) -> [u8; PAYLOAD] {
    let mut bytes = [7; PAYLOAD];
    for (to, from) in bytes.iter_mut().zip(number.to_be_bytes()) {
        *to = from;
    }
    bytes
}

/// One thing that was timed.
struct Timed {
    name: String,
    /// Of one message on the wire.
    bytes: usize,
    /// Seconds that a round took.
    seconds: f64,
}

/// Something that handles messages.
trait Peer {
    /// Handles a round of messages, in each of the ways that it has: always the same ones in the same
    /// order.
    ///
    /// # Errors
    ///
    /// If the outcome is not what it has to be.
    fn round(&mut self) -> Outcome<Vec<Timed>>;
}

fn main() -> Outcome<()> {
    let rounds = match std::env::args().nth(1) {
        Some(argument) => {
            argument.parse().map_err(|_| format!("no number of rounds: {argument}"))?
        }
        None => ROUNDS,
    };
    let mut peers: Vec<Box<dyn Peer>> = vec![
        // The one that all are compared to stands first.
        Box::new(mesh::Mesh::new(meshward::Suite::MlDsa65)?),
        Box::new(mesh::Mesh::new(meshward::Suite::Dilithium3)?),
        Box::new(gossipsub::Gossipsub::new()?),
    ];
    peers.extend(raw::all()?);

    // The first round warms all up.
    run(&mut peers)?;
    let mut rows: Vec<Vec<Timed>> = Vec::new();
    for _ in 0..rounds.max(1) {
        for (at, timed) in run(&mut peers)?.into_iter().enumerate() {
            match rows.get_mut(at) {
                Some(row) => row.push(timed),
                None => rows.push(vec![timed]),
            }
        }
    }
    report(&rows);
    Ok(())
}

fn run(peers: &mut [Box<dyn Peer>]) -> Outcome<Vec<Timed>> {
    let mut all = Vec::new();
    for peer in peers {
        all.extend(peer.round()?);
    }
    Ok(all)
}

fn report(rows: &[Vec<Timed>]) {
    let messages = u32::try_from(MESSAGES).map_or(f64::NAN, f64::from);
    let first = rows.first().map_or(&[][..], Vec::as_slice);
    println!("{:<40} {:>8} {:>7} {:>6}", "", "µs", "ratio", "bytes");
    for row in rows {
        let Some(newest) = row.last() else { continue };
        let micros = median(row.iter().map(|this| this.seconds * 1e6 / messages));
        let ratio = median(row.iter().zip(first).map(|(this, first)| this.seconds / first.seconds));
        println!("{:<40} {micros:>8.2} {ratio:>7.4} {:>6}", newest.name, newest.bytes);
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
