use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Bench, EMS};
use crate::tenant::{DeltaShape, ExpiredDelta, LicenseChange, NewLicense, NewUser};

const SELECT: &str = "$select=id,usageLocation,accountEnabled,assignedLicenses,licenseAssignmentStates";

/// Follows a round to its end: the items and the delta link.
async fn round(bench: &Bench, start: &str) -> (Vec<Value>, String) {
    let (mut path, mut items) = (start.to_owned(), Vec::new());
    loop {
        let page = bench.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.text);
        items.extend(page.body["value"].as_array().unwrap().clone());
        match (page.body["@odata.nextLink"].as_str(), page.body["@odata.deltaLink"].as_str()) {
            (Some(next), None) => path = next.to_owned(),
            (None, Some(link)) => return (items, link.to_owned()),
            _ => panic!("{}", page.text),
        }
    }
}

async fn latest(bench: &Bench) -> String {
    let (items, link) = round(bench, &format!("/v1.0/users/delta?{SELECT}&$deltatoken=latest")).await;
    assert!(items.is_empty());
    link
}

#[tokio::test]
async fn the_first_round_brings_everyone_the_next_only_changes() {
    let (bench, ids) = Bench::synced(250).await;
    let (items, link) = round(&bench, &format!("/v1.0/users/delta?{SELECT}")).await;
    assert_eq!(items.len(), 250);
    assert!(link.contains("$deltatoken=") && link.starts_with(&bench.tenant.url()));
    bench.locate(ids[3], "DE").await;
    bench.tenant.patch_user(&ids[4].to_string(), "department", "not selected").unwrap();
    let (items, link) = round(&bench, &link).await;
    assert_eq!(items.len(), 1, "{items:?}");
    assert_eq!((&items[0]["id"], &items[0]["usageLocation"]), (&json!(ids[3]), &json!("DE")));
    assert_eq!(items[0]["accountEnabled"], true, "the full selected set");
    assert_eq!(round(&bench, &link).await.0.len(), 0);
}

#[tokio::test]
async fn latest_begins_now_and_minimal_shows_only_what_changed() {
    let (bench, ids) = Bench::synced(3).await;
    let link = latest(&bench).await;
    bench.tenant.set_knobs(|knobs| knobs.delta_shape = DeltaShape::Changed);
    bench.locate(ids[0], "DE").await;
    let new = bench.tenant.add_user(NewUser::synced("new@contoso.com", Uuid::from_u128(77))).unwrap();
    let (items, _) = round(&bench, &link).await;
    assert_eq!(items[0], json!({ "id": ids[0], "usageLocation": "DE" }));
    assert_eq!((&items[1]["id"], &items[1]["accountEnabled"]), (&json!(new), &json!(true)));
}

#[tokio::test]
async fn removal_tells_its_reason_and_restoring_brings_all_back() {
    let (bench, ids) = Bench::synced(3).await;
    let link = latest(&bench).await;
    bench.tenant.delete_user(&ids[0].to_string()).unwrap();
    bench.tenant.purge_user(&ids[1].to_string()).unwrap();
    let (items, link) = round(&bench, &link).await;
    assert_eq!(items[0], json!({ "id": ids[0], "@removed": { "reason": "changed" } }));
    assert_eq!(items[1], json!({ "id": ids[1], "@removed": { "reason": "deleted" } }));
    assert_eq!(bench.get(&format!("/v1.0/users/{}", ids[0])).await.status, 404);
    assert_eq!(round(&bench, &format!("/v1.0/users/delta?{SELECT}")).await.0.len(), 1, "a first round names no dead");
    bench.tenant.restore_user(&ids[0].to_string()).unwrap();
    let (items, _) = round(&bench, &link).await;
    assert_eq!((items.len(), &items[0]["accountEnabled"]), (1, &json!(true)));
}

#[tokio::test]
async fn licenses_show_but_assignment_states_alone_do_not() {
    let (bench, ids) = Bench::synced(1).await;
    bench.locate(ids[0], "DE").await;
    let link = latest(&bench).await;
    bench.assign(ids[0], EMS, &[]).await;
    let (items, link) = round(&bench, &link).await;
    assert_eq!(items[0]["assignedLicenses"][0]["skuId"], EMS);
    let failed =
        NewLicense { error: Some("CountViolation".into()), ..NewLicense::by_group("SPE_E3", Uuid::from_u128(9)) };
    let change = LicenseChange { add: vec![failed], ..LicenseChange::default() };
    bench.tenant.change_licenses(&ids[0].to_string(), &change).unwrap();
    assert!(round(&bench, &link).await.0.is_empty());
    let user = bench.get(&format!("/v1.0/users/{}?{SELECT}", ids[0])).await;
    assert_eq!(user.body["licenseAssignmentStates"][1]["error"], "CountViolation");
    assert_eq!(user.body["assignedLicenses"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_expired_token_asks_for_a_resync() {
    let (bench, _) = Bench::synced(1).await;
    let link = latest(&bench).await;
    bench.tenant.advance(Duration::from_secs(3000));
    assert_eq!(bench.get(&link).await.status, 200);
    bench.tenant.expire_delta();
    let gone = bench.get(&link).await;
    assert_eq!((gone.status, gone.code()), (410, "syncStateNotFound"));
    let restart = gone.header("location").to_owned();
    assert!(restart.ends_with("$deltatoken="), "{restart}");
    assert_eq!(round(&bench, &restart).await.0.len(), 1);
    bench.tenant.set_knobs(|knobs| knobs.expired_delta = ExpiredDelta::ResyncRequired);
    assert_eq!(bench.get(&link).await.code(), "resyncRequired");
    let link = latest(&bench).await;
    bench.tenant.set_knobs(|knobs| {
        knobs.token_lifetime = Duration::from_secs(30 * 86_400);
        knobs.expired_delta = ExpiredDelta::BadRequest;
    });
    let mut bench = bench;
    bench.token = bench.sign_in().await;
    bench.tenant.advance(Duration::from_secs(8 * 86_400));
    assert_eq!(bench.get(&link).await.status, 400);
}

#[tokio::test]
async fn replays_duplicates_and_empty_pages_lose_nobody() {
    let (bench, ids) = Bench::synced(9).await;
    let (_, link) = round(&bench, &format!("/v1.0/users/delta?{SELECT}")).await;
    bench.tenant.set_knobs(|knobs| {
        (knobs.delta_replay, knobs.delta_duplicates) = (2, true);
        (knobs.empty_pages, knobs.page_size) = (true, Some(2));
    });
    for id in &ids[..5] {
        bench.locate(id, "DE").await;
    }
    let (items, _) = round(&bench, &link).await;
    assert_eq!(items.len(), 2 * (2 + 5));
    for id in &ids[..5] {
        assert!(items.iter().any(|item| item["id"] == json!(id)));
    }
}
