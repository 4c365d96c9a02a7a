//! The pilot: one real assignment for one user. What it will do is worked out by the decision that everyone meets, as if the
//! person's baseline had ended; it is then written on the service's own way.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::decide::{BoundRule, Context, Product, bind, judge, rule_set, shield};
use crate::directory::joint_coverage;
use crate::model::identity::{PersonId, SkuId};
use crate::model::judgement::{Judgement, LocationWish};
use crate::model::license::Catalog;
use crate::model::matches::RuleMatch;
use crate::model::person::Person;
use crate::model::plan::LocationWrite;
use crate::model::rule::Rule;
use crate::model::settings::Settings;
use crate::model::standing::{Presence, Standing};
use crate::store::{Store, StoreError};

/// What a pilot writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PilotPlan {
    /// For whom.
    #[serde(skip)]
    pub person: PersonId,
    /// By which rule.
    pub rule: String,
    /// Which product.
    pub sku: SkuId,
    /// Its name.
    pub product: String,
    /// The plans that stay off, by name.
    pub plans_off: Vec<String>,
    /// The usage location that is set first; `None` when the user has one.
    pub location: Option<LocationWrite>,
    /// The person is baseline of the rule, which must end first.
    pub baseline: bool,
}

/// Why somebody cannot be the pilot, and what to do instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// Why.
    pub why: String,
    /// What to do.
    pub advice: &'static str,
}

/// Where a pilot has got to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Course {
    /// The license is seen to work.
    Landed,
    /// It goes on by itself.
    Flying,
    /// It does not, and why.
    Stuck(String),
}

const ANOTHER: &str = "Choose somebody who lacks the license and whom the rule means: `seatsync explain USER` tells.";

/// Works out what a pilot for this person writes, on what the store knows of it.
///
/// # Errors
/// When the store fails. The inner error says why the person cannot be the pilot.
pub async fn plan_pilot(
    settings: &Settings,
    store: &Store,
    person: PersonId,
    rule: Option<&str>,
    now: Timestamp,
) -> Result<Result<PilotPlan, Unfit>, StoreError> {
    let unfit = |why: &str, advice| Ok(Err(Unfit { why: why.to_owned(), advice }));
    let (Some(contact), true) = (store.contact().await?, store.is_first_pass_complete().await?) else {
        return unfit(
            "first contact is not complete: nobody is known well enough",
            "Run `seatsync once` in mode \"observe\" first.",
        );
    };
    let Some(person) = store.person(person).await? else {
        return unfit("the person has just been joined with another", "Ask again.");
    };
    let catalog = store.catalog().await?;
    // Whoever asks for a pilot waits neither for a delay nor for a group.
    let rules: Vec<Rule> = settings.rules.iter().map(|rule| Rule { delay: Duration::ZERO, ..rule.clone() }).collect();
    let (protected, states) = (&settings.guard.protected, store.group_states().await?);
    let rules = shield(bind(&rules, &catalog, &states), protected, &states);
    let context = Context {
        rules: &rules,
        rule_set: rule_set(&rules),
        catalog: &catalog,
        location: &settings.location,
        coverage: &joint_coverage(&settings.directories),
        bases: &settings.bases(),
        contact,
        protected,
        existing: settings.guard.existing,
        expecting: None,
        clock_skew: SignedDuration::try_from(settings.work.clock_skew).unwrap_or(SignedDuration::ZERO),
        now,
    };
    Ok(plan(&person, rule, &context))
}

fn plan(person: &Person, rule: Option<&str>, context: &Context<'_>) -> Result<PilotPlan, Unfit> {
    let now = judge(person, context);
    if now.presence != Presence::Present {
        let why = match &now.presence {
            Presence::Excluded(exclusion) => format!("nothing is given to this user: {exclusion}"),
            presence => format!("the person is {}: only who is present in both is given anything", presence.word()),
        };
        return Err(Unfit { why, advice: ANOTHER });
    }
    let (bound, product) = choose(&now, rule, context)?;
    let id = bound.rule.id.clone();
    let met = now.matches[&id].clone();
    let baseline = met.baseline;
    let mut included = person.clone();
    included.presence = Some(now.presence);
    included.matches = now.matches.clone();
    included.matches.put(&id, RuleMatch { baseline: false, ..met });
    let then = judge(&included, context);
    fits(&then, person, product.sku)?;
    let location = match then.location {
        LocationWish::Set(write) => Some(write),
        LocationWish::Keep | LocationWish::Missing(_) => None,
    };
    Ok(PilotPlan {
        person: person.id,
        rule: id.to_string(),
        sku: product.sku,
        product: context.catalog.name(product.sku),
        plans_off: plans_off(product, context.catalog),
        location,
        baseline,
    })
}

