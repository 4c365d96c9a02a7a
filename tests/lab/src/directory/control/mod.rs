//! The control API: the handle's methods as JSON over HTTP, for hands and for other processes.

mod dcs;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use base64::Engine;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::dc::accounts;
use crate::directory::fault::{Fault, Moment, Target};
use crate::directory::server::Shared;
use crate::directory::server::machine::Condition;
use crate::directory::world::{Change, Guid, NewAccount, World, WorldError};

/// The domain controller the control API speaks to.
const DC: usize = 0;

type Lab = State<Arc<Shared>>;
type Answer = Result<Json<Value>, Refused>;

/// All routes.
pub fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/lab/state", get(state).patch(settings))
        .route("/lab/accounts", get(list).post(create))
        .route("/lab/accounts/{who}", patch(change).delete(delete).get(show))
        .route("/lab/accounts/{who}/undelete", post(undelete))
        .route("/lab/ous/{ou}", patch(rename_ou).post(create_ou))
        .route("/lab/touch", post(touch))
        .route("/lab/searches", get(searches).delete(clear_searches))
        .route("/lab/faults", post(add_fault).delete(clear_faults))
        .route("/lab/gates", post(close_gate))
        .route("/lab/gates/{id}", get(show_gate).delete(open_gate))
        .merge(dcs::routes())
        .with_state(shared)
}

/// Why a request is not carried out.
struct Refused(StatusCode, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

impl From<WorldError> for Refused {
    fn from(error: WorldError) -> Refused {
        let status = match error {
            WorldError::NoSuchObject(_) => StatusCode::NOT_FOUND,
            WorldError::AlreadyExists(_) => StatusCode::CONFLICT,
            WorldError::NoSuchAttribute(_) | WorldError::Refused(_) => StatusCode::BAD_REQUEST,
        };
        Refused(status, error.to_string())
    }
}

/// A value as JSON: text, or bytes in base64.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Bytes { base64: String },
    Many(Vec<Written>),
}

impl Written {
    fn values(&self) -> Result<Vec<Vec<u8>>, Refused> {
        match self {
            Written::Text(text) => Ok(vec![text.clone().into_bytes()]),
            Written::Bytes { base64 } => {
                let bytes = base64::engine::general_purpose::STANDARD.decode(base64);
                bytes.map(|bytes| vec![bytes]).map_err(|error| Refused(StatusCode::BAD_REQUEST, error.to_string()))
            }
            Written::Many(many) => {
                let values: Vec<_> = many.iter().map(Written::values).collect::<Result<_, _>>()?;
                Ok(values.into_iter().flatten().collect())
            }
        }
    }
}

/// Attributes to set; `null` clears one.
type Attributes = BTreeMap<String, Option<Written>>;

