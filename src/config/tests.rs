//! The room as its callers see it: text in, settings or problems out.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::*;
use crate::model::certificate::CertificateSource;
use crate::model::fault::{Class, Fault};
use crate::model::settings::{
    AnchorSource, AssertionAlgorithm, Bind, Credential, IdentitySource, Mode, Proof, ProxySettings, Server, Shape,
    Transport,
};

const MINIMAL: &str = r#"mode = "apply"
[directory]
domain = "Corp.Example.test"
servers = ["DC1.corp.example.test", "ldap+starttls://127.0.0.1:1389", "ldaps://[::1]/"]
bind = { method = "simple", user = "svc@corp.example.test", password = { file = "bind" } }
[tenant]
id = "6F9F2C3E-7d1b-4a58-9a4e-0c2b8e5d1f37"
client_id = "11111111-1111-1111-1111-111111111111"
credential = { method = "secret", secret = { env = "APP_SECRET" } }
[[license]]
id = "ems"
sku = "EMS"
"#;

/// A directory with what the texts here refer to, and the environment that goes with it.
struct Fixture {
    directory: tempfile::TempDir,
    env: Environment,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let env = Environment {
            variables: BTreeMap::from([
                ("APP_SECRET".into(), "tiger".into()),
                ("EMPTY".into(), "\n".into()),
                ("BIND_PASSWORD".into(), "lion".into()),
            ]),
            credentials: Some(directory.path().join("credentials")),
        };
        std::fs::create_dir(directory.path().join("credentials")).unwrap();
        let fixture = Self { directory, env };
        for (name, content, mode) in [
            ("bind", &b"lion \n"[..], 0o600),
            ("bind-password", b"lion", 0o400),
            ("client-secret", b"tiger\r\n", 0o600),
            ("proxy-password", b"zebra", 0o600),
            ("webhook-url", b"https://hooks.example.com/T0/B0/puma?sig=lynx\n", 0o600),
            ("heartbeat-url", b"http://127.0.0.1:8080/puma", 0o600),
            ("plain-url", b"http://hooks.example.com/puma", 0o600),
            ("seatsync.pem", b"", 0o600),
            ("seatsync.key", b"", 0o600),
            ("public.pem", b"", 0o644),
            ("open", b"lion", 0o640),
            ("empty", b"\n", 0o600),
            ("bytes", b"\xff\xfe", 0o600),
            ("long", &[b'x'; 65_537], 0o600),
            ("corp-ca.pem", b"", 0o644),
            ("proxy-ca.pem", b"", 0o644),
            ("credentials/bind-password", b"panther\n", 0o644),
        ] {
            let path = fixture.directory.path().join(name);
            std::fs::write(&path, content).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        fixture
    }

    fn load(&self, text: impl AsRef<[u8]>) -> Result<Settings, ConfigError> {
        let path = self.directory.path().join("seatsync.toml");
        std::fs::write(&path, text).unwrap();
        load(&path, &self.env)
    }

