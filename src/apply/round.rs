//! A plan on its way: batches of writes side by side.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use super::attempt::{Circumstances, Decision, decide};
use super::orders::Orders;
use super::tally::{Tally, taken_back, tell, unsent};
use crate::clock::{Clock, later};
use crate::model::license::Catalog;
use crate::model::plan::Plan;
use crate::model::seats::Stop;
use crate::model::settings::WorkSettings;
use crate::model::verdict::{Answer, Verdict};
use crate::observe::Event;
use crate::store::{Concluded, Exchanged, OpenIntent, Outcome, Step, Store, StoreError};
use crate::tenant::{BATCH, BatchAnswer, BatchWrite, Budget, Change, Graph, Pace, TenantError};
use crate::vitals::Pulse;

/// Everything that writing needs.
#[derive(Clone, Debug)]
pub struct Hand {
    /// Where intents and outcomes go.
    pub store: Store,
    /// The tenant.
    pub graph: Graph,
    /// What time it is.
    pub clock: Clock,
    /// How writes are tried.
    pub work: WorkSettings,
    /// What Graph lets us send, shared by all work.
    pub quota: Arc<Mutex<Quota>>,
    /// Digest of the configuration, for the audit.
    pub config: String,
    /// The tenant's products, for their names.
    pub catalog: Catalog,
    /// Turns true when no further write shall begin.
    pub stop: watch::Receiver<bool>,
    /// Where each batch is noted.
    pub pulse: Pulse,
}

/// What Graph lets us send.
#[derive(Clone, Debug)]
pub struct Quota {
    /// Writes in a window.
    pub budget: Budget,
    /// Batches at once.
    pub pace: Pace,
}

/// A batch that came back.
struct Done {
    intents: Vec<OpenIntent>,
    result: Result<BatchAnswer, TenantError>,
}

impl Hand {
    /// Carries a plan out: all locations, then all licenses, each of which follows the location of its user.
    ///
    /// # Errors
    /// When the store fails; what was sent and not concluded is settled later by reading.
    pub async fn carry_out(&self, plan: &Plan) -> Result<Tally, StoreError> {
        let course = Course {
            hand: self,
            orders: Orders::of(plan),
            committed: VecDeque::new(),
            running: JoinSet::new(),
            locating: 0,
            answers: Vec::new(),
            storing: JoinSet::new(),
            paused: false,
            tally: Tally::default(),
        };
        course.run().await
    }

    /// What a reading brings, or nothing when told to stop meanwhile: a reading that is dropped loses nothing.
    pub async fn read<T>(&self, reading: impl Future<Output = T>) -> Option<T> {
        let mut stop = self.stop.clone();
        let stopped = async {
            if stop.wait_for(|stop| *stop).await.is_err() {
                std::future::pending().await
            }
        };
        tokio::select! {
            read = reading => Some(read),
            () = stopped => None,
        }
    }

    fn quota(&self) -> MutexGuard<'_, Quota> {
        self.quota.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A plan under way. Batches run side by side; meanwhile the store takes in what has come back and commits what goes next,
/// so that a batch that ends is followed by another at once.
struct Course<'a> {
    hand: &'a Hand,
    orders: Orders,
    /// What may be sent.
    committed: VecDeque<OpenIntent>,
    running: JoinSet<Done>,
    /// Locations among those: licenses will follow them.
    locating: usize,
    /// What has come back and is not stored yet.
    answers: Vec<Concluded>,
    /// At most one step of the store.
    storing: JoinSet<Result<Exchanged, StoreError>>,
    paused: bool,
    tally: Tally,
}

