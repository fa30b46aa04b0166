//! The passing of time, of which no agent tells.

use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use super::event::Reports;
use super::{Known, SourceEvent};

/// The clock may be set while one sleeps: it is looked at this often.
const LOOK: Duration = Duration::from_secs(1);

/// Tells when an SVID should have been renewed, and when it has expired; each once, whether an API serves or not.
pub(super) async fn watch(mut known: watch::Receiver<Known>, reports: Reports) {
    let (mut late, mut over) = (None, None);
    loop {
        let holds = known.borrow_and_update().holds;
        if let Some(holds) = holds {
            let now = SystemTime::now();
            if now >= holds.until && over != Some(holds) {
                over = Some(holds);
                reports.tell(SourceEvent::Expired);
            } else if now >= holds.late() && late != Some(holds) {
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
