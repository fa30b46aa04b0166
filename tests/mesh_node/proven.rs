//! Envelopes: what they prove, and what they refuse.

use meshward::{MeshId, NodeId};

use crate::mesh_node::envelope::{ENVELOPE_LEN, Envelope, Opened};
use crate::mesh_node::start_number;

/// An end of the link between two nodes, in a start of its own.
fn end(me: u8, peer: u8, start: u64) -> Envelope {
    let [me, peer] = [me, peer].map(|number| NodeId::from_bytes([number; 32]));
    Envelope::new(&[7; 32], MeshId::from_bytes([9; 32]), (me, peer), start)
}

/// Two ends that know each other's start.
fn ends() -> (Envelope, Envelope) {
    let (north, south) = (end(1, 2, 10), end(2, 1, 20));
    assert_eq!(south.open(&north.seal(b"1")), Opened::Claimed(b"1"), "it names no start of south");
    assert_eq!(north.open(&south.seal(b"2")), Opened::Proven(b"2"));
    assert_eq!(south.open(&north.seal(b"3")), Opened::Proven(b"3"));
    (north, south)
}

#[test]
fn a_datagram_is_proven_once_and_in_any_order() {
    let (north, south) = ends();
    let sent: Vec<_> = (0..1_500).map(|number: u32| north.seal(&number.to_le_bytes())).collect();
    let mut order: Vec<usize> = (0..sent.len()).collect();
    order.chunks_mut(50).for_each(<[usize]>::reverse);
    for place in &order {
        assert!(matches!(south.open(&sent[*place]), Opened::Proven(_)), "{place}");
    }
    for datagram in &sent {
        assert_eq!(south.open(datagram), Opened::Repeated, "of whatever age");
    }
}

#[test]
fn one_that_is_older_than_all_that_is_remembered_is_refused() {
    let (north, south) = ends();
    let late = north.seal(b"late");
    for _ in 0..1_100 {
        assert!(matches!(south.open(&north.seal(b"")), Opened::Proven(_)));
    }
    assert_eq!(south.open(&late), Opened::Repeated);
}

#[test]
fn what_was_recorded_before_a_restart_proves_nothing_after_it() {
    let (north, south) = ends();
    let recorded = north.seal(b"old");
    assert_eq!(south.open(&recorded), Opened::Proven(b"old"));
    // The receiver starts anew and remembers nothing.
    let south = end(2, 1, 21);
    for _ in 0..3 {
        assert_eq!(south.open(&recorded), Opened::Claimed(b"old"));
    }
    // Both go on, once they have heard of it.
    assert_eq!(north.open(&south.seal(b"new")), Opened::Proven(b"new"));
    assert_eq!(south.open(&north.seal(b"new")), Opened::Proven(b"new"));
    assert_eq!(south.open(&recorded), Opened::Claimed(b"old"));
    // So it is when the sender does.
    let recorded = north.seal(b"old");
    let north = end(1, 2, 11);
    assert_eq!(south.open(&north.seal(b"new")), Opened::Claimed(b"new"));
    assert_eq!(south.open(&recorded), Opened::Claimed(b"old"), "its start is over");
    assert_eq!(north.open(&south.seal(b"new")), Opened::Proven(b"new"));
    assert_eq!(south.open(&north.seal(b"new")), Opened::Proven(b"new"));
}

#[test]
fn a_start_number_that_went_back_is_heard_and_proves_nothing() {
    let (_north, south) = ends();
    let north = end(1, 2, 9);
    for _ in 0..3 {
        assert!(matches!(south.open(&north.seal(b"")), Opened::Claimed(_)));
        assert!(matches!(north.open(&south.seal(b"")), Opened::Claimed(_)));
    }
}

/// The disk of south comes from a copy and its clock is late, so it counts as it did before. Who has recorded
/// that start plays it again.
#[test]
fn a_start_that_is_counted_again_proves_no_recording() {
    let directory = tempfile::tempdir().unwrap();
    let start = || {
        let copy = (4_000_000_000_u64 << 32).to_string();
        std::fs::write(directory.path().join("mesh_node.start"), copy).unwrap();
        start_number::next(directory.path()).unwrap()
    };
    let (north, south) = (end(1, 2, 10), end(2, 1, start()));
    assert_eq!(north.open(&south.seal(b"1")), Opened::Claimed(b"1"));
    let recorded = north.seal(b"old");
    assert_eq!(south.open(&recorded), Opened::Proven(b"old"));
    let south = end(2, 1, start());
    assert_eq!(south.open(&recorded), Opened::Claimed(b"old"));
}

#[test]
fn nothing_is_proven_but_what_the_peer_sent_to_this_node() {
    let (north, south) = ends();
    let sent = north.seal(b"payload");
    assert_eq!(sent.len(), ENVELOPE_LEN + 7);
    assert_eq!(north.open(&sent), Opened::Forged, "sent back to its sender");
    assert_eq!(end(3, 1, 20).open(&sent), Opened::Forged, "another node, the same secret");
    for len in 0..sent.len() {
        assert_eq!(south.open(&sent[..len]), Opened::Forged, "cut to {len}");
    }
    for bit in 0..sent.len() * 8 {
        let mut other = sent.clone();
        other[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(south.open(&other), Opened::Forged, "bit {bit}");
    }
    assert_eq!(south.open(&sent), Opened::Proven(b"payload"));
}

#[test]
fn each_end_is_told_how_much_of_what_it_sends_arrives() {
    let (north, south) = ends();
    assert_eq!(north.quality(), None, "too little was sent");
    for number in 0..300 {
        let sent = north.seal(b"");
        if number % 4 != 0 {
            assert!(matches!(south.open(&sent), Opened::Proven(_)));
        }
    }
    assert!(matches!(north.open(&south.seal(b"")), Opened::Proven(_)));
    assert_eq!(north.quality(), Some(75));
    assert_eq!(south.quality(), None);
    // A receiver that starts anew does not count as lost what it was not there for.
    let south = end(2, 1, 21);
    assert!(matches!(north.open(&south.seal(b"")), Opened::Claimed(_)));
    assert_eq!(north.quality(), None, "of the start before");
    for _ in 0..30 {
        assert!(matches!(south.open(&north.seal(b"")), Opened::Proven(_)));
    }
    assert!(matches!(north.open(&south.seal(b"")), Opened::Proven(_)));
    assert_eq!(north.quality(), Some(100));
}
