//! `MeshByzantineProtection`: a [`Core`] with a store, a router and a monitor around it.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::mapek::Told;
use super::{MapekMonitor, MeshRouter, PeerHealth};
use crate::core::{Accepted, Config, Core, Event, Output, Step};
use crate::gossip::Message;
use crate::id::{Link, LinkId, Millis, NodeId};
use crate::keyring::{Error, Identity, Misuse};
use crate::membership::{Change, View};
use crate::quorum::{CriticalEvent, FailureStatus, Tally};
use crate::store::Store;
use crate::suite::{Entropy, OsEntropy, Suite};
use crate::wire::{Kind, Refusal, Tag};

/// What a node needs of its host.
pub struct Host {
    /// Holds the identity, the boot counter, the votes, and proofs against others.
    pub store: Box<dyn Store>,
    /// Carries packets.
    pub router: Box<dyn MeshRouter>,
    /// Watches over peers.
    pub monitor: Box<dyn MapekMonitor>,
    /// Where randomness comes from: the operating system, unless in a simulation.
    pub entropy: Arc<dyn Entropy>,
    /// Whether packets that were accepted are passed on to the other neighbours. A mesh in which
    /// not everyone hears everyone needs it.
    pub relay: bool,
}

impl Host {
    /// A relaying host with the randomness of the operating system.
    pub fn new(
        store: impl Store + 'static,
        router: impl MeshRouter + 'static,
        monitor: impl MapekMonitor + 'static,
    ) -> Self {
        Self {
            store: Box::new(store),
            router: Box::new(router),
            monitor: Box::new(monitor),
            entropy: Arc::new(OsEntropy),
            relay: true,
        }
    }
}

/// One node's protection against lying members and outsiders.
///
/// Feed it every packet that arrives ([`handle_frame`](Self::handle_frame)) and the time
/// ([`tick`](Self::tick)); it answers through the [`MeshRouter`] and the [`MapekMonitor`]. All
/// methods take `&self` and may be called from any thread; `now` is the host's monotonic clock.
pub struct MeshByzantineProtection {
    /// Of the newest view; held for as long as it takes to copy the pointer.
    core: RwLock<Arc<Core>>,
    pub(super) host: Host,
    /// What the host was told last; held while the router is told whom to isolate or to readmit.
    pub(super) told: Mutex<Told>,
}

impl fmt::Debug for MeshByzantineProtection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeshByzantineProtection")
            .field("core", &self.core())
            .finish_non_exhaustive()
    }
}

impl MeshByzantineProtection {
    /// Starts the node whose identity the host's store holds (see [`Identity::create`]), as a
    /// member of `view`.
    ///
    /// # Errors
    /// [`Misuse`](crate::keyring::Misuse): no identity, no member, a value out of its range; or a
    /// fault of the store. Nothing was signed then.
    pub fn start(config: Config, view: Arc<View>, host: Host, now: Millis) -> Result<Self, Error> {
        let store = host.store.as_ref();
        let identity = Identity::load(store)?;
        let core = Core::start(config, view, identity, store, Arc::clone(&host.entropy), now)?;
        Ok(Self { core: RwLock::new(Arc::new(core)), host, told: Mutex::default() })
    }

    /// The core of the newest view, for what this type does not pass on. After a view change it is
    /// another one.
    pub fn core(&self) -> Arc<Core> {
        Arc::clone(&self.core.read())
    }

    /// Takes whatever arrived over `link`. What is accepted and [is for
    /// others](Accepted::is_for_others) is passed on to the other neighbours, if the host relays.
    ///
    /// # Errors
    /// [`Refusal`] says why a packet was not taken.
    pub fn handle_frame(&self, link: Link, bytes: &[u8], now: Millis) -> Result<Accepted, Refusal> {
        let _span = span_of(bytes).entered();
        let step = self.core().handle_frame(link, bytes, now);
        self.finish((link, bytes), step, now)
    }

    /// Takes a beacon that arrived over `link`, and nothing else.
    ///
    /// # Errors
    /// [`Refusal::NotABeacon`] for any other packet; otherwise it says why the beacon was not
    /// delivered. One that shows that a member in quarantine lives is passed on all the same.
    pub fn verify_beacon(&self, link: Link, bytes: &[u8], now: Millis) -> Result<Message, Refusal> {
        let _span = span_of(bytes).entered();
        let step = self.core().take_beacon(link, bytes, now);
        self.finish((link, bytes), step, now).and_then(Accepted::into_beacon)
    }

    fn finish(
        &self,
        (link, bytes): (Link, &[u8]),
        step: Step<Result<Accepted, Refusal>>,
        now: Millis,
    ) -> Result<Accepted, Refusal> {
        let is_for_others = step.result.as_ref().is_ok_and(Accepted::is_for_others);
        if is_for_others && self.host.relay {
            self.host.router.broadcast(bytes, Some(link));
        }
        if let Err(error) = self.carry_out(step.outputs, now) {
            tracing::error!(%error, "an effect of a packet could not be carried out");
        }
        step.result
    }

