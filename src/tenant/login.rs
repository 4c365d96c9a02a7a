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
    /// AADSTS7000218.
    ProofMissing,
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
    /// AADSTS700027, of a certificate whose time is over.
    CertificateExpired,
    /// AADSTS700024: the assertion is too old or too young.
    AssertionOutdated,
    /// AADSTS700023: the assertion is for another audience.
    AssertionAudience,
    /// AADSTS50027.
    AssertionMalformed,
    /// AADSTS70021: issuer, subject or audience fit no federated credential.
    FederationUnknown,
    /// AADSTS700211.
    FederationIssuer,
    /// AADSTS700212.
    FederationAudience,
    /// AADSTS700213.
    FederationSubject,
    /// AADSTS70011.
    ScopeWrong,
    /// AADSTS700022.
    ScopeSeveral,
    /// AADSTS900144.
    FieldMissing,
    /// AADSTS53003: Conditional Access for workload identities.
    Blocked,
    /// The machine has no such managed identity.
    IdentityUnknown,
    /// Any other refusal.
    Other,
}

impl LoginFault {
    /// Who can make it go away.
    #[must_use]
    pub fn class(self) -> Class {
        match self {
            Self::ProofMissing | Self::AssertionMalformed | Self::ScopeSeveral | Self::FieldMissing => Class::Bug,
            _ => Class::Operator,
        }
    }

    /// Whether it is about a federated credential, which takes a while to count after it was made.
    #[must_use]
    pub fn is_federation(self) -> bool {
        matches!(
            self,
            Self::FederationUnknown | Self::FederationIssuer | Self::FederationAudience | Self::FederationSubject
        )
    }

    /// A stable code in kebab case.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::SecretWrong => "login-secret-wrong",
            Self::SecretExpired => "login-secret-expired",
            Self::ProofMissing => "login-proof-missing",
            Self::AppUnknown => "login-app-unknown",
            Self::AppDisabled => "login-app-disabled",
            Self::TenantUnknown => "login-tenant-unknown",
            Self::OtherCloud => "login-cloud-wrong",
            Self::CertificateRefused => "login-certificate-refused",
            Self::CertificateExpired => "login-certificate-expired",
            Self::AssertionOutdated => "login-assertion-outdated",
            Self::AssertionAudience => "login-assertion-audience",
            Self::AssertionMalformed => "login-assertion-malformed",
            Self::FederationUnknown => "login-federation-unknown",
            Self::FederationIssuer => "login-federation-issuer",
            Self::FederationAudience => "login-federation-audience",
            Self::FederationSubject => "login-federation-subject",
            Self::ScopeWrong => "login-scope-wrong",
            Self::ScopeSeveral => "login-scope-several",
            Self::FieldMissing => "login-field-missing",
            Self::Blocked => "login-blocked",
            Self::IdentityUnknown => "login-identity-unknown",
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
            Self::ProofMissing => {
                "The login endpoint saw neither secret nor assertion: see whether a proxy changes requests; else report it."
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
                "Upload this certificate to the app registration (Certificates & secrets) and compare the thumbprints."
            }
            Self::CertificateExpired => {
                "Renew the certificate: upload the new one to the app registration, then put it where tenant.credential points."
            }
            Self::AssertionOutdated => "Set this machine's clock; with federation, see that the token file is renewed.",
            Self::AssertionAudience => "Check that tenant.cloud and tenant.login_url name the cloud of this tenant.",
            Self::AssertionMalformed => {
                "With federation, see that the token file holds a token; else report it with the log around it."
            }
            Self::FederationUnknown => {
                "Compare issuer, subject and audience of the app's federated credential with the token, letter by letter."
            }
            Self::FederationIssuer => {
                "Compare the issuer of the app's federated credential with the token's, letter by letter, slash at the end included."
            }
            Self::FederationAudience => {
                "Have the token issued for the audience of the app's federated credential, usually api://AzureADTokenExchange."
            }
            Self::FederationSubject => {
                "Compare the subject of the app's federated credential with the token's, letter by letter."
            }
            Self::ScopeWrong => {
                "Check tenant.cloud and tenant.graph_url: tokens are asked for that Graph, such as https://graph.microsoft.com."
            }
            Self::ScopeSeveral => {
                "Several resources were asked for at once; that should not happen: report it with the log around it."
            }
            Self::FieldMissing => {
                "Something was missing from the request: see whether a proxy changes requests; else report it with the log around it."
            }
            Self::Blocked => {
                "Let the Conditional Access policy for workload identities pass this app from this address."
            }
            Self::IdentityUnknown => {
                "Give this machine a managed identity, or correct tenant.client_id to one that it has."
            }
            Self::Other => "Look the AADSTS code up in Entra's sign-in log for service principals.",
        }
    }

    /// The exit status of a command that ends with it.
    #[must_use]
    pub fn exit_status(self) -> u8 {
        match self {
            Self::TenantUnknown | Self::OtherCloud | Self::ScopeWrong | Self::AssertionAudience => exit::CONFIG,
            _ if self.class() == Class::Bug => exit::SOFTWARE,
            _ => exit::REFUSED,
        }
    }

    /// What a code means; the words tell only why a key was refused.
    fn of(code: u64, words: &str) -> Option<Self> {
        Some(match code {
            7_000_215 => Self::SecretWrong,
            7_000_222 => Self::SecretExpired,
            7_000_218 => Self::ProofMissing,
            700_016 => Self::AppUnknown,
            7_000_112 => Self::AppDisabled,
            90_002 => Self::TenantUnknown,
            90_038 => Self::OtherCloud,
            700_027 if words.contains("key used is expired") => Self::CertificateExpired,
            700_027 => Self::CertificateRefused,
            700_024 => Self::AssertionOutdated,
            700_023 => Self::AssertionAudience,
            50_027 => Self::AssertionMalformed,
            70_021 => Self::FederationUnknown,
            700_211 => Self::FederationIssuer,
            700_212 => Self::FederationAudience,
            700_213 => Self::FederationSubject,
            70_011 => Self::ScopeWrong,
            700_022 => Self::ScopeSeveral,
            900_144 => Self::FieldMissing,
            53_003 => Self::Blocked,
            _ => return None,
        })
    }
}

