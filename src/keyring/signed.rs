//! The messages that this node signed last, to tell them from what somebody else signs with its key.

use super::Keyring;
use crate::id::Nonce;

/// How many are remembered, 16 bytes each: what comes back of them comes within seconds, and at the
/// default rate these are the last hundred.
const REMEMBERED: usize = 1_024;

/// A fingerprint of each, at the place of its sequence.
#[derive(Debug, Default)]
pub(super) struct Signed(Vec<Option<(Nonce, u64)>>);

impl Signed {
    fn place(nonce: Nonce) -> usize {
        let sequence = usize::try_from(nonce.sequence).unwrap_or(0);
        sequence.checked_rem(REMEMBERED).unwrap_or(0)
    }

    fn remember(&mut self, nonce: Nonce, header: &[u8]) {
        self.0.resize(REMEMBERED, None);
        if let Some(slot) = self.0.get_mut(Self::place(nonce)) {
            *slot = Some((nonce, fingerprint(header)));
        }
    }

    /// Whether another header than this one was signed under that number; not known of one that is not
    /// remembered.
    fn contradicts(&self, nonce: Nonce, header: &[u8]) -> bool {
        let known = self.0.get(Self::place(nonce)).copied().flatten();
        known.is_some_and(|(of, known)| of == nonce && known != fingerprint(header))
    }
}

/// Nobody can aim for a collision who cannot find one among 2⁶⁴ signed headers.
fn fingerprint(header: &[u8]) -> u64 {
    let hash = blake3::hash(header);
    hash.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

impl Keyring {
    /// Notes what was signed under a number that was drawn.
    pub(crate) fn has_signed(&self, nonce: Nonce, header: &[u8]) {
        self.signed.lock().remember(nonce, header);
    }

    /// Whether this node has not signed that, as far as it can know: the number is one that it has not
    /// given, or it has given it to something else. Of earlier starts, and of what it signed long ago, it
    /// remembers nothing, and takes it for its own.
    pub(crate) fn is_foreign(&self, nonce: Nonce, header: &[u8]) -> bool {
        !self.may_have_drawn(nonce) || self.signed.lock().contradicts(nonce, header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_is_not_foreign() {
        let nonce = |sequence| Nonce { boot: 1, sequence };
        let mut signed = Signed::default();
        assert!(!signed.contradicts(nonce(1), b"one"));
        signed.remember(nonce(1), b"one");
        assert!(!signed.contradicts(nonce(1), b"one"));
        assert!(signed.contradicts(nonce(1), b"another"));
        assert!(!signed.contradicts(nonce(2), b"another"));
        signed.remember(nonce(1_025), b"later");
        assert!(!signed.contradicts(nonce(1), b"another"));
        assert!(signed.contradicts(nonce(1_025), b"another"));
        assert_eq!(signed.0.len(), REMEMBERED);
    }
}
