//! Packets over datagrams that are shorter than they are: what a host puts between its socket and
//! `handle_frame`.
//!
//! A signed frame takes 3.4 KiB and its body, a certificate as much for each member that signs it. A
//! datagram carries 1232 bytes at the least MTU of IPv6. Left to IP, one forged fragment spoils a packet
//! (RFC 4963), and many networks drop fragments at all (RFC 8900). A [`Fragmenter`] cuts packets above
//! UDP, and a [`Reassembler`] puts them together again. A packet that fits goes as it is, without one byte
//! more.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use meshward::wire::{Container, Tag};
//! use meshward::{Fragmenter, Link, LinkId, MeshId, Millis, Reassembler, ReassemblyConfig};
//!
//! // 1280 bytes of MTU, less 48 for IPv6 and UDP.
//! let fragmenter = Fragmenter::new(1232)?;
//! let packet = Container::to_bytes(Tag::Certificate, MeshId::from_bytes([1; 32]), &[7; 4_000]);
//! let datagrams = fragmenter.split(&packet)?;
//! assert_eq!(datagrams.len(), 4);
//!
//! // A node in a mesh of nine that has two neighbours.
//! let reassembler = Reassembler::new(ReassemblyConfig::of(9, 2))?;
//! let (link, now) = (Link::Proven(LinkId(7)), Millis(0));
//! let mut whole = Vec::new();
//! // They may come in any order, and more than once.
//! for datagram in datagrams.iter().rev() {
//!     if let Some(packet) = reassembler.take(link, datagram, now)? {
//!         // Here a host calls `handle_frame(link, &packet, now)`, and then, by what it says,
//!         //     Ok(Accepted::Message(_)) => reassembler.was_of_use(link, now),
//!         //     Ok(Accepted::CookieEcho(_)) => reassembler.answered(link, now),
//!         whole.push(packet.into_owned());
//!     }
//! }
//! assert_eq!(whole, [packet]);
//! # Ok(())
//! # }
//! ```
//!
//! # Layout
//!
//! ```text
//! version 1 | tag 255 | pieces u16 | index u16 | packet length u32 | packet name 16 | digests 16 × h | piece
//! ```
//!
//! *h* is the height of a binary tree over the pieces: 26 + 16 *h* bytes beside each piece, 58 of 1232
//! for a frame in 3 or 4 pieces. All pieces of a packet are equally long, the last may be shorter, so
//! nothing overlaps (RFC 5722). The leaves are digests of the pieces with their indices; the packet's name is
//! the digest of the top, the number of pieces and the length. The digests beside the piece are what its way
//! to the top needs (Merkle 1987; for packets of a stream Wong and Lam 1998, and against injected ones the
//! distillation codes of Karlof and others 2004).
//!
//! # Who might spoil it, and what comes of that
//!
//! * **A forged piece of somebody else's packet**, from an outsider that put a neighbour's address on it, a
//!   neighbour or a relay. With a plain identifier the receiver cannot tell which of two pieces is the
//!   forged one: it spoils the packet, or keeps both and tries all combinations. Here each fragment is
//!   checked alone, before anything of it is kept: to pass, other bytes must have the same digest of 128
//!   bits. The number of pieces, the place and the length are bound as well, so no fragment can have an honest
//!   packet look shorter, longer or whole. A digest of the whole packet alone would show only in
//!   the end that something was wrong, and a list of all pieces' digests in each fragment does not fit
//!   for certificates.
//! * **A copied fragment** is the same piece again: nothing changes. Packets are put together by link and
//!   name, so what one link brings never mixes with what another does: a copy over a third link begins
//!   a packet there, and is nobody's on the link it was copied from. A packet put together over a proven link
//!   is in every byte what that neighbour sent, so it pays for what is wrong with it as for any packet, and
//!   nobody pays for what a claimed link brings.
//! * **Packets that are never finished.** Their author chooses their names, so nothing but a bound helps.
//!   Only bytes that came are kept, nothing is set aside for what was announced, and pieces have a least
//!   length, so what is counted is what is held. A link with a place has a part of its own. All others share
//!   one part, of which each has at most as much as a place. Within each the oldest goes first: a packet
//!   needs milliseconds, and a flood has to bring the whole part in that time to push it out. Places are
//!   given as [`gossip`](crate::gossip) gives them: to proven links that brought something new and true, to
//!   claimed addresses that answered a cookie, to whom the host reserves one; and no crowd takes them away
//!   from links of use. Who sends under the very address of a neighbour competes with it for that
//!   address's part, and nothing but a transport that proves its links prevents that.
//! * **Fragments by the thousand** cost a digest each, about as much as the kernel took to hand them over
//!   (see `cargo bench --bench fragments`). A host that wants floods of bad ones held against proven links hands
//!   what was [refused](FragmentError) to `handle_frame` as it is.
//! * **Old fragments, played again**, begin their packet again and at most complete it: the replay window
//!   of the core is what refuses that.
//!
//! # Loss
//!
//! A packet of *p* pieces arrives if all do: at 5 % loss 81 % of those in 4 pieces, and hardly any of a
//! hundred. A packet is always cut in the same way, so what arrives of it sent again within
//! [`timeout_ms`](ReassemblyConfig::timeout_ms) adds up. A mesh of hundreds over lossy
//! datagrams should carry certificates over streams instead.

mod config;
mod error;
mod fragment;
mod fragmenter;
mod reassembler;
mod shape;
mod shelf;
mod tree;

pub use config::ReassemblyConfig;
pub use error::{FragmentError, SplitError};
pub use fragmenter::Fragmenter;
pub use reassembler::Reassembler;
pub use shape::{MAX_DATAGRAM_LEN, MAX_PIECES, MIN_DATAGRAM_LEN};

#[cfg(test)]
mod tests;
