//! The loop of a health monitor, as IBM's "An architectural blueprint for autonomic computing" (2006)
//! names its parts: *Monitor*, *Analyse*, *Plan*, *Execute*, over shared *Knowledge*.
//!
//! | part | here | reads | gives |
//! |---|---|---|---|
//! | Monitor | [`MeshByzantineProtection::monitor`] | the library's state, and [`MapekMonitor`] | [`Observations`] |
//! | Analyse | [`analyse`] | [`Observations`] | [`Analysis`] |
//! | Plan | [`plan`] | [`Analysis`] | [`Action`]s |
//! | Execute | [`MeshByzantineProtection::execute`] | [`Action`]s | calls of [`MeshRouter`], statements of this node |
//! | Knowledge | the library's own state | | |
//!
//! [`MeshByzantineProtection::health_check`] does all of it, and what is due by the clock before. A host
//! that has such a loop calls the parts that it lacks, and puts its own in the place of the others:
//!
//! ```
//! # use meshward::{MeshByzantineProtection, Millis, Error};
//! # use meshward::host::mapek::{Action, analyse, plan};
//! # fn round(node: &MeshByzantineProtection, now: Millis) -> Result<(), Error> {
//! node.keep_time(now)?;
//! let analysis = analyse(&node.monitor(now));
//! let mut actions = plan(&analysis);
//! // This host has another way to mend a poor link.
//! actions.retain(|action| !matches!(action, Action::Reroute { .. }));
//! node.execute(&actions, now)
//! # }
//! ```
//!
//! Nothing here is believed because one node says so. A suspicion leads to a report, which the quorum
//! counts; only what is certified, or what a member did under its own signature, leads to its isolation.
//! What one node alone may do is to prefer another way ([`Action::Reroute`]).
//!
//! [`MapekMonitor`]: super::MapekMonitor
//! [`MeshRouter`]: super::MeshRouter
//! [`MeshByzantineProtection::monitor`]: super::MeshByzantineProtection::monitor
//! [`MeshByzantineProtection::execute`]: super::MeshByzantineProtection::execute
//! [`MeshByzantineProtection::health_check`]: super::MeshByzantineProtection::health_check

mod analyse;
mod execute;
mod monitor;
mod plan;

pub use analyse::{Analysis, Outlook, POOR_LINK, analyse};
pub use execute::HealthCheck;
pub(super) use execute::Told;
pub use monitor::{Observations, PeerSeen, Standing};
pub use plan::{Action, Alert, plan};
