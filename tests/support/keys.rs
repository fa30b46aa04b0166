//! Whose hands the keys of a node get into.

use std::sync::Arc;

use meshward::store::Table;
use meshward::suite::SigningKey;
use meshward::{Identity, OsEntropy, Store, Suite};

use super::{Chance, Disk, Liar, Mesh, Node, id, start};

/// The key that signs, as it stands on a disk.
pub(crate) fn active_key(disk: &Disk, suite: Suite) -> SigningKey {
    let stored = disk.get(Table::Identity, b"active").unwrap().unwrap();
    // Node, epoch, suite and the length of the secret stand before it.
    SigningKey::from_secret_bytes(suite, &stored[32 + 8 + 1 + 8..]).unwrap()
}

impl Mesh {
    /// Whoever owns the node at `place` takes its identity back, onto `disk`, and starts it there; what it
    /// ran on before is off.
    pub(crate) fn recover(&mut self, place: usize, disk: Disk, suite: Suite) {
        let with = self.nodes[place].recovery.take().unwrap();
        let taken = Identity::recover(&disk, self.view.mesh(), &with, [], suite, &OsEntropy);
        let recovery = taken.unwrap().recovery_key();
        let started = start(id(place), disk, &self.config, &self.view, self.clock(place));
        self.nodes[place] = Node { recovery, ..started };
    }

    /// The keys of the node at `place`, read off its disk: it becomes a liar, or has met a thief.
    pub(crate) fn steal(&self, place: usize) -> Liar {
        let member = self.view.index_of(&id(place)).unwrap();
        let current = self.guard(place).core().directory().current(member).unwrap();
        let key = active_key(&self.nodes[place].disk, current.key.suite());
        let next = Suite::available().filter_map(|suite| {
            let row = [b"next/".as_slice(), &[suite.code()]].concat();
            let secret = self.nodes[place].disk.get(Table::Identity, &row).unwrap()?;
            Some(SigningKey::from_secret_bytes(suite, &secret).unwrap())
        });
        let (epoch, recovery, view) = (current.epoch, current.recovery, Arc::clone(&self.view));
        let (next, chance) = (next.collect(), Chance::default());
        Liar { id: id(place), epoch, key, next, recovery, view, chance }
    }
}
