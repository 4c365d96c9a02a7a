//! What apps prove themselves with beside a secret: certificates and tokens of an external issuer, made here for tests, and
//! what the tenant knows of them.

mod assertion;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jiff::Timestamp;
use rcgen::{CertificateParams, DnType, KeyPair, SerialNumber};
use ring::{rand::SystemRandom, signature};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(super) use assertion::verify;

use super::{Tenant, world::App};

const APP_KEY: &str = include_str!("keys/app.pem");
const OTHER_KEY: &str = include_str!("keys/other.pem");
const ISSUER_KEY: &str = include_str!("keys/issuer.pem");

/// A federated credential of an app: whose tokens stand for it. Compared exactly, case and all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FederatedCredential {
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// `aud`, usually `api://AzureADTokenExchange`.
    pub audience: String,
}

/// Which of the lab's RSA keys a certificate has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestKey {
    /// The usual one.
    App,
    /// Another.
    Other,
}

impl TestKey {
    pub(super) fn pem(self) -> &'static str {
        match self {
            Self::App => APP_KEY,
            Self::Other => OTHER_KEY,
        }
    }
}

/// A self-signed certificate with its key; no two are alike.
#[derive(Debug, Clone)]
pub struct AppCertificate {
    /// The certificate in PEM.
    pub certificate_pem: String,
    key: TestKey,
}

impl AppCertificate {
    /// One that is valid between those times.
    ///
    /// # Panics
    /// Never, with the keys that are built in.
    #[must_use]
    pub fn new(key: TestKey, from: Timestamp, until: Timestamp) -> Self {
        let pair = KeyPair::from_pem(key.pem()).expect("a built-in key");
        let time = |at: Timestamp| {
            let seconds = u64::try_from(at.as_second()).unwrap_or_default();
            rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(seconds)
        };
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "seatsync lab");
        params.serial_number = Some(SerialNumber::from(fastrand::u64(..)));
        (params.not_before, params.not_after) = (time(from), time(until));
        let certificate = params.self_signed(&pair).expect("a self-signed certificate");
        Self { certificate_pem: certificate.pem(), key }
    }

    /// The private key as PKCS#8 PEM.
    #[must_use]
    pub fn key_pem(&self) -> &'static str {
        self.key.pem()
    }

    /// The private key as PKCS#1 PEM.
    #[must_use]
    pub fn key_pem_pkcs1(&self) -> String {
        // Version and algorithm of a 2048-bit key come first, in so many bytes (RFC 5208).
        let inner = &der(self.key.pem())[26..];
        let text = STANDARD.encode(inner);
        let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n", lines.join("\n"))
    }

    /// Key and certificate in one text.
    #[must_use]
    pub fn both_pem(&self) -> String {
        format!("{}{}", self.key_pem(), self.certificate_pem)
    }
}

/// Somebody apps may trust to speak for them: an OpenID Connect issuer whose key the tenant knows.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// `iss` of its tokens.
    pub url: String,
    key: &'static str,
}

impl Issuer {
    /// An issuer of that name.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self { url: url.to_owned(), key: ISSUER_KEY }
    }

    /// One that signs with a key the tenant does not know it by.
    #[must_use]
    pub fn forged(url: &str) -> Self {
        Self { url: url.to_owned(), key: OTHER_KEY }
    }

    /// A token.
    #[must_use]
    pub fn token(&self, subject: &str, audience: &str, from: Timestamp, until: Timestamp) -> String {
        let claims = json!({
            "iss": self.url, "sub": subject, "aud": audience,
            "nbf": from.as_second(), "iat": from.as_second(), "exp": until.as_second(),
        });
        jws(&json!({ "alg": "RS256", "typ": "JWT", "kid": "lab" }), &claims, self.key)
    }
}

fn der(pem: &str) -> Vec<u8> {
    let key = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).expect("a built-in key");
    key.secret_pkcs8_der().to_vec()
}

/// Signs with RS256.
pub(super) fn jws(header: &Value, claims: &Value, key: &str) -> String {
    let pair = signature::RsaKeyPair::from_pkcs8(&der(key)).expect("a built-in key");
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let mut seal = vec![0; pair.public().modulus_len()];
    pair.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut seal).expect("a signature");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(seal))
}

impl Tenant {
    fn change_apps(&self, change: impl Fn(&mut App)) {
        self.shared.write(|state| state.apps.iter_mut().for_each(&change));
    }

    /// Adds a certificate to every app.
    pub fn add_certificate(&self, certificate: &AppCertificate) {
        self.change_apps(|app| app.certificates.push(certificate.certificate_pem.clone()));
    }

    /// Takes all certificates off every app.
    pub fn remove_certificates(&self) {
        self.change_apps(|app| app.certificates.clear());
    }

    /// Adds a federated credential to every app.
    pub fn add_federated_credential(&self, issuer: &str, subject: &str, audience: &str) {
        self.change_apps(|app| {
            app.federated_credentials.push(FederatedCredential {
                issuer: issuer.to_owned(),
                subject: subject.to_owned(),
                audience: audience.to_owned(),
            });
        });
    }

    /// Takes all federated credentials off every app.
    pub fn remove_federated_credentials(&self) {
        self.change_apps(|app| app.federated_credentials.clear());
    }

    /// Adds a secret to every app, beside the one it has.
    pub fn add_secret(&self, secret: &str) {
        self.change_apps(|app| app.more_secrets.push(secret.to_owned()));
    }
}
