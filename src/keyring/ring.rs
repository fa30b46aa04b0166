//! The keyring: which key signs now, and which nonce is next.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{Error, Identity, Misuse, boot, identity, seal_rotation};
use crate::id::{Epoch, MeshId, Millis, NodeId, Nonce, SentAt, SteadyClock};
use crate::limit::{Rate, TokenBucket};
use crate::store::{Batch, Store};
use crate::suite::{Entropy, SigningKey, Suite};
use crate::wire::StatementHead;

/// How long a rotation may take to become durable while the old key goes on signing, in seconds of
/// full sending rate. It decides how far beyond the last used nonce the old epoch is closed.
const CLOSING_MARGIN_SECONDS: u32 = 10;

/// A secret key with the epoch it signs for.
#[derive(Debug)]
pub struct ActiveKey {
    /// The key's epoch.
    pub epoch: Epoch,
    /// The key.
    pub key: SigningKey,
}

/// The right to sign one message: a nonce that nobody else gets.
#[derive(Debug)]
pub struct Ticket {
    /// The key to sign with.
    pub key: Arc<ActiveKey>,
    /// The message's number.
    pub nonce: Nonce,
    /// When it was drawn.
    pub sent_at: SentAt,
}

/// A rotation that has been signed and is not durable yet.
#[derive(Debug)]
pub struct PreparedRotation {
    /// The write that must be durable before the rotation is committed or announced.
    pub batch: Batch,
    /// The statement that announces it.
    pub statement: Arc<[u8]>,
    /// The last nonce of the key before.
    pub closing: Nonce,
    to: Arc<ActiveKey>,
}

impl PreparedRotation {
    /// The suite of the key that it leads to.
    pub fn suite(&self) -> Suite {
        self.to.key.suite()
    }

    /// The epoch that it leads to.
    pub fn epoch(&self) -> Epoch {
        self.to.epoch
    }
}

/// This node's keys and nonces.
///
/// Nonce, time and key are drawn under one lock, which is never held while signing. A nonce is
/// drawn at most once per boot, and a boot is counted durably before the first is drawn.
#[derive(Debug)]
pub struct Keyring {
    node: NodeId,
    mesh: MeshId,
    rate: Rate,
    pub(super) state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    active: Arc<ActiveKey>,
    pub(super) boot: u32,
    /// Whether the number of this boot is known to be new, so that it may be used.
    pub(super) is_confirmed: bool,
    /// The sequence of the next message; `None` when all are used.
    pub(super) next: Option<u32>,
    /// The sequence of the next bare statement.
    next_statement: Option<u32>,
    bucket: TokenBucket,
    /// Signed times never go back, even if the caller's clock does, and go on after that.
    clock: SteadyClock,
    /// The last nonce of the active key, while a rotation away from it is being made durable.
    closing: Option<Nonce>,
    rotations: Vec<Arc<[u8]>>,
}

impl State {
    fn may_sign(&self) -> Result<(), Misuse> {
        self.is_confirmed.then_some(()).ok_or(Misuse::Unconfirmed)
    }
}

impl Keyring {
    /// Begins a boot of `identity` in `mesh`: the boot is counted in `store`, durably, first.
    ///
    /// # Errors
    /// [`Error::Fault`] when the store fails; then nothing can be signed.
    pub fn start(
        identity: Identity,
        store: &dyn Store,
        mesh: MeshId,
        rate: Rate,
        now: Millis,
    ) -> Result<Self, Error> {
        let boot = boot::claim(store)?;
        let Identity { node, active, rotations } = identity;
        let mut clock = SteadyClock::default();
        clock.advance(now);
        let state = State {
            active,
            boot,
            is_confirmed: true,
            next: Some(1),
            next_statement: Some(1),
            bucket: TokenBucket::new(rate),
            clock,
            closing: None,
            rotations,
        };
        Ok(Self { node, mesh, rate, state: Mutex::new(state) })
    }

