//! Meshes of several sizes, as Markdown.

use std::fmt::Write;

use meshward::Suite;

use super::measured::Measured;
use super::model::{Cost, MIB, Mesh};

/// # Errors
/// As for [`Mesh::cost`].
pub(crate) fn of(measured: &Measured) -> Result<String, String> {
    let mut text = "\
| nodes | a beacon each | of a core: ML-DSA-65 | Dilithium3 | memory: ML-DSA-65 | Dilithium3 | in, and as much out |\n\
|---|---|---|---|---|---|---|\n"
        .to_owned();
    for members in [10, 100, 1_000] {
        for beacon_ms in [1_000, 10_000] {
            let of = |suite| Mesh { members, beacon_ms, suite, ..Mesh::default() }.cost(measured);
            let costs = [of(Suite::MlDsa65)?, of(Suite::Dilithium3)?];
            let [first, second] =
                costs.map(|Cost { processor, .. }| format!("{} %", figure(processor * 100.0)));
            let [third, fourth] =
                costs.map(|Cost { memory, .. }| format!("{} MiB", figure(memory / MIB)));
            // Signatures of both suites are of one length.
            let [bandwidth, _] = costs.map(|Cost { bandwidth, .. }| figure(bandwidth / 1e6));
            let row = [first, second, third, fourth, format!("{bandwidth} MB/s")].join(" | ");
            writeln!(text, "| {members} | {} s | {row} |", beacon_ms / 1_000)
                .map_err(|error| error.to_string())?;
        }
    }
    Ok(text)
}

/// The first two figures.
fn figure(value: f64) -> String {
    match value {
        small if small < 0.1 => format!("{value:.3}"),
        small if small < 1.0 => format!("{value:.2}"),
        middle if middle < 10.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
