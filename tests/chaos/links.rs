//! Links between members: what their ends say, and what others make of it.

use meshward::quorum::{Attestation, Certificate};
use meshward::wire::Packet;
use meshward::{CriticalEvent, Event, Mark, Nonce, Refusal, Suite, Tally};

use crate::support::{Mesh, failure, id, link};

/// The link that is down: the reporter misses the peer.
const REPORTER: usize = 0;
const PEER: usize = 1;

fn down_at(mesh: &Mesh, at: usize) -> Option<CriticalEvent> {
    let found = mesh.guard(at).core().quorum().validate_link_down(&id(REPORTER), &id(PEER));
    found.map(|certificate| certificate.event().clone())
}

fn mark_of(event: &CriticalEvent) -> Option<Mark> {
    match event {
        CriticalEvent::LinkDown { mark, .. } => *mark,
        other => panic!("{other:?}"),
    }
}

/// What the node at `at` repeats about links.
fn says(mesh: &Mesh, at: usize) -> Vec<Vec<u8>> {
    let is_link = |bytes: &Vec<u8>| {
        let Ok(Packet::Statement(statement)) = Packet::parse(bytes) else { return false };
        let read = Attestation::read(statement, &mesh.view);
        read.is_ok_and(|one| matches!(one.event(), CriticalEvent::LinkDown { .. }))
    };
    let mut said = mesh.guard(at).core().quorum().undecided();
    said.retain(is_link);
    said
}

fn assert_nobody_pays(mesh: &Mesh, nodes: std::ops::Range<usize>) {
    for (at, of) in nodes.clone().flat_map(|at| nodes.clone().map(move |of| (at, of))) {
        let full = meshward::reputation::Reputation::FULL;
        assert_eq!(mesh.guard(at).core().reputation(&id(of), mesh.now), full, "{of} at {at}");
        assert!(!mesh.nodes[at].host.isolated.lock().contains(&id(of)), "{of} at {at}");
        assert!(!mesh.certified(at, of), "{of} at {at}");
    }
}

/// Q4, promise P7: of ten three are silent and a third of all packets is lost. One end of a link says
/// that it is down, and later says so again; all seven that are left certify the one event, though its
/// peer beacons all along and everybody hears it. Its word alone takes it back everywhere. The next
/// outage is another event. Nobody is isolated for any of it.
#[test]
fn q04_a_links_end_is_believed_over_lossy_links() {
    for suite in Suite::available() {
        for seed in 1..=2 {
            let mut mesh = Mesh::new(suite, 10);
            mesh.seed(seed);
            mesh.pass(2_000);
            (7..10).for_each(|silent| mesh.nodes[silent].down = true);
            mesh.loss = 333;
            mesh.cut = [(PEER, REPORTER)].into();
            let report = |mesh: &Mesh| {
                mesh.guard(REPORTER).report_link_down(id(PEER), mesh.now).unwrap();
            };
            report(&mesh);
            mesh.pass(3_000);
            report(&mesh);
            mesh.pass(12_000);
            let first = down_at(&mesh, REPORTER).expect("certified at the end that says so");
            let directory = mesh.guard(3).core().directory().clone();
            for at in 0..7 {
                assert_eq!(down_at(&mesh, at).as_ref(), Some(&first), "{suite} {seed}: at {at}");
                let found = mesh.guard(at).core().certificate(&first).unwrap();
                Certificate::verify(found.as_bytes(), &directory).unwrap();
            }
            assert_nobody_pays(&mesh, 0..7);
            let Tally::Certified(_) =
                mesh.guard(REPORTER).report_link_down(id(PEER), mesh.now).unwrap()
            else {
                panic!("it still stands, whatever was heard of the peer by other ways")
            };

            mesh.cut.clear();
            mesh.guard(REPORTER).report_link_up(id(PEER), mesh.now).unwrap();
            mesh.pass(10_000);
            let restored = |event: &Event| {
                matches!(event, Event::LinkRestored { reporter, peer }
                    if (*reporter, *peer) == (id(REPORTER), id(PEER)))
            };
            for at in 0..7 {
                assert_eq!(down_at(&mesh, at), None, "{suite} {seed}: at {at}");
                let expected = usize::from(at != REPORTER);
                assert_eq!(mesh.nodes[at].host.count(restored), expected, "{suite}: at {at}");
            }
            // The certificate, played again, is no news.
            let old = mesh.guard(2).core().certificate(&first).unwrap();
            for at in 0..7 {
                let refusal = mesh.give(at, link(9), old.as_bytes()).unwrap_err();
                assert!(matches!(refusal, Refusal::Decided | Refusal::Outdated), "{refusal}");
                assert_eq!(down_at(&mesh, at), None);
            }

            report(&mesh);
            mesh.pass(15_000);
            let second = down_at(&mesh, REPORTER).unwrap();
            assert!(mark_of(&second) > mark_of(&first));
            (0..7).for_each(|at| assert_eq!(down_at(&mesh, at).as_ref(), Some(&second)));
            assert_nobody_pays(&mesh, 0..7);
        }
    }
}

