//! One member as the view records it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::NextKeys;
use crate::id::{Digest, Epoch, NodeId, SpiffeId, ViewNumber};
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

/// A member: a name that never changes, the workload that it is, and the key it had when the view was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The member's id.
    pub id: NodeId,
    /// A name for people to read, at most [`MAX_NAME_LEN`](super::MAX_NAME_LEN) bytes.
    pub name: String,
    /// The one workload that the view binds the id to, if it binds it to any; of another member's it is
    /// another. It is for life: a key that takes the place of a lost one does not change it.
    pub spiffe_id: Option<SpiffeId>,
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
        let (name, key) = (name.into(), Arc::new(KeyRecord::first(key)));
        Self { id, name, spiffe_id: None, key, joined: ViewNumber(0) }
    }

    /// The same, bound to that workload.
    #[must_use]
    pub fn with_spiffe_id(self, spiffe_id: SpiffeId) -> Self {
        Self { spiffe_id: Some(spiffe_id), ..self }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::MAX_SPIFFE_ID_LEN;
    use crate::membership::{Change, MAX_MEMBERS, MAX_NAME_LEN, MAX_VIEW_LEN, View, ViewError};
    use crate::suite::Suite;
    use crate::wire::WireError;

    fn id(seed: u8) -> NodeId {
        NodeId::from_bytes([seed; 32])
    }

    fn member(seed: u8, spiffe_id: Option<&str>) -> Member {
        let suite = Suite::MlDsa65;
        let key = PublicKey::from_bytes(suite, &vec![seed; suite.public_key_len()]).unwrap();
        let member = Member::new(id(seed), "", key);
        Member { spiffe_id: spiffe_id.map(|text| text.parse().unwrap()), ..member }
    }

    #[test]
    fn a_view_binds_each_workload_to_one_member_and_says_so_in_its_bytes() {
        let bound = |to: [Option<&str>; 3]| {
            let members = to.iter().zip(1..).map(|(to, seed)| member(seed, *to));
            View::genesis(members.collect())
        };
        let [one, two] = [Some("spiffe://d/one"), Some("spiffe://d/two")];
        let view = bound([one, two, None]).unwrap();
        let others = [[None, two, None], [two, one, None], [one, two, Some("spiffe://d/three")]];
        for other in others {
            assert_ne!(bound(other).unwrap().digest(), view.digest());
        }
        assert_eq!(bound([one, two, one]).unwrap_err(), ViewError::SharedSpiffeId(id(1), id(3)));
        assert!(bound([one, None, None]).is_ok(), "any number of members are bound to nothing");

        let read = View::from_bytes(&view.to_bytes().unwrap()).unwrap();
        assert_eq!((read.digest(), read.members()), (view.digest(), view.members()));
        let found = |text: &str| view.bound_to(&text.parse().unwrap()).map(|member| member.id);
        assert_eq!(found("spiffe://d/two"), Some(id(2)));
        assert_eq!(found("spiffe://d/tw"), None);
        let again = Change::of(&view).join(member(4, one));
        let refused = view.changed(&again, Vec::new()).unwrap_err();
        assert_eq!(refused, ViewError::SharedSpiffeId(id(1), id(4)));
    }

    #[test]
    fn another_key_leaves_the_binding_and_leaving_frees_it() {
        let one = "spiffe://d/one";
        let view = View::genesis(vec![member(1, Some(one)), member(2, None)]).unwrap();
        let epoch = Epoch::FIRST.next_operational().unwrap();
        let record = KeyRecord { epoch, ..KeyRecord::first(member(7, None).key.key.clone()) };
        let next = view.changed(&Change::of(&view).anchor(id(1), record), Vec::new()).unwrap();
        assert_eq!(next.members()[0].spiffe_id, member(1, Some(one)).spiffe_id);
        let left = next.changed(&Change::of(&next).leave(id(1)), Vec::new()).unwrap();
        let joined =
            left.changed(&Change::of(&left).join(member(3, Some(one))), Vec::new()).unwrap();
        assert_eq!(joined.bound_to(&one.parse().unwrap()).unwrap().id, id(3));
    }

    #[test]
    fn what_is_no_spiffe_id_makes_no_view_in_any_build() {
        let view = View::genesis(vec![member(1, Some("spiffe://d/one"))]).unwrap();
        let mut bytes = view.to_bytes().unwrap();
        let at = bytes.windows(3).position(|three| three == b"one").unwrap();
        bytes[at] = b'/';
        let unknown = ViewError::Wire(WireError::Unknown { what: "a view" });
        assert_eq!(View::from_bytes(&bytes).unwrap_err(), unknown);
        // A length that nobody wrote.
        bytes[at - 11 - 8..at - 11].fill(0xff);
        assert!(matches!(View::from_bytes(&bytes).unwrap_err(), ViewError::Wire(_)));
    }

    #[test]
    fn the_longest_members_fit_the_longest_view() {
        let longest = |seed| {
            let path = "p".repeat(MAX_SPIFFE_ID_LEN - 12);
            let member = member(seed, Some(&format!("spiffe://d/{seed}{path}")));
            Member { name: "n".repeat(MAX_NAME_LEN), ..member }
        };
        let len = |view: &View| view.to_bytes().unwrap().len();
        let one = View::genesis(vec![longest(1)]).unwrap();
        let two = View::genesis(vec![longest(1), longest(2)]).unwrap();
        let (all, first) = (MAX_MEMBERS * (len(&two) - len(&one)), 2 * len(&one) - len(&two));
        // What a first view does not have: whom it follows, and what it carries on.
        let follows = 64 + 8 + crate::membership::MAX_CARRIED_LEN;
        assert_eq!(first + all + follows, MAX_VIEW_LEN);
    }
}
