//! `assignLicense`: what it checks, in what words it refuses, and what it changes. Texts as seen in the field; where a
//! text is unknown to the public the comment says so.

use std::collections::{BTreeSet, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{
    clock::after,
    licensing::{Licensing, Source, enabled_plans},
    new_user::NewLicense,
    person::{Existence, Stale},
    reply::GraphError,
    sku::Sku,
    state::State,
    world::find_sku,
};

/// A change that another administrator, or a group, makes: nothing is checked, seats are counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct LicenseChange {
    /// Assignments to add, or to replace where the same source gives the SKU already.
    pub add: Vec<NewLicense>,
    /// Part numbers or skuIds to take away.
    pub remove: Vec<String>,
    /// The source that `remove` is about: a group, or absent for the direct assignment.
    pub remove_from_group: Option<Uuid>,
}

/// Seats of one SKU held by the users of this tenant, with the history a lagging reader sees.
#[derive(Debug, Clone, Default)]
pub(super) struct Seats {
    pub(super) held: u32,
    history: VecDeque<(Timestamp, u32)>,
}

/// The body of assignLicense, understood.
pub(super) struct Asked {
    pub(super) add: Vec<(Uuid, BTreeSet<Uuid>)>,
    pub(super) remove: Vec<Uuid>,
}

pub(super) fn asked(body: &Value) -> Result<Asked, GraphError> {
    let missing: Vec<&str> =
        ["addLicenses", "removeLicenses"].into_iter().filter(|name| !body[*name].is_array()).collect();
    if !missing.is_empty() {
        return Err(GraphError::bad_request(format!(
            "One or more parameters of the operation 'assignLicense' are missing from the request payload. The missing \
             parameters are: {}.",
            missing.join(", ")
        )));
    }
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let add = list(&body["addLicenses"])
        .iter()
        .map(|license| {
            let disabled = list(&license["disabledPlans"]).iter().map(guid).collect::<Result<_, _>>()?;
            Ok((guid(&license["skuId"])?, disabled))
        })
        .collect::<Result<Vec<_>, GraphError>>()?;
    let remove = list(&body["removeLicenses"]).iter().map(guid).collect::<Result<Vec<_>, _>>()?;
    if add.is_empty() && remove.is_empty() {
        return Err(GraphError::bad_request("No license changes provided"));
    }
    Ok(Asked { add, remove })
}

fn guid(value: &Value) -> Result<Uuid, GraphError> {
    value.as_str().and_then(|text| Uuid::try_parse(text).ok()).ok_or_else(|| {
        GraphError::bad_request(
            "Cannot convert a primitive value to the expected type 'Edm.Guid'. See the inner exception for more details.",
        )
    })
}

impl State {
    /// Carries out assignLicense. Returns the part numbers whose assignment changed.
    pub(super) fn assign_license(&mut self, id: Uuid, body: &Value) -> Result<Vec<String>, GraphError> {
        let asked = asked(body)?;
        for (sku, disabled) in &asked.add {
            self.check_product(*sku, disabled)?;
        }
        if !asked.add.is_empty() {
            self.check_location(id)?;
        }
        let Some(person) = self.people.get(&id) else {
            return Err(GraphError::not_found(&id.to_string()));
        };
        let now = self.now();
        let mut next = person.licensing.clone();
        let mut changed = Vec::new();
        for sku in &asked.remove {
            self.check_removal(&next, *sku)?;
            if let Some(at) = next.direct(*sku) {
                next.sources.remove(at);
                changed.push(*sku);
            }
        }
        for (sku, disabled_plans) in asked.add {
            if next.put(Source { sku, group: None, disabled_plans, error: None, since: now }) {
                changed.push(sku);
            }
        }
        let newly_held: Vec<Uuid> = next.held_skus().difference(&person.licensing.held_skus()).copied().collect();
        for sku in newly_held {
            self.check_seat(sku)?;
        }
        self.check_exclusions(&next)?;
        self.check_dependencies(&next)?;
        if !changed.is_empty() {
            self.relicense(id, next, true);
        }
        let part = |sku: &Uuid| self.part_number(*sku);
        Ok(changed.iter().map(part).collect())
    }