/// Q5, promise P6: two of seven confirm an outage of a link that nobody else learns of, and it passes.
/// What they said is saved up, and of the next outage three others and the same reporter speak: five
/// have said that the link is down, and five would be enough. It is not certified; nor is the old word
/// by those who restarted and know of nothing.
#[test]
fn q05_confirmations_of_two_outages_never_add_up() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 7);
        mesh.relays = false;
        mesh.pass(2_000);
        let others = |known: [usize; 3]| {
            let all = (0..7).flat_map(|from| (0..7).map(move |to| (from, to)));
            all.filter(move |(from, to)| known.contains(from) && !known.contains(to))
        };
        // Its bare statements alone are kept from them: the frames would be missed.
        mesh.cut = others([0, 2, 3]).collect();
        mesh.guard(REPORTER).report_link_down(id(PEER), mesh.now).unwrap();
        mesh.pass(2_000);
        let old: Vec<_> = [0, 2, 3].into_iter().flat_map(|at| says(&mesh, at)).collect();
        assert_eq!(old.len(), 3, "{suite}: the reporter and two who confirm");

        mesh.cut.clear();
        mesh.pass(1_000);
        mesh.guard(REPORTER).report_link_up(id(PEER), mesh.now).unwrap();
        mesh.pass(2_000);
        assert!((0..7).all(|at| says(&mesh, at).is_empty()), "{suite}: taken back everywhere");
        let play = |mesh: &Mesh, at: usize, refused: bool| {
            for (from, said) in [0, 2, 3].into_iter().zip(&old).filter(|(from, _)| *from != at) {
                let taken = mesh.give(at, link(from), said);
                assert!(!refused || taken.is_err(), "{suite}: {from} at {at}: {taken:?}");
            }
        };
        for _ in 0..20 {
            (0..7).for_each(|at| play(&mesh, at, true));
            mesh.pass(500);
        }
        assert!((0..7).all(|at| says(&mesh, at).is_empty() && down_at(&mesh, at).is_none()));

        // Two know nothing any more, and believe it until the reporter answers.
        mesh.pass(2_000);
        mesh.links.clear();
        for at in [4, 5] {
            mesh.restart(at);
            play(&mesh, at, false);
        }
        mesh.pass(1_000);
        let fooled: Vec<_> = mesh.links.keys().copied().collect();
        assert_eq!(fooled, [4, 5], "{suite}: they confirm what they were shown");
        mesh.pass(4_000);
        assert!((0..7).all(|at| says(&mesh, at).is_empty() && down_at(&mesh, at).is_none()));

        mesh.cut = others([0, 4, 5]).collect();
        mesh.guard(REPORTER).report_link_down(id(PEER), mesh.now).unwrap();
        mesh.pass(2_000);
        let new: Vec<_> = [0, 4, 5].into_iter().flat_map(|at| says(&mesh, at)).collect();
        assert_eq!(new.len(), 3, "{suite}");
        for at in [1, 6] {
            play(&mesh, at, false);
            for (from, said) in [0, 4, 5].into_iter().zip(&new) {
                mesh.give(at, link(from), said).unwrap();
            }
            play(&mesh, at, true);
            assert_eq!(down_at(&mesh, at), None, "{suite}: at {at}");
        }
    }
}

