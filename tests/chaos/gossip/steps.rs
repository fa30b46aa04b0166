//! Clocks that step back, and addresses that somebody else uses.

use meshward::limit::Rate;
use meshward::wire::Kind;
use meshward::{Accepted, Config, GossipConfig, Link, LinkId, Millis, Suite};

use super::nonce;
use crate::support::{Liar, Mesh, id, link};

/// G20, promise P7: X dies, and then the clocks of all hosts step back by a quarter of an hour. Silence
/// is not counted from a time that is still to come: X is certified as failed as soon as ever.
#[test]
fn g20_a_clock_that_steps_back_does_not_keep_the_dead_alive() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(3_000);
        mesh.nodes[0].down = true;
        mesh.now = Millis(mesh.now.0 - 900_000);
        mesh.pass(10_000);
        for at in 1..4 {
            assert!(mesh.certified(at, 0), "{suite}: the dead is alive at {at}");
        }
    }
}

/// G25, promise P3: somebody sends to H, under the address of V and the name of X, as fast as it can. H
/// asks V's address for echoes, as often as it ever does, and each comes over a link that is proven to
/// be H's. However little V takes of a link, H is not charged for them.
#[test]
fn g25_cookies_that_somebody_else_brought_about_are_not_held_against_their_sender() {
    for suite in Suite::available() {
        let few = Rate { per_second: 20, burst: 20 };
        let gossip = GossipConfig { link_packets: few, ..GossipConfig::default() };
        let mut mesh = Mesh::with(suite, 4, Config { gossip, ..Config::default() });
        let (x, impostor) = (mesh.steal(0), Liar::impostor(suite, id(0), &mesh.view));
        let forged = impostor.frame(x.header(Kind::Beacon, nonce(9)), b"");
        for _second in 0..5 {
            for _ in 0..6_000 {
                mesh.give(2, Link::Claimed(LinkId(1)), &forged).unwrap_err();
            }
            let cookies = std::mem::take(&mut *mesh.nodes[2].host.replies.lock());
            assert!(cookies.len() >= 900, "{} are no flood", cookies.len());
            for (_, cookie) in cookies {
                let taken = mesh.give(1, link(2), &cookie);
                assert!(matches!(taken, Ok(Accepted::Cookie)), "{suite}: {taken:?}");
            }
            mesh.now = mesh.now.after(1_000);
        }
        mesh.assert_unharmed(1, 2);
    }
}
