//! Our own check of signatures against everybody else who can tell: the crates `ml-dsa` and
//! `pqcrypto-dilithium`, and the tests' second reading of FIPS 204. A signature is its signer's and
//! then changed, or a forger's, whose hash fits whatever z and hints were chosen, or made up; keys may
//! be made up too. Whatever it is, each step has to give what the reading gives.

#![no_main]
#![allow(dead_code, reason = "not all that the tests share is of use here")]

#[path = "../../tests/prepared/forger.rs"]
mod forger;
#[path = "../../tests/prepared/judges.rs"]
mod judges;
// The source itself, as in the tests.
#[path = "../../src/suite/prepared/mod.rs"]
mod prepared;
#[path = "../../tests/prepared/reference.rs"]
mod reference;

use std::sync::LazyLock;

use arbitrary::Arbitrary;
use forger::{Forger, Hints, packed, packed_z};
use judges::{Judges, whole_message};
use libfuzzer_sys::fuzz_target;
use ml_dsa::{KeyInit, MlDsa65, SigningKey};
use pqcrypto_dilithium::dilithium3 as pqclean;
use pqcrypto_traits::sign::{DetachedSignature, PublicKey};
use prepared::row::Row;
use prepared::{Variant, commitment, decode, hints, sample};
use reference::{BETA, GAMMA1, HINTS_AT, K, L, OMEGA, Poly};

const LEN: usize = HINTS_AT + OMEGA + K;
const BOUND: i64 = GAMMA1 - BETA;
/// What a coefficient of z is set to, with either sign.
const EDGES: [i64; 7] = [BOUND - 1, BOUND, BOUND + 1, GAMMA1 - 1, GAMMA1, 1, 0];

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    dilithium3: bool,
    key: Whose<'a>,
    context: &'a [u8],
    message: &'a [u8],
    /// What to begin with instead of a signature that holds, or of zeros.
    raw: Option<&'a [u8]>,
    edits: Vec<Edit<'a>>,
}

#[derive(Debug, Arbitrary)]
enum Whose<'a> {
    Signer,
    Forger,
    /// ρ, the beginning of t1, and what the rest of it is.
    Hostile([u8; 32], &'a [u8], u8),
}

