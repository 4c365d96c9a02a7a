//! Which application permissions this configuration needs, and how what is granted compares: pure.
//!
//! After Microsoft's machine-readable list (microsoftgraph/microsoft-graph-devx-content, `permissions.json`) and, for
//! `User.ReadUpdate.All`, the page "Update user", which that list does not follow yet.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Check, Topic};
use crate::model::fault::exit;
use crate::model::settings::{Mode, Settings};

/// One thing that Graph must let us do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Need {
    /// What it is for, in words that follow "to".
    pub purpose: &'static str,
    /// The permission that allows the least beside it.
    pub least: &'static str,
    /// Others that allow it too, and more.
    pub broader: &'static [&'static str],
    /// Nothing is done with it while the mode is "observe".
    pub writes: bool,
}

const READ_USERS: Need = Need {
    purpose: "read users",
    least: "User.Read.All",
    broader: &["User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"],
    writes: false,
};

const READ_PRODUCTS: Need = Need {
    purpose: "read products and seats",
    least: "LicenseAssignment.Read.All",
    broader: &["Organization.Read.All", "Organization.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"],
    writes: false,
};

/// Allows that one write and reads nothing.
const ASSIGN_LICENSES: Need = Need {
    purpose: "assign licenses",
    least: "LicenseAssignment.ReadWrite.All",
    broader: &["User.ReadWrite.All", "Directory.ReadWrite.All"],
    writes: true,
};

const SET_LOCATIONS: Need = Need {
    purpose: "set usage locations",
    least: "User.ReadUpdate.All",
    broader: &["User.ReadWrite.All", "Directory.ReadWrite.All"],
    writes: true,
};

const READ_GROUPS: Need = Need {
    purpose: "read groups and who is in them",
    least: "GroupMember.Read.All",
    broader: &["Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"],
    writes: false,
};

/// Needed for groups that hide their members, beside the permission to read groups; which do is not known here.
pub(super) const READ_HIDDEN: &str = "Member.Read.Hidden";

/// What one command alone asks for.
pub(super) const READ_DEVICES: &str = "DeviceManagementManagedDevices.Read.All";

/// What the configuration makes use of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Uses {
    /// `usage_location.write`.
    pub locations: bool,
    /// The mode is "apply".
    pub writes: bool,
    /// A rule names a group of the tenant, or licenses that groups give are waited for.
    pub groups: bool,
}

impl Uses {
    pub fn of(settings: &Settings) -> Self {
        let groups = !settings.entra_groups().is_empty() || !settings.tenant.group_licensing_grace.is_zero();
        Self { locations: settings.location.write, writes: settings.mode == Mode::Apply, groups }
    }
}

/// What Graph must let us do with such a configuration.
pub(super) fn needs(uses: Uses) -> Vec<Need> {
    let mut needs = vec![READ_USERS, READ_PRODUCTS, ASSIGN_LICENSES];
    needs.extend(uses.locations.then_some(SET_LOCATIONS));
    needs.extend(uses.groups.then_some(READ_GROUPS));
    needs
}

/// What came of trying a permission out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// Graph did it.
    Works,
    /// 403.
    Forbidden,
    /// It was not tried, or something else went wrong.
    Untold,
}

/// What is known of what is granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Evidence {
    /// What the access token says; `None` when it cannot be understood.
    pub roles: Option<BTreeSet<String>>,
    /// Reading users.
    pub users: Probe,
    /// Reading products.
    pub products: Probe,
}

impl Evidence {
    fn probe(&self, need: &Need) -> Probe {
        match need.least {
            least if least == READ_USERS.least => self.users,
            least if least == READ_PRODUCTS.least => self.products,
            _ => Probe::Untold,
        }
    }
}

