//! What is asked of a domain controller: attributes, filters, and the digest that names the question.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::model::settings::{AnchorSource, DirectorySettings};

/// Attributes that are always read: key, names, state, exclusions and, for [`AnchorSource::Auto`], the anchor.
const ALWAYS: [&str; 14] = [
    "objectGUID",
    "objectSid",
    "sAMAccountName",
    "userPrincipalName",
    "displayName",
    "userAccountControl",
    "accountExpires",
    "whenCreated",
    "uSNChanged",
    "isDeleted",
    "isCriticalSystemObject",
    "mailNickname",
    "msExchRecipientTypeDetails",
    "adminDescription",
];

/// The attribute Entra Connect prefers as anchor.
pub(super) const CONSISTENCY_GUID: &str = "mS-DS-ConsistencyGuid";

/// Raised when entries come to be understood differently, so that everything is read once more.
const READING: &str = "seatsync accounts 1";

/// Users and what derives from them (inetOrgPerson); computers and what derives from those (managed service accounts)
/// not. Not by objectCategory, which deleted objects lose (MS-ADTS 3.1.1.5.5.1).
const USERS: &str = "(objectClass=user)(!(objectClass=computer))";

/// How accounts are asked for, and how the answers are to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Which attribute joins accounts to users.
    pub anchor: AnchorSource,
    /// Attributes kept as text, in lower case.
    pub extra: BTreeSet<String>,
    /// Whether changes of groups matter.
    pub groups: bool,
}

impl Question {
    /// What these settings ask.
    #[must_use]
    pub fn new(settings: &DirectorySettings) -> Self {
        Self { anchor: settings.anchor.clone(), extra: settings.attributes.clone(), groups: settings.groups_matter }
    }

    /// Names of all attributes to request, each once.
    #[must_use]
    pub fn attributes(&self) -> Vec<String> {
        let anchor = match &self.anchor {
            AnchorSource::Auto => CONSISTENCY_GUID,
            AnchorSource::Attribute(name) => name,
        };
        let mut names: Vec<String> = ALWAYS.map(str::to_owned).into();
        for name in std::iter::once(anchor).chain(self.extra.iter().map(String::as_str)) {
            if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                names.push(name.to_owned());
            }
        }
        names
    }
}

/// What may hold accounts and be renamed or moved with them.
pub const CONTAINERS: &str = "(|(objectClass=organizationalUnit)(objectClass=container))";

/// The filter for what a controller wrote after `since`, and for the account that has the USN `canary`: accounts, containers,
/// and groups where they matter.
#[must_use]
pub fn changes(since: i64, canary: Option<i64>, groups: bool) -> String {
    let written = format!("(uSNChanged>={})", since.saturating_add(1));
    let written = match canary.filter(|usn| *usn <= since) {
        Some(usn) => format!("(|{written}(uSNChanged={usn}))"),
        None => written,
    };
    let groups = if groups { "(objectClass=group)" } else { "" };
    format!("(&{written}(|(&{USERS}){groups}{CONTAINERS}))")
}

/// The filter for accounts.
#[must_use]
pub fn accounts() -> String {
    format!("(&{USERS})")
}

/// The filter for those accounts that another filter means, too.
#[must_use]
pub fn among(filter: &str) -> String {
    format!("(&{USERS}{filter})")
}

