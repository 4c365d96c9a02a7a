//! Seats and limits: who is written, waits, or is held. Then what holds of every plan.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::decide::{Limit, Limits, allot};
use crate::model::identity::{HoldId, PersonId, SkuId};
use crate::model::plan::{Candidate, LocationWrite, Plan, cohort_digest};
use crate::model::sample::{at, ems, spe_e3, user_id};
use crate::model::standing::Action;

fn candidate(n: u32, sku: SkuId) -> Candidate {
    Candidate {
        person: PersonId(i64::from(n)),
        user: user_id(n),
        name: format!("u{n}"),
        sku,
        action: Action::Give,
        keep_free: 0,
        rule: "ems".into(),
        priority: 100,
        due_since: at(i64::from(n)),
        admitted: None,
        held: None,
        alone: false,
        disabled: BTreeSet::new(),
        location: None,
    }
}

fn admitted(n: u32, sku: SkuId) -> Candidate {
    Candidate { admitted: Some(at(0)), ..candidate(n, sku) }
}

fn seats(ems_seats: i64, e3_seats: i64) -> BTreeMap<SkuId, i64> {
    BTreeMap::from([(ems(), ems_seats), (spe_e3(), e3_seats)])
}

const OPEN: Limits = giving(500, 0);

/// Limits in which only giving is narrow.
const fn giving(per_day: u32, used: u32) -> Limits {
    let wide = Limit { per_day: 1_000, used: 0 };
    Limits { given: Limit { per_day, used }, changed: wide, taken: wide }
}

fn written(plan: &Plan) -> Vec<(i64, Vec<SkuId>)> {
    let skus = |write: &crate::model::plan::Write| write.licenses.iter().map(|license| license.sku).collect();
    plan.writes.iter().map(|write| (write.person.0, skus(write))).collect()
}

fn waiting(plan: &Plan) -> Vec<i64> {
    plan.waiting.iter().map(|(person, _)| person.0).collect()
}

#[test]
fn seats_go_by_priority_then_by_waiting() {
    let urgent = Candidate { priority: 1, ..candidate(9, ems()) };
    let plan = allot(vec![candidate(2, ems()), urgent, candidate(1, ems())], &seats(2, 0), OPEN);
    assert_eq!(written(&plan), [(9, vec![ems()]), (1, vec![ems()])]);
    assert_eq!(waiting(&plan), [2]);
    assert_eq!(plan.admitted.len(), 3, "admitted once, before seats");
    assert_eq!(allot(vec![candidate(1, ems())], &BTreeMap::new(), OPEN).waiting.len(), 1, "seats are unknown");
    assert_eq!(allot(vec![candidate(1, ems())], &seats(-5, 0), OPEN).waiting.len(), 1);
}

#[test]
fn products_go_together_when_all_have_seats() {
    let both = || vec![candidate(1, ems()), candidate(1, spe_e3())];
    assert_eq!(written(&allot(both(), &seats(1, 1), OPEN)), [(1, vec![spe_e3(), ems()])]);
    let plan = allot(both(), &seats(1, 0), OPEN);
    assert_eq!((written(&plan), plan.waiting), (vec![(1, vec![ems()])], vec![(PersonId(1), spe_e3())]));
}

#[test]
fn what_was_refused_together_goes_alone() {
    let alone = |sku| Candidate { alone: true, ..admitted(1, sku) };
    assert_eq!(written(&allot(vec![alone(ems()), alone(spe_e3())], &seats(9, 9), OPEN)), [(1, vec![spe_e3()])]);
    let plan = allot(vec![alone(ems()), admitted(1, spe_e3())], &seats(9, 9), OPEN);
    assert_eq!((written(&plan).len(), written(&plan)[0].1.len(), plan.waiting.len()), (1, 1, 0));
}

