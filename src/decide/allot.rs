//! Which of the open entitlements are written now.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::identity::{PersonId, SkuId};
use crate::model::plan::{Candidate, Cohort, LicenseWrite, Plan, Removal, Write};
use crate::model::seats::Stop;
use crate::model::standing::{Action, Reason};

/// How many entitlements the guard lets in within 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// So many.
    pub per_day: u32,
    /// How many were in the last 24 hours.
    pub used: u32,
}

/// What the guard allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Licenses given.
    pub given: Limit,
    /// Licenses whose plans are changed.
    pub changed: Limit,
    /// Licenses taken away.
    pub taken: Limit,
}

/// What is left of the limits while a plan is made.
struct Allowance {
    given: u32,
    changed: u32,
    taken: u32,
}

impl Allowance {
    fn of(limits: Limits) -> Self {
        let left = |limit: Limit| limit.per_day.saturating_sub(limit.used);
        Self { given: left(limits.given), changed: left(limits.changed), taken: left(limits.taken) }
    }

    /// Takes one; false when none is left.
    fn take(&mut self, action: Action) -> bool {
        let left = match action {
            Action::Give => &mut self.given,
            Action::Change => &mut self.changed,
            Action::Take { .. } => &mut self.taken,
        };
        let some = *left > 0;
        *left = left.saturating_sub(1);
        some
    }
}

/// Makes the plan: asks the guard for those it has not let in yet, then hands out the seats, both in the fair order:
/// priority, then who waited longest. A held entitlement is passed over, so that small work flows past it. What goes in
/// exchange for another product is counted with that one, and goes with it or not at all.
#[must_use]
pub fn allot(mut candidates: Vec<Candidate>, seats: &BTreeMap<SkuId, i64>, limits: Limits) -> Plan {
    candidates.retain(|candidate| candidate.held.is_none());
    candidates.sort_by_key(fair);
    let (exchanged, mut candidates): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|candidate| matches!(candidate.action, Action::Take { with: Some(_) }));
    let mut plan = Plan::default();
    let mut allowance = Allowance::of(limits);
    let mut excess: BTreeMap<(&'static str, String), Vec<(PersonId, SkuId)>> = BTreeMap::new();
    candidates.retain(|candidate| {
        let key = (candidate.person, candidate.sku);
        if candidate.admitted.is_some() {
            return true;
        }
        if !allowance.take(candidate.action) {
            excess.entry((candidate.action.word(), candidate.rule.clone())).or_default().push(key);
            return false;
        }
        plan.admitted.push(key);
        true
    });
    plan.held = excess.into_iter().map(|((what, rule), members)| cohort(what, rule, members, limits)).collect();
    hand_out(candidates, exchanged, seats, &mut plan);
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
        matches!(candidate.action, Action::Take { .. })
            || !stops.contains_key(&candidate.sku)
            || asking.get(&candidate.sku) == Some(&candidate.person)
    });
}

fn fair(candidate: &Candidate) -> (i32, Timestamp, PersonId, SkuId) {
    (candidate.priority, candidate.due_since, candidate.person, candidate.sku)
}

fn cohort(what: &str, rule: String, members: Vec<(PersonId, SkuId)>, limits: Limits) -> Cohort {
    let text = |limit: Limit, things: &str, key: &str| {
        format!("more than the {} {things} that guard.{key} allows in 24 hours", limit.per_day)
    };
    let reason = match what {
        "change" => Reason::new("change-limit", text(limits.changed, "changes of plans", "changes_per_day")),
        "take" => Reason::new("removal-limit", text(limits.taken, "removals", "removals_per_day")),
        _ => Reason::new("daily-limit", text(limits.given, "assignments", "assignments_per_day")),
    };
    Cohort { rule, reason, members }
}

fn hand_out(candidates: Vec<Candidate>, exchanged: Vec<Candidate>, seats: &BTreeMap<SkuId, i64>, plan: &mut Plan) {
    let mut left = seats.clone();
    let mut place: BTreeMap<PersonId, usize> = BTreeMap::new();
    let mut alone: BTreeSet<PersonId> = BTreeSet::new();
    for candidate in candidates {
        let taken = place.contains_key(&candidate.person);
        if alone.contains(&candidate.person) || (candidate.alone && taken) {
            continue;
        }
        if candidate.action == Action::Give {
            match left.get_mut(&candidate.sku) {
                Some(left) if *left > i64::from(candidate.keep_free) => *left -= 1,
                _ => {
                    plan.waiting.push((candidate.person, candidate.sku));
                    continue;
                }
            }
        }
        let at = *place.entry(candidate.person).or_insert_with(|| {
            plan.writes.push(Write {
                person: candidate.person,
                user: candidate.user,
                name: candidate.name.clone(),
                location: None,
                licenses: Vec::new(),
                removals: Vec::new(),
            });
            plan.writes.len() - 1
        });
        let goes = |gone: &&Candidate| {
            gone.person == candidate.person && gone.action == Action::Take { with: Some(candidate.sku) }
        };
        let write = &mut plan.writes[at];
        write.removals.extend(exchanged.iter().filter(goes).map(|gone| removal(gone, Some(candidate.sku))));
        if candidate.alone {
            alone.insert(candidate.person);
        }
        put(write, candidate);
    }
}

fn removal(candidate: &Candidate, with: Option<SkuId>) -> Removal {
    Removal { sku: candidate.sku, rule: candidate.rule.clone(), with }
}

fn put(write: &mut Write, candidate: Candidate) {
    let Candidate { sku, disabled, rule, action, location, .. } = candidate;
    if let Action::Take { with } = action {
        write.removals.push(Removal { sku, rule, with });
        return;
    }
    // Graph asks for a location whenever a license is written.
    write.location = location;
    write.licenses.push(LicenseWrite { sku, disabled, rule, held: action == Action::Change });
}
