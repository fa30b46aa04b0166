//! Who heard nothing of whom for so long that it may take it for failed, in good faith.

use meshward::NodeId;
use meshward::membership::MemberIndex;
use meshward::wire::{Packet, Tag};

use super::peer::Sort;

/// So long does a silence count that is over: reports of it are on their way, and are sent again.
const AFTERMATH_MS: u64 = 20_000;

/// By what a member shows that it lives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Frame,
    /// To the listener.
    Answer,
}

#[derive(Clone, Copy, Default)]
struct Silence {
    /// Since when nothing was heard, if the listener runs.
    since: Option<u64>,
    /// When the last one ended that was long.
    long_until: Option<u64>,
    /// The subject has answered the listener since both run: before that its frames may all be recorded
    /// ones, and show no life for long.
    has_answered: bool,
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

    pub(super) fn starts(&mut self, node: usize, now: u64) {
        self.of[node].iter_mut().for_each(|silence| silence.since = Some(now));
        self.forgets(node);
        self.of.iter_mut().for_each(|listener| listener[node].has_answered = false);
    }

    pub(super) fn stops(&mut self, listener: usize, now: u64) {
        for silence in &mut self.of[listener] {
            silence.ends(self.long_ms, now);
        }
    }

    /// By its clock all frames are late from now on.
    pub(super) fn forgets(&mut self, listener: usize) {
        self.of[listener].iter_mut().for_each(|silence| silence.has_answered = false);
    }

    pub(super) fn hears(&mut self, listener: usize, subject: usize, sign: Sign, now: u64) {
        let silence = &mut self.of[listener][subject];
        silence.has_answered |= sign == Sign::Answer;
        if silence.has_answered {
            silence.ends(self.long_ms, now);
            silence.since = Some(now);
        }
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

/// Whose life a packet that was taken shows to `member`, and by what. Naive nodes ask nobody.
pub(super) fn life_shown(
    bytes: &[u8],
    member: Option<MemberIndex>,
    sort: Sort,
) -> Option<(NodeId, Sign)> {
    match Packet::parse(bytes).ok()? {
        Packet::Frame(frame) => {
            let sign = if sort == Sort::Naive { Sign::Answer } else { Sign::Frame };
            Some((frame.header().origin, sign))
        }
        Packet::Statement(said) if said.tag() == Tag::Answer => {
            // Behind the view, the number, the time and the newest number of its author stand who asked, and
            // their riddles.
            let echoes = said.content().get(32 + 8 + 8 + 4 + 8..)?.chunks_exact(4 + 16);
            let mut asked = echoes.map(|echo| &echo[..4]);
            let me = member?.0.to_le_bytes();
            asked.any(|asked| *asked == me).then_some((said.head().origin, Sign::Answer))
        }
        _ => None,
    }
}

#[test]
fn a_long_silence_counts_for_a_while_and_a_short_one_does_not() {
    let mut silences = Silences::new(2, 100);
    silences.starts(0, 1_000);
    assert!(!silences.missed(0, 1, 1_099));
    assert!(silences.missed(0, 1, 1_100));
    silences.hears(0, 1, Sign::Frame, 1_050);
    assert!(silences.missed(0, 1, 1_100), "it has not answered");
    silences.hears(0, 1, Sign::Answer, 1_200);
    silences.hears(0, 1, Sign::Frame, 1_299);
    assert!(silences.missed(0, 1, 1_200 + AFTERMATH_MS));
    assert!(!silences.missed(1, 0, 1_200), "it does not run");
    silences.stops(0, 1_398);
    assert!(!silences.missed(0, 1, 1_201 + AFTERMATH_MS), "who is down misses nobody");
}
