//! Access tokens: shaped like Microsoft's, with claims that a diagnostic may read; the signature is noise.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{clock::after, state::State};

/// What a token says to whoever decodes it, as far as the lab itself reads it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claims {
    /// The application's client id.
    pub(super) appid: String,
    /// Valid from, in Unix seconds.
    pub(super) nbf: i64,
    /// Valid until, in Unix seconds.
    pub(super) exp: i64,
}

/// Draws a token for that app. As with Microsoft's, `roles` is absent when the app has none.
pub(super) fn draw(
    state: &mut State,
    app_id: &str,
    audience: &str,
    roles: &BTreeSet<String>,
    (issued, expires): (Timestamp, Timestamp),
) -> String {
    let header = json!({ "typ": "JWT", "alg": "RS256", "kid": noise(state, 1), "nonce": noise(state, 2) });
    let tenant = state.organization.id;
    let name = state.apps.iter().find(|app| app.app_id.eq_ignore_ascii_case(app_id)).map(|app| &app.display_name);
    let mut claims = json!({
        "aud": audience,
        "iss": format!("https://sts.windows.net/{tenant}/"),
        "iat": issued.as_second(),
        "nbf": after(issued, state.knobs.token_not_before).as_second(),
        "exp": expires.as_second(),
        "app_displayname": name,
        "appid": app_id,
        "appidacr": "1",
        "idtyp": "app",
        "tid": tenant,
        "ver": "1.0",
    });
    let object = state.draw_id();
    (claims["oid"], claims["sub"]) = (json!(object), json!(object));
    claims["uti"] = json!(noise(state, 1));
    if !roles.is_empty() {
        claims["roles"] = json!(roles);
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(&header), part(&claims), noise(state, 16))
}

fn noise(state: &mut State, uuids: usize) -> String {
    let bytes: Vec<u8> = (0..uuids).flat_map(|_| state.draw_id().into_bytes()).collect();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What a token says, if it is one.
pub(super) fn claims(token: &str) -> Option<Claims> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}
