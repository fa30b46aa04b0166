//! Answering who asks: one answer does for many, each in its turn.

use super::QuorumValidator;
use super::asking::Asking;
use super::challenge::{Answer, Echo, MOST_ECHOES};
use crate::id::Millis;
use crate::keyring::{AnswerTicket, Error, Keyring};
use crate::membership::MemberIndex;
use crate::suite::Entropy;
use crate::wire::{self, SignedHeader, Tag, seal_statement};

impl Asking {
    /// Whom the next answer answers, as far as one statement has room: round the view from whom the last
    /// one answered last, so that nobody who keeps asking has another wait for ever.
    pub(super) fn next_echoes(&mut self) -> Vec<Echo> {
        let last = self.last_answered;
        let places = self.open.keys().copied();
        let (before, after): (Vec<_>, Vec<_>) = places.partition(|place| Some(*place) <= last);
        let mut turn: Vec<MemberIndex> =
            after.into_iter().chain(before).take(MOST_ECHOES).collect();
        self.last_answered = turn.last().copied().or(last);
        turn.sort_unstable();
        let echo = |challenger| {
            let riddle = self.open.remove(&challenger)?;
            Some(Echo { challenger, riddle })
        };
        turn.into_iter().filter_map(echo).collect()
    }
}

impl QuorumValidator {
    /// Signs the answer that is due, if one is: to all who asked, as far as one statement has room.
    pub(crate) fn next_answer(
        &self,
        keyring: &Keyring,
        entropy: &dyn Entropy,
        now: Millis,
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut asking = self.asking.lock();
        if asking.open.is_empty() || asking.answering.try_take(now, 1).is_err() {
            return Ok(None);
        }
        let echoes = asking.next_echoes();
        let header = asking.own.as_ref().map(|(_, header)| header.clone()).unwrap_or_default();
        drop(asking);
        // Drawn after the questions were taken: what this node numbered before those lies below.
        let AnswerTicket { key, nonce, sent_at, newest } = keyring.draw_answer(now)?;
        let view = self.directory.view().digest();
        let content = wire::encode("an answer", &Answer { view, nonce, sent_at, newest, echoes })?;
        let head = keyring.head_under(&key);
        let statement = seal_statement(Tag::Answer, &head, &content, &key.key, entropy)?;
        Ok(Some([statement, header].concat()))
    }

    /// This node signed a frame. Its header is put beside the next answer.
    pub(crate) fn said(&self, header: &SignedHeader<'_>) {
        let nonce = header.header().nonce;
        let mut asking = self.asking.lock();
        if asking.own.as_ref().is_none_or(|(newest, _)| *newest < nonce) {
            asking.own = Some((nonce, header.as_bytes().to_vec()));
        }
    }
}
