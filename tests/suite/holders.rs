//! What the tenant has bought and who holds it: `skus`, `users --sku`, `users --not-enrolled`.

use seatsync_lab::tenant::{LicenseChange, NewLicense, NewUser};
use serde_json::Value;

use crate::bench::Bench;

async fn json(bench: &Bench, arguments: &[&str]) -> Value {
    let output = bench.output(arguments).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

async fn refused(bench: &Bench, arguments: &[&str], status: i32) -> String {
    let output = bench.output(arguments).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
    said
}

/// A tenant in which others hold licenses, read once.
async fn bench() -> Bench {
    let bench = Bench::start(5).await;
    let held =
        [("ann", NewLicense::direct("EMS")), ("ben", NewLicense::direct("EMS")), ("cid", NewLicense::direct("SPE_E3"))];
    for (name, license) in held {
        let user = NewUser::cloud(&format!("{name}@contoso.com")).licensed(license);
        bench.tenant.add_user(user).expect("a user is added");
    }
    let off = NewLicense { disabled_plans: vec!["INTUNE_A".into()], ..NewLicense::direct("EMS") };
    let change = LicenseChange { add: vec![off], ..LicenseChange::default() };
    bench.tenant.change_licenses("ben@contoso.com", &change).expect("a plan is turned off");
    bench.once().await.expect("a turn");
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn products_are_listed_with_seats_status_and_plans() {
    let bench = bench().await;
    bench
        .tenant
        .set_units("SPE_E3", |units| {
            units.warning = units.enabled;
            units.enabled = 0;
        })
        .expect("there is SPE_E3");
    bench.once().await.expect("a turn");
    let text = bench.says(&["skus"]).await;
    let row = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap_or_else(|| panic!("{text}"));
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row("EMS")[1..6], ["48", "2", "46", "0", "Enabled"], "{text}");
    assert_eq!(row("SPE_E3")[5], "Warning", "{text}");
    let status = bench.says(&["status"]).await;
    assert!(status.contains("SPE_E3 is Warning: its subscription has expired"), "{status}");

    let text = bench.says(&["skus", "ems"]).await;
    for part in ["48 bought, 2 in use, 46 free", "INTUNE_A ", "PendingInput", "the whole company's", "Security E3"] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    let one = json(&bench, &["skus", "EMS", "--json"]).await;
    assert_eq!((&one[0]["name"], &one[0]["free"], one.as_array().map(Vec::len)), (&"EMS".into(), &46.into(), Some(1)));
    assert_eq!(one[0]["plans"].as_array().map(Vec::len), Some(7), "{one}");
    assert!(refused(&bench, &["skus", "EMSS"], 67).await.contains("did you mean \"EMS\"?"));
    assert_eq!(bench.writes(), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_users_plan_is_shown_as_graph_has_it_now() {
    let bench = bench().await;
    let holders = json(&bench, &["users", "--sku", "EMS", "--json"]).await;
    let names: Vec<_> = holders.as_array().expect("a list").iter().map(|user| user["name"].as_str()).collect();
    assert_eq!(names, [Some("ann@contoso.com"), Some("ben@contoso.com")]);

    let lines = json(&bench, &["users", "--sku", "EMS", "--plan", "intune_a", "--status", "--json"]).await;
    let states: Vec<_> =
        lines.as_array().expect("a list").iter().map(|line| line["plans"][0]["status"].as_str()).collect();
    assert_eq!(states, [Some("Enabled"), Some("Disabled")], "{lines}");
    let text = bench.says(&["users", "--sku", "EMS", "--status"]).await;
    assert_eq!(text.matches("ann@contoso.com").count(), 6, "each plan for users: {text}");

    // What changed since the last reading shows: it is read now.
    let taken = LicenseChange { remove: vec!["EMS".into()], ..LicenseChange::default() };
    bench.tenant.change_licenses("ann@contoso.com", &taken).expect("it is taken");
    let lines = json(&bench, &["users", "--sku", "EMS", "--plan", "INTUNE_A", "--status", "--json"]).await;
    assert_eq!(lines[0]["error"], "no longer holds it");
    assert!(
        refused(&bench, &["users", "--sku", "EMS", "--plan", "INTUNE_B", "--status"], 67).await.contains("INTUNE_A")
    );
    refused(&bench, &["users", "--plan", "INTUNE_A", "--status"], 64).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_licensed_for_intune_and_has_no_device_is_listed() {
    let bench = bench().await;
    let said = refused(&bench, &["users", "--not-enrolled"], 77).await;
    assert!(
        said.contains("DeviceManagementManagedDevices.Read.All") && said.contains("graph-devices-forbidden"),
        "{said}"
    );

    let more = ["User.Read.All", "LicenseAssignment.Read.All", "DeviceManagementManagedDevices.Read.All"];
    bench.tenant.set_roles(&more);
    let names = async |bench: &Bench| -> Vec<String> {
        let list = json(bench, &["users", "--not-enrolled", "--json"]).await;
        list.as_array().expect("a list").iter().filter_map(|user| Some(user["name"].as_str()?.to_owned())).collect()
    };
    // Ben's Intune is off, so that he is no case.
    assert_eq!(names(&bench).await, ["ann@contoso.com", "cid@contoso.com"]);

    // The last of many pages counts, and a device of nobody does not.
    bench.tenant.set_knobs(|knobs| knobs.page_size = Some(2));
    for n in 0..5 {
        bench.tenant.enroll(None, &format!("kiosk{n}")).expect("a device");
    }
    bench.tenant.enroll(Some("ann@contoso.com"), "ann's laptop").expect("a device");
    bench.tenant.enroll(Some("ann@contoso.com"), "ann's phone").expect("a device");
    assert_eq!(names(&bench).await, ["cid@contoso.com"]);
    let text = bench.says(&["users", "--not-enrolled"]).await;
    assert!(text.contains("1 of 2 users with Intune have no device in it"), "{text}");

    bench.tenant.set_knobs(|knobs| knobs.intune = false);
    assert!(refused(&bench, &["users", "--not-enrolled"], 78).await.contains("intune-inactive"));
}
