//! What a backup holds, and how it is written inside the seal.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;
use zeroize::Zeroizing;

use super::{Backup, BackupError, Owner, Passphrase};
use crate::id::{Epoch, MeshId, NodeId};
use crate::keyring::identity::leads_to;
use crate::keyring::{Error, HistoryError, Identity, KeyHistory, RecoveryKey};
use crate::membership::View;

/// The mesh that a backup names whose identity is in none yet: it was made before the members were
/// brought together.
pub const NO_MESH: MeshId = MeshId::from_bytes([0; 32]);

const VERSION: u32 = 1;
/// The longest of the two secrets, in bytes: what the library writes is shorter.
const MAX_SECRET_LEN: usize = 16 * 1024;
const NUMBER_LEN: usize = 4;

/// Why what is sealed in a backup is not taken, or why it was not put together.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ContentsError {
    /// A version that this release does not know; a larger one is of a newer release.
    #[error("what is in the backup has version {found}, this release knows version {VERSION}")]
    UnknownVersion {
        /// The version of the contents.
        found: u32,
    },
    /// Fewer bytes than are announced.
    #[error("what is in the backup is cut off: {missing} bytes are missing")]
    Truncated {
        /// Bytes that are missing at least.
        missing: usize,
    },
    /// More bytes than are announced.
    #[error("{extra} bytes follow the end of what is in the backup")]
    Trailing {
        /// Bytes too many.
        extra: usize,
    },
    /// A part is longer than is allowed.
    #[error("{what} of {found} bytes is in the backup, {limit} are allowed")]
    TooLong {
        /// Which part.
        what: &'static str,
        /// Its length in bytes.
        found: usize,
        /// The longest allowed, in bytes.
        limit: usize,
    },
    /// A key in it cannot be read, or is of a suite that is not compiled in.
    #[error("{what} in the backup cannot be used: {source}")]
    Key {
        /// Which one.
        what: &'static str,
        /// What is wrong with it.
        source: Error,
    },
    /// The view with the history of keys in it is none.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The recovery key is another node's.
    #[error("the recovery key is of {found}, the identity of {expected}")]
    OtherRecoveryKey {
        /// Whose recovery key it is.
        found: NodeId,
        /// Whose identity it is.
        expected: NodeId,
    },
    /// The node's keys name another recovery key: this one was spent, or is of another identity.
    #[error("this recovery key is not the one that the keys of {0} name: it was used already")]
    SpentRecoveryKey(NodeId),
    /// The view does not have the node.
    #[error("{0} is no member of the view")]
    NotAMember(NodeId),
    /// The view and the rotations that are known do not lead to the node's key.
    #[error("from the view no known rotation leads to the key of this node for epoch {0}")]
    NotLedTo(Epoch),
    /// It has no view, so the mesh is not known in which the identity is to be taken back.
    #[error("the backup was made before there was a mesh: give it the view")]
    NoView,
    /// It is of another node than the outside of the backup, or the directory, says.
    #[error("what is sealed is of node {found}, and not of {expected}")]
    OtherNode {
        /// Whose it is.
        found: NodeId,
        /// Whose it should be.
        expected: NodeId,
    },
    /// It is of another mesh than the outside of the backup, or the directory, says.
    #[error("what is sealed is of the mesh {found}, and not of {expected}")]
    OtherMesh {
        /// Which one it is of.
        found: MeshId,
        /// Which one it should be of.
        expected: MeshId,
    },
}

/// What a node must not lose: its recovery key, its current and next keys, the view that its host starts
/// with, and the statements by which the current key follows from that view.
///
/// A backup from before there was a mesh has no view; [`with_view`](Self::with_view) adds it.
///
/// # Inside the seal
///
/// Numbers are four bytes, little-endian.
///
/// | what | at most |
/// |---|---|
/// | version: 1 | |
/// | length of the recovery key, and as many bytes as [`RecoveryKey::to_secret_bytes`] writes | 16 KiB |
/// | length of the identity, and as many bytes as [`Identity::to_secret_bytes`] writes | 16 KiB |
/// | length of the view with the history of keys, and as [`KeyHistory::to_bytes`] writes them; 0 without a view | what is left |
///
/// Every statement of the history is checked when it is read: two signature checks each.
pub struct BackupContents {
    identity: Identity,
    recovery: RecoveryKey,
    history: Option<KeyHistory>,
}

