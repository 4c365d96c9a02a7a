//! Credentials: each gets a newcomer licensed, what is wrong with one is said, and none of them is ever shown.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::SignedDuration;
use seatsync::agent::AgentError;
use seatsync::clock::Clock;
use seatsync::model::fault::{Class, Fault as _};
use seatsync_lab::tenant::{AppCertificate, Fault, Issuer, Match, Metadata, TestKey};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::bench::{Bench, Running};

const SECRET: &str = r#"credential = { method = "secret", secret = { file = "client-secret" } }"#;
const CERTIFICATE: &str = r#"credential = { method = "certificate", file = "seatsync.pem" }"#;
const FEDERATION: &str = r#"credential = { method = "federation", token_file = "token" }"#;
const ISSUER: &str = "https://oidc.example.test/cluster";
const SUBJECT: &str = "system:serviceaccount:seatsync:agent";
const AUDIENCE: &str = "api://AzureADTokenExchange";

async fn bench(credential: &str) -> Bench {
    let mut bench = Bench::start(3).await;
    bench.edit(SECRET, credential);
    bench
}

/// A running agent that has licensed its first newcomer.
async fn running(bench: &Bench) -> Running {
    let agent = bench.running().await;
    licensed(bench, &agent, "ada").await;
    agent
}

async fn licensed(bench: &Bench, agent: &Running, sam: &str) {
    let joiner = bench.join(sam, "DE");
    agent.until_standing(&joiner, "licensed").await;
    assert!(bench.user(&joiner).holds("EMS"));
}

