//! What became of a call, and with it of the entitlements it was made for.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::json;

use super::audit::{AuditKind, Entry, append};
use super::intents::{OpenIntent, Step};
use super::plans::moves;
use super::rows::{json, millis, unjson};
use super::{Store, StoreError, intents, link, seats};
use crate::model::identity::{IntentId, SkuId};
use crate::model::judgement::LocationWish;
use crate::model::location::UsageLocation;
use crate::model::plan::Removal;
use crate::model::standing::{Reason, Standing};
use crate::model::user::User;
use crate::model::verdict::Answer;

/// The code of a retry that writes one product by itself.
pub(super) const SPLIT: &str = "written-apart";

/// What a call's answer means for what it was made for.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is done.
    Accepted,
    /// To be tried again then, under the same intent.
    Retry {
        /// When.
        at: Timestamp,
        /// What was met.
        reason: Reason,
    },
    /// One of its products has no seat left; where it is not known which, all of them.
    NoSeat {
        /// Which.
        sku: Option<SkuId>,
    },
    /// A product is refused for whoever asks: nobody asks for it until then, unless its numbers change.
    Stopped {
        /// Which.
        sku: SkuId,
        /// Until when.
        until: Timestamp,
        /// What was met.
        reason: Reason,
    },
    /// A person must do something. Of several products each is tried by itself first.
    Refused {
        /// What.
        reason: Reason,
    },
    /// Nobody knows: read the user then.
    Unknown {
        /// When.
        settle: Timestamp,
        /// What was met.
        reason: Reason,
    },
    /// It was committed and not sent after all: no call was made.
    TakenBack,
}

/// A call, its answer, and what that means.
#[derive(Clone, Debug, PartialEq)]
pub struct Concluded {
    /// What the call was made for.
    pub intent: OpenIntent,
    /// What was answered.
    pub answer: Answer,
    /// What it means.
    pub outcome: Outcome,
}

/// What reading a user after an unknown outcome showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The write took effect.
    Visible,
    /// It cannot be seen: what is still wanted is written again under the same intent.
    NotVisible,
}

pub(super) const ANSWERED: &str =
    "UPDATE calls SET answered = ?3, answer = ?4 WHERE intent = ?1 AND client_request_id = ?2";

impl Store {
    /// Settles a call of unknown outcome, after its user has been read by itself.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settle(&self, intent: OpenIntent, config: &str, now: Timestamp) -> Result<Settled, StoreError> {
        let config = config.to_owned();
        self.write(move |tx| {
            let user: Option<String> = tx
                .prepare_cached("SELECT body FROM users WHERE id = ?1")?
                .query_row([intent.user.to_string()], |row| row.get(0))
                .optional()?;
            let user: Option<User> = user.as_deref().map(unjson).transpose()?;
            let visible = user.is_some_and(|user| shows(&user, &intent.step));
            let settled = json!({ "settled": "by reading", "visible": visible });
            tx.prepare_cached(
                "UPDATE calls SET answered = ?2, answer = coalesce(answer, ?3) WHERE intent = ?1 AND answered IS NULL",
            )?
            .execute(params![intent.id.0, millis(now), settled.to_string()])?;
            let (rules, by) = intents::cause(tx, intent.person, &intent.step)?;
            let detail = json!({ "intent": intent.id, "user": intent.user, "rules": rules, "by": by,
                                 "skus": intent.step.skus(), "settled": "by reading", "visible": visible });
            let entry = Entry {
                subject: Some(&intent.name),
                config: Some(&config),
                client_request_id: Some(intent.call.to_string()),
                ..Entry::new(AuditKind::Answer, detail).about(intent.person)
            };
            append(tx, now, &entry)?;
            let closing = Closing { db: tx, intent: &intent, config: &config, now };
            if visible {
                closing.accepted()?;
            } else if matches!(intent.step, Step::License { .. }) {
                closing.free_seats()?;
                closing.all(&Standing::Due)?;
            }
            link::touch(tx, intent.person)?;
            Ok(if visible { Settled::Visible } else { Settled::NotVisible })
        })
        .await
    }

    /// Puts settling off: the user could not be read.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settle_later(&self, intent: IntentId, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.execute("UPDATE intents SET settle = ?2 WHERE id = ?1", params![intent.0, millis(at)])?;
            Ok(())
        })
        .await
    }
}

