use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{Bench, EMS};
use crate::tenant::{Fault, Hold, Match, Then};

#[tokio::test]
async fn a_fault_answers_in_graphs_words_as_often_as_asked() {
    let (bench, ids) = Bench::synced(2).await;
    let when = Match::new("PATCH", "/users/").user(ids[0]).skip(1).times(1);
    let fault = bench.tenant.fault(Fault::throttled(when, Some("2.5")));
    assert_eq!(bench.locate(ids[0], "DE").await.status, 204);
    assert_eq!(bench.locate(ids[1], "DE").await.status, 204);
    let answer = bench.locate(ids[0], "SE").await;
    assert_eq!((answer.status, answer.header("retry-after"), answer.code()), (429, "2.5", "TooManyRequests"));
    assert_eq!(answer.body["error"]["innerError"]["status"], "429");
    assert_eq!(answer.body["error"]["innerError"]["request-id"], answer.header("request-id"));
    assert_eq!(bench.locate(ids[0], "SE").await.status, 204);
    assert_eq!((bench.tenant.fault_hits(fault), bench.tenant.counters().throttled), (1, 1));
    bench.tenant.fault(Fault::raw(Match::path("subscribedSkus"), 502, "text/html", "<html>Bad Gateway</html>"));
    let answer = bench.get("/v1.0/subscribedSkus").await;
    assert_eq!((answer.status, answer.text.as_str()), (502, "<html>Bad Gateway</html>"));
    bench.tenant.clear_faults();
    bench.tenant.fault(Fault::raw(Match::path("/token"), 429, "text/plain", "Too Many Requests"));
    assert_eq!(bench.login("contoso.com", &super::form()).await.text, "Too Many Requests");
}

#[tokio::test]
async fn a_cut_connection_leaves_the_effect_or_not() {
    let (bench, ids) = Bench::synced(2).await;
    let path = |n: usize| format!("/v1.0/users/{}", ids[n]);
    bench.tenant.fault(Fault::cut(Match::new("PATCH", "").user(ids[0]).once()));
    bench.tenant.fault(Fault::cut(Match::new("PATCH", "").user(ids[1]).once()).after_effect());
    for n in 0..2 {
        assert!(bench.send(Method::PATCH, &path(n), Some(json!({ "usageLocation": "DE" }))).await.is_err());
    }
    let location = |n: usize| bench.tenant.state().user(&ids[n].to_string()).unwrap().usage_location.clone();
    assert_eq!((location(0), location(1)), (None, Some("DE".to_owned())));
    assert_eq!(bench.tenant.requests().iter().filter(|request| request.cut && request.status.is_none()).count(), 2);
    let answered = Fault::answer(Match::path("assignLicense").once(), 504, "UnknownError", "Gateway timeout.");
    bench.tenant.fault(answered.after_effect());
    assert_eq!(bench.assign(ids[1], EMS, &[]).await.status, 504);
    assert!(bench.tenant.state().user(&ids[1].to_string()).unwrap().holds("EMS"));
}

#[tokio::test]
async fn a_body_breaks_off() {
    let (bench, _) = Bench::synced(5).await;
    bench.tenant.fault(Fault::truncated(Match::path("/users").once(), 40));
    let url = format!("{}/v1.0/users", bench.tenant.url());
    let response = bench.http.get(&url).bearer_auth(&bench.token).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err());
    assert_eq!(bench.get("/v1.0/users").await.ids().len(), 5);
}

#[tokio::test]
async fn a_batch_item_may_say_429_though_applied() {
    let bench = Bench::contoso().await;
    let then = Then { status: Some(429), after_effect: true, ..Then::default() };
    let when = Match::path("assignLicense").in_batch(true);
    bench.tenant.fault(Fault { when, then }.header("Retry-After", "10"));
    let item = json!({
        "id": "1", "method": "POST", "url": "/users/ada@contoso.com/assignLicense",
        "headers": { "Content-Type": "application/json" },
        "body": { "addLicenses": [{ "skuId": EMS, "disabledPlans": [] }], "removeLicenses": [] },
    });
    let answer = bench.post("/v1.0/$batch", json!({ "requests": [item] })).await;
    let item = &answer.body["responses"][0];
    assert_eq!((&item["status"], &item["headers"]["Retry-After"]), (&json!(429), &json!("10")));
    assert!(bench.tenant.state().user("ada@contoso.com").unwrap().holds("EMS"));
    assert_eq!(bench.tenant.counters().throttled, 1);
}

#[tokio::test]
async fn a_gate_holds_before_and_after_the_effect() {
    let (bench, ids) = Bench::synced(1).await;
    for (hold, expected) in [(Hold::Before, None), (Hold::After, Some("DE".to_owned()))] {
        let gate = bench.tenant.gate(Match::new("PATCH", ""), hold);
        let look = async {
            gate.arrived(1).await;
            assert_eq!(gate.waiting()[0].user, Some(ids[0]));
            assert_eq!(bench.tenant.state().users[0].usage_location, expected);
            assert_eq!(gate.release(), 1);
        };
        let (answer, ()) = tokio::join!(bench.locate(ids[0], "DE"), look);
        assert_eq!(answer.status, 204);
        gate.remove();
        bench.tenant.patch_user(&ids[0].to_string(), "usageLocation", "").unwrap();
    }
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_undo_what_waits() {
    let (bench, ids) = Bench::synced(1).await;
    let gate = bench.tenant.gate(Match::new("PATCH", ""), Hold::Before);
    let gone = tokio::select! {
        _ = bench.locate(ids[0], "DE") => false,
        () = gate.arrived(1) => true,
    };
    assert!(gone);
    gate.release();
    bench.tenant.wait_until(|view| view.users().all(|user| user.usage_location.as_deref() == Some("DE"))).await;
    let discarded = async {
        gate.arrived(2).await;
        gate.discard();
    };
    let path = format!("/v1.0/users/{}", ids[0]);
    let lost = bench.send(Method::PATCH, &path, Some(json!({ "usageLocation": "SE" })));
    let (lost, ()) = tokio::join!(lost, discarded);
    assert!(lost.is_err());
    assert_eq!(bench.tenant.state().users[0].usage_location.as_deref(), Some("DE"));
}

#[tokio::test]
async fn a_stopped_tenant_closes_every_connection() {
    let (bench, _) = Bench::synced(1).await;
    let gate = bench.tenant.gate(Match::new("GET", "/users"), Hold::Before);
    let stop = async {
        gate.arrived(1).await;
        bench.tenant.shutdown();
    };
    let (held, ()) = tokio::join!(bench.send(Method::GET, "/v1.0/users", None), stop);
    assert!(held.is_err());
    assert!(bench.send(Method::GET, "/v1.0/users", None).await.is_err());
}

#[tokio::test]
async fn waiting_ends_when_it_holds() {
    let (bench, ids) = Bench::synced(1).await;
    let located = bench.tenant.wait_within(Duration::from_secs(20), |view| {
        view.users().next().is_some_and(|user| user.usage_location.is_some())
    });
    let (located, _) = tokio::join!(located, bench.locate(ids[0], "DE"));
    assert!(located);
    assert!(!bench.tenant.wait_within(Duration::ZERO, |view| view.holders("EMS") > 0).await);
}
