//! Each step alone against the letter of the standard, over its whole range or its extremes. What is
//! written here for the portable code holds for whatever is put beside it.

use crate::differential::Dice;
use crate::prepared::field::{Factor, positive, reduce};
use crate::prepared::params::{N, Poly};
use crate::prepared::{commitment, decode, hints, ntt, rounding, row, sample};
use crate::reference::{self, Q};

fn wide(poly: &Poly) -> reference::Poly {
    poly.map(|a| i64::from(a).rem_euclid(Q))
}

/// From the order of the standard to that of the NTT domain here.
fn turned<T: Copy>(poly: [T; N]) -> [T; N] {
    std::array::from_fn(|place| poly[(place >> 3) | (place & 7) << 5])
}

/// Polynomials within ±`most`: the extremes in some patterns, then random ones.
fn polys(most: i32) -> Vec<Poly> {
    let mut dice = Dice::new(u64::from(most.unsigned_abs()));
    let mut polys = vec![[0; N], [most; N], [-most; N]];
    for shift in 0..8 {
        polys.push(std::array::from_fn(|i| if i >> shift & 1 == 0 { most } else { -most }));
    }
    for _ in 0..200 {
        polys.push([(); N].map(|()| if dice.below(2) == 0 { most } else { -most }));
        let width = 2 * u64::from(most.unsigned_abs()) + 1;
        polys.push([(); N].map(|()| (dice.below(width) as i64 - i64::from(most)) as i32));
    }
    polys
}

#[test]
fn products_are_right_over_their_range() {
    let mut dice = Dice::new(1);
    let most = (1_i64 << 31) * Q - 1;
    let mut numbers = vec![0, 1, -1, most, -most, Q, -Q];
    numbers.extend((0..100_000).map(|_| (dice.next() as i64) % most));
    for a in numbers {
        let r = reduce(a);
        assert!(i64::from(r).abs() < Q, "{a}");
        assert_eq!((i64::from(r) << 32).rem_euclid(Q), a.rem_euclid(Q));
        assert_eq!(i64::from(positive(r)), i64::from(r).rem_euclid(Q));
    }
    for constant in [0, 1, 2, 1753, (Q / 2) as i32, (Q - 1) as i32] {
        let factor = Factor::new(constant);
        let random = (0..10_000).map(|_| dice.next() as i32);
        for a in [0, 1, -1, i32::MAX, i32::MIN].into_iter().chain(random) {
            let product = i64::from(factor.times(a));
            assert!(product.abs() < Q);
            assert_eq!(product.rem_euclid(Q), (i64::from(a) * i64::from(constant)).rem_euclid(Q));
        }
    }
}

#[test]
fn every_high_part_with_and_without_a_hint() {
    for w in 0..Q {
        for hint in [false, true] {
            let high = rounding::use_hint(w as i32, i32::from(hint));
            assert_eq!(i64::from(high), reference::use_hint(hint, w), "{w}, {hint}");
        }
    }
}

#[test]
fn the_transform_and_its_inverse() {
    for poly in polys((1 << 24) - 1) {
        let mut ours = poly;
        ntt::ntt(&mut ours);
        assert!(ours.iter().all(|a| a.abs() < 1 << 27));
        assert_eq!(wide(&ours), turned(reference::ntt(wide(&poly))));
    }
    for poly in polys(Q as i32 - 1) {
        let mut ours = turned(poly);
        assert_eq!(ours, ntt::turned(&poly));
        ntt::inverse(&mut ours);
        let scaled = reference::inverse(wide(&poly)).map(|a| (a << 32) % Q);
        assert_eq!(ours.map(i64::from), scaled);
    }
}

#[test]
fn rows_at_the_extremes() {
    let (most, q) = ((1 << 27) - 1, Q as i32);
    let mut dice = Dice::new(2);
    for _ in 0..200 {
        let mut pick =
            |one: i32, other: i32| [(); N].map(|()| [one, other][dice.below(2) as usize]);
        let matrix = [(); 5].map(|()| pick(q - 1, 0));
        let (z, c) = ([(); 5].map(|()| pick(most, -most)), pick(most, -most));
        let kept = row::Row::new(matrix, [q - 1; N]);
        let (turned_matrix, t1) = (matrix.map(turned), turned(reference::ntt([Q - 1; N])));
        for (i, a) in row::row(&kept, &z, &c).iter().enumerate() {
            let sum: i64 =
                turned_matrix.iter().zip(&z).map(|(a, z)| i64::from(a[i]) * i64::from(z[i])).sum();
            let expected = (sum - t1[i] * i64::from(c[i])).rem_euclid(Q);
            assert!(i64::from(*a).abs() < Q);
            assert_eq!((i64::from(*a) << 32).rem_euclid(Q), expected);
        }
    }
}

