//! A packet for each stage at which a frame may be refused, and a node that refuses it there.

use std::sync::Arc;

use meshward::limit::Rate;
use meshward::replay::WindowWidth;
use meshward::wire::{Header, Kind};
use meshward::{Core, Identity, Link, MeshId, Millis, NodeId, Refusal, Suite};

use super::{
    BODY, Mesh, NEIGHBOUR, STRANGER, Seeded, Speaker, admit, generous, with_bad_signature,
};

/// Where a frame is refused, in the order of the pipeline. From `BadSignature` on its signature is
/// checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    NotUnderstood,
    Malformed,
    OtherMesh,
    LinkQuarantined,
    LinkBudget,
    Own,
    UnknownOrigin,
    OtherView,
    UnknownKey,
    Unproven,
    Duplicate,
    OriginQuarantined,
    Replay,
    BodyMismatch,
    CheckBudget,
    BadSignature,
    OriginRate,
}

/// A node that refuses a packet, each time that it comes.
pub(crate) struct Case {
    pub(crate) node: Core,
    pub(crate) speaker: Speaker,
    pub(crate) link: Link,
    pub(crate) packet: Vec<u8>,
    pub(crate) now: Millis,
    /// [`Refusal::reason`].
    pub(crate) reason: &'static str,
}

impl Case {
    /// Takes the packet, as the node does.
    pub(crate) fn refuse(&self) {
        let step = self.node.handle_frame(self.link, &self.packet, self.now);
        let refusal = step.result.err();
        assert!(refusal.as_ref().is_some_and(|it| it.reason() == self.reason), "{refusal:?}");
    }
}

impl Stage {
    pub(crate) const ALL: [Self; 17] = [
        Self::NotUnderstood,
        Self::Malformed,
        Self::OtherMesh,
        Self::LinkQuarantined,
        Self::LinkBudget,
        Self::Own,
        Self::UnknownOrigin,
        Self::OtherView,
        Self::UnknownKey,
        Self::Unproven,
        Self::Duplicate,
        Self::OriginQuarantined,
        Self::Replay,
        Self::BodyMismatch,
        Self::CheckBudget,
        Self::BadSignature,
        Self::OriginRate,
    ];

    /// Whether the signature is checked before the refusal.
    pub(crate) const fn is_checked(self) -> bool {
        matches!(self, Self::BadSignature | Self::OriginRate)
    }

