//! From when to when a certificate holds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use x509_parser::parse_x509_certificate;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    from: SystemTime,
    /// The first moment after.
    pub(super) until: SystemTime,
}

impl Validity {
    /// That of `certificate`, in DER; `None` if it is none, or holds at no time since 1970.
    pub(super) fn of(certificate: &[u8]) -> Option<Self> {
        let (_, certificate) = parse_x509_certificate(certificate).ok()?;
        let time =
            |seconds: i64| UNIX_EPOCH.checked_add(Duration::from_secs(seconds.try_into().ok()?));
        let validity = certificate.validity();
        let from = time(validity.not_before.timestamp().max(0))?;
        // The last second is part of it (RFC 5280, section 4.1.2.5).
        let until = time(validity.not_after.timestamp().checked_add(1)?)?;
        Some(Self { from, until })
    }

    pub(super) fn contains(&self, time: SystemTime) -> bool {
        (self.from..self.until).contains(&time)
    }

    /// When two thirds of it are over.
    pub(super) fn late(&self) -> SystemTime {
        let life = self.until.duration_since(self.from).unwrap_or_default();
        self.until.checked_sub(life.mul_f64(1.0 / 3.0)).unwrap_or(self.until)
    }
}
