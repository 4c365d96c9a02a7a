//! The control API under `/lab`: what the handle offers, as JSON for hands and scripts.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, State as Shares},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{delete, get, patch, post},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    clock::parse_span,
    credentials::FederatedCredential,
    fault::Fault,
    gate::{Hold, Verdict},
    group,
    knobs::Knobs,
    license::LicenseChange,
    matching::Match,
    new_user::NewUser,
    person::Existence,
    shared::Shared,
    state::State,
    view::View,
};

pub(super) type Lab = Shares<Arc<Shared>>;
pub(super) type Answer = Result<Json<Value>, Refused>;

/// Something the lab was asked to do and cannot.
pub(super) struct Refused(StatusCode, String);

impl Refused {
    pub(super) fn new(status: StatusCode, why: String) -> Self {
        Self(status, why)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

impl From<String> for Refused {
    fn from(message: String) -> Self {
        Self(StatusCode::BAD_REQUEST, message)
    }
}

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/state", get(state))
        .route("/requests", get(requests).delete(reset))
        .route("/users", post(add_user))
        .route("/users/{key}", get(user).patch(patch_user).delete(delete_user))
        .route("/users/{key}/restore", post(restore_user))
        .route("/users/{key}/licenses", post(change_licenses))
        .route("/skus/{part}", patch(patch_sku))
        .route("/app", patch(patch_app))
        .route("/organization", patch(patch_organization))
        .route("/knobs", get(knobs).patch(patch_knobs))
        .route("/clock", post(advance))
        .route("/expire/{what}", post(expire))
        .route("/faults", get(faults).post(add_faults).delete(clear_faults))
        .route("/gates", get(gates).post(add_gate).delete(remove_gates))
        .route("/gates/release", post(release_all))
        .route("/gates/{id}", delete(remove_gate))
        .route("/gates/{id}/release", post(release))
        .route("/gates/{id}/discard", post(discard))
        .merge(group::control::routes())
}

pub(super) fn done() -> Answer {
    Ok(Json(json!({})))
}

pub(super) fn text(value: impl serde::Serialize) -> Answer {
    serde_json::to_value(value).map(Json).map_err(|error| Refused(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

async fn state(Shares(lab): Lab) -> Answer {
    text(lab.read(|state| View { state }.to_owned()))
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: u64,
}

async fn requests(Shares(lab): Lab, Query(After { after }): Query<After>) -> Answer {
    text(lab.read(|state| state.log.after(after).cloned().collect::<Vec<_>>()))
}

async fn reset(Shares(lab): Lab) -> Answer {
    lab.write(State::reset_counters);
    done()
}

async fn add_user(Shares(lab): Lab, Json(user): Json<NewUser>) -> Answer {
    let id = lab.write(|state| state.add_user(user))?;
    user_view(&lab, &id.to_string())
}

async fn user(Shares(lab): Lab, Path(key): Path<String>) -> Answer {
    user_view(&lab, &key)
}

fn user_view(lab: &Shared, key: &str) -> Answer {
    let view = lab.read(|state| View { state }.user(key));
    text(view.ok_or_else(|| Refused(StatusCode::NOT_FOUND, format!("no user {key}")))?)
}

async fn patch_user(Shares(lab): Lab, Path(key): Path<String>, Json(changes): Json<Map<String, Value>>) -> Answer {
    let id = lab.write(|state| {
        let id = state.known(&key)?;
        changes.into_iter().try_for_each(|(name, value)| state.set_property(id, &name, value).map(|_| ()))?;
        Ok::<_, String>(id)
    })?;
    user_view(&lab, &id.to_string())
}

#[derive(Deserialize)]
struct Deletion {
    /// For good, rather than to the recycle bin.
    #[serde(default)]
    purge: bool,
}

async fn delete_user(Shares(lab): Lab, Path(key): Path<String>, Query(how): Query<Deletion>) -> Answer {
    exist(&lab, &key, if how.purge { Existence::Purged } else { Existence::Recycled })
}

async fn restore_user(Shares(lab): Lab, Path(key): Path<String>) -> Answer {
    exist(&lab, &key, Existence::Present)
}

fn exist(lab: &Shared, key: &str, existence: Existence) -> Answer {
    let id = lab.write(|state| {
        let id = state.known(key)?;
        state.set_existence(id, existence).map(|()| id)
    })?;
    user_view(lab, &id.to_string())
}

async fn change_licenses(Shares(lab): Lab, Path(key): Path<String>, Json(change): Json<LicenseChange>) -> Answer {
    lab.write(|state| {
        let id = state.known(&key)?;
        state.change_licenses(id, &change)
    })?;
    user_view(&lab, &key)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Units {
    enabled: Option<u32>,
    warning: Option<u32>,
    suspended: Option<u32>,
    locked_out: Option<u32>,
    taken_elsewhere: Option<u32>,
}

async fn patch_sku(Shares(lab): Lab, Path(part): Path<String>, Json(set): Json<Units>) -> Answer {
    let view = lab.write(|state| {
        let sku = state.sku_mut(&part)?;
        let units = &mut sku.prepaid_units;
        units.enabled = set.enabled.unwrap_or(units.enabled);
        units.warning = set.warning.unwrap_or(units.warning);
        units.suspended = set.suspended.unwrap_or(units.suspended);
        units.locked_out = set.locked_out.unwrap_or(units.locked_out);
        sku.taken_elsewhere = set.taken_elsewhere.unwrap_or(sku.taken_elsewhere);
        Ok::<_, String>(View { state }.sku(&part))
    })?;
    text(view)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AppChange {
    secret: Option<String>,
    secret_expires: Option<jiff::Timestamp>,
    more_secrets: Option<Vec<String>>,
    certificates: Option<Vec<String>>,
    federated_credentials: Option<Vec<FederatedCredential>>,
    roles: Option<std::collections::BTreeSet<String>>,
}

async fn patch_app(Shares(lab): Lab, Json(change): Json<AppChange>) -> Answer {
    lab.write(|state| {
        for app in &mut state.apps {
            app.secret = change.secret.clone().unwrap_or_else(|| app.secret.clone());
            app.secret_expires = change.secret_expires.or(app.secret_expires);
            app.more_secrets = change.more_secrets.clone().unwrap_or_else(|| app.more_secrets.clone());
            app.certificates = change.certificates.clone().unwrap_or_else(|| app.certificates.clone());
            let federated = change.federated_credentials.clone();
            app.federated_credentials = federated.unwrap_or_else(|| app.federated_credentials.clone());
            app.roles = change.roles.clone().unwrap_or_else(|| app.roles.clone());
        }
    });
    done()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OrganizationChange {
    on_premises_last_sync_date_time: Option<jiff::Timestamp>,
    on_premises_sync_enabled: Option<bool>,
}

async fn patch_organization(Shares(lab): Lab, Json(change): Json<OrganizationChange>) -> Answer {
    lab.write(|state| {
        let organization = &mut state.organization;
        organization.on_premises_last_sync_date_time = change.on_premises_last_sync_date_time;
        organization.on_premises_sync_enabled =
            change.on_premises_sync_enabled.or(organization.on_premises_sync_enabled);
    });
    done()
}

async fn knobs(Shares(lab): Lab) -> Answer {
    text(lab.read(|state| state.knobs.clone()))
}

async fn patch_knobs(Shares(lab): Lab, Json(changes): Json<Map<String, Value>>) -> Answer {
    let knobs = lab.write(|state| {
        let mut all = serde_json::to_value(&state.knobs).map_err(|error| error.to_string())?;
        for (name, value) in changes {
            all[name] = value;
        }
        let knobs: Knobs = serde_json::from_value(all).map_err(|error| error.to_string())?;
        state.knobs = knobs.clone();
        Ok::<_, String>(knobs)
    })?;
    text(knobs)
}

#[derive(Deserialize)]
struct Advance {
    advance: String,
}

async fn advance(Shares(lab): Lab, Json(Advance { advance }): Json<Advance>) -> Answer {
    let span = parse_span(&advance)?;
    let span = jiff::SignedDuration::try_from(span).map_err(|error| error.to_string())?;
    let now = lab.write(|state| {
        state.advance(span);
        state.now()
    });
    Ok(Json(json!({ "now": now })))
}

async fn expire(Shares(lab): Lab, Path(what): Path<String>) -> Answer {
    match what.as_str() {
        "tokens" => lab.write(State::expire_tokens),
        "delta" => lab.write(|state| state.delta_epoch += 1),
        _ => {
            return Err(Refused(StatusCode::NOT_FOUND, "tokens or delta can expire".to_owned()));
        }
    }
    done()
}

async fn faults(Shares(lab): Lab) -> Answer {
    Ok(Json(lab.read(|state| {
        let faults = state.faults.iter().map(|fault| {
            json!({ "id": fault.id, "match": fault.matcher.rule, "then": fault.then, "taken": fault.matcher.taken })
        });
        faults.collect()
    })))
}

async fn add_faults(Shares(lab): Lab, Json(faults): Json<Value>) -> Answer {
    let faults = match faults {
        Value::Array(faults) => faults,
        one => vec![one],
    };
    let read = |fault| serde_json::from_value(fault).map_err(|error| error.to_string());
    let faults: Vec<Fault> = faults.into_iter().map(read).collect::<Result<_, _>>()?;
    let ids: Vec<u64> = lab.write(|state| faults.into_iter().map(|fault| state.add_fault(fault)).collect());
    Ok(Json(json!({ "ids": ids })))
}

async fn clear_faults(Shares(lab): Lab) -> Answer {
    lab.write(|state| state.faults.clear());
    done()
}

async fn gates(Shares(lab): Lab) -> Answer {
    text(lab.read(State::gate_reports))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewGate {
    #[serde(default, rename = "match")]
    when: Match,
    hold: Hold,
}

async fn add_gate(Shares(lab): Lab, Json(gate): Json<NewGate>) -> Answer {
    let id = lab.write(|state| state.add_gate(gate.when, gate.hold));
    Ok(Json(json!({ "id": id })))
}

async fn remove_gates(Shares(lab): Lab) -> Answer {
    lab.write(State::remove_gates);
    done()
}

async fn release_all(Shares(lab): Lab) -> Answer {
    let released: usize = lab.write(|state| {
        let ids: Vec<u64> = state.gates.keys().copied().collect();
        ids.into_iter().filter_map(|id| state.open_gate(id, usize::MAX, Verdict::Pass)).sum()
    });
    Ok(Json(json!({ "released": released })))
}

async fn remove_gate(Shares(lab): Lab, Path(id): Path<u64>) -> Answer {
    opened(lab.write(|state| state.remove_gate(id)))
}

#[derive(Deserialize)]
struct Count {
    count: Option<usize>,
}

async fn release(Shares(lab): Lab, Path(id): Path<u64>, Query(Count { count }): Query<Count>) -> Answer {
    opened(lab.write(|state| state.open_gate(id, count.unwrap_or(usize::MAX), Verdict::Pass)))
}

async fn discard(Shares(lab): Lab, Path(id): Path<u64>, Query(Count { count }): Query<Count>) -> Answer {
    opened(lab.write(|state| state.open_gate(id, count.unwrap_or(usize::MAX), Verdict::Discard)))
}

fn opened(released: Option<usize>) -> Answer {
    let released = released.ok_or_else(|| Refused(StatusCode::NOT_FOUND, "no such gate".to_owned()))?;
    Ok(Json(json!({ "released": released })))
}
