//! Thousands of stories of a domain and of whoever follows it, each drawn from a seed, against a simple model of what is true:
//! nobody is lost, nobody departs wrongly, and in the end the store says what the controllers say.
//!
//! A seed that fails is printed with what is left of its story after all that can be left out was left out, and with all the
//! agent did. `SEATSYNC_SEED=n cargo test --test suite model::stories` runs that one; `SEATSYNC_SEEDS=n` so many.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use seatsync::store::Store;

use self::agent::Agent;
use self::domain::Domain;
use self::story::{Deed, Story};
use self::truth::{Truth, When};

mod agent;
mod domain;
mod sockets;
mod story;
mod terms;
mod truth;

const SEEDS: u64 = 500;
const THREADS: usize = 2;

/// Where stores lie whose writes need not last: in memory where there is such a place.
fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a directory")
}

/// A store that serves one story after another: to open it takes as long as to play one.
struct Stage {
    store: Store,
    db: rusqlite::Connection,
    _files: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let files = scratch();
        let path = files.path().join("seatsync.db");
        let store = Store::open(&path).expect("a store");
        Self { store, db: truth::peer(&path), _files: files }
    }

    /// Empties the store, but for the audit, which nobody reads here.
    fn clear(&self) {
        let tables = [
            "hints",
            "watermarks",
            "quarantine",
            "accounts",
            "people",
            "containers",
            "container_moves",
            "group_edges",
            "group_nodes",
            "domains",
        ];
        let sql: String = tables.iter().map(|table| format!("DELETE FROM {table};")).collect();
        self.db.execute_batch(&format!("BEGIN IMMEDIATE; {sql} COMMIT;")).expect("an empty store");
    }

    /// Plays a story to its end. What went wrong, and, where wanted, all the agent did.
    fn play(&self, story: &Story, log: bool) -> Result<(), (String, Vec<String>)> {
        self.clear();
        let mut scene = Scene::new(story, self.store.clone(), &self.db, log);
        let played = catch_unwind(AssertUnwindSafe(|| scene.play(story)));
        let played = played.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            Err(text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default())
        });
        played.map_err(|why| (why, scene.agent.log.take().unwrap_or_default()))
    }

    /// What is left of a story that fails when all is left out without which it still fails.
    fn shrink(&self, story: &Story) -> Story {
        let mut story = story.clone();
        let mut width = story.deeds.len() / 2;
        while width > 0 {
            let mut at = 0;
            while at < story.deeds.len() {
                let shorter = story.without(at, (at + width).min(story.deeds.len()));
                match self.play(&shorter, false) {
                    Err(_) => story = shorter,
                    Ok(()) => at += width,
                }
            }
            width /= 2;
        }
        story
    }
}

/// A domain, an agent that follows it, and the truth.
struct Scene<'a> {
    domain: Domain,
    agent: Agent,
    truth: Truth,
    db: &'a rusqlite::Connection,
    broken: Result<(), String>,
}

impl<'a> Scene<'a> {
    fn new(story: &Story, store: Store, db: &'a rusqlite::Connection, log: bool) -> Self {
        let domain = Domain::new(story);
        let truth = Truth::new(&domain);
        let agent = Agent::new(store, story.controllers, story.seed, log);
        Self { domain, agent, truth, db, broken: Ok(()) }
    }

    fn play(&mut self, story: &Story) -> Result<(), String> {
        self.truth.watch(&self.domain, &self.agent.bases());
        let mut rng = fastrand::Rng::with_seed(story.seed);
        for (number, deed) in story.deeds.iter().enumerate() {
            if let Some(log) = &mut self.agent.log {
                log.push(format!("{:4} {deed}", number + 1));
            }
            match *deed {
                Deed::Restart => self.agent.restart(),
                Deed::Edit(number) => self.agent.edit(number),
                Deed::Work(steps) => self.work(steps, &mut rng),
                Deed::Pass(seconds) => self.pass(seconds),
                // What makes no sense by now is passed over.
                deed => drop(self.domain.act(deed, number)),
            }
            self.truth.watch(&self.domain, &self.agent.bases());
            std::mem::replace(&mut self.broken, Ok(()))?;
        }
        self.settle()
    }

