//! The numbers reassembly is run with.

use super::shape::MIN_PIECE_LEN;
use super::shelf::{PACKET_COST, PIECE_COST};
use crate::keyring::Misuse;
use crate::wire::{MAX_FRAME_LEN, max_packet_len};

/// The numbers reassembly is run with. Ranges are checked when a [`Reassembler`](super::Reassembler) is
/// built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReassemblyConfig {
    /// The longest packet, in bytes: 1 KiB to 64 MiB.
    pub packet_bytes: usize,
    /// What the unfinished packets of one link may cost, in bytes, with what is kept beside their pieces:
    /// from [what one of the longest costs](Self::least_link_bytes) to 1 GiB. At 5 % loss every fifth packet of
    /// four pieces stays unfinished; the oldest goes when there is no room, so this bounds how many may be
    /// on their way at once, not how much gets through.
    pub link_bytes: usize,
    /// What those of all links without a place may cost together, in bytes: `link_bytes` to 4 GiB. The flood
    /// of a stranger pushes out what others have begun once it has brought so many bytes since: at 1 MiB
    /// and 100 Mbit/s that takes 80 ms, and the pieces of an honest packet follow each other at once.
    pub shared_bytes: usize,
    /// Places, each with `link_bytes` of its own: as many as there are neighbours. 0 to 65 536.
    pub links: usize,
    /// How long a packet may be unfinished, in milliseconds: 100 to 600 000. What comes of a packet that is
    /// sent again adds up within that time.
    pub timeout_ms: u64,
}

impl ReassemblyConfig {
    /// Numbers for a node that has `neighbours` in a mesh of `members`: room for the longest frame, and for
    /// certificates and steps from view to view of 8 KiB a member and 128 KiB more. 2 neighbours in a mesh of 9
    /// cost at most 2.4 MB, 8 in one of 1000 at most 200 MB.
    pub fn of(members: usize, neighbours: usize) -> Self {
        let packet_bytes = max_packet_len(members).clamp(MAX_FRAME_LEN, MOST_PACKET);
        Self {
            packet_bytes,
            link_bytes: packet_bytes.saturating_mul(2),
            shared_bytes: packet_bytes.saturating_mul(8),
            links: neighbours,
            timeout_ms: 5_000,
        }
    }

    /// What one unfinished packet of the longest may cost, in bytes: in pieces of 256 bytes, each with 64
    /// beside it.
    pub const fn least_link_bytes(&self) -> usize {
        let pieces = self.packet_bytes.div_ceil(MIN_PIECE_LEN);
        pieces
            .saturating_mul(PIECE_COST)
            .saturating_add(self.packet_bytes)
            .saturating_add(PACKET_COST)
    }

    /// The most that all unfinished packets may cost, in bytes.
    pub const fn most_bytes(&self) -> usize {
        self.links.saturating_mul(self.link_bytes).saturating_add(self.shared_bytes)
    }

    /// Checks every value against its range.
    ///
    /// # Errors
    /// [`Misuse::Config`] names the first that is out of it.
    pub fn validate(&self) -> Result<(), Misuse> {
        Misuse::unless_in_range("packet_bytes", self.packet_bytes, 1024, MOST_PACKET)?;
        Misuse::unless_in_range("link_bytes", self.link_bytes, self.least_link_bytes(), GIB)?;
        Misuse::unless_in_range(
            "shared_bytes",
            self.shared_bytes,
            self.link_bytes,
            GIB.saturating_mul(4),
        )?;
        Misuse::unless_in_range("links", self.links, 0, 65_536)?;
        Misuse::unless_in_range("timeout_ms", self.timeout_ms, 100, 600_000)
    }
}

const MOST_PACKET: usize = 64 * 1024 * 1024;
const GIB: usize = 1024 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_for_a_mesh_holds_and_bad_values_are_named() {
        for members in [1, 4, 9, 100, 1_000, 16_384, usize::MAX] {
            for neighbours in [0, 1, 40] {
                let config = ReassemblyConfig::of(members, neighbours);
                assert_eq!(config.validate(), Ok(()), "{config:?}");
            }
        }
        assert_eq!(ReassemblyConfig::of(9, 2).most_bytes(), 12 * 25 * 8 * 1024);
        assert_eq!(ReassemblyConfig::of(1000, 8).most_bytes(), 24 * 8_323_072);
        let good = ReassemblyConfig::of(9, 2);
        let bad = [
            ("packet_bytes", ReassemblyConfig { packet_bytes: 1023, ..good.clone() }),
            ("link_bytes", ReassemblyConfig { link_bytes: good.packet_bytes, ..good.clone() }),
            ("shared_bytes", ReassemblyConfig { shared_bytes: 0, ..good.clone() }),
            ("links", ReassemblyConfig { links: 65_537, ..good.clone() }),
            ("timeout_ms", ReassemblyConfig { timeout_ms: 99, ..good }),
        ];
        for (name, config) in bad {
            assert!(config.validate().unwrap_err().to_string().contains(name), "{config:?}");
        }
    }
}
