//! What becomes of a license that is there: its plans are changed, it is taken back, or it is exchanged for another product.

use std::time::Duration;

use super::grouping::sales;
use super::scene::{Scene, known_user};
use crate::model::filter::Filter;
use crate::model::group::GroupState;
use crate::model::identity::{IntentId, PlanId, Sid, SkuId};
use crate::model::person::Manual;
use crate::model::rule::{Adopt, Dn, OnLeave, Plans, Rule, Who};
use crate::model::sample::{self, aad_premium, at, ems, intune_a, spe_e3, user_id};
use crate::model::standing::{Action, Reason, Standing};
use crate::model::user::User;

const DAY: i64 = 24 * 3_600;

fn off(names: &[&str]) -> Plans {
    Plans::AllBut(names.iter().map(|name| (*name).to_owned()).collect())
}

/// What shall be done about a product, in a few words.
pub(super) fn said(scene: &Scene, sku: SkuId) -> String {
    let Some(entitlement) = scene.person.entitlements.get(&sku) else { return "none".into() };
    let word = entitlement.standing.word();
    let plan = |id: &PlanId| {
        scene.catalog.iter().find_map(|sku| sku.user_plans().find(|plan| plan.id == *id).map(|plan| plan.name.clone()))
    };
    let disabled: Vec<String> = entitlement.disabled.iter().filter_map(plan).collect();
    match entitlement.action {
        Action::Give => word.to_owned(),
        Action::Change => format!("{word}: change, off {}", disabled.join(" ")),
        Action::Take { with: None } => format!("{word}: take"),
        Action::Take { with: Some(with) } => format!("{word}: take with {}", scene.catalog.name(with)),
    }
}

/// Somebody whom seatsync gave EMS, seen to work.
pub(super) fn given() -> Scene {
    let scene = Scene::new().judged(at(600)).licensed(ems(), &[], None);
    let scene = scene.stands(Standing::Confirming { accepted: at(610) });
    scene.when(|s| s.person.entitlements.get_mut(&ems()).unwrap().ours = true).judged(at(620))
}

pub(super) fn reclaiming(rule: &mut Rule) {
    rule.on_leave = OnLeave::Reclaim { grace: Duration::from_hours(24), any_direct: false };
}

pub(super) fn leaves(scene: Scene) -> Scene {
    scene.when(|s| s.account().dn = "CN=u1,OU=Gone,DC=corp,DC=example,DC=test".into())
}

pub(super) fn staff() -> Who {
    Who::Ou(Dn::parse("OU=Staff,DC=corp,DC=example,DC=test").unwrap())
}

#[test]
fn a_direct_license_of_others_is_adopted_as_the_rule_says() {
    let others = |adopt: Adopt, plans: Plans, has_off: &[PlanId]| {
        Scene::old()
            .licensed(ems(), has_off, None)
            .edited(|rule| (rule.adopt, rule.plans) = (adopt, plans))
            .judged(at(600))
    };
    let only = || Plans::Only(vec!["AAD_PREMIUM".into()]);
    for (adopt, plans, has_off, expected) in [
        (Adopt::Leave, off(&["INTUNE_A"]), &[][..], "satisfied"),
        (Adopt::Leave, off(&[]), &[aad_premium()], "satisfied"),
        (Adopt::Leave, off(&[]), &[intune_a()], "differs"),
        (Adopt::Merge, off(&["INTUNE_A"]), &[], "due: change, off INTUNE_A"),
        (Adopt::Merge, off(&["INTUNE_A"]), &[intune_a()], "satisfied"),
        (Adopt::Merge, off(&[]), &[aad_premium()], "satisfied"),
        (Adopt::Merge, only(), &[intune_a(), aad_premium()], "due: change, off INTUNE_A"),
        (Adopt::Merge, only(), &[], "satisfied"),
        (Adopt::Enforce, off(&["INTUNE_A"]), &[aad_premium()], "due: change, off INTUNE_A"),
        (Adopt::Enforce, off(&[]), &[intune_a()], "due: change, off "),
        (Adopt::Enforce, only(), &[], "due: change, off INTUNE_A"),
        (Adopt::Enforce, off(&["INTUNE_A"]), &[intune_a()], "satisfied"),
    ] {
        let what = format!("{adopt:?} {plans:?} of one with {} plans off", has_off.len());
        let scene = others(adopt, plans, has_off);
        assert_eq!(said(&scene, ems()), expected, "{what}");
        assert_eq!(scene.judge(at(601)).changes, [], "{what}, again");
    }
    let both = others(Adopt::Merge, off(&["INTUNE_A"]), &[aad_premium()]);
    let stay: Vec<_> = both.ems().disabled.iter().copied().collect();
    assert!(stay.contains(&intune_a()) && stay.contains(&aad_premium()), "what others turned off stays off: {stay:?}");
    // It has more plans than these two, or nothing would be left of it.
    let adopt = |rule: &mut Rule| {
        (rule.sku, rule.plans, rule.adopt) = ("SPE_E3".into(), off(&["INTUNE_A"]), Adopt::Merge);
    };
    let written = Scene::old().licensed(spe_e3(), &[aad_premium()], None).edited(adopt).judged(at(600)).when(|s| {
        s.person.entitlements.get_mut(&spe_e3()).unwrap().standing = Standing::Confirming { accepted: at(610) };
    });
    let seen = written.stripped().licensed(spe_e3(), &[aad_premium(), intune_a()], None).judged(at(620));
    assert_eq!(said(&seen, spe_e3()), "satisfied", "what others left off is not waited for");
}

