//! Graph's JSON, as news and products of the model: pure, and tolerant item by item.
//!
//! Members that are not known are ignored, members that are absent differ from those that are null (an unselected property is
//! absent; in a delta an unchanged one may be), and an item that cannot be understood is put aside with its reason
//! while the others proceed. Properties after "user resource type", "licenseAssignmentState", "assignedPlan" and
//! "subscribedSku resource type" of Microsoft Graph v1.0.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::str::FromStr;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::reply::tidy;
use crate::model::identity::{Anchor, PlanId, Sid, SkuId, UserId};
use crate::model::license::{ServicePlan, Sku};
use crate::model::location::UsageLocation;
use crate::model::user::{AssignedLicense, LicenseSource, PlanStates, Removal, UserNews, UserPage};

/// What every read of a user asks for. A delta remembers it, and reports changes of these properties only.
pub const USER_SELECT: &str = "id,userPrincipalName,displayName,accountEnabled,userType,createdDateTime,\
    onPremisesSyncEnabled,onPremisesImmutableId,onPremisesSecurityIdentifier,usageLocation,assignedLicenses,\
    licenseAssignmentStates,assignedPlans";

/// One page of users, and where it goes on ("Paging Microsoft Graph data", "Use delta query").
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Users {
    /// What it says.
    pub page: UserPage,
    /// `@odata.nextLink`; only its absence ends a reading.
    pub next: Option<String>,
    /// `@odata.deltaLink`.
    pub delta: Option<String>,
}

/// One page of products, and where it goes on.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Skus {
    /// The products.
    pub skus: Vec<Sku>,
    /// Products that could not be understood: what they are called, and why.
    pub quarantined: Vec<(String, String)>,
    /// `@odata.nextLink`.
    pub next: Option<String>,
}

/// Reads a page of users; `Err` says why it is none.
pub fn users(body: &[u8]) -> Result<Users, String> {
    let envelope: Envelope<UserItem> = parse(body)?;
    let mut users = Users { next: envelope.next, delta: envelope.delta, ..Users::default() };
    for UserItem(item) in envelope.value {
        match item {
            Ok(news) => users.page.news.push(news),
            Err(flaw) => users.page.quarantined.push(flaw),
        }
    }
    Ok(users)
}

/// Reads a single user.
pub fn user(body: &[u8]) -> Result<UserNews, String> {
    parse::<UserItem>(body)?.0.map_err(|(_, reason)| reason)
}

/// Reads a page of products. Rows without `skuId` name nothing that could be assigned and are left out.
pub fn skus(body: &[u8]) -> Result<Skus, String> {
    let envelope: Envelope<SkuItem> = parse(body)?;
    let mut skus = Skus { next: envelope.next, ..Skus::default() };
    for SkuItem(item) in envelope.value {
        match item {
            Ok(sku) => skus.skus.extend(sku),
            Err(flaw) => skus.quarantined.push(flaw),
        }
    }
    Ok(skus)
}

/// One page of groups or of members, of which nothing may be left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// The groups or members.
    pub items: Vec<GroupItem>,
    /// `@odata.nextLink`; only its absence ends a reading.
    pub next: Option<String>,
}

/// A group, or a member of one, as far as it was asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct GroupItem {
    /// `id`.
    pub id: Uuid,
    /// `displayName`.
    pub name: Option<String>,
    /// `visibility`.
    pub visibility: Option<String>,
    /// `assignedLicenses`.
    pub licenses: Vec<AssignedLicense>,
}

/// Reads a page of groups or members. One that cannot be understood makes the page unreadable: left out, it would look as
/// though it were not there.
pub fn groups(body: &[u8]) -> Result<Groups, String> {
    let envelope: Envelope<Value> = parse(body)?;
    Ok(Groups { items: envelope.value.iter().map(read_group).collect::<Result<_, _>>()?, next: envelope.next })
}

/// Reads a single group.
pub fn group(body: &[u8]) -> Result<GroupItem, String> {
    read_group(&parse::<Value>(body)?)
}

/// One page of managed devices.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Devices {
    /// How many devices it has.
    pub count: usize,
    /// Their primary users; a device may have none.
    pub users: BTreeSet<UserId>,
    /// Devices whose user cannot be understood.
    pub unread: usize,
    /// `@odata.nextLink`.
    pub next: Option<String>,
}

