//! What of a standing outlives a restart.

use serde::{Deserialize, Serialize};

use crate::reputation::{Offence, Reputation};

/// A standing as it is written down: durations and no points in time, since no clock goes on over a
/// restart. How long the restart took nobody knows, so it counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The score.
    pub score: Reputation,
    /// For how long it does not rise yet, in milliseconds: probation.
    pub probation_ms: u64,
    /// How long ago the last offence was, or the end of the last quarantine, in milliseconds.
    pub clean_ms: u64,
    /// Quarantines that are not forgotten, the current one included.
    pub times: u32,
    /// The quarantine that it is in.
    pub sentence: Option<Sentence>,
}

/// What is left of a quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// The offence that led to it.
    pub offence: Offence,
    /// How long it lasts yet, in milliseconds.
    pub left_ms: u64,
    /// The score that probation will begin with.
    pub then: Reputation,
}
