//! What a directory costs to read and to follow: `cargo bench --bench directory [-- first|idle|samba [NUMBER…]]`.
//!
//! `first`: the first reading of the lab's directory, for each number of accounts in a process of its own, so that the peak of
//! its memory is the agent's; the lab runs in another. The figures of merit are ratios: time for each account to that of the
//! smallest size, memory to that of the smallest.
//! `idle`: following a domain in which fifty foreign changes a second happen and none of ours: what each tick costs.
//! `samba`: beside a Samba controller (`tests/samba/dc run DIR cargo bench --bench directory -- samba`), the first reading over
//! `ldapsearch` that fetches the same attributes of the same accounts, in turns, the best of three each.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use seatsync::agent::Agent;
use seatsync::clock::Clock;
use seatsync::config::{self, Environment};
use seatsync::directory::question::{Question, accounts};
use seatsync::model::settings::Settings;
use seatsync::store::Store;
use seatsync_lab::directory::{Counters, Directory, DirectoryOptions};
use seatsync_lab::tenant::{Tenant, World};
use tempfile::TempDir;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const SIZES: [usize; 4] = [10_000, 50_000, 100_000, 500_000];
/// Foreign changes a second.
const NOISE: u32 = 50;
/// Ticks that are looked at, and how far apart they are.
const TICKS: u64 = 30;
const POLL: &str = "2s";

#[tokio::main]
async fn main() -> Outcome {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let numbers: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let number = |otherwise| numbers.first().copied().unwrap_or(otherwise);
    match words.first().map(String::as_str) {
        Some("lab") => lab(number(0)).await,
        Some("agent") => first_reading(number(0)).await,
        Some("idle") => idle(number(100_000)).await,
        Some("samba") => samba(number(20_000)).await,
        _ => growth(if numbers.is_empty() { &SIZES } else { &numbers }),
    }
}

/// Serves a directory and an empty tenant. Each line on the standard input is a word to obey; the end of it is the end.
async fn lab(accounts: usize) -> Outcome {
    let directory = Directory::start(DirectoryOptions::with_accounts(accounts)).await?;
    let tenant = Tenant::start(World::empty_contoso()).await?;
    let (ca, port) = (directory.ca_pem().replace('\n', "|"), directory.ldaps_addr().port());
    println!("{port}\n{}\n{}\n{ca}", tenant.url(), tenant.tenant_id());
    println!("{}\n{}", directory.bind_user(), directory.bind_password());
    let (words, mut heard) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || std::io::stdin().lines().map_while(Result::ok).try_for_each(|word| words.send(word)));
    while let Some(word) = heard.recv().await {
        match word.as_str() {
            "noise" => directory.noise_per_second(NOISE),
            "quiet" => directory.noise_per_second(0),
            _ => {}
        }
        let Counters { connections, binds, root_dse_reads, searches, entries, bytes, .. } = directory.counters();
        let usn = directory.highest_usn();
        println!("{connections} {binds} {root_dse_reads} {searches} {entries} {bytes} {usn}");
    }
    Ok(())
}

/// The lab in a process of its own; it ends with this.
struct Lab {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Lab {
    fn start(accounts: usize) -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["lab", &accounts.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (asks, answers) = (child.stdin.take(), child.stdout.take());
        let (asks, answers) = asks.zip(answers).ok_or("no pipes")?;
        Ok(Self { child, asks, answers: BufReader::new(answers) })
    }

    fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    /// Connections, binds, reads of the rootDSE, searches, entries, bytes, and the counter of the controller.
    fn counters(&mut self, word: &str) -> Outcome<Vec<u64>> {
        writeln!(self.asks, "{word}")?;
        Ok(self.line()?.split(' ').map(str::parse).collect::<Result<_, _>>()?)
    }

