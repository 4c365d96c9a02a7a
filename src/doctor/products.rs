//! Whether the rules mean something in this tenant, and whether their products have seats: pure.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, Topic};
use crate::decide::{BindProblem, BoundRule, bind};
use crate::model::fault::exit;
use crate::model::license::{Catalog, Sku};
use crate::model::rule::Rule;
use crate::model::spelling::nearest;

/// A line for each rule, then for each product that a usable rule assigns.
pub(super) fn examine(rules: &[Rule], catalog: &Catalog) -> Vec<Check> {
    let bound = bind(rules, catalog, &BTreeMap::new());
    let used: BTreeSet<_> =
        bound.iter().filter_map(|bound| bound.product.as_ref().ok()).map(|product| product.sku).collect();
    let products = used.into_iter().filter_map(|id| catalog.get(id)).map(product);
    bound.iter().map(|bound| rule(bound, catalog)).chain(products).collect()
}

fn rule(bound: &BoundRule, catalog: &Catalog) -> Check {
    let check = match &bound.product {
        Ok(product) => {
            let off = match product.disabled.len() {
                0 => String::new(),
                1 => ", 1 plan off".to_owned(),
                off => format!(", {off} plans off"),
            };
            Check::ok(Topic::Rule, format!("assigns {}{off}", catalog.name(product.sku)))
        }
        Err(problem) => Check {
            code: Some("rule-unusable"),
            ..Check::fail(Topic::Rule, what(problem), remedy(problem), exit::CONFIG)
        },
    };
    check.about(&*bound.rule.id)
}

/// The problem without the rule's name, which stands beside it, and without what else there is.
fn what(problem: &BindProblem) -> String {
    match problem {
        BindProblem::UnknownSku { sku, .. } => format!("the tenant has no product \"{sku}\""),
        BindProblem::NotForUsers { sku, .. } => format!("\"{sku}\" is not for users: its appliesTo is not User"),
        BindProblem::UnknownPlan { sku, plan, .. } => format!("\"{sku}\" has no service plan \"{plan}\""),
        BindProblem::CompanyPlan { sku, plan, .. } => {
            format!(
                "service plan \"{plan}\" of \"{sku}\" is the whole company's and cannot be turned on or off for a user"
            )
        }
        BindProblem::NothingLeft { sku, .. } => format!("every service plan of \"{sku}\" is turned off"),
        // Groups are not read for this.
        BindProblem::UnknownGroup { .. }
        | BindProblem::HiddenGroup { .. }
        | BindProblem::UnreadGroup { .. }
        | BindProblem::UnknownProtection { .. } => problem.to_string(),
    }
}

fn remedy(problem: &BindProblem) -> String {
    match problem {
        BindProblem::UnknownSku { sku, near, .. } if near.is_empty() => {
            format!("Buy {sku}: the tenant has no product for users.")
        }
        BindProblem::UnknownSku { sku, near, .. } => meant("sku", sku, near),
        BindProblem::UnknownPlan { plan, near, .. } => meant("the plan", plan, near),
        BindProblem::NotForUsers { .. } => "Name a product for users in sku.".to_owned(),
        BindProblem::CompanyPlan { .. } => "Name it neither in disable_plans nor in only_plans.".to_owned(),
        BindProblem::NothingLeft { .. } => "Leave at least one plan out of disable_plans.".to_owned(),
        BindProblem::UnknownGroup { .. }
        | BindProblem::HiddenGroup { .. }
        | BindProblem::UnreadGroup { .. }
        | BindProblem::UnknownProtection { .. } => "Correct group or entra_group.".to_owned(),
    }
}

fn meant(what: &str, written: &str, known: &[String]) -> String {
    let near = nearest(written, known.iter().map(String::as_str));
    let near = near.map(|near| format!("Did you mean \"{near}\"? ")).unwrap_or_default();
    let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
    let known: Vec<&str> = known.into_iter().collect();
    format!("{near}Correct {what}: there are {}.", known.join(", "))
}

/// What the seats of a product are worth ("subscribedSku resource type": `capabilityStatus`, `prepaidUnits`).
fn product(sku: &Sku) -> Check {
    let (bought, free) = (sku.enabled + sku.warning, sku.free());
    let seats = format!("{free} of {bought} seats free");
    let expired = "The subscription has expired and is in its grace period: renew it, or assigning ends with it.";
    let check = match sku.status.as_str() {
        "Enabled" if free == 0 && sku.consumed > bought => Check::warn(
            Topic::Product,
            format!("{seats}: {} are in use, more than were bought", sku.consumed),
            "Buy or free seats: whoever is due waits until then.",
        ),
        "Enabled" if free == 0 => {
            Check::warn(Topic::Product, seats, "Buy or free seats: whoever is due waits until then.")
        }
        "Enabled" if sku.warning > 0 && sku.enabled == 0 => Check::warn(Topic::Product, seats, expired),
        "Enabled" => Check::ok(Topic::Product, seats),
        "Warning" => Check::warn(Topic::Product, format!("status Warning, {seats}"), expired),
        status => Check::fail(
            Topic::Product,
            format!("status {status}, {seats}"),
            "Nothing can be assigned: renew the subscription, or name another product.",
            exit::CONFIG,
        ),
    };
    check.about(sku.part_number.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;
    use crate::model::sample::{self, ems};

    #[test]
    fn a_rule_that_cannot_be_used_names_what_was_meant() {
        let catalog = sample::catalog();
        let rule = |sku: &str, off: &[&str]| Rule {
            plans: crate::model::rule::Plans::AllBut(off.iter().map(|name| (*name).to_owned()).collect()),
            ..sample::rule("staff", sku)
        };
        for (rule, found, advice) in [
            (rule("EMSS", &[]), "no product \"EMSS\"", "Did you mean \"EMS\"?"),
            (rule("Visio Plan 2 for everybody", &[]), "no product", "Correct sku: there are EMS"),
            (rule("EMS", &["INTUNE_B"]), "no service plan \"INTUNE_B\"", "Did you mean \"INTUNE_A\"?"),
        ] {
            let checks = examine(&[rule], &catalog);
            assert_eq!((checks.len(), checks[0].state, checks[0].about.as_deref()), (1, State::Fail, Some("staff")));
            assert!(checks[0].found.contains(found), "{checks:?}");
            assert!(checks[0].remedy.as_deref().unwrap().contains(advice), "{checks:?}");
        }
        let checks = examine(&[rule("EMS", &["INTUNE_A"])], &catalog);
        assert_eq!(checks.iter().map(|check| check.state).collect::<Vec<_>>(), [State::Ok, State::Ok]);
    }

    #[test]
    fn seats_are_judged_by_status_and_number() {
        for (status, enabled, warning, consumed, state) in [
            ("Enabled", 10, 0, 3, State::Ok),
            ("Enabled", 10, 0, 10, State::Warn),
            ("Enabled", 10, 0, 12, State::Warn),
            ("Warning", 0, 10, 3, State::Warn),
            ("Suspended", 0, 0, 3, State::Fail),
            ("LockedOut", 0, 0, 0, State::Fail),
        ] {
            let known = sample::catalog();
            let sku = Sku { status: status.into(), enabled, warning, consumed, ..known.get(ems()).unwrap().clone() };
            assert_eq!(product(&sku).state, state, "{status} {enabled} {warning} {consumed}");
        }
    }
}
