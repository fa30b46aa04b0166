//! The steps of a disk, and what may be lost of them.

/// What a restart finds of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The process was killed: everything is there, and still not durable.
    Nothing,
    /// Power failed: all of it is gone, names and contents.
    Everything,
    /// The names are as they were at the last sync of their directory, the contents are there.
    Names,
    /// The names are there, the contents are as they were at the last sync.
    Contents,
    /// Of each file every other write is gone.
    EveryOtherWrite,
    /// Of each file only the last write is there.
    AllButTheLastWrite,
}

impl Loss {
    pub(crate) const ALL: [Self; 6] = [
        Self::Nothing,
        Self::Everything,
        Self::Names,
        Self::Contents,
        Self::EveryOtherWrite,
        Self::AllButTheLastWrite,
    ];
}

/// A step that changes a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Create,
    Write,
    Sync,
    Rename,
    Remove,
    SyncDirectory,
}

/// Where to stop: before the step of this number, counted from 0, or in the middle of the write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stop {
    pub(crate) at: usize,
    pub(crate) torn: bool,
}
