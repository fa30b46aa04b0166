//! By what a duplicate is told from an equivocation.

use crate::wire::SignedHeader;

/// Bytes at the end of a header: its nonce, and all that stands behind it.
const NONCE_AND_AFTER: usize = 8 + 8 + 2 + 4 + 32;

/// Tells the frames of one member under one key and nonce apart. It covers all that is signed but what
/// is the same in all of them, and was compared by then: mesh, origin, suite, epoch and key. That fits
/// in one block of BLAKE3, where the whole header takes three, each about 70 ns.
pub(super) fn fingerprint(key: &[u8; 32], header: &SignedHeader<'_>) -> u32 {
    let mut open = [0; 8 + NONCE_AND_AFTER];
    let (view, rest) = open.split_at_mut(8);
    view.copy_from_slice(&header.header().view.0.to_le_bytes());
    if let Some(told) = header.signed().last_chunk::<NONCE_AND_AFTER>() {
        rest.copy_from_slice(told);
    }
    let hash = blake3::keyed_hash(key, &open);
    hash.as_bytes().first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Digest, Epoch, MeshId, NodeId, Nonce, SentAt, ViewNumber};
    use crate::suite::Suite;
    use crate::wire::{Header, Kind};

    fn tag(header: &Header) -> u32 {
        let signature = vec![9; header.suite.signature_len()];
        let bytes = [header.to_bytes().unwrap().as_slice(), &signature].concat();
        fingerprint(&[3; 32], &SignedHeader::parse(&bytes).unwrap())
    }

    /// What a member can sign anew under one nonce is another frame, so that it is taken for no duplicate.
    #[test]
    fn whatever_a_member_can_change_under_a_nonce_tells() {
        let header = Header {
            mesh: MeshId::from_bytes([1; 32]),
            suite: Suite::MlDsa65,
            view: ViewNumber(2),
            origin: NodeId::from_bytes([3; 32]),
            epoch: Epoch::FIRST,
            key: Digest::from_bytes([4; 32]),
            nonce: Nonce { boot: 5, sequence: 6 },
            sent_at: SentAt(7),
            kind: Kind::Beacon,
            body_len: 8,
            body: Digest::from_bytes([9; 32]),
        };
        let mut last_byte = [9; 32];
        last_byte[31] = 8;
        let others = [
            Header { view: ViewNumber(3), ..header.clone() },
            Header { nonce: Nonce { boot: 6, sequence: 6 }, ..header.clone() },
            Header { sent_at: SentAt(8), ..header.clone() },
            Header { sent_at: SentAt(7 | 1 << 63), ..header.clone() },
            Header { kind: Kind::RouteUpdate, ..header.clone() },
            Header { body_len: 9, ..header.clone() },
            Header { body: Digest::from_bytes(last_byte), ..header.clone() },
        ];
        assert_eq!(tag(&header), tag(&header.clone()));
        for other in others {
            assert_ne!(tag(&header), tag(&other), "{other:?}");
        }
    }
}