    fn settings(&self, text: &str) -> Settings {
        self.load(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    /// `line:column message`, and everything that would be printed.
    fn problems(&self, text: impl AsRef<[u8]>) -> (Vec<String>, String) {
        let error = self.load(text).unwrap_err();
        let problem = |problem: &Problem| format!("{}:{} {}", problem.line, problem.column, problem.message);
        (error.problems().iter().map(problem).collect(), format!("{error}\n{error:?}"))
    }
}

/// The minimal file with one line replaced, inserted behind a header, or put on top.
fn with(line: &str) -> String {
    let key = line.split(['=', ' ']).next().unwrap();
    if let Some(old) = MINIMAL.lines().rfind(|old| old.starts_with(&format!("{key} ="))) {
        return MINIMAL.replace(old, line);
    }
    match line.split_once('\n') {
        Some((header, rest)) if MINIMAL.contains(header) => MINIMAL.replace(header, &format!("{header}\n{rest}")),
        Some(_) => format!("{MINIMAL}{line}"),
        None => format!("{line}\n{MINIMAL}"),
    }
}

fn password(settings: &Settings) -> String {
    match &settings.directories[0].bind {
        Bind::Simple { password, .. } => password.read().unwrap().expose_secret().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_minimal_file_has_the_documented_defaults() {
    let fixture = Fixture::new();
    let settings = fixture.settings(MINIMAL);
    assert_eq!((settings.mode, settings.store.to_str()), (Mode::Apply, Some("/var/lib/seatsync/seatsync.db")));
    let directory = &settings.directories[0];
    assert_eq!(directory.domain, "corp.example.test");
    let server = |host: &str, port, transport| Server { host: host.into(), port, transport };
    assert_eq!(
        directory.servers,
        [
            server("dc1.corp.example.test", 636, Transport::Ldaps),
            server("127.0.0.1", 1389, Transport::StartTls),
            server("::1", 636, Transport::Ldaps)
        ]
    );
    assert_eq!(password(&settings), "lion ");
    assert_eq!(directory.bases, ["DC=corp,DC=example,DC=test"]);
    assert_eq!(directory.anchor, AnchorSource::Auto);
    assert_eq!(directory.attributes, ["c", "msexchusagelocation"].map(String::from).into());
    assert_eq!(directory.poll, Duration::from_secs(10));
    let tenant = &settings.tenant;
    assert_eq!(tenant.id.to_string(), "6f9f2c3e-7d1b-4a58-9a4e-0c2b8e5d1f37");
    let Credential::App { client_id, proof: Proof::Secret { value, expires: None } } = &tenant.credential else {
        panic!("{:?}", tenant.credential);
    };
    assert_eq!((value.expose_secret(), &**client_id), ("tiger", "11111111-1111-1111-1111-111111111111"));
    assert!(tenant.proxy.https.is_none() && tenant.proxy.http.is_none());
    assert_eq!(
        (&*tenant.login_url, &*tenant.scope),
        ("https://login.microsoftonline.com", "https://graph.microsoft.com")
    );
    assert_eq!(settings.location.default, None);
    assert!(settings.location.write && !settings.location.overwrite);
    let rule = &settings.rules[0];
    assert_eq!((rule.priority, &rule.unless_has_plan, &rule.who), (100, &None, &crate::model::rule::Who::Everyone));
    assert_eq!((settings.guard.assignments_per_day, settings.guard.shrink_percent), (500, 20));
    assert_eq!((settings.work.retry_max, settings.work.concurrency), (Duration::from_secs(900), 4));
    assert_eq!(settings.log.level, "info");
}

#[test]
fn the_shipped_example_is_current_complete_and_right() {
    let text = example();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/seatsync.toml");
    if std::env::var_os("SEATSYNC_WRITE_EXAMPLE").is_some() {
        std::fs::write(&shipped, &text).unwrap();
    }
    let on_disk = std::fs::read_to_string(&shipped).unwrap_or_default();
    assert_eq!(on_disk, text, "write it anew: SEATSYNC_WRITE_EXAMPLE=1 cargo test --lib config");
    let fixture = Fixture::new();
    let as_shipped = fixture.settings(&text);

    fn each_key(section: &keys::Section, check: &mut impl FnMut(&keys::Key)) {
        for key in section.keys {
            check(key);
            if let keys::Kind::Inline(inner)
            | keys::Kind::Table(inner)
            | keys::Kind::Tables(inner)
            | keys::Kind::OneOrMore(inner) = key.kind
                && key.name != "not"
            {
                each_key(inner, check);
            }
        }
    }
    each_key(&keys::ROOT, &mut |key| {
        let name = key.name;
        let forms = [format!("\n{name} = "), format!("\n#{name} = "), format!("\n#   {name} "), format!("[{name}]")];
        assert!(forms.iter().any(|form| text.contains(form)), "{name} is missing in the example");
        assert!(key.meaning.ends_with(['.', ')']), "{name}: {}", key.meaning);
    });

    // What stands behind "#" is what holds without it, and optional values are examples that work.
    let is_key =
        |line: &str| line.starts_with('#') && line[1..].starts_with(|c: char| c.is_ascii_lowercase() || c == '[');
    let all: Vec<&str> = text.lines().map(|line| if is_key(line) { &line[1..] } else { line }).collect();
    let mut full = fixture.settings(&all.join("\n"));
    assert_eq!(full.location.default.unwrap().to_string(), "SE");
    full.location.default = None;
    assert_eq!(full.location.from.drain(2..).count(), 2, "an attribute and an OU");
    (full.directories[0].ca_file, full.tenant.ca_file) = (None, None);
    let found = &mut full.directories[0];
    assert_eq!((found.servers.len(), found.site.take().is_some(), found.dns.take().is_some()), (2, true, true));
    found.servers.clear();
    full.tenant.proxy = ProxySettings::default();
    assert_eq!((full.notify.len(), full.heartbeat.take().is_some()), (1, true));
    assert!(full.log.directory.take().is_some_and(|place| place.ends_with("log")));
    full.notify.clear();
    assert_eq!(std::mem::take(&mut full.guard.protected).len(), 1);
    full.directories[0].attributes = as_shipped.directories[0].attributes.clone();
    full.directories[0].bases = as_shipped.directories[0].bases.clone();
    (full.rules, full.digest) = (as_shipped.rules.clone(), as_shipped.digest.clone());
    assert_eq!(format!("{full:?}"), format!("{as_shipped:?}"));
}

#[test]
fn every_problem_is_reported_at_once_with_its_place() {
    let fixture = Fixture::new();
    let text = r#"mode = "aply"
sore = "x"
[directory]
domain = "corp.example.test
servres = ["dc1"]
bases = ["OU=a,DC=corp,DC=example,DC=test", "staff"]
poll = 10
bind = { method = "simple", user = "svc", password = "hunter2" }
[tenant]
id = "x"
retry_max = "1h"
cloud "dod"
[[license]]
id = "ems"
sku = ["EMS",
who = { group = "CN=x,DC=y" }
priority = 1.5
[guard]
assignments_per_day = 1_000_000_000
"#;
    let (problems, printed) = fixture.problems(text);
    assert_eq!(
        problems,
        [
            "1:8 \"mode\" has no such value",
            "2:1 unknown key \"sore\" at the top of the file",
            "4:28 invalid basic string, expected `\"`",
            "5:1 unknown key \"servres\" in [directory]",
            "6:45 \"bases\" is not a distinguished name",
            "7:8 \"poll\" must be text in quotes, not a number",
            "8:36 \"user\" is no name a domain controller takes for a simple bind",
            "8:54 \"password\" must not stand in this file itself",
            "10:6 \"id\" is not a GUID",
            "11:1 unknown key \"retry_max\" in [tenant]",
            "12:7 key with no value, expected `=`",
            "15:1 the value that begins here is not complete when line 16 begins",
            "17:12 \"priority\" must be a whole number, not a fraction",
            "19:23 \"assignments_per_day\" must be from 0 to 1000000",
        ],
        "{printed}"
    );
    for wanted in [
        "seatsync.toml:5:1: unknown key \"servres\" in [directory]\n    5 | servres = [***]\n      | ^^^^^^^\n hint: did you mean \"servers\"? known keys: \"domain\", ",
        "did you mean \"apply\"? known values: \"observe\", \"apply\"",
        "user = \"svc\", password = *** }",
        "\"retry_max\" belongs in [work]",
        "12 | cloud \"dod\"\n      |       ^",
    ] {
        assert!(printed.contains(wanted), "{wanted}\n--- is not in ---\n{printed}");
    }
    let error = fixture.load(text).unwrap_err();
    assert_eq!((error.class(), error.code(), error.exit_status()), (Class::Operator, "config-invalid", 78));
    let missing = load(Path::new("/nonexistent/seatsync.toml"), &fixture.env).unwrap_err();
    assert_eq!((missing.code(), missing.exit_status(), missing.problems().len()), ("config-unreadable", 78, 0));
}

#[test]
fn several_domains_are_several_tables() {
    let fixture = Fixture::new();
    let (head, rest) = MINIMAL.split_once("[directory]").expect("it has one");
    let (table, rest) = rest.split_once("\n[").expect("more follows");
    let twice = |other: &str| format!("{head}[[directory]]{table}\n[[directory]]{other}\n[{rest}");
    let other = table.replace("\"Corp.Example.test\"", "\"sales.corp.example.test\"");
    let domains: Vec<String> =
        fixture.settings(&twice(&other)).directories.into_iter().map(|directory| directory.domain).collect();
    assert_eq!(domains, ["corp.example.test", "sales.corp.example.test"]);
    assert!(fixture.problems(twice(table)).1.contains("\"domain\" is another table's too"));
}

#[test]
fn what_is_missing_is_named() {
    let fixture = Fixture::new();
    for (text, wanted) in [
        ("", &["mode", "[directory]", "[tenant]", "[[license]]"][..]),
        (
            "mode = 'observe'\n[directory]\nbind = { method = 'simple' }\n[tenant]\ncredential = { method = 'secret' }\n[[license]]",
            &[
                "\"bases\"", // not this one
                "\"domain\"",
                "\"user\"",
                "\"password\"",
                "\"id\"",
                "\"client_id\"",
                "\"secret\"",
                "\"sku\"",
            ],
        ),
    ] {
        let (problems, printed) = fixture.problems(text);
        for wanted in wanted {
            let found = problems.iter().any(|problem| {
                problem.contains(&format!("{wanted} is missing"))
                    || problem.contains(&format!("\"{wanted}\" is missing"))
            });
            assert_eq!(found, *wanted != "\"bases\"", "{wanted}: {printed}");
        }
    }
}

#[test]
fn bad_values_and_contradictions_are_refused() {
    let fixture = Fixture::new();
    for (line, wanted) in [
        ("servers = [\"ldap://dc1\"]", "without TLS"),
        ("servers = [\"dc1:636\"]", "a port but no scheme"),
        ("servers = [\"ldaps://svc:pw@dc1\"]", "more than a host and a port"),
        ("servers = [\"ldaps://dc1:0\"]", "bad port"),
        ("servers = []", "leave the key out to find them in DNS"),
        ("[directory]\nsite = \"Sto ckholm\"", "not a simple name"),
        ("[directory]\ndns = \"ns1.example.com\"", "is no address"),
        ("[directory]\ntransport = \"ldap\"", "has no such value"),
        ("servers = [\"dc1\", \"ldaps://DC1:636\"]", "twice"),
        ("servers = \"dc1\"", "must be a list of texts"),
        ("domain = \"192.168.0.1\"", "not a DNS name"),
        ("[directory]\nbases = [\"OU=a,DC=other\"]", "outside the domain"),
        (
            "[directory]\nbases = [\"DC=corp,DC=example,DC=test\", \"ou=a, dc=corp,dc=example,dc=test\"]",
            "within another base",
        ),
        ("[directory]\nbases = []", "\"bases\" is empty"),
        ("[directory]\nanchor = \"objectSid\"", "holds bytes"),
        ("[directory]\nanchor = \"objectGUID\"", "\"auto\" already uses"),
        ("[directory]\npoll = \"10\"", "is not a duration"),
        ("[directory]\npoll = \"2h\"", "must be from 100ms to 1h"),
        ("[directory]\npoll = \"99999999999999999999d\"", "is not a duration"),
        ("[directory]\nca_file = \"none.pem\"", "cannot find"),
        ("[directory]\nca_file = \".\"", "not a file"),
        ("[tenant]\ncloud = \"usgov\"", "known values: \"global\""),
        ("[tenant]\ngraph_url = \"http://graph.example.com\"", "loopback addresses only"),
        ("[tenant]\nlogin_url = \"https://x/?a=b\"", "special characters"),
        ("[tenant]\npoll_awaiting = \"2m\"", "\"poll_awaiting\" is longer"),
        ("[usage_location]\noverwrite = true\nwrite = false", "contradicts write = false"),
        ("[usage_location]\ndefault = \"UK\"", "the United Kingdom is \"GB\""),
        ("[usage_location]\nfrom = []", "nowhere to take a usage location from"),
        ("[usage_location]\nfrom = [\"memberOf\"]", "uSNChanged"),
        ("[[license]] # 2\nid = \"EMS\"\nsku = \"x\"", "another rule's"),
        ("id = \"e m s\"", "not a simple name"),
        ("[[license]]\ndisable_plans = [\"A\", \"a\"]", "twice"),
        ("[[license]]\nwho = { filter = \"(memberOf=CN=x)\" }", "uSNChanged"),
        ("[[license]]\nwho = { filter = \"(&(objectGUID=x)(c=SE))\" }", "holds bytes"),
        (
            "[[license]]\nwho = { filter = \"(c=SE\" }",
            "is not an LDAP filter: it ends where \")\" is expected at character 5",
        ),
        ("[[license]]\nwho = { ou = \"OU=x,DC=other\" }", "would match nobody"),
        (
            "[[license]]\nwho = { not = { any = [{ ou = \"DC=corp,DC=example,DC=test\", filter = \"(c=SE)\" }] } }",
            "exactly one key",
        ),
        ("[[license]]\nwho = { entra_group = \"Sales\" }", "\"entra_group\" is not a GUID"),
        ("[[license]]\nwho = { group = \"Sales\" }", "\"group\" is not a distinguished name"),
        ("[[license]]\nwho = { group = \"CN=Sales,DC=other\" }", "lies in no domain that is followed"),
        ("[tenant]\ngroup_licensing_grace = \"8d\"", "must be from 0s to 7d"),
        ("[[license]]\nwho = {}", "exactly one key"),
        ("[[license]]\nwho = { all = [] }", "\"all\" is empty"),
        ("[[license]]\nwho = \"everyone\"", "must be a table"),
        ("[guard]\nshrink_percent = 0", "from 1 to 100"),
        ("[work]\nretry_first = \"1h\"", "\"retry_first\" is longer"),
        ("[log]\nlevel = \"inf\"", "did you mean \"info\""),
        ("[[notify]]\nid = \"a\"\nurl = { file = \"plain-url\" }", "http:// is for loopback addresses only"),
        ("[[notify]]\nid = \"a\"\nurl = { file = \"client-secret\" }", "is not a URL"),
        ("[[notify]]\nid = \"a\"\nurl = { file = \"none\" }", "cannot be read"),
        ("[[notify]]\nid = \"a\"", "\"url\" is missing"),
        ("[[notify]]\nid = \"a\"\nurl = \"https://hooks.example.com/puma\"", "must not stand in this file itself"),
        (
            "[[notify]]\nid = \"a\"\nurl = { file = \"webhook-url\" }\nonly = [\"seats-loww\"]",
            "did you mean \"seats-low\"?",
        ),
        ("[[notify]]\nid = \"a\"\nurl = { file = \"webhook-url\" }\nshape = \"mail\"", "known values: \"json\""),
        ("[heartbeat]\nevery = \"1h\"", "\"url\" is missing"),
        ("[seats]\nwarn_days = 366", "from 0 to 365"),
        ("mode = \"\"", "is empty"),
    ] {
        let text = with(line);
        let error = fixture.load(&text).map(|_| panic!("{line} passes")).unwrap_err();
        assert_eq!(error.problems().len(), 1, "{line}: {error}");
        assert!(error.to_string().contains(wanted), "{line}: {error}");
        assert!(!error.to_string().contains("puma"), "{line}: {error}");
    }
}

#[test]
fn whom_to_tell_is_read_with_its_address_and_never_shown() {
    let fixture = Fixture::new();
    let settings = fixture.settings(&with(
        "[[notify]]\nid = \"ops\"\nurl = { file = \"webhook-url\" }\nshape = \"teams\"\nonly = [\"seats-low\", \"cohort-held\"]\n\
         [[notify]]\nid = \"chat\"\nurl = { file = \"heartbeat-url\" }\n[heartbeat]\nurl = { file = \"heartbeat-url\" }\n\
         method = \"POST\"\n",
    ));
    let [ops, chat] = &settings.notify[..] else { panic!("{:?}", settings.notify) };
    assert_eq!((ops.id.as_str(), ops.shape, ops.only.as_ref().map(|only| only.len())), ("ops", Shape::Teams, Some(2)));
    assert_eq!((chat.shape, &chat.only), (Shape::Json, &None));
    assert_eq!(ops.webhook.url.read().unwrap().expose_secret(), "https://hooks.example.com/T0/B0/puma?sig=lynx");
    let heartbeat = settings.heartbeat.as_ref().unwrap();
    assert_eq!((heartbeat.every, heartbeat.post), (Duration::from_hours(1), true));
    let shown = format!("{settings:?}");
    assert!(!shown.contains("puma") && !shown.contains("lynx"), "{shown}");
    assert!(fixture.settings(MINIMAL).notify.is_empty());
}

#[test]
fn values_mean_what_they_say() {
    let fixture = Fixture::new();
    let tenant = |line: &str| fixture.settings(&with(&format!("[tenant]\n{line}"))).tenant;
    for (line, login, graph, scope) in [
        (
            "cloud = \"dod\"",
            "https://login.microsoftonline.us",
            "https://dod-graph.microsoft.us",
            "https://dod-graph.microsoft.us",
        ),
        (
            "login_url = \"http://127.0.0.1:80/\"\ngraph_url = \"HTTP://[::1]:8/g/\"",
            "http://127.0.0.1:80",
            "http://[::1]:8/g",
            "https://graph.microsoft.com",
        ),
        (
            "graph_url = \"https://graph.svc.sovcloud.fr\"",
            "https://login.microsoftonline.com",
            "https://graph.svc.sovcloud.fr",
            "https://graph.svc.sovcloud.fr",
        ),
    ] {
        let tenant = tenant(line);
        assert_eq!((&*tenant.login_url, &*tenant.graph_url, &*tenant.scope), (login, graph, scope), "{line}");
    }
    let who =
        "who = { all = [{ filter = \"(employeeType=x)\" }, { not = { ou = \"OU=a,DC=corp,DC=example,DC=test\" } }] }";
    let settings = fixture.settings(
        &with(&format!("[[license]]\n{who}\nunless_has_plan = []"))
            .replace("[tenant]", "anchor = \"employeeID\"\n[tenant]"),
    );
    assert_eq!(settings.directories[0].anchor, AnchorSource::Attribute("employeeid".into()));
    assert_eq!(
        settings.directories[0].attributes,
        ["c", "employeeid", "employeetype", "msexchusagelocation"].map(String::from).into()
    );
    assert_eq!(settings.rules[0].unless_has_plan, Some(vec![]));
    let dotted = MINIMAL.replace("bind = {", "#").replace(
        "[tenant]",
        "bind.method = 'simple'\nbind.user = 'a@b'\n[directory.bind.password]\nfile = 'bind'\n[tenant]",
    );
    assert_eq!(fixture.settings(&format!("\u{feff}{}", dotted.replace('\n', "\r\n"))).directories[0].bind.who(), "a@b");
}

#[test]
fn digests_follow_what_they_name() {
    let fixture = Fixture::new();
    let digests = |text: &str| {
        let settings = fixture.settings(text);
        (settings.rules[0].digest.to_string(), settings.digest)
    };
    let (rule, all) = digests(MINIMAL);
    // If this value changes, an upgrade makes every rule look edited: whoever a rule is waiting for would become baseline.
    assert_eq!(rule, "cf6e4f51f6950fc75ae1e191be5ff9ec88377620db7d9f38ba7d84323d84c354");
    let everything = "who = { all = [{ ou = 'OU=a,DC=corp,DC=example,DC=test' }, { not = { any = [{ filter = \
        '(&(a=b)(|(c>=1)(c<=2))(!(d=*))(e=f*g)(h:1.2.840.113556.1.4.803:=2)(i:1.2.840.113556.1.4.804:=2))' }] } }] }";
    let (rule_with_all, _) = digests(&with(&format!("[[license]]\n{everything}\nunless_has_plan = ['B', 'a']")));
    assert_eq!(rule_with_all, "eaf51600f00fa7ac3601e391f7c6dfc1c7f134e31cd3e9a41e75b09d6710a96a");
    for (line, same_rule) in [
        ("[[license]]\npriority = 1", true),
        ("[[license]]\ndisable_plans = [\"INTUNE_A\"]", true),
        ("mode = \"observe\"", true),
        ("sku = \"EMSPREMIUM\"", false),
        ("id = \"other\"", false),
        ("[[license]]\nunless_has_plan = []", false),
        ("[[license]]\nwho = { filter = \"(c=SE)\" }", false),
        ("[[license]]\nwho = { entra_group = \"8d1c4a52-3b7e-4f6a-9c20-5e1f7a2b6d34\" }", false),
        ("[directory]\nbases = [\"OU=a,DC=corp,DC=example,DC=test\"]", false),
        ("[directory]\nanchor = \"employeeID\"", false),
    ] {
        let (other_rule, other) = digests(&with(line));
        assert_eq!(other_rule == rule, same_rule, "{line}");
        assert_ne!(other, all, "{line}");
    }
    let group = |id: &str| {
        digests(&with(&format!("[[license]]\nwho = {{ any = [{{ entra_group = '{id}' }}, {{ filter = '(c=SE)' }}] }}")))
            .0
    };
    let named = group("8d1c4a52-3b7e-4f6a-9c20-5e1f7a2b6d34");
    assert_eq!(named, "daa0cb307845c0665db70c20582c863ae4405475d88d73bbfadb14757b4738bf");
    assert_eq!(named, group("8D1C4A52-3B7E-4F6A-9C20-5E1F7A2B6D34"));
    assert_ne!(named, group("8d1c4a52-3b7e-4f6a-9c20-5e1f7a2b6d35"));
    let staff = |dn: &str| digests(&with(&format!("[[license]]\nwho = {{ group = '{dn}' }}"))).0;
    let named = staff("CN=Staff,OU=Groups,DC=corp,DC=example,DC=test");
    assert_eq!(named, "8ad1f74289dafd79013b08ec5adfeb93a283cdb7664c2c325f6ef330d0a9fb5e");
    assert_eq!(named, staff("cn=STAFF, ou=groups,DC=corp,DC=example,DC=test"));
    assert_ne!(named, staff("CN=Staff,OU=Other,DC=corp,DC=example,DC=test"));
    let cosmetic = with("sku = \"ems\"").replace("\n", "\n\n");
    assert_eq!(digests(&cosmetic).0, rule);
    let mut other = Fixture::new();
    other.env.variables.insert("APP_SECRET".into(), "other".into());
    let path = |settings: Settings| settings.digest;
    assert_eq!(path(other.settings(MINIMAL)), all, "a secret is no part of the digest");
}

#[test]
fn a_secret_is_read_anew_and_never_taken_from_an_open_file() {
    let fixture = Fixture::new();
    let file = fixture.directory.path().join("bind");
    let settings = fixture.settings(MINIMAL);
    std::fs::write(&file, "renewed\n").unwrap();
    assert_eq!(password(&settings), "renewed");
    let Bind::Simple { password, .. } = &settings.directories[0].bind else { panic!() };
    std::fs::write(&file, "\n").unwrap();
    assert!(password.read().unwrap_err().contains("empty secret"));
    std::fs::write(&file, "open to all").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(password.read().unwrap_err().contains("(mode 644)"));
}

#[test]
fn each_way_to_sign_in_has_keys_of_its_own() {
    let fixture = Fixture::new();
    let told = |bind: &str, servers: &str| {
        let text = with(&format!("bind = {{ {bind} }}"));
        let three = "\"DC1.corp.example.test\", \"ldap+starttls://127.0.0.1:1389\", \"ldaps://[::1]/\"";
        fixture.load(text.replace(three, servers)).err().map_or_else(String::new, |error| error.to_string())
    };
    let name = "\"dc1.corp.example.test\"";
    let simple = told("method = \"simple\", keytab = \"bind\"", name);
    for part in ["\"keytab\" is a key of method \"kerberos\"", "\"user\" is missing", "\"password\" is missing"] {
        assert!(simple.contains(part), "{part}: {simple}");
    }
    let whole = "method = \"kerberos\", principal = \"svc@CORP.EXAMPLE.TEST\", keytab = \"bind-password\"";
    if cfg!(not(feature = "gssapi")) {
        let refused = told(whole, name);
        assert!(refused.contains("cannot sign in with Kerberos") && refused.contains("--features gssapi"), "{refused}");
        return;
    }
    assert_eq!(told(whole, name), "");
    for (bind, servers, wanted) in [
        (whole, "\"127.0.0.1\"", "\"127.0.0.1\" is none"),
        (whole, "\"dc1\"", "\"dc1\" is none"),
        ("method = \"kerberos\", principal = \"svc\", keytab = \"bind-password\"", name, "no principal with a realm"),
        ("method = \"kerberos\", principal = \"svc@a.b\", keytab = \"bind-password\"", name, "in capitals"),
        ("method = \"kerberos\", keytab = \"open\"", name, "\"principal\" is missing"),
        ("method = \"kerberos\", keytab = \"open\"", name, "(mode 640)"),
        ("method = \"kerberos\", user = \"a@b\"", name, "\"user\" is a key of method \"simple\""),
    ] {
        let told = told(bind, servers);
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
}

#[test]
fn secrets_come_from_private_places_only() {
    let fixture = Fixture::new();
    let inside = fixture.directory.path().join("credentials/bind-password");
    let bind = |secret: &str| with(&format!("bind = {{ method = \"simple\", user = \"a@b\", password = {secret} }}"));
    for (secret, value) in [
        ("{ file = \"bind-password\" }", "lion"),
        ("{ file = \"client-secret\" }", "tiger"),
        ("{ credential = \"bind-password\" }", "panther"),
        (&format!("{{ file = \"{}\" }}", inside.display()), "panther"),
        ("{ env = \"BIND_PASSWORD\" }", "lion"),
    ] {
        assert_eq!(password(&fixture.settings(&bind(secret))), value, "{secret}");
    }
    for (secret, wanted) in [
        ("{ file = \"open\" }", "(mode 640)\n"),
        ("{ file = \"open\" }", "chmod 600 /"),
        ("{ file = \"empty\" }", "empty secret"),
        ("{ file = \"bytes\" }", "not UTF-8"),
        ("{ file = \"long\" }", "longer than 65536 bytes"),
        ("{ file = \"credentials\" }", "not a regular file"),
        ("{ file = \"/dev/null\" }", "not a regular file"),
        ("{ file = \"nowhere\" }", "cannot be read"),
        ("{ env = \"EMPTY\" }", "empty secret"),
        ("{ env = \"NOT_SET\" }", "not set"),
        ("{ env = \"hunter2!\" }", "not the name of an environment variable"),
        ("{ credential = \"../bind\" }", "not the name of a credential"),
        ("{ file = \"bind\", env = \"BIND_PASSWORD\" }", "exactly one of"),
        ("{}", "exactly one of"),
        ("\"hunter2\"", "must not stand in this file itself"),
        ("{ value = \"hunter2\" }", "unknown key \"value\""),
        ("[\"hunter2\"]", "must not stand in this file itself"),
        ("\"\"\"\nhunter2\"\"\"", "must not stand in this file itself"),
        ("\"hunter2", "invalid basic string"),
        ("hunter2", "string values must be quoted"),
        ("{ file = \"bind\" }, pasword = \"hunter2\"", "unknown key \"pasword\""),
        ("{ file = \"bind\" }, password = \"hunter2\"", "already there"),
    ] {
        let (_, printed) = fixture.problems(bind(secret));
        assert!(printed.contains(wanted), "{secret}: {printed}");
        assert!(!printed.contains("hunter2"), "{secret}: {printed}");
    }
    assert!(!format!("{:?}", fixture.env).contains("tiger"));
    assert!(!format!("{:?}", fixture.settings(MINIMAL)).contains("tiger"));
    let elsewhere = Environment::default();
    let (none, not_set) = (bind("{ credential = \"x\" }"), "needs $CREDENTIALS_DIRECTORY");
    assert!(parse(none.as_bytes(), Path::new("x"), &elsewhere).unwrap_err().to_string().contains(not_set));
}

#[test]
fn deep_and_long_files_are_survived() {
    let fixture = Fixture::new();
    for text in [
        format!("{MINIMAL}who{} = 1", ".not".repeat(5_000)),
        format!("{MINIMAL}who = {}", "{ not = ".repeat(5_000)),
        format!("{MINIMAL}who = {}", "[".repeat(5_000)),
        format!("[a{}]", ".a".repeat(5_000)),
    ] {
        assert!(!fixture.problems(&text).0.is_empty());
    }
    let endless = load(Path::new("/dev/zero"), &fixture.env).unwrap_err();
    assert!(endless.to_string().contains("longer than"), "{endless}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(text in "[\\[\\]{}=\",'#\\\\\n a-z0-9.é\"]{0,200}") {
        let _ = parse(text.as_bytes(), Path::new("x"), &Environment::default());
    }

    #[test]
    fn no_mutation_makes_it_panic_or_tell(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, prop::sample::select(b"\"'=[]{}\n\r,.# a\\\xff\0".to_vec())), 1..4),
        inline in any::<bool>(),
    ) {
        let mut bytes = match inline {
            true => MINIMAL.replace("{ file = \"bind\" }", "\"hunter2-hunter2\"").replace("{ env = \"APP_SECRET\" }", "'hunter2-hunter2'").into_bytes(),
            false => example().into_bytes(),
        };
        for (at, kind, byte) in edits {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(bytes.len().saturating_sub(at % 64)),
            }
        }
        if let Err(error) = parse(&bytes, Path::new("x"), &Environment::default()) {
            prop_assert!(!error.problems().is_empty());
            let printed = format!("{error}\n{error:?}");
            prop_assert!(!printed.contains("hunter2"), "{}\n---\n{}", String::from_utf8_lossy(&bytes), printed);
        }
    }
}

/// `[tenant]`'s credential and proxy, in the minimal file without id and client_id unless given here.
fn tenant_with(lines: &str) -> String {
    MINIMAL
        .lines()
        .filter(|line| !["id = \"6F", "client_id =", "credential ="].iter().any(|start| line.starts_with(start)))
        .map(|line| if line == "[tenant]" { format!("[tenant]\n{lines}\n") } else { format!("{line}\n") })
        .collect()
}

const IDS: &str = "id = '6f9f2c3e-7d1b-4a58-9a4e-0c2b8e5d1f37'\nclient_id = '11111111-1111-1111-1111-111111111111'\n";

#[test]
fn each_method_of_a_credential_has_its_keys() {
    let fixture = Fixture::new();
    let credential =
        |text: &str| fixture.settings(&tenant_with(&format!("{IDS}credential = {text}"))).tenant.credential;
    let proof = |text: &str| match credential(text) {
        Credential::App { proof, .. } => proof,
        other => panic!("{other:?}"),
    };
    let at = |name: &str| fixture.directory.path().join(name);
    let Proof::Secret { expires, .. } =
        proof("{ method = 'secret', secret = { file = 'client-secret' }, expires = '2027-01-31' }")
    else {
        panic!();
    };
    assert_eq!(expires.unwrap().to_string(), "2027-01-31");
    let files = |certificate, key| CertificateSource::Files { certificate: at(certificate), key: at(key) };
    let Proof::Certificate { source, algorithm } = proof("{ method = 'certificate', file = 'seatsync.pem' }") else {
        panic!();
    };
    assert_eq!((source, algorithm), (files("seatsync.pem", "seatsync.pem"), AssertionAlgorithm::Ps256));
    let Proof::Certificate { source, algorithm } =
        proof("{ method = 'certificate', file = 'public.pem', key = 'seatsync.key', algorithm = 'RS256' }")
    else {
        panic!();
    };
    assert_eq!((source, algorithm), (files("public.pem", "seatsync.key"), AssertionAlgorithm::Rs256));
    let Proof::Federation { token_file } = proof("{ method = 'federation', token_file = 'not-there-yet' }") else {
        panic!();
    };
    assert_eq!(token_file, at("not-there-yet"));
    let Credential::ManagedIdentity { client_id, source } = credential("{ method = 'managed-identity' }") else {
        panic!()
    };
    assert_eq!(client_id.as_deref(), Some("11111111-1111-1111-1111-111111111111"));
    let endpoint = "http://169.254.169.254/metadata/identity/oauth2/token".to_owned();
    assert_eq!(source, IdentitySource::Imds { endpoint });
}

#[test]
fn keys_of_another_method_and_missing_ones_are_said() {
    let fixture = Fixture::new();
    for (text, said) in [
        ("{ method = 'secret' }", "\"secret\" is missing"),
        (
            "{ method = 'secret', secret = { file = 'client-secret' }, file = 'seatsync.pem' }",
            "a key of method \"certificate\"",
        ),
        ("{ method = 'secret', secret = { file = 'client-secret' }, expires = 'soon' }", "is not a date"),
        ("{ method = 'certificate' }", "\"file\" is missing"),
        ("{ method = 'certificate', file = 'public.pem' }", "others than its owner can use"),
        ("{ method = 'certificate', file = 'public.pem', key = 'public.pem' }", "others than its owner can use"),
        ("{ method = 'certificate', file = 'seatsync.pem', algorithm = 'ES256' }", "no such value"),
        ("{ method = 'certificate', thumbprint = '01 23' }", "is not a SHA-1 thumbprint"),
        ("{ method = 'federation', token_file = 'x', thumbprint = '01 23' }", "a key of method \"certificate\""),
        ("{ method = 'federation' }", "\"token_file\" is missing"),
        ("{ method = 'managed-identity', source = 'arc' }", "cannot be chosen with Azure Arc"),
        ("{ method = 'managed-identity', endpoint = 'http://10.0.0.1/token' }", "without TLS"),
        ("{ method = 'managed-identity', source = 'imds', key_directory = '/x' }", "about Azure Arc"),
    ] {
        let (problems, printed) = fixture.problems(tenant_with(&format!("{IDS}credential = {text}")));
        assert!(problems.len() == 1 && printed.contains(said), "{text}: {printed}");
    }
    let (_, printed) =
        fixture.problems(tenant_with("credential = { method = 'secret', secret = { file = 'client-secret' } }"));
    assert!(printed.contains("\"id\" is missing") && printed.contains("\"client_id\" is missing"), "{printed}");
}

#[test]
fn a_certificate_of_the_machines_store_is_for_windows_and_has_no_file_beside_it() {
    let fixture = Fixture::new();
    // As Windows' dialog shows it, with its unseen mark.
    let print = "\u{200e}01 23 45 67 89 ab cd ef 01 23 45 67 89 ab cd ef 01 23 45 67";
    for (keys, said) in [
        ("", vec!["\"thumbprint\" is for Windows"]),
        (", file = 'seatsync.pem'", vec!["\"file\" stands beside \"thumbprint\"", "is for Windows"]),
        (", key = 'seatsync.key'", vec!["\"key\" stands beside \"thumbprint\"", "is for Windows"]),
    ] {
        let credential = format!("{IDS}credential = {{ method = 'certificate', thumbprint = '{print}'{keys} }}");
        let (problems, printed) = fixture.problems(tenant_with(&credential));
        assert_eq!(problems.len(), said.len(), "{printed}");
        assert!(said.iter().all(|said| printed.contains(said)), "{printed}");
    }
}

#[test]
fn the_environment_of_a_workload_identity_is_honoured() {
    let mut fixture = Fixture::new();
    let federation = tenant_with("credential = { method = 'federation' }");
    for (name, value) in [
        ("AZURE_TENANT_ID", "6f9f2c3e-7d1b-4a58-9a4e-0c2b8e5d1f37"),
        ("AZURE_CLIENT_ID", "22222222-2222-2222-2222-222222222222"),
        ("AZURE_FEDERATED_TOKEN_FILE", "/var/run/token"),
        ("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us/"),
    ] {
        fixture.env.variables.insert(name.into(), value.into());
    }
    let tenant = fixture.settings(&federation).tenant;
    assert_eq!(tenant.id.to_string(), "6f9f2c3e-7d1b-4a58-9a4e-0c2b8e5d1f37");
    assert_eq!(tenant.login_url, "https://login.microsoftonline.us");
    assert!(matches!(&tenant.credential, Credential::App { client_id, proof: Proof::Federation { token_file } }
        if client_id.starts_with("2222") && token_file.to_str() == Some("/var/run/token")));
    // What the file says counts, and other methods take no notice.
    let written = format!("{IDS}cloud = 'china'\ncredential = {{ method = 'federation', token_file = 'x' }}");
    let tenant = fixture.settings(&tenant_with(&written)).tenant;
    assert_eq!(tenant.login_url, "https://login.chinacloudapi.cn");
    assert!(matches!(&tenant.credential, Credential::App { client_id, .. } if client_id.starts_with("1111")));
    let secret = tenant_with("credential = { method = 'secret', secret = { file = 'client-secret' } }");
    assert_eq!(fixture.problems(secret).0.len(), 2);
    fixture.env.variables.insert("AZURE_TENANT_ID".into(), "contoso".into());
    assert!(fixture.problems(federation).1.contains("the environment variable AZURE_TENANT_ID is not a GUID"));
}

#[test]
fn azure_arc_is_known_by_its_environment() {
    let mut fixture = Fixture::new();
    let id = IDS.lines().next().unwrap();
    let source = |fixture: &Fixture, text: &str| match fixture
        .settings(&tenant_with(&format!("{id}\ncredential = {{ method = 'managed-identity'{text} }}")))
        .tenant
        .credential
    {
        Credential::ManagedIdentity { client_id: None, source } => source,
        other => panic!("{other:?}"),
    };
    let arc =
        |endpoint: &str| IdentitySource::Arc { endpoint: endpoint.into(), keys: "/var/opt/azcmagent/tokens".into() };
    let default = "http://localhost:40342/metadata/identity/oauth2/token";
    assert!(matches!(source(&fixture, ""), IdentitySource::Imds { .. }));
    assert_eq!(source(&fixture, ", source = 'arc'"), arc(default));
    let told = "http://127.0.0.1:40999/metadata/identity/oauth2/token";
    fixture.env.variables.insert("IDENTITY_ENDPOINT".into(), told.into());
    assert!(matches!(source(&fixture, ""), IdentitySource::Imds { .. }));
    fixture.env.variables.insert("IMDS_ENDPOINT".into(), "http://127.0.0.1:40999".into());
    assert_eq!(source(&fixture, ""), arc(told));
    assert!(
        matches!(source(&fixture, ", source = 'imds'"), IdentitySource::Imds { endpoint } if endpoint.contains("169.254"))
    );
}

#[test]
fn proxies_come_from_the_file_or_from_the_environment() {
    let mut fixture = Fixture::new();
    let secret = format!("{IDS}credential = {{ method = 'secret', secret = {{ file = 'client-secret' }} }}\n");
    let proxy =
        |fixture: &Fixture, lines: &str| fixture.settings(&tenant_with(&format!("{secret}{lines}"))).tenant.proxy;
    let url = |proxy: &Option<crate::model::settings::Proxy>| proxy.as_ref().map(|proxy| proxy.url.clone());
    let explicit = proxy(
        &fixture,
        "proxy = 'http://proxy.example.com:8080'\nproxy_user = 'svc'\nproxy_password = { file = 'proxy-password' }",
    );
    assert_eq!(url(&explicit.https).as_deref(), Some("http://proxy.example.com:8080"));
    let (user, password) = explicit.https.as_ref().unwrap().login.as_ref().unwrap();
    assert_eq!((&**user, password.expose_secret()), ("svc", "zebra"));
    assert!(!format!("{explicit:?}").contains("zebra"));

    for (name, value) in [
        ("HTTPS_PROXY", "http://us%65r:ze%62ra@proxy:3128/"),
        ("http_proxy", "proxy:80"),
        ("NO_PROXY", "localhost,.corp.example.com"),
    ] {
        fixture.env.variables.insert(name.into(), value.into());
    }
    let told = proxy(&fixture, "");
    assert_eq!(
        (url(&told.https).as_deref(), url(&told.http).as_deref()),
        (Some("http://proxy:3128"), Some("http://proxy:80"))
    );
    assert_eq!(told.except, "localhost,.corp.example.com");
    let (user, password) = told.https.as_ref().unwrap().login.as_ref().unwrap();
    assert_eq!((&**user, password.expose_secret()), ("user", "zebra"));
    let none = proxy(&fixture, "proxy = 'none'");
    assert!(none.https.is_none() && none.http.is_none());

    for (lines, said) in [
        ("proxy = 'http://svc:zebra@proxy:8080'", "holds a name or a password"),
        ("proxy = 'socks5://proxy:1080'", "unknown kind"),
        ("proxy_user = 'svc'\nproxy_password = { file = 'proxy-password' }", "stands without \"proxy\""),
        ("proxy = 'http://proxy:8080'\nproxy_user = 'svc'", "\"proxy_password\" is missing"),
    ] {
        let printed = fixture.problems(tenant_with(&format!("{secret}{lines}"))).1;
        assert!(printed.contains(said) && !printed.contains("zebra"), "{lines}: {printed}");
    }
    fixture.env.variables.insert("HTTPS_PROXY".into(), "ftp://svc:zebra@proxy".into());
    let printed = fixture.problems(tenant_with(&secret)).1;
    assert!(printed.contains("HTTPS_PROXY is a proxy of an unknown kind") && !printed.contains("zebra"), "{printed}");
}
