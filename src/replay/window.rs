//! The sliding window of one key.

use crate::id::Nonce;
use crate::replay::WindowWidth;

/// How many of the newest sequences have their tag remembered, in a window that is no narrower: 1 KiB.
const TAGS: usize = 256;

/// What a window knows of a nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Look {
    /// It was not accepted before.
    Fresh,
    /// It was accepted before, with this tag. `None`: the tag is not remembered, as the
    /// nonce lies 256 or more sequences behind the newest.
    Used(Option<u32>),
    /// It is too old to tell: of an earlier boot, or behind the window.
    Stale,
}

/// Which nonces of one key were accepted: a sliding window over (boot, sequence).
///
/// After RFC 6479, "IPsec Anti-Replay Algorithm without Bit Shifting": the marks are a ring of
/// words with one word more than the window needs, so that moving on clears whole words and shifts
/// nothing. What differs: sequences start at 0, a higher boot starts an empty window, and the
/// window is `width` sequences wide with the newest among them.
///
/// Belongs to a key, not to a member: two keys never share one. The window trusts its caller that
/// only nonces under a valid signature are committed.
///
/// Memory: 4 bytes of tag for each of the newest 256 sequences, or of `width` if that is less, and
/// `width / 8 + 8` bytes of marks.
#[derive(Debug, Clone)]
pub struct ReplayWindow {
    width: u32,
    newest: Option<Nonce>,
    /// Bit `sequence % 64` of word `sequence / 64`, the words taken modulo the ring's length. Only
    /// the words from the window's oldest sequence to the newest mean anything.
    marks: Box<[u64]>,
    /// Place `sequence % 256`, or less if there are less. Means something only where the mark is set and the
    /// sequence is one of the newest that have a place: then it was one of them, too, when it was committed.
    tags: Box<[u32]>,
}

impl ReplayWindow {
    /// A window that has accepted nothing: every nonce is fresh.
    pub fn new(width: WindowWidth) -> Self {
        let width = width.sequences();
        let tags = usize::try_from(width).unwrap_or(TAGS).min(TAGS);
        let words = usize::try_from(width / 64).unwrap_or(usize::MAX).saturating_add(1);
        Self {
            width,
            newest: None,
            marks: vec![0; words].into_boxed_slice(),
            tags: vec![0; tags].into_boxed_slice(),
        }
    }

    /// The greatest nonce committed.
    pub const fn newest(&self) -> Option<Nonce> {
        self.newest
    }

    /// What is known of `nonce`. Changes nothing, so it may be asked before the signature is
    /// checked.
    pub fn look(&self, nonce: Nonce) -> Look {
        let Some(newest) = self.newest else { return Look::Fresh };
        if nonce > newest {
            return Look::Fresh;
        }
        if nonce.boot < newest.boot {
            return Look::Stale;
        }
        let behind = newest.sequence.saturating_sub(nonce.sequence);
        if behind >= self.width {
            return Look::Stale;
        }
        let word = self.marks.get(self.word_of(nonce.sequence)).copied().unwrap_or(u64::MAX);
        if word & bit_of(nonce.sequence) == 0 {
            return Look::Fresh;
        }
        Look::Used(self.tags.get(self.place_of(behind, nonce.sequence)).copied())
    }

    /// Looks again and, when `nonce` is fresh, marks it and remembers `tag` for it. Returns what
    /// [`look`](Self::look) would have said before.
    ///
    /// The caller holds this window exclusively, so of any number of threads with the same nonce
    /// exactly one gets [`Look::Fresh`].
    pub fn commit(&mut self, nonce: Nonce, tag: u32) -> Look {
        let look = self.look(nonce);
        if look != Look::Fresh {
            return look;
        }
        if self.newest.is_none_or(|newest| nonce > newest) {
            self.move_to(nonce);
        }
        let word = self.word_of(nonce.sequence);
        if let Some(word) = self.marks.get_mut(word) {
            *word |= bit_of(nonce.sequence);
        }
        let newest = self.newest.map_or(0, |newest| newest.sequence);
        let behind = newest.saturating_sub(nonce.sequence);
        let place = self.place_of(behind, nonce.sequence);
        if let Some(place) = self.tags.get_mut(place) {
            *place = tag;
        }
        look
    }

    /// Makes `nonce` the newest and clears the words that come into the window with it.
    fn move_to(&mut self, nonce: Nonce) {
        match self.newest {
            Some(newest) if newest.boot == nonce.boot => {
                let cleared = (nonce.sequence / 64).saturating_sub(newest.sequence / 64);
                let ring = u32::try_from(self.marks.len()).unwrap_or(u32::MAX);
                for back in 0..cleared.min(ring) {
                    let word = self.word_of(nonce.sequence.saturating_sub(back.saturating_mul(64)));
                    if let Some(word) = self.marks.get_mut(word) {
                        *word = 0;
                    }
                }
            }
            _ => self.marks.fill(0),
        }
        self.newest = Some(nonce);
    }

    fn word_of(&self, sequence: u32) -> usize {
        let word = usize::try_from(sequence / 64).unwrap_or(usize::MAX);
        word.checked_rem(self.marks.len()).unwrap_or(0)
    }

    /// Where the tag of a sequence that lies `behind` the newest stands; past the end when that is too far.
    fn place_of(&self, behind: u32, sequence: u32) -> usize {
        let places = self.tags.len();
        let is_new = usize::try_from(behind).is_ok_and(|behind| behind < places);
        let place = usize::try_from(sequence).ok().filter(|_| is_new);
        place.and_then(|sequence| sequence.checked_rem(places)).unwrap_or(places)
    }
}

const fn bit_of(sequence: u32) -> u64 {
    1_u64.rotate_left(sequence % 64)
}

#[cfg(test)]
mod tests;
