//! Staged enforcement: turning signatures and quorum on in a mesh that runs, with old nodes in it that
//! neither sign nor vote.
//!
//! ```text
//!            promote, or soak_ms without a rollback                          unsigned, uncertified
//!  observe ──► canary 1 % ──► 10 % ──► 50 % ──► enforced     in the cohort   refused
//!      ◄──────────◄────────────◄────────◄─────────┘          outside of it   let through, and counted
//!            more than f + rollback_above members refused
//! ```
//!
//! Each [`Rule`] has a [`Stage`] of its own. Whom a stage holds for is told by a hash of mesh and node: a
//! node is in the cohort on every node of the mesh that is in that stage, and in all that come after. What
//! no stage changes:
//!
//! * A member that was once heard signed is never taken unsigned again, over restarts, too (attack K10). The
//!   mark is set by a signature that held, by nothing else, and is in the store before the message is handed
//!   on. This node needs none for itself.
//! * Who is no member is refused: the view names the old nodes, too. Otherwise a member that was expelled
//!   could come back by leaving its signature out.
//! * Votes, certificates and proofs count under valid signatures alone. [`Rule::Quorum`] is about what a host
//!   does with reports that nobody certified.
//!
//! # When a stage is rolled back
//!
//! To the stage before, which had been lived with; what was gained there is kept, and if the trouble goes on
//! there it is rolled back once more. It takes more than f + [`rollback_above`](RolloutConfig::rollback_above)
//! members that the stage refuses, each counted once in [`window_ms`](RolloutConfig::window_ms), however often
//! it is refused and whatever was taken before: a window, no average over a lifetime. A member counts while
//! it was refused within the window and for [`patience_ms`](RolloutConfig::patience_ms) at least, since what
//! comes unsigned may come signed a moment later, and a report that nobody certified may be certified.
//!
//! It counts only what nobody else can say in its name (attack K7):
//!
//! * under [`Rule::Signatures`] what comes over its own link: the transport proved the neighbour, and the
//!   neighbour names itself as origin. What others pass on in its name counts for nothing.
//! * under [`Rule::Quorum`] reports [under its signature](Said::Signed). Unsigned ones do not count here even
//!   over their own link: old nodes believe, and say, what anybody tells them.
//! * and not what is refused for having been heard signed: members that are ahead go on speaking unsigned
//!   for the old ones, and no earlier stage would take it.
//!
//! So f members alone bring nothing about, and outsiders nothing with what they send. Who keeps a member from
//! being heard by more than f others for longer than the patience can make honest members report it. And
//! where a node has no more neighbours than f + `rollback_above`, or no more are in the cohort, stages of
//! signatures are rolled back by hand only; the [counts](RolloutStats) tell when.

mod cohort;
mod config;
mod judge;
mod rule;
mod stage;
mod stats;
mod stored;
#[cfg(test)]
mod tests;
mod verdict;
mod window;

pub use cohort::Why;
pub use config::RolloutConfig;
pub(crate) use judge::{Rollout, Write};
pub(crate) use rule::Cause;
pub use stage::{Rule, Stage};
pub use stats::{RolloutStats, RuleStats};
pub use verdict::{Reason, Said, Verdict};
