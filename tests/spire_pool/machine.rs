//! A server in a thread of its own, which can be killed, stopped and started again.

use std::future::{Future, poll_fn};
use std::sync::mpsc::{Sender, channel};
use std::task::Poll;
use std::thread::{self, JoinHandle};

use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};

/// The runtime of one server. All its sockets are in it, so that blocking its one thread is to them what SIGSTOP
/// is to those of a process: the kernel goes on to accept and acknowledge, and nobody answers.
pub(crate) struct Machine {
    handle: Handle,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    stopped: Option<Sender<()>>,
}

impl Machine {
    /// Runs `serve`, which opens its socket before it first waits.
    pub(crate) fn start<F: Future<Output = ()>>(
        serve: impl FnOnce() -> F + Send + 'static,
    ) -> Self {
        let (ready, started) = channel();
        let (end, ended) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut serve = Box::pin(serve());
                poll_fn(|context| {
                    assert!(serve.as_mut().poll(context).is_pending());
                    Poll::Ready(())
                })
                .await;
                ready.send(Handle::current()).unwrap();
                tokio::select! {
                    () = serve => {}
                    _ = ended => {}
                }
            });
        });
        let handle = started.recv().unwrap();
        Self { handle, end: Some(end), thread: Some(thread), stopped: None }
    }

    pub(crate) fn stop(&mut self) {
        let (go_on, wait) = channel();
        let (begun, blocked) = channel();
        self.handle.spawn(async move {
            begun.send(()).unwrap();
            let _ = wait.recv();
        });
        blocked.recv().unwrap();
        self.stopped = Some(go_on);
    }

    pub(crate) fn go_on(&mut self) {
        self.stopped = None;
    }
}

impl Drop for Machine {
    /// As a kill does: what was not said is not said any more.
    fn drop(&mut self) {
        self.stopped = None;
        drop(self.end.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Serves one connection.
pub(crate) async fn serve<S, A, F>(stream: S, answer: A)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Fn(Request<Incoming>) -> F + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let service = service_fn(move |request| {
        let answer = answer(request);
        async move { Ok::<_, std::convert::Infallible>(answer.await) }
    });
    let _ = http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