fn changes(attributes: &Attributes) -> Result<Vec<Change>, Refused> {
    let change = |(name, value): (&String, &Option<Written>)| match value {
        Some(value) => Ok(Change::Set(name.clone(), value.values()?)),
        None => Ok(Change::clear(name)),
    };
    attributes.iter().map(change).collect()
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Creation {
    name: Option<String>,
    sam: Option<String>,
    upn: Option<String>,
    mail: Option<String>,
    c: Option<String>,
    ou: Option<String>,
    enabled: bool,
    attributes: Attributes,
    count: usize,
}

impl Default for Creation {
    fn default() -> Creation {
        Creation {
            name: None,
            sam: None,
            upn: None,
            mail: None,
            c: None,
            ou: None,
            enabled: true,
            attributes: Attributes::new(),
            count: 1,
        }
    }
}

async fn create(State(lab): Lab, Json(wanted): Json<Creation>) -> Answer {
    let new = NewAccount {
        changes: changes(&wanted.attributes)?,
        name: wanted.name,
        sam: wanted.sam,
        upn: wanted.upn,
        mail: wanted.mail,
        c: wanted.c,
        ou: wanted.ou,
        disabled: !wanted.enabled,
    };
    let mut world = lab.world();
    let mut created = Vec::with_capacity(wanted.count);
    for _ in 0..wanted.count {
        let guid = world.create_account(DC, &new)?;
        created.push(json!(described(&world, guid)));
    }
    Ok(Json(if wanted.count == 1 { created.remove(0) } else { Value::Array(created) }))
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Alteration {
    enabled: Option<bool>,
    attributes: Attributes,
    ou: Option<String>,
    name: Option<String>,
}

async fn change(State(lab): Lab, Path(who): Path<String>, Json(wanted): Json<Alteration>) -> Answer {
    let mut world = lab.world();
    let guid = guid_of(&world, &who)?;
    let mut changes = changes(&wanted.attributes)?;
    changes.extend(wanted.enabled.map(|enabled| if enabled { Change::Enable } else { Change::Disable }));
    if !changes.is_empty() {
        world.modify(DC, guid, &changes)?;
    }
    if let Some(name) = &wanted.name {
        world.rename(DC, guid, name)?;
    }
    if let Some(ou) = &wanted.ou {
        world.move_to(DC, guid, ou)?;
    }
    Ok(Json(json!(described(&world, guid))))
}

async fn delete(State(lab): Lab, Path(who): Path<String>) -> Answer {
    let mut world = lab.world();
    let guid = guid_of(&world, &who)?;
    world.delete(DC, guid)?;
    Ok(Json(json!(described(&world, guid))))
}

async fn undelete(State(lab): Lab, Path(who): Path<String>) -> Answer {
    let mut world = lab.world();
    let guid = guid_of(&world, &who)?;
    world.undelete(DC, guid)?;
    Ok(Json(json!(described(&world, guid))))
}

async fn show(State(lab): Lab, Path(who): Path<String>) -> Answer {
    let world = lab.world();
    let guid = guid_of(&world, &who)?;
    Ok(Json(json!(described(&world, guid))))
}

async fn list(State(lab): Lab) -> Json<Value> {
    Json(json!(accounts(&lab.world(), DC)))
}

async fn create_ou(State(lab): Lab, Path(ou): Path<String>) -> Answer {
    let guid = lab.world().create_ou(DC, &ou, None)?;
    Ok(Json(json!({ "guid": guid })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewName {
    name: String,
}

async fn rename_ou(State(lab): Lab, Path(ou): Path<String>, Json(wanted): Json<NewName>) -> Answer {
    lab.world().rename_ou(DC, &ou, &wanted.name)?;
    Ok(Json(json!({ "name": wanted.name })))
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Noise {
    logon: Option<String>,
}

/// A logon of somebody, or some computer's business.
async fn touch(State(lab): Lab, Json(wanted): Json<Noise>) -> Answer {
    let mut world = lab.world();
    match &wanted.logon {
        Some(who) => {
            let guid = guid_of(&world, who)?;
            world.touch_logon(DC, guid)?;
        }
        None => world.touch_computer(DC)?,
    }
    Ok(Json(json!({ "highest_usn": world.dc(DC).usn })))
}

async fn state(State(lab): Lab) -> Json<Value> {
    let (failure, down) = (lab.credentials().failure, lab.machine(DC).condition() == Condition::Dropping);
    let world = lab.world();
    let (dc, policy) = (world.dc(DC), &world.policy);
    Json(json!({
        "base": world.domain.base,
        "dns": world.domain.dns,
        "highest_usn": dc.usn,
        "invocation_id": dc.invocation_id,
        "synchronized": dc.synchronized,
        "accounts": dc.by_class(crate::directory::world::schema::Class::User).len(),
        "recycle_bin": policy.recycle_bin,
        "hide_deleted_objects": policy.hide_deleted_objects,
        "max_page_size": policy.max_page_size,
        "bind_failure": failure.map(|code| format!("{code:x}")),
        "down": down,
        "counters": lab.log.counters(),
    }))
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    recycle_bin: Option<bool>,
    hide_deleted_objects: Option<bool>,
    max_page_size: Option<usize>,
    synchronized: Option<bool>,
    invocation_id: Option<Guid>,
    /// A hexadecimal sub-code; an empty text lets binds succeed again.
    bind_failure: Option<String>,
    password: Option<String>,
    down: Option<bool>,
    /// Throws all page cookies away.
    evict_cookies: bool,
}

async fn settings(State(lab): Lab, Json(wanted): Json<Settings>) -> Answer {
    {
        let mut world = lab.world();
        let policy = &mut world.policy;
        policy.recycle_bin = wanted.recycle_bin.unwrap_or(policy.recycle_bin);
        policy.hide_deleted_objects = wanted.hide_deleted_objects.unwrap_or(policy.hide_deleted_objects);
        policy.max_page_size = wanted.max_page_size.unwrap_or(policy.max_page_size);
        if let Some(synchronized) = wanted.synchronized {
            world.set_synchronized(DC, synchronized);
        }
        if let Some(invocation_id) = wanted.invocation_id {
            world.set_invocation_id(DC, invocation_id);
        }
    }
    {
        let mut credentials = lab.credentials();
        if let Some(code) = &wanted.bind_failure {
            credentials.failure = u32::from_str_radix(code, 16).ok();
        }
        if let Some(password) = wanted.password {
            credentials.password = password;
        }
    }
    if let Some(down) = wanted.down {
        lab.machine(DC).set_condition(if down { Condition::Dropping } else { Condition::Up });
    }
    if wanted.evict_cookies {
        lab.machines().iter().for_each(|machine| machine.evict_cookies());
    }
    Ok(state(State(lab)).await)
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Since {
    after: u64,
}

async fn searches(State(lab): Lab, Query(since): Query<Since>) -> Json<Value> {
    let mut operations = lab.log.operations();
    operations.retain(|operation| operation.number > since.after);
    Json(json!({ "counters": lab.log.counters(), "operations": operations }))
}

async fn clear_searches(State(lab): Lab) -> StatusCode {
    lab.log.clear();
    StatusCode::NO_CONTENT
}

async fn add_fault(State(lab): Lab, Json(fault): Json<Fault>) -> StatusCode {
    lab.faults.add(fault);
    StatusCode::NO_CONTENT
}

async fn clear_faults(State(lab): Lab) -> StatusCode {
    lab.faults.clear();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct NewGate {
    #[serde(rename = "match")]
    target: Target,
    moment: Moment,
}

async fn close_gate(State(lab): Lab, Json(wanted): Json<NewGate>) -> Json<Value> {
    Json(json!({ "id": lab.gates.close(wanted.target, wanted.moment) }))
}

async fn show_gate(State(lab): Lab, Path(id): Path<u64>) -> Answer {
    let held = lab.gates.held(id).ok_or_else(|| no_gate(id))?;
    Ok(Json(json!({ "id": id, "held": held })))
}

async fn open_gate(State(lab): Lab, Path(id): Path<u64>) -> Result<StatusCode, Refused> {
    lab.gates.open(id).then_some(StatusCode::NO_CONTENT).ok_or_else(|| no_gate(id))
}

fn no_gate(id: u64) -> Refused {
    Refused(StatusCode::NOT_FOUND, format!("no gate {id} is closed"))
}

fn guid_of(world: &World, who: &str) -> Result<Guid, WorldError> {
    if let Ok(guid) = Guid::try_parse(who) {
        return Ok(guid);
    }
    let id = world.id_of_sam(DC, who).and_then(|id| world.view(DC, id));
    id.map(|view| view.guid()).ok_or_else(|| WorldError::NoSuchObject(who.to_owned()))
}

fn described(world: &World, guid: Guid) -> Option<crate::directory::world::Account> {
    let view = world.id_of(guid).and_then(|id| world.view(DC, id));
    view.map(|view| view.account())
}
