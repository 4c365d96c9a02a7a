//! What the tenant has bought: products (SKUs), their service plans and their seats.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::identity::{PlanId, SkuId};

/// Plans that make a user "licensed for Intune" (Microsoft's product table, 2026-07): Plan 1, its volume-license and its
/// government form. `INTUNE_O365` is Basic Mobility, not Intune, and stands deliberately not here.
pub const INTUNE_PLANS: [&str; 3] = ["INTUNE_A", "INTUNE_A_VL", "INTUNE_A_GOV"];

/// One entry of `GET /subscribedSkus`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sku {
    /// Its id.
    pub id: SkuId,
    /// Its name in Microsoft's tables, such as `EMS`. May hold blanks; compared without case.
    pub part_number: String,
    /// `appliesTo` is `User`: only then can a user be given it.
    pub for_users: bool,
    /// `capabilityStatus`, as sent.
    pub status: String,
    /// `prepaidUnits.enabled`.
    pub enabled: i64,
    /// `prepaidUnits.warning`: expired, in its grace period, still assignable.
    pub warning: i64,
    /// `prepaidUnits.suspended`: no longer assignable.
    pub suspended: i64,
    /// `consumedUnits`: users that hold it, shared with every other administrator and late by minutes.
    pub consumed: i64,
    /// Its plans, as this tenant has them.
    pub plans: Vec<ServicePlan>,
}

impl Sku {
    /// Whether anything of it can be given to anybody (`capabilityStatus`: in `Suspended`, `LockedOut` and `Deleted` nothing
    /// can, in `Enabled` and `Warning` it can). A word that is not known speaks against nothing: Graph's answer will.
    #[must_use]
    pub fn is_assignable(&self) -> bool {
        !["Suspended", "LockedOut", "Deleted"].iter().any(|status| self.status.eq_ignore_ascii_case(status))
    }

    /// Whether its subscription has expired and is in its grace period, when all can still be assigned.
    #[must_use]
    pub fn is_in_grace(&self) -> bool {
        self.is_assignable() && self.enabled == 0 && self.warning > 0
    }

    /// Seats that can be given out now. A subscription that shrank has fewer than none; that counts as none, and so does one
    /// of which nothing can be assigned.
    #[must_use]
    pub fn free(&self) -> i64 {
        if self.is_assignable() { (self.enabled + self.warning - self.consumed).max(0) } else { 0 }
    }

    /// The plans a user can have on or off.
    pub fn user_plans(&self) -> impl Iterator<Item = &ServicePlan> {
        self.plans.iter().filter(|plan| plan.for_users)
    }

    /// A plan by its name, without case.
    #[must_use]
    pub fn plan(&self, name: &str) -> Option<&ServicePlan> {
        let name = name.trim();
        self.plans
            .iter()
            .find(|plan| plan.name.eq_ignore_ascii_case(name) || plan.id.to_string().eq_ignore_ascii_case(name))
    }
}

/// One entry of a SKU's `servicePlans`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePlan {
    /// Its id.
    pub id: PlanId,
    /// Its name, such as `INTUNE_A`.
    pub name: String,
    /// `appliesTo` is `User`; a company-level plan is never part of a user's license.
    pub for_users: bool,
    /// `provisioningStatus` of the tenant, as sent.
    pub status: String,
}

/// Everything the tenant has bought, as one snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    skus: BTreeMap<SkuId, Sku>,
}

impl Catalog {
    /// Builds the snapshot. Several subscriptions of one SKU that Graph should list apart are summed.
    #[must_use]
    pub fn new(skus: impl IntoIterator<Item = Sku>) -> Self {
        let mut map: BTreeMap<SkuId, Sku> = BTreeMap::new();
        for sku in skus {
            match map.get_mut(&sku.id) {
                Some(known) => {
                    known.enabled += sku.enabled;
                    known.warning += sku.warning;
                    known.suspended += sku.suspended;
                    known.consumed += sku.consumed;
                }
                None => {
                    map.insert(sku.id, sku);
                }
            }
        }
        Self { skus: map }
    }

    /// A product by id.
    #[must_use]
    pub fn get(&self, id: SkuId) -> Option<&Sku> {
        self.skus.get(&id)
    }

    /// A product by part number (without case) or id, as an operator writes it.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Sku> {
        let name = name.trim();
        match name.parse() {
            Ok(id) => self.skus.get(&id),
            Err(_) => self.skus.values().find(|sku| sku.part_number.trim().eq_ignore_ascii_case(name)),
        }
    }

    /// All products, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Sku> {
        self.skus.values()
    }

    /// Whether nothing was bought, or nothing was read yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.skus.is_empty()
    }

    /// The name to show for a product.
    #[must_use]
    pub fn name(&self, id: SkuId) -> String {
        self.get(id).map_or_else(|| id.to_string(), |sku| sku.part_number.clone())
    }

    /// The user-level plans a set of licenses turns on.
    #[must_use]
    pub fn enabled_plans(&self, sku: SkuId, disabled: &BTreeSet<PlanId>) -> BTreeSet<PlanId> {
        self.get(sku)
            .map(|sku| sku.user_plans().map(|plan| plan.id).filter(|id| !disabled.contains(id)).collect())
            .unwrap_or_default()
    }
}
