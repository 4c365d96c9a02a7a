//! What a directory can be started with.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::world::{DcPlan, FIRST_SITE, Policy};

/// The domain without a name of its own.
const DOMAIN: &str = "corp.example.test";

/// How to start a directory. The default is an empty domain on free ports of the loopback address.
#[derive(Debug, Clone)]
pub struct DirectoryOptions {
    /// People in the domain from the start, beside the built-in and the service account.
    pub accounts: usize,
    /// Where all chance comes from: the same seed makes the same people with the same GUIDs.
    pub seed: u64,
    /// The domain's DNS name.
    pub domain: String,
    /// Domain controllers beside the first.
    pub more_dcs: Vec<DcOptions>,
    /// Where LDAPS is served.
    pub listen: SocketAddr,
    /// Where plain LDAP with StartTLS is served, if anywhere.
    pub starttls_listen: Option<SocketAddr>,
    /// Where the control API is served, if anywhere.
    pub control_listen: Option<SocketAddr>,
    /// Where DNS is served, over UDP, if anywhere.
    pub dns_listen: Option<SocketAddr>,
    /// Certificate chain and key, PEM. Without them the lab makes its own authority.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The names and addresses the first domain controller's certificate is for.
    pub certificate_names: Vec<String>,
    /// The day on which certificates of the lab's own authority end; far ahead if left out.
    pub certificate_until: Option<jiff::civil::Date>,
    /// The service account's password.
    pub password: String,
    /// Whether the recycle bin is on.
    pub recycle_bin: bool,
    /// Whether the service account lacks the right to see Deleted Objects.
    pub hide_deleted_objects: bool,
    /// Whether the forest has the Exchange schema.
    pub exchange_schema: bool,
    /// MaxPageSize of the LDAP policy, in entries.
    pub max_page_size: usize,
    /// MaxValRange of the LDAP policy, in values of one attribute in one entry.
    pub max_val_range: usize,
}

impl Default for DirectoryOptions {
    fn default() -> DirectoryOptions {
        DirectoryOptions {
            accounts: 0,
            seed: 1,
            domain: DOMAIN.to_owned(),
            more_dcs: Vec::new(),
            listen: free(),
            starttls_listen: None,
            control_listen: None,
            dns_listen: None,
            certificate: None,
            certificate_names: names(&format!("dc1.{DOMAIN}")),
            certificate_until: None,
            password: "lab-password".to_owned(),
            recycle_bin: false,
            hide_deleted_objects: false,
            exchange_schema: true,
            max_page_size: 1000,
            max_val_range: 1500,
        }
    }
}

impl DirectoryOptions {
    /// A domain with that many people.
    pub fn with_accounts(accounts: usize) -> DirectoryOptions {
        DirectoryOptions { accounts, ..DirectoryOptions::default() }
    }

    /// With so many domain controllers in all, writable and in the first site: `dc1`, `dc2`…
    #[must_use]
    pub fn dcs(mut self, count: usize) -> DirectoryOptions {
        self.more_dcs.resize_with(count.saturating_sub(1), DcOptions::default);
        self
    }

    /// With DNS on a free port of the loopback address.
    #[must_use]
    pub fn dns(mut self) -> DirectoryOptions {
        self.dns_listen = Some(free());
        self
    }

    /// A domain of another name, its first domain controller included.
    #[must_use]
    pub(super) fn named(mut self, domain: &str) -> DirectoryOptions {
        self.certificate_names = names(&format!("dc1.{domain}"));
        self.domain = domain.to_owned();
        self
    }

    pub(super) fn policy(&self) -> Policy {
        Policy {
            recycle_bin: self.recycle_bin,
            hide_deleted_objects: self.hide_deleted_objects,
            exchange_schema: self.exchange_schema,
            max_page_size: self.max_page_size,
            max_val_range: self.max_val_range,
            clock_ahead: 0,
        }
    }
}

/// A domain controller beside the first.
///
/// Without addresses it listens beside the first one: on `127.0.0.2` and so on under the same ports, so that only the
/// address tells them apart, as in a real domain. Where the first does not listen on `127.0.0.1`, on a free port.
#[derive(Debug, Clone, Default)]
pub struct DcOptions {
    /// The host's name, without the domain; `dc2` for the second and so on.
    pub host: Option<String>,
    /// Its site; `Default-First-Site-Name`.
    pub site: Option<String>,
    /// Whether it is read-only.
    pub read_only: bool,
    /// Attributes a read-only one does not hold.
    pub filtered: Vec<String>,
    /// Where LDAPS is served.
    pub listen: Option<SocketAddr>,
    /// Where plain LDAP with StartTLS is served; nowhere if the first does not serve it.
    pub starttls_listen: Option<SocketAddr>,
    /// The names and addresses of its certificate; its own name, `localhost` and its addresses.
    pub certificate_names: Option<Vec<String>>,
}

impl DcOptions {
    /// A read-only domain controller in a site of its own.
    pub fn read_only(site: &str) -> DcOptions {
        DcOptions { site: Some(site.to_owned()), read_only: true, ..DcOptions::default() }
    }

    pub(super) fn plan(&self, dc: usize) -> DcPlan {
        DcPlan {
            host: self.host.clone().unwrap_or_else(|| format!("dc{}", dc + 1)),
            site: self.site.clone().unwrap_or_else(|| FIRST_SITE.to_owned()),
            read_only: self.read_only,
            filtered: self.filtered.clone(),
        }
    }

    pub(super) fn names(&self, fqdn: &str, address: SocketAddr) -> Vec<String> {
        let own = || {
            let mut names = names(fqdn);
            names.push(address.ip().to_string());
            names.dedup();
            names
        };
        self.certificate_names.clone().unwrap_or_else(own)
    }
}

fn free() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn names(fqdn: &str) -> Vec<String> {
    vec![fqdn.to_owned(), "localhost".to_owned(), "127.0.0.1".to_owned()]
}
