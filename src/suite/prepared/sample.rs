//! What is sampled from SHAKE.

use shake::{ExtendableOutput, Shake128, Shake256, Update, XofReader};

use super::params::{L, N, Poly, Q, SEED_LEN, TAU};

/// Bytes in a block of SHAKE128; three bytes make a candidate, and 3 divides it.
const BLOCK: usize = 168;

/// SHAKE256 of the parts, one after the other.
pub(crate) fn hash<const LEN: usize>(parts: &[&[u8]]) -> [u8; LEN] {
    let mut shake = Shake256::default();
    parts.iter().for_each(|part| shake.update(part));
    let mut hash = [0; LEN];
    shake.finalize_xof().read(&mut hash);
    hash
}

/// A row of Â, in 0..q (FIPS 204, algorithm 32).
pub(crate) fn matrix_row(seed: &[u8; SEED_LEN], row: u8) -> [Poly; L] {
    let mut column = 0_u8;
    [(); L].map(|()| {
        let poly = uniform(seed, [column, row]);
        column = column.wrapping_add(1);
        poly
    })
}

/// A polynomial of Â (FIPS 204, algorithm 30): of each three bytes the low 23 bits, if below q.
fn uniform(seed: &[u8; SEED_LEN], place: [u8; 2]) -> Poly {
    let mut shake = Shake128::default();
    shake.update(seed);
    shake.update(&place);
    let mut reader = shake.finalize_xof();
    let mut poly = [0; N];
    let mut free = poly.iter_mut();
    let mut block = [0; BLOCK];
    loop {
        reader.read(&mut block);
        let (threes, _) = block.as_chunks::<3>();
        for [low, middle, high] in threes {
            let candidate = i32::from_le_bytes([*low, *middle, *high & 0x7f, 0]);
            if candidate < Q {
                match free.next() {
                    Some(next) => *next = candidate,
                    None => return poly,
                }
            }
        }
    }
}

/// The challenge: τ coefficients that are 1 or −1, the others 0 (FIPS 204, algorithm 29).
pub(crate) fn in_ball(seed: &[u8]) -> Poly {
    let mut shake = Shake256::default();
    shake.update(seed);
    let mut reader = shake.finalize_xof();
    let mut signs = [0; 8];
    reader.read(&mut signs);
    let mut signs = u64::from_le_bytes(signs);
    let mut poly = [0; N];
    let mut bytes = [0; 64];
    let mut unread: &[u8] = &[];
    for last in N.saturating_sub(TAU)..N {
        let place = loop {
            if let Some((first, more)) = unread.split_first() {
                unread = more;
                // Not beyond the last, so that there always are two, perhaps the same.
                if usize::from(*first) <= last {
                    break usize::from(*first);
                }
            } else {
                reader.read(&mut bytes);
                unread = &bytes;
            }
        };
        poly.swap(place, last);
        if let Some(a) = poly.get_mut(place) {
            *a = if signs & 1 == 1 { -1 } else { 1 };
        }
        signs >>= 1;
    }
    poly
}
