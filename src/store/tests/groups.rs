//! Groups: what a reading of one changes, and what is asked of users whose license is expected from one.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use uuid::Uuid;

use super::desk::{CONFIG, Desk};
use crate::model::group::{GroupFault, GroupReading, GroupState, LicensingGroup};
use crate::model::identity::{GroupId, UserId};
use crate::model::request::Request;
use crate::model::rule::Who;
use crate::model::sample::{account, at, ems, news, user, user_id};
use crate::model::user::{AssignedLicense, User};
use crate::store::GroupEnd;

const SHRINK: u32 = 20;

fn sales() -> GroupId {
    Uuid::from_u128(0x5a1e5).into()
}

fn of(members: impl IntoIterator<Item = u32>) -> GroupReading {
    let members: BTreeSet<UserId> = members.into_iter().map(user_id).collect();
    GroupReading::Complete { name: "Sales".into(), members }
}

/// Some people who were there before, and a rule that names the group.
async fn desk(people: u32) -> Desk {
    let accounts = (1..=people).map(account).collect();
    let mut desk = Desk::new().await;
    desk.rules[0].who = Who::EntraGroup(sales());
    desk.first_reads(accounts, &(1..=people).map(user).collect::<Vec<_>>()).await;
    desk
}

async fn read(desk: &Desk, reading: GroupReading, second: i64) -> GroupEnd {
    desk.store.absorb_group(sales(), reading, SHRINK, at(second)).await.unwrap()
}

#[tokio::test]
async fn joining_is_due_leaving_lapses_and_the_first_reading_is_neither() {
    let desk = desk(3).await;
    desk.judge(at(600)).await;
    assert_eq!(desk.word(1).await, "none", "nobody is decided about before the group was read");
    assert_eq!(read(&desk, of([1]), 610).await, GroupEnd::First { members: 1 });
    desk.judge(at(620)).await;
    assert_eq!((desk.word(1).await, desk.word(2).await), ("baseline", "none"));
    // A member whom nobody knows yet is none of ours.
    assert_eq!(read(&desk, of([1, 2, 99]), 700).await, GroupEnd::Changed { joined: 2, left: 0 });
    desk.judge(at(710)).await;
    assert_eq!((desk.word(1).await, desk.word(2).await, desk.word(3).await), ("baseline", "due", "none"));
    let dossier = desk.store.dossier(desk.id(2).await).await.unwrap().unwrap();
    assert_eq!(
        (dossier.rules["ems"].eligible, dossier.rules["ems"].groups.as_slice()),
        (true, &["Sales".to_owned()][..])
    );
    assert!(dossier.timeline.iter().any(|row| row.kind == "group" && row.detail["joined"] == "Sales"), "{dossier:#?}");
    assert_eq!(read(&desk, of([1, 99]), 720).await, GroupEnd::Changed { joined: 0, left: 1 });
    desk.judge(at(730)).await;
    assert_eq!(desk.word(2).await, "lapsed");
    assert_eq!(desk.store.broken_audit_row().await.unwrap(), None);
}

#[tokio::test]
async fn nothing_is_written_while_nothing_is_different() {
    let desk = desk(2).await;
    read(&desk, of([1, 2]), 600).await;
    read(&desk, GroupReading::Missing, 601).await;
    let version = |desk: &Desk| -> i64 {
        let db = desk.raw();
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        std::fs::metadata(desk.path().with_extension("db-wal")).map_or(0, |wal| wal.len().cast_signed())
    };
    assert_eq!(version(&desk), 0);
    let wal = || std::fs::metadata(desk.path().with_extension("db-wal")).map_or(0, |wal| wal.len());
    assert_eq!(read(&desk, GroupReading::Missing, 602).await, GroupEnd::Unusable);
    assert_eq!(wal(), 0);
    assert_eq!(read(&desk, of([1, 2]), 603).await, GroupEnd::Same);
    assert_ne!(wal(), 0, "it is there again");
    version(&desk);
    assert_eq!(read(&desk, of([1, 2]), 604).await, GroupEnd::Same);
    desk.store.follow_groups([sales()].into()).await.unwrap();
    assert_eq!(wal(), 0);
}

