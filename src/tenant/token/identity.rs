//! Managed identities: tokens from an endpoint of the machine itself, Azure's instance metadata service ("How to use managed
//! identities to get an access token") or Azure Arc's agent ("Authenticate against Azure resources with Azure Arc-enabled
//! servers"), which wants to see a key that only its group can read.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;

use super::read_file;
use crate::model::settings::IdentitySource;
use crate::tenant::error::TenantError;
use crate::tenant::http::{Http, Received};
use crate::tenant::login::{Grant, LoginFault, Number, usable};
use crate::tenant::reply::{retry_after, tidy};

const IMDS_VERSION: &str = "2018-02-01";
const ARC_VERSION: &str = "2020-06-01";

/// No key of Azure Arc's is longer, in bytes.
const KEY_LIMIT: u64 = 4096;

/// What the metadata service wants to be left alone for, at least.
const PAUSE: Duration = Duration::from_secs(1);

/// Asks for a token. It is `resource`, without `/.default`.
pub(super) async fn fetch(
    http: &Http,
    source: &IdentitySource,
    client_id: Option<&str>,
    resource: &str,
    now: Timestamp,
) -> Result<Grant, TenantError> {
    let (endpoint, version) = match source {
        IdentitySource::Arc { endpoint, .. } => (endpoint, ARC_VERSION),
        IdentitySource::Imds { endpoint } => (endpoint, IMDS_VERSION),
    };
    let mut query = vec![("api-version", version), ("resource", resource)];
    query.extend(client_id.map(|id| ("client_id", id)));
    let mut received = http.metadata(endpoint, &query, None).await?;
    if let IdentitySource::Arc { keys, .. } = source
        && received.status == 401
    {
        let key = answer(received.headers.challenge.as_deref(), keys)?;
        received = http.metadata(endpoint, &query, Some(&key)).await?;
        if received.status == 401 {
            // The agent replaces its keys: the next one may have come in between.
            return Err(unavailable(&received, "the key that it asked for was not accepted"));
        }
    }
    read(received, now)
}

/// What Arc's challenge asks for. Whoever listens at the endpoint could name any file, and would be sent what it holds.
fn answer(challenge: Option<&str>, keys: &Path) -> Result<SecretString, TenantError> {
    let refuse = |detail: String| TenantError::IdentityKey(detail);
    let path = challenge.and_then(realm).ok_or_else(|| refuse("no file was named".into()))?;
    let shown = tidy(&path.to_string_lossy());
    let failed = |error: std::io::Error| refuse(format!("{shown}: {error}"));
    if path.extension().is_none_or(|extension| extension != "key") {
        return Err(refuse(format!("{shown} is no .key file")));
    }
    let path = path.canonicalize().map_err(failed)?;
    let keys = keys.canonicalize().map_err(|error| refuse(format!("{}: {error}", keys.display())))?;
    let is_key = path.extension().is_some_and(|extension| extension == "key");
    if path.parent() != Some(&keys) || !is_key {
        return Err(refuse(format!("{shown} is outside of {}", keys.display())));
    }
    let facts = path.metadata().map_err(failed)?;
    if !facts.is_file() || facts.len() > KEY_LIMIT {
        return Err(refuse(format!("{shown} is no file of at most {KEY_LIMIT} bytes")));
    }
    let bytes = read_file(&path, KEY_LIMIT).map_err(|error| refuse(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| refuse(format!("{shown} holds no key")))?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(refuse(format!("{shown} holds no key")));
    }
    Ok(text.into())
}

/// The path in `Basic realm=PATH`.
fn realm(challenge: &str) -> Option<PathBuf> {
    let (scheme, rest) = challenge.trim().split_once(' ')?;
    let (name, path) = rest.trim().split_once('=')?;
    let path = path.trim().trim_matches('"');
    let is_realm = scheme.eq_ignore_ascii_case("basic") && name.trim().eq_ignore_ascii_case("realm");
    (is_realm && !path.is_empty()).then(|| path.into())
}

