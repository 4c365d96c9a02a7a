//! Rounds of writes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::attempt::{Circumstances, Decision, decide};
use super::tally::{Tally, tell, unsent};
use crate::clock::{Clock, later};
use crate::model::identity::UserId;
use crate::model::license::Catalog;
use crate::model::plan::{Plan, Write};
use crate::model::settings::WorkSettings;
use crate::model::verdict::Verdict;
use crate::store::{Concluded, IntentOrder, OpenIntent, Outcome, Step, Store, StoreError};
use crate::tenant::{BATCH, BatchAnswer, BatchWrite, Budget, Change, Graph, Pace, TenantError};

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
    /// Carries a plan out: the round of locations, then the round of licenses.
    ///
    /// # Errors
    /// When the store fails; what was sent and not concluded is settled later by reading.
    pub async fn carry_out(&self, plan: &Plan) -> Result<Tally, StoreError> {
        let mut tally = Tally::default();
        let orders = plan.writes.iter().filter_map(location_order).collect();
        let located = self.round(orders, &mut tally).await?;
        let ready = |write: &&Write| write.location.is_none() || located.contains(&write.user);
        let orders = plan.writes.iter().filter(ready).map(license_order).collect();
        self.round(orders, &mut tally).await?;
        Ok(tally)
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

    /// One round: batches side by side, the next one committed while others are under way. Returns the users whose write
    /// was accepted. What the budget does not allow is left for a later turn.
    async fn round(&self, orders: Vec<IntentOrder>, tally: &mut Tally) -> Result<BTreeSet<UserId>, StoreError> {
        let mut accepted = BTreeSet::new();
        let mut orders = orders.into_iter();
        let mut next: Vec<OpenIntent> = Vec::new();
        let mut running: JoinSet<Done> = JoinSet::new();
        loop {
            while self.is_open(tally) && running.len() < self.pace().allowed() {
                if next.is_empty() {
                    next = self.commit(&mut orders, tally).await?;
                }
                if next.is_empty() || self.store.paused().await?.is_some() {
                    break;
                }
                tally.sent += next.len();
                running.spawn(send(self.graph.clone(), std::mem::take(&mut next)));
            }
            if next.is_empty() && self.is_open(tally) && !running.is_empty() {
                next = self.commit(&mut orders, tally).await?;
            }
            match running.join_next().await {
                Some(Ok(done)) => accepted.extend(self.conclude(done, tally).await?),
                Some(Err(panic)) => tracing::error!(%panic, "a batch ended unexpectedly; it is settled by reading"),
                None => break,
            }
        }
        if !next.is_empty() {
            self.take_back(next, tally).await?;
        }
        Ok(accepted)
    }

    fn is_open(&self, tally: &Tally) -> bool {
        !*self.stop.borrow() && tally.halt.is_none() && tally.login.is_none()
    }

    fn pace(&self) -> Pace {
        self.quota.lock().unwrap_or_else(PoisonError::into_inner).pace
    }

    /// Commits the next batch as far as the budget goes, and charges it.
    async fn commit(
        &self,
        orders: &mut std::vec::IntoIter<IntentOrder>,
        tally: &mut Tally,
    ) -> Result<Vec<OpenIntent>, StoreError> {
        let mut intents = Vec::new();
        while intents.is_empty() && orders.len() > 0 {
            let now = self.clock.now();
            let free = {
                let mut quota = self.quota.lock().unwrap_or_else(PoisonError::into_inner);
                let free = quota.budget.free(now).min(BATCH as u32);
                if free == 0 {
                    tally.again = Some(quota.budget.more_at(now));
                    return Ok(intents);
                }
                free as usize
            };
            let batch = orders.by_ref().take(free).collect();
            intents = self.store.commit_intents(batch, &self.config, now).await?;
            let writes = u32::try_from(intents.len()).unwrap_or(u32::MAX);
            self.quota.lock().unwrap_or_else(PoisonError::into_inner).budget.spend(writes, now);
        }
        Ok(intents)
    }

    /// Keeps what became of a batch; returns the users whose write was accepted.
    async fn conclude(&self, done: Done, tally: &mut Tally) -> Result<Vec<UserId>, StoreError> {
        let Done { intents, result } = done;
        let now = self.clock.now();
        let answer = match result {
            Ok(answer) => answer,
            Err(error) => {
                let at = later(now, self.work.retry_first);
                let concluded = intents.into_iter().map(|intent| unsent(intent, &error, at)).collect();
                tally.login = Some(error);
                self.store.conclude(concluded, &self.config, now).await?;
                return Ok(Vec::new());
            }
        };
        self.learn(&answer, now);
        let mut concluded = Vec::with_capacity(intents.len());
        let mut accepted = Vec::new();
        for (intent, said) in intents.into_iter().zip(answer.answers) {
            let at = Circumstances {
                step: &intent.step,
                attempts: intent.attempts,
                known_since: intent.known_since,
                whole: answer.whole,
                now,
                seed: fastrand::f64(),
            };
            let Decision { outcome, halt, forbidden } = decide(&said, &at, &self.work);
            tally.stop_all(intent.user, &outcome, halt, forbidden);
            tell(&intent, &said, &outcome, &self.catalog);
            if outcome == Outcome::Accepted {
                tally.accepted += 1;
                accepted.push(intent.user);
            }
            concluded.push(Concluded { intent, answer: said, outcome });
        }
        self.store.conclude(concluded, &self.config, now).await?;
        Ok(accepted)
    }

    /// Learns from a batch how much Graph can take.
    fn learn(&self, answer: &BatchAnswer, now: Timestamp) {
        let busy = |verdict: &Verdict| {
            matches!(verdict, Verdict::Throttled { .. } | Verdict::Unavailable { .. } | Verdict::Concurrency)
        };
        let pushed =
            answer.whole || answer.answers.iter().filter(|said| busy(&said.verdict)).count() * 4 > answer.answers.len();
        let mut quota = self.quota.lock().unwrap_or_else(PoisonError::into_inner);
        if pushed {
            quota.pace.pushed_back();
        } else {
            quota.pace.went_well();
        }
        if let Some(share) = answer.pressure {
            quota.budget.pressed(share, now);
        }
    }

    /// What was committed and will not be sent after all is due again at once.
    async fn take_back(&self, intents: Vec<OpenIntent>, tally: &Tally) -> Result<(), StoreError> {
        let now = self.clock.now();
        let error = tally.login.clone().unwrap_or(TenantError::Throttled { after: None });
        let concluded = intents.into_iter().map(|intent| unsent(intent, &error, now)).collect();
        self.store.conclude(concluded, &self.config, now).await
    }
}

async fn send(graph: Graph, intents: Vec<OpenIntent>) -> Done {
    let writes: Vec<BatchWrite> = intents
        .iter()
        .map(|intent| BatchWrite {
            call: intent.call,
            user: intent.user,
            change: match &intent.step {
                Step::Location { write, .. } => Change::Location(write.to),
                Step::License { add } => Change::Licenses { add: add.clone(), remove: Vec::new() },
            },
        })
        .collect();
    let result = graph.batch(&writes).await;
    Done { intents, result }
}

fn location_order(write: &Write) -> Option<IntentOrder> {
    let step = Step::Location {
        write: write.location.clone()?,
        skus: write.licenses.iter().map(|license| license.sku).collect(),
    };
    Some(order(write, step))
}

fn license_order(write: &Write) -> IntentOrder {
    order(write, Step::License { add: write.licenses.clone() })
}

fn order(write: &Write, step: Step) -> IntentOrder {
    let call = Uuid::new_v4().into();
    IntentOrder { person: write.person, user: write.user, name: write.name.clone(), step, call }
}
