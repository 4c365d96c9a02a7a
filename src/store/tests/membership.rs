//! Groups of the directory: from what controllers show of them to who is believed to be in them.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::desk::{DOMAIN, Desk, domain, mark};
use crate::model::account::{Account, AccountPage, Tombstone};
use crate::model::group::{Found, GroupFault, GroupNode, GroupState, Member};
use crate::model::identity::{ObjectGuid, Sid};
use crate::model::rule::{Dn, Who};
use crate::model::sample::{account, at, user};
use crate::store::{Errand, GroupEnd, GroupNews};

const SHRINK: u32 = 20;
/// Another domain.
const SALES: &str = "sales.corp.example.test";

fn crew() -> Dn {
    Dn::parse("CN=Crew,DC=corp,DC=example,DC=test").unwrap()
}

fn guid(n: u32) -> ObjectGuid {
    Uuid::from_u128(0x6000 + u128::from(n)).to_string().parse().unwrap()
}

fn node(n: u32, usn_changed: i64) -> GroupNode {
    let sid = Some(Sid::from_text(format!("S-1-5-21-1-2-3-{}", 6000 + n)));
    GroupNode { guid: guid(n), dn: format!("CN=Group{n},DC=corp,DC=example,DC=test"), sid, usn_changed }
}

fn person(n: u32) -> Member {
    Member { guid: account(n).guid, foreign: None, domain: None }
}

fn group(n: u32) -> Member {
    Member { guid: guid(n), foreign: None, domain: None }
}

/// Some people who were there before, and a rule that names the group 1.
async fn desk(people: u32) -> Desk {
    let mut desk = Desk::new().await;
    desk.rules[0].who = Who::Group(crew());
    desk.first_reads((1..=people).map(account).collect(), &(1..=people).map(user).collect::<Vec<_>>()).await;
    desk.store.take_over(domain(), &mark(0).key.ntds, None).await.unwrap();
    desk.store.follow_directory_groups(vec![(crew(), DOMAIN.to_owned())]).await.unwrap();
    desk
}

fn followed() -> Vec<String> {
    vec![DOMAIN.to_owned(), SALES.to_owned()]
}

async fn find(desk: &Desk, meant: Option<Found>, there: Found, second: i64) -> Option<GroupFault> {
    desk.store.put_found(domain(), crew(), meant, there, at(second)).await.unwrap().map(|(_, fault)| fault)
}

async fn walk(desk: &Desk, node: GroupNode, members: Vec<Member>, within: Vec<GroupNode>, second: i64) {
    desk.store.begin_walk(node.guid).await.unwrap();
    desk.store.met_members(node.guid, members).await.unwrap();
    desk.store.finish_walk(domain(), node, within, at(second)).await.unwrap();
}

async fn errand(desk: &Desk, second: i64) -> Option<Errand> {
    desk.store.errand(domain(), &mark(0).key.ntds, at(second)).await.unwrap()
}

async fn settle(desk: &Desk, second: i64) -> Vec<GroupNews> {
    assert_eq!(errand(desk, second).await, Some(Errand::Settle));
    let news = desk.store.settle_groups(domain(), &followed(), SHRINK, at(second)).await.unwrap();
    assert!(matches!(errand(desk, second).await, None | Some(Errand::Walk(_))));
    news.into_iter().map(|(_, news)| news).collect()
}

fn members(end: GroupEnd) -> Vec<GroupNews> {
    vec![GroupNews::Members(end)]
}

/// The group is found, and who is in it known.
async fn read(desk: &Desk, people: impl IntoIterator<Item = u32>) {
    assert_eq!(errand(desk, 600).await, Some(Errand::Find { dn: crew(), meant: None }));
    assert_eq!(find(desk, None, Found::Group(node(1, 5)), 600).await, None);
    assert_eq!(errand(desk, 600).await, Some(Errand::Walk(guid(1))));
    walk(desk, node(1, 5), people.into_iter().map(person).collect(), vec![], 600).await;
    assert!(matches!(settle(desk, 600).await[..], [GroupNews::Members(GroupEnd::First { .. })]));
}

