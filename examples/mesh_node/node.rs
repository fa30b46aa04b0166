//! A node: started, its loop, stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use meshward::{
    Accepted, DurableStore, Error, Host, Identity, Kind, MeshByzantineProtection, Message, Millis,
    Misuse, NodeId, Reassembler, ReassemblyConfig, Said, View, ViewNumber,
};
use metrics_exporter_prometheus::PrometheusBuilder;
use parking_lot::Mutex;

use super::Failure;
use super::backup::{Backups, NodeStore};
use super::config::Settings;
use super::host::{Monitor, Router};
use super::inbox::{Datagram, Inbox};
use super::journal::Journal;
use super::names::Names;
use super::output::Output;
use super::routes::{self, Routes, Table};
use super::snapshot::{self, Snapshot};
use super::start_number;
use super::udp::{self, Udp};
use super::web::Web;

/// At most so long the loop waits for a datagram before it looks at the clock and at the signals.
const PATIENCE: Duration = Duration::from_millis(50);

/// What the parts of a node share.
pub(crate) struct Shared {
    pub(crate) protection: MeshByzantineProtection,
    pub(crate) udp: Arc<Udp>,
    pub(crate) routes: Arc<Mutex<Routes>>,
    pub(crate) names: Arc<Names>,
    pub(crate) journal: Arc<Mutex<Journal>>,
    /// What was the matter in the last round of the loop.
    pub(crate) alerts: Mutex<Vec<String>>,
    /// Why the last beacon was not signed, if it was not.
    pub(crate) silence: Mutex<Option<Misuse>>,
    /// What is wrong with the backup of the keys in use, if one is wanted.
    pub(crate) no_backup: Mutex<Option<String>>,
    pub(crate) started: Instant,
    suspicion: Duration,
}

