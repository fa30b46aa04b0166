//! How much, how fast: a bucket that sheds what is over a rate, and the check that proves from an
//! origin's own signed headers that it was over its rate.

mod bucket;
mod rate;
mod sent_rate;

pub use bucket::{TokenBucket, Wait};
pub use rate::{Rate, RateError};
pub use sent_rate::{OverRate, SentRate};
