//! What was decided about one person: made by `decide/judge`, kept by the store.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::identity::{PersonId, SkuId};
use super::matches::Matches;
use super::person::Entitlement;
use super::plan::LocationWrite;
use super::standing::{Presence, Reason};

/// The first contact with the tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact {
    /// When it began: stored before anything was read.
    pub started: Timestamp,
    /// When the first listing was complete.
    pub completed: Timestamp,
}

/// What shall become of a person's usage location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LocationWish {
    /// It is fine as it is.
    Keep,
    /// It is set before the license.
    Set(LocationWrite),
    /// It is needed and cannot be had.
    Missing(Reason),
}

/// What was decided about one person.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// Who.
    pub person: PersonId,
    /// On which state of knowledge.
    pub revision: i64,
    /// Where it stands.
    pub presence: Presence,
    /// A rule wants it, and it is not in the tenant yet: look there more often.
    pub awaited: bool,
    /// How each rule meets it.
    pub matches: Matches,
    /// What shall become of its usage location.
    pub location: LocationWish,
    /// Entitlements that are new or change.
    pub changes: Vec<EntitlementChange>,
    /// When to judge again though nothing is heard.
    pub look_again: Option<Timestamp>,
}

/// One entitlement after the decision.
#[derive(Clone, Debug, PartialEq)]
pub struct EntitlementChange {
    /// Of which product.
    pub sku: SkuId,
    /// What it shall be.
    pub entitlement: Entitlement,
    /// Whether the standing changed, not only its circumstances.
    pub moved: bool,
    /// Why it moved, where the new standing does not say.
    pub why: Option<String>,
}
