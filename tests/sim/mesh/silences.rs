//! Who heard nothing of whom for so long that it may take it for failed, in good faith.

/// So long does a silence count that is over: reports of it are on their way, and are sent again.
const AFTERMATH_MS: u64 = 20_000;

#[derive(Clone, Copy, Default)]
struct Silence {
    /// Since when nothing was heard, if the listener runs.
    since: Option<u64>,
    /// When the last one ended that was long.
    long_until: Option<u64>,
}

/// Of each listener and each subject.
pub(crate) struct Silences {
    long_ms: u64,
    of: Vec<Vec<Silence>>,
}

impl Silences {
    pub(super) fn new(members: usize, long_ms: u64) -> Self {
        Self { long_ms, of: vec![vec![Silence::default(); members]; members] }
    }

    pub(super) fn starts(&mut self, listener: usize, now: u64) {
        self.of[listener].iter_mut().for_each(|silence| silence.since = Some(now));
    }

    pub(super) fn stops(&mut self, listener: usize, now: u64) {
        for silence in &mut self.of[listener] {
            silence.ends(self.long_ms, now);
        }
    }

    pub(super) fn hears(&mut self, listener: usize, subject: usize, now: u64) {
        let silence = &mut self.of[listener][subject];
        silence.ends(self.long_ms, now);
        silence.since = Some(now);
    }

    /// Whether `listener` missed `subject` for long, now or a short while ago.
    pub(super) fn missed(&self, listener: usize, subject: usize, now: u64) -> bool {
        let mut silence = self.of[listener][subject];
        silence.ends(self.long_ms, now);
        silence.long_until.is_some_and(|until| now - until <= AFTERMATH_MS)
    }
}

impl Silence {
    fn ends(&mut self, long_ms: u64, now: u64) {
        if self.since.take().is_some_and(|since| now - since >= long_ms) {
            self.long_until = Some(now);
        }
    }
}

#[test]
fn a_long_silence_counts_for_a_while_and_a_short_one_does_not() {
    let mut silences = Silences::new(2, 100);
    silences.starts(0, 1_000);
    assert!(!silences.missed(0, 1, 1_099));
    assert!(silences.missed(0, 1, 1_100));
    silences.hears(0, 1, 1_200);
    silences.hears(0, 1, 1_299);
    assert!(silences.missed(0, 1, 1_200 + AFTERMATH_MS));
    assert!(!silences.missed(1, 0, 1_200), "it does not run");
    silences.stops(0, 1_398);
    assert!(!silences.missed(0, 1, 1_201 + AFTERMATH_MS), "who is down misses nobody");
}
