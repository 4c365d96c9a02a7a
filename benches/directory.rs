//! What a directory costs to read and to follow: `cargo bench --bench directory [-- first|idle|restart|samba [NUMBER…]]`.
//!
//! `first`: the first reading of the lab's directory, for each number of accounts in a process of its own, so that the peak of
//! its memory is the agent's; the lab runs in another. The figures of merit are ratios: time for each account to that of the
//! smallest size, the agent's CPU time the same, memory to that of the smallest.
//! `idle`: following a domain in which fifty foreign changes a second happen and none of ours: what each tick costs.
//! `restart`: the program itself, on a store of so many persons (100,000), started anew with the defaults: how long until it has
//! looked at both sides, then, after so many seconds (300) of which nothing is news, its anonymous memory and what it computed.
//! `samba`: beside a Samba controller (`tests/samba/dc run DIR cargo bench --bench directory -- samba`), the first reading over
//! `ldapsearch` that fetches the same attributes of the same accounts, in turns, the best of three each.

mod stage;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use seatsync::agent::Agent;
use seatsync::clock::Clock;
use seatsync::directory::question::{Question, accounts};
use seatsync::model::settings::Settings;
use seatsync::store::Store;
use seatsync_lab::directory::{Counters, Directory, DirectoryOptions, NewAccount};
use seatsync_lab::tenant::{NewUser, Tenant, World};
use stage::{Lab, More, Outcome, Site, memory, settings, write};

const SIZES: [usize; 4] = [10_000, 50_000, 100_000, 500_000];
/// Foreign changes a second.
const NOISE: u32 = 50;
/// Ticks that are looked at, and how far apart they are.
const TICKS: u64 = 30;
const POLL: &str = "poll = \"2s\"";

const OBSERVED: More = More { mode: "observe", directory: POLL, tenant: "", tables: "" };

/// Looks are as far apart as they are by default.
const AS_SHIPPED: More =
    More { mode: "apply", directory: "", tenant: "", tables: "[usage_location]\ndefault = \"SE\"" };

#[tokio::main]
async fn main() -> Outcome {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let numbers: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let number = |otherwise| numbers.first().copied().unwrap_or(otherwise);
    match words.first().map(String::as_str) {
        Some("lab") => lab(number(0), false).await,
        Some("people") => lab(number(0), true).await,
        Some("restart") => restart(number(100_000), numbers.get(1).copied().unwrap_or(300)),
        Some("agent") => first_reading(number(0)).await,
        Some("idle") => idle(number(100_000)).await,
        Some("samba") => samba(number(20_000)).await,
        _ => growth(if numbers.is_empty() { &SIZES } else { &numbers }),
    }
}

/// Serves a directory and a tenant, empty or with a user for each account. Each word is obeyed and answered with the counters:
/// connections, binds, reads of the rootDSE, searches, entries, bytes, the controller's own, and looks at the tenant's seats.
async fn lab(accounts: usize, peopled: bool) -> Outcome {
    let seeded = if peopled { 0 } else { accounts };
    let directory = Directory::start(DirectoryOptions::with_accounts(seeded)).await?;
    let tenant = Tenant::start(World::empty_contoso()).await?;
    for number in 0..if peopled { accounts } else { 0 } {
        let sam = format!("person{number}");
        let upn = format!("{sam}@corp.example.test");
        let account = NewAccount::named(&sam).sam(&sam).in_ou("Staff").country("DE");
        let guid = directory.create_account(account.with("userPrincipalName", upn.as_str()));
        let created = tenant.now() - jiff::SignedDuration::from_hours(24 * 400);
        tenant.add_user(NewUser::synced(&upn, uuid::Uuid::parse_str(&guid.to_string())?).created(created))?;
    }
    stage::introduce(&directory, &tenant);
    let mut heard = stage::words();
    while let Some(word) = heard.recv().await {
        match word.as_str() {
            "noise" => directory.noise_per_second(NOISE),
            "quiet" => directory.noise_per_second(0),
            _ => {}
        }
        let Counters { connections, binds, root_dse_reads, searches, entries, bytes, .. } = directory.counters();
        let usn = directory.highest_usn();
        let looks = tenant.counters().requests_by_route.get("GET /subscribedSkus").copied().unwrap_or_default();
        println!("{connections} {binds} {root_dse_reads} {searches} {entries} {bytes} {usn} {looks}");
    }
    Ok(())
}

/// A look at the store from beside.
fn peer(path: &Path) -> Outcome<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Connection::open_with_flags(path, flags)?)
}

/// A directory that was read for the first time.
struct Reading {
    accounts: u64,
    /// Until the last account was taken in.
    took: Duration,
    /// Seconds of CPU that this process used meanwhile.
    computed: f64,
    /// Until the turn was over.
    all: Duration,
}

