use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Bench, EMS};
use crate::tenant::{Concurrency, Hold, Limit, Match, RetryAfter, Storm, Throttling};

fn writes(size: u32, seconds: u64) -> Throttling {
    let limit = Limit { size, window: Duration::from_secs(seconds) };
    Throttling { writes: Some(limit), ..Throttling::default() }
}

/// One assignLicense of EMS each, as items of a batch.
fn assignments(ids: &[Uuid]) -> Value {
    let item = |(n, id): (usize, &Uuid)| {
        json!({
            "id": n.to_string(), "method": "POST", "url": format!("/users/{id}/assignLicense"),
            "headers": { "Content-Type": "application/json" },
            "body": { "addLicenses": [{ "skuId": EMS, "disabledPlans": [] }], "removeLicenses": [] },
        })
    };
    json!({ "requests": ids.iter().enumerate().map(item).collect::<Vec<_>>() })
}

/// How many items of a batch's answer have which status.
fn statuses(body: &Value) -> BTreeMap<u64, usize> {
    let mut counted = BTreeMap::new();
    for answer in body["responses"].as_array().unwrap() {
        *counted.entry(answer["status"].as_u64().unwrap()).or_default() += 1;
    }
    counted
}

#[tokio::test]
async fn writes_have_a_bucket_on_the_labs_clock() {
    let (bench, ids) = Bench::synced(1).await;
    bench.tenant.set_knobs(|knobs| knobs.throttling = writes(10, 1000));
    for n in 1..=10 {
        let answer = bench.locate(ids[0], if n % 2 == 0 { "DE" } else { "SE" }).await;
        assert_eq!((answer.status, answer.header("x-ms-resource-unit")), (204, "1"));
        let told = answer.header("x-ms-throttle-limit-percentage");
        // A little has drained by the eighth.
        assert_eq!(told, if n <= 8 { String::new() } else { format!("{:.2}", f64::from(n) / 10.0) }, "{n}");
    }
    let refused = bench.locate(ids[0], "DE").await;
    assert_eq!((refused.status, refused.code(), refused.header("retry-after")), (429, "TooManyRequests", "200"));
    assert_eq!(refused.header("x-ms-throttle-information"), "WriteLimitExceeded");
    let tenant = bench.tenant.tenant_id();
    assert_eq!(refused.header("x-ms-throttle-scope"), format!("Tenant_Application/Write/{}/{tenant}", super::APP));
    assert_eq!(bench.get("/v1.0/users").await.status, 200, "reading costs no writes");
    bench.tenant.advance(Duration::from_secs(200));
    assert_eq!(bench.locate(ids[0], "DE").await.status, 204);
    let counters = bench.tenant.counters();
    assert_eq!((counters.throttled, counters.throttled_by_cause["WriteLimitExceeded"]), (1, 1));
    for (retry_after, fits) in [
        (RetryAfter::Decimal, (|text| text.contains('.')) as fn(&str) -> bool),
        (RetryAfter::Missing, str::is_empty),
        (RetryAfter::Date, |text| text.ends_with(" GMT")),
    ] {
        bench.tenant.set_knobs(|knobs| knobs.throttling.retry_after = retry_after);
        let refused = bench.locate(ids[0], "SE").await;
        assert!(refused.status == 429 && fits(refused.header("retry-after")), "{}", refused.header("retry-after"));
    }
}

#[tokio::test]
async fn resource_units_are_charged_by_what_is_asked() {
    let (bench, ids) = Bench::synced(1).await;
    for (path, units) in [
        ("users", "2"),
        ("users?$select=id", "1"),
        ("users?$top=5", "1"),
        ("users?$top=5&$select=id", "1"),
        ("users?$expand=manager", "3"),
        ("subscribedSkus", "3"),
        ("subscribedSkus?$select=skuId", "2"),
        ("users/delta", "1"),
        (&format!("users/{}", ids[0]), "1"),
        (&format!("users/{}/licenseDetails", ids[0]), "2"),
        ("groups/x/members", "3"),
        ("groups/x/transitiveMembers/microsoft.graph.user", "5"),
    ] {
        assert_eq!(bench.get(&format!("/v1.0/{path}")).await.header("x-ms-resource-unit"), units, "{path}");
    }
    let limit = Limit { size: 6, window: Duration::from_secs(60) };
    bench.tenant.set_knobs(|knobs| knobs.throttling.units = Some(limit));
    assert_eq!(bench.get("/v1.0/subscribedSkus").await.status, 200);
    assert_eq!(bench.get("/v1.0/subscribedSkus").await.status, 200);
    let refused = bench.get("/v1.0/subscribedSkus").await;
    assert_eq!(refused.header("x-ms-throttle-information"), "ResourceUnitLimitExceeded");
    assert!(refused.header("x-ms-throttle-scope").starts_with("Tenant_Application/ReadWrite/"));
    assert_eq!(bench.tenant.counters().throttled_by_cause["ResourceUnitLimitExceeded"], 1);
}

#[tokio::test]
async fn a_batch_is_charged_item_by_item() {
    let (bench, ids) = Bench::synced(20).await;
    for id in &ids {
        bench.tenant.patch_user(&id.to_string(), "usageLocation", "DE").unwrap();
    }
    bench.tenant.set_knobs(|knobs| knobs.throttling = writes(12, 120));
    let answer = bench.post("/v1.0/$batch", assignments(&ids)).await;
    assert_eq!((answer.status, statuses(&answer.body)), (200, [(200, 12), (429, 8)].into()));
    let all = answer.body["responses"].as_array().unwrap();
    let refused = all.iter().find(|one| one["status"] == 429).unwrap();
    let wait: u64 = refused["headers"]["Retry-After"].as_str().unwrap().parse().unwrap();
    assert!((10..=90).contains(&wait), "{wait}");
    assert_eq!(bench.tenant.view(|view| view.holders("EMS")), 12);
    bench.tenant.set_knobs(|knobs| knobs.throttling.batch_status = Some(424));
    let answer = bench.post("/v1.0/$batch", assignments(&ids)).await;
    assert_eq!((answer.status, statuses(&answer.body)), (424, [(429, 20)].into()));
}

