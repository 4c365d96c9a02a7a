//! Carries a plan out and decides nothing: intents are committed, rounds of writes are sent, outcomes are kept.
//!
//! Two rounds a plan: usage locations, then licenses, since Graph refuses a license to a user without location. Within a
//! round the writes run side by side, each for another person.

mod attempt;
mod reasons;
mod round;
mod settle;

pub use attempt::{Circumstances, Decision, decide};
pub use round::{Hand, Tally};
pub use settle::ReadError;
