//! FIPS 204 by the letter, for ML-DSA-65 and PQClean's Dilithium3: one function an algorithm, all
//! numbers in 0..q, nothing kept, nothing clever. What may be left open there is refused.

use shake::{ExtendableOutput, Shake128, Shake256, Update, XofReader};

use crate::prepared::Variant;

pub(crate) const Q: i64 = 8_380_417;
pub(crate) const GAMMA1: i64 = 1 << 19;
pub(crate) const GAMMA2: i64 = (Q - 1) / 32;
pub(crate) const BETA: i64 = 196;
pub(crate) const OMEGA: usize = 55;
pub(crate) const K: usize = 6;
pub(crate) const L: usize = 5;
pub(crate) const HINTS_AT: usize = 48 + 640 * L;

pub(crate) type Poly = [i64; 256];

/// Why a signature does not hold; the order is that of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Length,
    Hints,
    Norm,
    Challenge,
}

/// What is left of a signature that holds, or of one whose hash does not fit: whether a hint stands
/// where the low bits are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) fault: Option<Fault>,
    pub(crate) hint_at_zero: bool,
}

pub(crate) fn hash(parts: &[&[u8]], len: usize) -> Vec<u8> {
    let mut shake = Shake256::default();
    parts.iter().for_each(|part| shake.update(part));
    let mut hash = vec![0; len];
    shake.finalize_xof().read(&mut hash);
    hash
}

/// The number whose bits, lowest first, are the `width` from bit `from` on.
fn bits(bytes: &[u8], from: usize, width: usize) -> i64 {
    (0..width).map(|i| i64::from(bytes[(from + i) / 8] >> ((from + i) % 8) & 1) << i).sum()
}

/// Algorithm 18 or 19 without the subtraction.
pub(crate) fn unpack(bytes: &[u8], width: usize) -> Poly {
    std::array::from_fn(|i| bits(bytes, i * width, width))
}

fn bit_reversed(m: usize) -> u32 {
    (0..8).map(|i| ((m >> i & 1) << (7 - i)) as u32).sum()
}

fn power(base: i64, exponent: u32) -> i64 {
    (0..exponent).fold(1, |product, _| product * base % Q)
}

/// Algorithm 41.
pub(crate) fn ntt(mut w: Poly) -> Poly {
    let zetas = zetas();
    let (mut m, mut len) = (0, 128);
    while len >= 1 {
        for start in (0..256).step_by(2 * len) {
            m += 1;
            for j in start..start + len {
                let t = zetas[m] * w[j + len] % Q;
                w[j + len] = (w[j] - t).rem_euclid(Q);
                w[j] = (w[j] + t) % Q;
            }
        }
        len /= 2;
    }
    w
}

/// Algorithm 42.
pub(crate) fn inverse(mut w: Poly) -> Poly {
    let zetas = zetas();
    let (mut m, mut len) = (256, 1);
    while len < 256 {
        for start in (0..256).step_by(2 * len) {
            m -= 1;
            for j in start..start + len {
                let t = w[j];
                w[j] = (t + w[j + len]) % Q;
                w[j + len] = (Q - zetas[m]) * (t - w[j + len]).rem_euclid(Q) % Q;
            }
        }
        len *= 2;
    }
    w.map(|a| 8_347_681 * a % Q)
}

fn zetas() -> &'static [i64; 256] {
    static ZETAS: std::sync::OnceLock<[i64; 256]> = std::sync::OnceLock::new();
    ZETAS.get_or_init(|| std::array::from_fn(|m| power(1753, bit_reversed(m))))
}

/// Algorithm 32 with 30: Â[row][column].
pub(crate) fn expand_a(rho: &[u8]) -> Vec<[Poly; L]> {
    let entry = |row: u8, column: u8| {
        let mut shake = Shake128::default();
        shake.update(rho);
        shake.update(&[column, row]);
        let mut reader = shake.finalize_xof();
        let mut poly = [0; 256];
        let mut filled = 0;
        while filled < 256 {
            let mut three = [0; 3];
            reader.read(&mut three);
            let number = bits(&three, 0, 23);
            if number < Q {
                poly[filled] = number;
                filled += 1;
            }
        }
        poly
    };
    (0..K as u8).map(|row| std::array::from_fn(|column| entry(row, column as u8))).collect()
}

/// Algorithm 29.
pub(crate) fn sample_in_ball(seed: &[u8]) -> Poly {
    let mut shake = Shake256::default();
    shake.update(seed);
    let mut reader = shake.finalize_xof();
    let mut signs = [0; 8];
    reader.read(&mut signs);
    let mut c = [0; 256];
    for i in 256 - 49..256 {
        let mut j = [0];
        loop {
            reader.read(&mut j);
            if usize::from(j[0]) <= i {
                break;
            }
        }
        let j = usize::from(j[0]);
        c[i] = c[j];
        c[j] = if bits(&signs, i + 49 - 256, 1) == 1 { Q - 1 } else { 1 };
    }
    c
}