/// Reads a page of managed devices. Without a user `userId` is empty.
pub fn devices(body: &[u8]) -> Result<Devices, String> {
    let envelope: Envelope<Value> = parse(body)?;
    let mut devices = Devices { count: envelope.value.len(), next: envelope.next, ..Devices::default() };
    for value in &envelope.value {
        match Members::of(value, "device").and_then(|item| item.parsed::<UserId>("userId")) {
            Ok(user) => devices.users.extend(user.flatten()),
            Err(_) => devices.unread += 1,
        }
    }
    Ok(devices)
}

/// Reads how each plan of a user stands. A plan that several products bring is listed for each: what works wins.
pub fn plan_states(body: &[u8]) -> Result<PlanStates, String> {
    let value = parse::<Value>(body)?;
    let item = Members::of(&value, "user")?;
    let read = |row: &Members<'_>| {
        let Some(plan) = row.parsed::<PlanId>("servicePlanId")?.flatten() else { return Ok(None) };
        Ok(Some((plan, row.text("capabilityStatus")?.flatten().unwrap_or_else(|| "Unknown".into()))))
    };
    let works = |status: &str| status.eq_ignore_ascii_case("Enabled") || status.eq_ignore_ascii_case("Warning");
    let mut states = PlanStates {
        licenses: item.rows("assignedLicenses", read_license)?.unwrap_or_default(),
        ..PlanStates::default()
    };
    for (plan, status) in item.rows("assignedPlans", read)?.unwrap_or_default() {
        if !states.plans.get(&plan).is_some_and(|known| works(known)) {
            states.plans.insert(plan, status);
        }
    }
    Ok(states)
}

fn read_group(value: &Value) -> Result<GroupItem, String> {
    let item = Members::of(value, "group")?;
    Ok(GroupItem {
        id: item.parsed("id")?.flatten().ok_or("it has no id")?,
        name: item.text("displayName")?.flatten(),
        visibility: item.text("visibility")?.flatten(),
        licenses: item.rows("assignedLicenses", read_license)?.unwrap_or_default(),
    })
}

/// The collection around the items. Each item is reduced as soon as it is read, so a page is never held twice.
#[derive(Deserialize)]
struct Envelope<T> {
    value: Vec<T>,
    #[serde(rename = "@odata.nextLink", default)]
    next: Option<String>,
    #[serde(rename = "@odata.deltaLink", default)]
    delta: Option<String>,
}

/// An item's id (or what stood there), and what is wrong with it.
type Flaw = (String, String);

struct UserItem(Result<UserNews, Flaw>);

struct SkuItem(Result<Option<Sku>, Flaw>);

impl<'de> Deserialize<'de> for UserItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(Self(read_user(&value).map_err(|reason| (name_of(&value, "id"), reason))))
    }
}

impl<'de> Deserialize<'de> for SkuItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(Self(read_sku(&value).map_err(|reason| (name_of(&value, "skuPartNumber"), reason))))
    }
}

fn name_of(value: &Value, member: &str) -> String {
    let named = value.get(member).unwrap_or(value);
    let text = named.as_str().map_or_else(|| named.to_string(), ToOwned::to_owned);
    tidy(&text).chars().take(80).collect()
}

/// Parses JSON. One stray surrogate in one display name must not hide a whole page, so text that is no Unicode is mended
/// when the strict reading fails.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).or_else(|error| match mended(body) {
        Some(text) => serde_json::from_str(&text).map_err(|error| tidy(&error.to_string())),
        None => Err(tidy(&error.to_string())),
    })
}

/// Bad UTF-8 and `\u` escapes of half a surrogate pair replaced by U+FFFD; `None` when there was nothing to mend.
fn mended(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let mut out = String::new();
    let mut kept = 0;
    let mut at = 0;
    while let Some(found) = text[at..].find('\\') {
        at += found;
        let len = match (escape(&text, at), escape(&text, at + 6)) {
            (Some(0xD800..0xDC00), Some(0xDC00..0xE000)) => 12,
            (Some(0xD800..0xE000), _) => {
                out.push_str(&text[kept..at]);
                out.push_str("\\ufffd");
                kept = at + 6;
                6
            }
            (Some(_), _) => 6,
            (None, _) => 2,
        };
        at += len;
        // A two-byte step may end inside a character: an escape is ASCII, anything else is no JSON anyway.
        if !text.is_char_boundary(at) {
            break;
        }
    }
    if kept == 0 && matches!(text, Cow::Borrowed(_)) {
        return None;
    }
    out.push_str(&text[kept..]);
    Some(out)
}

