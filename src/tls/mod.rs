//! The one rustls configuration, for LDAP and Graph.
//!
//! TLS 1.2 and 1.3 with the algorithms of `ring`, chosen here explicitly rather than by whichever crate installed a process
//! default first. Callers set ALPN on their copy; nobody turns verification off.

mod handshake;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::model::fault::{Class, Fault, exit};

pub use handshake::{Handshake, handshake_fault};

/// Whom a connection trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roots {
    /// The authorities of this PEM file and no others.
    Only(PathBuf),
    /// Those of the system, and those of this PEM file where one is given.
    SystemAnd(Option<PathBuf>),
}

/// Why no TLS configuration could be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file with authorities cannot be read.
    #[error("cannot read the CA file {}: {source}", path.display())]
    CaUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not well-formed PEM.
    #[error("the CA file {} is not well-formed PEM: {source}", path.display())]
    CaMalformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// The file is readable, but names no authority.
    #[error("the CA file {} holds no usable certificate ({refused} unusable)", path.display())]
    CaEmpty {
        /// The file.
        path: PathBuf,
        /// Certificates in it that are not acceptable as authorities.
        refused: usize,
    },
    /// The system names no authority that can be used.
    #[error("the system's certificate store holds no usable authority ({problems} problems{})", first.as_ref().map(|text| format!(", the first: {text}")).unwrap_or_default())]
    NoRoots {
        /// Files and certificates that were skipped.
        problems: usize,
        /// What was wrong with the first.
        first: Option<String>,
    },
    /// The library refused the parameters.
    #[error("no TLS configuration: {0}")]
    Parameters(#[from] rustls::Error),
}

impl Fault for TlsError {
    fn class(&self) -> Class {
        match self {
            Self::Parameters(_) => Class::Bug,
            _ => Class::Operator,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::CaUnreadable { .. } => "tls-ca-unreadable",
            Self::CaMalformed { .. } => "tls-ca-malformed",
            Self::CaEmpty { .. } => "tls-ca-empty",
            Self::NoRoots { .. } => "tls-no-roots",
            Self::Parameters(_) => "tls-parameters",
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::CaUnreadable { path, .. } => {
                format!("Check that {} exists and that the account seatsync runs as may read it.", path.display())
            }
            Self::CaMalformed { path, .. } | Self::CaEmpty { path, .. } => format!(
                "Put the issuing CA's certificate into {} as PEM (\"-----BEGIN CERTIFICATE-----\"); a DER file (.cer, .crt) \
                 is converted with: openssl x509 -inform der -in ca.cer -out ca.pem",
                path.display()
            ),
            Self::NoRoots { .. } => {
                "Install the system's CA certificates (package ca-certificates), or name a PEM file with the CA in ca_file."
                    .into()
            }
            Self::Parameters(_) => "Report this with the version of seatsync.".into(),
        }
    }

    fn exit_status(&self) -> u8 {
        match self {
            Self::Parameters(_) => exit::SOFTWARE,
            _ => exit::CONFIG,
        }
    }
}

/// Makes a client configuration that trusts `roots`. Reads files: call it once per configuration, not per connection.
///
/// Single certificates that cannot be used are skipped and counted in the log; a system store of hundreds always has
/// some.
///
/// # Errors
/// When a named file cannot be used, or nothing is left to trust.
pub fn client_config(roots: &Roots) -> Result<Arc<ClientConfig>, TlsError> {
    let mut store = RootCertStore::empty();
    match roots {
        Roots::Only(path) => add_file(&mut store, path)?,
        Roots::SystemAnd(extra) => {
            add_system(&mut store)?;
            if let Some(path) = extra {
                add_file(&mut store, path)?;
            }
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Until when a certificate (DER) is valid; `None` when it cannot be read.
#[must_use]
pub fn valid_until(der: &[u8]) -> Option<Timestamp> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

fn add_file(store: &mut RootCertStore, path: &Path) -> Result<(), TlsError> {
    let bytes = fs::read(path).map_err(|source| TlsError::CaUnreadable { path: path.to_owned(), source })?;
    let certificates = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| TlsError::CaMalformed { path: path.to_owned(), source })?;
    let (added, refused) = store.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(TlsError::CaEmpty { path: path.to_owned(), refused });
    }
    if refused > 0 {
        tracing::warn!(file = %path.display(), refused, "certificates in the CA file were skipped: not usable as authorities");
    }
    Ok(())
}

fn add_system(store: &mut RootCertStore) -> Result<(), TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let (added, refused) = store.add_parsable_certificates(found.certs);
    let problems = refused + found.errors.len();
    if added == 0 {
        return Err(TlsError::NoRoots { problems, first: found.errors.first().map(ToString::to_string) });
    }
    tracing::debug!(added, problems, "authorities of the system's certificate store");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// A self-signed P-256 authority, valid until 2126.
    const AUTHORITY: &str = include_str!("test-authority.pem");

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn code(roots: &Roots) -> &'static str {
        client_config(roots).map(|_| ()).map_err(|error| error.code()).unwrap_err()
    }

    #[test]
    fn an_own_authority_is_enough() {
        let file = file(AUTHORITY);
        let config = client_config(&Roots::Only(file.path().into())).unwrap();
        assert!(config.alpn_protocols.is_empty());
    }

    #[test]
    fn an_unusable_file_is_refused_with_its_own_code() {
        assert_eq!(code(&Roots::Only("/nonexistent/ca.pem".into())), "tls-ca-unreadable");
        assert_eq!(code(&Roots::Only(file("").path().into())), "tls-ca-empty");
        assert_eq!(code(&Roots::Only(file("just text\n").path().into())), "tls-ca-empty");
        let cut = "-----BEGIN CERTIFICATE-----\nAAAA\n";
        assert_eq!(code(&Roots::Only(file(cut).path().into())), "tls-ca-malformed");
        let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(code(&Roots::Only(file(no_certificate).path().into())), "tls-ca-empty");
    }

    #[test]
    fn one_bad_certificate_beside_a_good_one_is_skipped() {
        let both = format!("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n{AUTHORITY}");
        client_config(&Roots::Only(file(&both).path().into())).unwrap();
    }

    #[test]
    fn every_error_has_advice_and_the_right_exit_status() {
        let error = client_config(&Roots::Only("/nonexistent/ca.pem".into())).unwrap_err();
        assert!(error.advice().contains("/nonexistent/ca.pem"));
        assert_eq!((error.class(), error.exit_status()), (Class::Operator, exit::CONFIG));
    }
}
