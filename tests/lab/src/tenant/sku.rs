//! SKUs and service plans (`subscribedSku`, `licenseUnitsDetail`, `servicePlanInfo`).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One product the tenant owns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sku {
    /// For example `EMS`.
    pub sku_part_number: String,
    /// Microsoft's id of the product.
    pub sku_id: Uuid,
    /// `User` or `Company`; only the former can be given to a user.
    #[serde(default = "user")]
    pub applies_to: String,
    /// Seats by the state of their subscription.
    #[serde(default)]
    pub prepaid_units: PrepaidUnits,
    /// Seats held by users this world does not list.
    #[serde(default)]
    pub taken_elsewhere: u32,
    /// What the product consists of.
    #[serde(default)]
    pub service_plans: Vec<ServicePlan>,
}

/// Seats by the state of their subscription (`licenseUnitsDetail`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct PrepaidUnits {
    /// Paid and active: assignable.
    pub enabled: u32,
    /// Expired beyond grace: not assignable.
    pub suspended: u32,
    /// In the grace period: still assignable.
    pub warning: u32,
    /// Cancelled: not assignable.
    pub locked_out: u32,
}

/// One service plan of a SKU (`servicePlanInfo`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServicePlan {
    /// Microsoft's id of the plan.
    pub service_plan_id: Uuid,
    /// For example `INTUNE_A`.
    pub service_plan_name: String,
    /// `User` or `Company`; the latter never shows in a user's `assignedPlans`.
    #[serde(default = "user")]
    pub applies_to: String,
    /// The tenant-wide state, for example `PendingActivation`.
    #[serde(default = "success")]
    pub provisioning_status: String,
    /// The word that `assignedPlans[].service` shows.
    #[serde(default = "office")]
    pub service: String,
}

fn user() -> String {
    "User".to_owned()
}

fn success() -> String {
    "Success".to_owned()
}

fn office() -> String {
    "MicrosoftOffice".to_owned()
}

impl PrepaidUnits {
    /// Units that an assignment may draw on.
    #[must_use]
    pub fn assignable(self) -> u32 {
        self.enabled.saturating_add(self.warning)
    }

    /// `capabilityStatus`: the best state any unit is in. Microsoft documents `Enabled` and `LockedOut`; the order of the
    /// others is assumed.
    #[must_use]
    pub fn capability_status(self) -> &'static str {
        match self {
            Self { enabled: 1.., .. } => "Enabled",
            Self { warning: 1.., .. } => "Warning",
            Self { suspended: 1.., .. } => "Suspended",
            Self { locked_out: 1.., .. } => "LockedOut",
            _ => "Deleted",
        }
    }
}

impl Sku {
    /// The plan of that id.
    #[must_use]
    pub fn plan(&self, id: Uuid) -> Option<&ServicePlan> {
        self.service_plans.iter().find(|plan| plan.service_plan_id == id)
    }

    /// The plan of that name, in any case, or of that id.
    #[must_use]
    pub fn plan_named(&self, name: &str) -> Option<&ServicePlan> {
        let id = Uuid::try_parse(name).ok();
        self.service_plans
            .iter()
            .find(|plan| plan.service_plan_name.eq_ignore_ascii_case(name) || Some(plan.service_plan_id) == id)
    }
}
