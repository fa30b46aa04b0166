//! What is left of a run, for the example `certify` to check.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use meshward::View;

use crate::rotation;
use crate::seen::Seen;

/// Makes the directory, before a run is spent on it.
///
/// # Errors
/// A sentence; also about a directory that is not empty, in which old files would pass for new ones.
pub(crate) fn prepare(dir: &Path) -> Result<(), String> {
    let made = fs::create_dir_all(dir).and_then(|()| fs::read_dir(dir)?.next().transpose());
    match made.map_err(|error| format!("{} cannot be made: {error}", dir.display()))? {
        None => Ok(()),
        Some(_) => Err(format!("{} is not empty, so nothing is saved there", dir.display())),
    }
}

/// Writes the view with its members' key history, and every certificate and proof that a node told
/// of. Tells what was written.
///
/// # Errors
/// A sentence about what could not be written.
pub(crate) fn save(dir: &Path, view: &View, seen: &Seen) -> Result<String, String> {
    let history = rotation::history(view.clone(), seen).to_bytes().map_err(|e| e.to_string())?;
    write(dir, "mesh.view", &history)?;
    let certificates: BTreeSet<_> = seen.certified.iter().map(|one| &one.bytes).collect();
    for (number, certificate) in (1..).zip(&certificates) {
        write(dir, &format!("{number}.certificate"), certificate)?;
    }
    for (number, proof) in (1..).zip(&seen.proofs) {
        write(dir, &format!("{number}.proof"), proof)?;
    }
    let (dir, proofs) = (dir.display(), seen.proofs.len());
    let mut told =
        format!("Saved: the view, {} certificates, {proofs} proofs.", certificates.len());
    if !certificates.is_empty() || proofs > 0 {
        told += " To check them without the mesh:\n  cargo run --release --example certify --";
        told += &format!(" {dir}/mesh.view");
    }
    if !certificates.is_empty() {
        told += &format!(" {dir}/*.certificate");
    }
    if proofs > 0 {
        told += &format!(" {dir}/*.proof");
    }
    Ok(told)
}

fn write(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), String> {
    let path = dir.join(name);
    fs::write(&path, bytes).map_err(|error| format!("{} not written: {error}", path.display()))
}
