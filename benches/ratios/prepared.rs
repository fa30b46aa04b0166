//! The library's own check, with what is the same in every check of a key kept.

use std::hint::black_box;

use meshward::Suite;
use meshward::suite::SigningKey;

use crate::Outcome;
use crate::figures::{Bar, Figures};
use crate::mesh::{Mesh, unlimited};
use crate::own::commitment::{commitment, portable};
use crate::own::hints::{self, Hints};
use crate::own::params::{CHALLENGE_LEN, K, L, Poly, W1_LEN, Z_LEN};
use crate::own::row::Row;
use crate::own::{decode, sample};
use crate::raw::Bare;
use crate::speaker::signed;
use crate::timing::{compare, each, median};

const PAIRS: usize = 101;
/// Checks in one timing.
const CHECKS: usize = 6;

/// What the arithmetic of a check gives.
type Found = Option<[[u8; W1_LEN]; K]>;

pub(crate) fn run(suite: Suite, keys: &[SigningKey], figures: &mut Figures) -> Outcome<()> {
    let mesh = Mesh::new(suite, keys.get(..1).ok_or("too few keys")?, unlimited(2))?;
    let speaker = mesh.speaker(1)?;
    let (key, public) = (speaker.prepared()?, speaker.key.public_key());
    let beacon = speaker.beacon(1)?;
    let (purpose, message, signature) = signed(&beacon)?;
    let check = || each(0..CHECKS, |_| Ok(black_box(&key).verify(purpose, message, signature)?));

    let fastest = Bare::fastest()?;
    let over = compare(PAIRS, |_| check(), |_| fastest.time())?;
    let name = "check under a prepared key, over the fastest raw check";
    figures.print(suite, name, over.ratio, Bar::Most(0.35));
    figures.print(suite, "the same, us", over.work / 1e3, Bar::None);

    let prepare = |_| {
        each(0..CHECKS, |_| {
            black_box(public.prepare()?);
            Ok(())
        })
    };
    let times = (0..PAIRS).map(prepare).collect::<Result<Vec<_>, _>>()?;
    figures.print(suite, "prepare a key, us", median(times) / 1e3, Bar::None);

    // The same check with the arithmetic in code for any processor instead.
    let arithmetic = Arithmetic::of(public.as_bytes(), signature).ok_or("no signature")?;
    let in_portable_code = |_| {
        let (whole, here) = (check()?, arithmetic.time(commitment)?);
        Ok(whole - here + arithmetic.time(portable)?)
    };
    let ml_dsa = Bare::of(Suite::MlDsa65)?;
    let over = compare(PAIRS, in_portable_code, |_| ml_dsa.time())?;
    let name = "the same in portable code, over ml-dsa with its key kept";
    figures.print(suite, name, over.ratio, Bar::Most(1.0));
    Ok(())
}

/// What goes into the arithmetic of one check.
struct Arithmetic {
    rows: [Row; K],
    z: [[u8; Z_LEN]; L],
    c: Poly,
    hints: Hints,
}

impl Arithmetic {
    fn of(public: &[u8], signature: &[u8]) -> Option<Self> {
        let (seed, t1) = public.split_first_chunk()?;
        let mut rows = [Row::EMPTY; K];
        for ((row, t1), number) in rows.iter_mut().zip(t1.as_chunks().0).zip(0..) {
            *row = Row::new(sample::matrix_row(seed, number), decode::t1(t1));
        }
        let (challenge, rest) = signature.split_first_chunk::<CHALLENGE_LEN>()?;
        let (z, hints) = rest.split_last_chunk()?;
        let z = z.as_chunks().0.try_into().ok()?;
        Some(Self { rows, z, c: sample::in_ball(challenge), hints: hints::hints(hints)? })
    }

    /// Nanoseconds of one.
    fn time(
        &self,
        of: impl Fn(&[Row; K], &[[u8; Z_LEN]; L], &Poly, &Hints) -> Found,
    ) -> Outcome<f64> {
        each(0..CHECKS, |_| {
            let found = of(black_box(&self.rows), &self.z, &self.c, &self.hints);
            black_box(found).map(drop).ok_or_else(|| "z is too long".into())
        })
    }
}
