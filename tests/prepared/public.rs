//! The way in of the library: `PublicKey::expand` beside `PublicKey::prepare`.

use meshward::suite::{BadSignature, OsEntropy, Purpose, SigningKey, Suite};

const PURPOSES: [Purpose; 3] = [Purpose::Frame, Purpose::Attestation, Purpose::Witness];

#[test]
fn an_expanded_key_judges_as_a_prepared_one() {
    for suite in Suite::available() {
        let [key, other] = [(); 2].map(|()| SigningKey::generate(suite, &OsEntropy).unwrap());
        let [expanded, stranger] = [&key, &other].map(|key| key.public_key().expand().unwrap());
        let prepared = key.public_key().prepare().unwrap();
        for len in [0, 1, 300, 1023, 1024, 70_000] {
            let message = vec![len as u8; len];
            for signed in PURPOSES {
                let signature = key.sign(signed, &message, &OsEntropy).unwrap();
                let signature = signature.as_bytes();
                for asked in PURPOSES {
                    let verdict = expanded.verify(asked, &message, signature);
                    assert_eq!(verdict.is_ok(), asked == signed, "{suite}: {signed:?}, {asked:?}");
                    assert_eq!(verdict, prepared.verify(asked, &message, signature));
                }
                assert_eq!(stranger.verify(signed, &message, signature), Err(BadSignature));
                assert_eq!(expanded.verify(signed, b"other", signature), Err(BadSignature));
            }
        }
    }
}

#[test]
fn every_other_length_is_refused() {
    for suite in Suite::available() {
        let key = SigningKey::generate(suite, &OsEntropy).unwrap();
        let signature: Vec<u8> = key.sign(Purpose::Frame, b"x", &OsEntropy).unwrap().into();
        let expanded = key.public_key().expand().unwrap();
        let longer = [signature.as_slice(), &[0; 3309]].concat();
        for len in (0..signature.len()).chain([3310, 3311, 6618]) {
            let refused = expanded.verify(Purpose::Frame, b"x", &longer[..len]);
            assert_eq!(refused, Err(BadSignature), "{suite}: {len} bytes");
        }
        assert_eq!(expanded.verify(Purpose::Frame, b"x", &signature), Ok(()));
    }
}
