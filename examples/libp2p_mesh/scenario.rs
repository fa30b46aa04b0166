//! Twenty swarms: fourteen honest nodes, each with four honest neighbours, and six hostile peers, each with the
//! ears of four honest nodes.

use std::cell::Cell;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use meshward::Config;
use meshward::libp2p::score::thresholds;
use meshward::limit::Rate;
use meshward::reputation::Reputation;

use crate::Outcome;
use crate::field::{Field, Shape};
use crate::hostile::Manner;
use crate::node::{Node, clock};

pub(crate) const HONEST: usize = 14;
pub(crate) const MEMBERS: usize = 20;
/// In each round every honest node says one thing to all others.
const ROUNDS: usize = 20;

/// What came of it.
#[derive(Debug)]
pub(crate) struct Verdict {
    delivered: usize,
    expected: usize,
    /// Messages that were delivered more than once to one node.
    twice: usize,
    /// Of each hostile peer.
    hostile: Vec<(Manner, Parted)>,
    /// Honest links, and how many of them had a score below 0 at any time, have less than their full
    /// reputation, are in quarantine.
    honest_links: usize,
    below: usize,
    less: usize,
    quarantined: usize,
    members_in_quarantine: usize,
    seconds: f64,
}

/// How many of its honest neighbours pruned, graylisted and disconnected a hostile peer.
#[derive(Debug, Default)]
struct Parted {
    neighbours: usize,
    pruned: usize,
    graylisted: usize,
    disconnected: usize,
}

/// The honest neighbours of the honest node at `place`: a ring and its chords.
fn ring(place: usize) -> Vec<usize> {
    [1, 3, HONEST - 3, HONEST - 1].map(|step| (place + step) % HONEST).to_vec()
}

/// The honest nodes that the hostile peer at `place` calls.
fn called_by(place: usize) -> [usize; 4] {
    [0, 3, 7, 10].map(|step| (place * 2 + step) % HONEST)
}

/// The whole of it.
pub(crate) fn run() -> Outcome<Verdict> {
    let start = Instant::now();
    let mut config = Config::default();
    // Budgets that a flood on any machine passes, and a patience that a busy machine does not.
    config.gossip.link_packets = Rate { per_second: 200, burst: 400 };
    config.quorum.suspicion_ms = 120_000;
    let mut field = Field::start(Shape {
        members: MEMBERS,
        honest: HONEST,
        dials: ring,
        config,
        adapt: |settings, _, _| settings.silent_after = Some(Duration::from_secs(6)),
        relay: false,
    })?;
    for (place, manner) in (HONEST..MEMBERS).zip(Manner::ALL) {
        field.attack(place, manner, &called_by(place))?;
    }
    let said = Cell::new(0_usize);
    field.until("every hostile link is pruned", |field| {
        let all = hostile_links(field).iter().all(|(_, it)| it.pruned == it.neighbours);
        if all && said.get() >= ROUNDS {
            return true;
        }
        said.set(said.get() + 1);
        field.nodes.iter().for_each(|node| node.say(said.get()));
        false
    })?;
    let expected = said.get() * HONEST * (HONEST - 1);
    field.until("everything is delivered", |field| delivered(field).0 == expected)?;
    let (delivered, twice) = delivered(&field);
    let mut verdict = Verdict {
        delivered,
        expected,
        twice,
        hostile: hostile_links(&field),
        honest_links: 0,
        below: 0,
        less: 0,
        quarantined: 0,
        members_in_quarantine: 0,
        seconds: start.elapsed().as_secs_f64(),
    };
    for (place, node) in field.nodes.iter().enumerate() {
        ring(place).into_iter().for_each(|at| verdict.look_at_link(node, &field.peers[at]));
        verdict.members_in_quarantine += node.shield.stats(clock()).quarantined_nodes.len();
    }
    Ok(verdict)
}

/// Messages of honest nodes that honest nodes were delivered, and how many of them more than once.
fn delivered(field: &Field) -> (usize, usize) {
    let (mut delivered, mut twice) = (0, 0);
    for node in &field.nodes {
        let seen = node.seen.lock();
        delivered += seen.delivered.len();
        twice += seen.delivered.values().filter(|times| **times > 1).count();
    }
    (delivered, twice)
}

fn hostile_links(field: &Field) -> Vec<(Manner, Parted)> {
    let mut links = Vec::new();
    for (place, manner) in (HONEST..MEMBERS).zip(Manner::ALL) {
        let (peer, mut parted) = (field.peers[place], Parted::default());
        for node in called_by(place).map(|at| &field.nodes[at]) {
            let seen = node.seen.lock();
            let (score, is_gone) = (seen.lowest_of(&peer), !seen.connected.contains(&peer));
            let is_gone = is_gone && node.quarantines(&peer);
            parted.neighbours += 1;
            parted.pruned += usize::from((score < 0.0 || is_gone) && !seen.mesh.contains(&peer));
            parted.graylisted += usize::from(score < thresholds().graylist_threshold || is_gone);
            parted.disconnected += usize::from(is_gone);
        }
        links.push((manner, parted));
    }
    links
}

impl Verdict {
    fn look_at_link(&mut self, node: &Node, peer: &libp2p::PeerId) {
        let reputation = node.shield.core().link_reputation(node.links[peer], clock());
        self.honest_links += 1;
        self.below += usize::from(node.seen.lock().lowest_of(peer) < 0.0);
        self.less += usize::from(reputation < Reputation::FULL);
        self.quarantined += usize::from(node.quarantines(peer));
    }

    /// Whether everything is as promised.
    pub(crate) fn holds(&self) -> bool {
        self.delivered == self.expected
            && self.twice == 0
            && self.hostile.iter().all(|(_, it)| it.neighbours > 0 && it.pruned == it.neighbours)
            && [self.below, self.less, self.quarantined, self.members_in_quarantine] == [0; 4]
    }

    pub(crate) fn table(&self) -> String {
        let Self { delivered, expected, twice, honest_links, below, less, quarantined, .. } = self;
        let mut lines = vec![(
            "honest messages".to_owned(),
            format!("{delivered} of {expected} delivered, {twice} of them twice"),
        )];
        for (manner, parted) in &self.hostile {
            let Parted { neighbours, pruned, graylisted, disconnected } = parted;
            lines.push((
                format!("one that {}", manner.says()),
                format!(
                    "of {neighbours} honest neighbours {pruned} pruned it, {graylisted} graylisted \
                     it, {disconnected} disconnected it"
                ),
            ));
        }
        lines.push((
            "honest links".to_owned(),
            format!(
                "of {honest_links} {below} were ever below 0, {less} lost reputation, {quarantined} \
                 in quarantine"
            ),
        ));
        let members = format!("{} honest members in quarantine", self.members_in_quarantine);
        lines.push(("members".to_owned(), members));
        lines.push(("time".to_owned(), format!("{:.1} s", self.seconds)));
        let mut text = String::new();
        for (name, value) in lines {
            // Into a string nothing fails.
            let _ = writeln!(text, "{name:<28}{value}");
        }
        text
    }
}
