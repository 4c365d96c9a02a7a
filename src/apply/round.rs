//! Rounds of writes.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::attempt::{Circumstances, Decision, decide};
use crate::clock::{Clock, later};
use crate::model::fault::Fault as _;
use crate::model::identity::UserId;
use crate::model::license::Catalog;
use crate::model::plan::{LicenseWrite, Plan, Write};
use crate::model::settings::WorkSettings;
use crate::model::standing::Reason;
use crate::model::verdict::Answer;
use crate::observe::Event;
use crate::store::{IntentOrder, OpenIntent, Outcome, Step, Store, StoreError};
use crate::tenant::{Graph, TenantError};

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
    /// Digest of the configuration, for the audit.
    pub config: String,
    /// The tenant's products, for their names.
    pub catalog: Catalog,
    /// Turns true when no further write shall begin.
    pub stop: watch::Receiver<bool>,
}

/// What came of a round.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Writes sent.
    pub sent: usize,
    /// Of which accepted.
    pub accepted: usize,
    /// No token could be had; nothing further was sent.
    pub login: Option<TenantError>,
    /// All writing stops until then.
    pub halt: Option<(Timestamp, Reason)>,
    forbidden: BTreeSet<UserId>,
}

struct Done {
    intent: OpenIntent,
    result: Result<Answer, TenantError>,
}

impl Hand {
    /// Carries a plan out: the round of locations, then the round of licenses.
    ///
    /// # Errors
    /// When the store fails; what was sent and not concluded is settled later by reading.
    pub async fn carry_out(&self, plan: &Plan) -> Result<Tally, StoreError> {
        let mut tally = Tally::default();
        let located: Vec<&Write> = plan.writes.iter().filter(|write| write.location.is_some()).collect();
        let orders = located.iter().filter_map(|write| location_order(write)).collect();
        let done = self.round(orders, &mut tally).await?;
        let ready = |write: &&Write| write.location.is_none() || done.contains(&write.user);
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

    /// One round, side by side; returns the users whose write was accepted.
    async fn round(&self, orders: Vec<IntentOrder>, tally: &mut Tally) -> Result<BTreeSet<UserId>, StoreError> {
        let mut accepted = BTreeSet::new();
        let mut orders = orders.into_iter();
        let mut running: JoinSet<Done> = JoinSet::new();
        loop {
            let room = self.work.concurrency.saturating_sub(running.len());
            let open = !*self.stop.borrow() && tally.halt.is_none() && tally.login.is_none();
            let batch: Vec<IntentOrder> = if open { orders.by_ref().take(room).collect() } else { Vec::new() };
            if !batch.is_empty() {
                for intent in self.store.commit_intents(batch, &self.config, self.clock.now()).await? {
                    running.spawn(send(self.graph.clone(), intent));
                    tally.sent += 1;
                }
            }
            match running.join_next().await {
                Some(Ok(done)) => {
                    let user = done.intent.user;
                    if self.conclude(done, tally).await? {
                        tally.accepted += 1;
                        accepted.insert(user);
                    }
                }
                Some(Err(panic)) => tracing::error!(%panic, "a write ended unexpectedly; it is settled by reading"),
                None if orders.len() > 0 && open => {}
                None => return Ok(accepted),
            }
        }
    }

    /// Keeps what became of one write; whether it was accepted.
    async fn conclude(&self, done: Done, tally: &mut Tally) -> Result<bool, StoreError> {
        let Done { intent, result } = done;
        let now = self.clock.now();
        let (answer, decision) = match result {
            Ok(answer) => {
                let known_since = self.store.known_since(intent.user).await?;
                let at = Circumstances {
                    step: &intent.step,
                    attempts: intent.attempts,
                    known_since,
                    now,
                    seed: fastrand::f64(),
                };
                let decision = decide(&answer, &at, &self.work);
                (answer, decision)
            }
            Err(error) => {
                let unsent = unsent(&intent, &error, later(now, self.work.retry_first));
                tally.login = Some(error);
                unsent
            }
        };
        if decision.forbidden {
            tally.forbidden.insert(intent.user);
        }
        tally.halt = tally.halt.take().or_else(|| decision.halt.clone());
        if tally.forbidden.len() > 1
            && tally.halt.is_none()
            && let Outcome::Retry { at, reason } = &decision.outcome
        {
            tally.halt = Some((*at, reason.clone()));
        }
        report(&intent, &answer, &decision.outcome, &self.catalog);
        let accepted = decision.outcome == Outcome::Accepted;
        self.store.conclude(intent, answer, decision.outcome, &self.config, now).await?;
        Ok(accepted)
    }
}

async fn send(graph: Graph, intent: OpenIntent) -> Done {
    let result = match &intent.step {
        Step::Location { write, .. } => graph.set_location(intent.user, write.to, intent.call).await,
        Step::License { add } => graph.assign(intent.user, add, &[], intent.call).await,
    };
    Done { intent, result }
}

/// No token was to be had: nothing was sent.
fn unsent(intent: &OpenIntent, error: &TenantError, at: Timestamp) -> (Answer, Decision) {
    let answer = Answer {
        verdict: crate::model::verdict::Verdict::Unavailable { after: error.retry_after() },
        status: None,
        code: Some(error.code().to_owned()),
        message: Some(error.to_string()),
        request_id: None,
        client_request_id: intent.call,
    };
    let reason = Reason::new(error.code(), format!("not sent: {error}"));
    let decision = Decision { outcome: Outcome::Retry { at, reason }, halt: None, forbidden: false };
    (answer, decision)
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

fn report(intent: &OpenIntent, answer: &Answer, outcome: &Outcome, catalog: &Catalog) {
    let (name, request_id) = (intent.name.clone(), answer.request_id.clone());
    let what = match &intent.step {
        Step::Location { .. } => "usage location",
        Step::License { .. } => "license",
    };
    let event = match (outcome, &intent.step) {
        (Outcome::Accepted, Step::Location { write, .. }) => {
            Event::LocationSet { name, location: write.to.to_string(), request_id }
        }
        (Outcome::Accepted, Step::License { add }) => {
            Event::LicenseAccepted { name, products: products(add, catalog), request_id }
        }
        (Outcome::NoSeat { .. }, _) => {
            Event::WriteFailed { name, what, why: "no seat is left; it waits".into(), request_id }
        }
        (Outcome::Retry { reason, .. } | Outcome::Refused { reason } | Outcome::Unknown { reason, .. }, _) => {
            Event::WriteFailed { name, what, why: reason.to_string(), request_id }
        }
    };
    event.emit();
}

fn products(add: &[LicenseWrite], catalog: &Catalog) -> String {
    let each: Vec<String> =
        add.iter().map(|write| format!("{} by rule {}", catalog.name(write.sku), write.rule)).collect();
    each.join(", ")
}
