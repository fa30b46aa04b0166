//! What a node that starts anew can be made to take twice, and how it can be kept from hearing at all.

use std::collections::BTreeSet;
use std::sync::Arc;

use meshward::store::Table;
use meshward::wire::{Packet, Tag};
use meshward::{Accepted, Change, CriticalEvent, Event, Link, LinkId, Refusal, Suite};

use crate::observed::challenge;
use crate::support::{Disk, Liar, Mesh, id, link};

/// Who starts anew.
const R: usize = 1;
/// Turns in which everybody who lives has answered: a question, its answer, and one for a loss.
const SOON_MS: u64 = 1_500;

/// A link of the attacker's.
fn hostile(number: usize) -> Link {
    Link::Proven(LinkId(1_000 + number as u64))
}

/// How R comes back.
#[derive(Debug, Clone, Copy)]
enum Back {
    SameDisk,
    /// From a disk that knows of its first start alone.
    OlderDisk,
    /// From an empty disk, onto which the identity was copied.
    IdentityAlone,
}

fn come_back(mesh: &mut Mesh, back: Back, first: &Disk) {
    match back {
        Back::SameDisk => {}
        Back::OlderDisk => mesh.nodes[R].disk = first.copied(),
        Back::IdentityAlone => {
            mesh.nodes[R].disk = mesh.nodes[R].disk.only(&[Table::Identity]);
        }
    }
    mesh.restart(R);
}

/// Everything is played to R over links of the attacker's; nothing of it may be delivered, and nobody
/// pays for it.
fn play(mesh: &Mesh, frames: &[Vec<u8>]) -> BTreeSet<&'static str> {
    let mut reasons = BTreeSet::new();
    for (number, frame) in frames.iter().enumerate() {
        match mesh.give(R, hostile(number % 20), frame) {
            Ok(taken) => panic!("{taken:?}"),
            Err(refusal) => reasons.insert(refusal.reason()),
        };
    }
    assert_eq!(mesh.guard(R).stats(mesh.now).quarantined_nodes, []);
    reasons
}

/// Beacons of node 0 that reach R, a tenth of a second apart.
fn talk(mesh: &mut Mesh, count: usize) -> Vec<Vec<u8>> {
    let said = (0..count).map(|_| {
        mesh.now = mesh.now.after(100);
        let frame = mesh.beacon(0);
        let taken = mesh.give(R, link(0), &frame);
        assert!(matches!(taken, Ok(Accepted::Message(_))), "{taken:?}");
        frame
    });
    said.collect()
}

/// G11, promises P2 and P3: a receiver that took 400 frames of a member starts anew, with its disk, with
/// an older one, and with none but its identity. The frames are played to it before the member has
/// answered, in between, and after; none is delivered again, none costs anybody anything or R a
/// signature check, and what the member says next is.
#[test]
fn g11_nothing_is_delivered_again_after_the_receiver_restarts() {
    for suite in Suite::available() {
        for back in [Back::SameDisk, Back::OlderDisk, Back::IdentityAlone] {
            let mut mesh = Mesh::new(suite, 4);
            let first = mesh.nodes[R].disk.copied();
            // It has started twice, and asked: who answers has seen its numbers.
            mesh.restart(R);
            mesh.settle(R);
            let mut frames = talk(&mut mesh, 400);
            mesh.guard(0).rotate_keys(suite, mesh.now).unwrap();
            mesh.run();
            frames.extend(talk(&mut mesh, 50));
            let under_way = mesh.beacon(0);
            come_back(&mut mesh, back, &first);
            assert_eq!(mesh.guard(R).core().unproven().len(), 3);
            let known = play(&mesh, &frames[..400]);
            assert_eq!(known, ["unproven"].into(), "{suite} {back:?}");
            assert_eq!(play(&mesh, &frames[400..]), ["unknown_key"].into());
            assert_eq!(mesh.guard(R).core().stats(mesh.now).signature_checks, 0);
            mesh.settle(R);
            for again in 0..2 {
                let reasons = play(&mesh, &frames);
                let old = ["replay", "unproven"].into();
                assert!(reasons.is_subset(&old), "{suite} {back:?} {again}: {reasons:?}");
            }
            let refusal = mesh.give(R, link(0), &under_way).unwrap_err();
            assert_eq!(refusal, Refusal::Replay, "to be safe");
            frames.extend(talk(&mut mesh, 50));
            let reasons = play(&mesh, &frames);
            assert!(reasons.contains("duplicate"), "{suite} {back:?}: {reasons:?}");
            mesh.assert_unharmed(R, 0);
            mesh.assert_unharmed(R, 2);
        }
    }
}

