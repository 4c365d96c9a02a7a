//! A user of the tenant, as it was last read, and the partial news that Graph sends about it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::identity::{Anchor, PlanId, Sid, SkuId, UserId};
use super::location::UsageLocation;

/// A user of Entra, reduced to what is decided on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The key.
    pub id: UserId,
    /// `userPrincipalName`.
    pub upn: Option<String>,
    /// `displayName`.
    pub display_name: Option<String>,
    /// `accountEnabled`; taken as enabled while Graph has not said.
    pub enabled: bool,
    /// `userType` is `Guest`, or the UPN carries `#EXT#`.
    pub guest: bool,
    /// `createdDateTime`: when it appeared in Entra. Null for some old synced users.
    pub created: Option<Timestamp>,
    /// `onPremisesSyncEnabled`: `Some(true)` is synced now.
    pub synced: Option<bool>,
    /// `onPremisesImmutableId`.
    pub anchor: Option<Anchor>,
    /// `onPremisesSecurityIdentifier`.
    pub sid: Option<Sid>,
    /// `usageLocation`.
    pub usage_location: Option<UsageLocation>,
    /// `assignedLicenses`: the effective set, direct and through groups.
    pub licenses: Vec<AssignedLicense>,
    /// `licenseAssignmentStates`: one entry per product and source.
    pub sources: Vec<LicenseSource>,
    /// `assignedPlans` whose `capabilityStatus` is `Enabled` or `Warning`: what really works.
    pub plans: BTreeSet<PlanId>,
}

impl User {
    /// A user of whom nothing but the id is known.
    #[must_use]
    pub fn unread(id: UserId) -> Self {
        Self {
            id,
            upn: None,
            display_name: None,
            enabled: true,
            guest: false,
            created: None,
            synced: None,
            anchor: None,
            sid: None,
            usage_location: None,
            licenses: Vec::new(),
            sources: Vec::new(),
            plans: BTreeSet::new(),
        }
    }

    /// The license for a product, from whatever source.
    #[must_use]
    pub fn license(&self, sku: SkuId) -> Option<&AssignedLicense> {
        self.licenses.iter().find(|license| license.sku == sku)
    }

    /// The plans that are off in the direct assignment of a product; `None` when it is not assigned directly. A product
    /// without a source that gives it counts as direct: Graph's list of them has been seen incomplete.
    #[must_use]
    pub fn direct_license(&self, sku: SkuId) -> Option<&BTreeSet<PlanId>> {
        let mut sources = self.sources.iter().filter(|source| source.sku == sku);
        match sources.clone().find(|source| source.group.is_none()) {
            Some(direct) => Some(&direct.disabled),
            None if !sources.any(LicenseSource::gives) => self.license(sku).map(|license| &license.disabled),
            None => None,
        }
    }

    /// What is known of the user that a refusal may depend on: a refusal stands only while this stays.
    #[must_use]
    pub fn basis(&self) -> String {
        let mut skus: Vec<String> = self.licenses.iter().map(|license| license.sku.to_string()).collect();
        skus.sort();
        format!("{}|{}", self.usage_location.map(|place| place.to_string()).unwrap_or_default(), skus.join(","))
    }

    /// Takes news of this user in; what the news does not mention stays.
    pub fn learn(&mut self, news: &UserNews) {
        fn set<T: Clone>(slot: &mut T, news: &Option<T>) {
            if let Some(value) = news {
                slot.clone_from(value);
            }
        }
        set(&mut self.upn, &news.upn);
        set(&mut self.display_name, &news.display_name);
        set(&mut self.enabled, &news.enabled);
        set(&mut self.created, &news.created);
        set(&mut self.synced, &news.synced);
        set(&mut self.anchor, &news.anchor);
        set(&mut self.sid, &news.sid);
        set(&mut self.usage_location, &news.usage_location);
        set(&mut self.licenses, &news.licenses);
        set(&mut self.sources, &news.sources);
        set(&mut self.plans, &news.plans);
        if let Some(guest) = news.guest {
            self.guest = guest;
        }
        self.guest |= self.upn.as_deref().is_some_and(|upn| upn.to_ascii_uppercase().contains("#EXT#"));
    }
}

