//! What is long over is removed, and nothing that is needed; the audit stays one that can be verified.

use jiff::{SignedDuration, Timestamp};

use super::desk::{Desk, domain, page};
use super::intents::{in_flight, reason};
use crate::model::account::{Account, AccountPage, Tombstone};
use crate::model::sample::{account, at, ems, licensed, user};
use crate::model::user::{Removal, User, UserNews, UserPage};
use crate::store::{AuditFault, AuditFilter, AuditHead, Outcome};

const KEEP: SignedDuration = SignedDuration::from_hours(400 * 24);

/// So many days after everything else.
fn days(days: i64) -> Timestamp {
    at(100) + SignedDuration::from_hours(24 * days)
}

/// Removes all there is to remove.
async fn tidied(desk: &Desk, now: Timestamp) -> u64 {
    let mut removed = 0;
    loop {
        let step = desk.store.tidy(KEEP, now).await.unwrap();
        if step == 0 {
            return removed;
        }
        removed += step;
    }
}

async fn verified(desk: &Desk, head: Option<AuditHead>) -> crate::store::AuditCheck {
    desk.store.verify_audit(head).await.unwrap()
}

/// Somebody is deleted on both sides, and judged.
async fn leaves(desk: &Desk, n: u32, now: Timestamp) {
    let deleted = vec![Tombstone { guid: account(n).guid, usn_changed: 1_000 + i64::from(n) }];
    desk.store.absorb_accounts(domain(), AccountPage { deleted, ..page(Vec::new()) }, None, now).await.unwrap();
    let news = vec![UserNews { removed: Some(Removal::Final), ..UserNews::about(user(n).id) }];
    desk.store.absorb_users(UserPage { news, quarantined: Vec::new() }, None, now, now).await.unwrap();
    desk.judge(now).await;
}

#[tokio::test]
async fn the_audit_is_shortened_behind_a_checkpoint_and_still_fits() {
    let desk = Desk::acquainted(vec![account(1)], &[user(1)]).await;
    for n in 2..30 {
        desk.joins(n, at(20)).await;
    }
    desk.judge(at(21)).await;
    let early = desk.store.audit_head().await.unwrap().unwrap();
    desk.joins(40, days(300)).await;
    desk.judge(days(300)).await;
    assert_eq!(desk.store.shorten_audit(KEEP, days(400)).await.unwrap(), None, "not for less than a day");
    let before = desk.count("SELECT count(*) FROM audit");
    let shortened = desk.store.shorten_audit(KEEP, days(402)).await.unwrap().unwrap();
    assert_eq!((shortened.upto.clone(), shortened.rows), (early.clone(), early.id.cast_unsigned()));
    assert_eq!(desk.store.shorten_audit(KEEP, days(402)).await.unwrap(), None);
    assert_eq!(desk.count("SELECT count(*) FROM audit"), before - early.id + 1, "and one row says so");
    let check = verified(&desk, Some(early.clone())).await;
    assert_eq!((check.fault, check.compared), (None, Some(true)), "a checkpoint stands for it");
    assert_eq!(check.checkpoint.map(|checkpoint| checkpoint.head), Some(early.clone()));
    let older = AuditHead { id: early.id - 1, ..early.clone() };
    let check = verified(&desk, Some(older)).await;
    assert_eq!((check.fault, check.compared), (None, Some(false)), "of what is gone nothing is known");
    let other = AuditHead { hash: "0".repeat(64), ..early.clone() };
    assert_eq!(verified(&desk, Some(other)).await.fault, Some(AuditFault::Replaced { id: early.id }));

    // The second shortening's checkpoint takes the place of the first.
    desk.joins(41, days(900)).await;
    desk.store.shorten_audit(KEEP, days(1400)).await.unwrap().unwrap();
    assert_eq!(desk.count("SELECT count(*) FROM audit_checkpoints"), 1);
    assert_eq!(verified(&desk, None).await.fault, None);
    assert!(desk.count("SELECT min(id) FROM audit") > early.id);
}

#[tokio::test]
async fn the_newest_row_and_what_an_open_write_needs_stay_in_the_audit() {
    let (desk, intent) = in_flight().await;
    let first = desk.count("SELECT min(id) FROM audit WHERE at >= (SELECT made FROM intents)");
    desk.store.shorten_audit(KEEP, days(1000)).await.unwrap().unwrap();
    assert_eq!(desk.count("SELECT min(id) FROM audit"), first, "up to the open write");
    desk.conclude(intent, Outcome::Accepted, days(1001)).await;
    while desk.store.shorten_audit(KEEP, days(5000)).await.unwrap().is_some() {}
    assert_eq!(desk.count("SELECT count(*) FROM audit WHERE kind <> 'keeping'"), 0);
    let check = verified(&desk, None).await;
    assert_eq!((check.fault, check.rows), (None, 2), "what tells of the last two shortenings");
}

