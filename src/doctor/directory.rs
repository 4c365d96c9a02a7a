//! The directory's side: asks the controllers of each domain, and has the answers judged.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Check, State, Topic, domain, surroundings};
use crate::clock::Clock;
use crate::directory::{Dc, DirectoryError, Login, Names, Place, Stage};
use crate::model::expiry::Expiry;
use crate::model::fault::Fault as _;
use crate::model::filter::Filter;
use crate::model::rule::{Clause, Dn, Who};
use crate::model::settings::{AnchorSource, DirectorySettings, Server, Settings};
use crate::tls::{self, Roots};

/// Of the controllers that DNS names, no more are examined: the agent follows two.
const EXAMINED: usize = 4;
/// Means every account, as far as a filter goes.
const ALL: &str = "(objectClass=*)";
/// What is asked of the domain as a whole, by the first controller that can be used.
const OF_THE_DOMAIN: [Topic; 7] =
    [Topic::Account, Topic::Deletions, Topic::Base, Topic::Rights, Topic::Anchor, Topic::Location, Topic::Scope];

/// Examines the domains of the configuration one after the other, with reads only.
pub async fn directory(settings: &Settings, clock: &Clock) -> Vec<Check> {
    let mut checks = Vec::new();
    for directory in &settings.directories {
        let found = one(settings, directory, clock).await;
        let of = |check: Check| match check.about {
            Some(_) => check,
            None => check.about(directory.domain.as_str()),
        };
        checks.extend(found.into_iter().map(|check| if settings.directories.len() > 1 { of(check) } else { check }));
    }
    checks
}

async fn one(settings: &Settings, directory: &DirectorySettings, clock: &Clock) -> Vec<Check> {
    let names = Names::new(directory);
    let found = match directory.servers.is_empty() {
        true => names.controllers(directory, 0).await,
        false => Ok(directory.servers.clone()),
    };
    let roots = directory.ca_file.clone().map_or(Roots::SystemAnd(None), Roots::Only);
    let prepared = found.map_err(|error| Check::failed(Topic::Controllers, &error)).and_then(|servers| {
        Ok((servers, tls::client_config(&roots).map_err(|error| Check::failed(Topic::Tls, &error))?))
    });
    let (servers, tls) = match prepared {
        Ok(prepared) => prepared,
        Err(check) => return std::iter::once(check).chain(skipped()).collect(),
    };
    let mut checks = vec![domain::controllers(directory, &servers, EXAMINED)];
    let login = Login::new(directory);
    let (mut best, mut all) = (None, Vec::new());
    for server in servers.iter().take(EXAMINED) {
        let (found, dc) = controller(directory, server, &names, tls.clone(), &login, clock).await;
        all.extend(found);
        best = better(best, dc);
    }
    // What fails at one controller keeps nothing from going on where another can be used.
    let used = best.as_ref().map(|dc| dc.server().to_owned());
    let stands_in = |check: &Check| used.is_some() && check.about != used;
    checks.extend(all.into_iter().map(|check| if stands_in(&check) { check.milder() } else { check }));
    match best {
        Some(mut dc) => checks.extend(whole(settings, directory, &mut dc, clock.now()).await),
        None => checks.extend(skipped()),
    }
    checks
}

fn skipped() -> impl Iterator<Item = Check> {
    OF_THE_DOMAIN.into_iter().map(|topic| Check::skipped(topic, "not asked: no domain controller can be used"))
}

/// The one in step and writable; of equals the one named first.
fn better(before: Option<Dc>, found: Option<Dc>) -> Option<Dc> {
    let rank = |dc: &Dc| {
        let state = dc.known_state();
        (state.writable, state.synchronized)
    };
    match (before, found) {
        (Some(before), Some(found)) if rank(&found) > rank(&before) => Some(found),
        (before, found) => before.or(found),
    }
}

/// One controller, as far as it can be come. A password that was refused is not shown to the next.
async fn controller(
    directory: &DirectorySettings,
    server: &Server,
    names: &Names,
    tls: Arc<rustls::ClientConfig>,
    login: &Login,
    clock: &Clock,
) -> (Vec<Check>, Option<Dc>) {
    let about = format!("{}:{}", server.host.trim_end_matches('.'), server.port);
    let (started, mut stages) = (clock.now(), Vec::new());
    let tell = |stage| stages.push((stage, clock.now()));
    let met = Dc::approach(directory, server, names, tls, login, started, tell).await;
    let mut checks: Vec<Check> = stages.iter().map(|stage| passed(stage, started, directory)).collect();
    let dc = match met {
        Ok(mut dc) => match talk(&mut dc, clock, &mut checks).await {
            Ok(usable) => usable.then_some(dc),
            Err(error) => {
                checks.push(Check::failed(Topic::Controller, &error));
                None
            }
        },
        Err(error) => {
            let topic = [Topic::Reach, Topic::Tls, Topic::Bind, Topic::Controller][stages.len().min(3)];
            checks.push(Check::failed(topic, &error));
            None
        }
    };
    (checks.into_iter().map(|check| check.about(about.as_str())).collect(), dc)
}