#[test]
fn a_change_that_was_rejected_or_refused_is_not_asked_for_again() {
    let due = || {
        Scene::old()
            .licensed(ems(), &[], None)
            .edited(|rule| (rule.adopt, rule.plans) = (Adopt::Enforce, off(&["INTUNE_A"])))
    };
    let due = || due().judged(at(600));
    let rejected = due().stands(Standing::Baseline).baseline(true);
    assert_eq!(said(&rejected.judged(at(700)), ems()), "baseline: change, off INTUNE_A");
    let reason = Reason::new("plan-dependency", "…");
    let basis = due().user().basis();
    let refused = due().stands(Standing::Refused { reason, basis });
    assert_eq!(said(&refused.judged(at(700)), ems()), "refused: change, off INTUNE_A");
}

#[test]
fn what_is_ours_follows_its_rule_until_somebody_else_changed_it() {
    let edited = |scene: Scene| scene.edited(|rule| rule.plans = off(&["INTUNE_A"])).judged(at(700));
    let follows = edited(given());
    assert_eq!(said(&follows, ems()), "due: change, off INTUNE_A");
    assert_eq!(follows.judge(at(701)).changes, []);
    let followed = follows.stripped().licensed(ems(), &[intune_a()], None).judged(at(710));
    assert_eq!(said(&followed, ems()), "licensed");
    let touched = given().stripped().licensed(ems(), &[aad_premium()], None).judged(at(650));
    assert_eq!(said(&touched, ems()), "licensed", "Intune is all that counts by default");
    assert_eq!(said(&edited(touched), ems()), "differs");
}

