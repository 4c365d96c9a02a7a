//! The table: presence, history of matching, licenses and stored standing, and what follows.

use super::scene::{Scene, known_account, known_user};
use crate::model::identity::{HoldId, IntentId, Sid};
use crate::model::rule::{Dn, Who};
use crate::model::sample::{account, anchor, at, ems, intune_a, spe_e3, user, user_id};
use crate::model::settings::Existing;
use crate::model::standing::{Reason, Standing};
use crate::model::user::User;

/// First met: what makes somebody new, and what baseline.
#[test]
fn at_first_sight() {
    for (what, scene, presence, standing) in [
        ("there before us", Scene::old(), "present", "baseline"),
        ("there before us, age unknown", Scene::old().when(|s| s.user().created = None), "present", "baseline"),
        (
            "created while we began, within skew",
            Scene::old().when(|s| s.user().created = Some(at(-10))),
            "present",
            "due",
        ),
        ("created just before that", Scene::old().when(|s| s.user().created = Some(at(-11))), "present", "baseline"),
        ("created while the first reads ran", Scene::old().when(|s| s.user().created = Some(at(60))), "present", "due"),
        ("appeared later", Scene::new(), "present", "due"),
        ("appeared later, age unknown", Scene::new().when(|s| s.user().created = None), "present", "due"),
        (
            "there before us, existing = license",
            Scene::old().when(|s| s.existing = Existing::License),
            "present",
            "due",
        ),
        ("there before us, licensed directly", Scene::old().licensed(ems(), &[], None), "present", "satisfied"),
        ("appeared with a group's license", Scene::new().licensed(ems(), &[], Some("g")), "present", "satisfied"),
        ("appeared with Intune by SPE_E3", Scene::new().licensed(spe_e3(), &[], None), "present", "satisfied"),
        (
            "SPE_E3 with Intune off is not enough",
            Scene::new().licensed(spe_e3(), &[intune_a()], None),
            "present",
            "due",
        ),
        ("its group turned INTUNE_A off", Scene::new().licensed(ems(), &[intune_a()], Some("g")), "present", "due"),
        (
            "holds it directly with other plans off",
            Scene::new().licensed(ems(), &[intune_a()], None),
            "present",
            "differs",
        ),
        (
            "in the directory only, since first contact",
            Scene::old().when(|s| s.person.users.clear()),
            "not-synced",
            "none",
        ),
        ("in the directory only, since later", Scene::new().when(|s| s.person.users.clear()), "awaiting", "none"),
        (
            "synced, its account outside of what we read",
            Scene::old().when(|s| s.person.accounts.clear()),
            "unknown-in-directory",
            "none",
        ),
        ("never synced", Scene::new().when(|s| s.user().synced = None), "cloud-only", "none"),
        ("no rule is about it", Scene::new().edited(|r| r.who = Who::Not(Box::new(Who::Everyone))), "present", "none"),
    ] {
        let scene = scene.judged(at(600));
        assert_eq!((scene.presence(), scene.word()), (presence, standing), "{what}");
    }
}

/// Whoever must not be given anything is not, and is picked up once that ends.
#[test]
fn excluded_and_picked_up() {
    type Change = fn(&mut Scene);
    let table: [(&str, Change, Change); 8] = [
        ("disabled in the directory", |s| s.account().enabled = false, |s| s.account().enabled = true),
        ("disabled in the tenant", |s| s.user().enabled = false, |s| s.user().enabled = true),
        ("expired", |s| s.account().expires = Some(at(599)), |s| s.account().expires = Some(at(9999))),
        ("a guest", |s| s.user().guest = true, |s| s.user().guest = false),
        ("critical", |s| s.account().system = Some("isCriticalSystemObject".into()), |s| s.account().system = None),
        (
            "two users, one anchor",
            |s| s.person.users.push(known_user(User { id: user_id(2), ..user(1) }, at(500))),
            |s| drop(s.person.users.pop()),
        ),
        (
            "another SID",
            |s| s.user().sid = Some(Sid::from_text("S-1-5-21-9-9-9-9")),
            |s| s.user().sid = s.account().sid.clone(),
        ),
        ("gone from the directory", |s| s.person.accounts[0].gone = true, |s| s.person.accounts[0].gone = false),
    ];
    for (what, exclude, include) in table {
        for there in [Scene::old, Scene::new] {
            let scene = there().when(exclude).judged(at(600));
            assert!(["excluded", "departed"].contains(&scene.presence()), "{what}");
            assert_eq!(scene.word(), "none", "{what}");
            assert_eq!(scene.when(include).judged(at(700)).word(), "due", "{what}, over");
            let scene = there().judged(at(590)).when(exclude).judged(at(600));
            assert_eq!(scene.word(), "lapsed", "{what}, later");
            let scene = scene.when(include).judged(at(700));
            assert_eq!((scene.word(), scene.ems().due_since), ("due", Some(at(700))), "{what}, later and over");
        }
    }
}

