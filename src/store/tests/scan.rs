//! Complete reads of both sides: what they conclude, and what they must not.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::desk::{Desk, domain, mark, page, users};
use crate::model::account::{Account, AccountPage, Quarantined, Tombstone};
use crate::model::sample::{account, at, ems, guid, licensed, news, user, user_id};
use crate::model::standing::{Exclusion, Presence};
use crate::model::user::{Removal, User, UserNews, UserPage};
use crate::store::{ListingEnd, ScanEnd};

async fn gone(desk: &Desk) -> i64 {
    desk.count("SELECT count(*) FROM accounts WHERE gone IS NOT NULL")
}

#[tokio::test]
async fn an_account_is_gone_after_two_complete_scans_without_it() {
    let desk = Desk::acquainted((1..=3).map(account).collect(), &[]).await;
    let end = desk.scan(vec![account(1), account(2)], at(20)).await;
    assert_eq!((end, gone(&desk).await), (ScanEnd::Complete { met: 2, gone: 0 }, 0));
    let end = desk.scan(vec![account(1), account(2)], at(30)).await;
    assert_eq!((end, gone(&desk).await), (ScanEnd::Complete { met: 2, gone: 1 }, 1));
    desk.judge(at(31)).await;
    assert_eq!(desk.person(3).await.presence, Some(Presence::Departed));
    desk.accounts(vec![account(3)], at(40)).await;
    assert_eq!(gone(&desk).await, 0);
}

#[tokio::test]
async fn a_scan_that_meets_it_again_forgets_the_miss() {
    let desk = Desk::acquainted((1..=3).map(account).collect(), &[]).await;
    for turn in 0..3 {
        desk.scan(vec![account(1), account(2)], at(20 + turn * 10)).await;
        desk.scan((1..=3).map(account).collect(), at(25 + turn * 10)).await;
    }
    assert_eq!(gone(&desk).await, 0);
}

#[tokio::test]
async fn a_scan_that_never_ended_concludes_nothing_and_leaves_the_watermark() {
    let desk = Desk::acquainted((1..=3).map(account).collect(), &[]).await;
    let known = desk.store.watermark(&mark(0).key).await.unwrap();
    assert_eq!(known, Some(mark(100)));
    for _ in 0..3 {
        let generation = desk.store.begin_scan(&mark(0).key, true).await.unwrap();
        desk.store.absorb_accounts(domain(), page(vec![account(1)]), Some(generation), at(20)).await.unwrap();
    }
    assert_eq!((desk.store.watermark(&mark(0).key).await.unwrap(), gone(&desk).await), (known, 0));
    desk.scan((1..=3).map(account).collect(), at(30)).await;
    assert_eq!(gone(&desk).await, 0);
    desk.store.keep_watermark(mark(120), at(40)).await.unwrap();
    assert_eq!(desk.store.watermark(&mark(0).key).await.unwrap(), Some(mark(120)));
}

#[tokio::test]
async fn a_suddenly_small_answer_removes_nobody() {
    let there: Vec<User> = (0..100).map(user).collect();
    let desk = Desk::acquainted((0..100).map(account).collect(), &there).await;
    for turn in 1..=3 {
        let end = desk.scan((0..50).map(account).collect(), at(10 * turn)).await;
        assert_eq!(end, ScanEnd::Shrunk { met: 50, missing: 50 });
        assert_eq!(desk.scan(Vec::new(), at(10 * turn)).await, ScanEnd::Shrunk { met: 0, missing: 100 });
        assert_eq!(desk.list(&[], at(10 * turn)).await, ListingEnd::Shrunk { met: 0, missing: 100 });
    }
    assert!(desk.store.unlisted(200).await.unwrap().1.is_empty(), "they are not even asked for");
    desk.judge(at(50)).await;
    assert_eq!(desk.store.report().await.unwrap().presence.get("present"), Some(&100));
}

