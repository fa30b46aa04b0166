//! The tree of digests that lets each piece of a packet be checked alone.

use crate::id::Digest;

/// Bytes of a digest in the tree. To replace a piece somebody has to find other bytes with the same
/// digest: 2¹²⁸ tries, while the packet is unfinished. Two packets under one id take 2⁶⁴, and only their
/// own author can make them, who could as well send both.
pub(super) const HASH_LEN: usize = 16;

pub(super) type Hash = [u8; HASH_LEN];

/// Stands for what is missing on the right of a tree that is not full.
const NOTHING: Hash = [0; HASH_LEN];

const PIECE: &str = "meshward 2026-11 fragment piece";
const NODE: &str = "meshward 2026-11 fragment node";
const PACKET: &str = "meshward 2026-11 fragment packet";

/// The digest of the piece at `index`.
pub(super) fn leaf(index: u16, piece: &[u8]) -> Hash {
    let mut hasher = blake3::Hasher::new_derive_key(PIECE);
    hasher.update(&index.to_le_bytes()).update(piece);
    let mut hash = NOTHING;
    hasher.finalize_xof().fill(&mut hash);
    hash
}

fn node(left: &Hash, right: &Hash) -> Hash {
    shortened(&Digest::of(NODE, [*left, *right].as_flattened()))
}

/// The name of a packet: what is on top of its tree, with the number of its pieces and its length, so
/// that no fragment can tell another number or length under the same name.
pub(super) fn id(count: u16, length: u32, top: &Hash) -> Hash {
    let [c0, c1] = count.to_le_bytes();
    let [l0, l1, l2, l3] = length.to_le_bytes();
    shortened(&Digest::of(PACKET, [[c0, c1, l0, l1, l2, l3].as_slice(), top].concat().as_slice()))
}

fn shortened(digest: &Digest) -> Hash {
    digest.as_bytes().first_chunk().copied().unwrap_or(NOTHING)
}

/// All digests over some pieces, the leaves first.
pub(super) struct Tree {
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    pub(super) fn new(leaves: Vec<Hash>) -> Self {
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let parents = below.chunks(2).map(|pair| match pair {
                [left, right] => node(left, right),
                [left, ..] => node(left, &NOTHING),
                [] => NOTHING,
            });
            let parents = parents.collect();
            levels.push(parents);
        }
        Self { levels }
    }

    pub(super) fn top(&self) -> Hash {
        self.levels.last().and_then(|level| level.first()).copied().unwrap_or(NOTHING)
    }

    /// What stands beside the way from the piece at `index` to the top, from below.
    pub(super) fn path(&self, index: u16) -> impl Iterator<Item = Hash> {
        let below_the_top = self.levels.len().saturating_sub(1);
        self.levels.iter().take(below_the_top).scan(usize::from(index), |place, level| {
            let beside = level.get(*place ^ 1).copied().unwrap_or(NOTHING);
            *place >>= 1;
            Some(beside)
        })
    }
}

/// The top that follows from the digest of the piece at `index` and what stands beside its way up.
pub(super) fn climb(index: u16, leaf: Hash, path: &[Hash]) -> Hash {
    let (top, _) = path.iter().fold((leaf, index), |(below, place), beside| {
        let above = if place & 1 == 0 { node(&below, beside) } else { node(beside, &below) };
        (above, place >> 1)
    });
    top
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_leads_to_the_top_and_no_other_does() {
        for count in 1..=33_u16 {
            let leaves: Vec<_> = (0..count).map(|index| leaf(index, &[7])).collect();
            let tree = Tree::new(leaves.clone());
            for index in 0..count {
                let path: Vec<_> = tree.path(index).collect();
                assert_eq!(1 << path.len(), usize::from(count).next_power_of_two());
                let at = |index: u16, leaf| climb(index, leaf, &path);
                assert_eq!(at(index, leaves[usize::from(index)]), tree.top());
                assert_ne!(at(index, leaf(index, &[8])), tree.top());
                assert_ne!(at(index, leaf(index ^ 1, &[7])), tree.top());
                if count > 1 {
                    assert_ne!(at(index ^ 1, leaves[usize::from(index)]), tree.top());
                }
            }
        }
    }

    #[test]
    fn the_name_binds_number_and_length() {
        let top = Tree::new(vec![leaf(0, b"a"), leaf(1, b"b"), leaf(2, b"c")]).top();
        assert_ne!(id(3, 900, &top), id(4, 900, &top));
        assert_ne!(id(3, 900, &top), id(3, 901, &top));
        assert_ne!(id(3, 900, &top), top);
    }
}