/// All values are text; App Service's dialect has no `expires_in`.
#[derive(Deserialize)]
struct Success {
    access_token: String,
    expires_in: Option<Number>,
    expires_on: Option<Number>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Failure {
    error: String,
    error_description: String,
}

fn read(received: Received, now: Timestamp) -> Result<Grant, TenantError> {
    let after = retry_after(&received.headers);
    let status = received.status;
    if status == 429 {
        return Err(TenantError::LoginThrottled { after: Some(after.unwrap_or_default().max(PAUSE)) });
    }
    if matches!(status, 404 | 410 | 500..) {
        return Err(unavailable(&received, "the metadata endpoint is being updated or out of order"));
    }
    let body = received.body.map_err(TenantError::from)?;
    if status == 200 {
        return grant(&body, now).ok_or_else(|| TenantError::LoginUnreadable("status 200 without a token".into()));
    }
    let failure: Failure = serde_json::from_slice(&body).unwrap_or_default();
    if failure.error.is_empty() {
        return Err(TenantError::LoginUnreadable(format!("status {status} without a reason")));
    }
    let detail = format!("{}: {}", tidy(&failure.error), tidy(&failure.error_description));
    Err(TenantError::Login { fault: fault(&failure.error), detail })
}

fn grant(body: &[u8], now: Timestamp) -> Option<Grant> {
    let success: Success = serde_json::from_slice(body).ok()?;
    let seconds = match (success.expires_in, success.expires_on) {
        (Some(lifetime), _) => lifetime.value()?,
        (None, Some(end)) => u64::try_from(i64::try_from(end.value()?).ok()? - now.as_second()).ok()?,
        (None, None) => return None,
    };
    usable(success.access_token, seconds)
}

fn fault(error: &str) -> LoginFault {
    match error {
        "invalid_request" | "unknown_source" => LoginFault::IdentityUnknown,
        "invalid_resource" => LoginFault::ScopeWrong,
        "bad_request_102" => LoginFault::FieldMissing,
        _ => LoginFault::Other,
    }
}

fn unavailable(received: &Received, what: &str) -> TenantError {
    let after = retry_after(&received.headers).unwrap_or_default().max(PAUSE);
    TenantError::LoginUnavailable { detail: format!("{what} (status {})", received.status), after: Some(after) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::model::fault::Fault as _;
    use crate::tenant::reply::Headers;

    fn received(status: u16, body: &str) -> Received {
        Received { host: "x".into(), status, headers: Headers::default(), body: Ok(body.as_bytes().to_vec()) }
    }

    #[test]
    fn values_come_as_text_and_perhaps_without_expires_in() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let on = now.as_second() + 86_399;
        for (body, lifetime) in [
            (r#"{"access_token":"abc","refresh_token":"","expires_in":"3599","expires_on":"1"}"#.to_owned(), 3599),
            (format!(r#"{{"access_token":"abc","expires_on":"{on}","client_id":"x"}}"#), 86_399),
        ] {
            let grant = read(received(200, &body), now).unwrap();
            assert_eq!((grant.lifetime.as_secs(), grant.token.expose_secret()), (lifetime, "abc"));
        }
        assert_eq!(read(received(200, "{}"), now).unwrap_err().code(), "login-answer-unreadable");
    }

    #[test]
    fn each_refusal_is_understood() {
        for (status, body, code) in [
            (400, r#"{"error":"invalid_resource"}"#, "login-scope-wrong"),
            (
                400,
                r#"{"error":"bad_request_102","error_description":"Required metadata header not specified"}"#,
                "login-field-missing",
            ),
            (400, r#"{"error":"invalid_request","error_description":"Identity not found"}"#, "login-identity-unknown"),
            (401, r#"{"error":"unknown_source"}"#, "login-identity-unknown"),
            (404, "", "login-unavailable"),
            (410, "<html>", "login-unavailable"),
            (429, "", "login-throttled"),
            (500, r#"{"error":"unknown"}"#, "login-unavailable"),
            (418, "", "login-answer-unreadable"),
        ] {
            let error = read(received(status, body), Timestamp::UNIX_EPOCH).unwrap_err();
            assert_eq!(error.code(), code, "{status} {body}");
            assert!(!matches!(status, 404 | 410 | 429 | 500) || error.retry_after() >= Some(PAUSE));
        }
    }

    #[test]
    fn only_a_small_key_in_the_agents_own_directory_is_sent() {
        let files = tempfile::tempdir().unwrap();
        let keys = files.path().join("tokens");
        fs::create_dir(&keys).unwrap();
        let write = |name: &str, content: &[u8]| fs::write(files.path().join(name), content).unwrap();
        write("tokens/good.key", b"secret-key");
        write("tokens/largest.key", &[b'x'; 4096]);
        write("tokens/large.key", &[b'x'; 4097]);
        write("tokens/other.txt", b"secret-key");
        write("tokens/lines.key", b"a\r\nX-Evil: 1");
        write("outside.key", b"secret-key");
        #[cfg(unix)]
        std::os::unix::fs::symlink(files.path().join("outside.key"), keys.join("link.key")).unwrap();
        let ask = |name: &str| {
            let challenge = format!("Basic realm={}", keys.join(name).display());
            answer(Some(&challenge), &keys).map(|key| key.expose_secret().len())
        };
        assert_eq!((ask("good.key"), ask("largest.key")), (Ok(10), Ok(4096)));
        for wrong in ["large.key", "other.txt", "../outside.key", "link.key", "lines.key", "missing.key", "", ".."] {
            assert_eq!(ask(wrong).unwrap_err().code(), "identity-key-refused", "{wrong}");
        }
        for wrong in
            [None, Some(""), Some("Basic"), Some("Bearer realm=/x.key"), Some("Basic realm="), Some("Basic x=/y.key")]
        {
            assert!(answer(wrong, &keys).is_err(), "{wrong:?}");
        }
        let quoted = format!("basic Realm=\"{}\"", keys.join("good.key").display());
        assert!(answer(Some(&quoted), &keys).is_ok());
    }
}
