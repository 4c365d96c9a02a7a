//! What a test or a person sees of the tenant, in names rather than ids.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    counters::{Counters, UserCounters},
    group::GroupView,
    person::{Existence, Person},
    request_log::RequestRecord,
    sku::{PrepaidUnits, Sku},
    state::State,
    world::find_sku,
};

/// A look at the running tenant, without copying it; what really is, not what lag still shows.
pub struct View<'a> {
    pub(super) state: &'a State,
}

/// A copy of everything worth looking at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateView {
    /// All users, deleted ones too, in order of id.
    pub users: Vec<UserView>,
    /// All SKUs.
    pub skus: Vec<SkuView>,
    /// All groups, in order of id.
    #[serde(default)]
    pub groups: Vec<GroupView>,
    /// What was asked.
    pub counters: Counters,
}

/// One user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserView {
    /// Entra object id.
    pub id: Uuid,
    /// UPN.
    pub user_principal_name: String,
    /// `onPremisesImmutableId`.
    pub anchor: Option<String>,
    /// `accountEnabled`.
    pub account_enabled: bool,
    /// `usageLocation`.
    pub usage_location: Option<String>,
    /// `changed` when soft-deleted, `deleted` when gone for good.
    pub removed: Option<String>,
    /// Every source of every license.
    pub licenses: Vec<LicenseView>,
    /// Names of the service plans that are enabled, sorted.
    pub enabled_plans: Vec<String>,
    /// What Graph calls asked of this user and changed.
    pub counters: UserCounters,
}

/// One source of one license.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LicenseView {
    /// Part number.
    pub sku: String,
    /// Names of the plans that are off, sorted.
    pub disabled_plans: Vec<String>,
    /// The group it comes from; none: assigned directly.
    pub assigned_by_group: Option<Uuid>,
    /// Graph's error word, if this source failed.
    pub error: Option<String>,
}

/// One SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SkuView {
    /// Part number.
    pub sku_part_number: String,
    /// Microsoft's id.
    pub sku_id: Uuid,
    /// Seats by the state of their subscription.
    pub prepaid_units: PrepaidUnits,
    /// Seats in use.
    pub consumed_units: u32,
    /// Enabled and warning less consumed; negative after a subscription shrank.
    pub available: i64,
}

impl UserView {
    /// The direct assignment of that part number.
    #[must_use]
    pub fn direct(&self, sku: &str) -> Option<&LicenseView> {
        self.licenses.iter().find(|license| license.sku == sku && license.assigned_by_group.is_none())
    }

    /// Whether any source gives that part number.
    #[must_use]
    pub fn holds(&self, sku: &str) -> bool {
        self.licenses.iter().any(|license| license.sku == sku && license.error.is_none())
    }

    /// Whether that service plan is enabled.
    #[must_use]
    pub fn has_plan(&self, plan: &str) -> bool {
        self.enabled_plans.iter().any(|name| name == plan)
    }
}

impl StateView {
    /// The user of that id or UPN (any case).
    #[must_use]
    pub fn user(&self, key: &str) -> Option<&UserView> {
        let id = Uuid::try_parse(key).ok();
        let fits = |user: &&UserView| Some(user.id) == id || user.user_principal_name.eq_ignore_ascii_case(key);
        self.users.iter().find(fits)
    }

    /// The SKU of that part number.
    #[must_use]
    pub fn sku(&self, part: &str) -> Option<&SkuView> {
        self.skus.iter().find(|sku| sku.sku_part_number.eq_ignore_ascii_case(part))
    }
}

impl<'a> View<'a> {
    /// The user of that object id or UPN (any case).
    #[must_use]
    pub fn user(&self, key: &str) -> Option<UserView> {
        let id = self.state.find(key)?;
        Some(self.user_view(&self.state.people[&id]))
    }

    /// The user with that anchor.
    #[must_use]
    pub fn with_anchor(&self, anchor: &str) -> Option<UserView> {
        let id = self.state.with_anchor(anchor).next()?;
        Some(self.user_view(&self.state.people[&id]))
    }

    /// All users, deleted ones too, in order of id.
    pub fn users(&self) -> impl Iterator<Item = UserView> {
        self.state.people.values().map(|person| self.user_view(person))
    }

    /// How many users some source in good order gives that SKU.
    #[must_use]
    pub fn holders(&self, sku: &str) -> u32 {
        let id = find_sku(&self.state.skus, sku).map(|sku| sku.sku_id);
        id.and_then(|id| self.state.seats.get(&id)).map_or(0, |seats| seats.held)
    }

    /// The SKU of that part number (any case) or id.
    #[must_use]
    pub fn sku(&self, name: &str) -> Option<SkuView> {
        find_sku(&self.state.skus, name).map(|sku| self.sku_view(sku))
    }

    /// All SKUs.
    pub fn skus(&self) -> impl Iterator<Item = SkuView> {
        self.state.skus.iter().map(|sku| self.sku_view(sku))
    }

    /// What was asked.
    #[must_use]
    pub fn counters(&self) -> &'a Counters {
        &self.state.counters
    }

    /// The request log, oldest first.
    pub fn requests(&self) -> impl Iterator<Item = &'a RequestRecord> {
        self.state.log.after(0)
    }

    /// A copy of all this, the log apart.
    #[must_use]
    pub fn to_owned(&self) -> StateView {
        StateView {
            users: self.users().collect(),
            skus: self.skus().collect(),
            groups: self.groups().collect(),
            counters: self.counters().clone(),
        }
    }

    fn plan_name(&self, id: Uuid) -> String {
        let plan = self.state.skus.iter().find_map(|sku| sku.plan(id));
        plan.map_or_else(|| id.to_string(), |plan| plan.service_plan_name.clone())
    }

    pub(super) fn plan_names(&self, ids: impl Iterator<Item = Uuid>) -> Vec<String> {
        let mut names: Vec<String> = ids.map(|id| self.plan_name(id)).collect();
        names.sort_unstable();
        names
    }

    fn user_view(&self, person: &Person) -> UserView {
        let licenses = person.licensing.sources.iter().map(|source| LicenseView {
            sku: self.state.part_number(source.sku),
            disabled_plans: self.plan_names(source.disabled_plans.iter().copied()),
            assigned_by_group: source.group,
            error: source.error.clone(),
        });
        let enabled = person.licensing.plans.iter().filter(|(_, plan)| plan.enabled).map(|(id, _)| *id);
        let removed = match person.existence {
            Existence::Present => None,
            Existence::Recycled => Some("changed".to_owned()),
            Existence::Purged => Some("deleted".to_owned()),
        };
        UserView {
            id: person.id,
            user_principal_name: person.upn().to_owned(),
            anchor: person.anchor().map(str::to_owned),
            account_enabled: person.flag("accountEnabled").unwrap_or_default(),
            usage_location: person.text("usageLocation").map(str::to_owned),
            removed,
            licenses: licenses.collect(),
            enabled_plans: self.plan_names(enabled),
            counters: person.counters.clone(),
        }
    }

    fn sku_view(&self, sku: &Sku) -> SkuView {
        let consumed = self.state.consumed(sku.sku_id);
        SkuView {
            sku_part_number: sku.sku_part_number.clone(),
            sku_id: sku.sku_id,
            prepaid_units: sku.prepaid_units,
            consumed_units: consumed,
            available: i64::from(sku.prepaid_units.assignable()) - i64::from(consumed),
        }
    }
}