/// SHA-256, in hex, over everything that makes one question differ from another: bases, attributes, the anchor's source and
/// how entries are understood. Order and case of bases and attributes make no difference.
#[must_use]
pub fn coverage(settings: &DirectorySettings) -> String {
    let question = Question::new(settings);
    let bases: BTreeSet<String> = settings.bases.iter().map(|base| base.trim().to_lowercase()).collect();
    let attributes: BTreeSet<String> = question.attributes().iter().map(|name| name.to_ascii_lowercase()).collect();
    let anchor = match question.anchor {
        AnchorSource::Auto => String::new(),
        AnchorSource::Attribute(name) => name.to_ascii_lowercase(),
    };
    let mut text = format!("{READING}\nanchor {anchor}\nfilter {}\n", accounts());
    for base in bases {
        let _ = writeln!(text, "base {}:{base}", base.len());
    }
    for name in attributes {
        let _ = writeln!(text, "attribute {}:{name}", name.len());
    }
    ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The digest of what is read of each domain, by its name.
#[must_use]
pub fn coverages(directories: &[DirectorySettings]) -> BTreeMap<String, String> {
    directories.iter().map(|directory| (directory.domain.clone(), coverage(directory))).collect()
}

/// What names all that is read, of however many domains; of a single one its digest.
#[must_use]
pub fn joint_coverage(directories: &[DirectorySettings]) -> String {
    coverages(directories).into_values().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::secret::SecretSource;
    use crate::model::settings::Bind;
    use crate::model::settings::Transport;

    fn settings(bases: &[&str], attributes: &[&str], anchor: AnchorSource) -> DirectorySettings {
        DirectorySettings {
            domain: "corp.example.test".into(),
            servers: vec![],
            site: None,
            transport: Transport::Ldaps,
            dns: None,
            ca_file: None,
            bind: Bind::Simple { user: "svc".into(), password: SecretSource::new(|| Ok("secret".into())) },
            bases: bases.iter().map(ToString::to_string).collect(),
            anchor,
            attributes: attributes.iter().map(ToString::to_string).collect(),
            groups: BTreeSet::new(),
            groups_matter: false,
            poll: Duration::from_secs(10),
            timeout: Duration::from_secs(10),
        }
    }

    #[test]
    fn a_wider_question_has_another_digest_and_a_reordered_one_the_same() {
        let base = "OU=Staff,DC=corp,DC=example,DC=test";
        let first = coverage(&settings(&[base], &["c"], AnchorSource::Auto));
        assert_eq!(first.len(), 64);
        for same in [
            settings(&[" ou=staff,dc=corp,DC=example,DC=test"], &["c"], AnchorSource::Auto),
            settings(&[base], &["c", "samaccountname"], AnchorSource::Auto),
        ] {
            assert_eq!(coverage(&same), first);
        }
        for other in [
            settings(&[base, "OU=Guests,DC=corp,DC=example,DC=test"], &["c"], AnchorSource::Auto),
            settings(&[base], &["c", "department"], AnchorSource::Auto),
            settings(&[base], &["c"], AnchorSource::Attribute("employeeid".into())),
            settings(&[base], &[], AnchorSource::Auto),
        ] {
            assert_ne!(coverage(&other), first);
        }
    }

    #[test]
    fn each_attribute_is_asked_for_once() {
        let anchor = AnchorSource::Attribute("employeeid".into());
        let names = Question::new(&settings(&[], &["c", "displayname", "employeeid"], anchor)).attributes();
        let lower: BTreeSet<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        assert_eq!(lower.len(), names.len());
        assert!(lower.contains("c") && lower.contains("employeeid") && !lower.contains("ms-ds-consistencyguid"));
    }

    #[test]
    fn filters_start_after_the_watermark() {
        let users = "(objectClass=user)(!(objectClass=computer))";
        let places = "(|(objectClass=organizationalUnit)(objectClass=container))";
        assert_eq!(accounts(), format!("(&{users})"));
        assert_eq!(changes(41, None, false), format!("(&(uSNChanged>=42)(|(&{users}){places}))"));
        let with_canary = format!("(&(|(uSNChanged>=42)(uSNChanged=40))(|(&{users})(objectClass=group){places}))");
        assert_eq!(changes(41, Some(40), true), with_canary);
        assert_eq!(changes(41, Some(42), true), changes(41, None, true), "it is met anyway");
        assert!(changes(i64::MAX, None, true).contains("9223372036854775807"));
    }
}
