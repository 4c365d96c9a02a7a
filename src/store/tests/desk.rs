//! A store on a file of its own, with what the agent does to it between the feeds and the writes.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

use crate::decide::{Context, Expecting, Limit, Limits, allot, bind, heed_stops, judge, rule_set};
use crate::model::account::{Account, AccountPage};
use crate::model::identity::{ClientRequestId, PersonId, SkuId};
use crate::model::license::Catalog;
use crate::model::person::{Entitlement, Person};
use crate::model::plan::{Plan, Write};
use crate::model::request::Request;
use crate::model::rule::Rule;
use crate::model::sample;
use crate::model::settings::{Existing, LocationSettings};
use crate::model::standing::Standing;
use crate::model::user::{User, UserPage};
use crate::model::verdict::{Answer, Verdict};
use crate::model::watermark::{Watermark, WatermarkKey};
use crate::store::{Absorbed, Concluded, IntentOrder, ListingEnd, Moved, OpenIntent, Outcome, ScanEnd, Step, Store};

pub(super) const COVERAGE: &str = "coverage 1";
pub(super) const CONFIG: &str = "config 1";
pub(super) const DOMAIN: &str = "corp.example.test";
const SHRINK: u32 = 20;

pub(super) struct Desk {
    pub store: Store,
    pub rules: Vec<Rule>,
    pub catalog: Catalog,
    pub location: LocationSettings,
    pub existing: Existing,
    pub per_day: u32,
    pub grace: Option<SignedDuration>,
    directory: TempDir,
}

pub(super) fn domain() -> Uuid {
    Uuid::from_u128(0xd0)
}

pub(super) fn mark(usn: i64) -> Watermark {
    let key = WatermarkKey {
        domain: domain(),
        ntds: "CN=NTDS Settings,CN=DC1".into(),
        invocation: Uuid::from_u128(0x1d),
        coverage: COVERAGE.into(),
    };
    Watermark { key, usn, behind: usn, canary: None }
}

pub(super) fn page(accounts: Vec<Account>) -> AccountPage {
    AccountPage { accounts, ..AccountPage::default() }
}

pub(super) fn users(users: &[User]) -> UserPage {
    UserPage { news: users.iter().map(sample::news).collect(), quarantined: Vec::new() }
}

pub(super) fn answer(call: ClientRequestId, verdict: Verdict) -> Answer {
    let request_id = Some("graph-request".into());
    Answer { verdict, status: Some(200), code: None, message: None, request_id, client_request_id: call }
}

