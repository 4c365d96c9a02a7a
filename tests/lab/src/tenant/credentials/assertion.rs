//! Verifies client assertions as Entra does: certificates by thumbprint, federated credentials by issuer, subject and audience.
//! Texts are those seen in the field; which code a wrong audience, a missing `jti` or an issuer's bad signature leads to is
//! assumed.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use ring::{
    digest,
    signature::{self, KeyPair, UnparsedPublicKey},
};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde_json::Value;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{ISSUER_KEY, der};
use crate::tenant::{login::Refusal, world::App};

/// By how much clocks may differ.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// A token taken apart.
struct Token {
    header: Value,
    claims: Value,
    signed: String,
    seal: Vec<u8>,
}

impl Token {
    fn parse(text: &str) -> Option<Self> {
        let (signed, seal) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let json = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        let seal = URL_SAFE_NO_PAD.decode(seal).ok()?;
        Some(Self { header: json(header)?, claims: json(claims)?, signed: signed.to_owned(), seal })
    }

    fn claim(&self, name: &str) -> &str {
        self.claims[name].as_str().unwrap_or_default()
    }

    fn time(&self, name: &str) -> Option<Timestamp> {
        Timestamp::from_second(self.claims[name].as_i64()?).ok()
    }

    fn is_signed_by(&self, key: &[u8]) -> bool {
        let algorithm: &dyn signature::VerificationAlgorithm = match self.header["alg"].as_str() {
            Some("PS256") => &signature::RSA_PSS_2048_8192_SHA256,
            Some("RS256") => &signature::RSA_PKCS1_2048_8192_SHA256,
            _ => return false,
        };
        UnparsedPublicKey::new(algorithm, key).verify(self.signed.as_bytes(), &self.seal).is_ok()
    }
}

/// Whether the assertion speaks for the app, at one of these addresses of the login endpoint.
pub(in crate::tenant) fn verify(
    app: &App,
    assertion: &str,
    audiences: &[String],
    now: Timestamp,
) -> Result<(), Refusal> {
    let token = Token::parse(assertion).ok_or_else(malformed)?;
    if token.claim("iss").starts_with("https://") {
        return verify_federated(app, &token, now);
    }
    if token.claim("iss") != app.app_id || token.claim("sub") != app.app_id {
        let text = "Client assertion application identifier doesn't match 'client_id' parameter.";
        return Err(Refusal::new(401, "invalid_client", 700_021, text.to_owned()));
    }
    verify_certificate(app, &token, now)?;
    if !audiences.iter().any(|audience| audience == token.claim("aud")) {
        let text = "Client assertion audience claim does not match Realm issuer. Review the documentation at \
                    https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials .";
        return Err(Refusal::new(401, "invalid_client", 700_023, text.to_owned()));
    }
    verify_times(&token, now)?;
    match token.claim("jti") {
        "" => Err(malformed()),
        _ => Ok(()),
    }
}

fn malformed() -> Refusal {
    Refusal::new(401, "invalid_client", 50_027, "JWT token is invalid or malformed.".to_owned())
}

fn verify_times(token: &Token, now: Timestamp) -> Result<(), Refusal> {
    let (Some(from), Some(until)) = (token.time("nbf"), token.time("exp")) else {
        return Err(malformed());
    };
    if now.duration_since(until) > SKEW || from.duration_since(now) > SKEW {
        let text = format!(
            "Client assertion is not within its valid time range. Current time: {now}, assertion valid from {from}, \
             expiry time of assertion {until}. Review the documentation at \
             https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials ."
        );
        return Err(Refusal::new(401, "invalid_client", 700_024, text));
    }
    Ok(())
}

fn verify_certificate(app: &App, token: &Token, now: Timestamp) -> Result<(), Refusal> {
    let (algorithm, print) = match (token.header["x5t#S256"].as_str(), token.header["x5t"].as_str()) {
        (Some(print), _) => (&digest::SHA256, print),
        (None, Some(print)) => (&digest::SHA1_FOR_LEGACY_USE_ONLY, print),
        (None, None) => return Err(malformed()),
    };
    let print = URL_SAFE_NO_PAD.decode(print).map_err(|_| malformed())?;
    let shown: String = print.iter().map(|byte| format!("{byte:02X}")).collect();
    let refused = |reason: &str| {
        let text = format!(
            "Client assertion contains an invalid signature. [Reason - {reason}, Thumbprint of key used by client: \
             '{shown}', Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for \
             app Id '{}'.]",
            app.app_id
        );
        Refusal::new(401, "invalid_client", 700_027, text)
    };
    let ders = app.certificates.iter().filter_map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).ok());
    let found = ders.into_iter().find(|der| digest::digest(algorithm, der).as_ref() == print);
    let found = found.ok_or_else(|| refused("The key was not found."))?;
    let (_, certificate) = X509Certificate::from_der(&found).map_err(|_| refused("The key was not found."))?;
    if !token.is_signed_by(&certificate.public_key().subject_public_key.data) {
        return Err(refused("The signature does not fit the key."));
    }
    if certificate.validity().not_after.timestamp() < now.as_second() {
        return Err(refused("The key used is expired."));
    }
    Ok(())
}

fn verify_federated(app: &App, token: &Token, now: Timestamp) -> Result<(), Refusal> {
    let issuer = signature::RsaKeyPair::from_pkcs8(&der(ISSUER_KEY)).map_err(|_| malformed())?;
    if !token.is_signed_by(issuer.public_key().as_ref()) {
        return Err(malformed());
    }
    let mut known: Vec<_> = app.federated_credentials.iter().collect();
    known.retain(|credential| credential.issuer == token.claim("iss"));
    if known.is_empty() {
        return Err(unmatched(700_211, "issuer", token.claim("iss")));
    }
    known.retain(|credential| credential.subject == token.claim("sub"));
    if known.is_empty() {
        return Err(unmatched(700_213, "subject", token.claim("sub")));
    }
    known.retain(|credential| credential.audience == token.claim("aud"));
    if known.is_empty() {
        return Err(unmatched(700_212, "audience", token.claim("aud")));
    }
    verify_times(token, now)
}

fn unmatched(code: u32, what: &str, value: &str) -> Refusal {
    let text = format!(
        "No matching federated identity record found for presented assertion {what} '{value}'. Please check your \
         federated identity credential Subject, Audience and Issuer against the presented assertion. \
         https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
    );
    Refusal::new(401, "invalid_client", code, text)
}
