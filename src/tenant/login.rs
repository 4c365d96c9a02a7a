//! What the login endpoint's answers mean: pure.
//!
//! Microsoft's rule (identity platform, "Handle errors and exceptions") is to branch on `error` and to use the AADSTS
//! codes for diagnosis only: `error` (or the status) decides whether waiting helps, the code decides the advice.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use super::error::TenantError;
use super::reply::{Headers, retry_after, tidy};
use crate::model::fault::{Class, exit};

/// Why no token was given, after the code in Entra's answer ("Microsoft Entra authentication and authorization error
/// codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginFault {
    /// AADSTS7000215.
    SecretWrong,
    /// AADSTS7000222.
    SecretExpired,
    /// AADSTS700016.
    AppUnknown,
    /// AADSTS7000112.
    AppDisabled,
    /// AADSTS90002.
    TenantUnknown,
    /// AADSTS90038.
    OtherCloud,
    /// AADSTS700027: the assertion's key, thumbprint or signature.
    CertificateRefused,
    /// AADSTS700024: the assertion is too old or too young.
    AssertionOutdated,
    /// AADSTS70021, 700211, 700212, 700213: issuer, subject or audience fit no federated credential.
    FederationUnknown,
    /// AADSTS70011, 700022.
    ScopeWrong,
    /// AADSTS53003: Conditional Access for workload identities.
    Blocked,
    /// AADSTS7000218, 900144, 50027: our request lacks something or is malformed.
    Malformed,
    /// Any other refusal.
    Other,
}

impl LoginFault {
    /// Who can make it go away.
    #[must_use]
    pub fn class(self) -> Class {
        if self == Self::Malformed { Class::Bug } else { Class::Operator }
    }

    /// A stable code in kebab case.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::SecretWrong => "login-secret-wrong",
            Self::SecretExpired => "login-secret-expired",
            Self::AppUnknown => "login-app-unknown",
            Self::AppDisabled => "login-app-disabled",
            Self::TenantUnknown => "login-tenant-unknown",
            Self::OtherCloud => "login-cloud-wrong",
            Self::CertificateRefused => "login-certificate-refused",
            Self::AssertionOutdated => "login-assertion-outdated",
            Self::FederationUnknown => "login-federation-unknown",
            Self::ScopeWrong => "login-scope-wrong",
            Self::Blocked => "login-blocked",
            Self::Malformed => "login-request-malformed",
            Self::Other => "login-refused",
        }
    }

    /// What to do next.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::SecretWrong => {
                "Put the secret's value, not its id, where tenant.credential points; the value is shown once, on creation."
            }
            Self::SecretExpired => {
                "Create a new client secret for the app registration and put its value where tenant.credential points."
            }
            Self::AppUnknown => {
                "Check tenant.client_id and tenant.id: this app is not registered in, or not consented to by, this tenant."
            }
            Self::AppDisabled => {
                "Enable the enterprise application in Entra (Properties, Enabled for users to sign in)."
            }
            Self::TenantUnknown => "Check tenant.id, and tenant.cloud if the tenant is in a national cloud.",
            Self::OtherCloud => "Set tenant.cloud to the national cloud in which this tenant lives.",
            Self::CertificateRefused => {
                "Upload the certificate to the app registration, or renew it: compare the thumbprint and the date."
            }
            Self::AssertionOutdated => "Set this machine's clock; with federation, see that the token file is renewed.",
            Self::FederationUnknown => {
                "Compare issuer, subject and audience of the app's federated credential with the token, letter by letter."
            }
            Self::ScopeWrong => {
                "Check tenant.cloud and tenant.graph_url: tokens are asked for the cloud's Graph host, such as https://graph.microsoft.com."
            }
            Self::Blocked => {
                "Let the Conditional Access policy for workload identities pass this app from this address."
            }
            Self::Malformed => "This should not happen: report it with the log around it.",
            Self::Other => "Look the AADSTS code up in Entra's sign-in log for service principals.",
        }
    }

    /// The exit status of a command that ends with it.
    #[must_use]
    pub fn exit_status(self) -> u8 {
        match self {
            Self::TenantUnknown | Self::OtherCloud | Self::ScopeWrong => exit::CONFIG,
            Self::Malformed => exit::SOFTWARE,
            _ => exit::REFUSED,
        }
    }

    fn of(code: u64) -> Option<Self> {
        Some(match code {
            7_000_215 => Self::SecretWrong,
            7_000_222 => Self::SecretExpired,
            700_016 => Self::AppUnknown,
            7_000_112 => Self::AppDisabled,
            90_002 => Self::TenantUnknown,
            90_038 => Self::OtherCloud,
            700_027 => Self::CertificateRefused,
            700_024 => Self::AssertionOutdated,
            70_021 | 700_211..=700_213 => Self::FederationUnknown,
            70_011 | 700_022 => Self::ScopeWrong,
            53_003 => Self::Blocked,
            7_000_218 | 900_144 | 50_027 => Self::Malformed,
            _ => return None,
        })
    }
}

