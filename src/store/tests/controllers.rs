//! Several controllers and several domains: hints, and what outlives a change of controllers.

use uuid::Uuid;

use super::desk::{COVERAGE, DOMAIN, Desk, domain, mark, page};
use crate::model::account::{Account, AccountPage, Tombstone};
use crate::model::identity::Sid;
use crate::model::sample::{account, at, guid};
use crate::model::watermark::{Canary, Watermark, WatermarkKey};

const DC1: &str = "CN=NTDS Settings,CN=DC1";
const DC2: &str = "CN=NTDS Settings,CN=DC2";

fn child() -> Uuid {
    Uuid::from_u128(0xc1)
}

async fn witness(desk: &Desk, page: AccountPage) -> Vec<u32> {
    desk.store.note_witness(domain(), DC2, page, false, at(20)).await.unwrap();
    hinted(desk).await
}

async fn hinted(desk: &Desk) -> Vec<u32> {
    let hints = desk.store.hints_of(domain(), DC2, 10).await.unwrap();
    (1..10).filter(|n| hints.contains(&guid(*n))).collect()
}

async fn known(desk: &Desk, n: u32) -> Option<Account> {
    let person = desk.person(n).await;
    person.accounts.into_iter().find(|known| known.account.guid == guid(n) && !known.gone).map(|known| known.account)
}

fn disabled(n: u32) -> Account {
    Account { enabled: false, ..account(n) }
}

#[tokio::test]
async fn what_a_witness_shows_beside_the_content_is_kept_until_the_content_shows_it() {
    let desk = Desk::acquainted((1..=3).map(account).collect(), &[]).await;
    desk.store.take_over(domain(), DC1, None).await.unwrap();
    let other_usn = Account { usn_changed: 999, ..account(1) };
    let gone = vec![Tombstone { guid: guid(3), usn_changed: 5 }, Tombstone { guid: guid(8), usn_changed: 5 }];
    let shown = AccountPage { deleted: gone, ..page(vec![other_usn, disabled(2), account(4)]) };
    assert_eq!(witness(&desk, shown).await, [2, 3, 4], "the same is no hint, nor is one gone who was never there");
    assert!(known(&desk, 2).await.unwrap().enabled, "it is a hint and no content");
    desk.accounts(vec![Account { upn: None, ..account(2) }, account(4)], at(30)).await;
    assert_eq!(hinted(&desk).await, [2, 3], "something else than was shown confirms nothing");
    desk.accounts(vec![disabled(2)], at(31)).await;
    assert_eq!(hinted(&desk).await, [3]);
    let absent = AccountPage { absent: vec![guid(1), guid(3)], ..AccountPage::default() };
    desk.store.absorb_accounts(domain(), absent, None, at(32)).await.unwrap();
    assert_eq!(hinted(&desk).await, [0_u32; 0]);
    assert!(known(&desk, 1).await.is_some(), "one controller alone proves no absence");
    assert!(known(&desk, 3).await.is_none(), "two controllers agree that she is gone");
}

#[tokio::test]
async fn whom_a_witness_does_not_have_when_it_is_first_read_is_a_hint() {
    let desk = Desk::acquainted((1..=20).map(account).collect(), &[]).await;
    desk.store.take_over(domain(), DC1, None).await.unwrap();
    let whole = async |met: std::ops::RangeInclusive<u32>, ended: bool| {
        desk.store.begin_witness(domain()).await.unwrap();
        let shown = AccountPage { absent: vec![], ..page(met.map(account).collect()) };
        desk.store.note_witness(domain(), DC2, shown, true, at(20)).await.unwrap();
        if ended {
            desk.store.finish_witness(domain(), DC2, 20, at(20)).await.unwrap();
        }
        hinted(&desk).await
    };
    assert_eq!(whole(9..=20, false).await, [0_u32; 0], "half a reading says nothing");
    assert_eq!(whole(15..=20, true).await, [0_u32; 0], "one that is suspiciously small neither");
    assert_eq!(whole(3..=20, true).await, [1, 2]);
    // The content shows the one, and has not the other either.
    let seen = AccountPage { absent: vec![guid(2)], ..page(vec![account(1)]) };
    desk.store.absorb_accounts(domain(), seen, None, at(30)).await.unwrap();
    assert_eq!((hinted(&desk).await, known(&desk, 2).await), (vec![1], None));
    // Replication brings the one there, too.
    assert_eq!(witness(&desk, page(vec![account(1)])).await, [0_u32; 0]);
}

