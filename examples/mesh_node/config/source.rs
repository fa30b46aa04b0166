//! The text of a configuration, and where in it something stands.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::super::Failure;

/// The longest configuration, in bytes.
const MOST: usize = 1024 * 1024;

/// A configuration as it was read.
pub(super) struct Source {
    path: PathBuf,
    pub(super) text: String,
}

impl Source {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = read(path, MOST)
            .map_err(|error| Failure::asked(format!("{}: {error}.", path.display())))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let good = error.utf8_error().valid_up_to();
            let line = line(error.as_bytes(), good);
            Failure::asked(format!("{}:{line}: this is no UTF-8.", path.display()))
        })?;
        Ok(Self { path: path.to_path_buf(), text })
    }

    /// What is wrong there. One line, whatever the file has in it.
    pub(super) fn wrong(&self, at: &Range<usize>, sentence: impl fmt::Display) -> Failure {
        let sentence = sentence.to_string();
        let sentence = sentence.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        let line = line(self.text.as_bytes(), at.start);
        Failure::asked(format!("{}:{line}: {sentence}.", self.path.display()))
    }

    /// A path that the file names.
    pub(super) fn path(&self, named: &Path) -> PathBuf {
        self.path.parent().map_or_else(|| named.to_path_buf(), |parent| parent.join(named))
    }
}

/// Reads a file of at most `limit` bytes.
pub(super) fn read(path: &Path, limit: usize) -> std::io::Result<Vec<u8>> {
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(std::io::Error::other(format!("it is longer than {limit} bytes")));
    }
    Ok(bytes)
}

/// The same, of a secret: nobody else on this host may have read it.
pub(super) fn read_secret(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, String> {
    let bytes = read(path, limit).map(Zeroizing::new).map_err(|error| error.to_string())?;
    match is_open_to_others(path) {
        true => Err("other users can read it; `chmod 600` it, or make another".to_owned()),
        false => Ok(bytes),
    }
}

#[cfg(unix)]
fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}

/// The number of the line in which the byte at `at` stands, from 1.
fn line(text: &[u8], at: usize) -> usize {
    text.iter().take(at).filter(|byte| **byte == b'\n').count().saturating_add(1)
}
