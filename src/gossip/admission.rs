//! The steps a frame has passed, as types that only the step before can make.

use std::sync::Arc;

use super::FrameRefused;
use crate::id::Link;
use crate::membership::{Directory, KeyRecord};
use crate::wire::Frame;

/// A frame that passed everything except its signature. Hosts may verify it on any thread: no lock
/// is held, and nothing has been remembered about it.
#[derive(Debug)]
#[must_use = "a screened frame is not yet authentic: verify and commit it"]
pub struct Screened<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) link: Link,
    pub(super) record: Arc<KeyRecord>,
    pub(super) directory: Arc<Directory>,
    pub(super) tag: u32,
}

impl<'a> Screened<'a> {
    /// Checks the signature. This is where the time goes.
    ///
    /// # Errors
    /// [`Refusal::BadSignature`](crate::wire::Refusal::BadSignature), or
    /// [`Refusal::SuiteUnavailable`](crate::wire::Refusal::SuiteUnavailable) for a scheme that is not
    /// compiled in.
    pub fn verify(self) -> Result<Verified<'a>, FrameRefused> {
        let signed = self.frame.signed_header();
        let held = self.directory.verify_message(&self.record, signed.signed(), signed.signature());
        match held {
            Ok(()) => Ok(Verified(self)),
            Err(error) => Err(FrameRefused::of(error.into(), &self.frame)),
        }
    }

    /// The frame.
    pub const fn frame(&self) -> &Frame<'a> {
        &self.frame
    }

    /// The link it came over.
    pub const fn link(&self) -> Link {
        self.link
    }
}

/// A frame whose signature holds. Only [`Screened::verify`] makes one.
#[derive(Debug)]
#[must_use = "a verified frame may still be a replay: commit it"]
pub struct Verified<'a>(pub(super) Screened<'a>);

impl<'a> Verified<'a> {
    /// The frame.
    pub const fn frame(&self) -> &Frame<'a> {
        &self.0.frame
    }
}
