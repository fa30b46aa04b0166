//! Nodes that end and start again.

use meshward::NodeId;

use super::{Mesh, id, start};

impl Mesh {
    /// The process ends and starts again on the same disk; memory is gone.
    pub(crate) fn restart(&mut self, place: usize) {
        let disk = self.nodes[place].disk.clone();
        self.nodes[place] = start(id(place), disk, &self.config, &self.view, self.clock(place));
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
