//! `OneTopic`: nothing but the topic of the mesh comes in.

use std::io;

use libp2p::gossipsub::{DataTransform, IdentityTransform, Message, RawMessage, TopicHash};

/// Refuses what is of another topic before gossipsub remembers anything of it. The filter of subscriptions alone
/// leaves messages on topics that nobody has subscribed to: gossipsub would keep each for a while and its id for
/// two minutes, and nobody would pay for a flood of them.
#[derive(Debug, Clone)]
pub struct OneTopic(pub(super) TopicHash);

impl DataTransform for OneTopic {
    fn inbound_transform(&self, message: RawMessage) -> io::Result<Message> {
        match message.topic == self.0 {
            true => IdentityTransform.inbound_transform(message),
            false => Err(io::Error::new(io::ErrorKind::InvalidInput, "of another topic")),
        }
    }

    fn outbound_transform(&self, topic: &TopicHash, data: Vec<u8>) -> io::Result<Vec<u8>> {
        IdentityTransform.outbound_transform(topic, data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_topics_do_not_come_in() {
        let [ours, other] = ["ours", "other"].map(TopicHash::from_raw);
        let message = |topic: &TopicHash| RawMessage {
            source: None,
            data: vec![7],
            sequence_number: None,
            topic: topic.clone(),
            signature: None,
            key: None,
            validated: false,
        };
        let only = OneTopic(ours.clone());
        assert_eq!(only.inbound_transform(message(&ours)).unwrap().data, [7]);
        assert!(only.inbound_transform(message(&other)).is_err());
    }
}
