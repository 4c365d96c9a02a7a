//! Groups in the control API.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State as Shares},
    http::StatusCode,
    routing::{get, post, put},
};

use super::{
    super::{
        control::{Answer, Lab, Refused, done, text},
        license::LicenseChange,
        shared::Shared,
        view::View,
    },
    NewGroup,
};

pub(in super::super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/groups", get(groups).post(add_group))
        .route("/groups/{key}", get(group).delete(delete_group))
        .route("/groups/{key}/licenses", post(license_group))
        .route("/groups/{key}/members/{member}", put(add_member).delete(remove_member))
}

async fn groups(Shares(lab): Lab) -> Answer {
    text(lab.read(|state| View { state }.groups().collect::<Vec<_>>()))
}

async fn add_group(Shares(lab): Lab, Json(new): Json<NewGroup>) -> Answer {
    let id = lab.write(|state| state.add_group(new))?;
    view(&lab, &id.to_string())
}

async fn group(Shares(lab): Lab, Path(key): Path<String>) -> Answer {
    view(&lab, &key)
}

fn view(lab: &Shared, key: &str) -> Answer {
    let view = lab.read(|state| View { state }.group(key));
    text(view.ok_or_else(|| Refused::new(StatusCode::NOT_FOUND, format!("no group {key}")))?)
}

async fn delete_group(Shares(lab): Lab, Path(key): Path<String>) -> Answer {
    lab.write(|state| state.delete_group(&key))?;
    done()
}

async fn license_group(Shares(lab): Lab, Path(key): Path<String>, Json(change): Json<LicenseChange>) -> Answer {
    lab.write(|state| state.change_group_licenses(&key, &change))?;
    view(&lab, &key)
}

async fn add_member(Shares(lab): Lab, Path((key, member)): Path<(String, String)>) -> Answer {
    lab.write(|state| state.set_member(&key, &member, true))?;
    view(&lab, &key)
}

async fn remove_member(Shares(lab): Lab, Path((key, member)): Path<(String, String)>) -> Answer {
    lab.write(|state| state.set_member(&key, &member, false))?;
    view(&lab, &key)
}
