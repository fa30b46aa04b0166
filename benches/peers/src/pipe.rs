//! A libp2p connection that is nothing but queues of bytes in memory.
//!
//! It takes the place of transport, encryption and multiplexing, so that what is timed is what comes
//! after them. What one end has sent stays in its queue until the other end is polled.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::future::{Pending, Ready, ready};
use futures::io::{AsyncRead, AsyncWrite};
use libp2p_core::Multiaddr;
use libp2p_core::muxing::{StreamMuxer, StreamMuxerBox, StreamMuxerEvent};
use libp2p_core::transport::{
    Boxed, DialOpts, ListenerId, Transport, TransportError, TransportEvent,
};
use libp2p_identity::PeerId;

/// Things that one side puts in and the other one takes out.
struct Queue<T>(Mutex<(VecDeque<T>, Option<Waker>)>);

impl<T> Queue<T> {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new((VecDeque::new(), None))))
    }

    fn lock(&self) -> MutexGuard<'_, (VecDeque<T>, Option<Waker>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, things: impl IntoIterator<Item = T>) {
        let mut queue = self.lock();
        queue.0.extend(things);
        if let Some(waker) = queue.1.take() {
            waker.wake();
        }
    }

    /// What `take` takes out, once there is anything.
    fn poll<R>(&self, cx: &Context<'_>, take: impl FnOnce(&mut VecDeque<T>) -> R) -> Poll<R> {
        let mut queue = self.lock();
        if queue.0.is_empty() {
            queue.1 = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(take(&mut queue.0))
    }
}

/// One end of a stream.
pub(crate) struct Stream {
    incoming: Arc<Queue<u8>>,
    outgoing: Arc<Queue<u8>>,
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.incoming.poll(cx, |queue| io::Read::read(queue, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.outgoing.put(bytes.iter().copied());
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// One end of a connection.
pub(crate) struct End {
    /// Streams that the other end opens.
    opened_there: Arc<Queue<Stream>>,
    /// Streams that this end opens.
    opened_here: Arc<Queue<Stream>>,
    sent: Sent,
}

/// What an end has sent and the other one has not yet read, in the streams that it opened.
#[derive(Clone)]
pub(crate) struct Sent(Arc<Mutex<Vec<Arc<Queue<u8>>>>>);

impl Sent {
    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Queue<u8>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A copy of it, stream by stream.
    pub(crate) fn unread(&self) -> Vec<Vec<u8>> {
        self.lock().iter().map(|queue| queue.lock().0.iter().copied().collect()).collect()
    }

    /// Sends a copy once more.
    pub(crate) fn again(&self, copy: Vec<Vec<u8>>) {
        for (queue, bytes) in self.lock().iter().zip(copy) {
            queue.put(bytes);
        }
    }
}

/// Two ends of a connection.
pub(crate) fn pair() -> (End, End) {
    let (here, there) = (Queue::new(), Queue::new());
    let end = |opened_here: &Arc<_>, opened_there: &Arc<_>| End {
        opened_there: Arc::clone(opened_there),
        opened_here: Arc::clone(opened_here),
        sent: Sent(Arc::default()),
    };
    (end(&here, &there), end(&there, &here))
}

impl End {
    /// To look into what this end sends.
    pub(crate) fn sent(&self) -> Sent {
        self.sent.clone()
    }

    /// A transport that knows one connection, to `peer`, and has it as soon as that is dialled.
    pub(crate) fn transport(self, peer: PeerId) -> Boxed<(PeerId, StreamMuxerBox)> {
        Dialled(Some((peer, StreamMuxerBox::new(self)))).boxed()
    }
}

impl StreamMuxer for End {
    type Substream = Stream;
    type Error = Infallible;

    fn poll_inbound(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Stream, Infallible>> {
        match self.opened_there.poll(cx, VecDeque::pop_front) {
            Poll::Ready(Some(stream)) => Poll::Ready(Ok(stream)),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    fn poll_outbound(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Result<Stream, Infallible>> {
        let (forth, back) = (Queue::new(), Queue::new());
        self.sent.lock().push(Arc::clone(&forth));
        let theirs = Stream { incoming: Arc::clone(&forth), outgoing: Arc::clone(&back) };
        self.opened_here.put([theirs]);
        Poll::Ready(Ok(Stream { incoming: back, outgoing: forth }))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Result<StreamMuxerEvent, Infallible>> {
        Poll::Pending
    }
}

/// A transport that hands out one connection.
struct Dialled(Option<(PeerId, StreamMuxerBox)>);

impl Transport for Dialled {
    type Output = (PeerId, StreamMuxerBox);
    type Error = io::Error;
    type ListenerUpgrade = Pending<io::Result<Self::Output>>;
    type Dial = Ready<io::Result<Self::Output>>;

    fn listen_on(
        &mut self,
        _: ListenerId,
        address: Multiaddr,
    ) -> Result<(), TransportError<io::Error>> {
        Err(TransportError::MultiaddrNotSupported(address))
    }

    fn remove_listener(&mut self, _: ListenerId) -> bool {
        false
    }

    fn dial(
        &mut self,
        address: Multiaddr,
        _: DialOpts,
    ) -> Result<Self::Dial, TransportError<io::Error>> {
        let connection = self.0.take().ok_or(TransportError::MultiaddrNotSupported(address))?;
        Ok(ready(Ok(connection)))
    }

    fn poll(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
        Poll::Pending
    }
}
