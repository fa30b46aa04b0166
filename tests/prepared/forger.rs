//! Signatures that hold, but for what a test wants: anybody can sign under a key whose t1 is zero,
//! with any z and any hints, because the challenge then has nothing to multiply.

use crate::judges::{Judges, whole_message};
use crate::prepared::Variant;
use crate::reference::{self, GAMMA1, HINTS_AT, K, L, Poly};

pub(crate) type Hints = [[bool; 256]; K];

/// A key with this ρ and t1 = 0.
pub(crate) struct Forger {
    pub(crate) judges: Judges,
    matrix: Vec<[Poly; L]>,
}

impl Forger {
    pub(crate) fn new(variant: Variant, rho: [u8; 32]) -> Self {
        let public = [rho.as_slice(), &[0; 1920]].concat();
        Self { judges: Judges::new(variant, &public), matrix: reference::expand_a(&rho) }
    }

    /// What z and the hints of the signature are to give.
    pub(crate) fn w(&self, z: &[Poly]) -> Vec<Poly> {
        reference::approximate_w(&self.matrix, z, &[0; 256], &[[0; 256]; K])
    }

    /// A signature whose hash fits, with z as told and the hints packed as they should be.
    pub(crate) fn sign(&self, context: &[u8], message: &[u8], z: &[Poly], h: &Hints) -> Vec<u8> {
        self.sign_packed(context, message, z, h, &packed(h))
    }

    /// The same with a packing of the hints of one's own.
    pub(crate) fn sign_packed(
        &self,
        context: &[u8],
        message: &[u8],
        z: &[Poly],
        h: &Hints,
        packed: &[u8],
    ) -> Vec<u8> {
        let message = whole_message(self.judges.variant, context, message);
        let mu = reference::mu(&self.judges.public, &message);
        let mut signature = reference::hash(&[&mu, &reference::packed_w1(&self.w(z), h)], 48);
        z.iter().for_each(|z| signature.extend(packed_z(z)));
        assert_eq!(signature.len(), HINTS_AT);
        signature.extend(packed);
        signature
    }
}

/// Algorithm 17: 20 bits a coefficient, which has to be in −γ1 + 1 ..= γ1.
pub(crate) fn packed_z(z: &Poly) -> Vec<u8> {
    let two = |pair: &[i64]| {
        let [low, high] = [pair[0], pair[1]].map(|a| u64::try_from(GAMMA1 - a).unwrap());
        assert!(low < 1 << 20 && high < 1 << 20);
        (low | high << 20).to_le_bytes()[..5].to_vec()
    };
    z.chunks(2).flat_map(two).collect()
}

/// Algorithm 20.
pub(crate) fn packed(h: &Hints) -> Vec<u8> {
    let (mut places, mut ends) = (Vec::new(), Vec::new());
    for h in h {
        places.extend((0..=255).filter(|place| h[usize::from(*place)]));
        ends.push(u8::try_from(places.len()).unwrap());
    }
    assert!(places.len() <= 55);
    places.resize(55, 0);
    [places, ends].concat()
}
