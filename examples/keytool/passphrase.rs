//! The passphrase: from a file, the environment, or a terminal that does not show it.

use std::env;
use std::ffi::OsString;
use std::io::{IsTerminal, stdin};

use meshward::keyring::backup::Passphrase;
use zeroize::Zeroizing;

use super::args::Options;
use super::{Failure, files};

const VARIABLE: &str = "MESHWARD_PASSPHRASE";
const LONGEST: usize = 4 * 1024;

/// The passphrase of a backup that is there.
pub(crate) fn of(options: &Options) -> Result<Passphrase, Failure> {
    read(options, false)
}

/// The passphrase of a backup that is to be made. At a terminal it is asked for twice.
pub(crate) fn new(options: &Options) -> Result<Passphrase, Failure> {
    read(options, true)
}

fn read(options: &Options, is_new: bool) -> Result<Passphrase, Failure> {
    let bytes = if let Some(path) = &options.passphrase_file {
        let bytes = files::read(path, LONGEST)?;
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        Zeroizing::new(line.strip_suffix(b"\r").unwrap_or(line).to_vec())
    } else if let Some(value) = env::var_os(VARIABLE) {
        Zeroizing::new(OsString::into_encoded_bytes(value))
    } else if stdin().is_terminal() {
        ask(is_new)?
    } else {
        return Err(Failure::asked(format!(
            "No passphrase, and no terminal to ask at: use --passphrase-file or {VARIABLE}."
        )));
    };
    Passphrase::new(bytes).map_err(|error| Failure::asked(format!("{error}.")))
}

fn ask(is_new: bool) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let typed = |prompt: &str| {
        let typed = rpassword::prompt_password(prompt);
        typed
            .map(|line| Zeroizing::new(line.into_bytes()))
            .map_err(|error| Failure::asked(format!("The terminal cannot be read: {error}.")))
    };
    let passphrase = typed(if is_new { "New passphrase: " } else { "Passphrase: " })?;
    if is_new && typed("The same again: ")? != passphrase {
        return Err(Failure::refused("The two passphrases differ."));
    }
    Ok(passphrase)
}
