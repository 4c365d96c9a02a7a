//! Groups of the tenant: rules that name one, and licenses that one is to give.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use uuid::Uuid;

use super::scene::Scene;
use crate::decide::{bind, products_of_interest};
use crate::model::group::{GroupState, LicensingGroup, Memberships};
use crate::model::identity::{GroupId, SkuId};
use crate::model::rule::{Dn, Who};
use crate::model::sample::{at, catalog, ems, intune_a, rule, spe_e3};
use crate::model::settings::Existing;
use crate::model::standing::Standing;
use crate::model::user::{AssignedLicense, LicenseSource};

pub(super) fn sales() -> GroupId {
    Uuid::from_u128(0x5a1e5).into()
}

fn follows(scene: Scene, who: Who) -> Scene {
    scene.edited(|rule| {
        rule.who = who;
        rule.digest = format!("{}g", rule.digest).into();
    })
}

pub(super) fn known(scene: Scene, state: GroupState) -> Scene {
    scene.when(|s| {
        s.groups.insert(sales().into(), state);
    })
}

pub(super) fn member(scene: Scene, belongs: bool) -> Scene {
    scene.when(|s| s.person.groups = if belongs { [sales().into()].into() } else { BTreeSet::new() })
}

/// A rule that names the group, before the group was read, decided once.
fn waiting(scene: Scene) -> Scene {
    follows(scene, Who::EntraGroup(sales())).judged(at(600))
}

fn read(scene: Scene, belongs: bool) -> Scene {
    member(known(scene, GroupState::Known), belongs).judged(at(700))
}

#[test]
fn what_the_first_reading_of_a_group_shows_is_no_event() {
    for (what, scene, after) in [
        ("there before us, in it", read(waiting(Scene::old()), true), "baseline"),
        ("there before us, not in it", read(waiting(Scene::old()), false), "none"),
        ("in it, the rule was edited to name it", read(waiting(Scene::old().judged(at(550))), true), "baseline"),
        ("appeared later, and the rule is older", read(waiting(Scene::new()), true), "due"),
        ("existing = license", read(waiting(Scene::old().when(|s| s.existing = Existing::License)), true), "due"),
    ] {
        assert_eq!(scene.word(), after, "{what}");
    }
    // Whom the rule wanted for as long as anybody looked, and who came before it named a group.
    let edited = |scene: Scene| waiting(scene.edited(|r| r.who = Who::Not(Box::new(Who::Everyone))).judged(at(550)));
    assert_eq!(read(edited(Scene::new()), true).word(), "baseline", "an edit licenses nobody");
}

#[test]
fn joining_a_group_is_an_event_and_leaving_it_lets_go() {
    let out = read(waiting(Scene::old()), false);
    let joined = member(out, true).judged(at(800));
    assert_eq!(joined.word(), "due");
    assert_eq!(joined.person.matches["ems"].groups, [sales().into()].into());
    let left = member(joined, false).judged(at(900));
    assert_eq!((left.word(), left.person.matches["ems"].groups.len()), ("lapsed", 0));
    assert_eq!(member(left, true).judged(at(1000)).word(), "due");
}

#[test]
fn a_rule_whose_group_is_not_known_leaves_all_as_it_is() {
    for state in [GroupState::Unread, GroupState::Missing, GroupState::Hidden] {
        let due = read(waiting(Scene::new()), true);
        let kept = known(member(due, false), state).judged(at(800));
        assert_eq!(kept.word(), "due", "{state:?}");
        assert!(kept.person.matches["ems"].eligible && kept.person.matches["ems"].unread);
        let bound = bind(&kept.rules, &kept.catalog, &kept.groups).remove(0);
        assert!(!bound.is_usable() && bound.problems().count() == 1, "nothing is written for it");
        // Whoever may not be given anything is not, known group or not.
        let disabled = kept.when(|s| s.account().enabled = false).judged(at(850));
        assert!(!disabled.person.matches["ems"].eligible);
        assert_ne!(disabled.word(), "due");
    }
    let licensed = read(waiting(Scene::new()), true).licensed(ems(), &[], None).stands(Standing::Licensed);
    let back = member(known(known(licensed, GroupState::Missing).judged(at(800)), GroupState::Known), true);
    assert_eq!(back.judged(at(900)).word(), "satisfied");
}

#[test]
fn who_was_enabled_before_the_first_reading_is_a_newcomer_to_it() {
    let disabled = waiting(Scene::old().when(|s| s.account().enabled = false).judged(at(550)));
    let enabled = disabled.when(|s| s.account().enabled = true).judged(at(650));
    assert_eq!((enabled.word(), read(enabled, true).word()), ("none", "due"));
}

