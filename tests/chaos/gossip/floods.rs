//! Much at once: names, links and bytes without end.

use meshward::wire::{HEADER_LEN, Header, Kind, MAX_BODY_LEN, WireError};
use meshward::{Accepted, Event, Link, LinkId, NodeId, Refusal, Suite};

use super::{hostile, nonce, spoofed};
use crate::support::{Liar, Mesh, link, with_signature};

/// G7, promises P4 and P5: 12 000 frames with signatures that do not hold, each from a fresh link, by
/// turns under fresh names and under those of members, over proven links and claimed ones. A name that
/// is nobody's costs no check at all, the others what strangers may cost together, and all the while
/// everyone else is heard.
#[test]
fn g07_fresh_names_and_links_buy_no_checks() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let victims = [0, 2, 3].map(|place| mesh.steal(place));
        let captured = mesh.beacon(0);
        let signature = &captured[HEADER_LEN..][..suite.signature_len()];
        let mut heard = 0;
        for number in 0..12_000_u32 {
            let over = match number % 2 {
                0 => hostile(u64::from(number)),
                _ => Link::Claimed(LinkId(100_000 + u64::from(number))),
            };
            let victim = &victims[number as usize % 3];
            let mut header = victim.header(Kind::Beacon, nonce(1_000 + number));
            if number % 4 < 2 {
                let mut name = [0xee; 32];
                name[..4].copy_from_slice(&number.to_le_bytes());
                header.origin = NodeId::from_bytes(name);
                let frame = with_signature(header.clone(), signature, b"forged");
                let refusal = mesh.give(1, over, &frame).unwrap_err();
                assert_eq!(refusal, Refusal::UnknownOrigin(header.origin));
            } else {
                let frame = with_signature(header, signature, b"forged");
                let refusal = mesh.give(1, over, &frame).unwrap_err();
                let expected = [Refusal::BadSignature, Refusal::CheckBudget];
                assert!(expected.contains(&refusal), "{refusal}");
            }
            if number % 1_000 == 0 {
                mesh.now = mesh.now.after(100);
                let taken = mesh.give(1, link(2), &mesh.beacon(2));
                assert!(matches!(taken, Ok(Accepted::Message(_))), "{taken:?}");
                heard += 1;
            }
        }
        let stats = mesh.guard(1).stats(mesh.now);
        // A burst and 1.2 seconds of both: newcomers over proven links, and all claimed links.
        assert!(stats.signature_checks <= 2 * (1_000 + 600) + heard, "{}", stats.signature_checks);
        assert_eq!(stats.delivered, heard);
        let charged = |event: &Event| matches!(event, Event::MemberQuarantined { .. });
        assert_eq!(mesh.nodes[1].host.count(charged), 0);
        for victim in [0, 2, 3] {
            mesh.assert_unharmed(1, victim);
        }
    }
}

/// Ten megabytes under a header of the victim's that says `length` of them.
fn huge(victim: &Liar, length: usize, signature: &[u8]) -> Vec<u8> {
    let header = Header {
        body_len: u32::try_from(length).unwrap(),
        ..victim.header(Kind::Beacon, nonce(1))
    };
    let mut bytes = [header.to_bytes().unwrap().as_slice(), signature].concat();
    bytes.resize(10_000_000, 0xaa);
    bytes
}

/// G8, promise P4: 1200 times ten megabytes with a signature that does not hold, under lengths that
/// are true, the longest allowed, and a lie. They are refused by their size: no byte of a body is
/// hashed and no signature checked. A proven link that sends them pays, nobody else does.
#[test]
fn g08_ten_megabytes_cost_no_check() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let victim = mesh.steal(0);
        let captured = mesh.beacon(0);
        let signature = &captured[HEADER_LEN..][..suite.signature_len()];
        let true_length = 10_000_000 - HEADER_LEN - signature.len();
        let bodies = [true_length, MAX_BODY_LEN, 0].map(|said| huge(&victim, said, signature));
        for number in 0..1200 {
            let over = [spoofed(0), spoofed(2), hostile(number / 100)][number as usize % 3];
            let refusal = mesh.give(1, over, &bodies[number as usize / 3 % 3]).unwrap_err();
            let by_size = matches!(
                refusal,
                Refusal::Malformed(WireError::TooLong { .. } | WireError::Trailing { .. })
            );
            assert!(by_size || refusal == Refusal::LinkQuarantined, "{refusal}");
        }
        assert_eq!(mesh.guard(1).stats(mesh.now).signature_checks, 0);
        let paid = |event: &Event| matches!(event, Event::LinkQuarantined { .. });
        assert_eq!(mesh.nodes[1].host.count(paid), 12);
        mesh.assert_unharmed(1, 0);
        mesh.assert_unharmed(1, 2);
    }
}
