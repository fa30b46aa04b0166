//! The riddles that others asked last.
//!
//! An honest member draws a new one for each challenge. So a challenge under old numbers whose riddle is
//! known was recorded and is played again, and one whose riddle is not may be of a member that forgot its
//! numbers.

use super::challenge::Riddle;

/// So many are known: those of a dozen starts of a mesh of 300. Eight bytes of each, 32 KiB.
const KNOWN: usize = 4_096;

/// The last riddles, whoever asked them. Of one that chooses its riddles it gets no answer itself.
#[derive(Debug)]
pub(super) struct Riddles {
    known: Box<[u64]>,
    next: usize,
}

impl Default for Riddles {
    fn default() -> Self {
        Self { known: vec![0; KNOWN].into_boxed_slice(), next: 0 }
    }
}

impl Riddles {
    pub(super) fn knows(&self, riddle: &Riddle) -> bool {
        self.known.contains(&tag(riddle))
    }

    pub(super) fn note(&mut self, riddle: &Riddle) {
        if let Some(oldest) = self.known.get_mut(self.next) {
            *oldest = tag(riddle);
        }
        self.next = self.next.saturating_add(1) % KNOWN;
    }
}

/// None is 0, which stands for no riddle.
fn tag(riddle: &Riddle) -> u64 {
    riddle.first_chunk().map_or(1, |bytes| u64::from_le_bytes(*bytes).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn riddle(number: usize) -> Riddle {
        let mut riddle = [0; 16];
        riddle[..8].copy_from_slice(&(number as u64).to_le_bytes());
        riddle
    }

    #[test]
    fn the_last_are_known_and_the_oldest_goes_first() {
        let mut riddles = Riddles::default();
        assert!(!riddles.knows(&riddle(0)));
        (0..=KNOWN).for_each(|number| riddles.note(&riddle(number + 2)));
        assert!(!riddles.knows(&riddle(2)));
        assert!((1..=KNOWN).all(|number| riddles.knows(&riddle(number + 2))));
    }
}
