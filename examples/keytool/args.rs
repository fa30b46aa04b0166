//! What can be asked for on the command line.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use lexopt::prelude::*;
use meshward::keyring::backup::KdfCost;
use meshward::{NodeId, Suite};

use super::Failure;

pub(crate) const HELP: &str = "\
Makes, shows, rotates, backs up and takes back the keys of a node.

Usage: cargo run --release --example keytool -- COMMAND [OPTIONS]

  generate  --store DIR --backups DIR [--node ID] [--suite SUITE]
            makes an identity, and its first backup, which alone has its recovery key
  show      --store DIR [--member FILE [--name NAME]]
            says whose keys these are; writes the public half, for the mesh's view
  view      --out FILE MEMBER...
            brings the public halves of all members together: the mesh's first view
  backup    --store DIR --view FILE --backups DIR
            makes a backup, with the recovery key of the one before; do it after each rotation
  verify    BACKUP [--store DIR]
            opens a backup, checks all that is in it, and whether it is that of the store's keys
  rotate    --store DIR --view FILE [--suite SUITE] [--compromised]
            goes on to the next key; the node says so when it starts
  restore   BACKUP --store DIR [--backups DIR] [--node ID] [--view FILE] [--suite SUITE] [--older]
            takes the identity back into an empty store, with new keys, and makes a backup of them
  split     BACKUP --threshold M --shares N --out DIR
            splits the backup's key: any M of N shares open it without its passphrase
  combine   BACKUP --backups DIR SHARE...
            opens a backup with shares, and seals what is in it under a new passphrase

Options:
  --store DIR            the node's store; the node must not be running
  --backups DIR          where backups lie, the newest ten of each node. restore: where the new one goes
                         [default: beside the one that is restored]
  --view FILE            the mesh's view, as `view` or KeyHistory wrote it. restore: needed for a backup
                         from before there was one
  --node ID              64 hexadecimal digits. generate: [default: drawn at random]; restore: refuse any
                         other node's backup
  --suite SUITE          dilithium3 or ml-dsa-65 [default: the newest; rotate, restore: the one in use]
  --compromised          the key in use may be in other hands: it ends at once, without grace
  --older                take this backup although the directory has a newer one of the node
  --passphrase-file F    the first line of F is the passphrase
  --memory-kib N         what one guess at a new backup's passphrase costs, in KiB [default: 65536]; less
                         is for tests
  --help                 this text

The passphrase (8 bytes or more) comes from --passphrase-file, else from the environment variable
MESHWARD_PASSPHRASE, else it is asked for at the terminal; never from the command line, which every
process on this host can read. Files are written for their owner alone (mode 0600). split and combine
need a build with `--features shamir`.

Exit code: 0 if it was done and everything holds; 1 if it was refused; 2 for a wrong option or a file that
cannot be read or written.
";

/// What to do.
#[derive(Debug)]
pub(crate) enum Asked {
    Help,
    Generate(Options),
    View(Options),
    Show(Options),
    Rotate(Options),
    Backup(Options),
    Restore(Options),
    Verify(Options),
    Split(Options),
    Combine(Options),
}

/// With what.
#[derive(Debug, Default)]
pub(crate) struct Options {
    store: Option<PathBuf>,
    backups: Option<PathBuf>,
    out: Option<PathBuf>,
    view: Option<PathBuf>,
    pub(crate) member: Option<PathBuf>,
    pub(crate) name: Option<String>,
    pub(crate) node: Option<NodeId>,
    pub(crate) suite: Option<Suite>,
    pub(crate) compromised: bool,
    pub(crate) older: bool,
    pub(crate) passphrase_file: Option<PathBuf>,
    memory_kib: Option<u32>,
    threshold: Option<u8>,
    shares: Option<u8>,
    /// What stands without an option.
    pub(crate) files: Vec<PathBuf>,
}

impl Options {
    pub(crate) fn store(&self) -> Result<&Path, Failure> {
        given(self.store.as_deref(), "--store DIR")
    }

    pub(crate) const fn maybe_store(&self) -> Option<&PathBuf> {
        self.store.as_ref()
    }

    pub(crate) fn backups(&self) -> Result<&Path, Failure> {
        given(self.backups.as_deref(), "--backups DIR")
    }

    pub(crate) const fn maybe_backups(&self) -> Option<&PathBuf> {
        self.backups.as_ref()
    }

    pub(crate) fn out(&self) -> Result<&Path, Failure> {
        given(self.out.as_deref(), "--out")
    }

