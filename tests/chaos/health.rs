//! Nodes that hear badly, through no fault of those whom they miss.

use meshward::{CriticalEvent, Event, Suite};

use crate::support::{Mesh, id};

/// The default suspicion time.
const SUSPICION_MS: u64 = 3_000;

fn suspicion_ms(mesh: &Mesh, at: usize) -> u64 {
    mesh.guard(at).core().quorum().suspicion_ms(mesh.now)
}

/// Whether the node at `of` was certified as failed at `at`, at any time.
fn ever_certified(mesh: &Mesh, at: usize, of: usize) -> bool {
    let is_it = |event: &Event| {
        let Event::Certified(found) = event else { return false };
        matches!(found.event(), CriticalEvent::NodeFailure { subject, .. } if *subject == id(of))
    };
    mesh.nodes[at].host.count(is_it) > 0
}

/// How many milliseconds pass, at most `most`, before `at` holds the certificate that `of` has failed.
fn certified_within(mesh: &mut Mesh, at: usize, of: usize, most: u64) -> Option<u64> {
    let from = mesh.now;
    while !mesh.certified(at, of) {
        if mesh.now.since(from) >= most {
            return None;
        }
        mesh.pass(250);
    }
    Some(mesh.now.since(from))
}

/// Q13, promise P10: a host is paused for two minutes, six others go on. When it comes to it misses
/// nobody, and one who really died in the meantime it reports after two suspicion times.
#[test]
fn q13_a_slow_node_does_not_declare_everyone_failed_after_a_pause() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 7);
        mesh.relays = false;
        mesh.pass(3_000);
        mesh.nodes[0].down = true;
        mesh.pass(20_000);
        mesh.nodes[6].down = true;
        mesh.pass(100_000);
        assert!((1..6).all(|at| mesh.certified(at, 0) && mesh.certified(at, 6)));
        mesh.cut = (1..6).map(|from| (from, 0)).collect();
        mesh.nodes[0].down = false;
        mesh.pass(1_500);
        mesh.cut.clear();
        assert_eq!(suspicion_ms(&mesh, 0), 2 * SUSPICION_MS);
        mesh.pass(10_000);
        assert!((1..6).all(|at| !mesh.certified(at, 0)), "{suite}: its beacons clear it");
        let reports: Vec<_> = mesh.reports.iter().filter(|((from, _), _)| *from == 0).collect();
        assert!(reports.iter().all(|((_, subject), _)| *subject == id(6)), "{suite}: {reports:?}");
        assert_eq!(mesh.reports_of(0), 1, "{suite}: and the dead one once");
        assert!(mesh.certified(0, 6), "{suite}: its report is answered, whatever its mark");
        mesh.pass(60_000);
        assert_eq!(suspicion_ms(&mesh, 0), SUSPICION_MS, "it is well again");
    }
}

/// Q13, promises P10 and P7: a host whose loop comes round every five seconds only, ticks before it
/// looks at what has piled up, and does so for two minutes. It reports nobody but the one who dies, and
/// that one in the time that is documented.
#[test]
fn q13_a_slow_node_does_not_declare_everyone_failed_when_starved_of_ticks() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.relays = false;
        mesh.late = (1..4).map(|from| ((from, 0), 5_000)).collect();
        mesh.pass(5_000);
        let round = |mesh: &mut Mesh| {
            mesh.pass_but_for(Some(0), 4_750);
            mesh.pass(250);
        };
        for _ in 0..12 {
            round(&mut mesh);
        }
        assert_eq!(mesh.reports_of(0), 0, "{suite}: {:?}", mesh.reports);
        mesh.nodes[3].down = true;
        let mut rounds = 0;
        while mesh.reports_of(0) == 0 {
            round(&mut mesh);
            rounds += 1;
            assert!(rounds <= 36, "{suite}: the dead one is never missed");
        }
        assert!(mesh.reports.contains_key(&(0, id(3))));
        println!("{suite}: {rounds} late ticks until the dead one was missed");
        round(&mut mesh);
        round(&mut mesh);
        assert!((0..3).all(|at| mesh.certified(at, 3)), "{suite}");
        assert!((0..3).all(|at| (1..3).all(|of| !ever_certified(&mesh, at, of))), "{suite}");
    }
}

