//! What a host is told.

use std::sync::Arc;

use crate::id::{Digest, Epoch, LinkId, Millis, NodeId, Nonce, ViewNumber};
use crate::keyring::RotationCause;
use crate::membership::{Change, View};
use crate::quorum::{Ballot, Certificate, CriticalEvent, EquivocationProof};
use crate::reputation::Offence;
use crate::rollout::{Rule, Stage};
use crate::suite::Suite;

/// Something that whoever runs the node may want to know or act on.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A member's ordinary messages are refused until then.
    MemberQuarantined {
        /// The member.
        node: NodeId,
        /// The offence that was one too many.
        offence: Offence,
        /// When it ends, on the caller's clock.
        until: Millis,
    },
    /// A member deserves quarantine, but f members are in it already: more than f cannot be the
    /// faulty ones, so somebody should look.
    QuarantineWithheld {
        /// The member.
        node: NodeId,
        /// The offence that was one too many.
        offence: Offence,
    },
    /// A member's quarantine has ended. Not told of one that a restart ended: at its start a node tells
    /// who is in quarantine.
    MemberReleased {
        /// The member.
        node: NodeId,
    },
    /// What comes over a proven link is refused until then.
    LinkQuarantined {
        /// The link.
        link: LinkId,
        /// The offence that was one too many.
        offence: Offence,
        /// When it ends, on the caller's clock.
        until: Millis,
    },
    /// A link's quarantine has ended.
    LinkReleased {
        /// The link.
        link: LinkId,
    },
    /// A member was caught contradicting itself. The proof convinces anyone.
    ///
    /// If it is this node: its disk was rolled back, or another host speaks under its identity. The
    /// others refuse its messages for a while, and take its beacons for signs of life only once they are
    /// past the numbers that were used before. Rotating the key lets it be heard at once.
    Equivocation(Arc<EquivocationProof>),
    /// A quorum has stored the number of this start, so that no start before or after has the same: the
    /// node may sign. Before that every call that signs answers
    /// [`Misuse::Unconfirmed`](crate::Misuse::Unconfirmed). Told only where the disk may have been
    /// [rolled back](crate::DiskTrust).
    BootConfirmed {
        /// The number.
        boot: u32,
    },
    /// A message under this node's own key that this node did not sign: another host runs under its
    /// identity, or its key was stolen, or its disk was rolled back. Whoever runs the node should find out
    /// which. Told once for each key.
    ///
    /// The node leaves the key at once, as one that is compromised
    /// ([`RotatesByItself`](Self::RotatesByItself)), which is what helps against a thief of the key alone;
    /// where it cannot, it signs nothing any more ([`SigningStopped`](Self::SigningStopped)). It votes on
    /// nothing in exclusive slots until it is started again, with
    /// [`DiskTrust::MayBeRolledBack`](crate::DiskTrust::MayBeRolledBack) if the disk was rolled back.
    OtherSelf {
        /// The number of the message.
        nonce: Nonce,
    },
    /// This is a vote of this node, signed with its key, that it does not remember: its disk was rolled
    /// back to before it, or another host speaks under its identity. It says nothing more in that slot,
    /// after a restart and in later views, too, and does not help to hand over this view. The others
    /// decide without it.
    Abstains {
        /// The vote.
        ballot: Ballot,
    },
    /// A member votes for this in an exclusive slot, and nobody did before as far as is known here.
    /// A host that accepts it says so by reporting it as well.
    Proposed {
        /// What is proposed.
        event: CriticalEvent,
        /// Whose vote was the first to arrive.
        by: NodeId,
    },
    /// A member votes for this change of the members. A host that accepts it says so with
    /// [`Core::propose_change`](crate::Core::propose_change).
    ChangeProposed {
        /// What is proposed.
        change: Arc<Change>,
    },
    /// The next view has begun, and [`Core::successor`](crate::Core::successor) gives the core for it. Who
    /// is no member of it has left the mesh, and says nothing more.
    ViewChanged {
        /// The view.
        view: Arc<View>,
    },
    /// Two thirds of the members of an earlier view signed another successor of it than the one known
    /// here: keys of members that left were stolen, or more members lie than the mesh bears. The view
    /// here stays as it is.
    RivalView {
        /// The number of the rival.
        number: ViewNumber,
        /// Its digest.
        digest: Digest,
    },
    /// The mesh agreed on an event.
    Certified(Arc<Certificate>),
    /// A member that was certified as failed is heard again.
    NodeReturned {
        /// The member.
        node: NodeId,
    },
    /// The end of a link that missed the other, which was certified, hears it again.
    LinkRestored {
        /// The end that says so.
        reporter: NodeId,
        /// The other end.
        peer: NodeId,
    },
    /// So many members are silent that no quorum can be reached: only local decisions are left. A
    /// member that beacons and does not attest is not counted, so a quorum may be out of reach
    /// without this event.
    NoQuorum {
        /// Members that have been silent for the suspicion time.
        silent: usize,
        /// Members that may be, with a quorum left.
        tolerated: usize,
    },
    /// Enough members are heard again.
    QuorumRestored,
    /// This node begins to replace its key without having been told to. [`KeyRotated`](Self::KeyRotated)
    /// follows once that is durable.
    RotatesByItself {
        /// Why.
        cause: RotationCause,
    },
    /// This node signs nothing any more in this start, and will be missed. Either its keys were rotated or
    /// recovered on another host (an event before this one tells), or somebody else signs with its key and it
    /// cannot leave it ([`OtherSelf`](Self::OtherSelf)). Whoever runs it has to find the other host: if it
    /// is an honest one, stop it; if not, take the identity back with
    /// [`Identity::recover`](crate::Identity::recover).
    SigningStopped {
        /// The epoch of the key that signed last.
        epoch: Epoch,
    },
    /// A member's key was rotated; this node's own, too.
    KeyRotated {
        /// The member.
        node: NodeId,
        /// The epoch of the new key.
        epoch: Epoch,
        /// The suite of the new key.
        suite: Suite,
    },
    /// A member's identity was taken back with its recovery key: no key that it had before speaks for it
    /// any more.
    ///
    /// If it is this node, another host has taken its place, and nothing is signed here any more.
    KeyRecovered {
        /// The member.
        node: NodeId,
        /// The epoch of the new key.
        epoch: Epoch,
        /// The suite of the new key.
        suite: Suite,
    },
    /// Two different changes of one key of a member were seen: somebody else has all that is on its host,
    /// or two hosts have one identity. None of its rotations is taken any more, its messages are refused,
    /// its beacons are signs of life, and its votes count. It ends when the member recovers its keys (see
    /// [`Identity::recover`](crate::Identity::recover)), or with a view that gives it a newer key.
    ///
    /// If it is this node: stop the other host, and recover.
    KeysFrozen {
        /// The member.
        node: NodeId,
        /// The epoch to which both lead.
        epoch: Epoch,
    },
    /// A rule is enforced for more nodes than before: a later stage of it has begun, and is durable.
    Promoted {
        /// The rule.
        rule: Rule,
        /// Its stage now.
        stage: Stage,
        /// Whether its soak time had passed; otherwise the host wanted it.
        by_itself: bool,
    },
    /// A rule is enforced for fewer nodes than before: an earlier stage of it has begun, and is durable.
    RolledBack {
        /// The rule.
        rule: Rule,
        /// Its stage now.
        stage: Stage,
        /// How many members the stage before had refused, each counted once; 0 if the host wanted it.
        members: usize,
    },
}