pub(super) fn conclude(db: &Connection, concluded: &Concluded, config: &str, now: Timestamp) -> Result<(), StoreError> {
    let Concluded { intent, answer, outcome } = concluded;
    let call = intent.call.to_string();
    if *outcome == Outcome::TakenBack {
        db.prepare_cached("DELETE FROM calls WHERE intent = ?1 AND client_request_id = ?2")?
            .execute(params![intent.id.0, call])?;
    } else {
        let answered = (!matches!(outcome, Outcome::Unknown { .. })).then(|| millis(now));
        db.prepare_cached(ANSWERED)?.execute(params![intent.id.0, call, answered, json(answer)?])?;
    }
    let (rules, by) = intents::cause(db, intent.person, &intent.step)?;
    let detail = json!({ "intent": intent.id, "user": intent.user, "rules": rules, "by": by,
                         "skus": intent.step.skus(), "answer": answer, "outcome": word(outcome) });
    let entry = Entry {
        subject: Some(&intent.name),
        config: Some(config),
        client_request_id: Some(intent.call.to_string()),
        request_id: answer.request_id.as_deref(),
        ..Entry::new(AuditKind::Answer, detail).about(intent.person)
    };
    append(db, now, &entry)?;
    let closing = Closing { db, intent, config, now };
    if !matches!(outcome, Outcome::Accepted | Outcome::Unknown { .. }) {
        closing.free_seats()?;
    }
    follow(&closing, outcome)?;
    match (&intent.step, outcome) {
        // The license is to follow at once: nothing else has changed.
        (Step::Location { .. }, Outcome::Accepted) => Ok(()),
        _ => link::touch(db, intent.person),
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Retry { .. } => "retry",
        Outcome::NoSeat { .. } => "no-seat",
        Outcome::Stopped { .. } => "product-stopped",
        Outcome::Refused { .. } => "refused",
        Outcome::TakenBack => "not-sent",
        Outcome::Unknown { .. } => "unknown",
    }
}

/// Whether a user shows what a step wanted.
pub(super) fn shows(user: &User, step: &Step) -> bool {
    match step {
        Step::Location { write, .. } => user.usage_location == Some(write.to),
        Step::License { add, remove } => {
            add.iter().all(|write| user.direct_license(write.sku) == Some(&write.disabled))
                && remove.iter().all(|removal| user.direct_license(removal.sku).is_none())
        }
    }
}

struct Closing<'a> {
    db: &'a Connection,
    intent: &'a OpenIntent,
    config: &'a str,
    now: Timestamp,
}

fn follow(closing: &Closing<'_>, outcome: &Outcome) -> Result<(), StoreError> {
    let skus = closing.intent.step.skus();
    match outcome {
        Outcome::Accepted => closing.accepted(),
        Outcome::Retry { at, reason } => {
            let attempt = closing.intent.attempts;
            closing.all(&Standing::Retrying { attempt, at: *at, reason: reason.clone() })
        }
        Outcome::Unknown { settle, .. } => {
            closing
                .db
                .prepare_cached("UPDATE intents SET settle = ?2 WHERE id = ?1")?
                .execute(params![closing.intent.id.0, millis(*settle)])?;
            Ok(())
        }
        Outcome::NoSeat { sku } => {
            closing.close("no-seat")?;
            let given = closing.intent.step.given();
            for found in &skus {
                let lacking = given.contains(found) && (given.len() == 1 || sku.is_none_or(|sku| sku == *found));
                let to = if lacking { Standing::AwaitingSeat } else { Standing::Due };
                if lacking {
                    seats::refused(closing.db, *found, closing.now)?;
                }
                closing.one(*found, &to)?;
            }
            Ok(())
        }
        // What was told of the product stands with the product; the entitlement is as due as before.
        Outcome::Stopped { .. } | Outcome::TakenBack => match closing.intent.step {
            Step::Location { .. } => Ok(()),
            Step::License { .. } => closing.all(&Standing::Due),
        },
        Outcome::Refused { reason } => {
            closing.close("refused")?;
            if closing.intent.step.parts() > 1 {
                let text = format!("together it was refused: {}; now each product by itself", reason.text);
                let reason = Reason::new(SPLIT, text);
                return closing.all(&Standing::Retrying { attempt: 1, at: closing.now, reason });
            }
            let basis = closing.basis()?;
            closing.all(&Standing::Refused { reason: reason.clone(), basis })
        }
    }
}

