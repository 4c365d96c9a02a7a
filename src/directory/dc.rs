//! A domain controller we are signed in to, and know by its epoch and its domain.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use ldap3::Scope;
use rustls::ClientConfig;
use uuid::Uuid;

use super::discover::Names;
use super::error::{DirectoryError, Step};
use super::login::Login;
use super::look::Instead;
use super::question::{Question, coverage};
use super::raw::Raw;
use super::search::{Extent, Scan};
use super::whoami::{Own, own};
use super::wire::{Ask, Dialled, Wire};
use crate::model::expiry::Expiry;
use crate::model::rule::Dn;
use crate::model::settings::{DirectorySettings, Server};
use crate::model::watermark::{DcState, WatermarkKey};

/// Finds any object: every object has a class (MS-ADTS 3.1.1.3.1.3.1).
pub(super) const ANY: &str = "(objectClass=*)";

/// A connection to a domain controller, checked to be one of the configured domain.
pub struct Dc {
    pub(super) wire: Wire,
    pub(super) question: Question,
    /// The domain's naming context, as the controller writes it.
    pub(super) domain: String,
    pub(super) bases: Vec<Base>,
    /// OIDs of the controls the controller knows.
    pub(super) controls: BTreeSet<String>,
    pub(super) user: String,
    key: WatermarkKey,
    root: Vitals,
    writable: bool,
}

/// How far a connection has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The TCP connection is there.
    Reached,
    /// TLS is agreed on, with this certificate (DER) of the controller's, verified to carry its name.
    Secured(Option<Vec<u8>>),
    /// The account was let in.
    SignedIn,
}

/// What a connection hangs on, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endings {
    /// The controller's certificate.
    pub certificate: Option<Expiry>,
    /// The account's password.
    pub password: Option<Expiry>,
}

/// A configured base.
pub(super) struct Base {
    /// As configured.
    pub configured: String,
    /// As the controller writes it: what entries' DNs end in.
    pub dn: Dn,
}

/// What is asked of the rootDSE.
pub(super) struct RootDse {
    domain: String,
    ntds: String,
    vitals: Vitals,
    controls: BTreeSet<String>,
    capabilities: BTreeSet<String>,
}

/// What of it changes.
#[derive(Clone, Copy)]
struct Vitals {
    highest: i64,
    synchronized: bool,
}

/// LDAP_CAP_ACTIVE_DIRECTORY_PARTIAL_SECRETS_OID among `supportedCapabilities` of the rootDSE (MS-ADTS 3.1.1.3.4.3): the controller
/// holds a read-only copy, which lacks attributes.
const READ_ONLY: &str = "1.2.840.113556.1.4.1920";

impl Dc {
    /// Connects to one controller: TCP, TLS under the server's own name, sign-in; then reads who it is (`invocationId` of
    /// the object `dsServiceName` names, MS-ADTS 3.1.1.1.9), that it is of the configured domain, and that the bases exist.
    /// `settings.timeout` limits connecting with TLS, and then each answer. Credentials that were refused a short while before
    /// `now` are not presented.
    ///
    /// # Errors
    /// Whatever of that fails.
    pub async fn connect(
        settings: &DirectorySettings,
        server: &Server,
        names: &Names,
        tls: Arc<ClientConfig>,
        login: &Login,
        now: Timestamp,
    ) -> Result<Self, DirectoryError> {
        login.permits(now).await?;
        let mut dc = Self::approach(settings, server, names, tls, login, now, |_| {}).await?;
        dc.find_bases(&settings.bases).await?;
        tracing::debug!(server = dc.server(), ntds = dc.key.ntds, invocation = %dc.key.invocation, "signed in");
        Ok(dc)
    }

