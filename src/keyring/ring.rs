//! The keyring: which key signs now, and which nonce is next.

use std::sync::Arc;

use parking_lot::Mutex;

use super::boot::{self, Boot};
use super::candidates::Candidates;
use super::signed::Signed;
use super::usage::Usage;
use super::{Error, Identity, Misuse, RotationClaim, identity, seal_rotation};
use crate::id::{Digest, Epoch, MeshId, Millis, NodeId, Nonce, SentAt, SteadyClock};
use crate::limit::{Rate, TokenBucket};
use crate::membership::KeyRecord;
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

/// The right to sign one answer to a challenge, and what it says of where this node stands.
#[derive(Debug)]
pub(crate) struct AnswerTicket {
    /// The key to sign with.
    pub(crate) key: Arc<ActiveKey>,
    /// The answer's number among the bare statements.
    pub(crate) nonce: Nonce,
    /// When it was drawn.
    pub(crate) sent_at: SentAt,
    /// The sequence of the newest message that was numbered before in this boot; 0 before the first.
    pub(crate) newest: u32,
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
    /// The key before is taken no more as soon as the others hear of it.
    pub compromised: bool,
    /// Somebody else signs with the key before.
    pub(super) is_answer: bool,
    to: Arc<ActiveKey>,
    record: KeyRecord,
    next: Arc<Candidates>,
}

impl PreparedRotation {
    /// The suite of the key that it leads to.
    pub fn suite(&self) -> Suite {
        self.to.key.suite()
    }

    /// The key that it leads to, as the others know it from then on.
    pub const fn record(&self) -> &KeyRecord {
        &self.record
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
    is_first_start: bool,
    allows_downgrades: bool,
    pub(super) state: Mutex<State>,
    pub(super) signed: Mutex<Signed>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) active: Arc<ActiveKey>,
    record: KeyRecord,
    /// The keys that the active one commits to.
    pub(super) next_keys: Arc<Candidates>,
    /// Why nothing is signed here any more.
    pub(super) silence: Option<Misuse>,
    pub(super) used: Usage,
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
        if let Some(silence) = &self.silence {
            return Err(silence.clone());
        }
        self.is_confirmed.then_some(()).ok_or(Misuse::Unconfirmed)
    }

    fn draw_statement(&mut self) -> Result<Nonce, Misuse> {
        self.may_sign()?;
        let sequence = self.next_statement.ok_or(Misuse::NoncesExhausted)?;
        self.next_statement = sequence.checked_add(1);
        Ok(Nonce { boot: self.boot, sequence })
    }
}

