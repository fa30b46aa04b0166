//! The passing of time, of which no agent tells.

use std::time::{Duration, SystemTime};

use spiffe::X509Context;
use tokio::sync::watch;
use x509_parser::parse_x509_certificate;

use super::event::Reports;
use super::{Known, SourceEvent, Validity};

/// The clock may be set while one sleeps: it is looked at this often.
const LOOK: Duration = Duration::from_secs(1);

/// How long the first SVID of `context` holds; `None` if it has none or it cannot be read.
pub(super) fn validity(context: &X509Context) -> Option<Validity> {
    let (_, certificate) =
        parse_x509_certificate(context.default_svid()?.leaf().as_bytes()).ok()?;
    let time = |seconds: i64| {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds.try_into().ok()?))
    };
    let validity = certificate.validity();
    let from = time(validity.not_before.timestamp())?;
    // The last second is part of it (RFC 5280, section 4.1.2.5).
    let until = time(validity.not_after.timestamp().checked_add(1)?)?;
    Some(Validity { from, until })
}

/// Two thirds of the life of an SVID.
fn overdue(holds: Validity) -> SystemTime {
    let life = holds.until.duration_since(holds.from).unwrap_or_default();
    holds.until.checked_sub(life.mul_f64(1.0 / 3.0)).unwrap_or(holds.until)
}

/// Tells when an SVID should have been renewed, and when it has expired; each once.
pub(super) async fn watch(mut known: watch::Receiver<Known>, reports: Reports) {
    let (mut late, mut over) = (None, None);
    loop {
        let holds = known.borrow_and_update().holds;
        if let Some(holds) = holds {
            let now = SystemTime::now();
            if now >= holds.until && over != Some(holds) {
                over = Some(holds);
                reports.tell(SourceEvent::Expired);
            } else if now >= overdue(holds) && late != Some(holds) {
                late = Some(holds);
                reports.tell(SourceEvent::Overdue);
            }
        }
        // Either the clock has gone on or something else is known; the sender is gone: the source, too.
        if let Ok(Err(_)) = tokio::time::timeout(LOOK, known.changed()).await {
            return;
        }
    }
}
