//! The configuration after it was checked: what the rooms are told. `config/` makes it from the file.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::civil::Date;
use secrecy::SecretString;

use super::certificate::CertificateSource;
use super::group::ScopeGroup;
use super::identity::{GroupId, TenantId};
use super::location::UsageLocation;
use super::rule::{Dn, Rule, Who};
use super::secret::SecretSource;

mod notify;
mod watch;

pub use notify::{AlarmSettings, HeartbeatSettings, NotifySettings, SeatSettings, Shape, WebhookSettings};
pub use watch::WatchSettings;

/// Everything.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether plans are carried out.
    pub mode: Mode,
    /// The store's file.
    pub store: PathBuf,
    /// The domains to follow; at least one, each with a name of its own.
    pub directories: Vec<DirectorySettings>,
    /// The tenant to license in.
    pub tenant: TenantSettings,
    /// How a usage location is found.
    pub location: LocationSettings,
    /// The rules, in the order of the file.
    pub rules: Vec<Rule>,
    /// What limits them.
    pub guard: GuardSettings,
    /// How writes are tried.
    pub work: WorkSettings,
    /// From when on few seats are told of.
    pub seats: SeatSettings,
    /// From when on what lasts is told of.
    pub alarm: AlarmSettings,
    /// Whom notices are sent to.
    pub notify: Vec<NotifySettings>,
    /// Who is to notice when this agent no longer works.
    pub heartbeat: Option<HeartbeatSettings>,
    /// For how long what is over is kept.
    pub keep: Duration,
    /// How the service can be watched.
    pub watch: WatchSettings,
    /// How the log is written.
    pub log: LogSettings,
    /// SHA-256 over the resolved settings without secrets, in hex: names this configuration in the audit.
    pub digest: String,
}

impl Settings {
    /// Below which DNs the directories are read.
    #[must_use]
    pub fn bases(&self) -> Vec<Dn> {
        self.directories.iter().flat_map(|directory| &directory.bases).filter_map(|base| Dn::parse(base)).collect()
    }

    /// The groups that the rules name, and those that are protected.
    pub fn groups(&self) -> impl Iterator<Item = ScopeGroup> {
        self.rules.iter().map(|rule| &rule.who).chain(&self.guard.protected).flat_map(Who::groups)
    }

    /// Of these, those of the tenant.
    #[must_use]
    pub fn entra_groups(&self) -> BTreeSet<GroupId> {
        let of_tenant = |group| if let ScopeGroup::Tenant(id) = group { Some(id) } else { None };
        self.groups().filter_map(of_tenant).collect()
    }
}

/// Whether plans are carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Records what it would do.
    Observe,
    /// Does it.
    Apply,
}

impl Mode {
    /// The configuration's word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Apply => "apply",
        }
    }
}

/// `[directory]`.
#[derive(Clone, Debug)]
pub struct DirectorySettings {
    /// DNS name of the domain, lower case.
    pub domain: String,
    /// Domain controllers, the preferred first; none: they are found in DNS.
    pub servers: Vec<Server>,
    /// Of those found, the ones of this Active Directory site are preferred.
    pub site: Option<String>,
    /// How those found are connected to.
    pub transport: Transport,
    /// The DNS server to ask instead of the system's.
    pub dns: Option<SocketAddr>,
    /// PEM file with the CA to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Who signs in, and how.
    pub bind: Bind,
    /// Below which DNs accounts are read; none inside another.
    pub bases: Vec<String>,
    /// Which attribute joins accounts to users.
    pub anchor: AnchorSource,
    /// Attributes to read beyond those that are always read, in lower case.
    pub attributes: BTreeSet<String>,
    /// The groups of this domain that rules name.
    pub groups: BTreeSet<Dn>,
    /// Whether changes of groups matter: a rule names one, of this domain or of another that may have groups of this one as
    /// members.
    pub groups_matter: bool,
    /// Between two looks at the controller's counter.
    pub poll: Duration,
    /// For connecting with TLS and bind, and for each answer.
    pub timeout: Duration,
}

impl DirectorySettings {
    /// The DN of the domain (RFC 2247).
    #[must_use]
    pub fn root(&self) -> Option<Dn> {
        let labels: Vec<String> =
            self.domain.trim_end_matches('.').split('.').map(|label| format!("DC={label}")).collect();
        Dn::parse(&labels.join(","))
    }
}

