//! A node that runs what the library is compared with: gossip that checks every signature and still
//! believes who a packet says that it is from.
//!
//! It models the system that this library replaces, with the same packets and keys:
//!
//! * The signature is checked first, of everything that looks like a message, each copy of it.
//! * Who a message names as its origin is blamed: for a signature that does not hold, for a number that
//!   was used before, for more than ten messages in a second under its name. At twelve offences it is in
//!   quarantine for an hour, and nothing of it is delivered.
//! * A member that was not heard for the suspicion time is reported as failed. Votes count by the name that
//!   they carry, and nobody checks them; at two thirds the failure is believed, until a message of the
//!   member is delivered.
//! * No link has a budget, and none is blamed.
//!
//! In two things it is better than what it models, which condemned every honest node within a few beacons
//! as soon as there were two paths (G4): the first copy of a message that a link brings costs nobody
//! anything, and copies do not count for the rate.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque, hash_map::DefaultHasher};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

use meshward::quorum::Attestation;
use meshward::suite::{PublicKey, Purpose, VerifyingKey};
use meshward::wire::{Frame, Packet, Statement, Tag};
use meshward::{CriticalEvent, Digest, Mark, Millis, NodeId, Nonce, Refusal, View, quorum_size};
use parking_lot::Mutex;

use super::peer::{Checks, Delivered, Heard, Peer, Sent, Told};
use super::support::Liar;

/// Messages taken under one name in a second.
const RATE: usize = 10;
/// So many offences lead to quarantine, for so many milliseconds.
const OFFENCES: u32 = 12;
const QUARANTINE_MS: u64 = 3_600_000;

/// What became of checks, so that a simulation need not make each of them once for every node. They
/// count as if each node had made them.
static CHECKED: LazyLock<Mutex<HashMap<u64, bool>>> = LazyLock::new(Mutex::default);
const REMEMBERED: usize = 1_000_000;

/// Keys of all meshes so far, ready for checks.
static KEYS: LazyLock<Mutex<HashMap<Digest, Arc<VerifyingKey>>>> = LazyLock::new(Mutex::default);
const KEPT: usize = 1_000;

/// What it knows of one member.
#[derive(Default)]
struct Known {
    /// When messages under its name came, in the last second.
    came: VecDeque<u64>,
    offences: u32,
    quarantined_until: Option<u64>,
    newest: Option<Mark>,
    heard_at: u64,
    reported_at: Option<u64>,
    /// Who says that it has failed.
    votes: BTreeSet<NodeId>,
    is_failed: bool,
}

pub(crate) struct Naive {
    own: Liar,
    /// How often this node was started, and what it said since.
    nonce: Nonce,
    view: Arc<View>,
    known: Vec<Known>,
    suspicion_ms: u64,
    resend_ms: u64,
    /// Which packet came under which number, and over which links.
    seen: BTreeMap<(NodeId, Mark), (u64, BTreeSet<usize>)>,
    /// Statements that were passed on.
    passed: BTreeSet<u64>,
    sent: Vec<Sent>,
    told: Vec<Told>,
    checks: u64,
}

