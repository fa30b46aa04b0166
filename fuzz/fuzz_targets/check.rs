//! Our own check of signatures against everybody else who can tell: the crates `ml-dsa` and
//! `pqcrypto-dilithium`, and the second reading of FIPS 204 that the tests have. Signatures are made by
//! the holder of a key and then changed, or by a forger, so that the hash fits whatever z and hints
//! were chosen; and the steps of the check are held against the reading one by one, under hostile
//! keys too.

#![no_main]
#![allow(dead_code, reason = "not all that the tests share is for here")]

#[path = "../../tests/prepared/forger.rs"]
mod forger;
#[path = "../../tests/prepared/judges.rs"]
mod judges;
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
use reference::{BETA, GAMMA1, HINTS_AT, K, L, Poly};

const LEN: usize = 3309;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    dilithium3: bool,
    key: Whose<'a>,
    context: &'a [u8],
    message: &'a [u8],
    /// What to begin with, in place of a signature that holds or of zeros.
    raw: Option<&'a [u8]>,
    edits: Vec<Edit<'a>>,
}

#[derive(Debug, Arbitrary)]
enum Whose<'a> {
    Signer,
    Forger,
    Hostile { rho: [u8; 32], t1: &'a [u8], fill: u8 },
}

/// The first six come before a forger hashes, the others after.
#[derive(Debug, Arbitrary)]
enum Edit<'a> {
    Z { poly: u8, place: u8, edge: u8 },
    AllZ { polys: u8, places: u8, edge: u8 },
    Hint { row: u8, place: u8 },
    HintByte { at: u8, to: u8 },
    SwapHints { at: u8, with: u8 },
    AllHints(&'a [u8]),
    Challenge { at: u8, by: u8 },
    Byte { at: u16, by: u8 },
    Length(u16),
    Context(&'a [u8]),
    Message(&'a [u8]),
}

const BOUND: i64 = GAMMA1 - BETA;
const EDGES: [i64; 12] = [
    BOUND,
    -BOUND,
    BOUND - 1,
    1 - BOUND,
    BOUND + 1,
    -BOUND - 1,
    GAMMA1,
    GAMMA1 - 1,
    1 - GAMMA1,
    0,
    1,
    -1,
];

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

    /// Each step gives what it has to, the arithmetic in both of its forms.
    fn steps(&self, signature: &[u8; LEN]) {
        let (_, packed) = signature.split_last_chunk().unwrap();
        let (h, narrow) =
            (reference::unpack_hints(packed), |h: Hints| h.map(|row| row.map(u8::from)));
        assert_eq!(hints::hints(packed), h.map(narrow));
        let h = h.unwrap_or([[false; 256]; K]);
        let seed = &signature[..reference::seed_len(self.judges.variant)];
        let (z, c) =
            (signature[48..HINTS_AT].as_chunks().0.try_into().unwrap(), sample::in_ball(seed));
        let ours = commitment::commitment(&self.rows, z, &c, &narrow(h));
        assert_eq!(ours, commitment::portable(&self.rows, z, &c, &narrow(h)));
        let (z, c) = (reference::unpack_z(signature), reference::sample_in_ball(seed));
        let w = reference::approximate_w(&self.matrix, &z, &c, &self.t1);
        let short = z.iter().flatten().all(|a| a.abs() < BOUND);
        assert_eq!(ours.map(|w1| w1.concat()), short.then(|| reference::packed_w1(&w, &h)));
    }
}

/// Context and message to a signature.
type Sign = dyn Fn(&[u8], &[u8]) -> Vec<u8> + Send + Sync;

/// Those who keep to the rules, and those who do not, of one suite.
struct Cast {
    variant: Variant,
    signer: Key,
    sign: Box<Sign>,
    forger: Forger,
    forged: Key,
}

impl Cast {
    fn new(variant: Variant) -> Self {
        let (public, sign): (_, Box<Sign>) = match variant {
            Variant::MlDsa65 => {
                let key = SigningKey::<MlDsa65>::new_from_slice(&[7; 32]).unwrap();
                let public: &ml_dsa::VerifyingKey<MlDsa65> = key.as_ref();
                let (public, key) = (public.encode().to_vec(), key.expanded_key().clone());
                let sign = move |context: &[u8], message: &[u8]| {
                    key.sign_deterministic(message, context).unwrap().encode().to_vec()
                };
                (public, Box::new(sign))
            }
            Variant::Dilithium3 => {
                let (public, secret) = pqclean::keypair();
                let sign = move |context: &[u8], message: &[u8]| {
                    let whole = whole_message(variant, context, message);
                    pqclean::detached_sign(&whole, &secret).as_bytes().to_vec()
                };
                (public.as_bytes().to_vec(), Box::new(sign))
            }
        };
        let forger = Forger::new(variant, [11; 32]);
        let forged = Key::new(variant, &forger.judges.public);
        Self { variant, signer: Key::new(variant, &public), sign, forger, forged }
    }
}

static CASTS: LazyLock<[Cast; 2]> =
    LazyLock::new(|| [Variant::MlDsa65, Variant::Dilithium3].map(Cast::new));

/// What a reader makes of hints who minds neither their order nor what is left over.
fn careless(packed: &[u8]) -> Hints {
    let mut start = 0;
    std::array::from_fn(|row| {
        let end = usize::from(packed[55 + row]).min(55);
        let own = packed.get(start..end).unwrap_or_default();
        start = end;
        std::array::from_fn(|place| own.iter().any(|own| usize::from(*own) == place))
    })
}

fn resized(bytes: &[u8], len: usize, fill: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(len, fill);
    bytes
}

fn before_the_hash(edit: &Edit<'_>, z: &mut [Poly], hints: &mut [u8]) {
    let edge = |edge: u8| EDGES[usize::from(edge) % EDGES.len()];
    match *edit {
        Edit::Z { poly, place, edge: to } => {
            z[usize::from(poly) % L][usize::from(place)] = edge(to)
        }
        Edit::AllZ { polys, places, edge: to } => {
            for (_, z) in z.iter_mut().enumerate().filter(|(poly, _)| polys >> poly & 1 == 1) {
                let places = z.iter_mut().zip(0_u8..=255).filter(|(_, place)| places & place == 0);
                places.for_each(|(z, _)| *z = edge(to));
            }
        }
        Edit::Hint { row, place } => {
            let mut h = careless(hints);
            h[usize::from(row) % K][usize::from(place)] ^= true;
            if h.iter().flatten().filter(|h| **h).count() <= 55 {
                hints.copy_from_slice(&packed(&h));
            }
        }
        Edit::HintByte { at, to } => hints[usize::from(at) % 61] = to,
        Edit::SwapHints { at, with } => hints.swap(usize::from(at) % 61, usize::from(with) % 61),
        Edit::AllHints(bytes) => hints.copy_from_slice(&resized(bytes, 61, 0)),
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
        // All of z zero, and so is w.
        _ => [vec![0; 48], [0, 0, 8, 0, 128].repeat(640), vec![0; 61]].concat(),
    };
    let signed = (raw.is_none(), context, message);
    let (mut z, mut hints) = (reference::unpack_z(&begin), begin[HINTS_AT..].to_vec());
    edits.iter().for_each(|edit| before_the_hash(edit, &mut z, &mut hints));
    let mut signature = match &key {
        Whose::Forger => cast.forger.sign_packed(context, message, &z, &careless(&hints), &hints),
        _ => {
            let z = z.iter().flat_map(packed_z).collect();
            [begin[..48].to_vec(), z, hints].concat()
        }
    };
    for edit in &edits {
        match *edit {
            Edit::Challenge { at, by } => signature[usize::from(at) % 48] ^= by,
            Edit::Byte { at, by } if !signature.is_empty() => {
                let at = usize::from(at) % signature.len();
                signature[at] ^= by;
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
            let own = signature == begin && (true, context, message) == signed;
            assert_eq!(holds, own, "what its signer did not make");
            &cast.signer
        }
        Whose::Forger => {
            cast.forged.judges.agreed(context, message, &signature);
            &cast.forged
        }
        Whose::Hostile { rho, t1, fill } => {
            let public = [rho.as_slice(), &resized(t1, 1920, fill)].concat();
            hostile = Key::new(cast.variant, &public);
            hostile.judges.same(context, message, &signature);
            &hostile
        }
    };
    if let Ok(signature) = signature.as_slice().try_into() {
        key.steps(signature);
    }
});
