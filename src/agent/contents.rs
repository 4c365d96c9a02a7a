//! What the files and secrets hold that a configuration points to: only whether they differ is ever told.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret as _, SecretString};

use crate::model::certificate::CertificateSource;
use crate::model::secret::SecretSource;
use crate::model::settings::{Bind, Credential, DirectorySettings, Proof, ProxySettings, Settings, WebhookSettings};

/// By the name of each place, the digest of what it holds; `None` for what cannot be read. In memory only.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Contents(BTreeMap<String, Option<[u8; 32]>>);

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Contents({} places)", self.0.len())
    }
}

impl Contents {
    /// Reads all of them.
    pub fn of(settings: &Settings) -> Self {
        let mut contents = Self(BTreeMap::new());
        for directory in &settings.directories {
            contents.directory(directory);
        }
        let tenant = &settings.tenant;
        contents.file("tenant.ca_file", tenant.ca_file.as_deref());
        contents.proxy("tenant", &tenant.proxy);
        if let Credential::App { proof, .. } = &tenant.credential {
            contents.proof(proof);
        }
        for target in &settings.notify {
            contents.webhook(&format!("notify {}", target.id), &target.webhook);
        }
        if let Some(heartbeat) = &settings.heartbeat {
            contents.webhook("heartbeat", &heartbeat.webhook);
        }
        contents
    }

    /// The places that hold something else than in `before`, or were not named there.
    pub fn other_than(&self, before: &Self) -> Vec<&str> {
        let differs = self.0.iter().filter(|(place, held)| before.0.get(*place) != Some(held));
        differs.map(|(place, _)| place.as_str()).collect()
    }

    fn directory(&mut self, settings: &DirectorySettings) {
        let place = |key: &str| format!("directory {} {key}", settings.domain);
        self.file(&place("ca_file"), settings.ca_file.as_deref());
        match &settings.bind {
            Bind::Simple { password, .. } => self.source(place("bind.password"), password),
            Bind::Kerberos { keytab, .. } => self.file(&place("bind.keytab"), Some(keytab)),
            Bind::Own => {}
        }
    }

    /// A token of a federation is another every hour, and read anew each time: nothing is to be told of it. A certificate of the
    /// machine's store goes by what it holds: another one is another configuration.
    fn proof(&mut self, proof: &Proof) {
        match proof {
            Proof::Secret { value, .. } => self.secret("tenant.credential".to_owned(), Some(value)),
            Proof::Certificate { source: CertificateSource::Files { certificate, key }, .. } => {
                self.file("tenant.credential", Some(certificate));
                self.file("tenant.credential key", Some(key));
            }
            Proof::Certificate { source: CertificateSource::Machine(_), .. } | Proof::Federation { .. } => {}
        }
    }

    fn webhook(&mut self, place: &str, settings: &WebhookSettings) {
        self.source(format!("{place} url"), &settings.url);
        self.file(&format!("{place} ca_file"), settings.ca_file.as_deref());
        self.proxy(place, &settings.proxy);
    }

    fn proxy(&mut self, place: &str, settings: &ProxySettings) {
        let logins = settings.https.iter().chain(&settings.http).filter_map(|proxy| proxy.login.as_ref());
        for (_, password) in logins {
            self.secret(format!("{place} proxy_password"), Some(password));
        }
    }

    fn source(&mut self, place: String, source: &SecretSource) {
        self.secret(place, source.read().ok().as_ref());
    }

    fn secret(&mut self, place: String, secret: Option<&SecretString>) {
        self.0.insert(place, secret.map(|secret| hash(secret.expose_secret().as_bytes())));
    }

    fn file(&mut self, place: &str, path: Option<&Path>) {
        if let Some(path) = path {
            self.0.insert(place.to_owned(), std::fs::read(path).ok().map(|bytes| hash(&bytes)));
        }
    }
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}
