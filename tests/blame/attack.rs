//! One attack: what X says reaches V and V's twin, everything else reaches V alone.

use crate::acts::{Act, MOST_ACTS};
use crate::arsenal::{Volley, arsenal};
use crate::payers::{Payer, payer};
use crate::support::{Liar, Mesh, id, link, riddle};
use meshward::limit::Rate;
use meshward::reputation::{Penalties, Reputation, ReputationConfig};
use meshward::wire::{HEADER_LEN, Header, Kind, Packet};
use meshward::{
    Accepted, Config, GossipConfig, Link, LinkId, Millis, NodeId, Nonce, QuorumConfig, Refusal,
    SentAt, Suite,
};

/// Whose key nobody else has.
pub(crate) const X: usize = 0;
/// The receiver that is attacked.
pub(crate) const V: usize = 1;
/// The receiver that hears X and nobody else.
const TWIN: usize = 2;
/// The adversary that contradicts itself, so that others can prove it.
pub(crate) const PROVEN: usize = 5;

const INTERVAL_MS: u64 = 200;
/// In the end X is silent for so long, says one thing, and two seconds later goes on at its full rate.
const PAUSE_MS: u64 = 120_000;
const GOES_ON_AFTER_MS: u64 = 2_000;
/// What X said before V was there: a message every two seconds.
const STOCK: usize = 70;
/// The hostile links whose standing is watched.
pub(crate) const HOSTILE: u64 = 4;

/// What is made once for all cases.
pub(crate) struct World {
    mesh: Mesh,
    arsenal: Vec<Volley>,
    stock: Vec<Vec<u8>>,
    /// What X says under its first key and under its second, and what it says after the pause.
    beacons: [Vec<Vec<u8>>; 2],
    rotation: Vec<u8>,
    /// X's first key and its second.
    keys: [Liar; 2],
}

fn config() -> Config {
    let rate = |per_second, burst| Rate { per_second, burst };
    let gossip = GossipConfig {
        link_packets: rate(1, 1),
        link_checks: rate(20, 200),
        // So few that X's past is more than the budget for what is dated ahead.
        origin_rate: rate(10, 1),
        newcomer_checks: rate(20, 200),
        claimed_checks: rate(20, 25),
        ..GossipConfig::default()
    };
    let quorum =
        QuorumConfig { attestor_rate: rate(1, 1), slots_per_member: 4, ..QuorumConfig::default() };
    // One excess is enough, and leaves room to fall.
    let penalties = Penalties { over_rate: Reputation::from_ppm(710_000), ..Penalties::default() };
    let members = ReputationConfig { penalties, ..ReputationConfig::default() };
    Config { gossip, quorum, members, ..Config::default() }
}

impl World {
    pub(crate) fn new() -> Self {
        let mesh = Mesh::with(Suite::available().last().unwrap(), 7, config());
        let first = mesh.steal(X);
        let closing = Nonce { boot: 1, sequence: 1_000 };
        let (rotation, second) = first.rotate(mesh.suite, closing);
        let say = |who: &Liar, sequence: usize, sent_at: usize| {
            let sequence = u32::try_from(sequence).unwrap();
            let header = who.header(Kind::Beacon, Nonce { boot: 1, sequence });
            who.frame(Header { sent_at: SentAt(sent_at as u64), ..header }, b"here")
        };
        let stock = (0..STOCK).map(|number| say(&first, 1 + number, 2_000 * number)).collect();
        let keys = [first, second];
        let beacons = keys.each_ref().map(|who| {
            let sent_at = |number: usize| {
                let pause = match number {
                    0..MOST_ACTS => 0,
                    MOST_ACTS => PAUSE_MS,
                    _ => PAUSE_MS + GOES_ON_AFTER_MS + 100 * (number - MOST_ACTS) as u64,
                };
                2_000 * STOCK + number.min(MOST_ACTS) * INTERVAL_MS as usize + pause as usize
            };
            let all = 0..=MOST_ACTS + 20;
            all.map(|number| say(who, 1 + STOCK + number, sent_at(number))).collect()
        });
        let arsenal = arsenal(&mesh);
        Self { mesh, arsenal, stock, beacons, rotation, keys }
    }
}

/// Everybody's standing at V.
struct Standing {
    /// The members, and one who is none.
    nodes: Vec<Reputation>,
    /// Those of adversaries, and X's.
    links: Vec<Reputation>,
}

/// The place of the member under whose name a packet is; for a proof, of whom it is about.
fn signer(bytes: &[u8]) -> Option<usize> {
    let origin = match Packet::parse(bytes).ok()? {
        Packet::Frame(frame) => frame.header().origin,
        Packet::Statement(statement) => statement.head().origin,
        Packet::Proof(_) => id(PROVEN),
        _ => return None,
    };
    (0..7).find(|place| id(*place) == origin)
}

