//! Starting a node: what is durable is taken back first.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::Mutex;

use super::asides::Asides;
use super::claims::Claims;
use super::counters::Counters;
use super::engine::Writes;
use super::excesses::Excesses;
use super::lease::Lease;
use super::past::Past;
use super::staged::Staged;
use super::tick::Timers;
use super::{Config, Core, DiskTrust};
use super::{kept_rotations, standings, stored_proofs};
use crate::gossip::{COOKIES_SENT, GossipConfig, Ledgers, SignedGossip};
use crate::id::Millis;
use crate::keyring::{Error, Fault, Identity, KeyChange, Keyring, Misuse, was_created_in};
use crate::limit::Rate;
use crate::membership::{Directory, MemberIndex, View};
use crate::quorum::QuorumValidator;
use crate::reputation::Ledger;
use crate::rollout::Rollout;
use crate::store::{Store, Table};
use crate::suite::Entropy;
use crate::wire::{Packet, Refusal};

impl Core {
    /// Starts the node that `identity` names, as a member of `view`: the genesis view of its mesh, or any
    /// later one that is trusted. From there it follows the steps that `store` holds to the newest. The boot is counted in `store`
    /// before anything can be signed, what the node voted in earlier boots binds it again, the keys
    /// that it has seen proof against are condemned again, and members stand as they did, but for a minute
    /// (see [`reputation`](crate::reputation)).
    ///
    /// # Errors
    /// [`Misuse`]: a configuration value out of its range, a node that is no member of the newest view, a
    /// key that the view does not know; or a fault of the store. Nothing was signed then.
    pub fn start(
        config: Config,
        view: Arc<View>,
        identity: Identity,
        store: &dyn Store,
        entropy: Arc<dyn Entropy>,
        now: Millis,
    ) -> Result<Self, Error> {
        config.validate()?;
        let node = identity.node();
        let past = Past::load(view, store)?;
        let view = Arc::clone(past.newest());
        let me = view.index_of(&node).ok_or(Misuse::NotAMember(node))?;
        let directory = Directory::new(Arc::clone(&view), config.prepared_keys)
            .taking_downgrades(config.allow_downgrades);
        let directory = Arc::new(directory);
        let rate = config.gossip.origin_rate;
        let keyring = Keyring::start(identity, store, view.mesh(), rate, now)?;
        let keyring = keyring.allowing_downgrades(config.allow_downgrades);
        let keyring = Arc::new(match config.disk {
            DiskTrust::NeverRolledBack => keyring,
            DiskTrust::MayBeRolledBack => keyring.distrusting_its_disk(),
        });
        take_back_own_key(&directory, &keyring, me, config.grace_ms, now)?;
        let lease = match config.disk == DiskTrust::MayBeRolledBack
            || (!store.survives_restart() && !was_created_in(store)?)
        {
            true => {
                keyring.await_witnesses();
                Some(Lease::new(&view, entropy.as_ref())?)
            }
            false => None,
        };
        let claims = Arc::new(Mutex::new(Claims::load(store, &view)?));
        let quorum = QuorumValidator::new(Arc::clone(&directory), me, config.quorum.clone(), now)?;
        quorum.take_over_carried().map_err(Fault::from)?;
        for (slot, part) in store.scan(Table::Vote)? {
            quorum.restore_part(&slot, &part).map_err(Fault::from)?;
        }
        let proofs = Arc::new(Mutex::new(stored_proofs::load(store, &view)?));
        let ledgers = Arc::new(ledgers(&config, &view)?);
        let excesses = Arc::new(Mutex::new(Excesses::load(store, &view)?));
        let since_start = standings::load(store, &ledgers.members, &view, &config.members, now)?;
        let gossip = SignedGossip::new(
            Arc::clone(&directory),
            Arc::clone(&keyring),
            Arc::clone(&ledgers),
            Arc::clone(&entropy),
            with_room_for_statements(&config, &view),
        )?;
        let mut asides: Vec<_> = view.indices().map(|_| Asides::new()).collect();
        let kept_rotations = kept_rotations::load(store, &directory, me, &mut asides, now)?;
        let staged = match config.rollout.clone() {
            Some(rollout) => {
                let rollout = Rollout::load(rollout, (Arc::clone(&view), node), store, now)?;
                Some(Staged::new(rollout, &view))
            }
            None => None,
        };
        let core = Self {
            me,
            config,
            directory,
            keyring,
            ledgers,
            gossip,
            quorum,
            entropy,
            counters: Arc::new(Counters::default()),
            writes: Arc::new(Mutex::new(Writes::default())),
            timers: Mutex::new(Timers::since(since_start, now)),
            asides: Mutex::new(asides),
            kept_rotations: Arc::new(Mutex::new(kept_rotations)),
            proofs,
            excesses,
            past: Arc::new(Mutex::new(past)),
            lease: Arc::new(Mutex::new(lease)),
            claims,
            staged,
            has_left: AtomicBool::new(false),
        };
        #[cfg(feature = "metrics")]
        super::metrics::describe();
        core.condemn_proven();
        core.abstain_where_proven();
        // Nobody has heard of a recovery yet, and nothing else that this node says is taken before.
        core.timers.lock().history_wanted = core.keyring.record().epoch.recovery > 0;
        Ok(core)
    }
}

