//! What the meshes go through: who is hostile, what befalls them, and how the links are.

use std::collections::{BTreeMap, BTreeSet};

use meshward::{Config, faults_tolerated};

use crate::draft::Draft;
use crate::mesh::{Fault, Hop, Kind, Plan, STRIKE_MS, Shape, Sort};
use crate::options::Options;

/// So many hostile links for each honest one, at every honest node.
pub(crate) const HOSTILE_LINKS: usize = 20;

pub(crate) struct Scenario {
    pub(crate) key: &'static str,
    pub(crate) title: String,
    /// What happens, in a sentence.
    pub(crate) says: String,
    pub(crate) plan: Plan,
    pub(crate) lasts_ms: u64,
    /// When those who are hostile begin.
    pub(crate) strikes_ms: u64,
    /// Of a thousand packets so many are lost on each hop.
    pub(crate) loss: u64,
}

pub(crate) const NAMES: [&str; 16] = [
    "calm",
    "cold-boot",
    "covert-flash",
    "censor",
    "degrade",
    "eclipse",
    "accusations",
    "collude",
    "churn",
    "partition",
    "deaths",
    "loss-0",
    "loss-20",
    "loss-40",
    "loss-60",
    "loss-80",
];

/// The interval between two beacons of a member.
pub(crate) const fn beacon_ms(nodes: usize) -> u64 {
    if nodes <= 40 { 1_000 } else { 2_000 }
}

/// What nodes are run with: the defaults, but that the suspicion time is three beacons at least.
pub(crate) fn config(nodes: usize) -> Config {
    let mut config = Config::default();
    config.quorum.suspicion_ms = config.quorum.suspicion_ms.max(3 * beacon_ms(nodes));
    config
}

/// All scenarios, or those that were asked for.
///
/// # Errors
/// A sentence, for a name that is none.
pub(crate) fn all(options: &Options) -> Result<Vec<Scenario>, String> {
    if let Some(name) = options.only.iter().find(|name| !NAMES.contains(&name.as_str())) {
        return Err(format!("There is no scenario '{name}'; --list names them."));
    }
    let wanted =
        |key: &&&str| options.only.is_empty() || options.only.iter().any(|only| only == **key);
    Ok(NAMES.iter().filter(wanted).map(|key| Draft::new(key, options).scenario()).collect())
}

