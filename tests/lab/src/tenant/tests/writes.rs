use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::{Bench, EMS, INTUNE_PLAN, MFA_PLAN, SPE_E3};
use crate::tenant::{Concurrency, Dependency, Exclusion, Hold, LicenseChange, Match, NewLicense, NewUser, Sku, World};

const INVALID_LOCATION: &str = "License assignment cannot be done for user with invalid usage location.";

#[tokio::test]
async fn patching_the_location_takes_countries_only() {
    let (bench, ids) = Bench::synced(1).await;
    for bad in ["UK", "de", "", "DEU"] {
        let answer = bench.locate(ids[0], bad).await;
        assert_eq!((answer.status, answer.code()), (400, "Request_BadRequest"), "{bad}");
        assert!(answer.message().contains("usageLocation"));
    }
    let answer = bench.locate(ids[0], "GB").await;
    assert_eq!((answer.status, answer.text.as_str(), answer.header("content-type")), (204, "", ""));
    bench.locate(ids[0], "GB").await;
    let count = bench.tenant.state().users[0].counters.patch_usage_location;
    assert_eq!((count.calls, count.effective), (6, 1), "a repeat is a call, not an effective change");
    let path = format!("/v1.0/users/{}", ids[0]);
    let patch = |body| bench.send(reqwest::Method::PATCH, &path, Some(body));
    let mastered = patch(json!({ "department": "Sales" })).await.unwrap();
    assert!(mastered.message().starts_with("Unable to update the specified properties for on-premises mastered"));
    let read_only = patch(json!({ "assignedLicenses": [] })).await.unwrap();
    assert_eq!(read_only.message(), "Property 'assignedLicenses' is read-only and cannot be set.");
}

#[tokio::test]
async fn an_assignment_enables_plans_and_takes_one_seat() {
    let (bench, ids) = Bench::synced(1).await;
    assert_eq!(bench.assign(ids[0], EMS, &[]).await.message(), INVALID_LOCATION);
    bench.locate(ids[0], "DE").await;
    let answer = bench.assign(ids[0], EMS, &[MFA_PLAN]).await;
    assert_eq!((answer.status, answer.header("location")), (200, "https://graph.microsoft.com"));
    assert!(answer.body["userPrincipalName"].is_string() && answer.body.get("assignedLicenses").is_none());
    let path = format!("/v1.0/users/{}?$select=assignedLicenses,licenseAssignmentStates,assignedPlans", ids[0]);
    let user = bench.get(&path).await.body;
    assert_eq!(user["assignedLicenses"], json!([{ "skuId": EMS, "disabledPlans": [MFA_PLAN] }]));
    assert_eq!(user["licenseAssignmentStates"][0]["state"], "Active");
    assert!(user["licenseAssignmentStates"][0]["assignedByGroup"].is_null());
    assert_eq!(user["assignedPlans"].as_array().unwrap().len(), 5, "Company plans and disabled ones do not show");
    bench.assign(ids[0], EMS, &[MFA_PLAN]).await;
    bench.assign(ids[0], EMS, &[INTUNE_PLAN]).await;
    let state = bench.tenant.state();
    let user = &state.users[0];
    assert_eq!(user.direct("EMS").unwrap().disabled_plans, ["INTUNE_A"], "the list is replaced");
    assert!(user.has_plan("MFA_PREMIUM") && !user.has_plan("INTUNE_A"));
    assert_eq!((user.counters.assign_license.calls, user.counters.assign_license.effective), (4, 2));
    assert_eq!((user.counters.effective_by_sku["EMS"], state.sku("EMS").unwrap().consumed_units), (2, 1));
    assert_eq!(bench.remove(ids[0], EMS).await.status, 200);
    let plans = bench.get(&path).await.body["assignedPlans"].clone();
    assert!(plans.as_array().unwrap().iter().all(|plan| plan["capabilityStatus"] == "Deleted"));
    assert_eq!(bench.tenant.state().sku("EMS").unwrap().consumed_units, 0);
}