impl BackupContents {
    /// Brings together what is to be sealed: the identity as a store [has it](Identity::load), the recovery
    /// key, which comes from the backup before, and the view that the host starts with, once there is one.
    ///
    /// # Errors
    /// [`ContentsError::OtherRecoveryKey`] and [`ContentsError::SpentRecoveryKey`], so that no backup is
    /// made that takes nothing back; [`ContentsError::NotAMember`], [`ContentsError::NotLedTo`] and
    /// [`ContentsError::History`] when the identity's [rotations](Identity::rotations) do not lead from the
    /// view to its key.
    pub fn new(
        identity: Identity,
        recovery: RecoveryKey,
        view: Option<Arc<View>>,
    ) -> Result<Self, ContentsError> {
        let contents = Self { identity, recovery, history: None };
        let Self { identity, recovery, .. } = &contents;
        if recovery.node() != identity.node {
            let (found, expected) = (recovery.node(), identity.node);
            return Err(ContentsError::OtherRecoveryKey { found, expected });
        }
        let is_named = recovery.public_key().digest() == identity.record.recovery
            && recovery.count() == identity.record.epoch.recovery;
        if !is_named {
            return Err(ContentsError::SpentRecoveryKey(identity.node));
        }
        match view {
            Some(view) => contents.with_view(view),
            None => Ok(contents),
        }
    }

    /// The same with this view: the one that was missing, or a later one of the same mesh.
    ///
    /// # Errors
    /// [`ContentsError::NotAMember`], [`ContentsError::NotLedTo`], [`ContentsError::History`].
    pub fn with_view(self, view: Arc<View>) -> Result<Self, ContentsError> {
        let node = self.identity.node;
        let place = view.index_of(&node).ok_or(ContentsError::NotAMember(node))?;
        let begins = view.member(place).map(|member| member.key.epoch);
        let mut history = KeyHistory::new(view);
        for statement in self.identity.rotations() {
            // What leads to the key that the view has is behind it.
            if leads_to(statement, node) > begins {
                history.add(statement)?;
            }
        }
        Self { history: Some(history), ..self }.checked()
    }

    /// Whether the history leads to the key.
    fn checked(self) -> Result<Self, ContentsError> {
        let (node, record) = (self.identity.node, &self.identity.record);
        if let Some(history) = &self.history {
            let place = history.view().index_of(&node).ok_or(ContentsError::NotAMember(node))?;
            if history.directory().current(place).is_none_or(|known| *known != *record) {
                return Err(ContentsError::NotLedTo(record.epoch));
            }
        }
        Ok(self)
    }

    /// The identity, with its secret keys. Do not store it: see [`Identity::from_secret_bytes`].
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The recovery key.
    pub const fn recovery_key(&self) -> &RecoveryKey {
        &self.recovery
    }

    /// The recovery key, for the next backup.
    pub fn into_recovery_key(self) -> RecoveryKey {
        self.recovery
    }

    /// The view, and how the node's keys went on from there; `None` when there was no mesh yet.
    pub const fn history(&self) -> Option<&KeyHistory> {
        self.history.as_ref()
    }

    /// Whose it is; in the mesh [`NO_MESH`] when there was none yet.
    pub fn owner(&self) -> Owner {
        let mesh = self.history.as_ref().map_or(NO_MESH, |history| history.view().mesh());
        Owner { node: self.identity.node, mesh }
    }

    /// Holds the owner against the one it should have.
    pub(super) fn require(&self, expected: Owner) -> Result<(), ContentsError> {
        let found = self.owner();
        if found.node != expected.node {
            let (found, expected) = (found.node, expected.node);
            return Err(ContentsError::OtherNode { found, expected });
        }
        if found.mesh != expected.mesh {
            let (found, expected) = (found.mesh, expected.mesh);
            return Err(ContentsError::OtherMesh { found, expected });
        }
        Ok(())
    }