impl Draft<'_> {
    fn scenario(mut self) -> Scenario {
        let most = faults_tolerated(self.nodes());
        let (title, says) = self.fill(most);
        let usual = Hop { loss: self.loss, ..Hop::GOOD };
        let plan = Plan {
            seed: self.options.seed,
            sort: Sort::Meshward,
            suite: self.options.suite,
            config: config(self.nodes()),
            members: self.nodes(),
            // Each tick: to each of so many neighbours as there are members eight packets of its own, and
            // one for every second member whose beacons it passes on.
            hostile_packets: self.nodes() * (8 + self.nodes() / 2),
            neighbours: self.neighbours,
            hostile: self.hostile,
            usual,
            hops: BTreeMap::new(),
            beacon_ms: beacon_ms(self.options.nodes),
            faults: self.faults,
            proposals: Vec::new(),
            heap: || 0,
        };
        let (key, lasts_ms, strikes_ms, loss) =
            (self.key, self.lasts_ms, self.strikes_ms, self.loss);
        Scenario { key, title, says, plan, lasts_ms, strikes_ms, loss }
    }

    /// Title, and what happens.
    fn fill(&mut self, most: usize) -> (String, String) {
        use Kind::{
            Accuse, Censor, Collude, Covert, Degrade, Equivocate, Flood, Frame, Mirror, Replay,
        };
        let mid = self.lasts_ms / 2;
        let mut gone = BTreeSet::new();
        let (title, says): (&str, String) = match self.key {
            "calm" => ("Calm", "Nobody is hostile and nothing fails.".into()),
            "cold-boot" => {
                let roles = [
                    vec![Censor, Flood],
                    vec![Censor, Frame],
                    vec![Censor, Mirror],
                    vec![Censor, Replay],
                ];
                self.surround(|outsider| roles[outsider % 4].clone());
                self.dies(mid, &mut gone);
                (
                    "Cold boot",
                    "20 hostile links for each honest one, there before anybody has earned a place: \
                     they pass on nothing, flood, mirror, replay, and speak in the names of members. \
                     One member dies."
                        .into(),
                )
            }
            "covert-flash" => {
                self.strikes_ms = STRIKE_MS;
                self.lasts_ms = if self.options.is_quick { 82_000 } else { 100_000 };
                let roles = [
                    vec![Covert, Censor, Flood],
                    vec![Covert, Censor, Frame],
                    vec![Covert, Censor],
                    vec![Covert, Censor, Replay],
                ];
                self.surround(|outsider| roles[outsider % 4].clone());
                self.dies(70_000, &mut gone);
                (
                    "Covert flash",
                    "20 hostile links for each honest one pass everything on for a minute and earn \
                     their places; then all fall silent at once, flood, replay and forge. One member \
                     dies 10 s later."
                        .into(),
                )
            }
            "censor" => {
                self.turn(most, |_| vec![Censor]);
                self.surround(|_| vec![Censor]);
                self.dies(mid, &mut gone);
                (
                    "Censor",
                    format!(
                        "{most} members and 20 hostile links for each honest one pass on nothing of \
                         others. One member dies."
                    ),
                )
            }
            "degrade" => {
                self.turn(most, |_| vec![Degrade]);
                self.surround(|_| vec![Degrade]);
                self.dies(mid, &mut gone);
                (
                    "Degrade 0.5",
                    format!(
                        "{most} members and 20 hostile links for each honest one pass on every second \
                         packet. One member dies."
                    ),
                )
            }
            "eclipse" => self.eclipse(most),
            "accusations" => {
                self.turn(most, |_| vec![Accuse]);
                self.surround(|outsider| match outsider % 8 {
                    0..4 => vec![Censor, Accuse],
                    4..7 => vec![Censor],
                    _ => vec![Censor, Frame],
                });
                (
                    "False accusations",
                    format!(
                        "{most} members accuse the living at ever new marks, for ever; 20 hostile \
                         links for each honest one accuse in the names of others, and forge messages \
                         in the names of their victims. Nobody fails."
                    ),
                )
            }
            "collude" => {
                // Of all nodes, members or not, 40 % collude.
                self.turn(most, |turned| match turned % 2 {
                    0 => vec![Collude],
                    _ => vec![Collude, Equivocate],
                });
                let honest = self.nodes() - most;
                let outsiders = (2 * honest).div_ceil(3).saturating_sub(most);
                let first = self.nodes();
                self.neighbours.resize(first + outsiders, Vec::new());
                for outsider in first..first + outsiders {
                    self.hostile.insert(outsider, vec![Collude, Frame, Mirror]);
                    for node in 0..first {
                        self.neighbours[node].push(outsider);
                        self.neighbours[outsider].push(node);
                    }
                }
                self.dies(mid, &mut gone);
                (
                    "40 % colluding",
                    format!(
                        "{} of {} nodes collude, {most} of them members that vote, which is less than \
                         a third: all accuse the same victim at what it said last. Half of them \
                         contradict themselves, too. One member dies.",
                        most + outsiders,
                        first + outsiders
                    ),
                )
            }
            "churn" => {
                self.churn(most);
                (
                    "Churn",
                    "Member after member dies, comes back after 12 s, and the next one goes."
                        .into(),
                )
            }
            "partition" => self.part(),
            "deaths" => {
                let (first, step) = (self.lasts_ms / 4, self.lasts_ms / 8);
                for death in 0..4_u64.min(most as u64) {
                    self.dies(first + death * step, &mut gone);
                }
                ("Deaths", format!("{} members die, one after the other.", gone.len()))
            }
            loss => {
                let percent: u64 = loss.trim_start_matches("loss-").parse().unwrap_or(0);
                self.loss = percent * 10;
                self.neighbours = Shape::Geometric.neighbours(self.nodes(), &mut self.dice);
                let says = format!(
                    "Radios on a square; on each hop {percent} % of all packets are lost. Nobody is \
                     hostile and nothing fails."
                );
                return (format!("Loss {percent} %"), says);
            }
        };
        (title.into(), says)
    }

    /// Each victim has one honest neighbour; all others are hostile members and outsiders.
    fn eclipse(&mut self, most: usize) -> (&'static str, String) {
        use Kind::{Censor, Frame, Mirror, Replay};
        self.turn(most, |turned| match turned % 2 {
            0 => vec![Censor],
            _ => vec![Censor, Mirror],
        });
        let honest = self.honest();
        let victims: Vec<_> = honest.iter().step_by(4).copied().collect();
        for victim in &victims {
            for to in std::mem::take(&mut self.neighbours[*victim]) {
                self.neighbours[to].retain(|other| other != victim);
            }
        }
        // Others may have hung on a victim.
        let others: Vec<_> =
            honest.iter().filter(|node| !victims.contains(node)).copied().collect();
        for pair in others.windows(2) {
            self.join(pair[0], pair[1]);
        }
        let hostile: Vec<_> = self.hostile.keys().copied().collect();
        for (turn, victim) in victims.iter().enumerate() {
            self.join(*victim, others[turn % others.len()]);
            hostile.iter().for_each(|node| self.join(*victim, *node));
        }
        self.surround(|outsider| match outsider % 4 {
            0 => vec![Censor, Frame],
            1 => vec![Censor, Replay],
            _ => vec![Censor],
        });
        let says = format!(
            "Each of {} victims has one honest neighbour; all its others, {most} hostile members and \
             20 outsiders, let nothing through, replay and forge.",
            victims.len()
        );
        ("Eclipse", says)
    }

    fn churn(&mut self, most: usize) {
        let each = 12_000 / (most as u64).saturating_sub(1).clamp(1, 3);
        let (mut at, mut last) = (10_000, None);
        while at + 24_000 <= self.lasts_ms {
            let node = *self.dice.one_of(&self.honest());
            let is_up = self.faults.iter().all(|(when, fault)| {
                !matches!(fault, Fault::Restart { node: other } if *other == node && *when + 3_000 > at)
            });
            if is_up && last != Some(node) {
                self.faults.push((at, Fault::Crash { node }));
                self.faults.push((at + 12_000, Fault::Restart { node }));
                last = Some(node);
            }
            at += each;
        }
    }

    fn part(&mut self) -> (&'static str, String) {
        let island: BTreeSet<_> = (0..self.nodes() / 4).collect();
        let (cut, heal) = (self.lasts_ms / 4, self.lasts_ms / 4 + 15_000);
        let says = format!(
            "{} members are cut off from the others for 15 s, then the mesh heals.",
            island.len()
        );
        self.faults.push((cut, Fault::Part { island, is_one_way: false }));
        self.faults.push((heal, Fault::Heal));
        ("Partition and heal", says)
    }
}
