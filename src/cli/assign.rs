//! `seatsync assign`, `unassign` and `release`: one product by hand, for one user, a group, a list or whoever matches a
//! filter. What is asked for goes the way of every rule: judged, guarded, written as an intent, audited.

use std::collections::BTreeSet;
use std::path::PathBuf;

use uuid::Uuid;

use super::request::{answer, find};
use super::{Common, Failure, Place, Unmet, output, plan};
use crate::agent::{directory_group_members, group_members};
use crate::model::fault::exit;
use crate::model::filter::Filter;
use crate::model::group::GroupReading;
use crate::model::identity::{GroupId, PersonId, PlanId, SkuId};
use crate::model::license::Sku;
use crate::model::request::Request;
use crate::model::rule::Dn;
use crate::store::Store;

/// Whom a command by hand is about.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Whom {
    /// Users: each a UPN, sAMAccountName, objectGUID or Entra id.
    #[arg(value_name = "USER")]
    users: Vec<String>,
    /// A CSV file with such a name in the first column of each line, or in one headed "user" or "userPrincipalName".
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Everyone whose account matches this LDAP filter; attributes that the configuration reads.
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// Every member of this group of the directory, by its DN, and of the groups of its domain within it.
    #[arg(long, value_name = "DN")]
    group: Option<String>,
    /// Every member of this group of the tenant, by its object id, and of the groups within it.
    #[arg(long, value_name = "ID")]
    entra_group: Option<Uuid>,
}

/// What `assign` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Assign {
    #[command(flatten)]
    whom: Whom,
    /// The product, by part number or GUID.
    #[arg(long)]
    sku: String,
    /// A service plan to leave off, by name or GUID; may be given several times.
    #[arg(long, value_name = "PLAN")]
    disable: Vec<String>,
    /// Only show what would be written.
    #[arg(long)]
    dry_run: bool,
}

/// So many names of a list that mean nobody are told one by one.
const TOLD: usize = 10;

