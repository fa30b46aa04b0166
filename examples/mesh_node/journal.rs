//! What happened, as far back as there is room, and what the last events left behind.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use meshward::{Event, LinkId, Millis, NodeId};
use parking_lot::Mutex;

use super::names::Names;
use super::output::Output;
use super::words;

const EVENTS: usize = 200;
const CERTIFICATES: usize = 100;
/// Characters that are kept of a beacon.
const BEACON_CHARS: usize = 200;

#[derive(Clone)]
pub(crate) struct Happened {
    pub(crate) unix_ms: u64,
    pub(crate) name: &'static str,
    pub(crate) text: String,
}

#[derive(Clone)]
pub(crate) struct Agreed {
    pub(crate) unix_ms: u64,
    pub(crate) event: String,
    pub(crate) view: u64,
    pub(crate) attestors: usize,
}

#[derive(Clone)]
pub(crate) struct Journal {
    /// Where each event is said.
    out: Output,
    /// The newest first.
    pub(crate) events: VecDeque<Happened>,
    /// The newest first.
    pub(crate) certificates: VecDeque<Agreed>,
    /// When the quarantine of a member ends.
    pub(crate) members: BTreeMap<NodeId, Millis>,
    /// When the quarantine of a link ends.
    pub(crate) links: BTreeMap<LinkId, Millis>,
    /// The last beacon of each member, as text, cut short.
    pub(crate) beacons: BTreeMap<NodeId, String>,
    /// When a beacon of an old node came that was let through.
    pub(crate) unsigned: BTreeMap<NodeId, Instant>,
}

impl Journal {
    pub(crate) fn new(out: Output) -> Self {
        Self {
            out,
            events: VecDeque::new(),
            certificates: VecDeque::new(),
            members: BTreeMap::new(),
            links: BTreeMap::new(),
            beacons: BTreeMap::new(),
            unsigned: BTreeMap::new(),
        }
    }

    /// Notes an event, and says it.
    pub(crate) fn note(journal: &Mutex<Self>, event: &Event, names: &Names) {
        let text = words::event(event, names);
        let mut journal = journal.lock();
        match event {
            Event::MemberQuarantined { node, until, .. } => {
                journal.members.insert(*node, *until);
            }
            Event::MemberReleased { node } => {
                journal.members.remove(node);
            }
            Event::LinkQuarantined { link, until, .. } => {
                journal.links.insert(*link, *until);
            }
            Event::LinkReleased { link } => {
                journal.links.remove(link);
            }
            Event::ViewChanged { view } => {
                let is_member = |node: &NodeId| view.index_of(node).is_some();
                journal.members.retain(|node, _| is_member(node));
                journal.beacons.retain(|node, _| is_member(node));
                journal.unsigned.retain(|node, _| is_member(node));
            }
            Event::Certified(certificate) => {
                let agreed = Agreed {
                    unix_ms: unix_ms(),
                    event: words::critical(certificate.event(), names),
                    view: names.view(&certificate.view()),
                    attestors: certificate.attestors().len(),
                };
                push(&mut journal.certificates, agreed, CERTIFICATES);
            }
            _ => {}
        }
        journal.say(event.name(), text);
    }

    /// Notes something that somebody should look at.
    pub(crate) fn alert(journal: &Mutex<Self>, text: String) {
        journal.lock().say("alert", text);
    }

    /// Notes that a backup was made.
    pub(crate) fn backup(journal: &Mutex<Self>, text: String) {
        journal.lock().say("backup", text);
    }

    fn say(&mut self, name: &'static str, text: String) {
        self.out.say(format!("{name}: {}", text.escape_debug()));
        push(&mut self.events, Happened { unix_ms: unix_ms(), name, text }, EVENTS);
    }

    /// Notes the body of a member's beacon.
    pub(crate) fn beacon(&mut self, of: NodeId, body: &[u8]) {
        let start = body.get(..BEACON_CHARS.saturating_mul(4)).unwrap_or(body);
        let text = String::from_utf8_lossy(start).chars().take(BEACON_CHARS).collect();
        self.beacons.insert(of, text);
    }
}

fn push<T>(ring: &mut VecDeque<T>, value: T, limit: usize) {
    ring.push_front(value);
    ring.truncate(limit);
}

/// Milliseconds since 1970 by the clock of this host.
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
