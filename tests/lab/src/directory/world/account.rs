//! What scenarios say about accounts.

use serde::{Deserialize, Serialize};

use super::Guid;

/// An account to create. What is left out is made up, as for the population.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewAccount {
    /// Its name in the directory (`cn`), unescaped. Also the display name.
    pub name: Option<String>,
    /// sAMAccountName.
    pub sam: Option<String>,
    /// userPrincipalName; an empty one means none.
    pub upn: Option<String>,
    /// mail; an empty one means none.
    pub mail: Option<String>,
    /// Two-letter country; an empty one means none.
    pub c: Option<String>,
    /// The organizational unit it goes to, by name or DN. `OU=Staff` if left out.
    pub ou: Option<String>,
    /// Whether it is created disabled, as the administrative tools do.
    pub disabled: bool,
    /// Further changes made within the same write.
    #[serde(skip)]
    pub changes: Vec<Change>,
}

impl NewAccount {
    /// Somebody made up.
    pub fn new() -> NewAccount {
        NewAccount::default()
    }

    /// Somebody of that name.
    pub fn named(name: &str) -> NewAccount {
        NewAccount { name: Some(name.to_owned()), ..NewAccount::default() }
    }

    /// With that account name.
    #[must_use]
    pub fn sam(mut self, sam: &str) -> NewAccount {
        self.sam = Some(sam.to_owned());
        self
    }

    /// In that organizational unit.
    #[must_use]
    pub fn in_ou(mut self, ou: &str) -> NewAccount {
        self.ou = Some(ou.to_owned());
        self
    }

    /// In that country; an empty text for none.
    #[must_use]
    pub fn country(mut self, c: &str) -> NewAccount {
        self.c = Some(c.to_owned());
        self
    }

    /// Created disabled.
    #[must_use]
    pub fn disabled(mut self) -> NewAccount {
        self.disabled = true;
        self
    }

    /// With a value for any attribute.
    #[must_use]
    pub fn with(mut self, attribute: &str, value: impl AsRef<[u8]>) -> NewAccount {
        self.changes.push(Change::set(attribute, value));
        self
    }

    /// Without an attribute.
    #[must_use]
    pub fn without(mut self, attribute: &str) -> NewAccount {
        self.changes.push(Change::clear(attribute));
        self
    }
}

/// A change to an object.
///
/// Also what a real domain controller owns can be set or cleared (`objectGUID`, `objectSid`…), and values need not
/// fit their syntax: that is how malformed entries are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The attribute gets exactly these values.
    Set(String, Vec<Vec<u8>>),
    /// The attribute has no value any more.
    Clear(String),
    /// Clears the disabled bit of userAccountControl.
    Enable,
    /// Sets the disabled bit of userAccountControl.
    Disable,
}

impl Change {
    /// One value.
    pub fn set(attribute: &str, value: impl AsRef<[u8]>) -> Change {
        Change::Set(attribute.to_owned(), vec![value.as_ref().to_vec()])
    }

    /// No value.
    pub fn clear(attribute: &str) -> Change {
        Change::Clear(attribute.to_owned())
    }
}

/// What a scenario may want to know of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Account {
    /// objectGUID.
    pub guid: Guid,
    /// Its DN as of now.
    pub dn: String,
    /// sAMAccountName, if it is text.
    pub sam: Option<String>,
    /// userPrincipalName.
    pub upn: Option<String>,
    /// mail.
    pub mail: Option<String>,
    /// Country.
    pub c: Option<String>,
    /// Whether userAccountControl lets it sign in.
    pub enabled: bool,
    /// Whether it is deleted.
    pub deleted: bool,
    /// Whether it carries isCriticalSystemObject.
    pub critical: bool,
    /// uSNCreated on the domain controller asked.
    pub usn_created: u64,
    /// uSNChanged on the domain controller asked.
    pub usn_changed: u64,
}
