//! meshward itself: a core that takes another member's beacons.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use meshward::limit::Rate;
use meshward::wire::Refusal;
use meshward::{
    Config, Core, Identity, Link, LinkId, MemoryStore, Millis, NodeId, OsEntropy, Suite, View,
};

use crate::{MESSAGES, Outcome, Peer, Timed, payload};

/// Time between two beacons, as fast as a member may send.
const BEACON_MS: u64 = 100;
const LINK: Link = Link::Proven(LinkId(1));

/// Two members, one of which sends and the other one receives.
pub(crate) struct Mesh {
    suite: Suite,
    sender: Core,
    receiver: Core,
    sent: usize,
    now: Millis,
}

impl Mesh {
    pub(crate) fn new(suite: Suite) -> Outcome<Self> {
        let stores = [MemoryStore::new(), MemoryStore::new()];
        let mut identities = Vec::new();
        for (number, store) in (1..).zip(&stores) {
            let node = NodeId::from_bytes([number; 32]);
            identities.push(Identity::create(store, node, suite, &OsEntropy)?);
        }
        let members = identities.iter().map(|identity| identity.member("node")).collect();
        let view = Arc::new(View::genesis(members)?);
        let mut config = Config::default();
        // The rounds follow each other faster than a link may send; the budgets are still counted.
        config.gossip.link_packets = Rate { per_second: Rate::MOST, burst: Rate::MOST };
        config.gossip.link_checks = config.gossip.link_packets;
        let mut cores = Vec::new();
        for (identity, store) in identities.into_iter().zip(&stores) {
            let (view, entropy) = (Arc::clone(&view), Arc::new(OsEntropy));
            cores.push(Core::start(config.clone(), view, identity, store, entropy, Millis(0))?);
        }
        let (receiver, sender) = (cores.remove(0), cores.remove(0));
        Ok(Self { suite, sender, receiver, sent: 0, now: Millis(0) })
    }

    /// Beacons with the times at which they are sent and taken.
    fn beacons(&mut self) -> Outcome<Vec<(Millis, Vec<u8>)>> {
        let mut beacons = Vec::new();
        for _ in 0..MESSAGES {
            self.now = self.now.after(BEACON_MS);
            self.sent = self.sent.saturating_add(1);
            let frame = self.sender.sign_beacon(&payload(self.sent), self.now)?;
            beacons.push((self.now, frame));
        }
        Ok(beacons)
    }
}

impl Peer for Mesh {
    fn round(&mut self) -> Outcome<Vec<Timed>> {
        let beacons = self.beacons()?;
        let bytes = beacons.first().map_or(0, |(_, frame)| frame.len());

        let start = Instant::now();
        for (now, frame) in &beacons {
            black_box(self.receiver.handle_frame(LINK, frame, *now)).result?;
        }
        let fresh = start.elapsed().as_secs_f64();

        let start = Instant::now();
        for (_, frame) in &beacons {
            match black_box(self.receiver.handle_frame(LINK, frame, self.now)).result {
                Err(Refusal::Duplicate) => {}
                other => return Err(format!("not refused as a duplicate: {other:?}").into()),
            }
        }
        let duplicate = start.elapsed().as_secs_f64();

        let timed = |what, seconds| Timed {
            name: format!("meshward {}, {what}", self.suite),
            bytes,
            seconds,
        };
        Ok(vec![timed("fresh beacon", fresh), timed("duplicate", duplicate)])
    }
}
