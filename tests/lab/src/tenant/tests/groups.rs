use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Bench, EMS, MFA_PLAN};
use crate::tenant::{HiddenMembers, LicenseChange, NewGroup, NewLicense};

fn names(body: &Value) -> Vec<&str> {
    body["value"].as_array().unwrap().iter().map(|one| one["userPrincipalName"].as_str().unwrap_or("-")).collect()
}

/// Staff ⊃ Sales, who is nested in a circle; four users, a device.
async fn nested() -> (Bench, Uuid, Uuid, Vec<Uuid>) {
    let (bench, ids) = Bench::synced(4).await;
    let mut sales = NewGroup::named("Sales").member(ids[0]).member(ids[1]);
    sales.devices = 1;
    let sales = bench.tenant.add_group(sales).unwrap();
    let staff = bench.tenant.add_group(NewGroup::named("Staff").member(ids[1]).member(ids[2]).member(sales)).unwrap();
    bench.tenant.add_member("Sales", "Staff").unwrap();
    (bench, staff, sales, ids)
}

#[tokio::test]
async fn nesting_is_flattened_when_asked() {
    let (bench, staff, sales, ids) = nested().await;
    let direct = bench.get(&format!("/v1.0/groups/{staff}/members?$select=id,userPrincipalName")).await;
    assert_eq!(direct.body["value"].as_array().unwrap().len(), 3);
    let kinds =
        direct.body["value"].as_array().unwrap().iter().filter(|one| one["@odata.type"] == "#microsoft.graph.group");
    assert_eq!(kinds.map(|one| one["id"].clone()).collect::<Vec<_>>(), [json!(sales)]);
    let cast = format!("/v1.0/groups/{staff}/transitiveMembers/microsoft.graph.user?$select=id,userPrincipalName");
    let all = bench.get(&cast).await;
    assert_eq!(all.ids().len(), 3, "users alone, each once");
    assert!(all.body["value"][0].get("@odata.type").is_none() && all.header("x-ms-resource-unit") == "4");
    let whole = bench.get(&format!("/v1.0/groups/{staff}/transitiveMembers")).await;
    assert_eq!(whole.body["value"].as_array().unwrap().len(), 6, "with groups and the device");
    // Pages, with an empty one between.
    bench.tenant.set_knobs(|knobs| (knobs.page_size, knobs.empty_pages) = (Some(2), true));
    let (mut next, mut pages, mut seen) = (Some(cast), Vec::new(), Vec::new());
    while let Some(path) = next {
        let page = bench.get(&path).await;
        pages.push(page.ids().len());
        seen.extend(page.ids().iter().map(|id| (*id).to_owned()));
        next = page.body["@odata.nextLink"].as_str().map(str::to_owned);
    }
    assert_eq!((pages, seen.len()), (vec![2, 0, 1], 3));
    bench.tenant.delete_user(&ids[0].to_string()).unwrap();
    let left = bench.get(&format!("/v1.0/groups/{sales}/members/graph.user?$select=userPrincipalName")).await;
    assert_eq!(names(&left.body).len(), 1);
    let member_of = bench.get(&format!("/v1.0/users/{}/transitiveMemberOf?$select=displayName", ids[1])).await;
    assert_eq!(member_of.body["value"].as_array().unwrap().len(), 2);
    assert_eq!(bench.get(&format!("/v1.0/groups/{}", Uuid::from_u128(1))).await.code(), "Request_ResourceNotFound");
}

#[tokio::test]
async fn members_are_nameless_to_who_may_not_read_users() {
    let (mut bench, staff, _, _) = nested().await;
    bench.tenant.set_roles(&["GroupMember.Read.All"]);
    bench.token = bench.sign_in().await;
    let path = format!("/v1.0/groups/{staff}/transitiveMembers/microsoft.graph.user?$select=id,userPrincipalName");
    let answer = bench.get(&path).await;
    assert_eq!((answer.status, names(&answer.body)), (200, vec!["-", "-", "-"]));
    assert!(answer.body["value"][0]["id"].is_string() && answer.body["value"][0]["userPrincipalName"].is_null());
    assert_eq!(bench.get("/v1.0/users").await.status, 403);
    bench.tenant.set_roles(&["User.Read.All"]);
    bench.token = bench.sign_in().await;
    assert_eq!(bench.get(&path).await.code(), "Authorization_RequestDenied");
}

