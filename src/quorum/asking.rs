//! Asking members whether they live, and answering who asks.
//!
//! A member that is missed is asked before it is reported: in a *challenge*, a bare signed statement
//! with a *riddle*, 16 random bytes. Its *answer* gives the riddle back, so it was said after the
//! question, whatever was recorded before. It gets through where the member's frames do not:
//!
//! | the member's frames | why it is not reported |
//! |---|---|
//! | are refused, as it is in quarantine or uses old numbers again after an accident (Q17) | it answers |
//! | are shed, because an outsider floods everybody in its name (Q19) | answers that give back a riddle of this node have room of their own, as only who saw the question can make one up |
//! | are late by its own clock: its host was paused (Q20), or a relay plays recorded ones (G27) | it answers, or it does not |
//!
//! Its newest signed header travels beside the answer, so that it gets through as well: a report below
//! it is void for everybody whom it reaches. Or honest reports of a member that is shed everywhere, each
//! made when its answers to one were lost, would all have one mark, and add up in the end (attack Q5).
//!
//! Who is just silent is asked when half of its suspicion time is over, so asking takes no time. Who
//! is refused, shed or late has to leave a question unanswered for a whole suspicion time: whoever
//! sends garbage in a dead member's name delays its end by half a suspicion time, and once.
//!
//! A node that starts anew asks everybody in its first turn, and takes no frame of a member before it has
//! answered: the answer says which frame its author had numbered last, and what lies above is new. Who
//! does not answer is asked again when it had time to answer everybody, then ever less often.
//!
//! What that may cost, whoever asks for it:
//!
//! * A node signs one challenge in an eighth of a suspicion time at most, to all whom it misses, and one
//!   answer likewise, to all who asked it; to one of them not twice in three eighths.
//! * Of a member the newest challenge and the newest answer are taken, by its own numbers, in the same
//!   time: what is played again does nothing, and nobody draws on another's share. A challenge under
//!   older numbers is taken if there was none for a suspicion time, and its riddle is not among the last
//!   that were [taken](super::riddles): a member whose disk was rolled back would get no answer before it is
//!   past the numbers that it used before, but recorded challenges get none either.
//! * An answer counts once, and as a sign of life at the moment of the question: held back it is worth
//!   nothing.

use std::collections::{BTreeMap, VecDeque};

use super::challenge::{Answer, Challenge, MOST_ECHOES, MOST_SUBJECTS, Riddle};
use super::riddles::Riddles;
use super::share::Share;
use super::{FailureStatus, QuorumValidator, Slot};
use crate::id::{Mark, Millis, Nonce};
use crate::keyring::{Error, Keyring};
use crate::limit::{Rate, TokenBucket};
use crate::membership::MemberIndex;
use crate::suite::{Entropy, SuiteError};
use crate::wire::{self, Refusal, Tag, seal_statement};

/// A suspicion time is as many turns to ask or to answer.
const TURNS: u64 = 8;
/// Turns between two questions of one member that are answered; an honest one asks again after four.
const PAUSE: u64 = 3;
/// Own riddles that are remembered: those of the longest suspicion time there is, eight times the
/// configured one, so that who is that slow to answer is heard all the same.
const RIDDLES: usize = 64;
/// Checks of one member's answers to this node, and of the headers that come with them, at once and
/// beside the budgets of the links.
const SPARE: u32 = 8;

/// Who was asked what, and who asks.
#[derive(Debug)]
pub(super) struct Asking {
    turn_ms: u64,
    /// This node's riddles, and when it asked them, the newest last.
    riddles: VecDeque<(Riddle, u64)>,
    /// The riddles of others.
    met: Riddles,
    /// Who waits for an answer of this node, to what.
    pub(super) open: BTreeMap<MemberIndex, Riddle>,
    /// Whom the last answer answered last.
    pub(super) last_answered: Option<MemberIndex>,
    pub(super) answering: TokenBucket,
    /// The newest header that this node has signed.
    pub(super) own: Option<(Nonce, Vec<u8>)>,
    members: Vec<Taken>,
}

