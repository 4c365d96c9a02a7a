//! `seatsync doctor --directory`: what is examined of controllers and domain, and what each finding says.

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use seatsync::clock::Clock;
use seatsync_lab::directory::{Change, DcOptions, Directory, DirectoryOptions, Effect, Fault, NewAccount, Target};
use seatsync_lab::tenant::World;
use serde_json::Value;

use crate::bench::Bench;
use crate::daemon::Daemon;

/// What is asked of the domain as a whole.
const OF_THE_DOMAIN: [&str; 7] = ["account", "deletions", "base", "rights", "anchor", "location", "scope"];

async fn bench(options: DirectoryOptions) -> Bench {
    Bench::with(options, World::empty_contoso()).await
}

/// What `doctor --directory --json` finds, and the status it ends with.
async fn examined(bench: &Bench) -> (i32, Vec<Value>) {
    let output = bench.output(&["doctor", "--directory", "--json"]).await;
    let all: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {output:?}"));
    let code = output.status.code().expect("a status");
    assert_eq!(all["exit"], code);
    (code, all["checks"].as_array().expect("checks").clone())
}

fn about<'a>(checks: &'a [Value], topic: &str) -> Vec<&'a Value> {
    checks.iter().filter(|check| check["check"] == topic).collect()
}

/// State, finding, remedy and code of the only line of a topic.
fn only(checks: &[Value], topic: &str) -> (String, String, String, String) {
    let found = about(checks, topic);
    assert_eq!(found.len(), 1, "{topic}: {checks:#?}");
    let text = |field: &str| found[0][field].as_str().unwrap_or_default().to_owned();
    (text("state"), text("found"), text("remedy"), text("code"))
}

fn states(checks: &[Value], topic: &str) -> Vec<String> {
    about(checks, topic).iter().map(|check| check["state"].as_str().unwrap_or_default().to_owned()).collect()
}

/// One line that has to come out so and say these; the exit status that goes with it.
async fn finds(bench: &Bench, exit: i32, topic: &str, state: &str, said: &[&str]) -> Vec<Value> {
    let (code, checks) = examined(bench).await;
    let (found_state, found, remedy, error) = only(&checks, topic);
    assert_eq!((code, found_state.as_str()), (exit, state), "{topic}: {checks:#?}");
    let whole = format!("{found} > {remedy} [{error}]");
    for part in said {
        assert!(whole.contains(part), "{part:?} is not in {whole}");
    }
    assert_eq!(state == "fail" || state == "warn", !remedy.is_empty() && state != "ok", "{whole}");
    checks
}

