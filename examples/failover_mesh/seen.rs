//! What the parent saw of a run: nothing is judged here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::outsider::Sent;
use crate::phases::Told;
use crate::plan::Plan;
use crate::protocol::{Counts, Notice, from_hex};
use crate::routes::Way;

/// A certificate that a node announced.
pub(crate) struct Announced {
    pub(crate) by: usize,
    /// Whose failure it certifies, if it does.
    pub(crate) about: Option<usize>,
    pub(crate) at: Instant,
    pub(crate) bytes: Vec<u8>,
}

/// When the counts of all nodes are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Round {
    /// Once routes have formed: what is sent from here on must arrive.
    Formed,
    /// Once a node has another key: what it sent until here must arrive.
    Rotated,
    /// A little later: what did arrive of that.
    Settled,
    /// Before the kill: what was sent until here must arrive.
    Sent,
    /// A little later: what did arrive.
    Arrived,
    /// At the end.
    End,
}

impl Round {
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Formed => 1,
            Self::Rotated => 2,
            Self::Settled => 3,
            Self::Sent => 4,
            Self::Arrived => 5,
            Self::End => 6,
        }
    }
}

/// Everything that was seen.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) ports: BTreeMap<usize, u16>,
    pub(crate) certified: Vec<Announced>,
    /// Who came to which phase of its loop with whom.
    pub(crate) phases: Vec<Told>,
    /// Who heard which failed node again.
    pub(crate) returned: BTreeSet<(usize, usize)>,
    /// Who put or would have put whom into quarantine.
    pub(crate) quarantined: BTreeSet<(usize, usize)>,
    /// Who put the link to whom into quarantine.
    pub(crate) links_quarantined: BTreeSet<(usize, u64)>,
    /// Who has proof against whom.
    pub(crate) equivocated: BTreeSet<(usize, usize)>,
    pub(crate) proofs: BTreeSet<Vec<u8>>,
    /// Who raised the alarm that there is no quorum.
    pub(crate) no_quorum: BTreeSet<usize>,
    pub(crate) probes_sent: BTreeMap<u64, Instant>,
    pub(crate) probes: Vec<(u64, Way, Instant)>,
    pub(crate) captured: Vec<Vec<u8>>,
    pub(crate) counts: BTreeMap<(u32, usize), Counts>,
    /// Who knows of whose key of another suite.
    pub(crate) rotated: BTreeSet<(usize, usize, String)>,
    /// The packets that led to other keys.
    pub(crate) rotations: BTreeSet<Vec<u8>>,
    /// Why a node did not replace its key, in its words.
    pub(crate) not_rotated: Vec<(usize, String)>,
    pub(crate) outsider: Sent,
    pub(crate) killed: Option<Instant>,
    pub(crate) restarted: Option<Instant>,
    /// Processes that ended well at the end, of how many.
    pub(crate) ended: (usize, usize),
}

impl Seen {
    pub(crate) fn counts(&self, round: Round, node: usize) -> Option<&Counts> {
        self.counts.get(&(round.number(), node))
    }

    /// The honest nodes that have a route to every other honest node.
    pub(crate) fn routed<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = usize> {
        plan.honest().filter(|node| {
            self.counts(Round::Formed, *node).is_some_and(|counts| {
                plan.honest().all(|other| other == *node || counts.reachable.contains(&other))
            })
        })
    }

    /// Who announced that the failure of `node` is certified.
    pub(crate) fn certified_by(&self, node: usize) -> BTreeSet<usize> {
        let about = self.certified.iter().filter(|one| one.about == Some(node));
        about.map(|one| one.by).collect()
    }

    /// The first probe that was sent while the victim was dead and arrived around it.
    pub(crate) fn first_around(&self, victim: usize) -> Option<&(u64, Way, Instant)> {
        let killed = self.killed?;
        let while_dead =
            |at: &Instant| *at > killed && self.restarted.is_none_or(|again| *at < again);
        self.probes.iter().find(|(id, path, _)| {
            !path.contains(&victim) && self.probes_sent.get(id).is_some_and(while_dead)
        })
    }

    /// Takes note of what `by` said. Gives what it has now, if that is worth a line, and the node
    /// that it is about.
    ///
    /// # Errors
    /// When the node says that it cannot go on.
    pub(crate) fn take(
        &mut self,
        by: usize,
        notice: Notice,
        at: Instant,
    ) -> Result<Option<(String, Option<usize>)>, String> {
        let news = match notice {
            Notice::Certified { subject, certificate } => {
                let bytes = from_hex(&certificate).ok_or_else(|| {
                    format!("n{by} told of a certificate that is no hexadecimal.")
                })?;
                self.certified.push(Announced { by, about: subject, at, bytes });
                let text = |node| format!("a certificate: n{node} has failed");
                return Ok(subject.map(|node| (text(node), subject)));
            }
            Notice::Returned { node } => {
                self.returned.insert((by, node));
                (format!("a sign of life: n{node} is back"), Some(node))
            }
            Notice::Quarantined { node, offence } => {
                self.quarantined.insert((by, node));
                (format!("n{node} in quarantine: {offence}"), Some(node))
            }
            Notice::Withheld { node, offence } => {
                self.quarantined.insert((by, node));
                (format!("an alarm: n{node} deserves quarantine, too: {offence}"), Some(node))
            }
            Notice::LinkQuarantined { node, offence } => {
                self.links_quarantined.insert((by, node));
                (format!("the link to n{node} in quarantine: {offence}"), None)
            }
            Notice::Equivocated { node, proof } => {
                let proof = from_hex(&proof)
                    .ok_or_else(|| format!("n{by} told of a proof that is no hexadecimal."))?;
                self.equivocated.insert((by, node));
                self.proofs.insert(proof);
                (format!("proof: n{node} contradicted itself"), Some(node))
            }
            Notice::NoQuorum { silent, tolerated } => {
                self.no_quorum.insert(by);
                (
                    format!(
                        "an alarm: no quorum, {silent} members are silent and {tolerated} may be"
                    ),
                    None,
                )
            }
            Notice::Rotated { node, suite } => {
                let text = format!("a key of n{node} in the suite {suite}");
                self.rotated.insert((by, node, suite));
                (text, None)
            }
            Notice::QuorumRestored => ("a quorum again".to_owned(), None),
            Notice::Failed { reason } => return Err(format!("n{by} cannot go on: {reason}.")),
            quiet => {
                self.take_quietly(by, quiet, at);
                return Ok(None);
            }
        };
        Ok(Some(news))
    }

    fn take_quietly(&mut self, by: usize, notice: Notice, at: Instant) {
        match notice {
            Notice::Ready { port } => {
                self.ports.insert(by, port);
            }
            Notice::Phase { phase, node, took_us } => {
                self.phases.push(Told { by, phase, about: node, at, took_us });
            }
            Notice::Probe { id, path } => self.probes.push((id, path, at)),
            Notice::Rotation { packet } => self.rotations.extend(from_hex(&packet)),
            Notice::NotRotated { reason } => self.not_rotated.push((by, reason)),
            Notice::Captured { datagrams } => {
                self.captured = datagrams.iter().filter_map(|text| from_hex(text)).collect();
            }
            Notice::Counted { round, counts } => {
                self.counts.insert((round, by), counts);
            }
            _ => {}
        }
    }
}
