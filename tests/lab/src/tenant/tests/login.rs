use std::time::Duration;

use super::{Answer, Bench, form};
use crate::tenant::{Tenant, World};

async fn refused(change: impl Fn(&mut Vec<(&'static str, &'static str)>)) -> Answer {
    let bench = Bench::contoso().await;
    let mut form = form();
    change(&mut form);
    bench.login("contoso.com", &form).await
}

fn assert_aadsts(answer: &Answer, status: u16, error: &str, code: u32) {
    assert_eq!((answer.status, answer.body["error"].as_str()), (status, Some(error)), "{}", answer.text);
    assert_eq!(answer.body["error_codes"][0], code);
    let description = answer.body["error_description"].as_str().unwrap();
    assert!(description.starts_with(&format!("AADSTS{code}: ")), "{description}");
    assert!(description.contains("\r\nTrace ID: ") && description.contains("\r\nTimestamp: "));
    for member in ["timestamp", "trace_id", "correlation_id", "error_uri"] {
        assert!(answer.body[member].is_string(), "{member}");
    }
}

#[tokio::test]
async fn a_token_is_issued_for_guid_and_domain_and_basic_credentials() {
    let bench = Bench::contoso().await;
    let tenant = bench.tenant.tenant_id().to_string();
    for name in [tenant.as_str(), "contoso.onmicrosoft.com", "CONTOSO.com"] {
        let answer = bench.login(name, &form()).await;
        assert_eq!((answer.status, &answer.body["token_type"]), (200, &"Bearer".into()));
        assert_eq!(answer.body["expires_in"], 3599);
    }
    let url = format!("{}/{tenant}/oauth2/v2.0/token", bench.tenant.url());
    let form = [("grant_type", "client_credentials"), ("scope", "https://graph.microsoft.com/.default")];
    let response = crate::test_client::http()
        .post(url)
        .basic_auth(super::APP, Some("lab-secret"))
        .form(&form)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn each_refusal_has_its_code() {
    let bench = Bench::contoso().await;
    assert_aadsts(&bench.login("nowhere.example", &form()).await, 400, "invalid_request", 90_002);
    assert_aadsts(&refused(|form| form[2].1 = "wrong").await, 401, "invalid_client", 7_000_215);
    assert_aadsts(&refused(|form| form[1].1 = "22222222").await, 400, "unauthorized_client", 700_016);
    assert_aadsts(&refused(|form| form.truncate(2)).await, 401, "invalid_client", 7_000_218);
    assert_aadsts(&refused(|form| form.truncate(3)).await, 400, "invalid_request", 900_144);
    assert_aadsts(&refused(|form| form.truncate(0)).await, 400, "invalid_request", 900_144);
    assert_aadsts(&refused(|form| form[3].1 = "User.Read.All").await, 400, "invalid_scope", 70_011);
    let mut world = World::contoso();
    world.apps[0].secret_expires = Some("2020-01-01T00:00:00Z".parse().unwrap());
    let expired = Tenant::start(world).await.unwrap();
    let url = format!("{}/contoso.com/oauth2/v2.0/token", expired.url());
    let answer = Answer::of(bench.http.post(url).form(&form()).send().await.unwrap()).await;
    assert_aadsts(&answer, 401, "invalid_client", 7_000_222);
}

#[tokio::test]
async fn graph_refuses_what_is_no_token_of_its_own() {
    let mut bench = Bench::contoso().await;
    let good = bench.token.clone();
    for (token, message) in
        [("", "Access token is empty."), ("eyJ.nonsense.x", "CompactToken parsing failed with error code: 80049217")]
    {
        bench.token = token.to_owned();
        let answer = bench.get("/v1.0/users").await;
        assert_eq!((answer.status, answer.code(), answer.message()), (401, "InvalidAuthenticationToken", message));
    }
    let mut vault = form();
    vault[3].1 = "https://vault.azure.net/.default";
    let other = bench.login("contoso.com", &vault).await;
    bench.token = other.body["access_token"].as_str().unwrap().to_owned();
    assert_eq!(bench.get("/v1.0/users").await.message(), "Access token validation failure. Invalid audience.");
    bench.token = good;
    bench.tenant.advance(Duration::from_secs(3600));
    assert_eq!(bench.get("/v1.0/users").await.message(), "Lifetime validation failed, the token is expired.");
}

#[tokio::test]
async fn roles_travel_in_the_token_and_license_writing_alone_reads_nothing() {
    let mut bench = Bench::contoso().await;
    bench.tenant.set_roles(&["LicenseAssignment.ReadWrite.All"]);
    assert_eq!(bench.get("/v1.0/users").await.status, 200, "the old token keeps its roles");
    bench.token = bench.sign_in().await;
    for path in ["/v1.0/users", "/v1.0/users/delta", "/v1.0/subscribedSkus", "/v1.0/organization"] {
        let answer = bench.get(path).await;
        assert_eq!((answer.status, answer.code()), (403, "Authorization_RequestDenied"), "{path}");
        assert_eq!(answer.message(), "Insufficient privileges to complete the operation.");
    }
    assert_eq!(bench.locate("ada@contoso.com", "SE").await.status, 403);
    assert_eq!(bench.assign("ada@contoso.com", super::EMS, &[]).await.status, 200);
}
