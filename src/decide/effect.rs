//! What differs between two pictures of everyone: what an edit of the configuration does.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::effect::{Claim, Fate, LicenseEffect, Picture, RuleChange, RuleEffect};
use crate::model::identity::{PersonId, SkuId};
use crate::model::rule::Rule;
use crate::model::standing::{Action, Standing};

/// What becomes of each rule and those it means; a rule that is as before, and means whom it meant, is left out.
#[must_use]
pub fn rule_effects(before: &Picture, after: &Picture, rules: &[Rule]) -> Vec<RuleEffect> {
    let written = rules.iter().map(|rule| &*rule.id);
    let ids: BTreeSet<&str> = before.digests.keys().map(String::as_str).chain(written).collect();
    let one = |id: &str| {
        let digest = rules.iter().find(|rule| *rule.id == *id).map(|rule| &rule.digest);
        let change = match (before.digests.get(id), digest) {
            (None, _) => RuleChange::New,
            (Some(_), None) => RuleChange::Removed,
            (Some(old), Some(new)) if **old != **new => RuleChange::Edited,
            (Some(_), Some(_)) => RuleChange::Same,
        };
        rule_effect(before, after, id, change)
    };
    let untouched = |effect: &RuleEffect| {
        let RuleEffect { dropped, added_as_baseline, added_to_license, added_otherwise, become_baseline, .. } = *effect;
        effect.change == RuleChange::Same
            && dropped + added_as_baseline + added_to_license + added_otherwise + become_baseline == 0
    };
    ids.into_iter().map(one).filter(|effect| !untouched(effect)).collect()
}

fn rule_effect(before: &Picture, after: &Picture, rule: &str, change: RuleChange) -> RuleEffect {
    let nobody = BTreeMap::new();
    let [was, is] = [before, after].map(|picture| picture.scope.get(rule).unwrap_or(&nobody));
    let mut effect = RuleEffect {
        rule: rule.to_owned(),
        change,
        dropped: was.keys().filter(|person| !is.contains_key(person)).count() as u64,
        added_as_baseline: 0,
        added_to_license: 0,
        added_otherwise: 0,
        become_baseline: 0,
    };
    for (person, baseline) in is {
        match (was.get(person), baseline) {
            (None, true) => effect.added_as_baseline += 1,
            (None, false) if is_to_be_licensed(after, *person, rule) => effect.added_to_license += 1,
            (None, false) => effect.added_otherwise += 1,
            (Some(false), true) => effect.become_baseline += 1,
            (Some(_), _) => {}
        }
    }
    effect
}

/// Something is to be given to a person, and this rule decides it.
fn is_to_be_licensed(picture: &Picture, person: PersonId, rule: &str) -> bool {
    let mut claims = picture.claims.get(&person).into_iter().flat_map(BTreeMap::values);
    claims.any(|claim| {
        claim.action == Action::Give
            && claim.rules.first().is_some_and(|first| first == rule)
            && is_to_be_written(&claim.standing)
    })
}

fn is_to_be_written(standing: &Standing) -> bool {
    standing.is_open() || matches!(standing, Standing::Delayed { .. } | Standing::Expected { .. })
}

/// What becomes of licenses, by product.
#[must_use]
pub fn license_effects(before: &Picture, after: &Picture) -> Vec<LicenseEffect> {
    let mut counted: BTreeMap<(SkuId, Fate), u64> = BTreeMap::new();
    for (person, claims) in &after.claims {
        for (sku, now) in claims {
            let was = before.claims.get(person).and_then(|claims| claims.get(sku));
            if let Some(fate) = fate(was, now) {
                *counted.entry((*sku, fate)).or_default() += 1;
            }
        }
    }
    counted.into_iter().map(|((sku, fate), persons)| LicenseEffect { sku, fate, persons }).collect()
}

/// What an entitlement came to that stood otherwise; `None` where nothing is different, or nothing is done about it.
fn fate(was: Option<&Claim>, now: &Claim) -> Option<Fate> {
    if was.is_some_and(|was| was.action == now.action && is_alike(&was.standing, &now.standing)) {
        return None;
    }
    match (&now.standing, now.action) {
        (Standing::Lapsed, _) => match was.map(|was| &was.standing) {
            Some(Standing::Licensed | Standing::Confirming { .. } | Standing::Satisfied { .. } | Standing::Differs) => {
                Some(Fate::Lapsed)
            }
            _ => Some(Fate::Dismissed),
        },
        (Standing::Baseline, _) => Some(Fate::Baseline),
        (Standing::Refused { .. }, Action::Give) => Some(Fate::Refused),
        (standing, Action::Take { with }) if standing.is_open() || matches!(standing, Standing::Reclaiming { .. }) => {
            Some(with.map_or(Fate::TakenBack, |with| Fate::Exchanged { with }))
        }
        (standing, Action::Change) if standing.is_open() => Some(Fate::Changed),
        (standing, Action::Give) if is_to_be_written(standing) => Some(Fate::Given),
        _ => None,
    }
}

