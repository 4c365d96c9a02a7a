//! What somebody who shall help needs to see, with pseudonyms in place of names: one file of JSON.

use std::path::Path;

use serde_json::{Value, json};

use super::redact::Redactor;
use super::{Examination, State};
use crate::clock::Clock;
use crate::config::{self, ConfigError};
use crate::model::settings::Settings;
use crate::store::{AuditFilter, Lease, Store, StoreError};
use crate::system;

/// The last rows of the audit that go in.
const ROWS: usize = 500;

/// The bundle. Whatever of it cannot be had is said in its place.
pub async fn bundle(
    config: &Path,
    loaded: &Result<Settings, ConfigError>,
    examination: &Examination,
    clock: &Clock,
) -> Value {
    let (status, audit) = match loaded {
        Ok(settings) => from_store(settings).await,
        Err(_) => (Value::Null, Value::Null),
    };
    let mut redactor = Redactor::new();
    let raw = json!({ "examination": examined(examination), "status": status, "audit": audit });
    redactor.learn(&raw);
    let mut shown = redactor.value(&raw);
    shown["configuration"] = config::outline(config, &mut |text| redactor.name(text)).unwrap_or_default();
    shown["made"] = json!(clock.now());
    shown["seatsync"] = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "kerberos": cfg!(feature = "gssapi"),
        "schema": crate::store::schema(),
        "system": system::machine(),
    });
    shown["about"] = json!(
        "Names, ids, hosts and paths are pseudonyms, the same throughout this file and no other. \
         Words and codes are those of the documentation."
    );
    shown
}

fn examined(examination: &Examination) -> Value {
    let mut value = json!({ "checks": examination.checks, "exit": examination.exit_status() });
    for state in [State::Ok, State::Warn, State::Fail, State::Skipped] {
        value["counts"][state.word()] = examination.count(state).into();
    }
    value
}

async fn from_store(settings: &Settings) -> (Value, Value) {
    let look = async {
        let store = Store::join(&settings.store)?;
        let (report, rows) = (store.report().await?, store.newest_audit(ROWS, AuditFilter::default()).await?);
        Ok::<_, StoreError>((json!(report), json!(rows)))
    };
    match look.await {
        Ok((mut status, rows)) => {
            status["running"] = Lease::is_held(&settings.store).into();
            (status, rows)
        }
        Err(error) => (json!({ "error": error.to_string() }), Value::Null),
    }
}