    pub(super) fn check_product(&self, id: Uuid, disabled: &BTreeSet<Uuid>) -> Result<(), GraphError> {
        let Some(sku) = self.skus.iter().find(|sku| sku.sku_id == id) else {
            return Err(GraphError::bad_request(format!(
                "License {id} does not correspond to a valid company License."
            )));
        };
        if sku.applies_to != "User" {
            return Err(GraphError::bad_request(format!("License {id} cannot be assigned to a user.")));
        }
        match disabled.iter().find(|plan| sku.plan(**plan).is_none()) {
            // The exact text is not public; only its sense is.
            Some(foreign) => Err(GraphError::bad_request(format!(
                "The service plan {foreign} does not belong to the subscription with SKU {id}."
            ))),
            None => Ok(()),
        }
    }

    fn check_location(&mut self, id: Uuid) -> Result<(), GraphError> {
        let now = self.now();
        let (span, calls) = (self.knobs.location_lag, self.knobs.location_lag_calls);
        let Some(person) = self.people.get_mut(&id) else {
            return Err(GraphError::not_found(&id.to_string()));
        };
        let mut valid = person.text("usageLocation").is_some_and(super::countries::is_country);
        if let Some(set) = person.location_set.filter(|_| valid) {
            valid = now >= after(set, span) && person.refused_location >= calls;
            person.refused_location += u32::from(person.refused_location < calls);
        }
        if valid {
            return Ok(());
        }
        Err(GraphError::bad_request("License assignment cannot be done for user with invalid usage location."))
    }

    fn check_removal(&self, licensing: &Licensing, sku: Uuid) -> Result<(), GraphError> {
        if !self.skus.iter().any(|known| known.sku_id == sku) {
            return Err(GraphError::bad_request(format!(
                "License {sku} does not correspond to a valid company License."
            )));
        }
        if licensing.direct(sku).is_some() {
            return Ok(());
        }
        Err(GraphError::bad_request(if licensing.sources.iter().any(|source| source.sku == sku) {
            "User license is inherited from a group membership and it cannot be removed directly from the user."
        } else {
            "User does not have a corresponding license."
        }))
    }

    pub(super) fn check_seat(&self, id: Uuid) -> Result<(), GraphError> {
        let seats = self.skus.iter().find(|sku| sku.sku_id == id).map_or(0, |sku| sku.prepaid_units.assignable());
        if self.consumed(id) < seats {
            return Ok(());
        }
        Err(GraphError::bad_request(format!("Subscription with SKU {id} does not have any available licenses.")))
    }

    pub(super) fn check_exclusions(&self, next: &Licensing) -> Result<(), GraphError> {
        let enabled = enabled_plans(next, &self.skus);
        for pair in &self.exclusions {
            if pair.plans.iter().all(|plan| enabled.contains_key(plan)) {
                let [a, b] = pair.plans;
                return Err(GraphError::bad_request(format!(
                    "License assignment failed because service plans {a}, {b} are mutually exclusive."
                )));
            }
        }
        Ok(())
    }

    pub(super) fn check_dependencies(&self, next: &Licensing) -> Result<(), GraphError> {
        let enabled = enabled_plans(next, &self.skus);
        for rule in &self.dependencies {
            let missing: Vec<String> =
                rule.needs.iter().filter(|plan| !enabled.contains_key(plan)).map(Uuid::to_string).collect();
            if enabled.contains_key(&rule.plan) && !missing.is_empty() {
                return Err(GraphError::bad_request(format!(
                    "License assignment failed because service plan {} depends on the service plan(s) {}",
                    rule.plan,
                    missing.join(", ")
                )));
            }
        }
        Ok(())
    }

    /// Seats in use, at this instant.
    pub(super) fn consumed(&self, sku: Uuid) -> u32 {
        let elsewhere = self.skus.iter().find(|known| known.sku_id == sku).map_or(0, |known| known.taken_elsewhere);
        elsewhere.saturating_add(self.seats.get(&sku).map_or(0, |seats| seats.held))
    }

