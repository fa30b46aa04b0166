//! Which backups are kept.

use super::{BackupError, BackupName};

/// How many backups are kept, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    max_backups: usize,
    keep_for: Option<u64>,
}

impl Retention {
    /// Keeps the newest `max_backups` (1 to 1000), and of those only the ones that are at most
    /// `keep_for` milliseconds old. The newest is kept whatever its age.
    ///
    /// # Errors
    ///
    /// [`BackupError::OutOfRange`].
    pub fn new(max_backups: usize, keep_for: Option<u64>) -> Result<Self, BackupError> {
        if !(1..=1000).contains(&max_backups) {
            return Err(BackupError::OutOfRange {
                what: "a number of backups to keep",
                found: u64::try_from(max_backups).unwrap_or(u64::MAX),
                range: "1 to 1000",
            });
        }
        Ok(Self { max_backups, keep_for })
    }

    /// Those of `names`, the oldest first, that are to go. A clock that went back keeps more.
    pub(super) fn outdated<'a>(
        &self,
        names: &'a [BackupName],
        now: u64,
    ) -> impl Iterator<Item = &'a BackupName> {
        let Self { max_backups, keep_for } = *self;
        let newer = names.iter().rev().enumerate().skip(1);
        newer.filter_map(move |(newer, name)| {
            let age = now.saturating_sub(name.created_at());
            (newer >= max_backups || keep_for.is_some_and(|most| age > most)).then_some(name)
        })
    }
}

/// Ten, however old.
impl Default for Retention {
    fn default() -> Self {
        Self { max_backups: 10, keep_for: None }
    }
}
