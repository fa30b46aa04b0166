//! What neighbours may spend, and how they come by a budget of their own.

use super::cookies::Cookie;
use super::walk::{Taking, Walk};
use super::{SignedGossip, Stage};
use crate::id::{Link, LinkId, Millis, NodeId};
use crate::keyring::Misuse;
use crate::membership::MemberIndex;
use crate::wire::{Container, Refusal, WireError};

impl SignedGossip {
    /// Whether a packet over `link`, under the name of `origin`, may be looked at: the link is heard,
    /// and within its budget.
    pub(crate) fn admit_packet<W: Walk>(
        &self,
        walk: &mut W,
        (link, origin): (Link, Option<MemberIndex>),
        now: Millis,
    ) -> Result<(), Refusal> {
        walk.enters(Stage::LinkQuarantine);
        if self.ledgers.link_is_quarantined(link, now) {
            return Err(Refusal::LinkQuarantined);
        }
        walk.enters(Stage::LinkBudget);
        let is_left = match W::SPENDS {
            true => self.links.take_packet(link, origin, now),
            false => self.links.has_packet(link, origin, now),
        };
        is_left.then_some(()).ok_or(Refusal::LinkBudget)
    }

    /// Why what cannot be read is refused. Over its budget a link is not charged for the form of what it
    /// sends, too.
    pub(crate) fn unreadable<W: Walk>(
        &self,
        walk: &mut W,
        link: Link,
        error: WireError,
        now: Millis,
    ) -> Refusal {
        self.admit_packet(walk, (link, None), now).err().unwrap_or_else(|| {
            walk.enters(Stage::Form);
            error.into()
        })
    }

    /// Takes `checks` signature checks from the budget of `link` and `origin`.
    pub(crate) fn take_checks(
        &self,
        link: Link,
        origin: Option<MemberIndex>,
        checks: u32,
        now: Millis,
    ) -> Result<(), Refusal> {
        self.affords(&mut Taking, (link, origin), checks, now)
    }

    /// Whether that would find so many. Takes none.
    pub(crate) fn could_afford(
        &self,
        (link, origin): (Link, Option<MemberIndex>),
        checks: u32,
        now: Millis,
    ) -> bool {
        self.links.has_checks(link, origin, checks, now)
    }

    /// The same on whichever walk.
    pub(crate) fn affords<W: Walk>(
        &self,
        walk: &mut W,
        (link, origin): (Link, Option<MemberIndex>),
        checks: u32,
        now: Millis,
    ) -> Result<(), Refusal> {
        walk.enters(Stage::CheckBudget);
        let checks = walk.needs(checks);
        let are_left = match W::SPENDS {
            true => self.links.take_checks(link, origin, checks, now),
            false => self.links.has_checks(link, origin, checks, now),
        };
        are_left.then_some(()).ok_or(Refusal::CheckBudget)
    }

    /// An answer that only `origin` could give came over `link`, and was waited for: worth as much as a
    /// frame that is new.
    pub(crate) fn was_of_use(&self, link: Link, origin: MemberIndex, now: Millis) {
        self.links.was_of_use(link, origin, now);
    }

    /// Reserves a place for a proven link: a budget of its own that no other link takes away. For
    /// the neighbours that a host was configured with, or knows to be members.
    ///
    /// # Errors
    /// [`Misuse::NoPlaceLeft`] when all of [`links`](super::GossipConfig::links) are reserved.
    pub fn reserve_link(&self, link: LinkId, now: Millis) -> Result<(), Misuse> {
        match self.links.reserve(link, now) {
            true => Ok(()),
            false => Err(Misuse::NoPlaceLeft { links: self.config.links }),
        }
    }

    /// Takes a reservation back: the link keeps its place for as long as it is of use.
    pub fn release_link(&self, link: LinkId) {
        self.links.release(link);
    }

    /// The cookie that is to be sent over a claimed link, over which packets under the name of
    /// `origin` come: if it comes back, they get a budget of their own. `None` for proven links, for
    /// who is no member, for pairs that have theirs, and when too many were sent.
    pub(crate) fn cookie(&self, link: Link, origin: NodeId, now: Millis) -> Option<Vec<u8>> {
        let Link::Claimed(id) = link else { return None };
        let member = self.directory.view().index_of(&origin)?;
        if self.links.pair_has_a_place(id, member) {
            return None;
        }
        self.cookies.packet(self.keyring.mesh(), (id, origin), now)
    }

    /// Takes the echo of a cookie, which came over `link`: from now on its origin's packets over that
    /// link have a budget of their own.
    ///
    /// # Errors
    /// [`Refusal::BadCookie`] unless this node made the cookie for that link, lately.
    pub(crate) fn take_cookie_echo(
        &self,
        link: Link,
        echo: &Container<'_>,
        now: Millis,
    ) -> Result<NodeId, Refusal> {
        let (node, member) = self.look_at_echo(link, echo, now)?;
        if let Link::Claimed(id) = link {
            self.links.answered(id, member, now);
        }
        Ok(node)
    }

    /// Whose packets the echo of a cookie is for, if this node made the cookie.
    pub(crate) fn look_at_echo(
        &self,
        link: Link,
        echo: &Container<'_>,
        now: Millis,
    ) -> Result<(NodeId, MemberIndex), Refusal> {
        let cookie = Cookie::read(echo)?;
        let member = self.directory.view().index_of(&cookie.origin).ok_or(Refusal::BadCookie)?;
        match self.cookies.made(&cookie, link.id(), now) {
            true => Ok((cookie.origin, member)),
            false => Err(Refusal::BadCookie),
        }
    }

    /// The answer to a cookie.
    ///
    /// # Errors
    /// [`WireError`] for bytes that are none.
    pub(crate) fn echo(&self, cookie: &Container<'_>) -> Result<Vec<u8>, WireError> {
        Cookie::read(cookie)?;
        Ok(Container::to_bytes(crate::wire::Tag::CookieEcho, cookie.mesh(), cookie.payload()))
    }
}
