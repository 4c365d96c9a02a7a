//! A real domain controller in the place of the lab's directory: one organizational unit for each test, and what
//! administrators do there, through LDAP.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, Mod, Scope, SearchEntry, dn_escape};
use rustls::ClientConfig;
use seatsync::tls::{self, Roots};
use seatsync_lab::directory::DirectoryOptions;
use seatsync_lab::tenant::World;
use seatsync_lab::tenant::follow::{FollowOptions, Follower};

use crate::bench::{Bench, Joiner};

/// `userAccountControl` of an account as an import makes it, enabled or not: no password is needed.
pub const ENABLED: &str = "544";
pub const DISABLED: &str = "546";

/// The bench with its directory replaced, and the test's own unit.
pub struct Site {
    pub bench: Bench,
    /// The unit's DN: what the agent reads, unless a test says otherwise.
    pub unit: String,
    /// Where administrators make their changes.
    pub controller: String,
    tls: Arc<ClientConfig>,
}

impl Site {
    /// Makes the unit, and a configuration for the least-privileged account over LDAPS that reads it alone.
    pub async fn new(name: &str) -> Self {
        let ca = env("SAMBA_CA");
        let tls = tls::client_config(&Roots::Only(ca.clone().into())).expect("the controller's CA");
        let unit = format!("OU={},{}", dn_escape(name), env("SAMBA_BASE"));
        let mut bench = Bench::with(DirectoryOptions::default(), World::empty_contoso()).await;
        bench.write("ca.pem", &std::fs::read_to_string(ca).expect("the CA is read"));
        let (port, user) = (bench.directory.ldaps_addr().port(), bench.directory.bind_user());
        bench.edit(&format!("ldaps://localhost:{port}"), &env("SAMBA_LDAPS_URL"));
        bench.edit(&user, &env("SAMBA_BIND_USER"));
        bench.write_secret("bind-password", &env("SAMBA_BIND_PASSWORD"));
        bench.edit("[tenant]", &format!("bases = [{unit:?}]\n[tenant]"));
        let site = Self { bench, unit, controller: env("SAMBA_LDAPS_URL"), tls };
        site.add(&site.unit, &[("objectClass", "organizationalUnit")]).await;
        site
    }

    /// Lets the agent read these bases instead.
    pub fn read_instead(&mut self, bases: &[&str]) {
        self.bench.edit(&format!("bases = [{:?}]", self.unit), &format!("bases = {bases:?}"));
    }

    /// Lets the agent sign in as somebody else.
    pub fn sign_in_as(&mut self, user: &str, password: &str) {
        self.bench.edit(&env("SAMBA_BIND_USER"), user);
        self.bench.write_secret("bind-password", password);
    }

    /// Plays Entra Connect for everybody below that DN: quick cycles, users half a second after their accounts.
    pub fn follow(&self, base: &str) -> Follower {
        let options = FollowOptions {
            url: self.controller.clone(),
            bind_user: env("SAMBA_ADMIN_USER"),
            bind_password: env("SAMBA_ADMIN_PASSWORD"),
            base: base.to_owned(),
            ca: Some(env("SAMBA_CA").into()),
            delay: Duration::from_millis(500),
            every: Duration::from_millis(200),
        };
        Follower::start(&self.bench.tenant, options).expect("the follower starts")
    }

    /// Creates an enabled account in the test's unit; `attributes` come last and win.
    pub async fn hire(&self, cn: &str, sam: &str, attributes: &[(&str, &str)]) -> Joiner {
        let dn = format!("CN={},{}", dn_escape(cn), self.unit);
        let upn = format!("{sam}@corp.example.test");
        let mut entry = vec![
            ("objectClass", "user"),
            ("sAMAccountName", sam),
            ("userPrincipalName", upn.as_str()),
            ("displayName", cn),
            ("userAccountControl", ENABLED),
        ];
        entry.retain(|(name, _)| attributes.iter().all(|(given, _)| given != name));
        entry.extend_from_slice(attributes);
        self.add(&dn, &entry).await;
        // The follower reads the SID by itself.
        Joiner { guid: self.guid(&dn).await, upn, sid: String::new() }
    }

    /// Adds an entry.
    pub async fn add(&self, dn: &str, attributes: &[(&str, &str)]) {
        let attributes = attributes.iter().map(|(name, value)| (*name, [*value].into())).collect();
        let mut admin = self.admin().await;
        admin.add(dn, attributes).await.and_then(|done| done.success()).unwrap_or_else(|error| panic!("{dn}: {error}"));
    }

    /// Gives an attribute of somebody's account a value.
    pub async fn set(&self, joiner: &Joiner, attribute: &str, value: impl AsRef<[u8]>) {
        let change = Mod::Replace(attribute.as_bytes().to_vec(), [value.as_ref().to_vec()].into());
        let done = self.admin().await.modify(&by_guid(joiner), vec![change]).await;
        done.and_then(|done| done.success()).expect("the account is changed");
    }

