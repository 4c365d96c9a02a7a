//! Random stories: whatever comes in whatever order, nobody is lost.

use proptest::prelude::*;

use super::desk::{CONFIG, Desk, domain};
use crate::model::account::{Account, AccountPage, Tombstone};
use crate::model::identity::PersonId;
use crate::model::sample::{account, anchor, at, ems, guid, licensed, news, user, user_id};
use crate::model::standing::{Presence, Reason, Standing};
use crate::model::user::{Removal, User, UserNews, UserPage};
use crate::store::{Outcome, Step};

#[derive(Clone, Copy, Debug)]
enum Turn {
    Account { n: u32, anchor: u32, enabled: bool },
    Deleted(u32),
    User { n: u32, anchor: Option<u32>, licensed: bool },
    Removed(u32),
    Scan,
    Judge,
    Write(u8),
    Settle,
}

fn turn() -> impl Strategy<Value = Turn> {
    let n = || 1..5_u32;
    prop_oneof![
        (n(), n(), prop::bool::weighted(0.8)).prop_map(|(n, anchor, enabled)| Turn::Account { n, anchor, enabled }),
        n().prop_map(|n| Turn::Account { n, anchor: n, enabled: true }),
        n().prop_map(Turn::Deleted),
        (n(), prop::option::of(n()), any::<bool>()).prop_map(|(n, anchor, licensed)| Turn::User {
            n,
            anchor,
            licensed
        }),
        n().prop_map(|n| Turn::User { n, anchor: Some(n), licensed: false }),
        n().prop_map(Turn::Removed),
        Just(Turn::Scan),
        Just(Turn::Judge),
        (0..6_u8).prop_map(Turn::Write),
        Just(Turn::Settle),
    ]
}

async fn take(desk: &Desk, turn: Turn, seconds: i64) {
    let now = at(seconds);
    match turn {
        Turn::Account { n, anchor: joined, enabled } => {
            let (anchor, sid) = (anchor(joined), account(joined).sid);
            desk.accounts(vec![Account { anchor, sid, enabled, ..account(n) }], now).await;
        }
        Turn::Deleted(n) => {
            let deleted = vec![Tombstone { guid: guid(n), usn_changed: seconds }];
            let page = AccountPage { deleted, ..AccountPage::default() };
            desk.store.absorb_accounts(domain(), page, None, now).await.unwrap();
        }
        Turn::User { n, anchor: joined, licensed: has } => {
            let (sid, synced) = (joined.and_then(|n| account(n).sid), joined.map(|_| true));
            let bare = User { anchor: joined.map(anchor), sid, synced, created: Some(at(500)), ..user(n) };
            let user = if has { licensed(bare, ems(), &[], None) } else { bare };
            desk.store.absorb_user(Some(news(&user)), now, now).await.unwrap();
        }
        Turn::Removed(n) => {
            let gone = UserNews { removed: Some(Removal::Restorable), ..UserNews::about(user_id(n)) };
            let page = UserPage { news: vec![gone], quarantined: Vec::new() };
            desk.store.absorb_users(page, None, now, now).await.unwrap();
        }
        Turn::Scan => drop(desk.scan((1..5).map(account).collect(), now).await),
        Turn::Judge => drop(desk.judge(now).await),
        Turn::Write(outcome) => write(desk, outcome, seconds).await,
        Turn::Settle => {
            for intent in desk.store.to_settle(now).await.unwrap() {
                desk.store.settle(intent, CONFIG, now).await.unwrap();
            }
        }
    }
}

/// Plans, and writes the first license; 0 is a crash before the answer.
async fn write(desk: &Desk, outcome: u8, seconds: i64) {
    let (now, reason) = (at(seconds), Reason::new("x", "x"));
    let plan = desk.plan(now).await;
    let Some(write) = plan.writes.first() else { return };
    let step = Step::License { add: write.licenses.clone(), remove: Vec::new() };
    let Some(intent) = desk.commit(write, step, now).await else { return };
    let outcome = match outcome {
        0 => return,
        1 => Outcome::Retry { at: at(seconds + 2), reason },
        2 => Outcome::Refused { reason },
        3 => Outcome::NoSeat { sku: None },
        4 => Outcome::Unknown { settle: now, reason },
        _ => Outcome::Accepted,
    };
    desk.conclude(intent, outcome, now).await;
}

async fn check(desk: &Desk) {
    let report = desk.store.report().await.unwrap();
    let people = u64::try_from(desk.count("SELECT count(*) FROM people")).unwrap();
    assert_eq!(report.presence.values().sum::<u64>(), people, "the counts add up");
    assert_eq!(desk.count("SELECT count(*) FROM people p WHERE dirty = 1"), 0);
    let empty = "SELECT count(*) FROM people p WHERE NOT EXISTS (SELECT 1 FROM accounts WHERE person = p.id)
                 AND NOT EXISTS (SELECT 1 FROM users WHERE person = p.id)
                 AND NOT EXISTS (SELECT 1 FROM entitlements WHERE person = p.id)
                 AND NOT EXISTS (SELECT 1 FROM intents WHERE person = p.id)";
    assert_eq!(desk.count(empty), 0, "nobody is nobody");
    let apart = "SELECT count(*) FROM users u JOIN accounts a ON a.anchor = u.anchor
                 WHERE u.removed IS NULL AND a.gone IS NULL AND a.person <> u.person";
    assert_eq!(desk.count(apart), 0, "one anchor is one person");
    let mixed = "SELECT count(*) FROM users u JOIN accounts a ON a.person = u.person
                 WHERE u.removed IS NULL AND a.gone IS NULL AND a.anchor IS NOT u.anchor";
    assert_eq!(desk.count(mixed), 0, "one person is one anchor");
    let lost = "SELECT count(*) FROM entitlements e WHERE standing = 'in-flight'
                AND NOT EXISTS (SELECT 1 FROM intents i JOIN calls c ON c.intent = i.id
                                WHERE i.id = e.intent AND i.state = 'open' AND c.answered IS NULL)";
    assert_eq!(desk.count(lost), 0, "what is in flight will be settled");
    for id in 1..=desk.count("SELECT max(id) FROM people") {
        let Some(person) = desk.store.person(PersonId(id)).await.unwrap() else { continue };
        let present = person.presence == Some(Presence::Present);
        for entitlement in person.entitlements.values() {
            let flying = matches!(entitlement.standing, Standing::InFlight { .. });
            assert!(present || flying || !entitlement.standing.is_open(), "{person:?}");
        }
        let wanted = person.matches.iter().any(|(_, found)| found.eligible);
        assert!(!wanted || person.entitlements.contains_key(&ems()), "whom a rule wants has a standing: {person:?}");
    }
    assert_eq!(desk.store.broken_audit_row().await.unwrap(), None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(16) })]

    #[test]
    fn nobody_is_lost(story in proptest::collection::vec(turn(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let desk = Desk::acquainted(vec![account(1), account(2)], &[user(1)]).await;
            for (seconds, turn) in (600..).zip(story) {
                take(&desk, turn, seconds).await;
                if matches!(turn, Turn::Judge) {
                    check(&desk).await;
                }
            }
            desk.judge(at(9000)).await;
            check(&desk).await;
        });
    }
}
