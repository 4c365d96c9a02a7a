//! How long it takes to judge everyone: `cargo bench --bench judging [-- [stored] PERSONS RULES GROUPS]`.
//!
//! Nothing but the decision: everybody known, on one thread, in the time of its CPU. Three passes, as an agent makes them:
//! first contact, the same once more, and after an edit of every rule; then single changes. All of it for a tenth, half and
//! all of the persons, so that what does not grow in proportion is seen. The aim is under 2 s for each pass over 100,000
//! persons with 50 rules and 200 groups, and milliseconds for one change.
//!
//! `stored`: through a store, with gathering people and taking decisions in, by rules that name no groups.

mod stored;
mod world;

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use seatsync::decide::{Context, bind, judge, rule_set};
use seatsync::model::group::{GroupState, ScopeGroup};
use seatsync::model::judgement::{Contact, Judgement};
use seatsync::model::person::Person;
use seatsync::model::rule::{Dn, Rule};
use seatsync::model::settings::Existing;
use world::{DEPARTMENTS, PRODUCTS, ROOT, at, catalog, group, location, person, rule};

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
    if std::env::args().any(|word| word == "stored") {
        return stored::measure(persons, rules);
    }
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
    let edited = world::edited(&written);
    let mut people: Vec<Person> = (0..count).map(|n| person(n, &groups, &catalog)).collect::<Result<_, _>>()?;
    let location = location();
    let bases = vec![Dn::parse(ROOT).ok_or("no DN")?];
    let context = |rules, now| Context {
        rules,
        rule_set: rule_set(rules),
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
