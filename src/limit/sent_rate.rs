//! Proof that an origin sent faster than it may, from what it signed itself.

use crate::id::{Nonce, SentAt};
use crate::limit::Rate;

/// Two headers of one boot lie further apart in sequence than the rate allows for the time between
/// their `sent_at`s. Under the origin's two signatures that is a proof against it, whoever relayed
/// them and whenever they arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverRate {
    /// The header, observed earlier, that proves it together with the one just observed. Either of
    /// the two may be the later one in sequence.
    pub earlier: Nonce,
}

/// Watches the signed (sequence, `sent_at`) pairs of one origin for a pair that proves it over its
/// rate: more sequences apart than burst + rate × difference of `sent_at`. A `sent_at` that goes
/// back while the sequence goes on counts as a difference of 0.
///
/// It judges nothing by the time of arrival, so frames that a relay held back and released at once
/// prove nothing. Only pairs are compared that were really signed, so it never accuses an origin
/// that draws sequence and `sent_at` under one lock from a clock that does not go back (it clamps
/// it), and takes one token per message from a [`TokenBucket`](crate::limit::TokenBucket) of the
/// same rate at that very `sent_at`.
///
/// It keeps two headers, chosen by `v = sequence × 1000 − per_second × sent_at`, the thousandths of
/// a token that the origin had drawn in excess of the rate: the *anchor*, with the least `v`, and
/// the *peak*, with the greatest `v` of those signed after the anchor. For headers that arrive in
/// order this finds every excess; out of order it may miss one, as an anchor that was never kept
/// can be the only one to prove it. What it cannot see is an origin whose clock runs fast: that
/// shows only against the receiver's own clock.
///
/// After a proof it starts afresh from the later of the two headers, and nothing signed before that
/// is compared again: one excess is one offence, and the next takes a whole burst again.
///
/// All values are chosen by a peer; nothing overflows.
#[derive(Debug, Clone)]
pub struct SentRate {
    rate: Rate,
    kept: Option<Kept>,
}

#[derive(Debug, Clone, Copy)]
struct Header {
    nonce: Nonce,
    sent_at: SentAt,
}

#[derive(Debug, Clone, Copy)]
struct Kept {
    anchor: Header,
    peak: Header,
    /// Headers before this sequence have been judged.
    settled: u32,
}

impl SentRate {
    /// Has observed nothing yet.
    pub const fn new(rate: Rate) -> Self {
        Self { rate, kept: None }
    }

    /// Takes note of a header whose signature holds. A higher boot starts afresh; a header of an
    /// older boot is passed over.
    ///
    /// # Errors
    ///
    /// When this header and an earlier one prove the origin over its rate.
    pub fn observe(&mut self, nonce: Nonce, sent_at: SentAt) -> Result<(), OverRate> {
        let header = Header { nonce, sent_at };
        let kept = match &mut self.kept {
            Some(kept) if kept.anchor.nonce.boot >= nonce.boot => kept,
            none_or_older => {
                *none_or_older = Some(Kept { anchor: header, peak: header, settled: 0 });
                return Ok(());
            }
        };
        if nonce.boot < kept.anchor.nonce.boot || nonce.sequence < kept.settled {
            return Ok(());
        }
        for other in [kept.anchor, kept.peak] {
            let (first, second) =
                if other.nonce < nonce { (other, header) } else { (header, other) };
            if self.rate.is_exceeded(first, second) {
                let settled = second.nonce.sequence;
                *kept = Kept { anchor: second, peak: second, settled };
                return Err(OverRate { earlier: other.nonce });
            }
        }
        // Of two with the same excess the first in sequence is the better anchor and the last the
        // better peak: more of those that come late lie between them.
        if self.rate.height(header) < self.rate.height(kept.anchor) {
            kept.anchor = header;
            if kept.peak.nonce < nonce {
                kept.peak = header;
            }
        } else if nonce > kept.anchor.nonce
            && self.rate.height(header) > self.rate.height(kept.peak)
        {
            kept.peak = header;
        }
        Ok(())
    }
}

impl Rate {
    fn is_exceeded(&self, first: Header, second: Header) -> bool {
        let sent = second.nonce.sequence.saturating_sub(first.nonce.sequence);
        let time = second.sent_at.0.saturating_sub(first.sent_at.0);
        let allowed = i128::from(self.burst)
            .saturating_mul(1000)
            .saturating_add(i128::from(self.per_second).saturating_mul(i128::from(time)));
        i128::from(sent).saturating_mul(1000) > allowed
    }

    /// The `v` of the type's documentation, and the place among those with the same.
    fn height(&self, header: Header) -> (i128, Nonce) {
        let filled = i128::from(self.per_second).saturating_mul(i128::from(header.sent_at.0));
        let drawn = i128::from(header.nonce.sequence).saturating_mul(1000);
        (drawn.saturating_sub(filled), header.nonce)
    }
}

#[cfg(test)]
mod tests;