/// G11, promise P2: an answer that somebody holds back for a minute opens where the member stood when it
/// answered, and nothing that R took before lies above; one to a question before the restart opens
/// nothing.
#[test]
fn g11_a_held_back_answer_opens_at_where_its_author_stood() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.restart(R);
        mesh.tapped = Some(Vec::new());
        mesh.settle(R);
        let is_answer_of_0 = |bytes: &Arc<[u8]>| {
            let Ok(Packet::Statement(statement)) = Packet::parse(bytes) else { return false };
            statement.tag() == Tag::Answer && statement.head().origin == id(0)
        };
        let tapped = mesh.tapped.replace(Vec::new()).unwrap();
        let before: Vec<_> = tapped.into_iter().filter(is_answer_of_0).collect();
        assert!(!before.is_empty());
        let frames = talk(&mut mesh, 40);
        mesh.restart(R);
        // Its question reaches node 0, and the answer does not reach it.
        mesh.cut.insert((0, R));
        mesh.relays = false;
        for _ in 0..8 {
            mesh.now = mesh.now.after(250);
            [R, 0].iter().for_each(|place| mesh.guard(*place).tick(mesh.now).unwrap());
            mesh.run();
        }
        let tapped = mesh.tapped.take().unwrap();
        let answer = tapped.into_iter().find(is_answer_of_0).unwrap();
        let said_since = mesh.beacon(0);
        mesh.now = mesh.now.after(20_000);
        for old in &before {
            let _taken_or_not = mesh.give(R, hostile(1), old);
        }
        assert!(mesh.guard(R).core().unproven().contains(&id(0)));
        assert_eq!(play(&mesh, &frames), ["unproven"].into());
        mesh.give(R, hostile(1), &answer).unwrap();
        assert!(!mesh.guard(R).core().unproven().contains(&id(0)), "{suite}");
        assert_eq!(play(&mesh, &frames), ["replay"].into());
        assert!(matches!(mesh.give(R, link(0), &said_since), Ok(Accepted::Message(_))), "{suite}");
        mesh.give(R, hostile(1), &answer).unwrap_err();
        let refusal = mesh.give(R, link(0), &said_since).unwrap_err();
        assert_eq!(refusal, Refusal::Duplicate);
    }
}

/// All Hellos, challenges and answers of a mesh whose members have started three times each.
fn recorded(mesh: &mut Mesh) -> Vec<Arc<[u8]>> {
    mesh.tapped = Some(Vec::new());
    for _ in 0..3 {
        for place in 0..mesh.nodes.len() {
            mesh.restart(place);
            mesh.pass(500);
        }
        mesh.pass(2_000);
    }
    let of_interest =
        |bytes: &Arc<[u8]>| matches!(Tag::of(bytes), Ok(Tag::Hello | Tag::Challenge | Tag::Answer));
    mesh.tapped.take().unwrap().into_iter().filter(of_interest).collect()
}

/// Time passes until R takes everybody; before every tick `attack` has its turn. Tells how long it took.
fn opened_within(mesh: &mut Mesh, most_ms: u64, mut attack: impl FnMut(&Mesh)) -> u64 {
    let from = mesh.now;
    loop {
        attack(mesh);
        if mesh.guard(R).core().unproven().is_empty() {
            return mesh.now.since(from);
        }
        assert!(mesh.now.since(from) < most_ms, "{:?}", mesh.guard(R).core().unproven());
        mesh.pass(250);
    }
}

