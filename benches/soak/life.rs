//! Weeks in a company, drawn from a seed: people join and leave every hour, others change, and each day something is down for a
//! while. Used by the benchmark `soak` and by the suite's short version of it.

use std::collections::VecDeque;
use std::time::Duration;

use seatsync::clock::Clock;
use seatsync_lab::directory::{Change, Directory, Guid, NewAccount};
use seatsync_lab::tenant::{Fault, Match, NewUser, Tenant};

/// Somebody joins, and somebody leaves, this often.
const JOINS: Duration = Duration::from_secs(1_800);

/// Whoever joined stays so long.
const STAYS: Duration = Duration::from_secs(86_400);

/// Entra's own synchronization takes so long.
const SYNC: Duration = Duration::from_secs(300);

/// Something is down this often, for an hour's sixth.
const DOWN: Duration = Duration::from_secs(12 * 3_600);
const DOWN_FOR: Duration = Duration::from_secs(600);

/// Foreign changes at each tick.
const NOISE: usize = 3;

struct Member {
    guid: Guid,
    upn: String,
    sid: String,
    since: Duration,
    there: bool,
    left: Option<Duration>,
}

/// The company.
pub struct Life {
    passed: Duration,
    staff: VecDeque<Member>,
    hired: u32,
    down: Option<(u64, Duration)>,
    outages: u64,
    rng: fastrand::Rng,
}

impl Life {
    pub fn new(seed: u64) -> Self {
        let rng = fastrand::Rng::with_seed(seed);
        Self { passed: Duration::ZERO, staff: VecDeque::new(), hired: 0, down: None, outages: 0, rng }
    }

    /// Lets time pass, and what it brings happen. A calm one brings nobody new and ends what is down.
    pub fn tick(&mut self, by: Duration, calm: bool, directory: &Directory, tenant: &Tenant) {
        let turns = |passed: Duration, every: Duration| (passed.as_secs() / every.as_secs()) as u32;
        let before = self.passed;
        self.passed += by;
        tenant.advance(by);
        directory.noise(NOISE);
        self.mend(calm, directory, tenant);
        if !calm {
            for _ in turns(before, JOINS)..turns(self.passed, JOINS) {
                self.hire(directory);
            }
            if turns(before, DOWN) < turns(self.passed, DOWN) {
                self.break_something(directory, tenant);
            }
        }
        self.synchronize(directory, tenant);
    }

    /// Who is there on both sides, by name.
    pub fn staff(&self) -> impl Iterator<Item = &str> {
        self.staff.iter().filter(|member| member.there && member.left.is_none()).map(|member| member.upn.as_str())
    }

    /// How many were hired.
    pub fn hired(&self) -> u32 {
        self.hired
    }

    fn hire(&mut self, directory: &Directory) {
        self.hired += 1;
        let (number, sam) = (self.hired, format!("soak{}", self.hired));
        let upn = format!("{sam}@corp.example.test");
        let mut sid = vec![1, 5, 0, 0, 0, 0, 0, 5];
        for part in [21, 1, 2, 3, 100_000 + number] {
            sid.extend_from_slice(&u32::to_le_bytes(part));
        }
        let account = NewAccount::named(&sam).sam(&sam).in_ou("Staff").country("DE");
        let account = account.with("userPrincipalName", upn.as_str()).with("objectSid", sid);
        let guid = directory.create_account(account);
        let sid = format!("S-1-5-21-1-2-3-{}", 100_000 + number);
        self.staff.push_back(Member { guid, upn, sid, since: self.passed, there: false, left: None });
    }

    fn synchronize(&mut self, directory: &Directory, tenant: &Tenant) {
        for member in &mut self.staff {
            let long = |since: Duration, span: Duration| self.passed >= since + span;
            if !member.there && member.left.is_none() && long(member.since, SYNC) {
                let guid = uuid::Uuid::parse_str(&member.guid.to_string()).expect("a GUID");
                let user = NewUser::synced(&member.upn, guid).with("onPremisesSecurityIdentifier", member.sid.as_str());
                tenant.add_user(user).expect("a user is added");
                member.there = true;
            }
            if member.left.is_none() && long(member.since, STAYS) {
                directory.delete(member.guid);
                member.left = Some(self.passed);
            }
            if member.left.is_some_and(|left| long(left, SYNC)) && member.there {
                tenant.delete_user(&member.upn).expect("a user is deleted");
                member.there = false;
            }
        }
        self.staff.retain(|member| member.left.is_none() || member.there);
        if !self.staff.is_empty() {
            let changed = &self.staff[self.rng.usize(..self.staff.len())];
            if changed.left.is_none() {
                directory.modify(changed.guid, &[Change::set("title", self.rng.u32(..).to_string())]);
            }
        }
    }

    fn break_something(&mut self, directory: &Directory, tenant: &Tenant) {
        self.outages += 1;
        self.down = Some((self.outages % 4, self.passed));
        match self.outages % 4 {
            0 => directory.set_down(true),
            1 => drop(tenant.fault(Fault::answer(Match::path("/v1.0"), 503, "ServiceUnavailable", "down"))),
            2 => tenant.expire_tokens(),
            _ => tenant.expire_delta(),
        }
    }

    fn mend(&mut self, calm: bool, directory: &Directory, tenant: &Tenant) {
        if self.down.is_some_and(|(_, since)| calm || self.passed >= since + DOWN_FOR) {
            directory.set_down(false);
            tenant.clear_faults();
            self.down = None;
        }
    }
}

/// How much there is of what must not grow: rows, pages in use, bytes of the -wal file, descriptors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    pub rows: u64,
    pub pages: u64,
    pub wal: u64,
    pub descriptors: u64,
}

impl Extent {
    /// Of a store and of this process.
    pub fn of(store: &std::path::Path) -> Self {
        let db = rusqlite::Connection::open(store).expect("the store opens");
        let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number").cast_unsigned();
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'";
        let tables: Vec<String> =
            db.prepare(sql).and_then(|mut sql| sql.query_map([], |row| row.get(0))?.collect()).expect("tables");
        let rows = tables.iter().map(|table| number(&format!("SELECT count(*) FROM {table}"))).sum();
        let wal = std::fs::metadata(store.with_extension("db-wal")).map_or(0, |wal| wal.len());
        let pages = number("PRAGMA page_count");
        drop(db);
        let descriptors = std::fs::read_dir("/proc/self/fd").map_or(0, |files| files.count() as u64);
        Self { rows, pages, wal, descriptors }
    }

    /// The larger of each.
    pub fn most(self, other: Self) -> Self {
        Self {
            rows: self.rows.max(other.rows),
            pages: self.pages.max(other.pages),
            wal: self.wal.max(other.wal),
            descriptors: self.descriptors.max(other.descriptors),
        }
    }
}

/// Sets the clock ahead, and waits until the agent has looked at the directory since; not for long, since it may be down, or still be
/// busy with what it saw before, and then looks after the next step.
pub async fn pass(clock: &Clock, by: Duration, looks: impl Fn() -> u64) {
    let before = looks();
    clock.advance(by);
    for _ in 0..10 {
        if looks() > before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
