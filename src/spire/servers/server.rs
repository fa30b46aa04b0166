//! What is known of one server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tonic::transport::Channel;

use super::{Fault, ServerAddress};

/// How much the last answer counts beside all before.
const SMOOTHING: f64 = 0.125;

#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: ServerAddress,
    state: Mutex<State>,
    /// Calls that it has not answered yet.
    pending: Arc<AtomicU32>,
    /// Its prober should look now.
    pub(super) look: Notify,
}

#[derive(Debug)]
struct State {
    usable: Result<Channel, Fault>,
    latency: Duration,
}

/// A call that counts as one of the server's until it is dropped.
pub(super) struct Pending(Arc<AtomicU32>);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Server {
    pub(super) fn new(address: ServerAddress) -> Self {
        let state = State { usable: Err(Fault::Unknown), latency: Duration::ZERO };
        let (state, pending, look) = (Mutex::new(state), Arc::default(), Notify::new());
        Self { address, state, pending, look }
    }

    /// Why it is not used, if it is not.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.state.lock().usable.as_ref().err().cloned()
    }

    /// What a call to it costs about: how long it takes to answer, for each call that it has and this one.
    /// `None` if it is not used.
    pub(super) fn cost(&self) -> Option<Duration> {
        let state = self.state.lock();
        state.usable.as_ref().ok()?;
        // One that is not known to take any time is not free.
        let latency = state.latency.max(Duration::from_micros(1));
        Some(latency.saturating_mul(self.pending.load(Ordering::Relaxed).saturating_add(1)))
    }

    /// A channel to it, for one call.
    pub(super) fn take(&self) -> Option<(Channel, Pending)> {
        let channel = self.state.lock().usable.as_ref().ok()?.clone();
        self.pending.fetch_add(1, Ordering::Relaxed);
        Some((channel, Pending(self.pending.clone())))
    }

    /// It answered within `took`.
    pub(super) fn answered(&self, took: Duration) {
        let mut state = self.state.lock();
        state.latency = match state.latency {
            Duration::ZERO => took,
            before => before.mul_f64(1.0 - SMOOTHING).saturating_add(took.mul_f64(SMOOTHING)),
        };
    }

    /// It works over `channel`; whether that is new.
    pub(super) fn up(&self, channel: Channel) -> bool {
        std::mem::replace(&mut self.state.lock().usable, Ok(channel)).is_err()
    }

    /// It does not work; whether that, or why, is new.
    pub(super) fn down(&self, fault: Fault) -> bool {
        let mut state = self.state.lock();
        state.latency = Duration::ZERO;
        let new = state.usable.as_ref().err() != Some(&fault);
        state.usable = Err(fault);
        new
    }
}
