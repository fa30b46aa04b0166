//! How much, how fast: a bucket that sheds what is over a rate, the check that proves from an
//! origin's own signed headers that it was over its rate, and a bound on signed clocks that run ahead.

mod bucket;
mod lead;
mod rate;
mod sent_rate;
mod waiting;

pub use bucket::{TokenBucket, Wait};
pub use lead::ClockLead;
pub use rate::{Rate, RateError};
pub use sent_rate::{OverRate, SentRate};
pub(crate) use waiting::Waiting;