#[tokio::test]
async fn whom_a_listing_does_not_meet_is_asked_for_and_only_then_has_left() {
    let there: Vec<_> = (1..=4).map(user).collect();
    let desk = Desk::acquainted((1..=4).map(account).collect(), &there).await;
    assert_eq!(desk.list(&[user(1)], at(20)).await, ListingEnd::Complete { met: 1, missing: 3 });
    let (generation, missing) = desk.store.unlisted(10).await.unwrap();
    assert_eq!(missing.iter().collect::<BTreeSet<_>>(), BTreeSet::from([&user_id(2), &user_id(3), &user_id(4)]));
    assert!(desk.judge(at(21)).await.is_empty(), "nothing is concluded yet");

    let unreadable = vec![(user_id(3).to_string(), "bad".into())];
    let page = UserPage { quarantined: unreadable, ..users(&[user(4)]) };
    desk.store.absorb_users(page, Some(generation), at(22), at(22)).await.unwrap();
    assert_eq!(desk.store.unlisted(10).await.unwrap().1, [user_id(2)]);
    assert_eq!(desk.store.take_as_gone(vec![user_id(2)], at(23)).await.unwrap(), 1);
    assert!(desk.store.unlisted(10).await.unwrap().1.is_empty());
    desk.judge(at(24)).await;
    assert_eq!(desk.person(2).await.presence, Some(Presence::NotSynced));
    assert_eq!(desk.word(2).await, "lapsed");
    assert_eq!([desk.word(3).await, desk.word(4).await], ["baseline", "baseline"]);
}

#[tokio::test]
async fn whoever_a_running_listing_could_not_meet_yet_stays() {
    let desk = Desk::acquainted(vec![account(1)], &[user(1)]).await;
    let generation = desk.store.begin_listing("link 2").await.unwrap();
    assert_eq!(desk.store.tenant_feed().await.unwrap().link, None, "an interrupted listing is begun again");
    desk.store.absorb_user(Some(news(&user(2))), at(20), at(20)).await.unwrap();
    desk.store.absorb_users(users(&[user(1)]), Some(generation), at(21), at(21)).await.unwrap();
    assert_eq!(desk.store.finish_listing(20, at(22)).await.unwrap(), ListingEnd::Complete { met: 2, missing: 0 });
    assert_eq!(desk.store.tenant_feed().await.unwrap().link.as_deref(), Some("link 2"));
    desk.store.finish_delta("link 3", at(23)).await.unwrap();
    assert_eq!(desk.store.tenant_feed().await.unwrap().link.as_deref(), Some("link 3"));
    desk.store.forget_link().await.unwrap();
    assert_eq!(desk.store.tenant_feed().await.unwrap().link, None);
}

#[tokio::test]
async fn what_a_scan_met_and_cannot_read_is_still_there() {
    let desk = Desk::acquainted(vec![account(1)], &[licensed(user(1), ems(), &[], None)]).await;
    for turn in 1..=3 {
        let generation = desk.store.begin_scan(&mark(0).key, true).await.unwrap();
        let bad = Quarantined { dn: account(1).dn, guid: Some(guid(1)), reason: "bad".into() };
        let page = AccountPage { quarantined: vec![bad], ..AccountPage::default() };
        desk.store.absorb_accounts(domain(), page, Some(generation), at(10 * turn)).await.unwrap();
        desk.store.finish_scan(mark(100), generation, 20, at(10 * turn)).await.unwrap();
        let generation = desk.store.begin_listing("link").await.unwrap();
        let page = UserPage { news: Vec::new(), quarantined: vec![(user_id(1).to_string(), "bad".into())] };
        desk.store.absorb_users(page, Some(generation), at(10 * turn), at(10 * turn)).await.unwrap();
        desk.store.finish_listing(20, at(10 * turn)).await.unwrap();
    }
    desk.judge(at(40)).await;
    assert_eq!(desk.person(1).await.presence, Some(Presence::Present));
    assert_eq!(desk.word(1).await, "satisfied");
}

