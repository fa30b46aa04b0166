//! Backups: a directory in which there is one, and what opens it.

use std::path::Path;

use meshward::keyring::backup::{BackupName, Passphrase};
use zeroize::Zeroizing;

use super::super::Failure;
use super::BackupSettings;
use super::source::{self, Source};
use super::tables::Backup;

/// The longest passphrase, and the end of its line.
const MOST_PASSPHRASE: usize = 4 * 1024;

pub(super) fn backup(source: &Source, written: &Backup) -> Result<BackupSettings, Failure> {
    let directory = source.path(written.directory.get_ref());
    require_one(&directory).map_err(|error| {
        let sentence = format!("directory {}: {error}", directory.display());
        source.wrong(&written.directory.span(), sentence)
    })?;
    let path = source.path(written.passphrase_file.get_ref());
    let passphrase = passphrase(&path).map_err(|error| {
        let sentence = format!("passphrase_file {}: {error}", path.display());
        source.wrong(&written.passphrase_file.span(), sentence)
    })?;
    Ok(BackupSettings { directory, passphrase })
}

/// Whose it is shows when the node starts.
fn require_one(directory: &Path) -> Result<(), String> {
    let files = std::fs::read_dir(directory).map_err(|error| error.to_string())?;
    let mut names = files.filter_map(|file| Some(file.ok()?.file_name()));
    let is_backup = |name: &str| name.parse::<BackupName>().is_ok();
    match names.any(|name| name.to_str().is_some_and(is_backup)) {
        true => Ok(()),
        false => Err("there is no backup in it; `keytool generate` makes the first".to_owned()),
    }
}

/// The first line, as `keytool` takes it.
fn passphrase(path: &Path) -> Result<Passphrase, String> {
    let bytes = source::read_secret(path, MOST_PASSPHRASE)?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Passphrase::new(Zeroizing::new(line.to_vec())).map_err(|error| error.to_string())
}
