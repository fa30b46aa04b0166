//! How far each member has been heard, and the evidence for it.

use parking_lot::Mutex;

use crate::id::{Mark, Millis, SteadyClock};
use crate::membership::MemberIndex;

/// For each member: its newest signed header, and when it was last heard itself. Each member has a
/// lock of its own.
#[derive(Debug)]
pub(super) struct Marks {
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
    /// The newest header that arrived as a frame. Kept apart from `newest`, or a liar who attaches
    /// the subject's newest header to its accusation would overtake the header itself, which then
    /// would be no news and no sign of life.
    heard: Option<Mark>,
    heard_at: u64,
}

impl Marks {
    /// Nobody has been heard; silence counts from `now`.
    pub(super) fn new(members: usize, now: Millis) -> Self {
        let mut clock = SteadyClock::default();
        let heard_at = clock.advance(now);
        let unheard =
            || Mutex::new(Heard { newest: None, evidence: Vec::new(), heard: None, heard_at });
        Self { clock: Mutex::new(clock), members: (0..members).map(|_| unheard()).collect() }
    }

    /// Those of the members of the next view, as `before` says where each stood in this one. Of who joins
    /// nothing was heard, and its silence counts from `now`.
    pub(super) fn succeed(&self, before: &[Option<MemberIndex>], now: Millis) -> Self {
        let at = self.clock.lock().advance(now);
        let heard = |before: &Option<MemberIndex>| {
            let before = before.and_then(|before| self.members.get(before.place()));
            let unheard =
                || Heard { newest: None, evidence: Vec::new(), heard: None, heard_at: at };
            Mutex::new(before.map_or_else(unheard, |before| before.lock().clone()))
        };
        let clock = Mutex::new(self.clock.lock().clone());
        Self { clock, members: before.iter().map(heard).collect() }
    }

    /// A frame of `member` was accepted. If it is a sign of life, newer than all that arrived before
    /// it, tells the mark of the newest before it.
    pub(super) fn heard(
        &self,
        member: MemberIndex,
        mark: Mark,
        header: &[u8],
        now: Millis,
    ) -> Option<Option<Mark>> {
        let at = self.clock.lock().advance(now);
        let mut entry = self.members.get(member.place())?.lock();
        entry.raise(mark, header);
        if entry.heard.is_some_and(|heard| heard >= mark) {
            return None;
        }
        entry.heard_at = at;
        Some(entry.heard.replace(mark))
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

    /// Of the time up to `at` on the steady clock, the last `ms` milliseconds are nobody's silence.
    pub(super) fn excuse(&self, ms: u64, at: u64) {
        for entry in &self.members {
            let mut entry = entry.lock();
            entry.heard_at = entry.heard_at.saturating_add(ms).min(at);
        }
    }

    /// For how long `member` has not been heard, in milliseconds.
    pub(super) fn silent_for(&self, member: MemberIndex, now: Millis) -> u64 {
        let at = self.clock.lock().advance(now);
        let entry = self.members.get(member.place());
        entry.map_or(0, |entry| at.saturating_sub(entry.lock().heard_at))
    }
}

impl Heard {
    fn raise(&mut self, mark: Mark, header: &[u8]) -> bool {
        if self.newest.is_some_and(|newest| newest >= mark) {
            return false;
        }
        self.newest = Some(mark);
        self.evidence.clear();
        self.evidence.extend_from_slice(header);
        true
    }
}
