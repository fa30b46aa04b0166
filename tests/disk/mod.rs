//! A disk in memory that loses power: what was written and not synced may be gone, in part too.
//!
//! Every step that changes it is counted, and it can stop at any of them. From then on it answers
//! nothing but errors, as a process finds that is no more, and [`Disk::after`] gives what a restart
//! finds.
//!
//! The model is the weakest disk that POSIX allows: a file's sync covers its content and length, never
//! its name; a directory's sync covers the names in it, never the contents; what is not synced may be
//! there or not, each on its own. Only a rename is whole.

mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use meshward::store::{Access, EntryKind, Files, OpenFile};
use parking_lot::Mutex;

pub(crate) use steps::{Loss, Step, Stop};

#[derive(Debug, Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => {
                let end = at + bytes.len();
                content.resize(content.len().max(end), 0);
                content[*at..end].copy_from_slice(bytes);
            }
            Self::Length(length) => content.resize(*length, 0),
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Content {
    seen: Vec<u8>,
    synced: Vec<u8>,
    unsynced: Vec<Change>,
}

/// A name stands for a directory or a file.
type Names = BTreeMap<PathBuf, Option<usize>>;

#[derive(Debug, Clone, Default)]
struct State {
    contents: Vec<Content>,
    seen: Names,
    synced: Names,
    locks: BTreeSet<usize>,
    steps: Vec<Step>,
    stop: Option<Stop>,
    stopped: bool,
    /// Flips a bit of whatever is written.
    rots: bool,
    ignores_directory_syncs: bool,
    /// What every file reads as that is opened to be read.
    stale: Option<usize>,
}

/// A disk; clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Disk(Arc<Mutex<State>>);

impl Disk {
    /// An empty disk.
    pub(crate) fn new() -> Self {
        let root: Names = [(PathBuf::from("/"), None)].into();
        Self::of(State { seen: root.clone(), synced: root, ..State::default() })
    }

    fn of(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    pub(crate) fn files(&self) -> Arc<dyn Files> {
        Arc::new(self.clone())
    }

    /// Another disk with the same on it, on which nothing was counted.
    pub(crate) fn copy(&self) -> Self {
        let state = self.0.lock().clone();
        Self::of(State { stop: None, steps: Vec::new(), locks: BTreeSet::new(), ..state })
    }

    /// Counts from here on, and stops at `stop`.
    pub(crate) fn stop_at(&self, stop: Option<Stop>) {
        let mut state = self.0.lock();
        (state.stop, state.steps) = (stop, Vec::new());
    }

    /// What a restart finds.
    pub(crate) fn after(&self, loss: Loss) -> Self {
        let mut state = self.0.lock().clone();
        if matches!(loss, Loss::Everything | Loss::Names) {
            // What lies in a directory whose own name is gone cannot be found.
            let synced = &state.synced;
            let found = |path: &&PathBuf| path.ancestors().all(|above| synced.contains_key(above));
            let found = synced.keys().filter(found).map(|path| (path.clone(), synced[path]));
            state.seen = found.collect();
        }
        for content in &mut state.contents {
            let unsynced = content.unsynced.iter().enumerate();
            let last = content.unsynced.len().saturating_sub(1);
            let kept = unsynced.filter(|(place, change)| match loss {
                Loss::Nothing | Loss::Names => true,
                Loss::Everything | Loss::Contents => false,
                // The length is the file system's own affair.
                _ if matches!(change, Change::Length(_)) => true,
                Loss::EveryOtherWrite => place % 2 == 0,
                Loss::AllButTheLastWrite => *place == last,
            });
            let mut seen = content.synced.clone();
            kept.for_each(|(_, change)| change.apply(&mut seen));
            content.seen = seen;
        }
        if loss != Loss::Nothing {
            // What is found after a loss of power is what is on the disk.
            state.synced = state.seen.clone();
            for content in &mut state.contents {
                content.synced = content.seen.clone();
                content.unsynced.clear();
            }
        }
        let fresh = State {
            stop: None,
            stopped: false,
            steps: Vec::new(),
            locks: BTreeSet::new(),
            ..state
        };
        Self::of(fresh)
    }

    /// The steps that were taken.
    pub(crate) fn steps(&self) -> Vec<Step> {
        self.0.lock().steps.clone()
    }

    /// Everything that is written from now on is written with one bit flipped.
    pub(crate) fn rot(&self, rots: bool) {
        self.0.lock().rots = rots;
    }

    /// From now on a sync of a directory does nothing, and says that it did.
    pub(crate) fn ignore_directory_syncs(&self) {
        self.0.lock().ignores_directory_syncs = true;
    }

    /// From now on whatever is opened to be read is this file.
    pub(crate) fn confuse(&self, path: Option<&Path>) {
        let mut state = self.0.lock();
        state.stale = path.map(|path| state.file(path).unwrap());
    }

    /// The whole content of a file.
    pub(crate) fn content(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.0.lock();
        let file = (*state.seen.get(path)?)?;
        Some(state.contents[file].seen.clone())
    }
}

fn gone() -> io::Error {
    io::Error::other("the power is gone")
}

impl State {
    fn alive(&self) -> io::Result<()> {
        if self.stopped { Err(gone()) } else { Ok(()) }
    }

