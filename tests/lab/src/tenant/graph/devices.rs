//! `deviceManagement/managedDevices`: Intune's own back end, with words of its own for errors.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{page, query::Query};
use crate::tenant::{
    device::Device,
    exchange::Call,
    person::instant,
    reply::{GraphError, Reply},
    state::State,
};

/// `GET /deviceManagement/managedDevices`.
pub(super) fn list(state: &State, call: &Call, query: &Query) -> Result<Reply, GraphError> {
    query.refuse(&["$search", "$expand", "$orderby", "$filter"])?;
    if !state.knobs.intune {
        return Err(GraphError::new(
            StatusCode::BAD_REQUEST,
            "BadRequest",
            worded("Request not applicable to target tenant.", call),
        ));
    }
    let select: Option<Vec<String>> =
        query.get("$select").map(|names| names.split(',').map(|name| name.trim().to_owned()).collect());
    let ids: BTreeSet<Uuid> = state.devices.keys().copied().collect();
    page::of(state, call, query, (&ids, "deviceManagement/managedDevices"), |id| {
        selected(shown(state, &state.devices[&id], id), select.as_deref())
    })
}

/// 403 as Intune words it: JSON within the message. Recorded in the field, not documented.
pub(super) fn denied(call: &Call) -> GraphError {
    let words = "Application is not authorized to perform this operation. Application must have one of the following \
                 scopes: DeviceManagementManagedDevices.Read.All, DeviceManagementManagedDevices.ReadWrite.All";
    GraphError::new(StatusCode::FORBIDDEN, "Forbidden", worded(words, call))
}

fn worded(words: &str, call: &Call) -> String {
    let at = instant(call.correlation.at);
    json!({ "_version": 3, "Message": format!("{words} - Url: https://fef.msub01.manage.microsoft.com"), "at": at })
        .to_string()
}

fn shown(state: &State, device: &Device, id: Uuid) -> Value {
    // A device without a primary user shows an empty text, not null.
    let user = device.user.filter(|user| state.people.contains_key(user));
    json!({
        "id": id,
        "userId": user.map_or_else(String::new, |user| user.to_string()),
        "deviceName": device.name,
        "operatingSystem": "Windows",
        "enrolledDateTime": instant(device.enrolled),
        "complianceState": "compliant",
    })
}

fn selected(whole: Value, select: Option<&[String]>) -> Value {
    let Some(names) = select else { return whole };
    let members = whole.as_object().cloned().unwrap_or_default();
    // The key comes whatever is selected.
    let wanted = |name: &String| name == "id" || names.contains(name);
    Value::Object(members.into_iter().filter(|(name, _)| wanted(name)).collect::<Map<_, _>>())
}