fn hash(bytes: &[u8]) -> u64 {
    // The hasher without a key: the same in every run.
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

fn prepared(key: &PublicKey) -> Arc<VerifyingKey> {
    let mut keys = KEYS.lock();
    if keys.len() >= KEPT {
        keys.clear();
    }
    Arc::clone(keys.entry(key.digest()).or_insert_with(|| Arc::new(key.prepare().unwrap())))
}

impl Naive {
    pub(crate) fn start(
        own: Liar,
        life: u32,
        (suspicion, resend): (u64, u64),
        now: Millis,
    ) -> Self {
        let view = Arc::clone(&own.view);
        let known = || Known { heard_at: now.0, ..Known::default() };
        Self {
            own,
            nonce: Nonce { boot: life, sequence: 0 },
            known: view.members().iter().map(|_| known()).collect(),
            view,
            suspicion_ms: suspicion,
            resend_ms: resend,
            seen: BTreeMap::new(),
            passed: BTreeSet::new(),
            sent: Vec::new(),
            told: Vec::new(),
            checks: 0,
        }
    }

    fn place(&self, node: &NodeId) -> Option<usize> {
        self.view.index_of(node).map(|member| member.0 as usize)
    }

    fn holds(&mut self, member: usize, frame: &Frame<'_>, packet: u64) -> bool {
        self.checks += 1;
        let known = CHECKED.lock().get(&packet).copied();
        known.unwrap_or_else(|| {
            let signed = frame.signed_header();
            let key = prepared(&self.view.members()[member].key.key);
            let holds = key.verify(Purpose::Frame, signed.signed(), signed.signature()).is_ok();
            let mut checked = CHECKED.lock();
            if checked.len() >= REMEMBERED {
                checked.clear();
            }
            checked.insert(packet, holds);
            holds
        })
    }

    fn blame(&mut self, member: usize, now: u64) {
        let known = &mut self.known[member];
        known.offences += 1;
        if known.offences >= OFFENCES && known.quarantined_until.is_none() {
            known.quarantined_until = Some(now + QUARANTINE_MS);
            self.told.push(Told::Quarantined(self.view.members()[member].id));
        }
    }

    fn message(&mut self, from: usize, frame: &Frame<'_>, bytes: &[u8], now: u64) -> Heard {
        let (header, packet) = (frame.header(), hash(bytes));
        let (origin, mark) = (header.origin, header.mark());
        let Some(member) = self.place(&origin) else {
            return Heard::Refused(Refusal::UnknownOrigin(origin));
        };
        let holds = self.holds(member, frame, packet);
        if origin == self.own.id {
            return Heard::Refused(Refusal::Own);
        }
        if !holds || !frame.body_matches() {
            self.blame(member, now);
            return Heard::Refused(Refusal::BadSignature);
        }
        if let Some((known, links)) = self.seen.get_mut(&(origin, mark)) {
            if *known == packet && links.insert(from) {
                return Heard::Refused(Refusal::Duplicate);
            }
            self.blame(member, now);
            return Heard::Refused(Refusal::Replay);
        }
        self.seen.insert((origin, mark), (packet, BTreeSet::from([from])));
        let known = &mut self.known[member];
        known.came.retain(|at| now - at < 1000);
        known.came.push_back(now);
        if known.came.len() > RATE {
            self.blame(member, now);
            return Heard::Refused(Refusal::OverRate);
        }
        if self.known[member].quarantined_until.is_some_and(|until| now < until) {
            return Heard::Refused(Refusal::OriginQuarantined);
        }
        let newest = self.known[member].newest.max(Some(mark));
        let known = &mut self.known[member];
        (known.newest, known.heard_at, known.is_failed) = (newest, now, false);
        known.votes.clear();
        self.sent.push(Sent::ToAll { except: Some(from), packet: bytes.into() });
        Heard::Delivered(Delivered { origin, mark, body: frame.body().to_vec() })
    }

    fn vote(&mut self, from: usize, statement: Statement<'_>, bytes: &[u8]) -> Heard {
        let voter = statement.head().origin;
        let event = match Attestation::read(statement, &self.view) {
            Ok(attestation) => attestation.event().clone(),
            Err(refusal) => return Heard::Refused(refusal),
        };
        if !self.passed.insert(hash(bytes)) {
            return Heard::Refused(Refusal::Duplicate);
        }
        self.sent.push(Sent::ToAll { except: Some(from), packet: bytes.into() });
        self.count(voter, &event);
        Heard::Taken
    }

    fn count(&mut self, voter: NodeId, event: &CriticalEvent) {
        let CriticalEvent::NodeFailure { subject, .. } = event else { return };
        let Some(member) = self.place(subject).filter(|_| *subject != self.own.id) else { return };
        let known = &mut self.known[member];
        known.votes.insert(voter);
        if known.votes.len() >= quorum_size(self.view.len()) && !known.is_failed {
            known.is_failed = true;
            self.told.push(Told::Certified(event.clone()));
        }
    }
}

impl Peer for Naive {
    fn hear(&mut self, from: usize, bytes: &[u8], now: Millis) -> Heard {
        match Packet::parse(bytes) {
            Ok(Packet::Frame(frame)) => self.message(from, &frame, bytes, now.0),
            Ok(Packet::Statement(statement)) if statement.tag() == Tag::Attestation => {
                self.vote(from, statement, bytes)
            }
            Ok(_) => Heard::Taken,
            Err(error) => Heard::Refused(error.into()),
        }
    }

    fn tick(&mut self, now: Millis) {
        for member in 0..self.known.len() {
            let (subject, known) = (self.view.members()[member].id, &mut self.known[member]);
            let is_silent = now.0 - known.heard_at > self.suspicion_ms;
            let is_due = known.reported_at.is_none_or(|at| now.0 - at >= self.resend_ms);
            if subject != self.own.id && is_silent && is_due && !known.is_failed {
                known.reported_at = Some(now.0);
                let event = CriticalEvent::NodeFailure { subject, mark: known.newest };
                let packet: Arc<[u8]> = self.own.attest(&event).into();
                self.passed.insert(hash(&packet));
                self.sent.push(Sent::ToAll { except: None, packet });
                self.count(self.own.id, &event);
            }
        }
    }

    fn beacon(&mut self, body: &[u8], _now: Millis) {
        self.nonce.sequence += 1;
        let packet: Arc<[u8]> = self.own.beacon(self.nonce, body).into();
        self.sent.push(Sent::ToAll { except: None, packet });
    }

    fn sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    fn told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    fn in_quarantine(&self, now: Millis) -> usize {
        let is_in = |known: &&Known| known.quarantined_until.is_some_and(|until| now.0 < until);
        self.known.iter().filter(is_in).count()
    }

    fn failed(&self, _now: Millis) -> Vec<NodeId> {
        let members = self.view.members().iter().zip(&self.known);
        members.filter(|(_, known)| known.is_failed).map(|(member, _)| member.id).collect()
    }

    fn checks(&self, _now: Millis) -> Checks {
        Checks { messages: self.checks, all: self.checks }
    }
}
