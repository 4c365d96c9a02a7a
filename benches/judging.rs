//! How long it takes to judge everyone: `cargo bench --bench judging [-- PERSONS RULES GROUPS]`.
//!
//! Nothing but the decision: everybody known, on one thread, in the time of its CPU. Three passes, as an agent makes them:
//! first contact, the same once more, and after an edit of every rule; then single changes. All of it for a tenth, half and
//! all of the persons, so that what does not grow in proportion is seen. The aim is under 2 s for each pass over 100,000
//! persons with 50 rules and 200 groups, and milliseconds for one change.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use seatsync::decide::{Context, bind, judge};
use seatsync::model::account::Account;
use seatsync::model::filter::Filter;
use seatsync::model::group::{GroupState, ScopeGroup};
use seatsync::model::identity::{Anchor, ObjectGuid, PersonId, PlanId, Sid, SkuId};
use seatsync::model::judgement::{Contact, Judgement};
use seatsync::model::license::{Catalog, ServicePlan, Sku};
use seatsync::model::matches::Matches;
use seatsync::model::person::{KnownAccount, KnownUser, Person};
use seatsync::model::rule::{Adopt, Dn, OnLeave, Plans, Rule, Who};
use seatsync::model::settings::{Existing, LocationSettings, LocationSource};
use seatsync::model::user::{AssignedLicense, LicenseSource, User};
use uuid::Uuid;

const PRODUCTS: usize = 5;
const PLANS: usize = 10;
const DEPARTMENTS: usize = 40;
const OUS: usize = 20;
/// Named groups that each person is in.
const MEMBERSHIPS: usize = 4;
const ROOT: &str = "DC=corp,DC=example,DC=test";

/// What one size came to.
struct Measured {
    persons: usize,
    first: Duration,
    again: Duration,
    edited: Duration,
    change: Duration,
    /// Bytes in use with all persons known, and at most.
    memory: (u64, u64),
    entitlements: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = std::env::args().skip(1).filter_map(|text| text.parse::<usize>().ok());
    let persons = numbers.next().unwrap_or(100_000).max(10);
    let (rules, groups) = (numbers.next().unwrap_or(50).max(1), numbers.next().unwrap_or(200).max(1));
    println!("{rules} rules, {groups} groups, {PRODUCTS} products; CPU time of one thread");
    println!("persons  first judging  the same again  rules edited  one change  memory, peak     licenses wanted");
    let mut all = Vec::new();
    for persons in [persons / 10, persons / 2, persons] {
        let measured = measure(persons, rules, groups)?;
        let megabytes = |bytes: u64| bytes / 1_048_576;
        println!(
            "{:7}  {:11.3} s  {:12.3} s  {:10.3} s  {:7.3} ms  {:4} MB, {:4} MB  {}",
            measured.persons,
            measured.first.as_secs_f64(),
            measured.again.as_secs_f64(),
            measured.edited.as_secs_f64(),
            measured.change.as_secs_f64() * 1_000.0,
            megabytes(measured.memory.0),
            megabytes(measured.memory.1),
            measured.entitlements
        );
        all.push(measured);
    }
    let Some((least, rest)) = all.split_first() else { return Ok(()) };
    for more in rest {
        let ratio = |of: fn(&Measured) -> Duration| of(more).as_secs_f64() / of(least).as_secs_f64();
        println!(
            "{:.0} times the persons: {:.2}, {:.2} and {:.2} times the time of the passes, {:.2} times that of one change",
            more.persons as f64 / least.persons as f64,
            ratio(|measured| measured.first),
            ratio(|measured| measured.again),
            ratio(|measured| measured.edited),
            ratio(|measured| measured.change)
        );
    }
    Ok(())
}

