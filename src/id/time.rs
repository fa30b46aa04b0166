//! Two kinds of time that are never compared with each other.

use serde::{Deserialize, Serialize};

/// A point on the caller's monotonic clock, in milliseconds since an instant of the caller's
/// choice. Every decision about time is made on it; wall clocks decide nothing.
///
/// A caller whose clock goes back anyway harms nobody: durations are taken saturating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(pub u64);

impl Millis {
    /// Milliseconds from `earlier` to here, 0 if `earlier` is later.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The point `millis` milliseconds on, at most the largest that can be told.
    pub const fn after(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

/// The origin's monotonic milliseconds since its boot, as it signed them. Meaningful only beside
/// another statement of the same origin and boot; there is no conversion to [`Millis`].
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct SentAt(pub u64);