    /// Seats in use as `subscribedSkus` shows them.
    pub(super) fn shown_consumed(&self, sku: &Sku) -> u32 {
        let now = self.now();
        let seen = |(at, _): &&(Timestamp, u32)| after(*at, self.knobs.seat_lag) <= now;
        let held = self.seats.get(&sku.sku_id).map_or(0, |seats| {
            let latest = seats.history.iter().rev().find(seen).or(seats.history.front());
            latest.map_or(seats.held, |(_, held)| *held)
        });
        sku.taken_elsewhere.saturating_add(held)
    }

    pub(super) fn part_number(&self, id: Uuid) -> String {
        let known = self.skus.iter().find(|sku| sku.sku_id == id);
        known.map_or_else(|| id.to_string(), |sku| sku.sku_part_number.clone())
    }

    /// What a written license means here.
    pub(super) fn source(&self, license: &NewLicense, since: Timestamp) -> Result<Source, String> {
        let sku = find_sku(&self.skus, &license.sku).ok_or_else(|| format!("no SKU {}", license.sku))?;
        let plan = |name: &String| {
            let plan = sku.plan_named(name).map(|plan| plan.service_plan_id);
            plan.ok_or_else(|| format!("{} has no plan {name}", sku.sku_part_number))
        };
        Ok(Source {
            sku: sku.sku_id,
            group: license.assigned_by_group,
            disabled_plans: license.disabled_plans.iter().map(plan).collect::<Result<_, _>>()?,
            error: license.error.clone(),
            since,
        })
    }

    /// Another administrator's change.
    pub(super) fn change_licenses(&mut self, id: Uuid, change: &LicenseChange) -> Result<(), String> {
        let now = self.now();
        let mut next = self.people.get(&id).ok_or_else(|| format!("no user {id}"))?.licensing.clone();
        for name in &change.remove {
            let sku = find_sku(&self.skus, name).ok_or_else(|| format!("no SKU {name}"))?.sku_id;
            next.sources.retain(|source| source.sku != sku || source.group != change.remove_from_group);
        }
        for license in &change.add {
            next.put(self.source(license, now)?);
        }
        self.relicense(id, next, false);
        Ok(())
    }

    pub(super) fn set_sources(&mut self, id: Uuid, sources: Vec<Source>) {
        if !sources.is_empty() {
            self.relicense(id, Licensing { sources, ..Licensing::default() }, false);
        }
    }

    /// Replaces someone's licenses and all that follows from them: plans, seats, what delta reports, what reads show.
    pub(super) fn relicense(&mut self, id: Uuid, mut next: Licensing, lagging: bool) {
        let now = self.now();
        next.work_out_plans(&self.skus, now);
        let (span, reads) = (self.knobs.license_lag, self.knobs.license_lag_reads);
        let Some(person) = self.people.get_mut(&id) else {
            return;
        };
        let old = std::mem::replace(&mut person.licensing, next);
        if lagging && (!span.is_zero() || reads > 0) && person.stale.is_none() {
            person.stale = Some(Stale { shown: old.clone(), until: after(now, span), reads_left: reads });
            self.lagging.insert(id);
        }
        let names = if person.stale.is_some() { Vec::new() } else { person.licensing.differences(&old) };
        if person.existence == Existence::Present {
            let held = person.licensing.held_skus();
            self.count_seats(&old.held_skus(), &held);
        }
        self.touch_if_any(id, &names);
    }

    /// Counts the seats that one user's change from `old` to `new` frees and takes.
    pub(super) fn count_seats(&mut self, old: &BTreeSet<Uuid>, new: &BTreeSet<Uuid>) {
        let now = self.now();
        let lag = self.knobs.seat_lag;
        for sku in old.symmetric_difference(new) {
            let seats = self.seats.entry(*sku).or_default();
            if seats.history.is_empty() {
                seats.history.push_back((Timestamp::MIN, seats.held));
            }
            seats.held = if new.contains(sku) { seats.held + 1 } else { seats.held.saturating_sub(1) };
            seats.history.push_back((now, seats.held));
            while seats.history.get(1).is_some_and(|(at, _)| after(*at, lag) <= now) {
                seats.history.pop_front();
            }
        }
    }
}
