//! What is known of one person, gathered for one decision.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::account::Account;
use super::group::{Memberships, ScopeGroup};
use super::identity::{PersonId, PlanId, SkuId, UserId};
use super::matches::Matches;
use super::standing::{Action, Presence, Standing};
use super::user::User;

/// Everything a decision about one person may look at.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// Who.
    pub id: PersonId,
    /// Rises with each news; a decision on an older one is dropped.
    pub revision: i64,
    /// Where the person stood at the last decision; `None` before the first.
    pub presence: Option<Presence>,
    /// Digest of what was read of the directory when that decision was made.
    pub coverage: Option<String>,
    /// Accounts with this anchor.
    pub accounts: Vec<KnownAccount>,
    /// Live users with this anchor; more than one is a conflict.
    pub users: Vec<KnownUser>,
    /// The groups that rules name and the user, or one of the accounts, is in, directly or through others, as far as they were
    /// read.
    pub groups: BTreeSet<ScopeGroup>,
    /// The licensing groups the user is in, where that was asked.
    pub memberships: Option<Memberships>,
    /// How each rule met this person at the last decision.
    pub matches: Matches,
    /// What an operator asked for by hand, by product.
    pub manual: BTreeMap<SkuId, Manual>,
    /// What stands for each product.
    pub entitlements: BTreeMap<SkuId, Entitlement>,
}

/// An account and what we remember about having seen it.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownAccount {
    /// As last read.
    pub account: Account,
    /// When we first read it.
    pub first_seen: Timestamp,
    /// Deleted, or absent from complete reads.
    pub gone: bool,
    /// It was there when the directory was read for the first time.
    pub at_first_contact: bool,
}

/// A live user and what we remember about having seen it.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownUser {
    /// As last read.
    pub user: User,
    /// When we first read it.
    pub first_seen: Timestamp,
}

/// What an operator asked for one person and product, by `assign` or `unassign`. It goes before every rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "manual", rename_all = "kebab-case")]
pub enum Manual {
    /// The person is to have it.
    Assigned {
        /// With these plans off.
        disabled: BTreeSet<PlanId>,
    },
    /// The person is not to have it, whatever the rules say.
    Withheld,
}

/// One person's claim on one product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entitlement {
    /// Whom in the tenant it is about; a re-created user starts anew.
    pub user: UserId,
    /// The rules that cause it, the deciding one first.
    pub rules: Vec<String>,
    /// Plans to leave off.
    pub disabled: BTreeSet<PlanId>,
    /// Plans to have on.
    pub wanted: BTreeSet<PlanId>,
    /// Where it stands.
    pub standing: Standing,
    /// What is written for it while it is open.
    pub action: Action,
    /// Since when.
    pub since: Timestamp,
    /// When it first became due.
    pub due_since: Option<Timestamp>,
    /// When the guard let it in; `None` while it has not.
    pub admitted: Option<Timestamp>,
    /// The deciding rule's priority.
    pub priority: i32,
    /// A direct assignment of this product was read as absent before our accepted write: it is ours to take back.
    pub ours: bool,
}

impl Entitlement {
    /// Whether this rule causes it.
    #[must_use]
    pub fn is_for(&self, rule: &str) -> bool {
        self.rules.iter().any(|cause| cause == rule)
    }
}