/// Whether something needed is granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// By this permission; by none that is known when only the attempt shows it.
    Granted(Option<&'static str>),
    /// It is not, or Graph forbids it although the token has this permission.
    Missing(Option<&'static str>),
    /// Neither token nor attempt tells.
    Untold,
}

/// What an attempt shows counts; the token only where nothing was attempted.
pub(super) fn verdict(need: &Need, evidence: &Evidence) -> Verdict {
    let granted = evidence
        .roles
        .as_ref()
        .map(|roles| std::iter::once(&need.least).chain(need.broader).find(|name| roles.contains(**name)).copied());
    match (evidence.probe(need), granted) {
        (Probe::Works, by) => Verdict::Granted(by.flatten()),
        (Probe::Forbidden, by) => Verdict::Missing(by.flatten()),
        (Probe::Untold, Some(Some(by))) => Verdict::Granted(Some(by)),
        (Probe::Untold, Some(None)) => Verdict::Missing(None),
        (Probe::Untold, None) => Verdict::Untold,
    }
}

/// Granted, and not the least for anything that is needed: with what would do instead and is not granted.
pub(super) fn excess(needs: &[Need], roles: &BTreeSet<String>) -> Vec<(String, Vec<&'static str>)> {
    let surplus = roles.iter().filter(|role| needs.iter().all(|need| need.least != role.as_str()));
    let instead = |role: &String| {
        let served = needs.iter().filter(|need| need.broader.contains(&role.as_str()));
        served.map(|need| need.least).filter(|least| !roles.contains(*least)).collect()
    };
    surplus.map(|role| (role.clone(), instead(role))).collect()
}

/// Who is granted permissions, for the advice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grantee {
    /// The client id, where it is known.
    pub app: Option<String>,
    /// A managed identity: the portal has no page to grant it anything, and a grant takes long.
    pub managed: bool,
    /// Microsoft's name of the cloud for `Connect-MgGraph -Environment`; `None` is the public one.
    pub environment: Option<&'static str>,
}

/// A line for each need, then for each permission that is too much; and how to grant what is missing.
pub(super) fn examine(uses: Uses, evidence: &Evidence, grantee: &Grantee) -> (Vec<Check>, Option<Grant>) {
    let needs = needs(uses);
    let mut checks = Vec::new();
    let mut missing = Vec::new();
    for need in &needs {
        let verdict = verdict(need, evidence);
        if matches!(verdict, Verdict::Missing(_)) && (uses.writes || !need.writes) {
            missing.push(need.least);
        }
        checks.push(line(need, &verdict, uses, evidence, grantee).about(need.least));
    }
    let surplus = evidence.roles.iter().flat_map(|roles| excess(&needs, roles));
    let fine = |role: &str| role == READ_DEVICES || (uses.groups && role == READ_HIDDEN);
    for (role, instead) in surplus.filter(|(role, _)| !fine(role)) {
        checks.push(too_much(&needs, &role, &instead).about(role));
    }
    checks.extend(evidence.roles.as_ref().map(|roles| optional(roles, grantee).about(READ_DEVICES)));
    let grant = (!missing.is_empty()).then(|| Grant::of(missing, grantee));
    (checks, grant)
}

/// The permission that only a list asks for.
fn optional(roles: &BTreeSet<String>, grantee: &Grantee) -> Check {
    if roles.contains(READ_DEVICES) {
        return Check::ok(Topic::Permission, "granted, for `seatsync users --not-enrolled`");
    }
    let found = "optional, not granted: only `seatsync users --not-enrolled` needs it";
    let when = if grantee.managed { "; a managed identity may need up to 24 h to see it" } else { "" };
    let remedy = Some(format!("Grant it for that list, or leave it{when}."));
    Check { remedy, ..Check::skipped(Topic::Permission, found) }
}

