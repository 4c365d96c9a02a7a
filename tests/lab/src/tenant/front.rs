//! A TLS listener in front of the tenant, under Microsoft's own host names or any others. Whoever connects must be led here,
//! by a proxy for example.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Tenant;

/// A TLS listener in front of the tenant; it stops when dropped.
pub struct TlsFront {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The authority to trust, in PEM.
    pub ca_pem: String,
    _stop: DropGuard,
}

impl Tenant {
    /// Serves the tenant with TLS under these names.
    ///
    /// # Errors
    /// When no socket or certificate can be had.
    pub async fn tls_front(&self, names: &[&str]) -> io::Result<TlsFront> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).map_err(io::Error::other)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .map_err(io::Error::other)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let stopped = CancellationToken::new();
        tokio::spawn(accept(listener, TlsAcceptor::from(Arc::new(config)), self.addr(), stopped.clone()));
        Ok(TlsFront { addr, ca_pem: cert.pem(), _stop: stopped.drop_guard() })
    }
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, behind: SocketAddr, stopped: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped.cancelled() => return,
        };
        let Ok((outside, _)) = accepted else { continue };
        let tls = tls.clone();
        tokio::spawn(async move {
            // A connection that fails on either side ends; the other side notices.
            let mut outside = tls.accept(outside).await?;
            let mut inside = TcpStream::connect(behind).await?;
            copy_bidirectional(&mut outside, &mut inside).await
        });
    }
}
