//! Signing in to the directory: what is refused is said and tried rarely, what was renewed counts at once, and what ends soon
//! is told ahead.

use std::time::Duration;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use seatsync::clock::Clock;
use seatsync::model::fault::{Class, Fault as _, exit};
use seatsync_lab::directory::DirectoryOptions;
use seatsync_lab::tenant::World;

use crate::bench::{Bench, PATIENCE};

/// Longer than a connection lives.
const NEXT_CONNECTION: Duration = Duration::from_hours(5);

#[tokio::test(flavor = "multi_thread")]
async fn each_sub_code_is_told_with_its_own_way_out() {
    let bench = Bench::start(1).await;
    for (sub_code, said, advice) in [
        (0x525, "no such user", "user@domain"),
        (0x52e, "wrong user name or password", "stored password"),
        (0x530, "logon hours", "Widen the logon hours"),
        (0x531, "from this machine", "Log On To"),
        (0x532, "password has expired", "Set a new password"),
        (0x533, "disabled", "Enable"),
        (0x701, "account has expired", "expiry date"),
        (0x773, "must be changed first", "Set a new password"),
        (0x775, "locked out", "4740"),
        (0x8009_0346, "channel binding", "LdapEnforceChannelBinding"),
        (0x57, "invalid credentials", "stored password"),
    ] {
        bench.directory.set_bind_failure(Some(sub_code));
        let error = bench.once().await.expect_err("it is refused");
        assert_eq!(
            (error.code(), error.class(), error.exit_status()),
            ("directory-bind-refused", Class::Operator, exit::REFUSED)
        );
        assert!(error.to_string().contains(said), "{sub_code:x}: {error}");
        assert!(error.advice().contains(advice), "{sub_code:x}: {}", error.advice());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_password_is_tried_rarely_on_all_controllers_together() {
    let mut bench = Bench::start(3).await;
    // Two names of one controller: what is counted is what the domain would count.
    let port = bench.directory.ldaps_addr().port();
    let one = format!("\"ldaps://localhost:{port}\"");
    bench.edit(&one, &format!("{one}, \"ldaps://127.0.0.1:{port}\""));
    bench.write_secret("bind-password", "wrong");
    let agent = bench.agent().await.run();
    agent.until(|report| trouble(report, "directory").contains("directory-bind-refused")).await;
    for _ in 0..60 {
        agent.clock.advance(Duration::from_mins(1));
        look_at_the_tenant(&bench).await;
    }
    let binds = bench.directory.counters().binds;
    assert!((4..=13).contains(&binds), "{binds} binds within an hour");

    // The right password is not kept waiting.
    bench.write_secret("bind-password", &bench.directory.bind_password());
    agent.until(|report| report.acquainted && !report.troubles.contains_key("directory")).await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_password_counts_from_the_next_connection_on() {
    let bench = Bench::start(3).await;
    let agent = bench.running().await;
    bench.directory.set_password("renewed");
    bench.write_secret("bind-password", "renewed\n");
    let binds = bench.directory.counters().binds;
    agent.clock.advance(NEXT_CONNECTION);
    bench.directory.wait_until(|counters| counters.binds > binds).await;
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "licensed").await;
    assert_eq!(bench.directory.counters().binds, binds + 1, "it was right the first time");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_password_never_reaches_a_controller() {
    let mut bench = Bench::start(1).await;
    let agent = bench.running().await;
    let binds = bench.directory.counters().binds;
    for (text, said) in [("", "empty secret"), ("\n", "empty secret"), ("\r\n", "empty secret")] {
        bench.write_secret("bind-password", text);
        agent.clock.advance(NEXT_CONNECTION);
        let report = agent.until(|report| report.troubles.contains_key("directory")).await;
        let complaint = trouble(&report, "directory");
        assert!(complaint.contains(said) && complaint.contains("directory-secret-unusable"), "{complaint}");
        assert_eq!(bench.directory.counters().binds, binds, "after {text:?}");
    }
    bench.write_secret("bind-password", &bench.directory.bind_password());
    for _ in 0..30 {
        agent.clock.advance(Duration::from_mins(1));
        look_at_the_tenant(&bench).await;
    }
    agent.until(|report| !report.troubles.contains_key("directory")).await;
    agent.stop().await;

    // At the start it is a mistake of the configuration, wherever it stands.
    let binds = bench.directory.counters().binds;
    bench.write_secret("bind-password", "\n");
    let started = bench.output(&["once"]).await;
    assert_eq!(started.status.code(), Some(i32::from(exit::CONFIG)));
    bench.variables.insert("BIND_PASSWORD".into(), String::new());
    bench.edit("{ file = \"bind-password\" }", "{ env = \"BIND_PASSWORD\" }");
    let started = bench.output(&["once"]).await;
    assert_eq!(started.status.code(), Some(i32::from(exit::CONFIG)));
    assert!(String::from_utf8_lossy(&started.stderr).contains("empty secret"));
    assert_eq!(bench.directory.counters().binds, binds);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_certificate_and_password_is_told_ahead() {
    let now = Clock::system().now();
    let day = (now + days(11)).to_zoned(TimeZone::UTC).date();
    let options = DirectoryOptions { certificate_until: Some(day), ..DirectoryOptions::with_accounts(3) };
    let bench = Bench::with(options, World::empty_contoso()).await;
    bench.directory.set_password_expiry(Some(now + days(40)));
    let agent = bench.running().await;
    let (certificate, password) = ends(&bench);
    let report = agent.until(|report| report.troubles.contains_key(&certificate)).await;
    let told = trouble(&report, &certificate);
    assert!(told.contains(&day.to_string()) && told.contains("[certificate-expiring]"), "{told}");
    assert!(!report.troubles.contains_key(&password), "forty days are none to be warned of: {report:#?}");
    let shown = bench.says(&["status"]).await;
    assert!(shown.contains("certificate-expiring") && shown.contains("expires in 10 days"), "{shown}");

    bench.directory.set_password_expiry(Some(now + days(6)));
    agent.clock.advance(NEXT_CONNECTION);
    let report = agent.until(|report| report.troubles.contains_key(&password)).await;
    let told = trouble(&report, &password);
    assert!(told.contains("svc@corp.example.test expires in 5 days") && told.contains("[password-expiring]"), "{told}");

    bench.directory.set_password_expiry(None);
    // A connection that is just being made counts its age from its end.
    let mut over = false;
    for _ in 0..20 {
        agent.clock.advance(NEXT_CONNECTION);
        let gone = agent.until(|report| !report.troubles.contains_key(&password));
        over = tokio::time::timeout(Duration::from_secs(3), gone).await.is_ok();
        if over {
            break;
        }
    }
    assert!(over, "the password ends no more, and is complained of");
    agent.stop().await;
}

/// Under which names the ends of a bench's certificate and password stand among the troubles.
fn ends(bench: &Bench) -> (String, String) {
    let port = bench.directory.ldaps_addr().port();
    (format!("directory certificate localhost:{port}"), format!("directory password {}", bench.directory.bind_user()))
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

fn trouble(report: &seatsync::store::Report, part: &str) -> String {
    report.troubles.get(part).cloned().unwrap_or_default()
}

/// Waits until the agent has looked at the tenant once more, which it does at least as often as it tries the directory.
async fn look_at_the_tenant(bench: &Bench) {
    let looks = |view: &seatsync_lab::tenant::View<'_>| {
        view.counters().requests_by_route.get("GET /subscribedSkus").copied().unwrap_or_default()
    };
    let before = bench.tenant.view(looks);
    let came = bench.tenant.wait_within(PATIENCE, |view| looks(view) > before).await;
    assert!(came, "the agent looks at the tenant");
}