    /// The same without the bases, telling how far it has come: a scan of everything has nowhere to search then.
    ///
    /// # Errors
    /// Whatever of that fails.
    pub async fn approach(
        settings: &DirectorySettings,
        server: &Server,
        names: &Names,
        tls: Arc<ClientConfig>,
        login: &Login,
        now: Timestamp,
        mut tell: impl FnMut(Stage),
    ) -> Result<Self, DirectoryError> {
        let dialled = Dialled::to(server, names, settings.timeout).await?;
        tell(Stage::Reached);
        let mut wire = Wire::secure(dialled, tls).await?;
        tell(Stage::Secured(wire.peer_certificate().await));
        login.sign_in(&mut wire, now).await?;
        tell(Stage::SignedIn);
        let root = root_dse(&mut wire).await?;
        check_domain(&wire, settings, &root.domain)?;
        let user = settings.bind.who();
        let domain = guid_of(&mut wire, user, &root.domain, "objectGUID").await?;
        let invocation = guid_of(&mut wire, user, &root.ntds, "invocationId").await?;
        let key = WatermarkKey { domain, ntds: root.ntds, invocation, coverage: coverage(settings) };
        Ok(Self {
            wire,
            question: Question::new(settings),
            domain: root.domain,
            bases: Vec::new(),
            controls: root.controls,
            user: user.to_owned(),
            key,
            root: root.vitals,
            writable: !root.capabilities.contains(READ_ONLY),
        })
    }

    /// What the controller said of itself last.
    #[must_use]
    pub fn known_state(&self) -> DcState {
        let Vitals { highest, synchronized } = self.root;
        DcState { key: self.key.clone(), highest_usn: highest, synchronized, writable: self.writable }
    }

    /// The tick: one read of the rootDSE. To be read before a scan whose watermark it is to become.
    ///
    /// The epoch is read again only when the counter fell or the controller calls itself otherwise: within a connection
    /// nothing else betrays a restore.
    ///
    /// # Errors
    /// When the controller does not answer as before.
    pub async fn state(&mut self) -> Result<DcState, DirectoryError> {
        let root = root_dse(&mut self.wire).await?;
        if root.vitals.highest < self.root.highest || root.ntds != self.key.ntds {
            self.key.invocation = guid_of(&mut self.wire, &self.user, &root.ntds, "invocationId").await?;
            self.key.ntds = root.ntds;
        }
        self.root = root.vitals;
        Ok(self.known_state())
    }

    /// Starts reading.
    #[must_use]
    pub fn scan(&mut self, extent: Extent) -> Scan<'_> {
        Scan::new(self, extent)
    }

    /// Host and port.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.wire.server
    }

    /// What ends one day: the controller's certificate and the password of the account that is signed in, as far as either
    /// can be known.
    ///
    /// # Errors
    /// When the controller does not answer.
    pub async fn endings(&mut self) -> Result<Endings, DirectoryError> {
        let certificate = self.wire.peer_certificate().await.and_then(|der| crate::tls::valid_until(&der));
        let password = self.own_account().await?.and_then(|own| own.password);
        Ok(Endings { certificate: certificate.map(Expiry::of_controller), password })
    }

    /// The account that is signed in; `None` when the controller does not tell.
    ///
    /// # Errors
    /// When the controller does not answer.
    pub async fn own_account(&mut self) -> Result<Option<Own>, DirectoryError> {
        own(&mut self.wire, &self.domain, &self.user).await
    }

    /// Signs off. Dropping closes the connection as well, only less politely.
    pub async fn close(self) {
        self.wire.close().await;
    }

    /// Looks the bases up again: a renamed OU must not make everyone below it look as if they had left.
    pub(super) async fn check_bases(&mut self) -> Result<(), DirectoryError> {
        let configured: Vec<String> = self.bases.iter().map(|base| base.configured.clone()).collect();
        self.find_bases(&configured).await
    }

    async fn find_bases(&mut self, configured: &[String]) -> Result<(), DirectoryError> {
        let mut bases = Vec::new();
        for base in configured {
            let found = read(&mut self.wire, base, &["objectGUID"], Step::Base(base.clone())).await;
            let entry = match found {
                Ok(Some(entry)) => entry,
                Ok(None) | Err(DirectoryError::Answer { code: 32, .. }) => return Err(self.base_missing(base).await),
                Err(error) => return Err(error),
            };
            let dn = std::str::from_utf8(&entry.dn).ok().and_then(Dn::parse);
            let dn = dn.ok_or_else(|| self.wire.odd(Step::Base(base.clone()), "its DN is malformed"))?;
            bases.push(Base { configured: base.clone(), dn });
        }
        self.bases = bases;
        Ok(())
    }

    /// Says what there is instead, as far as the controller tells.
    pub(super) async fn base_missing(&mut self, base: &str) -> DirectoryError {
        let instead = match Dn::parse(base) {
            Some(dn) => self.instead_of(&dn).await.unwrap_or_default(),
            None => Instead::default(),
        };
        let (server, user) = (self.wire.server.clone(), self.user.clone());
        DirectoryError::BaseMissing { server, base: base.to_owned(), user, instead: Box::new(instead) }
    }
}