#[test]
fn who_leaves_loses_what_is_ours_after_the_grace() {
    let rule = |scene: Scene| {
        scene.edited(|rule| {
            reclaiming(rule);
            rule.who = staff();
        })
    };
    let member = || rule(given()).judged(at(630));
    assert_eq!(said(&member(), ems()), "licensed");
    let anew = || {
        let any = |rule: &mut Rule| rule.on_leave = OnLeave::Reclaim { grace: Duration::ZERO, any_direct: true };
        let anew =
            |s: &mut Scene| s.person.users = vec![known_user(User { id: user_id(9), ..sample::user(1) }, at(640))];
        member().edited(any).when(anew).licensed(ems(), &[], None)
    };
    let left = leaves(member()).judged(at(700));
    assert_eq!(said(&left, ems()), "reclaiming: take");
    assert_eq!(left.ems().standing, Standing::Reclaiming { at: at(700 + DAY) });
    assert_eq!(left.judge(at(701)).changes, [], "the time is set once");
    let back = left.when(|s| *s.account() = sample::account(1)).judged(at(800));
    assert_eq!(said(&back, ems()), "licensed", "who returns keeps it");
    for (what, scene, expected) in [
        ("disabled", member().when(|s| s.account().enabled = false), "reclaiming: take"),
        ("deleted", member().when(|s| s.person.accounts[0].gone = true), "reclaiming: take"),
        ("the rule is gone", member().when(|s| s.rules.clear()), "lapsed"),
        (
            "the rule is edited",
            leaves(member()).edited(|rule| rule.digest = format!("{}2", rule.digest).into()),
            "lapsed",
        ),
        ("a rule that keeps", leaves(member()).edited(|rule| rule.on_leave = OnLeave::Keep), "lapsed"),
        ("other bases are read", leaves(member()).when(|s| s.coverage = "coverage 2"), "lapsed"),
        (
            "the account is gone, and lay where nothing is read any more",
            member().when(|s| {
                s.person.accounts[0].gone = true;
                s.bases = vec![Dn::parse("OU=Other,DC=corp,DC=example,DC=test").unwrap()];
            }),
            "lapsed",
        ),
        (
            "the user is another",
            member().when(|s| s.user().sid = Some(Sid::from_text("S-1-5-21-9-9-9-9".to_owned()))),
            "lapsed",
        ),
        ("the user is gone, too", member().when(|s| s.person.users.clear()), "lapsed"),
        ("the user was created anew, and licensed by others", leaves(anew()), "lapsed"),
        (
            "it is not ours",
            leaves(member().when(|s| s.person.entitlements.get_mut(&ems()).unwrap().ours = false)),
            "lapsed",
        ),
        (
            "it is not ours, and any will do",
            leaves(member().when(|s| {
                s.person.entitlements.get_mut(&ems()).unwrap().ours = false;
                s.rules[0].on_leave = OnLeave::Reclaim { grace: Duration::ZERO, any_direct: true };
            })),
            "reclaiming: take",
        ),
    ] {
        assert_eq!(said(&scene.judged(at(700)), ems()), expected, "{what}");
    }
    let gone = leaves(member()).judged(at(700)).stripped().judged(at(800));
    assert_eq!(said(&gone, ems()), "lapsed", "somebody else took it");
    let dropped = member().when(|s| s.rules.clear()).judged(at(700)).when(|s| s.rules = member().rules);
    assert_eq!(said(&leaves(dropped).judged(at(800)), ems()), "lapsed", "who was dropped by an edit stays as it is");
}

#[test]
fn what_is_on_its_way_to_whom_an_edit_drops_is_not_taken_back_when_it_has_arrived() {
    let on_its_way = || {
        let scene = Scene::new().edited(|rule| {
            reclaiming(rule);
            rule.who = staff();
        });
        scene.judged(at(600)).stands(Standing::InFlight { intent: IntentId(1) })
    };
    let arrived = |scene: Scene| {
        let scene = scene.judged(at(610)).stands(Standing::Confirming { accepted: at(611) }).licensed(ems(), &[], None);
        scene.when(|s| s.person.entitlements.get_mut(&ems()).unwrap().ours = true).judged(at(620))
    };
    let elsewhere = || Who::Ou(Dn::parse("OU=Gone,DC=corp,DC=example,DC=test").unwrap());
    for (what, scene, expected) in [
        ("nothing happened", on_its_way(), "licensed"),
        ("an edit", on_its_way().edited(|rule| (rule.who, rule.digest) = (elsewhere(), "2".into())), "lapsed"),
        ("the rule is gone", on_its_way().when(|s| s.rules.clear()), "lapsed"),
        ("who left", leaves(on_its_way()), "reclaiming: take"),
    ] {
        assert_eq!(said(&arrived(scene), ems()), expected, "{what}");
    }
}