#[test]
fn the_excess_is_held_as_a_whole_and_small_work_flows_past() {
    let limits = giving(500, 0);
    let plan = allot((1..=600).map(|n| candidate(n, ems())).collect(), &seats(1000, 0), limits);
    assert_eq!((plan.admitted.len(), plan.writes.len(), plan.held.len()), (500, 500, 1));
    let cohort = &plan.held[0];
    assert_eq!((cohort.rule.as_str(), cohort.reason.code.as_str(), cohort.members.len()), ("ems", "daily-limit", 100));
    assert_eq!(cohort.members[0], (PersonId(501), ems()), "in the fair order");
    let held = (501..=600).map(|n| Candidate { held: Some(HoldId(1)), ..candidate(n, ems()) });
    let plan = allot(held.chain([candidate(700, ems())]).collect(), &seats(1000, 0), giving(500, 499));
    assert_eq!(written(&plan), [(700, vec![ems()])]);
    assert!(plan.held.is_empty());
}

#[test]
fn whom_the_guard_let_in_is_not_counted_again() {
    let limits = giving(1, 5);
    let plan = allot(vec![admitted(1, ems()), candidate(2, ems())], &seats(9, 9), limits);
    assert_eq!((written(&plan).len(), plan.admitted.len(), plan.held[0].members.len()), (1, 0, 1));
}

#[test]
fn each_rule_has_a_cohort_of_its_own() {
    let other = Candidate { rule: "other".into(), ..candidate(2, ems()) };
    let plan = allot(vec![candidate(1, ems()), other, candidate(3, ems())], &seats(9, 9), giving(0, 0));
    let sizes: Vec<_> = plan.held.iter().map(|cohort| (cohort.rule.as_str(), cohort.members.len())).collect();
    assert_eq!(sizes, [("ems", 2), ("other", 1)]);
}

#[test]
fn the_location_goes_with_the_write() {
    let write = LocationWrite { to: "SE".parse().unwrap(), from: None, source: "c".into() };
    let located = Candidate { location: Some(write.clone()), ..candidate(1, ems()) };
    assert_eq!(allot(vec![located], &seats(9, 9), OPEN).writes[0].location, Some(write));
}

fn anybody() -> impl Strategy<Value = Candidate> {
    let flags = (any::<bool>(), any::<bool>(), 0..10_u8, any::<bool>());
    (1..12_u32, any::<bool>(), 0..3_i32, 0..5_i64, flags).prop_map(|(n, second, priority, since, flags)| {
        let (admitted, alone, held, other) = flags;
        Candidate {
            priority,
            due_since: at(since),
            admitted: admitted.then(|| at(0)),
            alone,
            held: (held == 0).then_some(HoldId(1)),
            rule: if other { "other" } else { "ems" }.into(),
            ..candidate(n, if second { spe_e3() } else { ems() })
        }
    })
}

/// As the store gives them: one entry per person and product, with shuffled copies.
fn crowd() -> impl Strategy<Value = (Vec<Candidate>, Vec<Candidate>)> {
    proptest::collection::vec(anybody(), 0..25)
        .prop_map(|all| {
            let unique: BTreeMap<_, _> = all.into_iter().map(|one| ((one.person, one.sku), one)).collect();
            unique.into_values().collect::<Vec<_>>()
        })
        .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))
}

