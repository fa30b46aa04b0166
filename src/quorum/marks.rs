//! How far each member has been heard, and the evidence for it.

use parking_lot::Mutex;

use super::delay::{Arrival, Delay};
use crate::id::{Mark, Millis, SentAt, SteadyClock};
use crate::membership::MemberIndex;

/// For each member: its newest signed header, and when it was last heard itself. Each member has a
/// lock of its own.
#[derive(Debug)]
pub(super) struct Marks {
    suspicion_ms: u64,
    /// Silence is counted on it: by a clock that steps back whoever died before the step would pass
    /// for alive until that clock is where it was.
    clock: Mutex<SteadyClock>,
    members: Vec<Mutex<Heard>>,
}

#[derive(Debug, Clone)]
struct Heard {
    /// The newest header known, from whomever.
    newest: Option<Mark>,
    /// That header with its signature.
    evidence: Vec<u8>,
    /// The newest header that arrived as a frame, in time. Kept apart from `newest`, or a liar who
    /// attaches the subject's newest header to its accusation would overtake the header itself, which
    /// then would be no news and no sign of life.
    heard: Option<Mark>,
    heard_at: u64,
    delay: Delay,
    /// Something of it arrived since, or seemed to, that was not taken for a sign of life.
    is_muffled: bool,
    /// A late frame of it arrived since: that is under its own signature.
    is_late: bool,
    /// A late frame has raised the mark since.
    late_raised: bool,
    /// When it was asked for the first time since.
    unanswered_since: Option<u64>,
    /// When it was last asked.
    asked: Option<u64>,
    /// The latest of this node's questions that it answered.
    answered: Option<u64>,
    /// The mark at which this node stated since that it has failed.
    missed_at: Option<Mark>,
}

/// What an accepted frame says of its origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// It lives.
    Life {
        /// The mark of the newest sign of life before.
        before: Option<Mark>,
        /// The mark at which this node stated that it has failed.
        missed_at: Option<Mark>,
    },
    /// Nothing, but the mark is higher now: the frame is late.
    Mark,
    /// Nothing.
    None,
}

impl Marks {
    /// Nobody has been heard; silence counts from `now`.
    pub(super) fn new(members: usize, suspicion_ms: u64, now: Millis) -> Self {
        let mut clock = SteadyClock::default();
        let heard_at = clock.advance(now);
        let members = (0..members).map(|_| Mutex::new(Heard::nothing(heard_at))).collect();
        Self { suspicion_ms, clock: Mutex::new(clock), members }
    }

    /// Those of the members of the next view, as `before` says where each stood in this one. Of who joins
    /// nothing was heard, and its silence counts from `now`. What was asked in this view is not answered in
    /// the next, so nothing is left unanswered.
    pub(super) fn succeed(&self, before: &[Option<MemberIndex>], now: Millis) -> Self {
        let at = self.clock.lock().advance(now);
        let heard = |before: &Option<MemberIndex>| {
            let before = before.and_then(|before| self.members.get(before.place()));
            let heard = before.map_or_else(|| Heard::nothing(at), |before| before.lock().clone());
            Mutex::new(Heard { unanswered_since: None, asked: None, ..heard })
        };
        let members = before.iter().map(heard).collect();
        let clock = Mutex::new(self.clock.lock().clone());
        Self { suspicion_ms: self.suspicion_ms, clock, members }
    }

    /// How much later than the earliest of its boot a frame may be: half a suspicion time. It takes
    /// that much to be missed half, which is when a member is asked; and whoever plays recorded frames
    /// gains no more than that, or twice that if it held back the last answer, too.
    const fn slack_ms(&self) -> u64 {
        self.suspicion_ms / 2
    }

    /// A frame of `member` was accepted. It is a sign of life if it is newer than all that arrived
    /// before it, and [in time](super::delay). The header of a late one raises the mark, but only once
    /// until there is a sign of life, or a stock of recorded frames could void reports for as long as
    /// it lasts.
    pub(super) fn heard(
        &self,
        member: MemberIndex,
        (mark, sent_at): (Mark, SentAt),
        header: &[u8],
        now: Millis,
    ) -> Sign {
        let at = self.steady(now);
        let Some(entry) = self.members.get(member.place()) else { return Sign::None };
        let mut entry = entry.lock();
        let frame = Arrival { boot: mark.nonce.boot, sent_at: sent_at.0, at };
        let in_time = entry.delay.is_in_time(frame, self.slack_ms(), self.suspicion_ms);
        if entry.heard.is_some_and(|heard| heard >= mark) {
            return Sign::None;
        }
        if !in_time {
            entry.is_muffled = true;
            entry.is_late = true;
            let raised = !entry.late_raised && entry.raise(mark, header);
            entry.late_raised |= raised;
            return if raised { Sign::Mark } else { Sign::None };
        }
        entry.raise(mark, header);
        entry.lives(at);
        Sign::Life { before: entry.heard.replace(mark), missed_at: entry.missed_at.take() }
    }

