//! What can be set, and the configuration of gossipsub that follows.

use std::collections::BTreeMap;
use std::time::Duration;

use libp2p::PeerId;
use libp2p::gossipsub::{Config, ConfigBuilder, ConfigBuilderError, ValidationMode};

use super::ids::MessageIds;
use crate::id::NodeId;
use crate::keyring::Misuse;
use crate::membership::View;
use crate::wire::max_packet_len;

/// Room for what stands beside a packet in an RPC of gossipsub: the topic and the lengths.
const RPC_OVERHEAD: usize = 1_024;
/// How many heartbeats a message is kept for those that ask for it, and for how many it is announced.
const HISTORY: usize = 3;
const ANNOUNCED: usize = 2;
/// Ids in one announcement (IHAVE) or request (IWANT). More than 16 KiB of either break the stream, and after five
/// times gossipsub gives up on that neighbour for as long as the connection stands.
const IDS_AT_ONCE: usize = 400;
/// The longest topic, in bytes.
const LONGEST_TOPIC: usize = 512;
/// Packets that may wait for a neighbour that does not keep up.
const QUEUE: usize = 512;

/// What can be set. [`Behaviour::new`](super::Behaviour::new) checks it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The topic: the same for all members, 1 to 512 bytes. [`new`](Self::new) names the mesh in it.
    pub topic: String,
    /// The most members that the mesh will ever have: 1 to 10 000. It bounds the packets that are taken, of
    /// which the step to a next view is the longest: 8 KiB a member and 128 KiB more. Each connection may
    /// make this node hold some of them.
    pub members: usize,
    /// Connections that others may have with this node, two a peer: 1 to 65 536. More are refused. Those that
    /// this node asked for are not counted, nor those of peers in [`bindings`](Self::bindings), so that no
    /// crowd of strangers can take their place once they have shown who they are. As many more may be about to
    /// show that.
    pub connections: u32,
    /// Which peers the nodes are, as far as the host knows. Their links have a place
    /// [reserved](crate::MeshByzantineProtection::reserve_link), and a node that is isolated loses its place
    /// in gossipsub's mesh. It is no list of who may connect, but strangers do not take their
    /// [connections](Self::connections).
    pub bindings: BTreeMap<NodeId, PeerId>,
    /// A neighbour in gossipsub's mesh over which nothing that is true and new has come for so long loses its
    /// place to another one; it is heard all the same. At least ten times the pause between the beacons of a
    /// member, since a neighbour without others has nothing but its own; 5 s to an hour. `None`, the default:
    /// silence costs nothing, since how often members beacon is for the host to say, and in a small mesh a
    /// neighbour has little else to bring.
    ///
    /// A neighbour that beacons and passes nothing on, a censor, is not told from one that has no others, and
    /// keeps its place. Nor would a higher number of messages tell, which in a small or a quiet mesh honest
    /// neighbours do not bring either. What such a neighbour withholds comes from another one.
    pub silent_after: Option<Duration>,
    /// How often gossipsub looks after its mesh: 100 ms to 10 s, default 1 s, for all members the same.
    pub heartbeat: Duration,
}

impl Settings {
    /// Those for the mesh of `view`, with room for twice its members.
    pub fn new(view: &View) -> Self {
        Self {
            topic: format!("/meshward/1/{}", view.mesh()),
            members: view.len().saturating_mul(2).min(10_000),
            connections: 256,
            bindings: BTreeMap::new(),
            silent_after: None,
            heartbeat: Duration::from_secs(1),
        }
    }

    /// The longest packet that is sent and taken, in bytes.
    pub(super) fn longest_packet(&self) -> usize {
        max_packet_len(self.members)
    }

    /// How long gossipsub remembers an id.
    pub(super) fn remembered(&self) -> Duration {
        let kept = u32::try_from(HISTORY).unwrap_or(u32::MAX);
        self.heartbeat.saturating_mul(kept.saturating_add(1))
    }

    pub(super) fn validate(&self) -> Result<(), Misuse> {
        Misuse::unless_in_range("topic (bytes)", self.topic.len(), 1, LONGEST_TOPIC)?;
        Misuse::unless_in_range("members", self.members, 1, 10_000)?;
        Misuse::unless_in_range("connections", self.connections, 1, 65_536)?;
        Misuse::unless_in_range("heartbeat (ms)", self.heartbeat.as_millis(), 100, 10_000)?;
        let silent_after = self.silent_after.map_or(5_000, |time| time.as_millis());
        Misuse::unless_in_range("silent_after (ms)", silent_after, 5_000, 3_600_000)
    }

    /// What differs from gossipsub's defaults, and why:
    ///
    /// * Anonymous messages whose id is their content: meshward signs itself.
    /// * `validate_messages`: nothing is passed on that meshward did not take.
    /// * An id is remembered a little longer than the message is kept, no more: a statement is sent again
    ///   byte by byte, every second or so, for those that lost it. Not less, either: who replays a message
    ///   that gossipsub knows no more and still keeps would have it dropped, so that this node could not
    ///   give what it has announced.
    /// * Fewer ids at once than by gossipsub's defaults, which allow for 5 000 and cut off at 480 of ours.
    /// * No IDONTWANT: it goes out before a message is checked, and would have honest neighbours keep back a
    ///   message whose first copy is refused (attack G22).
    pub(super) fn gossipsub(&self, ids: &MessageIds) -> Result<Config, ConfigBuilderError> {
        let ids = ids.clone();
        ConfigBuilder::default()
            .validation_mode(ValidationMode::Anonymous)
            .validate_messages()
            .message_id_fn(move |message| ids.of(&message.topic, &message.data))
            .max_transmit_size(self.longest_packet().saturating_add(RPC_OVERHEAD))
            .heartbeat_interval(self.heartbeat)
            .heartbeat_initial_delay(self.heartbeat)
            .history_length(HISTORY)
            .history_gossip(ANNOUNCED)
            .duplicate_cache_time(self.remembered())
            .max_control_messages_sent(IDS_AT_ONCE)
            .idontwant_message_size_threshold(usize::MAX)
            .connection_handler_queue_len(QUEUE)
            .build()
    }
}

#[cfg(test)]
mod tests {
    use super::super::ids::DIGEST_LEN;
    use super::*;

    /// In protobuf an id has two bytes beside its own; 64 are for the lengths of what is around them.
    #[test]
    fn what_is_announced_at_once_can_be_read() {
        let settings = Settings {
            topic: "topic".to_owned(),
            members: 1,
            connections: 1,
            bindings: BTreeMap::new(),
            silent_after: None,
            heartbeat: Duration::from_secs(1),
        };
        let config = settings.gossipsub(&MessageIds::new(settings.remembered())).unwrap();
        let longest = config.max_control_messages_sent() * (DIGEST_LEN + 2) + LONGEST_TOPIC + 64;
        assert!(longest <= config.max_control_message_size());
    }
}
