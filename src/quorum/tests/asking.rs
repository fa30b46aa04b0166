//! Who is asked, and what an answer is worth.

use super::*;
use crate::quorum::asking::Asking;
use crate::quorum::challenge::{Echo, MOST_ECHOES, Riddle};
use crate::wire::{self, seal_statement};

/// The default suspicion time.
const S: u64 = 3_000;
/// Nobody was heard since time 0.
const LATE: Millis = Millis(S / 2);

impl Mesh {
    /// Whom the challenge asks that is due, and its riddle.
    fn challenge(&self, now: Millis) -> Option<(Vec<u32>, Riddle)> {
        self.challenge_of_shut(&[], now)
    }

    /// The same, while frames of the members at `shut` are refused until they answer.
    fn challenge_of_shut(&self, shut: &[u32], now: Millis) -> Option<(Vec<u32>, Riddle)> {
        let shut = shut.iter().map(|place| MemberIndex(*place));
        let signer = (&self.rings[0], &OsEntropy as _);
        let bytes = self.quorum.next_challenge(signer, shut, now).unwrap()?;
        let Ok(Packet::Statement(statement)) = Packet::parse(&bytes) else { panic!("a statement") };
        assert_eq!(statement.tag(), Tag::Challenge);
        let Challenge { riddle, subjects, .. } =
            Challenge::read(&statement, self.directory.view()).unwrap();
        Some((subjects.iter().map(|place| place.0).collect(), riddle))
    }

    fn answer(&self, place: usize, riddle: Riddle, now: Millis) -> Answer {
        let nonce = self.rings[place].draw_statement().unwrap();
        let view = self.directory.view().digest();
        let echoes = vec![Echo { challenger: ME, riddle }];
        Answer { view, nonce, sent_at: SentAt(now.0), newest: 0, echoes }
    }

    fn take(&self, place: u32, answer: &Answer, now: Millis) -> Result<bool, Refusal> {
        let from = (MemberIndex(place), answer);
        self.quorum.screen_answer(from, now)?;
        self.quorum.take_answer(from, now).map(|taken| taken.is_alive)
    }

    fn silent_for(&self, place: u32, now: Millis) -> u64 {
        self.quorum.silent_for(MemberIndex(place), now)
    }

    fn hear_all(&self, places: std::ops::Range<usize>, sequence: u32, now: Millis) {
        for place in places {
            self.hear(place, sequence, now);
        }
    }

    /// A frame arrives that was said `late` milliseconds ago.
    fn hear_late(&self, place: u32, sequence: u32, late: u64, now: Millis) {
        let nonce = Nonce { boot: 1, sequence };
        let bytes = self.signed_header_of(place as usize, nonce, SentAt(now.0 - late));
        self.quorum.heard(MemberIndex(place), &SignedHeader::parse(&bytes).unwrap(), now);
    }
}

#[test]
fn who_is_missed_is_asked_and_again_ever_less_often() {
    for suite in Suite::available().take(1) {
        let mesh = Mesh::new(suite, 4);
        assert_eq!(mesh.challenge(Millis(S / 2 - 1)), None);
        mesh.hear(2, 1, LATE);
        assert_eq!(mesh.challenge(LATE).unwrap().0, [1, 3]);
        assert_eq!(mesh.challenge(LATE.after(S / 2 - 1)), None);
        let mut asked = 0;
        for step in 2..400 {
            let now = LATE.after(step * S / 2);
            mesh.hear(2, step as u32, now);
            asked += usize::from(mesh.challenge(now).is_some());
        }
        assert!((20..60).contains(&asked), "{asked} in 200 suspicion times");
    }
}