fn passed((stage, at): &(Stage, Timestamp), started: Timestamp, directory: &DirectorySettings) -> Check {
    match stage {
        Stage::Reached => {
            let took = at.duration_since(started).as_millis();
            Check::ok(Topic::Reach, format!("takes the connection, after {took} ms"))
        }
        Stage::Secured(certificate) => {
            let end = certificate.as_deref().and_then(tls::valid_until).map(Expiry::of_controller);
            domain::certificate(end, *at)
        }
        Stage::SignedIn => Check::ok(Topic::Bind, format!("lets {} in", directory.bind.who())),
    }
}

/// What only a controller that was signed in to can show. Whether it can be read by pages.
async fn talk(dc: &mut Dc, clock: &Clock, checks: &mut Vec<Check>) -> Result<bool, DirectoryError> {
    let state = dc.state().await?;
    checks.push(domain::controller(&state));
    checks.push(domain::controls(&dc.lacking_controls()));
    let paging = dc.try_paging().await;
    let usable = paging.is_ok();
    checks.push(match paging {
        Ok((entries, pages)) => Check::ok(Topic::Paging, format!("{entries} objects on {pages} pages, to the end")),
        Err(error) => Check::failed(Topic::Paging, &error),
    });
    let before = clock.now();
    let remedy = "Set this machine's clock by the domain's (NTP): Kerberos refuses five minutes, and the expiry of accounts is \
                  judged by it.";
    checks.push(match dc.server_time().await? {
        Some(time) => surroundings::skew(Topic::DcClock, "the controller's", before, time, clock.now(), remedy),
        None => Check::skipped(Topic::DcClock, "the controller does not say what time it is"),
    });
    Ok(usable)
}

/// The domain as a whole. A read that fails is a finding, and the next is tried.
async fn whole(settings: &Settings, directory: &DirectorySettings, dc: &mut Dc, now: Timestamp) -> Vec<Check> {
    let failed = |topic| move |error: DirectoryError| Check::failed(topic, &error);
    let who = directory.bind.who();
    let mut checks = vec![
        match dc.own_account().await {
            Ok(own) => domain::account(&directory.bind, own.as_ref(), now),
            Err(error) => failed(Topic::Account)(error),
        },
        dc.deletions().await.map_or_else(failed(Topic::Deletions), |seen| domain::deletions(seen, who)),
    ];
    let mut bases = Vec::new();
    for base in &directory.bases {
        let (check, exists) = one_base(dc, base, who).await;
        checks.push(check);
        bases.extend(exists.then_some(base.as_str()));
    }
    if bases.is_empty() {
        let rest = OF_THE_DOMAIN.into_iter().skip_while(|topic| *topic != Topic::Rights);
        checks.extend(rest.map(|topic| Check::skipped(topic, "not asked: no base exists")));
        return checks;
    }
    match populated(settings, directory, dc, &bases).await {
        Ok(found) => checks.extend(found),
        Err(error) => checks.push(failed(Topic::Rights)(error)),
    }
    checks
}

async fn one_base(dc: &mut Dc, base: &str, who: &str) -> (Check, bool) {
    let place = match Dn::parse(base) {
        Some(dn) => dc.place(&dn).await,
        None => Ok(Place::Missing(Default::default())),
    };
    let missing = |instead| DirectoryError::BaseMissing {
        server: dc.server().to_owned(),
        base: base.to_owned(),
        user: who.to_owned(),
        instead: Box::new(instead),
    };
    match place {
        Ok(Place::Missing(instead)) => (Check::failed(Topic::Base, &missing(instead)).about(base), false),
        Ok(Place::There) => match dc.count(base, ALL).await {
            Ok(accounts) => (domain::base(base, accounts), true),
            Err(error) => (Check::failed(Topic::Base, &error).about(base), false),
        },
        Err(error) => (Check::failed(Topic::Base, &error).about(base), false),
    }
}

