//! Sample nouns for unit tests: one tenant with three products, accounts and users by number.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::account::Account;
use super::identity::{Anchor, ObjectGuid, PlanId, Sid, SkuId, UserId};
use super::license::{Catalog, ServicePlan, Sku};
use super::rule::{Adopt, OnLeave, Plans, Rule, Who};
use super::settings::{LocationSettings, LocationSource, WorkSettings};
use super::user::{AssignedLicense, LicenseSource, User, UserNews};

/// A time, in seconds after the first contact of the sample tenant began.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

pub(crate) fn ems() -> SkuId {
    "efccb6f7-5641-4e0e-bd10-b4976e1bf68e".parse().unwrap()
}

pub(crate) fn spe_e3() -> SkuId {
    "05e9a617-0261-4cee-bb44-138d3ef5d965".parse().unwrap()
}

/// The product for devices.
pub(crate) fn intune_device() -> SkuId {
    "2b317a4a-77a6-4188-9437-b68a77b4e2c6".parse().unwrap()
}

pub(crate) fn intune_a() -> PlanId {
    "c1ec4a95-1f05-45b3-a911-aa3fa01094f5".parse().unwrap()
}

pub(crate) fn aad_premium() -> PlanId {
    "41781fb2-bc02-4b7c-bd55-b576c07bb09d".parse().unwrap()
}

pub(crate) fn exchange() -> PlanId {
    "efb87545-963c-4e0d-99df-69c6916d9eb0".parse().unwrap()
}

fn plan(id: PlanId, name: &str, for_users: bool) -> ServicePlan {
    ServicePlan { id, name: name.into(), for_users, status: "Success".into() }
}

pub(crate) fn sku(id: SkuId, part_number: &str, plans: Vec<ServicePlan>) -> Sku {
    Sku {
        id,
        part_number: part_number.into(),
        for_users: true,
        status: "Enabled".into(),
        enabled: 10,
        warning: 0,
        suspended: 0,
        consumed: 0,
        plans,
    }
}

/// EMS and SPE_E3 both bring Intune and Entra P1, SPE_E3 Exchange beside them; all 10 seats are free.
pub(crate) fn skus() -> Vec<Sku> {
    let foundation = "113feb6c-3fe4-4440-bddc-54d774bf0318".parse().unwrap();
    let shared = || vec![plan(intune_a(), "INTUNE_A", true), plan(aad_premium(), "AAD_PREMIUM", true)].into_iter();
    let company = || plan(foundation, "EXCHANGE_S_FOUNDATION", false);
    let device = sku(intune_device(), "INTUNE_A_D", vec![plan(intune_a(), "INTUNE_A", true)]);
    vec![
        sku(ems(), "EMS", shared().chain([company()]).collect()),
        sku(spe_e3(), "SPE_E3", shared().chain([plan(exchange(), "EXCHANGE_S_ENTERPRISE", true)]).collect()),
        Sku { for_users: false, ..device },
    ]
}

pub(crate) fn catalog() -> Catalog {
    Catalog::new(skus())
}

/// A rule for everyone.
pub(crate) fn rule(id: &str, sku: &str) -> Rule {
    Rule {
        id: id.into(),
        sku: sku.into(),
        plans: Plans::AllBut(Vec::new()),
        unless_has_plan: None,
        who: Who::Everyone,
        ready: None,
        include_disabled: false,
        delay: Duration::ZERO,
        adopt: Adopt::Leave,
        on_leave: OnLeave::Keep,
        usage_location: None,
        keep_free: 0,
        priority: 100,
        digest: format!("{id} {sku} 1").into(),
    }
}

pub(crate) fn guid(n: u32) -> ObjectGuid {
    Uuid::from_u128(0xacc0_0000_0000 + u128::from(n)).to_string().parse().unwrap()
}

pub(crate) fn user_id(n: u32) -> UserId {
    Uuid::from_u128(0x05e7_0000_0000 + u128::from(n)).into()
}

pub(crate) fn anchor(n: u32) -> Anchor {
    Anchor::from_guid(guid(n))
}

/// An enabled account of Sweden that was there long before anybody looked.
pub(crate) fn account(n: u32) -> Account {
    Account {
        guid: guid(n),
        dn: format!("CN=u{n},OU=Staff,DC=corp,DC=example,DC=test"),
        sam: Some(format!("u{n}")),
        upn: Some(format!("u{n}@example.test")),
        display_name: None,
        sid: Some(Sid::from_text(format!("S-1-5-21-1-2-3-{n}"))),
        anchor: anchor(n),
        enabled: true,
        expires: None,
        system: None,
        created: Some(at(-100_000)),
        usn_changed: i64::from(n),
        attributes: BTreeMap::from([("c".into(), vec!["SE".into()])]),
    }
}

/// The synced user of that account, as old, without location and license.
pub(crate) fn user(n: u32) -> User {
    User {
        upn: Some(format!("u{n}@example.test")),
        created: Some(at(-100_000)),
        synced: Some(true),
        anchor: Some(anchor(n)),
        sid: Some(Sid::from_text(format!("S-1-5-21-1-2-3-{n}"))),
        ..User::unread(user_id(n))
    }
}

/// That user with a product, directly or through a group, some plans off, the others working.
pub(crate) fn licensed(user: User, id: SkuId, off: &[PlanId], group: Option<&str>) -> User {
    let disabled: BTreeSet<PlanId> = off.iter().copied().collect();
    let mut user = user;
    user.plans.extend(catalog().enabled_plans(id, &disabled));
    user.licenses.push(AssignedLicense { sku: id, disabled: disabled.clone() });
    user.sources.push(LicenseSource {
        sku: id,
        group: group.map(str::to_owned),
        disabled,
        state: "Active".into(),
        error: None,
    });
    user
}

/// News that mentions everything about a user.
pub(crate) fn news(user: &User) -> UserNews {
    UserNews {
        id: user.id,
        removed: None,
        upn: Some(user.upn.clone()),
        display_name: Some(user.display_name.clone()),
        enabled: Some(user.enabled),
        guest: Some(user.guest),
        created: Some(user.created),
        synced: Some(user.synced),
        anchor: Some(user.anchor.clone()),
        sid: Some(user.sid.clone()),
        usage_location: Some(user.usage_location),
        licenses: Some(user.licenses.clone()),
        sources: Some(user.sources.clone()),
        plans: Some(user.plans.clone()),
    }
}

/// An attribute whose values are country codes.
pub(crate) fn location_from(name: &str) -> LocationSource {
    LocationSource::Attribute { name: name.into(), map: BTreeMap::new() }
}

pub(crate) fn location() -> LocationSettings {
    LocationSettings { from: vec![location_from("c")], default: None, overwrite: false, write: true }
}

pub(crate) fn work() -> WorkSettings {
    WorkSettings {
        quota: 3_000,
        quota_window: Duration::from_secs(150),
        confirm_after: Duration::from_secs(30),
        retry_first: Duration::from_secs(10),
        retry_max: Duration::from_mins(15),
        concurrency: 4,
        patience: Duration::from_mins(15),
        clock_skew: Duration::from_mins(5),
    }
}
