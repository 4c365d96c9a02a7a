//! The properties of a Graph user that the lab knows, as one table.

/// What one property of the resource `user` is like.
#[derive(Debug)]
pub(super) struct Property {
    /// Its Graph name.
    pub(super) name: &'static str,
    /// Returned when a request has no `$select`.
    pub(super) default: bool,
    /// What it holds when nobody set it.
    pub(super) kind: Kind,
    /// Refused on PATCH for a synced user, since the directory on premises is its master.
    pub(super) mastered: bool,
    /// Refused on PATCH for everyone.
    pub(super) read_only: bool,
}

/// The JSON type of a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text or null.
    Text,
    /// `true`, `false` or null.
    Bool,
    /// A list; empty rather than null.
    List,
    /// Worked out from what is assigned, never stored.
    Licensing,
}

const fn row(name: &'static str, kind: Kind, default: bool) -> Property {
    Property { name, default, kind, mastered: true, read_only: false }
}

const fn read_only(name: &'static str, kind: Kind) -> Property {
    Property { name, default: false, kind, mastered: true, read_only: true }
}

const fn cloud(name: &'static str, kind: Kind) -> Property {
    Property { name, default: false, kind, mastered: false, read_only: false }
}

/// Every known property, `id` apart.
pub(super) const PROPERTIES: &[Property] = &[
    row("accountEnabled", Kind::Bool, false),
    read_only("assignedLicenses", Kind::Licensing),
    read_only("assignedPlans", Kind::Licensing),
    row("businessPhones", Kind::List, true),
    row("city", Kind::Text, false),
    row("companyName", Kind::Text, false),
    row("country", Kind::Text, false),
    read_only("createdDateTime", Kind::Text),
    read_only("creationType", Kind::Text),
    read_only("deletedDateTime", Kind::Text),
    row("department", Kind::Text, false),
    row("displayName", Kind::Text, true),
    row("employeeId", Kind::Text, false),
    row("employeeType", Kind::Text, false),
    read_only("externalUserState", Kind::Text),
    row("givenName", Kind::Text, true),
    row("jobTitle", Kind::Text, true),
    read_only("licenseAssignmentStates", Kind::Licensing),
    row("mail", Kind::Text, true),
    row("mailNickname", Kind::Text, false),
    row("mobilePhone", Kind::Text, true),
    row("officeLocation", Kind::Text, true),
    read_only("onPremisesDistinguishedName", Kind::Text),
    read_only("onPremisesDomainName", Kind::Text),
    row("onPremisesImmutableId", Kind::Text, false),
    read_only("onPremisesLastSyncDateTime", Kind::Text),
    read_only("onPremisesObjectIdentifier", Kind::Text),
    read_only("onPremisesProvisioningErrors", Kind::List),
    read_only("onPremisesSamAccountName", Kind::Text),
    read_only("onPremisesSecurityIdentifier", Kind::Text),
    read_only("onPremisesSyncEnabled", Kind::Bool),
    read_only("onPremisesUserPrincipalName", Kind::Text),
    row("otherMails", Kind::List, false),
    cloud("preferredDataLocation", Kind::Text),
    cloud("preferredLanguage", Kind::Text).default(),
    read_only("provisionedPlans", Kind::List),
    read_only("proxyAddresses", Kind::List),
    row("state", Kind::Text, false),
    row("surname", Kind::Text, true),
    cloud("usageLocation", Kind::Text),
    row("userPrincipalName", Kind::Text, true),
    row("userType", Kind::Text, false),
];

impl Property {
    const fn default(mut self) -> Self {
        self.default = true;
        self
    }
}

/// The property of that exact name.
pub(super) fn property(name: &str) -> Option<&'static Property> {
    PROPERTIES.binary_search_by(|property| property.name.cmp(name)).ok().map(|at| &PROPERTIES[at])
}
