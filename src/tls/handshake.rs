//! What went wrong in a TLS handshake, in words an operator can act on.

use std::error::Error;
use std::fmt;
use std::io;

use rustls::{CertificateError, Error as Rustls};

/// Why two sides did not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// No authority we trust stands behind the peer's certificate.
    UnknownIssuer,
    /// The certificate is for other names.
    WrongName {
        /// The names it is for; empty where it has none beside its subject, which does not count (RFC 6125, 6.4.4).
        presented: Vec<String>,
    },
    /// The certificate's time is over, or this machine's clock is wrong.
    Expired,
    /// The certificate's time has not come, or this machine's clock is wrong.
    NotYetValid,
    /// Something answers there, but not with TLS.
    NotTls,
    /// The peer ended the handshake or shares no protocol version or cipher suite with us.
    Disagreed(String),
    /// The name to verify is none that a certificate could carry.
    Unnameable,
    /// Another fault of the peer's certificate.
    Certificate(String),
    /// Anything else.
    Other(String),
}

impl fmt::Display for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownIssuer => f.write_str("its certificate was issued by no authority that is trusted here"),
            Self::WrongName { presented } if presented.is_empty() => {
                f.write_str("its certificate carries no subject alternative name")
            }
            Self::WrongName { presented } => {
                write!(f, "its certificate is for another name ({})", presented.join(", "))
            }
            Self::Expired => f.write_str("its certificate has expired"),
            Self::NotYetValid => f.write_str("its certificate is not valid yet"),
            Self::NotTls => f.write_str("what answers there is not TLS"),
            Self::Disagreed(text) => write!(f, "no agreement on TLS: {text}"),
            Self::Unnameable => f.write_str("that is no name a certificate can carry"),
            Self::Certificate(text) => write!(f, "its certificate is not acceptable: {text}"),
            Self::Other(text) => write!(f, "the TLS handshake failed: {text}"),
        }
    }
}

impl Handshake {
    /// One sentence: what to do next.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::UnknownIssuer => {
                "Name the issuing CA's certificate (PEM) in ca_file, or install it in the system's certificate store."
            }
            Self::WrongName { presented } if presented.is_empty() => {
                "Issue a certificate with the server's DNS name as subject alternative name; the common name alone does not count."
            }
            Self::WrongName { .. } => {
                "Connect by a name the certificate carries, or issue one that carries the configured name; an alias or an \
                 address is not enough."
            }
            Self::Expired | Self::NotYetValid => "Renew the server's certificate; check this machine's clock.",
            Self::NotTls => {
                "Check port and transport: LDAPS is usually on 636, StartTLS on 389; a proxy may stand in between."
            }
            Self::Disagreed(_) => {
                "The server must offer TLS 1.2 with an ECDHE and AEAD cipher suite, or TLS 1.3: Windows Server 2016 and later do."
            }
            Self::Unnameable => "Write the server as a DNS name.",
            Self::Certificate(_) => {
                "Issue a new certificate for the server (RSA of 2048 bits or more or ECDSA, SHA-256)."
            }
            Self::Other(_) => "Look into the server's event log for Schannel entries of the same time.",
        }
    }
}

/// Finds the TLS fault in an error's chain of causes; `None` when it has another cause.
#[must_use]
pub fn handshake_fault(error: &(dyn Error + 'static)) -> Option<Handshake> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<Rustls>() {
            return Some(read(found));
        }
        // An io::Error made of another error names that one's source as its own: look inside first.
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

fn read(error: &Rustls) -> Handshake {
    match error {
        Rustls::InvalidCertificate(fault) => certificate(fault),
        Rustls::InvalidMessage(_) => Handshake::NotTls,
        Rustls::AlertReceived(_) | Rustls::PeerIncompatible(_) | Rustls::PeerMisbehaved(_) => {
            Handshake::Disagreed(error.to_string())
        }
        other => Handshake::Other(other.to_string()),
    }
}

fn certificate(fault: &CertificateError) -> Handshake {
    match fault {
        CertificateError::UnknownIssuer => Handshake::UnknownIssuer,
        CertificateError::NotValidForName => Handshake::WrongName { presented: Vec::new() },
        CertificateError::NotValidForNameContext { presented, .. } => {
            Handshake::WrongName { presented: presented.iter().map(|name| plain(name)).collect() }
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Handshake::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Handshake::NotYetValid,
        other => Handshake::Certificate(other.to_string()),
    }
}

/// webpki writes names as `DnsName("dc1.example.test")`.
fn plain(name: &str) -> String {
    name.split('"').nth(1).unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);

    #[test]
    fn the_fault_is_found_below_other_errors() {
        let fault = Rustls::InvalidCertificate(CertificateError::UnknownIssuer);
        let wrapped = Outer(io::Error::new(io::ErrorKind::InvalidData, fault));
        assert_eq!(handshake_fault(&wrapped), Some(Handshake::UnknownIssuer));
        assert_eq!(handshake_fault(&Outer(io::ErrorKind::ConnectionReset.into())), None);
        assert_eq!(handshake_fault(&Outer(io::Error::other("text"))), None);
    }

    #[test]
    fn a_wrong_name_is_shown_without_the_librarys_wrapping() {
        assert_eq!(plain("DnsName(\"dc1.example.test\")"), "dc1.example.test");
        assert_eq!(plain("dc1"), "dc1");
    }
}
