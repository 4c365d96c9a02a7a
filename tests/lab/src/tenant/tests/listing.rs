use serde_json::json;

use super::Bench;
use crate::tenant::NewUser;

#[tokio::test]
async fn headers_and_envelope_are_graphs() {
    let bench = Bench::contoso().await;
    let answer = bench.get("/v1.0/users?$select=id&$top=999").await;
    assert_eq!(answer.header("x-ms-resource-unit"), "1");
    assert_eq!(answer.header("odata-version"), "4.0");
    assert!(answer.header("content-type").starts_with("application/json;odata.metadata=minimal"));
    assert_eq!(answer.header("client-request-id"), answer.header("request-id"));
    assert!(answer.header("x-ms-ags-diagnostic").contains("ServerInfo") && answer.header("date").ends_with("GMT"));
    let url = format!("{}/v1.0/users/nobody@contoso.com", bench.tenant.url());
    let request = bench.http.get(url).bearer_auth(&bench.token).header("client-request-id", "mine");
    let missing = super::Answer::of(request.send().await.unwrap()).await;
    assert_eq!((missing.status, missing.code()), (404, "Request_ResourceNotFound"));
    assert!(missing.message().starts_with("Resource 'nobody@contoso.com' does not exist or one of its queried"));
    let inner = &missing.body["error"]["innerError"];
    assert_eq!((&inner["client-request-id"], missing.header("client-request-id")), (&json!("mine"), "mine"));
    assert_eq!(inner["request-id"], missing.header("request-id"));
    assert_eq!(inner["date"].as_str().unwrap().len(), "2026-01-02T03:04:05".len());
    let unknown = bench.get("/v1.0/planets").await;
    assert_eq!((unknown.status, unknown.message()), (400, "Resource not found for the segment 'planets'."));
}

#[tokio::test]
async fn without_select_only_the_default_properties_come() {
    let bench = Bench::contoso().await;
    let answer = bench.get("/v1.0/users/ada@contoso.com").await;
    assert_eq!(answer.body["displayName"], "Ada Lovelace");
    assert!(answer.body.get("usageLocation").is_none() && answer.body.get("assignedLicenses").is_none());
    let answer = bench.get("/v1.0/users/ada@contoso.com?$select=usageLocation,assignedLicenses,createdDateTime").await;
    assert_eq!((&answer.body["usageLocation"], &answer.body["assignedLicenses"]), (&json!("DE"), &json!([])));
    assert!(answer.body.get("displayName").is_none());
    let nobody = bench.get("/v1.0/users?$select=shoeSize").await;
    assert_eq!((nobody.status, nobody.code()), (400, "BadRequest"));
    let dijkstra = bench.get("/v1.0/users/edsger@contoso.com?$select=createdDateTime").await;
    assert!(dijkstra.body["createdDateTime"].is_null());
    let guest = bench.get("/v1.0/users/kim_fabrikam.example%23EXT%23@contoso.onmicrosoft.com?$select=userType").await;
    assert_eq!(guest.body["userType"], "Guest");
}

