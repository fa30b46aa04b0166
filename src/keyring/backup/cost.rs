//! What one guess at a passphrase costs.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::{Zeroize, Zeroizing};

use super::seal::Key;
use super::{BackupError, Passphrase};

/// The parameters of Argon2id (RFC 9106, section 3.1).
///
/// They stand in the backup, which may come from an enemy, so they have bounds that are held before
/// anything is allocated or computed. Both choices that RFC 9106 recommends (section 4) lie within:
/// 2 GiB once, and 64 MiB three times. The default is the second: it fits a router.
///
/// | what | range | why |
/// |---|---|---|
/// | memory | 8 KiB a lane to 2 GiB | the least of the RFC (section 3.1), the most that it recommends |
/// | passes | 1 to 32 | |
/// | lanes | 1 to 16 | one thread computes them all |
/// | memory × passes | up to 4 GiB | time: 4 s where the default (192 MiB) takes 0.2 s |
///
/// Anything below the default is for tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KdfCost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl KdfCost {
    /// The second choice that RFC 9106 recommends: 64 MiB, 3 passes, 4 lanes.
    pub const DEFAULT: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 };

    const MAX_MEMORY_KIB: u32 = 2 * 1024 * 1024;
    const MAX_PASSES: u32 = 32;
    const MAX_LANES: u32 = 16;
    const MAX_WORK_KIB: u64 = 4 * 1024 * 1024;

    /// Memory in KiB, passes over it, and lanes in it.
    ///
    /// # Errors
    ///
    /// [`BackupError::OutOfRange`].
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, BackupError> {
        let refuse = |what, found, range| Err(BackupError::OutOfRange { what, found, range });
        if !(1..=Self::MAX_LANES).contains(&lanes) {
            return refuse("a number of lanes", lanes.into(), "1 to 16");
        }
        if !(1..=Self::MAX_PASSES).contains(&passes) {
            return refuse("a number of passes", passes.into(), "1 to 32");
        }
        if !(lanes.saturating_mul(8)..=Self::MAX_MEMORY_KIB).contains(&memory_kib) {
            return refuse("a memory in KiB", memory_kib.into(), "8 a lane to 2097152");
        }
        let work = u64::from(memory_kib).saturating_mul(passes.into());
        if work > Self::MAX_WORK_KIB {
            return refuse("a memory in KiB times passes", work, "at most 4194304");
        }
        Ok(Self { memory_kib, passes, lanes })
    }

    /// The memory, in KiB.
    pub const fn memory_kib(&self) -> u32 {
        self.memory_kib
    }

    /// The passes over the memory.
    pub const fn passes(&self) -> u32 {
        self.passes
    }

    /// The lanes in the memory.
    pub const fn lanes(&self) -> u32 {
        self.lanes
    }

    /// The key that `passphrase` gives with this `salt`.
    pub(super) fn derive(
        &self,
        passphrase: &Passphrase,
        salt: &[u8; 16],
    ) -> Result<Key, BackupError> {
        let mut key = Zeroizing::new([0; 32]);
        self.hash(passphrase.as_bytes(), salt, &mut key)?;
        Ok(Key::new(key))
    }

    pub(super) fn hash(
        &self,
        secret: &[u8],
        salt: &[u8],
        out: &mut [u8; 32],
    ) -> Result<(), BackupError> {
        let no_memory = BackupError::NoMemory { kib: self.memory_kib };
        let parameters = Params::new(self.memory_kib, self.passes, self.lanes, Some(out.len()));
        // The ranges of `new` lie within those of the crate beneath.
        let Ok(parameters) = parameters else { return Err(no_memory) };
        let mut memory = Memory::of(parameters.block_count()).ok_or(no_memory)?;
        Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
            .hash_password_into_with_memory(secret, salt, out, &mut memory.0)
            .map_err(|_| BackupError::NoMemory { kib: self.memory_kib })
    }
}

impl Default for KdfCost {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The memory that Argon2 fills. Its own would be given back as it is; this is wiped first.
pub(super) struct Memory(pub(super) Vec<Block>);

impl Memory {
    pub(super) fn of(blocks: usize) -> Option<Self> {
        let mut memory = Vec::new();
        memory.try_reserve_exact(blocks).ok()?;
        memory.resize(blocks, Block::default());
        Some(Self(memory))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(Zeroize::zeroize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ranges_hold() {
        let refused = |memory, passes, lanes| KdfCost::new(memory, passes, lanes).is_err();
        let taken =
            [(8, 1, 1), (128, 32, 16), (65_536, 3, 4), (2_097_152, 1, 4), (2_097_152, 2, 1)];
        for (memory, passes, lanes) in taken {
            assert!(!refused(memory, passes, lanes), "{memory} {passes} {lanes}");
        }
        let out = [
            (7, 1, 1),
            (15, 1, 2),
            (2_097_153, 1, 1),
            (u32::MAX, 1, 1),
            (8, 0, 1),
            (8, 33, 1),
            (8, u32::MAX, 1),
            (1024, 1, 0),
            (1024, 1, 17),
            (u32::MAX, u32::MAX, u32::MAX),
            (2_097_152, 3, 1),
        ];
        for (memory, passes, lanes) in out {
            assert!(refused(memory, passes, lanes), "{memory} {passes} {lanes}");
        }
        let KdfCost { memory_kib, passes, lanes } = KdfCost::DEFAULT;
        assert_eq!(KdfCost::new(memory_kib, passes, lanes).unwrap(), KdfCost::DEFAULT);
    }
}