struct Attack<'a> {
    world: &'a mut World,
    now: Millis,
    said: usize,
    /// Which of X's keys signs.
    key: usize,
    /// When V first shed a live beacon for want of knowing X's clock; `Some(None)` once it knows it.
    shed: Option<Option<Millis>>,
}

fn over(number: u64) -> Link {
    match number {
        0..HOSTILE => Link::Proven(LinkId(1000 + number)),
        HOSTILE => Link::Claimed(link(X).id()),
        _ => Link::Claimed(LinkId(5000 + number)),
    }
}

/// Plays `acts`; panics when anything about X at V is not as at the twin, or when anyone pays for
/// what another did.
pub(crate) fn play(world: &mut World, acts: &[Act]) {
    world.mesh.now = Millis(200_000_000);
    let now = world.mesh.now;
    let mut attack = Attack { world, now, said: 0, key: 0, shed: None };
    attack.start();
    for act in acts {
        attack.act(act);
        attack.compare();
    }
    attack.now = attack.now.after(PAUSE_MS);
    attack.said = MOST_ACTS;
    attack.beacon();
    attack.now = attack.now.after(GOES_ON_AFTER_MS);
    for number in 1..=20 {
        attack.now = attack.now.after(100);
        attack.said = MOST_ACTS + number;
        attack.beacon();
    }
    attack.compare();
}

