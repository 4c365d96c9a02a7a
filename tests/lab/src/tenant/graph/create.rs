//! `POST /users`.
//!
//! The texts for a name that is taken, for a value that is missing or wrong and for a weak password are recorded in the field
//! (microsoft-graph-docs issues 1508 and 5777, msgraph-sdk-java-auth issue 36); which is said first of several is assumed.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{body, page, users::check_patch};
use crate::tenant::{
    counters::WriteKind,
    exchange::Call,
    new_user::NewUser,
    reply::{GraphError, ODATA, Reply},
    state::State,
};

/// What nobody is created without ("Create user").
const REQUIRED: [&str; 5] = ["accountEnabled", "displayName", "mailNickname", "passwordProfile", "userPrincipalName"];

/// Creates a user: 201 with the default properties.
pub(super) fn answer(state: &mut State, call: &Call) -> Result<Reply, GraphError> {
    let body = body(call)?;
    let mut members = body.as_object().cloned().unwrap_or_default();
    members.retain(|name, _| !name.starts_with('@'));
    for name in REQUIRED {
        if members.get(name).is_none_or(|value| value.is_null() || *value == json!("")) {
            return Err(GraphError::bad_request(format!(
                "A value is required for property '{name}' of resource 'User'."
            )));
        }
    }
    let password = members.remove("passwordProfile").unwrap_or_default();
    for (name, value) in &members {
        check_patch(name, value, false)?;
    }
    let upn = text(&members, "userPrincipalName");
    check_name(state, upn, text(&members, "mailNickname"))?;
    check_password(password["password"].as_str().unwrap_or_default())?;
    if state.find(upn).is_some() {
        return Err(GraphError::bad_request(
            "Another object with the same value for property userPrincipalName already exists.",
        ));
    }
    let id = state
        .add_user(NewUser { properties: members, ..NewUser::default() })
        .map_err(|_| GraphError::bad_request("One or more properties contains invalid values."))?;
    state.count_effect(id, WriteKind::Other, &[]);
    let mut user = state.people[&id].project(None);
    user.insert("@odata.context".to_owned(), json!(page::context(call, "users/$entity")));
    let place = format!(
        "https://graph.microsoft.com/v2/{}/directoryObjects/{id}/Microsoft.DirectoryServices.User",
        state.organization.id
    );
    Ok(Reply::json(StatusCode::CREATED, ODATA, &Value::Object(user)).with("location", &place))
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> &'a str {
    members.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The name must end in a verified domain, and both names hold what names may.
fn check_name(state: &State, upn: &str, nickname: &str) -> Result<(), GraphError> {
    let invalid = |name: &str| {
        GraphError::bad_request(format!("Invalid value specified for property '{name}' of resource 'User'."))
    };
    let well_formed = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"'.-_!#^~".contains(&byte))
            && !text.starts_with('.')
            && !text.ends_with('.')
            && !text.contains("..")
    };
    let (local, domain) =
        upn.split_once('@').ok_or_else(|| GraphError::bad_request("Property userPrincipalName is invalid."))?;
    if !well_formed(local) || local.len() > 64 {
        return Err(invalid("userPrincipalName"));
    }
    if !well_formed(nickname) || nickname.len() > 64 {
        return Err(invalid("mailNickname"));
    }
    if !state.organization.verified_domains.iter().any(|known| known.eq_ignore_ascii_case(domain)) {
        return Err(GraphError::bad_request(
            "The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain \
             names in your organization.",
        ));
    }
    Ok(())
}

/// Entra's rule: 8 to 256 characters, three of four kinds.
fn check_password(password: &str) -> Result<(), GraphError> {
    let kinds: [fn(&char) -> bool; 4] =
        [char::is_ascii_lowercase, char::is_ascii_uppercase, char::is_ascii_digit, char::is_ascii_punctuation];
    let met = kinds.iter().filter(|kind| password.chars().any(|one| kind(&one))).count();
    if (8..=256).contains(&password.chars().count()) && met >= 3 {
        return Ok(());
    }
    Err(GraphError::bad_request(
        "The specified password does not comply with password complexity requirements. Please provide a different \
         password.",
    ))
}