    /// Settings that point at it, their files below a directory that is returned.
    fn settings(&mut self) -> Outcome<(Settings, TempDir)> {
        let (port, url, tenant) = (self.line()?, self.line()?, self.line()?);
        let (ca, user, password) = (self.line()?.replace('|', "\n"), self.line()?, self.line()?);
        let files = tempfile::tempdir()?;
        write(files.path(), "ca.pem", &ca)?;
        write(files.path(), "bind", &password)?;
        let site =
            Site { servers: format!("ldaps://localhost:{port}"), ca: "ca.pem".into(), user, bases: String::new() };
        Ok((settings(files.path(), &site, &url, &tenant)?, files))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write(files: &Path, name: &str, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(files.join(name), text)?;
    std::fs::set_permissions(files.join(name), std::fs::Permissions::from_mode(0o600))
}

/// Where a directory is and who may read it.
struct Site {
    servers: String,
    ca: PathBuf,
    user: String,
    bases: String,
}

fn settings(files: &Path, site: &Site, url: &str, tenant: &str) -> Outcome<Settings> {
    let Site { servers, ca, user, bases } = site;
    write(files, "secret", "lab-secret")?;
    let text = format!(
        r#"mode = "observe"
store = "seatsync.db"
[directory]
domain = "corp.example.test"
servers = ["{servers}"]
ca_file = "{}"
bind = {{ method = "simple", user = "{user}", password = {{ file = "bind" }} }}
poll = "{POLL}"
{bases}
[tenant]
id = "{tenant}"
client_id = "11111111-1111-1111-1111-111111111111"
login_url = "{url}"
graph_url = "{url}"
credential = {{ method = "secret", secret = {{ file = "secret" }} }}
[[license]]
id = "intune"
sku = "EMS"
"#,
        ca.display()
    );
    write(files, "seatsync.toml", &text)?;
    Ok(config::load(&files.join("seatsync.toml"), &Environment::default())?)
}

/// A look at the store from beside.
fn peer(path: &Path) -> Outcome<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Connection::open_with_flags(path, flags)?)
}

/// Reads a directory for the first time. How long the reading took, how long all of the turn, and how many were read.
async fn read_once(settings: Settings) -> Outcome<(Duration, Duration, u64)> {
    let store = Store::open(&settings.store)?;
    let db = peer(&settings.store)?;
    let stop = tokio::sync::watch::channel(false).1;
    let agent = Agent::new(settings, store.clone(), Clock::system(), stop).await?;
    let begun = Instant::now();
    let turn = tokio::spawn(async move { agent.once().await });
    let mut read = None;
    while !turn.is_finished() {
        let sql = "SELECT count(*) FROM domains WHERE first_scan IS NOT NULL";
        if read.is_none() && db.query_row(sql, [], |row| row.get::<_, i64>(0))? > 0 {
            read = Some(begun.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    turn.await??;
    let all = begun.elapsed();
    let accounts: i64 = db.query_row("SELECT count(*) FROM accounts", [], |row| row.get(0))?;
    Ok((read.unwrap_or(all), all, accounts.cast_unsigned()))
}

/// One first reading, in this process; what is printed is read by [`growth`].
async fn first_reading(accounts: usize) -> Outcome {
    let mut lab = Lab::start(accounts)?;
    let (settings, _files) = lab.settings()?;
    let before = memory("VmRSS")?;
    let (read, all, accounts) = read_once(settings).await?;
    println!("{accounts} {} {} {before} {}", read.as_secs_f64(), all.as_secs_f64(), memory("VmHWM")?);
    Ok(())
}

/// What the kernel says of this process's memory, in KiB.
fn memory(what: &str) -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(what)).ok_or("the kernel does not say")?;
    Ok(line.split_whitespace().nth(1).ok_or("the kernel does not say")?.parse()?)
}

/// First readings of domains of several sizes.
fn growth(sizes: &[usize]) -> Outcome {
    println!(
        "{:>9} {:>9} {:>11} {:>8} {:>9} {:>8} {:>9}",
        "accounts", "reading", "accounts/s", "ratio", "peak", "ratio", "all"
    );
    let mut smallest: Option<(f64, f64)> = None;
    for size in sizes {
        let output = Command::new(std::env::current_exe()?).args(["agent", &size.to_string()]).output()?;
        let text = String::from_utf8(output.stdout)?;
        let told: Vec<f64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let [accounts, read, all, _, peak] = told[..] else {
            return Err(format!("{size}: {text}{}", String::from_utf8_lossy(&output.stderr)).into());
        };
        let (each, peak) = (read / accounts, peak / 1024.0);
        let (first, least) = *smallest.get_or_insert((each, peak));
        println!(
            "{accounts:>9} {read:>7.2} s {:>11.0} {:>8.2} {peak:>5.1} MiB {:>8.2} {all:>7.2} s",
            1.0 / each,
            each / first,
            peak / least
        );
    }
    println!("ratios are to the first line: of the time for each account, and of the peak of the agent's memory");
    Ok(())
}

/// Follows a domain in which much happens that is nobody's business.
async fn idle(accounts: usize) -> Outcome {
    let mut lab = Lab::start(accounts)?;
    let (settings, _files) = lab.settings()?;
    let (path, store) = (settings.store.clone(), Store::open(&settings.store)?);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let agent = Agent::new(settings, store.clone(), Clock::system(), stopped).await?;
    let running = tokio::spawn(async move { agent.run().await });
    while !store.report().await?.acquainted {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    println!("{accounts} accounts, a look every {POLL}, {TICKS} looks each; per look:");
    println!(
        "{:>22} {:>8} {:>8} {:>8} {:>9} {:>8} {:>9}",
        "", "rootDSE", "searches", "entries", "bytes", "commits", "changes"
    );
    for (word, name) in [("quiet", "nothing moves"), ("noise", "50 changes a second")] {
        lab.counters(word)?;
        // What the change from one to the other brings is not looked at.
        ticks(&mut lab, &path, 5).await?;
        let (before, after, commits) = ticks(&mut lab, &path, TICKS).await?;
        let looks = (after[2] - before[2]) as f64;
        let each = |place: usize| (after[place] - before[place]) as f64 / looks;
        println!(
            "{name:>22} {:>8.2} {:>8.2} {:>8.2} {:>9.0} {:>8.2} {:>9.1}",
            each(2),
            each(3),
            each(4),
            each(5),
            commits as f64 / looks,
            each(6)
        );
        assert_eq!((before[0], before[1]), (after[0], after[1]), "it connected anew");
    }
    stop.send_replace(true);
    running.await??;
    Ok(())
}

/// Waits for so many looks. The counters before and after, and how often the store was written to.
async fn ticks(lab: &mut Lab, store: &Path, many: u64) -> Outcome<(Vec<u64>, Vec<u64>, u64)> {
    let db = peer(store)?;
    let version = || db.query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0));
    let (before, mut known, mut commits) = (lab.counters("")?, version()?, 0);
    loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let now = version()?;
        commits += u64::from(std::mem::replace(&mut known, now) != now);
        let after = lab.counters("")?;
        if after[2] >= before[2] + many {
            return Ok((before, after, commits));
        }
    }
}