impl Event {
    /// The name for logs and metrics; it never changes.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::MemberQuarantined { .. } => "member_quarantined",
            Self::QuarantineWithheld { .. } => "quarantine_withheld",
            Self::MemberReleased { .. } => "member_released",
            Self::LinkQuarantined { .. } => "link_quarantined",
            Self::LinkReleased { .. } => "link_released",
            Self::Equivocation(_) => "equivocation",
            Self::BootConfirmed { .. } => "boot_confirmed",
            Self::OtherSelf { .. } => "other_self",
            Self::Abstains { .. } => "abstains",
            Self::Proposed { .. } => "proposed",
            Self::ChangeProposed { .. } => "change_proposed",
            Self::ViewChanged { .. } => "view_changed",
            Self::RivalView { .. } => "rival_view",
            Self::Certified(_) => "certified",
            Self::NodeReturned { .. } => "node_returned",
            Self::LinkRestored { .. } => "link_restored",
            Self::NoQuorum { .. } => "no_quorum",
            Self::QuorumRestored => "quorum_restored",
            Self::RotatesByItself { .. } => "rotates_by_itself",
            Self::SigningStopped { .. } => "signing_stopped",
            Self::KeyRotated { .. } => "key_rotated",
            Self::KeyRecovered { .. } => "key_recovered",
            Self::KeysFrozen { .. } => "keys_frozen",
            Self::Promoted { .. } => "promoted",
            Self::RolledBack { .. } => "rolled_back",
        }
    }
}
