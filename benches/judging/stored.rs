//! The same through a store, as an agent does it: who is to be judged is gathered, judged, and what was decided is taken in.

use std::error::Error;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use seatsync::decide::{BoundRule, Context, bind, judge, rule_set};
use seatsync::model::account::AccountPage;
use seatsync::model::judgement::Contact;
use seatsync::model::person::Person;
use seatsync::model::rule::{Dn, Rule};
use seatsync::model::settings::{Existing, LocationSettings};
use seatsync::model::user::{User, UserNews, UserPage};
use seatsync::model::watermark::{Watermark, WatermarkKey};
use seatsync::store::Store;
use uuid::Uuid;

use super::world::{self, ROOT, at};

const COVERAGE: &str = "coverage";
const CONFIG: &str = "config";
const DOMAIN: &str = "corp.example.test";
/// As the agent does.
const JUDGED_AT_ONCE: u32 = 500;
const PAGE: usize = 1_000;
/// Nobody is missing.
const SHRINK: u32 = 20;

struct Bench {
    store: Store,
    location: LocationSettings,
    bases: Vec<Dn>,
}

/// What a pass took: time that passed, and time of CPU of all threads.
type Took = (Duration, Duration);

/// Reads so many persons into a store, and judges them by so many rules, none of which names a group.
pub fn measure(persons: usize, rules: usize) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let files = tempfile::tempdir()?;
        let path = files.path().join("seatsync.db");
        let bench = Bench {
            store: Store::open(&path)?,
            location: world::location(),
            bases: vec![Dn::parse(ROOT).ok_or("no DN")?],
        };
        bench.read(persons).await?;
        let before = std::fs::metadata(&path)?.len();
        let written: Vec<Rule> = (0..rules).map(|n| world::rule(n, &[])).collect::<Result<_, _>>()?;
        let edited = world::edited(&written);
        let first = bench.pass(&written, 1_000).await?;
        let grown = std::fs::metadata(&path)?.len().saturating_sub(before);
        let edited = (bench.pass(&edited, 2_000).await?, edited);
        let change = bench.change(&edited.1, persons).await?;
        let seconds = |(passed, cpu): Took| format!("{:.1} s, {:.1} s of CPU", passed.as_secs_f64(), cpu.as_secs_f64());
        println!("{persons} persons, {rules} rules, through a store of {} MB", (before + grown) / 1_048_576);
        println!("  first judging   {}, {} bytes for each person", seconds(first), grown / persons as u64);
        println!("  rules edited    {}", seconds(edited.0));
        println!("  one change      {:.2} ms of CPU", change.as_secs_f64() * 1_000.0);
        Ok(())
    })
}

impl Bench {
    async fn read(&self, count: usize) -> Result<(), Box<dyn Error>> {
        let (store, domain, catalog) = (&self.store, Uuid::from_u128(0xd0), world::catalog());
        store.bind_tenant(Uuid::from_u128(1).into()).await?;
        store.bind_domain(domain, DOMAIN, &[DOMAIN.to_owned()], at(0)).await?;
        store.begin_contact(at(0)).await?;
        let key = WatermarkKey {
            domain,
            ntds: "CN=NTDS Settings,CN=DC1".into(),
            invocation: Uuid::from_u128(0x1d),
            coverage: COVERAGE.into(),
        };
        let (scan, listing) = (store.begin_scan(&key, true).await?, store.begin_listing("link").await?);
        for begin in (0..count).step_by(PAGE) {
            let people = (begin..count.min(begin + PAGE)).map(|n| world::person(n, &[], &catalog));
            let people: Vec<Person> = people.collect::<Result<_, _>>()?;
            let accounts =
                people.iter().flat_map(|person| &person.accounts).map(|known| known.account.clone()).collect();
            let page = AccountPage { accounts, ..AccountPage::default() };
            store.absorb_accounts(domain, page, Some(scan), at(50)).await?;
            let users = people.iter().flat_map(|person| &person.users).map(|known| news(&known.user)).collect();
            let page = UserPage { news: users, quarantined: Vec::new() };
            store.absorb_users(page, Some(listing), at(50), at(50)).await?;
        }
        let usn = i64::try_from(count)?;
        store.finish_scan(Watermark { key, usn, behind: usn, canary: None }, scan, SHRINK, at(60)).await?;
        store.finish_listing(SHRINK, at(60)).await?;
        store.put_catalog(catalog, at(60)).await?;
        Ok(())
    }

    async fn pass(&self, rules: &[Rule], now: i64) -> Result<Took, Box<dyn Error>> {
        let (began, before) = (Instant::now(), cpu());
        let bound = bind(rules, &world::catalog(), &self.store.group_states().await?);
        self.store.begin_pass(&format!("{bound:?}"), CONFIG, at(now)).await?;
        self.judge(&bound, now).await?;
        self.store.end_pass().await?;
        Ok((began.elapsed(), cpu().saturating_sub(before)))
    }

    async fn judge(&self, bound: &[BoundRule], now: i64) -> Result<(), Box<dyn Error>> {
        let catalog = world::catalog();
        let context = Context {
            rules: bound,
            rule_set: rule_set(bound),
            catalog: &catalog,
            location: &self.location,
            coverage: COVERAGE,
            bases: &self.bases,
            protected: &[],
            contact: Contact { started: at(0), completed: at(100) },
            existing: Existing::Leave,
            expecting: None,
            clock_skew: SignedDuration::from_secs(300),
            now: at(now),
        };
        loop {
            let people = self.store.to_judge(JUDGED_AT_ONCE, at(now)).await?;
            if people.is_empty() {
                return Ok(());
            }
            let judgements = people.iter().map(|person| judge(person, &context)).collect();
            self.store.record(judgements, COVERAGE, CONFIG, at(now)).await?;
        }
    }

    /// The CPU time of one news and its judgement, of a hundred persons one after the other who change their department.
    async fn change(&self, rules: &[Rule], count: usize) -> Result<Duration, Box<dyn Error>> {
        let catalog = world::catalog();
        let bound = bind(rules, &catalog, &self.store.group_states().await?);
        let changes = 100.min(count);
        let before = cpu();
        for change in 0..changes {
            let person = world::person(change * (count / changes), &[], &catalog)?;
            let mut account = person.accounts[0].account.clone();
            account.attributes.insert("department".into(), vec!["department 39".into()]);
            account.usn_changed = i64::try_from(count + change + 1)?;
            let page = AccountPage { accounts: vec![account], ..AccountPage::default() };
            self.store.absorb_accounts(Uuid::from_u128(0xd0), page, None, at(3_000)).await?;
            self.judge(&bound, 3_001).await?;
        }
        Ok(cpu().saturating_sub(before) / u32::try_from(changes)?)
    }
}

/// What a listing says of a user.
fn news(user: &User) -> UserNews {
    UserNews {
        id: user.id,
        removed: None,
        upn: Some(user.upn.clone()),
        display_name: Some(user.display_name.clone()),
        enabled: Some(user.enabled),
        guest: Some(user.guest),
        created: Some(user.created),
        synced: Some(user.synced),
        anchor: Some(user.anchor.clone()),
        sid: Some(user.sid.clone()),
        usage_location: Some(user.usage_location),
        licenses: Some(user.licenses.clone()),
        sources: Some(user.sources.clone()),
        plans: Some(user.plans.clone()),
    }
}

/// The time that all threads of this process have had a CPU for (getrusage(2)'s, as proc(5) shows it), where the system tells;
/// else none.
fn cpu() -> Duration {
    let told = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // A hundredth of a second is a tick of the kernel's to whoever asks it so.
    let after_name = told.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