/// How many accounts have what is needed, and whom rules mean.
async fn populated(
    settings: &Settings,
    directory: &DirectorySettings,
    dc: &mut Dc,
    bases: &[&str],
) -> Result<Vec<Check>, DirectoryError> {
    let all = below(dc, bases, ALL).await?;
    let mut checks = vec![domain::rights(all, below(dc, bases, "(userAccountControl=*)").await?)];
    if checks[0].state == State::Fail {
        return Ok(checks);
    }
    let anchor = match &directory.anchor {
        AnchorSource::Auto => "mS-DS-ConsistencyGuid",
        AnchorSource::Attribute(name) => name,
    };
    checks.push(domain::anchor(&directory.anchor, all, below(dc, bases, &format!("({anchor}=*)")).await?));
    let sources: Vec<&str> = settings.location.attributes().collect();
    checks.push(match (settings.location.write, &sources[..]) {
        (false, _) => Check::skipped(Topic::Location, "usage locations are not written (usage_location.write)"),
        (true, []) => domain::location(&settings.location, all, 0),
        (true, attributes) => {
            let any = Filter::Or(attributes.iter().map(|name| Filter::Present((*name).to_owned())).collect());
            domain::location(&settings.location, all, below(dc, bases, &any.to_string()).await?)
        }
    });
    for rule in &settings.rules {
        if rule.who == Who::Everyone {
            checks.push(domain::scope(&rule.id, "everyone", all, all, None));
        }
        for clause in rule.who.clauses() {
            checks.push(match clause {
                Clause::Ou(dn) => unit(dc, &rule.id, dn, bases, all).await,
                Clause::Filter(filter) => meant(dc, &rule.id, filter, bases, all).await,
            });
        }
    }
    Ok(checks)
}

async fn below(dc: &mut Dc, bases: &[&str], filter: &str) -> Result<u64, DirectoryError> {
    let mut sum = 0;
    for base in bases {
        sum += dc.count(base, filter).await?;
    }
    Ok(sum)
}

/// An organizational unit: it is there, and so many accounts of the bases are below it.
async fn unit(dc: &mut Dc, rule: &str, dn: &Dn, bases: &[&str], all: u64) -> Check {
    let clause = Clause::Ou(dn).to_string();
    if !Dn::parse(dc.domain()).is_some_and(|domain| dn.is_within(&domain)) {
        return Check::skipped(Topic::Scope, format!("{clause}: is of another domain")).about(rule);
    }
    let asked = async {
        if let Place::Missing(instead) = dc.place(dn).await? {
            return Ok(Err(instead));
        }
        // The bases lie within the unit, or it lies within one of them.
        let inner: Vec<&str> =
            bases.iter().copied().filter(|base| Dn::parse(base).is_some_and(|base| base.is_within(dn))).collect();
        let own = dn.to_string();
        let bases = if inner.is_empty() { vec![own.as_str()] } else { inner };
        below(dc, &bases, ALL).await.map(Ok)
    };
    match asked.await {
        Ok(Ok(meant)) => domain::scope(rule, &clause, all, meant, None),
        Ok(Err(instead)) => Check::warn(
            Topic::Scope,
            format!("{clause}: does not exist, or may not be seen{instead}; it means nobody"),
            format!("{}Correct \"ou\" of the rule: the unit was renamed, moved, or never there.", instead.guess()),
        )
        .about(rule),
        Err(error) => unasked(rule, &clause, &error),
    }
}

async fn meant(dc: &mut Dc, rule: &str, filter: &Filter, bases: &[&str], all: u64) -> Check {
    let (clause, text) = (Clause::Filter(filter).to_string(), filter.to_string());
    let asked = async {
        let meant = below(dc, bases, &text).await?;
        let otherwise = if meant == 0 { Some(below(dc, bases, &format!("(!{text})")).await?) } else { None };
        Ok((meant, otherwise))
    };
    match asked.await {
        Ok((meant, otherwise)) => domain::scope(rule, &clause, all, meant, otherwise),
        Err(error) => unasked(rule, &clause, &error),
    }
}

/// The filter is answered here, from stored attributes; what the directory cannot answer is told all the same.
fn unasked(rule: &str, clause: &str, error: &DirectoryError) -> Check {
    let check = Check::warn(
        Topic::Scope,
        format!("{clause}: the directory cannot answer it: {error}"),
        "It is answered here, from the attributes that were read: a constructed attribute is read as absent. Ask for a stored one.",
    );
    Check { code: Some(error.code()), ..check }.about(rule)
}