#[tokio::test]
async fn a_storm_comes_by_seed_and_share() {
    let (bench, ids) = Bench::synced(200).await;
    for id in &ids {
        bench.tenant.patch_user(&id.to_string(), "usageLocation", "DE").unwrap();
    }
    bench.tenant.set_seats("EMS", 1000).unwrap();
    let storm =
        Storm { throttled: 0.3, throttled_applied: 0.3, unavailable: 0.1, violations: 0.1, ..Storm::bad_day(1) };
    bench.tenant.set_knobs(|knobs| knobs.storm = storm);
    let mut met = BTreeMap::<String, usize>::new();
    for chunk in ids.chunks(20) {
        // A cut connection is met with the same again.
        while bench.send(reqwest::Method::POST, "/v1.0/$batch", Some(assignments(chunk))).await.is_err() {}
    }
    for request in bench.tenant.requests() {
        if let Some(word) = request.storm {
            *met.entry(word).or_default() += 1;
        }
    }
    for word in ["throttled", "throttledApplied", "unavailable", "violation"] {
        assert!(met.get(word).is_some_and(|times| (5..90).contains(times)), "{word}: {met:?}");
    }
    let counters = bench.tenant.counters();
    assert_eq!(counters.throttled_by_cause["storm"], counters.throttled);
    let applied = bench.tenant.requests().iter().filter(|one| one.storm.as_deref() == Some("throttledApplied")).count();
    let refused = bench.tenant.requests().iter().filter(|one| one.status.is_some_and(|status| status >= 400)).count();
    let held = bench.tenant.view(|view| view.holders("EMS")) as usize;
    assert!(held >= ids.len() - (refused - applied) && held < ids.len(), "{held} {refused} {applied}");
}

#[tokio::test]
async fn a_storm_cuts_whole_connections_and_gateways_answer_whole_batches() {
    let (bench, ids) = Bench::synced(4).await;
    for id in &ids {
        bench.tenant.patch_user(&id.to_string(), "usageLocation", "DE").unwrap();
    }
    bench.tenant.set_knobs(|knobs| knobs.storm = Storm { cut: 1.0, ..Storm::default() });
    let mut words = Vec::new();
    while words.len() < 8 {
        assert!(bench.send(reqwest::Method::POST, "/v1.0/$batch", Some(assignments(&ids))).await.is_err());
        let requests = bench.tenant.requests();
        words.push(requests.iter().rev().find_map(|one| one.storm.clone()).unwrap());
        let all = bench.tenant.view(|view| view.holders("EMS"));
        let applied = words.iter().any(|word| word == "cutAfter");
        assert_eq!(all, if applied { 4 } else { 0 }, "{words:?}");
    }
    assert!(words.iter().any(|word| word == "cut") && words.iter().any(|word| word == "cutAfter"), "{words:?}");
    assert_eq!(bench.get("/v1.0/users").await.status, 200, "reads are left alone");
    bench.tenant.set_knobs(|knobs| knobs.storm = Storm { gateway: 1.0, ..Storm::default() });
    let mut met = std::collections::BTreeSet::new();
    for _ in 0..12 {
        met.insert(bench.post("/v1.0/$batch", assignments(&ids)).await.status);
    }
    assert_eq!(met, [503, 504].into());
}

#[tokio::test]
async fn too_many_license_writes_at_once_are_a_violation() {
    let (bench, ids) = Bench::synced(4).await;
    for id in &ids {
        bench.tenant.patch_user(&id.to_string(), "usageLocation", "DE").unwrap();
    }
    bench.tenant.set_knobs(|knobs| knobs.parallel_writes = Some(3));
    let answer = bench.post("/v1.0/$batch", assignments(&ids)).await;
    assert_eq!(statuses(&answer.body), [(200, 3), (409, 1)].into());
    bench.tenant.set_knobs(|knobs| (knobs.parallel_writes, knobs.concurrency) = (None, Concurrency::BadRequest));
    let twice = [ids[0], ids[0]];
    assert_eq!(statuses(&bench.post("/v1.0/$batch", assignments(&twice)).await.body), [(200, 1), (400, 1)].into());
    // Two whole requests collide as well.
    let gate = bench.tenant.gate(Match::path("assignLicense").once(), Hold::After);
    let (first, second) = tokio::join!(bench.assign(ids[1], EMS, &[]), async {
        gate.arrived(1).await;
        let second = bench.assign(ids[1], EMS, &[]).await;
        gate.release();
        second
    });
    assert_eq!((first.status, second.status, second.code()), (200, 400, "Request_BadRequest"));
    assert!(second.message().contains("concurrent requests"));
}

#[tokio::test]
async fn knobs_are_turned_by_hand_too() {
    let (bench, _) = Bench::synced(0).await;
    let knobs = json!({
        "throttling": { "writes": { "size": 3000, "window": "150s" }, "units": { "size": 8000, "window": 10 } },
        "storm": { "seed": 5, "throttled": 0.1, "cut": 0.02, "retryAfter": null },
        "language": "german", "parallelWrites": 4, "groupLicensingDelay": "5m",
    });
    let url = format!("{}/lab/knobs", bench.tenant.url());
    let answer = bench.http.patch(url).json(&knobs).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let set = bench.tenant.knobs();
    assert_eq!((set.throttling, set.storm.retry_after), (Throttling::real(1000), None));
}
