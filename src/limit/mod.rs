//! How much, how fast: a bucket that sheds what is over a rate, the check that proves from an
//! origin's own signed headers that it was over its rate, a bound on signed clocks that run ahead, and
//! places that no crowd takes away.

mod bucket;
mod lead;
mod places;
mod rate;
mod sent_rate;
mod waiting;

pub use bucket::{TokenBucket, Wait};
pub use lead::ClockLead;
pub(crate) use places::Places;
pub use rate::{Rate, RateError};
pub use sent_rate::{OverRate, SentRate};
pub(crate) use waiting::Waiting;
