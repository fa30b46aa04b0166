//! From one view to the next: what of its frames each of them takes, and what both remember.

use std::sync::Arc;

use parking_lot::Mutex;

use super::opening::Opening;
use super::peer::Peer;
use super::walk::Walk;
use super::{GossipConfig, SignedGossip, Stage};
use crate::membership::{Directory, MemberIndex};
use crate::wire::{Header, Refusal};

impl SignedGossip {
    /// Gossip in the view of `directory`, which [follows](Directory::succeed) this one's. `config` may
    /// differ from this one's in the budgets of links alone.
    ///
    /// What is remembered of the frames of who stays is the same in both, so a frame is taken by one of
    /// the two, once (promise P2), whichever screened it, and threads may be in both.
    pub(crate) fn succeed(&self, directory: Arc<Directory>, config: GossipConfig) -> Self {
        let (before, after) = (self.directory.view(), directory.view());
        let places = after.places_in(before);
        let opening = Opening::at_start(self.keyring.is_first_start());
        let kept = |place: &Option<MemberIndex>| self.peers.get((*place)?.place()).map(Arc::clone);
        Self {
            peers: places
                .iter()
                .map(|at| kept(at).unwrap_or_else(|| peer(&config, opening)))
                .collect(),
            links: self.links.succeed(&config, (before, after)),
            retained: self.retained.succeed(config.retained_bytes, &places),
            cookies: Arc::clone(&self.cookies),
            fingerprint_key: self.fingerprint_key,
            keyring: Arc::clone(&self.keyring),
            ledgers: Arc::clone(&self.ledgers),
            entropy: Arc::clone(&self.entropy),
            directory,
            config,
        }
    }

    /// The member that a frame names, if it may have said that in this life of it.
    ///
    /// A view change reaches one member after the other, and a live member's frames are signs of life in
    /// whichever of the two views it is; were they refused, it would fall silent for half the mesh. The
    /// signature binds the origin, and its windows take each nonce once, whatever the view. So the view
    /// that a frame names decides two things only:
    ///
    /// - Before its origin [joined](crate::membership::Member::joined) it spoke in another life, whose
    ///   windows are gone. What it said then is not taken again (attack K11).
    /// - More than one view ahead its origin may have left and joined again, which takes two changes.
    ///   Taken here, the frame would be taken once more when this node has followed and knows only the
    ///   origin's new life (promise P2).
    pub(super) fn speaker<W: Walk>(
        &self,
        walk: &mut W,
        header: &Header,
    ) -> Result<MemberIndex, Refusal> {
        let view = self.directory.view();
        let unknown = Refusal::UnknownOrigin(header.origin);
        let place = view.index_of(&header.origin).ok_or(unknown.clone())?;
        let joined = view.member(place).ok_or(unknown)?.joined;
        walk.enters(Stage::View);
        let latest = view.number().0.saturating_add(1);
        match (joined.0..=latest).contains(&header.view.0) {
            true => Ok(place),
            false => Err(Refusal::OtherView { found: header.view, current: view.number() }),
        }
    }
}

/// What is remembered of a member that has not been heard.
pub(super) fn peer(config: &GossipConfig, opening: Opening) -> Arc<Mutex<Peer>> {
    Arc::new(Mutex::new(Peer::new(config.window, config.origin_rate, opening)))
}
