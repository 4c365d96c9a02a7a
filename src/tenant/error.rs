//! Everything that keeps the tenant's side from answering, each with what to do about it.

use std::path::PathBuf;
use std::time::Duration;

use super::login::LoginFault;
use crate::model::certificate::Thumbprint;
use crate::model::fault::{Class, Fault, exit};

/// Why something could not be asked of the tenant, or not understood. Texts hold no secret and no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TenantError {
    /// No connection, or it broke before an answer was complete.
    #[error("{host} cannot be reached: {detail}")]
    Unreachable {
        /// Which host.
        host: String,
        /// What went wrong on the way.
        detail: String,
    },
    /// TLS came to an end because the server's certificate is not trusted.
    #[error("the certificate of {host} is not trusted: {detail}")]
    Untrusted {
        /// Which host.
        host: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A configured address is no http or https URL.
    #[error("\"{0}\" is not an http or https address")]
    Address(String),
    /// The HTTP client could not be made.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(String),
    /// The login endpoint gave no token.
    #[error("the login was refused: {detail}")]
    Login {
        /// Why, as far as Entra's code tells.
        fault: LoginFault,
        /// Entra's own words.
        detail: String,
    },
    /// A file of the credential cannot be used.
    #[error("the credential's file {} cannot be used: {detail}", path.display())]
    CredentialFile {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it; never what it holds.
        detail: String,
    },
    /// The certificate of the machine's store cannot be used.
    #[error("the certificate {thumbprint} of the machine's store cannot be used: {detail}")]
    CredentialStore {
        /// Which one.
        thumbprint: Thumbprint,
        /// What is wrong with it, and what to do.
        detail: String,
    },
    /// The app's federated credential is not known, which a new one is not for a while.
    #[error("the login was refused, for now: {detail}")]
    FederationPending {
        /// What does not fit.
        fault: LoginFault,
        /// Entra's own words.
        detail: String,
    },
    /// Azure Arc's agent, or who listens in its place, asked for a file that is not its key.
    #[error("the managed identity's endpoint asked for a key that is not sent: {0}")]
    IdentityKey(String),
    /// The proxy on the way to this host wants a login.
    #[error("the proxy on the way to {0} wants a user name and password (407)")]
    ProxyLogin(String),
    /// The login endpoint wants fewer requests.
    #[error("the login endpoint asks for a pause")]
    LoginThrottled {
        /// `Retry-After`, where it was sent.
        after: Option<Duration>,
    },
    /// The login endpoint cannot serve now.
    #[error("the login endpoint is out of order: {detail}")]
    LoginUnavailable {
        /// What it said.
        detail: String,
        /// `Retry-After`, where it was sent.
        after: Option<Duration>,
    },
    /// The login endpoint's answer is neither a token nor a refusal.
    #[error("the answer of the login endpoint cannot be understood: {0}")]
    LoginUnreadable(String),
    /// Graph refused a token that was fresh (401).
    #[error("Graph refuses the access token: {0}")]
    TokenRefused(String),
    /// A permission is missing (403).
    #[error("Graph forbids it: {0}")]
    Forbidden(String),
    /// The permission to read groups is missing (403).
    #[error("Graph forbids reading groups: {0}")]
    GroupsForbidden(String),
    /// The permission to create users is missing (403).
    #[error("Graph forbids creating users: {0}")]
    CreationForbidden(String),
    /// The permission to read devices is missing (403).
    #[error("Graph forbids reading managed devices: {0}")]
    DevicesForbidden(String),
    /// The tenant has no Intune ("Request not applicable to target tenant").
    #[error("the tenant has no Intune, or it was never set up: there are no managed devices to read")]
    NoIntune,
    /// Graph wants fewer requests (429).
    #[error("Graph asks for a pause")]
    Throttled {
        /// `Retry-After`, where it was sent.
        after: Option<Duration>,
    },
    /// Graph cannot serve now (5xx).
    #[error("Graph is out of order: {detail}")]
    Unavailable {
        /// What it said.
        detail: String,
        /// `Retry-After`, where it was sent.
        after: Option<Duration>,
    },
    /// Graph does not accept what was asked.
    #[error("Graph refuses the request with status {status}: {detail}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// What it said.
        detail: String,
    },
    /// The answer is not what Graph's documentation says.
    #[error("the answer of {host} cannot be understood: {detail}")]
    Unreadable {
        /// Which host.
        host: String,
        /// What is wrong with it.
        detail: String,
    },
    /// Graph pointed to a page on another host; the token was not sent there.
    #[error("Graph pointed to a page on another host, {0}, which was not asked")]
    ForeignPage(String),
    /// The delta link is no longer known: everything must be read again.
    #[error("Graph no longer knows how far its changes were read")]
    ResyncRequired,
    /// A delta was to be ended before its last page was read.
    #[error("the changes of users were not read to their end")]
    DeltaUnfinished,
    /// A page in the middle of a reading is no longer known: this reading must begin again.
    #[error("Graph dropped the listing before it was read to its end")]
    ListingExpired,
}

