//! Where a receiver that starts anew begins with each origin (promise P2 across restarts).
//!
//! A node that starts does not know what it took before: its windows were in memory, and whatever its
//! disk says may be older than what happened. So but for the first start of a new identity every origin
//! is *unproven*: its frames are refused before their signatures are checked, until an answer of it to a
//! challenge of this node shows where it stands. The riddle in a challenge is random and was drawn
//! after the start, so an answer that gives it back was said after the start, however it was delayed,
//! repeated or reordered on its way; and with it its origin says which message it had numbered last.
//! What this node took before the start was numbered before that:
//!
//! | what its origin numbered | and is |
//! |---|---|
//! | under the key it answered with, up to what the answer says | stale |
//! | under that key and above, also in a later boot | fresh |
//! | under a key of a later epoch | fresh: an honest member answers with the key that it signs with, so that one was not in use yet |
//! | under any other key | refused |
//!
//! Only an answer under the newest key known here counts, as whoever stole a key that was rotated away
//! may answer as well. An origin that says less than is true has its own messages delivered once more,
//! one that says more has some of them refused; so does one whose own disk was rolled back.

use super::SignedGossip;
use super::peer::Peer;
use crate::id::{Digest, Epoch, Nonce};
use crate::membership::MemberIndex;

/// What of a member is taken, since this node started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// Everything: nothing can have been taken of it before.
    Any,
    /// Nothing: anything may have been taken of it before.
    Unproven,
    /// What it numbers above `newest` under the key that it answered with, and all under keys of later
    /// epochs.
    Above { epoch: Epoch, key: KeyTag, newest: Nonce },
}

/// Tells the keys of one member and epoch apart, in a few bytes. Whoever makes two that it does not tell
/// apart has its own messages delivered once more, and gets that cheaper by its word.
pub(super) type KeyTag = [u8; 4];

pub(super) fn tag_of(key: &Digest) -> KeyTag {
    key.as_bytes().first_chunk().copied().unwrap_or_default()
}

impl Opening {
    /// Of a member that has not been heard since the start.
    pub(super) const fn at_start(is_first_start: bool) -> Self {
        if is_first_start { Self::Any } else { Self::Unproven }
    }

    /// Whether anything is taken under that key.
    pub(super) fn takes(&self, epoch: Epoch, key: &Digest) -> bool {
        match self {
            Self::Any => true,
            Self::Unproven => false,
            Self::Above { epoch: from, key: proven, .. } => {
                epoch > *from || epoch == *from && tag_of(key) == *proven
            }
        }
    }

    /// Whether something under a key that is taken may have been taken before the start.
    pub(super) fn may_be_known(&self, epoch: Epoch, nonce: Nonce) -> bool {
        matches!(self, Self::Above { epoch: from, newest, .. } if epoch == *from && nonce <= *newest)
    }
}

impl SignedGossip {
    /// `member` answered under `key` of `epoch` what this node asked since it started, and had then
    /// numbered its messages up to `newest`: what lies above is taken from now on, unless it was taken
    /// already. Tells whether that is news.
    pub(crate) fn opens(
        &self,
        member: MemberIndex,
        (epoch, key): (Epoch, Digest),
        newest: Nonce,
    ) -> bool {
        let Ok(peer) = self.peer(member) else { return false };
        let mut peer = peer.lock();
        // Under the member's lock, as in `mark`: a rotation must not come in between.
        let [current, _] = self.directory.known_keys(member);
        current == Some(key) && peer.open((epoch, key), newest)
    }

    /// Whether frames of `member` are refused until it answers.
    pub(crate) fn is_unproven(&self, member: MemberIndex) -> bool {
        let Ok(opening) = self.peer(member).map(|peer| peer.lock().opening) else { return false };
        // A tick asks this of everybody, and the key need seldom be looked up.
        if opening == Opening::Any {
            return false;
        }
        let current = self.directory.current(member);
        current.is_some_and(|current| !opening.takes(current.epoch, &current.key.digest()))
    }

    /// The others whose frames are refused until they answer.
    pub(crate) fn unproven(&self) -> impl Iterator<Item = MemberIndex> + '_ {
        let me = self.directory.view().index_of(&self.keyring.node());
        let members = self.directory.view().indices();
        members.filter(move |member| Some(*member) != me && self.is_unproven(*member))
    }
}

impl Peer {
    /// Takes what the member numbers above `newest` under `key`, unless the key is taken already. Tells
    /// whether that is news.
    fn open(&mut self, (epoch, key): (Epoch, Digest), newest: Nonce) -> bool {
        let is_news = !self.opening.takes(epoch, &key);
        if is_news {
            self.opening = Opening::Above { epoch, key: tag_of(&key), newest };
        }
        is_news
    }
}