#[tokio::test]
async fn hints_are_looked_after_ever_more_rarely_and_read_first_by_whoever_takes_over() {
    let desk = Desk::acquainted(vec![account(1)], &[]).await;
    witness(&desk, page(vec![disabled(1)])).await;
    let due = async |seconds| desk.store.hints_to_confirm(domain(), 10, at(seconds)).await.unwrap().len();
    assert_eq!((due(49).await, due(50).await, due(109).await, due(110).await, due(229).await), (0, 1, 0, 1, 0));
    // The controller that gave it becomes content: whatever it shows now answers it.
    desk.store.take_over(domain(), DC2, Some(0)).await.unwrap();
    desk.accounts(vec![account(1)], at(300)).await;
    assert_eq!(hinted(&desk).await, [0_u32; 0]);
}

#[tokio::test]
async fn what_excludes_somebody_outlives_a_change_of_controllers() {
    let desk = Desk::acquainted((1..=3).map(account).collect(), &[]).await;
    let left = AccountPage { deleted: vec![Tombstone { guid: guid(2), usn_changed: 1 }], ..page(vec![disabled(1)]) };
    desk.store.absorb_accounts(domain(), left, None, at(20)).await.unwrap();
    desk.store.take_over(domain(), DC2, Some(500)).await.unwrap();
    let older = |n| Account { usn_changed: 500, display_name: Some("Renamed".into()), ..account(n) };
    desk.accounts((1..=3).map(older).collect(), at(30)).await;
    assert!(!known(&desk, 1).await.unwrap().enabled, "disabled where it was followed before");
    assert_eq!(known(&desk, 1).await.unwrap().display_name.as_deref(), Some("Renamed"));
    assert!(known(&desk, 2).await.is_none(), "deleted where it was followed before");
    let newer = |n| Account { usn_changed: 501, ..older(n) };
    desk.accounts(vec![newer(1), newer(2)], at(31)).await;
    assert!(known(&desk, 1).await.unwrap().enabled && known(&desk, 2).await.is_some());
    desk.accounts(vec![Account { usn_changed: 502, ..disabled(3) }], at(32)).await;
    let read = |settles| {
        let (desk, accounts) = (&desk, (1..=3).map(older).collect());
        async move {
            let generation = desk.store.begin_scan(&mark(0).key, settles).await.unwrap();
            desk.store.absorb_accounts(domain(), page(accounts), Some(generation), at(40)).await.unwrap();
            desk.store.finish_scan(mark(600), generation, 20, at(40)).await.unwrap();
            known(desk, 3).await.unwrap().enabled
        }
    };
    assert!(!read(false).await, "a reading because of the change settles nothing");
    assert!(read(true).await, "with a regular one what is seen holds again");
}

#[tokio::test]
async fn who_is_met_and_still_counts_as_gone_is_met_all_the_same() {
    let desk = Desk::acquainted((1..=3).map(account).collect(), &[]).await;
    let deleted = |n| Tombstone { guid: guid(n), usn_changed: 1 };
    let left = AccountPage { deleted: vec![deleted(1), deleted(2)], ..AccountPage::default() };
    desk.store.absorb_accounts(domain(), left, None, at(20)).await.unwrap();
    desk.store.take_over(domain(), DC2, Some(500)).await.unwrap();
    let generation = desk.store.begin_scan(&mark(0).key, false).await.unwrap();
    desk.store.absorb_accounts(domain(), page(vec![account(1), account(2)]), Some(generation), at(30)).await.unwrap();
    let (end, _) = desk.store.finish_scan(mark(600), generation, 20, at(30)).await.unwrap();
    assert_eq!(end, crate::store::ScanEnd::Complete { met: 2, gone: 0 }, "no answer is empty that brought two");
    assert!(known(&desk, 1).await.is_none(), "deleted where it was followed before");
}