    /// Signs a message and hands it to every neighbour.
    ///
    /// # Errors
    /// [`Misuse`](crate::keyring::Misuse): too long, too fast; or a fault of the scheme.
    pub fn sign_message(&self, kind: Kind, body: &[u8], now: Millis) -> Result<(), Error> {
        let bytes = self.core().sign_message(kind, body, now)?;
        self.host.router.broadcast(&bytes, None);
        Ok(())
    }

    /// Signs a beacon and hands it to every neighbour.
    ///
    /// # Errors
    /// As for [`sign_message`](Self::sign_message).
    pub fn sign_beacon(&self, body: &[u8], now: Millis) -> Result<(), Error> {
        self.sign_message(Kind::Beacon, body, now)
    }

    /// States that `node` has failed. [`tick`](Self::tick) does so by itself for members that are
    /// silent for the suspicion time.
    ///
    /// # Errors
    /// As for [`Core::report_node_failure`].
    pub fn report_node_failure(&self, node: NodeId, now: Millis) -> Result<Tally, Error> {
        let step = self.core().report_node_failure(node, now)?;
        self.carry_out(step.outputs, now)?;
        Ok(step.result)
    }

    /// States that `event` is so, or votes for it.
    ///
    /// # Errors
    /// As for [`Core::report_critical_event`], or a fault of the store.
    pub fn report_critical_event(&self, event: CriticalEvent, now: Millis) -> Result<Tally, Error> {
        let step = self.core().report_critical_event(event, now)?;
        self.carry_out(step.outputs, now)?;
        Ok(step.result)
    }

    /// Proposes a change of the members, or accepts the one that another member proposed. Once the next
    /// view has begun this node goes on in it by itself, and [`Event::ViewChanged`] tells the monitor.
    ///
    /// # Errors
    /// As for [`Core::propose_change`], or a fault of the store.
    pub fn propose_change(&self, change: Change, now: Millis) -> Result<Tally, Error> {
        let step = self.core().propose_change(change, now)?;
        self.carry_out(step.outputs, now)?;
        Ok(step.result)
    }

    /// States that this node no longer hears `peer` over the link between them: see
    /// [`Core::report_link_down`].
    ///
    /// # Errors
    /// As for [`Core::report_link_down`].
    pub fn report_link_down(&self, peer: NodeId, now: Millis) -> Result<Tally, Error> {
        let step = self.core().report_link_down(peer, now)?;
        self.carry_out(step.outputs, now)?;
        Ok(step.result)
    }

    /// States that this node hears `peer` again over the link between them.
    ///
    /// # Errors
    /// As for [`Core::report_link_up`].
    pub fn report_link_up(&self, peer: NodeId, now: Millis) -> Result<Tally, Error> {
        let step = self.core().report_link_up(peer, now)?;
        self.carry_out(step.outputs, now)?;
        Ok(step.result)
    }

    /// States that a part of the mesh is out of reach, as this node sees it: see
    /// [`Core::report_partition`].
    ///
    /// # Errors
    /// As for [`Core::report_partition`].
    pub fn report_partition(&self, now: Millis) -> Result<Tally, Error> {
        let step = self.core().report_partition(now)?;
        self.carry_out(step.outputs, now)?;
        Ok(step.result)
    }

    /// Replaces this node's key by the next one of `suite`, and announces it once it is durable.
    ///
    /// # Errors
    /// As for [`Core::rotate_keys`], or a fault of the store; the old key stays in use then.
    pub fn rotate_keys(&self, suite: Suite, now: Millis) -> Result<(), Error> {
        let step = self.core().rotate_keys(suite)?;
        self.carry_out(step.outputs, now)
    }

    /// The same for a key that may be in other hands: see [`Core::rotate_compromised_keys`].
    ///
    /// # Errors
    /// As for [`rotate_keys`](Self::rotate_keys).
    pub fn rotate_compromised_keys(&self, suite: Suite, now: Millis) -> Result<(), Error> {
        let step = self.core().rotate_compromised_keys(suite)?;
        self.carry_out(step.outputs, now)
    }

    /// Does what is due: reports members that are silent, sends again what is undecided, ends
    /// quarantines. Call it some times a second, and at least four times in a suspicion time.
    ///
    /// # Errors
    /// A fault of the scheme or the store. Everything else that was due has been done.
    ///
    /// [`health_check`](Self::health_check) does this and the rest of a MAPE-K loop.
    pub fn tick(&self, now: Millis) -> Result<(), Error> {
        let mut result = self.keep_time(now);
        for node in self.core().to_report(now) {
            if self.host.monitor.check_peer_health(node) == PeerHealth::Healthy {
                continue;
            }
            let reported = self.report_if_silent(node, now);
            result = result.and(reported);
        }
        result
    }

