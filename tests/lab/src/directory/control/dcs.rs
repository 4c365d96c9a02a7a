//! Domain controllers over HTTP: what state each is in, who pulls from whom, noise.

use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, patch, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Lab, Refused};
use crate::directory::dns::Srv;
use crate::directory::server::Shared;
use crate::directory::server::machine::Condition;

/// The routes.
pub fn routes() -> Router<std::sync::Arc<Shared>> {
    Router::new()
        .route("/lab/dcs", get(list))
        .route("/lab/dcs/{dc}", patch(change).get(show))
        .route("/lab/replicate", post(replicate))
        .route("/lab/noise", post(noise))
}

async fn list(State(lab): Lab) -> Json<Value> {
    let all = 0..lab.machines().len();
    Json(all.map(|dc| described(&lab, dc)).collect())
}

async fn show(State(lab): Lab, Path(dc): Path<usize>) -> Answer {
    known(&lab, dc)?;
    Ok(Json(described(&lab, dc)))
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Alteration {
    condition: Option<Condition>,
    synchronized: Option<bool>,
    srv: Option<Srv>,
}

async fn change(State(lab): Lab, Path(dc): Path<usize>, Json(wanted): Json<Alteration>) -> Answer {
    known(&lab, dc)?;
    let machine = lab.machine(dc);
    if let Some(synchronized) = wanted.synchronized {
        lab.world().set_synchronized(dc, synchronized);
    }
    if let Some(srv) = wanted.srv {
        *machine.srv() = srv;
    }
    if let Some(condition) = wanted.condition {
        machine.set_condition(condition);
        machine.settled().await;
    }
    Ok(Json(described(&lab, dc)))
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Pull {
    from: Option<usize>,
    to: Option<usize>,
}

/// One pull, or every pull there is when none is named.
async fn replicate(State(lab): Lab, Json(wanted): Json<Pull>) -> Answer {
    let written = match (wanted.from, wanted.to) {
        (Some(from), Some(to)) => {
            known(&lab, from)?;
            known(&lab, to)?;
            lab.replicate(from, to)
        }
        (None, None) => lab.replicate_all(),
        _ => return Err(Refused(StatusCode::BAD_REQUEST, "a pull has both `from` and `to`".to_owned())),
    };
    Ok(Json(json!({ "written": written })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Noise {
    count: usize,
    #[serde(default)]
    dc: usize,
}

async fn noise(State(lab): Lab, Json(wanted): Json<Noise>) -> Answer {
    known(&lab, wanted.dc)?;
    let mut world = lab.world();
    world.noise(wanted.dc, wanted.count)?;
    Ok(Json(json!({ "highest_usn": world.dc(wanted.dc).usn })))
}

fn known(lab: &Shared, dc: usize) -> Result<(), Refused> {
    let there = dc < lab.machines().len();
    there.then_some(()).ok_or_else(|| Refused(StatusCode::NOT_FOUND, format!("no domain controller {dc}")))
}

fn described(lab: &Shared, dc: usize) -> Value {
    let machine = lab.machine(dc);
    let srv = *machine.srv();
    let world = lab.world();
    let replica = world.dc(dc);
    json!({
        "fqdn": machine.address.fqdn,
        "ldaps": machine.address.ldaps,
        "starttls": machine.address.starttls,
        "site": replica.site,
        "read_only": replica.read_only,
        "highest_usn": replica.usn,
        "invocation_id": replica.invocation_id,
        "synchronized": replica.synchronized,
        "condition": machine.condition(),
        "srv": srv,
        "counters": lab.log.counters_of(dc),
    })
}
