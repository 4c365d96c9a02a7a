//! What can go wrong with a directory, and what to do about it.

use std::time::Duration;
use std::{fmt, io};

use super::login::LoginError;
use super::refusal::Refusal;
use super::roster::Failure;
use crate::model::fault::{Class, Fault, exit};
use crate::model::identity::ObjectGuid;
use crate::tls::Handshake;

/// What was being done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Opening the TCP connection.
    Dial,
    /// Agreeing on TLS, after asking for it on a plain connection (RFC 4511, 4.14) or at once.
    Handshake,
    /// Signing in.
    Bind,
    /// Reading the rootDSE (RFC 4512, 5.1; MS-ADTS 3.1.1.3.2).
    RootDse,
    /// Reading who the controller is: its epoch and its domain.
    Identity,
    /// Reading a base of the configuration.
    Base(String),
    /// Searching accounts below this DN.
    Search(String),
    /// Reading one account by its GUID.
    Account(ObjectGuid),
    /// Reading a group.
    Group(String),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial => f.write_str("connecting"),
            Self::Handshake => f.write_str("the TLS handshake"),
            Self::Bind => f.write_str("signing in"),
            Self::RootDse => f.write_str("reading the rootDSE"),
            Self::Identity => f.write_str("reading the controller's identity"),
            Self::Base(dn) => write!(f, "reading the base {dn}"),
            Self::Search(dn) => write!(f, "searching accounts below {dn}"),
            Self::Account(guid) => write!(f, "reading the account {guid}"),
            Self::Group(dn) => write!(f, "reading the group {dn}"),
        }
    }
}