/// Only an event ends a baseline, and only an event makes somebody due.
#[test]
fn events_and_edits() {
    let outside = || Who::Ou(Dn::parse("OU=Other,DC=corp,DC=example,DC=test").unwrap());
    let old = || Scene::old().judged(at(200));
    let new = |who: Who| Scene::new().edited(|rule| rule.who = who).judged(at(600));
    let edit = |scene: Scene| {
        scene.edited(|rule| {
            rule.who = Who::Everyone;
            rule.digest = format!("{}2", rule.digest).into();
        })
    };
    for (what, scene, standing) in [
        ("nothing happens", old(), "baseline"),
        (
            "moves into the rule's OU",
            new(outside()).when(|s| s.account().dn = "CN=u1,OU=Other,DC=corp,DC=example,DC=test".into()),
            "due",
        ),
        ("the rule is widened", edit(new(outside())), "baseline"),
        (
            "the rule is widened, and it is enabled then",
            edit(new(outside()).when(|s| s.account().enabled = false).judged(at(650)))
                .when(|s| s.account().enabled = true),
            "due",
        ),
        ("an edit changes nothing for a newcomer", edit(Scene::new().judged(at(600))), "due"),
        ("an edit changes nothing for the baseline", edit(old()), "baseline"),
        (
            "a rule is added",
            Scene::new().when(|s| s.rules[0].id = "other".into()).judged(at(600)).stripped().when(|s| {
                s.rules = vec![crate::model::sample::rule("ems", "EMS")];
            }),
            "baseline",
        ),
        (
            "another product",
            Scene::new().edited(|r| r.sku = "SPE_E3".into()).judged(at(600)).edited(|r| {
                r.sku = "EMS".into();
                r.digest = format!("{}2", r.digest).into();
            }),
            "baseline",
        ),
        (
            "what is read is widened",
            Scene::new().when(|s| s.person.accounts.clear()).judged(at(600)).when(|s| {
                s.person.accounts.push(known_account(account(1), false));
                s.rules[0].digest = format!("{}2", s.rules[0].digest).into();
                s.coverage = "coverage 2";
            }),
            "baseline",
        ),
        (
            "what is read was narrowed and is widened again",
            Scene::new().when(|s| s.person.accounts[0].gone = true).judged(at(600)).when(|s| {
                s.person.accounts[0].gone = false;
                s.rules[0].digest = format!("{}2", s.rules[0].digest).into();
                s.coverage = "coverage 2";
            }),
            "baseline",
        ),
        (
            "moves into what is read",
            Scene::new()
                .when(|s| s.person.accounts.clear())
                .judged(at(600))
                .when(|s| s.person.accounts.push(known_account(account(1), false))),
            "due",
        ),
        (
            "is synced again",
            old().when(|s| s.user().synced = Some(false)).judged(at(300)).when(|s| s.user().synced = Some(true)),
            "due",
        ),
        (
            "is created again",
            old().when(|s| {
                s.person.users = vec![known_user(User { id: user_id(2), created: Some(at(650)), ..user(1) }, at(660))]
            }),
            "due",
        ),
        ("is included", old().baseline(false), "due"),
        ("is rejected", Scene::new().judged(at(600)).stands(Standing::Baseline).baseline(true), "baseline"),
        ("gets the license from somebody", old().licensed(ems(), &[], None), "satisfied"),
    ] {
        let judged = scene.judged(at(700));
        assert_eq!(judged.word(), standing, "{what}");
        assert_eq!(judged.judged(at(701)).word(), standing, "{what}, again");
    }
}

