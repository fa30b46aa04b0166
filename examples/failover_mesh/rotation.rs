//! A node moves from one suite to the other while the mesh goes on.
//!
//! It is the one through which the traffic goes. That none of its beacons is lost is counted exactly: in
//! a calm moment, before anybody floods the sockets that they arrive at.

use std::sync::Arc;
use std::time::Duration;

use meshward::{KeyHistory, Suite, View};

use crate::plan::Plan;
use crate::protocol::{BEACON_MS, Command};
use crate::seen::{Round, Seen};
use crate::story::{PATIENCE, Story};
use crate::verdict::Line;

/// The suite that it begins with, whatever the others have.
pub(crate) const FROM: Suite = Suite::Dilithium3;
const TO: Suite = Suite::MlDsa65;
/// How often it beacons meanwhile, in milliseconds: as often as the others take it.
const HURRY_MS: u64 = 100;

impl Story<'_> {
    /// Lets it rotate, and tries to lead it back.
    ///
    /// # Errors
    /// A sentence about what could not be carried out.
    pub(crate) fn rotate(&mut self) -> Result<(), String> {
        let (rotor, nodes) = (self.plan.victim, self.plan.nodes);
        self.fleet.tell(rotor, &Command::Beacon { every_ms: HURRY_MS })?;
        self.wait(self.at(3.6), Duration::ZERO, |_| false)?;
        self.say(&format!("n{rotor}, which carries the traffic, moves from {FROM} to {TO}"));
        self.fleet.tell(rotor, &Command::Rotate { suite: TO })?;
        self.wait(self.at(4.5), PATIENCE, |seen| knowers(seen, rotor).count() == nodes)?;
        self.fleet.tell(rotor, &Command::Rotate { suite: FROM })?;
        self.count(Round::Rotated)?;
        let elapsed = self.begin.elapsed() + Duration::from_millis(300);
        self.wait(elapsed, PATIENCE, |seen| !seen.not_rotated.is_empty())?;
        self.fleet.tell(rotor, &Command::Beacon { every_ms: BEACON_MS })?;
        self.count(Round::Settled)
    }
}

/// Who knows the new key; its owner, too.
fn knowers(seen: &Seen, rotor: usize) -> impl Iterator<Item = usize> {
    let all = seen.rotated.iter();
    all.filter(move |(_, node, suite)| *node == rotor && suite == TO.name()).map(|(by, ..)| *by)
}

/// The view, and how its keys went on from there.
pub(crate) fn history(view: View, seen: &Seen) -> KeyHistory {
    let mut history = KeyHistory::new(Arc::new(view));
    for rotation in &seen.rotations {
        // What does not follow helps no certificate to hold.
        let _added_or_not = history.add(rotation);
    }
    history
}

/// What was promised of the move.
pub(crate) fn judge(plan: &Plan, seen: &Seen) -> Vec<Line> {
    let rotor = plan.victim;
    let know = knowers(seen, rotor).count();
    let moved = Line {
        promise: format!("n{rotor} moves from {FROM} to {TO} under traffic: all know its new key"),
        counted: format!("{know} of {} nodes", plan.nodes),
        holds: know == plan.nodes,
    };
    let beats = |round| seen.counts(round, rotor).map_or(0, |counts| counts.beats);
    let window = beats(Round::Formed) + 1..=beats(Round::Rotated);
    let sent = window.clone().count();
    let others = || (0..plan.nodes).filter(|node| *node != rotor);
    let (mut arrived, mut old, mut new) = (0, 0, 0);
    for counts in others().filter_map(|node| seen.counts(Round::Settled, node)) {
        // The first beacon under the new key.
        let key = counts.keys.iter().find(|(of, epoch, _)| (*of, *epoch) == (rotor, 1));
        let first = key.map_or(u64::MAX, |(_, _, first)| *first);
        let heard = counts.heard.iter().filter(|(of, ..)| *of == rotor).flat_map(|heard| &heard.2);
        for beat in heard.filter(|beat| window.contains(beat)) {
            arrived += 1;
            if *beat < first { old += 1 } else { new += 1 }
        }
    }
    let lost = (sent * others().count()).saturating_sub(arrived);
    let kept = Line {
        promise: format!(
            "... and every beacon that it sends reaches all {} others",
            others().count()
        ),
        counted: format!("{lost} lost of {sent} x {}: {old} + {new} came", others().count()),
        holds: lost == 0 && old > 0 && new > 0,
    };
    let told = seen.not_rotated.iter().find(|(by, _)| *by == rotor).map(|(_, reason)| reason);
    let back = Line {
        promise: "... and it does not go back".to_owned(),
        counted: told.cloned().unwrap_or_else(|| "it did not refuse".to_owned()),
        holds: told.is_some_and(|reason| reason.contains("downgrade")),
    };
    vec![moved, kept, back]
}
