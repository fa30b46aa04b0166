//! Ours against the others on many signatures: that hold, that were changed, that were made to look
//! right. A case is named by its number and runs again alone:
//! `MESHWARD_PREPARED_CASE=N cargo test --release --test prepared a_spread`.

use std::time::Instant;

use ml_dsa::{KeyInit, MlDsa65, SigningKey};
use pqcrypto_dilithium::dilithium3 as pqclean;
use pqcrypto_traits::sign::{DetachedSignature, PublicKey};

use crate::forger::{Forger, Hints, packed};
use crate::judges::{Judges, whole_message};
use crate::prepared::Variant;
use crate::reference::{BETA, Fault, GAMMA1, HINTS_AT, L, Poly};

/// SplitMix64: enough to choose cases with.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn up_to(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

/// A key, and signatures that hold under it.
struct Signer {
    judges: Judges,
    signed: Vec<Signed>,
}

#[derive(Clone)]
struct Signed {
    context: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
}

fn signer(variant: Variant, dice: &mut Dice) -> Signer {
    let seed: [u8; 32] = dice.bytes(32).try_into().unwrap();
    let ml_dsa = SigningKey::<MlDsa65>::new_from_slice(&seed).unwrap();
    let pqclean = pqclean::keypair();
    let verifier: &ml_dsa::VerifyingKey<MlDsa65> = ml_dsa.as_ref();
    let public = match variant {
        Variant::MlDsa65 => verifier.encode().to_vec(),
        Variant::Dilithium3 => pqclean.0.as_bytes().to_vec(),
    };
    let sign = |_| {
        let (context, message) = (dice.up_to(256), dice.up_to(600));
        let (context, message) = (dice.bytes(context), dice.bytes(message));
        let whole = whole_message(variant, &context, &message);
        let signature = match variant {
            Variant::MlDsa65 => {
                let key = ml_dsa.expanded_key();
                key.sign_deterministic(&message, &context).unwrap().encode().to_vec()
            }
            Variant::Dilithium3 => pqclean::detached_sign(&whole, &pqclean.1).as_bytes().to_vec(),
        };
        Signed { context, message, signature }
    };
    Signer { signed: (0..12).map(sign).collect(), judges: Judges::new(variant, &public) }
}

/// The parties of all cases.
struct Cast {
    signers: Vec<Signer>,
    forgers: Vec<Forger>,
    hostile: Vec<Judges>,
}

impl Cast {
    fn new() -> Self {
        let mut dice = Dice::new(0xca57);
        let both = [Variant::MlDsa65, Variant::Dilithium3];
        let signers = both.into_iter().cycle().take(8).map(|variant| signer(variant, &mut dice));
        let signers = signers.collect();
        let forgers = both.into_iter().cycle().take(6);
        let forgers =
            forgers.map(|variant| Forger::new(variant, dice.bytes(32).try_into().unwrap()));
        let forgers = forgers.collect();
        let keys = [vec![0xff; 1952], vec![0; 1952], dice.bytes(1952)];
        let hostile = both
            .into_iter()
            .flat_map(|variant| keys.iter().map(move |key| Judges::new(variant, key)));
        Self { signers, forgers, hostile: hostile.collect() }
    }
}

/// What became of the cases.
#[derive(Debug, Default)]
struct Tally {
    valid: u64,
    changed: u64,
    forged: u64,
    forged_that_hold: u64,
    too_long: u64,
    bad_hints: u64,
    bad_challenge: u64,
    hint_at_zero: u64,
    hostile: u64,
}

/// Says which case it was if it fails.
struct Naming(u64);

impl Drop for Naming {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this was case {}", self.0);
        }
    }
}

fn case(cast: &Cast, number: u64, tally: &mut Tally) {
    let _naming = Naming(number);
    let dice = &mut Dice::new(number.wrapping_mul(0x2545_f491_4f6c_dd1d));
    match dice.below(8) {
        0 => valid(cast, dice, tally),
        1..5 => changed(cast, dice, tally),
        5 => hostile(cast, dice, tally),
        _ => forged(cast, dice, tally),
    }
}

fn valid(cast: &Cast, dice: &mut Dice, tally: &mut Tally) {
    let signer = &cast.signers[dice.up_to(cast.signers.len())];
    let Signed { context, message, signature } = &signer.signed[dice.up_to(signer.signed.len())];
    assert!(signer.judges.same(context, message, signature));
    // Another key of either suite.
    let other = &cast.signers[dice.up_to(cast.signers.len())].judges;
    let own = other.public == signer.judges.public;
    assert_eq!(other.same(context, message, signature), own);
    tally.valid += 1;
}

/// One to three changes to a signature, message or context.
fn changed(cast: &Cast, dice: &mut Dice, tally: &mut Tally) {
    let signer = &cast.signers[dice.up_to(cast.signers.len())];
    let original = &signer.signed[dice.up_to(signer.signed.len())];
    let mut signed = original.clone();
    for _ in 0..1 + dice.below(3) {
        let signature = &mut signed.signature;
        match dice.below(9) {
            0 => signature[dice.up_to(48)] ^= 1 << dice.below(8),
            1 | 2 => signature[48 + dice.up_to(3200)] ^= 1 << dice.below(8),
            3 => signature[HINTS_AT + dice.up_to(61)] = dice.next() as u8,
            4 => change_hints(&mut signature[HINTS_AT..], dice),
            5 => {
                let (from, to) = (dice.up_to(3309), dice.up_to(3309));
                signature.swap(from, to);
            }
            6 => flip(&mut signed.message, dice),
            7 => flip(&mut signed.context, dice),
            _ => {
                let at = 48 + 5 * dice.up_to(640);
                let fill = [0x00, 0xff, dice.next() as u8][dice.up_to(3)];
                signature[at..at + 5].fill(fill);
            }
        }
    }
    let same = signed.context == original.context
        && signed.message == original.message
        && signed.signature == original.signature;
    assert_eq!(signer.judges.same(&signed.context, &signed.message, &signed.signature), same);
    tally.changed += 1;
}

