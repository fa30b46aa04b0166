//! The steps by which this node's view came about.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::id::{Digest, ViewNumber};
use crate::keyring::{Error, Fault};
use crate::membership::View;
use crate::quorum::ViewLink;
use crate::store::{Batch, Store, Table};
use crate::wire::WireError;

/// Steps that are kept ready for members that were away, the newest: 5 KiB each for every member, and 9 KiB for
/// each rotation that led to a key they are signed with. The store has them all.
const MOST_LINKS: usize = 64;

/// The newest steps, and the one that is being written.
#[derive(Debug)]
pub(super) struct Past {
    links: BTreeMap<ViewNumber, ViewLink>,
    /// The view before the first of them.
    before: Arc<View>,
    /// A step is being written, and no other begins.
    is_stepping: bool,
    /// Numbers under which a rival was shown: one alarm each is enough.
    rivals: BTreeSet<ViewNumber>,
}

impl Past {
    /// Follows the steps that `store` holds from `view` to the newest view.
    ///
    /// They are this node's own writes, checked before they were written, so no signature is checked
    /// again; who can alter the store has this node's key.
    pub(super) fn load(view: Arc<View>, store: &dyn Store) -> Result<Self, Error> {
        let mut past = Self {
            links: BTreeMap::new(),
            before: view,
            is_stepping: false,
            rivals: BTreeSet::new(),
        };
        for (key, value) in store.scan(Table::View)? {
            let number = key.as_slice().try_into().map(u64::from_be_bytes);
            let unreadable = || Fault::from(WireError::Field { what: "a stored view" });
            if number.map_err(|_| unreadable())? <= past.newest().number().0 {
                continue;
            }
            let link = ViewLink::restore(&value, past.newest());
            past.add(link.map_err(|refusal| {
                tracing::error!(%refusal, "a stored step to a next view");
                unreadable()
            })?);
        }
        Ok(past)
    }

    /// Whether a step from the view with this number is being written, or was.
    pub(super) fn has_stepped(&self, from: ViewNumber) -> bool {
        self.is_stepping || self.newest().number() > from
    }

    /// Begins a step from the view with this number, if none has begun.
    pub(super) fn may_step(&mut self, from: ViewNumber) -> bool {
        let may = !self.has_stepped(from);
        self.is_stepping |= may;
        may
    }

    /// The step that was being written is, or could not be.
    pub(super) const fn end_step(&mut self) {
        self.is_stepping = false;
    }

    pub(super) fn newest(&self) -> &Arc<View> {
        self.links.last_key_value().map_or(&self.before, |(_, link)| link.view())
    }

    /// The view with this number, if it is one of the newest.
    pub(super) fn view(&self, number: ViewNumber) -> Option<&Arc<View>> {
        let link = self.links.get(&number).map(ViewLink::view);
        link.or_else(|| Some(&self.before).filter(|view| view.number() == number))
    }

    /// The step that leads to the view with this number.
    pub(super) fn link(&self, number: ViewNumber) -> Option<&ViewLink> {
        self.links.get(&number)
    }

    pub(super) fn links(&self) -> impl Iterator<Item = &ViewLink> {
        self.links.values()
    }

    pub(super) fn add(&mut self, link: ViewLink) {
        self.links.insert(link.view().number(), link);
        if self.links.len() > MOST_LINKS
            && let Some((_, oldest)) = self.links.pop_first()
        {
            self.before = Arc::clone(oldest.view());
        }
    }

    /// Whether another view than the one known here, with the same number and this digest, would be
    /// news.
    pub(super) fn would_be_a_rival(&self, number: ViewNumber, digest: Digest) -> bool {
        let known = self.view(number).map(|view| view.digest());
        known.is_some_and(|known| known != digest) && !self.rivals.contains(&number)
    }

    /// Notes that a rival of that number was shown; tells whether it is the first.
    pub(super) fn met_a_rival(&mut self, number: ViewNumber) -> bool {
        self.rivals.insert(number)
    }
}

/// What is to be written with a step.
pub(super) fn put(batch: &mut Batch, link: &ViewLink) {
    let number = link.view().number().0.to_be_bytes();
    batch.put(Table::View, &number, link.as_bytes());
}