impl Desk {
    /// Bound to a tenant and a domain; nothing is read. One rule gives everyone EMS.
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("seatsync.db")).unwrap();
        store.bind_tenant(Uuid::from_u128(1).into()).await.unwrap();
        store.bind_domain(domain(), DOMAIN, &[DOMAIN.to_owned()], sample::at(0)).await.unwrap();
        Self {
            store,
            rules: vec![sample::rule("ems", "EMS")],
            catalog: sample::catalog(),
            location: sample::location(),
            existing: Existing::Leave,
            per_day: 500,
            grace: None,
            directory,
        }
    }

    /// First contact is over: these accounts and users were there, and everyone is judged. It is ten seconds later.
    pub async fn acquainted(accounts: Vec<Account>, there: &[User]) -> Self {
        let desk = Self::new().await;
        desk.first_reads(accounts, there).await;
        desk.judge(sample::at(10)).await;
        desk
    }

    pub async fn first_reads(&self, accounts: Vec<Account>, there: &[User]) {
        self.scan(accounts, sample::at(1)).await;
        self.list(there, sample::at(1)).await;
        self.store.put_catalog(self.catalog.clone(), sample::at(1)).await.unwrap();
    }

    /// One complete scan of the directory.
    pub async fn scan(&self, accounts: Vec<Account>, now: Timestamp) -> ScanEnd {
        let generation = self.store.begin_scan(&mark(0).key, true).await.unwrap();
        self.store.absorb_accounts(domain(), page(accounts), Some(generation), now).await.unwrap();
        self.store.finish_scan(mark(100), generation, SHRINK, now).await.unwrap().0
    }

    /// One complete listing of the tenant.
    pub async fn list(&self, there: &[User], now: Timestamp) -> ListingEnd {
        self.store.begin_contact(sample::at(0)).await.unwrap();
        let generation = self.store.begin_listing("link").await.unwrap();
        self.store.absorb_users(users(there), Some(generation), now, now).await.unwrap();
        self.store.finish_listing(SHRINK, now).await.unwrap()
    }

    pub async fn accounts(&self, accounts: Vec<Account>, now: Timestamp) -> Absorbed {
        self.store.absorb_accounts(domain(), page(accounts), None, now).await.unwrap()
    }

    pub async fn users(&self, there: &[User], now: Timestamp) -> Absorbed {
        self.store.absorb_users(users(there), None, now, now).await.unwrap()
    }

    /// Somebody new on both sides.
    pub async fn joins(&self, n: u32, now: Timestamp) {
        self.accounts(vec![sample::account(n)], now).await;
        self.users(&[User { created: Some(now), ..sample::user(n) }], now).await;
    }

    /// Judges everyone about whom there is news, as the agent does.
    pub async fn judge(&self, now: Timestamp) -> Vec<Moved> {
        assert!(self.store.is_acquainted(&[DOMAIN.to_owned()]).await.unwrap());
        let contact = self.store.contact().await.unwrap().unwrap();
        let catalog = self.store.catalog().await.unwrap();
        let rules = bind(&self.rules, &catalog, &self.store.group_states().await.unwrap());
        self.store.begin_pass(&format!("{rules:?} {:?}", self.location), CONFIG, now).await.unwrap();
        let licensing = self.store.licensing_groups().await.unwrap();
        let context = Context {
            rules: &rules,
            rule_set: rule_set(&rules),
            catalog: &catalog,
            location: &self.location,
            coverage: COVERAGE,
            bases: &[crate::model::rule::Dn::parse("DC=corp,DC=example,DC=test").unwrap()],
            contact,
            protected: &[],
            existing: self.existing,
            expecting: self.grace.map(|grace| Expecting { grace, groups: licensing.as_ref() }),
            clock_skew: SignedDuration::from_mins(5),
            now,
        };
        let mut moved = Vec::new();
        loop {
            let people = self.store.to_judge(100, now).await.unwrap();
            if people.is_empty() {
                break;
            }
            let judgements = people.iter().map(|person| judge(person, &context)).collect();
            moved.extend(self.store.record(judgements, COVERAGE, CONFIG, now).await.unwrap());
        }
        assert!(self.store.end_pass().await.unwrap());
        moved
    }

    /// Makes the plan and records it.
    pub async fn plan(&self, now: Timestamp) -> Plan {
        let mut candidates = self.store.candidates(now).await.unwrap();
        heed_stops(&mut candidates, &self.store.stops().await.unwrap(), now);
        let seats = self.store.free_seats().await.unwrap();
        let used = self.store.admitted_in_a_day(now).await.unwrap();
        let wide = |used| Limit { per_day: 1_000, used };
        let given = Limit { per_day: self.per_day, used: used.given };
        let limits = Limits { given, changed: wide(used.changed), taken: wide(used.taken) };
        let plan = allot(candidates, &seats, limits);
        self.store.record_plan(&plan, CONFIG, now).await.unwrap();
        plan
    }

    pub async fn commit(&self, write: &Write, step: Step, now: Timestamp) -> Option<OpenIntent> {
        let (name, call) = (write.name.clone(), Uuid::new_v4().into());
        let order = IntentOrder { person: write.person, user: write.user, name, step, call };
        self.store.exchange(Vec::new(), [order].into(), 1, CONFIG, now).await.unwrap().opened.pop()
    }

    /// Judges, plans and commits the license of the only person who is to be written for.
    pub async fn license(&self, now: Timestamp) -> OpenIntent {
        self.judge(now).await;
        let plan = self.plan(now).await;
        let [write] = plan.writes.as_slice() else { panic!("{plan:?}") };
        self.commit(write, Step::License { add: write.licenses.clone(), remove: write.removals.clone() }, now)
            .await
            .unwrap()
    }

    pub async fn conclude(&self, intent: OpenIntent, outcome: Outcome, now: Timestamp) {
        let answer = answer(intent.call, Verdict::Accepted);
        let answers = vec![Concluded { intent, answer, outcome }];
        self.store.exchange(answers, VecDeque::new(), 0, CONFIG, now).await.unwrap();
    }

    pub async fn ask(&self, request: Request, now: Timestamp) -> Result<String, String> {
        let id = self.store.ask(request, "operator", now).await.unwrap();
        let pending = self.store.pending_requests().await.unwrap().pop().unwrap();
        assert_eq!(pending.id, id);
        self.store.carry_out(pending, CONFIG, now).await.unwrap()
    }

    /// The only person of that name.
    pub async fn id(&self, n: u32) -> PersonId {
        let found = self.store.find_people(&format!("u{n}@example.test")).await.unwrap();
        let [id] = found.as_slice() else { panic!("u{n} is {found:?}") };
        *id
    }

    pub async fn person(&self, n: u32) -> Person {
        self.store.person(self.id(n).await).await.unwrap().unwrap()
    }

    pub async fn entitlement(&self, n: u32, sku: SkuId) -> Option<Entitlement> {
        self.person(n).await.entitlements.remove(&sku)
    }

    /// How EMS stands for somebody.
    pub async fn standing(&self, n: u32) -> Option<Standing> {
        self.entitlement(n, sample::ems()).await.map(|entitlement| entitlement.standing)
    }

    pub async fn word(&self, n: u32) -> &'static str {
        self.standing(n).await.map_or("none", |standing| standing.word())
    }

    /// A look past the store's methods.
    pub fn raw(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    pub fn count(&self, sql: &str) -> i64 {
        self.raw().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    pub fn path(&self) -> PathBuf {
        self.store.path().to_owned()
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}
