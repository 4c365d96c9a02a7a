//! Who is looked up, whose licenses are read again, and what that writes.

use std::time::Duration;

use jiff::SignedDuration;

use super::desk::Desk;
use crate::model::sample::{account, anchor, at, ems, licensed, news, user, user_id};
use crate::model::user::User;
use crate::store::Absorbed;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

#[tokio::test]
async fn who_is_awaited_for_long_is_due_once_each_time() {
    let desk = Desk::acquainted(vec![account(1)], &[user(1)]).await;
    desk.accounts(vec![account(2), account(3)], at(100)).await;
    desk.judge(at(100)).await;
    let due = async |seconds, limit| desk.store.to_look_up(limit, HOUR, at(seconds)).await.unwrap();
    assert!(due(3_699, 10).await.is_empty());
    assert_eq!(due(3_700, 1).await.len(), 1);
    let [two, three] = <[_; 2]>::try_from(due(3_700, 10).await).unwrap();
    assert_eq!((&two.anchor, &three.anchor, two.since), (&anchor(2), &anchor(3), at(100)));

    desk.store.look_up_later(vec![(two.person, at(7_000)), (three.person, at(8_000))]).await.unwrap();
    assert!(due(6_999, 10).await.is_empty());
    assert_eq!(due(7_000, 10).await, std::slice::from_ref(&two));
    desk.users(&[User { created: Some(at(7_000)), ..user(2) }], at(7_000)).await;
    desk.judge(at(7_000)).await;
    assert!(due(7_999, 10).await.is_empty(), "it has appeared");
    desk.store.take_as_gone(vec![user_id(2)], at(9_000)).await.unwrap();
    desk.judge(at(9_000)).await;
    let persons = async |seconds| due(seconds, 10).await.into_iter().map(|missed| missed.person).collect::<Vec<_>>();
    assert_eq!(persons(12_599).await, [three.person], "the other is awaited anew");
    assert_eq!(persons(12_600).await.len(), 2);
}

#[tokio::test]
async fn licenses_that_are_relied_on_are_read_again_and_no_others() {
    let users = [licensed(user(1), ems(), &[], None), user(2), licensed(user(3), ems(), &[], Some("group"))];
    let desk = Desk::acquainted((1..=3).map(account).collect(), &users).await;
    let whole = || vec![("0".to_owned(), "g".to_owned())];
    let mut relied = vec![user_id(1), user_id(3)];
    relied.sort_unstable();
    assert_eq!(desk.store.to_read_again(whole(), 10).await.unwrap(), relied);
    assert_eq!(desk.store.to_read_again(whole(), 1).await.unwrap(), relied[..1]);
    let behind = vec![(relied[1].to_string(), "g".to_owned()), ("0".to_owned(), relied[1].to_string())];
    assert_eq!(desk.store.to_read_again(behind, 10).await.unwrap(), [relied[1], relied[0]]);
    assert!(desk.store.to_read_again(Vec::new(), 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn reading_again_what_has_not_changed_writes_nothing() {
    let there = licensed(user(1), ems(), &[], None);
    let desk = Desk::acquainted(vec![account(1)], std::slice::from_ref(&there)).await;
    let ten = Duration::from_mins(10);
    desk.store.note_read_again(at(600), ten).await.unwrap();
    let raw = desk.raw();
    let version =
        || raw.query_row("SELECT data_version FROM pragma_data_version", [], |row| row.get::<_, i64>(0)).unwrap();
    let before = version();
    let absorbed = desk.store.absorb_quietly(vec![news(&there)], at(700), at(700)).await.unwrap();
    desk.store.note_read_again(at(1_199), ten).await.unwrap();
    assert_eq!((absorbed, version()), (Absorbed::default(), before));

    let moved = licensed(user(1), ems(), &[], Some("group"));
    let absorbed = desk.store.absorb_quietly(vec![news(&moved)], at(1_200), at(1_200)).await.unwrap();
    desk.store.note_read_again(at(1_200), ten).await.unwrap();
    assert_eq!((absorbed.changed, desk.store.read_again().await.unwrap()), (1, Some(at(1_200))));
    assert_ne!(version(), before);
    // An older page knows nothing of it.
    desk.store.absorb_users(super::desk::users(&[there]), None, at(1_199), at(1_201)).await.unwrap();
    desk.judge(at(1_202)).await;
    let standing = desk.standing(1).await.unwrap();
    assert_eq!(standing.why().as_deref(), Some("through group group"));
}
