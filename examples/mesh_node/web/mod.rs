//! What a node says over HTTP.

mod status;

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub(crate) use status::{
    CertificateLine, EventLine, LinkLine, MemberLine, MemberState, RuleLine, Status,
};

/// What is shown.
pub(crate) trait Source: Send + Sync {
    /// A snapshot of the node.
    fn status(&self) -> Status;

    /// All metrics, in the text format of Prometheus.
    fn metrics(&self) -> String;
}

/// The server, in a thread of its own.
pub(crate) struct Web {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Web {
    /// Answers at `listen` from now on.
    ///
    /// # Errors
    /// `listen` is no loopback address, or cannot be had.
    pub(crate) fn start(listen: SocketAddr, source: Arc<dyn Source>) -> io::Result<Self> {
        if !listen.ip().is_loopback() {
            return Err(io::Error::other("it is no loopback address"));
        }
        let listener = TcpListener::bind(listen)?;
        let address = listener.local_addr()?;
        let stopped = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&stopped);
        let thread = thread::spawn(move || {
            for asker in listener.incoming() {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                let _hung_up = asker.and_then(|asker| answer(asker, source.as_ref()));
            }
        });
        Ok(Self { address, stopped, thread })
    }

    /// Where it answers.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers what is begun, and ends.
    pub(crate) fn stop(self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Wakes the thread.
        let _connected = TcpStream::connect(self.address);
        let _ended = self.thread.join();
    }
}

fn answer(mut asker: TcpStream, source: &dyn Source) -> io::Result<()> {
    asker.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut lines = BufReader::new(&asker).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    lines.take(64).take_while(|line| !line.is_empty()).for_each(drop);
    let text = match first.split_whitespace().nth(1) {
        Some("/metrics") => source.metrics(),
        _ => serde_json::to_string(&source.status())?,
    };
    write!(
        asker,
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
}
