//! Who may ask what: tokens and application permissions.

use std::collections::BTreeSet;

use axum::http::Method;

use super::{Route, devices};
use crate::tenant::{access_token, exchange::Call, reply::GraphError, state::State};

/// Whose token came with a request, and what it allows.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) app_id: String,
    roles: BTreeSet<String>,
}

impl Caller {
    /// Whether it may see more of users than that they exist.
    pub(super) fn reads_users(&self) -> bool {
        self.has_any(READ_USERS)
    }

    /// Whether it may see who is in groups that hide that. No other permission will do.
    pub(super) fn sees_hidden(&self) -> bool {
        self.has_any(&["Member.Read.Hidden"])
    }

    fn has_any(&self, roles: &[&str]) -> bool {
        roles.iter().any(|role| self.roles.contains(*role))
    }
}

/// Checks the token.
pub(super) fn authenticate(state: &State, call: &Call) -> Result<Caller, GraphError> {
    let bearer =
        call.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default().trim();
    if bearer.is_empty() {
        return Err(GraphError::unauthenticated("Access token is empty."));
    }
    let Some((token, claims)) = state.tokens.get(bearer).zip(access_token::claims(bearer)) else {
        return Err(GraphError::unauthenticated("CompactToken parsing failed with error code: 80049217"));
    };
    if token.expires <= call.correlation.at {
        return Err(GraphError::unauthenticated("Lifetime validation failed, the token is expired."));
    }
    if claims.nbf > call.correlation.at.as_second() {
        return Err(GraphError::unauthenticated("Access token has expired or is not yet valid."));
    }
    if !token.for_graph {
        return Err(GraphError::unauthenticated("Access token validation failure. Invalid audience."));
    }
    Ok(Caller { app_id: claims.appid, roles: token.roles.clone() })
}

/// Checks that the token carries one of the roles the request takes.
pub(super) fn authorize(caller: &Caller, call: &Call) -> Result<(), GraphError> {
    match roles(call) {
        Some(roles) if !caller.has_any(roles) => Err(match call.route {
            Route::ManagedDevices => devices::denied(call),
            _ => GraphError::denied(),
        }),
        _ => Ok(()),
    }
}

const READ_USERS: &[&str] = &["User.Read.All", "Directory.Read.All", "User.ReadWrite.All", "Directory.ReadWrite.All"];

/// Application permissions any one of which suffices, from Microsoft's permissions list; `None`: a token is enough.
fn roles(call: &Call) -> Option<&'static [&'static str]> {
    Some(match (&call.route, &call.method) {
        (Route::Users | Route::UsersCount | Route::UsersDelta | Route::User(_), &Method::GET) => READ_USERS,
        (Route::Users, _) => &["User.ReadWrite.All", "Directory.ReadWrite.All"],
        (Route::User(_), _) => &["User.ReadUpdate.All", "User.ReadWrite.All", "Directory.ReadWrite.All"],
        (Route::AssignLicense(_), _) => {
            &["LicenseAssignment.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All"]
        }
        // LicenseAssignment.ReadWrite.All is not accepted.
        (Route::ReprocessLicenses(_), _) => &["User.ReadWrite.All", "Directory.ReadWrite.All"],
        (Route::LicenseDetails(_), _) => &[
            "LicenseAssignment.Read.All",
            "User.Read.All",
            "Directory.Read.All",
            "User.ReadWrite.All",
            "Directory.ReadWrite.All",
        ],
        (Route::MemberOf(..), _) => &[
            "User.Read.All",
            "GroupMember.Read.All",
            "Group.Read.All",
            "Directory.Read.All",
            "User.ReadWrite.All",
            "Group.ReadWrite.All",
            "Directory.ReadWrite.All",
        ],
        (Route::Groups | Route::GroupsCount | Route::Group(_), &Method::GET) => &[
            "Group.ReadBasic.All",
            "GroupMember.Read.All",
            "Group.Read.All",
            "Directory.Read.All",
            "Group.ReadWrite.All",
            "Directory.ReadWrite.All",
        ],
        (Route::GroupMembers(..), _) => &[
            "GroupMember.ReadBasic.All",
            "GroupMember.Read.All",
            "Group.Read.All",
            "Directory.Read.All",
            "GroupMember.ReadWrite.All",
            "Group.ReadWrite.All",
            "Directory.ReadWrite.All",
        ],
        (Route::GroupAssignLicense(_), _) => {
            &["LicenseAssignment.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All"]
        }
        (Route::SubscribedSkus | Route::SubscribedSku(_), _) => &[
            "LicenseAssignment.Read.All",
            "Organization.Read.All",
            "Organization.ReadWrite.All",
            "Directory.Read.All",
            "Directory.ReadWrite.All",
        ],
        (Route::ManagedDevices, _) => &[
            "DeviceManagementManagedDevices.Read.All",
            "DeviceManagementManagedDevices.ReadWrite.All",
            "DeviceManagementConfiguration.Read.All",
        ],
        (Route::Organization, _) => &[
            "DeviceManagementServiceConfig.Read.All",
            "User.Read.All",
            "Organization.Read.All",
            "Directory.Read.All",
            "Directory.ReadWrite.All",
        ],
        _ => return None,
    })
}
