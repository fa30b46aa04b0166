//! The core of the next view: what it shares with the one before, what it takes over, what it begins
//! anew.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::Mutex;

use super::Core;
use super::asides::Asides;
use super::start::with_room_for_statements;
use crate::id::Millis;
use crate::keyring::{Error, Misuse};

impl Core {
    /// The core of the next view, once [`Event::ViewChanged`](crate::Event::ViewChanged) told that it has
    /// begun. It takes the place of this one: whoever holds on to this one hears the others, and is heard,
    /// but decides nothing with them any more.
    ///
    /// # Errors
    /// [`Misuse::NotAMember`] for a node that left the mesh with it; [`Misuse::Nonsense`] before it has
    /// begun; or a fault of the entropy source. This core stays in use then.
    pub fn successor(&self, now: Millis) -> Result<Self, Error> {
        let view = Arc::clone(self.past.lock().newest());
        if view.number() <= self.view().number() {
            return Err(Misuse::Nonsense("the next view has not begun").into());
        }
        let me = view.index_of(&self.node()).ok_or(Misuse::NotAMember(self.node()))?;
        let grace_until = now.after(self.config.grace_ms);
        let directory = Arc::new(self.directory.succeed(Arc::clone(&view), grace_until));
        let quorum = self.quorum.succeed(Arc::clone(&directory), me, now)?;
        let is_here = |node: &crate::id::NodeId| view.index_of(node).is_some();
        self.ledgers.members.resize(
            view.len().saturating_mul(2),
            Some(view.faults_tolerated()),
            is_here,
        );
        let gossip_config = with_room_for_statements(&self.config, &view);
        let gossip = self.gossip.succeed(Arc::clone(&directory), gossip_config);
        let asides = {
            let before = self.asides.lock();
            let of = |member: &crate::membership::Member| {
                let place = self.view().index_of(&member.id);
                let known = place.and_then(|place| before.get(place.place()));
                known.map_or_else(Asides::new, Asides::succeed)
            };
            view.members().iter().map(of).collect()
        };
        self.proofs.lock().succeed(&view);
        self.excesses.lock().succeed(&view);
        self.claims.lock().succeed(&view);
        let core = Self {
            me,
            config: self.config.clone(),
            directory,
            keyring: Arc::clone(&self.keyring),
            ledgers: Arc::clone(&self.ledgers),
            gossip,
            quorum,
            entropy: Arc::clone(&self.entropy),
            counters: Arc::clone(&self.counters),
            writes: Arc::clone(&self.writes),
            timers: Mutex::new(self.timers.lock().succeed()),
            asides: Mutex::new(asides),
            proofs: Arc::clone(&self.proofs),
            excesses: Arc::clone(&self.excesses),
            kept_rotations: Arc::clone(&self.kept_rotations),
            past: Arc::clone(&self.past),
            lease: Arc::clone(&self.lease),
            claims: Arc::clone(&self.claims),
            staged: self.staged.as_ref().map(|staged| staged.succeed(&view)),
            has_left: AtomicBool::new(false),
        };
        core.condemn_proven();
        Ok(core)
    }
}
