//! What an edited configuration does to those who are known: a picture of before and one of after, and what differs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::identity::{PersonId, SkuId};
use super::standing::{Action, Standing};

/// Whom rules want to have their products, and where entitlements stand, of everyone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// By rule, whom it wants to have its product, and whether that person is baseline.
    pub scope: BTreeMap<String, BTreeMap<PersonId, bool>>,
    /// [`super::rule::Rule::digest`] of each rule that anybody was judged by.
    pub digests: BTreeMap<String, String>,
    /// What stands for whom.
    pub claims: BTreeMap<PersonId, BTreeMap<SkuId, Claim>>,
}

/// An entitlement in a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Where it stands.
    pub standing: Standing,
    /// What is written for it while it is open.
    pub action: Action,
    /// The rules that cause it, the deciding one first.
    pub rules: Vec<String>,
}

/// What an edited configuration does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "effect", rename_all = "kebab-case")]
pub enum Effect {
    /// It cannot be told from what was read so far.
    NeedsScan {
        /// What was not read, and what asks for it.
        missing: Vec<String>,
    },
    /// What becomes of those who are known.
    Known {
        /// Rules that are other than before, or mean others, in the order of their names.
        rules: Vec<RuleEffect>,
        /// What becomes of licenses.
        licenses: Vec<LicenseEffect>,
        /// Rules that cannot be followed now, and why: what they do is not in here.
        unusable: Vec<String>,
    },
}

/// What becomes of one rule and those it means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleEffect {
    /// Which.
    pub rule: String,
    /// What was done to it.
    pub change: RuleChange,
    /// Persons that it meant and no longer does.
    pub dropped: u64,
    /// Persons that it means from now on, as baseline: they are left alone.
    pub added_as_baseline: u64,
    /// Persons that it means from now on and that would be licensed.
    pub added_to_license: u64,
    /// Persons that it means from now on, not as baseline, for whom nothing is to be written: they have what is wanted, or
    /// another rule decides.
    pub added_otherwise: u64,
    /// Persons that it means as before, of whom it left none alone, and who are baseline from now on.
    pub become_baseline: u64,
}

/// What was done to a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleChange {
    /// Nobody was judged by it before.
    New,
    /// It is not there any more.
    Removed,
    /// Whom it means or what it gives is written otherwise.
    Edited,
    /// Neither.
    Same,
}

/// What becomes of licenses of one product, of so many persons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LicenseEffect {
    /// Which product.
    pub sku: SkuId,
    /// What becomes of it.
    #[serde(flatten)]
    pub fate: Fate,
    /// Of how many persons.
    pub persons: u64,
}

/// What becomes of somebody's license.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "fate", rename_all = "kebab-case")]
pub enum Fate {
    /// It is to be given, at once or later.
    Given,
    /// It gets other plans.
    Changed,
    /// It goes in the write that gives another product.
    Exchanged {
        /// Which.
        with: SkuId,
    },
    /// It is to be taken back.
    TakenBack,
    /// No rule wants it any more, and it stays.
    Lapsed,
    /// It was to be given, or was baseline, and is not wanted any more.
    Dismissed,
    /// The person is baseline from now on.
    Baseline,
    /// It is to be given, and somebody must do something first.
    Refused,
}
