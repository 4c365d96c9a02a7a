use std::{io::Read, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};

use super::{APP, Bench, EMS};
use crate::tenant::{Fault, Language, Match};

#[tokio::test]
async fn a_token_says_what_it_is_good_for() {
    let (bench, _) = Bench::synced(0).await;
    let claims = |token: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
    };
    let told = claims(&bench.token);
    assert_eq!((&told["aud"], &told["appid"]), (&json!("https://graph.microsoft.com"), &json!(APP)));
    assert_eq!(told["tid"], json!(bench.tenant.tenant_id()));
    assert!(told["roles"].as_array().unwrap().contains(&json!("LicenseAssignment.ReadWrite.All")));
    let (issued, expires) = (told["nbf"].as_i64().unwrap(), told["exp"].as_i64().unwrap());
    assert_eq!(expires - issued, 3599);
    bench.tenant.set_roles(&[]);
    assert!(claims(&bench.sign_in().await).get("roles").is_none(), "no roles, no claim");
}

#[tokio::test]
async fn a_token_may_not_be_valid_yet_and_clocks_may_differ() {
    let (mut bench, _) = Bench::synced(0).await;
    bench.tenant.set_knobs(|knobs| (knobs.token_not_before, knobs.date_skew) = (Duration::from_secs(120), -400));
    bench.token = bench.sign_in().await;
    let early = bench.get("/v1.0/users").await;
    assert_eq!((early.status, early.message()), (401, "Access token has expired or is not yet valid."));
    let date = jiff::fmt::rfc2822::parse(early.header("date")).unwrap().timestamp();
    assert!((390..=410).contains(&bench.tenant.now().duration_since(date).as_secs()));
    bench.tenant.advance(Duration::from_secs(121));
    assert_eq!(bench.get("/v1.0/users").await.status, 200);
}

#[tokio::test]
async fn what_only_assigns_reads_nothing() {
    let (mut bench, ids) = Bench::synced(1).await;
    bench.tenant.patch_user(&ids[0].to_string(), "usageLocation", "DE").unwrap();
    bench.tenant.set_roles(&["LicenseAssignment.ReadWrite.All"]);
    bench.token = bench.sign_in().await;
    let user = format!("users/{}", ids[0]);
    let reads =
        ["users", "users/delta", &user, &format!("{user}/licenseDetails"), "subscribedSkus", "organization", "groups"];
    for path in reads {
        let answer = bench.get(&format!("/v1.0/{path}")).await;
        assert_eq!((answer.status, answer.code()), (403, "Authorization_RequestDenied"), "{path}");
    }
    assert_eq!(bench.locate(ids[0], "SE").await.status, 403);
    assert_eq!(bench.assign(ids[0], EMS, &[]).await.status, 200);
}

#[tokio::test]
async fn answers_are_packed_for_who_unpacks_them() {
    let (bench, _) = Bench::synced(30).await;
    let url = format!("{}/v1.0/users", bench.tenant.url());
    let ask = || bench.http.get(&url).bearer_auth(&bench.token).header("Accept-Encoding", "deflate, gzip;q=0.8");
    let packed = ask().send().await.unwrap();
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let packed = packed.bytes().await.unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.as_ref()).read_to_string(&mut text).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["value"].as_array().unwrap().len(), 30);
    assert!(bench.get("/v1.0/users").await.header("content-encoding").is_empty());
    bench.tenant.set_knobs(|knobs| knobs.gzip = false);
    assert!(!ask().send().await.unwrap().headers().contains_key("content-encoding"));
}

#[tokio::test]
async fn errors_come_in_another_language() {
    let (bench, ids) = Bench::synced(1).await;
    bench.tenant.set_knobs(|knobs| knobs.language = Language::German);
    let answer = bench.assign(ids[0], EMS, &[]).await;
    assert_eq!((answer.status, answer.code()), (400, "Request_BadRequest"));
    assert!(answer.message().contains("Verwendungsort"), "{}", answer.message());
    bench.locate(ids[0], "DE").await;
    bench.tenant.set_seats("EMS", 0).unwrap();
    assert!(bench.assign(ids[0], EMS, &[]).await.message().contains(EMS), "ids stay");
}