    /// [`Refusal::reason`] of what is refused here.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::NotUnderstood => "not_understood",
            Self::Malformed => "malformed",
            Self::OtherMesh => "other_mesh",
            Self::LinkQuarantined => "link_quarantined",
            Self::LinkBudget => "link_budget",
            Self::Own => "own",
            Self::UnknownOrigin => "unknown_origin",
            Self::OtherView => "other_view",
            Self::UnknownKey => "unknown_key",
            Self::Unproven => "unproven",
            Self::Duplicate => "duplicate",
            Self::OriginQuarantined => "origin_quarantined",
            Self::Replay => "replay",
            Self::BodyMismatch => "body_mismatch",
            Self::CheckBudget => "check_budget",
            Self::BadSignature => "bad_signature",
            Self::OriginRate => "origin_rate",
        }
    }

    pub(crate) fn case(self, suite: Suite) -> Case {
        let mut config = generous();
        let one = Rate { per_second: 1, burst: 1 };
        match self {
            Self::LinkBudget => config.gossip.link_packets = one,
            Self::CheckBudget => {
                config.gossip.link_checks = one;
                config.gossip.newcomer_checks = one;
            }
            Self::OriginRate => config.gossip.origin_rate.burst = 1,
            Self::Replay => config.gossip.window = WindowWidth::new(64).unwrap(),
            _ => {}
        }
        let (node, mut speaker) = match self {
            Self::Unproven => restarted(suite),
            _ => Mesh::pair(suite, &config),
        };
        let first = speaker.beacon();
        if self != Self::Unproven {
            admit(&node, &first, speaker.now());
        }
        let mut link = NEIGHBOUR;
        let mut packet = speaker.beacon();
        let mut now = speaker.now();
        match self {
            Self::NotUnderstood => packet[0] = u8::MAX,
            Self::Malformed => {
                link = STRANGER;
                packet.truncate(100);
            }
            Self::OtherMesh => {
                packet = with(&mut speaker, |it| it.mesh = MeshId::from_bytes([9; 32]));
            }
            Self::LinkQuarantined => {
                let malformed = || packet[..100].to_vec();
                until((&node, link, now), self.reason(), malformed);
            }
            // It pays for that once a second, and no time passes here.
            Self::LinkBudget => {
                packet = until((&node, link, now), self.reason(), || first.clone());
            }
            Self::Own => packet = node.sign_beacon(&BODY, now).unwrap(),
            Self::UnknownOrigin => {
                packet = with(&mut speaker, |it| it.origin = NodeId::from_bytes([9; 32]));
            }
            Self::OtherView => packet = with(&mut speaker, |it| it.view.0 += 9),
            // The digest is taken from the key that signs, so the epoch is another one.
            Self::UnknownKey => packet = with(&mut speaker, |it| it.epoch.operational += 9),
            Self::Unproven => {}
            Self::Duplicate => packet = first,
            Self::OriginQuarantined => {
                admit(&node, &packet, now);
                let other = speaker.say(&speaker.header, b"something else");
                let step = node.handle_frame(NEIGHBOUR, &other, now);
                assert_eq!(step.result.err(), Some(Refusal::Equivocation));
                packet = with(&mut speaker, |it| it.kind = Kind::RouteUpdate);
            }
            Self::Replay => {
                speaker.pass(100);
                let newest = speaker.beacon();
                now = speaker.now();
                admit(&node, &newest, now);
                packet = first;
            }
            Self::BodyMismatch => {
                link = STRANGER;
                packet.iter_mut().next_back().into_iter().for_each(|last| *last ^= 1);
            }
            Self::CheckBudget => {
                packet = until((&node, link, now), self.reason(), || speaker.beacon());
            }
            Self::BadSignature => {
                link = STRANGER;
                packet = with_bad_signature(packet);
            }
            Self::OriginRate => {
                packet = until((&node, link, now), self.reason(), || with(&mut speaker, ahead));
            }
        }
        Case { node, speaker, link, packet, now, reason: self.reason() }
    }
}

/// The next frame, but for what `change` does to its header.
fn with(speaker: &mut Speaker, change: impl FnOnce(&mut Header)) -> Vec<u8> {
    speaker.pass(1);
    let mut header = speaker.header.clone();
    change(&mut header);
    speaker.say(&header, &BODY)
}

/// Dated an hour ahead.
fn ahead(header: &mut Header) {
    header.sent_at.0 += 3_600_000;
}

/// Sends what comes `next` until it is refused for this reason, and gives that.
fn until(
    (node, link, now): (&Core, Link, Millis),
    reason: &str,
    mut next: impl FnMut() -> Vec<u8>,
) -> Vec<u8> {
    for _ in 0..100_000 {
        let packet = next();
        let refusal = node.handle_frame(link, &packet, now).result.err();
        if refusal.is_some_and(|refusal| refusal.reason() == reason) {
            return packet;
        }
    }
    panic!("never refused as {reason}");
}

/// A node that has started for the second time, and a member that has not answered it yet.
fn restarted(suite: Suite) -> (Core, Speaker) {
    let Mesh { stores, view, speaker, .. } = Mesh::new(suite, 4, 1, &generous());
    let identity = Identity::load(&stores[0]).unwrap();
    let entropy = Arc::new(Seeded::default());
    let node = Core::start(generous(), view, identity, &stores[0], entropy, Millis(0)).unwrap();
    (node, speaker)
}
