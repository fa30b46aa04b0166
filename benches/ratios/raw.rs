//! Bare checks by the crates beneath: what all else is measured against.

use meshward::Suite;
use meshward::suite::{Purpose, SigningKey};
use ml_dsa::{KeyInit, MlDsa65, VerifyingKey};
use pqcrypto_dilithium::dilithium3 as pqclean;
use pqcrypto_traits::sign::{DetachedSignature, PublicKey};

use crate::Outcome;
use crate::mesh::{Mesh, keys, unlimited};
use crate::speaker::signed;
use crate::timing::{each, median};

/// A public key as its crate wants it for many checks: `ml-dsa` keeps it expanded, `pqcrypto-dilithium`
/// has nothing to keep.
pub(crate) enum RawKey {
    MlDsa65(Box<VerifyingKey<MlDsa65>>),
    Dilithium3(Box<pqclean::PublicKey>),
}

impl RawKey {
    pub(crate) fn new(key: &SigningKey) -> Outcome<Self> {
        let bytes = key.public_key().as_bytes();
        Ok(match key.suite() {
            Suite::MlDsa65 => Self::MlDsa65(Box::new(VerifyingKey::new_from_slice(bytes)?)),
            Suite::Dilithium3 => Self::Dilithium3(Box::new(pqclean::PublicKey::from_bytes(bytes)?)),
            #[cfg(meshward_sim)]
            Suite::Simulated => return Err("no signatures".into()),
        })
    }

    /// One check, the signature decoded inside. What Dilithium3 signs has its purpose in front.
    fn check(&self, (purpose, message, signature): (Purpose, &[u8], &[u8])) -> Outcome<()> {
        let holds = match self {
            Self::MlDsa65(key) => {
                let signature = ml_dsa::Signature::try_from(signature)?;
                key.verify_with_context(message, purpose.tag(), &signature)
            }
            Self::Dilithium3(key) => {
                let signature = pqclean::DetachedSignature::from_bytes(signature)?;
                pqclean::verify_detached_signature(&signature, message, key).is_ok()
            }
        };
        holds.then_some(()).ok_or_else(|| "it does not hold".into())
    }

    fn whole((purpose, message): (Purpose, &[u8]), suite: Suite) -> Outcome<Vec<u8>> {
        let tag = purpose.tag();
        Ok(match suite {
            Suite::Dilithium3 => [&[u8::try_from(tag.len())?], tag, message].concat(),
            _ => message.to_vec(),
        })
    }

    const fn suite(&self) -> Suite {
        match self {
            Self::MlDsa65(_) => Suite::MlDsa65,
            Self::Dilithium3(_) => Suite::Dilithium3,
        }
    }
}

/// Nanoseconds of one bare check of `packets`. There is a key for each packet, or one for all.
pub(crate) fn raw(keys: &[RawKey], packets: &[Vec<u8>]) -> Outcome<f64> {
    let mut checks = Vec::new();
    for (key, packet) in keys.iter().cycle().zip(packets) {
        let (purpose, message, signature) = signed(packet)?;
        checks.push((key, purpose, RawKey::whole((purpose, message), key.suite())?, signature));
    }
    each(checks.iter(), |(key, purpose, message, signature)| {
        key.check((*purpose, message, signature))
    })
}

/// Checks in one timing of a crate.
const CHECKS: u32 = 6;

/// A crate whose bare check is timed, with signatures to check: the fastest here, or one that is asked
/// for.
pub(crate) struct Bare {
    key: [RawKey; 1],
    packets: Vec<Vec<u8>>,
}

impl Bare {
    /// The fastest: tries them all.
    pub(crate) fn fastest() -> Outcome<Self> {
        let mut sides = Vec::new();
        for suite in Suite::available() {
            let side = Self::of(suite)?;
            let times = (0..51).map(|_| side.time()).collect::<Result<Vec<_>, _>>()?;
            sides.push((median(times), side));
        }
        let fastest = sides.into_iter().min_by(|(one, _), (other, _)| one.total_cmp(other));
        fastest.map(|(_, side)| side).ok_or_else(|| "no suite".into())
    }

    pub(crate) fn of(suite: Suite) -> Outcome<Self> {
        let keys = keys(suite, 1)?;
        let mesh = Mesh::new(suite, &keys, unlimited(2))?;
        let speaker = mesh.speaker(1)?;
        let packets = (1..=CHECKS).map(|number| speaker.beacon(number));
        Ok(Self { key: [speaker.raw_key()?], packets: packets.collect::<Result<_, _>>()? })
    }

    /// Nanoseconds of one of its checks.
    pub(crate) fn time(&self) -> Outcome<f64> {
        raw(&self.key, &self.packets)
    }
}
