//! The receiver's side.

use std::borrow::Cow;

use parking_lot::Mutex;

use super::fragment::{Unverified, is_fragment};
use super::shelf::Shelf;
use super::{FragmentError, ReassemblyConfig};
use crate::id::{Link, Millis, SteadyClock};
use crate::keyring::Misuse;
use crate::limit::Places;

/// Puts packets together, each from fragments of one link. How it holds against hostile ones is told
/// [beside the format](super).
#[derive(Debug)]
pub struct Reassembler {
    config: ReassemblyConfig,
    unfinished: Mutex<State>,
}

#[derive(Debug)]
struct State {
    clock: SteadyClock,
    /// What a place begins with.
    own: Shelf,
    places: Places<Link, Shelf>,
    shared: Shelf,
}

impl Reassembler {
    /// One that holds nothing yet.
    ///
    /// # Errors
    /// [`Misuse::Config`] names the first value that is out of its range.
    pub fn new(config: ReassemblyConfig) -> Result<Self, Misuse> {
        config.validate()?;
        let ReassemblyConfig { link_bytes, shared_bytes, links, .. } = config;
        let unfinished = Mutex::new(State {
            clock: SteadyClock::default(),
            own: Shelf::new(link_bytes, link_bytes),
            places: Places::new(links),
            shared: Shelf::new(shared_bytes, link_bytes),
        });
        Ok(Self { config, unfinished })
    }

    /// Takes a datagram, as it came over `link`. Gives the packet that is now whole, if one is: the
    /// datagram itself if it is no fragment. It goes to `handle_frame` over the same link.
    ///
    /// A fragment costs at most one digest of its bytes and one of 33 to 64 for each doubling of the number
    /// of pieces, made before any lock is taken, and O(log n) comparisons.
    ///
    /// # Errors
    /// [`FragmentError`]; nothing was kept.
    pub fn take<'a>(
        &self,
        link: Link,
        datagram: &'a [u8],
        now: Millis,
    ) -> Result<Option<Cow<'a, [u8]>>, FragmentError> {
        if !is_fragment(datagram) {
            return Ok(Some(Cow::Borrowed(datagram)));
        }
        let fragment = Unverified::parse(datagram)?;
        let (found, limit) = (fragment.packet_len(), self.config.packet_bytes);
        if found > limit {
            return Err(FragmentError::TooLong { found, limit });
        }
        let fragment = fragment.verify()?;
        let State { clock, places, shared, .. } = &mut *self.unfinished.lock();
        let at = clock.advance(now);
        let since = at.saturating_sub(self.config.timeout_ms);
        shared.drop_older_than(since);
        // What was begun before the link had a place is finished where it is.
        let shelf = match places.get_mut(&link) {
            Some(own) if !shared.holds(link, fragment.id) => own,
            _ => shared,
        };
        shelf.drop_older_than(since);
        Ok(shelf.take(link, &fragment, at).map(Cow::Owned))
    }

    /// A message came over this link that was new and true: `handle_frame` gave
    /// [`Accepted::Message`](crate::Accepted::Message). A proven link gets a place for that; a claimed one
    /// has to [answer a cookie](Self::answered) first. A place is kept for ten minutes after that.
    pub fn was_of_use(&self, link: Link, now: Millis) {
        let State { own, places, .. } = &mut *self.unfinished.lock();
        if !places.was_of_use(&link, now) && link.proven().is_some() {
            places.give(link, own, now);
            places.was_of_use(&link, now);
        }
    }

    /// This link answered a cookie: `handle_frame` gave
    /// [`Accepted::CookieEcho`](crate::Accepted::CookieEcho), so somebody is where its packets seem to come
    /// from. It gets a place, if there is one that nobody uses.
    pub fn answered(&self, link: Link, now: Millis) {
        let State { own, places, .. } = &mut *self.unfinished.lock();
        places.give(link, own, now);
    }

    /// Reserves a place for a neighbour that the host knows, until it is [released](Self::release).
    /// Tells whether there was one.
    pub fn reserve(&self, link: Link, now: Millis) -> bool {
        let State { own, places, .. } = &mut *self.unfinished.lock();
        places.reserve(link, own, now)
    }

    /// Takes back what [`reserve`](Self::reserve) did.
    pub fn release(&self, link: Link) {
        self.unfinished.lock().places.release(&link);
    }

    /// Lets go what has been unfinished for too long. [`take`](Self::take) does so where it looks; this does
    /// everywhere, so a host that calls it now and then, as it does `tick`, gets memory back while
    /// nothing comes.
    pub fn tick(&self, now: Millis) {
        let State { clock, places, shared, .. } = &mut *self.unfinished.lock();
        let since = clock.advance(now).saturating_sub(self.config.timeout_ms);
        shared.drop_older_than(since);
        places.values_mut().for_each(|own| own.drop_older_than(since));
    }

    /// What all that is unfinished costs, in bytes: never more than
    /// [`ReassemblyConfig::most_bytes`].
    pub fn unfinished_bytes(&self) -> usize {
        let State { places, shared, .. } = &mut *self.unfinished.lock();
        let own = places.values_mut().map(|own| own.cost());
        own.fold(shared.cost(), usize::saturating_add)
    }
}
