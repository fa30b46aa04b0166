//! A store that survives a crash of the host.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, TableError};
use zeroize::Zeroizing;

use crate::store::contract::Entry;
use crate::store::durable::backend::Backend;
use crate::store::durable::directory::{Directory, io_error};
use crate::store::durable::engine::{begin_write, builder, contain, damaged};
use crate::store::{Batch, Change, EntryKind, Files, OsFiles, Store, StoreError, Table};

/// The newest format of the file that this release reads and writes.
const FORMAT: u32 = 1;
const FORMAT_KEY: &str = "format";
/// Ours alone: no [`Table`] has this name, so that no batch can change the format.
const FORMAT_TABLE: TableDefinition<'static, &str, u32> = TableDefinition::new("meshward");

type BytesTable = TableDefinition<'static, &'static [u8], &'static [u8]>;

const fn definition(table: Table) -> BytesTable {
    TableDefinition::new(table.name())
}

/// A store in one file, on [redb](https://docs.rs/redb).
///
/// A batch is committed in two phases, each synced to the disk, before `apply` returns. What a disk
/// claims to have synced and has not is beyond us.
///
/// The directory belongs to one store and one process at a time. It holds `meshward.redb`,
/// `meshward.lock` and, for the moment of its creation, `meshward.redb.new`.
///
/// After an `apply` that failed nobody knows what reached the disk, so the store then refuses every
/// call until it is dropped and opened again.
///
/// # What it does not protect from
///
/// - Secrets lie in the file as they are given (encrypt the disk, or the values), and a value that
///   was replaced or deleted stays in free pages until they are used again. redb's cache of up to
///   1 MiB is not wiped either.
/// - Whoever can write the file can restore an older copy of it. Where that can happen, the host
///   must say that its disk can be rolled back.
/// - One bit of the file has no checksum: the one by which redb tells the current of its last two
///   states. If it flips after a kill (not after a clean close, where both states have the same
///   content), the last batch is gone unnoticed.
pub struct DurableStore {
    /// `None` after a write failed. Declared before `directory`: the file is closed first, then
    /// the directory unlocked.
    database: RwLock<Option<Database>>,
    file: PathBuf,
    directory: Directory,
}

impl DurableStore {
    /// Opens the store in `directory`, and creates both when they are absent (on Unix with modes
    /// 0700 and 0600; what exists keeps its mode). A kill during the creation leaves no store or a
    /// good one. The whole file is checked: this takes time linear in its size.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] when somebody has it open, [`StoreError::Damaged`] when the file is
    /// not an intact store (an empty file is not one), [`StoreError::NewerFormat`] when a newer
    /// release wrote it, [`StoreError::Io`] and [`StoreError::Failed`] otherwise. None of them
    /// replaces the file.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Self::open_over(Arc::new(OsFiles), directory)
    }

    /// The same over other files than the operating system's: a test stands a faulty disk under
    /// the store.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn open_over(files: Arc<dyn Files>, directory: &Path) -> Result<Self, StoreError> {
        let directory = Directory::open(files, directory)?;
        let kind = match directory.file_kind()? {
            None => {
                create(&directory)?;
                EntryKind::File
            }
            Some(kind) => kind,
        };
        let file = directory.file();
        if kind != EntryKind::File {
            return Err(damaged(&file, "it is not a regular file"));
        }
        let database = open_file(&directory, &file)?;
        Ok(Self { database: RwLock::new(Some(database)), file, directory })
    }

    fn read<T>(
        &self,
        call: impl FnOnce(&Database) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        let database = self.database.read();
        let database = database.as_ref().ok_or_else(closed)?;
        contain(&self.file, || call(database))
    }
}

impl Store for DurableStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        self.read(|database| {
            let table = match database.begin_read()?.open_table(definition(table)) {
                Err(TableError::TableDoesNotExist(_)) => return Ok(None),
                table => table?,
            };
            Ok(table.get(key)?.map(|value| Zeroizing::new(value.value().to_vec())))
        })
    }

    fn scan(&self, table: Table) -> Result<Vec<Entry>, StoreError> {
        self.read(|database| {
            let table = match database.begin_read()?.open_table(definition(table)) {
                Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
                table => table?,
            };
            let entries = table.iter()?.map(|entry| {
                let (key, value) = entry?;
                Ok((key.value().to_vec(), Zeroizing::new(value.value().to_vec())))
            });
            entries.collect()
        })
    }

    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        let applied = self.read(|database| {
            // Nothing to make durable, so no reason to wait for the disk.
            if batch.is_empty() { Ok(()) } else { write(database, batch) }
        });
        if applied.is_err() {
            // Also closes the file, and an error in that tells nothing new.
            let _ = close(&self.file, self.database.write().take());
        }
        applied
    }

    fn survives_restart(&self) -> bool {
        true
    }
}

impl Drop for DurableStore {
    fn drop(&mut self) {
        // Everything acknowledged is on the disk already; an unclean close costs a repair at the
        // next open. But a panic of redb must not come out of a drop.
        let _ = close(&self.file, self.database.get_mut().take());
    }
}

/// Prints the directory only.
impl std::fmt::Debug for DurableStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DurableStore").field(&self.directory.path()).finish()
    }
}

fn closed() -> StoreError {
    StoreError::Failed { reason: "an earlier write failed; open the store again".to_owned() }
}

fn close(file: &Path, database: Option<Database>) -> Result<(), StoreError> {
    contain(file, || database.map_or(Ok(()), |database| Ok(database.close()?)))
}

fn write(database: &Database, batch: &Batch) -> Result<(), redb::Error> {
    let transaction = begin_write(database)?;
    for change in batch.changes() {
        match change {
            Change::Put { table, key, value } => {
                let mut table = transaction.open_table(definition(*table))?;
                table.insert(key.as_slice(), value.as_slice())?;
            }
            Change::Delete { table, key } => {
                transaction.open_table(definition(*table))?.remove(key.as_slice())?;
            }
        }
    }
    Ok(transaction.commit()?)
}

/// Makes a store that is complete before it has its name.
fn create(directory: &Directory) -> Result<(), StoreError> {
    let file = directory.start_file()?;
    contain(&directory.unfinished_file(), || {
        let database = builder().create_with_backend(Backend(file))?;
        let transaction = begin_write(&database)?;
        transaction.open_table(FORMAT_TABLE)?.insert(FORMAT_KEY, FORMAT)?;
        transaction.commit()?;
        Ok(database.close()?)
    })?;
    directory.finish_file()
}

/// Opens a file that exists, and lets only a store of a known format through.
fn open_file(directory: &Directory, file: &Path) -> Result<Database, StoreError> {
    let opened = directory.open_file()?;
    // redb would make an empty file a new database. Any other that is not one it refuses.
    if opened.length().map_err(|source| io_error(file, source))? == 0 {
        return Err(damaged(file, "it is empty"));
    }
    let (database, format) = contain(file, || {
        let database = builder().create_with_backend(Backend(opened))?;
        let format = match database.begin_read()?.open_table(FORMAT_TABLE) {
            Err(TableError::TableDoesNotExist(_)) => None,
            table => table?.get(FORMAT_KEY)?.map(|format| format.value()),
        };
        Ok((database, format))
    })?;
    let refusal = match format {
        Some(FORMAT) => return Ok(database),
        Some(found) if found > FORMAT => {
            StoreError::NewerFormat { path: file.to_path_buf(), found, known: FORMAT }
        }
        Some(found) => damaged(file, format!("there is no format {found}")),
        None => damaged(file, "it does not name its format"),
    };
    let _ = close(file, Some(database));
    Err(refusal)
}
