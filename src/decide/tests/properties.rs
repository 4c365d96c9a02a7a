//! What holds of every decision about any person.

use jiff::SignedDuration;
use proptest::prelude::*;

use super::grouping::sales;
use super::scene::{Scene, known_user};
use crate::model::group::{GroupState, LicensingGroup, Memberships};
use crate::model::identity::{HoldId, IntentId};
use crate::model::rule::Who;
use crate::model::sample::{at, ems, intune_a, licensed, rule, spe_e3, user, user_id};
use crate::model::standing::{Presence, Reason, Standing};
use crate::model::user::{AssignedLicense, User};

/// One thing that happens to a person between two decisions.
#[derive(Clone, Copy, Debug)]
enum News {
    AccountEnabled(bool),
    AccountGone(bool),
    UserEnabled(bool),
    Synced(bool),
    Licensed { e3: bool, group: bool, off: bool },
    Stripped,
    Recreated,
    Left,
    SecondUser(bool),
    Located(bool),
    Edited(u8),
    Widened,
    SecondRule(bool),
    Unsold(bool),
    Stands(u8),
    Group(u8),
    Member(bool),
    Gives(bool),
    Asked(bool),
}

fn news() -> impl Strategy<Value = News> {
    prop_oneof![
        any::<bool>().prop_map(News::AccountEnabled),
        any::<bool>().prop_map(News::AccountGone),
        any::<bool>().prop_map(News::UserEnabled),
        any::<bool>().prop_map(News::Synced),
        (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(e3, group, off)| News::Licensed { e3, group, off }),
        Just(News::Stripped),
        Just(News::Recreated),
        Just(News::Left),
        any::<bool>().prop_map(News::SecondUser),
        any::<bool>().prop_map(News::Located),
        (0..5_u8).prop_map(News::Edited),
        Just(News::Widened),
        any::<bool>().prop_map(News::SecondRule),
        any::<bool>().prop_map(News::Unsold),
        (0..8_u8).prop_map(News::Stands),
        (0..3_u8).prop_map(News::Group),
        any::<bool>().prop_map(News::Member),
        any::<bool>().prop_map(News::Gives),
        any::<bool>().prop_map(News::Asked),
    ]
}

fn happen(scene: Scene, news: News, turn: u32) -> Scene {
    scene.when(|s| match news {
        News::AccountEnabled(enabled) => s.account().enabled = enabled,
        News::AccountGone(gone) => s.person.accounts[0].gone = gone,
        News::UserEnabled(enabled) => each(s, |user| user.enabled = enabled),
        News::Synced(synced) => each(s, |user| user.synced = Some(synced)),
        News::Licensed { e3, group, off } => each(s, |user| {
            let off = if off { vec![intune_a()] } else { Vec::new() };
            *user = licensed(user.clone(), if e3 { spe_e3() } else { ems() }, &off, group.then_some("g"));
        }),
        News::Stripped => each(s, |user| {
            user.licenses.clear();
            user.sources.clear();
            user.plans.clear();
        }),
        News::Recreated => {
            let again = User { id: user_id(100 + turn), ..user(1) };
            s.person.users = vec![known_user(again, at(1000))];
        }
        News::Left => s.person.users.clear(),
        News::SecondUser(true) if s.person.users.len() == 1 => {
            s.person.users.push(known_user(User { id: user_id(2), ..user(1) }, at(1000)));
        }
        News::SecondUser(_) => s.person.users.truncate(1),
        News::Located(located) => s.location.default = located.then(|| "SE".parse().unwrap()),
        News::Edited(0) => s.rules[0].digest = format!("{}2", s.rules[0].digest).into(),
        News::Edited(1) => s.rules[0].plans = crate::model::rule::Plans::AllBut(vec!["INTUNE_A".into()]),
        News::Edited(2) => s.rules[0].plans = crate::model::rule::Plans::AllBut(Vec::new()),
        News::Edited(kind) => {
            s.rules[0].who = if kind == 3 { Who::EntraGroup(sales()) } else { Who::Everyone };
            s.rules[0].digest = format!("{}g", s.rules[0].digest).into();
        }
        News::Widened => s.coverage = "coverage 2",
        News::SecondRule(true) if s.rules.len() == 1 => s.rules.push(rule("second", "EMS")),
        News::SecondRule(_) => s.rules.truncate(1),
        News::Unsold(true) => s.catalog = crate::model::license::Catalog::default(),
        News::Unsold(false) => s.catalog = crate::model::sample::catalog(),
        News::Stands(standing) => moved(s, standing),
        News::Group(state) => {
            s.groups.insert(
                sales().into(),
                [GroupState::Unread, GroupState::Known, GroupState::Missing][usize::from(state)],
            );
        }
        News::Member(belongs) => s.person.groups = belongs.then(|| sales().into()).into_iter().collect(),
        News::Gives(gives) => {
            s.grace = gives.then_some(SignedDuration::from_secs(500));
            let licenses = vec![AssignedLicense { sku: ems(), disabled: [].into() }];
            let group = LicensingGroup { id: sales(), name: "Sales".into(), licenses };
            s.licensing = gives.then(|| [(sales(), group)].into());
        }
        News::Asked(belongs) => {
            let groups = belongs.then(sales).into_iter().collect();
            s.person.memberships = Some(Memberships { read: at(999 + i64::from(turn)), groups });
        }
    })
}

