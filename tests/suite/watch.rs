//! Being watched over HTTP: what is counted is what happened, and readiness says why not. And what stands on the metrics'
//! names: the page, the dashboard and the alert rules.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use seatsync::vitals::Vitals;
use seatsync::watch::{Board, CATALOG, Kind};
use seatsync_lab::tenant::{Fault, Match};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::bench::{Bench, PATIENCE, until, until_standing};
use crate::daemon::{Daemon, soon};

/// A program that can be watched, and where.
pub struct Watched {
    pub daemon: Daemon,
    at: SocketAddr,
}

/// What the log says before the address.
const SERVED: &str = "are served on http://";

impl Watched {
    pub async fn run(bench: &mut Bench) -> Self {
        if !bench.edits.iter().any(|(_, to)| to.contains("listen")) {
            bench.edit("listen = \"off\"", "listen = \"127.0.0.1:0\"");
        }
        let daemon = Daemon::run(bench);
        daemon.until_said(SERVED).await;
        let said = daemon.said();
        let at = said.split_once(SERVED).and_then(|(_, rest)| rest.split_whitespace().next()).expect("an address");
        Self { at: at.parse().expect("an address"), daemon }
    }

    pub async fn acquainted(bench: &mut Bench) -> Self {
        let watched = Self::run(bench).await;
        watched.daemon.until_said("first contact complete").await;
        watched
    }

    /// Status and body.
    pub async fn get(&self, path: &str) -> (u16, String) {
        get(self.at, path).await
    }

    async fn scrape(&self) -> Scrape {
        let (status, text) = self.get("/metrics").await;
        assert_eq!(status, 200, "{text}");
        Scrape::of(text)
    }