fn nobody_is_taken_for_dead(mesh: &Mesh) {
    for node in mesh.nodes.iter().filter(|node| !node.down) {
        let dead = |event: &Event| {
            let Event::Certified(certificate) = event else { return false };
            matches!(certificate.event(), CriticalEvent::NodeFailure { .. })
        };
        assert_eq!(node.host.count(dead), 0);
        assert_eq!(node.guard.stats(mesh.now).quarantined_nodes, []);
    }
}

/// K15, promises P2 and P4: every Hello, challenge and answer of three lives of all members is played to
/// everybody, over and over, while R starts anew and after. It hears everybody soon all the same; and in
/// a mesh that starts as a whole under it, so does everybody.
#[test]
fn k15_old_statements_do_not_keep_a_restarted_node_deaf() {
    for suite in Suite::available() {
        for all in [false, true] {
            let mut mesh = Mesh::new(suite, 7);
            let old = recorded(&mut mesh);
            assert!(old.len() > 60, "{}", old.len());
            mesh.pass(2_000);
            match all {
                false => mesh.restart(R),
                true => (0..7).for_each(|place| mesh.restart(place)),
            }
            let replay = |mesh: &Mesh| {
                for (number, bytes) in old.iter().enumerate() {
                    for at in 0..7 {
                        let _taken_or_not = mesh.give(at, hostile(number % 10), bytes);
                    }
                }
            };
            let took = opened_within(&mut mesh, 2 * SOON_MS, replay);
            println!("{suite}, all {all}: after {took} ms");
            mesh.pass(2_000);
            for at in (0..7).filter(|at| all || *at == R) {
                assert_eq!(mesh.guard(at).core().unproven(), [], "{suite} {at}");
            }
            mesh.nodes[R].inbox.clear();
            mesh.pass(3_000);
            assert_eq!(mesh.nodes[R].inbox.len(), 18, "{suite}");
            nobody_is_taken_for_dead(&mesh);
        }
    }
}

/// K15, promise P4: two liars ask everybody as often as they can, and an outsider in the names of all
/// others, with forged answers to R's own questions besides. R hears everybody soon.
#[test]
fn k15_a_flood_of_challenges_does_not_keep_a_restarted_node_deaf() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 7);
        mesh.pass(2_000);
        let liars = [5, 6].map(|place| mesh.steal(place));
        let outsiders: Vec<_> = (0..5)
            .map(|place| Liar {
                key: Liar::impostor(suite, id(place), &mesh.view).key,
                ..mesh.steal(place)
            })
            .collect();
        mesh.restart(R);
        let mut number = 0;
        let took = opened_within(&mut mesh, 2 * SOON_MS, |mesh| {
            for _ in 0..20 {
                number += 1;
                for at in 0..5 {
                    for (place, liar) in [5, 6].into_iter().zip(&liars) {
                        let asked = challenge(liar, at as u32, number);
                        let _taken_or_not = mesh.give(at, link(place), &asked);
                    }
                    for outsider in &outsiders {
                        let asked = challenge(outsider, at as u32, number);
                        assert!(mesh.give(at, hostile(at), &asked).is_err());
                    }
                }
            }
        });
        println!("{suite}: after {took} ms");
        mesh.pass(3_000);
        nobody_is_taken_for_dead(&mesh);
    }
}