/// Reads a directory for the first time.
async fn read_once(settings: Settings) -> Outcome<Reading> {
    let store = Store::open(&settings.store)?;
    let db = peer(&settings.store)?;
    let stop = tokio::sync::watch::channel(false).1;
    let agent = Agent::new(settings, store.clone(), Clock::system(), stop).await?;
    let (begun, before) = (Instant::now(), computed("self")?);
    let turn = tokio::spawn(async move { agent.once().await });
    let mut read = None;
    while !turn.is_finished() {
        let sql = "SELECT count(*) FROM domains WHERE first_scan IS NOT NULL";
        if read.is_none() && db.query_row(sql, [], |row| row.get::<_, i64>(0))? > 0 {
            read = Some((begun.elapsed(), computed("self")? - before));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    turn.await??;
    let all = begun.elapsed();
    let accounts: i64 = db.query_row("SELECT count(*) FROM accounts", [], |row| row.get(0))?;
    let (took, computed) = read.unwrap_or((all, computed("self")? - before));
    Ok(Reading { accounts: accounts.cast_unsigned(), took, computed, all })
}

/// One first reading, in this process; what is printed is read by [`growth`].
async fn first_reading(accounts: usize) -> Outcome {
    let mut lab = Lab::start(&["lab", &accounts.to_string()])?;
    let (settings, _files) = lab.settings(&OBSERVED)?;
    let before = memory("self", "VmRSS")?;
    let Reading { accounts, took, computed, all } = read_once(settings).await?;
    let peak = memory("self", "VmHWM")?;
    println!("{accounts} {} {computed} {} {before} {peak}", took.as_secs_f64(), all.as_secs_f64());
    Ok(())
}

/// First readings of domains of several sizes.
fn growth(sizes: &[usize]) -> Outcome {
    println!(
        "{:>9} {:>9} {:>11} {:>8} {:>9} {:>8} {:>9} {:>8} {:>9}",
        "accounts", "reading", "accounts/s", "ratio", "CPU", "ratio", "peak", "ratio", "all"
    );
    let mut smallest: Option<(f64, f64, f64)> = None;
    for size in sizes {
        let output = Command::new(std::env::current_exe()?).args(["agent", &size.to_string()]).output()?;
        let text = String::from_utf8(output.stdout)?;
        let told: Vec<f64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let [accounts, read, computed, all, _, peak] = told[..] else {
            return Err(format!("{size}: {text}{}", String::from_utf8_lossy(&output.stderr)).into());
        };
        let (each, cpu_each, peak) = (read / accounts, computed / accounts, peak / 1024.0);
        let (first, cpu_first, least) = *smallest.get_or_insert((each, cpu_each, peak));
        println!(
            "{accounts:>9} {read:>7.2} s {:>11.0} {:>8.2} {computed:>7.2} s {:>8.2} {peak:>5.1} MiB {:>8.2} {all:>7.2} s",
            1.0 / each,
            each / first,
            cpu_each / cpu_first,
            peak / least
        );
    }
    println!("ratios are to the first line: of the time and the CPU time for each account, and of the peak of memory");
    Ok(())
}

/// Follows a domain in which much happens that is nobody's business.
async fn idle(accounts: usize) -> Outcome {
    let mut lab = Lab::start(&["lab", &accounts.to_string()])?;
    let (settings, _files) = lab.settings(&OBSERVED)?;
    let (path, store) = (settings.store.clone(), Store::open(&settings.store)?);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let agent = Agent::new(settings, store.clone(), Clock::system(), stopped).await?;
    let running = tokio::spawn(async move { agent.run().await });
    while !store.report().await?.acquainted {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    println!("{accounts} accounts, {POLL}, {TICKS} looks each; per look:");
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

/// The program at rest, on a store that was filled before it was started.
fn restart(accounts: usize, seconds: usize) -> Outcome {
    let mut lab = Lab::start(&["people", &accounts.to_string()])?;
    let (settings, files) = lab.settings(&AS_SHIPPED)?;
    let file = files.path().join("seatsync.toml");
    let program = |word: &str| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_seatsync"));
        program.arg("--config").arg(&file).arg(word).env_clear().stdout(Stdio::null());
        program
    };
    let begun = Instant::now();
    let filled = program("once").stderr(Stdio::null()).status()?;
    if !filled.success() {
        return Err(format!("the store could not be filled: {filled}").into());
    }
    let length = std::fs::metadata(&settings.store)?.len() >> 20;
    println!("{accounts} accounts and users, store {length} MiB, filled in {:.0} s", begun.elapsed().as_secs_f64());
    let (before, begun) = (lab.counters("")?, Instant::now());
    let mut running = program("run").stderr(std::fs::File::create(files.path().join("log"))?).spawn()?;
    let (mut connected, mut looked) = (None, None);
    while looked.is_none() {
        if let Some(ended) = running.try_wait()? {
            return Err(format!("{ended}: {}", std::fs::read_to_string(files.path().join("log"))?).into());
        }
        let now = lab.counters("")?;
        connected = connected.or((now[2] > before[2]).then(|| begun.elapsed()));
        looked = connected.filter(|_| now[7] > before[7]).map(|_| begun.elapsed());
        std::thread::sleep(Duration::from_millis(1));
    }
    let process = running.id().to_string();
    println!("both sides looked at after {:.3} s", looked.unwrap_or_default().as_secs_f64());
    let mut used = computed(&process)?;
    let half = Duration::from_secs(seconds as u64) / 2;
    for when in ["first", "second"] {
        std::thread::sleep(half);
        let now = computed(&process)?;
        let an_hour = (now - used) * 3_600.0 / half.as_secs_f64();
        let [anonymous, peak] =
            [memory(&process, "RssAnon")?, memory(&process, "VmHWM")?].map(|kib| kib as f64 / 1024.0);
        println!(
            "{when} half: {an_hour:.2} s of CPU an hour, anonymous {anonymous:.1} MiB (all together at most {peak:.1} MiB)"
        );
        used = now;
    }
    let after = lab.counters("")?;
    println!("looks at the directory {}, at the tenant {}", after[2] - before[2], after[7] - before[7]);
    running.kill()?;
    running.wait()?;
    Ok(())
}

/// Seconds of CPU that a process has used. The kernel counts hundredths.
fn computed(process: &str) -> Outcome<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok()).ok_or("the kernel does not say");
    Ok((ticks(11)? + ticks(12)?) / 100.0)
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
        let settings = settings(files.path(), &site, &tenant.url(), &tenant.tenant_id().to_string(), &OBSERVED)?;
        let attributes = Question::new(&settings.directories[0]).attributes();
        let Reading { accounts: read, took: reading, .. } = read_once(settings).await?;
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
