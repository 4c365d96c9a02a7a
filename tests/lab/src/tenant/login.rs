//! The token endpoint: client credentials with a secret or an assertion, verified, and the AADSTS errors of a refusal.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{StatusCode, header};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::json;

use super::{access_token, clock::after, exchange::Call, graph::decoded, reply::Reply, state::State, world::App};

/// Graph hosts a token may be meant for, the lab's own address apart.
const GRAPH_HOSTS: [&str; 4] = [
    "https://graph.microsoft.com",
    "https://graph.microsoft.us",
    "https://dod-graph.microsoft.us",
    "https://microsoftgraph.chinacloudapi.cn",
];

/// An issued access token.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) expires: Timestamp,
    /// Roles the app had when the token was issued.
    pub(super) roles: BTreeSet<String>,
    /// Whether it is meant for Graph.
    pub(super) for_graph: bool,
}

/// Why no token is given.
pub(super) struct Refusal {
    status: StatusCode,
    error: &'static str,
    code: u32,
    text: String,
}

impl Refusal {
    pub(super) fn new(status: u16, error: &'static str, code: u32, text: String) -> Self {
        Self { status: StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), error, code, text }
    }

    /// AADSTS900144.
    fn missing(parameter: &str) -> Self {
        let text = format!("The request body must contain the following parameter: '{parameter}'.");
        Self::new(400, "invalid_request", 900_144, text)
    }
}

/// Answers `POST /{tenant}/oauth2/v2.0/token`.
pub(super) fn answer(state: &mut State, tenant: &str, call: &Call) -> Reply {
    let mut reply = match grant(state, tenant, call) {
        Ok(body) => Reply::json(StatusCode::OK, "application/json; charset=utf-8", &body),
        Err(refusal) => refused(state, call, &refusal),
    };
    reply.set("cache-control", "no-store, no-cache");
    reply.set("pragma", "no-cache");
    reply.set("x-ms-request-id", &call.correlation.request_id);
    reply.set("date", &call.correlation.at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
    reply
}

fn grant(state: &mut State, tenant: &str, call: &Call) -> Result<serde_json::Value, Refusal> {
    let organization = &state.organization;
    let known = |domain: &String| domain.eq_ignore_ascii_case(tenant);
    if !organization.id.to_string().eq_ignore_ascii_case(tenant) && !organization.verified_domains.iter().any(known) {
        let text = format!(
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the \
             correct cloud. Check with your subscription administrator, this may happen if there are no active \
             subscriptions for the tenant."
        );
        return Err(Refusal::new(400, "invalid_request", 90_002, text));
    }
    let form = form(&call.body);
    let grant_type = form.get("grant_type").ok_or_else(|| Refusal::missing("grant_type"))?;
    if grant_type != "client_credentials" {
        let text = format!("The app requested an unsupported grant type '{grant_type}'.");
        return Err(Refusal::new(400, "unsupported_grant_type", 70_003, text));
    }
    let (client_id, secret) = credentials(call, &form)?;
    let app = app(state, &client_id)?;
    match (&secret, assertion(&form)?) {
        (None, Some(assertion)) => {
            let here = |scheme: &str| format!("{scheme}://{}/{tenant}/oauth2/v2.0/token", call.host);
            super::credentials::verify(app, assertion, &[here("http"), here("https")], state.now())?;
        }
        (secret, _) => verify(app, secret.as_deref(), state.now())?,
    }
    let roles = app.roles.clone();
    let resource = resource(form.get("scope").ok_or_else(|| Refusal::missing("scope"))?)?;
    let for_graph = is_graph(&resource) || resource == format!("http://{}", call.host);
    let grant = Granted { app_id: &client_id, resource: &resource, roles, for_graph };
    let token = issue(state, grant, call.correlation.at);
    let seconds = state.knobs.token_lifetime.as_secs();
    Ok(json!({ "token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token }))
}

/// The client id and secret, from the form or from HTTP Basic.
fn credentials(call: &Call, form: &BTreeMap<String, String>) -> Result<(String, Option<String>), Refusal> {
    let basic = call
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Basic "))
        .and_then(|encoded| String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok())
        .and_then(|pair| pair.split_once(':').map(|(id, secret)| (form_decoded(id), form_decoded(secret))));
    let (basic_id, basic_secret) = basic.unzip();
    let client_id = form.get("client_id").cloned().or(basic_id).ok_or_else(|| Refusal::missing("client_id"))?;
    Ok((client_id, form.get("client_secret").cloned().or(basic_secret)))
}

/// Whether a token for that resource is one for Graph.
pub(super) fn is_graph(resource: &str) -> bool {
    GRAPH_HOSTS.contains(&resource.trim_end_matches('/'))
}

/// What a token is issued for.
pub(super) struct Granted<'a> {
    /// The app, or the identity.
    pub app_id: &'a str,
    /// The audience, as it was asked for.
    pub resource: &'a str,
    /// What it may do.
    pub roles: BTreeSet<String>,
    /// Whether the audience is Graph.
    pub for_graph: bool,
}

/// Issues a token.
pub(super) fn issue(state: &mut State, granted: Granted<'_>, at: Timestamp) -> String {
    let expires = after(at, state.knobs.token_lifetime);
    let Granted { app_id, resource, roles, for_graph } = granted;
    let token = access_token::draw(state, app_id, resource, &roles, (at, expires));
    state.tokens.insert(token.clone(), Token { expires, roles, for_graph });
    token
}

/// The assertion, if one was sent in the form that has a name.
fn assertion(form: &BTreeMap<String, String>) -> Result<Option<&str>, Refusal> {
    let Some(assertion) = form.get("client_assertion") else { return Ok(None) };
    match form.get("client_assertion_type").map(String::as_str) {
        Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") => Ok(Some(assertion)),
        Some(_) => {
            let text = "The client_assertion_type is not supported.".to_owned();
            Err(Refusal::new(400, "invalid_request", 50_027, text))
        }
        None => Err(Refusal::missing("client_assertion_type")),
    }
}

/// The app of that id.
fn app<'a>(state: &'a State, client_id: &str) -> Result<&'a App, Refusal> {
    state.apps.iter().find(|app| app.app_id.eq_ignore_ascii_case(client_id)).ok_or_else(|| {
        let text = format!(
            "Application with identifier '{client_id}' was not found in the directory '{}'. This can happen if the \
             application has not been installed by the administrator of the tenant or consented to by any user in the \
             tenant. You may have sent your authentication request to the wrong tenant.",
            state.organization.display_name
        );
        Refusal::new(400, "unauthorized_client", 700_016, text)
    })
}

/// Whether this is a secret of the app.
fn verify(app: &App, secret: Option<&str>, now: Timestamp) -> Result<(), Refusal> {
    let Some(secret) = secret else {
        let text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
        return Err(Refusal::new(401, "invalid_client", 7_000_218, text.to_owned()));
    };
    if app.more_secrets.iter().any(|other| other == secret) {
        return Ok(());
    }
    if secret != app.secret {
        let text = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not \
             the client secret ID, for a secret added to app '{}'.",
            app.app_id
        );
        return Err(Refusal::new(401, "invalid_client", 7_000_215, text));
    }
    if app.secret_expires.is_some_and(|expires| expires <= now) {
        let text = format!(
            "The provided client secret keys for app '{}' are expired. Visit the Azure portal to create new keys for your \
             app, or consider using certificate credentials for added security.",
            app.app_id
        );
        return Err(Refusal::new(401, "invalid_client", 7_000_222, text));
    }
    Ok(())
}

