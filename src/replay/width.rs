//! How far behind the newest message a late one may be.

use thiserror::Error;

/// Why a number is no window width.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WindowWidthError {
    /// The number is outside 64..=65536.
    #[error("a replay window spans 64 to 65536 sequences, not {found}")]
    Range {
        /// The number.
        found: u32,
    },
    /// The number is no multiple of 64.
    #[error("the width of a replay window is a multiple of 64, {found} is not")]
    Multiple {
        /// The number.
        found: u32,
    },
}

/// How many sequences a [`ReplayWindow`](crate::replay::ReplayWindow) spans, the newest included:
/// a multiple of 64 in 64..=65536.
///
/// Whatever a network reorders by more than this is lost. The default, 1024, is what an origin
/// sends in ten seconds at a hundred messages a second. A window costs one bit a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowWidth(u32);

impl WindowWidth {
    /// Checks `sequences`.
    ///
    /// # Errors
    ///
    /// When it is not in 64..=65536 or no multiple of 64.
    pub const fn new(sequences: u32) -> Result<Self, WindowWidthError> {
        if sequences < 64 || sequences > 65_536 {
            return Err(WindowWidthError::Range { found: sequences });
        }
        if !sequences.is_multiple_of(64) {
            return Err(WindowWidthError::Multiple { found: sequences });
        }
        Ok(Self(sequences))
    }

    /// The number of sequences.
    pub const fn sequences(self) -> u32 {
        self.0
    }
}

impl Default for WindowWidth {
    fn default() -> Self {
        Self(1024)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_the_range() {
        assert_eq!(WindowWidth::new(64).map(WindowWidth::sequences), Ok(64));
        assert_eq!(WindowWidth::new(65_536).map(WindowWidth::sequences), Ok(65_536));
        assert_eq!(WindowWidth::new(0), Err(WindowWidthError::Range { found: 0 }));
        assert_eq!(WindowWidth::new(65_600), Err(WindowWidthError::Range { found: 65_600 }));
        assert_eq!(WindowWidth::new(100), Err(WindowWidthError::Multiple { found: 100 }));
        assert_eq!(
            WindowWidth::new(WindowWidth::default().sequences()),
            Ok(WindowWidth::default())
        );
    }
}
