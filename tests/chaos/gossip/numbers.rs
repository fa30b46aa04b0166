//! Numbers at the ends of their ranges.

use meshward::store::{Batch, Table};
use meshward::wire::{HEADER_LEN, Header, Kind};
use meshward::{
    Accepted, Config, Epoch, Host, MeshByzantineProtection, Nonce, Refusal, SentAt, Store, Suite,
};

use super::{hostile, spoofed};
use crate::support::{HostSide, Mesh, id, link, with_signature};

const LAST: Nonce = Nonce { boot: u32::MAX, sequence: u32::MAX };

fn boot(boot: u32, sequence: u32) -> Nonce {
    Nonce { boot, sequence }
}

/// G9, promises P2 and P3: 1200 frames under the victim's name whose epochs, nonces and times are
/// zero, the greatest there are, and next to them. None moves the victim's window.
#[test]
fn g09_extreme_numbers_under_the_victims_name_move_nothing() {
    let epoch = |recovery, operational| Epoch { recovery, operational };
    let epochs = [
        Epoch::FIRST,
        epoch(0, u32::MAX),
        epoch(232_830_643, 2_808_348_672), // 10^18 in one number
        epoch(u32::MAX, u32::MAX),
    ];
    let nonces = [boot(0, 0), boot(0, u32::MAX), boot(u32::MAX, 0), LAST, boot(1, u32::MAX)];
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let victim = mesh.steal(0);
        let captured = mesh.beacon(0);
        let signature = &captured[HEADER_LEN..][..suite.signature_len()];
        for number in 0..1200_usize {
            let header = Header {
                epoch: epochs[number % epochs.len()],
                sent_at: SentAt([0, 1, u64::MAX - 1, u64::MAX][number / 20 % 4]),
                ..victim.header(Kind::Beacon, nonces[number % nonces.len()])
            };
            let unknown = Refusal::UnknownKey { origin: id(0), epoch: header.epoch };
            let first = header.epoch == Epoch::FIRST;
            let frame = with_signature(header, signature, b"");
            let over = if number % 3 == 0 { hostile(number as u64) } else { spoofed(0) };
            let refusal = mesh.give(1, over, &frame).unwrap_err();
            assert_eq!(refusal, if first { Refusal::BadSignature } else { unknown });
        }
        assert_eq!(mesh.guard(1).stats(mesh.now).delivered, 0);
        mesh.assert_unharmed(1, 0);
    }
}

/// G9, promise P2: a member that signs the greatest nonce there is has said its last word under that
/// key: nothing wraps around, nothing is taken twice, and nobody else notices.
#[test]
fn g09_the_greatest_nonce_is_the_last() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let liar = mesh.steal(0);
        let beacon = |nonce| {
            let header = Header { sent_at: SentAt(1), ..liar.header(Kind::Beacon, nonce) };
            liar.frame(header, b"")
        };
        mesh.give(1, link(0), &mesh.beacon(0)).unwrap();
        let last = beacon(LAST);
        assert!(matches!(mesh.give(1, link(0), &last), Ok(Accepted::Message(_))));
        assert_eq!(mesh.give(1, link(0), &last).unwrap_err(), Refusal::Duplicate);
        for old in [boot(0, 0), boot(1, 1), boot(u32::MAX - 1, u32::MAX), boot(u32::MAX, 0)] {
            assert_eq!(
                mesh.give(1, link(0), &beacon(old)).unwrap_err(),
                Refusal::Replay,
                "{old:?}"
            );
        }
        assert_eq!(mesh.give(1, link(0), &mesh.beacon(0)).unwrap_err(), Refusal::Replay);
        let edge = u32::MAX - 1024;
        let near = [edge + 1, u32::MAX - 1].map(|sequence| beacon(boot(u32::MAX, sequence)));
        for frame in &near {
            let taken = mesh.give(1, link(0), frame);
            // Its window has room; that so many lie between so few milliseconds is its own offence.
            let expected = matches!(taken, Ok(Accepted::Message(_)) | Err(Refusal::OverRate));
            assert!(expected, "{taken:?}");
            let again = mesh.give(1, link(2), frame).unwrap_err();
            assert!(matches!(again, Refusal::Duplicate | Refusal::Replay), "{again}");
        }
        let behind = beacon(boot(u32::MAX, edge));
        assert_eq!(mesh.give(1, link(0), &behind).unwrap_err(), Refusal::Replay);
        mesh.assert_unharmed(1, 2);
        mesh.assert_unharmed(2, 0);
    }
}

/// G9, promise P9: an honest node in the last boot it can count is heard like any other; the start
/// after that is refused in words, and signs nothing.
#[test]
fn g09_an_honest_counter_at_its_end_stops_in_words() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.give(1, link(0), &mesh.beacon(0)).unwrap();
        let mut batch = Batch::new();
        batch.put(Table::Boot, b"boot", &(u32::MAX - 1).to_le_bytes());
        mesh.nodes[0].disk.apply(&batch).unwrap();
        mesh.restart(0);
        let Ok(Accepted::Message(message)) = mesh.give(1, link(0), &mesh.beacon(0)) else {
            panic!("the last boot is one like any other");
        };
        assert_eq!(message.mark.nonce.boot, u32::MAX);
        mesh.assert_unharmed(1, 0);
        let host = HostSide::default();
        let host = Host::new(mesh.nodes[0].disk.clone(), host.clone(), host);
        let view = mesh.view.clone();
        let error = MeshByzantineProtection::start(Config::default(), view, host, mesh.now);
        let error = error.err().unwrap().to_string();
        assert!(error.contains("boot counter"), "{error}");
    }
}