#[tokio::test]
async fn each_refusal_has_its_words() {
    let mut world = World::contoso();
    let room = Uuid::from_u128(5);
    let spare = world.sku("EMS").unwrap().clone();
    world.skus.push(Sku { sku_part_number: "ROOM".into(), sku_id: room, applies_to: "Company".into(), ..spare });
    world.set_seats("INTUNE_A", 0);
    let bench = Bench::new(world).await;
    let user = "ada@contoso.com";
    let refused = async |sku: &str, disabled: &[&str]| {
        let answer = bench.assign(user, sku, disabled).await;
        assert_eq!((answer.status, answer.code()), (400, "Request_BadRequest"));
        answer.message().to_owned()
    };
    let intune = "061f9ace-7d42-4136-88ac-31dc755f143f";
    let none = format!("Subscription with SKU {intune} does not have any available licenses.");
    assert_eq!(refused(intune, &[]).await, none);
    let foreign = Uuid::from_u128(1).to_string();
    let unknown = format!("License {foreign} does not correspond to a valid company License.");
    assert_eq!(refused(&foreign, &[]).await, unknown);
    assert_eq!(refused(&room.to_string(), &[]).await, format!("License {room} cannot be assigned to a user."));
    assert!(refused(EMS, &[&foreign]).await.contains("does not belong to the subscription"));
    assert!(refused("EMS", &[]).await.starts_with("Cannot convert a primitive value to the expected type 'Edm.Guid'"));
    assert_eq!(bench.remove(user, EMS).await.message(), "User does not have a corresponding license.");
    assert_eq!(
        bench.remove("barbara@contoso.com", EMS).await.message(),
        "User license is inherited from a group membership and it cannot be removed directly from the user."
    );
    let path = format!("/v1.0/users/{user}/assignLicense");
    let missing = bench.post(&path, json!({ "addLicenses": [] })).await;
    assert!(missing.message().ends_with("The missing parameters are: removeLicenses."), "{}", missing.message());
    let nothing = bench.post(&path, json!({ "addLicenses": [], "removeLicenses": [] })).await;
    assert_eq!(nothing.message(), "No license changes provided");
    assert_eq!(bench.tenant.counters().assign_license.effective, 0);
}

#[tokio::test]
async fn plans_exclude_and_need_each_other_if_the_world_says_so() {
    let mut world = World::contoso();
    let plan = |name: &str| world.plan(name).unwrap().service_plan_id;
    let (teams, mfa, sway, rms) = (plan("TEAMS1"), plan("MFA_PREMIUM"), plan("SWAY"), plan("RMS_S_PREMIUM"));
    world.exclusions.push(Exclusion { plans: [teams, mfa] });
    let bench = Bench::new(world.clone()).await;
    let answer = bench.assign("ada@contoso.com", SPE_E3, &[]).await;
    let words = format!("License assignment failed because service plans {teams}, {mfa} are mutually exclusive.");
    assert_eq!(answer.message(), words);
    assert_eq!(bench.assign("ada@contoso.com", SPE_E3, &[&teams.to_string()]).await.status, 200);
    world.exclusions.clear();
    world.dependencies.push(Dependency { plan: sway, needs: vec![rms] });
    let bench = Bench::new(world).await;
    let answer = bench.assign("ada@contoso.com", SPE_E3, &[&rms.to_string()]).await;
    assert!(answer.message().ends_with(&format!("{sway} depends on the service plan(s) {rms}")));
}

#[tokio::test]
async fn seats_run_out_and_come_back_and_a_second_source_takes_none() {
    let (bench, ids) = Bench::synced(2).await;
    bench.tenant.set_seats("EMS", 1).unwrap();
    for id in &ids {
        bench.locate(id, "DE").await;
    }
    let group = NewLicense::by_group("EMS", Uuid::from_u128(3)).without(&["INTUNE_A"]);
    let change = LicenseChange { add: vec![group], ..LicenseChange::default() };
    bench.tenant.change_licenses(&ids[0].to_string(), &change).unwrap();
    assert_eq!(bench.assign(ids[0], EMS, &[MFA_PLAN]).await.status, 200, "already holds a seat by the group");
    let user = bench.get(&format!("/v1.0/users/{}?$select=assignedLicenses,licenseAssignmentStates", ids[0])).await;
    assert_eq!(
        user.body["assignedLicenses"],
        json!([{ "skuId": EMS, "disabledPlans": [] }]),
        "off only where all say so"
    );
    assert_eq!(user.body["licenseAssignmentStates"].as_array().unwrap().len(), 2);
    assert_eq!(bench.assign(ids[1], EMS, &[]).await.status, 400);
    bench.tenant.delete_user(&ids[0].to_string()).unwrap();
    assert_eq!(bench.assign(ids[1], EMS, &[]).await.status, 200);
    bench.tenant.set_units("EMS", |units| (units.enabled, units.suspended) = (0, 9)).unwrap();
    assert_eq!(bench.tenant.state().sku("EMS").unwrap().available, -1);
    let skus = bench.get("/v1.0/subscribedSkus").await;
    assert_eq!(skus.body["value"][0]["capabilityStatus"], "Suspended");
}

