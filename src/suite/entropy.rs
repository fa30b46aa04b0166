//! Where random bytes come from.

use std::fmt;

use rand::TryRng;
use rand::rngs::SysRng;
use thiserror::Error;

/// A source of cryptographically secure random bytes, given by the host.
///
/// Whoever can predict what it gives can compute the keys made from it.
pub trait Entropy: std::fmt::Debug + Send + Sync {
    /// Fills all of `bytes`.
    ///
    /// # Errors
    ///
    /// [`EntropyError`] if it cannot; `bytes` is then not to be used.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError>;
}

/// The entropy source gave no bytes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the entropy source failed: {reason}")]
pub struct EntropyError {
    reason: String,
}

impl EntropyError {
    /// With the source's own account of what went wrong.
    pub fn new(reason: impl fmt::Display) -> Self {
        Self { reason: reason.to_string() }
    }
}

/// The operating system's random number generator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        SysRng.try_fill_bytes(bytes).map_err(EntropyError::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_fills_every_byte() {
        let mut seen = [false; 64];
        // A byte that is never filled stays 0 each time; a filled one does so once in 256.
        for _ in 0..64 {
            let mut bytes = [0; 64];
            OsEntropy.fill(&mut bytes).unwrap();
            seen.iter_mut().zip(bytes).for_each(|(seen, byte)| *seen |= byte != 0);
        }
        assert!(seen.iter().all(|seen| *seen));
    }

    #[test]
    fn a_failure_is_told() {
        let error = EntropyError::new("no device");
        assert_eq!(error.to_string(), "the entropy source failed: no device");
    }
}
