//! What makes one view out of another.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{KeyRecord, Member, View, ViewError};
use crate::id::{Digest, NodeId, ViewNumber};
use crate::wire;

/// Who joins, who leaves (by itself or expelled), from which newer keys the rotations of those who stay go on,
/// and who gets another key because it lost its own. It is proposed, and decided by the members of the view
/// that it starts from.
///
/// It has one canonical form, so the same change is the same bytes whoever writes it.
///
/// ```
/// # use meshward::{Change, Member, NodeId, Suite, View, suite::PublicKey};
/// # fn key(seed: u8) -> PublicKey {
/// #     let suite = Suite::MlDsa65;
/// #     PublicKey::from_bytes(suite, &vec![seed; suite.public_key_len()]).unwrap()
/// # }
/// # let member = |seed| Member::new(NodeId::from_bytes([seed; 32]), "a node", key(seed));
/// # let (east, west, north) = (member(1), member(2), member(3));
/// let view = View::genesis(vec![east, west.clone()])?;
/// let change = Change::of(&view).join(north).leave(west.id);
/// let next = view.changed(&change, Vec::new())?;
/// assert_eq!((next.number().0, next.len()), (1, 2));
/// # Ok::<(), meshward::membership::ViewError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    from: Digest,
    joins: Vec<Member>,
    leaves: Vec<NodeId>,
    keys: Vec<(NodeId, KeyRecord)>,
}

impl Change {
    /// A change of `view` that changes nothing yet.
    pub const fn of(view: &View) -> Self {
        Self { from: view.digest(), joins: Vec::new(), leaves: Vec::new(), keys: Vec::new() }
    }

    /// With `member` as one more. The view that it [joined](Member::joined) with is set when the change
    /// is applied.
    #[must_use]
    pub fn join(mut self, member: Member) -> Self {
        self.joins.push(Member { joined: ViewNumber(0), ..member });
        self.joins.sort_by_key(|member| member.id);
        self
    }

    /// Without `node`.
    #[must_use]
    pub fn leave(mut self, node: NodeId) -> Self {
        self.leaves.push(node);
        self.leaves.sort();
        self
    }

    /// With `record`, which follows by rotations from the key that the view gives `node`, in its place,
    /// so that histories stay short.
    #[must_use]
    pub fn anchor(mut self, node: NodeId, record: KeyRecord) -> Self {
        self.keys.push((node, record));
        self.keys.sort_by_key(|(node, _)| *node);
        self
    }

    /// With `record` as the key of `node`, which has lost its own and has no backup:
    /// [`Identity::replace`](crate::Identity::replace) makes one. The member begins another life with it:
    /// nothing that is said under its keys before counts from then on.
    ///
    /// A node takes part in deciding on it only while it knows the member as failed, and has for
    /// [`QuorumConfig::replacement_delay_ms`](crate::QuorumConfig::replacement_delay_ms): who lives
    /// cannot be replaced, whatever the hosts of the others are talked into (attack K9). It carries the
    /// commitment to the recovery key on, so it loses to a recovery, be it made before or after.
    #[must_use]
    pub fn replace(self, node: NodeId, record: KeyRecord) -> Self {
        self.anchor(node, record)
    }

    /// The digest of the view that it starts from.
    pub const fn from(&self) -> Digest {
        self.from
    }

    /// Who joins, in the order of their ids.
    pub fn joins(&self) -> &[Member] {
        &self.joins
    }

    /// Who leaves, in order.
    pub fn leaves(&self) -> &[NodeId] {
        &self.leaves
    }

    /// The newer keys of those who stay, in the order of their ids, [replaced](Self::replace) ones among
    /// them.
    pub fn anchors(&self) -> &[(NodeId, KeyRecord)] {
        &self.keys
    }

    /// Those of them that replace the ones that their members lost; `view` is the one that it starts from.
    pub fn replaced<'a>(&'a self, view: &'a View) -> impl Iterator<Item = &'a (NodeId, KeyRecord)> {
        let is_replaced = |(node, record): &&(NodeId, KeyRecord)| {
            let member = view.index_of(node).and_then(|member| view.member(member));
            member.is_some_and(|member| replaces(record, &member.key))
        };
        self.keys.iter().filter(is_replaced)
    }

    /// What ballots on it are cast for.
    ///
    /// # Errors
    /// None that a change made by this type can cause.
    pub fn digest(&self) -> Result<Digest, ViewError> {
        Ok(Digest::of("meshward 2026 change", &self.to_bytes()?))
    }

    /// The one encoding of this change.
    ///
    /// # Errors
    /// None that a change made by this type can cause.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ViewError> {
        Ok(wire::encode("a change", self)?)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote. Whether it makes sense shows when it is
    /// [applied](View::changed).
    ///
    /// # Errors
    /// [`ViewError::Wire`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ViewError> {
        Ok(wire::decode("a change", bytes)?)
    }

    /// The members of the view that follows `view`, which is to have `number`.
    pub(super) fn apply(&self, view: &View, number: ViewNumber) -> Result<Vec<Member>, ViewError> {
        let Self { from, joins, leaves, keys } = self;
        if *from != view.digest() {
            return Err(ViewError::OtherView { found: *from, here: view.digest() });
        }
        let in_order = joins.is_sorted_by(|one, next| one.id < next.id)
            && leaves.is_sorted_by(|one, next| one < next)
            && keys.is_sorted_by(|one, next| one.0 < next.0)
            && joins.iter().all(|member| member.joined == ViewNumber(0));
        if !in_order || (joins.is_empty() && leaves.is_empty() && keys.is_empty()) {
            return Err(ViewError::Form);
        }
        let mut members = view.members().to_vec();
        for (node, record) in keys {
            let member = members.iter_mut().find(|member| member.id == *node);
            let member = member.ok_or(ViewError::NoMember(*node))?;
            if record.epoch <= member.key.epoch {
                return Err(ViewError::OldKey(*node));
            }
            if replaces(record, &member.key) {
                member.joined = number;
            }
            member.key = Arc::new(record.clone());
        }
        for node in leaves {
            let place = members.iter().position(|member| member.id == *node);
            members.remove(place.ok_or(ViewError::NoMember(*node))?);
        }
        for member in joins {
            // Who leaves and joins at once would shed what it said.
            if view.index_of(&member.id).is_some() {
                return Err(ViewError::JoinsTwice(member.id));
            }
            members.push(Member { joined: number, ..member.clone() });
        }
        members.sort_by_key(|member| member.id);
        Ok(members)
    }
}

/// Whether `record`, which a change gives a member that had `before`, is none that rotations and recoveries
/// lead to.
const fn replaces(record: &KeyRecord, before: &KeyRecord) -> bool {
    let ((_, count), line) = (record.epoch.line(), before.epoch.line());
    count != 0 && (record.epoch.recovery != line.0 || count != line.1)
}
