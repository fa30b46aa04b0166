//! Starts of a whole mesh, of two hosts under one identity, and old statements on starts played again.

use std::sync::Arc;

use meshward::wire::Tag;
use meshward::{CriticalEvent, Digest, Error, Event, Misuse, Nonce, Refusal, Suite};

use super::{assert_no_number_twice, boot, mesh_of, of, restart_on, tapped};
use crate::support::{Liar, Mesh, id, link};

/// K15, promise P9: seven restart in one instant. In the one run two disks are of before the last boot, in
/// the other all are; a relay plays every claim and every witness of before to everybody, again and again,
/// and the way to and from one of them takes a second and a half. All come up, and in the first run, with
/// no more rolled back than may be faulty, no number is used twice.
#[test]
fn k15_a_mesh_that_restarts_as_a_whole_comes_up() {
    for suite in Suite::available() {
        for rolled_back in [2, 7] {
            let mut mesh = mesh_of(suite, 7);
            mesh.pass(2_000);
            let old: Vec<_> = mesh.nodes.iter().map(|node| node.disk.copied()).collect();
            for place in 0..7 {
                mesh.restart(place);
            }
            mesh.pass(3_000);
            assert!((0..7).all(|place| boot(&mesh, place) == Some(2)), "{suite}");
            for (place, old) in old.iter().enumerate() {
                match place < rolled_back {
                    true => restart_on(&mut mesh, place, old),
                    false => mesh.restart(place),
                }
            }
            let statements =
                |bytes: &&Arc<[u8]>| matches!(Tag::of(bytes), Ok(Tag::Claim | Tag::Witness));
            let stock: Vec<_> = tapped(&mesh).iter().filter(statements).cloned().collect();
            for other in 1..7 {
                mesh.delay.extend([((0, other), 1_500), ((other, 0), 1_500)]);
            }
            for step in 0..80 {
                for (at, old) in stock.iter().enumerate() {
                    let (to, over) = ((at + step) % 7, (at + 2 * step) % 7);
                    let _whatever = mesh.give(to, link(over), old);
                }
                mesh.pass(250);
            }
            for place in 0..7 {
                assert!(boot(&mesh, place) >= Some(2), "{suite}, {rolled_back}, at {place}");
            }
            if rolled_back == 2 {
                assert!((0..7).all(|place| boot(&mesh, place) == Some(3)), "{suite}");
                assert_no_number_twice(&mesh);
            }
        }
    }
}

/// K15, promise P4: whoever plays old claims and witnesses at a node pays for their checks with the budget
/// of its own link, and what cannot be news is not checked; so nobody is kept from being witnessed.
#[test]
fn k15_old_claims_and_witnesses_cost_little_and_crowd_out_nothing() {
    for suite in Suite::available() {
        let mut mesh = mesh_of(suite, 4);
        mesh.pass(2_000);
        for _ in 0..6 {
            mesh.restart(3);
            mesh.pass(2_000);
        }
        let stock =
            [of(&mesh, 3, Tag::Claim), of(&mesh, 0, Tag::Witness), of(&mesh, 1, Tag::Witness)];
        assert!(stock.iter().all(|old| old.len() >= 6));
        let before = mesh.guard(2).stats(mesh.now).signature_checks;
        for _ in 0..200 {
            for old in stock.iter().flatten() {
                let refused = mesh.give(2, link(0), old).unwrap_err();
                assert!(
                    matches!(refused, Refusal::Duplicate | Refusal::Outdated | Refusal::LinkBudget),
                    "{refused:?}"
                );
            }
        }
        let checks = mesh.guard(2).stats(mesh.now).signature_checks - before;
        assert!(checks <= 1, "{suite}: {checks} checks");
        let replies = mesh.nodes[2].host.replies.lock().len();
        assert!(replies <= 1, "{suite}: {replies} packets were sent back");
        mesh.restart(3);
        mesh.pass(3_000);
        assert_eq!(boot(&mesh, 3), Some(8), "{suite}");
        assert_no_number_twice(&mesh);
    }
}

/// K3, K14: two hosts start under one identity, each with a copy of one disk. No boot is confirmed for
/// both. The one with the lower boot sees the other by its frames, says so once, leaves the key, and votes
/// no more; the other hears of that and is silent.
#[test]
fn k03_two_hosts_of_one_identity_never_share_a_boot() {
    for suite in Suite::available() {
        let mut mesh = mesh_of(suite, 4);
        mesh.pass(2_000);
        let copy = mesh.nodes[3].disk.copied();
        // The other host has a place of its own on the network.
        let view = Arc::clone(&mesh.view);
        let twin = mesh.join(copy, &view);
        mesh.restart(3);
        mesh.pass(10_000);
        let confirmed = |at: usize| {
            let events = mesh.nodes[at].host.events.lock();
            events.iter().find_map(|event| match event {
                Event::BootConfirmed { boot } => Some(*boot),
                _ => None,
            })
        };
        let mut boots = [3, twin].map(|place| (confirmed(place).expect("it began"), place));
        boots.sort_unstable();
        let [(low, lower), (high, higher)] = boots;
        assert!(1 < low && low < high, "{suite}: {boots:?}");
        assert_no_number_twice(&mesh);
        let met = |event: &Event| matches!(event, Event::OtherSelf { nonce } if nonce.boot == high);
        assert_eq!([lower, higher].map(|at| mesh.nodes[at].host.count(met)), [1, 0], "{suite}");
        let topic = Digest::from_bytes([1; 32]);
        let event = CriticalEvent::GovernanceProposal { topic, sequence: 1, content: topic };
        let refused = mesh.guard(lower).report_critical_event(event, mesh.now);
        assert!(matches!(refused, Err(Error::Misuse(Misuse::Abstains))), "{refused:?}");
        assert!(mesh.guard(lower).sign_beacon(b"", mesh.now).is_ok(), "{suite}");
        let refused = mesh.guard(higher).sign_beacon(b"", mesh.now);
        assert!(matches!(refused, Err(Error::Misuse(Misuse::Superseded))), "{refused:?}");
    }
}

/// K3, promise P3: frames in a node's name that it did not sign, and its own of before, alarm nobody.
#[test]
fn k03_only_its_own_key_makes_a_node_doubt_itself() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.tapped = Some(Vec::new());
        mesh.pass(3_000);
        mesh.restart(0);
        mesh.pass(3_000);
        for frame in of(&mesh, 0, Tag::Frame) {
            assert_eq!(mesh.give(0, link(1), &frame).unwrap_err(), Refusal::Own);
        }
        let outsider = Liar::impostor(suite, id(0), &mesh.view);
        let outsider = Liar { epoch: meshward::Epoch::FIRST, ..outsider };
        for sequence in 1..=50 {
            let header = mesh.steal(0).header(meshward::Kind::Beacon, Nonce { boot: 9, sequence });
            let forged = outsider.forge(header, b"", meshward::suite::Purpose::Frame);
            assert_eq!(mesh.give(0, link(1), &forged).unwrap_err(), Refusal::Own);
        }
        let met = |event: &Event| matches!(event, Event::OtherSelf { .. });
        assert_eq!(mesh.nodes[0].host.count(met), 0, "{suite}");
        mesh.now = mesh.now.after(1_000);
        let stolen = mesh.steal(0).beacon(Nonce { boot: 2, sequence: 1_000 }, b"");
        for _ in 0..3 {
            assert_eq!(mesh.give(0, link(1), &stolen).unwrap_err(), Refusal::Own);
            mesh.now = mesh.now.after(1_000);
        }
        assert_eq!(mesh.nodes[0].host.count(met), 1, "{suite}: once");
    }
}