    fn work(&mut self, steps: usize, rng: &mut fastrand::Rng) {
        for _ in 0..steps {
            self.agent.step(rng.usize(..2), &mut self.domain);
            self.look();
        }
    }

    fn look(&mut self) {
        if self.broken.is_ok() {
            self.broken = self.truth.check_now(self.db);
        }
    }

    /// Lets time pass. Of a long time the middle is slept through, as by a machine that is suspended.
    fn pass(&mut self, seconds: i64) {
        const AWAKE: i64 = 45;
        if seconds > 2 * AWAKE {
            self.pass(AWAKE);
            self.agent.now += jiff::SignedDuration::from_secs(seconds - 2 * AWAKE);
            return self.pass(AWAKE);
        }
        let Self { domain, agent, truth, db, broken } = self;
        agent.pass(seconds, domain, || {
            if broken.is_ok() {
                *broken = truth.check_now(db);
            }
        });
    }

    /// All is repaired and replicated; then the store is right soon, and in the end.
    fn settle(&mut self) -> Result<(), String> {
        self.domain.heal();
        // A base that has another name is put right by whoever wrote the configuration.
        let bases = self.agent.bases();
        let is_there = |base: &String| (0..self.domain.machines.len()).all(|dc| self.domain.has(dc, base));
        if !self.agent.settings.bases.iter().all(is_there) {
            self.agent.edit(0);
        }
        self.truth.watch(&self.domain, &bases);
        for _ in 0..4 {
            self.pass(7 * 60);
        }
        std::mem::replace(&mut self.broken, Ok(()))?;
        let bases = self.agent.bases();
        let soon =
            self.truth.check(self.db, &self.domain, &bases, When::Soon { changed_over: self.agent.changed_over });
        soon.map_err(|why| format!("after repair: {why}"))?;
        for _ in 0..3 {
            // As after a night without power: what was due meanwhile is done at once.
            self.pass(27 * 3_600);
        }
        std::mem::replace(&mut self.broken, Ok(()))?;
        if !self.agent.watch.is_settled(self.agent.now) {
            return Err("in the end it is not settled".into());
        }
        let hints = self.truth.check_hints(self.db, &self.domain, &self.agent.connected());
        let end = hints.and_then(|()| self.truth.check(self.db, &self.domain, &bases, When::InTheEnd));
        end.map_err(|why| format!("in the end: {why}"))
    }
}

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn stories_end_as_the_model_says() {
    let only = number("SEATSYNC_SEED");
    let seeds = only.map_or(0..number("SEATSYNC_SEEDS").unwrap_or(SEEDS), |seed| seed..seed + 1);
    let next = AtomicU64::new(seeds.start);
    let failed = std::sync::Mutex::new(Vec::new());
    let run = || {
        let stage = Stage::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || failed.lock().is_ok_and(|failed| !failed.is_empty()) {
                return;
            }
            if stage.play(&Story::of(seed), false).is_err() {
                failed.lock().expect("nobody panics").push(seed);
            }
        }
    };
    std::thread::scope(|scope| {
        (0..THREADS).for_each(|_| drop(scope.spawn(run)));
    });
    let failed = failed.into_inner().expect("nobody panics");
    let Some(seed) = failed.first() else { return };
    let stage = Stage::new();
    let story = stage.shrink(&Story::of(*seed));
    let Err((why, log)) = stage.play(&story, true) else { panic!("seed {seed} failed, and does not any more") };
    let again = format!("SEATSYNC_SEED={seed} cargo test --test suite model::stories");
    panic!("{story}\n{}\n{why}\n\nseeds {failed:?} failed; again: {again}", log.join("\n"));
}
