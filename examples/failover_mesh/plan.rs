//! Who plays which part, and which nodes are linked: all of it follows from the seed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};

use crate::options::Options;

/// Links of a liar to honest nodes, where there are so many.
const LINKS_OF_A_LIAR: usize = 3;

/// The parts of one run. Nodes are named by their number.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) nodes: usize,
    /// The first one equivocates, the others fall silent.
    pub(crate) liars: Vec<usize>,
    /// Is killed, and started again.
    pub(crate) victim: usize,
    /// Sends the traffic.
    pub(crate) source: usize,
    /// Receives it, at first through the victim.
    pub(crate) target: usize,
    /// Is accused by the liars although it lives.
    pub(crate) accused: usize,
    /// Is framed by the outsider.
    pub(crate) framed: usize,
    links: BTreeSet<(usize, usize)>,
}

impl Plan {
    /// Draws meshes until one has traffic that goes through the victim.
    ///
    /// # Errors
    /// When none was found.
    pub(crate) fn new(options: &Options) -> Result<Self, String> {
        let mut random = StdRng::seed_from_u64(options.seed);
        for _ in 0..1_000 {
            if let Some(plan) = Self::draw(options.nodes, options.byzantine, &mut random)
                && plan.honest_hold_together()
            {
                return Ok(plan);
            }
        }
        Err(format!("no mesh of {} nodes with a victim was found", options.nodes))
    }

    fn draw(nodes: usize, byzantine: usize, random: &mut StdRng) -> Option<Self> {
        let mut order: Vec<usize> = (0..nodes).collect();
        order.shuffle(random);
        let honest = order.split_off(byzantine);
        let liars = order;
        let links = draw_links(&honest, &liars, random);
        let mut plan =
            Self { nodes, liars, victim: 0, source: 0, target: 0, accused: 0, framed: 0, links };
        let mut ways = Vec::new();
        for &source in &honest {
            for (target, way) in plan.best_ways(source) {
                if let [_, victim, _] = way.as_slice()
                    && honest.contains(&target)
                    && honest.contains(victim)
                {
                    ways.push((source, *victim, target));
                }
            }
        }
        (plan.source, plan.victim, plan.target) = *ways.choose(random)?;
        let others: Vec<usize> = honest.into_iter().filter(|node| *node != plan.victim).collect();
        plan.accused = *others.choose(random)?;
        let rest: Vec<usize> = others.into_iter().filter(|node| *node != plan.accused).collect();
        plan.framed = *rest.choose(random)?;
        Some(plan)
    }

    pub(crate) fn is_liar(&self, node: usize) -> bool {
        self.liars.contains(&node)
    }

    /// The liar that contradicts itself.
    pub(crate) fn equivocator(&self) -> Option<usize> {
        self.liars.first().copied()
    }

    /// The liars that fall silent.
    pub(crate) fn silent(&self) -> &[usize] {
        self.liars.get(1..).unwrap_or_default()
    }

    /// The honest nodes, in order.
    pub(crate) fn honest(&self) -> impl Iterator<Item = usize> {
        (0..self.nodes).filter(|node| !self.is_liar(*node))
    }

    /// The honest nodes that are never killed, in order.
    pub(crate) fn survivors(&self) -> impl Iterator<Item = usize> {
        self.honest().filter(|node| *node != self.victim)
    }

    pub(crate) fn neighbours(&self, node: usize) -> impl Iterator<Item = usize> {
        let other = move |&(one, two): &(usize, usize)| match node {
            _ if node == one => Some(two),
            _ if node == two => Some(one),
            _ => None,
        };
        self.links.iter().filter_map(other)
    }

    /// Every link once.
    pub(crate) fn links(&self) -> impl Iterator<Item = (usize, usize)> {
        self.links.iter().copied()
    }

    /// Whether the honest nodes reach each other without the liars, with the victim and without.
    fn honest_hold_together(&self) -> bool {
        let reached = |allowed: &dyn Fn(usize) -> bool| {
            let start: Vec<usize> = self.honest().filter(|node| allowed(*node)).take(1).collect();
            let mut seen: BTreeSet<usize> = start.iter().copied().collect();
            let mut queue = VecDeque::from(start);
            while let Some(node) = queue.pop_front() {
                let next = self.neighbours(node).filter(|next| !self.is_liar(*next));
                queue.extend(next.filter(|next| allowed(*next) && seen.insert(*next)));
            }
            seen.len()
        };
        reached(&|_| true) == self.honest().count()
            && reached(&|node| node != self.victim) == self.survivors().count()
    }

    /// The way to every node that routing settles on: the shortest, and of those the one whose
    /// nodes have the smallest numbers.
    fn best_ways(&self, source: usize) -> BTreeMap<usize, Vec<usize>> {
        let mut best = BTreeMap::from([(source, vec![source])]);
        let mut frontier = vec![vec![source]];
        while !frontier.is_empty() {
            let mut next: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            for way in &frontier {
                let Some(&end) = way.last() else { continue };
                for node in self.neighbours(end).filter(|node| !best.contains_key(node)) {
                    let longer = [way.as_slice(), &[node]].concat();
                    let known = next.entry(node).or_insert_with(|| longer.clone());
                    if longer < *known {
                        *known = longer;
                    }
                }
            }
            frontier = next.values().cloned().collect();
            best.append(&mut next);
        }
        best
    }
}

/// A ring of the honest nodes, which holds together without any one of them, with some chords; the
/// liars hang on it.
fn draw_links(honest: &[usize], liars: &[usize], random: &mut StdRng) -> BTreeSet<(usize, usize)> {
    let mut links = BTreeSet::new();
    let mut link = |one: usize, two: usize| {
        if one != two {
            links.insert((one.min(two), one.max(two)));
        }
    };
    for (one, two) in honest.iter().zip(honest.iter().cycle().skip(1)) {
        link(*one, *two);
    }
    for _ in 0..honest.len() / 2 {
        if honest.len() > 5 {
            let chord: Vec<usize> = honest.sample(random, 2).copied().collect();
            if let [one, two] = chord.as_slice() {
                link(*one, *two);
            }
        }
    }
    for liar in liars {
        for node in honest.sample(random, LINKS_OF_A_LIAR) {
            link(*liar, *node);
        }
        if liars.len() > 1 && random.random_bool(0.5) {
            for other in liars.sample(random, 1) {
                link(*liar, *other);
            }
        }
    }
    links
}