fn line(need: &Need, verdict: &Verdict, uses: Uses, evidence: &Evidence, grantee: &Grantee) -> Check {
    const P: Topic = Topic::Permission;
    let purpose = need.purpose;
    let tried = if evidence.probe(need) == Probe::Works { ", tried" } else { "" };
    match verdict {
        Verdict::Granted(Some(by)) if *by == need.least => Check::ok(P, format!("granted, to {purpose}{tried}")),
        Verdict::Granted(Some(by)) => Check::ok(P, format!("not granted; {by} allows to {purpose} as well{tried}")),
        Verdict::Granted(None) => {
            Check::ok(P, format!("to {purpose} is allowed, tried; the token does not say by which permission"))
        }
        Verdict::Missing(_) if need.writes && !uses.writes => {
            let found = format!("missing, to {purpose}; mode \"observe\" does without");
            let remedy = "Grant it before the mode becomes \"apply\".".to_owned();
            Check { remedy: Some(remedy), ..Check::skipped(P, found) }
        }
        Verdict::Missing(None) => Check::fail(P, format!("missing, to {purpose}"), how(need, grantee), exit::REFUSED),
        Verdict::Missing(Some(by)) => Check::fail(
            P,
            format!("Graph forbids to {purpose}, though the token has {by}"),
            "Wait some minutes if it was granted just now; else see whether the app is restricted in this tenant.",
            exit::REFUSED,
        ),
        Verdict::Untold => Check::skipped(
            P,
            format!("whether it is allowed to {purpose} cannot be told: the token cannot be read; a pilot shows it"),
        ),
    }
}

fn how(need: &Need, grantee: &Grantee) -> String {
    let name = match need.least {
        least if least == SET_LOCATIONS.least => format!(
            "{least} (User.ReadWrite.All where the tenant does not offer it; or write usage_location.write = false)"
        ),
        least => least.to_owned(),
    };
    let when = if grantee.managed { "; a managed identity may need up to 24 h to see it" } else { "" };
    format!("Grant {name} as below{when}.")
}

fn too_much(needs: &[Need], role: &str, instead: &[&str]) -> Check {
    let served = needs.iter().filter(|need| need.broader.contains(&role));
    if instead.is_empty() {
        let purposes: Vec<&str> = served.map(|need| need.purpose).collect();
        let found = match purposes.as_slice() {
            [] => "granted, and nothing here needs it".to_owned(),
            purposes => format!("granted, and more than needed to {}", purposes.join(", ")),
        };
        return Check::warn(Topic::Permission, found, "Remove it, unless something else uses this app.");
    }
    let alone: Vec<&str> = served.filter(|need| instead.contains(&need.least)).map(|need| need.purpose).collect();
    let (purposes, instead) = (alone.join(", "), instead.join(", "));
    Check::warn(
        Topic::Permission,
        format!("granted, and more than needed to {purposes}: {instead} would do"),
        format!("Grant {instead} where the tenant offers it, then remove this, unless something else uses this app."),
    )
}

/// How to grant what is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Grant {
    /// The permissions' names.
    pub permissions: Vec<&'static str>,
    /// The way through the portal.
    pub portal: String,
    /// The same in PowerShell, with the module Microsoft.Graph.
    pub powershell: Vec<String>,
}

/// Microsoft Graph's own application id, the same in every cloud.
const GRAPH_APP: &str = "00000003-0000-0000-c000-000000000000";