fn each(scene: &mut Scene, change: impl Fn(&mut User)) {
    scene.person.users.iter_mut().for_each(|known| change(&mut known.user));
}

/// What a plan or a write makes of an open entitlement.
fn moved(scene: &mut Scene, to: u8) {
    let Some(entitlement) = scene.person.entitlements.get_mut(&ems()).filter(|it| it.standing.is_open()) else {
        return;
    };
    entitlement.standing = match to {
        0 => Standing::AwaitingSeat,
        1 => Standing::Held { hold: HoldId(1) },
        2 => Standing::InFlight { intent: IntentId(1) },
        3 => Standing::Retrying { attempt: 1, at: at(1), reason: Reason::new("x", "x") },
        4 => Standing::Confirming { accepted: at(1) },
        5 => Standing::Refused { reason: Reason::new("x", "x"), basis: String::new() },
        _ => Standing::Due,
    };
}

proptest! {
    #[test]
    fn decisions_are_stable_and_give_nothing_to_the_excluded(
        newcomer in any::<bool>(),
        story in proptest::collection::vec(proptest::collection::vec(news(), 0..3), 1..12),
    ) {
        let mut scene = if newcomer { Scene::new() } else { Scene::old() };
        for (turn, all) in (0_u32..).zip(story) {
            for news in all {
                scene = happen(scene, news, turn);
            }
            let now = at(1000 + i64::from(turn));
            scene = scene.judged(now);
            let again = scene.judge(now);
            prop_assert_eq!(&again.changes, &[], "deciding twice changes nothing");
            prop_assert_eq!(Some(&again.presence), scene.person.presence.as_ref());
            prop_assert_eq!(&again.matches, &scene.person.matches);

            let present = scene.person.presence == Some(Presence::Present);
            for entitlement in scene.person.entitlements.values() {
                let writable = entitlement.standing.is_open()
                    && !matches!(entitlement.standing, Standing::InFlight { .. });
                prop_assert!(present || !writable, "{:?}", entitlement.standing);
                prop_assert_eq!(entitlement.due_since.is_some() || !entitlement.standing.is_open(), true);
                if writable {
                    prop_assert_eq!(entitlement.user, scene.person.users[0].user.id);
                }
            }
            let wanted = scene.person.matches.iter().any(|(_, found)| found.eligible && !found.unread);
            prop_assert!(
                !(present && wanted) || scene.catalog.is_empty() || scene.person.entitlements.contains_key(&ems()),
                "whom a rule wants has a standing"
            );
        }
    }

    #[test]
    fn an_edit_makes_nobody_due(
        newcomer in any::<bool>(),
        before in proptest::collection::vec(news(), 0..8),
        edits in proptest::collection::vec(0..5_u8, 1..4),
        member in any::<bool>(),
        added in any::<bool>(),
    ) {
        let mut scene = if newcomer { Scene::new() } else { Scene::old() }.judged(at(900));
        for (turn, news) in (0_u32..).zip(before) {
            scene = happen(scene, news, turn).judged(at(1000 + i64::from(turn)));
        }
        let was_open = scene.person.entitlements.get(&ems()).is_some_and(|it| it.standing.is_open());
        // So are those for whom a group was waited for.
        let awaits_group = |scene: &Scene| scene.person.matches.get("ems").is_some_and(|it| it.unread && !it.baseline);
        let was_open = was_open || scene.word() == "expected" || awaits_group(&scene);
        let was_refused = scene.word() == "refused";
        let unsold = scene.catalog.is_empty();
        for edit in edits {
            scene = happen(scene, News::Edited(edit), 99);
        }
        if added {
            scene = happen(scene, News::SecondRule(true), 99);
        }
        // What a first reading of its group shows is part of the edit.
        scene = happen(scene, News::Edited(0), 99);
        scene = happen(scene, News::Group(0), 99).judged(at(2000));
        scene = happen(happen(scene, News::Group(1), 99), News::Member(member), 99);
        let scene = scene.judged(at(2001)).judged(at(2002));
        let open = scene.person.entitlements.get(&ems()).is_some_and(|it| it.standing.is_open());
        prop_assert!(!open || was_open || was_refused || unsold, "{}", scene.word());
    }
}