/// What `unassign` and `release` take.
#[derive(Debug, clap::Args)]
pub(super) struct Unassign {
    #[command(flatten)]
    whom: Whom,
    /// The product, by part number or GUID.
    #[arg(long)]
    sku: String,
    /// Only show what would be written.
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn assign(common: &Common, args: Assign) -> Result<(), Failure> {
    let store = common.joined_store(&Place::default())?;
    let sku = product(&store, &args.sku).await?;
    let disabled = plans_off(&sku, &args.disable)?;
    let people = people(common, &store, &args.whom).await?;
    carry_out(common, &store, Request::Assign { people, sku: sku.id, disabled }, args.dry_run).await
}

pub(super) async fn unassign(common: &Common, args: Unassign) -> Result<(), Failure> {
    let store = common.joined_store(&Place::default())?;
    let sku: SkuId = product(&store, &args.sku).await?.id;
    let people = people(common, &store, &args.whom).await?;
    carry_out(common, &store, Request::Unassign { people, sku }, args.dry_run).await
}

pub(super) async fn release(common: &Common, args: Unassign) -> Result<(), Failure> {
    let store = common.joined_store(&Place::default())?;
    let sku: SkuId = product(&store, &args.sku).await?.id;
    let people = people(common, &store, &args.whom).await?;
    carry_out(common, &store, Request::Release { people, sku }, args.dry_run).await
}

async fn carry_out(common: &Common, store: &Store, request: Request, dry_run: bool) -> Result<(), Failure> {
    if dry_run {
        return plan::after(common, request).await;
    }
    output::line(&answer(common, store, request).await?);
    Ok(())
}

/// The product that a name means.
pub(super) async fn product(store: &Store, name: &str) -> Result<Sku, Failure> {
    let catalog = store.catalog().await?;
    let Some(sku) = catalog.find(name) else {
        let known: Vec<_> = catalog.iter().filter(|sku| sku.for_users).map(|sku| sku.part_number.as_str()).collect();
        let what = format!("the tenant has no product \"{name}\"; it has {}", known.join(", "));
        return Err(Unmet::not_found(what, "Give a part number or a GUID as `seatsync skus` shows it.").into());
    };
    if !sku.for_users {
        let what = format!("product \"{}\" cannot be assigned to users: its appliesTo is not User", sku.part_number);
        return Err(Unmet::usage(what, "Choose a product for users.").into());
    }
    Ok(sku.clone())
}

/// The plans to leave off, of which one at least must be left on.
pub(super) fn plans_off(sku: &Sku, names: &[String]) -> Result<BTreeSet<PlanId>, Failure> {
    let disabled = names.iter().map(|name| plan(sku, name)).collect::<Result<BTreeSet<PlanId>, _>>()?;
    if sku.user_plans().all(|plan| disabled.contains(&plan.id)) {
        return Err(Unmet::usage("nothing of the product would be left", "Leave at least one service plan on.").into());
    }
    Ok(disabled)
}

fn plan(sku: &Sku, name: &str) -> Result<PlanId, Failure> {
    let found = sku.plan(name).filter(|plan| plan.for_users).map(|plan| plan.id);
    let known: Vec<_> = sku.user_plans().map(|plan| plan.name.as_str()).collect();
    let what =
        || format!("\"{}\" has no service plan \"{name}\" for users; it has {}", sku.part_number, known.join(", "));
    found.ok_or_else(|| Unmet::not_found(what(), "Give one of these.").into())
}

async fn people(common: &Common, store: &Store, whom: &Whom) -> Result<Vec<PersonId>, Failure> {
    let mut found = BTreeSet::new();
    if let Some(path) = &whom.csv {
        found.extend(named(store, &names(path)?).await?);
    } else if let Some(text) = &whom.filter {
        found.extend(store.people_matching(filter(common, text)?).await?);
    } else if let Some(dn) = &whom.group {
        found.extend(directory_members(common, store, dn).await?);
    } else if let Some(id) = whom.entra_group {
        found.extend(members(common, store, id.into()).await?);
    } else {
        found.extend(named(store, &whom.users).await?);
    }
    if found.is_empty() {
        return Err(Unmet::not_found("nobody is meant", "See `seatsync users`.").into());
    }
    Ok(found.into_iter().collect())
}

/// Whom these names mean. All that mean nobody, or several, are told at once: a list is corrected once.
async fn named(store: &Store, names: &[String]) -> Result<BTreeSet<PersonId>, Failure> {
    let (mut found, mut wrong) = (BTreeSet::new(), Vec::new());
    for name in names {
        match find(store, name).await {
            Ok(person) => {
                found.insert(person);
            }
            Err(failure) if failure.fault().code() == "not-found" => wrong.push(failure),
            Err(failure) => return Err(failure),
        }
    }
    if wrong.len() < 2 {
        return wrong.pop().map_or(Ok(found), Err);
    }
    let told: Vec<String> = wrong.iter().take(TOLD).map(|failure| failure.fault().to_string()).collect();
    let more = match wrong.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let what = format!("{} of {} names: {}{more}", wrong.len(), names.len(), told.join("; "));
    Err(Unmet::not_found(what, "Nothing was asked for. Correct these names; `seatsync users` lists everyone.").into())
}

/// The names in a list: of the column headed so, or of the first.
fn names(path: &PathBuf) -> Result<Vec<String>, Failure> {
    let unreadable = |error: csv::Error| {
        let what = format!("{}: {error}", path.display());
        Unmet {
            what,
            advice: "Give a CSV file that can be read, in UTF-8.",
            code: "list-unreadable",
            status: exit::NOT_FOUND,
        }
    };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .from_path(path)
        .map_err(unreadable)?;
    let lines = reader.records().collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    let is_heading = |field: &str| ["user", "userprincipalname", "upn"].contains(&field.to_lowercase().as_str());
    // Excel begins UTF-8 with a byte order mark.
    let heading = |field: &str| is_heading(field.trim_start_matches('\u{feff}'));
    let column = lines.first().and_then(|line| line.iter().position(heading));
    let names = lines.iter().skip(usize::from(column.is_some())).filter_map(|line| line.get(column.unwrap_or(0)));
    Ok(names.map(|name| name.trim_start_matches('\u{feff}').to_owned()).filter(|name| !name.is_empty()).collect())
}

/// A filter that can be answered from what is stored.
fn filter(common: &Common, text: &str) -> Result<Filter, Failure> {
    let filter =
        Filter::parse(text).map_err(|error| Unmet::usage(format!("{text}: {error}"), "Correct the filter."))?;
    let settings = common.settings()?;
    let unread = |name: &String| settings.directories.iter().any(|directory| !directory.attributes.contains(name));
    if let Some(name) = filter.attributes().iter().find(|name| unread(name)) {
        let what = format!("attribute \"{name}\" is not read");
        return Err(Unmet::usage(what, "Use attributes that a rule's filter or usage_location.from names.").into());
    }
    Ok(filter)
}

async fn members(common: &Common, store: &Store, group: GroupId) -> Result<Vec<PersonId>, Failure> {
    let missing = |what: String| Unmet::not_found(what, "See the group's object id in the Entra portal.");
    match group_members(&common.settings()?, group).await? {
        GroupReading::Complete { members, .. } => Ok(store.people_of(members.into_iter().collect()).await?),
        GroupReading::Missing => Err(missing(format!("the tenant has no group {group}")).into()),
        GroupReading::Hidden { name } => Err(missing(format!("the members of group {name} are hidden")).into()),
    }
}

async fn directory_members(common: &Common, store: &Store, text: &str) -> Result<Vec<PersonId>, Failure> {
    let Some(dn) = Dn::parse(text) else {
        return Err(Unmet::usage(format!("\"{text}\" is no DN"), "Give it as `CN=Staff,OU=Groups,DC=…`.").into());
    };
    let settings = common.settings()?;
    let mut domains: Vec<_> = settings.directories.iter().filter_map(|of| Some((of.root()?, of))).collect();
    domains.retain(|(root, _)| dn.is_within(root));
    let Some((_, directory)) = domains.into_iter().max_by_key(|(root, _)| root.depth()) else {
        let what = format!("{dn} lies in no domain of the configuration");
        return Err(Unmet::not_found(what, "Give the DN of a group of a domain that is followed.").into());
    };
    match directory_group_members(&settings.directories, directory, &dn).await? {
        Some(members) => Ok(store.people_among(members).await?),
        None => {
            let what = format!("domain {} has no group {dn}, or it cannot be seen", directory.domain);
            Err(Unmet::not_found(what, "See the group's distinguishedName, and what the service account may read.")
                .into())
        }
    }
}
