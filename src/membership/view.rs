//! Views: numbered, hashed sets of members.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Change, Member, MemberIndex, faults_tolerated, quorum_size};
use crate::id::{Digest, MAX_SPIFFE_ID_LEN, MeshId, NodeId, SpiffeId, ViewNumber};
use crate::wire::{self, WireError};

/// The most members a view may have.
pub const MAX_MEMBERS: usize = 16_384;

/// The longest name of a member, in bytes.
pub const MAX_NAME_LEN: usize = 64;

/// The most that one view may carry on from the one before, in bytes.
pub const MAX_CARRIED_LEN: usize = 1024 * 1024;

/// The longest view, in bytes: number, count, of each member its id, name, SPIFFE id, epoch, key, two
/// commitments and the view that it joined with, and what it carries on.
pub const MAX_VIEW_LEN: usize = 8
    + 8
    + MAX_MEMBERS * (32 + 8 + MAX_NAME_LEN + 1 + 8 + MAX_SPIFFE_ID_LEN + 8 + 1 + 1952 + 64 + 8)
    + 1
    + 64
    + 8
    + MAX_CARRIED_LEN;

/// Why a set of members is no view.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ViewError {
    /// There is no member in it.
    #[error("a view needs at least one member")]
    Empty,
    /// There are more than [`MAX_MEMBERS`].
    #[error("{0} members, a view has at most {MAX_MEMBERS}")]
    TooMany(usize),
    /// Two members have one id.
    #[error("two members are called {0}")]
    DuplicateId(NodeId),
    /// Two members have one key, so one could speak for the other.
    #[error("{0} and {1} have the same key")]
    SharedKey(NodeId, NodeId),
    /// Two members are bound to one workload, so a thief of its identity would have two votes.
    #[error("{0} and {1} have the same SPIFFE id")]
    SharedSpiffeId(NodeId, NodeId),
    /// A member's recovery key is the key that it signs with, so who steals the one has the other.
    #[error("the recovery key of {0} is the key that it signs with")]
    RecoveryKey(NodeId),
    /// A name is longer than [`MAX_NAME_LEN`].
    #[error("the name of {0} is longer than {MAX_NAME_LEN} bytes")]
    LongName(NodeId),
    /// The members do not stand in the order of their ids.
    #[error("the members are not in the order of their ids")]
    Order,
    /// A first view says that it follows another, or a later one does not.
    #[error("view {} does not say what it follows, or is the first and does", .0.0)]
    Ancestry(ViewNumber),
    /// A member joined with a view that is yet to come.
    #[error("{0} is said to join later")]
    JoinsLater(NodeId),
    /// A change that starts from another view.
    #[error("the change starts from view {found}, this is {here}")]
    OtherView {
        /// The digest of the view that it starts from.
        found: Digest,
        /// The digest of the view that it was applied to.
        here: Digest,
    },
    /// A change that changes nothing, or that is not in its one canonical form.
    #[error("the change is empty, or not in order, each member once")]
    Form,
    /// Whoever is to join is a member.
    #[error("{0} is to join and is a member")]
    JoinsTwice(NodeId),
    /// Whoever is to leave, or to have a newer key, is no member.
    #[error("{0} is no member")]
    NoMember(NodeId),
    /// A key that is not of a later epoch than the one in the view.
    #[error("the key given for {0} is no newer than the one in the view")]
    OldKey(NodeId),
    /// More than [`MAX_CARRIED_LEN`] is carried on.
    #[error("{0} bytes are carried on, {MAX_CARRIED_LEN} are allowed")]
    Carried(usize),
    /// There is no number after that of this view.
    #[error("the view numbers are used up")]
    LastNumber,
    /// The bytes are no view.
    #[error("these bytes are no view: {0}")]
    Wire(#[from] WireError),
}

#[derive(Serialize, Deserialize)]
struct Content {
    number: ViewNumber,
    members: Vec<Member>,
    follows: Option<Follows>,
}