/// Q3, promises P6, P3 and P5: two liars of seven say that a link between others is down, for ever:
/// nobody confirms that. They say of their own links that they are down, at ever new marks, up to the
/// highest there is, one thing to these and another to those: that is their own business. It costs each
/// of the honest no more than one statement a second for each liar, isolates nobody, and who dies
/// meanwhile is certified as ever.
#[test]
fn q03_liars_accuse_links_for_ever() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 7);
        mesh.pass(2_000);
        let liars = [mesh.steal(5), mesh.steal(6)];
        (5..7).for_each(|liar| mesh.nodes[liar].down = true);
        let epoch = liars[0].epoch;
        let mark = |boot, sequence| Some(Mark { epoch, nonce: Nonce { boot, sequence } });
        for of in 0..5 {
            let (reporter, peer) = (id(of), id((of + 1) % 5));
            let foreign = CriticalEvent::LinkDown { reporter, peer, mark: mark(1, 3) };
            for (at, liar) in (0..5).flat_map(|at| liars.iter().map(move |liar| (at, liar))) {
                mesh.give(at, link(6), &liar.attest(&foreign)).unwrap();
            }
        }
        mesh.pass(3_000);
        assert!(mesh.links.is_empty(), "{suite}: somebody confirms it: {:?}", mesh.links);
        for second in 0..30_u32 {
            for (number, (at, liar)) in
                (0..5).flat_map(|at| liars.iter().map(move |liar| (at, liar))).enumerate()
            {
                for peer in 0..2 {
                    let boot = if second == 0 { u32::MAX } else { 1 };
                    let mark = mark(boot, second * 10 + number as u32 % 2);
                    let own = CriticalEvent::LinkDown { reporter: liar.id, peer: id(peer), mark };
                    let _taken_or_too_many = mesh.give(at, link(6), &liar.attest(&own));
                }
                let nonce = Nonce { boot: 1_000, sequence: second + 1 };
                let _alive = mesh.give(at, link(6), &liar.beacon(nonce, b""));
            }
            if second == 10 {
                mesh.nodes[4].down = true;
            }
            mesh.pass(1_000);
        }
        for at in 0..4 {
            let said = mesh.links.get(&at).map_or(0, std::collections::BTreeSet::len);
            println!("{suite}: {said} confirmations at {at} in 33 s");
            assert!((1..=2 * 33).contains(&said), "{suite}: {said} at {at}");
        }
        assert_nobody_pays(&mesh, 0..4);
        // The liars answer nobody, so three of seven are missed, and everybody waits for as long as it
        // ever does.
        mesh.pass(10_000);
        // Four are left, and the liars keep their word back.
        assert!((0..4).all(|at| !mesh.certified(at, 4)));
        let core = mesh.guard(0).core();
        let (accused, heard) = (core.quorum(), mesh.nodes[0].guard.stats(mesh.now));
        // The liars answer nobody, so they may well be missed.
        assert!(heard.validated_failures.iter().all(|node| [id(5), id(6)].contains(node)));
        let mine = accused.undecided();
        let on_the_dead = mine.iter().find_map(|bytes| {
            let Ok(Packet::Statement(statement)) = Packet::parse(bytes) else { return None };
            let read = Attestation::read(statement, &mesh.view).ok()?;
            let event = read.event().clone();
            let dead = id(4);
            matches!(event, CriticalEvent::NodeFailure { subject, .. } if subject == dead)
                .then_some(event)
        });
        let event = on_the_dead.expect("the dead one is missed");
        for at in 0..4 {
            mesh.give(at, link(5), &liars[0].attest(&event)).unwrap();
            assert!(mesh.certified(at, 4), "{suite}: at {at}");
            assert!(mesh.guard(at).is_validated(&event), "{:?}", failure(4, None));
        }
    }
}

/// Q4, promise P7: the peer of a link is dead altogether, and certified as failed. Its neighbour's word
/// on their link is not confirmed on top of that. It comes back, but not over that link: now it is.
#[test]
fn q04_a_link_to_the_dead_is_no_matter_of_its_own() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(2_000);
        mesh.nodes[PEER].down = true;
        mesh.pass(8_000);
        assert!([0, 2, 3].into_iter().all(|at| mesh.certified(at, PEER)), "{suite}");
        mesh.guard(REPORTER).report_link_down(id(PEER), mesh.now).unwrap();
        mesh.pass(5_000);
        assert_eq!(mesh.links.get(&REPORTER).map(std::collections::BTreeSet::len), Some(1));
        assert!([2, 3].into_iter().all(|at| !mesh.links.contains_key(&at)), "{suite}");
        mesh.cut = [(PEER, REPORTER)].into();
        mesh.nodes[PEER].down = false;
        mesh.pass(4_000);
        assert!((0..4).all(|at| down_at(&mesh, at).is_some()), "{suite}");
        assert!((0..4).all(|at| !mesh.certified(at, PEER)), "{suite}");
    }
}
