//! A node that runs the library.

use std::sync::Arc;

use meshward::suite::Entropy;
use meshward::{
    Accepted, Config, CriticalEvent, Event, Host, Link, LinkId, MeshByzantineProtection, Millis,
    NodeId, View,
};

use super::peer::{Checks, Delivered, Heard, Peer, Sent, Told};
use super::support::{Disk, HostSide};

pub(crate) struct Guarded {
    guard: MeshByzantineProtection,
    host: HostSide,
}

impl Guarded {
    pub(crate) fn start(
        config: &Config,
        view: &Arc<View>,
        disk: &Disk,
        entropy: Arc<dyn Entropy>,
        now: Millis,
    ) -> Self {
        let host = HostSide::default();
        let own = Host { entropy, ..Host::new(disk.clone(), host.clone(), host.clone()) };
        let guard = MeshByzantineProtection::start(config.clone(), Arc::clone(view), own, now);
        Self { guard: guard.unwrap(), host }
    }
}

fn place(link: Link) -> usize {
    usize::try_from(link.id().0).unwrap()
}

impl Peer for Guarded {
    fn hear(&mut self, from: usize, packet: &[u8], now: Millis) -> Heard {
        match self.guard.handle_frame(Link::Proven(LinkId(from as u64)), packet, now) {
            Ok(Accepted::Message(message)) => {
                let (origin, mark) = (message.origin, message.mark);
                Heard::Delivered(Delivered { origin, mark, body: message.body })
            }
            Ok(_) => Heard::Taken,
            Err(refusal) => Heard::Refused(refusal),
        }
    }

    fn tick(&mut self, now: Millis) {
        self.guard.tick(now).unwrap();
    }

    fn beacon(&mut self, body: &[u8], now: Millis) {
        // Who left its mesh, or signs nothing any more, has nothing to say.
        let _signed_or_not = self.guard.sign_beacon(body, now);
    }

    fn propose(&mut self, event: CriticalEvent, now: Millis) {
        // Who abstains does not propose.
        let _voted_or_not = self.guard.report_critical_event(event, now);
    }

    fn sent(&mut self) -> Vec<Sent> {
        let to_all = self.host.sent().into_iter().map(|(packet, except)| Sent::ToAll {
            except: except.map(place),
            packet: packet.into(),
        });
        let replies = std::mem::take(&mut *self.host.replies.lock());
        let replies =
            replies.into_iter().map(|(link, packet)| Sent::To(place(link), packet.into()));
        to_all.chain(replies).collect()
    }

    fn told(&mut self) -> Vec<Told> {
        let events = std::mem::take(&mut *self.host.events.lock());
        let told = events.into_iter().map(|event| match event {
            Event::MemberQuarantined { node, .. } | Event::QuarantineWithheld { node, .. } => {
                Told::Quarantined(node)
            }
            Event::LinkQuarantined { link, .. } => {
                Told::LinkQuarantined(usize::try_from(link.0).unwrap())
            }
            Event::Certified(certificate) => Told::Certified(certificate.event().clone()),
            event => Told::Other(event),
        });
        told.collect()
    }

    fn in_quarantine(&self, now: Millis) -> usize {
        self.guard.stats(now).quarantined_nodes.len()
    }

    fn failed(&self, now: Millis) -> Vec<NodeId> {
        self.guard.stats(now).validated_failures
    }

    fn checks(&self, now: Millis) -> Checks {
        let stats = self.guard.stats(now);
        Checks { messages: stats.message_checks, all: stats.signature_checks }
    }
}