#[tokio::test]
async fn hidden_members_are_shown_to_who_may_see_them() {
    let (mut bench, ids) = Bench::synced(2).await;
    let hidden = NewGroup { hidden: true, ..NewGroup::named("Hidden") };
    let hidden = bench.tenant.add_group(hidden.member(ids[0])).unwrap();
    let outer = bench.tenant.add_group(NewGroup::named("Outer").member(hidden).member(ids[1])).unwrap();
    let members = |group: Uuid| format!("/v1.0/groups/{group}/transitiveMembers/microsoft.graph.user?$select=id");
    let seen = bench.get(&format!("/v1.0/groups/{hidden}?$select=id,visibility")).await;
    assert_eq!(seen.body["visibility"], "HiddenMembership");
    let member_of = format!("/v1.0/users/{}/memberOf/microsoft.graph.group?$select=id", ids[0]);
    for (role, inner, outer_count, groups) in [("GroupMember.Read.All", 0, 1, 0), ("Member.Read.Hidden", 1, 2, 1)] {
        bench.tenant.set_roles(&["GroupMember.Read.All", "User.Read.All", role]);
        bench.token = bench.sign_in().await;
        assert_eq!(bench.get(&members(hidden)).await.ids().len(), inner, "{role}");
        assert_eq!(bench.get(&members(outer)).await.ids().len(), outer_count, "{role}");
        assert_eq!(bench.get(&member_of).await.ids().len(), groups, "{role}");
    }
    bench.tenant.set_knobs(|knobs| knobs.hidden_members = HiddenMembers::Denied);
    assert_eq!(bench.get(&members(hidden)).await.status, 200);
    bench.tenant.set_roles(&["GroupMember.Read.All"]);
    bench.token = bench.sign_in().await;
    assert_eq!(bench.get(&members(hidden)).await.code(), "Authorization_RequestDenied");
}

#[tokio::test]
async fn groups_are_filtered_and_counted() {
    let (bench, staff, _, _) = nested().await;
    let ask = async |query: &str| bench.get(&format!("/v1.0/groups?{query}")).await;
    assert_eq!(ask("$filter=displayName%20eq%20'Staff'").await.ids(), [staff.to_string()]);
    assert_eq!(ask("$filter=startsWith(displayName,'S')%20and%20securityEnabled%20eq%20true").await.ids().len(), 2);
    let refused = ask("$filter=assignedLicenses/$count%20ne%200").await;
    assert_eq!((refused.status, refused.code()), (400, "Request_UnsupportedQuery"));
    assert!(refused.message().ends_with("'assignedLicenses' of resource 'Group'."));
    assert_eq!(ask("$filter=nothing%20eq%201").await.status, 400);
    bench
        .tenant
        .license_group("Staff", &LicenseChange { add: vec![NewLicense::direct("EMS")], ..Default::default() })
        .unwrap();
    let url = format!(
        "{}/v1.0/groups?$filter=assignedLicenses/$count%20ne%200&$count=true&$select=id,assignedLicenses",
        bench.tenant.url()
    );
    let request = bench.http.get(url).bearer_auth(&bench.token).header("ConsistencyLevel", "eventual");
    let body: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!((&body["@odata.count"], &body["value"][0]["assignedLicenses"][0]["skuId"]), (&json!(1), &json!(EMS)));
    assert_eq!(bench.get("/v1.0/groups/$count").await.message(), "$count is not currently supported.");
}

#[tokio::test]
async fn a_group_gives_its_direct_members_licenses_later() {
    let (bench, staff, _, ids) = nested().await;
    bench.tenant.set_knobs(|knobs| knobs.group_licensing_delay = Duration::from_secs(600));
    let path = format!("/v1.0/groups/{staff}/assignLicense");
    let body = json!({ "addLicenses": [{ "skuId": EMS, "disabledPlans": [MFA_PLAN] }], "removeLicenses": [] });
    let answer = bench.post(&path, body.clone()).await;
    assert_eq!((answer.status, answer.header("location")), (202, "https://graph.microsoft.com"));
    let state = async || {
        let path = format!("/v1.0/groups/{staff}?$select=assignedLicenses,licenseProcessingState");
        bench.get(&path).await.body["licenseProcessingState"]["state"].as_str().unwrap().to_owned()
    };
    assert_eq!((state().await.as_str(), bench.tenant.view(|view| view.holders("EMS"))), ("QueuedForProcessing", 0));
    bench.tenant.advance(Duration::from_secs(400));
    assert_eq!(state().await, "ProcessingInProgress");
    bench.tenant.advance(Duration::from_secs(201));
    assert_eq!(state().await, "ProcessingComplete");
    let view = bench.tenant.state();
    assert_eq!(view.sku("EMS").unwrap().consumed_units, 2, "nested members get nothing");
    let user = view.user(&ids[2].to_string()).unwrap();
    assert_eq!(user.licenses[0].assigned_by_group, Some(staff));
    assert!(user.has_plan("INTUNE_A") && !user.has_plan("MFA_PREMIUM"), "the tenant's location is enough");
    assert!(bench.remove(ids[2], EMS).await.message().contains("inherited from a group membership"));
    // A direct one beside it takes no second seat; leaving the group takes only the group's.
    bench.locate(ids[2], "DE").await;
    bench.assign(ids[2], EMS, &[]).await;
    bench.tenant.remove_member("Staff", &ids[2].to_string()).unwrap();
    bench.tenant.remove_member("Staff", &ids[1].to_string()).unwrap();
    bench.tenant.advance(Duration::from_secs(601));
    let view = bench.tenant.state();
    assert!(view.user(&ids[2].to_string()).unwrap().direct("EMS").is_some());
    assert_eq!(view.sku("EMS").unwrap().consumed_units, 1);
    assert!(bench.tenant.delete_group("Staff").is_err(), "it still gives licenses");
}