    /// Moves somebody's account below another DN, under the name it has.
    pub async fn move_to(&self, joiner: &Joiner, parent: &str) {
        let dn = self.entry(&by_guid(joiner), "cn").await.dn;
        let rdn = dn.split(",OU=").next().expect("it stands in a unit");
        let done = self.admin().await.modifydn(&dn, rdn, true, Some(parent)).await;
        done.and_then(|done| done.success()).expect("the account is moved");
    }

    /// Puts somebody into a group, or takes them out.
    pub async fn member(&self, group: &Joiner, member: &Joiner, present: bool) {
        let value = [format!("<GUID={}>", member.guid).into_bytes()].into();
        let name = b"member".to_vec();
        let change = if present { Mod::Add(name, value) } else { Mod::Delete(name, value) };
        let done = self.admin().await.modify(&by_guid(group), vec![change]).await;
        done.and_then(|done| done.success()).expect("the group is changed");
    }

    /// Makes so many contacts in a unit of their own, and members of a group all at once.
    pub async fn members_by_hand(&self, group: &Joiner, count: usize) {
        let unit = format!("OU=Many,{}", self.unit);
        self.add(&unit, &[("objectClass", "organizationalUnit")]).await;
        let mut admin = self.admin().await;
        let mut members = Vec::new();
        for number in 0..count {
            let dn = format!("CN=Many {number},{unit}");
            let done = admin.add(&dn, vec![("objectClass", ["contact"].into())]).await;
            done.and_then(|done| done.success()).expect("a contact");
            members.push(dn.into_bytes());
        }
        let done =
            admin.modify(&by_guid(group), vec![Mod::Add(b"member".to_vec(), members.into_iter().collect())]).await;
        done.and_then(|done| done.success()).expect("the group is changed");
    }

    /// Renames an object, or moves it below another.
    pub async fn rename(&self, dn: &str, rdn: &str, parent: Option<&str>) {
        let done = self.admin().await.modifydn(dn, rdn, true, parent).await;
        done.and_then(|done| done.success()).expect("it is renamed");
    }

    /// Deletes somebody's account.
    pub async fn delete(&self, joiner: &Joiner) {
        let done = self.admin().await.delete(&by_guid(joiner)).await;
        done.and_then(|done| done.success()).expect("the account is deleted");
    }

    /// The controller's counter.
    pub async fn usn(&self) -> u64 {
        let root = self.entry("", "highestCommittedUSN").await;
        root.attrs["highestCommittedUSN"][0].parse().expect("a number")
    }

    /// One object, with one attribute.
    pub async fn entry(&self, dn: &str, attribute: &str) -> SearchEntry {
        let found = self.admin().await.search(dn, Scope::Base, "(objectClass=*)", vec![attribute]).await;
        let (mut entries, _) = found.and_then(|found| found.success()).expect("the entry is read");
        SearchEntry::construct(entries.pop().expect("there is one"))
    }

    /// `objectGUID`.
    pub async fn guid(&self, dn: &str) -> uuid::Uuid {
        let entry = self.entry(dn, "objectGUID").await;
        let texts = entry.attrs.get("objectGUID").map(|values| values[0].as_bytes().to_vec());
        let bytes = texts.unwrap_or_else(|| entry.bin_attrs["objectGUID"][0].clone());
        uuid::Uuid::from_bytes_le(bytes.try_into().expect("16 bytes"))
    }

    /// A connection as whoever may write: a new one each time, so that none outlives the controller.
    async fn admin(&self) -> Ldap {
        let settings = LdapConnSettings::new().set_config(self.tls.clone());
        let opened = LdapConnAsync::with_settings(settings, &self.controller).await;
        let (connection, mut ldap) = opened.expect("the controller answers");
        ldap3::drive!(connection);
        let bound = ldap.simple_bind(&env("SAMBA_ADMIN_USER"), &env("SAMBA_ADMIN_PASSWORD")).await;
        bound.and_then(|bound| bound.success()).expect("the administrator signs in");
        ldap
    }
}

/// A DN that survives every move (MS-ADTS 3.1.1.3.1.2.4).
pub fn by_guid(joiner: &Joiner) -> String {
    format!("<GUID={}>", joiner.guid)
}

/// `dc stop` or `dc start`.
pub async fn dc(what: &str) {
    tool("tests/samba/dc", &[what, &env("SAMBA_DIR")]).await;
}

/// `bulk.py`: Bulk 00001, Bulk 00002, …
pub async fn bulk(count: usize, first: usize, ou: &str) {
    let (count, first) = (count.to_string(), first.to_string());
    let script = "tests/samba/bulk.py";
    tool("/usr/bin/python3", &[script, &env("SAMBA_DIR"), &count, "--first", &first, "--ou", ou]).await;
}

pub async fn tool(program: &str, arguments: &[&str]) {
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).current_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).stdin(std::process::Stdio::null());
    let status = command.status().await.expect("it runs");
    assert!(status.success(), "{program} {arguments:?}: {status}");
}

pub fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run tests/run samba"))
}
