//! The border to redb: how it is set up, and what its errors and panics become.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::{Builder, Database, Durability, WriteTransaction};

use crate::store::StoreError;
use crate::store::durable::directory::io_error;

/// Bytes that redb may keep of the file in memory (its own default is 1 GiB). Everything that a
/// node stores fits many times.
const CACHE_BYTES: usize = 1 << 20;

/// redb with the settings under which every store is made and opened.
pub(super) fn builder() -> Builder {
    let mut builder = Builder::new();
    // Without the check redb trusts a file that was closed cleanly, and may panic on a damaged
    // one or return what stands there. The file is small, so the full check costs little.
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    builder
}

/// A write transaction that is durable when its commit returns.
pub(super) fn begin_write(database: &Database) -> Result<WriteTransaction, redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    // A one-phase commit finds out after a crash by a checksum that is not cryptographic whether
    // it was complete; with two phases nothing hangs on that.
    transaction.set_two_phase_commit(true);
    Ok(transaction)
}

/// Calls into redb and translates what comes back, a panic included.
///
/// Why a panic is caught here: redb checks what it reads with assertions in places (more of them
/// in debug builds), and documents that a damaged file may make it panic. The file comes from
/// a disk that rots, so that would let a flipped bit take the host down. What is unwound
/// through stays consistent for us: redb drops an uncommitted transaction, and a store whose write
/// failed is closed for good. The panic hook still prints its message, and in a build with
/// `panic = "abort"` nothing can be caught.
pub(super) fn contain<T>(
    path: &Path,
    call: impl FnOnce() -> Result<T, redb::Error>,
) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|error| translate(path, error)),
        Err(panic) => {
            Err(damaged(path, format!("redb panicked on it: {}", panic_message(&*panic))))
        }
    }
}

/// The file at `path` is no intact store.
pub(super) fn damaged(path: &Path, reason: impl Into<String>) -> StoreError {
    StoreError::Damaged { path: path.to_path_buf(), reason: reason.into() }
}

fn translate(path: &Path, error: redb::Error) -> StoreError {
    match error {
        redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => {
            StoreError::InUse { path: path.parent().unwrap_or(path).to_path_buf() }
        }
        redb::Error::Corrupted(reason) => damaged(path, reason),
        error @ (redb::Error::UpgradeRequired(_)
        | redb::Error::RepairAborted
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableIsMultimap(_)
        | redb::Error::TypeDefinitionChanged { .. }
        | redb::Error::TableDoesNotExist(_)) => damaged(path, error.to_string()),
        redb::Error::Io(source) => match source.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                damaged(path, source.to_string())
            }
            _ => io_error(path, source),
        },
        error => StoreError::Failed { reason: error.to_string() },
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&'static str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_damaged_file_with_its_message() {
        let result = contain::<()>(Path::new("file"), || panic!("page {} is odd", 7));
        let Err(StoreError::Damaged { path, reason }) = result else { panic!("{result:?}") };
        assert_eq!(path, Path::new("file"));
        assert_eq!(reason, "redb panicked on it: page 7 is odd");
    }

    #[test]
    fn the_operating_systems_errors_keep_their_kind() {
        let full = redb::Error::Io(io::ErrorKind::StorageFull.into());
        let Err(StoreError::Io { source, .. }) = contain::<()>(Path::new("file"), || Err(full))
        else {
            panic!("not an Io error")
        };
        assert_eq!(source.kind(), io::ErrorKind::StorageFull);
    }
}
