use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, Bench, EMS};

async fn lab(bench: &Bench, method: Method, path: &str, body: Value) -> Answer {
    let answer = bench.send(method, &format!("/lab{path}"), Some(body)).await.unwrap();
    assert!(answer.status < 300, "{path}: {}", answer.text);
    answer
}

#[tokio::test]
async fn users_seats_and_knobs_are_changed_from_outside() {
    let bench = Bench::contoso().await;
    let new = json!({ "userPrincipalName": "eva@contoso.com", "objectGUID": "00112233-4455-6677-8899-aabbccddeeff" });
    let user = lab(&bench, Method::POST, "/users", new).await.body;
    assert_eq!((&user["anchor"], &user["accountEnabled"]), (&json!("MyIRAFVEd2aImaq7zN3u/w=="), &json!(true)));
    let id = user["id"].as_str().unwrap().to_owned();
    lab(&bench, Method::PATCH, "/users/eva@contoso.com", json!({ "accountEnabled": false })).await;
    let add = json!({ "add": [{ "sku": "ems", "disabledPlans": ["INTUNE_A"] }] });
    let user = lab(&bench, Method::POST, &format!("/users/{id}/licenses"), add).await.body;
    assert_eq!(
        user["licenses"][0],
        json!({ "sku": "EMS", "disabledPlans": ["INTUNE_A"], "assignedByGroup": null, "error": null })
    );
    assert_eq!(user["counters"]["assignLicense"]["calls"], 0, "other administrators do not count");
    lab(&bench, Method::DELETE, &format!("/users/{id}"), json!({})).await;
    let user = lab(&bench, Method::POST, &format!("/users/{id}/restore"), json!({})).await.body;
    assert_eq!(user["removed"], Value::Null);
    let sku = lab(&bench, Method::PATCH, "/skus/EMS", json!({ "enabled": 3 })).await.body;
    assert_eq!((&sku["available"], &sku["consumedUnits"]), (&json!(0), &json!(3)));
    let knobs = lab(&bench, Method::PATCH, "/knobs", json!({ "locationLag": "90s", "pageSize": 5 })).await.body;
    assert_eq!((&knobs["locationLag"], &knobs["pageSize"]), (&json!(90.0), &json!(5)));
    let typo = bench.send(Method::PATCH, "/lab/knobs", Some(json!({ "pagesize": 5 }))).await.unwrap();
    assert_eq!(typo.status, 400);
    let again = bench.post("/lab/users", json!({ "userPrincipalName": "eva@contoso.com" })).await;
    assert_eq!(again.status, 400);
}

#[tokio::test]
async fn the_state_and_the_log_tell_all_but_secrets() {
    let bench = Bench::contoso().await;
    bench.tenant.set_knobs(|knobs| knobs.record_bodies = true);
    bench.sign_in().await;
    bench.assign("ada@contoso.com", EMS, &[]).await;
    let state = bench.get("/lab/state").await;
    assert_eq!(state.body["users"].as_array().unwrap().len(), 20);
    assert_eq!(state.body["counters"]["requestsByRoute"]["POST /users/{id}/assignLicense"], 1);
    assert_eq!((&state.body["counters"]["requests"], &state.body["counters"]["tokenRequests"]), (&json!(3), &json!(2)));
    let log = bench.get("/lab/requests?after=2").await;
    let record = &log.body[0];
    assert_eq!((&record["method"], &record["status"]), (&json!("POST"), &json!(200)));
    assert_eq!(record["path"], "/v1.0/users/ada@contoso.com/assignLicense");
    assert!(record["requestBody"].as_str().unwrap().contains(EMS) && record["ended"].is_string());
    let all = bench.get("/lab/requests").await.text;
    assert!(!all.contains("lab-secret") && !all.contains(&bench.token) && !all.to_lowercase().contains("bearer"));
    bench.send(Method::DELETE, "/lab/requests", None).await.unwrap();
    assert_eq!(bench.tenant.counters().requests, 0);
}

#[tokio::test]
async fn faults_and_gates_work_from_outside() {
    let bench = Bench::contoso().await;
    let faults = json!([
        { "match": { "method": "GET", "path": "subscribedSkus", "times": 1 },
          "then": { "status": 503, "code": "ServiceUnavailable", "message": "Busy.", "headers": { "Retry-After": "1" } } },
        { "match": { "path": "organization" }, "then": { "cut": true } },
    ]);
    lab(&bench, Method::POST, "/faults", faults).await;
    assert_eq!(bench.get("/v1.0/subscribedSkus").await.message(), "Busy.");
    assert!(bench.send(Method::GET, "/v1.0/organization", None).await.is_err());
    assert_eq!(bench.get("/lab/faults").await.body[0]["taken"], 1);
    lab(&bench, Method::DELETE, "/faults", json!({})).await;
    let gate = json!({ "match": { "path": "subscribedSkus" }, "hold": "before" });
    let id = lab(&bench, Method::POST, "/gates", gate).await.body["id"].clone();
    let look = async {
        bench
            .tenant
            .wait_until(|view| {
                view.requests().any(|request| request.path.ends_with("subscribedSkus") && request.ended.is_none())
            })
            .await;
        let gates = bench.get("/lab/gates").await.body;
        assert_eq!((&gates[0]["arrived"], &gates[0]["waiting"][0]["method"]), (&json!(1), &json!("GET")));
        lab(&bench, Method::POST, &format!("/gates/{id}/release"), json!({})).await.body["released"].clone()
    };
    let (answer, released) = tokio::join!(bench.get("/v1.0/subscribedSkus"), look);
    assert_eq!((answer.status, released), (200, json!(1)));
    lab(&bench, Method::DELETE, "/gates", json!({})).await;
    lab(&bench, Method::POST, "/clock", json!({ "advance": "2h" })).await;
    assert_eq!(bench.get("/v1.0/users").await.status, 401);
}
