//! Offenders that wait, and clocks that step: what time gives back, and what it does not.

use meshward::reputation::Reputation;
use meshward::wire::{Header, Kind};
use meshward::{Accepted, Event, Millis, Refusal, SentAt, Suite};

use super::{hostile, nonce};
use crate::support::{Mesh, id, link, with_signature};

const MINUTE: u64 = 60_000;
const DAY: u64 = 86_400_000;

fn quarantines(mesh: &Mesh) -> usize {
    mesh.nodes[1].host.count(|event| {
        matches!(event, Event::LinkQuarantined { .. } | Event::MemberQuarantined { .. })
    })
}

/// G17, promise P10: a relay that knows its own standing to the last digit brings true frames for a
/// day, and one under a bad signature whenever it can afford it. It affords one and then three in two
/// hours, as the model says, whatever it brings beside them; at once, it affords two more at most.
#[test]
fn g17_a_patient_link_affords_three_offences_in_two_hours() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let victim = mesh.steal(0);
        let signature = vec![7; suite.signature_len()];
        let (over, mut offences) = (hostile(0), 0);
        let mut offend = |mesh: &Mesh| {
            offences += 1;
            let header = victim.header(Kind::Beacon, nonce(100_000 + offences));
            let frame = with_signature(header, &signature, b"");
            assert_eq!(mesh.give(1, over, &frame).unwrap_err(), Refusal::BadSignature);
            offences
        };
        let mut spent = 0;
        for _ in 0..24 * 12 {
            mesh.now = mesh.now.after(5 * MINUTE);
            for _ in 0..4 {
                let taken = mesh.give(1, over, &mesh.beacon(0));
                assert!(matches!(taken, Ok(Accepted::Message(_))), "{taken:?}");
            }
            let standing = |mesh: &Mesh| mesh.guard(1).core().link_reputation(over.id(), mesh.now);
            while standing(&mesh) >= Reputation::from_ppm(700_000) {
                spent = offend(&mesh);
            }
        }
        assert_eq!(quarantines(&mesh), 0, "it was careful");
        assert!((24..=1 + 12 * 3).contains(&spent), "{suite}: {spent} offences in a day");
        let greedy = (1..=2).find(|_| {
            offend(&mesh);
            quarantines(&mesh) == 1
        });
        assert!(greedy.is_some(), "{suite}: no quarantine");
        mesh.assert_unharmed(1, 0);
    }
}

/// G17, promise P10: the same of a member: it signs a burst too many whenever it can afford it, which
/// is four times and then three times an hour. The honest relay that brings it all pays nothing.
#[test]
fn g17_a_patient_member_affords_three_excesses_an_hour() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let liar = mesh.steal(3);
        let (mut sequence, mut excesses) = (0, 0);
        let mut excess = |mesh: &Mesh| {
            // One more than a burst and the first, all as of one moment.
            for number in 0..22 {
                sequence += 1;
                let header = liar.header(Kind::RouteUpdate, nonce(sequence));
                let header = Header { sent_at: SentAt(mesh.now.0), ..header };
                let taken = mesh.give(1, link(2), &liar.frame(header, b""));
                match number {
                    21 => assert_eq!(taken.unwrap_err(), Refusal::OverRate),
                    _ => assert!(matches!(taken, Ok(Accepted::Message(_))), "{taken:?}"),
                }
            }
        };
        for _ in 0..24 * 12 {
            mesh.now = mesh.now.after(5 * MINUTE);
            let standing = mesh.guard(1).core().reputation(&id(3), mesh.now);
            if standing >= Reputation::from_ppm(500_000) {
                excess(&mesh);
                excesses += 1;
            }
        }
        assert_eq!(quarantines(&mesh), 0, "it was careful");
        assert!(excesses <= 4 + 24 * 3, "{suite}: {excesses} excesses in a day");
        for _ in 0..2 {
            if quarantines(&mesh) == 0 {
                mesh.now = mesh.now.after(3_000);
                excess(&mesh);
            }
        }
        assert!(mesh.guard(1).is_node_quarantined(&id(3), mesh.now));
        let relay = mesh.guard(1).core().link_reputation(link(2).id(), mesh.now);
        assert_eq!(relay, Reputation::FULL);
        mesh.assert_unharmed(1, 2);
        mesh.assert_unharmed(1, 0);
    }
}

/// G19, promises P2 and P3: the clock of an honest origin steps a day back and a day on, ten times
/// each, and then that of the receiver does. All that the origin signs is delivered, once, and costs
/// it nothing: its signed times do not go back, and nothing is compared with the receiver's clock that
/// could be held against it.
#[test]
fn g19_stepping_clocks_do_not_make_an_honest_origin_guilty() {
    for (suite, whose) in Suite::available().flat_map(|suite| [(suite, 0), (suite, 1)]) {
        let mut mesh = Mesh::new(suite, 4);
        let mut clocks = [Millis(50 * DAY); 2];
        let (mut heard, mut refused) = (Vec::new(), 0);
        for number in 0..600_u32 {
            clocks = clocks.map(|clock| clock.after(200));
            if number % 30 == 29 {
                let stepping = &mut clocks[whose];
                let back = number % 60 == 29;
                *stepping =
                    Millis(if back { stepping.0 - DAY } else { stepping.0.saturating_add(DAY) });
            }
            let Ok(beacon) = mesh.guard(0).core().sign_beacon(b"here", clocks[0]) else {
                refused += 1;
                continue;
            };
            let taken = mesh.guard(1).handle_frame(link(0), &beacon, clocks[1]);
            assert!(matches!(taken, Ok(Accepted::Message(_))), "{whose}, {number}: {taken:?}");
            heard.push(beacon);
        }
        assert_eq!(refused, 0, "{suite}: and it is not muted by its own rate");
        for beacon in &heard {
            let again = mesh.guard(1).handle_frame(link(2), beacon, clocks[1]).unwrap_err();
            assert!(matches!(again, Refusal::Duplicate | Refusal::Replay), "{again}");
        }
        assert_eq!(quarantines(&mesh), 0);
        mesh.now = Millis(clocks[0].0.max(clocks[1].0));
        mesh.assert_unharmed(1, 0);
    }
}
