//! Who is one person: accounts and users joined by anchor, in whatever order they come and change.

use super::desk::{Desk, users};
use crate::model::account::Account;
use crate::model::identity::Anchor;
use crate::model::sample::{account, anchor, at, ems, guid, licensed, news, user, user_id};
use crate::model::standing::{Exclusion, Presence, Standing};
use crate::model::user::{Removal, User, UserNews, UserPage};

async fn people(desk: &Desk) -> i64 {
    desk.count("SELECT count(*) FROM people")
}

#[tokio::test]
async fn an_account_and_its_user_are_one_person_in_either_order() {
    let desk = Desk::new().await;
    desk.accounts(vec![account(1)], at(1)).await;
    desk.users(&[user(1)], at(2)).await;
    desk.users(&[user(2)], at(3)).await;
    desk.accounts(vec![account(2)], at(4)).await;
    assert_eq!(people(&desk).await, 2);
    for n in [1, 2] {
        let person = desk.person(n).await;
        assert_eq!((person.accounts.len(), person.users.len()), (1, 1));
    }
}

#[tokio::test]
async fn a_cloud_user_that_gains_an_anchor_joins_its_account_and_keeps_its_person() {
    let desk = Desk::acquainted(vec![account(1)], &[]).await;
    let cloud = User { anchor: None, synced: None, upn: Some("cloud@example.test".into()), ..user(1) };
    desk.users(std::slice::from_ref(&cloud), at(20)).await;
    desk.judge(at(21)).await;
    assert_eq!(people(&desk).await, 2);
    let own = desk.store.find_people("cloud@example.test").await.unwrap();
    desk.users(&[user(1)], at(30)).await;
    assert_eq!(people(&desk).await, 1);
    assert_eq!(vec![desk.id(1).await], own);
    desk.judge(at(31)).await;
    assert_eq!(desk.person(1).await.presence, Some(Presence::Present));
    assert_eq!(desk.standing(1).await, Some(Standing::Due), "it is synced now: an event");
}

#[tokio::test]
async fn an_account_is_found_by_its_anchor_however_that_is_kept() {
    // The GUID in another form; that of another; no GUID at all; and as a store of before kept every one.
    for (anchor, own, of_before) in
        [(anchor(1), 0, false), (anchor(9), 1, false), (Anchor::from_text("ada"), 1, false), (anchor(1), 1, true)]
    {
        let desk = Desk::new().await;
        desk.accounts(vec![Account { anchor: anchor.clone(), ..account(1) }], at(1)).await;
        if of_before {
            desk.raw().execute("UPDATE accounts SET own_anchor = 1", []).unwrap();
        }
        assert_eq!(desk.count("SELECT own_anchor FROM accounts"), own, "{anchor}");
        desk.users(&[User { anchor: Some(anchor.clone()), ..user(1) }], at(2)).await;
        desk.accounts(vec![Account { anchor: anchor.clone(), ..account(2) }], at(3)).await;
        assert_eq!(people(&desk).await, 1, "{anchor}");
    }
}

#[tokio::test]
async fn accounts_of_one_anchor_are_one_person_whichever_has_it_by_its_guid() {
    for turn in [[1, 2], [2, 1]] {
        let desk = Desk::new().await;
        for n in turn {
            desk.accounts(vec![Account { anchor: anchor(1), ..account(n) }], at(n.into())).await;
        }
        assert_eq!(people(&desk).await, 1, "{turn:?}");
    }
}

#[tokio::test]
async fn an_account_whose_anchor_changes_leaves_its_user() {
    let desk = Desk::acquainted(vec![account(1)], &[user(1)]).await;
    let mut moved = account(1);
    moved.anchor = anchor(9);
    desk.accounts(vec![moved], at(20)).await;
    desk.judge(at(21)).await;
    assert_eq!(people(&desk).await, 2);
    let [of_user] = desk.store.find_people(&user_id(1).to_string()).await.unwrap()[..] else { panic!() };
    let person = desk.store.person(of_user).await.unwrap().unwrap();
    assert_eq!((person.accounts.len(), person.presence), (0, Some(Presence::UnknownInDirectory)));
    desk.users(&[User { anchor: Some(anchor(9)), ..user(1) }], at(30)).await;
    desk.judge(at(31)).await;
    assert_eq!(people(&desk).await, 1);
    assert_eq!(desk.person(1).await.presence, Some(Presence::Present));
}

