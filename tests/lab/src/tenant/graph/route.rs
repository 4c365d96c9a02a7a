//! What a path addresses.

use axum::http::Method;

use super::decoded;

/// What a path addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tenant) enum Route {
    /// The login endpoint, with the tenant in its path.
    Token(String),
    Users,
    UsersCount,
    UsersDelta,
    /// By id or UPN, decoded.
    User(String),
    AssignLicense(String),
    ReprocessLicenses(String),
    LicenseDetails(String),
    MemberOf(String, Reach),
    Groups,
    GroupsCount,
    /// By id.
    Group(String),
    GroupAssignLicense(String),
    GroupMembers(String, Members),
    SubscribedSkus,
    /// By `{tenant}_{sku}`.
    SubscribedSku(String),
    Organization,
    /// Of Intune.
    ManagedDevices,
    Batch,
    /// A first segment of Graph that the lab does not know.
    UnknownSegment(String),
    /// Outside `/v1.0`.
    Elsewhere,
}

/// Whether nested groups are looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tenant) enum Reach {
    Direct,
    Transitive,
}

/// Which members of a group, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tenant) struct Members {
    pub(in crate::tenant) reach: Reach,
    /// Users alone, by an OData cast.
    pub(in crate::tenant) users_only: bool,
    /// `/$count`: their number as plain text.
    pub(in crate::tenant) count: bool,
    /// `membersWithLicenseErrors`.
    pub(in crate::tenant) in_error: bool,
}

impl Route {
    pub(in crate::tenant) fn of(method: &Method, path: &str) -> Self {
        let segments: Vec<String> = path.split('/').filter(|segment| !segment.is_empty()).map(decoded).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            [tenant, "oauth2", "v2.0", "token"] if *method == Method::POST => Self::Token((*tenant).to_owned()),
            ["v1.0", rest @ ..] => Self::of_graph(rest),
            _ => Self::Elsewhere,
        }
    }

    fn of_graph(segments: &[&str]) -> Self {
        match segments {
            ["users"] => Self::Users,
            ["users", "$count"] => Self::UsersCount,
            ["users", "delta" | "delta()" | "microsoft.graph.delta" | "microsoft.graph.delta()"] => Self::UsersDelta,
            ["users", key] => Self::User((*key).to_owned()),
            ["users", key, rest @ ..] => Self::of_user(key, rest),
            ["groups"] => Self::Groups,
            ["groups", "$count"] => Self::GroupsCount,
            ["groups", key] => Self::Group((*key).to_owned()),
            ["groups", key, rest @ ..] => Self::of_group(key, rest),
            ["subscribedSkus"] => Self::SubscribedSkus,
            ["subscribedSkus", key] => Self::SubscribedSku((*key).to_owned()),
            ["organization"] => Self::Organization,
            ["deviceManagement", "managedDevices"] => Self::ManagedDevices,
            ["$batch"] => Self::Batch,
            [.., last] => Self::UnknownSegment((*last).to_owned()),
            [] => Self::Elsewhere,
        }
    }

    fn of_user(key: &str, rest: &[&str]) -> Self {
        let key = key.to_owned();
        match rest {
            ["assignLicense" | "microsoft.graph.assignLicense"] => Self::AssignLicense(key),
            ["reprocessLicenseAssignment" | "microsoft.graph.reprocessLicenseAssignment"] => {
                Self::ReprocessLicenses(key)
            }
            ["licenseDetails"] => Self::LicenseDetails(key),
            ["memberOf"] | ["memberOf", "microsoft.graph.group" | "graph.group"] => Self::MemberOf(key, Reach::Direct),
            ["transitiveMemberOf"] | ["transitiveMemberOf", "microsoft.graph.group" | "graph.group"] => {
                Self::MemberOf(key, Reach::Transitive)
            }
            _ => Self::UnknownSegment(rest.last().copied().unwrap_or_default().to_owned()),
        }
    }

    fn of_group(key: &str, rest: &[&str]) -> Self {
        let mut members = Members { reach: Reach::Direct, users_only: false, count: false, in_error: false };
        let unknown = || Self::UnknownSegment(rest.last().copied().unwrap_or_default().to_owned());
        let mut rest = rest;
        match rest {
            ["assignLicense" | "microsoft.graph.assignLicense"] => return Self::GroupAssignLicense(key.to_owned()),
            ["members", ..] => {}
            ["transitiveMembers", ..] => members.reach = Reach::Transitive,
            ["membersWithLicenseErrors", ..] => members.in_error = true,
            _ => return unknown(),
        }
        rest = &rest[1..];
        if let ["microsoft.graph.user" | "graph.user", left @ ..] = rest {
            members.users_only = true;
            rest = left;
        }
        match rest {
            [] => {}
            ["$count"] => members.count = true,
            _ => return unknown(),
        }
        Self::GroupMembers(key.to_owned(), members)
    }

    /// Key of the user it addresses.
    pub(in crate::tenant) fn user(&self) -> Option<&str> {
        match self {
            Self::User(key)
            | Self::AssignLicense(key)
            | Self::ReprocessLicenses(key)
            | Self::LicenseDetails(key)
            | Self::MemberOf(key, _) => Some(key),
            _ => None,
        }
    }

    /// The name under which it is counted.
    pub(in crate::tenant) fn name(&self, method: &Method) -> String {
        let path = match self {
            Self::Token(_) => "/token",
            Self::Users => "/users",
            Self::UsersCount => "/users/$count",
            Self::UsersDelta => "/users/delta",
            Self::User(_) => "/users/{id}",
            Self::AssignLicense(_) => "/users/{id}/assignLicense",
            Self::ReprocessLicenses(_) => "/users/{id}/reprocessLicenseAssignment",
            Self::LicenseDetails(_) => "/users/{id}/licenseDetails",
            Self::MemberOf(_, Reach::Direct) => "/users/{id}/memberOf",
            Self::MemberOf(_, Reach::Transitive) => "/users/{id}/transitiveMemberOf",
            Self::Groups => "/groups",
            Self::GroupsCount => "/groups/$count",
            Self::Group(_) => "/groups/{id}",
            Self::GroupAssignLicense(_) => "/groups/{id}/assignLicense",
            Self::GroupMembers(_, Members { in_error: true, .. }) => "/groups/{id}/membersWithLicenseErrors",
            Self::GroupMembers(_, Members { reach: Reach::Direct, .. }) => "/groups/{id}/members",
            Self::GroupMembers(_, Members { reach: Reach::Transitive, .. }) => "/groups/{id}/transitiveMembers",
            Self::SubscribedSkus => "/subscribedSkus",
            Self::SubscribedSku(_) => "/subscribedSkus/{id}",
            Self::Organization => "/organization",
            Self::ManagedDevices => "/deviceManagement/managedDevices",
            Self::Batch => "/$batch",
            Self::UnknownSegment(_) | Self::Elsewhere => "unknown",
        };
        format!("{method} {path}")
    }
}
