//! Before a node accuses, it checks itself.
//!
//! The idea is that of "Lifeguard: Local Health Awareness for More Accurate Failure Detection"
//! (Dadgar, Phillips and Currey 2017, arXiv 1707.00788): who misses others may be the one at fault,
//! and gives them more time while signs say so. The signs here, and who can bring them about:
//!
//! | sign | what follows | brought about by |
//! |---|---|---|
//! | more than half a suspicion time between two ticks | what passed in between is no silence, and everyone's time doubles | the host alone |
//! | a member that this node missed is heard again, in the same boot | the time for that member doubles; for everyone, once so many were missed that one of them is honest | a member, for itself alone; who holds back the frames of more than ⌈n/3⌉ − 1 members |
//! | more than ⌊n/3⌋ are silent | everyone's time is the longest there is | who keeps them from this node, or their end |
//! | no more than ⌊n/3⌋ are heard, this node included | it accuses nobody by itself | who cuts it off from two thirds of the mesh, and could silence it as well |
//!
//! The time is never longer than [`MOST`] times the configured one, so but for the last
//! sign, whoever brings one about delays an accusation and prevents none; and none makes it shorter.

use parking_lot::Mutex;

use super::QuorumValidator;
use crate::id::{Millis, NodeId};
use crate::membership::MemberIndex;

/// The most that the suspicion time is multiplied by: Lifeguard's, too.
const MOST: u64 = 1 << TOP;
/// How often it may be doubled.
const TOP: u8 = 3;
/// A doubling is taken back after so many suspicion times without another.
const CALM: u64 = 20;

/// What a node holds against itself. Its memory is a few bytes for each member.
///
/// A member that is silent for good is overdue after eight suspicion times at the latest, if the ticks
/// come as [`Core::tick`](crate::core::Core::tick) asks; however late they come, after 36 of them.
#[derive(Debug)]
pub(super) struct Health {
    suspicion_ms: u64,
    faults: usize,
    signs: Mutex<Signs>,
}

#[derive(Debug)]
struct Signs {
    last_tick: u64,
    /// The time between ticks that was not counted. Nor does it take any doubt back.
    excused: u64,
    late_ticks: Doubt,
    missed: Vec<Doubt>,
}

/// How often the time is doubled for one sign, and when it was last seen.
#[derive(Debug, Clone, Copy, Default)]
struct Doubt {
    doublings: u8,
    at: u64,
}

impl Doubt {
    fn doublings(self, calm_ms: u64, at: u64) -> u8 {
        // So it is of nearly all, whom a tick looks at several times over; divisions are slow.
        if self.doublings == 0 {
            return 0;
        }
        let calmed = at.saturating_sub(self.at).checked_div(calm_ms).unwrap_or(0);
        self.doublings.saturating_sub(u8::try_from(calmed).unwrap_or(u8::MAX))
    }

    fn deepen(&mut self, calm_ms: u64, at: u64) {
        let doublings = self.doublings(calm_ms, at).saturating_add(1).min(TOP);
        *self = Self { doublings, at };
    }
}

/// How long each member has to be silent, at one moment, before it is overdue here.
pub(super) struct Patience {
    suspicion_ms: u64,
    everyone: u8,
    each: Vec<u8>,
}

impl Patience {
    /// For `member`, in milliseconds.
    pub(super) fn with(&self, member: MemberIndex) -> u64 {
        let own = self.each.get(member.place()).copied().unwrap_or(0);
        self.suspicion_ms.saturating_mul(1 << own.max(self.everyone).min(TOP))
    }

    /// For whoever gave this node no sign of its own.
    pub(super) fn with_everyone(&self) -> u64 {
        self.suspicion_ms.saturating_mul(1 << self.everyone.min(TOP))
    }
}

impl Health {
    /// A node in good health that is first looked at when its steady clock shows `at`.
    pub(super) fn new(members: usize, faults: usize, suspicion_ms: u64, at: u64) -> Self {
        let missed = vec![Doubt::default(); members];
        let signs = Signs { last_tick: at, excused: 0, late_ticks: Doubt::default(), missed };
        Self { suspicion_ms, faults, signs: Mutex::new(signs) }
    }

    /// A tick, at `at` on the steady clock. Gives the milliseconds since the one before that are no
    /// silence of others, because this node itself was away: all, or all but the quarter of a
    /// suspicion time that was asked for, if it is away so often that nobody would ever be missed.
    pub(super) fn tick(&self, at: u64) -> u64 {
        let mut signs = self.signs.lock();
        let gap = at.saturating_sub(signs.last_tick);
        signs.last_tick = signs.last_tick.max(at);
        if gap <= self.suspicion_ms / 2 {
            return 0;
        }
        let (calm_ms, before) = (self.calm_ms(), at.saturating_sub(gap));
        let before = before.saturating_sub(signs.excused);
        let always = signs.late_ticks.doublings(calm_ms, before) >= TOP;
        let excused = if always { gap.saturating_sub(self.suspicion_ms / 4) } else { gap };
        signs.excused = signs.excused.saturating_add(excused);
        let at = at.saturating_sub(signs.excused);
        signs.late_ticks.deepen(calm_ms, at);
        excused
    }

