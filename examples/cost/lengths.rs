//! How long packets are, by making one of each.

use std::error::Error;
use std::sync::Arc;

use meshward::wire::HEADER_LEN;
use meshward::{
    Config, Core, CriticalEvent, Identity, Link, LinkId, MemoryStore, Millis, NodeId, OsEntropy,
    Output, Suite, View,
};

/// In bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lengths {
    /// A beacon, whole.
    pub(crate) beacon: u32,
    /// What is kept of it.
    pub(crate) signed_header: u32,
    /// A statement that a member has failed, which was heard before: with its last signed header.
    pub(crate) attestation: u32,
}

impl Lengths {
    /// With beacons that carry `body` bytes.
    ///
    /// # Errors
    /// What the library says.
    pub(crate) fn of(suite: Suite, body: u32) -> Result<Self, String> {
        Self::made(suite, body).map_err(|error| format!("{suite}: {error}."))
    }

    fn made(suite: Suite, body: u32) -> Result<Self, Box<dyn Error>> {
        let stores = [MemoryStore::new(), MemoryStore::new()];
        let [first, second] = [1, 2].map(|number| NodeId::from_bytes([number; 32]));
        let ours = Identity::create(&stores[0], first, suite, &OsEntropy)?;
        let theirs = Identity::create(&stores[1], second, suite, &OsEntropy)?;
        let view = Arc::new(View::genesis(vec![ours.member("us"), theirs.member("them")])?);
        let start = |identity, store| {
            let (view, entropy) = (Arc::clone(&view), Arc::new(OsEntropy));
            Core::start(Config::default(), view, identity, store, entropy, Millis(0))
        };
        let (us, them) = (start(ours, &stores[0])?, start(theirs, &stores[1])?);
        let body = vec![0; usize::try_from(body).unwrap_or(usize::MAX)];
        let beacon = them.sign_beacon(&body, Millis(0))?;
        drop(us.handle_frame(Link::Proven(LinkId(1)), &beacon, Millis(0)));
        let event = CriticalEvent::NodeFailure { subject: second, mark: None };
        let report = us.report_critical_event(event, Millis(60_000))?;
        let attestation = report.outputs.iter().map(|output| match output {
            Output::Send(packet) => packet.len(),
            _ => 0,
        });
        let length = |bytes| u32::try_from(bytes).unwrap_or(u32::MAX);
        Ok(Self {
            beacon: length(beacon.len()),
            signed_header: length(HEADER_LEN.saturating_add(suite.signature_len())),
            attestation: length(attestation.max().unwrap_or(0)),
        })
    }
}