async fn refused(bench: &Bench) -> AgentError {
    match bench.once().await {
        Ok(turn) => panic!("it was let in: {turn:?}"),
        Err(error) => error,
    }
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

fn certificate(key: TestKey, from: i64, until: i64) -> AppCertificate {
    let now = Clock::system().now();
    AppCertificate::new(key, now + hours(from), now + hours(until))
}

/// An app with one certificate, whose file is there too.
async fn with_certificate(until: i64) -> (Bench, AppCertificate) {
    let bench = bench(CERTIFICATE).await;
    let certificate = certificate(TestKey::App, -24 * 30, until);
    bench.tenant.add_certificate(&certificate);
    bench.write_secret("seatsync.pem", &certificate.both_pem());
    (bench, certificate)
}

fn write_token(bench: &Bench, issuer: &Issuer, subject: &str, audience: &str) {
    let now = bench.tenant.now();
    bench.write("token", &issuer.token(subject, audience, now, now + hours(1)));
}

async fn with_federation() -> Bench {
    let bench = bench(FEDERATION).await;
    bench.tenant.add_federated_credential(ISSUER, SUBJECT, AUDIENCE);
    write_token(&bench, &Issuer::new(ISSUER), SUBJECT, AUDIENCE);
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn either_of_an_apps_secrets_licenses_a_newcomer() {
    let bench = Bench::start(3).await;
    bench.tenant.add_secret("the-next-secret");
    bench.write_secret("client-secret", "the-next-secret");
    running(&bench).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_licenses_a_newcomer() {
    let (bench, _) = with_certificate(24 * 300).await;
    running(&bench).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_with_a_separate_pkcs1_key_and_rs256_licenses_a_newcomer() {
    let credential =
        r#"credential = { method = "certificate", file = "cert.pem", key = "key.pem", algorithm = "RS256" }"#;
    let bench = bench(credential).await;
    let (other, ours) = (certificate(TestKey::Other, -1, 24), certificate(TestKey::App, -1, 24));
    bench.tenant.add_certificate(&other);
    bench.tenant.add_certificate(&ours);
    // A chain may stand in any order.
    bench.write("cert.pem", &format!("{}{}", other.certificate_pem, ours.certificate_pem));
    bench.write_secret("key.pem", &ours.key_pem_pkcs1());
    running(&bench).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_counts_without_a_restart() {
    let (bench, _) = with_certificate(24 * 300).await;
    let agent = running(&bench).await;
    let renewed = certificate(TestKey::Other, -1, 24 * 600);
    bench.write_secret("seatsync.pem", &renewed.both_pem());
    bench.tenant.remove_certificates();
    bench.tenant.add_certificate(&renewed);
    bench.tenant.expire_tokens();
    licensed(&bench, &agent, "bob").await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_an_expired_and_a_wrong_certificate_are_told_apart() {
    let (bench, ours) = with_certificate(-1).await;
    assert_eq!(refused(&bench).await.code(), "login-certificate-expired");

    bench.tenant.remove_certificates();
    let error = refused(&bench).await;
    assert_eq!((error.code(), error.class()), ("login-certificate-refused", Class::Operator));
    assert!(error.to_string().contains("The key was not found"), "{error}");

    bench.write_secret(
        "seatsync.pem",
        &format!("{}{}", certificate(TestKey::Other, -1, 1).key_pem(), ours.certificate_pem),
    );
    let error = refused(&bench).await;
    assert_eq!(error.code(), "credential-file-unusable");
    assert!(error.to_string().contains("no certificate in it belongs to the private key"), "{error}");
    for (text, said) in [
        ("", "holds no private key"),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "is encrypted"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "cannot be used"),
        ("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n", "not an RSA key"),
        (ours.key_pem(), "holds no certificate"),
    ] {
        bench.write_secret("seatsync.pem", text);
        let error = refused(&bench).await;
        assert_eq!(error.code(), "credential-file-unusable");
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_named() {
    let (bench, _) = with_certificate(24 * 300).await;
    bench.tenant.shift_clock(SignedDuration::from_mins(4));
    assert!(bench.once().await.is_ok(), "some minutes do no harm");
    let handle = bench.agent().await;
    handle.clock.advance(Duration::from_mins(30));
    let error = handle.agent.once().await.unwrap_err();
    assert_eq!((error.code(), error.class()), ("login-assertion-outdated", Class::Operator));
    assert!(
        error.to_string().contains("clock is 26 min ahead of")
            || error.to_string().contains("clock is 25 min ahead of"),
        "{error}"
    );
    let logins = bench.tenant.counters().token_requests;
    assert_eq!(logins, 3, "one that was granted, one refused, one with a fresh assertion");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_federated_token_licenses_newcomers_and_its_file_is_read_anew() {
    let bench = with_federation().await;
    let agent = running(&bench).await;
    // An hour later both tokens, the external one and Entra's, are over.
    bench.tenant.advance(Duration::from_hours(3));
    write_token(&bench, &Issuer::new(ISSUER), SUBJECT, AUDIENCE);
    licensed(&bench, &agent, "bob").await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_of_a_workload_identity_is_enough() {
    let mut bench = with_federation().await;
    let tenant = bench.tenant.tenant_id().to_string();
    bench.edit(FEDERATION, r#"credential = { method = "federation" }"#);
    bench.edit(&format!("id = \"{tenant}\"\n"), "");
    bench.edit("client_id = \"11111111-1111-1111-1111-111111111111\"\n", "");
    bench.edit(&format!("login_url = \"{}\"\n", bench.tenant.url()), "");
    for (name, value) in [
        ("AZURE_TENANT_ID", tenant),
        ("AZURE_CLIENT_ID", "11111111-1111-1111-1111-111111111111".into()),
        ("AZURE_FEDERATED_TOKEN_FILE", bench.path("token").display().to_string()),
        ("AZURE_AUTHORITY_HOST", format!("{}/", bench.tenant.url())),
    ] {
        bench.variables.insert(name.into(), value);
    }
    running(&bench).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_federated_credential_that_does_not_fit_is_waited_for_and_said() {
    let bench = with_federation().await;
    let ours = Issuer::new(ISSUER);
    for (issuer, subject, audience, what) in [
        (Issuer::new("https://oidc.example.test/Cluster"), SUBJECT, AUDIENCE, "issuer"),
        (ours.clone(), "system:serviceaccount:seatsync:Agent", AUDIENCE, "subject"),
        (ours.clone(), SUBJECT, "api://azureadtokenexchange", "audience"),
    ] {
        write_token(&bench, &issuer, subject, audience);
        let error = refused(&bench).await;
        assert_eq!((error.code(), error.class()), ("login-federation-pending", Class::Heals));
        assert!(error.to_string().contains(&format!("presented assertion {what}")), "{error}");
        assert!(error.advice().contains(what), "{}", error.advice());
    }
    write_token(&bench, &Issuer::forged(ISSUER), SUBJECT, AUDIENCE);
    assert_eq!(refused(&bench).await.code(), "login-assertion-malformed");
    bench.write("token", " \n");
    assert_eq!(refused(&bench).await.code(), "credential-file-unusable");
    let yesterday = bench.tenant.now() - hours(24);
    bench.write("token", &ours.token(SUBJECT, AUDIENCE, yesterday, yesterday + hours(1)));
    assert_eq!(refused(&bench).await.code(), "login-assertion-outdated");

    // One that was only just made.
    write_token(&bench, &ours, SUBJECT, AUDIENCE);
    bench.tenant.remove_federated_credentials();
    let agent = bench.agent().await.run();
    agent.until(|report| report.troubles.contains_key("tenant")).await;
    bench.tenant.add_federated_credential(ISSUER, SUBJECT, AUDIENCE);
    agent.until(|report| report.acquainted).await;
    licensed(&bench, &agent, "ada").await;
    agent.stop().await;
}

async fn with_imds() -> (Bench, Metadata) {
    let mut bench = Bench::start(3).await;
    let metadata = Metadata::imds(&bench.tenant).await.expect("an endpoint");
    let url = metadata.url();
    bench.edit(
        SECRET,
        &format!(r#"credential = {{ method = "managed-identity", source = "imds", endpoint = "{url}" }}"#),
    );
    bench.edit("client_id = \"11111111-1111-1111-1111-111111111111\"\n", "");
    (bench, metadata)
}

async fn with_arc() -> (Bench, Metadata) {
    let mut bench = Bench::start(3).await;
    std::fs::create_dir(bench.path("tokens")).expect("a directory");
    let metadata = Metadata::arc(&bench.tenant, &bench.path("tokens")).await.expect("an endpoint");
    bench.edit(SECRET, r#"credential = { method = "managed-identity", key_directory = "tokens" }"#);
    bench.edit("client_id = \"11111111-1111-1111-1111-111111111111\"\n", "");
    bench.variables.insert("IDENTITY_ENDPOINT".into(), metadata.url().into());
    bench.variables.insert("IMDS_ENDPOINT".into(), metadata.url().replace("/metadata/identity/oauth2/token", ""));
    (bench, metadata)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_identity_of_an_azure_machine_licenses_a_newcomer() {
    let (bench, metadata) = with_imds().await;
    // Being updated, throttled, out of order: all of it passes.
    metadata.answer_next(410, "");
    metadata.answer_next(500, r#"{"error":"unknown"}"#);
    running(&bench).await.stop().await;
    let requests = metadata.requests();
    let asked = requests.last().unwrap();
    assert_eq!(requests.iter().map(|request| request.status).collect::<Vec<_>>(), [410, 500, 200]);
    assert_eq!((asked.metadata.as_deref(), &asked.authorization), (Some("true"), &None));
    assert_eq!(asked.query["resource"], "https://graph.microsoft.com");
    assert!(!asked.query.contains_key("client_id") && !asked.query.contains_key("scope"));
    assert_eq!(bench.tenant.counters().token_requests, 0, "nobody asked the login endpoint");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_assigned_identity_is_named_and_a_missing_one_said() {
    let (mut bench, metadata) = with_imds().await;
    bench.edit("[tenant]\n", "[tenant]\nclient_id = \"11111111-1111-1111-1111-111111111111\"\n");
    assert!(bench.once().await.is_ok());
    assert_eq!(metadata.requests()[0].query["client_id"], "11111111-1111-1111-1111-111111111111");
    bench.edit("client_id = \"1111", "client_id = \"2222");
    let error = refused(&bench).await;
    assert_eq!((error.code(), error.class()), ("login-identity-unknown", Class::Operator));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_of_azure_arc_licenses_a_newcomer() {
    let (bench, metadata) = with_arc().await;
    running(&bench).await.stop().await;
    let requests = metadata.requests();
    assert_eq!(requests.iter().map(|request| request.status).collect::<Vec<_>>(), [401, 200]);
    assert_eq!(requests[0].authorization, None);
    assert_eq!(requests[1].authorization, metadata.key().map(|key| format!("Basic {key}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn arc_gets_no_file_but_its_own_small_keys() {
    let (bench, metadata) = with_arc().await;
    bench.write("outside.key", "not-for-you");
    std::fs::write(bench.path("tokens/large.key"), [b'x'; 4097]).unwrap();
    std::fs::write(bench.path("tokens/key.txt"), "not-for-you").unwrap();
    std::os::unix::fs::symlink(bench.path("outside.key"), bench.path("tokens/link.key")).unwrap();
    for name in [
        "outside.key",
        "tokens/../outside.key",
        "tokens/link.key",
        "tokens/large.key",
        "tokens/key.txt",
        "client-secret",
    ] {
        metadata.challenge_with(&bench.path(name));
        let error = refused(&bench).await;
        assert_eq!((error.code(), error.class()), ("identity-key-refused", Class::Operator), "{name}");
        assert!(!error.to_string().contains("not-for-you"));
    }
    assert!(metadata.requests().iter().all(|request| request.authorization.is_none()), "no key ever left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_login_says_so_in_plain_text_and_is_waited_for() {
    let bench = Bench::start(3).await;
    let flood = Fault::raw(Match::path("/token").once(), 429, "text/plain", "Too Many Requests");
    bench.tenant.fault(flood.header("Retry-After", "1"));
    assert_eq!(refused(&bench).await.code(), "login-throttled");
    let flood = Fault::raw(Match::path("/token").once(), 429, "text/plain", "Too Many Requests");
    bench.tenant.fault(flood.header("Retry-After", "1"));
    running(&bench).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claims_challenge_gets_one_new_token() {
    let bench = Bench::start(3).await;
    let agent = running(&bench).await;
    let challenge = r#"Bearer realm="", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ==""#;
    let before = bench.tenant.counters().token_requests;
    let fault =
        Fault::answer(Match::new("GET", "/v1.0/").once(), 401, "ClaimsChallenge", "Continuous access evaluation");
    bench.tenant.fault(fault.header("WWW-Authenticate", challenge));
    licensed(&bench, &agent, "bob").await;
    assert_eq!(bench.tenant.counters().token_requests, before + 1);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_credential_is_warned_of_once_and_stands_in_the_status() {
    let mut bench = Bench::start(3).await;
    let day = (bench.tenant.now() + hours(24 * 12)).strftime("%Y-%m-%d").to_string();
    bench.edit(SECRET, &SECRET.replace(" } }", &format!(" }}, expires = \"{day}\" }}")));
    let mut program = bench.program(&["run"]);
    let child = program.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let looked = |view: &seatsync_lab::tenant::View<'_>| {
        view.requests().filter(|request| request.path.contains("subscribedSkus")).count() > 4
    };
    assert!(bench.tenant.wait_within(Duration::from_secs(60), looked).await);
    let pid = child.id().unwrap();
    let stop = tokio::process::Command::new("kill").arg(pid.to_string()).status().await.unwrap();
    assert!(stop.success());
    let log = String::from_utf8(child.wait_with_output().await.unwrap().stderr).unwrap();
    assert_eq!(log.matches("the client secret that seatsync logs in with expires in").count(), 1, "{log}");
    let status = String::from_utf8(bench.output(&["status"]).await.stdout).unwrap();
    assert!(status.contains("credential: the client secret that seatsync logs in with expires in 1"), "{status}");

    let (bench, _) = with_certificate(24 * 5).await;
    let agent = bench.running().await;
    let report = agent.until(|report| report.troubles.contains_key("credential")).await;
    assert!(report.troubles["credential"].contains("expires in 4 days"), "{:?}", report.troubles);
    let renewed = certificate(TestKey::App, -1, 24 * 300);
    bench.tenant.add_certificate(&renewed);
    bench.write_secret("seatsync.pem", &renewed.both_pem());
    agent.until(|report| report.troubles.is_empty()).await;
    agent.stop().await;
}

/// A proxy that knows where everybody is, and notes who was asked for.
struct RecordingProxy {
    addr: SocketAddr,
    asked: Arc<Mutex<BTreeSet<String>>>,
}

impl RecordingProxy {
    /// Leads tunnels to `tunnels` and everything else to `plain`; with a login it lets in nobody who has none.
    async fn start(plain: SocketAddr, tunnels: SocketAddr, login: Option<&'static str>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a socket");
        let addr = listener.local_addr().expect("an address");
        let asked: Arc<Mutex<BTreeSet<String>>> = Arc::default();
        let noted = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, plain, tunnels, login, Arc::clone(&noted)));
            }
        });
        Self { addr, asked }
    }

    fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("a lock").iter().cloned().collect()
    }
}

async fn serve(
    mut client: TcpStream,
    plain: SocketAddr,
    tunnels: SocketAddr,
    login: Option<&'static str>,
    asked: Arc<Mutex<BTreeSet<String>>>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let byte = client.read_u8().await?;
        head.push(byte);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let (method, rest) = text.split_once(' ').unwrap_or_default();
    let authorized = login.is_none_or(|login| {
        text.to_lowercase().contains(&format!("proxy-authorization: basic {}", login.to_lowercase()))
    });
    if !authorized {
        let answer = b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n";
        return client.write_all(answer).await;
    }
    let target = rest.split(' ').next().unwrap_or_default();
    let host = target.trim_start_matches("http://").split('/').next().unwrap_or_default();
    asked.lock().expect("a lock").insert(host.to_owned());
    let mut server = if method == "CONNECT" {
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
        TcpStream::connect(tunnels).await?
    } else {
        let mut server = TcpStream::connect(plain).await?;
        server.write_all(&head).await?;
        server
    };
    tokio::io::copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// Addresses at which nobody listens: only a proxy leads from them to the tenant.
fn lead_astray(bench: &mut Bench) {
    let url = bench.tenant.url();
    bench.edit(&format!("login_url = \"{url}\""), "login_url = \"http://127.0.0.2:81\"");
    bench.edit(&format!("graph_url = \"{url}\""), "graph_url = \"http://127.0.0.3:81\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn login_and_graph_go_through_the_proxy_that_is_named() {
    let mut bench = Bench::start(3).await;
    let tenant = bench.tenant.addr();
    let proxy = RecordingProxy::start(tenant, tenant, Some("c3ZjOnplYnJh")).await;
    lead_astray(&mut bench);
    bench.edit("[tenant]\n", &format!("[tenant]\nproxy = \"{}\"\n", proxy.url()));
    assert_eq!(refused(&bench).await.code(), "proxy-login-refused");
    bench.write_secret("proxy-password", "zebra");
    bench.edit("[tenant]\n", "[tenant]\nproxy_user = \"svc\"\nproxy_password = { file = \"proxy-password\" }\n");
    running(&bench).await.stop().await;
    assert_eq!(proxy.asked(), ["127.0.0.2:81", "127.0.0.3:81"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_of_the_environment_is_used_except_where_it_is_not_to_be() {
    let mut bench = Bench::start(3).await;
    let tenant = bench.tenant.addr();
    let proxy = RecordingProxy::start(tenant, tenant, None).await;
    bench.variables.insert("HTTP_PROXY".into(), proxy.url());
    bench.variables.insert("NO_PROXY".into(), "127.0.0.1".into());
    assert!(bench.once().await.is_ok());
    assert!(proxy.asked().is_empty());
    lead_astray(&mut bench);
    running(&bench).await.stop().await;
    assert_eq!(proxy.asked(), ["127.0.0.2:81", "127.0.0.3:81"]);
    bench.edit("[tenant]\n", "[tenant]\nproxy = \"none\"\n");
    assert_eq!(refused(&bench).await.code(), "tenant-unreachable");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_cloud_is_asked_under_its_own_names_through_a_tunnel() {
    for (cloud, login, graph) in [
        ("global", "login.microsoftonline.com", "graph.microsoft.com"),
        ("gcc-high", "login.microsoftonline.us", "graph.microsoft.us"),
        ("dod", "login.microsoftonline.us", "dod-graph.microsoft.us"),
        ("china", "login.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn"),
    ] {
        let (mut bench, _) = with_certificate(24 * 300).await;
        let front = bench.tenant.tls_front(&[login, graph]).await.unwrap();
        let proxy = RecordingProxy::start(front.addr, front.addr, None).await;
        bench.variables.insert("https_proxy".into(), proxy.url());
        bench.write("front.pem", &front.ca_pem);
        let url = bench.tenant.url();
        bench.edit(&format!("login_url = \"{url}\"\n"), &format!("cloud = \"{cloud}\"\n"));
        bench.edit(&format!("graph_url = \"{url}\"\n"), "");
        assert_eq!(refused(&bench).await.code(), "tenant-certificate-untrusted");
        bench.edit("[tenant]\n", "[tenant]\nca_file = \"front.pem\"\n");
        running(&bench).await.stop().await;
        let names: BTreeSet<String> = [format!("{login}:443"), format!("{graph}:443")].into();
        assert_eq!(proxy.asked(), names.into_iter().collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_endpoints_are_asked_past_any_proxy() {
    for mut bench in [with_imds().await, with_arc().await].map(|(bench, metadata)| (bench, metadata)) {
        let tenant = bench.0.tenant.addr();
        let proxy = RecordingProxy::start(tenant, tenant, None).await;
        lead_astray(&mut bench.0);
        bench.0.edit("[tenant]\n", &format!("[tenant]\nproxy = \"{}\"\n", proxy.url()));
        running(&bench.0).await.stop().await;
        assert_eq!(proxy.asked(), ["127.0.0.3:81"]);
        assert_eq!(bench.1.requests().last().map(|request| request.status), Some(200));
    }
}

/// What the real program writes at the finest level while it licenses a newcomer.
async fn trace_of(bench: &mut Bench) -> String {
    bench.edit("level = \"debug\"", "level = \"trace\"");
    let mut written = String::new();
    for newcomer in [None, Some("ada")] {
        let joiner = newcomer.map(|sam| bench.join(sam, "DE"));
        let output = bench.output(&["once"]).await;
        written.push_str(&String::from_utf8_lossy(&output.stdout));
        written.push_str(&String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{written}");
        if let Some(joiner) = joiner {
            assert!(bench.user(&joiner).holds("EMS"));
        }
    }
    assert!(written.contains("TRACE"), "nothing was traced");
    written
}

/// Assertions and access tokens begin alike, in the lab as in life.
fn assert_untold(written: &str, secrets: &[&str]) {
    for (at, _) in written.match_indices("eyJ") {
        let word: String =
            written[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
        assert!(word.len() < 20, "a token was told: {word}");
    }
    for secret in
        secrets.iter().flat_map(|secret| secret.lines()).filter(|line| line.len() > 5 && !line.starts_with("-----"))
    {
        assert!(!written.contains(secret), "{secret} was told");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_credential_is_ever_told() {
    let mut bench = Bench::start(3).await;
    bench.write_secret("client-secret", "lab-secret");
    bench.write_secret("proxy-password", "proxy-zebra");
    let tenant = bench.tenant.addr();
    let proxy = RecordingProxy::start(tenant, tenant, None).await;
    let through = format!(
        "[tenant]\nproxy = \"{}\"\nproxy_user = \"svc\"\nproxy_password = {{ file = \"proxy-password\" }}\n",
        proxy.url()
    );
    bench.edit("[tenant]\n", &through);
    let written = trace_of(&mut bench).await;
    assert_untold(&written, &["lab-secret", "proxy-zebra", "c3ZjOnByb3h5LXplYnJh"]);

    let (mut bench, certificate) = with_certificate(24 * 300).await;
    let written = trace_of(&mut bench).await;
    assert_untold(&written, &[certificate.key_pem()]);

    let mut bench = with_federation().await;
    let token = std::fs::read_to_string(bench.path("token")).unwrap();
    let written = trace_of(&mut bench).await;
    assert_untold(&written, &[&token]);

    let (mut bench, _metadata) = with_imds().await;
    assert_untold(&trace_of(&mut bench).await, &[]);

    let (mut bench, metadata) = with_arc().await;
    let written = trace_of(&mut bench).await;
    assert_untold(&written, &[&metadata.key().unwrap()]);
}
