//! The directory over LDAP, read from end to end as a sync engine's full import does.

use std::{path::PathBuf, sync::Arc, time::Duration};

use ldap3::{
    LdapConnAsync, LdapConnSettings, Scope, SearchEntry,
    adapters::{Adapter, EntriesOnly, PagedResults},
};
use rustls::{ClientConfig, RootCertStore, crypto::ring::default_provider};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use uuid::Uuid;

use super::record::{DirectoryRecord, sid_text};

const PAGE: i32 = 500;
const CONNECT: Duration = Duration::from_secs(10);
const PEOPLE: &str = "(&(objectCategory=person)(objectClass=user))";
const ATTRIBUTES: [&str; 18] = [
    "adminDescription",
    "department",
    "displayName",
    "givenName",
    "isCriticalSystemObject",
    "mail",
    "mailNickname",
    "mS-DS-ConsistencyGuid",
    "msExchRecipientTypeDetails",
    "msExchUsageLocation",
    "objectClass",
    "objectGUID",
    "objectSid",
    "sAMAccountName",
    "sn",
    "userAccountControl",
    "userPrincipalName",
    "whenCreated",
];

/// Which directory to follow, and how.
#[derive(Debug, Clone)]
pub struct FollowOptions {
    /// `ldaps://host:port`; `ldap://` is taken too, for a lab directory without TLS.
    pub url: String,
    /// UPN or DN to bind as.
    pub bind_user: String,
    /// Its password.
    pub bind_password: String,
    /// Where the accounts are.
    pub base: String,
    /// PEM file of the CA that signed the server's certificate; required for `ldaps://`.
    pub ca: Option<PathBuf>,
    /// How long after an account was first seen its user is created, on the lab's clock.
    pub delay: Duration,
    /// Time from one read to the next.
    pub every: Duration,
}

pub(super) struct Source {
    options: FollowOptions,
    tls: Arc<ClientConfig>,
}

impl Source {
    pub(super) fn new(options: FollowOptions) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        if let Some(file) = &options.ca {
            let said = |error: &dyn std::fmt::Display| format!("cannot use the CA file {}: {error}", file.display());
            let certificates = CertificateDer::pem_file_iter(file).map_err(|error| said(&error))?;
            for certificate in certificates {
                roots.add(certificate.map_err(|error| said(&error))?).map_err(|error| said(&error))?;
            }
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { options, tls: Arc::new(tls) })
    }

    /// All accounts, or why the read is not complete.
    pub(super) async fn read(&self) -> Result<Vec<DirectoryRecord>, String> {
        self.search().await.map_err(|error| error.to_string())
    }

    async fn search(&self) -> ldap3::result::Result<Vec<DirectoryRecord>> {
        let settings = LdapConnSettings::new().set_conn_timeout(CONNECT).set_config(Arc::clone(&self.tls));
        let (connection, mut ldap) = LdapConnAsync::with_settings(settings, &self.options.url).await?;
        ldap3::drive!(connection);
        ldap.simple_bind(&self.options.bind_user, &self.options.bind_password).await?.success()?;
        let adapters: Vec<Box<dyn Adapter<_, _>>> =
            vec![Box::new(EntriesOnly::new()), Box::new(PagedResults::new(PAGE))];
        let base = &self.options.base;
        let mut search =
            ldap.streaming_search_with(adapters, base, Scope::Subtree, PEOPLE, ATTRIBUTES.to_vec()).await?;
        let mut records = Vec::new();
        while let Some(entry) = search.next().await? {
            // An entry without a GUID is nothing a sync engine can hold on to.
            records.extend(record(&SearchEntry::construct(entry)));
        }
        search.finish().await.success()?;
        ldap.unbind().await?;
        Ok(records)
    }
}

/// An attribute's first value; names compare without case, and bytes that happen to be UTF-8 stand among the texts.
fn bytes<'a>(entry: &'a SearchEntry, name: &str) -> Option<&'a [u8]> {
    let binary = entry.bin_attrs.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let text = entry.attrs.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let binary = binary.and_then(|(_, values)| values.first()).map(Vec::as_slice);
    binary.or_else(|| text.and_then(|(_, values)| values.first()).map(String::as_bytes))
}

fn record(entry: &SearchEntry) -> Option<DirectoryRecord> {
    let text = |name| {
        bytes(entry, name).map(|value| String::from_utf8_lossy(value).into_owned()).filter(|text| !text.is_empty())
    };
    let number = |name| text(name).and_then(|text| text.parse::<i64>().ok()).unwrap_or_default();
    Some(DirectoryRecord {
        object_guid: Uuid::from_bytes_le(bytes(entry, "objectGUID")?.try_into().ok()?),
        consistency_guid: bytes(entry, "mS-DS-ConsistencyGuid").map(<[u8]>::to_vec),
        object_sid: bytes(entry, "objectSid").and_then(sid_text),
        distinguished_name: entry.dn.clone(),
        sam_account_name: text("sAMAccountName"),
        user_principal_name: text("userPrincipalName"),
        display_name: text("displayName"),
        given_name: text("givenName"),
        surname: text("sn"),
        mail: text("mail"),
        mail_nickname: text("mailNickname"),
        department: text("department"),
        user_account_control: number("userAccountControl") as u32,
        usage_location: text("msExchUsageLocation"),
        critical_system_object: text("isCriticalSystemObject").is_some_and(|value| value.eq_ignore_ascii_case("true")),
        admin_description: text("adminDescription"),
        recipient_type_details: number("msExchRecipientTypeDetails") as u64,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn a_guid_is_found_among_texts_too() {
        let text = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
        let attrs = HashMap::from([text("objectGUID", "abcdefghijklmnop"), text("userAccountControl", "514")]);
        let mut entry = SearchEntry { dn: "CN=x,DC=corp,DC=test".into(), attrs, bin_attrs: HashMap::new() };
        let read = record(&entry).unwrap();
        assert_eq!(read.object_guid.to_bytes_le(), *b"abcdefghijklmnop");
        assert_eq!((read.enabled(), read.domain().as_str()), (false, "corp.test"));
        entry.bin_attrs.insert("objectguid".into(), vec![vec![0xff; 16]]);
        assert_eq!(record(&entry).unwrap().object_guid, Uuid::max());
        entry.bin_attrs.insert("objectguid".into(), vec![vec![0xff; 15]]);
        assert_eq!(record(&entry), None);
    }
}