#[tokio::test]
async fn lags_pass_by_time_and_by_count() {
    let (bench, ids) = Bench::synced(1).await;
    bench.tenant.set_knobs(|knobs| {
        (knobs.location_lag_calls, knobs.license_lag_reads) = (2, 1);
        knobs.seat_lag = Duration::from_secs(30);
    });
    bench.locate(ids[0], "DE").await;
    for _ in 0..2 {
        assert_eq!(bench.assign(ids[0], EMS, &[]).await.message(), INVALID_LOCATION);
    }
    assert_eq!(bench.assign(ids[0], EMS, &[]).await.status, 200);
    let path = format!("/v1.0/users/{}?$select=assignedLicenses,assignedPlans", ids[0]);
    assert_eq!(bench.get(&path).await.body["assignedLicenses"], json!([]));
    assert_eq!(bench.get(&path).await.body["assignedPlans"].as_array().unwrap().len(), 6);
    let consumed = async || bench.get("/v1.0/subscribedSkus").await.body["value"][0]["consumedUnits"].clone();
    assert_eq!(consumed().await, 0);
    bench.tenant.advance(Duration::from_secs(31));
    assert_eq!(consumed().await, 1);
    bench.tenant.set_knobs(|knobs| knobs.license_lag = Duration::from_secs(60));
    bench.remove(ids[0], EMS).await;
    bench.get(&path).await;
    assert_eq!(bench.get(&path).await.body["assignedLicenses"].as_array().unwrap().len(), 1, "still shown");
    bench.tenant.advance(Duration::from_secs(61));
    assert_eq!(bench.get(&path).await.body["assignedLicenses"], json!([]));
}

#[tokio::test]
async fn two_license_writes_for_one_user_collide_if_asked_to() {
    let bench = Bench::contoso().await;
    bench.tenant.set_knobs(|knobs| knobs.concurrency = Concurrency::Conflict);
    let gate = bench.tenant.gate(Match::path("assignLicense").once(), Hold::Before);
    let first = bench.assign("ada@contoso.com", EMS, &[]);
    let second = async {
        gate.arrived(1).await;
        let answer = bench.assign("ada@contoso.com", EMS, &[]).await;
        gate.release();
        answer
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.status, second.status, second.code()), (200, 409, "Directory_ConcurrencyViolation"));
}

fn item(id: &str, user: &str, depends_on: Option<&str>) -> serde_json::Value {
    let mut item = json!({
        "id": id, "method": "POST", "url": format!("/users/{user}/assignLicense"),
        "headers": { "Content-Type": "application/json" },
        "body": { "addLicenses": [{ "skuId": EMS, "disabledPlans": [] }], "removeLicenses": [] },
    });
    if let Some(other) = depends_on {
        item["dependsOn"] = json!([other]);
    }
    item
}

