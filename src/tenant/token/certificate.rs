//! A certificate and its private key, of files or of the machine's store, and the assertion they sign ("Microsoft identity platform application authentication
//! certificate credentials"; RFC 7523, RFC 7515).

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{self, KeyPair as _, RsaKeyPair, UnparsedPublicKey};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde_json::json;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

use super::read_file;
use crate::clock::later;
use crate::model::certificate::{CertificateSource, Thumbprint};
use crate::model::settings::AssertionAlgorithm;
use crate::system::{self, Padding, StoredCertificate};
use crate::tenant::error::TenantError;

/// No PEM file with a key and a chain is longer, in bytes.
const LIMIT: u64 = 64 * 1024;

/// How long an assertion counts; Microsoft recommends five to ten minutes.
const LIFETIME: Duration = Duration::from_mins(10);

/// A certificate with its key. Not `Debug`: nothing of it is to be shown.
pub(super) struct Certificate<'a> {
    source: &'a CertificateSource,
    der: Vec<u8>,
    facts: Facts,
    key: Box<dyn Sign>,
}

/// What a certificate says of itself.
struct Facts {
    /// The key in the form of its algorithm: of RSA, PKCS#1.
    public_key: Vec<u8>,
    /// Whether it is one of RSA and as long as Entra asks for.
    is_rsa: bool,
    expires: Timestamp,
}

/// A private key of RSA, wherever it is kept.
trait Sign {
    /// Signs the text, or says why not.
    fn sign(&self, algorithm: AssertionAlgorithm, text: &[u8]) -> Result<Vec<u8>, String>;
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

impl<'a> Certificate<'a> {
    /// Finds both.
    pub fn read(source: &'a CertificateSource) -> Result<Self, TenantError> {
        match source {
            CertificateSource::Files { certificate, key } => Self::read_files(source, certificate, key),
            CertificateSource::Machine(thumbprint) => {
                let stored = system::stored_certificate(thumbprint.bytes());
                let stored = stored.map_err(|error| not_in_store(*thumbprint, error.to_string()))?;
                Self::stored(source, *thumbprint, stored.der().to_vec(), Box::new(stored))
            }
        }
    }

    /// Of the keys the first, and of the certificates the one it belongs to, so that a chain may stand in any order.
    fn read_files(source: &'a CertificateSource, certificate: &Path, key: &Path) -> Result<Self, TenantError> {
        let pem = Zeroizing::new(read_file(key, LIMIT)?);
        let pair = key_pair(&pem).map_err(|detail| unusable(key, detail))?;
        let pem = if certificate == key { pem } else { Zeroizing::new(read_file(certificate, LIMIT)?) };
        let mut found = false;
        for der in CertificateDer::pem_slice_iter(&pem) {
            let der = der.map_err(|error| unusable(certificate, format!("it is not well-formed PEM: {error}")))?;
            found = true;
            if let Some(facts) = facts(&der).filter(|facts| facts.public_key == pair.public_key().as_ref()) {
                return Ok(Self { source, der: der.to_vec(), facts, key: Box::new(pair) });
            }
        }
        let detail = if found { "no certificate in it belongs to the private key" } else { "it holds no certificate" };
        Err(unusable(certificate, detail.into()))
    }

    /// What the machine's store has, if it is of a kind that Entra takes.
    fn stored(
        source: &'a CertificateSource,
        thumbprint: Thumbprint,
        der: Vec<u8>,
        key: Box<dyn Sign>,
    ) -> Result<Self, TenantError> {
        let Some(facts) = facts(&der).filter(|facts| facts.is_rsa) else {
            let detail =
                "its key is not an RSA key of 2048 bits or more, which Entra asks for: have another one issued";
            return Err(not_in_store(thumbprint, detail.into()));
        };
        Ok(Self { source, der, facts, key })
    }

    /// Until when it is valid.
    pub fn expires(&self) -> Timestamp {
        self.facts.expires
    }