/// How the service account signs in.
#[derive(Clone, Debug)]
pub enum Bind {
    /// A simple bind (RFC 4513, 5.1.3).
    Simple {
        /// A UPN, a DN or `DOMAIN\name`.
        user: String,
        /// Its password, read for each connection.
        password: SecretSource,
    },
    /// SASL GSSAPI with Kerberos (RFC 4752), with the key of a key table.
    Kerberos {
        /// `name@REALM`.
        principal: String,
        /// The key table, a file in the format of MIT Kerberos.
        keytab: PathBuf,
    },
    /// The same as the account that the process runs as, whose key the system keeps (SSPI).
    Own,
}

impl Bind {
    /// Who signs in, for messages and for finding the account.
    #[must_use]
    pub fn who(&self) -> &str {
        match self {
            Self::Simple { user, .. } => user,
            Self::Kerberos { principal, .. } => principal,
            Self::Own => "the service's own account",
        }
    }
}

/// One domain controller to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name; the certificate must carry it.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub transport: Transport,
}

/// How a directory connection is protected. There is no unprotected one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TLS from the first byte.
    Ldaps,
    /// Extended operation 1.3.6.1.4.1.1466.20037 (RFC 4511, 4.14) before anything else.
    StartTls,
}

/// Which attribute joins accounts to users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnchorSource {
    /// `mS-DS-ConsistencyGuid` where it is set, else `objectGUID`, as Entra Connect chooses.
    Auto,
    /// A text attribute, in lower case, as it is.
    Attribute(String),
}

/// `[tenant]`.
#[derive(Clone, Debug)]
pub struct TenantSettings {
    /// The tenant.
    pub id: TenantId,
    /// Who asks for tokens, and with what proof.
    pub credential: Credential,
    /// Where tokens come from, without a slash at the end.
    pub login_url: String,
    /// Where Graph is, without version and without a slash at the end.
    pub graph_url: String,
    /// For which resource tokens are asked (`{scope}/.default`): the cloud's Graph host.
    pub scope: String,
    /// PEM file with a CA to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// What stands between this machine and the login endpoint and Graph.
    pub proxy: ProxySettings,
    /// Between two deltas while nobody is awaited.
    pub poll: Duration,
    /// Between two deltas while somebody is awaited or a seat is.
    pub poll_awaiting: Duration,
    /// Between two readings of a group's members, for each ten thousand of them.
    pub group_poll: Duration,
    /// For so long a license that a group is to give is not assigned directly; zero: groups' licenses are not looked at.
    pub group_licensing_grace: Duration,
    /// Until an answer begins, and once more until it is complete.
    pub timeout: Duration,
    /// In which everyone's license sources are read once more.
    pub reread: Duration,
    /// Synchronization from the directory that last ran longer ago is an alarm.
    pub sync_limit: Duration,
}

/// Who asks for tokens.
#[derive(Clone, Debug)]
pub enum Credential {
    /// An app registration, at the login endpoint.
    App {
        /// Its application (client) id.
        client_id: String,
        /// How it proves itself.
        proof: Proof,
    },
    /// An identity that Azure keeps for this machine, at an endpoint of the machine's own.
    ManagedIdentity {
        /// A user-assigned one's client id; the machine's own without it.
        client_id: Option<String>,
        /// Who hands its tokens out.
        source: IdentitySource,
    },
}

/// How an app proves itself.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A client secret.
    Secret {
        /// It.
        value: SecretString,
        /// From the beginning of this day it counts as expired; nothing tells it but the operator.
        expires: Option<Date>,
    },
    /// An assertion signed with the key of a certificate; read anew for each token.
    Certificate {
        /// Where both are.
        source: CertificateSource,
        /// How assertions are signed.
        algorithm: AssertionAlgorithm,
    },
    /// An assertion by somebody the app trusts, in a file that is read anew for each token.
    Federation {
        /// The file.
        token_file: PathBuf,
    },
}

/// How an assertion is signed and how it names the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionAlgorithm {
    /// RSASSA-PSS with SHA-256; SHA-256 thumbprint.
    Ps256,
    /// RSASSA-PKCS1-v1.5 with SHA-256; SHA-1 thumbprint.
    Rs256,
}