fn flip(bytes: &mut [u8], dice: &mut Dice) {
    if !bytes.is_empty() {
        bytes[dice.up_to(bytes.len())] ^= 1 << dice.below(8);
    }
}

/// A change of the packing only, such as a forger tries who has seen a signature.
fn change_hints(packed: &mut [u8], dice: &mut Dice) {
    let count = usize::from(packed[60]).min(55);
    match dice.below(8) {
        // Out of order, repeated.
        0 if count > 1 => {
            let at = dice.up_to(count - 1);
            packed.swap(at, at + 1);
        }
        1 if count > 1 => {
            let at = dice.up_to(count - 1);
            packed[at + 1] = packed[at];
        }
        // Padding.
        2 | 3 if count < 55 => packed[count + dice.up_to(55 - count)] = dice.next() as u8,
        // Counters.
        4 => packed[60] = dice.next() as u8,
        5 => packed[60] = packed[60].wrapping_add([1, 255][dice.up_to(2)]),
        6 => {
            let at = 55 + dice.up_to(5);
            packed[at] = packed[at].wrapping_add([1, 255][dice.up_to(2)]);
        }
        _ => {
            let at = 55 + dice.up_to(5);
            packed.swap(at, at + 1);
        }
    }
}

/// z with numbers of one or several kinds, long or not.
fn random_z(dice: &mut Dice, long: bool) -> [Poly; L] {
    let bound = GAMMA1 - BETA;
    let kind = dice.below(6);
    let mut z = [(); L].map(|()| {
        [(); 256].map(|()| match kind {
            0 => 0,
            1 => [bound - 1, 1 - bound][dice.up_to(2)],
            2 => dice.below(3) as i64 - 1,
            3 if dice.below(50) > 0 => 0,
            _ => dice.below(2 * bound as u64 - 1) as i64 + 1 - bound,
        })
    });
    let edge = [bound - 1, 1 - bound][dice.up_to(2)];
    if kind > 0 {
        z[dice.up_to(L)][dice.up_to(256)] = edge;
    }
    if long {
        let edge = [bound, -bound, bound + 1, -bound - 1, GAMMA1, 1 - GAMMA1][dice.up_to(6)];
        z[dice.up_to(L)][dice.up_to(256)] = edge;
    }
    z
}

fn random_hints(dice: &mut Dice) -> Hints {
    let mut h = [[false; 256]; 6];
    let most = [0, 1, 20, 55][dice.up_to(4)];
    for _ in 0..most {
        h[dice.up_to(6)][dice.up_to(256)] = true;
    }
    h
}

/// z within its bound and hints that can be read, after a random challenge.
pub(crate) fn random_signature(dice: &mut Dice) -> Vec<u8> {
    let (z, h) = (random_z(dice, false), random_hints(dice));
    let challenge = dice.bytes(48);
    [challenge, z.iter().flat_map(crate::forger::packed_z).collect(), packed(&h)].concat()
}

/// The hash fits; z, the hints or their packing may be at fault.
fn forged(cast: &Cast, dice: &mut Dice, tally: &mut Tally) {
    let forger = &cast.forgers[dice.up_to(cast.forgers.len())];
    let (z, h) = (dice.below(3) == 0, random_hints(dice));
    let z = random_z(dice, z);
    let mut packed = packed(&h);
    if dice.below(2) == 0 {
        change_hints(&mut packed, dice);
    }
    let signature = forger.sign_packed(b"context", b"message", &z, &h, &packed);
    let verdict = forger.judges.agreed(b"context", b"message", &signature);
    tally.forged += 1;
    tally.hint_at_zero += u64::from(verdict.hint_at_zero);
    *match verdict.fault {
        None => &mut tally.forged_that_hold,
        Some(Fault::Norm) => &mut tally.too_long,
        Some(Fault::Hints) => &mut tally.bad_hints,
        Some(Fault::Challenge) => &mut tally.bad_challenge,
        Some(Fault::Length) => unreachable!("all of them have the right length"),
    } += 1;
}

fn hostile(cast: &Cast, dice: &mut Dice, tally: &mut Tally) {
    let judges = &cast.hostile[dice.up_to(cast.hostile.len())];
    let signature = match dice.below(3) {
        0 => dice.bytes(3309),
        1 => vec![dice.next() as u8; 3309],
        _ => random_signature(dice),
    };
    assert!(!judges.same(b"", b"message", &signature));
    tally.hostile += 1;
}

fn run(cases: impl Iterator<Item = u64>) {
    let (cast, start, mut tally) = (Cast::new(), Instant::now(), Tally::default());
    cases.for_each(|number| case(&cast, number, &mut tally));
    println!("{tally:?} in {:?}", start.elapsed());
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}

#[test]
fn a_spread_of_cases() {
    match setting("MESHWARD_PREPARED_CASE") {
        Some(case) => run(case..=case),
        None => run(0..10_000),
    }
}

/// As many as `MESHWARD_PREPARED_CASES` says.
#[test]
#[ignore = "takes minutes; by its name"]
fn many_cases() {
    run(0..setting("MESHWARD_PREPARED_CASES").unwrap_or(100_000));
}