#[tokio::test]
async fn a_batch_answers_each_item_by_itself() {
    let bench = Bench::contoso().await;
    let items = json!({ "requests": [item("1", "ada@contoso.com", None), item("2", "ken@contoso.com", None)] });
    let answer = bench.post("/v1.0/$batch", items).await;
    assert_eq!(answer.status, 200);
    let responses = answer.body["responses"].as_array().unwrap();
    let status = |id: &str| responses.iter().find(|one| one["id"] == id).unwrap()["status"].clone();
    assert_eq!((status("1"), status("2")), (json!(200), json!(400)), "ken has no location");
    let counters = bench.tenant.counters();
    assert_eq!((counters.requests, counters.batch_items), (2, 2));
    assert_eq!((counters.assign_license.calls, counters.assign_license.effective), (2, 1));
    let serial = [item("1", "ken@contoso.com", None), item("2", "ada@contoso.com", Some("1"))];
    let answer = bench.post("/v1.0/$batch", json!({ "requests": serial })).await;
    assert_eq!(answer.body["responses"][0]["status"], 424);
    let mixed = [item("1", "ada@contoso.com", None), item("2", "ada@contoso.com", Some("1")), item("3", "x", None)];
    assert_eq!(bench.post("/v1.0/$batch", json!({ "requests": mixed })).await.status, 400);
    let same = [item("a", "ada@contoso.com", None), item("A", "ada@contoso.com", None)];
    assert_eq!(bench.post("/v1.0/$batch", json!({ "requests": same })).await.status, 400);
    let many: Vec<_> = (0..21).map(|n| item(&n.to_string(), "ada@contoso.com", None)).collect();
    assert_eq!(bench.post("/v1.0/$batch", json!({ "requests": many })).await.status, 400);
    let nested = json!({ "requests": [{ "id": "1", "method": "GET", "url": "users?$top=1&$select=id" }] });
    let answer = bench.post("/v1.0/$batch", nested).await;
    let body = &answer.body["responses"][0]["body"];
    assert!(body["@odata.nextLink"].as_str().unwrap().contains("/v1.0/users?"), "{body}");
}

#[tokio::test]
async fn parallel_items_for_one_user_collide() {
    let mut world = World::contoso();
    world.add_user(NewUser::cloud("new@contoso.com").with("usageLocation", "DE"));
    world.knobs.concurrency = Concurrency::BadRequest;
    let bench = Bench::new(world).await;
    let items = [item("1", "new@contoso.com", None), item("2", "new@contoso.com", None)];
    let answer = bench.post("/v1.0/$batch", json!({ "requests": items })).await;
    let statuses: Vec<_> = answer.body["responses"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, [400, 200]);
    assert_eq!(bench.tenant.counters().assign_license.effective, 1);
}

#[tokio::test]
async fn a_user_is_created_with_a_verified_name_and_a_strong_password_alone() {
    let bench = Bench::contoso().await;
    let good = json!({
        "accountEnabled": true, "displayName": "Eva New", "mailNickname": "eva.new", "usageLocation": "SE",
        "userPrincipalName": "eva.new@contoso.com",
        "passwordProfile": { "password": "Str0ng-enough", "forceChangePasswordNextSignIn": true },
    });
    for (name, value, text) in [
        ("displayName", json!(null), "A value is required for property 'displayName' of resource 'User'."),
        ("usageLocation", json!("UK"), "Invalid value specified for property 'usageLocation' of resource 'User'."),
        ("mailNickname", json!("eva..new"), "Invalid value specified for property 'mailNickname' of resource 'User'."),
        ("userPrincipalName", json!("eva@fabrikam.com"), "The domain portion of the userPrincipalName property"),
        ("passwordProfile", json!({ "password": "weakweak" }), "The specified password does not comply"),
        ("assignedLicenses", json!([]), "Property 'assignedLicenses' is read-only and cannot be set."),
    ] {
        let mut body = good.clone();
        body[name] = value;
        let answer = bench.post("/v1.0/users", body).await;
        assert_eq!((answer.status, answer.code()), (400, "Request_BadRequest"), "{name}");
        assert!(answer.message().starts_with(text), "{name}: {}", answer.message());
    }
    let answer = bench.post("/v1.0/users", good.clone()).await;
    assert_eq!(
        (answer.status, &answer.body["userPrincipalName"]),
        (201, &json!("eva.new@contoso.com")),
        "{}",
        answer.text
    );
    assert!(answer.header("location").contains("/directoryObjects/") && !answer.text.contains("Str0ng"));
    let read =
        bench.get("/v1.0/users/EVA.new@contoso.com?$select=usageLocation,createdDateTime,onPremisesSyncEnabled").await;
    assert_eq!((&read.body["usageLocation"], &read.body["onPremisesSyncEnabled"]), (&json!("SE"), &json!(null)));
    let again = bench.post("/v1.0/users", good).await;
    let text = "Another object with the same value for property userPrincipalName already exists.";
    assert_eq!((again.status, again.message()), (400, text));
}
