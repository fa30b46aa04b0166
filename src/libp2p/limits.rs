//! How many connections there are at most.

use std::collections::BTreeSet;

use libp2p::core::ConnectedPoint;
use libp2p::swarm::{ConnectionDenied, ConnectionId, FromSwarm};
use thiserror::Error;

/// Connections with one peer. Both sides may dial at once, or one while the other has not noticed that the
/// connection before is gone.
const WITH_ONE_PEER: usize = 2;

/// Counts connections, and refuses those beyond the limits.
///
/// Those of libp2p itself (`connection_limits`) keep something of every peer that was ever there, and can make an
/// exception for a peer only from all limits at once.
#[derive(Debug)]
pub(super) struct Limits {
    /// Of each kind.
    most: usize,
    /// Those of which it is not known yet with whom they are.
    incoming_pending: BTreeSet<ConnectionId>,
    outgoing_pending: BTreeSet<ConnectionId>,
    /// Those that strangers have made.
    incoming: BTreeSet<ConnectionId>,
}

/// Why no connection is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum TooMany {
    #[error("too many connections are being made by others")]
    IncomingPending,
    #[error("too many connections are being made by this node")]
    OutgoingPending,
    #[error("strangers have made as many connections as they may")]
    Incoming,
    #[error("two connections with one peer are enough")]
    WithOnePeer,
}

impl Limits {
    pub(super) const fn new(most: usize) -> Self {
        Self {
            most,
            incoming_pending: BTreeSet::new(),
            outgoing_pending: BTreeSet::new(),
            incoming: BTreeSet::new(),
        }
    }

    /// Somebody makes a connection.
    pub(super) fn comes(&mut self, id: ConnectionId) -> Result<(), ConnectionDenied> {
        add(&mut self.incoming_pending, id, self.most, TooMany::IncomingPending)
    }

    /// This node makes a connection.
    pub(super) fn goes(&mut self, id: ConnectionId) -> Result<(), ConnectionDenied> {
        add(&mut self.outgoing_pending, id, self.most, TooMany::OutgoingPending)
    }

    /// The connection that [comes](Self::comes) is that of a peer with which there are so many.
    pub(super) fn has_come(
        &mut self,
        id: ConnectionId,
        of_stranger: bool,
        with_peer: usize,
    ) -> Result<(), ConnectionDenied> {
        self.incoming_pending.remove(&id);
        one_more_with(with_peer)?;
        match of_stranger {
            true => add(&mut self.incoming, id, self.most, TooMany::Incoming),
            false => Ok(()),
        }
    }

    /// The connection that [goes](Self::goes) has reached a peer with which there are so many.
    pub(super) fn has_gone(
        &mut self,
        id: ConnectionId,
        with_peer: usize,
    ) -> Result<(), ConnectionDenied> {
        self.outgoing_pending.remove(&id);
        one_more_with(with_peer)
    }

    /// Forgets connections that have ended, or come to nothing.
    pub(super) fn note(&mut self, event: &FromSwarm<'_>) {
        let (id, is_incoming) = match event {
            FromSwarm::DialFailure(failure) => (failure.connection_id, false),
            FromSwarm::ListenFailure(failure) => (failure.connection_id, true),
            FromSwarm::ConnectionClosed(closed) => {
                let is_incoming = matches!(closed.endpoint, ConnectedPoint::Listener { .. });
                (closed.connection_id, is_incoming)
            }
            _ => return,
        };
        if is_incoming {
            self.incoming_pending.remove(&id);
            self.incoming.remove(&id);
        } else {
            self.outgoing_pending.remove(&id);
        }
    }
}

fn add(
    to: &mut BTreeSet<ConnectionId>,
    id: ConnectionId,
    most: usize,
    refused: TooMany,
) -> Result<(), ConnectionDenied> {
    if to.len() >= most {
        return Err(ConnectionDenied::new(refused));
    }
    to.insert(id);
    Ok(())
}

fn one_more_with(with_peer: usize) -> Result<(), ConnectionDenied> {
    match with_peer < WITH_ONE_PEER {
        true => Ok(()),
        false => Err(ConnectionDenied::new(TooMany::WithOnePeer)),
    }
}

#[cfg(test)]
mod tests {
    use libp2p::swarm::{ConnectionClosed, DialError, DialFailure, ListenError, ListenFailure};
    use libp2p::{Multiaddr, PeerId};

    use super::*;

    fn why<T: std::fmt::Debug>(refused: Result<T, ConnectionDenied>) -> TooMany {
        refused.unwrap_err().downcast().unwrap()
    }

    fn id(number: usize) -> ConnectionId {
        ConnectionId::new_unchecked(number)
    }

    fn close(limits: &mut Limits, id: ConnectionId) {
        let nowhere = Multiaddr::empty();
        let endpoint =
            ConnectedPoint::Listener { local_addr: nowhere.clone(), send_back_addr: nowhere };
        limits.note(&FromSwarm::ConnectionClosed(ConnectionClosed {
            peer_id: PeerId::random(),
            connection_id: id,
            endpoint: &endpoint,
            cause: None,
            remaining_established: 0,
        }));
    }

    #[test]
    fn strangers_do_not_take_the_place_of_those_that_are_known() {
        let mut limits = Limits::new(1);
        limits.comes(id(1)).unwrap();
        limits.has_come(id(1), true, 0).unwrap();
        limits.comes(id(2)).unwrap();
        assert_eq!(why(limits.has_come(id(2), true, 0)), TooMany::Incoming);
        limits.comes(id(3)).unwrap();
        limits.has_come(id(3), false, 0).unwrap();
        // Nor does who is known count as a stranger.
        close(&mut limits, id(1));
        limits.comes(id(4)).unwrap();
        limits.has_come(id(4), true, 0).unwrap();
    }

    #[test]
    fn two_with_one_peer_are_enough_whoever_it_is() {
        let mut limits = Limits::new(9);
        limits.has_come(id(1), true, 1).unwrap();
        assert_eq!(why(limits.has_come(id(2), true, 2)), TooMany::WithOnePeer);
        assert_eq!(why(limits.has_come(id(3), false, 2)), TooMany::WithOnePeer);
        limits.has_gone(id(4), 1).unwrap();
        assert_eq!(why(limits.has_gone(id(5), 2)), TooMany::WithOnePeer);
    }

    #[test]
    fn what_comes_to_nothing_leaves_its_place() {
        let mut limits = Limits::new(1);
        let (nowhere, peer_id) = (Multiaddr::empty(), None);
        limits.comes(id(1)).unwrap();
        assert_eq!(why(limits.comes(id(2))), TooMany::IncomingPending);
        limits.note(&FromSwarm::ListenFailure(ListenFailure {
            local_addr: &nowhere,
            send_back_addr: &nowhere,
            error: &ListenError::Aborted,
            connection_id: id(1),
            peer_id,
        }));
        limits.comes(id(2)).unwrap();
        limits.goes(id(3)).unwrap();
        assert_eq!(why(limits.goes(id(4))), TooMany::OutgoingPending);
        let error = &DialError::Aborted;
        limits.note(&FromSwarm::DialFailure(DialFailure { peer_id, error, connection_id: id(3) }));
        limits.goes(id(4)).unwrap();
        limits.has_gone(id(4), 0).unwrap();
        limits.goes(id(5)).unwrap();
        assert!(limits.incoming.is_empty() && limits.outgoing_pending.len() == 1);
    }
}