impl Closing<'_> {
    fn close(&self, state: &str) -> Result<(), StoreError> {
        self.db.prepare_cached("UPDATE intents SET state = ?2, closed = ?3 WHERE id = ?1")?.execute(params![
            self.intent.id.0,
            state,
            millis(self.now)
        ])?;
        Ok(())
    }

    /// The write came to nothing: it takes no seat.
    fn free_seats(&self) -> Result<(), StoreError> {
        match &self.intent.step {
            Step::Location { .. } => Ok(()),
            Step::License { add, .. } => {
                add.iter().filter(|write| !write.held).try_for_each(|write| seats::failed(self.db, write.sku))
            }
        }
    }

    fn all(&self, standing: &Standing) -> Result<(), StoreError> {
        for sku in self.intent.step.skus() {
            self.one(sku, standing)?;
        }
        Ok(())
    }

    /// Moves what still waits for this intent, and tells whether it does: what was decided otherwise since, or is another
    /// user's by now, stays.
    fn one(&self, sku: SkuId, standing: &Standing) -> Result<bool, StoreError> {
        let waits = match self.intent.step {
            Step::Location { .. } => "standing IN ('due', 'awaiting-seat', 'retrying') AND ?4 = ?4",
            Step::License { .. } => "intent = ?4",
        };
        let sql = format!("SELECT 1 FROM entitlements WHERE person = ?1 AND sku = ?2 AND user = ?3 AND {waits}");
        let OpenIntent { id, person, user, .. } = self.intent;
        let waits = self.db.prepare_cached(&sql)?.exists(params![person.0, sku.to_string(), user.to_string(), id.0])?;
        if waits {
            moves(self.db, *person, sku, standing, self.config, self.now)?;
        }
        Ok(waits)
    }

    /// What is known of the user now, as `decide` will compare it.
    fn basis(&self) -> Result<String, StoreError> {
        let body: Option<String> = self
            .db
            .prepare_cached("SELECT body FROM users WHERE id = ?1")?
            .query_row([self.intent.user.to_string()], |row| row.get(0))
            .optional()?;
        Ok(body.as_deref().map(unjson::<User>).transpose()?.map(|user| user.basis()).unwrap_or_default())
    }

    fn accepted(&self) -> Result<(), StoreError> {
        self.close("accepted")?;
        match &self.intent.step {
            Step::Location { write, .. } => self.located(write.to),
            Step::License { add, remove } => {
                let before = self.before()?;
                self.removed(remove)?;
                for write in add {
                    let ours = before.as_ref().is_some_and(|user| user.direct_license(write.sku).is_none());
                    let confirming = Standing::Confirming { accepted: self.now };
                    if self.one(write.sku, &confirming)? {
                        self.db
                            .prepare_cached("UPDATE entitlements SET ours = ours OR ?3 WHERE person = ?1 AND sku = ?2")?
                            .execute(params![self.intent.person.0, write.sku.to_string(), ours])?;
                    }
                    if !write.held {
                        seats::accepted(self.db, write.sku, self.now)?;
                    }
                }
                // It may have been seen before the answer came; then no news would follow and nobody would judge it.
                link::touch(self.db, self.intent.person)
            }
        }
    }

    /// What was taken away is known to be gone before any feed shows it, so that nobody takes it for still there.
    fn removed(&self, removals: &[Removal]) -> Result<(), StoreError> {
        for removal in removals {
            if self.one(removal.sku, &Standing::Reclaimed)? {
                self.db
                    .prepare_cached("UPDATE entitlements SET ours = 0 WHERE person = ?1 AND sku = ?2")?
                    .execute(params![self.intent.person.0, removal.sku.to_string()])?;
            }
        }
        let (id, sku) = (self.intent.user.to_string(), |sku: SkuId| removals.iter().any(|gone| gone.sku == sku));
        let sql = "SELECT body FROM users WHERE id = ?1";
        let body: Option<String> = self.db.prepare_cached(sql)?.query_row([&id], |row| row.get(0)).optional()?;
        let (Some(body), false) = (body, removals.is_empty()) else { return Ok(()) };
        let mut user: User = unjson(&body)?;
        user.sources.retain(|source| source.group.is_some() || !sku(source.sku));
        let from_group: Vec<_> = user.sources.iter().filter(|source| source.gives()).map(|source| source.sku).collect();
        user.licenses.retain(|license| !sku(license.sku) || from_group.contains(&license.sku));
        self.db.prepare_cached("UPDATE users SET body = ?2 WHERE id = ?1")?.execute(params![id, json(&user)?])?;
        Ok(())
    }

    /// The user as read before the intent was made; `None` when it was not.
    fn before(&self) -> Result<Option<User>, StoreError> {
        let sql = "SELECT before FROM intents WHERE id = ?1";
        let text: String = self.db.query_row(sql, [self.intent.id.0], |row| row.get(0))?;
        unjson(&text)
    }

    /// The location is known to be set before any feed shows it, so that the license can follow at once.
    fn located(&self, to: UsageLocation) -> Result<(), StoreError> {
        let id = self.intent.user.to_string();
        let body: Option<String> = self
            .db
            .prepare_cached("SELECT body FROM users WHERE id = ?1")?
            .query_row([&id], |row| row.get(0))
            .optional()?;
        let Some(body) = body else { return Ok(()) };
        let user = User { usage_location: Some(to), ..unjson(&body)? };
        self.db.prepare_cached("UPDATE users SET body = ?2, located = ?3 WHERE id = ?1")?.execute(params![
            id,
            json(&user)?,
            millis(self.now)
        ])?;
        self.db
            .prepare_cached("UPDATE people SET location = ?2 WHERE id = ?1")?
            .execute(params![self.intent.person.0, json(&LocationWish::Keep)?])?;
        Ok(())
    }
}
