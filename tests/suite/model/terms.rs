//! The terms between the two sides: what the agent is configured to, and an entry as its library hands it over.

use std::collections::BTreeSet;
use std::time::Duration;

use ldap3::asn1::{PL, StructureTag, TagClass};
use seatsync::directory::roster::Failure;
use seatsync::directory::watch::Answer;
use seatsync::model::secret::SecretSource;
use seatsync::model::settings::{AnchorSource, Bind, DirectorySettings, Transport};
use seatsync_lab::directory::search::bare::Found;

use super::domain::DOMAIN;

const POLL: Duration = Duration::from_secs(20);
/// The domain's name.
pub const NAME: &str = "corp.example.test";

/// What the bases are, and whether another attribute is read, by the number of the configuration.
const BASES: [(&[&str], bool); 5] = [
    (&["OU=Staff,DC=corp,DC=example,DC=test"], false),
    (&["OU=Staff,DC=corp,DC=example,DC=test", "OU=Contractors,DC=corp,DC=example,DC=test"], false),
    (&[DOMAIN], false),
    (&["OU=Staff,DC=corp,DC=example,DC=test"], true),
    (&["OU=Contractors,DC=corp,DC=example,DC=test"], true),
];

/// A SearchResultEntry (RFC 4511, 4.5.2) as the library's decoder leaves it.
pub fn entry(found: Found) -> StructureTag {
    let text = |value: Vec<u8>| StructureTag { class: TagClass::Universal, id: 4, payload: PL::P(value) };
    let group = |id: u64, parts| StructureTag { class: TagClass::Universal, id, payload: PL::C(parts) };
    let attribute = |(name, values): (String, Vec<Vec<u8>>)| {
        group(16, vec![text(name.into_bytes()), group(17, values.into_iter().map(text).collect())])
    };
    let attributes = found.attributes.into_iter().map(attribute).collect();
    let parts = vec![text(found.dn.into_bytes()), group(16, attributes)];
    StructureTag { class: TagClass::Application, id: 4, payload: PL::C(parts) }
}

/// The configuration of that number.
pub fn settings(number: usize) -> DirectorySettings {
    let (bases, further) = BASES[number % BASES.len()];
    DirectorySettings {
        domain: NAME.into(),
        servers: Vec::new(),
        site: None,
        transport: Transport::Ldaps,
        dns: None,
        ca_file: None,
        bind: Bind::Simple { user: "svc".into(), password: SecretSource::new(|| Ok("secret".into())) },
        bases: bases.iter().map(ToString::to_string).collect(),
        anchor: AnchorSource::Auto,
        attributes: ["c"].into_iter().chain(further.then_some("department")).map(str::to_owned).collect(),
        groups: BTreeSet::new(),
        groups_matter: false,
        poll: POLL,
        timeout: POLL,
    }
}

/// Why a request came to nothing.
#[derive(Clone, Copy)]
pub enum Broken {
    Failed(Failure),
    CookieGone,
}

impl From<Broken> for Answer {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Failed(failure) => Self::Failed(failure),
            Broken::CookieGone => Self::CookieGone,
        }
    }
}