impl TenantError {
    /// How long the server asked to be left alone, where it did.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::LoginThrottled { after }
            | Self::LoginUnavailable { after, .. }
            | Self::Throttled { after }
            | Self::Unavailable { after, .. } => *after,
            _ => None,
        }
    }
}

impl Fault for TenantError {
    fn class(&self) -> Class {
        match self {
            Self::Unreachable { .. }
            | Self::LoginThrottled { .. }
            | Self::LoginUnavailable { .. }
            | Self::LoginUnreadable(_)
            | Self::Throttled { .. }
            | Self::Unavailable { .. }
            | Self::Unreadable { .. }
            | Self::FederationPending { .. }
            | Self::ResyncRequired
            | Self::ListingExpired => Class::Heals,
            Self::Untrusted { .. }
            | Self::Address(_)
            | Self::CredentialFile { .. }
            | Self::CredentialStore { .. }
            | Self::IdentityKey(_)
            | Self::ProxyLogin(_)
            | Self::TokenRefused(_)
            | Self::Forbidden(_)
            | Self::DevicesForbidden(_)
            | Self::NoIntune
            | Self::GroupsForbidden(_)
            | Self::CreationForbidden(_) => Class::Operator,
            Self::Login { fault, .. } => fault.class(),
            Self::Client(_) | Self::Refused { .. } | Self::ForeignPage(_) | Self::DeltaUnfinished => Class::Bug,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "tenant-unreachable",
            Self::Untrusted { .. } => "tenant-certificate-untrusted",
            Self::Address(_) => "tenant-address-invalid",
            Self::Client(_) => "tenant-client-unusable",
            Self::Login { fault, .. } => fault.code(),
            Self::CredentialFile { .. } => "credential-file-unusable",
            Self::CredentialStore { .. } => "credential-store-unusable",
            Self::FederationPending { .. } => "login-federation-pending",
            Self::IdentityKey(_) => "identity-key-refused",
            Self::ProxyLogin(_) => "proxy-login-refused",
            Self::LoginThrottled { .. } => "login-throttled",
            Self::LoginUnavailable { .. } => "login-unavailable",
            Self::LoginUnreadable(_) => "login-answer-unreadable",
            Self::TokenRefused(_) => "graph-token-refused",
            Self::Forbidden(_) => "graph-forbidden",
            Self::GroupsForbidden(_) => "graph-groups-forbidden",
            Self::CreationForbidden(_) => "graph-creation-forbidden",
            Self::DevicesForbidden(_) => "graph-devices-forbidden",
            Self::NoIntune => "intune-inactive",
            Self::Throttled { .. } => "graph-throttled",
            Self::Unavailable { .. } => "graph-unavailable",
            Self::Refused { .. } => "graph-refused",
            Self::Unreadable { .. } => "graph-answer-unreadable",
            Self::ForeignPage(_) => "graph-foreign-page",
            Self::ResyncRequired => "resync-required",
            Self::DeltaUnfinished => "delta-unfinished",
            Self::ListingExpired => "listing-expired",
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::Unreachable { host, .. } => format!(
                "Check name resolution, firewall and proxy (HTTPS_PROXY, NO_PROXY) between this machine and {host}; it is tried again."
            ),
            Self::Untrusted { .. } => "If a proxy inspects TLS here, name its CA in tenant.ca_file; else check the \
                 system's CA certificates and clock."
                .into(),
            Self::Address(_) => "Write tenant.login_url and tenant.graph_url in full, such as https://graph.microsoft.com.".into(),
            Self::Login { fault, .. } => fault.advice().into(),
            Self::CredentialFile { .. } => "Put a readable file there: PEM with an RSA key and its certificate, or with \
                 federation the token; it is read again each time."
                .into(),
            Self::CredentialStore { .. } => "It must lie in LocalMachine\\My with its RSA key in a key storage provider, and the \
                 account that seatsync runs as must have Read on that key; it is looked up again each time."
                .into(),
            Self::FederationPending { fault, .. } => {
                format!("A new federated credential counts after some minutes. If it is not new: {}", fault.advice())
            }
            Self::IdentityKey(_) => "See that Azure Arc's agent runs here and that seatsync's account may read its keys (group \
                 himds on Linux, \"Hybrid agent extension applications\" on Windows); a file elsewhere means that something \
                 else listens in its place."
                .into(),
            Self::ProxyLogin(_) => "Set tenant.proxy_user and tenant.proxy_password, or correct them.".into(),
            Self::LoginThrottled { .. } => "Nothing to do; if it lasts, see which other program logs in with the same app.".into(),
            Self::LoginUnavailable { .. } | Self::Unavailable { .. } => {
                "Nothing to do unless it lasts; then see Microsoft's service health.".into()
            }
            Self::TokenRefused(_) => "Check that tenant.cloud (or login_url and graph_url) belong together, that the \
                 app is still enabled in the tenant, and this machine's clock."
                .into(),
            Self::Forbidden(_) => "Let `seatsync doctor --tenant` say which application permission is missing, and how to \
                 grant it; a new grant counts from the next token on."
                .into(),
            Self::GroupsForbidden(_) => "Grant the app the application permission GroupMember.Read.All (for a group with hidden \
                 members Member.Read.Hidden, too), with admin consent; until then a group's members count as last read."
                .into(),
            Self::CreationForbidden(_) => "Grant the app the application permission User.ReadWrite.All, with admin consent, for as \
                 long as users are to be created by it; a new grant counts from the next token on."
                .into(),
            Self::DevicesForbidden(_) => "Grant the app the application permission DeviceManagementManagedDevices.Read.All, with \
                 admin consent; a new grant counts from the next token on. Nothing else needs it."
                .into(),
            Self::NoIntune => "See in the Intune admin center whether the tenant has Intune and its MDM authority is set.".into(),
            Self::Throttled { .. } => "Nothing to do; if it lasts, see which other program uses Graph with the same app.".into(),
            Self::Unreadable { host, .. } => format!(
                "See whether something between this machine and {host} (a proxy, a gateway) answers in its place, and whether the address is right."
            ),
            Self::LoginUnreadable(_) => "See whether something on the way to the login endpoint (a proxy, a gateway) answers \
                 in its place, and whether tenant.login_url is right."
                .into(),
            Self::ResyncRequired => "Nothing to do: all users are read again.".into(),
            Self::ListingExpired => "Nothing to do: the reading begins again.".into(),
            Self::Client(_) | Self::Refused { .. } | Self::ForeignPage(_) | Self::DeltaUnfinished => "This should not happen: report it with the log around it.".into(),
        }
    }

