//! Carries a plan out and decides nothing: intents are committed, batches of writes are sent, outcomes are kept.
//!
//! Usage locations go first, then licenses, since Graph refuses a license to a user without location. Batches run side by
//! side, each write for another person, and the store works ahead of them.

mod attempt;
mod orders;
mod reasons;
mod round;
mod settle;
mod tally;

pub use attempt::{Circumstances, Decision, decide};
pub use round::{Hand, Quota};
pub use settle::ReadError;
pub use tally::Tally;
