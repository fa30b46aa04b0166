//! A scenario in the making: who is linked to whom, who turns, who dies.

use std::collections::{BTreeMap, BTreeSet};

use crate::mesh::{Dice, Fault, Kind, Shape, reached};
use crate::options::Options;
use crate::scenarios::HOSTILE_LINKS;

/// A scenario in the making.
pub(crate) struct Draft<'a> {
    pub(crate) key: &'static str,
    pub(crate) options: &'a Options,
    pub(crate) dice: Dice,
    pub(crate) hostile: BTreeMap<usize, Vec<Kind>>,
    pub(crate) neighbours: Vec<Vec<usize>>,
    pub(crate) faults: Vec<(u64, Fault)>,
    pub(crate) loss: u64,
    pub(crate) lasts_ms: u64,
    pub(crate) strikes_ms: u64,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(key: &'static str, options: &'a Options) -> Self {
        let mut dice = Dice::new(options.seed.wrapping_mul(0x9e37_79b9));
        let shape = if options.is_quick { Shape::Grid } else { Shape::SmallWorld };
        let neighbours = shape.neighbours(options.nodes, &mut dice);
        let lasts_ms = match (options.is_quick, key) {
            (true, "churn" | "partition") => 40_000,
            (true, _) => 30_000,
            (false, _) => 60_000,
        };
        let (hostile, faults) = (BTreeMap::new(), Vec::new());
        Self { key, options, dice, hostile, neighbours, faults, loss: 0, lasts_ms, strikes_ms: 0 }
    }

    pub(crate) fn nodes(&self) -> usize {
        self.options.nodes
    }

    pub(crate) fn honest(&self) -> Vec<usize> {
        (0..self.nodes()).filter(|node| !self.hostile.contains_key(node)).collect()
    }

    /// Whether all honest members hang together without `gone`.
    pub(crate) fn hang_together(&self, gone: &BTreeSet<usize>) -> bool {
        let honest: Vec<_> =
            self.honest().into_iter().filter(|node| !gone.contains(node)).collect();
        let reached = reached(&self.neighbours, honest[0], |_, to| honest.contains(&to));
        reached.len() == honest.len()
    }

    /// Makes so many members hostile, so that those who are left hang together.
    pub(crate) fn turn(&mut self, members: usize, kinds: impl Fn(usize) -> Vec<Kind>) {
        for turned in 0..members {
            let honest = self.honest();
            let fits: Vec<_> = honest
                .into_iter()
                .filter(|node| self.hang_together(&BTreeSet::from([*node])))
                .collect();
            let node = *self.dice.one_of(&fits);
            self.hostile.insert(node, kinds(turned));
        }
    }

    /// Twenty links to outsiders for each link between honest members, at both its ends.
    pub(crate) fn surround(&mut self, kinds: impl Fn(usize) -> Vec<Kind>) {
        let honest = self.honest();
        let links = |node: &usize| {
            let to = self.neighbours[*node].iter().filter(|to| honest.contains(to));
            HOSTILE_LINKS * to.count()
        };
        let links: Vec<_> = honest.iter().map(|node| (*node, links(node))).collect();
        let outsiders = links.iter().map(|(_, links)| *links).max().unwrap_or(0);
        let first = self.nodes();
        self.neighbours.resize(first + outsiders, Vec::new());
        for outsider in 0..outsiders {
            self.hostile.insert(first + outsider, kinds(outsider));
        }
        for (node, links) in links {
            let from = self.dice.below(outsiders as u64) as usize;
            for step in 0..links {
                let outsider = first + (from + step) % outsiders;
                self.neighbours[node].push(outsider);
                self.neighbours[outsider].push(node);
            }
        }
    }

    /// An honest member dies for good, one that the others can do without.
    pub(crate) fn dies(&mut self, at: u64, gone: &mut BTreeSet<usize>) {
        let fits = self.honest().into_iter().filter(|node| !gone.contains(node));
        let fits: Vec<_> = fits
            .filter(|node| {
                let mut gone = gone.clone();
                gone.insert(*node);
                self.hang_together(&gone)
            })
            .collect();
        let node = *self.dice.one_of(&fits);
        gone.insert(node);
        self.faults.push((at, Fault::Crash { node }));
    }

    pub(crate) fn join(&mut self, a: usize, b: usize) {
        if a != b && !self.neighbours[a].contains(&b) {
            self.neighbours[a].push(b);
            self.neighbours[b].push(a);
        }
    }
}
