//! What a refusal costs, and whom.

use meshward::reputation::{Offence, Reputation};
use meshward::{Blame, Link, LinkId, Refusal};

use crate::provoked::Provoked;
use crate::support::{Mesh, id};

/// The node that refuses.
pub(crate) const V: usize = 1;

/// The link that all bad packets come over.
pub(crate) const OVER: Link = Link::Proven(LinkId(1000));

/// Who is to pay, and for what.
#[derive(Clone, Copy)]
pub(crate) enum Pays {
    Nobody,
    TheLink(Offence),
    /// The member at that place.
    Member(usize, Offence),
}

/// A mesh, and what is refused in it.
pub(crate) struct Refusals<'a> {
    pub(crate) mesh: Mesh,
    pub(crate) met: &'a mut Provoked,
}

impl Refusals<'_> {
    /// Gives V packets over [`OVER`] until one is refused as `expected`, which must say `says` and
    /// cost what `pays` says and no more.
    pub(crate) fn refuse(
        &mut self,
        packets: impl IntoIterator<Item = Vec<u8>>,
        expected: &Refusal,
        says: &str,
        pays: Pays,
    ) {
        for packet in packets {
            let before = self.standing();
            let Err(refusal) = self.mesh.give(V, OVER, &packet) else { continue };
            if refusal == *expected {
                self.met.meet(&refusal, says);
                return self.assert_paid(&before, &refusal, pays);
            }
        }
        panic!("never refused: {expected}");
    }

    /// Gives V packets of which nothing is asked.
    pub(crate) fn give(&self, packets: &[Vec<u8>]) {
        for packet in packets {
            let _taken_or_not = self.mesh.give(V, OVER, packet);
        }
    }

    /// The scores of all members, then that of the link.
    pub(crate) fn standing(&self) -> Vec<Reputation> {
        let (core, now) = (self.mesh.guard(V).core(), self.mesh.now);
        let members = (0..self.mesh.nodes.len()).map(|place| core.reputation(&id(place), now));
        members.chain([core.link_reputation(OVER.id(), now)]).collect()
    }

    pub(crate) fn assert_paid(&self, before: &[Reputation], refusal: &Refusal, pays: Pays) {
        let (blame, payer) = match pays {
            Pays::Nobody => (Blame::Nobody, None),
            Pays::TheLink(offence) => (Blame::Link(offence), Some(self.mesh.nodes.len())),
            Pays::Member(place, offence) => (Blame::Origin(offence), Some(place)),
        };
        assert_eq!(Blame::of(refusal), blame, "{refusal}");
        let offence = match pays {
            Pays::Nobody => None,
            Pays::TheLink(offence) | Pays::Member(_, offence) => Some(offence),
        };
        assert_eq!(blame.offence(), offence, "{refusal}");
        for (place, (before, after)) in before.iter().zip(self.standing()).enumerate() {
            match payer == Some(place) {
                true => assert!(after < *before, "{refusal}: {place} was to pay"),
                false => assert_eq!(after, *before, "{refusal}: {place} was not to pay"),
            }
        }
    }
}