/// The one resource of a `…/.default` scope.
fn resource(scope: &str) -> Result<String, Refusal> {
    let mut scopes = scope.split_whitespace();
    match (scopes.next().and_then(|first| first.strip_suffix("/.default")), scopes.next()) {
        (Some(resource), None) => Ok(resource.trim_end_matches('/').to_owned()),
        (Some(_), Some(_)) => {
            let text = format!(
                "The provided value for the input parameter 'scope' is not valid: {scope} names several resources."
            );
            Err(Refusal::new(400, "invalid_scope", 700_022, text))
        }
        (None, _) => {
            let text = format!(
                "The provided request must include a 'scope' input parameter. The provided value for the input parameter \
                 'scope' is not valid. The scope {scope} is not valid."
            );
            Err(Refusal::new(400, "invalid_scope", 70_011, text))
        }
    }
}

fn refused(state: &mut State, call: &Call, refusal: &Refusal) -> Reply {
    let timestamp = call.correlation.at.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let trace = call.correlation.request_id.clone();
    let correlation = match call.headers.get("client-request-id").and_then(|value| value.to_str().ok()) {
        Some(sent) => sent.to_owned(),
        None => state.draw_id().to_string(),
    };
    let description = format!(
        "AADSTS{}: {}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {timestamp}",
        refusal.code, refusal.text
    );
    let body = json!({
        "error": refusal.error,
        "error_description": description,
        "error_codes": [refusal.code],
        "timestamp": timestamp,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": format!("https://login.microsoftonline.com/error?code={}", refusal.code),
    });
    Reply::json(refusal.status, "application/json; charset=utf-8", &body)
}

fn form(body: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(body);
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (form_decoded(name), form_decoded(value)))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// Form encoding: percent signs, and `+` for a space.
pub(super) fn form_decoded(text: &str) -> String {
    decoded(&text.replace('+', " "))
}
