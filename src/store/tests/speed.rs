//! What is asked again and again never reads whole tables.

use super::desk::Desk;
use crate::store::{expected, groups, intents, outcomes, people, plans, pulse, tidy, untold};

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