#[test]
fn what_is_sampled() {
    for byte in 0..40 {
        let a = reference::expand_a(&[byte; 32]);
        for (number, row) in (0..).zip(&a) {
            let ours = sample::matrix_row(&[byte; 32], number).map(|poly| poly.map(i64::from));
            assert_eq!(ours, *row);
        }
    }
    let mut dice = Dice::new(3);
    for _ in 0..2000 {
        let seed = dice.bytes(48);
        for len in [32, 48] {
            let c = sample::in_ball(&seed[..len]);
            assert_eq!(wide(&c), reference::sample_in_ball(&seed[..len]));
            assert_eq!(c.iter().filter(|a| **a != 0).count(), 49);
        }
    }
}

#[test]
fn what_is_unpacked() {
    let mut dice = Dice::new(4);
    for round in 0..500 {
        let mut bytes = dice.bytes(3309);
        if round < 256 {
            bytes.fill(round as u8);
        }
        for (z, expected) in bytes[48..3248].chunks(640).zip(reference::unpack_z(&bytes)) {
            assert_eq!(decode::z(z.try_into().unwrap()).map(i64::from), expected);
        }
        let t1 = decode::t1(bytes[..320].try_into().unwrap()).map(i64::from);
        assert_eq!(t1, reference::unpack(&bytes[..320], 10).map(|a| a << 13));
    }
}

/// Strings that look like hints, most of them nearly right.
#[test]
fn hints_are_read_by_the_letter() {
    let mut dice = Dice::new(5);
    let mut read = 0;
    for _ in 0..200_000 {
        let mut bytes = vec![0; 61];
        let mut end = 0;
        for row in 0..6 {
            let start = end;
            end = (end + dice.below(12) as usize).min(55);
            let mut places = dice.bytes(end - start);
            places.sort_unstable();
            bytes[start..end].copy_from_slice(&places);
            bytes[55 + row] = end as u8;
        }
        for _ in 0..dice.below(3) {
            bytes[dice.below(61) as usize] = dice.next() as u8;
        }
        let ours = hints::hints(bytes.as_slice().try_into().unwrap());
        let expected = reference::unpack_hints(&bytes);
        assert_eq!(ours, expected.map(|h| h.map(|row| row.map(u8::from))), "{bytes:?}");
        read += usize::from(ours.is_some());
    }
    assert!((20_000..180_000).contains(&read), "{read}");
}

/// All of the arithmetic, with t1 that is not zero: random, and as large as it gets.
#[test]
fn the_whole_commitment() {
    let mut dice = Dice::new(6);
    for round in 0..300 {
        let (rho, c) = (dice.bytes(32), sample::in_ball(&dice.bytes(32)));
        let a = reference::expand_a(&rho);
        let mut packed_t1 = dice.bytes(1920);
        if round % 3 == 0 {
            packed_t1.fill(0xff);
        }
        let t1: Vec<_> = packed_t1.chunks(320).map(|t1| reference::unpack(t1, 10)).collect();
        let mut rows = [row::Row::EMPTY; 6];
        for ((row, t1), number) in rows.iter_mut().zip(packed_t1.chunks(320)).zip(0..) {
            let matrix = sample::matrix_row(rho.as_slice().try_into().unwrap(), number);
            *row = row::Row::new(matrix, decode::t1(t1.try_into().unwrap()));
        }
        let signature = crate::differential::random_signature(&mut dice);
        let h = reference::unpack_hints(&signature[3248..]).unwrap();
        let (z, _) = signature[48..3248].as_chunks::<640>();
        let (z, h8) = (z.try_into().unwrap(), h.map(|h| h.map(u8::from)));
        // On a processor with AVX2 the first is compiled for it, the second is not.
        let ours = commitment::commitment(&rows, z, &c, &h8);
        assert_eq!(ours, commitment::portable(&rows, z, &c, &h8));
        let w = reference::approximate_w(&a, &reference::unpack_z(&signature), &wide(&c), &t1);
        assert_eq!(ours.unwrap().concat(), reference::packed_w1(&w, &h));
    }
}