#[test]
fn groups_combine_with_other_conditions() {
    let group = || Who::EntraGroup(sales());
    let staff = || Who::Ou(Dn::parse("OU=Staff,DC=corp,DC=example,DC=test").unwrap());
    let elsewhere = || Who::Ou(Dn::parse("OU=Other,DC=corp,DC=example,DC=test").unwrap());
    for (who, in_it, outside) in [
        (Who::Any(vec![group(), elsewhere()]), true, false),
        (Who::All(vec![group(), staff()]), true, false),
        (Who::All(vec![group(), elsewhere()]), false, false),
        (Who::Not(Box::new(group())), false, true),
        (Who::All(vec![staff(), Who::Not(Box::new(group()))]), false, true),
    ] {
        assert_eq!(who.groups(), [sales().into()].into());
        for (belongs, wanted) in [(true, in_it), (false, outside)] {
            let scene = member(known(follows(Scene::new(), who.clone()), GroupState::Known), belongs).judged(at(600));
            assert_eq!(scene.word() == "due", wanted, "{who:?} {belongs}");
        }
    }
}

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Somebody new, in a tenant where that group gives that.
fn giving(sku: SkuId, off: &[crate::model::identity::PlanId]) -> Scene {
    let licenses = vec![AssignedLicense { sku, disabled: off.iter().copied().collect() }];
    let group = LicensingGroup { id: sales(), name: "Sales".into(), licenses };
    Scene::new().when(|s| (s.grace, s.licensing) = (Some(HOUR), Some(BTreeMap::from([(sales(), group)]))))
}

/// Asked at that time, and in the group or not.
fn asked(scene: Scene, second: i64, belongs: bool) -> Scene {
    let groups = if belongs { [sales()].into() } else { BTreeSet::new() };
    scene.when(|s| s.person.memberships = Some(Memberships { read: at(second), groups }))
}

#[test]
fn a_license_is_left_to_a_group_for_a_while() {
    let looked = giving(ems(), &[]).judged(at(600));
    assert_eq!(looked.word(), "expected", "{:?}", looked.ems());
    assert!(looked.ems().standing.why().unwrap().contains("being looked up"));
    let stale = asked(giving(ems(), &[]), 599, false).judged(at(600)).judged(at(610));
    assert_eq!(stale.word(), "expected", "what was known before is not believed");

    let outside = asked(giving(ems(), &[]).judged(at(600)), 601, false);
    let change = outside.judge(at(602)).changes.remove(0);
    assert_eq!(
        (change.entitlement.standing.word(), change.why.as_deref()),
        ("due", Some("in no group that is to give it"))
    );

    let inside = asked(looked, 601, true).judged(at(602));
    let why = inside.ems().standing.why().unwrap();
    assert!(why.contains("expected from group Sales until ") && inside.ems().since == at(600), "{why}");
    assert_eq!(inside.judge(at(602)).look_again, Some(at(600 + 3600)));
    assert_eq!(inside.judge(at(4199)).changes, []);
    assert_eq!(asked(inside, 700, false).judged(at(701)).word(), "due", "who left it is licensed directly");
}

#[test]
fn what_the_group_gave_is_its_and_what_it_did_not_is_assigned() {
    let inside = || asked(giving(ems(), &[]).judged(at(600)), 601, true).judged(at(602));
    assert_eq!(inside().licensed(ems(), &[], Some("g")).judged(at(700)).word(), "satisfied");
    assert_eq!(inside().when(|s| s.account().enabled = false).judged(at(700)).word(), "lapsed");

    let failing = inside().when(|s| {
        s.user().sources.push(LicenseSource {
            sku: ems(),
            group: Some(sales().to_string()),
            disabled: BTreeSet::new(),
            state: "Error".into(),
            error: Some("CountViolation".into()),
        });
    });
    let failing = failing.judged(at(700));
    assert!(failing.ems().standing.why().unwrap().contains("group Sales (CountViolation) until"));
    let change = failing.judge(at(4200)).changes.remove(0);
    assert_eq!(change.entitlement.standing, Standing::Due);
    assert!(change.why.unwrap().starts_with("group Sales (CountViolation) did not give it"));
    let due = failing.judged(at(4200));
    assert_eq!((due.word(), asked(due, 4300, true).judged(at(4301)).word()), ("due", "due"), "once is enough");

    let unasked = giving(ems(), &[]).judged(at(600));
    assert_eq!(unasked.judged(at(4200)).word(), "due", "a look-up that fails holds nobody up for longer");
    assert_eq!(inside().when(|s| s.grace = None).judged(at(700)).word(), "due");
}

#[test]
fn only_what_would_be_enough_is_waited_for() {
    for (what, scene, standing) in [
        ("another product with the Intune plan", giving(spe_e3(), &[]), "expected"),
        ("that plan is off in the group", giving(spe_e3(), &[intune_a()]), "due"),
        ("no group gives anything", giving(ems(), &[]).when(|s| s.licensing = Some(BTreeMap::new())), "due"),
        ("groups were never listed", giving(ems(), &[]).when(|s| s.licensing = None), "expected"),
        (
            "somebody who was there before",
            giving(ems(), &[]).when(|s| {
                s.person = Scene::old().person;
            }),
            "baseline",
        ),
        (
            "no location: a group's license needs none",
            giving(ems(), &[]).when(|s| s.account().attributes.clear()),
            "expected",
        ),
    ] {
        assert_eq!(scene.judged(at(600)).word(), standing, "{what}");
    }
    let rules = bind(&[rule("ems", "EMS")], &catalog(), &BTreeMap::new());
    let found = products_of_interest(&rules, &catalog());
    assert!(found.contains(&ems()) && found.contains(&spe_e3()), "{found:?}");
}