    /// This node's id.
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// The mesh it speaks in.
    pub const fn mesh(&self) -> MeshId {
        self.mesh
    }

    /// Which start of this node it is.
    pub fn boot(&self) -> u32 {
        self.state.lock().boot
    }

    /// The key that signs now.
    pub fn active(&self) -> Arc<ActiveKey> {
        Arc::clone(&self.state.lock().active)
    }

    /// The head of a bare statement by this node now, and the key to sign it with.
    pub fn statement_head(&self) -> (StatementHead, Arc<ActiveKey>) {
        let active = self.active();
        let key = active.key.public_key();
        (StatementHead::new(self.mesh, self.node, active.epoch, key), active)
    }

    /// Draws the number of the next bare statement. They are numbered apart from frames, and their
    /// rate is not limited here: a node may have much to say at once when much fails at once.
    ///
    /// # Errors
    /// [`Misuse::NoncesExhausted`].
    pub fn draw_statement(&self) -> Result<Nonce, Misuse> {
        let mut state = self.state.lock();
        state.may_sign()?;
        let sequence = state.next_statement.ok_or(Misuse::NoncesExhausted)?;
        state.next_statement = sequence.checked_add(1);
        Ok(Nonce { boot: state.boot, sequence })
    }

    /// Draws the number of the next bare statement that says when it was made, on the clock that dates
    /// messages.
    ///
    /// # Errors
    /// [`Misuse::NoncesExhausted`].
    pub fn draw_dated_statement(&self, now: Millis) -> Result<(Nonce, SentAt), Misuse> {
        let nonce = self.draw_statement()?;
        Ok((nonce, SentAt(self.state.lock().clock.advance(now))))
    }

    /// The statements that led from the key of the view to the active one, oldest first.
    pub fn rotations(&self) -> Vec<Arc<[u8]>> {
        self.state.lock().rotations.clone()
    }

    /// Draws the next nonce, within the rate that the mesh takes of one origin.
    ///
    /// # Errors
    /// [`Misuse::RateExceeded`], [`Misuse::NoncesExhausted`] or, when a rotation takes very long to
    /// become durable, [`Misuse::RotationPending`].
    pub fn draw(&self, now: Millis) -> Result<Ticket, Misuse> {
        let mut state = self.state.lock();
        state.may_sign()?;
        let sequence = state.next.ok_or(Misuse::NoncesExhausted)?;
        let nonce = Nonce { boot: state.boot, sequence };
        if state.closing.is_some_and(|closing| nonce > closing) {
            return Err(Misuse::RotationPending);
        }
        // Receivers prove over-rate from these very numbers, so bucket and signed time must be of
        // one clock, and one that never goes back.
        let at = state.clock.advance(now);
        state
            .bucket
            .try_take(Millis(at), 1)
            .map_err(|wait| Misuse::RateExceeded { wait_ms: wait.0 })?;
        state.next = sequence.checked_add(1);
        let sent_at = SentAt(at);
        Ok(Ticket { key: Arc::clone(&state.active), nonce, sent_at })
    }

    /// Makes the next key and the statement that announces it. The active key stays in use until
    /// [`commit_rotation`](Self::commit_rotation).
    ///
    /// # Errors
    /// [`Misuse::RotationPending`], [`Misuse::Downgrade`], [`Misuse::CounterExhausted`], or a fault
    /// of the scheme. Nothing is changed then.
    pub fn prepare_rotation(
        &self,
        suite: Suite,
        entropy: &dyn Entropy,
    ) -> Result<PreparedRotation, Error> {
        let (from, closing) = self.reserve_closing(suite)?;
        self.sign_rotation(&from, suite, closing, entropy).inspect_err(|_| self.abandon_rotation())
    }

