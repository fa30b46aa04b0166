//! Who is heard: what proven offences cost, how standing comes back, and who is in quarantine.
//!
//! # The model
//!
//! Everybody stands at 1.0. That is the neutral value and also the best: only a proven offence
//! lowers it and only time raises it, so there is nothing to earn, and no number of good messages
//! pays for a bad one.
//!
//! | what | default | why |
//! |---|---|---|
//! | recovery | 0.6 an hour (0.1 in 10 minutes) | Ten minutes repay one malformed packet. An offence of 0.1 more seldom than that is tolerated for ever: six malformed packets an hour harm nobody. Anything denser adds up. |
//! | quarantine below | 0.3 | More than 0.7 must be lost, so no single offence that an honest party could be drawn into is enough. |
//! | first quarantine | 5 minutes, doubled each time, 24 hours at most | Long enough to end a flood, short enough that an accident heals by itself; a persistent offender soon spends its time in quarantine. |
//! | probation | from 0.5, which does not rise for an hour | Three malformed packets instead of eight bring it back. |
//! | repetitions forgotten | after 7 days without offence | Seven times the longest quarantine, so whoever times its offences by this rule gains one short quarantine a week. Shorter than the longest quarantine it would undo the doubling. |
//!
//! What an offence costs, and how many bring a subject with a clean record into quarantine: at once
//! and with pauses of up to five minutes, in which up to 0.05 comes back.
//!
//! | offence | cost | at once | with pauses |
//! |---|---|---|---|
//! | malformed | 0.1 | 8 | 14 |
//! | body mismatch, over rate | 0.2 | 4 | 5 |
//! | bad signature, refuted certificate | 0.4 | 2 | 2 |
//! | equivocation | 1.0 | 1 | 1 |
//! | over budget | 0.02, once a second at most | 36 | never |
//!
//! Offences during a quarantine do not prolong it, they are taken from the score that probation
//! begins with, down to the threshold: whoever goes on is back after its next offence, for twice
//! as long.
//!
//! # What does not help
//!
//! * Silence, reconnecting, restarting a link: the ledger does not know them. A record ends by time
//!   alone, or when the ledger is full and it is the least bad one.
//! * A restart of whoever keeps the ledger of members. Their [records](Record) are written down as they
//!   will stand a minute later, within a second of a change and again before the minute is over, and count
//!   from there on after a restart. So a restart pardons up to a minute of quarantine, probation and
//!   recovery, and no more (a fifth of the first quarantine, where that is less); and restarts, at whatever pace, have nobody serve anything twice. The time
//!   that the node was not running counts for nothing. (Links are names of the host's, which mean nothing
//!   after a restart.)
//! * A clock that steps. All time is the caller's monotonic clock. **A step back** makes no time
//!   pass: a quarantine then lasts as long on the stepped clock as it had left. Up to 100 ms it is
//!   taken for threads that overtook each other, and time goes on once the clock is where it was.
//!   **A step on** is taken for time that passed, as
//!   after a suspended host: a monotonic clock has no other way to say so. It may end quarantines
//!   early, by as much as it stepped; the repetitions stay (up to 7 days), so the next is longer.
//!
//! # Proportion
//!
//! A ledger of members is given `most_quarantined`, the `f` that the mesh tolerates. It never has
//! more than that many in quarantine: who would be the next is [`Charge::Withheld`], stays heard,
//! and goes into quarantine at its next offence once a place is free. Quarantine ends by itself
//! and has no influence on how votes are counted.

mod charge;
mod config;
mod ledger;
mod offence;
mod penalties;
mod record;
mod records;
mod score;
mod standing;

pub use charge::Charge;
pub use config::{ReputationConfig, ReputationConfigError};
pub use ledger::Ledger;
pub use offence::Offence;
pub use penalties::Penalties;
pub use record::{Record, Sentence};
pub use score::Reputation;