#[test]
fn an_answer_is_a_sign_of_life_once_and_as_of_the_question() {
    for suite in Suite::available().take(1) {
        let mesh = Mesh::new(suite, 4);
        let (_, riddle) = mesh.challenge(LATE).unwrap();
        let now = LATE.after(1_000);
        let made_up = mesh.answer(3, [7; 16], now);
        assert_eq!(mesh.take(3, &made_up, now), Ok(false), "that was not asked here");
        assert_eq!(mesh.take(3, &made_up, now), Err(Refusal::Duplicate));
        assert_eq!(mesh.silent_for(3, now), LATE.0 + 1_000);

        let [first, second] = [0, 1].map(|_| mesh.answer(3, riddle, now));
        assert_eq!(mesh.take(3, &second, now), Ok(true));
        assert_eq!(mesh.silent_for(3, now), 1_000, "it lived when it was asked");
        assert_eq!(mesh.take(3, &first, now.after(9)), Err(Refusal::Duplicate), "an older one");
        let third = mesh.answer(3, riddle, now);
        assert_eq!(mesh.take(3, &third, now.after(9)), Ok(false), "to the same question");
        assert_eq!(mesh.silent_for(3, now), 1_000);
        // Another's to the same question is another matter.
        assert_eq!(mesh.take(2, &mesh.answer(2, riddle, now), now), Ok(true));
    }
}

#[test]
fn a_late_frame_raises_the_mark_once_until_there_is_a_sign_of_life() {
    for suite in Suite::available().take(1) {
        let mesh = Mesh::new(suite, 4);
        let newest = || mesh.quorum.marks.newest(MemberIndex(3));
        mesh.hear(3, 1, NOW);
        for sequence in 2..10 {
            mesh.hear_late(3, sequence, S / 2 + 1, NOW.after(u64::from(sequence) * 500));
            assert_eq!(newest(), mark(2), "{sequence}");
        }
        let now = NOW.after(4_500);
        assert_eq!(mesh.silent_for(3, now), 4_500);
        mesh.hear_late(3, 10, S / 2, now);
        assert_eq!((newest(), mesh.silent_for(3, now)), (mark(10), 0));
        mesh.hear_late(3, 11, S / 2 + 1, now);
        assert_eq!(newest(), mark(11), "once more");
    }
}

#[test]
fn who_is_late_is_reported_only_when_it_was_asked_for_a_suspicion_time() {
    for suite in Suite::available().take(1) {
        let mesh = Mesh::new(suite, 4);
        mesh.hear_all(1..4, 1, NOW);
        let at = |ms| NOW.after(ms);
        for ms in (500..6_000).step_by(500) {
            mesh.hear_all(1..3, 1 + ms as u32, at(ms));
            mesh.hear_late(3, 1 + ms as u32, 2_000, at(ms));
            let asked = mesh.challenge(at(ms)).is_some_and(|(whom, _)| whom.contains(&3));
            assert_eq!(asked, [1_500, 3_000, 4_500].contains(&ms), "{ms}");
            let reported = mesh.quorum.to_report(at(ms));
            assert_eq!(!reported.is_empty(), ms >= 4_500, "{ms}");
        }
        // An answer to the first question, held back, is one no more.
        let (_, riddle) = mesh.challenge(at(6_000)).unwrap();
        assert_eq!(mesh.take(3, &mesh.answer(3, riddle, at(6_000)), at(6_100)), Ok(true));
        assert_eq!(mesh.quorum.to_report(at(6_100)), []);
    }
}

#[test]
fn one_answer_in_a_turn_does_for_all_who_ask() {
    for suite in Suite::available().take(1) {
        let mesh = Mesh::new(suite, 4);
        let view = mesh.directory.view().digest();
        let ask = |place: u32, now| {
            let nonce = mesh.rings[place as usize].draw_statement().unwrap();
            let asked = Challenge { view, nonce, riddle: [place as u8; 16], subjects: vec![ME] };
            let from = MemberIndex(place);
            mesh.quorum.screen_challenge((from, &asked), now).unwrap();
            assert_eq!(
                mesh.quorum.take_challenge((from, asked), now),
                Ok(false),
                "it asks me alone"
            );
        };
        let answered = |now| {
            let bytes = mesh.quorum.next_answer(&mesh.rings[0], &OsEntropy, now).unwrap()?;
            let Ok(Packet::Statement(statement)) = Packet::parse(&bytes) else { panic!() };
            let answer = Answer::read(&statement, mesh.directory.view()).unwrap();
            Some(answer.echoes.iter().map(|echo| echo.challenger.0).collect::<Vec<_>>())
        };
        assert_eq!(answered(NOW), None, "nobody asked");
        [2, 1].into_iter().for_each(|place| ask(place, NOW));
        assert_eq!(answered(NOW), Some(vec![1, 2]));
        ask(3, NOW.after(10));
        assert_eq!(answered(NOW.after(300)), None, "three in a second");
        ask(1, NOW.after(320));
        assert_eq!(answered(NOW.after(340)), Some(vec![3]), "who asks again too soon waits");
        ask(1, NOW.after(3 * S / 8));
        assert_eq!(answered(NOW.after(3 * S / 8)), Some(vec![1]));
    }
}

