//! What an edited configuration does to those who are known: a picture of before and one of after, and what differs.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::identity::{PersonId, SkuId};
use super::license::Catalog;
use super::standing::{Action, Standing};
use super::text::count;

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
    /// Persons that it meant before.
    pub meant: u64,
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

impl fmt::Display for RuleEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let persons = |number: u64| count(number, "person");
        let parts = [
            (self.dropped, format!("drops {} from scope", persons(self.dropped))),
            (self.added_as_baseline, format!("adds {} as baseline", self.added_as_baseline)),
            (self.added_to_license, format!("adds {} who would be licensed", self.added_to_license)),
            (self.added_otherwise, format!("adds {} for whom nothing is to be written", self.added_otherwise)),
            (self.become_baseline, format!("makes {} baseline of those it means already", self.become_baseline)),
        ];
        let said: Vec<String> = parts.into_iter().filter(|(number, _)| *number > 0).map(|(_, text)| text).collect();
        let said = if said.is_empty() { "means whom it meant".to_owned() } else { said.join(", ") };
        let change = match self.change {
            RuleChange::New => " (new)",
            RuleChange::Removed => " (removed)",
            RuleChange::Edited => " (edited)",
            RuleChange::Same => "",
        };
        write!(f, "rule {}{change}: {said}", self.rule)
    }
}

impl LicenseEffect {
    /// In words, with the names of products.
    #[must_use]
    pub fn told(&self, catalog: &Catalog) -> String {
        let (product, persons) = (catalog.name(self.sku), count(self.persons, "license"));
        match self.fate {
            Fate::Given => format!("{product}: {persons} to be given"),
            Fate::Changed => format!("{product}: {persons} to get other plans"),
            Fate::Exchanged { with } => format!("{product}: {persons} to be exchanged for {}", catalog.name(with)),
            Fate::TakenBack => format!("{product}: {persons} to be taken back"),
            Fate::Lapsed => format!("{product}: {persons} that no rule wants any more, which stay (lapsed)"),
            Fate::Dismissed => {
                format!("{product}: not wanted any more for {} without it", count(self.persons, "person"))
            }
            Fate::Baseline => format!("{product}: {} without it left alone as baseline", count(self.persons, "person")),
            Fate::Refused => {
                format!("{product}: {persons} to be given, once somebody has done what `users` says (refused)")
            }
        }
    }
}
