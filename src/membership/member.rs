//! One member as the view records it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::NextKeys;
use crate::id::{Digest, Epoch, NodeId, ViewNumber};
use crate::suite::PublicKey;

/// A key that speaks for a member, and what may follow it.
///
/// A record is told from another by all of it: two of one epoch may name the same key and commit to
/// different ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Which of the member's keys it is.
    pub epoch: Epoch,
    /// The key.
    pub key: PublicKey,
    /// The [commitment](NextKeys::commitment) to the key that a rotation leads to. Who has stolen the key
    /// alone opens none, so it cannot put its own in its place (attack K2). All zero: there is no next
    /// key, and no rotation is taken.
    pub next: Digest,
    /// The digest of the public recovery key. It stays the same through all rotations (attack K13), and
    /// its secret half is in no store. All zero: there is none.
    pub recovery: Digest,
}

impl KeyRecord {
    /// The key that a member joins with, which nothing follows: no rotation, no recovery, only what a
    /// later view says. [`Identity::member`](crate::Identity::member) gives one that can be rotated.
    pub const fn first(key: PublicKey) -> Self {
        Self { epoch: Epoch::FIRST, key, next: NextKeys::NONE, recovery: NextKeys::NONE }
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
    pub key: Arc<KeyRecord>,
    /// The view that it joined with. What it said in a view before that was said in another life, and
    /// is not taken again (attack K11).
    pub joined: ViewNumber,
}

impl Member {
    /// A member from the first view on, whose first key is `key`, which [nothing
    /// follows](KeyRecord::first).
    pub fn new(id: NodeId, name: impl Into<String>, key: PublicKey) -> Self {
        Self { id, name: name.into(), key: Arc::new(KeyRecord::first(key)), joined: ViewNumber(0) }
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
