//! How the files of a backup directory are called.

use std::fmt;
use std::str::FromStr;

use super::Owner;
use crate::id::Digest;

const OWNER: &str = "meshward 2026 owner in the name of a backup";

/// The name of a backup in its directory, as `meshward-OWNER-COUNTER-TIME.backup`: a digest of node
/// and mesh (16 hexadecimal digits), which backup it was, and when it was made by the clock of who made
/// it (20 digits each, so that names sort as the backups were made).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BackupName {
    owner: u64,
    counter: u64,
    created_at: u64,
}

impl BackupName {
    pub(super) fn new(owner: Owner, counter: u64, created_at: u64) -> Self {
        let ids = [owner.node.as_bytes().as_slice(), owner.mesh.as_bytes()].concat();
        let digest = Digest::of(OWNER, &ids);
        let owner = digest.as_bytes().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        Self { owner, counter, created_at }
    }

    /// Which backup of this owner it was, counted from 1.
    pub const fn counter(&self) -> u64 {
        self.counter
    }

    /// When it was made, by the clock of who made it.
    pub const fn created_at(&self) -> u64 {
        self.created_at
    }

    pub(super) fn is_of(&self, owner: Owner) -> bool {
        self.owner == Self::new(owner, 0, 0).owner
    }
}

impl fmt::Display for BackupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, counter, created_at } = self;
        write!(f, "meshward-{owner:016x}-{counter:020}-{created_at:020}.backup")
    }
}

/// A text that is no such name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no name of a backup")]
pub struct NotAName;

impl FromStr for BackupName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let parse = || {
            let rest = text.strip_prefix("meshward-")?.strip_suffix(".backup")?;
            let mut parts = rest.split('-');
            let owner = u64::from_str_radix(parts.next()?, 16).ok()?;
            let counter = parts.next()?.parse().ok()?;
            Some(Self { owner, counter, created_at: parts.next()?.parse().ok()? })
        };
        // One name has one spelling: signs, other lengths and capitals are not it.
        parse().filter(|name| name.to_string() == text).ok_or(NotAName)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{MeshId, NodeId};

    #[test]
    fn a_name_has_one_spelling_and_sorts_as_its_text() {
        let owner = Owner { node: NodeId::from_bytes([1; 32]), mesh: MeshId::from_bytes([2; 32]) };
        let other = Owner { node: NodeId::from_bytes([2; 32]), ..owner };
        let names = [(1, 0), (1, 5), (9, 4), (10, 3), (u64::MAX, 0)];
        let names = names.map(|(counter, time)| BackupName::new(owner, counter, time));
        assert!(names.is_sorted());
        assert!(names.map(|name| name.to_string()).is_sorted());
        for name in names {
            let text = name.to_string();
            assert_eq!(text.parse(), Ok(name));
            assert!(name.is_of(owner) && !name.is_of(other));
            for wrong in [
                format!("{text} "),
                format!("{text}.new"),
                text.to_uppercase(),
                text.replacen("-0", "-+", 1),
                text.replacen('-', "--", 1),
                text.replacen("-0", "-", 1),
            ] {
                assert!(wrong == text || wrong.parse::<BackupName>().is_err(), "{wrong}");
            }
        }
    }
}
