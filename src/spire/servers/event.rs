//! What is wrong with a server, and what a pool has to say.

use std::error::Error as _;
use std::net::SocketAddr;

use thiserror::Error;
use tonic::Status;

use crate::spire::NoIdentity;

/// Why a server is not used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Fault {
    /// It was not probed yet.
    #[error("not probed yet")]
    Unknown,
    /// It cannot be connected to, or it broke the connection off.
    #[error("cannot connect: {0}")]
    Unreachable(String),
    /// It did not answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// Its certificate is no SVID.
    #[error("it has no X.509-SVID: {0}")]
    NoSpireServer(String),
    /// It is somebody else: a server of another trust domain, or a workload.
    #[error("it is {found}, and not {expected}")]
    Stranger {
        /// Who was expected.
        expected: String,
        /// Who it says that it is. That was not verified.
        found: String,
    },
    /// It says that it is a server of this trust domain, and no authority known here vouches for that. One
    /// whose CA is new is trusted as soon as an agent has told of that CA.
    #[error("no known authority vouches for it: {0}")]
    Untrusted(String),
    /// It answers, and says that it cannot or will not.
    #[error("it refused: {0}")]
    Refused(String),
    /// Its health listener does not say that it is ready.
    #[error("its health listener says: {0}")]
    NotReady(String),
    /// There is no identity to show it.
    #[error("there is no identity to show it: {0}")]
    NoIdentity(#[from] NoIdentity),
    /// The identity that there is cannot be used.
    #[error("the identity cannot be used: {0}")]
    Identity(String),
}

impl Fault {
    /// What it says of the server that a call to it failed so. Where nobody said it, but the connection was lost,
    /// there is a source.
    pub(super) fn of(status: &Status) -> Self {
        match status.source() {
            Some(_) => Self::Unreachable(status.to_string()),
            None => Self::Refused(status.to_string()),
        }
    }
}

/// What became of a server of a [`ServerPool`](super::ServerPool).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PoolEvent {
    /// It is used.
    Up(SocketAddr),
    /// It is not used, for a reason that is new.
    Down(SocketAddr, Fault),
}

/// Why a pool cannot be started, or a call failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PoolError {
    /// A value out of the range that its documentation gives.
    #[error("{0} is out of its range")]
    OutOfRange(&'static str),
    /// Called outside a tokio runtime.
    #[error("a pool runs its tasks on a tokio runtime; start it inside one")]
    NoRuntime,
    /// No server is used now.
    #[error("no server can be used; of {server}: {fault}")]
    NoServer {
        /// One of them.
        server: SocketAddr,
        /// What is wrong with it.
        fault: Fault,
    },
    /// The last server that was asked did not answer.
    #[error("server {server} failed: {fault}")]
    Failed {
        /// The server.
        server: SocketAddr,
        /// What it did.
        fault: Fault,
    },
    /// All servers that were asked answered that this may not be.
    #[error("server {server} refused: {reason}")]
    Refused {
        /// The last one.
        server: SocketAddr,
        /// What it said.
        reason: String,
    },
    /// The answer of the last server that gave one is not what it should be, and no other's is.
    #[error("the answer of server {server} was not understood: {reason}")]
    Malformed {
        /// The server.
        server: SocketAddr,
        /// What is wrong with it.
        reason: String,
    },
}