    /// A packet that names `member` as its origin was refused for what has nothing to do with whether
    /// it is true: the member may be alive, and not heard for that.
    pub(super) fn muffled(&self, member: MemberIndex) {
        if let Some(entry) = self.members.get(member.place()) {
            entry.lock().is_muffled = true;
        }
    }

    /// A checked header of `member` arrived as evidence beside a statement. Tells whether it is
    /// newer than what was known. It is no sign of life: nobody knows how long ago it was sent.
    pub(super) fn learn(&self, member: MemberIndex, mark: Mark, header: &[u8]) -> bool {
        let Some(entry) = self.members.get(member.place()) else { return false };
        entry.lock().raise(mark, header)
    }

    pub(super) fn newest(&self, member: MemberIndex) -> Option<Mark> {
        self.members.get(member.place())?.lock().newest
    }

    /// The newest mark of `member` and the signed header that proves it.
    pub(super) fn evidence(&self, member: MemberIndex) -> (Option<Mark>, Vec<u8>) {
        let Some(entry) = self.members.get(member.place()) else { return (None, Vec::new()) };
        let entry = entry.lock();
        (entry.newest, entry.evidence.clone())
    }

    /// Where the steady clock is when the caller's shows `now`.
    pub(super) fn steady(&self, now: Millis) -> u64 {
        self.clock.lock().advance(now)
    }

    /// Of the time up to `at` on the steady clock, the last `ms` milliseconds are nobody's silence,
    /// nor did anybody leave a question unanswered in them.
    pub(super) fn excuse(&self, ms: u64, at: u64) {
        let later = |point: u64| point.saturating_add(ms).min(at);
        for entry in &self.members {
            let mut entry = entry.lock();
            entry.heard_at = later(entry.heard_at);
            entry.unanswered_since = entry.unanswered_since.map(later);
            entry.delay.excuse(later);
        }
    }

    /// For how long `member` has not been heard, in milliseconds.
    pub(super) fn silent_for(&self, member: MemberIndex, now: Millis) -> u64 {
        self.silent_at(member, self.steady(now))
    }

    /// The same, at `at` on the steady clock.
    pub(super) fn silent_at(&self, member: MemberIndex, at: u64) -> u64 {
        let entry = self.members.get(member.place());
        entry.map_or(0, |entry| at.saturating_sub(entry.lock().heard_at))
    }

    /// Whether `member` may be reported as failed as far as questions go: not while something of it
    /// arrives and is not taken, unless it has left a question unanswered for `patience_ms`.
    pub(super) fn may_be_reported(
        &self,
        member: MemberIndex,
        patience_ms: u64,
        now: Millis,
    ) -> bool {
        let at = self.steady(now);
        self.members.get(member.place()).is_some_and(|entry| {
            let entry = entry.lock();
            let unanswered_ms = entry.unanswered_since.map(|since| at.saturating_sub(since));
            !entry.is_muffled || unanswered_ms.is_some_and(|ms| ms >= patience_ms)
        })
    }

    /// Whether `member` should be asked if it lives, at `at` on the steady clock: it has been silent
    /// for half a suspicion time, or was heard for an eighth of one while nothing proves that its frames
    /// are no recorded ones. Who is certified as failed (`is_certified`) only if something of it arrives. After
    /// that again in half a suspicion time if true frames of it arrive late, else ever less often: what
    /// anybody can send in the name of one that is dead is not worth a challenge each time.
    pub(super) fn is_to_be_asked(&self, member: MemberIndex, is_certified: bool, at: u64) -> bool {
        let Some(entry) = self.members.get(member.place()) else { return false };
        let entry = entry.lock();
        let half_ms = self.suspicion_ms / 2;
        let silent_ms = at.saturating_sub(entry.heard_at);
        let unproven_ms = entry.delay.unproven_for(at);
        let is_unproven = unproven_ms.is_some_and(|ms| ms >= self.suspicion_ms / 8);
        if silent_ms < half_ms && !is_unproven || is_certified && !entry.is_muffled {
            return false;
        }
        let interval_ms = match entry.is_late {
            true => half_ms,
            false => half_ms.max(silent_ms / 4).min(self.suspicion_ms.saturating_mul(8)),
        };
        entry.asked.is_none_or(|last| at.saturating_sub(last) >= interval_ms)
    }