/// Why the directory could not be read. Texts never hold the password: it is in no variant.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The name has no address.
    #[error("{server}: the name cannot be resolved: {source}")]
    Unresolved {
        /// Host and port.
        server: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// DNS did not answer.
    #[error("DNS does not answer for {name}: {source}")]
    Dns {
        /// What was asked for.
        name: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// DNS knows of no controllers.
    #[error("DNS has no records {name}: it knows of no domain controller")]
    NoRecords {
        /// What was asked for.
        name: String,
    },
    /// No connection.
    #[error("{server}: no connection: {source}")]
    Unreachable {
        /// Host and port.
        server: String,
        /// What the system said of the last address tried.
        source: io::Error,
    },
    /// TLS was refused, by us or by the peer.
    #[error("{server}: {fault}")]
    Tls {
        /// Host and port.
        server: String,
        /// Why.
        fault: Handshake,
    },
    /// The server does not do TLS on this connection.
    #[error("{server} refuses StartTLS (result {code}{})", quoted(.text))]
    StartTlsRefused {
        /// Host and port.
        server: String,
        /// LDAP result code.
        code: u32,
        /// The server's words.
        text: String,
    },
    /// A bind without a name or a password would succeed as nobody (RFC 4513, 5.1.2): refused here.
    #[error("the user name or the password to bind with is empty")]
    BindEmpty,
    /// The credentials were refused (49).
    #[error("{server}: sign-in of {user} refused: {refusal}{}", quoted(.text))]
    BindRefused {
        /// Host and port.
        server: String,
        /// Who tried.
        user: String,
        /// Why.
        refusal: Refusal,
        /// The server's words.
        text: String,
    },
    /// There was nothing to sign in with, or Kerberos refused.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// Any other result than success.
    #[error("{server}: {step} failed: {} (result {code}){}", meaning(*.code), quoted(.text))]
    Answer {
        /// Host and port.
        server: String,
        /// What was being done.
        step: Step,
        /// LDAP result code (RFC 4511, appendix A).
        code: u32,
        /// The server's words.
        text: String,
    },
    /// No answer in time.
    #[error("{server}: no answer within {} s: {step}", after.as_secs_f32())]
    Timeout {
        /// Host and port.
        server: String,
        /// What was being done.
        step: Step,
        /// How long was waited.
        after: Duration,
    },
    /// The connection ended.
    #[error("{server}: the connection was lost: {step}")]
    Lost {
        /// Host and port.
        server: String,
        /// What was being done.
        step: Step,
    },
    /// An answer that no documentation allows.
    #[error("{server}: {step}: {what}")]
    Odd {
        /// Host and port.
        server: String,
        /// What was being done.
        step: Step,
        /// What was met.
        what: String,
    },
    /// The peer is an LDAP server, but no domain controller.
    #[error("{server} is no Active Directory domain controller: its rootDSE has no {missing}")]
    NotAController {
        /// Host and port.
        server: String,
        /// The attribute that is missing.
        missing: &'static str,
    },
    /// Something that any signed-in account may read by default is hidden.
    #[error("{server}: {user} may not read {what}")]
    NoRight {
        /// Host and port.
        server: String,
        /// Who tried.
        user: String,
        /// What is hidden.
        what: String,
    },
    /// The controller is of another domain.
    #[error("{server} is a domain controller of {found}, not of {wanted}")]
    WrongDomain {
        /// Host and port.
        server: String,
        /// The configured domain.
        wanted: String,
        /// The controller's naming context.
        found: String,
    },
    /// A base lies in another domain or is no DN.
    #[error("the base \"{base}\" does not lie within {domain}")]
    BaseOutside {
        /// The base as configured.
        base: String,
        /// The domain's naming context.
        domain: String,
    },
    /// A base does not exist, or may not be seen.
    #[error("{server}: the base \"{base}\" does not exist, or may not be seen by {user}")]
    BaseMissing {
        /// Host and port.
        server: String,
        /// The base as configured.
        base: String,
        /// Who looked.
        user: String,
    },
    /// The server no longer knows how far a paged search had come: its memory for that is small, and the oldest go first.
    #[error("{server}: {step} failed: the server threw the cookie of the paged search away (result {code}){}", quoted(.text))]
    CookieGone {
        /// Host and port.
        server: String,
        /// What was being done.
        step: Step,
        /// LDAP result code.
        code: u32,
        /// The server's words.
        text: String,
    },
    /// A scan was continued after an error or an interruption.
    #[error("the scan was broken off and cannot be continued")]
    ScanBroken,
    /// No server is configured.
    #[error("no domain controller is configured")]
    NoServer,
    /// None of several servers worked.
    #[error("no domain controller can be used:{}", listed(.0))]
    NoneWorked(Vec<DirectoryError>),
}

fn quoted(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": \"{text}\"") }
}

fn listed(errors: &[DirectoryError]) -> String {
    errors.iter().map(|error| format!("\n  {error}")).collect()
}

/// What LDAP result codes mean here (RFC 4511, appendix A).
fn meaning(code: u32) -> &'static str {
    match code {
        1 => "operations error",
        2 => "protocol error",
        3 => "the time limit was exceeded",
        4 => "the size limit was exceeded",
        8 => "stronger authentication is required",
        10 => "referral to another server",
        11 => "an administrative limit was exceeded",
        12 => "a control is not available",
        32 => "no such object",
        34 => "invalid DN",
        49 => "invalid credentials",
        50 => "insufficient access rights",
        51 => "the server is busy",
        52 => "the server is unavailable",
        53 => "the server is unwilling",
        _ => "refused",
    }
}

impl DirectoryError {
    /// Whether it says as much of all controllers of the domain.
    #[must_use]
    pub fn holds_for_the_domain(&self) -> bool {
        self.failure() == Failure::Domain
    }

    /// Whom to try next, and when. Where another controller of the domain would say the same, trying it only brings a lockout
    /// nearer.
    #[must_use]
    pub fn failure(&self) -> Failure {
        match self {
            Self::Login(error) if error.holds_for_the_domain() => Failure::Domain,
            Self::BindEmpty | Self::BaseOutside { .. } => Failure::Domain,
            Self::BindRefused { refusal, .. } if *refusal != Refusal::ChannelBinding => Failure::Domain,
            _ if self.class() == Class::Operator => Failure::Lasting,
            _ => Failure::Passing,
        }
    }
}

