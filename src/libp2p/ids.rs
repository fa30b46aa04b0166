//! What gossipsub calls a message.

use std::sync::Arc;
use std::time::{Duration, Instant};

use libp2p::gossipsub::{MessageId, TopicHash};
use parking_lot::Mutex;

use crate::bounded::BoundedMap;

/// Messages that are remembered as dropped for their link, some 200 bytes each. Whoever brings more than so many
/// while gossipsub remembers one makes this node busy for longer than an honest copy is on its way.
const DROPPED: usize = 65_536;
/// Messages that are remembered as sent. One that is forgotten may be sent once more.
const SENT: usize = 16_384;
/// The length of the id by which all nodes know a message, in bytes.
pub(super) const DIGEST_LEN: usize = 32;

type Digest = [u8; DIGEST_LEN];

/// Names messages by the digest of topic and content.
///
/// The topic belongs to it because gossipsub remembers ids before it looks at topics: the content of an honest
/// frame under another topic would otherwise make it a duplicate (attack G22).
///
/// For the same reason a message that was refused *for the link it came over* gets another id: gossipsub
/// remembers the one it had. Otherwise whoever has used up its link's budget, and is the first to bring an
/// honest frame, would take it away from this node (attacks G22 and G23).
///
/// # Promises
/// A neighbour that announces a message is asked for it under the digest, and gossipsub holds it against that
/// neighbour (P7) if what it then brings has another name. So a message has another name here exactly while
/// gossipsub remembers the digest, and asks nobody for it: from the first copy that was dropped, for as long as
/// ids are remembered, however often more copies are dropped meanwhile. And nothing is announced under another
/// name than the digest, since nobody else knows it, and this node would break a promise with each.
///
/// # Sending
/// What this node sends has the digest for its name, whatever was dropped. If gossipsub remembers that, though
/// this node has not sent or passed it on lately, a neighbour has brought it: whoever sends a node its own
/// statements, again and again, would keep it from repeating them. So it goes out under another name.
#[derive(Debug, Clone)]
pub(super) struct MessageIds(Arc<Mutex<Ids>>);

#[derive(Debug)]
struct Ids {
    /// How long gossipsub remembers one.
    remembered: Duration,
    /// When what gossipsub is busy with arrived.
    arrived: Instant,
    /// What this node sends right now.
    sending: Option<Sending>,
    dropped: BoundedMap<Digest, Dropped>,
    sent: BoundedMap<Digest, Instant>,
    /// What the next other name ends with: none is used twice.
    unused: u64,
}

/// How this node sends a message.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sending {
    /// By the name that all know it by.
    Commonly,
    /// In spite of copies that others have brought.
    Anyway,
}

#[derive(Debug)]
struct Dropped {
    /// What the name of the next copy ends with.
    ending: u64,
    /// When gossipsub forgets the digest.
    until: Instant,
}

impl MessageIds {
    /// Those for a gossipsub that remembers ids so long.
    pub(super) fn new(remembered: Duration) -> Self {
        Self(Arc::new(Mutex::new(Ids {
            remembered,
            arrived: Instant::now(),
            sending: None,
            dropped: BoundedMap::new(DROPPED),
            sent: BoundedMap::new(SENT),
            unused: 0,
        })))
    }

    /// A neighbour has brought something, which gossipsub looks at next.
    pub(super) fn arrives(&self, now: Instant) {
        self.0.lock().arrived = now;
    }

    /// Lets gossipsub `send` a message of this node.
    pub(super) fn while_sending<T>(&self, how: Sending, send: impl FnOnce() -> T) -> T {
        self.0.lock().sending = Some(how);
        let sent = send();
        self.0.lock().sending = None;
        sent
    }

    /// The id of a message that is sent, or of the next copy that a neighbour brings.
    pub(super) fn of(&self, topic: &TopicHash, content: &[u8]) -> MessageId {
        let digest = digest(topic, content);
        let mut ids = self.0.lock();
        let sending = ids.sending;
        let ending = match sending {
            Some(Sending::Commonly) => None,
            Some(Sending::Anyway) => Some(ids.take_unused()),
            None => {
                let dropped = ids.dropped.get(&digest).filter(|it| ids.arrived < it.until);
                dropped.map(|dropped| dropped.ending)
            }
        };
        let mut id = digest.to_vec();
        id.extend(ending.map(u64::to_le_bytes).into_iter().flatten());
        MessageId(id)
    }

    /// The copy of that id was refused for its link, so the next one gets another.
    pub(super) fn reopen(&self, id: &MessageId) {
        let Some((digest, rest)) = id.0.split_first_chunk() else { return };
        let mut ids = self.0.lock();
        let (ending, until) = (ids.take_unused(), ids.arrived.checked_add(ids.remembered));
        if rest.is_empty() {
            if let Some(until) = until {
                ids.dropped.insert(*digest, Dropped { ending, until });
            }
        } else if let Some(dropped) = ids.dropped.get_mut(digest)
            && dropped.ending.to_le_bytes() == *rest
        {
            dropped.ending = ending;
        }
    }

    /// Whether it is the name by which others know a message, too.
    pub(super) fn is_common(id: &MessageId) -> bool {
        id.0.len() == DIGEST_LEN
    }