#[tokio::test]
async fn each_controller_has_a_row_of_its_own_and_another_coverage_voids_them_all() {
    let desk = Desk::acquainted(vec![account(1)], &[]).await;
    let key = WatermarkKey { ntds: DC2.into(), invocation: Uuid::from_u128(2), ..mark(0).key };
    assert_eq!(desk.store.watermark(&key).await.unwrap(), None);
    let canary = Some(Canary { guid: guid(1), usn: 40 });
    let row = Watermark { key: key.clone(), usn: 50, behind: 45, canary };
    desk.store.keep_watermark(row.clone(), at(20)).await.unwrap();
    assert_eq!(desk.store.watermark(&key).await.unwrap(), Some(row.clone()));
    assert_eq!(desk.store.watermark(&mark(0).key).await.unwrap(), Some(mark(100)));
    let restored = WatermarkKey { invocation: Uuid::from_u128(3), ..key.clone() };
    assert_eq!(desk.store.watermark(&restored).await.unwrap(), Some(row), "what is known of its former epoch");
    witness(&desk, page(vec![disabled(1)])).await;
    desk.store.void_watermark(&key).await.unwrap();
    assert_eq!((desk.store.watermark(&key).await.unwrap(), hinted(&desk).await), (None, vec![]));
    let wider = WatermarkKey { coverage: "coverage 2".into(), ..mark(0).key };
    assert_eq!(desk.store.coverage().await.unwrap().get(DOMAIN).map(String::as_str), Some(COVERAGE));
    desk.store.begin_scan(&wider, true).await.unwrap();
    assert_eq!(desk.store.coverage().await.unwrap().len(), 0, "half of it is of another coverage by now");
    assert_eq!(desk.store.watermark(&mark(0).key).await.unwrap(), None);
}

#[tokio::test]
async fn an_account_that_moves_to_another_domain_stays_one_person() {
    let desk = Desk::acquainted(vec![account(1), account(2)], &[]).await;
    let before = desk.person(1).await.id;
    let configured = [DOMAIN.to_owned(), "child.example.test".to_owned()];
    desk.store.bind_domain(child(), &configured[1], &configured, at(20)).await.unwrap();
    assert!(!desk.store.is_acquainted(&configured).await.unwrap(), "a domain was never read");
    let moved = Account { sid: Some(Sid::from_text("S-1-5-21-9-9-9-1001")), dn: "CN=u1,DC=child".into(), ..account(1) };
    let key = WatermarkKey { domain: child(), ..mark(0).key };
    let generation = desk.store.begin_scan(&key, true).await.unwrap();
    desk.store.absorb_accounts(child(), page(vec![moved.clone()]), Some(generation), at(21)).await.unwrap();
    let end = desk.store.finish_scan(Watermark { key, ..mark(9) }, generation, 20, at(21)).await.unwrap();
    assert_eq!(end.0, crate::store::ScanEnd::Complete { met: 1, gone: 0 });
    assert!(desk.store.is_acquainted(&configured).await.unwrap());
    // Where she was she is missing, or deleted: that is no news of her any more.
    let deleted = AccountPage { deleted: vec![Tombstone { guid: guid(1), usn_changed: 7 }], ..AccountPage::default() };
    assert_eq!(desk.store.absorb_accounts(domain(), deleted, None, at(22)).await.unwrap().gone, 0);
    for turn in 0..3 {
        desk.scan(vec![account(2)], at(30 + turn)).await;
    }
    let person = desk.person(1).await;
    assert_eq!((person.id, person.accounts.len()), (before, 1));
    assert_eq!((&person.accounts[0].account, person.accounts[0].gone), (&moved, false));
}