impl Attack<'_> {
    /// Both start for the first time.
    fn start(&mut self) {
        self.world.mesh.now = self.now;
        for at in [V, TWIN] {
            self.world.mesh.start_for_the_first_time(at);
            self.world.mesh.guard(at).reserve_link(link(X).id(), self.now).unwrap();
        }
    }

    /// Both start anew, and X answers their questions: up to what it says next everything is old.
    fn restart(&mut self) {
        self.world.mesh.now = self.now;
        let newest = u32::try_from(STOCK + self.said).unwrap();
        for at in [V, TWIN] {
            self.world.mesh.restart(at);
            self.world.mesh.guard(at).reserve_link(link(X).id(), self.now).unwrap();
            if self.key == 1 {
                let _kept_or_news = self.world.mesh.give(at, link(X), &self.world.rotation);
            }
            self.world.mesh.guard(at).tick(self.now).unwrap();
            let sent = self.world.mesh.nodes[at].host.sent();
            let asked = sent.iter().find_map(|(bytes, _)| riddle(bytes)).unwrap();
            let answer = self.world.keys[self.key].answer((at, asked), newest);
            let taken = self.world.mesh.give(at, link(X), &answer);
            assert!(matches!(taken, Ok(Accepted::Answer { .. })), "{taken:?}");
            assert!(!self.world.mesh.guard(at).core().unproven().contains(&id(X)));
        }
        self.shed = None;
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Beacon { arrives } => {
                self.now = self.now.after(INTERVAL_MS);
                if arrives {
                    self.beacon();
                }
                self.said += 1;
            }
            Act::Rotate if self.key == 0 => {
                for at in [V, TWIN] {
                    let guard = self.world.mesh.guard(at);
                    let taken = guard.handle_frame(link(X), &self.world.rotation, self.now);
                    assert!(matches!(taken, Ok(Accepted::Rotation { .. })), "{taken:?}");
                }
                self.key = 1;
            }
            Act::Rotate => {}
            Act::Volley { which, over: number } => {
                let which = which % self.world.arsenal.len();
                for packet in 0..self.world.arsenal[which].len() {
                    let bytes = self.world.arsenal[which][packet].clone();
                    self.send(number, &bytes);
                }
            }
            Act::Copy { of, over: number, cut, bit } => {
                let mut bytes = self.heard_of(of);
                if let Some(bit) = bit {
                    let at = bit / 8 % bytes.len();
                    bytes[at] ^= 1 << (bit % 8);
                }
                bytes.truncate(cut.unwrap_or(bytes.len()));
                self.send(number, &bytes);
            }
            Act::OtherBody { of, over: number } => {
                let mut bytes = self.heard_of(of);
                *bytes.last_mut().unwrap() ^= 1;
                self.send(number, &bytes);
            }
            Act::Stock { over: number } => {
                for place in 0..STOCK {
                    let bytes = self.world.stock[place].clone();
                    self.send(number, &bytes);
                }
            }
            Act::Flood { of, over: number } => {
                let bytes = self.heard_of(of);
                let header = &bytes[..HEADER_LEN];
                let junk = [header, &vec![7; bytes.len() - HEADER_LEN]].concat();
                for _ in 0..1_200 {
                    let guard = self.world.mesh.guard(V);
                    let _refused = guard.handle_frame(over(number), &junk, self.now);
                }
                self.send(number, &bytes);
            }
            Act::Wait { ms } => self.now = self.now.after(ms),
            Act::StepClock { on: true, ms } => self.now = self.now.after(ms),
            Act::StepClock { on: false, ms } => {
                self.now = Millis(self.now.0.saturating_sub(ms));
                // What it knew of X's clock it knew by its own.
                self.shed = None;
            }
            Act::Restart => self.restart(),
        }
    }

    /// A beacon of X that adversaries have met: no later one than X has said.
    fn heard_of(&self, of: usize) -> Vec<u8> {
        self.world.beacons[self.key][of % (self.said + 1)].clone()
    }

    /// X's next beacon, over its own link, to both.
    fn beacon(&mut self) {
        let bytes = &self.world.beacons[self.key][self.said];
        let [at_v, at_twin] =
            [V, TWIN].map(|at| self.world.mesh.guard(at).handle_frame(link(X), bytes, self.now));
        let as_at_the_twin = match (&at_v, &at_twin) {
            (Ok(_), Ok(_)) => true,
            // An adversary brought it first.
            (Err(Refusal::Duplicate), Ok(_)) => true,
            (Err(Refusal::OriginRate), Ok(_)) => self.may_be_shed(),
            (one, other) => one.as_ref().err() == other.as_ref().err(),
        };
        assert!(as_at_the_twin, "{at_v:?} here, {at_twin:?} there");
        if at_v.is_ok() {
            self.shed = Some(None);
        }
    }

    /// A receiver that was played X's past before it ever heard X live may shed what X says next, and
    /// for a minute what comes later than that by seconds, as here it does.
    fn may_be_shed(&mut self) -> bool {
        match self.shed {
            None => {
                self.shed = Some(Some(self.now));
                true
            }
            Some(Some(since)) => self.now.since(since) < 60_000,
            Some(None) => false,
        }
    }

    /// What an adversary sends to V, and who pays for it.
    fn send(&mut self, number: u64, bytes: &[u8]) {
        let before = self.standing();
        let guard = self.world.mesh.guard(V);
        let refusal = match number % 3 {
            0 => guard.verify_beacon(over(number), bytes, self.now).err(),
            _ => guard.handle_frame(over(number), bytes, self.now).err(),
        };
        let after = self.standing();
        let what = format!("{refusal:?} over {:?}", over(number));
        let signer = signer(bytes);
        let taken = refusal.as_ref().is_none_or(|refusal| *refusal == Refusal::NotABeacon);
        let payer = match &refusal {
            // A proof is as good as having seen what it proves.
            _ if taken && signer == Some(PROVEN) => Payer::Signer,
            Some(refusal) => payer(refusal.reason()),
            None => Payer::Nobody,
        };
        for (place, (before, after)) in before.nodes.iter().zip(&after.nodes).enumerate() {
            match payer == Payer::Signer && Some(place) == signer {
                // Who shows a proof again shows nothing new.
                true if taken => assert!(after <= before, "{what}: member {place}"),
                true if *before > Reputation::ZERO => {
                    assert!(after < before, "{what}: member {place}");
                }
                _ => assert_eq!(before, after, "{what}: member {place}"),
            }
        }
        for (place, (before, after)) in before.links.iter().zip(&after.links).enumerate() {
            let came_over_it = number < HOSTILE && place as u64 == number;
            match payer == Payer::Link && came_over_it {
                // That is charged once a second.
                true if refusal == Some(Refusal::LinkBudget) => assert!(after <= before, "{what}"),
                true if *before > Reputation::ZERO => assert!(after < before, "{what}"),
                _ => assert_eq!(before, after, "{what}: link {place}"),
            }
        }
    }

    fn standing(&self) -> Standing {
        let core = self.world.mesh.guard(V).core();
        let stranger = NodeId::from_bytes([0xee; 32]);
        let nodes = (0..7).map(id).chain([stranger]);
        let links = (0..HOSTILE).map(over).chain([link(X)]);
        Standing {
            nodes: nodes.map(|node| core.reputation(&node, self.now)).collect(),
            links: links.map(|link| core.link_reputation(link.id(), self.now)).collect(),
        }
    }

    /// X at V and X at the twin.
    fn compare(&self) {
        let [at_v, at_twin] = [V, TWIN].map(|at| {
            let core = self.world.mesh.guard(at).core();
            (
                core.reputation(&id(X), self.now),
                core.is_node_quarantined(&id(X), self.now),
                core.link_reputation(link(X).id(), self.now),
                core.should_accept_message(link(X), &id(X), Kind::RouteUpdate, self.now),
            )
        });
        assert_eq!(at_v, at_twin);
        assert_eq!(at_v.0, Reputation::FULL);
    }
}