#[test]
fn an_edit_of_what_happens_on_leaving_takes_nothing_from_whoever_left_before() {
    let staffed = |scene: Scene| scene.edited(|rule| rule.who = staff()).judged(at(630));
    let taking = |grace: u64, any_direct: bool| {
        move |rule: &mut Rule| rule.on_leave = OnLeave::Reclaim { grace: Duration::from_secs(grace), any_direct }
    };
    let left = || leaves(staffed(given())).judged(at(700));
    assert_eq!(said(&left(), ems()), "lapsed", "the rule keeps");
    let others = || leaves(staffed(Scene::new().licensed(ems(), &[], None).judged(at(600)))).judged(at(700));
    assert_eq!(said(&others(), ems()), "lapsed");
    for (what, scene) in [
        ("reclaim", left().edited(taking(0, false))),
        ("reclaim any", left().edited(taking(0, true))),
        ("what others gave", others().edited(taking(0, true))),
        ("and adopt", left().edited(taking(0, true)).edited(|rule| rule.adopt = Adopt::Enforce)),
    ] {
        let scene = scene.judged(at(800));
        assert_eq!((said(&scene, ems()).as_str(), scene.judge(at(900)).changes.len()), ("lapsed", 0), "{what}");
    }
    // Of a grace that runs, a shorter one moves nothing forward, and to keep ends it for good.
    let running = || leaves(staffed(given().edited(reclaiming))).judged(at(700));
    let shorter = running().edited(taking(0, false)).judged(at(710));
    assert_eq!(shorter.ems().standing, Standing::Reclaiming { at: at(700 + DAY) });
    let kept = running().edited(|rule| rule.on_leave = OnLeave::Keep).judged(at(710));
    assert_eq!(
        (said(&kept, ems()), said(&kept.edited(reclaiming).judged(at(720)), ems())),
        ("lapsed".into(), "lapsed".into())
    );
    // Nor does it touch those who are there.
    let there = staffed(given()).edited(taking(0, true)).judged(at(700));
    assert_eq!(said(&there, ems()), "licensed");
}

#[test]
fn from_one_rule_to_another_is_an_exchange() {
    let two = |scene: Scene| {
        scene.when(|s| {
            s.rules[0].who = staff();
            let elsewhere = Who::Ou(Dn::parse("OU=Gone,DC=corp,DC=example,DC=test").unwrap());
            s.rules.push(Rule { who: elsewhere, ..sample::rule("e3", "SPE_E3") });
        })
    };
    let moved = leaves(two(given()).judged(at(630))).judged(at(700));
    assert_eq!((said(&moved, spe_e3()), said(&moved, ems())), ("due".into(), "reclaiming: take with SPE_E3".into()));
    assert_eq!(moved.judge(at(701)).changes, []);
    // By an edit of the configuration: the rule names another product.
    let edited = given().edited(|rule| (rule.sku, rule.digest) = ("SPE_E3".into(), "2".into())).judged(at(700));
    assert_eq!((said(&edited, spe_e3()), said(&edited, ems())), ("due".into(), "reclaiming: take with SPE_E3".into()));
    // Who had EMS from others lost nothing and is given nothing: E3 is an edit's news to them.
    let others = Scene::new().licensed(ems(), &[], None).judged(at(600));
    let others = others.edited(|rule| (rule.sku, rule.digest) = ("SPE_E3".into(), "2".into())).judged(at(700));
    assert_eq!((said(&others, spe_e3()), said(&others, ems())), ("satisfied".into(), "lapsed".into()));
    // Done: EMS is gone, E3 is there.
    let done = moved.when(|s| {
        let taken = s.person.entitlements.get_mut(&ems()).unwrap();
        (taken.standing, taken.ours) = (Standing::Reclaimed, false);
        s.person.entitlements.get_mut(&spe_e3()).unwrap().ours = true;
    });
    let done = done.stripped().licensed(spe_e3(), &[], None).judged(at(800));
    assert_eq!((said(&done, spe_e3()), said(&done, ems())), ("licensed".into(), "reclaimed: take with SPE_E3".into()));
}

#[test]
fn a_rule_may_wait_until_somebody_is_ready_or_for_a_while() {
    let ready =
        || Scene::new().edited(|rule| rule.ready = Some(Filter::parse("(employeeid=*)").unwrap())).judged(at(600));
    assert_eq!(said(&ready(), ems()), "none");
    let made = ready().when(|s| drop(s.account().attributes.insert("employeeid".into(), vec!["7".into()])));
    assert_eq!(said(&made.judged(at(700)), ems()), "due");
    let delayed = Scene::new().edited(|rule| rule.delay = Duration::from_secs(100)).judged(at(600));
    assert_eq!(delayed.ems().standing, Standing::Delayed { until: at(700) });
    assert_eq!((delayed.judge(at(699)).changes.len(), delayed.judge(at(601)).look_again), (0, Some(at(700))));
    assert_eq!(said(&delayed.judged(at(700)), ems()), "due");
}