/// K15 and Q20, promises P2 and P7: all start at once, and a third of what is sent is lost. They come
/// up. One never does: it is certified as failed, and nobody goes on asking it.
#[test]
fn k15_a_mesh_that_restarts_at_once_comes_up() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 7);
        mesh.pass(2_000);
        let old = mesh.beacon(6);
        (0..7).for_each(|place| mesh.restart(place));
        mesh.nodes[6].down = true;
        (mesh.loss, mesh.relays) = (333, false);
        mesh.seed(15);
        mesh.pass(10_000);
        for at in 0..6 {
            let shut = mesh.guard(at).core().unproven();
            assert!(shut.iter().all(|node| *node == id(6)), "{suite} {at}: {shut:?}");
        }
        mesh.loss = 0;
        mesh.pass(10_000);
        for at in 0..6 {
            assert!(mesh.certified(at, 6), "{suite} {at}");
        }
        let asked = |mesh: &Mesh| -> usize {
            (0..6).filter_map(|at| mesh.said.get(&(at, Tag::Challenge))).sum()
        };
        let before = asked(&mesh);
        mesh.pass(60_000);
        assert_eq!(asked(&mesh), before, "{suite}");
        for (at, of) in (0..6).flat_map(|at| (0..6).map(move |of| (at, of))) {
            assert!(!mesh.certified(at, of));
        }
        // Somebody plays an old beacon of it, and it is asked in vain. If it comes back after all, and says
        // so, it is asked again at once.
        for at in 0..6 {
            assert_eq!(mesh.give(at, hostile(1), &old).unwrap_err(), Refusal::Unproven);
        }
        mesh.pass(1_000);
        assert!(asked(&mesh) > before, "{suite}");
        mesh.nodes[6].down = false;
        mesh.restart(6);
        mesh.pass(SOON_MS);
        mesh.nodes.iter_mut().for_each(|node| node.inbox.clear());
        mesh.pass(1_000);
        for at in 0..7 {
            assert_eq!(mesh.guard(at).core().unproven(), [], "{suite} {at}");
            assert_eq!(mesh.nodes[at].inbox.len(), 6, "{suite} {at}");
            assert!(!mesh.certified(at, 6));
        }
    }
}

/// K15, promise P9: all have rotated their keys, and start at once. Nobody knows the keys of the others,
/// and so nobody can check anybody's question for them; they find out all the same.
#[test]
fn k15_a_mesh_that_rotated_and_restarts_at_once_comes_up() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        for _ in 0..2 {
            mesh.pass(1_000);
            (0..4).for_each(|place| mesh.guard(place).rotate_keys(suite, mesh.now).unwrap());
        }
        mesh.pass(1_000);
        (0..4).for_each(|place| mesh.restart(place));
        mesh.pass(5_000);
        mesh.nodes.iter_mut().for_each(|node| node.inbox.clear());
        mesh.pass(1_000);
        for at in 0..4 {
            assert_eq!(mesh.guard(at).core().unproven(), [], "{suite} {at}");
            assert_eq!(mesh.nodes[at].inbox.len(), 3, "{suite} {at}");
        }
    }
}

/// K15, promise P7: the mesh was cut in two for a minute, in which R started anew. When it heals, R hears
/// everybody soon, though it had all but given up asking.
#[test]
fn k15_a_node_that_started_while_it_was_cut_off_hears_everybody_soon() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 7);
        mesh.pass(2_000);
        mesh.cut = (0..7).flat_map(|at| [(at, R), (R, at)]).collect();
        mesh.restart(R);
        mesh.pass(60_000);
        mesh.cut.clear();
        mesh.pass(25_000);
        assert_eq!(mesh.guard(R).core().unproven(), [], "{suite}");
    }
}

/// K15, promise P7: all start at once, and one from a disk that does not know of the newest view; what it
/// says when it starts is lost. It answers nobody's questions, nor anybody its own, as they are of
/// another view; it follows all the same, and hears everybody.
#[test]
fn k15_who_starts_a_view_behind_follows() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 5);
        mesh.pass(1_000);
        let old = mesh.nodes[R].disk.copied();
        let change = Change::of(mesh.guard(0).core().view()).leave(id(4));
        for place in 0..4 {
            mesh.guard(place).propose_change(change.clone(), mesh.now).unwrap();
        }
        mesh.pass(15_000);
        let number = |mesh: &Mesh, at: usize| mesh.guard(at).core().view().number().0;
        assert!((0..4).all(|at| number(&mesh, at) == 1), "{suite}");
        mesh.nodes[4].down = true;
        mesh.nodes[R].disk = old;
        (0..4).for_each(|place| mesh.restart(place));
        assert_eq!(number(&mesh, R), 0);
        mesh.cut = (0..4).flat_map(|at| [(at, R), (R, at)]).collect();
        mesh.pass(1_000);
        mesh.cut.clear();
        mesh.pass(10_000);
        assert_eq!(number(&mesh, R), 1, "{suite}");
        for at in 0..4 {
            assert_eq!(mesh.guard(at).core().unproven(), [], "{suite} {at}");
        }
    }
}