/// Codes of a directory that is busy, throttled or away for a moment.
const MOMENTARY: [u64; 7] = [90_033, 90_055, 90_024, 90_006, 90_012, 90_013, 50_196];

/// A token, and for how long it lasts.
#[derive(Debug)]
pub struct Grant {
    /// The token: opaque.
    pub token: SecretString,
    /// `expires_in`.
    pub lifetime: Duration,
}

#[derive(Deserialize)]
struct Success {
    access_token: String,
    expires_in: Number,
}

/// The v2.0 endpoint sends a number, others text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Whole(u64),
    Text(String),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Failure {
    error: String,
    error_description: String,
    error_codes: Vec<u64>,
}

/// Reads the answer to a client-credential grant (RFC 6749, 4.4.3 and 5.2; "Microsoft identity platform and the OAuth 2.0
/// client credentials flow").
pub fn read(status: u16, headers: &Headers, body: &[u8]) -> Result<Grant, TenantError> {
    if (200..300).contains(&status) {
        return grant(body).ok_or_else(|| TenantError::LoginUnreadable(format!("status {status} without a token")));
    }
    let after = retry_after(headers);
    // A flood is answered with the plain text "Too Many Requests": the status alone counts.
    if status == 429 {
        return Err(TenantError::LoginThrottled { after });
    }
    let failure: Option<Failure> =
        serde_json::from_slice(body).ok().filter(|failure: &Failure| !failure.error.is_empty());
    let Some(failure) = failure else {
        if status < 500 {
            return Err(TenantError::LoginUnreadable(format!("status {status} without a reason")));
        }
        return Err(TenantError::LoginUnavailable { detail: format!("status {status} without a reason"), after });
    };
    let codes = failure.codes();
    let detail = tidy(&failure.error_description);
    let detail = if detail.is_empty() { tidy(&failure.error) } else { detail };
    if let Some(fault) = codes.iter().find_map(|code| LoginFault::of(*code)) {
        return Err(TenantError::Login { fault, detail });
    }
    let momentary = matches!(failure.error.as_str(), "temporarily_unavailable" | "server_error")
        || codes.iter().any(|code| MOMENTARY.contains(code))
        || status >= 500;
    if momentary {
        return Err(TenantError::LoginUnavailable { detail, after });
    }
    Err(TenantError::Login { fault: LoginFault::Other, detail })
}

fn grant(body: &[u8]) -> Option<Grant> {
    let success: Success = serde_json::from_slice(body).ok()?;
    let seconds = match success.expires_in {
        Number::Whole(seconds) => seconds,
        Number::Text(text) => text.trim().parse().ok()?,
    };
    // A header must be able to carry it.
    let usable = !success.access_token.is_empty() && success.access_token.bytes().all(|byte| byte.is_ascii_graphic());
    usable.then(|| Grant { token: success.access_token.into(), lifetime: Duration::from_secs(seconds.min(86_400)) })
}

