//! Nodes that end and start again.

use meshward::{Config, NodeId};

use super::{Mesh, Node, id, start};

impl Mesh {
    /// The process ends and starts again on the same disk; memory is gone.
    pub(crate) fn restart(&mut self, place: usize) {
        self.restart_with(place, &self.config.clone());
    }

    /// The same with another configuration.
    pub(crate) fn restart_with(&mut self, place: usize, config: &Config) {
        let (disk, recovery) = (self.nodes[place].disk.clone(), self.nodes[place].recovery.take());
        let started = start(id(place), disk, config, &self.view, self.clock(place));
        self.nodes[place] = Node { recovery, ..started };
    }

    /// The same on a disk as it was before it ever started: nothing can have been heard there.
    pub(crate) fn start_for_the_first_time(&mut self, place: usize) {
        self.nodes[place].disk = self.unstarted[place].copied();
        self.restart(place);
    }

    /// The node at `place` has started: time passes, without a beacon, until it knows where everybody who
    /// can answer stands.
    pub(crate) fn settle(&mut self, place: usize) {
        let lives = |mesh: &Self, node: &NodeId| {
            mesh.nodes.iter().any(|other| other.id == *node && !other.down)
        };
        for _ in 0..20 {
            if !self.guard(place).core().unproven().iter().any(|node| lives(self, node)) {
                return;
            }
            self.now = self.now.after(250);
            for (at, node) in self.nodes.iter().enumerate().filter(|(_, node)| !node.down) {
                node.guard.tick(self.clock(at)).unwrap();
            }
            self.run();
        }
        panic!("{place} takes nothing of {:?}", self.guard(place).core().unproven());
    }
}
