//! Into how many pieces a packet is cut, and how long each is.

use super::tree::HASH_LEN;

/// The shortest datagram that packets are cut for, in bytes: what the smallest packet that every IPv4 host
/// takes (576 bytes, RFC 791) leaves beside IP, UDP and a small envelope of the transport.
pub const MIN_DATAGRAM_LEN: usize = 512;

/// The longest datagram, in bytes: that of UDP over IPv4 (RFC 768, RFC 791).
pub const MAX_DATAGRAM_LEN: usize = 65_507;

/// The most pieces of one packet.
pub const MAX_PIECES: u16 = 16_384;

/// The shortest piece but the last, in bytes. What is kept beside each piece is a quarter of that.
pub(super) const MIN_PIECE_LEN: usize = 256;

/// Bytes of a fragment before the digests: version, tag, number of pieces, index, length of the packet,
/// its name.
pub(super) const HEAD_LEN: usize = 10 + HASH_LEN;

/// How a packet is cut: all pieces are equally long, and the last may be shorter. So each piece is told
/// its place and length by two numbers, and no two pieces overlap (RFC 5722).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    count: u16,
    length: u32,
}

impl Shape {
    /// Nothing if the numbers do not fit each other: a packet has one shape for each number of pieces.
    pub(super) fn new(count: u16, length: u32) -> Option<Self> {
        let shape = Self { count, length };
        let before_the_last = usize::from(count).checked_sub(1)?.checked_mul(shape.piece_len())?;
        let fits = (2..=MAX_PIECES).contains(&count)
            && shape.piece_len() >= MIN_PIECE_LEN
            && before_the_last < shape.length();
        fits.then_some(shape)
    }

    /// The fewest pieces for a packet of `length` bytes that fit datagrams of `datagram` bytes each.
    pub(super) fn for_packet(length: usize, datagram: usize) -> Option<Self> {
        let mut levels = 1;
        while levels <= MAX_PIECES.ilog2() {
            let digests = HASH_LEN.saturating_mul(usize::try_from(levels).ok()?);
            let room = datagram.checked_sub(HEAD_LEN.saturating_add(digests)).filter(|n| *n > 0)?;
            let count = length.div_ceil(room);
            if count <= 1 << levels {
                // As equal as they can be.
                let piece = length.div_ceil(count.max(2));
                let count = length.checked_div(piece).map(|_| length.div_ceil(piece))?;
                return Self::new(u16::try_from(count).ok()?, u32::try_from(length).ok()?);
            }
            levels = levels.saturating_add(1);
        }
        None
    }

    pub(super) const fn count(self) -> u16 {
        self.count
    }

    /// The length of the packet in bytes.
    pub(super) fn length(self) -> usize {
        usize::try_from(self.length).unwrap_or(usize::MAX)
    }

    pub(super) const fn length_u32(self) -> u32 {
        self.length
    }

    /// The length of each piece but the last, in bytes.
    pub(super) fn piece_len(self) -> usize {
        self.length().div_ceil(usize::from(self.count.max(1)))
    }

    /// The length of the piece at `index`, if there is one.
    pub(super) fn len_of(self, index: u16) -> Option<usize> {
        let begin = usize::from(index).checked_mul(self.piece_len())?;
        let left = self.length().checked_sub(begin).filter(|left| *left > 0)?;
        (index < self.count).then_some(left.min(self.piece_len()))
    }

    /// Digests in each fragment: the height of the tree over the pieces.
    pub(super) fn height(self) -> usize {
        let last = self.count.saturating_sub(1);
        usize::try_from(u16::BITS.saturating_sub(last.leading_zeros())).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_packet_has_a_shape_that_fits(
            datagram in MIN_DATAGRAM_LEN..=4096, extra in 1_usize..3_000_000,
        ) {
            let length = datagram + extra;
            let shape = Shape::for_packet(length, datagram).unwrap();
            prop_assert_eq!(Shape::new(shape.count, shape.length), Some(shape));
            let longest = HEAD_LEN + HASH_LEN * shape.height() + shape.piece_len();
            prop_assert!(longest <= datagram);
            let lengths = (0..shape.count()).map(|index| shape.len_of(index).unwrap());
            prop_assert_eq!(lengths.sum::<usize>(), length);
            prop_assert_eq!(shape.len_of(shape.count()), None);
        }

        #[test]
        fn any_numbers_make_whole_packets_or_none(count: u16, length: u32) {
            if let Some(shape) = Shape::new(count, length) {
                let lengths = (0..count).map(|index| shape.len_of(index).unwrap());
                prop_assert_eq!(lengths.sum::<usize>(), shape.length());
            }
        }
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        for (count, length) in [(0, 900), (1, 900), (4, 900), (2, 510), (16_385, u32::MAX), (3, 0)]
        {
            assert_eq!(Shape::new(count, length), None, "{count} {length}");
        }
        assert!(Shape::new(2, 511).is_some() && Shape::new(3, 900).is_some());
        // Pieces of 256 bytes: 256 of them end where a 257th would begin.
        assert_eq!(Shape::new(257, 256 * 256), None);
        assert_eq!(Shape::for_packet(usize::MAX, 1200), None);
        assert_eq!(Shape::for_packet(900, 20), None);
    }
}
