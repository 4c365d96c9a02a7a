//! Commands that change something: rows in the store, carried out by whoever holds its lease.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::identity::{HoldId, PersonId, PlanId, SkuId};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    /// Brings baseline persons of a rule in, under the guard.
    Include {
        /// The rule.
        rule: String,
        /// Only those who lack the license.
        unlicensed: bool,
        /// Only users who appeared in the tenant at this time or later.
        since: Option<Timestamp>,
        /// At most so many, those who were there longest first.
        limit: Option<u32>,
        /// Only this person.
        #[serde(default)]
        person: Option<PersonId>,
    },
    /// Lets a held cohort go on.
    Approve {
        /// Which.
        hold: HoldId,
        /// Its digest as the operator saw it; a cohort that has changed since is not approved.
        digest: String,
    },
    /// Returns a held cohort to the baseline.
    Reject {
        /// Which.
        hold: HoldId,
        /// Its digest as the operator saw it.
        digest: String,
    },
    /// Writes nothing until resumed; reading goes on.
    Pause {
        /// Why, for whoever looks later.
        reason: Option<String>,
    },
    /// Writes again.
    Resume,
    /// Assigns a product by hand, whatever the rules say.
    Assign {
        /// To whom.
        people: Vec<PersonId>,
        /// Which.
        sku: SkuId,
        /// With these plans off.
        disabled: BTreeSet<PlanId>,
    },
    /// Takes a product away by hand, and withholds it whatever the rules say.
    Unassign {
        /// From whom.
        people: Vec<PersonId>,
        /// Which.
        sku: SkuId,
    },
    /// Forgets what was assigned or withheld by hand: the rules decide again.
    Release {
        /// Of whom.
        people: Vec<PersonId>,
        /// Which product.
        sku: SkuId,
    },
    /// Tries again what is refused, removed by others or waiting for its schedule.
    Retry {
        /// Whom; `None` is everyone.
        person: Option<PersonId>,
    },
    /// Reads the configuration anew. Carried out by whoever holds the generations of the agent, not by its work.
    Reload {
        /// The beginning of the digest of the configuration that is taken over whatever the guard says.
        accept: Option<String>,
    },
}

/// What became of a reload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reload", rename_all = "kebab-case")]
pub enum ReloadOutcome {
    /// The configuration as it is in the file is worked by.
    TakenOver {
        /// What it was and is, and what it changes, in lines.
        text: String,
    },
    /// The one before goes on.
    Refused {
        /// Why, in lines.
        text: String,
        /// What to do next.
        advice: String,
        /// The stable code of the reason.
        code: String,
        /// The exit status of whoever asked.
        status: u8,
    },
}

impl ReloadOutcome {
    /// Why, or what it changes.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::TakenOver { text } | Self::Refused { text, .. } => text,
        }
    }

    /// Whether the new configuration is worked by.
    #[must_use]
    pub fn is_taken_over(&self) -> bool {
        matches!(self, Self::TakenOver { .. })
    }
}

impl Request {
    /// The persons it names one by one.
    #[must_use]
    pub fn people(&self) -> &[PersonId] {
        match self {
            Self::Assign { people, .. } | Self::Unassign { people, .. } | Self::Release { people, .. } => people,
            Self::Include { .. }
            | Self::Approve { .. }
            | Self::Reject { .. }
            | Self::Pause { .. }
            | Self::Resume
            | Self::Retry { .. }
            | Self::Reload { .. } => &[],
        }
    }
}
