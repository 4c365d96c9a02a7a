//! The same stories over real sockets, with the real agent: fewer and shorter, for here time passes.

use std::time::Duration;

use seatsync::model::rule::Dn;
use seatsync_lab::directory::{Condition, DirectoryOptions};

use super::domain::Domain;
use super::number;
use super::story::{Deed, Story};
use super::truth::{self, Truth, When};
use crate::bench::{Bench, PATIENCE, Running};
use crate::controllers::found_in_dns;

const SEEDS: u64 = 20;
/// Deeds of a story at most.
const LENGTH: usize = 14;
/// Bases by the number of the configuration.
const BASES: [&[&str]; 3] = [&["OU=Staff"], &["OU=Staff", "OU=Contractors"], &["OU=Contractors"]];

struct Scene {
    bench: Bench,
    domain: Domain,
    truth: Truth,
    agent: Option<Running>,
    bases: Vec<Dn>,
    configuration: usize,
    edits: usize,
    /// Boots and epochs of cookies that the lab's machines have been through.
    done: Vec<(u32, u32)>,
}

impl Scene {
    async fn new(story: &Story) -> Self {
        let options = DirectoryOptions::with_accounts(0).dcs(story.controllers).dns();
        let mut bench = Bench::with(options, seatsync_lab::tenant::World::empty_contoso()).await;
        found_in_dns(&mut bench);
        bench.edit("[guard]", "[guard]\nshrink_percent = 100");
        let mut domain = Domain::new(story);
        let truth = Truth::new(&domain);
        bench.directory.with_world(|world| std::mem::swap(world, &mut domain.world));
        let (edits, done) = (bench.edits.len(), vec![(0, 0); story.controllers]);
        let mut scene = Self { bench, domain, truth, agent: None, bases: Vec::new(), configuration: 0, edits, done };
        scene.start(0).await;
        scene
    }

    /// Looks at the world, which is in the lab, through the domain.
    fn within<T>(&mut self, act: impl FnOnce(&mut Domain, &mut Truth, &[Dn]) -> T) -> T {
        let Self { bench, domain, truth, bases, .. } = self;
        bench.directory.with_world(|world| {
            std::mem::swap(world, &mut domain.world);
            let done = act(domain, truth, bases);
            std::mem::swap(world, &mut domain.world);
            done
        })
    }

    /// Starts the agent with a configuration, and stops the one that ran.
    async fn start(&mut self, number: usize) {
        if let Some(agent) = self.agent.take() {
            agent.stop().await;
        }
        self.configuration = number;
        let bases = BASES[number % BASES.len()].iter().map(|unit| format!("{unit},DC=corp,DC=example,DC=test"));
        let bases: Vec<String> = bases.collect();
        self.bases = bases.iter().filter_map(|base| Dn::parse(base)).collect();
        self.bench.edits.truncate(self.edits);
        self.bench.edit("poll = \"100ms\"", &format!("bases = {bases:?}\npoll = \"100ms\""));
        self.agent = Some(self.bench.agent().await.run());
    }

    async fn act(&mut self, deed: Deed, number: usize) {
        match deed {
            Deed::Restart => self.start(self.configuration).await,
            Deed::Edit(number) => self.start(number).await,
            Deed::Work(steps) => tokio::time::sleep(Duration::from_millis(10 * steps as u64)).await,
            Deed::Pass(seconds) => self.pass(seconds).await,
            // What makes no sense by now is passed over.
            deed => drop(self.within(|domain, _, _| domain.act(deed, number))),
        }
        self.machines().await;
        self.within(|domain, truth, bases| truth.watch(domain, bases));
    }

    async fn pass(&self, seconds: i64) {
        if let Some(agent) = &self.agent {
            agent.clock.advance(Duration::from_secs(seconds.unsigned_abs()));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    /// Does to the lab's machines what was done to those of the domain.
    async fn machines(&mut self) {
        for (dc, done) in self.done.iter_mut().enumerate() {
            let (machine, controller) = (&mut self.domain.machines[dc], self.bench.directory.dc(dc));
            machine.boot += u32::from(std::mem::take(&mut machine.cuts));
            let now = (machine.boot, machine.cookies);
            if now.0 != done.0 || machine.down {
                controller.set_condition(Condition::Killed).await;
            }
            if now.1 != done.1 {
                controller.evict_cookies();
            }
            if !machine.down {
                controller.set_condition(Condition::Up).await;
            }
            *done = now;
        }
    }

    async fn play(mut self, story: &Story) -> Result<(), String> {
        self.within(|domain, truth, bases| truth.watch(domain, bases));
        let db = truth::peer(&self.bench.path("seatsync.db"));
        for (number, deed) in story.deeds.iter().take(LENGTH).enumerate() {
            self.act(*deed, number).await;
            self.truth.check_now(&db)?;
        }
        self.within(|domain, _, _| domain.heal());
        self.machines().await;
        self.within(|domain, truth, bases| truth.watch(domain, bases));
        let settled = async {
            loop {
                self.pass(400).await;
                self.pass(27 * 3_600).await;
                let end = self.within(|domain, truth, bases| truth.check(&db, domain, bases, When::InTheEnd));
                if end.is_ok() {
                    return;
                }
            }
        };
        let came = tokio::time::timeout(PATIENCE, settled).await.is_ok();
        self.truth.check_now(&db)?;
        if let Some(agent) = self.agent.take() {
            agent.stop().await;
        }
        if came {
            return Ok(());
        }
        self.within(|domain, truth, bases| truth.check(&db, domain, bases, When::InTheEnd))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_stories_over_sockets_end_as_the_model_says() {
    let only = number("SEATSYNC_SEED");
    for seed in only.map_or(0..SEEDS, |seed| seed..seed + 1) {
        let story = Story::of(seed);
        if let Err(why) = Scene::new(&story).await.play(&story).await {
            panic!("{story}\n{why}\n\nagain: SEATSYNC_SEED={seed} cargo test --test suite model::sockets");
        }
    }
}