/// The rule that is named, or the first that means the person: not baseline before baseline, then by priority, then in the
/// order of the file.
fn choose<'a>(
    now: &Judgement,
    named: Option<&str>,
    context: &Context<'a>,
) -> Result<(&'a BoundRule, &'a Product), Unfit> {
    let met = |bound: &BoundRule| now.matches.get(&bound.rule.id).filter(|found| found.eligible).cloned();
    let found = match named {
        Some(name) => {
            let known = context.rules.iter().find(|bound| *bound.rule.id == *name);
            let known = known.ok_or_else(|| Unfit {
                why: format!("the configuration has no rule \"{name}\""),
                advice: "Name one of its rules with --rule, or none.",
            })?;
            let why = || Unfit { why: format!("rule \"{name}\" does not mean this user"), advice: ANOTHER };
            met(known).map(|_| known).ok_or_else(why)?
        }
        None => {
            let usable = context.rules.iter().filter(|bound| bound.is_usable());
            let best = usable.filter_map(|bound| Some((met(bound)?, bound)));
            let best = best.min_by_key(|(found, bound)| (found.baseline, bound.rule.priority));
            best.ok_or_else(|| Unfit { why: "no usable rule means this user".to_owned(), advice: ANOTHER })?.1
        }
    };
    match (&found.product, &found.groups) {
        (Ok(product), Ok(())) => Ok((found, product)),
        (Err(problem), _) | (_, Err(problem)) => {
            Err(Unfit { why: problem.to_string(), advice: "See `seatsync doctor --tenant`." })
        }
    }
}

/// Whether, once baseline no more, there is something to be written or already under way.
fn fits(then: &Judgement, person: &Person, sku: SkuId) -> Result<(), Unfit> {
    let changed = then.changes.iter().find(|change| change.sku == sku).map(|change| &change.entitlement.standing);
    let standing = changed.or_else(|| person.entitlements.get(&sku).map(|kept| &kept.standing));
    let Some(standing) = standing else {
        return Err(Unfit { why: "the rule wants nothing for this user".to_owned(), advice: ANOTHER });
    };
    let why = || standing.why().map_or_else(|| standing.word().to_owned(), |why| format!("{}: {why}", standing.word()));
    match standing {
        Standing::Due
        | Standing::Expected { .. }
        | Standing::AwaitingSeat
        | Standing::InFlight { .. }
        | Standing::Retrying { .. }
        | Standing::Confirming { .. } => Ok(()),
        Standing::Held { .. } => Err(Unfit { why: why(), advice: "See `seatsync status`, then approve or reject it." }),
        Standing::Refused { .. } | Standing::RemovedByOther => {
            Err(Unfit { why: why(), advice: "Mend what it says, then `seatsync retry USER`; or choose somebody else." })
        }
        _ => Err(Unfit { why: format!("the user needs nothing ({})", why()), advice: ANOTHER }),
    }
}

fn plans_off(product: &Product, catalog: &Catalog) -> Vec<String> {
    let plans = catalog.get(product.sku).map(|sku| sku.plans.as_slice()).unwrap_or_default();
    plans.iter().filter(|plan| product.disabled.contains(&plan.id)).map(|plan| plan.name.clone()).collect()
}

