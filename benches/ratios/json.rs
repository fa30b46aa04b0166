//! What was measured, as JSON.

use std::collections::BTreeMap;
use std::path::Path;

use meshward::Suite;
use serde::Serialize;

use crate::Outcome;

/// What one thing of each sort takes here.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Measured {
    machine: String,
    suites: BTreeMap<&'static str, OfSuite>,
    /// One tick with 1000 members.
    pub(crate) tick_1000_us: f64,
    /// What a node holds for each member, on the heap, beside expanded keys and retained headers.
    pub(crate) member_bytes: usize,
}

/// Microseconds.
#[derive(Debug, Default, Serialize)]
pub(crate) struct OfSuite {
    pub(crate) sign_us: f64,
    pub(crate) check_us: f64,
    pub(crate) sign_message_us: f64,
    pub(crate) admit_us: f64,
    pub(crate) duplicate_us: f64,
    pub(crate) attest_us: f64,
    pub(crate) certificate_67_us: f64,
}

impl Measured {
    pub(crate) fn of(&mut self, suite: Suite) -> &mut OfSuite {
        self.suites.entry(suite.name()).or_default()
    }

    /// Writes it down, with what machine this is.
    pub(crate) fn write(&mut self, path: &Path) -> Outcome<()> {
        self.machine = machine();
        let text = serde_json::to_string_pretty(self)?;
        Ok(std::fs::write(path, text + "\n")?)
    }
}

/// Its processor, as far as the system tells, and how many cores of it there are.
pub(crate) fn machine() -> String {
    let told = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = told.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == "model name").then(|| value.trim().to_string())
    });
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{}, {cores} cores", model.unwrap_or_else(|| std::env::consts::ARCH.to_string()))
}
