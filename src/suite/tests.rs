//! What holds for every suite, tried with each that is compiled in.

use super::*;

const MESSAGE: &[u8] = b"beacon 7";

fn key(suite: Suite) -> SigningKey {
    SigningKey::generate(suite, &OsEntropy).unwrap()
}

fn sign(key: &SigningKey) -> Vec<u8> {
    key.sign(Purpose::Frame, MESSAGE, &OsEntropy).unwrap().into()
}

#[test]
fn round_trip() {
    for suite in Suite::available() {
        let key = key(suite);
        assert_eq!(key.suite(), suite);
        assert_eq!(key.public_key().as_bytes().len(), suite.public_key_len());
        let prepared = key.public_key().prepare().unwrap();
        for len in [0, 1, 300, 1023, 1024, 70_000] {
            let message = vec![0xa5; len];
            let signature = key.sign(Purpose::Frame, &message, &OsEntropy).unwrap();
            assert_eq!(signature.as_bytes().len(), suite.signature_len());
            assert_eq!(prepared.verify(Purpose::Frame, &message, signature.as_bytes()), Ok(()));
        }
    }
}

#[test]
fn a_signature_holds_for_its_purpose_message_and_key_only() {
    for suite in Suite::available() {
        let (key, other) = (key(suite), key(suite));
        let prepared = key.public_key().prepare().unwrap();
        let stranger = other.public_key().prepare().unwrap();
        for purpose in Purpose::ALL {
            let signature = key.sign(purpose, MESSAGE, &OsEntropy).unwrap();
            let signature = signature.as_bytes();
            for asked in Purpose::ALL {
                let holds = prepared.verify(asked, MESSAGE, signature).is_ok();
                assert_eq!(holds, asked == purpose, "{suite}: {purpose:?} read as {asked:?}");
            }
            assert_eq!(prepared.verify(purpose, b"beacon 8", signature), Err(BadSignature));
            assert_eq!(prepared.verify(purpose, b"", signature), Err(BadSignature));
            assert_eq!(stranger.verify(purpose, MESSAGE, signature), Err(BadSignature));
        }
    }
}

#[test]
fn every_other_length_is_refused() {
    for suite in Suite::available() {
        let key = key(suite);
        let signature = sign(&key);
        let prepared = key.public_key().prepare().unwrap();
        for len in 0..signature.len() {
            let cut = &signature[..len];
            assert_eq!(prepared.verify(Purpose::Frame, MESSAGE, cut), Err(BadSignature), "{len}");
        }
        for more in [1, 3309, 1 << 20] {
            let long = [signature.as_slice(), &vec![0; more]].concat();
            assert_eq!(prepared.verify(Purpose::Frame, MESSAGE, &long), Err(BadSignature));
        }
    }
}

#[test]
fn flipped_bits_and_hostile_bytes_are_refused() {
    for suite in Suite::available() {
        let key = key(suite);
        let signature = sign(&key);
        let prepared = key.public_key().prepare().unwrap();
        // Every 13th byte, and all of the 61 at the end, where the hints are packed.
        let len = signature.len();
        for at in (0..len).step_by(13).chain(len.saturating_sub(61)..len) {
            for bit in [0x01, 0x80] {
                let mut bad = signature.clone();
                bad[at] ^= bit;
                let refused = prepared.verify(Purpose::Frame, MESSAGE, &bad);
                assert_eq!(refused, Err(BadSignature), "{suite}: byte {at}, bit {bit:#x}");
            }
        }
        for byte in [0x00, 0x7f, 0x80, 0xff] {
            let bad = vec![byte; len];
            assert_eq!(prepared.verify(Purpose::Frame, MESSAGE, &bad), Err(BadSignature));
        }
    }
}

#[test]
fn hostile_public_keys_do_not_panic() {
    for suite in Suite::available() {
        let signature = sign(&key(suite));
        for byte in [0x00, 0x7f, 0x80, 0xff] {
            let key = PublicKey::from_bytes(suite, &vec![byte; suite.public_key_len()]).unwrap();
            let prepared = key.prepare().unwrap();
            for signature in [signature.clone(), vec![byte; suite.signature_len()]] {
                let refused = prepared.verify(Purpose::Frame, MESSAGE, &signature);
                assert_eq!(refused, Err(BadSignature), "{suite}: {byte:#x}");
            }
        }
    }
}

