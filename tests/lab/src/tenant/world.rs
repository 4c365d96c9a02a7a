//! What a tenant is made of, read from TOML or built in a test.

use std::{collections::BTreeSet, fmt, path::Path};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    credentials::FederatedCredential,
    group::NewGroup,
    knobs::Knobs,
    new_user::NewUser,
    sku::{ServicePlan, Sku},
};

/// A tenant before it is started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct World {
    /// The organization itself.
    #[serde(rename = "tenant")]
    pub organization: Organization,
    /// Applications that may sign in.
    #[serde(default, rename = "app")]
    pub apps: Vec<App>,
    /// Products the tenant owns.
    #[serde(default, rename = "sku")]
    pub skus: Vec<Sku>,
    /// Users that exist from the start.
    #[serde(default, rename = "user")]
    pub users: Vec<NewUser>,
    /// Groups that exist from the start.
    #[serde(default, rename = "group")]
    pub groups: Vec<NewGroup>,
    /// Pairs of plans nobody can hold together.
    #[serde(default, rename = "mutuallyExclusive")]
    pub exclusions: Vec<Exclusion>,
    /// Plans that need others.
    #[serde(default, rename = "dependsOn")]
    pub dependencies: Vec<Dependency>,
    /// How far from ideal the tenant behaves.
    #[serde(default)]
    pub knobs: Knobs,
}

/// The organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Organization {
    /// The tenant's GUID.
    pub id: Uuid,
    /// Shown by `GET /organization`.
    pub display_name: String,
    /// The `onmicrosoft.com` name; a UPN with an unverified suffix gets this one.
    pub default_domain: String,
    /// Domains that UPNs may end in and that the login endpoint takes for the tenant.
    pub verified_domains: Vec<String>,
    /// Two letters, the registered country.
    pub country_letter_code: String,
    /// What generated identifiers are drawn from.
    #[serde(default)]
    pub seed: u64,
    /// `onPremisesLastSyncDateTime`; absent means a moment before the lab started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_premises_last_sync_date_time: Option<Timestamp>,
    /// `onPremisesSyncEnabled`; null where nothing was ever synchronized.
    #[serde(default = "synchronized")]
    pub on_premises_sync_enabled: Option<bool>,
}

/// What is left out of a world file: Entra Connect is at work.
#[expect(clippy::unnecessary_wraps, reason = "null is a value of its own")]
fn synchronized() -> Option<bool> {
    Some(true)
}

/// An app registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct App {
    /// The application (client) id.
    pub app_id: String,
    /// For people.
    #[serde(default)]
    pub display_name: String,
    /// The one client secret.
    pub secret: String,
    /// From when on the secret is refused with AADSTS7000222.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_expires: Option<Timestamp>,
    /// Application permissions with consent, by name (`User.Read.All`). A token holds what stood here at its issue.
    #[serde(default)]
    pub roles: BTreeSet<String>,
    /// Further secrets, as when one replaces another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_secrets: Vec<String>,
    /// Certificates whose keys sign assertions, in PEM.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<String>,
    /// Whose tokens stand for the app.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub federated_credentials: Vec<FederatedCredential>,
}

/// Two plans nobody can hold together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exclusion {
    /// servicePlanIds.
    pub plans: [Uuid; 2],
}

/// A plan that works only beside others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Dependency {
    /// The servicePlanId that needs them.
    pub plan: Uuid,
    /// All of which must be enabled.
    pub needs: Vec<Uuid>,
}

/// A world that cannot be read.
#[derive(Debug)]
pub enum WorldError {
    /// The file itself.
    Io(std::io::Error),
    /// Its text; the message names line and column.
    Toml(toml::de::Error),
    /// A user, SKU or plan that does not fit the rest.
    Invalid(String),
}

impl fmt::Display for WorldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot read the world: {error}"),
            Self::Toml(error) => write!(f, "cannot read the world: {error}"),
            Self::Invalid(what) => write!(f, "the world contradicts itself: {what}"),
        }
    }
}

impl std::error::Error for WorldError {}

impl World {
    /// The example, `worlds/contoso.toml`.
    #[must_use]
    pub fn contoso() -> Self {
        Self::parse(include_str!("../../worlds/contoso.toml")).expect("the embedded example is valid")
    }

    /// The example without its users.
    #[must_use]
    pub fn empty_contoso() -> Self {
        Self { users: Vec::new(), groups: Vec::new(), ..Self::contoso() }
    }

    /// Reads a world from TOML.
    ///
    /// # Errors
    /// When the text is not TOML or not a world.
    pub fn parse(text: &str) -> Result<Self, WorldError> {
        toml::from_str(text).map_err(WorldError::Toml)
    }

    /// Reads a world from a file.
    ///
    /// # Errors
    /// When the file cannot be read or is not a world.
    pub fn load(path: &Path) -> Result<Self, WorldError> {
        Self::parse(&std::fs::read_to_string(path).map_err(WorldError::Io)?)
    }

    /// Adds a user that exists from the start.
    pub fn add_user(&mut self, user: NewUser) -> &mut Self {
        self.users.push(user);
        self
    }

    /// Adds a group that exists from the start.
    pub fn add_group(&mut self, group: NewGroup) -> &mut Self {
        self.groups.push(group);
        self
    }

    /// The SKU of that part number (any case) or id.
    #[must_use]
    pub fn sku(&self, name: &str) -> Option<&Sku> {
        find_sku(&self.skus, name)
    }

    /// The same, to change it before the start.
    pub fn sku_mut(&mut self, name: &str) -> Option<&mut Sku> {
        let id = self.sku(name)?.sku_id;
        self.skus.iter_mut().find(|sku| sku.sku_id == id)
    }

    /// Sets the enabled units of a SKU before the start; unknown names are ignored.
    pub fn set_seats(&mut self, name: &str, enabled: u32) -> &mut Self {
        if let Some(sku) = self.sku_mut(name) {
            sku.prepaid_units.enabled = enabled;
        }
        self
    }

    /// Grants exactly these roles to every app.
    pub fn set_roles(&mut self, roles: &[&str]) -> &mut Self {
        for app in &mut self.apps {
            app.roles = roles.iter().map(|role| (*role).to_owned()).collect();
        }
        self
    }

    /// The plan of that name or id in any SKU.
    #[must_use]
    pub fn plan(&self, name: &str) -> Option<&ServicePlan> {
        self.skus.iter().find_map(|sku| sku.plan_named(name))
    }
}

pub(super) fn find_sku<'a>(skus: &'a [Sku], name: &str) -> Option<&'a Sku> {
    let id = Uuid::try_parse(name).ok();
    skus.iter().find(|sku| sku.sku_part_number.eq_ignore_ascii_case(name) || Some(sku.sku_id) == id)
}
