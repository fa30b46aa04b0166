//! What one thing of each sort takes on some machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use meshward::Suite;
use serde::Deserialize;

/// As `cargo bench --bench ratios -- --json FILE` writes it.
#[derive(Debug, Deserialize)]
pub(crate) struct Measured {
    pub(crate) machine: String,
    suites: BTreeMap<String, Times>,
    /// One tick with 1000 members, in microseconds.
    pub(crate) tick_1000_us: f64,
    /// What a node remembers of a member, in bytes, without signed headers and expanded keys.
    pub(crate) member_bytes: f64,
}

/// What the model needs of a suite's, in microseconds.
#[derive(Debug, Deserialize)]
pub(crate) struct Times {
    /// To sign a beacon.
    pub(crate) sign_message_us: f64,
    /// To take one that is new.
    pub(crate) admit_us: f64,
    /// To refuse one that was taken.
    pub(crate) duplicate_us: f64,
    /// To take an attestation.
    pub(crate) attest_us: f64,
}

/// What came with this program.
const DEFAULT: &str = include_str!("measured.json");

impl Measured {
    /// From `path`, or else what came with this program.
    ///
    /// # Errors
    /// A sentence about a file that cannot be read, or is none of these.
    pub(crate) fn read(path: Option<&Path>) -> Result<Self, String> {
        let Some(path) = path else {
            return serde_json::from_str(DEFAULT)
                .map_err(|error| format!("measured.json: {error}."));
        };
        let text = fs::read(path);
        let text = text.map_err(|error| format!("{} cannot be read: {error}.", path.display()))?;
        serde_json::from_slice(&text).map_err(|error| {
            format!("{} is no file of what was measured: {error}.", path.display())
        })
    }

    /// # Errors
    /// A sentence when the suite was not measured.
    pub(crate) fn of(&self, suite: Suite) -> Result<&Times, String> {
        let times = self.suites.get(suite.name());
        times.ok_or_else(|| format!("Nothing was measured of {suite}."))
    }
}