#[tokio::test]
async fn two_users_of_one_anchor_are_a_conflict_until_one_has_another() {
    for resolved in [Some(anchor(8)), None] {
        let desk = Desk::acquainted(vec![account(1)], &[user(1)]).await;
        let second = User { id: user_id(2), upn: Some("u2@example.test".into()), sid: None, ..user(1) };
        desk.users(std::slice::from_ref(&second), at(20)).await;
        desk.judge(at(21)).await;
        assert_eq!(people(&desk).await, 1);
        let shared = Exclusion::AnchorShared { users: vec![user_id(1), user_id(2)] };
        assert_eq!(desk.person(1).await.presence, Some(Presence::Excluded(shared)));
        desk.users(&[User { anchor: resolved.clone(), ..second }], at(30)).await;
        desk.judge(at(31)).await;
        assert_eq!(desk.person(1).await.presence, Some(Presence::Present), "{resolved:?}");
        assert_eq!(desk.person(2).await.users.len(), 1);
    }
}

#[tokio::test]
async fn a_user_that_loses_its_anchor_leaves_the_account_to_the_next_one() {
    let desk = Desk::acquainted(vec![account(1)], &[user(1)]).await;
    let cloud = User { anchor: None, synced: Some(false), upn: Some("cloud@example.test".into()), ..user(1) };
    desk.users(&[cloud], at(20)).await;
    desk.users(&[User { id: user_id(2), created: Some(at(25)), ..user(1) }], at(30)).await;
    desk.judge(at(31)).await;
    assert_eq!(people(&desk).await, 2);
    let found = desk.store.find_people(&user_id(2).to_string()).await.unwrap();
    let person = desk.store.person(found[0]).await.unwrap().unwrap();
    assert_eq!((person.presence, person.accounts.len()), (Some(Presence::Present), 1));
}

#[tokio::test]
async fn a_user_that_takes_another_anchor_leaves_the_old_account() {
    let desk = Desk::acquainted(vec![account(1), account(2)], &[user(1)]).await;
    let matched = User { anchor: Some(anchor(2)), sid: None, ..user(1) };
    desk.users(&[matched], at(20)).await;
    desk.judge(at(21)).await;
    let [person] = desk.store.find_people(&user_id(1).to_string()).await.unwrap()[..] else { panic!() };
    let accounts = desk.store.person(person).await.unwrap().unwrap().accounts;
    assert_eq!(accounts.iter().map(|known| known.account.guid).collect::<Vec<_>>(), [guid(2)]);
    assert_eq!(people(&desk).await, 2);
}

#[tokio::test]
async fn of_two_accounts_with_one_anchor_the_one_that_changes_leaves() {
    let desk = Desk::new().await;
    let mut twin = account(2);
    twin.anchor = anchor(1);
    desk.accounts(vec![account(1), twin], at(1)).await;
    assert_eq!(people(&desk).await, 1);
    desk.accounts(vec![account(2)], at(2)).await;
    desk.users(&[user(1), user(2)], at(3)).await;
    assert_eq!(people(&desk).await, 2);
    assert_eq!(desk.person(1).await.users.len(), 1);
    assert_eq!(desk.person(2).await.users.len(), 1);
}

#[tokio::test]
async fn news_that_was_asked_for_before_a_reading_by_itself_is_not_believed() {
    let desk = Desk::acquainted(vec![account(1)], &[user(1)]).await;
    let located = User { usage_location: Some("SE".parse().unwrap()), ..user(1) };
    desk.store.absorb_user(Some(news(&located)), at(30), at(30)).await.unwrap();
    desk.store.absorb_users(users(&[user(1)]), None, at(29), at(31)).await.unwrap();
    assert_eq!(desk.person(1).await.users[0].user.usage_location, located.usage_location);
    desk.store.absorb_users(users(&[user(1)]), None, at(31), at(32)).await.unwrap();
    assert_eq!(desk.person(1).await.users[0].user.usage_location, None);
    desk.store.absorb_user(None, at(40), at(40)).await.unwrap();
    assert_eq!(desk.person(1).await.users.len(), 1, "nothing follows from a 404");
}
#[tokio::test]
async fn a_person_that_came_again_as_a_new_user_starts_anew() {
    let desk = Desk::acquainted(vec![account(1)], &[licensed(user(1), ems(), &[], None)]).await;
    assert_eq!(desk.word(1).await, "satisfied");
    let gone = UserNews { removed: Some(Removal::Final), ..UserNews::about(user_id(1)) };
    let again = User { id: user_id(2), created: Some(at(20)), ..user(1) };
    let page = UserPage { news: vec![gone, news(&again)], quarantined: Vec::new() };
    desk.store.absorb_users(page, None, at(20), at(20)).await.unwrap();
    desk.judge(at(21)).await;
    let entitlement = desk.entitlement(1, ems()).await.unwrap();
    assert_eq!((entitlement.user, entitlement.standing), (user_id(2), Standing::Due));
}
