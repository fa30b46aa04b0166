//! What is turned on, and for how many.

use std::fmt;

use serde::Serialize;

/// What is turned on in stages, each rule by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub enum Rule {
    /// What is said unsigned, or in a frame that is refused, is not taken. The cohort is of origins.
    Signatures,
    /// A report that no quorum certified is not acted on. The cohort is of those that reports are about.
    Quorum,
}

impl Rule {
    /// Every rule.
    pub const ALL: &'static [Self] = &[Self::Signatures, Self::Quorum];

    /// A short fixed name, fit for a metric's label. It is part of the format on disk.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signatures => "signatures",
            Self::Quorum => "quorum",
        }
    }
}

/// For how many of all nodes a rule is enforced, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub struct Stage(u8);

impl Stage {
    /// For nobody: all is checked and counted, and let through.
    pub const OBSERVE: Self = Self(0);
    /// For everybody.
    pub const ENFORCED: Self = Self(100);

    /// For `percent` of all nodes, 1 to 99; `None` for another number.
    pub const fn canary(percent: u8) -> Option<Self> {
        match percent {
            1..=99 => Some(Self(percent)),
            _ => None,
        }
    }

    /// For how many of all nodes, 0 to 100.
    pub const fn percent(self) -> u8 {
        self.0
    }

    /// The stage of a number that was stored.
    pub(super) const fn of_percent(percent: u8) -> Option<Self> {
        match percent {
            0..=100 => Some(Self(percent)),
            _ => None,
        }
    }

    /// The first place that is not in the cohort, 0 to 10 000.
    pub(super) fn share(self) -> u16 {
        u16::from(self.0).saturating_mul(100)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::OBSERVE => f.write_str("observe"),
            Self::ENFORCED => f.write_str("enforced"),
            Self(percent) => write!(f, "canary {percent} %"),
        }
    }
}
