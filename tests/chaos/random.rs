//! A schedule that dice choose: what is sent is delivered late, twice, out of order or not at all, while
//! nodes start anew and rotate their keys.

use std::collections::BTreeSet;
use std::sync::Arc;

use meshward::{Accepted, Mark, Message, NodeId, Suite};

use crate::support::{Disk, Mesh, id, link};

/// It says nothing of its own but what has to be said, so its disk may be rolled back.
const LISTENER: usize = 3;
const NODES: usize = 4;

struct Schedule {
    mesh: Mesh,
    /// All that was ever sent, and by whom.
    air: Vec<(usize, Arc<[u8]>)>,
    /// What was delivered to whom, in whichever life.
    delivered: [BTreeSet<(NodeId, Mark)>; NODES],
    first_disk: Disk,
    dice: u64,
    /// How many were delivered, restarts made, keys rotated.
    count: [usize; 3],
}

impl Schedule {
    fn new(suite: Suite, seed: u64) -> Self {
        let mesh = Mesh::new(suite, NODES);
        let first_disk = mesh.nodes[LISTENER].disk.copied();
        let dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).max(1);
        let (delivered, count) = (Default::default(), [0; 3]);
        Self { mesh, air: Vec::new(), delivered, first_disk, dice, count }
    }

    /// xorshift64 (Marsaglia 2003), so every run is the same.
    fn roll(&mut self, sides: usize) -> usize {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        (self.dice % sides as u64) as usize
    }

    /// Promise P2: never before.
    fn note(&mut self, at: usize, message: &Message) {
        self.count[0] += 1;
        let is_new = self.delivered[at].insert((message.origin, message.mark));
        assert!(is_new, "{} {} was delivered to {at} before", message.origin, message.mark);
    }

    fn deliver(&mut self, at: usize, packet: usize) {
        let (from, bytes) = self.air[packet].clone();
        if let Ok(Accepted::Message(message)) = self.mesh.give(at, link(from), &bytes) {
            self.note(at, &message);
        }
        self.collect(at);
    }

    fn collect(&mut self, at: usize) {
        let sent = self.mesh.nodes[at].host.sent();
        self.air.extend(sent.into_iter().map(|(bytes, _)| (at, bytes.into())));
    }

    fn restart(&mut self, at: usize) {
        if at == LISTENER {
            let disk = match self.roll(3) {
                0 => self.first_disk.copied(),
                1 => self.mesh.nodes[at].disk.only(&[meshward::store::Table::Identity]),
                _ => self.mesh.nodes[at].disk.clone(),
            };
            self.mesh.nodes[at].disk = disk;
        }
        self.mesh.restart(at);
        self.count[1] += 1;
    }

    fn step(&mut self) {
        self.mesh.now = self.mesh.now.after(20 + self.roll(80) as u64);
        let at = self.roll(NODES);
        match self.roll(100) {
            0..10 => self.mesh.guard(at).tick(self.mesh.now).unwrap(),
            10..22 if at != LISTENER => {
                // Beyond its rate it says nothing.
                let _said_or_not = self.mesh.guard(at).sign_beacon(b"here", self.mesh.now);
            }
            22 => self.restart(at),
            24 if at != LISTENER => {
                self.mesh.guard(at).rotate_keys(self.mesh.suite, self.mesh.now).unwrap();
                self.count[2] += 1;
            }
            25..90 if !self.air.is_empty() => {
                for _ in 0..4 {
                    // Mostly one of the last, else any.
                    let back = if self.roll(3) > 0 { 24 } else { self.air.len() };
                    let packet = self.air.len() - 1 - self.roll(back.min(self.air.len()));
                    self.deliver(at, packet);
                }
            }
            _ => {}
        }
        self.collect(at);
    }

    /// Everything arrives: all take each other, and each beacon is delivered once to everybody.
    fn calm(&mut self) {
        // Or a member's rotations come out of their order, and each Hello brings one.
        self.mesh.in_order = true;
        // Beacons are said on the second.
        self.mesh.now = meshward::Millis(self.mesh.now.0.next_multiple_of(1_000));
        self.mesh.pass(20_000);
        self.drain();
        for at in 0..NODES {
            assert_eq!(self.mesh.guard(at).core().unproven(), [], "at {at}");
        }
        let before: Vec<_> = (0..NODES).map(|at| self.of_speakers(at)).collect();
        self.mesh.pass(3_000);
        self.drain();
        for (at, before) in before.into_iter().enumerate() {
            let others = (0..NODES).filter(|of| ![at, LISTENER].contains(of)).count();
            assert_eq!(self.of_speakers(at) - before, 3 * others, "at {at}");
        }
    }

    /// How many messages were delivered to the node at `at`, without those of the listener: after its disk
    /// was rolled back its numbers are old.
    fn of_speakers(&self, at: usize) -> usize {
        self.delivered[at].iter().filter(|(node, _)| *node != id(LISTENER)).count()
    }

    fn drain(&mut self) {
        for at in 0..NODES {
            let inbox = std::mem::take(&mut self.mesh.nodes[at].inbox);
            inbox.iter().for_each(|message| self.note(at, message));
        }
    }
}

/// G11, promise P2: whatever is delivered when, however often and in which order, no message is delivered
/// twice, through restarts and rotations; and afterwards whatever is new is delivered.
#[test]
fn g11_no_schedule_delivers_a_message_twice() {
    for suite in Suite::available() {
        for seed in 1..=6 {
            let mut schedule = Schedule::new(suite, seed);
            (0..2_500).for_each(|_| schedule.step());
            let [in_the_storm, ..] = schedule.count;
            schedule.calm();
            let [delivered, restarts, rotations] = schedule.count;
            println!(
                "{suite} {seed}: {in_the_storm} of {delivered} in the storm, {restarts} starts, {rotations} keys"
            );
            assert!(in_the_storm > 50 && restarts > 10 && rotations > 5);
        }
    }
}