/// Reads the rootDSE attributes of MS-ADTS 3.1.1.3.2 that matter here.
async fn root_dse(wire: &mut Wire) -> Result<RootDse, DirectoryError> {
    const ATTRIBUTES: [&str; 6] = [
        "defaultNamingContext",
        "dsServiceName",
        "highestCommittedUSN",
        "isSynchronized",
        "supportedControl",
        "supportedCapabilities",
    ];
    let entry = read(wire, "", &ATTRIBUTES, Step::RootDse).await?;
    let entry = entry.ok_or_else(|| wire.odd(Step::RootDse, "there is none"))?;
    RootDse::read(&entry).map_err(|lack| match lack {
        Lack::Of(missing) => DirectoryError::NotAController { server: wire.server.clone(), missing },
        Lack::Number(name) => wire.odd(Step::RootDse, format!("{name} is no number")),
    })
}

/// What keeps a rootDSE from being a controller's.
pub(super) enum Lack {
    /// It lacks this attribute.
    Of(&'static str),
    /// This one is no number.
    Number(&'static str),
}

impl RootDse {
    /// Understands it.
    pub fn read(entry: &Raw) -> Result<Self, Lack> {
        const USN: &str = "highestCommittedUSN";
        let text = |name: &'static str| entry.text(name).ok_or(Lack::Of(name));
        let highest = text(USN)?.parse().map_err(|_| Lack::Number(USN))?;
        let synchronized = entry.text("isSynchronized").is_none_or(|value| !value.eq_ignore_ascii_case("FALSE"));
        let oids = |name| entry.values(name).iter().filter_map(|oid| String::from_utf8(oid.clone()).ok()).collect();
        Ok(Self {
            domain: text("defaultNamingContext")?.to_owned(),
            ntds: text("dsServiceName")?.to_owned(),
            vitals: Vitals { highest, synchronized },
            controls: oids("supportedControl"),
            capabilities: oids("supportedCapabilities"),
        })
    }
}

/// The controller's naming context must be that of the configured domain, and hold every base.
fn check_domain(wire: &Wire, settings: &DirectorySettings, found: &str) -> Result<(), DirectoryError> {
    let (wanted, domain) = (settings.root(), Dn::parse(found));
    let Some(domain) = domain.filter(|domain| wanted.as_ref() == Some(domain)) else {
        let server = wire.server.clone();
        return Err(DirectoryError::WrongDomain { server, wanted: settings.domain.clone(), found: found.to_owned() });
    };
    for base in &settings.bases {
        if !Dn::parse(base).is_some_and(|base| base.is_within(&domain)) {
            return Err(DirectoryError::BaseOutside { base: base.clone(), domain: found.to_owned() });
        }
    }
    Ok(())
}

/// A GUID attribute of an object that any signed-in account may read.
async fn guid_of(wire: &mut Wire, user: &str, dn: &str, attribute: &str) -> Result<Uuid, DirectoryError> {
    let hidden = |server: &str| {
        let what = format!("{attribute} of {dn}");
        DirectoryError::NoRight { server: server.to_owned(), user: user.to_owned(), what }
    };
    let entry = match read(wire, dn, &[attribute], Step::Identity).await {
        Ok(Some(entry)) => entry,
        Ok(None) | Err(DirectoryError::Answer { code: 32 | 50, .. }) => return Err(hidden(&wire.server)),
        Err(error) => return Err(error),
    };
    let [value] = entry.values(attribute) else {
        return Err(hidden(&wire.server));
    };
    let bytes = <[u8; 16]>::try_from(value.as_slice());
    bytes.map(Uuid::from_bytes_le).map_err(|_| wire.odd(Step::Identity, format!("{attribute} is no GUID")))
}

/// Reads one object by its DN.
pub(super) async fn read(
    wire: &mut Wire,
    dn: &str,
    attributes: &[&str],
    step: Step,
) -> Result<Option<Raw>, DirectoryError> {
    let mut found = None;
    let ask = Ask {
        base: dn,
        scope: Scope::Base,
        filter: ANY,
        attributes: attributes.iter().map(ToString::to_string).collect(),
        controls: Vec::new(),
        step,
    };
    wire.ask(ask, |tag| {
        found = Some(Raw::read(tag).map_err(|error| error.to_string())?);
        Ok(())
    })
    .await?;
    Ok(found)
}
