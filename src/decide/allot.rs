//! Which of the open entitlements are written now.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::identity::{PersonId, SkuId};
use crate::model::plan::{Candidate, Cohort, LicenseWrite, Plan, Write};
use crate::model::seats::Stop;
use crate::model::standing::Reason;

/// What the guard allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entitlements that may be admitted within 24 hours.
    pub per_day: u32,
    /// How many were in the last 24 hours.
    pub used: u32,
}

/// Makes the plan: asks the guard for those it has not let in yet, then hands out the seats, both in the fair order:
/// priority, then who waited longest. A held entitlement is passed over, so that small work flows past it.
#[must_use]
pub fn allot(mut candidates: Vec<Candidate>, seats: &BTreeMap<SkuId, i64>, limits: Limits) -> Plan {
    candidates.retain(|candidate| candidate.held.is_none());
    candidates.sort_by_key(fair);
    let mut plan = Plan::default();
    let mut allowance = limits.per_day.saturating_sub(limits.used);
    let mut excess: BTreeMap<String, Vec<(PersonId, SkuId)>> = BTreeMap::new();
    candidates.retain(|candidate| {
        let key = (candidate.person, candidate.sku);
        if candidate.admitted.is_some() {
            return true;
        }
        if allowance == 0 {
            excess.entry(candidate.rule.clone()).or_default().push(key);
            return false;
        }
        allowance -= 1;
        plan.admitted.push(key);
        true
    });
    plan.held = excess.into_iter().map(|(rule, members)| cohort(rule, members, limits)).collect();
    hand_out(candidates, seats, &mut plan);
    plan
}

/// Leaves out who wants a product that Graph refuses for whoever asks. Once the time has come, the first in the fair order
/// asks for all.
pub fn heed_stops(candidates: &mut Vec<Candidate>, stops: &BTreeMap<SkuId, Stop>, now: Timestamp) {
    let mut asking: BTreeMap<SkuId, PersonId> = BTreeMap::new();
    let free = candidates.iter().filter(|candidate| candidate.held.is_none());
    let mut order: Vec<&Candidate> = free.collect();
    order.sort_by_key(|candidate| fair(candidate));
    for candidate in order {
        if stops.get(&candidate.sku).is_some_and(|stop| stop.until <= now) {
            asking.entry(candidate.sku).or_insert(candidate.person);
        }
    }
    candidates.retain(|candidate| {
        !stops.contains_key(&candidate.sku) || asking.get(&candidate.sku) == Some(&candidate.person)
    });
}

fn fair(candidate: &Candidate) -> (i32, Timestamp, PersonId, SkuId) {
    (candidate.priority, candidate.due_since, candidate.person, candidate.sku)
}

fn cohort(rule: String, members: Vec<(PersonId, SkuId)>, limits: Limits) -> Cohort {
    let text =
        format!("more than the {} assignments that guard.assignments_per_day allows in 24 hours", limits.per_day);
    Cohort { rule, reason: Reason::new("daily-limit", text), members }
}

fn hand_out(candidates: Vec<Candidate>, seats: &BTreeMap<SkuId, i64>, plan: &mut Plan) {
    let mut left = seats.clone();
    let mut place: BTreeMap<PersonId, usize> = BTreeMap::new();
    let mut alone: BTreeSet<PersonId> = BTreeSet::new();
    for candidate in candidates {
        let taken = place.contains_key(&candidate.person);
        if alone.contains(&candidate.person) || (candidate.alone && taken) {
            continue;
        }
        match left.get_mut(&candidate.sku) {
            Some(left) if *left > 0 => *left -= 1,
            _ => {
                plan.waiting.push((candidate.person, candidate.sku));
                continue;
            }
        }
        let license =
            LicenseWrite { sku: candidate.sku, disabled: candidate.disabled.clone(), rule: candidate.rule.clone() };
        let at = *place.entry(candidate.person).or_insert_with(|| {
            plan.writes.push(Write {
                person: candidate.person,
                user: candidate.user,
                name: candidate.name.clone(),
                location: candidate.location.clone(),
                licenses: Vec::new(),
            });
            plan.writes.len() - 1
        });
        plan.writes[at].licenses.push(license);
        if candidate.alone {
            alone.insert(candidate.person);
        }
    }
}
