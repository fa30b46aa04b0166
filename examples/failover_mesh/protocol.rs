//! What the parent and its nodes tell each other: one JSON value a line, over stdin and stdout.

use std::collections::BTreeMap;
use std::io::{self, Write};

use meshward::{NodeId, Suite};
use serde::{Deserialize, Serialize};

/// How often a node beacons, in milliseconds.
pub(crate) const BEACON_MS: u64 = 250;
/// How long a member is silent before it is reported, in milliseconds: six beacon intervals, so
/// that a node that a busy machine holds up for a second is not accused.
pub(crate) const SUSPICION_MS: u64 = 1_500;

/// What a node is told before it starts; beside it lie its keys and the view.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Setup {
    /// Its number.
    pub(crate) index: usize,
    /// The ids of all members, by number.
    pub(crate) ids: Vec<NodeId>,
    /// Its neighbours, each with the key of the link to it.
    pub(crate) links: BTreeMap<usize, [u8; 32]>,
    /// Whether it lies when told to.
    pub(crate) liar: bool,
}

/// From the parent to a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Command {
    /// The UDP ports of all nodes, by number. Sent again when one of them changed.
    Peers { ports: Vec<u16> },
    /// Send a probe to this node.
    Probe { id: u64, to: usize },
    /// Tell some datagrams as they arrived, as an outsider on the wire would see them.
    Capture,
    /// Beacon this often, in milliseconds.
    Beacon { every_ms: u64 },
    /// Replace the key by the next one of this suite.
    Rotate { suite: Suite },
    /// Tell what was counted.
    Count { round: u32 },
    /// A liar: state again and again that this node has failed.
    Accuse { subject: usize },
    /// A liar: say different things to different neighbours.
    Equivocate,
    /// A liar: say nothing any more.
    Silence,
    /// End.
    Stop,
}

/// From a node to the parent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Notice {
    /// It listens on this UDP port.
    Ready { port: u16 },
    /// Something was certified; hexadecimal.
    Certified { subject: Option<usize>, certificate: String },
    /// In its loop it has come to this phase with a node; how long the step took, in microseconds.
    Phase { phase: Phase, node: usize, took_us: Option<u64> },
    /// A node that was certified as failed is heard again.
    Returned { node: usize },
    /// A node is in quarantine here.
    Quarantined { node: usize, offence: String },
    /// A node would be in quarantine if not enough others were.
    Withheld { node: usize, offence: String },
    /// A neighbour's link is in quarantine here.
    LinkQuarantined { node: u64, offence: String },
    /// There is proof that a node contradicted itself; hexadecimal.
    Equivocated { node: usize, proof: String },
    /// A node has another key, of this suite.
    Rotated { node: usize, suite: String },
    /// The packet that gave a node another key, as it arrived; hexadecimal.
    Rotation { packet: String },
    /// It does not replace its key.
    NotRotated { reason: String },
    /// Too many are silent for a quorum.
    NoQuorum { silent: usize, tolerated: usize },
    /// No longer.
    QuorumRestored,
    /// A probe arrived, over these nodes.
    Probe { id: u64, path: Vec<usize> },
    /// Datagrams as they arrived; hexadecimal.
    Captured { datagrams: Vec<String> },
    /// What was counted.
    Counted { round: u32, counts: Counts },
    /// It cannot go on.
    Failed { reason: String },
}

/// A part of the MAPE-K loop, as far as the failure of one node goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// It is silent.
    Monitor,
    /// It is in doubt.
    Analyse,
    /// Its failure is to be stated.
    Plan,
    /// It was stated.
    Execute,
    /// The mesh agrees, and it is routed around.
    Knowledge,
}

impl Phase {
    pub(crate) const ALL: [Self; 5] =
        [Self::Monitor, Self::Analyse, Self::Plan, Self::Execute, Self::Knowledge];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Monitor => "Monitor",
            Self::Analyse => "Analyse",
            Self::Plan => "Plan",
            Self::Execute => "Execute",
            Self::Knowledge => "Knowledge",
        }
    }

    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Monitor => "silent for its suspicion time",
            Self::Analyse => "in doubt, so other ways are preferred",
            Self::Plan => "its failure is to be stated",
            Self::Execute => "stated to the mesh",
            Self::Knowledge => "certified by two thirds, and isolated",
        }
    }
}

/// What one node counted since it started.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Beacons that it sent, so far as they say: the number of the latest.
    pub(crate) beats: u64,
    /// For each origin and boot, the beacons that were delivered.
    pub(crate) heard: Vec<(usize, u32, Vec<u64>)>,
    /// For each origin and key epoch, the first beacon that was delivered under it.
    pub(crate) keys: Vec<(usize, u32, u64)>,
    /// Messages of any kind that were delivered.
    pub(crate) delivered: u64,
    /// Messages that were delivered a second time.
    pub(crate) twice: u64,
    /// Messages that were delivered though no member wrote them.
    pub(crate) forged: u64,
    /// Other packets that were taken.
    pub(crate) statements: u64,
    /// Packets that were refused, by reason.
    pub(crate) refused: BTreeMap<String, u64>,
    /// Of those, packets that came over no proven link.
    pub(crate) refused_unproven: BTreeMap<String, u64>,
    /// Attestations of a failure that were taken: attestor, subject, how many.
    pub(crate) accusations: Vec<(usize, usize, u64)>,
    /// Datagrams without a proven sender that found the queue full.
    pub(crate) shed: u64,
    /// Signatures that were checked.
    pub(crate) checks: u64,
    /// Members in quarantine now.
    pub(crate) quarantined: Vec<usize>,
    /// Nodes to which there is a route.
    pub(crate) reachable: Vec<usize>,
}

/// Writes one value as a line.
///
/// # Errors
/// When the other side is gone.
pub(crate) fn say(to: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    to.write_all(&line)?;
    to.flush()
}

/// Bytes as hexadecimal digits.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Hexadecimal digits as bytes; `None` for anything else.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| u8::try_from(digit.to_digit(16)?).ok()).collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
