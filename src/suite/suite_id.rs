//! The names of the signature suites.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::UnknownSuite;

/// A signature suite. Both always exist as names, whatever is compiled in.
///
/// Serialized as its one-byte [code](Self::code); any other code is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Suite {
    /// Stands for a signature scheme in large simulations and protects nothing: whoever knows a
    /// public key can sign for it. Keys and signatures have 32 bytes and cost a hash. It is weaker
    /// than every other suite, so that no key of another is followed by one of it.
    ///
    /// It exists under `--cfg meshward_sim` only. That is a flag of the compiler, which whoever
    /// builds the program sets; no feature and no crate that depends on this one can.
    #[cfg(meshward_sim)]
    Simulated,
    /// PQClean's Dilithium3 as published in `pqcrypto-dilithium` 0.5: deterministic, 3309-byte
    /// signatures. It agrees neither with the older Dilithium3 of liboqs (3293 bytes) nor with
    /// ML-DSA-65.
    Dilithium3,
    /// ML-DSA-65 of FIPS 204, hedged.
    MlDsa65,
}

impl Suite {
    /// Every suite that has a name, compiled in or not, by ascending code.
    #[cfg(not(meshward_sim))]
    pub const ALL: [Self; 2] = [Self::Dilithium3, Self::MlDsa65];

    /// Every suite that has a name, compiled in or not, by ascending code.
    #[cfg(meshward_sim)]
    pub const ALL: [Self; 3] = [Self::Simulated, Self::Dilithium3, Self::MlDsa65];

    /// Whether the suite is compiled in (features `dilithium3`, `ml-dsa-65`).
    pub const fn is_available(self) -> bool {
        match self {
            #[cfg(meshward_sim)]
            Self::Simulated => true,
            Self::Dilithium3 => cfg!(feature = "dilithium3"),
            Self::MlDsa65 => cfg!(feature = "ml-dsa-65"),
        }
    }

    /// The suites that are compiled in, by ascending code.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|suite| suite.is_available())
    }

    /// The byte that stands for the suite on the wire and on disk: 1 for Dilithium3, 2 for
    /// ML-DSA-65.
    pub const fn code(self) -> u8 {
        match self {
            #[cfg(meshward_sim)]
            Self::Simulated => 0,
            Self::Dilithium3 => 1,
            Self::MlDsa65 => 2,
        }
    }

    /// The suite with this code; `None` if there is none.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            #[cfg(meshward_sim)]
            0 => Some(Self::Simulated),
            1 => Some(Self::Dilithium3),
            2 => Some(Self::MlDsa65),
            _ => None,
        }
    }

    /// The name in texts and configuration: `dilithium3` or `ml-dsa-65`.
    pub const fn name(self) -> &'static str {
        match self {
            #[cfg(meshward_sim)]
            Self::Simulated => "simulated",
            Self::Dilithium3 => "dilithium3",
            Self::MlDsa65 => "ml-dsa-65",
        }
    }

    /// Length of an encoded public key in bytes.
    pub const fn public_key_len(self) -> usize {
        match self {
            #[cfg(meshward_sim)]
            Self::Simulated => 32,
            Self::Dilithium3 | Self::MlDsa65 => 1952,
        }
    }

    /// Length of a signature in bytes.
    pub const fn signature_len(self) -> usize {
        match self {
            #[cfg(meshward_sim)]
            Self::Simulated => 32,
            Self::Dilithium3 | Self::MlDsa65 => 3309,
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Suite {
    type Err = UnknownSuite;

    fn from_str(name: &str) -> Result<Self, UnknownSuite> {
        Self::ALL
            .into_iter()
            .find(|suite| suite.name() == name)
            .ok_or_else(|| UnknownSuite::Name(name.to_owned()))
    }
}

impl TryFrom<u8> for Suite {
    type Error = UnknownSuite;

    fn try_from(code: u8) -> Result<Self, UnknownSuite> {
        Self::from_code(code).ok_or(UnknownSuite::Code(code))
    }
}

impl From<Suite> for u8 {
    fn from(suite: Suite) -> Self {
        suite.code()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_are_fixed() {
        let table: Vec<_> = Suite::ALL.iter().map(|suite| (suite.code(), suite.name())).collect();
        let simulated = (0, "simulated");
        let fixed = [simulated, (1, "dilithium3"), (2, "ml-dsa-65")];
        assert_eq!(table, fixed[usize::from(!cfg!(meshward_sim))..]);
        for suite in Suite::ALL {
            assert_eq!(suite.to_string().parse(), Ok(suite));
            let json = serde_json::to_string(&suite).unwrap();
            assert_eq!(json, suite.code().to_string());
            assert_eq!(serde_json::from_str::<Suite>(&json).unwrap(), suite);
        }
    }

    #[test]
    fn unknown_suites_are_errors() {
        let first = u8::from(!cfg!(meshward_sim));
        for code in (0..=u8::MAX).filter(|code| !(first..=2).contains(code)) {
            assert_eq!(Suite::try_from(code), Err(UnknownSuite::Code(code)));
            assert!(serde_json::from_str::<Suite>(&code.to_string()).is_err());
        }
        let name = "ML-DSA-65";
        assert_eq!(name.parse::<Suite>(), Err(UnknownSuite::Name(name.to_owned())));
    }
}