#[tokio::test]
async fn the_edges_are_walked_whatever_circles_they_make() {
    let desk = desk(4).await;
    read(&desk, [1]).await;
    desk.judge(at(610)).await;
    assert_eq!((desk.word(1).await, desk.word(2).await), ("baseline", "none"));
    walk(&desk, node(1, 6), vec![person(1), group(2)], vec![node(2, 3)], 620).await;
    assert_eq!(errand(&desk, 620).await, Some(Errand::Walk(guid(2))), "a group that came into it is read");
    // Half of what is due says nothing.
    assert_eq!(desk.store.settle_groups(domain(), &followed(), SHRINK, at(620)).await.unwrap(), []);
    walk(&desk, node(2, 3), vec![person(2), group(1), group(2)], vec![node(1, 6), node(2, 3)], 620).await;
    assert_eq!(settle(&desk, 620).await, members(GroupEnd::Changed { joined: 1, left: 0 }));
    desk.judge(at(630)).await;
    assert_eq!((desk.word(1).await, desk.word(2).await), ("baseline", "due"));
    // Somebody of another forest, and somebody whose primary group is one within.
    let foreign = Member { guid: guid(90), foreign: account(3).sid, domain: None };
    walk(&desk, node(1, 7), vec![person(1), group(2), foreign], vec![node(2, 3)], 640).await;
    assert_eq!(settle(&desk, 640).await, members(GroupEnd::Changed { joined: 1, left: 0 }));
    let primary =
        BTreeMap::from([("primarygroupid".to_owned(), vec!["6002".to_owned()]), ("c".into(), vec!["SE".into()])]);
    let sid = Some(Sid::from_text("S-1-5-21-1-2-3-4"));
    desk.accounts(vec![Account { attributes: primary, sid, ..account(4) }], at(650)).await;
    desk.judge(at(650)).await;
    assert_eq!((desk.word(3).await, desk.word(4).await), ("due", "due"));
    assert_eq!(desk.store.report().await.unwrap().groups[0].members, 4);
    // The group within goes, with everybody who was in it for it.
    walk(&desk, node(1, 8), vec![person(1), person(3)], vec![], 660).await;
    assert_eq!(settle(&desk, 660).await, members(GroupEnd::Changed { joined: 0, left: 2 }));
    desk.judge(at(670)).await;
    assert_eq!((desk.word(2).await, desk.word(3).await, desk.word(4).await), ("lapsed", "due", "lapsed"));
    assert_eq!(desk.count("SELECT count(*) FROM group_nodes"), 1, "what lies within nothing is forgotten");
    desk.store.follow_directory_groups(vec![]).await.unwrap();
    assert_eq!(desk.count("SELECT count(*) FROM group_members"), 0);
}

#[tokio::test]
async fn what_was_not_read_to_its_end_and_a_suddenly_small_group_take_nobody_away() {
    let desk = desk(20).await;
    read(&desk, 1..=20).await;
    desk.store.begin_walk(guid(1)).await.unwrap();
    desk.store.met_members(guid(1), vec![person(1)]).await.unwrap();
    desk.store.break_walk(domain(), guid(1), "it broke".into(), at(610)).await.unwrap();
    let broken = GroupFault::Broken { dn: node(1, 5).dn, why: "it broke".into() };
    assert_eq!(settle(&desk, 610).await, vec![GroupNews::Fault(broken)]);
    let known = || desk.count("SELECT count(*) FROM group_members WHERE key NOT LIKE 'primary%'");
    assert_eq!((known(), errand(&desk, 909).await), (20, None));
    assert_eq!(errand(&desk, 910).await, Some(Errand::Walk(guid(1))), "it is tried again");
    walk(&desk, node(1, 6), (1..=9).map(person).collect(), vec![], 910).await;
    assert_eq!(settle(&desk, 910).await, members(GroupEnd::Shrunk { met: 9, missing: 11 }));
    walk(&desk, node(1, 6), (1..=9).map(person).collect(), vec![], 911).await;
    assert_eq!((known(), errand(&desk, 911).await), (20, None), "it is said once");
    // With another limit it is looked at again, by the next start.
    desk.store.follow_directory_groups(vec![(crew(), DOMAIN.to_owned())]).await.unwrap();
    let news = desk.store.settle_groups(domain(), &followed(), 100, at(920)).await.unwrap();
    assert_eq!((news.len(), known()), (1, 9));
    assert_eq!(desk.store.report().await.unwrap().groups[0].fault, None);
}

#[tokio::test]
async fn the_group_that_was_found_stays_the_one_that_is_meant() {
    let desk = desk(2).await;
    let gone = GroupFault::Missing;
    assert_eq!(find(&desk, None, Found::Nothing, 500).await, Some(gone.clone()));
    assert_eq!(find(&desk, None, Found::Nothing, 501).await, None, "it is said once");
    let state = async || desk.store.group_states().await.unwrap()[&crew().into()];
    assert_eq!((state().await, errand(&desk, 600).await), (GroupState::Missing, None));
    let page = AccountPage { groups: vec![(guid(1), 5)], ..AccountPage::default() };
    desk.store.absorb_accounts(domain(), page, None, at(600)).await.unwrap();
    read(&desk, [1]).await;
    assert_eq!(state().await, GroupState::Known);
    let moved = GroupNode { dn: "CN=Moved,DC=corp".into(), ..node(1, 9) };
    assert_eq!(find(&desk, Some(Found::Group(moved.clone())), Found::Nothing, 610).await, None);
    assert_eq!(errand(&desk, 610).await, None, "it is the same group");
    let other = Found::Group(node(7, 1));
    let replaced =
        |meant: Option<&str>| GroupFault::Replaced { meant: meant.map(str::to_owned), guid: guid(1), other: guid(7) };
    let found = find(&desk, Some(Found::Group(moved)), other.clone(), 620).await;
    assert_eq!((found, state().await), (Some(replaced(Some("CN=Moved,DC=corp"))), GroupState::Known));
    assert_eq!(find(&desk, Some(Found::Nothing), other, 630).await, Some(replaced(None)));
    assert_eq!((state().await, desk.count("SELECT count(*) FROM group_nodes")), (GroupState::Missing, 1));
}

