//! What one user holds: sources, what they enable together, and how reads show it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{person::instant, sku::Sku};

/// One assignment of one SKU from one source.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Source {
    pub(super) sku: Uuid,
    /// `None`: assigned directly.
    pub(super) group: Option<Uuid>,
    pub(super) disabled_plans: BTreeSet<Uuid>,
    /// `None`: active. Else Graph's error word; the source then gives nothing.
    pub(super) error: Option<String>,
    pub(super) since: Timestamp,
}

/// One row of `assignedPlans`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HeldPlan {
    pub(super) enabled: bool,
    pub(super) service: String,
    pub(super) since: Timestamp,
}

/// Everything about licenses that a read shows; kept apart so that a stale copy can be shown for a while.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Licensing {
    pub(super) sources: Vec<Source>,
    pub(super) plans: BTreeMap<Uuid, HeldPlan>,
}

impl Licensing {
    /// SKUs that some source in good order gives.
    pub(super) fn held_skus(&self) -> BTreeSet<Uuid> {
        self.active().map(|source| source.sku).collect()
    }

    pub(super) fn active(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| source.error.is_none())
    }

    /// Plans of `sku` that are off in every source.
    pub(super) fn disabled_everywhere(&self, sku: Uuid) -> BTreeSet<Uuid> {
        let mut sources = self.active().filter(|source| source.sku == sku).map(|source| &source.disabled_plans);
        let Some(first) = sources.next() else {
            return BTreeSet::new();
        };
        sources.fold(first.clone(), |common, next| common.intersection(next).copied().collect())
    }

    pub(super) fn assigned_licenses(&self) -> Value {
        let licenses = self.held_skus().into_iter();
        Value::Array(
            licenses.map(|sku| json!({ "skuId": sku, "disabledPlans": self.disabled_everywhere(sku) })).collect(),
        )
    }

    pub(super) fn assignment_states(&self) -> Value {
        let states = self.sources.iter().map(|source| {
            json!({
                "skuId": source.sku,
                "disabledPlans": source.disabled_plans,
                "assignedByGroup": source.group,
                "state": if source.error.is_none() { "Active" } else { "Error" },
                "error": source.error.as_deref().unwrap_or("None"),
                "lastUpdatedDateTime": instant(source.since),
            })
        });
        Value::Array(states.collect())
    }

    pub(super) fn assigned_plans(&self) -> Value {
        let plans = self.plans.iter().map(|(id, plan)| {
            json!({
                "assignedDateTime": instant(plan.since),
                "capabilityStatus": if plan.enabled { "Enabled" } else { "Deleted" },
                "service": plan.service,
                "servicePlanId": id,
            })
        });
        Value::Array(plans.collect())
    }
}

impl Licensing {
    /// Which license properties differ, as far as delta tells: `licenseAssignmentStates` alone does not count.
    pub(super) fn differences(&self, other: &Self) -> Vec<&'static str> {
        let mut names = Vec::new();
        let effective = |licensing: &Self| -> Vec<(Uuid, BTreeSet<Uuid>)> {
            licensing.held_skus().into_iter().map(|sku| (sku, licensing.disabled_everywhere(sku))).collect()
        };
        if effective(self) != effective(other) {
            names.push("assignedLicenses");
        }
        if self.plans != other.plans {
            names.push("assignedPlans");
        }
        names
    }

    pub(super) fn direct(&self, sku: Uuid) -> Option<usize> {
        self.sources.iter().position(|source| source.sku == sku && source.group.is_none())
    }

    /// Adds a source, or replaces what the same one gave; `false` if nothing differs.
    pub(super) fn put(&mut self, new: Source) -> bool {
        let same = self.sources.iter_mut().find(|source| source.sku == new.sku && source.group == new.group);
        match same {
            Some(old) if old.disabled_plans == new.disabled_plans && old.error == new.error => false,
            Some(old) => {
                *old = new;
                true
            }
            None => {
                self.sources.push(new);
                true
            }
        }
    }

    /// Brings the plans in line with the sources: newly on → Enabled, no longer on → kept as Deleted.
    pub(super) fn work_out_plans(&mut self, skus: &[Sku], now: Timestamp) {
        let enabled = enabled_plans(self, skus);
        for (id, plan) in &mut self.plans {
            if plan.enabled != enabled.contains_key(id) {
                plan.enabled = !plan.enabled;
                plan.since = now;
            }
        }
        for (id, service) in enabled {
            self.plans.entry(id).or_insert(HeldPlan { enabled: true, service, since: now });
        }
    }
}

/// User-level plans that some source turns on, with their service.
pub(super) fn enabled_plans(licensing: &Licensing, skus: &[Sku]) -> BTreeMap<Uuid, String> {
    licensing
        .active()
        .filter_map(|source| Some((source, skus.iter().find(|sku| sku.sku_id == source.sku)?)))
        .flat_map(|(source, sku)| {
            let on = |id: Uuid| !source.disabled_plans.contains(&id);
            let plans = sku.service_plans.iter().filter(|plan| plan.applies_to == "User");
            plans.filter(move |plan| on(plan.service_plan_id)).map(|plan| (plan.service_plan_id, plan.service.clone()))
        })
        .collect()
}