fn measure(count: usize, rules: usize, groups: usize) -> Result<Measured, Box<dyn Error>> {
    let catalog = catalog();
    let groups: Vec<ScopeGroup> = (0..groups).map(group).collect::<Result<_, _>>()?;
    let known: BTreeMap<_, _> = groups.iter().map(|group| (group.clone(), GroupState::Known)).collect();
    let written: Vec<Rule> = (0..rules).map(|n| rule(n, &groups)).collect::<Result<_, _>>()?;
    let edited: Vec<Rule> =
        written.iter().map(|rule| Rule { digest: format!("{} 2", rule.digest).into(), ..rule.clone() }).collect();
    let mut people: Vec<Person> = (0..count).map(|n| person(n, &groups, &catalog)).collect::<Result<_, _>>()?;
    let location = LocationSettings {
        from: vec![LocationSource::Attribute { name: "c".into(), map: BTreeMap::new() }],
        default: None,
        overwrite: false,
        write: true,
    };
    let bases = vec![Dn::parse(ROOT).ok_or("no DN")?];
    let context = |rules, now| Context {
        rules,
        catalog: &catalog,
        location: &location,
        coverage: "coverage",
        bases: &bases,
        protected: &[],
        contact: Contact { started: at(0), completed: at(100) },
        existing: Existing::Leave,
        expecting: None,
        clock_skew: SignedDuration::from_secs(300),
        now,
    };
    let (bound, newer) = (bind(&written, &catalog, &known), bind(&edited, &catalog, &known));
    let first = pass(&mut people, &context(&bound, at(1_000)));
    let memory = (resident("VmRSS:"), resident("VmHWM:"));
    let again = pass(&mut people, &context(&bound, at(2_000)));
    let edited = pass(&mut people, &context(&newer, at(3_000)));
    let change = single(&people, &context(&newer, at(4_000)));
    let entitlements = people.iter().map(|person| person.entitlements.len()).sum();
    Ok(Measured { persons: count, first, again, edited, change, memory, entitlements })
}

/// Judges everyone, in portions as the agent does, and keeps what was decided; what keeping costs is not counted.
fn pass(people: &mut [Person], context: &Context<'_>) -> Duration {
    let mut sum = Duration::ZERO;
    for portion in people.chunks_mut(500) {
        let before = cpu();
        let judgements: Vec<Judgement> = portion.iter().map(|person| judge(person, context)).collect();
        sum += cpu().saturating_sub(before);
        for (person, judgement) in portion.iter_mut().zip(judgements) {
            keep(person, judgement, context.coverage);
        }
    }
    sum
}

/// What it takes to judge one person who moved to another department, in the middle of a hundred.
fn single(people: &[Person], context: &Context<'_>) -> Duration {
    let step = (people.len() / 100).max(1);
    let mut times: Vec<Duration> = people
        .iter()
        .step_by(step)
        .map(|person| {
            let mut person = person.clone();
            let department = format!("department {}", DEPARTMENTS - 1);
            for known in &mut person.accounts {
                known.account.attributes.insert("department".into(), vec![department.clone()]);
            }
            let before = Instant::now();
            black_box(judge(black_box(&person), context));
            before.elapsed()
        })
        .collect();
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn keep(person: &mut Person, judgement: Judgement, coverage: &str) {
    person.revision += 1;
    person.presence = Some(judgement.presence);
    person.coverage = Some(coverage.to_owned());
    person.matches = judgement.matches;
    for change in judgement.changes {
        person.entitlements.insert(change.sku, change.entitlement);
    }
}

/// The time this thread has had a CPU for, where the system tells (proc(5), `schedstat`); else the time that passed.
fn cpu() -> Duration {
    static STARTED: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let spent = told.and_then(|text| text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos));
    spent.unwrap_or_else(|| STARTED.elapsed())
}

/// Bytes, by the name of a line of proc(5)'s `status`; 0 where there is none.
fn resident(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() * 1_024
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_800_000_000 + seconds)
}

fn id(kind: u128, n: usize) -> Uuid {
    Uuid::from_u128((kind << 64) + n as u128)
}

fn catalog() -> Catalog {
    let plan = |product: usize, n: usize| ServicePlan {
        // The first is Intune, the same in two of the products.
        id: PlanId::from(if n == 0 && product < 2 { id(3, 0) } else { id(3, product * PLANS + n + 1) }),
        name: if n == 0 && product < 2 { "INTUNE_A".into() } else { format!("PLAN_{product}_{n}") },
        for_users: n + 1 < PLANS,
        status: "Success".into(),
    };
    Catalog::new((0..PRODUCTS).map(|product| Sku {
        id: SkuId::from(id(2, product)),
        part_number: format!("PRODUCT_{product}"),
        for_users: true,
        status: "Enabled".into(),
        enabled: 1_000_000,
        warning: 0,
        suspended: 0,
        consumed: 0,
        plans: (0..PLANS).map(|n| plan(product, n)).collect(),
    }))
}

/// Every fourth is of the tenant.
fn group(n: usize) -> Result<ScopeGroup, Box<dyn Error>> {
    if n.is_multiple_of(4) {
        return Ok(ScopeGroup::Tenant(id(4, n).into()));
    }
    let dn = Dn::parse(&format!("CN=Group {n},OU=Groups,OU=Unit {},{ROOT}", n % OUS)).ok_or("no DN")?;
    Ok(ScopeGroup::Directory(dn))
}