/// The same to whoever looks at it from outside: one word, or both still to be written.
fn is_alike(was: &Standing, now: &Standing) -> bool {
    was.word() == now.word() || (is_to_be_written(was) && is_to_be_written(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample::{at, ems, rule, spe_e3};

    fn claim(standing: Standing, action: Action, rule: &str) -> Claim {
        Claim { standing, action, rules: vec![rule.to_owned()] }
    }

    fn give(standing: Standing) -> Claim {
        claim(standing, Action::Give, "ems")
    }

    #[test]
    fn what_becomes_of_a_license() {
        let satisfied = || Standing::Satisfied { direct: true, groups: Vec::new() };
        let reclaiming = |with| claim(Standing::Reclaiming { at: at(0) }, Action::Take { with }, "ems");
        let exchanged = Fate::Exchanged { with: spe_e3() };
        for (was, now, fate_is) in [
            (None, give(Standing::Due), Some(Fate::Given)),
            (None, give(Standing::Delayed { until: at(9) }), Some(Fate::Given)),
            (Some(give(Standing::Baseline)), give(Standing::Due), Some(Fate::Given)),
            (Some(give(Standing::AwaitingSeat)), give(Standing::Due), None),
            (None, give(Standing::Baseline), Some(Fate::Baseline)),
            (Some(give(Standing::Due)), give(Standing::Baseline), Some(Fate::Baseline)),
            (Some(give(Standing::Licensed)), give(Standing::Lapsed), Some(Fate::Lapsed)),
            (Some(give(satisfied())), give(Standing::Lapsed), Some(Fate::Lapsed)),
            (Some(give(Standing::Baseline)), give(Standing::Lapsed), Some(Fate::Dismissed)),
            (Some(give(Standing::Lapsed)), give(Standing::Lapsed), None),
            (Some(give(Standing::Licensed)), reclaiming(None), Some(Fate::TakenBack)),
            (Some(give(Standing::Licensed)), reclaiming(Some(spe_e3())), Some(exchanged)),
            (Some(reclaiming(None)), reclaiming(Some(spe_e3())), Some(exchanged)),
            (Some(give(Standing::Licensed)), claim(Standing::Due, Action::Change, "ems"), Some(Fate::Changed)),
            (None, give(satisfied()), None),
        ] {
            assert_eq!(fate(was.as_ref(), &now), fate_is, "{was:?} → {now:?}");
        }
    }

    #[test]
    fn what_becomes_of_whom_rules_mean() {
        let [one, two, three, four] = [1, 2, 3, 4].map(PersonId);
        let digest = |rule: &Rule| (rule.id.to_string(), rule.digest.to_string());
        let rules = [rule("edited", "EMS"), rule("new", "EMS"), rule("same", "EMS")];
        let before = Picture {
            scope: BTreeMap::from([
                ("edited".into(), BTreeMap::from([(one, false), (two, false)])),
                ("removed".into(), BTreeMap::from([(one, true)])),
                ("same".into(), BTreeMap::from([(four, false)])),
            ]),
            digests: BTreeMap::from([
                ("edited".into(), "other".into()),
                ("removed".into(), "any".into()),
                digest(&rules[2]),
            ]),
            claims: BTreeMap::new(),
        };
        let after = Picture {
            scope: BTreeMap::from([
                ("edited".into(), BTreeMap::from([(two, true), (three, true)])),
                ("new".into(), BTreeMap::from([(one, false), (two, false)])),
                ("same".into(), BTreeMap::from([(four, false)])),
            ]),
            digests: rules.iter().map(digest).collect(),
            claims: BTreeMap::from([
                (one, BTreeMap::from([(ems(), claim(Standing::Due, Action::Give, "new"))])),
                (two, BTreeMap::from([(ems(), claim(Standing::Due, Action::Give, "edited"))])),
            ]),
        };
        let effects = rule_effects(&before, &after, &rules);
        let told: Vec<_> = effects
            .iter()
            .map(
                |RuleEffect {
                     rule,
                     change,
                     dropped,
                     added_as_baseline,
                     added_to_license,
                     added_otherwise,
                     become_baseline,
                 }| {
                    let counts = [dropped, added_as_baseline, added_to_license, added_otherwise, become_baseline];
                    (rule.as_str(), *change, counts.map(|count| *count))
                },
            )
            .collect();
        assert_eq!(
            told,
            [
                ("edited", RuleChange::Edited, [1, 1, 0, 0, 1]),
                ("new", RuleChange::New, [0, 0, 1, 1, 0]),
                ("removed", RuleChange::Removed, [1, 0, 0, 0, 0]),
            ]
        );
    }
}