impl Failure {
    /// `error_codes`, else the number after `AADSTS` in the text, which older endpoints send alone.
    fn codes(&self) -> Vec<u64> {
        if !self.error_codes.is_empty() {
            return self.error_codes.clone();
        }
        let text = self.error_description.split_once("AADSTS").map_or("", |(_, rest)| rest);
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        text[..digits].parse().into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::model::fault::Fault as _;

    fn refused(status: u16, body: &str) -> TenantError {
        read(status, &Headers::default(), body.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_grant_is_read_with_a_number_or_text() {
        for body in [
            r#"{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"abc"}"#,
            r#"{"access_token":"abc","expires_in":"3599","refresh_token":""}"#,
        ] {
            let grant = read(200, &Headers::default(), body.as_bytes()).unwrap();
            assert_eq!(grant.lifetime, Duration::from_secs(3599));
            assert_eq!(grant.token.expose_secret(), "abc");
            assert!(!format!("{grant:?}").contains("abc"));
        }
        assert_eq!(refused(200, "<html>").code(), "login-answer-unreadable");
        assert_eq!(refused(200, r#"{"access_token":"a\nb","expires_in":1}"#).code(), "login-answer-unreadable");
    }

    #[test]
    fn each_code_has_its_own_advice() {
        for (status, code, error, expected) in [
            (401, 7_000_215, "invalid_client", "login-secret-wrong"),
            (401, 7_000_222, "invalid_client", "login-secret-expired"),
            (401, 7_000_218, "invalid_client", "login-request-malformed"),
            (400, 700_016, "unauthorized_client", "login-app-unknown"),
            (401, 700_027, "invalid_client", "login-certificate-refused"),
            (401, 700_024, "invalid_client", "login-assertion-outdated"),
            (400, 50_027, "invalid_request", "login-request-malformed"),
            (400, 90_002, "invalid_request", "login-tenant-unknown"),
            (400, 90_038, "invalid_request", "login-cloud-wrong"),
            (400, 70_021, "invalid_request", "login-federation-unknown"),
            (401, 700_212, "invalid_client", "login-federation-unknown"),
            (400, 70_011, "invalid_scope", "login-scope-wrong"),
            (400, 700_022, "invalid_request", "login-scope-wrong"),
            (400, 900_144, "invalid_request", "login-request-malformed"),
            (400, 53_003, "access_denied", "login-blocked"),
            (400, 7_000_112, "unauthorized_client", "login-app-disabled"),
            (400, 90_033, "temporarily_unavailable", "login-unavailable"),
            (400, 90_055, "invalid_request", "login-unavailable"),
            (400, 1_234_567, "invalid_request", "login-refused"),
            (400, 1_234_567, "server_error", "login-unavailable"),
            (503, 1_234_567, "whatever", "login-unavailable"),
        ] {
            let text = format!("AADSTS{code}: Some words. Trace ID: x");
            for codes in [format!(r#","error_codes":[{code}]"#), String::new()] {
                let body = format!(r#"{{"error":"{error}","error_description":"{text}"{codes}}}"#);
                let fault = refused(status, &body);
                assert_eq!(fault.code(), expected, "{body}");
                assert!(!fault.advice().is_empty());
            }
        }
    }

    #[test]
    fn a_plain_text_flood_answer_is_throttling() {
        let headers = Headers { retry_after: Some("60".into()), ..Headers::default() };
        let error = read(429, &headers, b"Too Many Requests").unwrap_err();
        assert_eq!(error, TenantError::LoginThrottled { after: Some(Duration::from_secs(60)) });
        assert_eq!(error.class(), Class::Heals);
        assert_eq!(refused(502, "<html>bad gateway</html>").class(), Class::Heals);
        assert_eq!(refused(400, "").class(), Class::Heals);
    }
}