#[tokio::test]
async fn the_newest_rows_removed_show_by_a_head_known_before() {
    let desk = Desk::acquainted(vec![account(1)], &[user(1)]).await;
    for n in 2..5 {
        desk.joins(n, at(20)).await;
    }
    let head = desk.store.audit_head().await.unwrap().unwrap();
    assert_eq!(head.to_string().parse(), Ok(head.clone()));
    desk.judge(at(21)).await;
    assert_eq!(verified(&desk, Some(head.clone())).await.compared, Some(true), "it has grown since");
    let raw = desk.raw();
    raw.execute_batch("DROP TRIGGER audit_is_never_deleted").unwrap();
    raw.execute("DELETE FROM audit WHERE id >= ?1", [head.id]).unwrap();
    assert_eq!(verified(&desk, None).await.fault, None, "the chain alone does not tell");
    assert_eq!(verified(&desk, Some(head.clone())).await.fault, Some(AuditFault::Shortened { id: head.id }));
    desk.judge(at(30)).await;
    desk.joins(9, at(31)).await;
    assert_eq!(verified(&desk, Some(head.clone())).await.fault, Some(AuditFault::Replaced { id: head.id }));
}

#[tokio::test]
async fn a_long_audit_is_gone_through_in_stretches() {
    let desk = Desk::acquainted(Vec::new(), &[]).await;
    desk.accounts((0..5_000).map(account).collect(), at(20)).await;
    let (mut after, mut found, mut stretches) = (Some(0), 0, 0);
    while let Some(from) = after {
        let rows;
        (rows, after) = desk.store.audit_after(from, AuditFilter::default()).await.unwrap();
        assert!(rows.len() <= 2_000);
        found += rows.len();
        stretches += 1;
    }
    assert_eq!(found as i64, desk.count("SELECT count(*) FROM audit"));
    assert!(stretches >= 3, "{stretches}");
    let last = desk.store.newest_audit(3, AuditFilter::default()).await.unwrap();
    assert_eq!(last.iter().map(|row| row.id).collect::<Vec<_>>(), [found as i64 - 2, found as i64 - 1, found as i64]);
    let sam = AuditFilter { subject: Some("U7@EXAMPLE.TEST".into()), ..AuditFilter::default() };
    assert_eq!(desk.store.newest_audit(10, sam).await.unwrap().len(), 1, "from the first stretch");
    assert_eq!(verified(&desk, None).await.rows, found as u64);
    let raw = desk.raw();
    raw.execute_batch("DROP TRIGGER audit_is_never_changed; UPDATE audit SET at = at + 1 WHERE id = 4500").unwrap();
    assert_eq!(desk.store.broken_audit_row().await.unwrap(), Some(4500));
}

#[tokio::test]
async fn ended_writes_go_but_the_one_that_proves_a_license_ours() {
    let (desk, intent) = in_flight().await;
    desk.conclude(intent, Outcome::Accepted, at(22)).await;
    desk.users(&[licensed(user(1), ems(), &[], None)], at(23)).await;
    desk.judge(at(23)).await;
    assert_eq!(desk.word(1).await, "licensed");
    // Later ones, of which one did not go through.
    for n in 2..4 {
        desk.joins(n, at(30)).await;
        let intent = desk.license(at(31)).await;
        let outcome = if n == 2 { Outcome::Refused { reason: reason() } } else { Outcome::Accepted };
        desk.conclude(intent, outcome, at(32)).await;
    }
    let intents = || desk.count("SELECT count(*) FROM intents");
    assert_eq!((intents(), desk.count("SELECT count(*) FROM calls")), (3, 3));
    assert_eq!(tidied(&desk, days(1)).await, 0);
    assert_eq!(tidied(&desk, days(399)).await, 4, "the guard no longer counts three, nor is the watermark believed");
    assert_eq!(tidied(&desk, days(401)).await, 1, "the one that was refused");
    assert_eq!((intents(), desk.count("SELECT count(*) FROM calls")), (2, 2));
    desk.raw().execute_batch("UPDATE entitlements SET ours = 0").unwrap();
    tidied(&desk, days(401)).await;
    assert_eq!(intents(), 1, "the last one stays, so that no number is given twice");
}

