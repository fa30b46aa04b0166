//! What was heard before a rotation, and before a restart.

use meshward::{Accepted, Refusal, Suite};

use super::{hostile, spoofed};
use crate::support::{Mesh, link};

/// How many of `frames` are delivered to the node at `at`, each given over three links. Nothing else
/// may come of them than that they are old.
fn delivered_again(mesh: &Mesh, at: usize, frames: &[Vec<u8>]) -> usize {
    let mut delivered = 0;
    for (number, frame) in (0..).zip(frames) {
        for over in [hostile(number % 20), spoofed(0), link(2)] {
            match mesh.give(at, over, frame) {
                Ok(Accepted::Message(_)) => delivered += 1,
                Ok(other) => panic!("{other:?}"),
                Err(Refusal::Duplicate | Refusal::Replay | Refusal::UnknownKey { .. }) => {}
                Err(refusal) => panic!("{refusal}"),
            }
        }
    }
    delivered
}

/// Gives a receiver 400 beacons of node 0, a tenth of a second apart.
fn talk(mesh: &mut Mesh, at: usize) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    for _ in 0..400 {
        mesh.now = mesh.now.after(100);
        let frame = mesh.beacon(0);
        assert!(matches!(mesh.give(at, link(0), &frame), Ok(Accepted::Message(_))));
        frames.push(frame);
    }
    frames
}

/// G10, promise P2: all that was accepted under a key is played again after the rotation to the next,
/// during the grace period and after it, and after one more rotation: 1200 replays each time. Nothing
/// is taken twice, nobody pays, and the origin speaks on. What was said before the rotation and was on
/// its way for longer is taken once, in the grace period.
#[test]
fn g10_the_previous_epoch_played_again_is_refused() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(1_000);
        let mut frames = talk(&mut mesh, 1);
        for _rotation in 0..2 {
            let [late, too_late] = [mesh.beacon(0), mesh.beacon(0)];
            mesh.guard(0).rotate_keys(suite, mesh.now).unwrap();
            mesh.run();
            assert_eq!(delivered_again(&mesh, 1, &frames), 0, "{suite}: in the grace period");
            assert!(matches!(mesh.give(1, link(2), &late), Ok(Accepted::Message(_))), "{suite}");
            frames.push(late);
            assert_eq!(delivered_again(&mesh, 1, &frames), 0, "{suite}: what was late, again");
            frames.push(mesh.beacon(0));
            mesh.give(1, link(0), &frames[frames.len() - 1]).unwrap();
            assert_eq!(delivered_again(&mesh, 1, &frames), 0, "{suite}: the new key is in use");
            mesh.now = mesh.now.after(3_600_000);
            assert_eq!(delivered_again(&mesh, 1, &frames), 0, "{suite}: after the grace period");
            assert_eq!(delivered_again(&mesh, 1, &[too_late]), 0, "{suite}: never taken before");
        }
        mesh.assert_unharmed(1, 0);
        mesh.assert_unharmed(1, 2);
    }
}

/// G11: the sender's restart makes all it said before old, for everyone and at once.
#[test]
fn g11_nothing_of_an_earlier_boot_follows_the_first_of_the_next() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let mut frames = talk(&mut mesh, 1);
        // Some that were on their way when it restarted.
        let late: Vec<_> = (0..15).map(|_| mesh.beacon(0)).collect();
        mesh.restart(0);
        mesh.give(1, link(0), &mesh.beacon(0)).unwrap();
        frames.extend(late);
        assert_eq!(delivered_again(&mesh, 1, &frames), 0);
        mesh.assert_unharmed(1, 0);
    }
}