#[tokio::test]
async fn what_a_group_cannot_give_is_an_error_of_the_member() {
    let (mut bench, staff, _, ids) = nested().await;
    bench.tenant.set_seats("EMS", 1).unwrap();
    bench
        .tenant
        .license_group("Staff", &LicenseChange { add: vec![NewLicense::direct("EMS")], ..Default::default() })
        .unwrap();
    let errors = bench.get(&format!("/v1.0/groups/{staff}/membersWithLicenseErrors?$select=id")).await;
    assert_eq!(errors.ids(), [ids[2].to_string()], "the one seat went to the first");
    let path = format!("/v1.0/users/{}?$select=assignedLicenses,licenseAssignmentStates", ids[2]);
    let user = bench.get(&path).await.body;
    let state = &user["licenseAssignmentStates"][0];
    assert_eq!((&state["state"], &state["error"]), (&json!("Error"), &json!("CountViolation")));
    assert_eq!((&state["assignedByGroup"], &user["assignedLicenses"]), (&json!(staff), &json!([])));
    let filter = "/v1.0/groups?$filter=hasMembersWithLicenseErrors%20eq%20true&$select=id";
    assert_eq!(bench.get(filter).await.ids(), [staff.to_string()]);
    let reprocess = format!("/v1.0/users/{}/reprocessLicenseAssignment", ids[2]);
    let refused = bench.post(&reprocess, json!({})).await;
    assert_eq!((refused.status, refused.message().contains("available licenses")), (400, true));
    bench.tenant.set_seats("EMS", 2).unwrap();
    assert_eq!(bench.post(&reprocess, json!({})).await.status, 200);
    assert_eq!(bench.get(&path).await.body["licenseAssignmentStates"][0]["state"], "Active");
    assert_eq!(bench.tenant.counters().other_writes.effective, 1);
    bench.tenant.set_roles(&["LicenseAssignment.ReadWrite.All"]);
    bench.token = bench.sign_in().await;
    assert_eq!(bench.post(&reprocess, json!({})).await.status, 403, "this role does not reprocess");
}

#[tokio::test]
async fn groups_by_hand() {
    let (bench, ids) = Bench::synced(2).await;
    let lab = format!("{}/lab/groups", bench.tenant.url());
    let new = json!({ "displayName": "All", "members": [ids[0]], "licenses": [{ "sku": "EMS" }] });
    let made: Value = bench.http.post(&lab).json(&new).send().await.unwrap().json().await.unwrap();
    assert_eq!((&made["processing"], &made["licenses"][0]["sku"]), (&json!("ProcessingComplete"), &json!("EMS")));
    bench.http.put(format!("{lab}/All/members/{}", ids[1])).send().await.unwrap();
    assert_eq!(bench.tenant.view(|view| view.holders("EMS")), 2);
    bench.http.delete(format!("{lab}/All/members/{}", ids[0])).send().await.unwrap();
    let gone = json!({ "remove": ["EMS"] });
    bench.http.post(format!("{lab}/All/licenses")).json(&gone).send().await.unwrap();
    assert_eq!(bench.tenant.view(|view| view.holders("EMS")), 0);
    assert_eq!(bench.http.delete(format!("{lab}/All")).send().await.unwrap().status(), 200);
    let groups: Value = bench.http.get(&lab).send().await.unwrap().json().await.unwrap();
    assert_eq!(groups, json!([]));
}