/// Rules of every shape: those of four groups each, within an OU, without some department.
fn rule(n: usize, groups: &[ScopeGroup]) -> Result<Rule, Box<dyn Error>> {
    let own = (0..4).map(|k| match &groups[(n * 4 + k) % groups.len()] {
        ScopeGroup::Directory(dn) => Who::Group(dn.clone()),
        ScopeGroup::Tenant(id) => Who::EntraGroup(*id),
    });
    let any = Who::Any(own.collect());
    let ou = Who::Ou(Dn::parse(&format!("OU=Unit {},{ROOT}", n % OUS)).ok_or("no DN")?);
    let department = Filter::parse(&format!("(&(department=department {})(!(title=temp*)))", n % DEPARTMENTS))?;
    let who = match n % 3 {
        0 => Who::Any(vec![any, ou]),
        1 => Who::All(vec![any, Who::Not(Box::new(Who::Filter(department)))]),
        _ => Who::Any(vec![Who::Filter(department), Who::All(vec![any, ou])]),
    };
    Ok(Rule {
        id: format!("rule-{n}").into(),
        sku: format!("PRODUCT_{}", n % PRODUCTS),
        plans: Plans::AllBut(vec![format!("PLAN_{}_{}", n % PRODUCTS, 1 + n % 5)]),
        unless_has_plan: None,
        who,
        ready: if n.is_multiple_of(7) { Some(Filter::parse("(employeeID=*)")?) } else { None },
        include_disabled: false,
        delay: Duration::ZERO,
        adopt: Adopt::Leave,
        on_leave: OnLeave::Reclaim { grace: Duration::from_secs(86_400), any_direct: false },
        usage_location: None,
        keep_free: 0,
        priority: i32::try_from(n)?,
        digest: format!("{:064x}", id(5, n).as_u128()).into(),
    })
}

/// One in ten was there before and has a license, one in fifty is disabled.
fn person(n: usize, groups: &[ScopeGroup], catalog: &Catalog) -> Result<Person, Box<dyn Error>> {
    let old = n.is_multiple_of(10);
    let guid: ObjectGuid = id(6, n).to_string().parse()?;
    let (anchor, sid) = (Anchor::from_guid(guid), Sid::from_text(format!("S-1-5-21-1-2-3-{n}")));
    let upn = Some(format!("user{n}@example.test"));
    let attributes = [
        ("c", "SE".to_owned()),
        ("department", format!("department {}", n % DEPARTMENTS)),
        ("title", "engineer".to_owned()),
        ("employeeid", n.to_string()),
    ];
    let account = Account {
        guid,
        dn: format!("CN=User {n},OU=Staff,OU=Unit {},{ROOT}", n % OUS),
        sam: Some(format!("user{n}")),
        upn: upn.clone(),
        display_name: Some(format!("User {n}")),
        sid: Some(sid.clone()),
        anchor: anchor.clone(),
        enabled: !n.is_multiple_of(50),
        expires: None,
        system: None,
        created: Some(at(-100_000)),
        usn_changed: i64::try_from(n)?,
        attributes: attributes.into_iter().map(|(name, value)| (name.to_owned(), vec![value])).collect(),
    };
    let mut user = User {
        upn,
        created: Some(at(if old { -100_000 } else { 500 })),
        synced: Some(true),
        anchor: Some(anchor),
        sid: Some(sid),
        ..User::unread(id(7, n).into())
    };
    if old {
        let (sku, disabled) = (SkuId::from(id(2, n % PRODUCTS)), BTreeSet::new());
        user.plans = catalog.enabled_plans(sku, &disabled);
        user.licenses.push(AssignedLicense { sku, disabled: disabled.clone() });
        user.sources.push(LicenseSource { sku, group: None, disabled, state: "Active".into(), error: None });
    }
    let joined = (0..MEMBERSHIPS).map(|k| groups[(n * 7 + k * 53) % groups.len()].clone());
    Ok(Person {
        id: PersonId(i64::try_from(n)?),
        revision: 1,
        presence: None,
        coverage: None,
        accounts: vec![KnownAccount { account, first_seen: at(20), gone: false, at_first_contact: old }],
        users: vec![KnownUser { user, first_seen: at(if old { 50 } else { 510 }) }],
        groups: joined.collect(),
        memberships: None,
        matches: Matches::default(),
        manual: BTreeMap::new(),
        entitlements: BTreeMap::new(),
    })
}