/// Codes of a directory that is busy, throttled or away for a moment.
const MOMENTARY: [u64; 6] = [90_033, 90_055, 90_024, 90_006, 90_012, 90_013];

/// "Loop detected": the same request too often within five minutes.
const LOOP: u64 = 50_196;

/// A flood is told to wait this long, in whatever form it is told.
const FLOOD: Duration = Duration::from_secs(60);

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
pub(super) enum Number {
    Whole(u64),
    Text(String),
}

impl Number {
    pub fn value(&self) -> Option<u64> {
        match self {
            Self::Whole(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }
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
        return Err(TenantError::LoginThrottled { after: after.or(Some(FLOOD)) });
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
    if codes.contains(&LOOP) {
        return Err(TenantError::LoginThrottled { after: after.or(Some(FLOOD)) });
    }
    if let Some(fault) = codes.iter().find_map(|code| LoginFault::of(*code, &failure.error_description)) {
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
    usable(success.access_token, success.expires_in.value()?)
}

/// A token that a header can carry, for that many seconds.
pub(super) fn usable(token: String, seconds: u64) -> Option<Grant> {
    let usable = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    usable.then(|| Grant { token: token.into(), lifetime: Duration::from_secs(seconds.min(86_400)) })
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
        let mut advice = std::collections::BTreeMap::new();
        for (status, code, error, expected) in [
            (401, 7_000_215, "invalid_client", "login-secret-wrong"),
            (401, 7_000_222, "invalid_client", "login-secret-expired"),
            (401, 7_000_218, "invalid_client", "login-proof-missing"),
            (400, 700_016, "unauthorized_client", "login-app-unknown"),
            (401, 700_027, "invalid_client", "login-certificate-refused"),
            (401, 700_024, "invalid_client", "login-assertion-outdated"),
            (401, 700_023, "invalid_client", "login-assertion-audience"),
            (400, 50_027, "invalid_request", "login-assertion-malformed"),
            (400, 90_002, "invalid_request", "login-tenant-unknown"),
            (400, 90_038, "invalid_request", "login-cloud-wrong"),
            (400, 70_021, "invalid_request", "login-federation-unknown"),
            (401, 700_211, "invalid_client", "login-federation-issuer"),
            (401, 700_212, "invalid_client", "login-federation-audience"),
            (400, 700_213, "invalid_request", "login-federation-subject"),
            (400, 70_011, "invalid_scope", "login-scope-wrong"),
            (400, 700_022, "invalid_request", "login-scope-several"),
            (400, 900_144, "invalid_request", "login-field-missing"),
            (400, 53_003, "access_denied", "login-blocked"),
            (400, 7_000_112, "unauthorized_client", "login-app-disabled"),
            (400, 90_033, "temporarily_unavailable", "login-unavailable"),
            (400, 90_055, "invalid_request", "login-unavailable"),
            (400, 90_024, "invalid_request", "login-unavailable"),
            (504, 90_006, "server_error", "login-unavailable"),
            (400, 90_012, "invalid_request", "login-unavailable"),
            (400, 90_013, "invalid_request", "login-unavailable"),
            (400, 50_196, "invalid_grant", "login-throttled"),
            (400, 1_234_567, "invalid_request", "login-refused"),
            (400, 1_234_567, "server_error", "login-unavailable"),
            (503, 1_234_567, "whatever", "login-unavailable"),
        ] {
            let text = format!("AADSTS{code}: Some words. Trace ID: x");
            for codes in [format!(r#","error_codes":[{code}]"#), String::new()] {
                let body = format!(r#"{{"error":"{error}","error_description":"{text}"{codes}}}"#);
                let fault = refused(status, &body);
                assert_eq!(fault.code(), expected, "{body}");
                assert!(advice.insert(fault.code(), fault.advice()).is_none_or(|before| before == fault.advice()));
            }
        }
        let expired = "AADSTS700027: Client assertion failed. [Reason - The key used is expired., Thumbprint: 'AB']";
        let expired = refused(
            401,
            &format!(r#"{{"error":"invalid_client","error_description":"{expired}","error_codes":[700027]}}"#),
        );
        assert_eq!(expired.code(), "login-certificate-expired");
        advice.insert(expired.code(), expired.advice());
        let distinct: std::collections::BTreeSet<_> = advice.values().collect();
        assert_eq!(distinct.len(), advice.len(), "{advice:#?}");
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