/// Q13, promises P10 and P7: an overloaded node of nine works off what came from everybody every seven
/// seconds: it doubts itself and reports nobody. Then only what came from three of them comes late, five
/// seconds: it misses them, sees that it was wrong, and gives everyone more time. Who dies is certified
/// all the same, and that takes its voice no longer than eight suspicion times.
#[test]
fn q13_a_slow_node_does_not_declare_everyone_failed_when_overloaded() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 9);
        mesh.relays = false;
        mesh.pass(2_000);
        mesh.late = (1..9).map(|from| ((from, 0), 7_000)).collect();
        mesh.pass(42_000);
        assert_eq!(mesh.reports_of(0), 0, "{suite}: {:?}", mesh.reports);
        mesh.late = (1..4).map(|from| ((from, 0), 5_000)).collect();
        mesh.pass(100_000);
        let reports = mesh.reports_of(0);
        println!("{suite}: {reports} wrong reports in 100 s");
        assert!(
            (3..=9).contains(&reports),
            "{suite}: {reports} reports, one in five seconds of each is 60"
        );
        assert!((1..9).all(|of| mesh.reports_of(of) == 0), "{suite}: {:?}", mesh.reports);
        // Three die, and with them the six that are left are just enough.
        for dead in [6, 7, 8] {
            mesh.nodes[dead].down = true;
        }
        for dead in [6, 7, 8] {
            let took = certified_within(&mut mesh, 1, dead, 8 * SUSPICION_MS + 2_000);
            println!("{suite}: {dead} certified after {took:?} more");
            assert!(took.is_some(), "{suite}: {dead}");
        }
        for (at, of) in (0..6).flat_map(|at| (0..6).map(move |of| (at, of))) {
            assert!(!ever_certified(&mesh, at, of), "{suite}: {of} lives, {at}");
        }
    }
}

/// Q13, promise P10: a node that hears nobody, or nobody but one of nine, is cut off, and does not
/// flood the others with what it misses; it tells its host at once that it is alone.
#[test]
fn q13_a_lone_node_accuses_nobody() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 9);
        mesh.pass(2_000);
        mesh.cut = (1..8).map(|from| (from, 0)).collect();
        mesh.relays = false;
        mesh.pass(4_000);
        let alone = |event: &Event| matches!(event, Event::NoQuorum { .. });
        assert_eq!(mesh.nodes[0].host.count(alone), 1, "{suite}");
        mesh.cut.insert((8, 0));
        mesh.pass(60_000);
        assert_eq!(mesh.reports_of(0), 0, "{suite}: {:?}", mesh.reports);
        mesh.cut.clear();
        mesh.pass(2_000);
        let restored = |event: &Event| matches!(event, Event::QuorumRestored);
        assert_eq!(mesh.nodes[0].host.count(restored), 1, "{suite}");
    }
}

/// Q14, promises P6 and P7: some links lose 80 % of what goes one way, one node hears everybody that
/// badly, and another's words reach three others only every second 20 s. Nobody who lives is certified;
/// who dies is, by everybody and within eight suspicion times.
#[test]
fn q14_one_way_loss_and_flip_flop() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 9);
        mesh.relays = false;
        mesh.seed(14);
        mesh.pass(2_000);
        let lossy = [(0, 1), (0, 2), (0, 3), (4, 5)].into_iter();
        let deaf = (0..9).filter(|from| *from != 6).map(|from| (from, 6));
        mesh.lossy = lossy.chain(deaf).map(|hop| (hop, 800)).collect();
        let flip_flop = |mesh: &mut Mesh, ms: u64| {
            for _ in 0..ms / 1_000 {
                let off = (mesh.now.0 / 20_000).is_multiple_of(2);
                mesh.cut = if off { [1, 2, 3].map(|to| (7, to)).into() } else { [].into() };
                mesh.pass(1_000);
            }
        };
        flip_flop(&mut mesh, 120_000);
        let before: usize = (0..9).map(|from| mesh.reports_of(from)).sum();
        mesh.nodes[8].down = true;
        flip_flop(&mut mesh, 8 * SUSPICION_MS + 4_000);
        for at in 0..8 {
            assert!(mesh.certified(at, 8), "{suite}: {at} does not know");
            let live = (0..8).filter(|of| ever_certified(&mesh, at, *of));
            assert_eq!(live.count(), 0, "{suite}: a live one was certified at {at}");
        }
        let each: Vec<_> = (0..8).map(|from| mesh.reports_of(from)).collect();
        println!("{suite}: {before} wrong reports in 120 s, {each:?} in all");
        assert!(before <= 60, "{suite}: {before} reports of live members");
    }
}
