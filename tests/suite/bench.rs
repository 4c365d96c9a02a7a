//! What every test stands on: a directory and a tenant of the lab, a configuration that points at them, and an agent run from
//! the library or as the real program.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use seatsync::agent::{Agent, AgentError, Turn};
use seatsync::clock::Clock;
use seatsync::config::{self, Environment};
use seatsync::model::settings::Settings;
use seatsync::store::{Dossier, PersonLine, Report, Store};
use seatsync_lab::directory::{Directory, DirectoryOptions, Guid, NewAccount};
use seatsync_lab::tenant::{NewUser, Tenant, UserView, World};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// No condition a test waits for takes longer, unless it never comes.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A directory, a tenant and a place for files.
pub struct Bench {
    pub directory: Directory,
    pub tenant: Tenant,
    pub files: TempDir,
    /// Appended to the configuration, replacing nothing.
    pub extra: String,
    /// `[[license]]` tables.
    pub rules: String,
    /// Replacements in the configuration's text, applied in order.
    pub edits: Vec<(String, String)>,
    /// Environment variables, for the library and the real program alike.
    pub variables: BTreeMap<String, String>,
}

/// An account and, once it is there, its user.
#[derive(Clone, Debug)]
pub struct Joiner {
    pub guid: Guid,
    pub upn: String,
    pub sid: String,
}

impl Bench {
    /// Accounts of the directory's seed, and an empty tenant with EMS, INTUNE_A and SPE_E3.
    pub async fn start(accounts: usize) -> Self {
        Self::with(DirectoryOptions::with_accounts(accounts), World::empty_contoso()).await
    }

    pub async fn with(options: DirectoryOptions, world: World) -> Self {
        let directory = Directory::start(options).await.expect("the directory starts");
        let tenant = Tenant::start(world).await.expect("the tenant starts");
        let files = tempfile::tempdir().expect("a directory for files");
        let bench = Self {
            directory,
            tenant,
            files,
            extra: String::new(),
            rules: "[[license]]\nid = \"intune\"\nsku = \"EMS\"\n".into(),
            edits: Vec::new(),
            variables: BTreeMap::new(),
        };
        bench.write("ca.pem", bench.directory.ca_pem());
        bench.write_secret("bind-password", &bench.directory.bind_password());
        bench.write_secret("client-secret", "lab-secret");
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Puts a file in the place of what was there: a program that begins meanwhile reads the one or the other.
    pub fn write(&self, name: &str, text: &str) {
        self.put(name, text, 0o644);
    }

    pub fn write_secret(&self, name: &str, text: &str) {
        self.put(name, text, 0o600);
    }

    fn put(&self, name: &str, text: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt as _;
        let whole = self.path(&format!(".{}", uuid::Uuid::new_v4()));
        std::fs::write(&whole, text).expect("a file is written");
        std::fs::set_permissions(&whole, std::fs::Permissions::from_mode(mode)).expect("its mode is set");
        std::fs::rename(&whole, self.path(name)).expect("it takes its place");
    }

    /// Changes the configuration's text.
    pub fn edit(&mut self, from: &str, to: &str) {
        self.edits.push((from.into(), to.into()));
    }

    /// The configuration, with quick polls.
    pub fn config_text(&self) -> String {
        let (ldaps, user) = (self.directory.ldaps_addr(), self.directory.bind_user());
        let (url, tenant) = (self.tenant.url(), self.tenant.tenant_id());
        let mut text = format!(
            r#"mode = "apply"
store = "seatsync.db"
[directory]
domain = "corp.example.test"
servers = ["ldaps://localhost:{}"]
ca_file = "ca.pem"
bind = {{ method = "simple", user = "{user}", password = {{ file = "bind-password" }} }}
poll = "100ms"
timeout = "20s"
[tenant]
id = "{tenant}"
client_id = "11111111-1111-1111-1111-111111111111"
login_url = "{url}"
graph_url = "{url}"
credential = {{ method = "secret", secret = {{ file = "client-secret" }} }}
poll = "200ms"
poll_awaiting = "100ms"
timeout = "20s"
[usage_location]
default = "SE"
[guard]
assignments_per_day = 500
[work]
retry_first = "100ms"
retry_max = "1s"
confirm_after = "200ms"
[watch]
listen = "off"
[log]
level = "debug"
{}
{}"#,
            ldaps.port(),
            self.extra,
            self.rules
        );
        for (from, to) in &self.edits {
            assert!(text.contains(from.as_str()), "the configuration has no {from:?}");
            text = text.replace(from, to);
        }
        text
    }

    /// Writes the configuration and returns its path.
    pub fn config(&self) -> PathBuf {
        self.write("seatsync.toml", &self.config_text());
        self.path("seatsync.toml")
    }

    pub fn settings(&self) -> Settings {
        let environment = Environment { variables: self.variables.clone(), ..Environment::default() };
        match config::load(&self.config(), &environment) {
            Ok(settings) => settings,
            Err(error) => panic!("{error}"),
        }
    }

    pub fn store(&self) -> Store {
        Store::open(&self.path("seatsync.db")).expect("the store opens")
    }

    /// An agent that is not running yet.
    pub async fn agent(&self) -> Handle {
        let (store, clock) = (self.store(), Clock::system());
        let (stop, stopped) = watch::channel(false);
        let agent = Agent::new(self.settings(), store.clone(), clock.clone(), stopped).await.expect("an agent");
        Handle { agent, store, clock, stop }
    }

    /// One turn of a fresh agent.
    pub async fn once(&self) -> Result<Turn, AgentError> {
        self.agent().await.agent.once().await
    }

    /// A running agent that has met both sides.
    pub async fn running(&self) -> Running {
        let running = self.agent().await.run();
        running.until(|report| report.acquainted).await;
        running
    }

    /// The real program, which has not been started yet. It inherits nothing but the path to look for programs in.
    pub fn program(&self, arguments: &[&str]) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_seatsync"));
        command.arg("--config").arg(self.config()).args(arguments).env_clear().envs(&self.variables).kill_on_drop(true);
        command
    }

