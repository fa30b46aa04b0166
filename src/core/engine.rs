//! `Core` itself: its parts, and what can be asked of it without changing anything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::Mutex;

use super::asides::Asides;
use super::boot::Riddle;
use super::claims::Claims;
use super::counters::{Counters, Counts};
use super::excesses::Excesses;
use super::judgements::Judgements;
use super::kept_rotations::KeptRotations;
use super::lease::Lease;
use super::output::WriteId;
use super::past::Past;
use super::proofs::Proofs;
use super::staged::Staged;
use super::tick::Timers;
use super::{Config, Stats};
use crate::gossip::{Ledgers, SignedGossip};
use crate::id::{Link, LinkId, MeshId, Millis, NodeId};
use crate::keyring::{Keyring, Misuse, PreparedRotation};
use crate::membership::{Directory, MemberIndex, View};
use crate::quorum::{
    Certificate, CriticalEvent, FailureStatus, PartWrite, QuorumValidator, ViewLink,
};
use crate::reputation::Reputation;
use crate::rollout::Write;
use crate::suite::Entropy;
use crate::wire::Kind;

/// One node's whole protection in one view, sans-IO: see the [module](crate::core) for how it is driven.
///
/// When [`Event::ViewChanged`](crate::Event::ViewChanged) tells that the next view has begun,
/// [`successor`](Self::successor) gives the core for it, which takes this one's place. The two share what
/// lives on, so that it does no harm if another thread still uses this one: no message is delivered twice.
///
/// All methods take `&self` and may be called from any thread. No lock is held while a signature is
/// made or checked.
#[derive(Debug)]
pub struct Core {
    pub(super) me: MemberIndex,
    pub(super) config: Config,
    pub(super) directory: Arc<Directory>,
    pub(super) keyring: Arc<Keyring>,
    pub(super) ledgers: Arc<Ledgers>,
    pub(super) gossip: SignedGossip,
    pub(super) quorum: QuorumValidator,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) counters: Arc<Counters>,
    pub(super) writes: Arc<Mutex<Writes>>,
    pub(super) timers: Mutex<Timers>,
    pub(super) asides: Mutex<Vec<Asides>>,
    pub(super) proofs: Arc<Mutex<Proofs>>,
    pub(super) excesses: Arc<Mutex<Excesses>>,
    pub(super) kept_rotations: Arc<Mutex<KeptRotations>>,
    pub(super) past: Arc<Mutex<Past>>,
    /// The number of this start, until it is confirmed.
    pub(super) lease: Arc<Mutex<Option<Lease>>>,
    pub(super) claims: Arc<Mutex<Claims>>,
    /// If rules are enforced in stages.
    pub(super) staged: Option<Staged>,
    /// This node is no member of the newest view.
    pub(super) has_left: AtomicBool,
}

/// What waits for a write.
#[derive(Debug, Default)]
pub(super) struct Writes {
    pub(super) next: u64,
    pub(super) waiting: BTreeMap<WriteId, Waiting>,
    /// A rotation whose write failed. It may have reached the disk all the same, so it is written
    /// again, never replaced by another of the same epoch.
    pub(super) stalled: Option<PreparedRotation>,
}

#[derive(Debug)]
pub(super) enum Waiting {
    Part(PartWrite),
    Rotation(PreparedRotation),
    Judgements(Judgements),
    View(ViewLink),
    /// This node's next boot.
    Boot(u32),
    /// How much the key was used. Nothing waits for it.
    Usage,
    /// The boot that another claims.
    Claim(NodeId, (u32, Riddle)),
    /// A stage, or marks of members that were heard signed.
    Staged(Write),
}

impl Core {
    /// This node's id.
    pub fn node(&self) -> NodeId {
        self.keyring.node()
    }

    /// The mesh it is in.
    pub fn mesh(&self) -> MeshId {
        self.keyring.mesh()
    }

    /// The members.
    pub fn view(&self) -> &Arc<View> {
        self.directory.view()
    }

    /// The keys in force, for checking certificates and proofs.
    pub const fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// What the mesh has agreed on.
    pub const fn quorum(&self) -> &QuorumValidator {
        &self.quorum
    }

    /// Frames, for hosts that verify them on threads of their own.
    pub const fn gossip(&self) -> &SignedGossip {
        &self.gossip
    }

    /// Whether exactly this event has been certified.
    pub fn is_validated(&self, event: &CriticalEvent) -> bool {
        self.quorum.is_validated(event)
    }

    /// What is known about the failure of `node`.
    pub fn validate_node_failure(&self, node: &NodeId) -> FailureStatus {
        self.quorum.validate_node_failure(node)
    }

    /// The certificate for the same matter as `event`, if there is one.
    pub fn certificate(&self, event: &CriticalEvent) -> Option<Arc<Certificate>> {
        self.quorum.certificate(event)
    }

    /// Whether the ordinary messages of `node` are refused here.
    pub fn is_node_quarantined(&self, node: &NodeId, now: Millis) -> bool {
        self.ledgers.members.is_quarantined(node, now)
    }