/// What a later view follows from.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Follows {
    mesh: MeshId,
    previous: Digest,
    carried: Vec<u8>,
}

/// A numbered, hashed set of members. Every quorum is counted over one view, and every attestation
/// names its digest, so votes cannot leak from one view into another.
///
/// The first one makes the mesh; each later one was certified by the members of the view before it
/// (see [`ViewLink`](crate::ViewLink)). A view that is not the first vouches for nothing by itself: who
/// reads one from a file compares its [digest](Self::digest) with one that it trusts, or has the chain
/// from a view that it trusts.
#[derive(Debug, Clone)]
pub struct View {
    number: ViewNumber,
    members: Vec<Member>,
    follows: Option<Follows>,
    digest: Digest,
    mesh: MeshId,
}

impl View {
    /// The first view of a mesh. Its digest is the mesh id: the same members with the same keys
    /// make the same mesh, whoever lists them and in whatever order.
    ///
    /// # Errors
    /// [`ViewError`] for an empty or oversized set, a repeated id, key or SPIFFE id, an overlong name.
    pub fn genesis(mut members: Vec<Member>) -> Result<Self, ViewError> {
        members.sort_by_key(|member| member.id);
        Self::from_content(Content { number: ViewNumber(0), members, follows: None })
    }

    /// The view that follows this one with `change`. `carried` is what its members are bound by from
    /// before; the quorum says what that is.
    ///
    /// # Errors
    /// [`ViewError`]: a change that starts from another view or that makes no sense here, or that leads
    /// to no view.
    pub fn changed(&self, change: &Change, carried: Vec<u8>) -> Result<Self, ViewError> {
        let number = ViewNumber(self.number.0.checked_add(1).ok_or(ViewError::LastNumber)?);
        let members = change.apply(self, number)?;
        let follows = Follows { mesh: self.mesh, previous: self.digest, carried };
        Self::from_content(Content { number, members, follows: Some(follows) })
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`ViewError`], as for [`genesis`](Self::genesis) or for bytes that are no view.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ViewError> {
        let found = bytes.len();
        if found > MAX_VIEW_LEN {
            return Err(WireError::TooLong { what: "a view", found, limit: MAX_VIEW_LEN }.into());
        }
        let content: Content = wire::decode("a view", bytes)?;
        if !content.members.is_sorted_by_key(|member| member.id) {
            return Err(ViewError::Order);
        }
        Self::from_content(content)
    }