#[tokio::test]
async fn a_suddenly_small_group_keeps_its_members() {
    let desk = desk(20).await;
    read(&desk, of(1..=20), 600).await;
    let members = || desk.count("SELECT count(*) FROM scope_members");
    let fault = async || desk.store.report().await.unwrap().groups[0].fault.clone();
    for (reading, met, missing) in [(of(1..=9), 9, 11), (of([]), 0, 20)] {
        assert_eq!(read(&desk, reading.clone(), 610).await, GroupEnd::Shrunk { met, missing });
        assert_eq!((members(), fault().await), (20, Some(GroupFault::Shrunk { met, missing })));
        assert_eq!(read(&desk, reading, 611).await, GroupEnd::Same, "it is said once");
    }
    // Whoever came is believed all the same.
    assert_eq!(read(&desk, of([1, 99]), 612).await, GroupEnd::Shrunk { met: 2, missing: 19 });
    assert_eq!(members(), 21);
    let hidden = GroupReading::Hidden { name: "Sales".into() };
    assert_eq!(
        desk.store.absorb_group(sales(), hidden, 100, at(613)).await.unwrap(),
        GroupEnd::Shrunk { met: 0, missing: 21 }
    );
    assert_eq!(desk.store.group_states().await.unwrap()[&sales().into()], GroupState::Known);
    // Few may always leave, and all when the operator says so.
    read(&desk, of(1..=20), 614).await;
    assert_eq!(read(&desk, of(1..=15), 615).await, GroupEnd::Changed { joined: 0, left: 5 });
    assert_eq!(fault().await, None);
    let end = desk.store.absorb_group(sales(), of([]), 100, at(616)).await.unwrap();
    assert_eq!((end, members()), (GroupEnd::Changed { joined: 0, left: 15 }, 0));
}

#[tokio::test]
async fn a_group_that_is_gone_keeps_what_it_gave_and_one_that_is_named_no_more_is_forgotten() {
    let desk = desk(1).await;
    read(&desk, of([]), 600).await;
    desk.judge(at(610)).await;
    read(&desk, of([1]), 620).await;
    desk.judge(at(630)).await;
    assert_eq!(desk.word(1).await, "due");
    read(&desk, GroupReading::Missing, 640).await;
    assert_eq!(desk.store.group_states().await.unwrap()[&sales().into()], GroupState::Missing);
    desk.judge(at(650)).await;
    assert_eq!(desk.word(1).await, "due");
    read(&desk, of([1]), 660).await;
    desk.judge(at(670)).await;
    assert_eq!(desk.word(1).await, "due");
    desk.store.follow_groups(BTreeSet::new()).await.unwrap();
    assert_eq!(
        (desk.count("SELECT count(*) FROM scope_members"), desk.store.report().await.unwrap().groups.len()),
        (0, 0)
    );
}

fn giver() -> LicensingGroup {
    let licenses = vec![AssignedLicense { sku: ems(), disabled: BTreeSet::new() }];
    LicensingGroup { id: sales(), name: "Sales".into(), licenses }
}

#[tokio::test]
async fn who_is_in_a_licensing_group_is_asked_while_it_matters() {
    let mut desk = Desk::acquainted(vec![account(1)], &[user(1)]).await;
    desk.grace = Some(SignedDuration::from_hours(1));
    desk.judge(at(550)).await;
    desk.accounts(vec![account(2)], at(560)).await;
    let joiner = User { created: Some(at(555)), ..user(2) };
    desk.store.absorb_user(Some(news(&joiner)), at(560), at(560)).await.unwrap();
    desk.judge(at(600)).await;
    let ask = async |before: i64| desk.store.to_ask_about(10, at(before)).await.unwrap();
    assert_eq!((desk.word(1).await, desk.word(2).await, ask(0).await), ("baseline", "expected", vec![user_id(2)]));
    desk.store.put_licensing_groups(vec![giver()]).await.unwrap();
    let other: GroupId = Uuid::from_u128(7).into();
    desk.store.put_memberships(vec![(user_id(2), [sales(), other].into())], at(610)).await.unwrap();
    desk.judge(at(620)).await;
    let why = desk.standing(2).await.unwrap().why().unwrap();
    assert!(why.contains("expected from group Sales until"), "{why}");
    assert_eq!((ask(609).await, ask(610).await), (vec![], vec![user_id(2)]), "again after a while");
    assert_eq!(desk.person(2).await.memberships.unwrap().groups, [sales()].into(), "others are no business of ours");
    assert!(desk.store.candidates(at(620)).await.unwrap().is_empty());

    desk.ask(Request::Retry { person: None }, at(630)).await.unwrap();
    assert_eq!(desk.word(2).await, "expected", "nothing failed");
    desk.ask(Request::Retry { person: Some(desk.id(2).await) }, at(640)).await.unwrap();
    desk.judge(at(650)).await;
    assert_eq!(desk.word(2).await, "due");
    desk.store.put_memberships(vec![], at(660)).await.unwrap();
    assert_eq!((desk.count("SELECT count(*) FROM memberships"), ask(700).await.len()), (0, 0));
    let audit = desk.store.dossier(desk.id(2).await).await.unwrap().unwrap().timeline;
    assert!(audit.iter().all(|row| row.config.as_deref().is_none_or(|config| config == CONFIG)));
}