    /// A fresh assertion.
    pub fn assertion(&self, algorithm: AssertionAlgorithm, claims: &Claims<'_>) -> Result<SecretString, TenantError> {
        let print = |algorithm| URL_SAFE_NO_PAD.encode(ring::digest::digest(algorithm, &self.der));
        let header = match algorithm {
            AssertionAlgorithm::Ps256 => {
                json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": print(&ring::digest::SHA256) })
            }
            // A name for the certificate, not a proof: Entra looks the key up by it.
            AssertionAlgorithm::Rs256 => {
                json!({ "alg": "RS256", "typ": "JWT", "x5t": print(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY) })
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
        let signature = self.sign(algorithm, signed.as_bytes()).map_err(|detail| match self.source {
            CertificateSource::Files { key, .. } => unusable(key, detail),
            CertificateSource::Machine(thumbprint) => not_in_store(*thumbprint, detail),
        })?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
    }

    /// A signature that was looked at: a key of the store may be another one than the certificate's, and some providers choose
    /// the salt of PSS themselves. Entra would say no more than that it is wrong.
    fn sign(&self, algorithm: AssertionAlgorithm, text: &[u8]) -> Result<Vec<u8>, String> {
        let signature = self.key.sign(algorithm, text)?;
        let how: &dyn signature::VerificationAlgorithm = match algorithm {
            AssertionAlgorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
            AssertionAlgorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        };
        let fits = UnparsedPublicKey::new(how, &self.facts.public_key).verify(text, &signature).is_ok();
        fits.then_some(signature).ok_or_else(|| {
            "what its key signed does not fit the certificate: with a key in a TPM, try algorithm = \"RS256\"; else import \
             both anew"
                .to_owned()
        })
    }
}

impl Sign for RsaKeyPair {
    fn sign(&self, algorithm: AssertionAlgorithm, text: &[u8]) -> Result<Vec<u8>, String> {
        let padding: &dyn signature::RsaEncoding = match algorithm {
            AssertionAlgorithm::Ps256 => &signature::RSA_PSS_SHA256,
            AssertionAlgorithm::Rs256 => &signature::RSA_PKCS1_SHA256,
        };
        let mut signature = vec![0; self.public().modulus_len()];
        RsaKeyPair::sign(self, padding, &SystemRandom::new(), text, &mut signature)
            .map_err(|_| "its key could not sign the assertion".to_owned())?;
        Ok(signature)
    }
}

impl Sign for StoredCertificate {
    fn sign(&self, algorithm: AssertionAlgorithm, text: &[u8]) -> Result<Vec<u8>, String> {
        let padding = match algorithm {
            AssertionAlgorithm::Ps256 => Padding::Pss,
            AssertionAlgorithm::Rs256 => Padding::Pkcs1,
        };
        let mut digest = [0; 32];
        digest.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, text).as_ref());
        StoredCertificate::sign(self, &digest, padding).map_err(|error| error.to_string())
    }
}

fn unusable(path: &Path, detail: String) -> TenantError {
    TenantError::CredentialFile { path: path.to_owned(), detail }
}

fn not_in_store(thumbprint: Thumbprint, detail: String) -> TenantError {
    TenantError::CredentialStore { thumbprint, detail }
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

/// `None` when it is no certificate.
fn facts(der: &[u8]) -> Option<Facts> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let key = certificate.public_key();
    Some(Facts {
        public_key: key.subject_public_key.data.to_vec(),
        is_rsa: matches!(key.parsed(), Ok(PublicKey::RSA(key)) if key.key_size() >= 2048),
        expires: Timestamp::from_second(certificate.validity().not_after.timestamp()).unwrap_or(Timestamp::MAX),
    })
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
        let source = CertificateSource::Files { certificate: path.clone(), key: path };
        let certificate = Certificate::read(&source).unwrap();
        assert_eq!(certificate.expires(), until);
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

    const PRINT: &str = "0123456789ABCDEF0123456789ABCDEF01234567";

    /// A certificate as the machine's store would give it, with a key that stands in for one of CNG.
    fn stored<'a>(source: &'a CertificateSource, pem: &str, key: TestKey) -> Result<Certificate<'a>, TenantError> {
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let pair = key_pair(AppCertificate::new(key, now, now).key_pem().as_bytes()).unwrap();
        Certificate::stored(source, PRINT.parse().unwrap(), der.to_vec(), Box::new(pair))
    }

    #[test]
    fn a_certificate_of_the_machine_signs_as_one_of_a_file_and_a_key_that_is_not_its_own_is_told() {
        let (now, until) = (Timestamp::UNIX_EPOCH, "2027-01-31T12:00:00Z".parse().unwrap());
        let pem = AppCertificate::new(TestKey::App, now, until).certificate_pem;
        let source = CertificateSource::Machine(PRINT.parse().unwrap());
        let claims = Claims { audience: "https://login.example", client_id: "app", now };
        let certificate = stored(&source, &pem, TestKey::App).unwrap();
        assert_eq!(certificate.expires(), until);
        let other = stored(&source, &pem, TestKey::Other).unwrap();
        for (algorithm, name) in [(AssertionAlgorithm::Ps256, "PS256"), (AssertionAlgorithm::Rs256, "RS256")] {
            let assertion = certificate.assertion(algorithm, &claims).unwrap();
            assert_eq!(part(assertion.expose_secret(), 0)["alg"], name);
            let error = other.assertion(algorithm, &claims).unwrap_err();
            let said = error.to_string();
            assert!(said.contains(PRINT) && said.contains("does not fit the certificate"), "{said}");
        }
    }

    #[test]
    fn a_certificate_of_the_machine_that_is_none_for_entra_is_told() {
        let source = CertificateSource::Machine(PRINT.parse().unwrap());
        let error = stored(&source, EC, TestKey::App).err().unwrap();
        assert!(error.to_string().contains("not an RSA key of 2048 bits"), "{error}");
        // There is none of this name anywhere.
        let error = Certificate::read(&source).err().unwrap();
        assert!(matches!(error, TenantError::CredentialStore { .. }), "{error}");
    }

    /// A certificate with a key on the curve P-256.
    const EC: &str = "-----BEGIN CERTIFICATE-----\n\
        MIIBcTCCARegAwIBAgIUIqRDSK+Gglzfq4+D3KDkagCIlP0wCgYIKoZIzj0EAwIw\n\
        DTELMAkGA1UEAwwCZWMwIBcNMjYxMTIxMjI1MzAzWhgPMjEyNjEwMjgyMjUzMDNa\n\
        MA0xCzAJBgNVBAMMAmVjMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESkG/rX4Q\n\
        AX7vhh4fTuUVOrTqhwG5GHqm7VVnTXokzHBlmkmjmqxoFm5RaBWsEsohH1MiEjVe\n\
        XtwSxT0TbTB6WqNTMFEwHQYDVR0OBBYEFE/nRIT6wcOYSsq1Jc/DI8H6Jn4YMB8G\n\
        A1UdIwQYMBaAFE/nRIT6wcOYSsq1Jc/DI8H6Jn4YMA8GA1UdEwEB/wQFMAMBAf8w\n\
        CgYIKoZIzj0EAwIDSAAwRQIhAMqgAzHGII85XljEKAIDFB6ymtx8BjeAv4n5dOQ1\n\
        ONk5AiB5o0IHZklHwKEq2Z7d3E5vdoLSyM66CrfKvRywDy2Iog==\n\
        -----END CERTIFICATE-----";
}
