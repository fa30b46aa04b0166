//! What a mesh comes to.
//!
//! It is calm, and floods: each node hands what is new to all its neighbours, but for the one that it came
//! from. With `n` nodes of `k` neighbours each a beacon crosses `n − 1` links once, by which it reaches
//! everybody, and each of the other `nk/2 − (n − 1)` links twice, as both ends had it from elsewhere. That is
//! `nk − n + 1` packets, so in each beacon interval a node sends, and gets, on average
//!
//! ```text
//! packets     n (k − 1) + 1
//!   new       n − 1
//!   again     n (k − 2) + 2
//! processor   1 × sign_message + (n − 1) × admit + (n (k − 2) + 2) × duplicate, and its ticks
//! ```
//!
//! It ticks four times a second, for a thousandth of what is measured with 1000 members for each member.
//!
//! Nothing else is said while all is well: a member is asked whether it lives after half a suspicion time
//! of silence, and that time is to be at least three beacon intervals (so 30 s at one in 10 s, where the
//! default is 3 s). What a start or a restart costs is told in the README.
//!
//! When a member fails, each other one attests it once, which floods like a beacon; every node takes as
//! many attestations, and puts the certificate together itself. An attestation carries the last signed
//! header of who failed. While it is undecided it is sent again once a second, which is not counted.
//!
//! In memory there is for each member what is remembered of it, its newest signed header, as many earlier
//! ones as `retained_bytes` allows (the default; with less, equivocation is proven for a shorter time),
//! and its expanded key (36 KiB); `prepared_keys` is set to the number of members. What the host keeps for its transport comes on top.
//!
//! Bandwidth is that of the packets; what carries them adds its own (5 % in fragments for an MTU of 1280).

use meshward::{Config, Suite};

use super::lengths::Lengths;
use super::measured::Measured;

/// A calm mesh.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mesh {
    /// 2 to 10 000.
    pub(crate) members: u32,
    /// Of each, fewer than the members.
    pub(crate) neighbours: u32,
    pub(crate) beacon_ms: u32,
    /// Bytes that a beacon carries.
    pub(crate) body: u32,
    pub(crate) suite: Suite,
}

impl Default for Mesh {
    fn default() -> Self {
        Self { members: 100, neighbours: 4, beacon_ms: 1_000, body: 64, suite: Suite::MlDsa65 }
    }
}

/// What it costs each node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// Of one core, 0 to 1, or more if that is not enough.
    pub(crate) processor: f64,
    /// In bytes.
    pub(crate) memory: f64,
    /// In bytes a second, in as out.
    pub(crate) bandwidth: f64,
    /// When a member fails: seconds of one core.
    pub(crate) failure_processor_s: f64,
    /// And bytes, in as out.
    pub(crate) failure_bytes: f64,
}

/// How often a host ticks, in a second.
const TICKS: f64 = 4.0;

impl Mesh {
    /// # Errors
    /// A sentence when its suite was not measured, or is not compiled in.
    pub(crate) fn cost(&self, measured: &Measured) -> Result<Cost, String> {
        let times = measured.of(self.suite)?;
        let lengths = Lengths::of(self.suite, self.body)?;
        let (n, k) = (f64::from(self.members), f64::from(self.neighbours));
        let (packets, new, again) = (n * (k - 1.0) + 1.0, n - 1.0, n * (k - 2.0) + 2.0);
        let beacons = 1_000.0 / f64::from(self.beacon_ms);
        let received_us = new * times.admit_us + again * times.duplicate_us;
        let tick_us = measured.tick_1000_us * n / 1_000.0;
        let busy_us = beacons * (times.sign_message_us + received_us) + TICKS * tick_us;
        let retained = Config::default().gossip.retained_bytes;
        let retained = f64::from(u32::try_from(retained).unwrap_or(u32::MAX));
        let header = f64::from(lengths.signed_header);
        let member = measured.member_bytes + header + retained + EXPANDED_KEY;
        Ok(Cost {
            processor: busy_us / 1e6,
            memory: n * member,
            bandwidth: beacons * packets * f64::from(lengths.beacon),
            failure_processor_s: (new * times.attest_us + again * times.duplicate_us) / 1e6,
            failure_bytes: packets * f64::from(lengths.attestation),
        })
    }
}

/// As [`Config::prepared_keys`] says, in bytes.
const EXPANDED_KEY: f64 = 36.0 * 1024.0;

/// In words.
pub(crate) fn told(mesh: &Mesh, measured: &Measured) -> Result<String, String> {
    let Cost { processor, memory, bandwidth, failure_processor_s, failure_bytes } =
        mesh.cost(measured)?;
    let Mesh { members, neighbours, beacon_ms, body, suite } = mesh;
    Ok(format!(
        "Each of {members} nodes with {neighbours} neighbours, a beacon with {body} bytes every \
         {beacon_ms} ms, {suite}:\n\
         processor  {:.2} % of a core\n\
         memory     {:.1} MiB\n\
         bandwidth  {:.1} kB/s in, and as much out\n\
         and for each member that fails {:.1} ms of a core, and {:.1} kB in and out.\n\
         Times are of {}.\n",
        processor * 100.0,
        memory / MIB,
        bandwidth / 1e3,
        failure_processor_s * 1e3,
        failure_bytes / 1e3,
        measured.machine,
    ))
}

pub(crate) const MIB: f64 = 1024.0 * 1024.0;
