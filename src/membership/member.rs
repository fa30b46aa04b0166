//! One member as the view records it.

use serde::{Deserialize, Serialize};

use crate::id::{Epoch, NodeId, ViewNumber};
use crate::suite::PublicKey;

/// A key that speaks for a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Which of the member's keys it is.
    pub epoch: Epoch,
    /// The key.
    pub key: PublicKey,
}

impl KeyRecord {
    /// The key a member joins with.
    pub const fn first(key: PublicKey) -> Self {
        Self { epoch: Epoch::FIRST, key }
    }
}

/// A member: a name that never changes and the key it had when the view was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The member's id.
    pub id: NodeId,
    /// A name for people to read, at most [`MAX_NAME_LEN`](super::MAX_NAME_LEN) bytes.
    pub name: String,
    /// Its key as of this view.
    pub key: KeyRecord,
    /// The view that it joined with. What it said in a view before that was said in another life, and
    /// is not taken again (attack K11).
    pub joined: ViewNumber,
}

impl Member {
    /// A member from the first view on, whose first key is `key`.
    pub fn new(id: NodeId, name: impl Into<String>, key: PublicKey) -> Self {
        Self { id, name: name.into(), key: KeyRecord::first(key), joined: ViewNumber(0) }
    }
}

/// The place of a member in the order of its view, from 0. Meaningful beside that view alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MemberIndex(pub u32);

impl MemberIndex {
    /// The place as a number to index with.
    pub(crate) fn place(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}