    fn reserve_closing(&self, suite: Suite) -> Result<(Arc<ActiveKey>, Nonce), Misuse> {
        let mut state = self.state.lock();
        state.may_sign()?;
        if state.closing.is_some() {
            return Err(Misuse::RotationPending);
        }
        let from = state.active.key.suite();
        if suite < from {
            return Err(Misuse::Downgrade { from, to: suite });
        }
        let margin = self.rate.per_second.saturating_mul(CLOSING_MARGIN_SECONDS);
        let margin = margin.saturating_add(self.rate.burst);
        let sequence = state.next.unwrap_or(u32::MAX).saturating_add(margin);
        let closing = Nonce { boot: state.boot, sequence };
        state.closing = Some(closing);
        Ok((Arc::clone(&state.active), closing))
    }

    fn sign_rotation(
        &self,
        from: &ActiveKey,
        suite: Suite,
        closing: Nonce,
        entropy: &dyn Entropy,
    ) -> Result<PreparedRotation, Error> {
        let epoch = from.epoch.next_operational();
        let epoch = epoch.ok_or(Misuse::CounterExhausted("key epoch"))?;
        let to = ActiveKey { epoch, key: SigningKey::generate(suite, entropy)? };
        let statement = seal_rotation((self.mesh, self.node), from, &to, closing, entropy)?;
        let batch = identity::rotation_batch(self.node, &to, &statement)?;
        Ok(PreparedRotation { batch, statement: Arc::from(statement), closing, to: Arc::new(to) })
    }

    /// Puts a rotation into effect whose batch is durable.
    pub fn commit_rotation(&self, rotation: PreparedRotation) {
        let mut state = self.state.lock();
        state.active = rotation.to;
        state.rotations.push(rotation.statement);
        state.closing = None;
    }

    /// Gives up a rotation that nobody has tried to make durable. After that it may be on the disk,
    /// and another of the same epoch would contradict it.
    pub(super) fn abandon_rotation(&self) {
        self.state.lock().closing = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;
    use crate::suite::OsEntropy;

    fn ring(suite: Suite) -> Keyring {
        let (store, node) = (MemoryStore::new(), NodeId::from_bytes([1; 32]));
        let identity = Identity::create(&store, node, suite, &OsEntropy).unwrap();
        let (mesh, rate) = (MeshId::from_bytes([2; 32]), Rate { per_second: 10, burst: 20 });
        Keyring::start(identity, &store, mesh, rate, Millis(0)).unwrap()
    }

    #[test]
    fn the_last_key_epoch_signs_on_and_no_key_follows_it() {
        let Some(suite) = Suite::available().next() else { return };
        let ring = ring(suite);
        let epoch = Epoch { recovery: 0, operational: u32::MAX };
        let key = SigningKey::generate(suite, &OsEntropy).unwrap();
        ring.state.lock().active = Arc::new(ActiveKey { epoch, key });
        for _ in 0..2 {
            let exhausted = ring.prepare_rotation(suite, &OsEntropy).unwrap_err();
            let expected = Misuse::CounterExhausted("key epoch");
            assert!(matches!(exhausted, Error::Misuse(found) if found == expected));
            assert_eq!(ring.draw(Millis(0)).unwrap().key.epoch, epoch);
        }
    }

    #[test]
    fn the_last_nonce_is_used_once_and_then_there_is_none() {
        let Some(suite) = Suite::available().next() else { return };
        let ring = ring(suite);
        {
            let mut state = ring.state.lock();
            (state.next, state.next_statement) = (Some(u32::MAX), Some(u32::MAX));
        }
        assert_eq!(ring.draw(Millis(0)).unwrap().nonce.sequence, u32::MAX);
        assert_eq!(ring.draw(Millis(0)).unwrap_err(), Misuse::NoncesExhausted);
        assert_eq!(ring.draw_statement().unwrap().sequence, u32::MAX);
        let exhausted = ring.draw_statement().unwrap_err();
        assert_eq!(
            exhausted.to_string(),
            "all nonces of this boot are used; restart to begin the next"
        );
    }
}
