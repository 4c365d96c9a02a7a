//! Who is held to the contract, and what administrators do there.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use ldap3::controls::RawControl;
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapResult, Mod, Scope, SearchEntry, dn_escape};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::directory::{Directory, Guid, NewAccount};

/// A domain controller, and the ways to write on it.
pub struct Peer<'a> {
    url: String,
    tls: Arc<ClientConfig>,
    /// The DN of the domain.
    pub base: String,
    /// The account that reads.
    pub user: String,
    /// Its password.
    pub password: String,
    /// Who writes.
    pub hand: Hand<'a>,
}

/// Who writes.
pub enum Hand<'a> {
    /// The lab's handle: the lab takes no writes over LDAP.
    Lab(&'a Directory),
    /// An administrator over LDAP.
    Administrator {
        /// Who.
        user: String,
        /// The password.
        password: String,
    },
}

/// An entry with all values as bytes, under the names they came with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its DN.
    pub dn: String,
    /// Its attributes.
    pub attributes: BTreeMap<String, Vec<Vec<u8>>>,
}

impl Entry {
    /// The values of an attribute as text.
    pub fn texts(&self, name: &str) -> Vec<String> {
        let values = self.attributes.get(name).into_iter().flatten();
        values.map(|value| String::from_utf8_lossy(value).into_owned()).collect()
    }

    /// The first value as text.
    pub fn text(&self, name: &str) -> String {
        self.texts(name).into_iter().next().unwrap_or_default()
    }

    /// The first value as a number.
    pub fn number(&self, name: &str) -> u64 {
        self.text(name).parse().unwrap_or_else(|_| panic!("{name} is no number: {self:?}"))
    }

    /// objectGUID.
    pub fn guid(&self) -> Guid {
        Guid::from_bytes_le(self.attributes["objectGUID"][0].clone().try_into().expect("16 bytes"))
    }
}

impl<'a> Peer<'a> {
    /// The first domain controller of a lab's directory.
    pub fn lab(directory: &'a Directory) -> Peer<'a> {
        Peer {
            url: format!("ldaps://localhost:{}", directory.ldaps_addr().port()),
            tls: trusting(directory.ca_pem()),
            base: directory.base_dn(),
            user: directory.bind_user(),
            password: directory.bind_password(),
            hand: Hand::Lab(directory),
        }
    }

    /// The domain controller that `tests/samba/dc` has put into the environment.
    ///
    /// # Panics
    /// When it has not.
    pub fn samba() -> Peer<'static> {
        let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is set by tests/samba/dc"));
        let ca = std::fs::read_to_string(variable("SAMBA_CA")).expect("the controller's CA");
        Peer {
            url: variable("SAMBA_LDAPS_URL"),
            tls: trusting(&ca),
            base: variable("SAMBA_BASE"),
            user: variable("SAMBA_BIND_USER"),
            password: variable("SAMBA_BIND_PASSWORD"),
            hand: Hand::Administrator {
                user: variable("SAMBA_ADMIN_USER"),
                password: variable("SAMBA_ADMIN_PASSWORD"),
            },
        }
    }

    /// Whether it is Samba.
    pub fn is_samba(&self) -> bool {
        matches!(self.hand, Hand::Administrator { .. })
    }

    /// A connection nobody has signed in on.
    pub async fn connect(&self) -> Ldap {
        let settings = LdapConnSettings::new().set_config(Arc::clone(&self.tls));
        let (connection, ldap) = LdapConnAsync::with_settings(settings, &self.url).await.expect("a connection");
        ldap3::drive!(connection);
        ldap
    }

    /// A connection of the account that reads.
    pub async fn reader(&self) -> Ldap {
        self.signed_in(&self.user, &self.password).await
    }

    /// A connection of somebody who may see Deleted Objects.
    pub async fn witness(&self) -> Ldap {
        match &self.hand {
            Hand::Lab(_) => self.reader().await,
            Hand::Administrator { user, password } => self.signed_in(user, password).await,
        }
    }

    async fn signed_in(&self, user: &str, password: &str) -> Ldap {
        let mut ldap = self.connect().await;
        ldap.simple_bind(user, password).await.and_then(LdapResult::success).expect("signed in");
        ldap
    }