    /// The one encoding of this view, as files carry it.
    ///
    /// # Errors
    /// None that a view made by this type can cause.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ViewError> {
        let Self { number, members, follows, .. } = self.clone();
        Ok(wire::encode("a view", &Content { number, members, follows })?)
    }

    fn from_content(content: Content) -> Result<Self, ViewError> {
        check(&content.members)?;
        let bytes = wire::encode("a view", &content)?;
        let Content { number, members, follows } = content;
        if follows.is_some() != (number > ViewNumber(0)) {
            return Err(ViewError::Ancestry(number));
        }
        if let Some(member) = members.iter().find(|member| member.joined > number) {
            return Err(ViewError::JoinsLater(member.id));
        }
        let carried = follows.as_ref().map_or(0, |follows| follows.carried.len());
        if carried > MAX_CARRIED_LEN {
            return Err(ViewError::Carried(carried));
        }
        let digest = Digest::of("meshward 2026 view", &bytes);
        let genesis = || MeshId::from_bytes(*digest.as_bytes());
        let mesh = follows.as_ref().map_or_else(genesis, |follows| follows.mesh);
        Ok(Self { number, members, follows, digest, mesh })
    }

    /// The digest of the view before; `None` of the first.
    pub fn previous(&self) -> Option<Digest> {
        self.follows.as_ref().map(|follows| follows.previous)
    }

    /// What its members are bound by from before, as the quorum wrote it; empty in the first.
    pub fn carried(&self) -> &[u8] {
        self.follows.as_ref().map_or(&[], |follows| &follows.carried)
    }

    /// Its number: 0 for the genesis view.
    pub const fn number(&self) -> ViewNumber {
        self.number
    }

    /// The digest that attestations name.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The mesh it belongs to.
    pub const fn mesh(&self) -> MeshId {
        self.mesh
    }

    /// The members in the order of their ids.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The number of members, never 0.
    #[expect(clippy::len_without_is_empty, reason = "a view is never empty")]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// How many members must attest: ⌈2n/3⌉.
    pub fn quorum(&self) -> usize {
        quorum_size(self.len())
    }

    /// How many members may be faulty: ⌈n/3⌉ − 1.
    pub fn faults_tolerated(&self) -> usize {
        faults_tolerated(self.len())
    }

    /// Who is bound to that workload; `None` if no member is. O(n).
    pub fn bound_to(&self, spiffe_id: &SpiffeId) -> Option<&Member> {
        self.members.iter().find(|member| member.spiffe_id.as_ref() == Some(spiffe_id))
    }

    /// Where `id` stands; `None` if it is no member. O(log n).
    pub fn index_of(&self, id: &NodeId) -> Option<MemberIndex> {
        let place = self.members.binary_search_by_key(id, |member| member.id).ok()?;
        u32::try_from(place).ok().map(MemberIndex)
    }

    /// For each place in this view the one in `other` at which the same member stands. Who left and
    /// joined again is another: what it said before is not taken again.
    pub(crate) fn places_in(&self, other: &Self) -> Vec<Option<MemberIndex>> {
        let place = |member: &Member| {
            let place = other.index_of(&member.id)?;
            (other.member(place)?.joined == member.joined).then_some(place)
        };
        self.members.iter().map(place).collect()
    }

    /// The member that stands at `index`.
    pub fn member(&self, index: MemberIndex) -> Option<&Member> {
        self.members.get(index.place())
    }

    /// Every place in the view, in order.
    pub fn indices(&self) -> impl Iterator<Item = MemberIndex> + use<> {
        (0..u32::try_from(self.len()).unwrap_or(u32::MAX)).map(MemberIndex)
    }
}

fn check(members: &[Member]) -> Result<(), ViewError> {
    match members.len() {
        0 => return Err(ViewError::Empty),
        n if n > MAX_MEMBERS => return Err(ViewError::TooMany(n)),
        _ => {}
    }
    if let Some(member) = members.iter().find(|member| member.name.len() > MAX_NAME_LEN) {
        return Err(ViewError::LongName(member.id));
    }
    for (one, next) in members.iter().zip(members.iter().skip(1)) {
        if one.id == next.id {
            return Err(ViewError::DuplicateId(one.id));
        }
    }
    if let Some(member) = members.iter().find(|of| of.key.recovery == of.key.key.digest()) {
        return Err(ViewError::RecoveryKey(member.id));
    }
    let keys = members.iter().map(|member| (member.key.key.digest(), member.id));
    if let Some((one, next)) = sharing(keys) {
        return Err(ViewError::SharedKey(one, next));
    }
    let bound = members.iter().filter_map(|of| Some((of.spiffe_id.as_ref()?, of.id)));
    if let Some((one, next)) = sharing(bound) {
        return Err(ViewError::SharedSpiffeId(one, next));
    }
    Ok(())
}

/// Two members that have the same, if there are such.
fn sharing<T: Ord>(of: impl Iterator<Item = (T, NodeId)>) -> Option<(NodeId, NodeId)> {
    let mut sorted: Vec<_> = of.collect();
    sorted.sort();
    let mut pairs = sorted.iter().zip(sorted.iter().skip(1));
    pairs.find(|(one, next)| one.0 == next.0).map(|(one, next)| (one.1, next.1))
}
