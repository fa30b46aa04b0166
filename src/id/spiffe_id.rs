//! The name of a workload, as SPIFFE writes it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The longest SPIFFE id, in bytes. Every implementation has to take as much and none should make more
/// (SPIFFE-ID, section 2.3).
pub const MAX_SPIFFE_ID_LEN: usize = 2048;

/// The longest name of a trust domain, in bytes (SPIFFE-ID, section 2.3).
const MAX_TRUST_DOMAIN_LEN: usize = 255;

/// The SPIFFE id of a workload: `spiffe://trust-domain/path`, in the one form that the SPIFFE-ID
/// specification gives it (section 2; sections 2.1 and 2.2 name the characters).
///
/// It is compared byte by byte, so nothing is normalised: what is not in that form is none. An id without
/// a path names a trust domain and no workload, and is none here either.
///
/// The form is checked in every build, whether or not the feature `spiffe` is on, so that no two members
/// differ on whether a view is one.
///
/// ```
/// use meshward::SpiffeId;
/// let id: SpiffeId = "spiffe://example.org/router/north".parse()?;
/// assert_eq!((id.trust_domain(), id.path()), ("example.org", "/router/north"));
/// assert!("spiffe://example.org/router//north".parse::<SpiffeId>().is_err());
/// # Ok::<(), meshward::id::SpiffeIdError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpiffeId(
    // One word, as most members have none and a view may have thousands.
    Arc<String>,
);

/// Why a text is no SPIFFE id of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SpiffeIdError {
    /// It is longer than [`MAX_SPIFFE_ID_LEN`].
    #[error("{0} bytes, a SPIFFE id has at most {MAX_SPIFFE_ID_LEN}")]
    TooLong(usize),
    /// It does not begin with `spiffe://`.
    #[error("a SPIFFE id begins with {}", SpiffeId::SCHEME)]
    Scheme,
    /// The name of the trust domain is empty, longer than 255 bytes, or has other characters than a to z,
    /// 0 to 9, dot, hyphen and underscore.
    #[error(
        "a trust domain is 1 to {MAX_TRUST_DOMAIN_LEN} of the characters a-z, 0-9, '.', '-', '_'"
    )]
    TrustDomain,
    /// It ends with the trust domain, so it names no workload.
    #[error("a SPIFFE id of a workload has a path")]
    NoPath,
    /// A part of the path is empty, `.` or `..`, or has other characters than a to z, A to Z, 0 to 9,
    /// dot, hyphen and underscore.
    #[error("each part of a path is some of a-z, A-Z, 0-9, '.', '-', '_', and not '.' or '..'")]
    Path,
}

impl SpiffeId {
    /// How every one begins, before the name of the trust domain.
    pub(crate) const SCHEME: &str = "spiffe://";

    /// The whole of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The trust domain, without the scheme.
    pub fn trust_domain(&self) -> &str {
        self.parts().0
    }

    /// The path, from its first slash on.
    pub fn path(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        split(&self.0).unwrap_or_default()
    }
}

/// The trust domain and the path.
fn split(text: &str) -> Result<(&str, &str), SpiffeIdError> {
    let rest = text.strip_prefix(SpiffeId::SCHEME).ok_or(SpiffeIdError::Scheme)?;
    Ok(rest.split_at(rest.find('/').unwrap_or(rest.len())))
}

impl FromStr for SpiffeId {
    type Err = SpiffeIdError;

    fn from_str(text: &str) -> Result<Self, SpiffeIdError> {
        if text.len() > MAX_SPIFFE_ID_LEN {
            return Err(SpiffeIdError::TooLong(text.len()));
        }
        let (domain, path) = split(text)?;
        let in_domain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
        if !(1..=MAX_TRUST_DOMAIN_LEN).contains(&domain.len()) || !domain.bytes().all(in_domain) {
            return Err(SpiffeIdError::TrustDomain);
        }
        let path = path.strip_prefix('/').ok_or(SpiffeIdError::NoPath)?;
        let in_path = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let is_part = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(in_path);
        if !path.split('/').all(is_part) {
            return Err(SpiffeIdError::Path);
        }
        Ok(Self(Arc::new(text.to_owned())))
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for SpiffeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SpiffeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text)
    }
}

/// Looks at the bytes where they lie: a claimed length makes nobody reserve memory.
struct Text;

impl Visitor<'_> for Text {
    type Value = SpiffeId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a SPIFFE id")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<SpiffeId, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> SpiffeIdError {
        text.parse::<SpiffeId>().unwrap_err()
    }

    #[test]
    fn what_the_specification_allows_is_taken_apart() {
        let longest = format!("spiffe://{}/{}", "d".repeat(255), "p".repeat(2048 - 255 - 10));
        assert_eq!(longest.len(), MAX_SPIFFE_ID_LEN);
        let allowed = [
            ("spiffe://example.org/a", "example.org", "/a"),
            ("spiffe://a-b_c.9/A/b.c/...", "a-b_c.9", "/A/b.c/..."),
            (&longest, &"d".repeat(255), &longest[9 + 255..]),
        ];
        for (text, domain, path) in allowed {
            let id: SpiffeId = text.parse().unwrap();
            assert_eq!((id.as_str(), id.trust_domain(), id.path()), (text, domain, path));
            assert_eq!(format!("{id} {id:?}"), format!("{text} {text}"));
        }
    }

    #[test]
    fn every_other_form_is_refused_by_name() {
        let long = format!("spiffe://d/{}", "p".repeat(2048 - 10));
        assert_eq!(error(&long), SpiffeIdError::TooLong(2049));
        for text in ["", "example.org/a", "SPIFFE://example.org/a", "spiffe:/d/a", "https://d/a"] {
            assert_eq!(error(text), SpiffeIdError::Scheme, "{text}");
        }
        let wide = format!("spiffe://{}/a", "d".repeat(256));
        let domains = ["", "/a", "Example.org/a", "d:1/a", "u@d/a", "d%41/a", "d /a", "d\u{e9}/a"];
        for text in domains.map(|rest| format!("spiffe://{rest}")).iter().chain([&wide]) {
            assert_eq!(error(text), SpiffeIdError::TrustDomain, "{text}");
        }
        assert_eq!(error("spiffe://d"), SpiffeIdError::NoPath);
        for path in
            ["", "a/", "/a", "a//b", ".", "a/..", "a/./b", "a%41", "a?b", "a#b", "a b", "\u{e9}"]
        {
            assert_eq!(error(&format!("spiffe://d/{path}")), SpiffeIdError::Path, "{path}");
        }
    }

    #[test]
    fn it_is_read_as_it_is_written_and_only_in_its_form() {
        let id: SpiffeId = "spiffe://d/a".parse().unwrap();
        let written = serde_json::to_string(&id).unwrap();
        assert_eq!(written, "\"spiffe://d/a\"");
        assert_eq!(serde_json::from_str::<SpiffeId>(&written).unwrap(), id);
        assert!(serde_json::from_str::<SpiffeId>("\"spiffe://d/a/\"").is_err());
    }
}
