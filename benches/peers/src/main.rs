//! What one could use instead of meshward, timed beside it: `cargo bench --bench peers`.
//!
//! All do their work in turn, round by round, in one thread, and a line a thing says the median time
//! of one message in µs, the median of its ratio to what meshward took in the same round to admit a
//! beacon under ML-DSA-65, and the bytes of one message on the wire. Each message carries 64 bytes
//! of payload, and each is another one. Each thing comes to its turn with the caches full of the
//! others' data, as in a host that has other work too.
//!
//! They do not do the same, so a smaller number is not a better one:
//!
//! - **meshward, fresh beacon**: `Core::handle_frame` of a frame that is news. Decoding, the key of the
//!   member and its epoch, the link's budgets, quarantine, the replay window, the sending rate, the
//!   hash of the body, a post-quantum signature, and what follows from it for suspicion and reputation.
//! - **meshward, duplicate**: the same call with a frame that was just taken. It is refused before the
//!   signature, so a flood of them costs little.
//! - **gossipsub, fresh message**: a whole `Swarm` of libp2p with `ValidationMode::Strict` and the
//!   default configuration, its heartbeat put off, as it reads, checks and delivers what another one
//!   published: framing, protobuf, an Ed25519 signature under the key that is in the peer id, message
//!   id, duplicate cache, message cache, event. It has no post-quantum signature and no list of
//!   members (whoever makes a key is heard), and no replay window: a message is known again for a
//!   minute, while its id is cached, and is news after that. Scores of peers are off by default.
//! - **gossipsub, duplicate**: the same with messages that were just taken. The signature is checked
//!   before the cache is asked, so each costs what the first one did.
//! - **verify**: one call of a library, its key parsed beforehand, the signature decoded inside. Who
//!   speaks, whether it may, and whether it was said before, is left to the caller. Its bytes are
//!   payload and signature alone.
//!
//! Nobody's transport is in it: frames and messages lie in memory, and there is nobody to pass them on
//! to. Noise and Yamux, which libp2p wants beneath gossipsub, would come on top, as would DTLS or
//! WireGuard beneath meshward.
//!
//! Ed25519 falls to a large quantum computer. Dilithium3 is the third round's form of what became
//! ML-DSA-65. `pqcrypto-dilithium`, which is meshward's Dilithium3, and `aws-lc-rs` are C and assembler
//! that use AVX2 where the processor has it; `ml-dsa`, which is meshward's ML-DSA-65, is portable Rust.

use std::error::Error;

mod gossipsub;
mod mesh;
mod pipe;
mod raw;

/// What can go wrong here is told, and ends the run.
type Outcome<T> = Result<T, Box<dyn Error>>;

/// Rounds, unless the first argument says otherwise.
const ROUNDS: usize = 201;
/// Messages that each of them handles in a round: few, for a round that outlasts the scheduler's patience
/// on a busy machine is charged what others did meanwhile, and the slowest would be charged most.
const MESSAGES: usize = 8;
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
