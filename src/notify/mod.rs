//! The way out to people: what is to be said, what it looks like, and how it is posted to a webhook.
//!
//! `tell` and `people` decide and `shape` writes, both pure; `post` is the one HTTP client of this room. It is not the tenant's:
//! what goes to a webhook must never carry Graph's token, its proxy's login or its trust in a CA. The agent keeps the messages
//! in the store until they are taken.

mod error;
mod people;
mod post;
mod shape;
mod tell;
#[cfg(test)]
mod tell_tests;

pub use error::NotifyError;
pub use post::{Answer, Webhook};
pub use shape::shaped;
pub use tell::{Facts, HoldFact, Persons, ProductFact, SideFact, Thresholds, Told, tell};
