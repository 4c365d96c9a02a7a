//! Carries a plan out and decides nothing: intents are committed, rounds of writes are sent, outcomes are kept.
//!
//! Two rounds a plan: usage locations, then licenses, since Graph refuses a license to a user without location. Within a
//! round the writes run side by side, each for another person.

mod attempt;
mod reasons;
mod round;
mod settle;
mod tally;

pub use attempt::{Circumstances, Decision, decide};
pub use round::{Hand, Quota};
pub use settle::ReadError;
pub use tally::Tally;