    /// Makes an organizational unit below the domain's head, and gives its DN.
    pub async fn unit(&self, name: &str) -> String {
        let dn = format!("OU={},{}", dn_escape(name), self.base);
        match &self.hand {
            Hand::Lab(directory) => drop(directory.create_ou(name)),
            Hand::Administrator { .. } => self.add(&dn, &[("objectClass", "organizationalUnit")]).await,
        }
        dn
    }

    /// Renames a unit, and gives its new DN.
    pub async fn rename_unit(&self, unit: &str, name: &str) -> String {
        match &self.hand {
            Hand::Lab(directory) => directory.rename_ou(unit, name),
            Hand::Administrator { .. } => {
                let mut admin = self.witness().await;
                let done = admin.modifydn(unit, &format!("OU={}", dn_escape(name)), true, None).await;
                done.and_then(LdapResult::success).expect("renamed");
            }
        }
        format!("OU={},{}", dn_escape(name), self.base)
    }

    /// Creates an enabled account with these further attributes.
    pub async fn account(&self, unit: &str, cn: &str, sam: &str, attributes: &[(&str, &str)]) -> Guid {
        match &self.hand {
            Hand::Lab(directory) => {
                let new = NewAccount::named(cn).sam(sam).in_ou(unit);
                directory.create_account(attributes.iter().fold(new, |new, (name, value)| new.with(name, value)))
            }
            Hand::Administrator { .. } => {
                let dn = format!("CN={},{unit}", dn_escape(cn));
                let own = [("objectClass", "user"), ("sAMAccountName", sam), ("userAccountControl", "544")];
                let own = own.into_iter().filter(|(name, _)| attributes.iter().all(|(given, _)| given != name));
                self.add(&dn, &own.chain(attributes.iter().copied()).collect::<Vec<_>>()).await;
                self.guid(&dn).await
            }
        }
    }

    /// Creates a group.
    pub async fn group(&self, unit: &str, cn: &str) -> Guid {
        match &self.hand {
            Hand::Lab(directory) => {
                let guid = directory.create_group(cn);
                directory.move_to(guid, unit);
                guid
            }
            Hand::Administrator { .. } => {
                let dn = format!("CN={},{unit}", dn_escape(cn));
                self.add(&dn, &[("objectClass", "group"), ("sAMAccountName", cn)]).await;
                self.guid(&dn).await
            }
        }
    }

    /// Puts somebody into a group, or takes them out.
    pub async fn member(&self, group: Guid, member: Guid, present: bool) {
        match &self.hand {
            Hand::Lab(directory) => directory.set_membership(group, member, present),
            Hand::Administrator { .. } => {
                let values = HashSet::from([self.named(member, &["cn"]).await.dn]);
                let name = "member".to_owned();
                let change = if present { Mod::Add(name, values) } else { Mod::Delete(name, values) };
                self.modify(group, change).await;
            }
        }
    }

    /// Gives an attribute one value.
    pub async fn set(&self, guid: Guid, attribute: &str, value: &str) {
        match &self.hand {
            Hand::Lab(directory) => directory.modify(guid, &[crate::directory::Change::set(attribute, value)]),
            Hand::Administrator { .. } => {
                self.modify(guid, Mod::Replace(attribute.to_owned(), HashSet::from([value.to_owned()]))).await;
            }
        }
    }

    /// Renames an object.
    pub async fn rename(&self, guid: Guid, cn: &str) {
        match &self.hand {
            Hand::Lab(directory) => directory.dc(0).rename(guid, cn),
            Hand::Administrator { .. } => self.relocate(guid, &format!("CN={}", dn_escape(cn)), None).await,
        }
    }

    /// Moves an object into another unit under the name it has.
    pub async fn move_to(&self, guid: Guid, unit: &str) {
        match &self.hand {
            Hand::Lab(directory) => directory.move_to(guid, unit),
            Hand::Administrator { .. } => {
                let cn = self.named(guid, &["cn"]).await.text("cn");
                self.relocate(guid, &format!("CN={}", dn_escape(cn)), Some(unit)).await;
            }
        }
    }

    async fn relocate(&self, guid: Guid, rdn: &str, parent: Option<&str>) {
        let dn = self.named(guid, &["cn"]).await.dn;
        let done = self.witness().await.modifydn(&dn, rdn, true, parent).await;
        done.and_then(LdapResult::success).expect("moved");
    }