/// What an answer was good for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TakenAnswer {
    /// It was this node that asked.
    pub(crate) is_alive: bool,
    /// It answers others, too, and that is news.
    pub(crate) answers_others: bool,
}

/// What a member asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// The number of its newest challenge.
    newest: Nonce,
    /// When one was last taken.
    taken: Millis,
    /// When it last asked what this node answered, or is to answer.
    answered: Option<Millis>,
}

/// What was taken of one member.
#[derive(Debug)]
pub(super) struct Taken {
    /// The newest challenge, and when one was last taken.
    pub(super) challenge: Option<Asked>,
    pub(super) answer: Option<Nonce>,
    pub(super) challenges: Share,
    pub(super) answers: Share,
    spare: TokenBucket,
}

impl Asking {
    pub(super) fn new(members: usize, suspicion_ms: u64) -> Self {
        let per_second = TURNS.saturating_mul(1_000).div_ceil(suspicion_ms.max(1));
        let per_second = u32::try_from(per_second).unwrap_or(Rate::MOST).clamp(1, Rate::MOST);
        let rate = |burst| Rate { per_second, burst };
        let taken = || Taken {
            challenge: None,
            answer: None,
            challenges: Share::of(rate(8)),
            answers: Share::of(rate(8)),
            spare: TokenBucket::new(rate(SPARE)),
        };
        Self {
            turn_ms: suspicion_ms / TURNS,
            riddles: VecDeque::new(),
            met: Riddles::default(),
            open: BTreeMap::new(),
            last_answered: None,
            answering: TokenBucket::new(rate(1)),
            own: None,
            members: (0..members).map(|_| taken()).collect(),
        }
    }

    pub(super) fn taken(&mut self, member: MemberIndex) -> Result<&mut Taken, Refusal> {
        self.members
            .get_mut(member.place())
            .ok_or(Refusal::Nonsense("it names a place that the view does not have"))
    }

    fn asked_at(&self, riddle: &Riddle) -> Option<u64> {
        self.riddles.iter().find(|(mine, _)| mine == riddle).map(|(_, at)| *at)
    }
}

impl Asking {
    /// What was taken of `member`, if its challenge is newer than those before it; or, if none came for a
    /// suspicion time, may be of one whose disk was rolled back, and which asks under old numbers.
    fn look_at(
        &mut self,
        (member, challenge): (MemberIndex, &Challenge),
        now: Millis,
    ) -> Result<&mut Taken, Refusal> {
        let order_ms = self.turn_ms.saturating_mul(TURNS);
        let is_next = match self.taken(member)?.challenge {
            Some(Asked { newest, taken, .. }) if challenge.nonce <= newest => {
                let is_early = now >= taken && now.since(taken) < order_ms;
                !is_early && !self.met.knows(&challenge.riddle)
            }
            _ => true,
        };
        if is_next { self.taken(member) } else { Err(Refusal::Duplicate) }
    }
}

impl QuorumValidator {
    /// A packet that names `member` as its origin was refused here for what has nothing to do with
    /// whether it is true: the member is asked before it is reported.
    pub(crate) fn muffled(&self, member: MemberIndex) {
        self.marks.muffled(member);
    }

    /// `member`, whose frames are refused until it answers, asked a question of its own: it is asked with
    /// the next one of this node, however often it was asked in vain.
    pub(crate) fn asks_itself(&self, member: MemberIndex) {
        self.marks.asks(member);
    }

    /// Signs the challenge that is due, if one is. `shut` are the members that have to answer before
    /// their frames are taken.
    pub(crate) fn next_challenge(
        &self,
        (keyring, entropy): (&Keyring, &dyn Entropy),
        shut: impl Iterator<Item = MemberIndex>,
        now: Millis,
    ) -> Result<Option<Vec<u8>>, Error> {
        let at = self.marks.steady(now);
        let is_early = |asking: &Asking| {
            let last = asking.riddles.back();
            last.is_some_and(|(_, last)| at.saturating_sub(*last) < asking.turn_ms)
        };
        if is_early(&self.asking.lock()) {
            return Ok(None);
        }
        let subjects = self.to_ask(shut, at);
        if subjects.is_empty() {
            return Ok(None);
        }
        let mut riddle = Riddle::default();
        entropy.fill(&mut riddle).map_err(SuiteError::from)?;
        let (nonce, view) = (keyring.draw_statement()?, self.directory.view().digest());
        let challenge = Challenge { view, nonce, riddle, subjects };
        let content = wire::encode("a challenge", &challenge)?;
        let (head, key) = keyring.statement_head();
        let bytes = seal_statement(Tag::Challenge, &head, &content, &key.key, entropy)?;
        let mut asking = self.asking.lock();
        if asking.riddles.len() >= RIDDLES {
            asking.riddles.pop_front();
        }
        asking.riddles.push_back((riddle, at));
        drop(asking);
        challenge.subjects.iter().for_each(|subject| self.marks.asked(*subject, at));
        Ok(Some(bytes))
    }