impl Grant {
    fn of(permissions: Vec<&'static str>, grantee: &Grantee) -> Self {
        let app = grantee.app.as_deref().unwrap_or("CLIENT-ID");
        let portal = if grantee.managed {
            "The portal has no page that grants application permissions to a managed identity: use PowerShell."
                .to_owned()
        } else {
            format!(
                "Entra admin center > App registrations > {app} > API permissions > Add a permission > Microsoft Graph > \
                 Application permissions; then \"Grant admin consent\"."
            )
        };
        let environment = grantee.environment.map(|name| format!(" -Environment {name}")).unwrap_or_default();
        let last = permissions.len() - 1;
        let name = |(at, name): (usize, &&str)| match (at, at == last) {
            (0, true) => format!("$names = '{name}'"),
            (0, false) => format!("$names = '{name}',"),
            (_, true) => format!("  '{name}'"),
            (_, false) => format!("  '{name}',"),
        };
        let mut powershell = vec![
            format!("Connect-MgGraph{environment} -Scopes AppRoleAssignment.ReadWrite.All, Application.Read.All"),
            format!("$app = Get-MgServicePrincipal -Filter \"appId eq '{app}'\""),
            format!("$graph = Get-MgServicePrincipal -Filter \"appId eq '{GRAPH_APP}'\""),
        ];
        powershell.extend(permissions.iter().enumerate().map(name));
        powershell.extend([
            "$graph.AppRoles | Where-Object Value -in $names | ForEach-Object {".to_owned(),
            "  New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $app.Id -PrincipalId $app.Id `".to_owned(),
            "    -ResourceId $graph.Id -AppRoleId $_.Id }".to_owned(),
        ]);
        Self { permissions, portal, powershell }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    fn roles(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn evidence(names: &[&str]) -> Evidence {
        let roles = roles(names);
        let probe = |need: &Need| {
            let any = std::iter::once(&need.least).chain(need.broader).any(|name| roles.contains(*name));
            if any { Probe::Works } else { Probe::Forbidden }
        };
        Evidence { users: probe(&READ_USERS), products: probe(&READ_PRODUCTS), roles: Some(roles) }
    }

    const ALL: Uses = Uses { locations: true, writes: true, groups: false };
    const APP: Grantee = Grantee { app: None, managed: false, environment: None };

    /// What is missing, and what is too much.
    fn compared(uses: Uses, names: &[&str]) -> (Vec<&'static str>, Vec<String>) {
        let (checks, grant) = examine(uses, &evidence(names), &APP);
        let warned = checks.into_iter().filter(|check| check.state == State::Warn).filter_map(|check| check.about);
        (grant.map(|grant| grant.permissions).unwrap_or_default(), warned.collect())
    }

    #[test]
    fn a_configuration_needs_what_it_uses() {
        let least = |locations| needs(Uses { locations, ..ALL }).iter().map(|need| need.least).collect::<Vec<_>>();
        let without = ["User.Read.All", "LicenseAssignment.Read.All", "LicenseAssignment.ReadWrite.All"];
        assert_eq!(least(false), without);
        assert_eq!(least(true), [&without[..], &["User.ReadUpdate.All"]].concat());
    }

    #[test]
    fn granted_is_compared_with_needed() {
        let no_locations = Uses { locations: false, ..ALL };
        let observe = Uses { writes: false, ..ALL };
        let groups = Uses { groups: true, ..ALL };
        let (gm, mh) = ("GroupMember.Read.All", "Member.Read.Hidden");
        let (ur, lr, lw, uu) =
            ("User.Read.All", "LicenseAssignment.Read.All", "LicenseAssignment.ReadWrite.All", "User.ReadUpdate.All");
        let (urw, dr, drw) = ("User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All");
        for (uses, granted, missing, too_much) in [
            (ALL, vec![ur, lr, lw, uu], vec![], vec![]),
            (ALL, vec![ur, lr, lw, urw], vec![], vec![urw]),
            (ALL, vec![drw], vec![], vec![drw]),
            (ALL, vec![lr, urw], vec![], vec![urw]),
            (ALL, vec![dr, lw, uu], vec![], vec![dr]),
            (ALL, vec![lr, lw, uu], vec![ur], vec![]),
            (ALL, vec![ur, lw, uu], vec![lr], vec![]),
            (ALL, vec![ur, lr, uu], vec![lw], vec![]),
            (ALL, vec![ur, lr, lw], vec![uu], vec![]),
            (ALL, vec![], vec![ur, lr, lw, uu], vec![]),
            (ALL, vec![ur, lr, lw, uu, gm, mh], vec![], vec![gm, mh]),
            (groups, vec![ur, lr, lw, uu, gm, mh], vec![], vec![]),
            (groups, vec![ur, lr, lw, uu], vec![gm], vec![]),
            // It assigns and reads nothing.
            (no_locations, vec![lw], vec![ur, lr], vec![]),
            (no_locations, vec![ur, lr, lw], vec![], vec![]),
            (no_locations, vec![ur, lr, lw, uu], vec![], vec![uu]),
            (no_locations, vec![ur, lr, lw, urw], vec![], vec![urw]),
            (observe, vec![ur, lr], vec![], vec![]),
            (observe, vec![ur, lr, lw, uu], vec![], vec![]),
            (observe, vec![ur], vec![lr], vec![]),
            (ALL, vec![ur, lr, lw, uu, "Mail.Read"], vec![], vec!["Mail.Read"]),
        ] {
            let too_much: Vec<String> = too_much.into_iter().map(str::to_owned).collect();
            assert_eq!(compared(uses, &granted), (missing, too_much), "{uses:?} {granted:?}");
        }
    }

    #[test]
    fn what_works_is_granted_whatever_the_token_says() {
        for (names, probe, expected) in [
            (None, Probe::Works, Verdict::Granted(None)),
            (Some(roles(&[])), Probe::Works, Verdict::Granted(None)),
            (Some(roles(&["Directory.Read.All"])), Probe::Works, Verdict::Granted(Some("Directory.Read.All"))),
            (Some(roles(&["User.Read.All"])), Probe::Forbidden, Verdict::Missing(Some("User.Read.All"))),
            (None, Probe::Forbidden, Verdict::Missing(None)),
            (Some(roles(&["User.Read.All"])), Probe::Untold, Verdict::Granted(Some("User.Read.All"))),
            (Some(roles(&["Mail.Read"])), Probe::Untold, Verdict::Missing(None)),
            (None, Probe::Untold, Verdict::Untold),
        ] {
            let evidence = Evidence { roles: names, users: probe, products: Probe::Untold };
            assert_eq!(verdict(&READ_USERS, &evidence), expected, "{evidence:?}");
        }
    }

    #[test]
    fn what_would_do_instead_is_named() {
        let needed = needs(ALL);
        assert_eq!(
            excess(&needed, &roles(&["User.Read.All", "User.ReadWrite.All"])),
            [("User.ReadWrite.All".to_owned(), vec!["LicenseAssignment.ReadWrite.All", "User.ReadUpdate.All"])]
        );
        assert_eq!(excess(&needed, &roles(&["Mail.Read"])), [("Mail.Read".to_owned(), vec![])]);
    }

    #[test]
    fn the_way_to_grant_names_the_app_the_permissions_and_the_cloud() {
        let app = Grantee { app: Some("ab-12".into()), managed: false, environment: Some("USGov") };
        let (_, grant) = examine(ALL, &evidence(&["User.Read.All", "User.ReadUpdate.All"]), &app);
        let grant = grant.unwrap();
        let script = grant.powershell.join("\n");
        assert_eq!(grant.permissions, ["LicenseAssignment.Read.All", "LicenseAssignment.ReadWrite.All"]);
        for part in
            ["'ab-12'", "-Environment USGov", "'LicenseAssignment.Read.All',\n  'LicenseAssignment.ReadWrite.All'"]
        {
            assert!(script.contains(part), "{script}");
        }
        assert!(grant.portal.contains("API permissions"));
        assert!(grant.powershell.iter().all(|line| line.len() <= 98), "{script}");
        let managed = Grantee { managed: true, ..app };
        let (checks, grant) = examine(ALL, &evidence(&[]), &managed);
        assert!(grant.unwrap().portal.contains("no page"));
        assert!(checks.iter().all(|check| check.remedy.as_deref().is_some_and(|text| text.contains("24 h"))));
    }
}
