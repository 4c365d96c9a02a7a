//! `seatsync doctor --directory` and the rules' scope, against a real controller.

use serde_json::Value;

use super::{Site, env};
use crate::daemon::Daemon;

async fn examined(site: &Site) -> (i32, Vec<Value>) {
    let output = site.bench.output(&["doctor", "--directory", "--json"]).await;
    let all: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {output:?}"));
    (output.status.code().expect("a status"), all["checks"].as_array().expect("checks").clone())
}

/// State and finding of the first line of a topic.
fn first(checks: &[Value], topic: &str) -> (String, String) {
    let found =
        checks.iter().find(|check| check["check"] == topic).unwrap_or_else(|| panic!("no {topic}: {checks:#?}"));
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    (text("state"), text("found"))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real Samba AD DC: tests/run samba"]
async fn a_plain_account_finds_all_it_needs_and_what_it_does_not_see() {
    let mut site = Site::new("Diagnosis, \"(*)\" + 1").await;
    for (cn, sam, department) in
        [("One, A", "diag-a", "(R*D)"), ("Two", "diag-b", "(R*D)"), ("Three", "diag-c", "Else")]
    {
        site.hire(cn, sam, &[("department", department), ("c", "DE")]).await;
    }
    let gone = site.hire("Gone", "diag-gone", &[]).await;
    site.delete(&gone).await;
    let unit = site.unit.clone();
    site.bench.rules = format!(
        "[[license]]\nid = \"lab\"\nsku = \"EMS\"\nwho = {{ all = [{{ filter = '(department=\\28r\\2aD\\29)' }}, \
         {{ ou = '{unit}' }}] }}\n[[license]]\nid = \"rest\"\nsku = \"EMS\"\nwho = {{ filter = '(!(department=*D\\29))' }}\n"
    );
    let (code, checks) = examined(&site).await;
    let unwell: Vec<&Value> =
        checks.iter().filter(|check| check["state"] == "fail" || check["state"] == "warn").collect();
    assert!(code == 0 && unwell.is_empty(), "{unwell:#?}");
    for (topic, said) in [
        ("bind", "svc-seatsync"),
        ("account", "CN=svc-seatsync"),
        ("paging", "pages, to the end"),
        ("controls", "all known"),
        ("deletions", "nothing that may be seen"),
        ("base", "exists, 3 accounts"),
        ("rights", "all 3 accounts"),
        ("scope", "means 2 of 3 accounts"),
        ("dc-clock", "the controller's"),
    ] {
        let (state, found) = first(&checks, topic);
        assert!(state == "ok" && found.contains(said), "{topic}: {state} {found}");
    }
    let found: Vec<&str> = checks.iter().filter_map(|check| check["found"].as_str()).collect();
    assert!(found.iter().any(|found| found.starts_with("ou ") && found.contains("means 3 of 3")), "{found:#?}");
    assert!(found.iter().any(|found| found.starts_with("filter (!") && found.contains("means 1 of 3")), "{found:#?}");

    // The agent counts the same, and the controller agrees.
    let daemon = Daemon::acquainted(&site.bench).await;
    daemon.until_said("rule lab means 2 of the 3 accounts").await;
    daemon.until_said("rule rest means 1 of the 3 accounts").await;
    site.bench
        .tenant
        .wait_until(|view| view.counters().requests_by_route.get("GET /users/delta").copied() > Some(20))
        .await;
    assert!(!daemon.said().contains("as it is answered here"), "{}", daemon.said());
    daemon.stop().await;

    site.sign_in_as(&env("SAMBA_ADMIN_USER"), &env("SAMBA_ADMIN_PASSWORD"));
    let (_, checks) = examined(&site).await;
    assert!(
        first(&checks, "deletions").1.contains("can be seen: a deletion is noticed at the next look"),
        "{checks:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real Samba AD DC: tests/run samba"]
async fn what_is_wrong_with_a_base_a_unit_or_the_sign_in_is_told() {
    let mut site = Site::new("Diagnosed").await;
    site.hire("Dia Gnosed", "dia-gnosed", &[]).await;
    site.bench.rules =
        format!("[[license]]\nid = \"typo\"\nsku = \"EMS\"\nwho = {{ ou = 'OU=Diagnosd,{}' }}\n", env("SAMBA_BASE"));
    let whole = env("SAMBA_BASE");
    site.read_instead(&[&whole]);
    let (code, checks) = examined(&site).await;
    let (state, found) = first(&checks, "scope");
    assert!(code == 0 && state == "warn" && found.contains(&format!("of it exists {whole}")), "{checks:#?}");
    let scope = checks.iter().find(|check| check["check"] == "scope").expect("it was found");
    assert!(scope["remedy"].as_str().unwrap_or_default().contains(&format!("Did you mean {}", site.unit)), "{scope:#}");

    site.bench.rules = "[[license]]\nid = \"all\"\nsku = \"EMS\"\n".into();
    site.bench.edits.pop();
    site.read_instead(&[&format!("OU=Below,{}", site.unit.replace("Diagnosed", "Diagnosd"))]);
    let (code, checks) = examined(&site).await;
    assert_eq!((code, first(&checks, "base").0.as_str(), first(&checks, "rights").0.as_str()), (78, "fail", "skipped"));
    site.bench.write_secret("bind-password", "not the password");
    let (code, checks) = examined(&site).await;
    assert_eq!(
        (code, first(&checks, "bind").0.as_str(), first(&checks, "account").0.as_str()),
        (77, "fail", "skipped")
    );
}