    /// This node stated that it missed `member`, which then was heard and had not restarted.
    pub(super) fn missed_a_live_one(&self, member: MemberIndex, at: u64) {
        let mut signs = self.signs.lock();
        let at = at.saturating_sub(signs.excused);
        if let Some(doubt) = signs.missed.get_mut(member.place()) {
            doubt.deepen(self.calm_ms(), at);
        }
    }

    /// How long who has to be silent now.
    pub(super) fn patience(&self, at: u64) -> Patience {
        let signs = self.signs.lock();
        let (calm_ms, at) = (self.calm_ms(), at.saturating_sub(signs.excused));
        let late = signs.late_ticks.doublings(calm_ms, at);
        let each: Vec<_> = signs.missed.iter().map(|one| one.doublings(calm_ms, at)).collect();
        drop(signs);
        // What happened with no more than the faulty may be their own doing.
        let shared =
            |doublings: &u8| each.iter().filter(|one| *one >= doublings).count() > self.faults;
        let shared = (1..=TOP).rev().find(shared).unwrap_or(0);
        let each = each.into_iter().map(|own| own.max(shared).saturating_add(late)).collect();
        Patience { suspicion_ms: self.suspicion_ms, everyone: shared.saturating_add(late), each }
    }

    /// The most that anybody is ever given, in milliseconds.
    pub(super) const fn longest_ms(&self) -> u64 {
        self.suspicion_ms.saturating_mul(MOST)
    }

    const fn calm_ms(&self) -> u64 {
        self.suspicion_ms.saturating_mul(CALM)
    }
}

impl QuorumValidator {
    /// The caller's loop came round. Silence is that of the members only while this node was there to
    /// hear them: what passed since the last time is not counted if it was more than half a suspicion
    /// time. Gives how much that is, in milliseconds.
    pub fn tick(&self, now: Millis) -> u64 {
        let at = self.marks.steady(now);
        let excused = self.health.tick(at);
        if excused > 0 {
            self.marks.excuse(excused, at);
        }
        excused
    }

    /// How long a member has to be silent to be overdue here, in milliseconds: the configured
    /// suspicion time, up to eight times as long while there are signs that the fault is this node's
    /// own. For a member that was missed before and came back it may be longer, within that limit.
    pub fn suspicion_ms(&self, now: Millis) -> u64 {
        self.health.patience(self.marks.steady(now)).with_everyone()
    }

    /// How many times the configured suspicion time that is, 1 to 8.
    pub fn self_doubt(&self, now: Millis) -> u64 {
        self.suspicion_ms(now).checked_div(self.config.suspicion_ms).unwrap_or(1)
    }

    /// The members that have been silent for the suspicion time, which is up to eight times the
    /// configured one while there are signs that the fault is this node's own.
    pub fn overdue(&self, now: Millis) -> Vec<NodeId> {
        let patience = self.health.patience(self.marks.steady(now));
        self.silent_beyond(|member| patience.with(member), now)
    }

    /// Those that are silent beyond doubt: when more are than a quorum bears, this node has to doubt
    /// itself first.
    pub(super) fn doubted(&self, now: Millis) -> Vec<NodeId> {
        let members = self.directory.view().len();
        let (silent, most) = (self.silent(now), members / 3);
        if silent <= most {
            return self.overdue(now);
        }
        if members.saturating_sub(silent) <= most {
            return Vec::new();
        }
        let longest_ms = self.health.longest_ms();
        self.silent_beyond(|_| longest_ms, now)
    }

    /// How many members have been silent for the configured suspicion time.
    pub(crate) fn silent(&self, now: Millis) -> usize {
        self.silent_beyond(|_| self.config.suspicion_ms, now).len()
    }

    /// The members that have been silent for as many milliseconds as `limit_ms` says.
    pub(super) fn silent_beyond(
        &self,
        limit_ms: impl Fn(MemberIndex) -> u64,
        now: Millis,
    ) -> Vec<NodeId> {
        let (view, at) = (self.directory.view(), self.marks.steady(now));
        let silent_ms =
            |member| if member == self.me { 0 } else { self.marks.silent_at(member, at) };
        let silent = |member: &MemberIndex| silent_ms(*member) >= limit_ms(*member);
        let silent = view.indices().filter(silent).filter_map(|member| view.member(member));
        silent.map(|member| member.id).collect()
    }
}