#[tokio::test]
async fn who_left_both_sides_is_forgotten_and_nobody_else() {
    let desk = Desk::acquainted((1..=8).map(account).collect(), &(1..=8).map(user).collect::<Vec<_>>()).await;
    for n in [2, 3, 4, 5] {
        leaves(&desk, n, at(30)).await;
    }
    // One came back, one had its account made anew, and of one the user alone is there.
    desk.accounts(vec![Account { usn_changed: 9_000, ..account(3) }], at(40)).await;
    desk.users(&[User { created: Some(at(40)), ..user(4) }], at(40)).await;
    desk.judge(at(40)).await;
    let everyone = desk.count("SELECT count(*) FROM people");
    tidied(&desk, days(300)).await;
    assert_eq!(desk.count("SELECT count(*) FROM people"), everyone);
    assert!(tidied(&desk, days(401)).await > 0);
    assert_eq!(desk.store.find_people("u2@example.test").await.unwrap(), []);
    assert_eq!(desk.store.find_people("u5@example.test").await.unwrap(), []);
    assert_eq!(desk.count("SELECT count(*) FROM people"), everyone - 2);
    for n in [1, 3, 4, 6, 7, 8] {
        desk.id(n).await;
    }
    assert_eq!(desk.count("SELECT count(*) FROM pragma_foreign_key_check"), 0);
    let said = desk.store.newest_audit(1, AuditFilter::default()).await.unwrap();
    assert_eq!((said[0].kind.as_str(), &said[0].detail["forgotten"]["persons"]), ("keeping", &2.into()));
    // Whoever comes back after that is a newcomer.
    desk.joins(2, days(402)).await;
    desk.judge(days(402)).await;
    assert_eq!(desk.word(2).await, "due");
    assert_eq!(desk.count("SELECT count(*) FROM (SELECT id FROM people GROUP BY id HAVING count(*) > 1)"), 0);
}

#[tokio::test]
async fn what_no_table_can_do_without_end_is_bounded() {
    let desk = Desk::acquainted(vec![account(1)], &[user(1)]).await;
    let raw = desk.raw();
    let old = days(0).as_millisecond();
    raw.execute_batch(&format!(
        "PRAGMA foreign_keys = ON;
         INSERT INTO admissions (at, person, sku) VALUES ({old}, 1, 's');
         INSERT INTO requests (body, os_user, asked, done, ok) VALUES ('{{}}', 'a', {old}, {old}, 1), ('{{}}', 'b', {old}, NULL, NULL);
         INSERT INTO holds (rule, code, reason, opened, closed, outcome) VALUES ('r', 'c', 't', {old}, {old}, 'dissolved'),
                                                                                ('r', 'c', 't', {old}, NULL, NULL);
         INSERT INTO quarantine VALUES ('directory', 'a', 'r', {old}, {old}), ('tenant', 'b', 'r', {old}, {old});
         INSERT INTO endings VALUES ('directory: dc9', NULL, {old});
         INSERT INTO hints (domain, ntds, guid, since, check_at)
             SELECT guid, 'third', 'g', {old}, 0 FROM domains;
         INSERT INTO watermarks (domain, ntds, invocation, coverage, usn, moved)
             SELECT guid, 'third', 'i', 'c', 1, {old} FROM domains;
         INSERT INTO container_moves SELECT guid, 'third', 'g' FROM domains;
         INSERT INTO containers (guid, domain, dn) SELECT 'old', guid, 'OU=Old' FROM domains;
         UPDATE domains SET generation = 10;
         INSERT INTO group_walk VALUES ('nobody', 'child', NULL, NULL);"
    ))
    .unwrap();
    let tables = [
        ("admissions", 0),
        ("requests", 1),
        ("holds", 1),
        ("quarantine", 0),
        ("endings", 0),
        ("hints", 0),
        ("container_moves", 0),
        ("containers", 0),
        ("group_walk", 0),
    ];
    assert!(tidied(&desk, days(500)).await >= 11);
    for (table, left) in tables {
        assert_eq!(desk.count(&format!("SELECT count(*) FROM {table}")), left, "{table}");
    }
    assert_eq!(desk.count("SELECT count(*) FROM watermarks WHERE ntds = 'third'"), 0);
}

#[tokio::test]
async fn nothing_is_written_where_nothing_is_over() {
    let desk = Desk::acquainted(vec![account(1)], &[user(1)]).await;
    let raw = desk.raw();
    let version = || raw.query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0)).unwrap();
    let before = version();
    assert_eq!(desk.store.tidy(KEEP, days(1)).await.unwrap(), 0);
    assert_eq!(desk.store.shorten_audit(KEEP, days(1)).await.unwrap(), None);
    assert_eq!(desk.store.give_back().await.unwrap(), 0);
    assert_eq!(version(), before);
}

#[tokio::test]
async fn a_file_that_is_mostly_free_shrinks() {
    let desk = Desk::acquainted(Vec::new(), &[]).await;
    let raw = desk.raw();
    raw.execute_batch(
        "CREATE TABLE ballast (body BLOB); INSERT INTO ballast VALUES (zeroblob(20000000)); DROP TABLE ballast;",
    )
    .unwrap();
    let pages = || desk.count("PRAGMA page_count");
    let before = pages();
    while desk.store.give_back().await.unwrap() > 0 {}
    assert!(pages() < before - 2_000, "{} of {before}", pages());
    assert!(desk.count("PRAGMA freelist_count") <= 2_000);
}