/// From where an entitlement stands, and what the user has, to where it goes.
#[test]
fn from_standing_to_standing() {
    let held = || Standing::Held { hold: HoldId(1) };
    let flight = || Standing::InFlight { intent: IntentId(1) };
    let retrying = || Standing::Retrying { attempt: 1, at: at(9000), reason: Reason::new("x", "x") };
    let refused = |basis: &str| Standing::Refused { reason: Reason::new("x", "x"), basis: basis.into() };
    let confirming = || Standing::Confirming { accepted: at(610) };
    let satisfied = || Standing::Satisfied { direct: true, groups: Vec::new() };
    let basis = user(1).basis();
    let due = |standing: Standing| Scene::new().judged(at(600)).stands(standing);
    let has = |scene: Scene| scene.licensed(ems(), &[], None);
    let ours = |scene: Scene| scene.when(|s| s.person.entitlements.get_mut(&ems()).unwrap().ours = true);
    let slow = |scene: Scene| has(scene).when(|s| s.user().plans.clear());
    let unsourced = |scene: Scene| scene.when(|s| s.user().sources.clear());
    let failing = |scene: Scene| {
        scene.when(|s| {
            let mut group = s.user().sources[0].clone();
            (group.group, group.state, group.error) = (Some("g".into()), "Error".into(), Some("CountViolation".into()));
            s.user().sources = vec![group];
        })
    };
    let late = |scene: Scene| {
        scene.when(|s| {
            s.person.entitlements.get_mut(&ems()).unwrap().standing =
                Standing::Confirming { accepted: at(700 - 24 * 3600) }
        })
    };
    let unwanted = |scene: Scene| scene.when(|s| s.account().enabled = false);
    for (what, scene, next) in [
        ("due, nothing new", due(Standing::Due), "due"),
        ("due, somebody else was faster", has(due(Standing::Due)), "satisfied"),
        ("due, not wanted any more", unwanted(due(Standing::Due)), "lapsed"),
        ("waiting for a seat", due(Standing::AwaitingSeat), "awaiting-seat"),
        ("waiting, somebody gave it one", has(due(Standing::AwaitingSeat)), "satisfied"),
        ("waiting, not wanted any more", unwanted(due(Standing::AwaitingSeat)), "lapsed"),
        ("held", due(held()), "held"),
        ("held, somebody else was faster", has(due(held())), "satisfied"),
        ("held, not wanted any more", unwanted(due(held())), "lapsed"),
        ("in flight", due(flight()), "in-flight"),
        ("in flight, already seen", has(due(flight())), "in-flight"),
        ("in flight, not wanted any more", unwanted(due(flight())), "in-flight"),
        ("retrying", due(retrying()), "retrying"),
        ("retrying, not wanted any more", unwanted(due(retrying())), "lapsed"),
        ("retrying, the user is gone", due(retrying()).when(|s| s.person.users.clear()), "lapsed"),
        ("confirming, nothing seen", due(confirming()), "confirming"),
        ("confirming, plans still off", slow(due(confirming())), "confirming"),
        (
            "confirming, its plans are shown before its source",
            due(confirming()).licensed(ems(), &[intune_a()], Some("g")).when(|s| s.user().plans.extend([intune_a()])),
            "confirming",
        ),
        ("confirming, all but its source is shown", unsourced(has(due(confirming()))), "confirming"),
        ("confirming, only a group's source is shown", due(confirming()).licensed(ems(), &[], Some("g")), "confirming"),
        ("confirming for a day, its source never shown", late(ours(unsourced(has(due(confirming()))))), "licensed"),
        ("confirming, seen to work", ours(has(due(confirming()))), "licensed"),
        ("confirming, and it had one directly before", has(due(confirming())), "satisfied"),
        ("confirming, not wanted any more", unwanted(due(confirming())), "lapsed"),
        ("confirming for a day, ours, plans never on", late(ours(slow(due(confirming())))), "licensed"),
        ("confirming for a day, it is not there", late(ours(due(confirming()))), "removed-by-other"),
        (
            "confirming for a day, others turned plans off",
            late(due(confirming())).licensed(ems(), &[intune_a()], None),
            "differs",
        ),
        ("licensed", ours(has(due(Standing::Licensed))), "licensed"),
        ("licensed, moved to a group", ours(due(Standing::Licensed)).licensed(ems(), &[], Some("g")), "satisfied"),
        ("licensed, now by another product", ours(due(Standing::Licensed)).licensed(spe_e3(), &[], None), "satisfied"),
        ("licensed, a group cannot give it as well", failing(ours(has(due(Standing::Licensed)))), "licensed"),
        ("licensed, taken away", ours(due(Standing::Licensed)), "removed-by-other"),
        ("licensed, plans turned off", ours(due(Standing::Licensed)).licensed(ems(), &[intune_a()], None), "differs"),
        ("licensed, not wanted any more", unwanted(ours(has(due(Standing::Licensed)))), "lapsed"),
        ("satisfied, taken away", due(satisfied()), "removed-by-other"),
        ("differing, taken away", due(Standing::Differs), "removed-by-other"),
        ("taken away, once said", due(Standing::RemovedByOther), "removed-by-other"),
        ("taken away, given back", has(due(Standing::RemovedByOther)), "satisfied"),
        ("taken away, not wanted any more", unwanted(due(Standing::RemovedByOther)), "lapsed"),
        ("refused, nothing new", due(refused(&basis)), "refused"),
        ("refused, the user is another since", due(refused("other")), "due"),
        ("refused, somebody gave it one", has(due(refused(&basis))), "satisfied"),
        ("lapsed, wanted again", due(Standing::Lapsed), "due"),
        ("lapsed, still not wanted", unwanted(due(Standing::Lapsed)), "lapsed"),
        ("reclaimed, wanted again", due(Standing::Reclaimed), "due"),
        ("baseline, there before us", Scene::old().judged(at(200)), "baseline"),
        (
            "satisfied before us, taken away",
            Scene::old().licensed(ems(), &[], None).judged(at(200)).stripped(),
            "removed-by-other",
        ),
    ] {
        let judged = scene.judged(at(700));
        assert_eq!(judged.word(), next, "{what}");
        let again = judged.judge(at(701));
        assert_eq!(again.changes, [], "{what}, again");
    }
}

