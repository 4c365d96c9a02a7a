//! A certificate and its private key, and the assertion they sign ("Microsoft identity platform application authentication
//! certificate credentials"; RFC 7523, RFC 7515).

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{self, KeyPair as _, RsaKeyPair};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde_json::json;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::read_file;
use crate::clock::later;
use crate::model::settings::AssertionAlgorithm;
use crate::tenant::error::TenantError;

/// No PEM file with a key and a chain is longer, in bytes.
const LIMIT: u64 = 64 * 1024;

/// How long an assertion counts; Microsoft recommends five to ten minutes.
const LIFETIME: Duration = Duration::from_mins(10);

/// A certificate with its key. Not `Debug`: nothing of it is to be shown.
pub(super) struct Certificate {
    der: Vec<u8>,
    key: RsaKeyPair,
    /// Until when it is valid.
    pub expires: Timestamp,
}

/// What an assertion says.
pub(super) struct Claims<'a> {
    /// Where it is sent.
    pub audience: &'a str,
    /// Who sends it.
    pub client_id: &'a str,
    /// From when on it counts.
    pub now: Timestamp,
}

impl Certificate {
    /// Reads the files: the first key, and of the certificates the one it belongs to, so that a chain may stand in any order.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TenantError> {
        let wrong =
            |path: &Path, detail: &str| TenantError::CredentialFile { path: path.to_owned(), detail: detail.into() };
        let pem = Zeroizing::new(read_file(key, LIMIT)?);
        let pair = key_pair(&pem).map_err(|detail| wrong(key, &detail))?;
        let pem = if certificate == key { pem } else { Zeroizing::new(read_file(certificate, LIMIT)?) };
        let mut found = false;
        for der in CertificateDer::pem_slice_iter(&pem) {
            let der = der.map_err(|error| wrong(certificate, &format!("it is not well-formed PEM: {error}")))?;
            found = true;
            if let Some(expires) = expiry_if_of(&der, &pair) {
                return Ok(Self { der: der.to_vec(), key: pair, expires });
            }
        }
        let detail = if found { "no certificate in it belongs to the private key" } else { "it holds no certificate" };
        Err(wrong(certificate, detail))
    }

    /// A fresh assertion.
    pub fn assertion(&self, algorithm: AssertionAlgorithm, claims: &Claims<'_>) -> Result<SecretString, TenantError> {
        let print = |algorithm| URL_SAFE_NO_PAD.encode(ring::digest::digest(algorithm, &self.der));
        let (header, padding): (_, &dyn signature::RsaEncoding) = match algorithm {
            AssertionAlgorithm::Ps256 => {
                let print = print(&ring::digest::SHA256);
                (json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": print }), &signature::RSA_PSS_SHA256)
            }
            AssertionAlgorithm::Rs256 => {
                // A name for the certificate, not a proof: Entra looks the key up by it.
                let print = print(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY);
                (json!({ "alg": "RS256", "typ": "JWT", "x5t": print }), &signature::RSA_PKCS1_SHA256)
            }
        };
        let body = json!({
            "aud": claims.audience,
            "iss": claims.client_id,
            "sub": claims.client_id,
            "jti": uuid::Uuid::new_v4().to_string(),
            "nbf": claims.now.as_second(),
            "iat": claims.now.as_second(),
            "exp": later(claims.now, LIFETIME).as_second(),
        });
        let encode = |part: &serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&body));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(padding, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| TenantError::Client("the assertion could not be signed".into()))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
    }
}

/// The first private key of a PEM text. What is wrong never quotes it.
fn key_pair(pem: &[u8]) -> Result<RsaKeyPair, String> {
    if pem.windows(17).any(|part| part == b"ENCRYPTED PRIVATE")
        || pem.windows(18).any(|part| part == b"Proc-Type: 4,ENCRY")
    {
        return Err(
            "its private key is encrypted; seatsync takes it without a passphrase, kept from others by the file's mode"
                .into(),
        );
    }
    let pair = match PrivateKeyDer::from_pem_slice(pem) {
        Ok(PrivateKeyDer::Pkcs8(der)) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        Ok(PrivateKeyDer::Pkcs1(der)) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        Ok(_) => return Err("its private key is not an RSA key, which Entra asks for".into()),
        Err(_) => {
            return Err(
                "it holds no private key in PEM form (\"BEGIN PRIVATE KEY\" or \"BEGIN RSA PRIVATE KEY\")".into()
            );
        }
    };
    pair.map_err(|rejected| {
        format!("its private key cannot be used: {rejected} (an RSA key of 2048 to 4096 bits is needed)")
    })
}

/// Until when the certificate is valid, if it is this key's.
fn expiry_if_of(der: &[u8], pair: &RsaKeyPair) -> Option<Timestamp> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let theirs = certificate.public_key().subject_public_key.data.as_ref();
    let expires = Timestamp::from_second(certificate.validity().not_after.timestamp()).unwrap_or(Timestamp::MAX);
    (theirs == pair.public_key().as_ref()).then_some(expires)
}

#[cfg(test)]
mod tests {
    use seatsync_lab::tenant::{AppCertificate, TestKey};
    use secrecy::ExposeSecret as _;

    use super::*;

    fn part(token: &str, index: usize) -> serde_json::Value {
        let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn an_assertion_says_what_microsoft_asks_for_and_is_fresh() {
        let now: Timestamp = "2026-05-04T08:20:00Z".parse().unwrap();
        let until: Timestamp = "2027-01-31T12:00:00Z".parse().unwrap();
        let lab = AppCertificate::new(TestKey::App, now, until);
        let files = tempfile::tempdir().unwrap();
        let path = files.path().join("seatsync.pem");
        std::fs::write(&path, lab.both_pem()).unwrap();
        let certificate = Certificate::read(&path, &path).unwrap();
        assert_eq!(certificate.expires, until);
        let claims = Claims { audience: "https://login.example/t/oauth2/v2.0/token", client_id: "app", now };
        let assertion = |algorithm| {
            let assertion = certificate.assertion(algorithm, &claims).unwrap();
            assertion.expose_secret().to_owned()
        };
        let (modern, legacy) = (assertion(AssertionAlgorithm::Ps256), assertion(AssertionAlgorithm::Rs256));
        let der = CertificateDer::from_pem_slice(lab.certificate_pem.as_bytes()).unwrap();
        let print = |algorithm| URL_SAFE_NO_PAD.encode(ring::digest::digest(algorithm, &der));
        let header = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": print(&ring::digest::SHA256) });
        assert_eq!(part(&modern, 0), header);
        let header = json!({ "alg": "RS256", "typ": "JWT", "x5t": print(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY) });
        assert_eq!(part(&legacy, 0), header);
        let (mut first, second) = (part(&modern, 1), part(&legacy, 1));
        assert_ne!(first["jti"], second["jti"], "each has a name of its own");
        first["jti"] = json!("x");
        let second = now.as_second();
        assert_eq!(
            first,
            json!({
                "aud": claims.audience, "iss": "app", "sub": "app", "jti": "x",
                "nbf": second, "iat": second, "exp": second + 600
            })
        );
    }
}