#[tokio::test]
async fn what_cannot_be_read_is_kept_apart_and_released() {
    let desk = Desk::acquainted(vec![account(1)], &[user(1)]).await;
    let bad = |dn: &str, guid| Quarantined { dn: dn.into(), guid, reason: "objectSid has 3 bytes".into() };
    let quarantined = vec![bad(&account(1).dn, Some(guid(1))), bad(&account(2).dn, None), bad("CN=x", Some(guid(3)))];
    let page = AccountPage { quarantined, ..AccountPage::default() };
    let absorbed = desk.store.absorb_accounts(domain(), page, None, at(20)).await.unwrap();
    assert_eq!(absorbed.quarantined, 3);
    let item = UserPage { news: Vec::new(), quarantined: vec![(user_id(1).to_string(), "no id".into())] };
    desk.store.absorb_users(item, None, at(20), at(20)).await.unwrap();
    assert_eq!(desk.store.quarantined().await.unwrap().len(), 4);
    assert_eq!(desk.store.report().await.unwrap().quarantined, 4);
    desk.accounts(vec![account(1), account(2)], at(21)).await;
    desk.users(&[user(1)], at(21)).await;
    let deleted = vec![Tombstone { guid: guid(3), usn_changed: 1 }];
    let page = AccountPage { deleted, ..AccountPage::default() };
    desk.store.absorb_accounts(domain(), page, None, at(22)).await.unwrap();
    assert_eq!(desk.store.quarantined().await.unwrap(), []);
}

#[tokio::test]
async fn leaving_and_deletion_are_one_time_news() {
    let desk = Desk::acquainted(vec![account(1), account(2)], &[]).await;
    let left = || AccountPage {
        deleted: vec![Tombstone { guid: guid(1), usn_changed: 9 }],
        outside: vec![guid(2), guid(3)],
        ..AccountPage::default()
    };
    assert_eq!(desk.store.absorb_accounts(domain(), left(), None, at(20)).await.unwrap().gone, 2);
    assert_eq!(desk.store.absorb_accounts(domain(), left(), None, at(21)).await.unwrap().gone, 0);
    let gone = UserNews { removed: Some(Removal::Restorable), ..UserNews::about(user_id(7)) };
    let page = UserPage { news: vec![gone], quarantined: Vec::new() };
    assert_eq!(desk.store.absorb_users(page, None, at(22), at(22)).await.unwrap().gone, 0, "never seen");
}

#[tokio::test]
async fn what_brings_nothing_new_makes_no_work() {
    let desk = Desk::acquainted(vec![account(1)], &[user(1)]).await;
    let same = Account { usn_changed: 77, ..account(1) };
    assert_eq!(desk.accounts(vec![same], at(20)).await, crate::store::Absorbed::default());
    assert_eq!(desk.users(&[user(1)], at(20)).await, crate::store::Absorbed::default());
    desk.scan(vec![account(1)], at(20)).await;
    desk.list(&[user(1)], at(20)).await;
    assert!(desk.store.to_judge(10, at(21)).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_account_that_expires_is_judged_again_on_time() {
    let expiring = Account { expires: Some(at(1000)), ..account(1) };
    let desk = Desk::acquainted(vec![expiring], &[user(1)]).await;
    let due: Option<Timestamp> = desk.store.next_due(true, std::time::Duration::ZERO).await.unwrap();
    assert_eq!(due, Some(at(1000)));
    assert!(desk.store.to_judge(10, at(999)).await.unwrap().is_empty());
    desk.judge(at(1000)).await;
    let expired = Exclusion::Expired { at: at(1000) };
    assert_eq!(desk.person(1).await.presence, Some(Presence::Excluded(expired)));
    assert_eq!(desk.store.next_due(true, std::time::Duration::ZERO).await.unwrap(), None);
}