/// Who hands out the tokens of a managed identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentitySource {
    /// Azure Arc's agent, on a machine outside of Azure.
    Arc {
        /// Where it listens.
        endpoint: String,
        /// The directory in which it puts the keys that it wants to see.
        keys: PathBuf,
    },
    /// The instance metadata service of a machine in Azure.
    Imds {
        /// Where it listens.
        endpoint: String,
    },
}

/// Which proxies requests go through, by the scheme of their address. Metadata endpoints are always asked directly.
#[derive(Clone, Debug, Default)]
pub struct ProxySettings {
    /// For https.
    pub https: Option<Proxy>,
    /// For http, which only loopback addresses have.
    pub http: Option<Proxy>,
    /// Hosts, domains and networks that are asked directly, in the form of `NO_PROXY`.
    pub except: String,
}

/// One proxy.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// `http://host:port`, or `https://` for TLS to the proxy itself.
    pub url: String,
    /// Name and password for it.
    pub login: Option<(String, SecretString)>,
}

/// `[usage_location]`.
#[derive(Clone, Debug)]
pub struct LocationSettings {
    /// Where to take it from: the first that has a valid one.
    pub from: Vec<LocationSource>,
    /// What to take when none has.
    pub default: Option<UsageLocation>,
    /// Whether a location that is set and differs is replaced.
    pub overwrite: bool,
    /// Whether locations are written at all; without it a person without location is refused.
    pub write: bool,
}

impl LocationSettings {
    /// The attributes that must be read, in lower case.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.from.iter().filter_map(|source| match source {
            LocationSource::Attribute { name, .. } => Some(name.as_str()),
            LocationSource::Ou { .. } => None,
        })
    }
}

/// Where a usage location comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocationSource {
    /// An attribute of the account.
    Attribute {
        /// Its name, in lower case.
        name: String,
        /// What its values mean, the values in lower case; empty: they are country codes themselves.
        map: BTreeMap<String, UsageLocation>,
    },
    /// Everyone below this DN.
    Ou {
        /// Which.
        base: Dn,
        /// As written, for messages.
        text: String,
        /// Their location.
        location: UsageLocation,
    },
}

/// `[guard]`.
#[derive(Clone, Debug)]
pub struct GuardSettings {
    /// Whether those who were there before us are licensed.
    pub existing: Existing,
    /// Entitlements admitted in any 24 hours; the excess is held.
    pub assignments_per_day: u32,
    /// Licenses whose plans may be changed in any 24 hours; the excess is held.
    pub changes_per_day: u32,
    /// Licenses that may be taken away in any 24 hours; the excess is held.
    pub removals_per_day: u32,
    /// A complete answer that lacks more than this share of what was known, in percent, removes nobody and raises an alarm.
    pub shrink_percent: u32,
    /// To whom nothing is given, and from whom nothing is taken or changed: whoever one of these means.
    pub protected: Vec<Who>,
}

/// What happens to those who were in the tenant before first contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// They are baseline.
    Leave,
    /// They are licensed like anyone else, under the guard.
    License,
}

/// `[work]`.
#[derive(Clone, Debug)]
pub struct WorkSettings {
    /// The longest wait before the first repetition of a failed write; doubles with each.
    pub retry_first: Duration,
    /// Where that doubling ends.
    pub retry_max: Duration,
    /// Batches under way at once.
    pub concurrency: usize,
    /// Writes that Graph allows this app within `quota_window`.
    pub quota: u32,
    /// The length of that window.
    pub quota_window: Duration,
    /// An accepted license that no feed has shown working by then is read back by itself.
    pub confirm_after: Duration,
    /// For how long a 404 or an "invalid usage location" is put down to replication.
    pub patience: Duration,
    /// Tolerated difference between our clock and Entra's.
    pub clock_skew: Duration,
}

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// Human-readable lines or one JSON object per line.
    pub format: LogFormat,
    /// `tracing` filter directives, such as `info` or `seatsync=debug`.
    pub level: String,
    /// Where the files are that lines go to, if not to standard error.
    pub directory: Option<PathBuf>,
    /// How long files are kept, in whole days; at least one.
    pub keep: Duration,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
    /// To systemd's journal, with fields.
    Journald,
    /// To the journal if it reads standard error anyway, else for people.
    Auto,
}