    /// Whom to ask at `at` on the steady clock. Who is `shut` is asked from the first turn on. Who has yet to
    /// prove that its frames are no recorded ones is asked with the others: when a node starts, that is
    /// everybody.
    fn to_ask(&self, shut: impl Iterator<Item = MemberIndex>, at: u64) -> Vec<MemberIndex> {
        let view = self.directory.view();
        let others = || view.indices().filter(|member| *member != self.me);
        let is_certified = |member| {
            let node = view.member(member).map(|member| member.id);
            let status = node.map(|node| self.validate_node_failure(&node));
            matches!(status, Some(FailureStatus::Certified(_)))
        };
        let is_due = |member: &MemberIndex| {
            self.marks.is_to_be_asked(*member, false, at)
                && self.marks.is_to_be_asked(*member, is_certified(*member), at)
        };
        let mut due: Vec<_> = others().filter(is_due).collect();
        let unproven = |member: &MemberIndex| self.marks.is_unproven(*member, at);
        if due.iter().any(unproven) {
            due.extend(others().filter(|member| unproven(member) && !is_certified(*member)));
        }
        let patience_ms = self.answered_within_ms();
        due.extend(shut.filter(|member| {
            self.marks.is_to_be_opened(*member, false, patience_ms, at)
                && self.marks.is_to_be_opened(*member, is_certified(*member), patience_ms, at)
        }));
        due.sort_unstable();
        due.dedup();
        due.truncate(MOST_SUBJECTS);
        due
    }

    /// How long it takes a member to answer everybody, if all ask it at once.
    fn answered_within_ms(&self) -> u64 {
        let members = self.directory.view().len();
        let answers = u64::try_from(members.div_ceil(MOST_ECHOES)).unwrap_or(u64::MAX);
        answers.saturating_mul(self.config.suspicion_ms / TURNS)
    }

    /// What can be told about a challenge before its signature is checked.
    pub(crate) fn screen_challenge(
        &self,
        (member, challenge): (MemberIndex, &Challenge),
        now: Millis,
    ) -> Result<(), Refusal> {
        let mut asking = self.asking.lock();
        let taken = asking.look_at((member, challenge), now)?;
        taken.challenges.is_worth_a_check(challenge.nonce, now)
    }

    /// Takes a challenge whose signature holds. Tells whether it asks others, too.
    pub(crate) fn take_challenge(
        &self,
        (member, challenge): (MemberIndex, Challenge),
        now: Millis,
    ) -> Result<bool, Refusal> {
        let mut asking = self.asking.lock();
        let pause_ms = asking.turn_ms.saturating_mul(PAUSE);
        let taken = asking.look_at((member, &challenge), now)?;
        taken.challenges.take(challenge.nonce, now)?;
        let before = taken.challenge;
        let newest = before.map_or(challenge.nonce, |before| before.newest.max(challenge.nonce));
        let mut answered = before.and_then(|before| before.answered);
        let asks_me = challenge.subjects.contains(&self.me);
        let is_due = answered.is_none_or(|last| now < last || now.since(last) >= pause_ms);
        if asks_me && is_due {
            answered = Some(now);
        }
        taken.challenge = Some(Asked { newest, taken: now, answered });
        asking.met.note(&challenge.riddle);
        if asks_me && (is_due || asking.open.contains_key(&member)) {
            asking.open.insert(member, challenge.riddle);
        }
        Ok(challenge.subjects.iter().any(|subject| *subject != self.me))
    }

