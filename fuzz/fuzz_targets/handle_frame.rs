//! A mesh of four with real keys: an honest member X, the receiver V, an honest relay, and an
//! adversary that is a member, owns the network but for two links, and steps V's clock. Whatever it
//! does, nothing panics, X and the honest links are unharmed after every step, and in the end V hears
//! X.

#![no_main]

#[path = "../../tests/support/mod.rs"]
mod support;

use std::sync::{LazyLock, Mutex};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use meshward::reputation::Reputation;
use meshward::wire::{Header, Kind, Tag, seal_statement};
use meshward::{
    Accepted, CriticalEvent, Digest, Epoch, Link, LinkId, Millis, Nonce, OsEntropy, Refusal,
    SentAt, Suite,
};
use support::{Liar, Mesh, certificate, failure, id, link, riddle, with_signature};

const X: usize = 0;
const V: usize = 1;
const RELAY: usize = 2;
const ADVERSARY: usize = 3;

/// Over what a packet of the adversary's arrives.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum Over {
    Proven(u8),
    Claimed(u8),
    AddressOfX,
    AddressOfTheRelay,
}

impl Over {
    fn link(self) -> Link {
        match self {
            Self::Proven(number) => Link::Proven(LinkId(1000 + u64::from(number))),
            Self::Claimed(number) => Link::Claimed(LinkId(5000 + u64::from(number))),
            Self::AddressOfX => Link::Claimed(link(X).id()),
            Self::AddressOfTheRelay => Link::Claimed(link(RELAY).id()),
        }
    }
}

#[derive(Debug, Arbitrary)]
struct Numbers {
    boot: u32,
    sequence: u32,
    sent_at: u64,
    recovery: u32,
    operational: u32,
    kind: u8,
}

#[derive(Debug, Arbitrary)]
enum Said {
    Failure { of: u8, sequence: u32 },
    Link { peer: u8 },
    Proposal { content: u8 },
    Rotation { of: u8, content: u8 },
    Incident { of: u8 },
    Hello { sequence: u32 },
    Claim { riddle: u8, boot: u32 },
    Witness { of: u8, riddle: u8, boot: u32 },
    NewKey { closing: u32 },
}

#[derive(Debug, Arbitrary)]
enum Act {
    /// X says something; V hears it, or the adversary keeps it for later.
    Beacon {
        held: bool,
    },
    /// A packet that was seen before.
    Replay {
        which: u8,
        over: Over,
    },
    Alter {
        which: u8,
        at: u16,
        by: u8,
        over: Over,
    },
    Cut {
        which: u8,
        at: u16,
        over: Over,
    },
    Append {
        which: u8,
        tail: [u8; 3],
        over: Over,
    },
    Raw {
        bytes: Vec<u8>,
        over: Over,
    },
    /// Under the adversary's own name and key.
    Frame {
        numbers: Numbers,
        body: u8,
        over: Over,
    },
    Statement {
        said: Said,
        over: Over,
    },
    Certificate {
        over: Over,
    },
    /// Under X's name, with a signature made for something else.
    Forged {
        numbers: Numbers,
        over: Over,
    },
    /// Whoever V asked for a cookie sends it back.
    Echo {
        over: Over,
    },
    Wait {
        ms: u16,
    },
    StepClock {
        on: bool,
        seconds: u16,
    },
    Tick,
    Restart,
}

/// Acts that are played of one input.
const ACTS: usize = 60;
/// Milliseconds between two beacons of X.
const INTERVAL_MS: u64 = 200;
/// Longer than it takes until all budgets are full again, in milliseconds.
const PAUSE_MS: u64 = 120_000;
/// What comes after it: one message, and so much later a burst of so many.
const BURST_AFTER_MS: u64 = 2_000;
const BURST: usize = 6;

/// What is made once: keys are dear, and so is signing.
struct World {
    mesh: Mesh,
    /// What X says during the acts, once after the pause, and a burst after that.
    beacons: Vec<Vec<u8>>,
    /// Statements of X's that everybody has met, and a certificate.
    met: Vec<Vec<u8>>,
    liar: Liar,
    x: Liar,
}

static WORLD: LazyLock<Mutex<World>> = LazyLock::new(|| {
    let mesh = Mesh::new(Suite::MlDsa65, 4);
    let (liar, x) = (mesh.steal(ADVERSARY), mesh.steal(X));
    let beacon = |number: usize| {
        let sequence = u32::try_from(number + 1).unwrap();
        let pause = match number {
            0..=ACTS => 0,
            _ if number == ACTS + 1 => PAUSE_MS,
            _ => PAUSE_MS + BURST_AFTER_MS,
        };
        let sent_at = SentAt(number.min(ACTS + 1) as u64 * INTERVAL_MS + pause);
        let header = x.header(Kind::Beacon, Nonce { boot: 1, sequence });
        x.frame(Header { sent_at, ..header }, b"here")
    };
    let beacons = (0..=ACTS + 1 + BURST).map(beacon).collect();
    let hello = [[1; 16].as_slice(), &[0]].concat();
    let hello = seal_statement(Tag::Hello, &x.head(), &hello, &x.key, &OsEntropy).unwrap();
    let votes = [X, RELAY, ADVERSARY]
        .map(|place| (u32::try_from(place).unwrap(), mesh.steal(place).attest(&proposal(7, 1))));
    let met = vec![hello, x.attest(&proposal(2, 1)), certificate(&mesh.view, &votes)];
    Mutex::new(World { mesh, beacons, met, liar, x })
});

