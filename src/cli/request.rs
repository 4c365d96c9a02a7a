//! `seatsync include`, `approve`, `reject`, `pause`, `resume` and `retry`: requests in the store, carried out by the agent
//! within a second, or here when none is running.

use std::time::Duration;

use jiff::Timestamp;

use super::{Common, Failure, Place, Unmet, output};
use crate::clock::Clock;
use crate::model::fault::exit;
use crate::model::identity::{HoldId, PersonId};
use crate::model::request::Request;
use crate::store::{HoldView, Lease, PendingRequest, Store, StoreError};
use crate::system;

/// The agent is given so long to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// So many persons are named whom somebody who is not known may have meant.
const MEANT: u32 = 3;

/// What `include` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Include {
    /// The id of the rule whose baseline is brought in.
    rule: String,
    /// Only those who lack the license.
    #[arg(long)]
    unlicensed: bool,
    /// Only users who appeared in the tenant then or later, such as 2026-09-01 or 2026-09-01T08:00:00Z.
    #[arg(long, value_parser = date, value_name = "DATE")]
    since: Option<Timestamp>,
    /// At most so many, those who were there longest first.
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u32>,
    /// Only this user: a UPN, sAMAccountName, objectGUID or Entra id.
    #[arg(long)]
    user: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// What `approve` and `reject` take.
#[derive(Debug, clap::Args)]
pub(super) struct Decide {
    /// The cohort's number, as `status` shows it.
    #[arg(value_name = "COHORT")]
    hold: i64,
    /// Its digest, as `status` shows it: refused if the cohort has changed since. Without it the cohort counts as it is now.
    #[arg(long)]
    digest: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// What `pause` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Pause {
    /// Why, for whoever looks later.
    reason: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// What `retry` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Retry {
    /// A UPN, sAMAccountName, objectGUID or Entra id.
    #[arg(required_unless_present = "all")]
    user: Option<String>,
    /// Everyone, instead of one user.
    #[arg(long, conflicts_with = "user")]
    all: bool,
    #[command(flatten)]
    place: Place,
}

/// A day, at its beginning in UTC, or a time.
pub(super) fn date(text: &str) -> Result<Timestamp, String> {
    let whole_day = || text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    text.parse()
        .ok()
        .or_else(|| whole_day().map(|day| day.timestamp()))
        .ok_or_else(|| "not a date such as 2026-09-01 or a time such as 2026-09-01T08:00:00Z".to_owned())
}

pub(super) async fn include(common: &Common, args: Include) -> Result<(), Failure> {
    let Include { rule, unlicensed, since, limit, user, place } = args;
    let store = common.joined_store(&place)?;
    let person = match &user {
        Some(name) => Some(find(&store, name).await?),
        None => None,
    };
    ask(common, &store, Request::Include { rule, unlicensed, since, limit, person }).await
}

pub(super) async fn approve(common: &Common, args: &Decide) -> Result<(), Failure> {
    let store = common.joined_store(&args.place)?;
    let HoldView { id: hold, digest, .. } = hold(&store, args).await?;
    ask(common, &store, Request::Approve { hold, digest }).await
}

pub(super) async fn reject(common: &Common, args: &Decide) -> Result<(), Failure> {
    let store = common.joined_store(&args.place)?;
    let HoldView { id: hold, digest, .. } = hold(&store, args).await?;
    ask(common, &store, Request::Reject { hold, digest }).await
}

pub(super) async fn pause(common: &Common, args: Pause) -> Result<(), Failure> {
    ask(common, &common.joined_store(&args.place)?, Request::Pause { reason: args.reason }).await
}

pub(super) async fn resume(common: &Common, place: &Place) -> Result<(), Failure> {
    ask(common, &common.joined_store(place)?, Request::Resume).await
}

pub(super) async fn retry(common: &Common, args: &Retry) -> Result<(), Failure> {
    let store = common.joined_store(&args.place)?;
    let person = match &args.user {
        Some(name) => Some(find(&store, name).await?),
        None => None,
    };
    ask(common, &store, Request::Retry { person }).await
}

/// The cohort that is meant, with the digest the operator gave or sees now.
async fn hold(store: &Store, args: &Decide) -> Result<HoldView, Failure> {
    let found = store.holds().await?.into_iter().find(|hold| hold.id == HoldId(args.hold));
    let missing = || Unmet::not_found(format!("no cohort {} is held", args.hold), "See `seatsync status`.");
    let mut found = found.ok_or_else(missing)?;
    if let Some(digest) = &args.digest {
        found.digest.clone_from(digest);
    }
    Ok(found)
}

/// The one person a name means.
pub(super) async fn find(store: &Store, name: &str) -> Result<PersonId, Failure> {
    let found = store.find_people(name).await?;
    match found.as_slice() {
        [person] => Ok(*person),
        [] => {
            let meant = match store.names_beginning(name, MEANT).await?.as_slice() {
                [] => String::new(),
                some => format!("; did you mean {}?", some.join(" or ")),
            };
            let advice = "Give a UPN, a sAMAccountName, an objectGUID or an Entra id; `seatsync users` lists everyone.";
            Err(Unmet::not_found(format!("nobody known by \"{name}\"{meant}"), advice).into())
        }
        several => Err(Unmet::not_found(
            format!("\"{name}\" means {} persons", several.len()),
            "Give an objectGUID or an Entra id.",
        )
        .into()),
    }
}

/// Leaves a request and says what became of it.
async fn ask(common: &Common, store: &Store, request: Request) -> Result<(), Failure> {
    let text = answer(common, store, request).await?;
    output::line(&text);
    Ok(())
}

/// Leaves a request and waits for what becomes of it. Without an agent it is carried out here; what follows from it is
/// done by the next one.
pub(super) async fn answer(common: &Common, store: &Store, request: Request) -> Result<String, Failure> {
    let clock = Clock::system();
    let os_user = system::user();
    let id = store.ask(request.clone(), &os_user, clock.now()).await?;
    let deadline = crate::clock::later(clock.now(), PATIENCE);
    loop {
        if let Some(outcome) = store.request_outcome(id).await? {
            return done(outcome, "");
        }
        match Lease::take(store.path()) {
            Ok(_lease) => {
                let config = common.settings().map(|settings| settings.digest).unwrap_or_default();
                let pending = PendingRequest { id, request, os_user };
                let outcome = store.carry_out(pending, &config, clock.now()).await?;
                return done(outcome, "; no agent is running: it takes effect once one does");
            }
            Err(StoreError::Busy { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        if clock.now() > deadline {
            return Err(silent().into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The agent that runs has not taken a request up in time.
pub(super) fn silent() -> Unmet {
    Unmet {
        what: "the agent has not answered yet; the request stays in its store".to_owned(),
        advice: "See `seatsync status` and the agent's log.",
        code: "agent-silent",
        status: exit::BUSY,
    }
}

fn done(outcome: Result<String, String>, then: &str) -> Result<String, Failure> {
    let text = outcome.map_err(|text| Unmet::not_found(text, "See `seatsync status`."))?;
    Ok(format!("{text}{then}"))
}