    /// Whether nothing proves yet that the frames of `member` are no recorded ones, and it was not asked
    /// lately.
    pub(super) fn is_unproven(&self, member: MemberIndex, at: u64) -> bool {
        self.members.get(member.place()).is_some_and(|entry| {
            let entry = entry.lock();
            let waits = |asked: u64| at.saturating_sub(asked) < self.suspicion_ms / 2;
            entry.delay.unproven_for(at).is_some() && !entry.asked.is_some_and(waits)
        })
    }

    /// Whether `member` should be asked because its frames are not taken before it answers: when it has
    /// had `patience_ms`, then ever less often, as above. Who is certified as failed (`is_certified`) only
    /// if something of it arrives.
    pub(super) fn is_to_be_opened(
        &self,
        member: MemberIndex,
        is_certified: bool,
        patience_ms: u64,
        at: u64,
    ) -> bool {
        let Some(entry) = self.members.get(member.place()) else { return false };
        let entry = entry.lock();
        let silent_ms = at.saturating_sub(entry.heard_at);
        let interval_ms = patience_ms.max(silent_ms / 4).min(self.suspicion_ms.saturating_mul(8));
        (!is_certified || entry.is_muffled)
            && entry.asked.is_none_or(|last| at.saturating_sub(last) >= interval_ms)
    }

    /// `member` itself asked, under its own signature: if it has to answer this node first, it is worth
    /// asking now. That it lives does not follow, as the question may be an old one.
    pub(super) fn asks(&self, member: MemberIndex) {
        if let Some(entry) = self.members.get(member.place()) {
            let mut entry = entry.lock();
            entry.is_muffled = true;
            entry.asked = None;
        }
    }

    /// `member` was asked at `at` on the steady clock.
    pub(super) fn asked(&self, member: MemberIndex, at: u64) {
        if let Some(entry) = self.members.get(member.place()) {
            let mut entry = entry.lock();
            entry.unanswered_since.get_or_insert(at);
            entry.asked = Some(at);
            entry.delay.asked(at);
        }
    }

    /// This node states that `member` has failed, at `mark`.
    pub(super) fn missed(&self, member: MemberIndex, mark: Option<Mark>) {
        if let Some(entry) = self.members.get(member.place()) {
            entry.lock().missed_at = mark;
        }
    }

    /// Whether it is news that `member` answers what this node asked at `asked_at`.
    pub(super) fn is_news(&self, member: MemberIndex, asked_at: u64) -> bool {
        let entry = self.members.get(member.place());
        entry.is_some_and(|entry| entry.lock().answered < Some(asked_at))
    }

    /// `member` answered what this node asked at `asked_at`, so it lived then; whoever holds an answer
    /// back makes it no fresher. Gives the mark at which this node stated that it has failed; `None` if
    /// the answer is no news.
    pub(super) fn answered(
        &self,
        member: MemberIndex,
        asked_at: u64,
        (boot, sent_at): (u32, SentAt),
        now: Millis,
    ) -> Option<Option<Mark>> {
        let at = self.steady(now);
        let mut entry = self.members.get(member.place())?.lock();
        if entry.answered >= Some(asked_at) {
            return None;
        }
        entry.answered = Some(asked_at);
        let answer = Arrival { boot, sent_at: sent_at.0, at };
        entry.delay.prove(answer, asked_at, self.slack_ms());
        entry.lives(asked_at);
        Some(entry.missed_at.take())
    }
}

#[cfg(test)]
impl Marks {
    /// As if `member` had answered a challenge, but that this is no sign of life.
    pub(super) fn prove(&self, member: MemberIndex, (boot, sent_at): (u32, SentAt), now: Millis) {
        let at = self.steady(now);
        let answer = Arrival { boot, sent_at: sent_at.0, at };
        self.members[member.place()].lock().delay.prove(answer, at, 0);
    }
}

impl Heard {
    /// Nothing was heard, and silence counts from `heard_at` on the steady clock.
    fn nothing(heard_at: u64) -> Self {
        Self {
            newest: None,
            evidence: Vec::new(),
            heard: None,
            heard_at,
            delay: Delay::default(),
            is_muffled: false,
            is_late: false,
            late_raised: false,
            unanswered_since: None,
            asked: None,
            answered: None,
            missed_at: None,
        }
    }

    fn raise(&mut self, mark: Mark, header: &[u8]) -> bool {
        if self.newest.is_some_and(|newest| newest >= mark) {
            return false;
        }
        self.newest = Some(mark);
        self.evidence.clear();
        self.evidence.extend_from_slice(header);
        true
    }

    /// It lived at `at` on the steady clock.
    fn lives(&mut self, at: u64) {
        self.heard_at = self.heard_at.max(at);
        self.is_muffled = false;
        self.is_late = false;
        self.late_raised = false;
        // A later question is open still.
        self.unanswered_since = self.asked.filter(|asked| *asked > at);
    }
}
