//! Contexts of every length. Wycheproof has eight vectors with one.

use ml_dsa::{KeyInit, MlDsa65, SigningKey};

use crate::judges::{Judges, whole_message};
use crate::prepared::Variant;
use crate::reference::Fault;

#[test]
fn a_signature_holds_with_its_own_context_only() {
    let key = SigningKey::<MlDsa65>::new_from_slice(&[7; 32]).unwrap();
    let public: &ml_dsa::VerifyingKey<MlDsa65> = key.as_ref();
    let judges = Judges::new(Variant::MlDsa65, &public.encode());
    let message = b"message";
    for len in (0..20).chain([127, 128, 254, 255]) {
        let context: Vec<u8> = (0..len).collect();
        let signature = key.expanded_key().sign_deterministic(message, &context).unwrap().encode();
        assert_eq!(judges.agreed(&context, message, &signature).fault, None);
        let mut others = vec![[&context, [9].as_slice()].concat(), vec![9; usize::from(len)]];
        others.extend((len > 0).then(|| context[1..].to_vec()));
        others.extend((len > 0).then(|| context[..usize::from(len) - 1].to_vec()));
        for other in others.iter().filter(|other| **other != context && other.len() < 256) {
            assert_eq!(judges.agreed(other, message, &signature).fault, Some(Fault::Challenge));
        }
        // The border between context and message cannot be moved.
        let moved = [&context, message.as_slice()].concat();
        for cut in (0..moved.len().min(255)).filter(|cut| *cut != usize::from(len)) {
            assert!(!judges.ours(&moved[..cut], &moved[cut..], &signature));
        }
    }
}

#[test]
fn a_context_of_256_bytes_has_no_signature() {
    let public = [0; 1952];
    for variant in [Variant::MlDsa65, Variant::Dilithium3] {
        let judges = Judges::new(variant, &public);
        // With t1 = 0 and z = 0 the signature does not depend on the key but for tr.
        let forger = crate::forger::Forger::new(variant, [0; 32]);
        let context = [3; 255];
        let signature = forger.sign(&context, b"x", &[[0; 256]; 5], &[[false; 256]; 6]);
        assert_eq!(judges.agreed(&context, b"x", &signature).fault, None);
        // The same bytes after a length that has wrapped round.
        let whole = whole_message(variant, &[], &[&[3; 256], b"x".as_slice()].concat());
        let prefix = whole.len() - 257;
        let signature = forger.sign(&[], &whole[prefix..], &[[0; 256]; 5], &[[false; 256]; 6]);
        assert!(judges.ours(&[], &whole[prefix..], &signature));
        assert!(!judges.ours(&[3; 256], b"x", &signature));
    }
}