/// Algorithm 36.
pub(crate) fn decompose(r: i64) -> (i64, i64) {
    let mut r0 = r % (2 * GAMMA2);
    if r0 > GAMMA2 {
        r0 -= 2 * GAMMA2;
    }
    if r - r0 == Q - 1 { (0, r0 - 1) } else { ((r - r0) / (2 * GAMMA2), r0) }
}

/// Algorithm 40.
pub(crate) fn use_hint(h: bool, r: i64) -> i64 {
    match decompose(r) {
        (r1, r0) if h && r0 > 0 => (r1 + 1) % 16,
        (r1, _) if h => (r1 + 15) % 16,
        (r1, _) => r1,
    }
}

/// Algorithm 21.
pub(crate) fn unpack_hints(y: &[u8]) -> Option<[[bool; 256]; K]> {
    let mut h = [[false; 256]; K];
    let mut index = 0;
    for i in 0..K {
        let end = usize::from(y[OMEGA + i]);
        if end < index || end > OMEGA {
            return None;
        }
        let first = index;
        while index < end {
            if index > first && y[index - 1] >= y[index] {
                return None;
            }
            h[i][usize::from(y[index])] = true;
            index += 1;
        }
    }
    y[index..OMEGA].iter().all(|place| *place == 0).then_some(h)
}

/// Â·z − c·t1·2^d in the plain domain, in 0..q.
pub(crate) fn approximate_w(a: &[[Poly; L]], z: &[Poly], c: &Poly, t1: &[Poly]) -> Vec<Poly> {
    let z: Vec<_> = z.iter().map(|z| ntt(z.map(|a| a.rem_euclid(Q)))).collect();
    let c = ntt(*c);
    let row = |(row, t1): (&[Poly; L], &Poly)| {
        let t1 = ntt(t1.map(|a| (a << 13) % Q));
        inverse(std::array::from_fn(|i| {
            let product: i64 = row.iter().zip(&z).map(|(a, z)| a[i] * z[i] % Q).sum();
            (product - c[i] * t1[i]).rem_euclid(Q)
        }))
    };
    a.iter().zip(t1).map(row).collect()
}

/// Algorithm 28 of UseHint of w.
pub(crate) fn packed_w1(w: &[Poly], h: &[[bool; 256]; K]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (w, h) in w.iter().zip(h) {
        let w1: Vec<_> = w.iter().zip(h).map(|(w, h)| use_hint(*h, *w)).collect();
        bytes.extend(w1.chunks(2).map(|pair| (pair[0] + 16 * pair[1]) as u8));
    }
    bytes
}

pub(crate) fn hint_at_zero(w: &[Poly], h: &[[bool; 256]; K]) -> bool {
    let at_zero =
        |(w, h): (&Poly, &[bool; 256])| w.iter().zip(h).any(|(w, h)| *h && decompose(*w).1 == 0);
    w.iter().zip(h).any(at_zero)
}

/// How many bytes of the challenge hash the challenge is sampled from.
pub(crate) fn seed_len(variant: Variant) -> usize {
    if variant == Variant::MlDsa65 { 48 } else { 32 }
}

/// μ of M'.
pub(crate) fn mu(public: &[u8], message: &[u8]) -> Vec<u8> {
    hash(&[&hash(&[public], 64), message], 64)
}

/// A polynomial of z with its signs.
pub(crate) fn unpack_z(signature: &[u8]) -> Vec<Poly> {
    signature[48..HINTS_AT].chunks(640).map(|z| unpack(z, 20).map(|a| GAMMA1 - a)).collect()
}

/// Algorithm 8, on M' in one piece.
pub(crate) fn verify(variant: Variant, public: &[u8], message: &[u8], signature: &[u8]) -> Verdict {
    let refused = |fault| Verdict { fault: Some(fault), hint_at_zero: false };
    if signature.len() != 3309 {
        return refused(Fault::Length);
    }
    let Some(h) = unpack_hints(&signature[HINTS_AT..]) else { return refused(Fault::Hints) };
    let z = unpack_z(signature);
    let norm = z.iter().flatten().map(|a| a.abs()).max();
    let a = expand_a(&public[..32]);
    let t1: Vec<_> = public[32..].chunks(320).map(|t1| unpack(t1, 10)).collect();
    let c = sample_in_ball(&signature[..seed_len(variant)]);
    let w = approximate_w(&a, &z, &c, &t1);
    let mu = mu(public, message);
    let again = hash(&[&mu, &packed_w1(&w, &h)], 48);
    let fault = if again != signature[..48] {
        Some(Fault::Challenge)
    } else if norm >= Some(GAMMA1 - BETA) {
        Some(Fault::Norm)
    } else {
        None
    };
    Verdict { fault, hint_at_zero: hint_at_zero(&w, &h) }
}