/// The code unit of a `\uXXXX` at this place.
fn escape(text: &str, at: usize) -> Option<u16> {
    u16::from_str_radix(text.get(at..at + 6)?.strip_prefix("\\u")?, 16).ok()
}

fn read_user(value: &Value) -> Result<UserNews, String> {
    let item = Members::of(value, "user")?;
    let id = item.parsed("id")?.flatten().ok_or("it has no id")?;
    let mut news = UserNews::about(id);
    // A soft-deleted user may still be shown when it is read by its id.
    let deleted = item.text("deletedDateTime")?.flatten().map(|_| Removal::Restorable);
    news.removed = item.removal().or(deleted);
    news.upn = item.text("userPrincipalName")?;
    news.display_name = item.text("displayName")?;
    news.enabled = item.boolean("accountEnabled")?.flatten();
    news.guest = item.text("userType")?.map(|kind| kind.is_some_and(|kind| kind.eq_ignore_ascii_case("Guest")));
    news.created = item.parsed::<Timestamp>("createdDateTime")?;
    news.synced = item.boolean("onPremisesSyncEnabled")?;
    news.anchor = item.text("onPremisesImmutableId")?.map(|text| text.map(Anchor::from_text));
    news.sid = item.text("onPremisesSecurityIdentifier")?.map(|text| text.map(Sid::from_text));
    news.usage_location = item.location("usageLocation")?;
    news.licenses = item.rows("assignedLicenses", read_license)?;
    news.sources = item.rows("licenseAssignmentStates", read_source)?;
    news.plans = item.rows("assignedPlans", read_plan)?.map(BTreeSet::from_iter);
    Ok(news)
}

fn read_license(row: &Members<'_>) -> Result<Option<AssignedLicense>, String> {
    let Some(sku) = row.parsed("skuId")?.flatten() else { return Ok(None) };
    Ok(Some(AssignedLicense { sku, disabled: row.plans("disabledPlans")? }))
}

fn read_source(row: &Members<'_>) -> Result<Option<LicenseSource>, String> {
    let Some(sku) = row.parsed("skuId")?.flatten() else { return Ok(None) };
    Ok(Some(LicenseSource {
        sku,
        group: row.text("assignedByGroup")?.flatten(),
        disabled: row.plans("disabledPlans")?,
        state: row.text("state")?.flatten().unwrap_or_else(|| "Unknown".into()),
        // Documented as null, on the wire commonly the word.
        error: row.text("error")?.flatten().filter(|error| !error.eq_ignore_ascii_case("None")),
    }))
}

/// A removed license leaves its plans behind as `Deleted`: only what works counts.
fn read_plan(row: &Members<'_>) -> Result<Option<PlanId>, String> {
    let status = row.text("capabilityStatus")?.flatten().unwrap_or_default();
    let works = ["Enabled", "Warning"].iter().any(|good| status.eq_ignore_ascii_case(good));
    Ok(row.parsed("servicePlanId")?.flatten().filter(|_| works))
}

fn read_sku(value: &Value) -> Result<Option<Sku>, String> {
    let item = Members::of(value, "subscribedSku")?;
    let Some(id) = item.parsed::<SkuId>("skuId")?.flatten() else { return Ok(None) };
    let nothing = Map::new();
    let units = Members(item.0.get("prepaidUnits").and_then(Value::as_object).unwrap_or(&nothing));
    Ok(Some(Sku {
        id,
        part_number: item.text("skuPartNumber")?.flatten().unwrap_or_else(|| id.to_string()),
        for_users: item.for_users()?,
        status: item.text("capabilityStatus")?.flatten().unwrap_or_else(|| "Unknown".into()),
        enabled: units.count("enabled")?,
        warning: units.count("warning")?,
        suspended: units.count("suspended")?,
        consumed: item.count("consumedUnits")?,
        plans: item.rows("servicePlans", read_service_plan)?.unwrap_or_default(),
    }))
}

fn read_service_plan(row: &Members<'_>) -> Result<Option<ServicePlan>, String> {
    let Some(id) = row.parsed::<PlanId>("servicePlanId")?.flatten() else { return Ok(None) };
    Ok(Some(ServicePlan {
        id,
        name: row.text("servicePlanName")?.flatten().unwrap_or_else(|| id.to_string()),
        for_users: row.for_users()?,
        status: row.text("provisioningStatus")?.flatten().unwrap_or_else(|| "Unknown".into()),
    }))
}

