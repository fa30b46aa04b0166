//! The bare signature checks of other libraries.
//!
//! Where two of them know one scheme, both check the same signatures under the same key.

use std::hint::black_box;
use std::time::Instant;

use aws_lc_rs::signature::{ED25519, ML_DSA_65, ParsedPublicKey};
use ml_dsa::{MlDsa65, SigningKey, VerifyingKey};
use pqcrypto_dilithium::dilithium3;
use pqcrypto_traits::sign::DetachedSignature;

use crate::{MESSAGES, Outcome, PAYLOAD, Peer, Timed, payload};

/// One library's check of a signature.
struct Raw<F> {
    name: &'static str,
    signed: Vec<([u8; PAYLOAD], Vec<u8>)>,
    /// Whether a payload's signature holds.
    holds: F,
}

impl<F: Fn(&[u8], &[u8]) -> bool> Peer for Raw<F> {
    fn round(&mut self) -> Outcome<Vec<Timed>> {
        let bytes = self.signed.first().map_or(0, |(_, signature)| signature.len());
        let start = Instant::now();
        for (payload, signature) in &self.signed {
            if !(self.holds)(black_box(payload), black_box(signature)) {
                return Err(format!("{}: a signature that does not hold", self.name).into());
            }
        }
        let seconds = start.elapsed().as_secs_f64();
        let bytes = bytes.saturating_add(PAYLOAD);
        Ok(vec![Timed { name: self.name.to_owned(), bytes, seconds }])
    }
}

/// Payloads and their signatures, once that it is known that `holds` tells a wrong one from a right one.
fn raw<F: Fn(&[u8], &[u8]) -> bool + 'static>(
    name: &'static str,
    sign: impl Fn(&[u8]) -> Outcome<Vec<u8>>,
    holds: F,
) -> Outcome<Box<dyn Peer>> {
    let mut signed = Vec::new();
    for number in 0..MESSAGES {
        let payload = payload(number);
        signed.push((payload, sign(&payload)?));
    }
    if signed.iter().any(|(_, signature)| holds(b"something else", signature)) {
        return Err(format!("{name}: holds for what was not signed").into());
    }
    Ok(Box::new(Raw { name, signed, holds }))
}

/// All of them.
///
/// # Errors
///
/// If a key is not taken, or a signature is taken that should not be.
pub(crate) fn all() -> Outcome<Vec<Box<dyn Peer>>> {
    let mut all = ml_dsa_65()?;
    all.push(dilithium3()?);
    all.extend(ed25519()?);
    Ok(all)
}

fn ml_dsa_65() -> Outcome<Vec<Box<dyn Peer>>> {
    let secret = SigningKey::<MlDsa65>::from_seed(&[5; 32].into());
    let sign = |payload: &[u8]| -> Outcome<Vec<u8>> {
        Ok(secret.expanded_key().sign_deterministic(payload, b"")?.encode().to_vec())
    };
    let public = secret.expanded_key().verifying_key().encode();
    let rust = VerifyingKey::<MlDsa65>::decode(&public);
    let aws = ParsedPublicKey::new(&ML_DSA_65, public.as_slice())?;
    Ok(vec![
        raw("ml-dsa verify, ML-DSA-65", sign, move |payload, signature| {
            ml_dsa::Signature::try_from(signature)
                .is_ok_and(|signature| rust.verify_with_context(payload, b"", &signature))
        })?,
        raw("aws-lc-rs verify, ML-DSA-65", sign, move |payload, signature| {
            aws.verify_sig(payload, signature).is_ok()
        })?,
    ])
}

fn dilithium3() -> Outcome<Box<dyn Peer>> {
    let (public, secret) = dilithium3::keypair();
    let sign = |payload: &[u8]| -> Outcome<Vec<u8>> {
        Ok(dilithium3::detached_sign(payload, &secret).as_bytes().to_vec())
    };
    raw("pqcrypto-dilithium verify, Dilithium3", sign, move |payload, signature| {
        dilithium3::DetachedSignature::from_bytes(signature).is_ok_and(|signature| {
            dilithium3::verify_detached_signature(&signature, payload, &public).is_ok()
        })
    })
}

fn ed25519() -> Outcome<Vec<Box<dyn Peer>>> {
    let secret = libp2p_identity::Keypair::generate_ed25519();
    let sign = |payload: &[u8]| -> Outcome<Vec<u8>> { Ok(secret.sign(payload)?) };
    let public = secret.public();
    let aws = ParsedPublicKey::new(&ED25519, public.clone().try_into_ed25519()?.to_bytes())?;
    Ok(vec![
        raw("libp2p-identity verify, Ed25519", sign, move |payload, signature| {
            public.verify(payload, signature)
        })?,
        raw("aws-lc-rs verify, Ed25519", sign, move |payload, signature| {
            aws.verify_sig(payload, signature).is_ok()
        })?,
    ])
}