/// The first six come before a forger's hash, the others after it.
#[derive(Debug, Arbitrary)]
enum Edit<'a> {
    /// Polynomial, place, edge.
    Z(u8, u8, u8),
    /// The polynomials, the bits that places lack, edge.
    AllZ(u8, u8, u8),
    /// A hint at this row and place is set, or is no more.
    Hint(u8, u8),
    HintByte(u8, u8),
    SwapHintBytes(u8, u8),
    AllHints(&'a [u8]),
    Byte(u16, u8),
    Challenge(u8, u8),
    Length(u16),
    Context(&'a [u8]),
    Message(&'a [u8]),
}

/// A key as the judges need it, and as the steps do.
struct Key {
    judges: Judges,
    rows: Box<[Row; K]>,
    matrix: Vec<[Poly; L]>,
    t1: Vec<Poly>,
}

impl Key {
    fn new(variant: Variant, public: &[u8]) -> Self {
        let mut rows = Box::new([Row::EMPTY; K]);
        let (rho, t1) = public.split_first_chunk().unwrap();
        for ((row, t1), number) in rows.iter_mut().zip(t1.as_chunks().0).zip(0..) {
            *row = Row::new(sample::matrix_row(rho, number), decode::t1(t1));
        }
        let t1 = t1.chunks(320).map(|t1| reference::unpack(t1, 10)).collect();
        Self { judges: Judges::new(variant, public), rows, matrix: reference::expand_a(rho), t1 }
    }

    /// The hints and w1, the latter in the code for any processor and in that for this one.
    fn steps(&self, signature: &[u8; LEN]) {
        let (_, packed) = signature.split_last_chunk().unwrap();
        let narrow = |h: Hints| h.map(|row| row.map(u8::from));
        let h = reference::unpack_hints(packed);
        assert_eq!(hints::hints(packed), h.map(narrow));
        let h = h.unwrap_or([[false; 256]; K]);
        let seed = &signature[..reference::seed_len(self.judges.variant)];
        let z = signature[48..HINTS_AT].as_chunks().0.try_into().unwrap();
        let (c, narrow) = (sample::in_ball(seed), narrow(h));
        let ours = commitment::commitment(&self.rows, z, &c, &narrow);
        assert_eq!(ours, commitment::portable(&self.rows, z, &c, &narrow));
        let (z, c) = (reference::unpack_z(signature), reference::sample_in_ball(seed));
        let w = reference::approximate_w(&self.matrix, &z, &c, &self.t1);
        let short = z.iter().flatten().all(|a| a.abs() < BOUND);
        assert_eq!(ours.map(|w1| w1.concat()), short.then(|| reference::packed_w1(&w, &h)));
    }
}

/// Context and message to a signature.
type Sign = dyn Fn(&[u8], &[u8]) -> Vec<u8> + Send + Sync;

fn signer(variant: Variant) -> (Vec<u8>, Box<Sign>) {
    if variant == Variant::MlDsa65 {
        let key = SigningKey::<MlDsa65>::new_from_slice(&[7; 32]).unwrap();
        let public: &ml_dsa::VerifyingKey<MlDsa65> = key.as_ref();
        let (public, key) = (public.encode().to_vec(), key.expanded_key().clone());
        let sign = move |context: &[u8], message: &[u8]| {
            key.sign_deterministic(message, context).unwrap().encode().to_vec()
        };
        return (public, Box::new(sign));
    }
    let (public, secret) = pqclean::keypair();
    let sign = move |context: &[u8], message: &[u8]| {
        let whole = whole_message(variant, context, message);
        pqclean::detached_sign(&whole, &secret).as_bytes().to_vec()
    };
    (public.as_bytes().to_vec(), Box::new(sign))
}

/// Who signs with a secret key, and who forges without one.
struct Cast {
    signer: Key,
    sign: Box<Sign>,
    forger: Forger,
    forged: Key,
}

static CASTS: LazyLock<[Cast; 2]> = LazyLock::new(|| {
    [Variant::MlDsa65, Variant::Dilithium3].map(|variant| {
        let ((public, sign), forger) = (signer(variant), Forger::new(variant, [11; 32]));
        let [signer, forged] = [&public, &forger.judges.public].map(|key| Key::new(variant, key));
        Cast { signer, sign, forger, forged }
    })
});

/// What a reader makes of hints who minds neither their order nor what is left over.
fn careless(packed: &[u8]) -> Hints {
    let (mut start, mut h) = (0, [[false; 256]; K]);
    for (h, end) in h.iter_mut().zip(&packed[OMEGA..]) {
        let end = usize::from(*end).min(OMEGA);
        let own = packed.get(start..end).unwrap_or_default();
        own.iter().for_each(|place| h[usize::from(*place)] = true);
        start = end;
    }
    h
}

fn resized(bytes: &[u8], len: usize, fill: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(len, fill);
    bytes
}

fn before_the_hash(edit: &Edit<'_>, z: &mut [Poly], hints: &mut [u8]) {
    let at = |index: u8, len| usize::from(index) % len;
    let with_sign = |edge: u8| match (edge & 1, EDGES[at(edge >> 1, EDGES.len())]) {
        (0, a) => a,
        (_, a) => (-a).max(1 - GAMMA1),
    };
    match *edit {
        Edit::Z(poly, place, edge) => z[at(poly, L)][at(place, 256)] = with_sign(edge),
        Edit::AllZ(polys, lacking, edge) => {
            for (_, z) in z.iter_mut().enumerate().filter(|(poly, _)| polys >> poly & 1 == 1) {
                let places = (0..256).filter(|place| place & usize::from(lacking) == 0);
                places.for_each(|place| z[place] = with_sign(edge));
            }
        }
        Edit::Hint(row, place) => {
            let mut h = careless(hints);
            h[at(row, K)][at(place, 256)] ^= true;
            if h.iter().flatten().filter(|h| **h).count() <= OMEGA {
                hints.copy_from_slice(&packed(&h));
            }
        }
        Edit::HintByte(index, to) => hints[at(index, OMEGA + K)] = to,
        Edit::SwapHintBytes(one, other) => hints.swap(at(one, OMEGA + K), at(other, OMEGA + K)),
        Edit::AllHints(bytes) => hints.copy_from_slice(&resized(bytes, OMEGA + K, 0)),
        _ => {}
    }
}

fuzz_target!(|input: Input<'_>| {
    let Input { dilithium3, key, context, message, raw, edits } = input;
    let cast = &CASTS[usize::from(dilithium3)];
    let (mut context, mut message) = (&context[..context.len().min(255)], message);
    let begin = match (&key, raw) {
        (_, Some(raw)) => resized(raw, LEN, raw.first().copied().unwrap_or(0)),
        (Whose::Signer, None) => (cast.sign)(context, message),
        _ => [vec![0; 48], packed_z(&[0; 256]).repeat(L), vec![0; OMEGA + K]].concat(),
    };
    let own = (raw.is_none(), begin.clone(), context, message);
    let (mut z, mut hints) = (reference::unpack_z(&begin), begin[HINTS_AT..].to_vec());
    edits.iter().for_each(|edit| before_the_hash(edit, &mut z, &mut hints));
    let mut signature = match &key {
        Whose::Forger => cast.forger.sign_packed(context, message, &z, &careless(&hints), &hints),
        _ => [begin[..48].to_vec(), z.iter().flat_map(packed_z).collect(), hints].concat(),
    };
    for edit in &edits {
        match *edit {
            Edit::Byte(at, by) => {
                signature.get_mut(usize::from(at)).into_iter().for_each(|byte| *byte ^= by);
            }
            Edit::Challenge(at, by) => {
                signature.get_mut(usize::from(at) % 48).into_iter().for_each(|byte| *byte ^= by);
            }
            Edit::Length(len) => signature.resize(usize::from(len), 0),
            Edit::Context(other) => context = &other[..other.len().min(255)],
            Edit::Message(other) => message = other,
            _ => {}
        }
    }
    let hostile;
    let key = match key {
        Whose::Signer => {
            let holds = cast.signer.judges.same(context, message, &signature);
            assert_eq!(holds, own == (true, signature.clone(), context, message));
            &cast.signer
        }
        Whose::Forger => {
            cast.forged.judges.agreed(context, message, &signature);
            &cast.forged
        }
        Whose::Hostile(rho, t1, fill) => {
            let public = [rho.as_slice(), &resized(t1, 1920, fill)].concat();
            hostile = Key::new(cast.signer.judges.variant, &public);
            hostile.judges.same(context, message, &signature);
            &hostile
        }
    };
    if let Ok(signature) = signature.as_slice().try_into() {
        key.steps(signature);
    }
});
