//! Rules that cannot be followed now, since the tenant does not have what they name.

use super::changing::{given, leaves, reclaiming, said, staff};
use super::grouping::{known, member, sales};
use super::scene::Scene;
use crate::model::group::GroupState;
use crate::model::license::Catalog;
use crate::model::rule::{Plans, Rule, Who};
use crate::model::sample::{account, at, catalog, ems, intune_a, rule};
use crate::model::standing::Standing;

/// A plan that the product does not have.
fn mistaken(rule: &mut Rule) {
    rule.plans = Plans::AllBut(vec!["NOSUCH".into()]);
}

/// Somebody whom the rule for the staff gave EMS, and another rule, which cannot be bound, means too.
fn with_second(second: Rule) -> Scene {
    let staff_alone = |rule: &mut Rule| {
        reclaiming(rule);
        rule.who = staff();
    };
    given().edited(staff_alone).when(|s| s.rules.push(second)).judged(at(630))
}

/// A rule that cannot be bound now keeps what it caused as it is, and loses nobody who comes meanwhile.
#[test]
fn while_a_rule_cannot_be_bound() {
    let unsold = |scene: Scene| scene.when(|s| s.catalog = Catalog::default());
    let sold = |scene: Scene| scene.when(|s| s.catalog = catalog());
    assert_eq!(unsold(Scene::old().judged(at(200))).judged(at(300)).word(), "baseline");
    assert_eq!(unsold(Scene::new().judged(at(600))).judged(at(700)).word(), "due");
    let came = unsold(Scene::new()).judged(at(600));
    assert_eq!((came.word(), sold(came).judged(at(700)).word()), ("none", "due"));
    let there = unsold(Scene::old()).judged(at(200));
    assert_eq!(sold(there).judged(at(300)).word(), "baseline");
    let left = unsold(Scene::new().judged(at(600))).when(|s| s.person.users.clear()).judged(at(700));
    assert_eq!(left.word(), "lapsed", "the user is gone");
    let excluded = unsold(Scene::new().judged(at(600))).when(|s| s.account().enabled = false).judged(at(700));
    assert_eq!(excluded.word(), "lapsed", "nothing stays open for the excluded");
}

/// Nobody knows what that rule wants: so nothing is taken meanwhile, nor by the edit that removes it.
#[test]
fn what_such_a_rule_may_want_is_not_taken_from_those_it_means() {
    let mut second = rule("second", "EMS");
    mistaken(&mut second);
    let left = leaves(with_second(second.clone())).judged(at(700));
    assert_eq!((said(&left, ems()).as_str(), left.ems().rules.as_slice()), ("licensed", &["second".to_owned()][..]));
    assert_eq!(left.judge(at(701)).changes, []);
    let first_alone = |scene: Scene| scene.when(|s| s.rules.truncate(1)).judged(at(800));
    assert_eq!(said(&first_alone(left), ems()), "lapsed");
    let mended = |scene: Scene| scene.when(|s| s.rules[1] = rule("second", "EMS")).judged(at(800));
    assert_eq!(said(&mended(leaves(with_second(second)).judged(at(700))), ems()), "licensed");

    for (what, second, expected) in [
        (
            "another product",
            Rule { plans: Plans::AllBut(vec!["NOSUCH".into()]), ..rule("second", "SPE_E3") },
            "reclaiming: take",
        ),
        ("a product that the tenant does not have", rule("second", "NOSUCH"), "reclaiming: take"),
    ] {
        assert_eq!(said(&leaves(with_second(second)).judged(at(700)), ems()), expected, "{what}");
    }
}

#[test]
fn who_returns_to_such_a_rule_keeps_the_license() {
    let left = || leaves(with_second(rule("other", "SPE_E3")).when(|s| s.rules.truncate(1))).judged(at(700));
    assert_eq!(said(&left(), ems()), "reclaiming: take");
    let returns = |scene: Scene| scene.edited(mistaken).when(|s| *s.account() = account(1)).judged(at(800));
    let back = returns(left());
    assert_eq!(said(&back, ems()), "licensed");
    assert_eq!(back.judge(at(801)).changes, []);
    for (standing, expected) in [(Standing::Due, "licensed"), (Standing::AwaitingSeat, "licensed")] {
        assert_eq!(said(&returns(left().stands(standing)), ems()), expected);
    }
    assert_eq!(said(&returns(left().stripped()), ems()), "lapsed", "somebody else took it meanwhile");
    let mended = back.edited(|rule| rule.plans = Plans::AllBut(Vec::new())).judged(at(900));
    assert_eq!(said(&mended, ems()), "licensed");
}

#[test]
fn more_that_an_edit_asks_for_makes_nobody_due_though_its_group_is_read_later() {
    let without_intune = |rule: &mut Rule| rule.plans = Plans::AllBut(vec!["INTUNE_A".into()]);
    let satisfied = Scene::new().edited(without_intune).judged(at(600)).licensed(ems(), &[intune_a()], Some("g"));
    let asks_for_more = |rule: &mut Rule| {
        (rule.plans, rule.who) = (Plans::AllBut(Vec::new()), Who::EntraGroup(sales()));
        rule.digest = format!("{}2", rule.digest).into();
    };
    let edited = satisfied.judged(at(610)).edited(asks_for_more).when(|s| s.rules.push(rule("second", "EMS")));
    let read = member(known(edited.judged(at(700)), GroupState::Known), true).judged(at(800));
    assert_eq!(said(&read, ems()), "baseline");
}