proptest! {
    #[test]
    fn every_plan_keeps_within_seats_and_limits(
        (all, shuffled) in crowd(),
        free in (-2..8_i64, -2..8_i64),
        per_day in 0..12_u32,
        used in 0..12_u32,
    ) {
        let (seats, limits) = (seats(free.0, free.1), giving(per_day, used));
        let plan = allot(all.clone(), &seats, limits);
        prop_assert_eq!(&plan, &allot(shuffled, &seats, limits), "the order of candidates does not matter");

        let key = |one: &Candidate| (one.person, one.sku);
        let by_key: BTreeMap<_, _> = all.iter().map(|one| (key(one), one)).collect();
        let writes: Vec<(PersonId, SkuId)> = plan
            .writes
            .iter()
            .flat_map(|write| write.licenses.iter().map(|license| (write.person, license.sku)))
            .collect();
        for (sku, free) in &seats {
            let count = writes.iter().filter(|(_, written)| written == sku).count();
            prop_assert!(i64::try_from(count).unwrap() <= (*free).max(0), "never more than there are seats");
        }
        prop_assert!(plan.admitted.len() <= usize::try_from(per_day.saturating_sub(used)).unwrap());

        let held: Vec<(PersonId, SkuId)> = plan.held.iter().flat_map(|cohort| cohort.members.clone()).collect();
        for key in held.iter().chain(&writes).chain(&plan.waiting).chain(&plan.admitted) {
            prop_assert!(by_key[key].held.is_none(), "the held are passed over");
        }
        for key in &held {
            prop_assert!(by_key[key].admitted.is_none() && !writes.contains(key) && !plan.waiting.contains(key));
        }
        for key in writes.iter().chain(&plan.waiting) {
            prop_assert!(by_key[key].admitted.is_some() || plan.admitted.contains(key), "nobody passes the guard by");
        }
        let everyone: BTreeSet<_> = writes.iter().chain(&plan.waiting).chain(&held).collect();
        prop_assert_eq!(everyone.len(), writes.len() + plan.waiting.len() + held.len(), "each has one place");
        for one in all.iter().filter(|one| one.held.is_none() && !everyone.contains(&key(one))) {
            let with: Vec<_> = plan.writes.iter().filter(|write| write.person == one.person).collect();
            prop_assert_eq!(with.len(), 1, "only what cannot be combined is left for the next plan");
        }
        let persons: BTreeSet<_> = plan.writes.iter().map(|write| write.person).collect();
        prop_assert_eq!(persons.len(), plan.writes.len(), "one write per person");
        for write in plan.writes.iter().filter(|write| write.licenses.len() > 1) {
            for license in &write.licenses {
                prop_assert!(!by_key[&(write.person, license.sku)].alone, "what goes alone is never combined");
            }
        }
        if !plan.held.is_empty() {
            let asked = all.iter().filter(|one| one.held.is_none() && one.admitted.is_none()).count();
            prop_assert!(asked > plan.admitted.len());
            prop_assert_eq!(plan.admitted.len(), usize::try_from(per_day.saturating_sub(used)).unwrap());
        }
    }

    #[test]
    fn removals_keep_within_their_limit_and_an_exchange_goes_with_what_replaces_it(
        takers in proptest::collection::vec((any::<bool>(), any::<bool>(), 0..5_i64), 0..25),
        (per_day, used) in (0..12_u32, 0..12_u32),
        free in 0..8_i64,
    ) {
        let mut all = Vec::new();
        for (n, (swap, let_in, since)) in (1_u32..).zip(takers) {
            let action = Action::Take { with: swap.then(spe_e3) };
            let one = Candidate { action, due_since: at(since), ..candidate(n, ems()) };
            all.extend(swap.then(|| candidate(n, spe_e3())));
            all.push(Candidate { admitted: (let_in && !swap).then(|| at(0)), ..one });
        }
        let wide = Limit { per_day: 1_000, used: 0 };
        let limits = Limits { given: wide, changed: wide, taken: Limit { per_day, used } };
        let plan = allot(all.clone(), &seats(0, free), limits);
        let alone = |one: &&Candidate| one.action == (Action::Take { with: None });
        let let_in = all.iter().filter(alone).filter(|one| one.admitted.is_some()).count();
        let taken: Vec<_> = plan.writes.iter().filter(|write| !write.removals.is_empty()).collect();
        let (swapped, removed): (Vec<_>, Vec<_>) = taken.into_iter().partition(|write| !write.licenses.is_empty());
        let allowed = usize::try_from(per_day.saturating_sub(used)).unwrap();
        prop_assert!(removed.len() <= let_in + allowed);
        prop_assert_eq!(removed.len() < all.iter().filter(alone).count(), !plan.held.is_empty(), "the excess is held");
        prop_assert!(swapped.len() <= usize::try_from(free).unwrap(), "nobody gives away what nothing replaces");
    }

    #[test]
    fn a_digest_names_its_members_in_any_order(
        (one, other) in proptest::collection::btree_set((1..50_i64, any::<bool>()), 0..20)
            .prop_map(|set| set.into_iter().collect::<Vec<_>>())
            .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        let members = |all: &[(i64, bool)]| -> Vec<(PersonId, SkuId)> {
            all.iter().map(|(n, second)| (PersonId(*n), if *second { spe_e3() } else { ems() })).collect()
        };
        let digest = cohort_digest(&members(&one));
        prop_assert_eq!(&digest, &cohort_digest(&members(&other)));
        prop_assert_eq!(digest.len(), 12);
        let mut more = members(&one);
        more.push((PersonId(99), ems()));
        prop_assert_ne!(digest, cohort_digest(&more));
    }
}
