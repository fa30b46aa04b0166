//! One span for each packet and each tick, with fields that nobody outside chooses; none where nobody listens.

#![cfg(any(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use meshward::{Link, LinkId, Suite};
use parking_lot::Mutex;
use support::{Mesh, link};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Notes every span of this library up to a level.
struct Listener {
    up_to: Level,
    spans: Arc<Mutex<Vec<String>>>,
    next: AtomicU64,
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && *metadata.level() <= self.up_to
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let (metadata, fields) = (span.metadata(), span.fields());
        let fields: Vec<_> = fields.iter().map(|field| field.name()).collect();
        self.spans.lock().push(format!("{} {} {fields:?}", metadata.level(), metadata.name()));
        Id::from_u64(1 + self.next.fetch_add(1, Ordering::Relaxed))
    }
    fn record(&self, _span: &Id, _values: &Record<'_>) {}
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
    fn event(&self, _event: &Event<'_>) {}
    fn enter(&self, _span: &Id) {}
    fn exit(&self, _span: &Id) {}
}

/// The spans of a packet that is taken, one that is refused and a tick.
fn spans(up_to: Level) -> Vec<String> {
    let mesh = Mesh::new(Suite::available().next().unwrap(), 2);
    let beacon = mesh.beacon(0);
    let spans = Arc::new(Mutex::new(Vec::new()));
    let listener = Listener { up_to, spans: Arc::clone(&spans), next: AtomicU64::new(0) };
    tracing::subscriber::with_default(listener, || {
        assert!(mesh.give(1, link(0), &beacon).is_ok());
        assert!(mesh.give(1, Link::Claimed(LinkId(9)), b"").is_err());
        mesh.guard(1).tick(mesh.now).unwrap();
    });
    std::mem::take(&mut *spans.lock())
}

#[test]
fn a_packet_and_a_tick_have_a_span_each() {
    let packet = r#"TRACE packet ["packet", "bytes"]"#;
    let tick = r#"DEBUG tick ["now"]"#;
    assert_eq!(spans(Level::TRACE), [packet, packet, tick]);
    assert_eq!(spans(Level::DEBUG), [tick]);
    assert!(spans(Level::INFO).is_empty());
}
