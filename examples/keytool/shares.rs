//! The key of a backup, split and put together again.

use super::Failure;
use super::args::Options;

#[cfg(not(feature = "shamir"))]
pub(crate) fn split(_: &Options) -> Result<String, Failure> {
    Err(not_built())
}

#[cfg(not(feature = "shamir"))]
pub(crate) fn combine(_: &Options) -> Result<String, Failure> {
    Err(not_built())
}

#[cfg(not(feature = "shamir"))]
fn not_built() -> Failure {
    Failure::asked("This keytool was built without shares: cargo run --features shamir ...")
}

#[cfg(feature = "shamir")]
pub(crate) use with::{combine, split};

#[cfg(feature = "shamir")]
mod with {
    use std::fmt::Write;

    use meshward::OsEntropy;
    use meshward::keyring::backup::{BackupContents, BackupDirectory, Retention, Sealer, Share};
    use zeroize::Zeroizing;

    use super::super::backups::{described, require_newest};
    use super::super::keys::refused;
    use super::super::{files, passphrase};
    use super::{Failure, Options};

    /// Longer than any share's text.
    const LONGEST: usize = 64 * 1024;

    pub(crate) fn split(options: &Options) -> Result<String, Failure> {
        let (path, _) = options.backup()?;
        let (threshold, dealt, out) = (options.threshold()?, options.shares()?, options.out()?);
        let found = files::backup(path)?;
        let passphrase = passphrase::of(options)?;
        let shares = found.split(&passphrase, threshold, dealt, &OsEntropy).map_err(refused)?;
        files::directory(out)?;
        let mut told = String::new();
        for share in &shares {
            let path = out.join(format!("share-{}.txt", share.number()));
            let mut text = Zeroizing::new(share.to_text().to_string());
            text.push('\n');
            files::write_new(&path, text.as_bytes())?;
            let _infallible = writeln!(told, "share {}   {}", share.number(), path.display());
        }
        let _infallible =
            writeln!(told, "Any {threshold} of them open this backup, and no other. Part them.");
        Ok(told)
    }

    pub(crate) fn combine(options: &Options) -> Result<String, Failure> {
        let (path, given) = options.backup()?;
        let (directory, cost) = (options.backups()?, options.cost()?);
        let found = files::backup(path)?;
        if !options.older {
            require_newest(directory, path, found.owner())?;
        }
        let mut shares = Vec::new();
        for path in given {
            let bytes = files::read(path, LONGEST)?;
            let text = std::str::from_utf8(&bytes).unwrap_or_default();
            let share = Share::from_text(text)
                .map_err(|error| Failure::refused(format!("{}: {error}.", path.display())))?;
            shares.push(share);
        }
        let contents = BackupContents::open_with_shares(&found, &shares).map_err(refused)?;
        let passphrase = &passphrase::new(options)?;
        let directory = BackupDirectory::new(directory, contents.owner(), Retention::default());
        let (now, entropy) = (files::now(), &OsEntropy);
        let sealer = Sealer { directory: &directory, passphrase, cost, now, entropy };
        let name = sealer.seal(&contents).map_err(refused)?;
        let mut told = described(&contents);
        let _infallible = writeln!(told, "backup    {}", directory.path_of(&name).display());
        told.push_str("It is sealed under the new passphrase.\n");
        Ok(told)
    }
}
