//! What shall be written next: a value, made before anything is touched.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::identity::{HoldId, PersonId, PlanId, SkuId, UserId};
use super::location::UsageLocation;
use super::standing::{Action, Reason};

/// An entitlement that wants its license now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Whose.
    pub person: PersonId,
    /// Whose in the tenant.
    pub user: UserId,
    /// A name to show.
    pub name: String,
    /// Which product.
    pub sku: SkuId,
    /// What is to be done about it.
    pub action: Action,
    /// The deciding rule.
    pub rule: String,
    /// Its priority; the smaller goes first.
    pub priority: i32,
    /// Since when it has waited.
    pub due_since: Timestamp,
    /// When the guard let it in; `None` when it must still ask.
    pub admitted: Option<Timestamp>,
    /// The held cohort it is part of.
    pub held: Option<HoldId>,
    /// A write together with other products was refused: it is tried by itself.
    pub alone: bool,
    /// Plans to leave off.
    pub disabled: BTreeSet<PlanId>,
    /// Seats of the product that are left to others.
    pub keep_free: u32,
    /// The location to set first; `None` when the user has an acceptable one.
    pub location: Option<LocationWrite>,
}

/// A usage location to be set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocationWrite {
    /// What to set.
    pub to: UsageLocation,
    /// What stands there.
    pub from: Option<UsageLocation>,
    /// Where it comes from, such as `c` or `default`.
    pub source: String,
}

/// What to do with the candidates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Writes, the fairest order first; at most one per person.
    pub writes: Vec<Write>,
    /// Newly let in by the guard, with or without a seat.
    pub admitted: Vec<(PersonId, SkuId)>,
    /// Without a seat for now.
    pub waiting: Vec<(PersonId, SkuId)>,
    /// Above the limit.
    pub held: Vec<Cohort>,
}

impl Plan {
    /// Everyone it is about.
    #[must_use]
    pub fn people(&self) -> BTreeSet<PersonId> {
        let held = self.held.iter().flat_map(|cohort| &cohort.members);
        let entitled = self.waiting.iter().chain(held).map(|(person, _)| *person);
        self.writes.iter().map(|write| write.person).chain(entitled).collect()
    }

    /// Leaves out whatever is about others.
    pub fn retain(&mut self, people: &BTreeSet<PersonId>) {
        self.writes.retain(|write| people.contains(&write.person));
        self.waiting.retain(|(person, _)| people.contains(person));
        self.admitted.retain(|(person, _)| people.contains(person));
        for cohort in &mut self.held {
            cohort.members.retain(|(person, _)| people.contains(person));
        }
        self.held.retain(|cohort| !cohort.members.is_empty());
    }
}

/// All that is written for one person in one turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Whose.
    pub person: PersonId,
    /// Whose in the tenant.
    pub user: UserId,
    /// A name to show.
    pub name: String,
    /// First this.
    pub location: Option<LocationWrite>,
    /// Then these are assigned,
    pub licenses: Vec<LicenseWrite>,
    /// and these taken away, in one request.
    pub removals: Vec<Removal>,
}

impl Write {
    /// The products it is about.
    pub fn skus(&self) -> impl Iterator<Item = SkuId> {
        self.licenses.iter().map(|license| license.sku).chain(self.removals.iter().map(|removal| removal.sku))
    }
}

/// One product to assign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseWrite {
    /// Which.
    pub sku: SkuId,
    /// With these plans off.
    pub disabled: BTreeSet<PlanId>,
    /// By which rule.
    pub rule: String,
    /// The user holds it already, and only its plans change: that takes no seat.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
}

/// One product to take away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// Which.
    pub sku: SkuId,
    /// By which rule it was given.
    pub rule: String,
    /// It goes in exchange for this product, in one and the same write or not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<SkuId>,
}

/// How many entitlements were let in within 24 hours, by what was done about them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// Licenses given.
    pub given: u32,
    /// Licenses whose plans were changed.
    pub changed: u32,
    /// Licenses taken away; an exchange is not among them.
    pub taken: u32,
}

/// Entitlements above a limit, to be approved or rejected together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cohort {
    /// The rule that wants them.
    pub rule: String,
    /// Which limit they exceed.
    pub reason: Reason,
    /// Who, in the fair order.
    pub members: Vec<(PersonId, SkuId)>,
}

/// The digest by which an operator approves exactly the cohort that was seen: the first 12 hex digits of SHA-256 over its
/// members, in whatever order they are given.
#[must_use]
pub fn cohort_digest(members: &[(PersonId, SkuId)]) -> String {
    let mut members = members.to_vec();
    members.sort();
    let text: String = members.iter().fold(String::new(), |mut text, (person, sku)| {
        let _ = writeln!(text, "{person} {sku}");
        text
    });
    let hash = digest(&SHA256, text.as_bytes());
    hash.as_ref().iter().take(6).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