/// Whoever must answer before it is heard is asked in the first turn, again when it had time to answer,
/// and ever less often; at once when it asks something itself.
#[test]
fn who_is_shut_is_asked_at_once_and_again() {
    for suite in Suite::available().take(1) {
        let mesh = Mesh::new(suite, 4);
        assert_eq!(mesh.challenge(Millis(0)), None, "nobody is missed");
        let asked = |shut: &[u32], now| mesh.challenge_of_shut(shut, Millis(now)).map(|it| it.0);
        assert_eq!(asked(&[2, 3], 0), Some(vec![2, 3]));
        let asks = |now: &u64| asked(&[3], *now).is_some_and(|whom| whom.contains(&3));
        let again: Vec<_> = (1..=S).filter(asks).collect();
        assert_eq!(again[..3], [S / 8, 2 * S / 8, 3 * S / 8]);
        assert!(again.len() < 8, "{again:?}");
        let minutes = (S..20 * 60_000).step_by(25);
        let later: Vec<_> = minutes.filter(asks).collect();
        let [one_before, last] = later[later.len() - 2..] else { panic!("{later:?}") };
        assert_eq!(last - one_before, 8 * S);
        assert!(later.len() < 75, "{} questions in 20 minutes", later.len());
        mesh.quorum.asks_itself(MemberIndex(3));
        assert!(asks(&(last + S / 8)), "it may be back");
    }
}

/// Nobody is asked for ever because a certified member has never answered; nor is it forgotten.
#[test]
fn a_certified_member_that_is_shut_is_asked_only_if_something_of_it_arrives() {
    for suite in Suite::available().take(1) {
        let mesh = Mesh::new(suite, 4);
        for place in 0..3 {
            mesh.count(place, &failure(3, None)).unwrap();
        }
        mesh.hear_all(1..3, 1, NOW);
        assert_eq!(mesh.challenge_of_shut(&[3], NOW), None);
        mesh.quorum.asks_itself(MemberIndex(3));
        assert_eq!(mesh.challenge_of_shut(&[3], NOW).unwrap().0, [3]);
    }
}

/// A member whose disk was rolled back asks under numbers that it used before. Within a suspicion time
/// of a question they are replays; after that one is taken in each, unless its riddle was asked before.
#[test]
fn old_numbers_are_taken_after_a_suspicion_time_under_new_riddles() {
    for suite in Suite::available().take(1) {
        let mesh = Mesh::new(suite, 4);
        let view = mesh.directory.view().digest();
        let ask = |boot, sequence, riddle, now| {
            let nonce = Nonce { boot, sequence };
            let asked = Challenge { view, nonce, riddle: [riddle; 16], subjects: vec![ME] };
            mesh.quorum.screen_challenge((MemberIndex(1), &asked), now)?;
            mesh.quorum.take_challenge((MemberIndex(1), asked), now)
        };
        assert_eq!(ask(3, 5, 1, NOW), Ok(false));
        assert_eq!(ask(3, 5, 1, NOW.after(1)), Err(Refusal::Duplicate));
        assert_eq!(ask(2, 9, 2, NOW.after(S - 1)), Err(Refusal::Duplicate));
        assert_eq!(ask(2, 9, 2, NOW.after(S)), Ok(false));
        assert_eq!(ask(2, 10, 3, NOW.after(S + 1)), Err(Refusal::Duplicate));
        assert_eq!(ask(3, 6, 4, NOW.after(S + 2)), Ok(false), "a newer one at any time");
        assert_eq!(ask(2, 10, 3, NOW.after(2 * S + 1)), Err(Refusal::Duplicate));
        assert_eq!(ask(2, 10, 3, NOW.after(2 * S + 2)), Ok(false));
        for (boot, sequence, riddle) in [(3, 5, 1), (2, 9, 2), (3, 6, 4), (2, 10, 3)] {
            let again = ask(boot, sequence, riddle, NOW.after(9 * S));
            assert_eq!(again, Err(Refusal::Duplicate), "played again");
        }
        assert_eq!(ask(2, 9, 5, NOW.after(9 * S)), Ok(false));
    }
}