impl Shared {
    /// The monotonic clock of this node.
    pub(crate) fn now(&self) -> Millis {
        Millis(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// The routes over the neighbours whose links carry something.
    pub(crate) fn table(&self) -> Table {
        let up = self.udp.peers.iter().filter(|peer| peer.is_up(self.suspicion));
        self.routes.lock().table(up.map(|peer| peer.node))
    }
}

pub(crate) struct Node {
    shared: Arc<Shared>,
    /// Has room for what is said in this view.
    reassembler: (ViewNumber, Reassembler),
    inbox: Arc<Inbox>,
    reader: JoinHandle<()>,
    web: Option<Web>,
    backups: Option<Backups>,
    text: String,
    /// There may be old nodes, which sign nothing.
    stages: bool,
    /// How often beacons go out, and how often the health loop goes round.
    beacon: Interval,
    health: Interval,
}

impl Node {
    /// Starts a node, and all but its loop.
    ///
    /// # Errors
    /// What keeps it from starting.
    pub(crate) fn start(mut settings: Settings, out: &Output) -> Result<Self, Failure> {
        let recorder = PrometheusBuilder::new().build_recorder();
        let metrics = recorder.handle();
        metrics::set_global_recorder(recorder).map_err(failed)?;
        udp::describe();
        snapshot::describe();

        let store = NodeStore::new(DurableStore::open(&settings.state).map_err(failed)?);
        let me = Identity::load(&store).map_err(refused)?.node();
        if let Some(peer) = settings.peers.iter().find(|peer| peer.node == me) {
            return Err(Failure::asked(&peer.is_this_node));
        }
        let start = start_number::next(&settings.state).map_err(|error| {
            let state = settings.state.display();
            Failure::running(format!("The number of this start in {state}: {error}."))
        })?;
        let mesh = settings.view.mesh();
        let udp = Udp::open(&mut settings, (mesh, me), start).map_err(Failure::running)?;
        let udp = Arc::new(udp);
        let links = udp.peers.iter().map(|peer| (peer.link.id(), peer.node));
        let names = Arc::new(Names::new(&settings.view, links));
        let routes = Arc::new(Mutex::new(Routes::new(me)));
        let journal = Arc::new(Mutex::new(Journal::new(out.clone())));

        let router = Router { udp: Arc::clone(&udp), routes: Arc::clone(&routes) };
        let monitor = Monitor {
            udp: Arc::clone(&udp),
            names: Arc::clone(&names),
            journal: Arc::clone(&journal),
            suspicion: Duration::from_millis(settings.protection.quorum.suspicion_ms),
        };
        let Settings { view, text, beacon_ms, http, protection: config, backup, .. } = settings;
        let (suspicion_ms, stages) = (config.quorum.suspicion_ms, config.rollout.is_some());
        let (started, now) = (Instant::now(), Millis(0));
        let host = Host::new(store.clone(), router, monitor);
        let protection =
            MeshByzantineProtection::start(config, view, host, now).map_err(refused)?;
        // The store may hold a newer view than the file.
        let view = Arc::clone(protection.core().view());
        names.change(&view);
        for link in udp.peers.iter().filter_map(|peer| peer.link.proven()) {
            // However many strangers come, each neighbour keeps its part.
            protection.reserve_link(link, now).map_err(refused)?;
        }
        let reassembler = reassembler(&view, &udp, now)?;
        let shared = Arc::new(Shared {
            protection,
            udp,
            routes,
            names,
            journal,
            alerts: Mutex::default(),
            silence: Mutex::default(),
            no_backup: Mutex::default(),
            started,
            suspicion: Duration::from_millis(suspicion_ms),
        });
        let web = http.map(|listen| {
            let source = Snapshot { shared: Arc::clone(&shared), metrics };
            Web::start(listen, Arc::new(source)).map_err(|error| {
                Failure::running(format!("Nobody is served at {listen}: {error}."))
            })
        });
        let web = web.transpose()?;
        let backups = backup.map(|of| Backups::start(of, store, Arc::clone(&shared)));
        let inbox = Arc::new(Inbox::new(shared.udp.peers.len()));
        let reader = {
            let (udp, inbox) = (Arc::clone(&shared.udp), Arc::clone(&inbox));
            thread::spawn(move || udp.listen(&inbox))
        };
        let node = Self {
            reassembler: (view.number(), reassembler),
            inbox,
            reader,
            web,
            backups,
            text,
            stages,
            beacon: Interval::new(beacon_ms),
            // Four times in a suspicion time is the least.
            health: Interval::new((suspicion_ms / 8).min(250)),
            shared,
        };
        node.tell(&me, out);
        Ok(node)
    }

    /// Says that it runs.
    fn tell(&self, me: &NodeId, out: &Output) {
        let name = self.shared.names.name(me);
        let mut told = format!("{} runs", name.escape_debug());
        if let Some(web) = &self.web {
            told += &format!(", and is to be seen at http://{}/", web.address());
        }
        out.say(told);
    }

    /// Works until it is told to stop.
    ///
    /// # Errors
    /// The store failed, so nothing can be signed any more.
    pub(crate) fn work(mut self, stop: &AtomicBool) -> Result<(), Failure> {
        let mut result = Ok(());
        while result.is_ok() && !stop.load(Ordering::Relaxed) {
            if let Some(datagram) = self.inbox.take(self.patience()) {
                self.take(&datagram);
            }
            result = self.do_what_is_due();
        }
        self.stop();
        result
    }

    fn patience(&self) -> Duration {
        let now = self.shared.now();
        let due = self.beacon.wait(now).min(self.health.wait(now));
        Duration::from_millis(due).min(PATIENCE)
    }

    /// The last look at the clock writes what is due. All else that is durable was written before anything
    /// was said of it, so there is nothing to lose with a power cut, either.
    fn stop(self) {
        if let Some(web) = self.web {
            web.stop();
        }
        if let Some(backups) = self.backups {
            backups.stop();
        }
        self.shared.udp.stop();
        let _ended = self.reader.join();
        let _last = self.shared.protection.keep_time(self.shared.now());
    }

    fn take(&self, datagram: &Datagram) {
        let (now, link) = (self.shared.now(), datagram.link);
        if self.stages && self.take_unsigned(datagram, now) {
            return;
        }
        let packet = match self.reassembler.1.take(link, &datagram.bytes, now) {
            Ok(Some(packet)) => packet,
            Ok(None) => return,
            // The library counts it against the link, and refuses it.
            Err(_) => datagram.bytes.as_slice().into(),
        };
        match self.shared.protection.handle_frame(link, &packet, now) {
            Ok(Accepted::Message(message)) => {
                self.reassembler.1.was_of_use(link, now);
                self.take_message(&message);
            }
            Ok(Accepted::CookieEcho(_)) => self.reassembler.1.answered(link, now),
            // The library counts refusals, and blames whom it may.
            Ok(_) | Err(_) => {}
        }
    }

    fn take_message(&self, message: &Message) {
        if message.kind == Kind::Beacon {
            self.take_beacon(message.origin, &message.body);
        }
    }

    fn take_beacon(&self, origin: NodeId, body: &[u8]) {
        self.shared.journal.lock().beacon(origin, body);
        if self.shared.udp.peers.iter().any(|peer| peer.node == origin) {
            let id = |name: &str| self.shared.names.id(name);
            self.shared.routes.lock().learn(origin, body, id);
        }
    }

    /// Takes a beacon of an old node that came from a peer, if the stages let it through. Tells whether it
    /// is one.
    fn take_unsigned(&self, datagram: &Datagram, now: Millis) -> bool {
        let Some(from) = routes::unsigned(&datagram.bytes) else { return false };
        let (Some(origin), Some(peer)) =
            (self.shared.names.id(&from), self.shared.udp.peer(datagram.link.id()))
        else {
            return false;
        };
        let neighbour = datagram.link.proven().map(|_| peer.node);
        let said = Said::Unsigned { origin, neighbour };
        if self.shared.protection.judge_unsigned(&said, now).lets_through() {
            self.take_beacon(origin, &datagram.bytes);
            self.shared.journal.lock().unsigned.insert(origin, Instant::now());
        }
        true
    }

    fn do_what_is_due(&mut self) -> Result<(), Failure> {
        let now = self.shared.now();
        if self.beacon.is_due(now) {
            self.send_beacon(now)?;
        }
        if self.health.is_due(now) {
            self.follow_the_view(now)?;
            self.reassembler.1.tick(now);
            match self.shared.protection.health_check(now) {
                Ok(checked) => self.shared.note(&checked),
                // What was wanted cannot be now, and is wanted again in the next round.
                Err(Error::Misuse(_)) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(())
    }

    /// A larger mesh has longer certificates. What is unfinished is lost, and sent again.
    fn follow_the_view(&mut self, now: Millis) -> Result<(), Failure> {
        let core = self.shared.protection.core();
        let view = core.view();
        if view.number() != self.reassembler.0 {
            self.reassembler = (view.number(), reassembler(view, &self.shared.udp, now)?);
        }
        Ok(())
    }

    fn send_beacon(&self, now: Millis) -> Result<(), Failure> {
        let shared = &self.shared;
        let body = routes::beacon(&self.text, &shared.table(), |node| shared.names.name(node));
        let silence = match shared.protection.sign_beacon(&body, now) {
            Ok(()) => {
                shared.journal.lock().beacon(shared.protection.core().node(), &body);
                None
            }
            // It waits for a quorum, or was taken over, or is no member any more.
            Err(Error::Misuse(misuse)) => Some(misuse),
            Err(error) => return Err(failed(error)),
        };
        *shared.silence.lock() = silence;
        Ok(())
    }
}

/// With room for what is said in a mesh of this view, and a part of its own for each neighbour.
fn reassembler(view: &View, udp: &Udp, now: Millis) -> Result<Reassembler, Failure> {
    let config = ReassemblyConfig::of(view.len(), udp.peers.len());
    let reassembler = Reassembler::new(config).map_err(refused)?;
    for peer in &udp.peers {
        reassembler.reserve(peer.link, now);
    }
    Ok(reassembler)
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::running(format!("{error}."))
}

/// The library does not start with this configuration, or could not.
fn refused(error: impl Into<Error>) -> Failure {
    match error.into() {
        Error::Misuse(misuse) => Failure::asked(format!("{misuse}.")),
        error => failed(error),
    }
}

/// Something that is to be done again and again.
struct Interval {
    every_ms: u64,
    next: Millis,
}

impl Interval {
    const fn new(every_ms: u64) -> Self {
        Self { every_ms, next: Millis(0) }
    }

    const fn wait(&self, now: Millis) -> u64 {
        self.next.since(now)
    }

    /// Whether its time has come. What was missed is not made up for.
    fn is_due(&mut self, now: Millis) -> bool {
        let is_due = now >= self.next;
        if is_due {
            let next = self.next.after(self.every_ms);
            self.next = if next > now { next } else { now.after(self.every_ms) };
        }
        is_due
    }
}