/// Neither accepts the other's signatures, under its own key or under the same bytes read as a key
/// of the other suite.
#[test]
fn suites_do_not_mix() {
    for signer in Suite::available() {
        for reader in Suite::available().filter(|reader| *reader != signer) {
            let key = key(signer);
            let signature = sign(&key);
            // No key of the other suite if its keys have another length.
            let relabelled = PublicKey::from_bytes(reader, key.public_key().as_bytes()).ok();
            let same_length = signer.public_key_len() == reader.public_key_len();
            assert_eq!(relabelled.is_some(), same_length);
            for public in relabelled.iter().chain([self::key(reader).public_key()]) {
                let prepared = public.prepare().unwrap();
                let refused = prepared.verify(Purpose::Frame, MESSAGE, &signature);
                assert_eq!(refused, Err(BadSignature), "{signer} read as {reader}");
            }
        }
    }
}

#[test]
fn secret_bytes_round_trip() {
    for suite in Suite::available() {
        let (key, other) = (key(suite), key(suite));
        let bytes = key.to_secret_bytes();
        let read = SigningKey::from_secret_bytes(suite, &bytes).unwrap();
        assert_eq!(read.public_key(), key.public_key());
        assert!(read.is_same_as(&key));
        assert!(!other.is_same_as(&key));
        let prepared = key.public_key().prepare().unwrap();
        assert_eq!(prepared.verify(Purpose::Frame, MESSAGE, &sign(&read)), Ok(()));

        let expected = bytes.len();
        let longer = [bytes.as_slice(), &[0]].concat();
        for bad in [&[], &bytes[..expected - 1], &longer] {
            let refused = SigningKey::from_secret_bytes(suite, bad).err();
            let found = bad.len();
            assert_eq!(refused, Some(SuiteError::SecretKeyLength { suite, expected, found }));
        }
    }
}

#[test]
fn debug_shows_nothing_secret() {
    for suite in Suite::available() {
        let key = key(suite);
        let debug = format!("{key:?} {key:#?}").to_lowercase();
        let public = format!("{:?}", key.public_key().digest()).to_lowercase();
        assert!(debug.contains(&public), "{debug}");
        for part in key.to_secret_bytes().chunks_exact(4) {
            let hex: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
            let list = format!("{}, {}, {}, {}", part[0], part[1], part[2], part[3]);
            assert!(!debug.contains(&hex) && !debug.contains(&list), "{debug}");
        }
    }
}

#[test]
fn a_suite_that_is_not_compiled_in_says_so() {
    for suite in Suite::ALL.into_iter().filter(|suite| !suite.is_available()) {
        let unavailable = Some(SuiteError::SuiteUnavailable(suite));
        assert_eq!(SigningKey::generate(suite, &OsEntropy).err(), unavailable);
        assert_eq!(SigningKey::from_secret_bytes(suite, &[0; 32]).err(), unavailable);
        let public = PublicKey::from_bytes(suite, &vec![1; suite.public_key_len()]).unwrap();
        assert_eq!(public.prepare().err(), unavailable);
        let refused = PreparedKeys::new(1).verify(&public, Purpose::Frame, MESSAGE, b"");
        assert_eq!(refused, Err(VerifyError::SuiteUnavailable(suite)));
    }
    let compiled_in = [cfg!(feature = "dilithium3"), cfg!(feature = "ml-dsa-65")];
    let named = [Suite::Dilithium3, Suite::MlDsa65];
    assert_eq!(named.map(Suite::is_available), compiled_in);
    let count = compiled_in.iter().filter(|compiled_in| **compiled_in).count();
    assert_eq!(Suite::available().filter(|suite| named.contains(suite)).count(), count);
    assert_eq!(Suite::ALL.len(), if cfg!(meshward_sim) { 3 } else { 2 });
}

#[test]
fn handles_cross_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<SigningKey>();
    shared::<VerifyingKey>();
    shared::<PreparedKeys>();
    shared::<Box<dyn Entropy>>();
}