/// An edit may want more than what satisfied somebody: that is nobody's removal.
#[test]
fn edits_that_ask_for_more() {
    let by_e3 = || Scene::new().licensed(spe_e3(), &[], None).judged(at(600));
    let by_group = || {
        Scene::new()
            .licensed(ems(), &[intune_a()], Some("g"))
            .edited(|rule| rule.plans = crate::model::rule::Plans::AllBut(vec!["INTUNE_A".into()]))
            .judged(at(600))
    };
    let in_full = |rule: &mut crate::model::rule::Rule| {
        rule.unless_has_plan = Some(Vec::new());
        rule.digest = format!("{}2", rule.digest).into();
    };
    for (what, scene, standing) in [
        ("no product of others counts any more, and it is enough all the same", by_e3().edited(in_full), "satisfied"),
        (
            "E3 without P1 no longer counts",
            Scene::new()
                .licensed(spe_e3(), &[crate::model::sample::aad_premium()], None)
                .judged(at(600))
                .edited(in_full),
            "baseline",
        ),
        (
            "a plan that the group leaves off is wanted now",
            by_group().edited(|rule| rule.plans = crate::model::rule::Plans::AllBut(Vec::new())),
            "baseline",
        ),
        ("the group's license was taken away", by_group().stripped(), "removed-by-other"),
    ] {
        let judged = scene.judged(at(700));
        assert_eq!(judged.word(), standing, "{what}");
        assert_eq!(judged.judge(at(701)).changes, [], "{what}, again");
    }
}

/// Several accounts with one anchor are one person whose enabled account speaks.
#[test]
fn several_accounts() {
    let twin = |n: u32, enabled: bool| {
        let mut twin = account(n);
        (twin.anchor, twin.enabled) = (anchor(1), enabled);
        known_account(twin, false)
    };
    let scene = |first: bool, second: bool| {
        Scene::new().when(|s| s.person.accounts = vec![twin(1, first), twin(2, second)]).judged(at(600))
    };
    assert_eq!(scene(false, true).presence(), "present", "the SID of either account is the person's");
    assert_eq!(scene(true, true).presence(), "present");
    assert_eq!(scene(false, false).presence(), "excluded");
    let gone = Scene::new().when(|s| {
        s.person.accounts = vec![twin(1, true), twin(2, false)];
        s.person.accounts[0].gone = true;
    });
    assert_eq!(gone.judged(at(600)).presence(), "excluded");
}