    /// When this node asked what `answer` gives back to it, on the steady clock; `None` unless that is
    /// news.
    pub(super) fn asked_at(&self, member: MemberIndex, answer: &Answer) -> Option<u64> {
        let riddle = answer.echo_to(self.me)?;
        let asked_at = self.asking.lock().asked_at(riddle)?;
        self.marks.is_news(member, asked_at).then_some(asked_at)
    }

    /// Whether an answer gives back to this node what only who heard it ask can know, and there is
    /// room to check it beside what its link may cost. Takes nothing.
    pub(crate) fn awaits(&self, member: MemberIndex, answer: &Answer, now: Millis) -> bool {
        self.asked_at(member, answer).is_some()
            && self.asking.lock().taken(member).is_ok_and(|taken| taken.spare.peek(now, 1))
    }

    /// The same, and takes that room.
    pub(crate) fn admit_awaited(&self, member: MemberIndex, answer: &Answer, now: Millis) -> bool {
        self.asked_at(member, answer).is_some()
            && self
                .asking
                .lock()
                .taken(member)
                .is_ok_and(|taken| taken.spare.try_take(now, 1).is_ok())
    }

    /// Takes room to check what travels beside an answer to this node.
    pub(crate) fn admit_beside(&self, member: MemberIndex, now: Millis) -> bool {
        let mut asking = self.asking.lock();
        asking.taken(member).is_ok_and(|taken| taken.spare.try_take(now, 1).is_ok())
    }

    /// What can be told about an answer before its signature is checked.
    pub(crate) fn screen_answer(
        &self,
        (member, answer): (MemberIndex, &Answer),
        now: Millis,
    ) -> Result<(), Refusal> {
        if self.asked_at(member, answer).is_some() {
            return Ok(());
        }
        let mut asking = self.asking.lock();
        let taken = asking.taken(member)?;
        if taken.answer >= Some(answer.nonce) {
            return Err(Refusal::Duplicate);
        }
        taken.answers.is_worth_a_check(answer.nonce, now)
    }

    /// Takes an answer whose signature holds.
    pub(crate) fn take_answer(
        &self,
        (member, answer): (MemberIndex, &Answer),
        now: Millis,
    ) -> Result<TakenAnswer, Refusal> {
        let missed_at = self.asked_at(member, answer).and_then(|asked_at| {
            let said = (answer.nonce.boot, answer.sent_at);
            self.marks.answered(member, asked_at, said, now)
        });
        let is_alive = missed_at.is_some();
        if let Some(missed_at) = missed_at {
            let boot = answer.nonce.boot;
            self.lives(member, missed_at.filter(|missed| missed.nonce.boot == boot), now);
        }
        let is_for_others = answer.echoes.iter().any(|echo| echo.challenger != self.me);
        let mut asking = self.asking.lock();
        let taken = asking.taken(member)?;
        let is_news = taken.answer < Some(answer.nonce);
        if is_news {
            match taken.answers.take(answer.nonce, now) {
                Ok(()) => taken.answer = Some(answer.nonce),
                Err(refusal) if !is_alive => return Err(refusal),
                Err(_) => return Ok(TakenAnswer { is_alive, answers_others: false }),
            }
        }
        match is_alive || is_news {
            true => Ok(TakenAnswer { is_alive, answers_others: is_for_others && is_news }),
            false => Err(Refusal::Duplicate),
        }
    }

    /// `member` answered: what this node said of its failure it takes back, and holds against itself.
    /// The others forget it with the next header of the member.
    fn lives(&self, member: MemberIndex, missed_at: Option<Mark>, now: Millis) {
        let view = self.directory.view();
        let Some(node) = view.member(member).map(|member| member.id) else { return };
        let slot = Slot::Failure(node);
        let mut state = self.state.lock();
        if state.mine.remove(&slot).is_some() {
            state.votes.withdraw(slot, self.me);
        }
        drop(state);
        if missed_at.is_some() {
            self.health.missed_a_live_one(member, self.marks.steady(now));
        }
    }
}
