//! The real program, running: what it says, signals to it, and its end.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use seatsync::store::AuditRow;
use seatsync_lab::tenant::UserView;
use tokio::process::{Child, Command};

use crate::bench::{Bench, Joiner, PATIENCE, person, until, until_standing};

/// A program under way, which is killed when it goes out of scope.
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts `seatsync` with these arguments.
    pub fn start(bench: &Bench, arguments: &[&str]) -> Self {
        Self::of(bench, bench.program(arguments))
    }

    /// Starts a program prepared otherwise.
    pub fn of(bench: &Bench, mut program: Command) -> Self {
        let log = bench.path(&format!("log-{}", uuid::Uuid::new_v4()));
        let file = File::create(&log).expect("a file for its words");
        let both = file.try_clone().expect("a second handle");
        let child = program.stdout(both).stderr(file).spawn().expect("the program starts");
        Self { child, log }
    }

    /// `seatsync run`.
    pub fn run(bench: &Bench) -> Self {
        Self::start(bench, &["run"])
    }

    /// `seatsync run`, once it has met both sides.
    pub async fn acquainted(bench: &Bench) -> Self {
        let daemon = Self::run(bench);
        daemon.until_said("first contact complete").await;
        daemon
    }

    /// All it has said so far.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).expect("its words")).into_owned()
    }

    /// Where its words go.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Waits until it has said that.
    pub async fn until_said(&self, words: &str) {
        let said = async {
            while !self.said().contains(words) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, said).await.is_err() {
            panic!("it never said {words:?}:\n{}", self.said());
        }
    }

    /// `kill -9`.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it is killed");
    }

    pub fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed())).expect("it runs");
        kill_process(pid, signal).expect("it can be signalled");
    }

    /// How it ends, and all it has said.
    pub async fn ended(mut self) -> (ExitStatus, String) {
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let Ok(status) = status else { panic!("it does not end:\n{}", self.said()) };
        (status.expect("a status"), self.said())
    }

    /// SIGTERM, and a clean end.
    pub async fn stop(self) {
        self.until_said("started in mode").await;
        self.signal(Signal::TERM);
        let (status, said) = self.ended().await;
        assert!(status.success() && said.contains("stopped, nothing left half-done"), "{status}:\n{said}");
    }

    /// The system's number of the process.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }
}

/// Waits for something that must come.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it comes")
}

/// Holds the store as another writer would: nothing can be committed to it while this lives.
pub fn lock_store(bench: &Bench) -> rusqlite::Connection {
    let db = rusqlite::Connection::open(bench.path("seatsync.db")).expect("the store opens");
    db.busy_timeout(PATIENCE).expect("a timeout");
    db.execute_batch("BEGIN IMMEDIATE").expect("the writer's lock");
    db
}

/// Starts the program again and waits until everybody is licensed; stops it and says what it cost: at most one effective
/// change per entitlement, and no call beyond the first but for an outcome that was unknown or a refusal to wait out.
pub async fn all_end_well(bench: &Bench, people: &[Joiner]) {
    let daemon = Daemon::run(bench);
    let store = bench.store();
    for joiner in people {
        until_standing(&store, joiner, "licensed").await;
    }
    until(&store, |report| report.standing.keys().all(|word| word == "licensed" || word == "baseline")).await;
    daemon.stop().await;
    for joiner in people {
        let dossier = person(&store, joiner).await.expect("somebody");
        assert!(dossier.person.entitlements.iter().all(|entitlement| entitlement.ours), "{dossier:#?}");
        assert!(dossier.intents.iter().all(|intent| intent.state != "open"), "{:#?}", dossier.intents);
        let unknown = dossier.timeline.iter().filter(|row| is_settled(row)).count() as u64;
        let user = bench.user(joiner);
        assert!(user.holds("EMS") && user.usage_location.is_some(), "{user:?}");
        assert_eq!(user.counters.effective_by_sku.get("EMS"), Some(&1), "{user:?}");
        assert_eq!(user.counters.patch_usage_location.effective, 1, "{user:?}");
        let calls = user.counters.patch_usage_location.calls + user.counters.assign_license.calls;
        let refused = refusals(bench, &user);
        assert!(calls <= 2 + unknown + refused, "{calls} calls, {unknown} unknown, {refused} refused: {user:?}");
    }
    assert_eq!(store.broken_audit_row().await.expect("the audit is read"), None);
}

/// Nobody knew what became of a call until the user was read.
fn is_settled(row: &AuditRow) -> bool {
    row.kind == "answer" && row.detail["settled"].is_string()
}

fn refusals(bench: &Bench, user: &UserView) -> u64 {
    let refused = |status: Option<u16>| status.is_some_and(|status| status >= 400);
    let writes = |method: &str| method == "POST" || method == "PATCH";
    let requests = bench.tenant.requests();
    let found = requests.iter().filter(|request| request.user == Some(user.id));
    found.filter(|request| writes(&request.method) && refused(request.status)).count() as u64
}
