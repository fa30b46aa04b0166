//! How packets go through a [`Behaviour`]: what arrives, to meshward; what meshward sends, to the neighbours;
//! and what a peer has done, into its score.

use libp2p::PeerId;
use libp2p::gossipsub::{self, MessageId, PublishError};
use libp2p::request_response::{self, Message};

use super::behaviour::InnerEvent;
use super::router::To;
use super::{Behaviour, Event, Verdict, score};
use crate::core::{Accepted, Blame};
use crate::id::Link;
use crate::wire::Refusal;

/// Direct packets on their way to one peer; more are lost.
const UNDER_WAY: usize = 64;
/// How often the scores follow what meshward thinks of the links, in milliseconds: reputation comes back by
/// time.
const RATED_EVERY_MS: u64 = 1_000;

impl Behaviour {
    /// Does what is due when a part of the behaviour has something to say.
    pub(super) fn happened(&mut self, event: InnerEvent) -> Event {
        match event {
            InnerEvent::Gossip(gossipsub::Event::Message {
                propagation_source,
                message_id,
                message,
            }) => self.take_gossip(propagation_source, &message_id, &message.data),
            InnerEvent::Gossip(gossipsub::Event::Subscribed { peer_id, .. }) => {
                Event::Joined { peer: peer_id }
            }
            InnerEvent::Direct(event) => self.direct_happened(event),
            InnerEvent::Gossip(_) => Event::Carried,
        }
    }

    fn direct_happened(&mut self, event: request_response::Event<Vec<u8>, ()>) -> Event {
        use request_response::Event::{InboundFailure, OutboundFailure, ResponseSent};
        match event {
            request_response::Event::Message {
                peer,
                message: Message::Request { request, channel, .. },
                ..
            } => {
                // That it was read; if the stream is gone, nobody waits for that.
                let _ = self.inner.direct.send_response(channel, ());
                self.take_direct(peer, request)
            }
            request_response::Event::Message {
                peer, message: Message::Response { .. }, ..
            } => {
                self.arrived(&peer);
                Event::Carried
            }
            OutboundFailure { peer, .. } => {
                self.arrived(&peer);
                self.router.lose_one();
                Event::Carried
            }
            InboundFailure { .. } | ResponseSent { .. } => Event::Carried,
        }
    }

    fn arrived(&mut self, peer: &PeerId) {
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.under_way = peer.under_way.saturating_sub(1);
        }
    }

    fn take_gossip(&mut self, peer: PeerId, id: &MessageId, packet: &[u8]) -> Event {
        let result = self.hand_over(&peer, packet);
        let verdict = Verdict::of(&result);
        let gossip = &mut self.inner.gossip;
        gossip.report_message_validation_result(id, &peer, verdict.acceptance());
        if verdict == Verdict::DropCopy {
            self.ids.reopen(id);
        } else if self.ids.close(id) && verdict == Verdict::PassOn {
            // It was passed on. Under this id it must not be announced, too: others know it by its first
            // one, and would wait in vain for this, at this node's cost.
            let forgotten = Verdict::Drop.acceptance();
            gossip.report_message_validation_result(id, &peer, forgotten);
        }
        Event::of(peer, result)
    }

    fn take_direct(&mut self, peer: PeerId, packet: Vec<u8>) -> Event {
        let result = self.hand_over(&peer, &packet);
        if Verdict::of(&result) == Verdict::PassOn {
            self.publish(packet);
        }
        Event::of(peer, result)
    }

    fn hand_over(&mut self, peer: &PeerId, packet: &[u8]) -> Result<Accepted, Refusal> {
        let link = Link::Proven(self.peers.link_of(peer));
        let result = self.shield.handle_frame(link, packet, (self.clock)());
        if let Err(refusal) = &result
            && (matches!(Blame::of(refusal), Blame::Link(_))
                || *refusal == Refusal::LinkQuarantined)
        {
            self.rate(peer);
        }
        result
    }

    /// Sends what meshward wants sent.
    pub(super) fn send_what_waits(&mut self) {
        while let Some((to, packet)) = self.router.pop() {
            match to {
                To::All => self.publish(packet),
                To::One(link) => match self.peers.on(link) {
                    Some((id, peer)) if peer.under_way < UNDER_WAY => {
                        peer.under_way = peer.under_way.saturating_add(1);
                        self.inner.direct.send_request(&id, packet);
                    }
                    _ => self.router.lose_one(),
                },
            }
        }
    }

    /// To all. What gossipsub knows was sent before, by this node or by whoever brought it.
    fn publish(&mut self, packet: Vec<u8>) {
        match self.inner.gossip.publish(self.topic.hash(), packet) {
            Ok(_) | Err(PublishError::Duplicate) => {}
            Err(error) => {
                tracing::debug!(%error, "a packet was not published");
                self.router.lose_one();
            }
        }
    }

    /// Lets gossipsub's score of `peer` follow the reputation of its link, and parts with it while that is in
    /// quarantine.
    pub(super) fn rate(&mut self, peer: &PeerId) {
        let reputation =
            self.shield.core().link_reputation(self.peers.link_of(peer), (self.clock)());
        let isolated = self.peers.nodes_of(peer).iter().any(|node| self.router.is_isolated(node));
        let score = score::of_application(reputation, isolated);
        self.inner.gossip.set_application_score(peer, score);
        if self.is_quarantined(peer) {
            self.to_close.insert(*peer);
        }
    }

    pub(super) fn rate_all_in_time(&mut self) {
        let now = (self.clock)();
        if self.rated_at.is_some_and(|at| at <= now && now.since(at) < RATED_EVERY_MS) {
            return;
        }
        self.rated_at = Some(now);
        for peer in self.peers.all() {
            self.rate(&peer);
        }
    }
}
