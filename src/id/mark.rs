//! The orders that statements stand in: key epochs, nonces, marks, views.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Names one key of a member. Recovery outranks every operational rotation before it, so the two
/// counts are compared in this order.
///
/// The upper 8 bits of the operational count tell how often the quorum gave the member another key since
/// its last recovery, the lower 24 how often that key was rotated. So what the quorum gives outranks every
/// rotation of a key before it, and a recovery outranks both.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Epoch {
    /// How often the member's keys were recovered.
    pub recovery: u32,
    /// How often the operational key was rotated since, and the quorum replaced it.
    pub operational: u32,
}

/// Where the count of replacements begins in an operational count.
const REPLACEMENT: u32 = 1 << 24;

impl Epoch {
    /// The epoch of the key that a member joins with.
    pub const FIRST: Self = Self { recovery: 0, operational: 0 };

    /// The epoch that an operational rotation leads to; `None` when the count is exhausted.
    pub fn next_operational(self) -> Option<Self> {
        let operational = self.operational.checked_add(1)?;
        let next = Self { operational, ..self };
        (next.line() == self.line()).then_some(next)
    }

    /// The epoch of the key that the quorum gives a member in the place of the one of this epoch; `None`
    /// when it has done so 255 times since the last recovery.
    pub fn next_replacement(self) -> Option<Self> {
        let operational = (self.operational / REPLACEMENT).checked_add(1)?;
        Some(Self { operational: operational.checked_mul(REPLACEMENT)?, ..self })
    }

    /// Tells apart the keys that rotations do not lead to from one another: the recoveries and the
    /// replacements before it, greater when it outranks.
    pub(crate) const fn line(self) -> (u32, u32) {
        (self.recovery, self.operational / REPLACEMENT)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.recovery, self.operational)
    }
}

/// A message's number under one key: 64 bits, never used twice.
///
/// The boot counter is made durable once per start, before the first signature; the sequence
/// counts within that boot. So no write is needed per message and a restart cannot reuse a number.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Nonce {
    /// Which start of the host.
    pub boot: u32,
    /// Which message of that start.
    pub sequence: u32,
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.boot, self.sequence)
    }
}

/// How far a member has been heard: epoch and nonce of its newest signed header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mark {
    /// The key epoch of that header.
    pub epoch: Epoch,
    /// Its nonce.
    pub nonce: Nonce,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.nonce)
    }
}

/// Numbers the views of one mesh, from 0 for the genesis view.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct ViewNumber(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_outranks_operation_and_boot_outranks_sequence() {
        let late = Epoch { recovery: 0, operational: u32::MAX };
        let recovered = Epoch { recovery: 1, operational: 0 };
        assert!(recovered > late);
        assert_eq!(late.next_operational(), None);
        // Rotations do not reach what the quorum gives.
        let last = Epoch { recovery: 2, operational: (1 << 24) - 1 };
        assert_eq!(last.next_operational(), None);
        let replaced = Epoch { recovery: 2, operational: 1 << 24 };
        assert_eq!(last.next_replacement(), Some(replaced));
        assert_eq!(Epoch { recovery: 2, operational: 0 }.next_replacement(), Some(replaced));
        let again = Epoch { recovery: 2, operational: 2 << 24 };
        assert_eq!(replaced.next_operational().unwrap().next_replacement(), Some(again));
        let end = Epoch { recovery: 2, operational: 255 << 24 };
        assert_eq!(end.next_replacement(), None);
        assert!(
            last.line() < replaced.line()
                && end.line() < Epoch { recovery: 3, operational: 0 }.line()
        );
        assert!(Nonce { boot: 2, sequence: 0 } > Nonce { boot: 1, sequence: u32::MAX });
    }
}
