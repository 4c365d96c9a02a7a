//! Why somebody is given something or not, as a table.

use std::collections::BTreeMap;

use super::scene::Scene;
use crate::decide::{bind, reasons};
use crate::model::filter::Filter;
use crate::model::identity::{PersonId, SkuId};
use crate::model::person::Manual;
use crate::model::plan::{Cohort, LicenseWrite, Plan, Write};
use crate::model::reasoning::{Outcome, Reasoning};
use crate::model::rule::{Dn, Who};
use crate::model::sample::{at, ems, rule, spe_e3, user_id};
use crate::model::standing::{Reason, Standing};

fn reasoning(scene: &Scene, plan: &Plan) -> Reasoning {
    let rules = bind(&scene.rules, &scene.catalog, &scene.groups);
    reasons(&scene.person, &scene.context(&rules, at(700)), plan)
}

/// A scene with a second rule for the same product, of this priority.
fn with_second(scene: Scene, priority: i32) -> Scene {
    scene.when(|scene| {
        let mut second = rule("second", "EMS");
        second.priority = priority;
        scene.rules.push(second);
    })
}

#[test]
fn what_a_rule_comes_to_and_why() {
    let dn = |text: &str| Dn::parse(text).unwrap();
    let contractors = || Who::Ou(dn("OU=Contractors,DC=corp,DC=example,DC=test"));
    let filter = |text: &str| Filter::parse(text).unwrap();
    for (what, scene, verdict, why) in [
        ("wanted", Scene::new(), "decides", "to be written"),
        ("was there", Scene::old(), "baseline", "seatsync include"),
        (
            "another product brings the plan",
            Scene::new().licensed(spe_e3(), &[], None),
            "satisfied",
            "SPE_E3 brings INTUNE_A (unless_has_plan)",
        ),
        ("has it", Scene::new().licensed(ems(), &[], None), "satisfied", "assigned directly by someone else"),
        ("disabled", Scene::new().when(|s| s.account().enabled = false), "not present", "disabled in the directory"),
        ("no user", Scene::new().when(|s| s.person.users.clear()), "not present", "no user of the tenant yet"),
        ("elsewhere", Scene::new().edited(|r| r.who = contractors()), "not meant", "not below OU=Contractors"),
        (
            "one of several is not met",
            Scene::new().edited(|r| r.who = Who::All(vec![Who::Everyone, Who::Filter(filter("(c=NO)"))])),
            "not meant",
            "does not match (c=NO)",
        ),
        (
            "left out",
            Scene::new().edited(|r| r.who = Who::Not(Box::new(Who::Everyone))),
            "not meant",
            "left out by `not`",
        ),
        ("not ready", Scene::new().edited(|r| r.ready = Some(filter("(c=NO)"))), "not ready", "(c=NO)"),
        ("no such product", Scene::new().edited(|r| r.sku = "EMZ".into()), "unusable", "no product \"EMZ\""),
        (
            "withheld",
            Scene::new().when(|s| _ = s.person.manual.insert(ems(), Manual::Withheld)),
            "withheld",
            "seatsync release",
        ),
        (
            "another goes first",
            with_second(Scene::new(), 50),
            "outranked",
            "rule second wants the same product, with priority 50 before 100",
        ),
        (
            "assigned by hand",
            Scene::new().when(|s| _ = s.person.manual.insert(ems(), Manual::Assigned { disabled: Default::default() })),
            "outranked",
            "by hand",
        ),
    ] {
        let told = reasoning(&scene.judged(at(600)), &Plan::default());
        let first = &told.rules[0];
        assert_eq!(first.verdict.word(), verdict, "{what}: {told:?}");
        assert!(first.why.contains(why), "{what}: {}", first.why);
    }
}

#[test]
fn of_two_rules_alike_the_second_is_told_which_goes_first() {
    let told = reasoning(&with_second(Scene::new(), 100).judged(at(600)), &Plan::default());
    let whys: BTreeMap<_, _> = told.rules.iter().map(|rule| (rule.rule.as_str(), rule.why.as_str())).collect();
    assert_eq!(
        whys["second"],
        "rule ems wants the same product, with the same priority, and stands before it in the file"
    );
}

#[test]
fn what_a_plan_does_is_told_of_its_product() {
    let key: (PersonId, SkuId) = (PersonId(1), ems());
    let license = LicenseWrite { sku: ems(), disabled: Default::default(), rule: "ems".into(), held: false };
    let write = Write {
        person: key.0,
        user: user_id(1),
        name: "u1".into(),
        location: None,
        licenses: vec![license],
        removals: Vec::new(),
    };
    let cohort =
        Cohort { rule: "ems".into(), reason: Reason::new("daily-limit", "above the limit"), members: vec![key] };
    for (plan, outcome, why) in [
        (Plan { writes: vec![write], ..Plan::default() }, Outcome::Give, "rule ems wants it"),
        (Plan { waiting: vec![key], ..Plan::default() }, Outcome::WaitForSeat, "no seat is free"),
        (Plan { held: vec![cohort], ..Plan::default() }, Outcome::Hold, "above the limit [daily-limit]"),
        (Plan::default(), Outcome::Nothing, "to be written; not now"),
    ] {
        let told = reasoning(&Scene::new().judged(at(600)), &plan);
        let product = &told.products[0];
        assert_eq!((product.outcome, product.rule.as_deref()), (outcome, Some("ems")));
        assert!(product.why.contains(why), "{outcome:?}: {}", product.why);
    }
    let kept = Scene::new().judged(at(600)).stands(Standing::Licensed).licensed(ems(), &[], None);
    assert_eq!(reasoning(&kept, &Plan::default()).products[0].outcome, Outcome::Nothing);
}
