//! Certificates: the lab's own authority, or files that were given.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// Where the certificates of domain controllers come from. One authority may serve the domains of a forest.
#[derive(Clone)]
pub struct Certificates {
    source: Source,
    /// What clients are to trust, PEM.
    pub ca_pem: String,
}

#[derive(Clone)]
enum Source {
    /// The lab's own authority.
    Authority(Arc<CertifiedIssuer<'static, KeyPair>>),
    /// One certificate for all.
    Files(Arc<Identity>),
}

/// What a server shows.
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Certificates {
    /// A new authority.
    pub fn generate() -> io::Result<Certificates> {
        let mut authority = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
        authority.distinguished_name.push(DnType::CommonName, "seatsync lab CA");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let authority = CertifiedIssuer::self_signed(authority, key).map_err(io::Error::other)?;
        let ca_pem = authority.pem();
        Ok(Certificates { source: Source::Authority(Arc::new(authority)), ca_pem })
    }

    /// A certificate chain and its key from PEM files, for every domain controller.
    pub fn read(certificate: &Path, key: &Path) -> io::Result<Certificates> {
        let identity = Identity::read(certificate, key)?;
        Ok(Certificates { source: Source::Files(Arc::new(identity)), ca_pem: std::fs::read_to_string(certificate)? })
    }

    /// Serves TLS under those names and addresses.
    pub fn acceptor(&self, names: &[String]) -> io::Result<TlsAcceptor> {
        let (chain, key) = match &self.source {
            Source::Authority(authority) => {
                let identity = Identity::issued(authority, names)?;
                (identity.chain, identity.key)
            }
            Source::Files(identity) => (identity.chain.clone(), identity.key.clone_key()),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(io::Error::other)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl Identity {
    fn issued(authority: &CertifiedIssuer<'static, KeyPair>, names: &[String]) -> io::Result<Identity> {
        let mut server = CertificateParams::new(names).map_err(io::Error::other)?;
        let first = names.first().map_or("localhost", String::as_str);
        server.distinguished_name.push(DnType::CommonName, first);
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = server.signed_by(&key, authority).map_err(io::Error::other)?;
        Ok(Identity {
            chain: vec![certificate.der().clone()],
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        })
    }

    fn read(certificate: &Path, key: &Path) -> io::Result<Identity> {
        let unreadable = |path: &Path, error: String| io::Error::other(format!("{}: {error}", path.display()));
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect)
            .map_err(|error| unreadable(certificate, error.to_string()))?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, error.to_string()))?;
        Ok(Identity { chain, key })
    }
}
