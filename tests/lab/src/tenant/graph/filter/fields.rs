//! What can be filtered by, and what of it needs an advanced query ("Advanced query capabilities on directory objects").

use axum::http::StatusCode;

use super::Operator;
use crate::tenant::{properties::property, reply::GraphError};

/// The properties of which resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Fields {
    User,
    Group,
}

impl Fields {
    fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }

    /// Refuses a property that the resource has not.
    pub(super) fn known(self, name: &str) -> Result<(), GraphError> {
        let known = match self {
            Self::User => property(name).is_some(),
            Self::Group => super::super::groups::PROPERTIES.iter().any(|(known, _)| *known == name),
        };
        if known || matches!((self, name), (_, "id") | (Self::Group, "hasMembersWithLicenseErrors")) {
            return Ok(());
        }
        let resource = self.name().to_lowercase();
        Err(GraphError::gateway(format!(
            "Could not find a property named '{name}' on type 'microsoft.graph.{resource}'."
        )))
    }

    /// What the tables of filterable properties say; `needs` is the operator, and whether it compares with null.
    pub(super) fn allow(self, name: &str, needs: Option<(Operator, bool)>, advanced: bool) -> bool {
        let Some(plain) = self.plain(name) else {
            return false;
        };
        let plainly = |(operator, null): (Operator, bool)| {
            plain.contains(&operator) && (!null || name == "onPremisesSecurityIdentifier")
        };
        advanced || needs.is_some_and(plainly)
    }

    /// What a plain query may do; `None`: not filterable at all.
    fn plain(self, name: &str) -> Option<&'static [Operator]> {
        use Operator::{Eq, Ge, HoldsSku, In, Le, StartsWith};
        Some(match (self, name) {
            (_, "id") => &[Eq, In],
            (_, "displayName" | "mail") => &[Eq, In, Ge, Le, StartsWith],
            (_, "createdDateTime") => &[Eq, Ge, Le],
            (_, "onPremisesSyncEnabled") => &[Eq, In],
            (Self::User, "accountEnabled" | "userType" | "onPremisesSecurityIdentifier") => &[Eq, In],
            // Documented as advanced; a plain `eq` works on the wire.
            (Self::User, "onPremisesImmutableId") => &[Eq],
            (Self::User, "usageLocation" | "userPrincipalName" | "department") => &[Eq, In, Ge, Le, StartsWith],
            (Self::User, "assignedLicenses") => &[HoldsSku],
            (Self::User, "onPremisesSamAccountName" | "onPremisesLastSyncDateTime") => &[],
            (Self::Group, "assignedLicenses") => &[HoldsSku],
            (Self::Group, "securityEnabled" | "mailEnabled" | "hasMembersWithLicenseErrors") => &[Eq],
            (Self::Group, "description" | "mailNickname") => &[Eq, In, StartsWith],
            _ => return None,
        })
    }

    pub(super) fn unsupported(self, property: &str) -> GraphError {
        let resource = self.name();
        let text = format!(
            "Unsupported or invalid query filter clause specified for property '{property}' of resource '{resource}'."
        );
        GraphError::new(StatusCode::BAD_REQUEST, "Request_UnsupportedQuery", text)
    }
}
