//! How packets go through a [`Behaviour`]: what arrives, to meshward; what meshward sends, to the neighbours;
//! and what a peer has done, into its score.

use std::time::Instant;

use libp2p::PeerId;
use libp2p::gossipsub::{self, MessageAcceptance, MessageId, PublishError};
use libp2p::request_response::{self, Message};

use super::behaviour::InnerEvent;
use super::ids::{MessageIds, Sending};
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
        match verdict {
            Verdict::DropCopy => self.ids.reopen(id),
            Verdict::PassOn => {
                self.ids.was_sent(id, Instant::now());
                self.keep_to_itself_if_uncommon(id);
            }
            Verdict::Keep | Verdict::Punish | Verdict::Drop => {}
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

    /// To all, unless it went there lately.
    fn publish(&mut self, packet: Vec<u8>) {
        let (topic, now) = (self.topic.hash(), Instant::now());
        if self.ids.is_sent(&topic, &packet, now) {
            return;
        }
        let mut publish = |how| {
            let (topic, packet, gossip) = (topic.clone(), packet.clone(), &mut self.inner.gossip);
            self.ids.while_sending(how, || gossip.publish(topic, packet))
        };
        let published = match publish(Sending::Commonly) {
            Err(PublishError::Duplicate) => publish(Sending::Anyway),
            published => published,
        };
        match published {
            Ok(id) => {
                self.ids.was_sent(&id, now);
                self.keep_to_itself_if_uncommon(&id);
            }
            Err(error) => {
                tracing::debug!(%error, "a packet was not published");
                self.router.lose_one();
            }
        }
    }

    /// What was sent on under a name that others do not know is not announced: they would ask for it, and wait
    /// in vain for that name, at this node's cost.
    fn keep_to_itself_if_uncommon(&mut self, id: &MessageId) {
        if !MessageIds::is_common(id) {
            // Who brought it does not matter when it is ignored.
            let (nobody, forgotten) = (PeerId::random(), MessageAcceptance::Ignore);
            self.inner.gossip.report_message_validation_result(id, &nobody, forgotten);
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