#[tokio::test]
async fn a_controller_that_stands_in_brings_nobody_back_before_a_newer_write() {
    let desk = desk(2).await;
    read(&desk, [1, 2]).await;
    walk(&desk, node(1, 6), vec![person(1)], vec![], 610).await;
    settle(&desk, 610).await;
    desk.store.take_over(domain(), "CN=NTDS Settings,CN=DC2", Some(500)).await.unwrap();
    let known = || desk.count("SELECT count(*) FROM group_members WHERE key NOT LIKE 'primary%'");
    walk(&desk, node(1, 500), vec![person(1), person(2)], vec![], 620).await;
    assert_eq!(desk.store.settle_groups(domain(), &followed(), SHRINK, at(620)).await.unwrap(), []);
    assert_eq!(known(), 1);
    walk(&desk, node(1, 501), vec![person(1), person(2)], vec![], 630).await;
    assert_eq!(desk.store.settle_groups(domain(), &followed(), SHRINK, at(630)).await.unwrap().len(), 1);
    assert_eq!(known(), 2);
}

#[tokio::test]
async fn who_is_brought_back_has_the_groups_read_again() {
    let desk = desk(2).await;
    read(&desk, [1, 2]).await;
    let deleted = vec![Tombstone { guid: account(1).guid, usn_changed: 9 }];
    let page = AccountPage { deleted, ..AccountPage::default() };
    desk.store.absorb_accounts(domain(), page, None, at(610)).await.unwrap();
    assert_eq!(errand(&desk, 610).await, None);
    walk(&desk, node(1, 5), vec![person(2)], vec![], 620).await;
    settle(&desk, 620).await;
    desk.accounts(vec![account(1)], at(630)).await;
    assert_eq!(errand(&desk, 630).await, Some(Errand::Walk(guid(1))));
}

fn sales() -> Uuid {
    Uuid::from_u128(0xd1)
}

async fn sales_errand(desk: &Desk) -> Option<Errand> {
    desk.store.errand(sales(), "CN=NTDS Settings,CN=DC9", at(5_000)).await.unwrap()
}

async fn sales_walk(desk: &Desk, node: GroupNode, members: Vec<Member>, second: i64) {
    desk.store.begin_walk(node.guid).await.unwrap();
    desk.store.met_members(node.guid, members).await.unwrap();
    desk.store.finish_walk(sales(), node, vec![], at(second)).await.unwrap();
}

/// Somebody or something that lies in that domain.
fn from(domain: &str, member: Member) -> Member {
    Member { domain: Some(domain.to_owned()), ..member }
}

async fn state(desk: &Desk) -> GroupState {
    desk.store.group_states().await.unwrap()[&crew().into()]
}