#[tokio::test]
async fn pages_follow_each_other_short_and_empty_ones_too() {
    let (bench, ids) = Bench::synced(25).await;
    bench.tenant.set_knobs(|knobs| (knobs.page_size, knobs.empty_pages) = (Some(7), true));
    let mut path = "/v1.0/users?$select=id&$top=10".to_owned();
    let (mut seen, mut sizes): (Vec<uuid::Uuid>, Vec<usize>) = Default::default();
    loop {
        let page = bench.get(&path).await;
        sizes.push(page.ids().len());
        seen.extend(page.ids().iter().map(|id| id.parse::<uuid::Uuid>().unwrap()));
        match page.body["@odata.nextLink"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
        assert!(path.starts_with(&bench.tenant.url()) && path.contains("$select=id"));
    }
    assert_eq!(sizes, [7, 0, 7, 0, 7, 0, 4]);
    assert_eq!(seen, ids);
    for top in ["0", "1000", "many"] {
        assert_eq!(bench.get(&format!("/v1.0/users?$top={top}")).await.status, 400);
    }
}

#[tokio::test]
async fn filters_find_by_anchor_and_say_when_they_need_an_advanced_query() {
    let (bench, _) = Bench::synced(30).await;
    let anchor = "%2B%2F%3D";
    let user = NewUser::cloud("odd@contoso.com").with("onPremisesImmutableId", "+/=");
    let odd = bench.tenant.add_user(user).unwrap().to_string();
    let found = bench.get(&format!("/v1.0/users?$filter=onPremisesImmutableId%20eq%20'{anchor}'")).await;
    assert_eq!(found.ids(), [odd.as_str()]);
    let lost = bench.get("/v1.0/users?$filter=onPremisesImmutableId%20eq%20'+/='").await;
    assert!(lost.ids().is_empty(), "a bare plus is a space");
    let list = format!("/v1.0/users?$filter=onPremisesImmutableId%20in%20('{anchor}','x')");
    assert_eq!(bench.get(&list).await.code(), "Request_UnsupportedQuery");
    let url = format!("{}{list}&$count=true", bench.tenant.url());
    let request = bench.http.get(url).bearer_auth(&bench.token).header("ConsistencyLevel", "eventual");
    let advanced = super::Answer::of(request.send().await.unwrap()).await;
    assert_eq!((advanced.ids(), &advanced.body["@odata.count"]), (vec![odd.as_str()], &json!(1)));
    let upn = bench.get("/v1.0/users?$filter=userPrincipalName eq 'U3@contoso.com'&$select=userPrincipalName").await;
    assert_eq!(upn.body["value"][0]["userPrincipalName"], "u3@contoso.com");
    let many = vec!["'x'"; 16].join(",");
    let many = bench.get(&format!("/v1.0/users?$filter=userPrincipalName in ({many})")).await;
    assert!(many.message().ends_with("'OR' operators: 16. Max allowed: 15."), "{}", many.text);
    let either = bench.get("/v1.0/users?$filter=startsWith(displayName,'u1') and accountEnabled eq true&$top=5").await;
    assert_eq!(either.ids().len(), 5);
    let holders = bench.get(&format!("/v1.0/users?$filter=assignedLicenses/any(x:x/skuId eq {})", super::EMS)).await;
    assert_eq!((holders.status, holders.ids().len()), (200, 0));
}

#[tokio::test]
async fn a_user_can_be_listed_and_yet_be_absent() {
    let (bench, ids) = Bench::synced(1).await;
    bench.tenant.set_knobs(|knobs| knobs.absent_calls = 2);
    assert_eq!(bench.get("/v1.0/users").await.ids().len(), 1);
    assert_eq!(bench.locate(ids[0], "DE").await.status, 404);
    assert_eq!(bench.get(&format!("/v1.0/users/{}", ids[0])).await.code(), "Request_ResourceNotFound");
    assert_eq!(bench.locate(ids[0], "DE").await.status, 204);
    bench.tenant.set_knobs(|knobs| knobs.absent_for = std::time::Duration::from_secs(60));
    assert_eq!(bench.get(&format!("/v1.0/users/{}", ids[0])).await.status, 404);
    bench.tenant.advance(std::time::Duration::from_secs(61));
    assert_eq!(bench.get(&format!("/v1.0/users/{}", ids[0])).await.status, 200);
}

#[tokio::test]
async fn skus_show_plans_and_seats() {
    let bench = Bench::contoso().await;
    let answer = bench.get("/v1.0/subscribedSkus").await;
    assert_eq!(answer.header("x-ms-resource-unit"), "3");
    let ems = &answer.body["value"][0];
    assert_eq!((&ems["skuPartNumber"], &ems["skuId"]), (&json!("EMS"), &json!(super::EMS)));
    assert_eq!((&ems["consumedUnits"], &ems["prepaidUnits"]["enabled"]), (&json!(2), &json!(48)));
    assert_eq!(ems["servicePlans"].as_array().unwrap().len(), 7);
    let foundation = ems["servicePlans"].as_array().unwrap().iter().find(|plan| plan["appliesTo"] == "Company");
    assert_eq!(foundation.unwrap()["servicePlanName"], "EXCHANGE_S_FOUNDATION");
    assert_eq!(answer.body["value"][2]["servicePlans"].as_array().unwrap().len(), 51);
    let organization = bench.get("/v1.0/organization?$select=id,onPremisesLastSyncDateTime").await;
    assert_eq!(organization.body["value"][0]["id"], bench.tenant.tenant_id().to_string());
}