    /// Deletes an object.
    pub async fn delete(&self, guid: Guid) {
        match &self.hand {
            Hand::Lab(directory) => directory.delete(guid),
            Hand::Administrator { .. } => {
                let done = self.witness().await.delete(&format!("<GUID={guid}>")).await;
                done.and_then(LdapResult::success).expect("deleted");
            }
        }
    }

    /// Brings a deleted object back under the DN it had.
    pub async fn undelete(&self, guid: Guid, dn: &str) {
        match &self.hand {
            Hand::Lab(directory) => directory.undelete(guid),
            Hand::Administrator { .. } => {
                let deleted = self.named(guid, &["cn"]).await.dn;
                let changes = vec![
                    Mod::Delete("isDeleted".to_owned(), HashSet::new()),
                    Mod::Replace("distinguishedName".to_owned(), HashSet::from([dn.to_owned()])),
                ];
                let mut admin = self.witness().await;
                let done = admin.with_controls(vec![show_deleted()]).modify(&deleted, changes).await;
                done.and_then(LdapResult::success).expect("undeleted");
            }
        }
    }

    async fn add(&self, dn: &str, attributes: &[(&str, &str)]) {
        let attributes = attributes.iter().map(|(name, value)| (*name, HashSet::from([*value]))).collect();
        let done = self.witness().await.add(dn, attributes).await;
        done.and_then(LdapResult::success).unwrap_or_else(|error| panic!("{dn}: {error}"));
    }

    async fn modify(&self, guid: Guid, change: Mod<String>) {
        let done = self.witness().await.modify(&format!("<GUID={guid}>"), vec![change]).await;
        done.and_then(LdapResult::success).expect("modified");
    }

    async fn guid(&self, dn: &str) -> Guid {
        let mut witness = self.witness().await;
        one(&mut witness, dn, &["objectGUID"]).await.expect("it is there").guid()
    }

    /// An object by its GUID, deleted or not, as a witness sees it.
    pub async fn named(&self, guid: Guid, attributes: &[&str]) -> Entry {
        let mut witness = self.witness().await;
        witness.with_controls(vec![show_deleted()]);
        one(&mut witness, &format!("<GUID={guid}>"), attributes).await.expect("it is there")
    }

    /// uSNChanged of an object.
    pub async fn usn(&self, guid: Guid) -> u64 {
        self.named(guid, &["uSNChanged"]).await.number("uSNChanged")
    }

    /// highestCommittedUSN.
    pub async fn highest_usn(&self) -> u64 {
        let mut ldap = self.connect().await;
        one(&mut ldap, "", &["highestCommittedUSN"]).await.expect("a root").number("highestCommittedUSN")
    }
}

/// A search without paging.
pub async fn search(
    ldap: &mut Ldap,
    base: &str,
    scope: Scope,
    filter: &str,
    attributes: &[&str],
) -> (Vec<Entry>, LdapResult) {
    let found = ldap.search(base, scope, filter, attributes.to_vec()).await.expect("an answer");
    let entries = found.0.into_iter().filter(|entry| !entry.is_ref()).map(SearchEntry::construct);
    (entries.map(Entry::from).collect(), found.1)
}

/// A base search for one object.
pub async fn one(ldap: &mut Ldap, base: &str, attributes: &[&str]) -> Result<Entry, LdapResult> {
    let (entries, result) = search(ldap, base, Scope::Base, "(objectClass=*)", attributes).await;
    match result.rc {
        0 => entries.into_iter().next().ok_or(result),
        _ => Err(result),
    }
}

impl From<SearchEntry> for Entry {
    fn from(entry: SearchEntry) -> Entry {
        let mut attributes = BTreeMap::<String, Vec<Vec<u8>>>::new();
        for (name, values) in entry.attrs {
            attributes.entry(name).or_default().extend(values.into_iter().map(String::into_bytes));
        }
        for (name, values) in entry.bin_attrs {
            attributes.entry(name).or_default().extend(values);
        }
        Entry { dn: entry.dn, attributes }
    }
}

/// A critical control without a value.
pub fn control(oid: &str) -> RawControl {
    RawControl { ctype: oid.to_owned(), crit: true, val: None }
}

/// DNs with GUID and SID, in the form that the value asks for.
pub fn extended_dn(value: &[u8]) -> RawControl {
    RawControl { val: Some(value.to_vec()), ..control("1.2.840.113556.1.4.529") }
}

/// Show deleted.
pub fn show_deleted() -> RawControl {
    control("1.2.840.113556.1.4.417")
}

fn trusting(pem: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}