/// What a rotation begins with.
struct Reserved {
    from: Arc<ActiveKey>,
    recovery: Digest,
    candidates: Arc<Candidates>,
    closing: Nonce,
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
        let Boot { number: boot, is_first: is_first_start } = boot::claim(store)?;
        let Identity { node, active, record, next: next_keys, rotations, .. } = identity;
        let mut clock = SteadyClock::default();
        clock.advance(now);
        let used = Usage::load(store, &active)?;
        let state = State {
            active,
            record,
            next_keys,
            silence: None,
            used,
            boot,
            is_confirmed: true,
            next: Some(1),
            next_statement: Some(1),
            bucket: TokenBucket::new(rate),
            clock,
            closing: None,
            rotations,
        };
        let (state, signed) = (Mutex::new(state), Mutex::default());
        Ok(Self { node, mesh, rate, is_first_start, allows_downgrades: false, state, signed })
    }

    /// Whether this node may rotate to a weaker suite. Not unless this is called.
    #[must_use]
    pub fn allowing_downgrades(self, allows_downgrades: bool) -> Self {
        Self { allows_downgrades, ..self }
    }

    /// The same, whose disk may have been set back to before its first start, so that this one counts for
    /// a restart.
    #[must_use]
    pub(crate) fn distrusting_its_disk(self) -> Self {
        Self { is_first_start: false, ..self }
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

    /// Whether the identity was created on this store and starts for the first time, so that this node
    /// cannot have taken any message before. False after a restart, and for an identity that came
    /// from elsewhere.
    pub const fn is_first_start(&self) -> bool {
        self.is_first_start
    }

    /// The key that signs now.
    pub fn active(&self) -> Arc<ActiveKey> {
        Arc::clone(&self.state.lock().active)
    }

    /// The key that signs now, as the others know it.
    pub fn record(&self) -> KeyRecord {
        self.state.lock().record.clone()
    }

    /// Whether a rotation is being made durable.
    pub fn is_rotating(&self) -> bool {
        self.state.lock().closing.is_some()
    }

    /// The head of a bare statement by this node now, and the key to sign it with.
    pub fn statement_head(&self) -> (StatementHead, Arc<ActiveKey>) {
        let active = self.active();
        (self.head_under(&active), active)
    }

    /// The head of a bare statement by this node under `key`.
    pub(crate) fn head_under(&self, key: &ActiveKey) -> StatementHead {
        StatementHead::new(self.mesh, self.node, key.epoch, key.key.public_key())
    }

    /// Draws the number of the next bare statement. They are numbered apart from frames, and their
    /// rate is not limited here: a node may have much to say at once when much fails at once.
    ///
    /// # Errors
    /// [`Misuse::NoncesExhausted`] or [`Misuse::Superseded`].
    pub fn draw_statement(&self) -> Result<Nonce, Misuse> {
        self.state.lock().draw_statement()
    }

    /// Draws the number of the next answer, with its time on the clock that dates messages, the key
    /// that signs now, and the newest message that was numbered so far: all under one lock, so that no
    /// message that was numbered before lies above it, nor under a later key.
    ///
    /// # Errors
    /// [`Misuse::NoncesExhausted`] or [`Misuse::Superseded`].
    pub(crate) fn draw_answer(&self, now: Millis) -> Result<AnswerTicket, Misuse> {
        let mut state = self.state.lock();
        let nonce = state.draw_statement()?;
        let sent_at = SentAt(state.clock.advance(now));
        let newest = state.next.map_or(u32::MAX, |next| next.saturating_sub(1));
        Ok(AnswerTicket { key: Arc::clone(&state.active), nonce, sent_at, newest })
    }

    /// The statements that led from the key of the view to the active one, oldest first.
    pub fn rotations(&self) -> Vec<Arc<[u8]>> {
        self.state.lock().rotations.clone()
    }

    /// Draws the next nonce, within the rate that the mesh takes of one origin.
    ///
    /// # Errors
    /// [`Misuse::RateExceeded`], [`Misuse::NoncesExhausted`], [`Misuse::Superseded`] or, when a rotation
    /// takes very long to become durable, [`Misuse::RotationPending`].
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
        state.used.count();
        let sent_at = SentAt(at);
        Ok(Ticket { key: Arc::clone(&state.active), nonce, sent_at })
    }

    /// Makes the statement that announces the next key, which is one of those that the active key
    /// commits to, and the keys that are to follow that one. The active key stays in use until
    /// [`commit_rotation`](Self::commit_rotation).
    ///
    /// If the key was `compromised` it ends at once: nothing more can be signed with it, and the others
    /// take nothing more under it. What was on its way is lost.
    ///
    /// # Errors
    /// [`Misuse::RotationPending`], [`Misuse::Superseded`], [`Misuse::Downgrade`], [`Misuse::NoNextKey`],
    /// [`Misuse::CounterExhausted`], or a fault of the scheme. Nothing is changed then.
    pub fn prepare_rotation(
        &self,
        suite: Suite,
        compromised: bool,
        entropy: &dyn Entropy,
    ) -> Result<PreparedRotation, Error> {
        let reserved = self.reserve_closing(suite, compromised)?;
        self.sign_rotation(reserved, (suite, compromised), entropy)
            .inspect_err(|_| self.abandon_rotation())
    }

    fn reserve_closing(&self, suite: Suite, compromised: bool) -> Result<Reserved, Misuse> {
        let mut state = self.state.lock();
        state.may_sign()?;
        if state.closing.is_some() {
            return Err(Misuse::RotationPending);
        }
        let from = state.active.key.suite();
        if suite < from && !self.allows_downgrades {
            return Err(Misuse::Downgrade { from, to: suite });
        }
        let next = state.next.unwrap_or(u32::MAX);
        let sequence = if compromised {
            next.saturating_sub(1)
        } else {
            let margin = self.rate.per_second.saturating_mul(CLOSING_MARGIN_SECONDS);
            next.saturating_add(margin.saturating_add(self.rate.burst))
        };
        let closing = Nonce { boot: state.boot, sequence };
        state.closing = Some(closing);
        Ok(Reserved {
            from: Arc::clone(&state.active),
            recovery: state.record.recovery,
            candidates: Arc::clone(&state.next_keys),
            closing,
        })
    }

    fn sign_rotation(
        &self,
        Reserved { from, recovery, candidates, closing }: Reserved,
        (suite, compromised): (Suite, bool),
        entropy: &dyn Entropy,
    ) -> Result<PreparedRotation, Error> {
        let epoch = from.epoch.next_operational();
        let epoch = epoch.ok_or(Misuse::CounterExhausted("key epoch"))?;
        let to = ActiveKey { epoch, key: candidates.copy(suite)? };
        let next = Candidates::generate(entropy)?;
        let commitment = next.names().commitment();
        let key = to.key.public_key().clone();
        let record = KeyRecord { epoch, key, next: commitment, recovery };
        let opens = candidates.names();
        let claim = RotationClaim { to: record.clone(), closing, opens, compromised };
        let statement = seal_rotation((self.mesh, self.node), &from, &to.key, claim, entropy)?;
        let batch = identity::rotation_batch(self.node, (&to, &record), &next, &statement)?;
        let (statement, to, next) = (Arc::from(statement), Arc::new(to), Arc::new(next));
        let is_answer = false;
        Ok(PreparedRotation { batch, statement, closing, compromised, is_answer, to, record, next })
    }

    /// Puts a rotation into effect whose batch is durable.
    pub fn commit_rotation(&self, rotation: PreparedRotation) {
        let mut state = self.state.lock();
        state.used = Usage::begin(&rotation.to, rotation.is_answer);
        state.active = rotation.to;
        state.record = rotation.record;
        state.next_keys = rotation.next;
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
mod tests;
