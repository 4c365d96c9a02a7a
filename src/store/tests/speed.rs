//! What is asked again and again never reads whole tables.

use rusqlite::{OptionalExtension as _, StatementStatus};

use super::desk::Desk;
use crate::store::{expected, file, groups, intents, link, outcomes, people, plans, pulse, tidy, untold};

#[tokio::test]
async fn what_is_asked_at_every_turn_goes_by_an_index() {
    let desk = Desk::new().await;
    let raw = desk.raw();
    let delete = "DELETE FROM people WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM intents WHERE person = ?1)";
    for sql in [
        people::TO_JUDGE,
        plans::CANDIDATES,
        intents::TO_SETTLE,
        pulse::TO_CONFIRM,
        pulse::NEXT_DUE,
        pulse::WAITING,
        outcomes::ANSWERED,
        link::USER_BY_ANCHOR,
        link::ACCOUNT_BY_ANCHOR,
        expected::TO_ASK_ABOUT,
        groups::OF_PERSON,
        untold::UNLISTED,
        untold::TO_LOOK_UP,
        untold::TO_READ_AGAIN,
        delete,
        tidy::ENDED,
        tidy::DEPARTED,
        tidy::REPLACED[0].0,
        tidy::REPLACED[1].0,
    ] {
        let mut statement = raw.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let count = statement.parameter_count();
        let steps: Vec<String> = statement
            .query_map(rusqlite::params_from_iter(vec![1; count]), |row| row.get("detail"))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        for step in &steps {
            let whole = step.starts_with("SCAN") && !step.contains("USING");
            let table = [
                "people",
                "users",
                "accounts",
                "entitlements",
                "intents",
                "calls",
                " e",
                " i",
                " c",
                " u",
                " a",
                " p",
                " m",
            ];
            assert!(!(whole && table.iter().any(|name| step.ends_with(name))), "{step}\nin {steps:#?}\nof {sql}");
        }
    }
}

#[tokio::test]
async fn a_statement_that_is_kept_is_compiled_once() {
    let desk = Desk::new().await;
    let db = file::open_for_reading(&desk.path()).unwrap();
    for sql in [link::USER_BY_ANCHOR, link::ACCOUNT_BY_ANCHOR] {
        for n in 0..5 {
            let mut statement = db.prepare_cached(sql).unwrap();
            let keys = vec![format!("key {n}"); statement.parameter_count()];
            let found = statement.query_row(rusqlite::params_from_iter(keys), |row| row.get::<_, i64>(0)).optional();
            assert_eq!(found.unwrap(), None);
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{sql}");
        }
    }
}