/// The members of one object. In what they return, the outer `Option` is *was it mentioned*, the inner *has it a value*.
struct Members<'a>(&'a Map<String, Value>);

impl<'a> Members<'a> {
    fn of(value: &'a Value, what: &str) -> Result<Self, String> {
        value.as_object().map(Self).ok_or_else(|| format!("it is no {what} object"))
    }

    /// Text; empty text is no value.
    fn text(&self, name: &str) -> Result<Option<Option<String>>, String> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(Value::String(text)) => Ok(Some(Some(text.clone()).filter(|text| !text.is_empty()))),
            Some(other) => Err(wrong(name, "text", other)),
        }
    }

    fn boolean(&self, name: &str) -> Result<Option<Option<bool>>, String> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(Value::Bool(value)) => Ok(Some(Some(*value))),
            Some(other) => Err(wrong(name, "true or false", other)),
        }
    }

    fn parsed<T: FromStr>(&self, name: &str) -> Result<Option<Option<T>>, String> {
        match self.text(name)? {
            Some(Some(text)) => match text.parse() {
                Ok(value) => Ok(Some(Some(value))),
                Err(_) => Err(wrong(name, "valid", &Value::String(text))),
            },
            other => Ok(other.map(|_| None)),
        }
    }

    /// A code that we do not know is still set: read as unset, it would be overwritten.
    fn location(&self, name: &str) -> Result<Option<Option<UsageLocation>>, String> {
        match self.text(name)? {
            Some(Some(text)) => match UsageLocation::from_tenant(&text) {
                Some(location) => Ok(Some(Some(location))),
                None => Err(wrong(name, "a code of two letters", &Value::String(text))),
            },
            other => Ok(other.map(|_| None)),
        }
    }

    /// A number of units; absent is none.
    fn count(&self, name: &str) -> Result<i64, String> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(0),
            // The sum of several subscriptions must not overflow.
            Some(other) => other
                .as_i64()
                .filter(|count| count.abs() < 1 << 48)
                .ok_or_else(|| wrong(name, "a number of units", other)),
        }
    }

    /// A collection of objects; null is empty. Rows that `read` has no use for are left out.
    fn rows<T>(
        &self,
        name: &str,
        read: impl Fn(&Members<'_>) -> Result<Option<T>, String>,
    ) -> Result<Option<Vec<T>>, String> {
        let rows = match self.0.get(name) {
            None => return Ok(None),
            Some(Value::Null) => return Ok(Some(Vec::new())),
            Some(Value::Array(rows)) => rows,
            Some(other) => return Err(wrong(name, "a collection", other)),
        };
        let read_row = |row| Members::of(row, name).and_then(|row| read(&row));
        rows.iter()
            .filter_map(|row| read_row(row).map_err(|reason| format!("in {name}: {reason}")).transpose())
            .collect::<Result<_, _>>()
            .map(Some)
    }

    fn plans(&self, name: &str) -> Result<BTreeSet<PlanId>, String> {
        let plans = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(BTreeSet::new()),
            Some(Value::Array(plans)) => plans,
            Some(other) => return Err(wrong(name, "a collection", other)),
        };
        let read = |plan: &Value| plan.as_str()?.parse().ok();
        let known = plans.iter().filter(|plan| !plan.is_null());
        known.map(|plan| read(plan).ok_or_else(|| wrong(name, "a list of plan ids", plan))).collect()
    }

    /// `appliesTo`; what does not say otherwise is for users.
    fn for_users(&self) -> Result<bool, String> {
        let level = self.text("appliesTo")?.flatten();
        Ok(level.is_none_or(|level| level.eq_ignore_ascii_case("User")))
    }

    /// `@removed`: `changed` is a soft delete, as is any reason that is not known.
    fn removal(&self) -> Option<Removal> {
        let removed = self.0.get("@removed").filter(|removed| !removed.is_null())?;
        let reason = removed.get("reason").and_then(Value::as_str).unwrap_or_default();
        Some(if reason.eq_ignore_ascii_case("deleted") { Removal::Final } else { Removal::Restorable })
    }
}

fn wrong(name: &str, expected: &str, found: &Value) -> String {
    let found: String = tidy(&found.to_string()).chars().take(60).collect();
    format!("{name} is not {expected}: {found}")
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