    /// The contents as bytes, to be sealed; zeroized when dropped.
    ///
    /// # Errors
    /// [`ContentsError::TooLong`] for a view and a history of more than 4 GiB.
    pub fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, ContentsError> {
        let key = |what| move |source| ContentsError::Key { what, source };
        let recovery = self.recovery.to_secret_bytes().map_err(key("the recovery key"))?;
        let identity = self.identity.to_secret_bytes().map_err(key("the identity"))?;
        let history = self.history.as_ref().map(KeyHistory::to_bytes).transpose()?;
        let history = history.unwrap_or_default();
        let parts = [recovery.as_slice(), &identity, &history];
        let len = parts.iter().map(|part| part.len().saturating_add(NUMBER_LEN));
        // All in one piece: a vector that grows leaves copies behind.
        let len = len.fold(NUMBER_LEN, usize::saturating_add);
        let mut bytes = Zeroizing::new(Vec::with_capacity(len));
        bytes.extend(VERSION.to_le_bytes());
        for part in parts {
            let (what, found) = ("a part", part.len());
            let limit = usize::try_from(u32::MAX).unwrap_or(usize::MAX);
            let number = u32::try_from(found);
            let number = number.map_err(|_| ContentsError::TooLong { what, found, limit })?;
            bytes.extend(number.to_le_bytes());
            bytes.extend_from_slice(part);
        }
        Ok(bytes)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote. It need not come from a friend: work and memory are
    /// bounded by the length, and nothing is taken that does not fit together.
    ///
    /// # Errors
    /// [`ContentsError`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ContentsError> {
        let mut rest = Rest(bytes);
        let version = rest.number()?;
        if version != VERSION {
            return Err(ContentsError::UnknownVersion { found: version });
        }
        let key = |what| move |source| ContentsError::Key { what, source };
        let recovery = rest.part("a recovery key", MAX_SECRET_LEN)?;
        let recovery = RecoveryKey::from_secret_bytes(recovery).map_err(key("the recovery key"))?;
        let identity = rest.part("an identity", MAX_SECRET_LEN)?;
        let mut identity = Identity::from_secret_bytes(identity).map_err(key("the identity"))?;
        let history = rest.part("a view with a history", super::MAX_CONTENT_LEN)?;
        if !rest.0.is_empty() {
            return Err(ContentsError::Trailing { extra: rest.0.len() });
        }
        let history = match history {
            [] => None,
            history => Some(KeyHistory::from_bytes(history)?),
        };
        if let Some(history) = &history {
            let own = history.rotations();
            let own = own.filter(|statement| leads_to(statement, identity.node).is_some());
            identity.rotations = own.map(Arc::from).collect();
        }
        let contents = Self::new(identity, recovery, None)?;
        Self { history, ..contents }.checked()
    }

    /// Opens a backup and reads what is in it. Takes the time and the memory that
    /// [`cost`](Backup::cost) says.
    ///
    /// # Errors
    /// Those of [`Backup::open`] and [`from_bytes`](Self::from_bytes);
    /// [`ContentsError::OtherNode`] and [`ContentsError::OtherMesh`] when the outside of the backup names
    /// another owner.
    pub fn open(backup: &Backup, passphrase: &Passphrase) -> Result<Self, BackupError> {
        Self::of_opened(backup, &backup.open(passphrase)?)
    }

    /// The same with shares of the backup's key.
    ///
    /// # Errors
    /// Those of [`Backup::open_with_shares`] and of [`open`](Self::open).
    #[cfg(feature = "shamir")]
    pub fn open_with_shares(backup: &Backup, shares: &[super::Share]) -> Result<Self, BackupError> {
        Self::of_opened(backup, &backup.open_with_shares(shares)?)
    }

    fn of_opened(backup: &Backup, content: &Zeroizing<Vec<u8>>) -> Result<Self, BackupError> {
        let contents = Self::from_bytes(content)?;
        contents.require(backup.owner())?;
        Ok(contents)
    }
}

/// Whose it is and of which keys, and nothing secret.
impl fmt::Debug for BackupContents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackupContents")
            .field("owner", &self.owner())
            .field("epoch", &self.identity.record.epoch)
            .finish_non_exhaustive()
    }
}

/// The bytes that were not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], ContentsError> {
        let missing = len.saturating_sub(self.0.len());
        let (taken, rest) =
            self.0.split_at_checked(len).ok_or(ContentsError::Truncated { missing })?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, ContentsError> {
        let mut number = [0; NUMBER_LEN];
        number.copy_from_slice(self.take(NUMBER_LEN)?);
        Ok(u32::from_le_bytes(number))
    }

    fn part(&mut self, what: &'static str, limit: usize) -> Result<&'a [u8], ContentsError> {
        let found = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if found > limit {
            return Err(ContentsError::TooLong { what, found, limit });
        }
        self.take(found)
    }
}
