//! A view and how its members' keys went on from there: what anybody needs to check offline.

use std::sync::Arc;

use thiserror::Error;

use super::KeyChange;
use crate::id::Millis;
use crate::membership::{Directory, MAX_VIEW_LEN, MemberIndex, View, ViewError};
use crate::wire::{MAX_CONTENT_LEN, Packet, Refusal};

/// The most rotations and recoveries of one member that a history holds. The next one is refused, and
/// costs nobody else a place.
pub const MAX_ROTATIONS: usize = 1_024;

/// A rotation is a statement without an attachment: content, head, signature.
const MAX_ROTATION_LEN: usize = MAX_CONTENT_LEN + 4 * 1024;

/// Keys that are kept ready for checks; see [`Directory::new`].
const PREPARED_KEYS: usize = 128;

const VERSION: u8 = 2;

/// Why bytes are no key history, or why a history does not take a rotation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// They begin like something else.
    #[error("these bytes are no view with a key history: they do not begin as one")]
    Beginning,
    /// Another version of the format.
    #[error("version {found} of the view with key history is not the one known here, {VERSION}")]
    Version {
        /// The version the bytes name.
        found: u8,
    },
    /// Fewer bytes than are announced.
    #[error("the view with key history is cut off: {missing} bytes are missing")]
    Truncated {
        /// Bytes that are missing at least.
        missing: usize,
    },
    /// More bytes than are announced.
    #[error("{extra} bytes follow the end of the key history")]
    Trailing {
        /// Bytes too many.
        extra: usize,
    },
    /// A part is longer than is allowed.
    #[error("{what} of {found} bytes, {limit} are allowed")]
    TooLong {
        /// Which part.
        what: &'static str,
        /// Its length in bytes.
        found: usize,
        /// The longest allowed, in bytes.
        limit: usize,
    },
    /// More than [`MAX_ROTATIONS`] of one member, or of all together than so many each.
    #[error("more rotations than {MAX_ROTATIONS} of each member")]
    TooMany,
    /// The view in it is none.
    #[error(transparent)]
    View(#[from] ViewError),
    /// A rotation that does not follow from the key before it.
    #[error("rotation {number} of the key history is refused: {refusal}")]
    Rotation {
        /// Which one, counted from 1.
        number: usize,
        /// What is wrong with it.
        refusal: Refusal,
    },
    /// The rotations do not stand in the order of the members.
    #[error("rotation {number} of the key history is not in the order of the members")]
    Order {
        /// Which one, counted from 1.
        number: usize,
    },
}

/// A view, and the rotations by which each member's keys follow from the one it has there. It is
/// all that a third party needs to check certificates and proofs, whatever keys they were signed
/// with: give its [`directory`](Self::directory) to
/// [`Certificate::verify`](crate::Certificate::verify) and
/// [`EquivocationProof::verify`](crate::EquivocationProof::verify).
///
/// Every rotation was checked when it was added, so what a history says follows from its view. Who
/// the members are it cannot prove: compare its [mesh id](View::mesh) with one that you trust.
///
/// In memory and as bytes: 2 KiB for each member and 9 KiB for each rotation, of which it holds at
/// most [`MAX_ROTATIONS`] of one member.
#[derive(Debug)]
pub struct KeyHistory {
    directory: Directory,
    /// For each member in the order of the view, oldest first.
    rotations: Vec<Vec<Box<[u8]>>>,
    /// Of all members together.
    count: usize,
}

impl KeyHistory {
    /// How its encoding begins, and no packet does.
    pub const BEGINNING: [u8; 8] = *b"meshward";

    /// The history of a mesh in which nobody has rotated a key yet.
    pub fn new(view: Arc<View>) -> Self {
        let rotations = vec![Vec::new(); view.len()];
        // Whether it takes a step to a weaker suite each mesh decides for itself. What a member signed that
        // its mesh refused leads nowhere: nothing of that mesh is signed with it.
        let directory =
            Directory::keeping(MAX_ROTATIONS, view, PREPARED_KEYS).taking_downgrades(true);
        Self { directory, rotations, count: 0 }
    }