impl Fault for DirectoryError {
    fn class(&self) -> Class {
        match self {
            Self::Unresolved { .. }
            | Self::Dns { .. }
            | Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Lost { .. } => Class::Heals,
            Self::Tls { .. }
            | Self::StartTlsRefused { .. }
            | Self::BindEmpty
            | Self::BindRefused { .. }
            | Self::NotAController { .. }
            | Self::NoRight { .. }
            | Self::WrongDomain { .. }
            | Self::BaseOutside { .. }
            | Self::BaseMissing { .. }
            | Self::NoRecords { .. }
            | Self::NoServer => Class::Operator,
            Self::Answer { code: 8 | 10 | 34 | 50, .. } => Class::Operator,
            Self::Answer { .. } | Self::CookieGone { .. } => Class::Heals,
            Self::Odd { .. } | Self::ScanBroken => Class::Bug,
            Self::Login(error) => error.class(),
            Self::NoneWorked(errors) => speaker(errors).map_or(Class::Operator, Fault::class),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unresolved { .. } => "directory-name-unknown",
            Self::Dns { .. } => "directory-dns",
            Self::NoRecords { .. } => "directory-no-records",
            Self::Unreachable { .. } => "directory-unreachable",
            Self::Tls { .. } => "directory-tls",
            Self::StartTlsRefused { .. } => "directory-starttls-refused",
            Self::BindEmpty => "directory-bind-empty",
            Self::BindRefused { .. } => "directory-bind-refused",
            Self::Login(error) => error.code(),
            Self::Answer { code, .. } => match code {
                3 | 4 | 11 => "directory-limit",
                8 => "directory-signing-required",
                10 => "directory-referral",
                50 => "directory-access-denied",
                51 | 52 => "directory-busy",
                _ => "directory-refused",
            },
            Self::Timeout { .. } => "directory-timeout",
            Self::Lost { .. } => "directory-lost",
            Self::Odd { .. } => "directory-odd-answer",
            Self::NotAController { .. } => "directory-no-controller",
            Self::NoRight { .. } => "directory-access-denied",
            Self::WrongDomain { .. } => "directory-wrong-domain",
            Self::BaseOutside { .. } => "directory-base-outside",
            Self::BaseMissing { .. } => "directory-base-missing",
            Self::CookieGone { .. } => "directory-cookie-gone",
            Self::ScanBroken => "directory-scan-broken",
            Self::NoServer => "directory-no-server",
            Self::NoneWorked(errors) => speaker(errors).map_or("directory-no-server", Fault::code),
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::Unresolved { .. } => "Check the spelling of the server and this machine's DNS: it must ask the domain's DNS servers.".into(),
            Self::Dns { .. } => {
                "Check this machine's DNS, or directory.dns: it must be a server that knows the domain, such as a domain \
                 controller."
                    .into()
            }
            Self::NoRecords { .. } => {
                "Check directory.domain and directory.site, and that the DNS server asked is one of the domain's; or list the \
                 domain controllers in directory.servers."
                    .into()
            }
            Self::Unreachable { .. } => {
                "Check that the domain controller runs and that a firewall lets this machine reach it on that port (636 for \
                 LDAPS, 389 for StartTLS)."
                    .into()
            }
            Self::Tls { fault, .. } => fault.advice().into(),
            Self::StartTlsRefused { .. } => {
                "Install a server certificate on the domain controller, or use ldaps on port 636.".into()
            }
            Self::BindEmpty => "Set bind.user and a password that is not empty.".into(),
            Self::BindRefused { refusal, .. } => refusal.advice().into(),
            Self::Login(error) => error.advice(),
            Self::Answer { code, .. } => answer_advice(*code).into(),
            Self::Timeout { .. } => {
                "It is tried again; if it stays, check the load of the domain controller and raise directory.timeout.".into()
            }
            Self::Lost { step: Step::Handshake, .. } => Handshake::NotTls.advice().into(),
            Self::Lost { .. } => "It is tried again; if it stays, check the network and the domain controller's event log.".into(),
            Self::CookieGone { .. } => {
                "It is read again from the first page. If it stays, other clients leave paged searches half read on this domain \
                 controller: compare MaxResultSetSize of the LDAP policy (lDAPAdminLimits) with its default."
                    .into()
            }
            Self::Odd { .. } | Self::ScanBroken => "It is tried again from the start; if it stays, report this message.".into(),
            Self::NotAController { .. } | Self::WrongDomain { .. } => {
                "Check directory.servers and directory.domain: one domain is followed, by its own writable domain controllers."
                    .into()
            }
            Self::NoRight { what, .. } => {
                format!("Give the bind account the right to read {what}: Authenticated Users have it by default.")
            }
            Self::BaseOutside { domain, .. } => format!("Write each base as a DN that ends in {domain}."),
            Self::BaseMissing { .. } => {
                "Check the spelling of directory.bases, whether the OU was renamed or moved, and the bind account's right to \
                 list it."
                    .into()
            }
            Self::NoServer => "Name at least one domain controller in directory.servers.".into(),
            Self::NoneWorked(errors) => speaker(errors).map(Fault::advice).unwrap_or_default(),
        }
    }