    /// What the real program says.
    pub async fn output(&self, arguments: &[&str]) -> Output {
        self.program(arguments).output().await.expect("the program runs")
    }

    /// Creates an account, not yet in the tenant.
    pub fn hire(&self, sam: &str, country: &str) -> Joiner {
        let upn = format!("{sam}@corp.example.test");
        let rid = self.directory.highest_usn() as u32;
        let account = NewAccount::named(sam)
            .sam(sam)
            .in_ou("Staff")
            .country(country)
            .with("userPrincipalName", upn.as_str())
            .with("objectSid", sid(rid));
        let guid = self.directory.create_account(account);
        Joiner { guid, upn, sid: format!("S-1-5-21-1-2-3-{rid}") }
    }

    /// Makes the user of an account appear in the tenant, as Entra Connect would.
    pub fn sync(&self, joiner: &Joiner) {
        self.tenant.add_user(self.user_of(joiner)).expect("a user is added");
    }

    /// The user of an account, to be changed before it appears.
    pub fn user_of(&self, joiner: &Joiner) -> NewUser {
        let guid = uuid::Uuid::parse_str(&joiner.guid.to_string()).expect("a GUID");
        NewUser::synced(&joiner.upn, guid).with("onPremisesSecurityIdentifier", joiner.sid.as_str())
    }

    /// An account and its user, at once.
    pub fn join(&self, sam: &str, country: &str) -> Joiner {
        let joiner = self.hire(sam, country);
        self.sync(&joiner);
        joiner
    }

    /// The tenant's view of a user.
    pub fn user(&self, joiner: &Joiner) -> UserView {
        self.tenant.view(|view| view.user(&joiner.upn).expect("the user is there"))
    }

    /// Waits until the tenant's view of a user fits.
    pub async fn until_user(&self, joiner: &Joiner, fits: impl Fn(&UserView) -> bool) {
        let came =
            self.tenant.wait_within(PATIENCE, |view| view.user(&joiner.upn).is_some_and(|user| fits(&user))).await;
        assert!(came, "{} never got there: {:?}", joiner.upn, self.user(joiner));
    }

    /// Makes the user of an account one who has been in the tenant for so many days.
    pub fn sync_old(&self, joiner: &Joiner, days: i64) {
        let created = self.tenant.now() - jiff::SignedDuration::from_hours(24 * days);
        self.tenant.add_user(self.user_of(joiner).created(created)).expect("a user is added");
    }

    /// Waits until a running agent has looked at both sides three times more, and thus has acted on what it had seen.
    pub async fn some_polls(&self) {
        let looks = |view: &seatsync_lab::tenant::View<'_>| {
            view.counters().requests_by_route.get("GET /subscribedSkus").copied().unwrap_or_default()
        };
        let (reads, before) = (self.directory.counters().root_dse_reads, self.tenant.view(looks));
        let directory = self.directory.wait_until(|counters| counters.root_dse_reads >= reads + 3);
        let tenant = self.tenant.wait_until(|view| looks(view) >= before + 3);
        let both = async { tokio::join!(directory, tenant) };
        tokio::time::timeout(PATIENCE, both).await.expect("the agent looks at both sides");
    }

    /// Calls so far: those that set a usage location, and those that assign a license.
    pub fn writes(&self) -> (u64, u64) {
        let counters = self.tenant.counters();
        (counters.patch_usage_location.calls, counters.assign_license.calls)
    }

    /// What the real program prints when it succeeds.
    pub async fn says(&self, arguments: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.output(arguments).await;
        let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "{arguments:?}: {status}\n{out}\n{err}");
        format!("{out}{err}")
    }
}