/// Beside a Samba controller: the agent's first reading over `ldapsearch`.
async fn samba(accounts: usize) -> Outcome {
    let env = |name: &str| std::env::var(name).map_err(|_| format!("no {name}: run it by tests/samba/dc run DIR …"));
    println!("making {accounts} accounts");
    let made = Command::new("/usr/bin/python3")
        .args(["tests/samba/bulk.py", &env("SAMBA_DIR")?, &accounts.to_string()])
        .stdout(Stdio::null())
        .status()?;
    if !made.success() {
        return Err("the accounts could not be made".into());
    }
    let tenant = Tenant::start(World::empty_contoso()).await?;
    let base = format!("OU=Staff,{}", env("SAMBA_BASE")?);
    let site = Site {
        servers: env("SAMBA_LDAPS_URL")?,
        ca: env("SAMBA_CA")?.into(),
        user: env("SAMBA_BIND_USER")?,
        bases: format!("bases = [{base:?}]"),
    };
    let (mut ours, mut theirs) = (Duration::MAX, Duration::MAX);
    for turn in 1..=3 {
        let files = tempfile::tempdir()?;
        write(files.path(), "bind", &env("SAMBA_BIND_PASSWORD")?)?;
        let settings = settings(files.path(), &site, &tenant.url(), &tenant.tenant_id().to_string())?;
        let attributes = Question::new(&settings.directories[0]).attributes();
        let (reading, _, read) = read_once(settings).await?;
        let (searching, found) = ldapsearch(&site, &env("SAMBA_BIND_PASSWORD")?, &base, &attributes)?;
        println!(
            "{turn}: seatsync {:.2} s, {read} accounts; ldapsearch {:.2} s, {found}",
            reading.as_secs_f64(),
            searching.as_secs_f64()
        );
        (ours, theirs) = (ours.min(reading), theirs.min(searching));
    }
    println!("ratio {:.2}", ours.as_secs_f64() / theirs.as_secs_f64());
    Ok(())
}

/// How long `ldapsearch` takes for the same, and how many entries it prints.
fn ldapsearch(site: &Site, password: &str, base: &str, attributes: &[String]) -> Outcome<(Duration, usize)> {
    let begun = Instant::now();
    let output = Command::new("ldapsearch")
        .args(["-LLL", "-x", "-o", "ldif-wrap=no", "-E", "pr=1000/noprompt", "-H", &site.servers, "-D", &site.user])
        .args(["-w", password, "-b", base, &accounts()])
        .args(attributes)
        .env("LDAPTLS_CACERT", &site.ca)
        .output()?;
    let took = begun.elapsed();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let found = output.stdout.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"dn:")).count();
    Ok((took, found))
}
