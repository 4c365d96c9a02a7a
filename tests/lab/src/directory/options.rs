//! What a directory can be started with.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::world::Policy;

/// How to start a directory. The default is an empty domain on free ports of the loopback address.
#[derive(Debug, Clone)]
pub struct DirectoryOptions {
    /// People in the domain from the start, beside the built-in and the service account.
    pub accounts: usize,
    /// Where all chance comes from: the same seed makes the same people with the same GUIDs.
    pub seed: u64,
    /// Where LDAPS is served.
    pub listen: SocketAddr,
    /// Where plain LDAP with StartTLS is served, if anywhere.
    pub starttls_listen: Option<SocketAddr>,
    /// Where the control API is served, if anywhere.
    pub control_listen: Option<SocketAddr>,
    /// Certificate chain and key, PEM. Without them the lab makes its own authority.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The names and addresses the lab's own certificate is for.
    pub certificate_names: Vec<String>,
    /// The day on which the lab's own certificate ends; far ahead if left out.
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
}

impl Default for DirectoryOptions {
    fn default() -> DirectoryOptions {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let names = ["dc1.corp.example.test", "localhost", "127.0.0.1"];
        DirectoryOptions {
            accounts: 0,
            seed: 1,
            listen: free,
            starttls_listen: None,
            control_listen: None,
            certificate: None,
            certificate_names: names.map(str::to_owned).to_vec(),
            certificate_until: None,
            password: "lab-password".to_owned(),
            recycle_bin: false,
            hide_deleted_objects: false,
            exchange_schema: true,
            max_page_size: 1000,
        }
    }
}

impl DirectoryOptions {
    /// A domain with that many people.
    pub fn with_accounts(accounts: usize) -> DirectoryOptions {
        DirectoryOptions { accounts, ..DirectoryOptions::default() }
    }

    pub(super) fn policy(&self) -> Policy {
        Policy {
            recycle_bin: self.recycle_bin,
            hide_deleted_objects: self.hide_deleted_objects,
            exchange_schema: self.exchange_schema,
            max_page_size: self.max_page_size,
        }
    }
}