impl Course<'_> {
    async fn run(mut self) -> Result<Tally, StoreError> {
        loop {
            self.hand.pulse.works();
            self.send().await?;
            self.store();
            tokio::select! {
                Some(done) = self.running.join_next() => self.heed(done),
                Some(stored) = self.storing.join_next() => self.stored(stored)?,
                else => return Ok(self.tally),
            }
        }
    }

    fn is_open(&self) -> bool {
        !self.paused && !*self.hand.stop.borrow() && self.tally.halt.is_none() && self.tally.login.is_none()
    }

    /// Sends what is committed, in full batches. A smaller one goes only when nothing that is under way can fill it.
    async fn send(&mut self) -> Result<(), StoreError> {
        while self.is_open() && self.has_room() && self.is_worth_a_batch() {
            if self.hand.store.paused().await?.is_some() {
                self.paused = true;
                break;
            }
            let batch: Vec<OpenIntent> = self.committed.drain(..self.committed.len().min(BATCH)).collect();
            let writes = u32::try_from(batch.len()).unwrap_or(u32::MAX);
            self.hand.quota().budget.spend(writes, self.hand.clock.now());
            self.tally.sent += batch.len();
            self.locating += locations(&batch);
            self.running.spawn(send(self.hand.graph.clone(), batch));
        }
        Ok(())
    }

    fn has_room(&self) -> bool {
        self.running.len() < self.hand.quota().pace.allowed()
    }

    fn is_worth_a_batch(&mut self) -> bool {
        let grows = self.locating > 0 || !self.storing.is_empty() || (!self.orders.is_empty() && self.lacking() > 0);
        self.committed.len() >= BATCH || (!self.committed.is_empty() && !grows)
    }

    /// How many more are to be committed, that those who are under way now can be followed at once: as far as the budget goes.
    fn lacking(&mut self) -> usize {
        let (now, committed) = (self.hand.clock.now(), self.committed.len());
        let mut quota = self.hand.quota();
        let free = (quota.budget.free(now) as usize).saturating_sub(committed);
        if free == 0 && !self.orders.is_empty() {
            self.tally.again = Some(quota.budget.more_at(now));
        }
        (quota.pace.allowed() * BATCH).saturating_sub(committed).min(free)
    }

    /// Has the store take the next step, unless one is under way or there is nothing to do.
    fn store(&mut self) {
        if !self.storing.is_empty() {
            return;
        }
        if !self.is_open() {
            self.orders.close();
            self.answers.extend(self.committed.drain(..).map(taken_back));
        }
        let most = if self.orders.is_empty() { 0 } else { self.lacking() };
        if most == 0 && self.answers.is_empty() {
            return;
        }
        let orders = if most == 0 { VecDeque::new() } else { self.orders.take() };
        let (store, answers) = (self.hand.store.clone(), std::mem::take(&mut self.answers));
        let (config, now) = (self.hand.config.clone(), self.hand.clock.now());
        self.storing.spawn(async move { store.exchange(answers, orders, most, &config, now).await });
    }

    /// What may be sent now, and what the store has understood.
    fn stored(&mut self, stored: Result<Result<Exchanged, StoreError>, JoinError>) -> Result<(), StoreError> {
        let Exchanged { opened, left, stopped } = stored.map_err(|_| StoreError::Closed)??;
        self.committed.extend(opened);
        self.orders.put_back(left);
        self.recall();
        for (sku, Stop { reason, until, .. }) in stopped {
            let (product, why) = (self.hand.catalog.name(sku), reason.to_string());
            Event::ProductStopped { product, why, until }.emit();
        }
        Ok(())
    }

    /// Takes back what is committed and has become pointless.
    fn recall(&mut self) {
        let (pointless, kept): (VecDeque<_>, _) =
            self.committed.drain(..).partition(|intent| self.orders.is_stopped(&intent.step));
        self.committed = kept;
        self.answers.extend(pointless.into_iter().map(taken_back));
    }

    /// Understands what has come back.
    fn heed(&mut self, done: Result<Done, JoinError>) {
        let Ok(Done { intents, result }) = done else {
            tracing::error!("a batch ended unexpectedly; it is settled by reading");
            self.locating = if self.running.is_empty() { 0 } else { self.locating };
            return;
        };
        self.locating = self.locating.saturating_sub(locations(&intents));
        let now = self.hand.clock.now();
        let answer = match result {
            Ok(answer) => answer,
            Err(error) => {
                let at = later(now, self.hand.work.retry_first);
                self.answers.extend(intents.into_iter().map(|intent| unsent(intent, &error, at)));
                self.tally.login = Some(error);
                return;
            }
        };
        self.learn(&answer, now);
        let whole = answer.whole || is_mostly_throttled(&answer.answers);
        for (intent, said) in intents.into_iter().zip(answer.answers) {
            let at = Circumstances {
                step: &intent.step,
                attempts: intent.attempts,
                known_since: intent.known_since,
                whole,
                now,
                seed: fastrand::f64(),
            };
            let Decision { outcome, halt, forbidden } = decide(&said, &at, &self.hand.work);
            self.tally.stop_all(intent.user, &outcome, halt, forbidden);
            tell(&intent, &said, &outcome, &self.hand.catalog);
            self.follow(&intent, &outcome);
            self.answers.push(Concluded { intent, answer: said, outcome });
        }
        self.recall();
    }

    /// What an outcome means for the rest of the plan.
    fn follow(&mut self, intent: &OpenIntent, outcome: &Outcome) {
        match (outcome, &intent.step.skus()[..]) {
            (Outcome::Accepted, _) => {
                self.tally.accepted += 1;
                self.orders.located(intent.user);
            }
            (Outcome::Stopped { sku, .. } | Outcome::NoSeat { sku: Some(sku) }, _)
            | (Outcome::NoSeat { sku: None }, [sku]) => self.orders.stop(*sku),
            _ => {}
        }
    }

    /// Learns from a batch how much Graph can take.
    fn learn(&self, answer: &BatchAnswer, now: Timestamp) {
        let busy = |verdict: &Verdict| {
            matches!(verdict, Verdict::Throttled { .. } | Verdict::Unavailable { .. } | Verdict::Concurrency)
        };
        let pushed =
            answer.whole || answer.answers.iter().filter(|said| busy(&said.verdict)).count() * 4 > answer.answers.len();
        let mut quota = self.hand.quota();
        if pushed {
            quota.pace.pushed_back();
        } else {
            quota.pace.went_well();
        }
        if let Some(share) = answer.pressure {
            quota.budget.pressed(share, now);
        }
    }
}

/// The quota is used up: more than half of a batch was throttled, and more than a few of its items.
fn is_mostly_throttled(answers: &[Answer]) -> bool {
    let throttled = answers.iter().filter(|said| matches!(said.verdict, Verdict::Throttled { .. })).count();
    throttled * 2 > answers.len() && throttled * 4 >= BATCH
}

fn locations(intents: &[OpenIntent]) -> usize {
    intents.iter().filter(|intent| matches!(intent.step, Step::Location { .. })).count()
}

async fn send(graph: Graph, intents: Vec<OpenIntent>) -> Done {
    let writes: Vec<BatchWrite> = intents
        .iter()
        .map(|intent| BatchWrite {
            call: intent.call,
            user: intent.user,
            change: match &intent.step {
                Step::Location { write, .. } => Change::Location(write.to),
                Step::License { add, remove } => {
                    Change::Licenses { add: add.clone(), remove: remove.iter().map(|removal| removal.sku).collect() }
                }
            },
        })
        .collect();
    let result = graph.batch(&writes).await;
    Done { intents, result }
}
