//! People, rules, groups and products to be judged.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use seatsync::model::account::Account;
use seatsync::model::filter::Filter;
use seatsync::model::group::ScopeGroup;
use seatsync::model::identity::{Anchor, ObjectGuid, PersonId, PlanId, Sid, SkuId};
use seatsync::model::license::{Catalog, ServicePlan, Sku};
use seatsync::model::matches::Matches;
use seatsync::model::person::{KnownAccount, KnownUser, Person};
use seatsync::model::rule::{Adopt, Dn, OnLeave, Plans, Rule, Who};
use seatsync::model::settings::{LocationSettings, LocationSource};
use seatsync::model::user::{AssignedLicense, LicenseSource, User};
use uuid::Uuid;

pub const PRODUCTS: usize = 5;
const PLANS: usize = 10;
pub const DEPARTMENTS: usize = 40;
const OUS: usize = 20;
/// Named groups that each person is in.
const MEMBERSHIPS: usize = 4;
pub const ROOT: &str = "DC=corp,DC=example,DC=test";

pub fn location() -> LocationSettings {
    LocationSettings {
        from: vec![LocationSource::Attribute { name: "c".into(), map: BTreeMap::new() }],
        default: None,
        overwrite: false,
        write: true,
    }
}

/// The same rules after an edit of each.
pub fn edited(rules: &[Rule]) -> Vec<Rule> {
    rules.iter().map(|rule| Rule { digest: format!("{} 2", rule.digest).into(), ..rule.clone() }).collect()
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_800_000_000 + seconds)
}

pub fn id(kind: u128, n: usize) -> Uuid {
    Uuid::from_u128((kind << 64) + n as u128)
}

pub fn catalog() -> Catalog {
    let plan = |product: usize, n: usize| ServicePlan {
        // The first is Intune, the same in two of the products.
        id: PlanId::from(if n == 0 && product < 2 { id(3, 0) } else { id(3, product * PLANS + n + 1) }),
        name: if n == 0 && product < 2 { "INTUNE_A".into() } else { format!("PLAN_{product}_{n}") },
        for_users: n + 1 < PLANS,
        status: "Success".into(),
    };
    Catalog::new((0..PRODUCTS).map(|product| Sku {
        id: SkuId::from(id(2, product)),
        part_number: format!("PRODUCT_{product}"),
        for_users: true,
        status: "Enabled".into(),
        enabled: 1_000_000,
        warning: 0,
        suspended: 0,
        consumed: 0,
        plans: (0..PLANS).map(|n| plan(product, n)).collect(),
    }))
}

/// Every fourth is of the tenant.
pub fn group(n: usize) -> Result<ScopeGroup, Box<dyn Error>> {
    if n.is_multiple_of(4) {
        return Ok(ScopeGroup::Tenant(id(4, n).into()));
    }
    let dn = Dn::parse(&format!("CN=Group {n},OU=Groups,OU=Unit {},{ROOT}", n % OUS)).ok_or("no DN")?;
    Ok(ScopeGroup::Directory(dn))
}

/// Rules of every shape: those of four groups each (or an OU, where there are none), within an OU, without some department.
pub fn rule(n: usize, groups: &[ScopeGroup]) -> Result<Rule, Box<dyn Error>> {
    let own = (0..4).filter_map(|k| groups.get((n * 4 + k) % groups.len().max(1))).map(|group| match group {
        ScopeGroup::Directory(dn) => Who::Group(dn.clone()),
        ScopeGroup::Tenant(id) => Who::EntraGroup(*id),
    });
    let unit =
        |n: usize| Ok::<_, Box<dyn Error>>(Who::Ou(Dn::parse(&format!("OU=Unit {},{ROOT}", n % OUS)).ok_or("no DN")?));
    let any = if groups.is_empty() { unit(n + 1)? } else { Who::Any(own.collect()) };
    let ou = unit(n)?;
    let department = Filter::parse(&format!("(&(department=department {})(!(title=temp*)))", n % DEPARTMENTS))?;
    let who = match n % 3 {
        0 => Who::Any(vec![any, ou]),
        1 => Who::All(vec![any, Who::Not(Box::new(Who::Filter(department)))]),
        _ => Who::Any(vec![Who::Filter(department), Who::All(vec![any, ou])]),
    };
    Ok(Rule {
        id: format!("rule-{n}").into(),
        sku: format!("PRODUCT_{}", n % PRODUCTS),
        plans: Plans::AllBut(vec![format!("PLAN_{}_{}", n % PRODUCTS, 1 + n % 5)]),
        unless_has_plan: None,
        who,
        ready: if n.is_multiple_of(7) { Some(Filter::parse("(employeeID=*)")?) } else { None },
        include_disabled: false,
        delay: Duration::ZERO,
        adopt: Adopt::Leave,
        on_leave: OnLeave::Reclaim { grace: Duration::from_secs(86_400), any_direct: false },
        usage_location: None,
        keep_free: 0,
        priority: i32::try_from(n)?,
        digest: format!("{:064x}", id(5, n).as_u128()).into(),
    })
}

/// One in ten was there before and has a license, one in fifty is disabled.
pub fn person(n: usize, groups: &[ScopeGroup], catalog: &Catalog) -> Result<Person, Box<dyn Error>> {
    let old = n.is_multiple_of(10);
    let guid: ObjectGuid = id(6, n).to_string().parse()?;
    let (anchor, sid) = (Anchor::from_guid(guid), Sid::from_text(format!("S-1-5-21-1-2-3-{n}")));
    let upn = Some(format!("user{n}@example.test"));
    let attributes = [
        ("c", "SE".to_owned()),
        ("department", format!("department {}", n % DEPARTMENTS)),
        ("title", "engineer".to_owned()),
        ("employeeid", n.to_string()),
    ];
    let account = Account {
        guid,
        dn: format!("CN=User {n},OU=Staff,OU=Unit {},{ROOT}", n % OUS),
        sam: Some(format!("user{n}")),
        upn: upn.clone(),
        display_name: Some(format!("User {n}")),
        sid: Some(sid.clone()),
        anchor: anchor.clone(),
        enabled: !n.is_multiple_of(50),
        expires: None,
        system: None,
        created: Some(at(-100_000)),
        usn_changed: i64::try_from(n)?,
        attributes: attributes.into_iter().map(|(name, value)| (name.to_owned(), vec![value])).collect(),
    };
    let mut user = User {
        upn,
        created: Some(at(if old { -100_000 } else { 500 })),
        synced: Some(true),
        anchor: Some(anchor),
        sid: Some(sid),
        ..User::unread(id(7, n).into())
    };
    if old {
        let (sku, disabled) = (SkuId::from(id(2, n % PRODUCTS)), BTreeSet::new());
        user.plans = catalog.enabled_plans(sku, &disabled);
        user.licenses.push(AssignedLicense { sku, disabled: disabled.clone() });
        user.sources.push(LicenseSource { sku, group: None, disabled, state: "Active".into(), error: None });
    }
    let joined = (0..MEMBERSHIPS).filter_map(|k| groups.get((n * 7 + k * 53) % groups.len().max(1)).cloned());
    Ok(Person {
        id: PersonId(i64::try_from(n)?),
        revision: 1,
        presence: None,
        coverage: None,
        accounts: vec![KnownAccount { account, first_seen: at(20), gone: false, at_first_contact: old }],
        users: vec![KnownUser { user, first_seen: at(if old { 50 } else { 510 }) }],
        groups: joined.collect(),
        memberships: None,
        matches: Matches::default(),
        manual: BTreeMap::new(),
        entitlements: BTreeMap::new(),
    })
}