#[tokio::test]
async fn a_group_of_another_domain_counts_once_that_domain_said_so_and_it_was_read() {
    let desk = desk(4).await;
    desk.store.bind_domain(sales(), SALES, &followed(), at(590)).await.unwrap();
    read(&desk, [1]).await;
    desk.judge(at(610)).await;
    // A group, an account that is known, something that is not, and what lies where nobody looks.
    let abroad = |member| from(SALES, member);
    let members = vec![person(1), abroad(group(2)), abroad(person(3)), abroad(group(8)), from("other.test", group(9))];
    walk(&desk, node(1, 6), members, vec![], 620).await;
    assert_eq!(errand(&desk, 620).await, Some(Errand::Settle));
    assert_eq!(desk.store.settle_groups(domain(), &followed(), SHRINK, at(620)).await.unwrap(), []);
    desk.judge(at(620)).await;
    assert_eq!((state(&desk).await, desk.word(3).await), (GroupState::Known, "none"), "half of it says nothing");
    assert!(desk.store.has_errands(&followed(), at(620)).await.unwrap());
    assert!(!desk.store.has_errands(&[DOMAIN.to_owned()], at(620)).await.unwrap());

    let asked = Some(Errand::Ask(vec![guid(2), guid(8)]));
    assert_eq!(sales_errand(&desk).await, asked);
    desk.store.put_off_asking(vec![guid(2), guid(8)], at(4_701)).await.unwrap();
    assert_eq!(sales_errand(&desk).await, None, "what could not be asked is asked later");
    desk.store.put_off_asking(vec![guid(2), guid(8)], at(4_700)).await.unwrap();
    assert_eq!(sales_errand(&desk).await, asked);
    desk.store.put_answer(sales(), vec![guid(2), guid(8)], vec![node(2, 3)]).await.unwrap();
    assert_eq!(sales_errand(&desk).await, Some(Errand::Walk(guid(2))));
    assert_eq!(desk.store.settle_groups(domain(), &followed(), SHRINK, at(630)).await.unwrap(), []);
    // Back in the first domain, and in a circle.
    sales_walk(&desk, node(2, 3), vec![person(4), from(DOMAIN, person(2)), from(DOMAIN, group(1))], 640).await;
    assert_eq!((sales_errand(&desk).await, settle(&desk, 640).await), (None, members_of(3, 0)));
    desk.judge(at(640)).await;
    assert_eq!((desk.word(2).await, desk.word(3).await, desk.word(4).await), ("due", "due", "due"));

    // News of it there, and who leaves it.
    let page = AccountPage { groups: vec![(guid(2), 4)], ..AccountPage::default() };
    desk.store.absorb_accounts(sales(), page, None, at(650)).await.unwrap();
    assert_eq!((errand(&desk, 650).await, sales_errand(&desk).await), (None, Some(Errand::Walk(guid(2)))));
    sales_walk(&desk, node(2, 4), vec![person(4)], 650).await;
    assert_eq!(settle(&desk, 650).await, members_of(0, 1));
    // What was no group may have become visible as one since; asking again alone settles nothing.
    let page = AccountPage { groups: vec![(guid(8), 5)], ..AccountPage::default() };
    desk.store.absorb_accounts(sales(), page, None, at(660)).await.unwrap();
    assert_eq!(sales_errand(&desk).await, Some(Errand::Ask(vec![guid(8)])));
    desk.store.put_answer(sales(), vec![guid(8)], vec![]).await.unwrap();
    assert_eq!((errand(&desk, 660).await, sales_errand(&desk).await), (None, None));
    // Out of the tree with all that came by it.
    walk(&desk, node(1, 7), vec![person(1), person(3)], vec![], 670).await;
    assert_eq!(settle(&desk, 670).await, members_of(0, 1));
    let count = "SELECT (SELECT count(*) FROM group_nodes) * 10 + (SELECT count(*) FROM group_strangers)";
    assert_eq!(desk.count(count), 10);
}

fn members_of(joined: u64, left: u64) -> Vec<GroupNews> {
    members(GroupEnd::Changed { joined, left })
}

#[tokio::test]
async fn whom_a_domain_shows_that_is_followed_later_has_not_joined() {
    let mut desk = desk(3).await;
    assert_eq!(find(&desk, None, Found::Group(node(1, 5)), 600).await, None);
    walk(&desk, node(1, 5), vec![person(1), from(SALES, group(2))], vec![], 600).await;
    let alone = [DOMAIN.to_owned()];
    let news = desk.store.settle_groups(domain(), &alone, SHRINK, at(600)).await.unwrap();
    assert_eq!((news.len(), state(&desk).await), (1, GroupState::Known), "nobody looks there");
    desk.judge(at(600)).await;
    // More is read, and the rule is another by that.
    desk.rules[0].digest = "2".into();
    desk.store.bind_domain(sales(), SALES, &followed(), at(610)).await.unwrap();
    assert_eq!(state(&desk).await, GroupState::Unread);
    assert_eq!(desk.store.settle_groups(domain(), &followed(), SHRINK, at(610)).await.unwrap(), []);
    desk.judge(at(610)).await;
    desk.store.put_answer(sales(), vec![guid(2)], vec![node(2, 3)]).await.unwrap();
    sales_walk(&desk, node(2, 3), vec![person(2)], 620).await;
    assert_eq!(settle(&desk, 620).await, members(GroupEnd::First { members: 2 }));
    desk.judge(at(620)).await;
    assert_eq!((desk.word(1).await, desk.word(2).await), ("baseline", "baseline"));
}

#[tokio::test]
async fn a_group_that_is_named_again_is_read_again() {
    let desk = desk(2).await;
    read(&desk, [1]).await;
    desk.store.follow_directory_groups(vec![]).await.unwrap();
    desk.store.follow_directory_groups(vec![(crew(), DOMAIN.to_owned())]).await.unwrap();
    read(&desk, [1, 2]).await;
}
