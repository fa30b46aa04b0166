//! The score itself: a fixed-point number, so that no decision hangs on a float.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Standing in parts per million, 0..=1000000. 1.0 is neutral and best, 0.0 is worst.
///
/// Serialized as the number of parts per million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "u32")]
pub struct Reputation(u32);

/// More than a million parts count as a million.
impl From<u32> for Reputation {
    fn from(ppm: u32) -> Self {
        Self::from_ppm(ppm)
    }
}

impl Reputation {
    /// 1.0: no proven offence, or long enough ago.
    pub const FULL: Self = Self(1_000_000);

    /// 0.0: it cannot get worse.
    pub const ZERO: Self = Self(0);

    /// So many parts per million; more than a million count as a million.
    pub const fn from_ppm(ppm: u32) -> Self {
        if ppm > Self::FULL.0 { Self::FULL } else { Self(ppm) }
    }

    /// Parts per million, 0..=1000000.
    pub const fn as_ppm(self) -> u32 {
        self.0
    }

    /// 0.0..=1.0, for display and metrics. Decisions are made on [`as_ppm`](Self::as_ppm).
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / f64::from(Self::FULL.0)
    }

    pub(super) const fn raised(self, by: Self) -> Self {
        Self::from_ppm(self.0.saturating_add(by.0))
    }

    pub(super) const fn lowered(self, by: Self) -> Self {
        Self(self.0.saturating_sub(by.0))
    }
}

/// Three decimals, rounded down: `0.873`.
impl fmt::Display for Reputation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / Self::FULL.0, self.0 % Self::FULL.0 / 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_rounded_down() {
        assert_eq!(Reputation::from_ppm(873_999).to_string(), "0.873");
        assert_eq!(Reputation::from_ppm(999_999).to_string(), "0.999");
        assert_eq!(Reputation::FULL.to_string(), "1.000");
        assert_eq!(Reputation::from_ppm(7_000).to_string(), "0.007");
    }

    #[test]
    fn stays_between_zero_and_full() {
        assert_eq!(Reputation::from_ppm(u32::MAX), Reputation::FULL);
        assert_eq!(Reputation::FULL.raised(Reputation::FULL), Reputation::FULL);
        assert_eq!(Reputation::ZERO.lowered(Reputation::FULL), Reputation::ZERO);
        assert!((Reputation::from_ppm(250_000).as_f64() - 0.25).abs() < f64::EPSILON);
    }
}