/// An honest neighbour passes on the statements of all members, too, each of them twice in a resend
/// interval while the matter is undecided, and one proof of its own: a link must not be charged for a
/// mass failure. Nor for the
/// cookies that it sends here because somebody else sends to it under this node's address.
pub(super) fn with_room_for_statements(config: &Config, view: &View) -> GossipConfig {
    let mut gossip = config.gossip.clone();
    let members = u64::try_from(view.len()).unwrap_or(u64::MAX);
    let slots = u64::try_from(config.quorum.slots_per_member).unwrap_or(u64::MAX);
    let held = members.saturating_mul((members / 3).saturating_add(slots).saturating_add(1));
    // A claim of each, and what it witnesses of the others'.
    let claimed = members.saturating_mul(2).saturating_add(members / 64);
    let held = held.saturating_add(1).saturating_add(claimed);
    let a_second = held.saturating_mul(2_000).checked_div(config.quorum.resend_ms).unwrap_or(held);
    // A challenge and an answer of each in an eighth of a suspicion time.
    let asked = members.saturating_mul(16);
    let asked_a_second = asked.saturating_mul(1_000).checked_div(config.quorum.suspicion_ms);
    let a_second = a_second.saturating_add(asked_a_second.unwrap_or(asked));
    let held = held.saturating_add(asked);
    let limited = |tokens: u64| u32::try_from(tokens).unwrap_or(u32::MAX).min(Rate::MOST);
    // When all start at once each member says Hello, asks everybody, and answers them in a few turns, and
    // no link has a place yet.
    let at_once = limited(members.saturating_mul(4));
    for checks in [&mut gossip.link_checks, &mut gossip.newcomer_checks, &mut gossip.claimed_checks]
    {
        checks.burst = checks.burst.max(at_once);
    }
    let Rate { per_second, burst } = &mut gossip.link_packets;
    for (tokens, room) in [
        (per_second, [limited(a_second), COOKIES_SENT.per_second]),
        (burst, [limited(held.saturating_mul(2)), COOKIES_SENT.burst]),
    ] {
        *tokens = room.into_iter().fold(*tokens, u32::saturating_add).min(Rate::MOST);
    }
    gossip
}

fn ledgers(config: &Config, view: &View) -> Result<Ledgers, Misuse> {
    let wrong = |error: crate::reputation::ReputationConfigError| Misuse::Config(error.to_string());
    // For those who left, too.
    let room = view.len().saturating_mul(2);
    Ok(Ledgers {
        members: Ledger::new(config.members.clone(), room, Some(view.faults_tolerated()))
            .map_err(wrong)?
            .noting_changes(),
        links: Ledger::new(config.links.clone(), config.gossip.links, None).map_err(wrong)?,
    })
}

/// Follows this node's own rotations from the key that the view gives it to the one it signs with.
fn take_back_own_key(
    directory: &Directory,
    keyring: &Keyring,
    me: MemberIndex,
    grace_ms: u64,
    now: Millis,
) -> Result<(), Error> {
    for bytes in keyring.rotations() {
        let followed = follow(directory, me, &bytes, now.after(grace_ms), now);
        if let Err(refusal) = followed {
            tracing::warn!(%refusal, "a stored rotation does not follow from this view");
        }
    }
    let record = keyring.record();
    let known = directory.current(me).ok_or(Misuse::NotAMember(keyring.node()))?;
    match *known == record {
        true => Ok(()),
        false => Err(Misuse::ForeignKey(record.epoch).into()),
    }
}

fn follow(
    directory: &Directory,
    me: MemberIndex,
    bytes: &[u8],
    grace_until: Millis,
    now: Millis,
) -> Result<(), Refusal> {
    let Packet::Statement(statement) = Packet::parse(bytes)? else {
        return Err(Refusal::Nonsense("a rotation is a statement"));
    };
    if directory.current(me).is_some_and(|known| statement.head().epoch < known.epoch) {
        // The view gives a key that this one has led to.
        return Ok(());
    }
    let change = KeyChange::screen(&statement, directory, me, now)?.verify(directory)?;
    change.apply(directory, (me, statement.head().epoch), grace_until);
    Ok(())
}
