//! What gossipsub calls a message.

use std::sync::Arc;

use libp2p::gossipsub::{MessageId, TopicHash};
use parking_lot::Mutex;

use crate::bounded::BoundedMap;

/// Messages that are remembered as dropped for their link. Honest copies come within a second or so; who
/// floods so fast that this many are not enough is soon in quarantine.
const CAPACITY: usize = 4_096;
const DIGEST_LEN: usize = 32;

/// Names messages by the digest of topic and content.
///
/// The topic belongs to it because gossipsub remembers ids before it looks at topics: the content of an honest
/// frame under another topic would otherwise make it a duplicate (attack G22).
///
/// For the same reason a message that was refused *for the link it came over* gets another id: gossipsub
/// remembers the one it had. Otherwise whoever has used up its link's budget, and is the first to bring an
/// honest frame, would take it away from this node (attacks G22 and G23).
#[derive(Debug, Clone)]
pub(super) struct MessageIds(Arc<Mutex<BoundedMap<[u8; DIGEST_LEN], Copies>>>);

#[derive(Debug, Default)]
struct Copies {
    dropped: u32,
    /// None was heard since.
    open: bool,
}

impl MessageIds {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(BoundedMap::new(CAPACITY))))
    }

    /// The id of the next copy to arrive.
    pub(super) fn of(&self, topic: &TopicHash, content: &[u8]) -> MessageId {
        let mut hasher = blake3::Hasher::new_derive_key("meshward gossipsub message id");
        hasher.update(blake3::hash(topic.as_str().as_bytes()).as_bytes()).update(content);
        let digest = hasher.finalize();
        let mut id = digest.as_bytes().to_vec();
        if let Some(copies) = self.0.lock().get(digest.as_bytes()).filter(|copies| copies.open) {
            id.extend(copies.dropped.to_le_bytes());
        }
        MessageId(id)
    }

    /// The copy of that id was refused for its link.
    pub(super) fn reopen(&self, id: &MessageId) {
        if let Some(digest) = id.0.first_chunk() {
            let mut copies = self.0.lock();
            let copies = copies.get_or_insert_with(*digest, Copies::default);
            *copies = Copies { dropped: copies.dropped.saturating_add(1), open: true };
        }
    }

    /// A copy of that id was heard. Tells whether one was dropped before, so that nobody else knows the
    /// message by this id.
    pub(super) fn close(&self, id: &MessageId) -> bool {
        let is_other = id.0.len() > DIGEST_LEN;
        if is_other
            && let Some(digest) = id.0.first_chunk()
            && let Some(copies) = self.0.lock().get_mut(digest)
        {
            copies.open = false;
        }
        is_other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_topic_and_content() {
        let (ids, one) = (MessageIds::new(), TopicHash::from_raw("one"));
        let id = ids.of(&one, b"content");
        assert_eq!(id, MessageIds::new().of(&one, b"content"));
        assert_ne!(id, ids.of(&TopicHash::from_raw("on"), b"econtent"));
        assert_ne!(id, ids.of(&one, b"contend"));
    }

    #[test]
    fn a_dropped_copy_gives_the_next_another_id_until_one_is_heard() {
        let (ids, topic) = (MessageIds::new(), TopicHash::from_raw("topic"));
        let first = ids.of(&topic, b"content");
        assert!(!ids.close(&first));
        ids.reopen(&first);
        let second = ids.of(&topic, b"content");
        ids.reopen(&second);
        let third = ids.of(&topic, b"content");
        assert!(first != second && second != third && first != third);
        assert!(ids.close(&third));
        assert_eq!(ids.of(&topic, b"content"), first);
        // Never one that was used before.
        ids.reopen(&first);
        assert!(![&first, &second, &third].contains(&&ids.of(&topic, b"content")));
    }

    #[test]
    fn memory_is_bounded() {
        let (ids, topic) = (MessageIds::new(), TopicHash::from_raw("topic"));
        let id = |number: u32| ids.of(&topic, &number.to_le_bytes());
        (0..10_000).for_each(|number| ids.reopen(&id(number)));
        let open = (0..10_000).filter(|number| id(*number).0.len() > DIGEST_LEN);
        assert_eq!(open.count(), CAPACITY);
    }
}