    fn exit_status(&self) -> u8 {
        match self {
            Self::Unreachable { .. }
            | Self::Untrusted { .. }
            | Self::LoginThrottled { .. }
            | Self::LoginUnavailable { .. }
            | Self::LoginUnreadable(_)
            | Self::Throttled { .. }
            | Self::Unavailable { .. }
            | Self::Unreadable { .. }
            | Self::FederationPending { .. }
            | Self::ResyncRequired
            | Self::ListingExpired => exit::UNAVAILABLE,
            Self::Address(_) | Self::CredentialFile { .. } | Self::CredentialStore { .. } | Self::NoIntune => {
                exit::CONFIG
            }
            Self::IdentityKey(_)
            | Self::ProxyLogin(_)
            | Self::TokenRefused(_)
            | Self::Forbidden(_)
            | Self::DevicesForbidden(_)
            | Self::GroupsForbidden(_)
            | Self::CreationForbidden(_) => exit::REFUSED,
            Self::Login { fault, .. } => fault.exit_status(),
            Self::Client(_) | Self::Refused { .. } | Self::ForeignPage(_) | Self::DeltaUnfinished => exit::SOFTWARE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_a_code_of_its_own_and_advice() {
        let text = || "x".to_owned();
        let after = Some(Duration::from_secs(7));
        let all = [
            TenantError::Unreachable { host: text(), detail: text() },
            TenantError::Untrusted { host: text(), detail: text() },
            TenantError::Address(text()),
            TenantError::Client(text()),
            TenantError::Login { fault: LoginFault::SecretWrong, detail: text() },
            TenantError::CredentialFile { path: text().into(), detail: text() },
            TenantError::CredentialStore { thumbprint: "0".repeat(40).parse().unwrap(), detail: text() },
            TenantError::FederationPending { fault: LoginFault::FederationIssuer, detail: text() },
            TenantError::IdentityKey(text()),
            TenantError::ProxyLogin(text()),
            TenantError::LoginThrottled { after },
            TenantError::LoginUnavailable { detail: text(), after },
            TenantError::LoginUnreadable(text()),
            TenantError::TokenRefused(text()),
            TenantError::Forbidden(text()),
            TenantError::GroupsForbidden(text()),
            TenantError::CreationForbidden(text()),
            TenantError::DevicesForbidden(text()),
            TenantError::NoIntune,
            TenantError::Throttled { after },
            TenantError::Unavailable { detail: text(), after },
            TenantError::Refused { status: 400, detail: text() },
            TenantError::Unreadable { host: text(), detail: text() },
            TenantError::ForeignPage(text()),
            TenantError::ResyncRequired,
            TenantError::DeltaUnfinished,
            TenantError::ListingExpired,
        ];
        let codes: std::collections::BTreeSet<_> = all.iter().map(Fault::code).collect();
        assert_eq!(codes.len(), all.len());
        for error in &all {
            assert!(!error.advice().is_empty() && !error.advice().contains("  "), "{error:?}");
            assert_eq!(
                error.class() == Class::Heals,
                error.exit_status() == exit::UNAVAILABLE && error.code() != "tenant-certificate-untrusted"
            );
        }
        assert_eq!(all.iter().filter(|error| error.retry_after() == after).count(), 4);
    }
}