/// More ask than one answer has room for, and all ask again before the last has had its turn: each has
/// one all the same.
#[test]
fn answers_go_round_the_view() {
    let members = 3 * MOST_ECHOES as u32;
    let mut asking = Asking::new(members as usize, S);
    let mut answered = std::collections::BTreeMap::new();
    for _ in 0..12 {
        asking.open.extend((0..members).map(|place| (MemberIndex(place), [1; 16])));
        let echoes = asking.next_echoes();
        assert_eq!(echoes.len(), MOST_ECHOES);
        assert!(echoes.windows(2).all(|pair| pair[0].challenger < pair[1].challenger));
        for echo in echoes {
            *answered.entry(echo.challenger).or_insert(0) += 1;
        }
    }
    assert_eq!(answered.len(), members as usize);
    assert!(answered.values().all(|times| *times == 4), "{answered:?}");
}

/// The longest answer fits a statement.
#[test]
fn an_answer_to_as_many_as_there_may_be_fits_a_statement() {
    let echo = |place| Echo { challenger: MemberIndex(place), riddle: [1; 16] };
    let echoes = (0..MOST_ECHOES as u32).map(echo).collect();
    let nonce = Nonce { boot: 1, sequence: 1 };
    let view = Digest::from_bytes([1; 32]);
    let answer = Answer { view, nonce, sent_at: SentAt(1), newest: 1, echoes };
    let content = wire::encode("an answer", &answer).unwrap();
    assert!(content.len() + 256 <= wire::MAX_CONTENT_LEN, "{}", content.len());
}

#[test]
fn a_certified_member_is_asked_only_if_something_of_it_arrives() {
    for suite in Suite::available().take(1) {
        let mesh = Mesh::new(suite, 4);
        mesh.hear_all(1..4, 1, NOW);
        for place in 0..3 {
            mesh.count(place, &failure(3, mark(1))).unwrap();
        }
        let now = NOW.after(10_000);
        mesh.hear_all(1..3, 2, now);
        assert_eq!(mesh.challenge(now), None);
        mesh.quorum.muffled(MemberIndex(3));
        assert_eq!(mesh.challenge(now).unwrap().0, [3]);
    }
}

/// Statements that do not say what they should are refused, whoever signed them.
#[test]
fn challenges_and_answers_name_members_in_their_order() {
    for suite in Suite::available().take(1) {
        let mesh = Mesh::new(suite, 4);
        let view = mesh.directory.view();
        let nonce = Nonce { boot: 1, sequence: 1 };
        let read = |subjects: &[u32], digest| {
            let subjects = subjects.iter().map(|place| MemberIndex(*place)).collect();
            let said = Challenge { view: digest, nonce, riddle: [1; 16], subjects };
            let content = wire::encode("a challenge", &said).unwrap();
            let (head, key) = mesh.rings[1].statement_head();
            let bytes = seal_statement(Tag::Challenge, &head, &content, &key.key, &OsEntropy);
            let bytes = bytes.unwrap();
            let Ok(Packet::Statement(statement)) = Packet::parse(&bytes) else { panic!() };
            Challenge::read(&statement, view).map(drop)
        };
        assert_eq!(read(&[0, 2, 3], view.digest()), Ok(()));
        for wrong in [&[][..], &[4], &[1, 1], &[2, 1], &[0, u32::MAX]] {
            assert!(matches!(read(wrong, view.digest()), Err(Refusal::Nonsense(_))), "{wrong:?}");
        }
        assert!(matches!(read(&[0], Digest::from_bytes([9; 32])), Err(Refusal::Nonsense(_))));
    }
}
