//! Identifiers that are 32 opaque bytes, shown as 64 hexadecimal digits.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Why a text is not a 32-byte identifier.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseIdError {
    /// The text has not exactly 64 characters.
    #[error("an identifier is 64 hexadecimal digits, this text has {found} characters")]
    Length {
        /// How many characters the text has.
        found: usize,
    },
    /// A character is no hexadecimal digit.
    #[error("character {at} (counted from 0) of the identifier is not a hexadecimal digit")]
    Digit {
        /// Where it stands, counted from zero.
        at: usize,
    },
}

pub(super) fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

pub(super) fn parse_hex(text: &str) -> Result<[u8; 32], ParseIdError> {
    let found = text.chars().count();
    if found != 64 {
        return Err(ParseIdError::Length { found });
    }
    let mut bytes = [0; 32];
    for (at, digit) in text.chars().enumerate() {
        let value = digit.to_digit(16).ok_or(ParseIdError::Digit { at })?;
        let value = u8::try_from(value).map_err(|_| ParseIdError::Digit { at })?;
        if let Some(byte) = bytes.get_mut(at / 2) {
            *byte = (*byte << 4) | value;
        }
    }
    Ok(bytes)
}

/// The bytes as the words that a little-endian format with fixed integers writes as these bytes:
/// four values to decode instead of 32, which halves the time that refusing a duplicate takes.
pub(super) fn to_words(bytes: [u8; 32]) -> [u64; 4] {
    let mut words = [0; 4];
    for (word, chunk) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*chunk);
    }
    words
}

pub(super) fn from_words(words: [u64; 4]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
        *chunk = word.to_le_bytes();
    }
    bytes
}

macro_rules! bytes32 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Takes the 32 bytes as they are.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        /// All 64 digits, lower case.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                $crate::id::bytes32::write_hex(&self.0, f)
            }
        }

        /// The first eight digits: enough to tell nodes apart in a log.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "("))?;
                $crate::id::bytes32::write_hex(self.0.first_chunk::<4>().unwrap_or(&[0; 4]), f)?;
                f.write_str("..)")
            }
        }

        /// Text where people read it, as JSON; 32 bytes elsewhere.
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    return serializer.collect_str(self);
                }
                serde::Serialize::serialize(&$crate::id::bytes32::to_words(self.0), serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                    return text.parse().map_err(serde::de::Error::custom);
                }
                <[u64; 4]>::deserialize(deserializer)
                    .map(|words| Self($crate::id::bytes32::from_words(words)))
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::id::bytes32::parse_hex(text).map(Self)
            }
        }
    };
}
pub(super) use bytes32;

bytes32! {
    /// A member's name. It is given by the view and never derived from the current key, so a name
    /// outlives every rotation.
    NodeId
}

bytes32! {
    /// The name of one deployment: the digest of its genesis view. It is part of every signed
    /// statement, so that nothing said in one mesh can be replayed in another.
    MeshId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips() {
        let id = NodeId::from_bytes([0xa5; 32]);
        assert_eq!(id.to_string().parse::<NodeId>(), Ok(id));
        assert_eq!(format!("{id:?}"), "NodeId(a5a5a5a5..)");
    }

    #[test]
    fn json_shows_text_even_as_a_key() {
        let id = NodeId::from_bytes([0xa5; 32]);
        let map = std::collections::BTreeMap::from([(id, MeshId::from_bytes([1; 32]))]);
        let json = serde_json::to_string(&map).unwrap();
        assert_eq!(json, format!(r#"{{"{}":"{}"}}"#, "a5".repeat(32), "01".repeat(32)));
        let back: std::collections::BTreeMap<NodeId, MeshId> = serde_json::from_str(&json).unwrap();
        assert_eq!(back, map);
        assert!(serde_json::from_str::<NodeId>(r#""a5""#).is_err());
    }

    #[test]
    fn bad_text_is_named() {
        assert_eq!("ab".parse::<NodeId>(), Err(ParseIdError::Length { found: 2 }));
        let text = format!("{}g{}", "0".repeat(10), "0".repeat(53));
        assert_eq!(text.parse::<NodeId>(), Err(ParseIdError::Digit { at: 10 }));
    }
}