    /// Does what is due by the clock alone: all of [`tick`](Self::tick) but for the reports of members that
    /// are silent. For a host that [plans](super::mapek) these itself; to be called as often.
    ///
    /// # Errors
    /// As for [`tick`](Self::tick).
    pub fn keep_time(&self, now: Millis) -> Result<(), Error> {
        let _span = tracing::debug_span!("tick", now = now.0).entered();
        self.carry_out(self.core().tick(now), now)
    }

    /// States that `node` has failed, unless it was heard while the caller looked.
    pub(super) fn report_if_silent(&self, node: NodeId, now: Millis) -> Result<(), Error> {
        match self.report_node_failure(node, now) {
            Ok(_) | Err(Error::Misuse(_)) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    /// Whom the router was told to isolate and not to readmit since.
    pub(super) fn isolated(&self) -> BTreeSet<NodeId> {
        self.told.lock().isolated.clone()
    }

    /// Reserves a place for a proven link, for a neighbour that the host was configured with or
    /// knows to be a member: see [`SignedGossip::reserve_link`](crate::SignedGossip::reserve_link).
    ///
    /// # Errors
    /// [`Misuse::NoPlaceLeft`](crate::keyring::Misuse::NoPlaceLeft) when all are reserved.
    pub fn reserve_link(&self, link: LinkId, now: Millis) -> Result<(), Error> {
        Ok(self.core().reserve_link(link, now)?)
    }

    /// Takes a reservation back: the link keeps its place for as long as it is of use.
    pub fn release_link(&self, link: LinkId) {
        self.core().release_link(link);
    }

    /// Carries outputs out in their order; what a write brings about follows the write.
    pub(super) fn carry_out(&self, outputs: Vec<Output>, now: Millis) -> Result<(), Error> {
        let mut result = Ok(());
        let mut queue = VecDeque::from(outputs);
        while let Some(output) = queue.pop_front() {
            match output {
                Output::Send(bytes) => self.host.router.broadcast(&bytes, None),
                Output::SendTo { link, packet } => self.host.router.send_to(link, &packet),
                Output::Event(event) => {
                    if matches!(event, Event::ViewChanged { .. })
                        && let Err(error) = self.succeed(now)
                    {
                        result = Err(error);
                    }
                    self.tell(&event, now);
                }
                Output::Persist { write, batch } => match self.host.store.apply(&batch) {
                    Ok(()) => queue.extend(self.core().persisted(write, now)),
                    Err(error) => {
                        self.core().write_failed(write);
                        result = Err(error.into());
                    }
                },
            }
        }
        result
    }

    /// Goes on in the newest view. Who is no member of it keeps the core that it has, which says nothing
    /// more.
    fn succeed(&self, now: Millis) -> Result<(), Error> {
        let mut core = self.core.write();
        match core.successor(now) {
            Ok(next) => *core = Arc::new(next),
            Err(Error::Misuse(Misuse::NotAMember(_) | Misuse::Nonsense(_))) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn tell(&self, event: &Event, now: Millis) {
        match event {
            Event::MemberQuarantined { node, .. }
            | Event::MemberReleased { node }
            | Event::NodeReturned { node } => self.route_by_what_holds(*node, now),
            Event::Certified(certificate) => {
                if let CriticalEvent::NodeFailure { subject, .. } = certificate.event() {
                    self.route_by_what_holds(*subject, now);
                }
            }
            _ => {}
        }
        #[cfg(feature = "metrics")]
        self.core().told(event);
        self.host.monitor.on_event(event);
    }

    /// Has the router isolate `node`, or readmit it, by what holds now: what another thread heard in
    /// between must not be undone by older news. A member may be away for two reasons; it is routed
    /// through again when neither is left.
    pub(super) fn route_by_what_holds(&self, node: NodeId, now: Millis) {
        let isolated = &mut self.told.lock().isolated;
        if self.has_failed(&node) || self.is_node_quarantined(&node, now) {
            if isolated.insert(node) {
                self.host.router.isolate(node);
            }
        } else if isolated.remove(&node) {
            self.host.router.readmit(node);
        }
    }

    fn has_failed(&self, node: &NodeId) -> bool {
        matches!(self.validate_node_failure(node), FailureStatus::Certified(_))
    }
}

/// Of one packet. No field of it is what somebody outside chooses, but for the length.
fn span_of(bytes: &[u8]) -> tracing::Span {
    let name = || Tag::of(bytes).map_or("unreadable", Tag::name);
    tracing::trace_span!("packet", packet = name(), bytes = bytes.len())
}