/// Without a location nothing is written, and that heals as soon as there is one.
#[test]
fn without_a_location() {
    let nowhere = |scene: Scene| scene.when(|s| s.account().attributes.clear());
    let scene = nowhere(Scene::new()).judged(at(600));
    let Standing::Refused { reason, .. } = &scene.ems().standing else { panic!("{:?}", scene.ems()) };
    assert_eq!(reason.code, "no-usage-location");
    assert_eq!(scene.judge(at(601)).changes, []);
    let healed = scene.when(|s| *s.account() = account(1)).judged(at(700));
    assert_eq!(healed.word(), "due");
    assert_eq!(nowhere(Scene::old()).judged(at(200)).word(), "baseline", "nothing is written there anyway");
    let held = Scene::new().judged(at(600)).stands(Standing::Held { hold: HoldId(1) });
    assert_eq!(nowhere(held).judged(at(700)).word(), "refused");
    let set = nowhere(Scene::new()).when(|s| s.user().usage_location = Some("NO".parse().unwrap()));
    assert_eq!(set.judged(at(600)).word(), "due");
}

#[test]
fn two_rules_want_one_product() {
    let both = |first: i32, second: i32| {
        Scene::new().when(|s| {
            s.rules.push(crate::model::sample::rule("second", "ems"));
            (s.rules[0].priority, s.rules[1].priority) = (first, second);
            s.rules[1].plans = crate::model::rule::Plans::AllBut(vec!["AAD_PREMIUM".into()]);
        })
    };
    let scene = both(2, 1).judged(at(600));
    assert_eq!(
        (scene.ems().rules.join(" "), scene.ems().disabled.len(), scene.ems().priority),
        ("second ems".into(), 1, 1)
    );
    assert_eq!(both(1, 1).judged(at(600)).ems().rules, ["ems", "second"], "the file's order otherwise");
    let late = both(2, 1).when(|s| drop(s.rules.pop())).judged(at(600));
    let late = late.when(|s| s.rules = both(2, 1).rules).judged(at(700));
    assert_eq!(late.ems().rules, ["ems", "second"], "whoever is to be acted on before baseline");
}

#[test]
fn what_an_old_user_had_lapses_with_it() {
    let scene = Scene::new().judged(at(600)).when(|s| {
        s.person.users = vec![known_user(User { id: user_id(2), enabled: false, ..user(1) }, at(650))];
    });
    let scene = scene.judged(at(700));
    assert_eq!((scene.word(), scene.ems().user), ("lapsed", user_id(1)));
    assert_eq!(scene.ems().admitted, None);
    assert_eq!(scene.judge(at(701)).changes, []);
}

#[test]
fn when_to_look_again() {
    let expiring = Scene::new().when(|s| s.account().expires = Some(at(5000)));
    assert_eq!(expiring.judge(at(600)).look_again, Some(at(5000)));
    assert_eq!(expiring.judge(at(5000)).look_again, None);
    let confirming = Scene::new().judged(at(600)).stands(Standing::Confirming { accepted: at(610) });
    assert_eq!(confirming.judge(at(620)).look_again, Some(at(610 + 24 * 3600)));
    let awaited = Scene::new().when(|s| s.person.users.clear());
    assert!(awaited.judge(at(600)).awaited);
    assert!(!awaited.when(|s| s.rules.clear()).judge(at(600)).awaited);
}

/// What became a group's is no longer ours, whoever assigns it directly again.
#[test]
fn what_moved_to_a_group_is_no_longer_ours() {
    let licensed = Scene::new().judged(at(600)).stands(Standing::Licensed).licensed(ems(), &[], None);
    let ours = licensed.when(|s| s.person.entitlements.get_mut(&ems()).unwrap().ours = true).judged(at(610));
    let moved = ours.stripped().licensed(ems(), &[], Some("g")).judged(at(620));
    let through = Standing::Satisfied { direct: false, groups: vec!["g".into()] };
    assert_eq!((&moved.ems().standing, moved.ems().ours), (&through, false));
    let again = moved.licensed(ems(), &[], None).judged(at(630));
    assert_eq!(again.ems().standing, Standing::Satisfied { direct: true, groups: vec!["g".into()] });
    assert_eq!(again.stripped().judged(at(640)).word(), "removed-by-other");
}