#[test]
fn the_disabled_are_boarded_only_where_a_rule_says_so() {
    let boards = |rule: &mut Rule| rule.include_disabled = true;
    let disabled = |s: &mut Scene| s.account().enabled = false;
    let blocked = |s: &mut Scene| s.user().enabled = false;
    assert_eq!(said(&Scene::new().when(disabled).judged(at(600)), ems()), "none");
    for (what, scene, expected) in [
        ("disabled", Scene::new().when(disabled), "due"),
        ("expired", Scene::new().when(|s| s.account().expires = Some(at(1))), "due"),
        ("blocked in the tenant", Scene::new().when(blocked), "due"),
        ("there before us", Scene::old().when(disabled), "baseline"),
        ("a guest", Scene::new().when(disabled).when(|s| s.user().guest = true), "none"),
        (
            "another's SID",
            Scene::new().when(disabled).when(|s| s.user().sid = Some(Sid::from_text("S-1-5-21-9-9-9-9".to_owned()))),
            "none",
        ),
        ("a system account", Scene::new().when(|s| s.account().system = Some("CNF".into())), "none"),
    ] {
        assert_eq!(said(&scene.edited(boards).judged(at(600)), ems()), expected, "{what}");
    }
}

#[test]
fn users_who_were_never_synced_are_meant_by_their_domain_alone() {
    let cloud = |upn: &str| {
        let upn = upn.to_owned();
        Scene::new().when(move |s| {
            s.person.accounts.clear();
            (s.user().synced, s.user().upn, s.user().anchor) = (None, Some(upn), None);
            s.location.default = Some("SE".parse().unwrap());
        })
    };
    let domain = || Who::CloudDomain("contoso.com".into());
    for (what, who, upn, expected) in [
        ("its domain", domain(), "eve@Contoso.com", "due"),
        ("another domain", domain(), "eve@fabrikam.com", "none"),
        ("a domain below", domain(), "eve@x.contoso.com", "none"),
        ("everyone", Who::Everyone, "eve@contoso.com", "none"),
        ("everyone but an OU", Who::Not(Box::new(staff())), "eve@contoso.com", "none"),
        ("an OU or the domain", Who::Any(vec![staff(), domain()]), "eve@contoso.com", "due"),
        ("an OU and the domain", Who::All(vec![staff(), domain()]), "eve@contoso.com", "none"),
        ("all but the domain", Who::Not(Box::new(domain())), "eve@contoso.com", "none"),
    ] {
        let scene = cloud(upn).edited(|rule| rule.who = who).judged(at(600));
        assert_eq!((said(&scene, ems()).as_str(), scene.presence()), (expected, "cloud-only"), "{what}");
    }
    let guest = cloud("eve@contoso.com").when(|s| s.user().guest = true).edited(|rule| rule.who = domain());
    assert_eq!(said(&guest.judged(at(600)), ems()), "none");
    let synced =
        Scene::new().when(|s| s.user().upn = Some("eve@contoso.com".into())).edited(|rule| rule.who = domain());
    assert_eq!(said(&synced.judged(at(600)), ems()), "none", "a synced user is none of these");
}