/// One entry of `assignedLicenses`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignedLicense {
    /// Which product.
    pub sku: SkuId,
    /// Which of its plans are off in every source.
    pub disabled: BTreeSet<PlanId>,
}

/// How the service plans of a user stand, each with its state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanStates {
    /// `assignedLicenses`.
    pub licenses: Vec<AssignedLicense>,
    /// `assignedPlans` by plan: the best `capabilityStatus`, as sent; a plan that several products bring is listed for each.
    pub plans: BTreeMap<PlanId, String>,
}

/// One entry of `licenseAssignmentStates`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseSource {
    /// Which product.
    pub sku: SkuId,
    /// The group it comes through; `None` when assigned directly.
    pub group: Option<String>,
    /// Which of its plans this source leaves off.
    pub disabled: BTreeSet<PlanId>,
    /// `Active`, `ActiveWithError`, `Disabled` or `Error`.
    pub state: String,
    /// The error's name; `None` when there is none (Graph sends null or `"None"`).
    pub error: Option<String>,
}

impl LicenseSource {
    /// Whether the product comes from this source now; a group that could not give it is listed as well.
    #[must_use]
    pub fn gives(&self) -> bool {
        !["Error", "Disabled"].iter().any(|state| self.state.eq_ignore_ascii_case(state))
    }
}

/// What one item of a listing, a delta or a single read says of a user: `None` is *not mentioned*, which differs from
/// `Some(None)`, *has no value*.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserNews {
    /// Whom it is about.
    pub id: UserId,
    /// Set when the user is gone from the tenant.
    pub removed: Option<Removal>,
    /// See [`User::upn`].
    pub upn: Option<Option<String>>,
    /// See [`User::display_name`].
    pub display_name: Option<Option<String>>,
    /// See [`User::enabled`].
    pub enabled: Option<bool>,
    /// `userType` is `Guest`.
    pub guest: Option<bool>,
    /// See [`User::created`].
    pub created: Option<Option<Timestamp>>,
    /// See [`User::synced`].
    pub synced: Option<Option<bool>>,
    /// See [`User::anchor`].
    pub anchor: Option<Option<Anchor>>,
    /// See [`User::sid`].
    pub sid: Option<Option<Sid>>,
    /// See [`User::usage_location`].
    pub usage_location: Option<Option<UsageLocation>>,
    /// See [`User::licenses`].
    pub licenses: Option<Vec<AssignedLicense>>,
    /// See [`User::sources`].
    pub sources: Option<Vec<LicenseSource>>,
    /// See [`User::plans`].
    pub plans: Option<BTreeSet<PlanId>>,
}

impl UserNews {
    /// News that mentions nothing yet.
    #[must_use]
    pub fn about(id: UserId) -> Self {
        Self {
            id,
            removed: None,
            upn: None,
            display_name: None,
            enabled: None,
            guest: None,
            created: None,
            synced: None,
            anchor: None,
            sid: None,
            usage_location: None,
            licenses: None,
            sources: None,
            plans: None,
        }
    }
}

/// How a user left the tenant (`@removed.reason` of a delta item).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Removal {
    /// `changed`: soft-deleted, can be restored for 30 days.
    Restorable,
    /// `deleted`: gone for good.
    Final,
    /// Missing from a complete listing.
    Unlisted,
}

/// One page of a listing or a delta.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserPage {
    /// The news, in Graph's order; one user may come more than once.
    pub news: Vec<UserNews>,
    /// Items that could not be understood, each with its id (or what stood there) and the reason.
    pub quarantined: Vec<(String, String)>,
}
