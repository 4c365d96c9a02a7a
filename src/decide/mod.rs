//! The decision: what each person shall have, and what is written next. Pure: values in, values out.
//!
//! [`bind`] ties the rules to what the tenant has bought, [`judge`] says of one person where it and its entitlements
//! stand, [`allot`] says which of the open ones are written now, wait for a seat, or are held.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

mod allot;
mod bind;
mod concern;
mod context;
mod effect;
mod expect;
mod judge;
mod leave;
mod location;
mod meet;
mod presence;
mod reasoning;
mod stand;
mod untold;

#[cfg(test)]
mod tests;

pub use allot::{Limit, Limits, allot, heed_stops};
pub use bind::{BindProblem, BoundRule, Named, Product, bind, rule_set, shield, unknown_protection};
pub use concern::{Concern, Edit, concerns, needs_restart};
pub use context::{Context, Expecting};
pub use effect::{license_effects, rule_effects};
pub use expect::products_of_interest;
pub use judge::judge;
pub use presence::{presence, speaker};
pub use reasoning::reasons;
pub use stand::next_confirmation;
pub use untold::{FIRST_LOOK_UP, Round, next_look_up, sync_alarm};
