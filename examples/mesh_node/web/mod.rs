//! What a node says over HTTP, to who sits at its host: a page at `/`, the same as JSON at `/status`, and
//! `/metrics` for Prometheus. It is to be read only; nothing can be set or sent through it.
//!
//! | who | what keeps them out |
//! |---|---|
//! | another host | it listens on loopback alone; whoever is allowed in comes through `ssh -L` or a proxy of their own |
//! | a page in a browser at this host | the answer cannot be read (no CORS), nor embedded; by a name that was pointed here ([DNS rebinding]) it is refused, and so is asking for the numbers in a loop |
//! | a member with a hostile name or beacon | the page makes text of what it is told, never markup, and its policy runs nothing but its own file |
//! | a slow or greedy client | a request has a few seconds, a connection one request, connections a number |
//!
//! [DNS rebinding]: https://crypto.stanford.edu/dns/dns-rebinding.pdf

mod answer;
mod serve;
mod status;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use tokio::runtime;
use tokio::sync::oneshot;

pub(crate) use status::{
    CertificateLine, EventLine, LinkLine, MemberLine, MemberState, RuleLine, Status,
};

/// What is shown. It is asked once for each request, on the thread of the server.
pub(crate) trait Source: Send + Sync {
    /// A snapshot of the node.
    fn status(&self) -> Status;

    /// All metrics, in the text format of Prometheus.
    fn metrics(&self) -> String;
}

/// The server, in a thread of its own.
pub(crate) struct Web {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Web {
    /// Answers at `listen`, with port 0 at any that is free, from now on.
    ///
    /// # Errors
    /// `listen` is no loopback address, or cannot be had.
    pub(crate) fn start(listen: SocketAddr, source: Arc<dyn Source>) -> io::Result<Self> {
        if !listen.ip().is_loopback() {
            let what = format!(
                "{listen} can be reached from other hosts, and what is served is for this one alone: \
                 listen on 127.0.0.1 or [::1], and come from elsewhere through `ssh -L`"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        let listener = TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let thread = Builder::new().name("web".to_owned()).spawn(move || {
            runtime.block_on(serve::serve(listener, source, stopped));
        })?;
        Ok(Self { address, stop, thread })
    }

    /// Where it answers.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, answers what is begun, and ends: within [`serve::GRACE`], whatever the
    /// clients do.
    pub(crate) fn stop(self) {
        // Whoever is gone already need not be told.
        let _ = self.stop.send(());
        // It ends with an error only if it panicked, which has been printed.
        let _ = self.thread.join();
    }
}