#[tokio::test(flavor = "multi_thread")]
async fn all_is_well_and_counted_whether_or_not_an_agent_runs() {
    let mut bench = bench(DirectoryOptions::with_accounts(30).dcs(2)).await;
    let first = format!("\"ldaps://localhost:{}\"", bench.directory.ldaps_addr().port());
    let second = format!("{first}, \"ldaps://{}\"", bench.directory.dc(1).ldaps_addr());
    with_bases(&mut bench, &["OU=Staff", "OU=Service"]);
    bench.edit(&first, &second);
    for sam in ["ada", "bob", "eve"] {
        let joiner = bench.hire(sam, "DE");
        bench.directory.modify(joiner.guid, &[Change::set("department", "(R*D)\\")]);
    }
    bench.directory.converge();
    bench.rules =
        "[[license]]\nid = \"lab\"\nsku = \"EMS\"\nwho = { all = [{ filter = '(department=\\28R\\2aD\\29\\5c)' }, \
                   { ou = \"OU=Staff,DC=corp,DC=example,DC=test\" }] }\n[[license]]\nid = \"all\"\nsku = \"EMS\"\n"
            .into();
    let (code, checks) = examined(&bench).await;
    assert_eq!(code, 0, "{checks:#?}");
    let wrong: Vec<&Value> =
        checks.iter().filter(|check| check["state"] == "warn" || check["state"] == "fail").collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    for topic in ["reach", "tls", "bind", "controller", "controls", "paging", "dc-clock"] {
        assert_eq!(states(&checks, topic), ["ok", "ok"], "{topic}: {checks:#?}");
    }
    for topic in ["controllers", "account", "deletions", "rights", "anchor", "location"] {
        assert_eq!(only(&checks, topic).0, "ok", "{topic}: {checks:#?}");
    }
    let below = |unit: &str| bench.directory.accounts().iter().filter(|it| it.dn.contains(unit)).count();
    let (staff, service) = (below("OU=Staff"), below("OU=Service"));
    let all = staff + service;
    assert!(only(&checks, "rights").1.contains(&format!("all {all} accounts")), "{checks:#?}");
    let found = |topic| about(&checks, topic).iter().map(|it| it["found"].to_string()).collect::<Vec<_>>().join(" ");
    assert!(
        found("base").contains(&format!("exists, {staff} accounts"))
            && found("base").contains(&format!("exists, {service} accounts"))
    );
    assert!(found("scope").contains(&format!("means 3 of {all} accounts")), "{}", found("scope"));
    assert!(found("scope").contains(&format!("ou OU=Staff,DC=corp,DC=example,DC=test: means {staff} of")));
    assert!(found("account").contains("CN=") && found("paging").contains("pages, to the end"));
    assert_eq!(only(&checks, "agent").1, "none is running");
    assert!(!bench.path("seatsync.db").exists() && !bench.path("seatsync.db.lock").exists());

    let text = bench.says(&["doctor"]).await;
    assert!(text.contains("directory") || text.contains("controllers"), "{text}");
    assert!(text.contains("organization") && text.contains("scope"), "without a side there are both:\n{text}");

    let daemon = Daemon::acquainted(&bench).await;
    let (code, checks) = examined(&bench).await;
    assert_eq!((code, only(&checks, "agent").1.as_str()), (0, "one has the store now"));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_cannot_be_used_is_told_with_the_step_at_which_it_ends() {
    let other = Directory::start(DirectoryOptions::default()).await.expect("another domain");
    let mut bench = bench(DirectoryOptions::with_accounts(3)).await;
    bench.directory.set_bind_failure(Some(0x775));
    let checks = finds(&bench, 77, "bind", "fail", &["locked out", "4740", "directory-bind-refused"]).await;
    assert_eq!((states(&checks, "reach"), states(&checks, "tls")), (vec!["ok".into()], vec!["ok".into()]));
    for topic in OF_THE_DOMAIN {
        assert_eq!(only(&checks, topic).0, "skipped", "{topic}");
    }
    bench.directory.set_bind_failure(None);

    bench.write("ca.pem", other.ca_pem());
    let checks = finds(&bench, 78, "tls", "fail", &["directory-tls"]).await;
    assert_eq!(states(&checks, "reach"), ["ok"]);
    bench.write("ca.pem", bench.directory.ca_pem());

    bench.edit("domain = \"corp.example.test\"", "domain = \"other.example.test\"");
    finds(&bench, 78, "controller", "fail", &["not of other.example.test", "directory-wrong-domain"]).await;
    bench.edits.clear();

    let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port");
    let own = format!("ldaps://localhost:{}", bench.directory.ldaps_addr().port());
    bench.edit(&own, &format!("ldaps://{closed}"));
    finds(&bench, 69, "reach", "fail", &["no connection", "636", "directory-unreachable"]).await;

    // One that is down keeps nothing from going on where there is another.
    bench.edits.clear();
    bench.edit(&format!("\"{own}\""), &format!("\"ldaps://{closed}\", \"{own}\""));
    let (code, checks) = examined(&bench).await;
    assert_eq!((code, states(&checks, "reach")), (0, vec!["warn".into(), "ok".into()]), "{checks:#?}");
    assert_eq!(only(&checks, "rights").0, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_name_and_one_that_ends_soon_are_told() {
    let names = vec!["dc9.corp.example.test".to_owned()];
    let options = DirectoryOptions { certificate_names: names, ..DirectoryOptions::with_accounts(3) };
    finds(&bench(options).await, 78, "tls", "fail", &["localhost", "directory-tls"]).await;

    let now = Clock::system().now();
    let ends = (now + SignedDuration::from_hours(24 * 11)).to_zoned(TimeZone::UTC).date();
    let options = DirectoryOptions { certificate_until: Some(ends), ..DirectoryOptions::with_accounts(3) };
    let bench = bench(options).await;
    finds(&bench, 0, "tls", "warn", &[&ends.to_string(), "Renew"]).await;

    bench.directory.set_password_expiry(Some(now + SignedDuration::from_hours(24 * 6 + 1)));
    finds(&bench, 0, "account", "warn", &["in 6 days", "Set a new password"]).await;
    bench.directory.set_password_expiry(Some(now + SignedDuration::from_hours(24 * 90)));
    finds(&bench, 0, "account", "ok", &["svc@corp.example.test is CN=", "ends on"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn controllers_are_found_in_dns_or_it_is_said_that_they_are_not() {
    let mut bench = bench(DirectoryOptions::with_accounts(3).dcs(2).dns()).await;
    for dc in bench.directory.dcs() {
        let port = dc.ldaps_addr().port();
        dc.set_srv(|srv| srv.port = port);
    }
    let dns = bench.directory.dns_addr().expect("DNS is served");
    let listed = format!("servers = [\"ldaps://localhost:{}\"]", bench.directory.ldaps_addr().port());
    bench.edit(&listed, &format!("dns = \"{dns}\""));
    let (code, checks) = examined(&bench).await;
    let (_, found, ..) = only(&checks, "controllers");
    assert!(found.contains("DNS names") && found.contains("dc1.corp") && found.contains("dc2.corp"), "{found}");
    assert_eq!((code, states(&checks, "controller")), (0, vec!["ok".into(), "ok".into()]), "{checks:#?}");

    bench.edit("domain = \"corp.example.test\"", "domain = \"none.example.test\"");
    let checks = finds(&bench, 78, "controllers", "fail", &["_msdcs.none.example.test", "directory.site"]).await;
    assert_eq!(only(&checks, "base").0, "skipped");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_out_of_step_or_read_only_is_told_and_what_it_hides_too() {
    let mut bench = bench(DirectoryOptions::with_accounts(5)).await;
    bench.directory.set_synchronized(false);
    finds(&bench, 0, "controller", "warn", &["isSynchronized", "repadmin"]).await;
    bench.directory.set_synchronized(true);

    // What may not be read is not there.
    let ada = bench.hire("ada", "DE");
    bench.directory.modify(ada.guid, &[Change::clear("userAccountControl")]);
    let rodc = bench.directory.add_dc(&DcOptions::read_only("Branch")).await.expect("it is promoted");
    let own = format!("ldaps://localhost:{}", bench.directory.ldaps_addr().port());
    bench.edit(&own, &format!("ldaps://{}", bench.directory.dc(rodc).ldaps_addr()));
    let checks = finds(&bench, 0, "controller", "warn", &["read-only copy", "writable"]).await;
    let (state, found, remedy, _) = only(&checks, "rights");
    assert!(
        state == "warn"
            && found.contains("of 1 of")
            && found.contains("userAccountControl")
            && remedy.contains("Read all"),
        "{found}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn paging_that_does_not_come_to_its_end_and_a_clock_that_is_off_are_told() {
    let bench = bench(DirectoryOptions::with_accounts(3)).await;
    let text = "00000057: LdapErr: DSID-0C0907F1, comment: Error processing control, data 0, v4563".to_owned();
    bench.directory.add_fault(Fault::once(Target::page(2), Effect::Result { code: 53, text }).always());
    finds(&bench, 69, "paging", "fail", &["cookie", "MaxResultSetSize", "directory-cookie-gone"]).await;
    bench.directory.clear_faults();

    for (ahead, exit, state) in [(20, 0, "ok"), (150, 0, "warn"), (-700, 78, "fail")] {
        bench.directory.set_policy(|policy| policy.clock_ahead = ahead);
        finds(&bench, exit, "dc-clock", state, &["the controller's"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_that_can_be_seen_are_told_from_none_at_all() {
    let bench = bench(DirectoryOptions::with_accounts(3)).await;
    finds(&bench, 0, "deletions", "ok", &["is nothing, or nothing that may be seen"]).await;
    let gone = bench.hire("gone", "DE");
    bench.directory.delete(gone.guid);
    finds(&bench, 0, "deletions", "ok", &["can be seen: a deletion is noticed at the next look"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_that_cannot_be_seen_are_no_fault_and_what_follows_is_said() {
    let options = DirectoryOptions { hide_deleted_objects: true, ..DirectoryOptions::with_accounts(3) };
    let bench = bench(options).await;
    let (code, checks) = examined(&bench).await;
    let (state, found, remedy, _) = only(&checks, "deletions");
    assert_eq!((code, state.as_str()), (0, "ok"));
    assert!(
        found.starts_with("Deleted Objects cannot be seen") && remedy.contains("dsacls") && remedy.contains("svc@"),
        "{found} {remedy}"
    );
}

/// Reads these units of the domain, and no others.
fn with_bases(bench: &mut Bench, units: &[&str]) {
    const BEFORE: &str = "timeout = \"20s\"\n[tenant]";
    let bases: Vec<String> = units.iter().map(|unit| format!("\"{unit},DC=corp,DC=example,DC=test\"")).collect();
    bench.edits.clear();
    bench.edit(BEFORE, &format!("bases = [{}]\n{BEFORE}", bases.join(", ")));
}

/// A single rule about these.
fn with_rule(bench: &mut Bench, who: &str) {
    bench.rules = format!("[[license]]\nid = \"r\"\nsku = \"EMS\"\nwho = {who}\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_that_is_not_there_names_what_is() {
    let mut bench = bench(DirectoryOptions::with_accounts(20)).await;
    bench.directory.create_ou("Empty");
    with_bases(&mut bench, &["OU=Stafff"]);
    let near = ["OU=Stafff", "of it exists DC=corp", "Did you mean OU=Staff,DC=corp", "directory-base-missing"];
    let checks = finds(&bench, 78, "base", "fail", &near).await;
    assert_eq!(only(&checks, "rights").0, "skipped");

    // It was moved below another.
    bench.directory.rename_ou("Contractors", "Externals");
    with_bases(&mut bench, &["OU=Zzz,OU=Yyy,OU=Externals"]);
    finds(&bench, 78, "base", "fail", &["of it exists OU=Externals,DC=corp"]).await;
    with_bases(&mut bench, &["OU=Staff,OU=Externals"]);
    finds(&bench, 78, "base", "fail", &["of it exists OU=Externals", "Did you mean OU=Staff,DC=corp"]).await;

    with_bases(&mut bench, &["OU=Staff", "OU=Gone", "OU=Empty"]);
    let (code, checks) = examined(&bench).await;
    assert_eq!((code, states(&checks, "base")), (78, vec!["ok".into(), "fail".into(), "warn".into()]), "{checks:#?}");
    assert_eq!(only(&checks, "rights").0, "ok", "what can be counted is");
    with_bases(&mut bench, &["OU=Empty"]);
    let (code, checks) = examined(&bench).await;
    assert_eq!((code, only(&checks, "rights").0.as_str()), (77, "fail"), "{checks:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_without_anchor_or_location_are_counted() {
    let mut bench = bench(DirectoryOptions::with_accounts(0)).await;
    let bases =
        "bases = [\"OU=Staff,DC=corp,DC=example,DC=test\"]\nanchor = \"employeeID\"\ntimeout = \"20s\"\n[tenant]";
    bench.edit("timeout = \"20s\"\n[tenant]", bases);
    bench.edit("default = \"SE\"", "from = [\"c\"]");
    let hire = |sam: &str, c: &str| {
        bench.directory.create_account(NewAccount::named(sam).sam(sam).country(c).without("employeeID"))
    };
    let guids = [hire("ada", "DE"), hire("bob", ""), hire("eve", "")];
    let checks = finds(&bench, 78, "anchor", "fail", &["none of 3 accounts has employeeid", "directory.anchor"]).await;
    let (state, found, remedy, _) = only(&checks, "location");
    assert!(state == "warn" && found.contains("2 of 3") && remedy.contains("usage_location.default"), "{found}");
    bench.directory.modify(guids[0], &[Change::set("employeeID", "e1")]);
    finds(&bench, 0, "anchor", "warn", &["2 of 3 accounts lack employeeid"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_that_means_nobody_is_told_apart_from_one_that_nobody_understands() {
    let mut bench = bench(DirectoryOptions::with_accounts(10)).await;
    with_rule(&mut bench, "{ filter = \"(department=Nowhere)\" }");
    finds(&bench, 0, "scope", "warn", &["filter (department=Nowhere): means nobody", "spelling"]).await;
    with_rule(&mut bench, "{ not = { filter = \"(departmnt=Sales)\" } }");
    finds(&bench, 0, "scope", "warn", &["neither yes nor no", "schema"]).await;
    with_rule(&mut bench, "{ filter = \"(title=x)\" }");
    let text = "00002120: LdapErr: DSID-0C090F1C, comment: constructed attribute, data 0".to_owned();
    let title = Target::default().filter("title=x");
    bench.directory.add_fault(Fault::once(title, Effect::Result { code: 18, text }).always());
    finds(&bench, 0, "scope", "warn", &["cannot answer it", "constructed", "directory-refused"]).await;
    with_rule(&mut bench, "{ ou = \"OU=Contractor,DC=corp,DC=example,DC=test\" }");
    let said = ["does not exist", "Did you mean OU=Contractors,DC=corp", "Correct \"ou\""];
    finds(&bench, 0, "scope", "warn", &said).await;
}
