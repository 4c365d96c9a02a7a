//! A user to be created, as a world file, a test or the control API writes it.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::person::instant;

/// A user to be created. Members are Graph's property names; what is left out gets the value a real tenant would give.
///
/// `objectGUID` makes it a synced user: anchor, SID, domain, DN and so on follow from it unless they are given. An
/// empty text stands for null, which TOML lacks (`createdDateTime = ""`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NewUser {
    /// The Entra object id; drawn from the world's seed if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// The directory's objectGUID: given for a synced user.
    #[serde(default, rename = "objectGUID", skip_serializing_if = "Option::is_none")]
    pub object_guid: Option<Uuid>,
    /// What the user holds from the start; seats are counted, not checked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<NewLicense>,
    /// Everything else, by Graph property name.
    #[serde(flatten)]
    pub properties: Map<String, Value>,
}

/// A license as a person writes it: names rather than ids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewLicense {
    /// Part number or skuId.
    pub sku: String,
    /// Names or ids of the plans that are off.
    #[serde(default)]
    pub disabled_plans: Vec<String>,
    /// The group it comes from; absent for a direct assignment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_by_group: Option<Uuid>,
    /// Graph's error word (`CountViolation`, …) of a group assignment that failed; it then gives nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl NewLicense {
    /// A direct assignment with every plan on.
    #[must_use]
    pub fn direct(sku: &str) -> Self {
        Self { sku: sku.to_owned(), ..Self::default() }
    }

    /// An assignment that a group gives.
    #[must_use]
    pub fn by_group(sku: &str, group: Uuid) -> Self {
        Self { assigned_by_group: Some(group), ..Self::direct(sku) }
    }

    /// The same with these plans off.
    #[must_use]
    pub fn without(mut self, plans: &[&str]) -> Self {
        self.disabled_plans = plans.iter().map(|plan| (*plan).to_owned()).collect();
        self
    }
}

impl NewUser {
    /// A cloud-only user.
    #[must_use]
    pub fn cloud(user_principal_name: &str) -> Self {
        Self::default().with("userPrincipalName", user_principal_name)
    }

    /// A user as Entra Connect creates it for the directory object `object_guid`.
    #[must_use]
    pub fn synced(user_principal_name: &str, object_guid: Uuid) -> Self {
        Self { object_guid: Some(object_guid), ..Self::cloud(user_principal_name) }
    }

    /// The same with one property more, by its Graph name.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.properties.insert(name.to_owned(), value.into());
        self
    }

    /// The same, created in Entra at that instant.
    #[must_use]
    pub fn created(self, at: Timestamp) -> Self {
        self.with("createdDateTime", instant(at))
    }

    /// The same, with `createdDateTime` null, as some users synced before June 2018 have it.
    #[must_use]
    pub fn created_unknown(self) -> Self {
        self.with("createdDateTime", Value::Null)
    }

    /// The same, holding that license.
    #[must_use]
    pub fn licensed(mut self, license: NewLicense) -> Self {
        self.licenses.push(license);
        self
    }

    /// Fills in what Entra would.
    pub(super) fn completed(mut self, now: Timestamp) -> Self {
        let upn = self.properties.get("userPrincipalName").and_then(Value::as_str).unwrap_or_default().to_owned();
        let local = upn.split('@').next().unwrap_or_default().to_owned();
        self.fill("accountEnabled", json!(true));
        self.fill("userType", json!("Member"));
        self.fill("createdDateTime", json!(instant(now)));
        self.fill("displayName", json!(local));
        self.fill("mailNickname", json!(local));
        if let Some(guid) = self.object_guid {
            self.fill("onPremisesSyncEnabled", json!(true));
            self.fill("onPremisesImmutableId", json!(immutable_id(guid)));
            self.fill("onPremisesObjectIdentifier", json!(guid));
            self.fill("onPremisesSamAccountName", json!(local));
            self.fill("onPremisesUserPrincipalName", json!(upn));
            self.fill("onPremisesDomainName", json!("corp.example.test"));
            self.fill("onPremisesLastSyncDateTime", json!(instant(now)));
            let name = self.properties.get("displayName").and_then(Value::as_str).unwrap_or(&local);
            let dn = format!("CN={name},OU=Staff,DC=corp,DC=example,DC=test");
            self.fill("onPremisesDistinguishedName", json!(dn));
            let rid = guid.as_u128() as u32;
            self.fill(
                "onPremisesSecurityIdentifier",
                json!(format!("S-1-5-21-1004336348-1177238915-682003330-{}", rid.max(1000))),
            );
        }
        self
    }

    fn fill(&mut self, name: &str, value: Value) {
        self.properties.entry(name).or_insert(value);
    }
}

/// The source anchor of Entra Connect: base64 of the GUID's 16 bytes as Active Directory stores them.
pub(super) fn immutable_id(guid: Uuid) -> String {
    STANDARD.encode(guid.to_bytes_le())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_anchor_is_base64_of_the_wire_bytes() {
        let guid = Uuid::try_parse("00112233-4455-6677-8899-aabbccddeeff").unwrap();
        assert_eq!(immutable_id(guid), "MyIRAFVEd2aImaq7zN3u/w==");
    }
}