    /// Counts a step. `Ok(true)` when it is to be done by half, and is the last.
    fn step(&mut self, step: Step) -> io::Result<bool> {
        self.alive()?;
        let at = self.steps.len();
        match self.stop {
            Some(stop) if stop.at == at => {
                self.stopped = true;
                if stop.torn { Ok(true) } else { Err(gone()) }
            }
            _ => {
                self.steps.push(step);
                Ok(false)
            }
        }
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        self.seen.get(path).copied().flatten().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn has_parent(&self, path: &Path) -> io::Result<()> {
        let parent = path.parent().and_then(|parent| self.seen.get(parent));
        if parent == Some(&None) { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    }
}

impl Files for Disk {
    fn entry(&self, path: &Path) -> io::Result<Option<EntryKind>> {
        let state = self.0.lock();
        state.alive()?;
        Ok(state.seen.get(path).map(|name| match name {
            None => EntryKind::Directory,
            Some(_) => EntryKind::File,
        }))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn OpenFile>> {
        let mut state = self.0.lock();
        state.alive()?;
        let file = match (state.file(path), access) {
            (Ok(_), Access::Create) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Err(_), Access::Create | Access::CreateIfAbsent) => {
                state.has_parent(path)?;
                state.step(Step::Create)?;
                state.alive()?;
                let file = state.contents.len();
                state.contents.push(Content::default());
                state.seen.insert(path.to_path_buf(), Some(file));
                file
            }
            (found, Access::Read) => state.stale.unwrap_or(found?),
            (found, _) => found?,
        };
        Ok(Arc::new(Open { disk: self.clone(), file, locked: Mutex::new(false) }))
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.has_parent(path)?;
        state.step(Step::Create)?;
        state.alive()?;
        state.seen.insert(path.to_path_buf(), None);
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let state = self.0.lock();
        state.alive()?;
        if state.seen.get(path) != Some(&None) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let names = state.seen.keys().filter(|name| name.parent() == Some(path));
        Ok(names.filter_map(|name| Some(name.file_name()?.to_owned())).collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        let file = state.file(from)?;
        state.step(Step::Rename)?;
        state.alive()?;
        state.seen.remove(from);
        state.seen.insert(to.to_path_buf(), Some(file));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.file(path)?;
        state.step(Step::Remove)?;
        state.alive()?;
        state.seen.remove(path);
        Ok(())
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        if state.seen.get(path) != Some(&None) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.step(Step::SyncDirectory)?;
        state.alive()?;
        if state.ignores_directory_syncs {
            return Ok(());
        }
        let State { seen, synced, .. } = &mut *state;
        synced.retain(|name, _| name.parent() != Some(path));
        let here = seen.iter().filter(|(name, _)| name.parent() == Some(path));
        synced.extend(here.map(|(name, file)| (name.clone(), *file)));
        Ok(())
    }
}

#[derive(Debug)]
struct Open {
    disk: Disk,
    file: usize,
    locked: Mutex<bool>,
}

impl OpenFile for Open {
    fn length(&self) -> io::Result<u64> {
        let state = self.disk.0.lock();
        state.alive()?;
        Ok(state.contents[self.file].seen.len() as u64)
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let state = self.disk.0.lock();
        state.alive()?;
        let from = offset as usize;
        let found = state.contents[self.file].seen.get(from..from + bytes.len());
        bytes.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        let torn = state.step(Step::Write)?;
        let mut bytes = bytes[..if torn { bytes.len() / 2 } else { bytes.len() }].to_vec();
        if state.rots && !bytes.is_empty() {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        let change = Change::Write { at: offset as usize, bytes };
        let content = &mut state.contents[self.file];
        change.apply(&mut content.seen);
        content.unsynced.push(change);
        state.alive()
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        state.step(Step::Write)?;
        state.alive()?;
        let content = &mut state.contents[self.file];
        content.seen.resize(length as usize, 0);
        content.unsynced.push(Change::Length(length as usize));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        state.step(Step::Sync)?;
        state.alive()?;
        let content = &mut state.contents[self.file];
        content.synced = content.seen.clone();
        content.unsynced.clear();
        Ok(())
    }

    fn try_lock(&self) -> io::Result<bool> {
        let mut state = self.disk.0.lock();
        state.alive()?;
        let taken = state.locks.insert(self.file);
        *self.locked.lock() |= taken;
        Ok(taken)
    }

    fn unlock(&self) -> io::Result<()> {
        if std::mem::take(&mut *self.locked.lock()) {
            self.disk.0.lock().locks.remove(&self.file);
        }
        Ok(())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let _ = self.unlock();
    }
}