    /// Adds a rotation or a recovery as it went over the wire; two signature checks. Tells whose it is.
    ///
    /// A running node does not keep the rotations of others. A host that wants to write them down adds
    /// each packet for which it is told [`Accepted::Rotation`](crate::Accepted::Rotation), and the
    /// packets of [`Tag::Rotation`](crate::wire::Tag::Rotation) and
    /// [`Tag::Recovery`](crate::wire::Tag::Recovery) that it sends itself.
    ///
    /// A history goes one way. Of two rotations that contradict each other it has the one that was added
    /// first; a recovery leads on from either.
    ///
    /// # Errors
    /// [`HistoryError::Rotation`] for anything but the rotation or recovery that follows the member's
    /// newest key in this history; [`HistoryError::TooMany`]. Nothing is changed then.
    pub fn add(&mut self, rotation: &[u8]) -> Result<MemberIndex, HistoryError> {
        let number = self.count.saturating_add(1);
        let refused = |refusal| HistoryError::Rotation { number, refusal };
        let (member, statement) = match Packet::parse(rotation).map_err(|e| refused(e.into()))? {
            Packet::Statement(statement) if KeyChange::read(&statement).is_ok() => {
                let (mesh, origin) = (statement.head().mesh, statement.head().origin);
                if mesh != self.view().mesh() {
                    return Err(refused(Refusal::OtherMesh(mesh)));
                }
                let member = self.view().index_of(&origin);
                (member.ok_or_else(|| refused(Refusal::UnknownOrigin(origin)))?, statement)
            }
            _ => return Err(refused(Refusal::Nonsense("it is no rotation"))),
        };
        let known = self.rotations.get_mut(member.place()).ok_or(HistoryError::TooMany)?;
        if known.len() >= MAX_ROTATIONS {
            return Err(HistoryError::TooMany);
        }
        // Nothing is in force here: what was said under any of the keys is checked alike, for good.
        let never = Millis(0);
        let change = KeyChange::screen(&statement, &self.directory, member, never)
            .and_then(|screened| screened.verify(&self.directory));
        let from = (member, statement.head().epoch);
        if !change.map_err(refused)?.apply(&self.directory, from, never) {
            return Err(refused(Refusal::RotationOrder));
        }
        known.push(Box::from(rotation));
        self.count = number;
        Ok(member)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote, and checks every rotation anew: two signature
    /// checks each.
    ///
    /// # Errors
    /// [`HistoryError`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, HistoryError> {
        let rest = bytes.strip_prefix(&Self::BEGINNING).ok_or(HistoryError::Beginning)?;
        let mut rest = match rest.split_first() {
            Some((&VERSION, rest)) => Rest(rest),
            Some((&found, _)) => return Err(HistoryError::Version { found }),
            None => return Err(HistoryError::Truncated { missing: 1 }),
        };
        let (view_len, count) = (rest.number()?, rest.number()?);
        let view = View::from_bytes(rest.take_at_most("a view", view_len, MAX_VIEW_LEN)?)?;
        if count > view.len().saturating_mul(MAX_ROTATIONS) {
            return Err(HistoryError::TooMany);
        }
        let mut history = Self::new(Arc::new(view));
        let mut newest = None;
        for number in 1..=count {
            let len = rest.number()?;
            let member = history.add(rest.take_at_most("a rotation", len, MAX_ROTATION_LEN)?)?;
            if newest > Some(member) {
                return Err(HistoryError::Order { number });
            }
            newest = Some(member);
        }
        match rest.0.len() {
            0 => Ok(history),
            extra => Err(HistoryError::Trailing { extra }),
        }
    }

    /// The one encoding of this history, as files carry it: `meshward`, a byte of version, the
    /// length of the view and the number of rotations, the view, and each rotation behind its
    /// length; by members in the order of the view, oldest first. Numbers are four bytes,
    /// little-endian.
    ///
    /// # Errors
    /// None that a history made by this type can cause.
    pub fn to_bytes(&self) -> Result<Vec<u8>, HistoryError> {
        let view = self.view().to_bytes()?;
        let mut bytes = Self::BEGINNING.to_vec();
        bytes.push(VERSION);
        bytes.extend(number("a view", view.len())?);
        bytes.extend(number("a key history", self.count)?);
        bytes.extend(view);
        for rotation in self.rotations() {
            bytes.extend(number("a rotation", rotation.len())?);
            bytes.extend_from_slice(rotation);
        }
        Ok(bytes)
    }

    /// The view that it begins with.
    pub const fn view(&self) -> &Arc<View> {
        self.directory.view()
    }

    /// Every key that each member has had since that view, to check what was said under it.
    pub const fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The rotations as they went over the wire: by members in the order of the view, oldest first.
    pub fn rotations(&self) -> impl Iterator<Item = &[u8]> {
        self.rotations.iter().flatten().map(AsRef::as_ref)
    }
}

fn number(what: &'static str, found: usize) -> Result<[u8; 4], HistoryError> {
    let limit = usize::try_from(u32::MAX).unwrap_or(usize::MAX);
    let number = u32::try_from(found);
    Ok(number.map_err(|_| HistoryError::TooLong { what, found, limit })?.to_le_bytes())
}

/// The bytes that were not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], HistoryError> {
        let missing = len.saturating_sub(self.0.len());
        let (taken, rest) =
            self.0.split_at_checked(len).ok_or(HistoryError::Truncated { missing })?;
        self.0 = rest;
        Ok(taken)
    }

    fn take_at_most(
        &mut self,
        what: &'static str,
        found: usize,
        limit: usize,
    ) -> Result<&'a [u8], HistoryError> {
        if found > limit {
            return Err(HistoryError::TooLong { what, found, limit });
        }
        self.take(found)
    }

    fn number(&mut self) -> Result<usize, HistoryError> {
        let mut number = [0; 4];
        number.copy_from_slice(self.take(4)?);
        Ok(usize::try_from(u32::from_le_bytes(number)).unwrap_or(usize::MAX))
    }
}
