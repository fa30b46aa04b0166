//! `explain`: what would become of a packet, and why.
//!
//! A packet goes the way that it would go, through the functions that screen it when it comes; where that
//! way spends or remembers something, it is only looked whether it could, or it is done in a copy that
//! nobody else sees. `tests/explain.rs` holds the two ways together.

mod containers;
mod keys;
mod starts;
mod statements;

use super::{Core, Explanation};
use crate::gossip::{Looking, Stage, Walk};
use crate::id::{Link, Millis, NodeId};
use crate::wire::{Frame, Packet, Refusal, Statement, Tag};

impl Core {
    /// What would become of a packet that came over `link` now, stage by stage, and who would pay for it.
    /// Nothing is changed by asking: no count, budget, window, standing or cache, and nothing is signed,
    /// sent or told.
    ///
    /// This is for whoever runs the node, never for what comes from the network: no budget bounds it. It
    /// costs what the packet would cost, up to a signature check for each signature in it, and a copy of
    /// the table of keys, O(n).
    ///
    /// It says what [`handle_frame`](Self::handle_frame) would say. What that does beside it is left out:
    /// [`Refusal::NotABeacon`] is about what was asked for; and where a statement brings somebody else's
    /// header, or a step to the next view brings rotations, what they would change is looked at only as
    /// far as the packet itself depends on it.
    pub fn explain(&self, link: Link, bytes: &[u8], now: Millis) -> Explanation {
        let mut walk = Looking::at(&self.directory);
        let tag = Tag::of(bytes);
        let result = match &tag {
            Ok(Tag::Frame) => self.look_at_frame(&mut walk, link, bytes, now),
            Ok(_) => self.look_at_bare(&mut walk, link, bytes, now),
            Err(error) => Err(self.gossip.unreadable(&mut walk, link, error.clone(), now)),
        };
        Explanation::new((link, tag.ok(), origin_of(bytes)), walk.entered(), result)
    }

    fn look_at_frame(
        &self,
        walk: &mut Looking,
        link: Link,
        bytes: &[u8],
        now: Millis,
    ) -> Result<(), Refusal> {
        let refusal = match self.gossip.look_on(walk, link, bytes, now) {
            Err(refusal) => refusal,
            taken => return taken,
        };
        let is_new = Frame::parse(bytes).is_ok_and(|frame| {
            let header = frame.header();
            self.excesses.lock().would_be_new(header.origin, header.mark())
        });
        match refusal == Refusal::OverRate && !is_new {
            true => Err(Refusal::Replay),
            false => Err(refusal),
        }
    }

    fn look_at_bare(
        &self,
        walk: &mut Looking,
        link: Link,
        bytes: &[u8],
        now: Millis,
    ) -> Result<(), Refusal> {
        match self.parse_bare(walk, link, bytes, now)? {
            Packet::Statement(statement) => self.look_at_statement(walk, link, &statement, now),
            Packet::Certificate(it) => self.look_at_certificate(walk, link, it, now),
            Packet::Prevotes(it) => self.look_at_prevotes(walk, link, it, now),
            Packet::Change(it) => self.look_at_change(walk, &it),
            Packet::View(it) => self.look_at_step(walk, link, it, now),
            Packet::Proof(_) => self.look_at_proof(walk, link, bytes, now),
            Packet::Cookie(it) => self.look_at_cookie(walk, &it),
            Packet::CookieEcho(it) => self.look_at_cookie_echo(walk, link, &it, now),
            Packet::Frame(_) => Err(Refusal::Nonsense("a frame is no bare statement")),
        }
    }

    fn look_at_statement(
        &self,
        walk: &mut Looking,
        link: Link,
        statement: &Statement<'_>,
        now: Millis,
    ) -> Result<(), Refusal> {
        walk.enters(Stage::Origin);
        let (tag, node) = (statement.tag(), statement.head().origin);
        if node == self.node() {
            return match tag {
                Tag::Rotation | Tag::Recovery => {
                    self.look_at_own_key_change(walk, link, statement, now)
                }
                _ => Err(Refusal::Own),
            };
        }
        let member = self.view().index_of(&node).ok_or(Refusal::UnknownOrigin(node))?;
        let from = (link, member);
        match tag {
            Tag::Attestation => self.look_at_attestation(walk, link, statement, now),
            Tag::Ballot => self.look_at_ballot(walk, link, statement, now),
            Tag::Rotation | Tag::Recovery => self.look_at_key_change(walk, from, statement, now),
            Tag::Challenge => self.look_at_challenge(walk, from, statement, now),
            Tag::Answer => self.look_at_answer(walk, from, statement, now),
            Tag::Claim => self.look_at_claim(walk, from, statement, now),
            Tag::Witness => self.look_at_witness(walk, from, statement, now),
            _ => self.look_at_hello(walk, from, statement, now),
        }
    }
}

fn origin_of(bytes: &[u8]) -> Option<NodeId> {
    match Packet::parse(bytes).ok()? {
        Packet::Frame(frame) => Some(frame.header().origin),
        Packet::Statement(statement) => Some(statement.head().origin),
        _ => None,
    }
}