/// `S-1-5-21-1-2-3-rid` on the wire (MS-DTYP 2.4.2.2).
pub fn sid(rid: u32) -> Vec<u8> {
    let mut bytes = vec![1, 5, 0, 0, 0, 0, 0, 5];
    for part in [21, 1, 2, 3, rid] {
        bytes.extend_from_slice(&u32::to_le_bytes(part));
    }
    bytes
}

impl Joiner {
    /// The SID as the directory sends it.
    pub fn sid_on_the_wire(&self) -> Vec<u8> {
        let rid = self.sid.rsplit('-').next().and_then(|rid| rid.parse().ok());
        sid(rid.expect("a SID ends in a number"))
    }
}

/// An agent from the library.
pub struct Handle {
    pub agent: Agent,
    pub store: Store,
    pub clock: Clock,
    stop: watch::Sender<bool>,
}

impl Handle {
    pub fn run(self) -> Running {
        let Self { agent, store, clock, stop } = self;
        let task = tokio::spawn(async move { agent.run().await });
        Running { store, clock, stop, task }
    }
}

/// A running agent from the library.
pub struct Running {
    pub store: Store,
    pub clock: Clock,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), AgentError>>,
}

impl Running {
    /// Stops it in order.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let ended = tokio::time::timeout(PATIENCE, self.task).await.expect("it stops");
        ended.expect("no panic").expect("no error");
    }

    /// Waits until the state at a glance fits.
    pub async fn until(&self, fits: impl Fn(&Report) -> bool) -> Report {
        until(&self.store, fits).await
    }

    /// Waits until a person's entitlement for the (one) rule's product stands so.
    pub async fn until_standing(&self, joiner: &Joiner, standing: &str) {
        until_standing(&self.store, joiner, standing).await;
    }

    /// Waits until a person stands so between the directory and the tenant.
    pub async fn until_presence(&self, joiner: &Joiner, presence: &str) {
        let wait = async {
            while presence_of(&self.store, joiner).await.as_deref() != Some(presence) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, wait).await.is_err() {
            panic!("{} never was {presence}: {:#?}", joiner.upn, person(&self.store, joiner).await);
        }
    }
}

/// Waits until the state at a glance fits.
pub async fn until(store: &Store, fits: impl Fn(&Report) -> bool) -> Report {
    let wait = async {
        loop {
            let report = store.report().await.expect("a report");
            if fits(&report) {
                return report;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, wait).await {
        Ok(report) => report,
        Err(_) => panic!("it never came to that: {:#?}", store.report().await),
    }
}

/// Waits until some entitlement of a person stands so.
pub async fn until_standing(store: &Store, joiner: &Joiner, standing: &str) {
    let wait = async {
        while !standings(store, joiner).await.iter().any(|word| word == standing) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, wait).await.is_err() {
        panic!("{} never was {standing}: {:#?}", joiner.upn, person(store, joiner).await);
    }
}

/// The words of a person's standings.
pub async fn standings(store: &Store, joiner: &Joiner) -> Vec<String> {
    let words = |person: PersonLine| {
        person.entitlements.iter().map(|entitlement| entitlement.standing.word().to_owned()).collect()
    };
    person(store, joiner).await.map(|dossier| words(dossier.person)).unwrap_or_default()
}

/// All that is known of a person.
pub async fn person(store: &Store, joiner: &Joiner) -> Option<Dossier> {
    let id = store.find_people(&joiner.guid.to_string()).await.expect("a search").first().copied()?;
    store.dossier(id).await.expect("a dossier")
}

/// The word for where a person stands between the directory and the tenant.
pub async fn presence_of(store: &Store, joiner: &Joiner) -> Option<String> {
    let presence = person(store, joiner).await?.person.presence?;
    Some(presence.word().to_owned())
}

/// How often the audit tells that an entitlement of a person came to stand so.
pub async fn times_told(store: &Store, joiner: &Joiner, standing: &str) -> usize {
    let timeline = person(store, joiner).await.map(|dossier| dossier.timeline).unwrap_or_default();
    timeline.iter().filter(|row| row.kind == "standing" && row.detail["to"] == standing).count()
}