    fn exit_status(&self) -> u8 {
        match self {
            Self::Tls { .. }
            | Self::StartTlsRefused { .. }
            | Self::BindEmpty
            | Self::NotAController { .. }
            | Self::WrongDomain { .. }
            | Self::BaseOutside { .. }
            | Self::BaseMissing { .. }
            | Self::NoRecords { .. }
            | Self::NoServer
            | Self::Answer { code: 10 | 34, .. } => exit::CONFIG,
            Self::BindRefused { .. } | Self::NoRight { .. } | Self::Answer { code: 8 | 50, .. } => exit::REFUSED,
            Self::Unresolved { .. }
            | Self::Dns { .. }
            | Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Lost { .. }
            | Self::CookieGone { .. }
            | Self::Answer { .. } => exit::UNAVAILABLE,
            Self::Login(error) => error.exit_status(),
            Self::Odd { .. } | Self::ScanBroken => exit::SOFTWARE,
            Self::NoneWorked(errors) => speaker(errors).map_or(exit::UNAVAILABLE, Fault::exit_status),
        }
    }
}

/// Of several errors, the one to act on: what heals keeps the whole retrying, else the first.
fn speaker(errors: &[DirectoryError]) -> Option<&DirectoryError> {
    errors.iter().find(|error| error.class() == Class::Heals).or_else(|| errors.first())
}

fn answer_advice(code: u32) -> &'static str {
    match code {
        3 | 4 | 11 => {
            "Nothing was concluded from the partial answer and it is tried again; if it stays, compare the LDAP policy \
             (MaxPageSize, MaxQueryDuration, in lDAPAdminLimits) with its defaults."
        }
        8 => "Write the server as ldaps://… or ldap+starttls://…: the domain controller requires signing or TLS.",
        10 => {
            "The base belongs to another domain: name a domain controller of that domain; referrals are not followed."
        }
        12 => {
            "It is tried again from the first page: the domain controller dropped the paged search or lacks a control."
        }
        34 => "Check the DNs in directory.bases.",
        50 => "Give the bind account the right to read accounts below the configured bases.",
        51 | 52 => "It is tried again; if it stays, check the load of the domain controller.",
        _ => "It is tried again; if it stays, look the server's text up in its event log.",
    }
}

#[cfg(test)]
mod tests;
