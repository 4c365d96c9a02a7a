//! The endpoints on an Azure machine that hand out tokens of its managed identity: the instance metadata service, and
//! Azure Arc's agent with its key file. Each listens on an address of its own, as in life.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Body,
    extract::{Query, State},
    http::{HeaderMap, Uri},
    response::Response,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Tenant, login};

/// A metadata endpoint; it stops with the last clone.
#[derive(Clone)]
pub struct Metadata {
    inner: Arc<Inner>,
    url: String,
    _stop_with_the_last: Arc<DropGuard>,
}

struct Inner {
    tenant: Tenant,
    /// Where Arc's agent puts its keys; none for the instance metadata service.
    keys: Option<PathBuf>,
    desk: Mutex<Desk>,
}

#[derive(Default)]
struct Desk {
    requests: Vec<MetadataRequest>,
    answers: VecDeque<(u16, String)>,
    challenge: Option<PathBuf>,
    key: Option<String>,
}

/// One request to a metadata endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataRequest {
    /// The decoded query.
    pub query: BTreeMap<String, String>,
    /// The header `Metadata`.
    pub metadata: Option<String>,
    /// The header `Authorization`.
    pub authorization: Option<String>,
    /// The status of the answer.
    pub status: u16,
}

impl Metadata {
    /// The instance metadata service of a machine whose identity is the tenant's first app.
    ///
    /// # Errors
    /// When no socket can be had.
    pub async fn imds(tenant: &Tenant) -> io::Result<Self> {
        Self::start(tenant, None).await
    }

    /// Azure Arc's agent on a machine whose identity is the tenant's first app, with its keys in that directory.
    ///
    /// # Errors
    /// When no socket can be had.
    pub async fn arc(tenant: &Tenant, keys: &Path) -> io::Result<Self> {
        Self::start(tenant, Some(keys.to_owned())).await
    }

    async fn start(tenant: &Tenant, keys: Option<PathBuf>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}/metadata/identity/oauth2/token", listener.local_addr()?);
        let inner = Arc::new(Inner { tenant: tenant.clone(), keys, desk: Mutex::default() });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&inner));
        let stopped = CancellationToken::new();
        let until = stopped.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = axum::serve(listener, router) => {}
                () = until.cancelled() => {}
            }
        });
        Ok(Self { inner, url, _stop_with_the_last: Arc::new(stopped.drop_guard()) })
    }

    /// Where tokens are asked for.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What was asked so far.
    #[must_use]
    pub fn requests(&self) -> Vec<MetadataRequest> {
        self.inner.desk(|desk| desk.requests.clone())
    }

    /// Answers the next request so instead.
    pub fn answer_next(&self, status: u16, body: &str) {
        self.inner.desk(|desk| desk.answers.push_back((status, body.to_owned())));
    }

    /// Names this file in every challenge, instead of a key of its own.
    pub fn challenge_with(&self, path: &Path) {
        self.inner.desk(|desk| desk.challenge = Some(path.to_owned()));
    }

    /// The key that was last asked for.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        self.inner.desk(|desk| desk.key.clone())
    }
}

impl Inner {
    fn desk<R>(&self, at: impl FnOnce(&mut Desk) -> R) -> R {
        at(&mut self.desk.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Answer {
    status: u16,
    challenge: Option<String>,
    body: String,
}

impl Answer {
    fn json(status: u16, body: &Value) -> Self {
        Self { status, challenge: None, body: body.to_string() }
    }

    fn refused(error: &str, description: &str) -> Self {
        Self::json(400, &json!({ "error": error, "error_description": description }))
    }
}

async fn answer(
    State(inner): State<Arc<Inner>>,
    Query(query): Query<BTreeMap<String, String>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (metadata, authorization) = (header("metadata"), header("authorization"));
    let instead = inner.desk(|desk| desk.answers.pop_front());
    let answer = match instead {
        Some((status, body)) => Answer { status, challenge: None, body },
        None if uri.path() != "/metadata/identity/oauth2/token" => Answer::json(404, &json!({ "error": "not found" })),
        None => inner.grant(&query, metadata.as_deref(), authorization.as_deref()),
    };
    let status = answer.status;
    inner.desk(|desk| desk.requests.push(MetadataRequest { query, metadata, authorization, status }));
    let mut response = Response::builder().status(status).header("content-type", "application/json; charset=utf-8");
    if let Some(challenge) = answer.challenge {
        response = response.header("www-authenticate", challenge);
    }
    response.body(Body::from(answer.body)).unwrap_or_default()
}

impl Inner {
    fn grant(&self, query: &BTreeMap<String, String>, metadata: Option<&str>, key: Option<&str>) -> Answer {
        if !metadata.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Answer::refused("bad_request_102", "Required metadata header not specified");
        }
        let known: &[&str] =
            if self.keys.is_some() { &["2019-11-01", "2020-06-01"] } else { &["2018-02-01", "2019-08-01"] };
        if !query.get("api-version").is_some_and(|version| known.contains(&version.as_str())) {
            return Answer::refused(
                "invalid_request",
                "Required query variable 'api-version' is missing or not supported",
            );
        }
        let resource = query.get("resource").map(String::as_str).unwrap_or_default();
        if !resource.starts_with("https://") || resource.ends_with("/.default") {
            return Answer::refused(
                "invalid_resource",
                &format!("AADSTS500011: The resource principal named {resource} was not found"),
            );
        }
        if let Some(keys) = &self.keys
            && let Some(challenge) = self.challenge(keys, key)
        {
            return challenge;
        }
        self.token(resource, query.get("client_id").map(String::as_str))
    }

    /// Arc's challenge, unless it is met.
    fn challenge(&self, keys: &Path, sent: Option<&str>) -> Option<Answer> {
        let met = |desk: &mut Desk| desk.key.as_deref().is_some_and(|key| sent == Some(&format!("Basic {key}")));
        if self.desk(met) {
            return None;
        }
        let named = self.desk(|desk| desk.challenge.clone());
        let path = named.unwrap_or_else(|| {
            let key = format!("{:032x}{:032x}", fastrand::u128(..), fastrand::u128(..));
            let path = keys.join(format!("{:032x}.key", fastrand::u128(..)));
            // What could not be written will not be read.
            let _ = std::fs::write(&path, &key);
            self.desk(|desk| desk.key = Some(key));
            path
        });
        let challenge = Some(format!("Basic realm={}", path.display()));
        Some(Answer { status: 401, challenge, body: String::new() })
    }

    fn token(&self, resource: &str, client_id: Option<&str>) -> Answer {
        self.tenant.shared.write(|state| {
            let app = match client_id {
                Some(id) => state.apps.iter().find(|app| app.app_id.eq_ignore_ascii_case(id)),
                None => state.apps.first(),
            };
            let Some(app) = app else {
                return Answer::refused("invalid_request", "Identity not found");
            };
            let (client_id, roles) = (app.app_id.clone(), app.roles.clone());
            let now = state.now();
            let for_graph = login::is_graph(resource);
            let token = login::issue(state, login::Granted { app_id: &client_id, resource, roles, for_graph }, now);
            let lifetime = i64::try_from(state.knobs.token_lifetime.as_secs()).unwrap_or(i64::MAX);
            Answer::json(
                200,
                &json!({
                    "access_token": token,
                    "client_id": client_id,
                    "refresh_token": "",
                    "expires_in": lifetime.to_string(),
                    "expires_on": (now.as_second() + lifetime).to_string(),
                    "not_before": now.as_second().to_string(),
                    "resource": resource,
                    "token_type": "Bearer",
                }),
            )
        })
    }
}
