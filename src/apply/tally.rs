//! What came of rounds: for the agent, for the log, and for what was not sent.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::model::fault::Fault as _;
use crate::model::identity::UserId;
use crate::model::license::Catalog;
use crate::model::plan::{LicenseWrite, Removal};
use crate::model::standing::Reason;
use crate::model::verdict::{Answer, Verdict};
use crate::observe::Event;
use crate::store::{Concluded, OpenIntent, Outcome, Step};
use crate::tenant::TenantError;

/// What came of a plan.
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
    /// The budget is used up; more can be written then.
    pub again: Option<Timestamp>,
    forbidden: BTreeSet<UserId>,
}

impl Tally {
    /// Notes what one answer says about everybody. A permission that is refused for several users is missing for all.
    pub(super) fn stop_all(
        &mut self,
        user: UserId,
        outcome: &Outcome,
        halt: Option<(Timestamp, Reason)>,
        forbidden: bool,
    ) {
        if forbidden {
            self.forbidden.insert(user);
        }
        self.halt = self.halt.take().max_by_time(halt);
        if self.forbidden.len() > 1
            && self.halt.is_none()
            && let Outcome::Retry { at, reason } = outcome
        {
            self.halt = Some((*at, reason.clone()));
        }
    }
}

trait Later {
    fn max_by_time(self, other: Self) -> Self;
}

impl Later for Option<(Timestamp, Reason)> {
    fn max_by_time(self, other: Self) -> Self {
        match (self, other) {
            (Some(one), Some(other)) => Some(if other.0 > one.0 { other } else { one }),
            (one, other) => one.or(other),
        }
    }
}

/// A write that was committed and not sent.
pub(super) fn unsent(intent: OpenIntent, error: &TenantError, at: Timestamp) -> Concluded {
    let answer = Answer {
        verdict: Verdict::Unavailable { after: error.retry_after() },
        status: None,
        code: Some(error.code().to_owned()),
        message: Some(format!("not sent: {error}")),
        request_id: None,
        client_request_id: intent.call,
    };
    let reason = Reason::new(error.code(), format!("not sent: {error}"));
    Concluded { intent, answer, outcome: Outcome::Retry { at, reason } }
}

/// A write that was committed and became pointless before it was sent.
pub(super) fn taken_back(intent: OpenIntent) -> Concluded {
    let answer = Answer {
        verdict: Verdict::Unavailable { after: None },
        status: None,
        code: None,
        message: Some("not sent: writing ended before its turn came".to_owned()),
        request_id: None,
        client_request_id: intent.call,
    };
    Concluded { intent, answer, outcome: Outcome::TakenBack }
}

/// Tells the log what became of a write.
pub(super) fn tell(intent: &OpenIntent, answer: &Answer, outcome: &Outcome, catalog: &Catalog) {
    let (name, request_id) = (intent.name.clone(), answer.request_id.clone());
    let what = match &intent.step {
        Step::Location { .. } => "usage-location",
        Step::License { .. } => "license",
    };
    let skus: Vec<_> = intent.step.skus().into_iter().map(|sku| catalog.name(sku)).collect();
    let sku = skus.join(", ");
    let event = match (outcome, &intent.step) {
        (Outcome::TakenBack, _) => return,
        (Outcome::Accepted, Step::Location { write, .. }) => {
            Event::LocationSet { name, location: write.to.to_string(), request_id }
        }
        (Outcome::Accepted, Step::License { add, remove }) => {
            Event::LicenseAccepted { name, sku, products: products(add, remove, catalog), request_id }
        }
        (Outcome::NoSeat { .. }, _) => {
            let (code, why) = ("no-seat".to_owned(), "no seat is left; it waits".to_owned());
            Event::WriteFailed { name, sku, what, outcome: "no-seat", code, why, request_id }
        }
        (
            Outcome::Retry { reason, .. }
            | Outcome::Refused { reason }
            | Outcome::Unknown { reason, .. }
            | Outcome::Stopped { reason, .. },
            _,
        ) => {
            let outcome = match outcome {
                Outcome::Retry { .. } => "retrying",
                Outcome::Refused { .. } => "refused",
                Outcome::Stopped { .. } => "stopped",
                _ => "unknown",
            };
            let (code, why) = (reason.code.clone(), reason.to_string());
            Event::WriteFailed { name, sku, what, outcome, code, why, request_id }
        }
    };
    event.emit();
}

fn products(add: &[LicenseWrite], remove: &[Removal], catalog: &Catalog) -> String {
    let given = add.iter().map(|write| {
        let what = if write.held { "other plans of " } else { "" };
        format!("{what}{} by rule {}", catalog.name(write.sku), write.rule)
    });
    let taken =
        remove.iter().map(|removal| format!("{} taken away by rule {}", catalog.name(removal.sku), removal.rule));
    given.chain(taken).collect::<Vec<_>>().join(", ")
}
