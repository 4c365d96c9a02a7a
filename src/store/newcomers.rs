//! The record of users who are made by hand: one row before Graph is asked, one after.

use jiff::Timestamp;
use serde_json::json;

use super::audit::{AuditKind, Entry, append};
use super::{Store, StoreError};
use crate::model::identity::{ClientRequestId, PersonId};
use crate::model::newcomer::Newcomer;
use crate::model::verdict::Answer;

/// A user who is about to be made, or was.
#[derive(Clone, Debug)]
pub struct Making {
    /// Whom.
    pub newcomer: Newcomer,
    /// The operating system's name of whoever asks.
    pub os_user: String,
    /// Digest of the configuration.
    pub config: String,
    /// Our name for the request.
    pub call: ClientRequestId,
}

impl Store {
    /// Notes that a user is about to be made.
    ///
    /// # Errors
    /// When the store fails; then nobody is to be made.
    pub async fn note_making(&self, making: Making, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| {
            let Newcomer { display_name, upn, location } = &making.newcomer;
            let user = json!({ "upn": upn.as_str(), "displayName": display_name, "location": location });
            let detail = json!({ "createUser": user, "by": making.os_user });
            append(tx, now, &entry(&making, AuditKind::Intent, detail))
        })
        .await
    }

    /// Notes what came of it, in a word and with Graph's answer.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn note_made(
        &self,
        making: Making,
        (outcome, answer): (&'static str, Answer),
        person: Option<PersonId>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |tx| {
            let detail = json!({ "createUser": making.newcomer.upn.as_str(), "outcome": outcome, "answer": answer,
                                 "by": making.os_user });
            let entry = entry(&making, AuditKind::Answer, detail);
            append(tx, now, &Entry { person, request_id: answer.request_id.as_deref(), ..entry })
        })
        .await
    }
}

fn entry(making: &Making, kind: AuditKind, detail: serde_json::Value) -> Entry<'_> {
    Entry {
        subject: Some(making.newcomer.upn.as_str()),
        config: Some(&making.config),
        client_request_id: Some(making.call.to_string()),
        ..Entry::new(kind, detail)
    }
}
