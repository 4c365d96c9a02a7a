//! What holds of every decision about any person.

use std::time::Duration;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::grouping::sales;
use super::scene::{Scene, known_user};
use crate::model::group::{GroupState, LicensingGroup, Memberships};
use crate::model::identity::{HoldId, IntentId};
use crate::model::rule::{Adopt, Dn, OnLeave, Who};
use crate::model::sample::{at, ems, intune_a, licensed, rule, spe_e3, user, user_id};
use crate::model::standing::{Action, Presence, Reason, Standing};
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
    Leaves(bool),
    OnLeave(u8),
    Adopts(u8),
    Written,
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
        parting(),
    ]
}

/// What belongs to leaving, and to what is done then.
fn parting() -> impl Strategy<Value = News> {
    prop_oneof![
        4 => any::<bool>().prop_map(News::Leaves),
        2 => (0..4_u8).prop_map(News::OnLeave),
        1 => (0..3_u8).prop_map(News::Adopts),
        3 => Just(News::Written),
    ]
}

/// What an edit of the configuration may do to somebody without asking: nothing of it may take a license away.
fn edit() -> impl Strategy<Value = News> {
    prop_oneof![
        (0..5_u8).prop_map(News::Edited),
        (0..4_u8).prop_map(News::OnLeave),
        (0..3_u8).prop_map(News::Adopts),
        Just(News::Widened),
        any::<bool>().prop_map(News::SecondRule),
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
        News::Leaves(leaves) => {
            let unit = if leaves { "Gone" } else { "Staff" };
            s.account().dn = format!("CN=u1,OU={unit},DC=corp,DC=example,DC=test");
        }
        News::OnLeave(kind) => {
            let grace = Duration::from_secs(if kind == 1 { 0 } else { 5 });
            s.rules[0].on_leave = match kind {
                0 => OnLeave::Keep,
                kind => OnLeave::Reclaim { grace, any_direct: kind == 3 },
            };
        }
        News::Adopts(kind) => s.rules[0].adopt = [Adopt::Leave, Adopt::Merge, Adopt::Enforce][usize::from(kind)],
        News::Written => written(s, turn),
    })
}

/// A write takes effect, as the store keeps it.
fn written(scene: &mut Scene, turn: u32) {
    let Some(stored) = scene.person.entitlements.get_mut(&ems()) else { return };
    let flying = matches!(stored.standing, Standing::InFlight { .. });
    let open = stored.standing.is_open() || matches!(stored.standing, Standing::Reclaiming { .. });
    if !(flying || open) || scene.person.users.len() != 1 {
        return;
    }
    let (action, disabled) = (stored.action, stored.disabled.iter().copied().collect::<Vec<_>>());
    let before = &scene.person.users[0].user;
    let had = before.direct_license(ems()).is_some();
    match action {
        Action::Take { .. } => (stored.standing, stored.ours) = (Standing::Reclaimed, false),
        _ => {
            stored.standing = Standing::Confirming { accepted: at(1000 + i64::from(turn)) };
            stored.ours |= !had && action == Action::Give;
        }
    }
    let mut user = User { licenses: Vec::new(), sources: Vec::new(), plans: [].into(), ..before.clone() };
    if !matches!(action, Action::Take { .. }) {
        user = licensed(user, ems(), &disabled, None);
    }
    scene.person.users[0].user = user;
}

/// EMS is to be taken away, now or at its time.
fn is_to_go(scene: &Scene) -> bool {
    scene.person.entitlements.get(&ems()).is_some_and(|it| {
        let under_way = it.standing.is_open() || matches!(it.standing, Standing::Reclaiming { .. });
        matches!(it.action, Action::Take { .. }) && under_way && !matches!(it.standing, Standing::InFlight { .. })
    })
}

fn staff() -> Who {
    Who::Ou(Dn::parse("OU=Staff,DC=corp,DC=example,DC=test").unwrap())
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
    fn nothing_is_taken_that_is_not_ours_and_who_returns_keeps_it(
        story in proptest::collection::vec(prop_oneof![3 => parting(), 2 => news()], 1..16),
    ) {
        let mut scene = Scene::new().when(|s| s.rules[0].who = staff()).judged(at(900));
        for (turn, news) in (0_u32..).zip(story) {
            let now = at(1000 + i64::from(turn) * 2);
            let any_direct = matches!(scene.rules[0].on_leave, OnLeave::Reclaim { any_direct: true, .. });
            let was_to_go = is_to_go(&scene);
            scene = happen(scene, news, turn).judged(now);
            if is_to_go(&scene) {
                let has = scene.person.users[0].user.direct_license(ems()).is_some();
                let any_direct = any_direct || matches!(scene.rules[0].on_leave, OnLeave::Reclaim { any_direct: true, .. });
                prop_assert!(has && (scene.ems().ours || any_direct || was_to_go), "{:?}", scene.ems());
                prop_assert!(was_to_go || !scene.person.matches.iter().any(|(_, found)| found.eligible));
            }
            if matches!(news, News::Leaves(false)) {
                let meant = scene.person.matches.get("ems").is_some_and(|found| found.eligible);
                prop_assert!(!(meant && is_to_go(&scene)) || scene.catalog.is_empty(), "{:?}", scene.ems());
            }
        }
    }

    #[test]
    fn an_edit_takes_nothing_away_at_once_or_later(
        story in proptest::collection::vec(prop_oneof![3 => parting(), 2 => news()], 1..12),
        edits in proptest::collection::vec(edit(), 1..5),
        writes in any::<bool>(),
    ) {
        let mut scene = Scene::new().when(|s| s.rules[0].who = staff()).judged(at(900));
        for (turn, news) in (0_u32..).zip(story) {
            scene = happen(scene, news, turn).judged(at(1000 + i64::from(turn)));
        }
        // What is on its way when the file is taken over arrives after it: a removal, or what is given to somebody who has left.
        let flying = scene.person.entitlements.get(&ems()).filter(|it| matches!(it.standing, Standing::InFlight { .. }));
        let meant = scene.person.matches.iter().any(|(_, found)| found.eligible);
        let was_to_go = is_to_go(&scene) || flying.is_some_and(|it| matches!(it.action, Action::Take { .. }) || !meant);
        for edit in edits {
            scene = happen(scene, edit, 98);
        }
        scene = scene.judged(at(2000));
        prop_assert!(was_to_go || !is_to_go(&scene), "{:?}", scene.ems());
        if writes {
            scene = happen(scene, News::Written, 99);
        }
        for second in [2001, 2010, 3000] {
            scene = scene.judged(at(second));
            prop_assert!(was_to_go || !is_to_go(&scene), "{:?}", scene.ems());
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
        // What we gave follows its rule: its plans may change.
        let entitlement = scene.person.entitlements.get(&ems());
        let open = entitlement.is_some_and(|it| it.standing.is_open() && it.action != Action::Change);
        prop_assert!(!open || was_open || was_refused || unsold, "{}", scene.word());
    }
}