    pub(crate) fn view(&self) -> Result<&Path, Failure> {
        given(self.view.as_deref(), "--view FILE")
    }

    pub(crate) const fn maybe_view(&self) -> Option<&PathBuf> {
        self.view.as_ref()
    }

    #[cfg_attr(not(feature = "shamir"), expect(dead_code, reason = "split alone asks for it"))]
    pub(crate) fn threshold(&self) -> Result<u8, Failure> {
        given(self.threshold, "--threshold M")
    }

    #[cfg_attr(not(feature = "shamir"), expect(dead_code, reason = "split alone asks for it"))]
    pub(crate) fn shares(&self) -> Result<u8, Failure> {
        given(self.shares, "--shares N")
    }

    /// The backup to work on, and what stands behind it.
    pub(crate) fn backup(&self) -> Result<(&Path, &[PathBuf]), Failure> {
        let (first, rest) = given(self.files.split_first(), "a backup")?;
        Ok((first, rest))
    }

    pub(crate) fn cost(&self) -> Result<KdfCost, Failure> {
        let normal = KdfCost::DEFAULT;
        let kib = self.memory_kib.unwrap_or(normal.memory_kib());
        let lanes = normal.lanes().min(kib / 8).max(1);
        KdfCost::new(kib, normal.passes(), lanes)
            .map_err(|error| Failure::asked(format!("--memory-kib does not fit: {error}.")))
    }
}

fn given<T>(found: Option<T>, what: &str) -> Result<T, Failure> {
    found.ok_or_else(|| Failure::asked(format!("{what} is needed; see --help.")))
}

/// Reads the arguments after the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Asked, Failure> {
    let mut args = lexopt::Parser::from_args(args);
    let mut options = Options::default();
    let mut command = None;
    while let Some(arg) = args.next().map_err(sentence)? {
        match arg {
            Long("help") | Short('h') => return Ok(Asked::Help),
            Long("store") => options.store = path(&mut args)?,
            Long("backups") => options.backups = path(&mut args)?,
            Long("out") => options.out = path(&mut args)?,
            Long("view") => options.view = path(&mut args)?,
            Long("member") => options.member = path(&mut args)?,
            Long("passphrase-file") => options.passphrase_file = path(&mut args)?,
            Long("name") => options.name = Some(value("--name", args.value())?),
            Long("node") => options.node = Some(value("--node", args.value())?),
            Long("suite") => options.suite = Some(value("--suite", args.value())?),
            Long("memory-kib") => options.memory_kib = Some(value("--memory-kib", args.value())?),
            Long("threshold") => options.threshold = Some(value("--threshold", args.value())?),
            Long("shares") => options.shares = Some(value("--shares", args.value())?),
            Long("compromised") => options.compromised = true,
            Long("older") => options.older = true,
            Value(word) if command.is_none() => command = Some(word),
            Value(file) => options.files.push(PathBuf::from(file)),
            // What follows it may be a secret, so it is not repeated.
            Long(name @ ("passphrase" | "password" | "key")) => {
                return Err(Failure::asked(format!(
                    "No secret is taken from the command line, so there is no --{name}; see --help."
                )));
            }
            other => return Err(sentence(other.unexpected())),
        }
    }
    let command = given(command, "A command")?;
    Ok(match command.to_str() {
        Some("generate") => Asked::Generate(options),
        Some("view") => Asked::View(options),
        Some("show") => Asked::Show(options),
        Some("rotate") => Asked::Rotate(options),
        Some("backup") => Asked::Backup(options),
        Some("restore") => Asked::Restore(options),
        Some("verify") => Asked::Verify(options),
        Some("split") => Asked::Split(options),
        Some("combine") => Asked::Combine(options),
        _ => {
            let command = command.to_string_lossy();
            let command = command.escape_debug();
            return Err(Failure::asked(format!("There is no command {command}; see --help.")));
        }
    })
}

fn path(args: &mut lexopt::Parser) -> Result<Option<PathBuf>, Failure> {
    args.value().map(|given| Some(PathBuf::from(given))).map_err(sentence)
}

fn value<T: FromStr>(name: &str, given: Result<OsString, lexopt::Error>) -> Result<T, Failure>
where
    T::Err: fmt::Display,
{
    let text = given.map_err(sentence)?.to_string_lossy().into_owned();
    text.parse().map_err(|error| Failure::asked(format!("{name} does not fit: {error}.")))
}

fn sentence(error: lexopt::Error) -> Failure {
    Failure::asked(format!("{error}; see --help."))
}
