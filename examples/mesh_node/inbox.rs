//! What came over the socket and waits to be looked at.
//!
//! Each peer has a queue of its own, and all other addresses have one together. They are served in turn, so
//! a flood from one takes no place and little time from the others.

use std::collections::VecDeque;
use std::time::Duration;

use meshward::Link;
use parking_lot::{Condvar, Mutex};

/// What waits of one peer, in bytes.
const PEER_BYTES: usize = 1024 * 1024;
/// What waits of all other addresses, in bytes.
const STRANGER_BYTES: usize = 256 * 1024;

/// A datagram, without its envelope.
pub(crate) struct Datagram {
    pub(crate) link: Link,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) struct Inbox {
    state: Mutex<State>,
    came: Condvar,
}

struct State {
    /// One for each peer, and the last for all other addresses.
    queues: Vec<Queue>,
    /// Whose turn it is.
    turn: usize,
}

struct Queue {
    limit: usize,
    bytes: usize,
    waiting: VecDeque<Datagram>,
}

impl Inbox {
    pub(crate) fn new(peers: usize) -> Self {
        let queue = |limit| Queue { limit, bytes: 0, waiting: VecDeque::new() };
        let mut queues: Vec<_> = (0..peers).map(|_| queue(PEER_BYTES)).collect();
        queues.push(queue(STRANGER_BYTES));
        Self { state: Mutex::new(State { queues, turn: 0 }), came: Condvar::new() }
    }

    /// Puts a datagram of a peer, or of somebody else, behind the others of the same. Tells whether there was
    /// room.
    pub(crate) fn put(&self, peer: Option<usize>, datagram: Datagram) -> bool {
        let mut state = self.state.lock();
        let queue = match peer {
            Some(peer) => state.queues.get_mut(peer),
            None => state.queues.last_mut(),
        };
        let has_room = queue.is_some_and(|queue| queue.put(datagram));
        drop(state);
        self.came.notify_one();
        has_room
    }

    /// The next datagram; `None` if none came for so long.
    pub(crate) fn take(&self, patience: Duration) -> Option<Datagram> {
        let mut state = self.state.lock();
        let found = state.take();
        if found.is_some() || patience.is_zero() {
            return found;
        }
        self.came.wait_for(&mut state, patience);
        state.take()
    }
}

impl State {
    fn take(&mut self) -> Option<Datagram> {
        let Self { queues, turn } = self;
        let places = (*turn..queues.len()).chain(0..*turn);
        let (place, found) =
            places.filter_map(|place| Some((place, queues.get_mut(place)?.take()?))).next()?;
        *turn = place.saturating_add(1);
        Some(found)
    }
}

impl Queue {
    fn put(&mut self, datagram: Datagram) -> bool {
        // An empty one costs something, too.
        let bytes = self.bytes.saturating_add(cost(&datagram));
        if bytes > self.limit {
            return false;
        }
        self.bytes = bytes;
        self.waiting.push_back(datagram);
        true
    }

    fn take(&mut self) -> Option<Datagram> {
        let datagram = self.waiting.pop_front()?;
        self.bytes = self.bytes.saturating_sub(cost(&datagram));
        Some(datagram)
    }
}

/// What a datagram takes, in bytes.
const fn cost(datagram: &Datagram) -> usize {
    datagram.bytes.len().saturating_add(size_of::<Datagram>())
}
