//! Attacks on signed gossip. In each, node 0 is the victim, node 1 judges it, and what the attacker
//! sends comes over links of its own or under addresses of honest neighbours.

mod bytes;
mod contradictions;
mod copied;
mod epochs;
mod floods;
mod forged;
mod held;
mod links;
mod numbers;
mod patience;
mod quarantine;
mod relays;
mod seen;
mod steps;
mod stock;

use meshward::{Link, LinkId, Nonce};

use crate::support::link;

/// An authenticated link of the attacker's, another one for each number.
fn hostile(number: u64) -> Link {
    Link::Proven(LinkId(1000 + number))
}

/// A packet that carries the network address of an honest neighbour.
fn spoofed(place: usize) -> Link {
    Link::Claimed(link(place).id())
}

fn nonce(sequence: u32) -> Nonce {
    Nonce { boot: 1, sequence }
}
