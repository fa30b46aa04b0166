//! The ways in of the library: `PublicKey::prepare` beside `PublicKey::verify`.

use meshward::suite::{
    BadSignature, OsEntropy, PublicKey, Purpose, SigningKey, Suite, VerifyError,
};

use crate::forger::{Forger, Hints};
use crate::judges::lax;
use crate::prepared::Variant;
use crate::reference::{GAMMA1, Poly};

const PURPOSES: [Purpose; 3] = [Purpose::Frame, Purpose::Attestation, Purpose::Witness];

#[test]
fn a_prepared_key_judges_as_one_check() {
    for suite in Suite::available() {
        let [key, other] = [(); 2].map(|()| SigningKey::generate(suite, &OsEntropy).unwrap());
        let [prepared, stranger] = [&key, &other].map(|key| key.public_key().prepare().unwrap());
        for len in [0, 1, 300, 1023, 1024, 70_000] {
            let message = vec![len as u8; len];
            for signed in PURPOSES {
                let signature = key.sign(signed, &message, &OsEntropy).unwrap();
                let signature = signature.as_bytes();
                for asked in PURPOSES {
                    let verdict = prepared.verify(asked, &message, signature);
                    assert_eq!(verdict.is_ok(), asked == signed, "{suite}: {signed:?}, {asked:?}");
                    let once = key.public_key().verify(asked, &message, signature);
                    assert_eq!(verdict.map_err(VerifyError::from), once);
                }
                assert_eq!(stranger.verify(signed, &message, signature), Err(BadSignature));
                assert_eq!(prepared.verify(signed, b"other", signature), Err(BadSignature));
            }
        }
    }
}

#[test]
fn every_other_length_is_refused() {
    for suite in Suite::available() {
        let key = SigningKey::generate(suite, &OsEntropy).unwrap();
        let signature: Vec<u8> = key.sign(Purpose::Frame, b"x", &OsEntropy).unwrap().into();
        let prepared = key.public_key().prepare().unwrap();
        let longer = [signature.as_slice(), &[0; 3309]].concat();
        for len in (0..signature.len()).chain([3310, 3311, 6618]) {
            let refused = prepared.verify(Purpose::Frame, b"x", &longer[..len]);
            assert_eq!(refused, Err(BadSignature), "{suite}: {len} bytes");
        }
        assert_eq!(prepared.verify(Purpose::Frame, b"x", &signature), Ok(()));
    }
}

/// What PQClean's code says differs from processor to processor, so a mesh that believed it would be of two
/// minds: z too long, and a hint where the low bits are zero.
#[test]
fn a_signature_of_dilithium3_holds_on_all_processors_or_on_none() {
    let forger = Forger::new(Variant::Dilithium3, [11; 32]);
    let key = PublicKey::from_bytes(Suite::Dilithium3, &forger.judges.public).unwrap();
    let (purpose, message) = (Purpose::Frame, b"beacon 7".as_slice());
    let judged = |z: &[Poly], h: &Hints| {
        let signature = forger.sign(purpose.tag(), message, z, h);
        let once = key.verify(purpose, message, &signature).is_ok();
        let prepared = key.prepare().unwrap().verify(purpose, message, &signature).is_ok();
        assert_eq!(once, prepared);
        (once, forger.judges.theirs(purpose.tag(), message, &signature))
    };
    let (mut z, mut h) = (vec![[0; 256]; 5], [[false; 256]; 6]);
    assert_eq!(judged(&z, &h), (true, true));
    // Every w is zero where z is.
    h[2][100] = true;
    assert_eq!(judged(&z, &h), (true, !lax()), "a hint at zero");
    (h[2][100], z[3][9]) = (false, GAMMA1);
    assert_eq!(judged(&z, &h), (false, lax()), "z too long");
}