/// Where a pilot has got to, by the standing of its entitlement.
#[must_use]
pub fn course(standing: &Standing) -> Course {
    let why = || standing.why().unwrap_or_else(|| standing.word().to_owned());
    match standing {
        Standing::Licensed | Standing::Satisfied { .. } => Course::Landed,
        Standing::Retrying { reason, .. } if reason.code == "graph-forbidden" => Course::Stuck(why()),
        Standing::Baseline
        | Standing::Expected { .. }
        | Standing::Due
        | Standing::AwaitingSeat
        | Standing::InFlight { .. }
        | Standing::Retrying { .. }
        | Standing::Confirming { .. } => Course::Flying,
        _ => Course::Stuck(why()),
    }
}

#[cfg(test)]
mod tests {
    use crate::model::matches::Matches;
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::identity::PersonId;
    use crate::model::judgement::Contact;
    use crate::model::person::{KnownAccount, KnownUser};
    use crate::model::rule::{Dn, Who};
    use crate::model::sample::{self, at, ems, spe_e3};
    use crate::model::settings::Existing;
    use crate::model::user::User;

    fn person(user: User) -> Person {
        let account =
            KnownAccount { account: sample::account(1), first_seen: at(0), gone: false, at_first_contact: true };
        Person {
            id: PersonId(1),
            revision: 1,
            presence: None,
            coverage: Some("all".into()),
            accounts: vec![account],
            users: vec![KnownUser { user, first_seen: at(1) }],
            groups: std::collections::BTreeSet::new(),
            memberships: None,
            matches: Matches::default(),
            manual: BTreeMap::new(),
            entitlements: BTreeMap::new(),
        }
    }

    fn planned(person: &Person, rules: &[Rule], rule: Option<&str>) -> Result<PilotPlan, Unfit> {
        let catalog = sample::catalog();
        let rules = bind(rules, &catalog, &BTreeMap::new());
        let context = Context {
            rules: &rules,
            rule_set: rule_set(&rules),
            catalog: &catalog,
            location: &sample::location(),
            coverage: "all",
            bases: &[],
            contact: Contact { started: at(0), completed: at(10) },
            protected: &[],
            existing: Existing::Leave,
            expecting: None,
            clock_skew: SignedDuration::from_mins(5),
            now: at(100),
        };
        plan(person, rule, &context)
    }

    #[test]
    fn somebody_of_the_baseline_can_be_the_pilot() {
        let rules = [sample::rule("first", "EMS"), sample::rule("second", "SPE_E3")];
        let pilot = planned(&person(sample::user(1)), &rules, None).unwrap();
        assert_eq!((pilot.rule.as_str(), pilot.sku, pilot.baseline), ("first", ems(), true));
        assert_eq!(pilot.location.map(|write| (write.to.to_string(), write.source)), Some(("SE".into(), "c".into())));
        let pilot = planned(&person(sample::user(1)), &rules, Some("second")).unwrap();
        assert_eq!((pilot.rule.as_str(), pilot.sku), ("second", spe_e3()));
        let located = User { usage_location: Some("NO".parse().unwrap()), ..sample::user(1) };
        assert_eq!(planned(&person(located), &rules, None).unwrap().location, None);
    }

    #[test]
    fn who_needs_or_may_have_nothing_cannot() {
        let rules = [sample::rule("ems", "EMS"), sample::rule("wrong", "NOSUCH")];
        let elsewhere = [Rule { who: Who::Ou(Dn::parse("OU=Other,DC=x").unwrap()), ..sample::rule("ems", "EMS") }];
        let guest = User { guest: true, ..sample::user(1) };
        for (person, rules, rule, said) in [
            (person(sample::licensed(sample::user(1), ems(), &[], None)), &rules[..], None, "needs nothing"),
            (person(guest), &rules, None, "a guest"),
            (Person { users: vec![], ..person(sample::user(1)) }, &rules, None, "only who is present"),
            (person(sample::user(1)), &elsewhere, None, "no usable rule"),
            (person(sample::user(1)), &elsewhere, Some("ems"), "does not mean"),
            (person(sample::user(1)), &rules, Some("nosuch"), "no rule \"nosuch\""),
            (person(sample::user(1)), &rules, Some("wrong"), "no product \"NOSUCH\""),
        ] {
            let unfit = planned(&person, rules, rule).unwrap_err();
            assert!(unfit.why.contains(said), "{unfit:?}");
        }
    }
}