#[tokio::test]
async fn bodies_trickle_and_gateways_speak_html() {
    let (bench, _) = Bench::synced(5).await;
    bench.tenant.fault(Fault::slow_body(Match::path("/users").once(), Duration::from_millis(200)));
    let began = std::time::Instant::now();
    let response = bench.http.get(format!("{}/v1.0/users", bench.tenant.url())).bearer_auth(&bench.token);
    let response = response.send().await.unwrap();
    let headers = began.elapsed();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["value"].as_array().unwrap().len(), 5);
    assert!(headers < Duration::from_millis(150) && began.elapsed() >= Duration::from_millis(190));
    bench.tenant.fault(Fault::gateway(Match::path("/users").once(), 502));
    let answer = bench.get("/v1.0/users").await;
    assert_eq!((answer.status, answer.header("content-type")), (502, "text/html; charset=utf-8"));
}

#[tokio::test]
async fn advanced_queries_have_rules_of_their_own() {
    let (bench, ids) = Bench::synced(20).await;
    let ask = async |query: &str, eventual: bool| {
        let url = format!("{}/v1.0/users{query}", bench.tenant.url());
        let mut request = bench.http.get(url).bearer_auth(&bench.token);
        if eventual {
            request = request.header("ConsistencyLevel", "eventual");
        }
        super::Answer::of(request.send().await.unwrap()).await
    };
    for (filter, found) in [
        ("usageLocation%20ne%20'DE'", 20),
        ("not(startsWith(userPrincipalName,'u1'))", 9),
        ("endsWith(userPrincipalName,'9@contoso.com')", 2),
        ("assignedLicenses/$count%20eq%200", 20),
        ("usageLocation%20eq%20null", 20),
        ("onPremisesSamAccountName%20in%20('u1','u2','U3')", 3),
    ] {
        let plain = ask(&format!("?$filter={filter}"), false).await;
        assert_eq!((plain.status, plain.code()), (400, "Request_UnsupportedQuery"), "{filter}");
        let half = ask(&format!("?$filter={filter}"), true).await;
        assert_eq!(half.status, 400, "the header alone is not enough: {filter}");
        assert_eq!(ask(&format!("?$filter={filter}&$count=true"), true).await.ids().len(), found, "{filter}");
    }
    let anchors = |count: usize| {
        let all: Vec<String> = bench.tenant.state().users.iter().filter_map(|user| user.anchor.clone()).collect();
        let quoted = all[..count].iter().map(|anchor| format!("'{}'", anchor.replace('+', "%2B").replace('/', "%2F")));
        format!("?$count=true&$filter=onPremisesImmutableId%20in%20({})", quoted.collect::<Vec<_>>().join(","))
    };
    let found = ask(&anchors(15), true).await;
    assert_eq!((found.ids().len(), &found.body["@odata.count"]), (15, &json!(15)));
    assert_eq!(ask(&anchors(2), false).await.status, 400);
    let over = ask(&anchors(16), true).await;
    assert!(over.message().ends_with("containing 'OR' operators: 16. Max allowed: 15."), "{}", over.message());
    assert!(ask("?$count=true", false).await.body.get("@odata.count").is_none(), "ignored without the header");
    assert_eq!(ask("/$count", false).await.message(), "$count is not currently supported.");
    assert_eq!(ask("/$count", true).await.text, "20");
    // Their index trails.
    bench.tenant.set_knobs(|knobs| knobs.index_lag = Duration::from_secs(60));
    assert_eq!(ask(&anchors(15), true).await.ids().len(), 0);
    bench.tenant.advance(Duration::from_secs(61));
    assert_eq!(ask(&anchors(15), true).await.ids().len(), 15);
    // Seen in the field: the second page of a plain filter by license.
    for id in &ids {
        bench
            .tenant
            .change_licenses(&id.to_string(), &serde_json::from_value(json!({ "add": [{ "sku": "EMS" }] })).unwrap())
            .unwrap();
    }
    bench.tenant.set_knobs(|knobs| knobs.license_filter_expires = true);
    let first = ask(&format!("?$top=10&$filter=assignedLicenses/any(x:x/skuId%20eq%20{EMS})"), false).await;
    let next = first.body["@odata.nextLink"].as_str().unwrap();
    assert_eq!(bench.send(Method::GET, next, None).await.unwrap().code(), "Directory_ExpiredPageToken");
}
