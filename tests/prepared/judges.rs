//! Everybody who can say whether a signature holds, and what they have to agree on.

use ml_dsa::{KeyInit, MlDsa65, VerifyingKey};
use pqcrypto_dilithium::dilithium3 as pqclean;
use pqcrypto_traits::sign::{DetachedSignature, PublicKey};

use crate::prepared::{ExpandedKey, Variant};
use crate::reference::{self, Fault, Verdict};

/// A public key as each of the judges needs it.
pub(crate) struct Judges {
    pub(crate) variant: Variant,
    pub(crate) public: Vec<u8>,
    ours: ExpandedKey,
    theirs: Theirs,
}

enum Theirs {
    MlDsa(Box<VerifyingKey<MlDsa65>>),
    PqClean(Box<pqclean::PublicKey>),
}

impl Judges {
    pub(crate) fn new(variant: Variant, public: &[u8]) -> Self {
        let theirs = match variant {
            Variant::MlDsa65 => {
                Theirs::MlDsa(Box::new(VerifyingKey::new_from_slice(public).unwrap()))
            }
            Variant::Dilithium3 => {
                Theirs::PqClean(Box::new(pqclean::PublicKey::from_bytes(public).unwrap()))
            }
        };
        let ours = ExpandedKey::new(variant, public).unwrap();
        Self { variant, public: public.to_vec(), ours, theirs }
    }

    pub(crate) fn ours(&self, context: &[u8], message: &[u8], signature: &[u8]) -> bool {
        self.ours.verify(context, message, signature)
    }

    pub(crate) fn theirs(&self, context: &[u8], message: &[u8], signature: &[u8]) -> bool {
        match &self.theirs {
            Theirs::MlDsa(key) => ml_dsa::Signature::try_from(signature)
                .is_ok_and(|signature| key.verify_with_context(message, context, &signature)),
            Theirs::PqClean(key) => {
                let message = whole_message(self.variant, context, message);
                pqclean::DetachedSignature::from_bytes(signature).is_ok_and(|signature| {
                    pqclean::verify_detached_signature(&signature, &message, key).is_ok()
                })
            }
        }
    }

    /// By the letter of the standard.
    pub(crate) fn reference(&self, context: &[u8], message: &[u8], signature: &[u8]) -> Verdict {
        let message = whole_message(self.variant, context, message);
        reference::verify(self.variant, &self.public, &message, signature)
    }

    /// What all of them say, having seen that they say the same.
    ///
    /// PQClean's AVX2 code takes z of any length, and goes the wrong way at a hint where the low bits
    /// are zero. Where one of these decides it must differ from us, and nowhere else.
    pub(crate) fn agreed(&self, context: &[u8], message: &[u8], signature: &[u8]) -> Verdict {
        let verdict = self.reference(context, message, signature);
        let ours = self.ours(context, message, signature);
        assert_eq!(ours, verdict.fault.is_none(), "ours {ours}, by the letter {verdict:?}");
        let theirs = self.theirs(context, message, signature);
        if matches!(self.theirs, Theirs::PqClean(_)) && lax() {
            let expected = matches!(verdict.fault, None | Some(Fault::Norm));
            if !verdict.hint_at_zero {
                assert_eq!(theirs, expected, "PQClean's AVX2 code {theirs}, {verdict:?}");
            } else if expected {
                assert!(!theirs, "PQClean's AVX2 code turned the hint the right way: {verdict:?}");
            }
        } else {
            assert_eq!(ours, theirs, "ours {ours}, theirs {theirs}, by the letter {verdict:?}");
        }
        verdict
    }

    /// The cheap half of [`agreed`](Self::agreed): ours and theirs only, for a signature that is not
    /// made to sit on an edge.
    pub(crate) fn same(&self, context: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let ours = self.ours(context, message, signature);
        let theirs = self.theirs(context, message, signature);
        if ours != theirs {
            let verdict = self.agreed(context, message, signature);
            assert_eq!(ours, verdict.fault.is_none());
        }
        ours
    }
}

/// Whether `pqcrypto-dilithium` runs PQClean's AVX2 code here.
pub(crate) fn lax() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// M', or what a signer of Dilithium3 signs.
pub(crate) fn whole_message(variant: Variant, context: &[u8], message: &[u8]) -> Vec<u8> {
    let length = u8::try_from(context.len()).unwrap();
    match variant {
        Variant::MlDsa65 => [&[0, length], context, message].concat(),
        Variant::Dilithium3 => [&[length], context, message].concat(),
    }
}