fn proposal(sequence: u64, content: u8) -> CriticalEvent {
    let [topic, content] = [1, content].map(|byte| Digest::from_bytes([byte; 32]));
    CriticalEvent::GovernanceProposal { topic, sequence, content }
}

struct Attack<'a> {
    mesh: &'a mut Mesh,
    beacons: &'a [Vec<u8>],
    said: usize,
    /// What V's clock shows.
    clock: Millis,
    liar: &'a Liar,
    x: &'a Liar,
    seen: Vec<Vec<u8>>,
    votes: Vec<Vec<u8>>,
}

impl Attack<'_> {
    fn give(&self, over: Link, bytes: &[u8]) -> Result<Accepted, Refusal> {
        self.mesh.guard(V).handle_frame(over, bytes, self.clock)
    }

    fn keep(&mut self, bytes: Vec<u8>) {
        if self.seen.len() < 64 {
            self.seen.push(bytes);
        }
    }

    fn pick(&self, which: u8) -> Vec<u8> {
        let which = usize::from(which).checked_rem(self.seen.len()).unwrap_or(0);
        self.seen.get(which).cloned().unwrap_or_default()
    }

    /// V, which starts anew, asks X where it stands: what it has not said yet is news.
    fn answer(&self) {
        let _ticked = self.mesh.guard(V).tick(self.clock);
        let asked = self.mesh.nodes[V].host.sent().into_iter().find_map(|(sent, _)| riddle(&sent));
        if let Some(asked) = asked {
            let newest = u32::try_from(self.said).unwrap();
            let _taken = self.give(link(X), &self.x.answer((V, asked), newest));
        }
    }

    fn wait(&mut self, ms: u64) {
        self.clock = self.clock.after(ms);
    }

    fn header(who: &Liar, numbers: &Numbers) -> Header {
        let Numbers { boot, sequence, sent_at, recovery, operational, kind } = *numbers;
        // By turns like an honest one's, and anything.
        let kind = Kind::host(u16::from(kind)).unwrap_or(Kind::Beacon);
        let header = who.header(kind, Nonce { boot: boot % 4, sequence });
        match kind {
            Kind::Beacon => header,
            _ => Header {
                nonce: Nonce { boot, sequence },
                epoch: if recovery % 4 == 0 {
                    header.epoch
                } else {
                    Epoch { recovery, operational }
                },
                sent_at: SentAt(sent_at),
                ..header
            },
        }
    }

    fn statement(&mut self, said: &Said) -> Vec<u8> {
        let member = |number: u8| usize::from(number) % 4;
        let digest = |byte| Digest::from_bytes([byte; 32]);
        let event = match *said {
            Said::Failure { of, sequence } => failure(member(of), support::mark(sequence)),
            Said::Link { peer } => {
                let (reporter, peer) = (id(ADVERSARY), id(member(peer)));
                CriticalEvent::LinkDown { reporter, peer, mark: None }
            }
            Said::Proposal { content } => proposal(1, content),
            Said::Rotation { of, content } => CriticalEvent::KeyRotation {
                node: id(member(of)),
                epoch: Epoch::FIRST,
                key: digest(content),
            },
            Said::Incident { of } => CriticalEvent::SecurityIncident {
                offender: id(member(of)),
                epoch: Epoch::FIRST,
                key: self.x.key.public_key().digest(),
            },
            Said::Hello { sequence } => {
                // And the view that it is in; it lacks nobody's key.
                let nonce = [9_u32.to_le_bytes(), sequence.to_le_bytes(), [0; 4], [0; 4]].concat();
                let nonce = [nonce.as_slice(), &[0]].concat();
                let (head, key) = (self.liar.head(), &self.liar.key);
                return seal_statement(Tag::Hello, &head, &nonce, key, &OsEntropy).unwrap();
            }
            Said::Claim { riddle, boot } => {
                let view = &self.liar.view;
                let (digest, number) = (view.digest(), view.number().0.to_le_bytes());
                let riddle = [riddle; 16];
                let claim = [digest.as_bytes(), &number[..], &riddle, &boot.to_le_bytes()].concat();
                return self.liar.say(Tag::Claim, &claim);
            }
            Said::Witness { of, riddle, boot } => {
                let (digest, one) = (self.liar.view.digest(), 1_u64.to_le_bytes());
                let (of, riddle) = (u32::from(of % 4).to_le_bytes(), [riddle; 16]);
                let boot = boot.to_le_bytes();
                let witness = [digest.as_bytes(), &one[..], &of, &riddle, &boot].concat();
                return self.liar.say(Tag::Witness, &witness);
            }
            Said::NewKey { closing } => {
                let closing = Nonce { boot: 1, sequence: closing };
                return self.mesh.steal(ADVERSARY).rotate(Suite::MlDsa65, closing).0;
            }
        };
        let vote = self.liar.attest(&event);
        self.votes.push(vote.clone());
        vote
    }

    fn send(&mut self, bytes: Vec<u8>, over: Over) {
        let _taken = self.give(over.link(), &bytes);
        self.keep(bytes);
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Beacon { held } => {
                self.wait(INTERVAL_MS);
                let beacon = self.beacons[self.said].clone();
                self.said += 1;
                if !held {
                    let _taken = self.give(link(X), &beacon);
                }
                self.keep(beacon);
            }
            Act::Replay { which, over } => self.send(self.pick(which), over),
            Act::Alter { which, at, by, over } => {
                let mut bytes = self.pick(which);
                let at = usize::from(at).checked_rem(bytes.len()).unwrap_or(0);
                bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= by);
                self.send(bytes, over);
            }
            Act::Cut { which, at, over } => {
                let mut bytes = self.pick(which);
                bytes.truncate(usize::from(at));
                self.send(bytes, over);
            }
            Act::Append { which, tail, over } => {
                self.send([self.pick(which).as_slice(), &tail].concat(), over);
            }
            Act::Raw { bytes, over } => self.send(bytes, over),
            Act::Frame { numbers, body, over } => {
                let header = Self::header(self.liar, &numbers);
                self.send(self.liar.frame(header, &[body]), over);
            }
            Act::Statement { said, over } => {
                let bytes = self.statement(&said);
                self.send(bytes, over);
            }
            Act::Certificate { over } if !self.votes.is_empty() => {
                let votes: Vec<_> = (0..).zip(self.votes.iter().cloned()).collect();
                self.send(certificate(&self.mesh.view, &votes), over);
            }
            Act::Certificate { .. } => {}
            Act::Forged { numbers, over } => {
                let header = Self::header(self.x, &numbers);
                let signature = vec![numbers.kind; Suite::MlDsa65.signature_len()];
                self.send(with_signature(header, &signature, b""), over);
            }
            Act::Echo { over } => {
                let replies = std::mem::take(&mut *self.mesh.nodes[V].host.replies.lock());
                for (_, mut cookie) in replies.into_iter().take(4) {
                    cookie[1] = Tag::CookieEcho.code();
                    self.send(cookie, over);
                }
            }
            Act::Wait { ms } => self.wait(u64::from(ms)),
            Act::StepClock { on, seconds } => {
                let by = u64::from(seconds) * 1000;
                self.clock =
                    Millis(if on { self.clock.0 + by } else { self.clock.0.saturating_sub(by) });
            }
            Act::Tick => drop(self.mesh.guard(V).tick(self.clock)),
            Act::Restart => {
                self.mesh.now = self.clock;
                self.mesh.restart(V);
                self.answer();
            }
        }
    }

    fn assert_unharmed(&self) {
        let core = self.mesh.guard(V).core();
        for honest in [X, RELAY] {
            assert_eq!(core.reputation(&id(honest), self.clock), Reputation::FULL);
            assert_eq!(core.link_reputation(link(honest).id(), self.clock), Reputation::FULL);
            assert!(!core.is_node_quarantined(&id(honest), self.clock));
        }
    }
}

fuzz_target!(|acts: Vec<Act>| {
    let World { mesh, beacons, met, liar, x } = &mut *WORLD.lock().unwrap();
    mesh.now = Millis(1_000_000);
    mesh.start_for_the_first_time(V);
    let (clock, seen, votes) = (mesh.now, met.clone(), Vec::new());
    let mut attack = Attack { mesh, beacons, said: 0, clock, liar, x, seen, votes };
    attack.act(Act::Beacon { held: false });
    for act in acts.into_iter().take(ACTS) {
        attack.act(act);
        attack.assert_unharmed();
    }
    attack.wait(PAUSE_MS);
    // A receiver that does not know X's clock, and was played its past, may shed this one.
    let _taken = attack.give(link(X), &beacons[ACTS + 1]);
    attack.wait(BURST_AFTER_MS);
    for beacon in &beacons[ACTS + 2..] {
        let taken = attack.give(link(X), beacon);
        assert!(matches!(taken, Ok(Accepted::Message(_))), "{taken:?}");
    }
    attack.assert_unharmed();
});