    /// Whether two different changes of one key of `node` were seen: see
    /// [`Event::KeysFrozen`](crate::Event::KeysFrozen).
    pub fn is_node_frozen(&self, node: &NodeId) -> bool {
        self.view().index_of(node).is_some_and(|member| self.directory.is_frozen(member))
    }

    /// The reputation of a member here, 0 to 1.
    pub fn reputation(&self, node: &NodeId, now: Millis) -> Reputation {
        self.ledgers.members.reputation(node, now)
    }

    /// The reputation of a proven link here, 0 to 1.
    pub fn link_reputation(&self, link: LinkId, now: Millis) -> Reputation {
        self.ledgers.links.reputation(&link, now)
    }

    /// Whether what comes over `link` is refused for what came over it before: only a proven link can be.
    pub fn is_link_quarantined(&self, link: Link, now: Millis) -> bool {
        self.ledgers.link_is_quarantined(link, now)
    }

    /// For how long `node` has not been heard while this node was there to hear it, in milliseconds;
    /// `None` if it is no member.
    pub fn silent_for(&self, node: &NodeId, now: Millis) -> Option<u64> {
        Some(self.quorum.silent_for(self.view().index_of(node)?, now))
    }

    /// The members that have been silent for the [suspicion time](QuorumValidator::overdue).
    pub fn overdue(&self, now: Millis) -> Vec<NodeId> {
        self.quorum.overdue(now)
    }

    /// The members whose frames are refused as [`Refusal::Unproven`](crate::Refusal::Unproven) until they
    /// answer: none after the first start of a new identity, all others after any other. About one round
    /// trip later it is those that do not live. O(n).
    pub fn unproven(&self) -> Vec<NodeId> {
        let members = self.gossip.unproven().filter_map(|member| self.view().member(member));
        members.map(|member| member.id).collect()
    }

    /// The members to report as failed: those that are overdue and not yet reported by this node at
    /// their newest mark, with [doubts about itself](QuorumValidator::to_report) first.
    pub fn to_report(&self, now: Millis) -> Vec<NodeId> {
        self.quorum.to_report(now)
    }

    /// Whether a message that claims to come from `origin` is worth looking at, before anything
    /// about it is proven.
    ///
    /// It rests on three things that no third party can turn against an honest node: whether the
    /// link is in quarantine (only a proven link can be, for what it did itself), whether the origin
    /// is a member, and whether the origin is in quarantine or frozen (only its own signature gets it there;
    /// its beacons are let through, since they show that it lives). A yes proves nothing: the
    /// message still has to pass [`handle_frame`](Self::handle_frame). A no changes nothing, either:
    /// neither answer is remembered, so what is asked under a wrong name harms nobody.
    ///
    /// It is about frames alone. Whatever travels bare, without a [`Kind`], is to be handed to
    /// [`handle_frame`](Self::handle_frame) unasked: the rotation, the Hello and the votes of a
    /// member in quarantine are what may clear it, and [`Kind::KeyRotation`] is only a note beside a
    /// rotation.
    pub fn should_accept_message(
        &self,
        link: Link,
        origin: &NodeId,
        kind: Kind,
        now: Millis,
    ) -> bool {
        let is_muted =
            |member| self.is_node_quarantined(origin, now) || self.directory.is_frozen(member);
        !self.ledgers.link_is_quarantined(link, now)
            && self
                .view()
                .index_of(origin)
                .is_some_and(|member| kind == Kind::Beacon || !is_muted(member))
    }

    /// Reserves a place for a proven link: see [`SignedGossip::reserve_link`].
    ///
    /// # Errors
    /// [`Misuse::NoPlaceLeft`] when all are reserved.
    pub fn reserve_link(&self, link: LinkId, now: Millis) -> Result<(), Misuse> {
        self.gossip.reserve_link(link, now)
    }

    /// Takes a reservation back.
    pub fn release_link(&self, link: LinkId) {
        self.gossip.release_link(link);
    }

    /// A snapshot of what was counted and is known. O(n log n).
    pub fn stats(&self, now: Millis) -> Stats {
        let Counts { delivered, statements_taken, refused, .. } = self.counters.read();
        let others = || self.view().members().iter().map(|member| member.id);
        let failed =
            |node: &NodeId| matches!(self.validate_node_failure(node), FailureStatus::Certified(_));
        Stats {
            node: self.node(),
            total_nodes: self.view().len(),
            quorum_size: self.view().quorum(),
            quarantined_nodes: self.ledgers.members.quarantined(now),
            validated_failures: others().filter(failed).collect(),
            node_reputations: others()
                .filter(|node| *node != self.node())
                .map(|node| (node, self.reputation(&node, now)))
                .collect(),
            delivered,
            statements_taken,
            refused,
            signature_checks: self.directory.signature_checks(),
            message_checks: self.directory.message_checks(),
        }
    }
}