#[test]
fn to_the_protected_nothing_is_given_and_from_them_nothing_is_taken_or_changed() {
    let protects = |scene: Scene, who: Who| scene.when(|s| s.protected = vec![who]);
    let taking = |scene: Scene| scene.edited(reclaiming);
    let adopting = || {
        Scene::old()
            .licensed(ems(), &[], None)
            .edited(|rule| (rule.adopt, rule.plans) = (Adopt::Enforce, off(&["INTUNE_A"])))
    };
    let disabled = |s: &mut Scene| s.account().enabled = false;
    let cloud = || {
        Scene::new().when(|s| {
            s.person.accounts.clear();
            (s.user().synced, s.user().upn, s.user().anchor) = (None, Some("x@contoso.com".into()), None);
            s.location.default = Some("SE".parse().unwrap());
            s.rules[0].who = Who::CloudDomain("contoso.com".into());
            s.person.groups = [sales().into()].into();
            s.groups.insert(sales().into(), GroupState::Known);
        })
    };
    for (what, scene, open, shielded) in [
        ("a newcomer", Scene::new(), "due", "none"),
        ("what others gave", adopting(), "due: change, off INTUNE_A", "none"),
        ("what we gave", given().edited(|rule| rule.plans = off(&["INTUNE_A"])), "due: change, off INTUNE_A", "lapsed"),
        ("who is disabled", taking(given()).judged(at(650)).when(disabled), "reclaiming: take", "lapsed"),
        (
            "taken by hand",
            given().when(|s| drop(s.person.manual.insert(ems(), Manual::Withheld))),
            "reclaiming: take",
            "lapsed",
        ),
        (
            "on its way out",
            taking(given()).judged(at(650)).when(disabled).judged(at(660)),
            "reclaiming: take",
            "lapsed",
        ),
    ] {
        let again = |who: Who| said(&protects(copy(&scene), who).judged(at(700)), ems());
        assert_eq!(again(Who::Not(Box::new(Who::Everyone))), open, "{what}, and somebody else is protected");
        assert_eq!(again(staff()), shielded, "{what}");
    }
    assert_eq!(said(&cloud().judged(at(700)), ems()), "due");
    let kept = protects(cloud(), Who::EntraGroup(sales())).judged(at(700));
    assert_eq!(
        (said(&kept, ems()), kept.presence()),
        ("none".into(), "excluded"),
        "without an account, by the tenant's group"
    );
    // While it is not known who is in the group nothing is done; when the protection ends nobody is a newcomer.
    let unknown = protects(Scene::new(), Who::EntraGroup(sales())).judged(at(700));
    assert_eq!(said(&unknown, ems()), "none");
    let ended = protects(Scene::new(), staff()).judged(at(700)).when(|s| s.protected.clear()).judged(at(710));
    assert_eq!((said(&ended, ems()), ended.presence()), ("baseline".into(), "present"));
}

/// All of a scene.
fn copy(scene: &Scene) -> Scene {
    Scene {
        rules: scene.rules.clone(),
        catalog: scene.catalog.clone(),
        location: scene.location.clone(),
        coverage: scene.coverage,
        bases: scene.bases.clone(),
        protected: scene.protected.clone(),
        existing: scene.existing,
        groups: scene.groups.clone(),
        grace: scene.grace,
        licensing: scene.licensing.clone(),
        person: scene.person.clone(),
    }
}

#[test]
fn an_operators_word_goes_before_every_rule() {
    let manual = |scene: Scene, word: Manual| scene.when(|s| drop(s.person.manual.insert(ems(), word)));
    let assigned = || Manual::Assigned { disabled: [intune_a()].into() };
    let no_rules = || Scene::old().when(|s| s.rules.clear()).judged(at(200));
    let scene = manual(no_rules(), assigned()).judged(at(600));
    assert_eq!((said(&scene, ems()), scene.ems().disabled.contains(&intune_a())), ("due".into(), true));
    let other = manual(no_rules().licensed(spe_e3(), &[], None), assigned()).judged(at(600));
    assert_eq!(said(&other, ems()), "due", "the product itself is asked for");
    let whole = manual(no_rules().licensed(ems(), &[], None), assigned()).judged(at(600));
    assert_eq!(said(&whole, ems()), "due: change, off INTUNE_A");
    let withheld = manual(given(), Manual::Withheld).judged(at(700));
    assert_eq!(said(&withheld, ems()), "reclaiming: take");
    let others = manual(no_rules().licensed(ems(), &[], None), Manual::Withheld).judged(at(600));
    assert_eq!(said(&others, ems()), "reclaiming: take", "whoever gave it");
    let excluded = manual(no_rules().when(|s| s.account().enabled = false), assigned()).judged(at(600));
    assert_eq!(said(&excluded, ems()), "none", "the excluded are given nothing");
}