    /// The message of that id was sent or passed on.
    pub(super) fn was_sent(&self, id: &MessageId, now: Instant) {
        if let Some(digest) = id.0.first_chunk() {
            self.0.lock().sent.insert(*digest, now);
        }
    }

    /// Whether it was, as lately as gossipsub would remember.
    pub(super) fn is_sent(&self, topic: &TopicHash, content: &[u8], now: Instant) -> bool {
        let ids = self.0.lock();
        let at = ids.sent.get(&digest(topic, content));
        at.is_some_and(|at| now.saturating_duration_since(*at) < ids.remembered)
    }
}

impl Ids {
    fn take_unused(&mut self) -> u64 {
        let unused = self.unused;
        self.unused = unused.wrapping_add(1);
        unused
    }
}

fn digest(topic: &TopicHash, content: &[u8]) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key("meshward gossipsub message id");
    hasher.update(blake3::hash(topic.as_str().as_bytes()).as_bytes()).update(content);
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REMEMBERED: Duration = Duration::from_secs(4);
    const SECOND: Duration = Duration::from_secs(1);

    /// With a neighbour that brings something from `start` on.
    fn ids(start: Instant) -> (MessageIds, TopicHash) {
        let ids = MessageIds::new(REMEMBERED);
        ids.arrives(start);
        (ids, TopicHash::from_raw("topic"))
    }

    #[test]
    fn an_id_is_topic_and_content() {
        let (ids, one) = (MessageIds::new(REMEMBERED), TopicHash::from_raw("one"));
        let id = ids.of(&one, b"content");
        assert_eq!(id, MessageIds::new(SECOND).of(&one, b"content"));
        assert_ne!(id, ids.of(&TopicHash::from_raw("on"), b"econtent"));
        assert_ne!(id, ids.of(&one, b"contend"));
        assert!(MessageIds::is_common(&id));
    }

    #[test]
    fn a_dropped_copy_gives_the_next_another_id() {
        let (ids, topic) = ids(Instant::now());
        let first = ids.of(&topic, b"content");
        ids.reopen(&first);
        let second = ids.of(&topic, b"content");
        ids.reopen(&second);
        let third = ids.of(&topic, b"content");
        assert!(first != second && second != third && first != third);
        assert!(![&second, &third].into_iter().any(MessageIds::is_common));
        // A copy that is heard is what those after it are duplicates of.
        assert_eq!(ids.of(&topic, b"content"), third);
        // One of before, dropped late, changes nothing.
        ids.reopen(&second);
        assert_eq!(ids.of(&topic, b"content"), third);
    }

    /// Gossipsub asks neighbours for the digest as soon as it has forgotten it, and would blame whoever answers
    /// if the answer had another name.
    #[test]
    fn the_digest_is_the_name_again_when_gossipsub_has_forgotten_it() {
        let start = Instant::now();
        let (ids, topic) = ids(start);
        let first = ids.of(&topic, b"content");
        ids.reopen(&first);
        let mut seen = vec![first.clone()];
        // However often somebody has it dropped.
        for later in 0..4 {
            ids.arrives(start + SECOND * later);
            let other = ids.of(&topic, b"content");
            assert!(!seen.contains(&other));
            ids.reopen(&other);
            seen.push(other);
        }
        ids.arrives(start + REMEMBERED);
        assert_eq!(ids.of(&topic, b"content"), first);
        // Never one that was used before: gossipsub may remember it yet.
        ids.reopen(&first);
        assert!(!seen.contains(&ids.of(&topic, b"content")));
    }

    /// Nobody else would know another name, and gossipsub announces what it sends.
    #[test]
    fn what_is_sent_has_the_digest_for_its_name() {
        let now = Instant::now();
        let (ids, topic) = ids(now);
        let first = ids.of(&topic, b"content");
        ids.reopen(&first);
        let sent_as = |how| ids.while_sending(how, || ids.of(&topic, b"content"));
        assert_eq!(sent_as(Sending::Commonly), first);
        let anyway = [Sending::Anyway; 2].map(sent_as);
        assert!(anyway[0] != anyway[1] && !anyway.iter().any(MessageIds::is_common));

        assert!(!MessageIds::is_common(&ids.of(&topic, b"content")));

        assert!(!ids.is_sent(&topic, b"content", now));
        ids.was_sent(&anyway[0], now);
        assert!(ids.is_sent(&topic, b"content", now + REMEMBERED - SECOND));
        assert!(!ids.is_sent(&topic, b"content", now + REMEMBERED));
    }

    #[test]
    fn memory_is_bounded() {
        let now = Instant::now();
        let (ids, topic) = ids(now);
        for number in 0..100_000_u32 {
            let id = ids.of(&topic, &number.to_le_bytes());
            ids.reopen(&id);
            ids.was_sent(&id, now);
        }
        let all = (0..100_000_u32).map(u32::to_le_bytes);
        let dropped = all.clone().filter(|it| !MessageIds::is_common(&ids.of(&topic, it)));
        assert_eq!(dropped.count(), DROPPED);
        assert_eq!(all.filter(|it| ids.is_sent(&topic, it, now)).count(), SENT);
    }
}