    /// Scrapes until it fits.
    async fn until(&self, fits: impl Fn(&Scrape) -> bool) -> Scrape {
        let wait = async {
            loop {
                let scrape = self.scrape().await;
                if fits(&scrape) {
                    return scrape;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(scrape) => scrape,
            Err(_) => panic!("it never came to that:\n{}", self.scrape().await.text),
        }
    }

    /// Waits until a page answers so.
    async fn until_page(&self, path: &str, fits: impl Fn(u16, &str) -> bool) -> String {
        let wait = async {
            loop {
                let (status, text) = self.get(path).await;
                if fits(status, &text) {
                    return text;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        soon(wait).await
    }
}

async fn get(at: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(at).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {at}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it is asked");
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.expect("it answers");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, answer.split_once("\r\n\r\n").expect("a body").1.to_owned())
}

/// The values of a scrape, by name with labels.
struct Scrape {
    text: String,
    values: BTreeMap<String, f64>,
}

impl Scrape {
    fn of(text: String) -> Self {
        let values = text.lines().filter(|line| !line.starts_with('#'));
        let values = values.filter_map(|line| line.rsplit_once(' '));
        let values = values.map(|(name, value)| (name.to_owned(), value.parse().expect("a number"))).collect();
        Self { text, values }
    }

    fn value(&self, name: &str) -> Option<f64> {
        self.values.get(name).copied()
    }

    fn is(&self, name: &str, value: f64) -> bool {
        self.value(name) == Some(value)
    }

    fn sum(&self, metric: &str) -> f64 {
        self.values.iter().filter(|(name, _)| name.split('{').next() == Some(metric)).map(|(_, value)| value).sum()
    }
}

const AWAITING: &str = "seatsync_persons{presence=\"awaiting\"}";
const LICENSED: &str = "seatsync_entitlements{standing=\"licensed\",sku=\"EMS\"}";
const LAG: &str = "seatsync_feed_lag_seconds{feed=\"directory\",domain=\"corp.example.test\"}";

#[tokio::test(flavor = "multi_thread")]
async fn a_scrape_counts_what_happened_and_names_nobody() {
    let mut bench = Bench::start(5).await;
    let watched = Watched::acquainted(&mut bench).await;
    let joiners = ["adelina", "bobik", "carlos"].map(|name| bench.join(name, "DE"));
    let store = bench.store();
    for joiner in &joiners {
        until_standing(&store, joiner, "licensed").await;
    }
    bench.hire("dorothea", "DE");
    let scrape = watched.until(|scrape| scrape.is(LICENSED, 3.0) && scrape.is(AWAITING, 1.0)).await;
    for (name, value) in [
        ("seatsync_persons{presence=\"present\"}", 3.0),
        ("seatsync_writes_total{write=\"usage-location\",outcome=\"accepted\"}", bench.writes().0 as f64),
        ("seatsync_writes_total{write=\"license\",outcome=\"accepted\"}", bench.writes().1 as f64),
        ("seatsync_first_seen_to_licensed_seconds_count", 3.0),
        ("seatsync_appeared_to_licensed_seconds_count", 3.0),
        ("seatsync_appeared_to_licensed_seconds_bucket{le=\"+Inf\"}", 3.0),
        ("seatsync_seats_consumed{sku=\"EMS\"}", 3.0),
        ("seatsync_seats_waiting{sku=\"EMS\"}", 0.0),
        ("seatsync_write_budget_limit", 3_000.0),
        ("seatsync_write_budget_remaining", 3_000.0 - 6.0),
        ("seatsync_guard_limit{action=\"give\"}", 500.0),
        ("seatsync_guard_remaining{action=\"give\"}", 497.0),
        ("seatsync_held_cohorts{rule=\"intune\"}", 0.0),
        ("seatsync_mode_info{mode=\"apply\"}", 1.0),
        ("seatsync_ready", 1.0),
        ("seatsync_store_readable", 1.0),
        ("seatsync_paused", 0.0),
        ("seatsync_events_total{event=\"license-accepted\",level=\"info\"}", 3.0),
    ] {
        assert!(scrape.is(name, value), "{name} is not {value}:\n{}", scrape.text);
    }
    let took = scrape.value("seatsync_first_seen_to_licensed_seconds_sum").expect("a sum");
    assert!(took > 0.0 && took < 3.0 * PATIENCE.as_secs_f64(), "{took} s");
    let report = store.report().await.expect("a report");
    assert_eq!(scrape.sum("seatsync_persons"), report.presence.values().sum::<u64>() as f64);
    assert_eq!(scrape.sum("seatsync_entitlements"), report.standing.values().sum::<u64>() as f64);
    let told = |feed: &str| scrape.value(&format!("seatsync_feed_last_success_timestamp_seconds{feed}"));
    let started = scrape.value("process_start_time_seconds").expect("a start");
    for feed in ["{feed=\"directory\",domain=\"corp.example.test\"}", "{feed=\"tenant\",domain=\"\"}"] {
        assert!(told(feed).is_some_and(|at| at > started), "{feed}:\n{}", scrape.text);
    }
    for name in ["adelina", "bobik", "carlos", "dorothea", "@", "svc-seatsync", "lab-secret"] {
        assert!(!scrape.text.contains(name), "{name:?} is in:\n{}", scrape.text);
    }
    every_family_is_declared(&scrape.text);
    // For promtool: `tests/run watch`.
    std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("scrape.prom"), &scrape.text).expect("it is kept");

    assert_eq!(watched.get("/readyz").await, (200, "ready\n".to_owned()));
    assert_eq!(watched.get("/healthz").await, (200, "alive\n".to_owned()));
    assert_eq!(watched.get("/").await.0, 404);
    watched.daemon.stop().await;
}

fn every_family_is_declared(text: &str) {
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').expect("a type");
        assert!(CATALOG.iter().any(|metric| metric.name == name && metric.kind.word() == kind), "{line}");
        assert!(text.contains(&format!("# HELP {name} ")), "{name} has no help");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_and_errors_appear_by_their_code() {
    let mut bench = Bench::start(5).await;
    let watched = Watched::acquainted(&mut bench).await;
    bench.tenant.fault(Fault::throttled(Match::new("PATCH", "/users/").times(2), Some("1")));
    bench.tenant.fault(Fault::answer(Match::path("users/delta").once(), 503, "serviceNotAvailable", "later"));
    let ada = bench.join("ada", "DE");
    until_standing(&bench.store(), &ada, "licensed").await;
    let scrape = watched.until(|scrape| scrape.is(LICENSED, 1.0)).await;
    for (name, value) in [
        ("seatsync_throttled_total{request=\"write\"}", 2.0),
        ("seatsync_writes_total{write=\"usage-location\",outcome=\"retrying\"}", 2.0),
        ("seatsync_writes_total{write=\"usage-location\",outcome=\"accepted\"}", 1.0),
        ("seatsync_errors_total{code=\"graph-throttled\"}", 2.0),
    ] {
        assert!(scrape.is(name, value), "{name} is not {value}:\n{}", scrape.text);
    }
    let unavailable = scrape.value("seatsync_errors_total{code=\"graph-unavailable\"}");
    assert_eq!(unavailable, Some(1.0), "{}", scrape.text);
    watched.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lag_grows_while_the_controller_is_away_and_readiness_says_why() {
    let mut bench = Bench::start(5).await;
    let watched = Watched::acquainted(&mut bench).await;
    bench.directory.set_down(true);
    let why = watched.until_page("/readyz", |status, _| status == 503).await;
    assert!(why.starts_with("directory is in trouble [directory-"), "{why}");
    assert!(!why.contains("localhost") && why.contains("seatsync status"), "{why}");
    let before = watched.until(|scrape| scrape.is("seatsync_ready", 0.0)).await;
    let lag = before.value(LAG).expect("a lag");
    let after = watched.until(|scrape| scrape.value(LAG) > Some(lag + 6.0)).await;
    assert!(after.is("seatsync_troubles{part=\"directory\"}", 1.0), "{}", after.text);
    assert!(after.value("seatsync_feed_lag_seconds{feed=\"tenant\",domain=\"\"}") < after.value(LAG), "{}", after.text);
    assert_eq!(watched.get("/healthz").await.0, 200, "it works, as far as it can");

    bench.directory.set_down(false);
    watched.until_page("/readyz", |status, _| status == 200).await;
    watched.until(|scrape| scrape.is("seatsync_ready", 1.0)).await;
    watched.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_first_contact_and_while_paused_it_is_not_ready() {
    let mut bench = Bench::start(5).await;
    let fault = Match::new("GET", "/users").every(1);
    bench.tenant.fault(Fault::answer(fault, 503, "serviceNotAvailable", "later"));
    let watched = Watched::run(&mut bench).await;
    let why =
        watched.until_page("/readyz", |status, text| status == 503 && text.contains("tenant is in trouble")).await;
    assert!(why.contains("the tenant was never read to its end"), "{why}");
    bench.tenant.clear_faults();
    watched.until_page("/readyz", |status, _| status == 200).await;
    bench.says(&["pause", "for the holidays of ada"]).await;
    let why = watched.until_page("/readyz", |status, _| status == 503).await;
    assert_eq!(why, "an operator has paused writing: `seatsync resume` goes on\n");
    watched.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_stands_still_is_named() {
    let mut bench = Bench::start(5).await;
    bench.edit("timeout = \"20s\"", "timeout = \"200ms\"");
    bench.edit("listen = \"off\"", "listen = \"127.0.0.1:0\"");
    let handle = bench.agent().await;
    let vitals = Vitals::new(handle.clock.clone(), Duration::ZERO);
    let agent = handle.agent.clone().watched_by(vitals);
    let board = Board::new(&handle.clock);
    let mut served = board.served();
    let server = tokio::spawn(board.clone().serve());
    board.follow(&agent);
    let at = soon(served.wait_for(Option::is_some)).await.expect("it is served").expect("an address");
    let mut tasks = Box::pin(agent.run());
    let acquainted = until(&handle.store, |report| report.acquainted);
    tokio::select! {
        _ = acquainted => {}
        ended = &mut tasks => panic!("it ended: {ended:?}"),
    }
    // From here on nobody drives the tasks.
    let named = async {
        loop {
            let (status, text) = get(at, "/healthz").await;
            if status == 503 && text.contains("tenant stands still") && text.contains("work stands still") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon(named).await;
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_ends_nothing() {
    let mut bench = Bench::start(5).await;
    let other = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let taken = other.local_addr().expect("an address");
    bench.edit("listen = \"off\"", &format!("listen = \"{taken}\""));
    let daemon = Daemon::acquainted(&bench).await;
    let said = daemon.said();
    let warned = said.lines().find(|line| line.contains("watch-unavailable") || line.contains("cannot be served"));
    let warned = warned.unwrap_or_else(|| panic!("no warning:\n{said}"));
    assert!(warned.contains("another program listens there") && warned.contains("watch.listen"), "{warned}");
    let ada = bench.join("ada", "DE");
    until_standing(&bench.store(), &ada, "licensed").await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_listens_for_all_the_world_is_told_so() {
    let mut bench = Bench::start(5).await;
    bench.edit("listen = \"off\"", "listen = \"0.0.0.0:0\"");
    let watched = Watched::run(&mut bench).await;
    watched.daemon.until_said("to whoever reaches it").await;
    watched.daemon.stop().await;
}

/// What the page of metrics, the dashboard and the rules say is held to the code.
fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_metric_has_its_row() {
    let page = file("docs/metrics.md");
    let rows: Vec<&str> =
        page.lines().filter(|line| line.starts_with("| `seatsync_") || line.starts_with("| `process_")).collect();
    let wanted: Vec<String> = CATALOG
        .iter()
        .map(|metric| {
            let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
            format!("| `{}` | {} | {} | {} |", metric.name, metric.kind.word(), labels.join(", "), metric.help)
        })
        .map(|row| row.replace("|  |", "| |"))
        .collect();
    assert!(rows == wanted, "docs/metrics.md should have:\n{}", wanted.join("\n"));
}

/// The metrics that a text names.
fn named(text: &str) -> Vec<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c: char| !word(c));
    words.filter(|word| word.starts_with("seatsync_") && word.len() > "seatsync_".len()).map(str::to_owned).collect()
}

fn exists(name: &str) -> bool {
    CATALOG.iter().any(|metric| match metric.kind {
        Kind::Histogram => {
            ["_bucket", "_sum", "_count"].iter().any(|part| name.strip_suffix(part) == Some(metric.name))
        }
        _ => name == metric.name,
    })
}

#[test]
fn dashboard_and_rules_name_metrics_that_exist() {
    for page in ["packaging/grafana/seatsync.json", "packaging/prometheus/seatsync.rules.yml"] {
        let text = file(page);
        let names = named(&text);
        assert!(names.len() > 15, "{page} names {names:?}");
        for name in names {
            assert!(exists(&name), "{page} names {name}, which there is not");
        }
    }
    serde_json::from_str::<serde_json::Value>(&file("packaging/grafana/seatsync.json")).expect("JSON");
}

#[test]
fn each_alert_has_a_section_that_says_what_to_do() {
    let (rules, page) = (file("packaging/prometheus/seatsync.rules.yml"), file("docs/metrics.md"));
    let alerts: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 10, "{alerts:?}");
    for alert in &alerts {
        assert!(page.contains(&format!("\n### {alert}\n")), "docs/metrics.md has no section {alert}");
        let remedy = format!("remedy: docs/metrics.md#{}", alert.to_lowercase());
        assert!(rules.contains(&remedy), "{alert} does not name its section: {remedy}");
    }
    let sections: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("### Seatsync")).collect();
    assert_eq!(sections.len(), alerts.len(), "{sections:?}");
}
