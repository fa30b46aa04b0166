//! Views: numbered, hashed sets of members.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Member, MemberIndex, faults_tolerated, quorum_size};
use crate::id::{Digest, MeshId, NodeId, ViewNumber};
use crate::wire::{self, WireError};

/// The most members a view may have.
pub const MAX_MEMBERS: usize = 16_384;

/// The longest name of a member, in bytes.
pub const MAX_NAME_LEN: usize = 64;

/// The longest view, in bytes: number, count, and of each member its id, name, epoch and key.
pub const MAX_VIEW_LEN: usize = 8 + 8 + MAX_MEMBERS * (32 + 8 + MAX_NAME_LEN + 8 + 1 + 1952);

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
    /// A name is longer than [`MAX_NAME_LEN`].
    #[error("the name of {0} is longer than {MAX_NAME_LEN} bytes")]
    LongName(NodeId),
    /// The members do not stand in the order of their ids.
    #[error("the members are not in the order of their ids")]
    Order,
    /// A view that is not the first of its mesh; it says nothing about what it follows from.
    #[error("view {} cannot stand on its own, a genesis view is needed", .0.0)]
    NotGenesis(ViewNumber),
    /// The bytes are no view.
    #[error("these bytes are no view: {0}")]
    Wire(#[from] WireError),
}

#[derive(Serialize, Deserialize)]
struct Content {
    number: ViewNumber,
    members: Vec<Member>,
}

/// A numbered, hashed set of members. Every quorum is counted over one view, and every attestation
/// names its digest, so votes cannot leak from one view into another.
#[derive(Debug, Clone)]
pub struct View {
    number: ViewNumber,
    members: Vec<Member>,
    digest: Digest,
    mesh: MeshId,
}

impl View {
    /// The first view of a mesh. Its digest is the mesh id: the same members with the same keys
    /// make the same mesh, whoever lists them and in whatever order.
    ///
    /// # Errors
    /// [`ViewError`] for an empty or oversized set, a repeated id or key, an overlong name.
    pub fn genesis(mut members: Vec<Member>) -> Result<Self, ViewError> {
        members.sort_by_key(|member| member.id);
        Self::from_content(Content { number: ViewNumber(0), members })
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
        if content.number != ViewNumber(0) {
            return Err(ViewError::NotGenesis(content.number));
        }
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
        let content = Content { number: self.number, members: self.members.clone() };
        Ok(wire::encode("a view", &content)?)
    }

    fn from_content(content: Content) -> Result<Self, ViewError> {
        check(&content.members)?;
        let bytes = wire::encode("a view", &content)?;
        let digest = Digest::of("meshward 2026 view", &bytes);
        let mesh = MeshId::from_bytes(*digest.as_bytes());
        Ok(Self { number: content.number, members: content.members, digest, mesh })
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

    /// Where `id` stands; `None` if it is no member. O(log n).
    pub fn index_of(&self, id: &NodeId) -> Option<MemberIndex> {
        let place = self.members.binary_search_by_key(id, |member| member.id).ok()?;
        u32::try_from(place).ok().map(MemberIndex)
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
    let mut keys: Vec<_> =
        members.iter().map(|member| (member.key.key.digest(), member.id)).collect();
    keys.sort();
    for (one, next) in keys.iter().zip(keys.iter().skip(1)) {
        if one.0 == next.0 {
            return Err(ViewError::SharedKey(one.1, next.1));
        }
    }
    Ok(())
}
