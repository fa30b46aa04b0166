//! Somebody else signs with this node's key: another host runs under its identity, or its key was stolen,
//! or its disk was rolled back (attack K3).
//!
//! It shows by a frame under the key that signs now, with a number that this node has not given, or has
//! given to another frame ([`Keyring::is_foreign`](crate::keyring::Keyring)), and whose signature holds;
//! or by a proof that two headers stand under one number of that key. What alarms nobody:
//!
//! | what comes back | why not |
//! |---|---|
//! | own frames of this start, reflected | they are what was signed under their number; told without a check |
//! | own frames of earlier starts, replayed | their boot is lower; told without a check |
//! | frames under a key that was left, its thief's too | that key speaks for nobody any more |
//! | forgeries | the signature is checked: one a link in a resend interval, 16 links at most |
//!
//! # What it does
//!
//! It tells its host ([`Event::OtherSelf`]), once for each key, votes on nothing any more in this start,
//! and leaves the key at once, as one that is compromised. Where it cannot, it signs nothing any more
//! ([`Event::SigningStopped`]):
//!
//! * its keys are frozen, so no rotation is taken;
//! * or it left the key before for this very reason, and meets somebody under the new one: whoever that is
//!   has the next keys, too, and would follow it for ever. That is remembered on the disk, beside the key,
//!   so nobody makes a node rotate more than once by having all that it has, however often it starts;
//! * or the rotation cannot be signed.
//!
//! # How it ends
//!
//! | who signs | what becomes of it |
//! |---|---|
//! | a thief of the key alone | it is out: it has no key of the new epoch |
//! | two honest hosts with one disk image | the one that rotates first goes on, the other hears of it, falls silent and says so |
//! | the same, where both rotate before they hear of the other | they have the same next key, but each commits to another key after it, so the rotations contradict each other: all freeze the member ([`Event::KeysFrozen`]), the two meet again under the new key, and both stop |
//! | the same, where they say the same to the last bit (a virtual machine cloned with its source of randomness) | they meet again under the new key, and both stop |
//! | a thief of the whole host | it follows, and both stop, or it rotates, too, and the member is frozen: the recovery key decides |
//!
//! Of two hosts the one in the lower boot sees the other. The one in the higher boot takes the other's
//! frames for its own of before, and learns of it by its rotation.

use super::{Core, Event, Output};
use crate::id::{Digest, Epoch, Link, Millis, Nonce};
use crate::keyring::{OtherSelf, RotationCause};
use crate::quorum::EquivocationProof;
use crate::wire::{Frame, SignedHeader};

impl Core {
    /// A frame in the name of this node came back: see [`look_at_own_header`](Self::look_at_own_header).
    pub(super) fn look_at_own_frame(
        &self,
        link: Link,
        bytes: &[u8],
        now: Millis,
        outputs: &mut Vec<Output>,
    ) {
        if let Ok(frame) = Frame::parse(bytes) {
            self.look_at_own_header(link, frame.signed_header(), now, outputs);
        }
    }

    /// A header in the name of this node. If this start has yet to be confirmed and it was signed in a boot
    /// that the node does not know of, it goes beyond that. If not, and it is foreign, it has another self.
    pub(super) fn look_at_own_header(
        &self,
        link: Link,
        signed: &SignedHeader<'_>,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) {
        let header = signed.header();
        let in_doubt =
            self.lease.lock().as_ref().map(|lease| self.is_above(lease, header.nonce.boot));
        let is_news = in_doubt.unwrap_or_else(|| {
            self.keyring.would_meet(header.epoch, &header.key)
                && self.keyring.is_foreign(header.nonce, signed.signed())
        });
        if !is_news || !self.may_check_own(link, now) || !self.quorum.has_signed(signed) {
            return;
        }
        match in_doubt {
            Some(_) => self.go_beyond(header.nonce.boot, outputs),
            None => self.meet_other_self((header.epoch, &header.key), header.nonce, outputs),
        }
    }

    /// A proof shows that this node said two things under one number. Where relays refuse the frames of the
    /// other self, as its numbers are used, that is all that gets here.
    pub(super) fn look_at_own_proof(&self, proof: &EquivocationProof, outputs: &mut Vec<Output>) {
        if let Some(nonce) = proof.nonce(&self.directory)
            && self.lease.lock().is_none()
        {
            self.meet_other_self((proof.epoch(), &proof.key()), nonce, outputs);
        }
    }

    fn meet_other_self(
        &self,
        (epoch, key): (Epoch, &Digest),
        nonce: Nonce,
        outputs: &mut Vec<Output>,
    ) {
        let Some(answer) = self.keyring.meet_other_self(epoch, key) else { return };
        tracing::error!(?nonce, %epoch, ?answer, "somebody else signs with this node's key");
        self.quorum.abstain_from_all();
        outputs.push(Output::Event(Event::OtherSelf { nonce }));
        // A rotation that is under way leads away from that key, too.
        let leaves = self.keyring.is_rotating()
            || answer == OtherSelf::Rotate
                && self.rotate_by_itself(RotationCause::OtherSelf, outputs);
        if !leaves {
            self.keyring.stop();
            outputs.push(Output::Event(Event::SigningStopped { epoch }));
        }
    }
}
