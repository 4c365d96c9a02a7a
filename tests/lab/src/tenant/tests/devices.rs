//! Intune's devices.

use super::Bench;

const DEVICES: &str = "/v1.0/deviceManagement/managedDevices?$select=id,userId";

#[tokio::test]
async fn devices_are_paged_and_may_have_no_user() {
    let (mut bench, ids) = Bench::synced(2).await;
    bench.tenant.set_roles(&["DeviceManagementManagedDevices.Read.All"]);
    bench.token = bench.sign_in().await;
    bench.tenant.enroll(Some(&ids[0].to_string()), "laptop").unwrap();
    bench.tenant.enroll(None, "kiosk").unwrap();
    bench.tenant.set_knobs(|knobs| knobs.page_size = Some(1));
    let first = bench.get(DEVICES).await;
    assert_eq!((first.status, first.body["value"].as_array().map(Vec::len)), (200, Some(1)));
    let next = first.body["@odata.nextLink"].as_str().unwrap();
    let second = bench.get(&next[next.find("/v1.0").unwrap()..]).await;
    assert!(second.body.get("@odata.nextLink").is_none());
    let mut users: Vec<_> = [&first, &second].iter().map(|page| page.body["value"][0]["userId"].clone()).collect();
    users.sort_by_key(ToString::to_string);
    assert_eq!(users, ["".to_owned(), ids[0].to_string()]);
    assert!(first.body["value"][0].get("deviceName").is_none(), "it was not selected");
}

#[tokio::test]
async fn intune_refuses_in_words_of_its_own() {
    let (mut bench, _) = Bench::synced(1).await;
    let denied = bench.get(DEVICES).await;
    assert_eq!((denied.status, denied.code()), (403, "Forbidden"));
    assert!(denied.message().starts_with('{') && denied.message().contains("DeviceManagementManagedDevices.Read.All"));
    bench.tenant.set_roles(&["DeviceManagementManagedDevices.Read.All"]);
    bench.token = bench.sign_in().await;
    bench.tenant.set_knobs(|knobs| knobs.intune = false);
    let refused = bench.get(DEVICES).await;
    assert_eq!((refused.status, refused.code()), (400, "BadRequest"));
    assert!(refused.message().contains("Request not applicable to target tenant."));
}
