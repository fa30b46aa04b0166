//! A public key with what does not change from check to check.

use super::commitment::commitment;
use super::params::{
    CHALLENGE_LEN, HASH_LEN, HINTS_LEN, K, PUBLIC_KEY_LEN, SEED_LEN, SIGNATURE_LEN, T1_LEN,
};
use super::row::Row;
use super::sample::{hash, in_ball, matrix_row};
use super::{decode, hints};

/// What the two suites do not have in common.
#[allow(dead_code, reason = "either suite may be left out of a build")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// ML-DSA-65: before the message stand a zero, the context's length, and the context (FIPS 204,
    /// algorithm 3). The challenge is sampled from all 48 bytes of its hash.
    MlDsa65,
    /// PQClean's Dilithium3. It knows no context, so what stands before the message is our own: the
    /// length of the purpose's tag, and the tag. The challenge is sampled from the first 32 bytes of
    /// its hash; all 48 are compared.
    Dilithium3,
}

impl Variant {
    /// How many bytes of the challenge hash the challenge is sampled from.
    const fn seed_len(self) -> usize {
        match self {
            Self::MlDsa65 => CHALLENGE_LEN,
            Self::Dilithium3 => 32,
        }
    }
}

/// A public key ready for checks, about 36 KiB on the heap.
pub(crate) struct ExpandedKey {
    variant: Variant,
    /// The hash of the encoded key.
    tr: [u8; HASH_LEN],
    rows: Box<[Row; K]>,
}

impl ExpandedKey {
    /// Any bytes of the right length are a key (FIPS 204, algorithm 23); `None` for another length.
    pub(crate) fn new(variant: Variant, public: &[u8]) -> Option<Self> {
        let public: &[u8; PUBLIC_KEY_LEN] = public.try_into().ok()?;
        let (seed, t1) = public.split_first_chunk::<SEED_LEN>()?;
        let (t1, _) = t1.as_chunks::<T1_LEN>();
        let mut rows = Box::new([Row::EMPTY; K]);
        for ((row, t1), number) in rows.iter_mut().zip(t1).zip(0..) {
            *row = Row::new(matrix_row(seed, number), decode::t1(t1));
        }
        Some(Self { variant, tr: hash(&[public]), rows })
    }

    /// Whether the signature on `message` with this context holds. There is none with a context of
    /// more than 255 bytes.
    pub(crate) fn verify(&self, context: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let Ok(length) = u8::try_from(context.len()) else { return false };
        let prefix = [0, length];
        let prefix = match self.variant {
            Variant::MlDsa65 => prefix.as_slice(),
            Variant::Dilithium3 => prefix.split_at(1).1,
        };
        self.holds([prefix, context, message], signature).is_some()
    }

    /// FIPS 204, algorithm 8, on the parts of M', one after the other.
    fn holds(&self, [prefix, context, message]: [&[u8]; 3], signature: &[u8]) -> Option<()> {
        let signature: &[u8; SIGNATURE_LEN] = signature.try_into().ok()?;
        let (challenge, rest) = signature.split_first_chunk::<CHALLENGE_LEN>()?;
        let (z, hints) = rest.split_last_chunk::<HINTS_LEN>()?;
        let hints = hints::hints(hints)?;
        let c = in_ball(challenge.get(..self.variant.seed_len())?);
        let w1 = commitment(&self.rows, z.as_chunks().0.try_into().ok()?, &c, &hints)?;

        let mu: [u8; HASH_LEN] = hash(&[&self.tr, prefix, context, message]);
        let again: [u8; CHALLENGE_LEN] = hash(&[&mu, w1.as_flattened()]);
        (*challenge == again).then_some(())
    }
}
