//! What all sides stand on: the configuration, the store and its lease.

use std::path::Path;

use super::{Check, Topic};
use crate::config::ConfigError;
use crate::model::fault::exit;
use crate::model::settings::Settings;
use crate::store::{self, Inspection, Lease, StoreError};

/// Whether the configuration loads.
#[must_use]
pub fn configuration(path: &Path, loaded: &Result<Settings, ConfigError>) -> Check {
    match loaded {
        Ok(settings) => {
            let mode = settings.mode.word();
            let rules: Vec<&str> = settings.rules.iter().map(|rule| &*rule.id).collect();
            Check::ok(Topic::Configuration, format!("{}: mode \"{mode}\", rules {}", path.display(), rules.join(", ")))
        }
        Err(error) => {
            let check = Check::failed(Topic::Configuration, error);
            match error.problems() {
                [] => check,
                [problem] => Check { found: in_short(problem), ..check },
                [first, others @ ..] => {
                    Check { found: format!("{}, and {} more", in_short(first), others.len()), ..check }
                }
            }
        }
    }
}

fn in_short(problem: &crate::config::Problem) -> String {
    format!("{}:{}:{}: {}", problem.file, problem.line, problem.column, problem.message)
}

/// Whether the store can be worked with. One that is not there yet is made at the first start.
#[must_use]
pub fn store(settings: &Settings) -> Check {
    judge(&settings.store, store::inspect(&settings.store), store::schema(), &settings.tenant.id.to_string())
}

/// Whether an agent works on the store just now, by its lease.
#[must_use]
pub fn agent(settings: &Settings) -> Check {
    match Lease::is_held(&settings.store) {
        true => Check::ok(Topic::Agent, "one has the store now"),
        false => Check::ok(Topic::Agent, "none is running"),
    }
}

fn judge(path: &Path, found: Result<Inspection, StoreError>, known: i64, tenant: &str) -> Check {
    let place = path.display();
    match found {
        Err(StoreError::Missing(_)) => {
            Check::skipped(Topic::Store, format!("{place} is not there yet; the first start makes it"))
        }
        Err(error) => Check::failed(Topic::Store, &error),
        Ok(Inspection { schema: 0, .. }) => {
            Check::skipped(Topic::Store, format!("{place} is empty yet; the first start fills it"))
        }
        Ok(Inspection { schema, .. }) if schema > known => {
            Check::failed(Topic::Store, &StoreError::Newer { path: path.to_owned(), found: schema, known })
        }
        Ok(Inspection { tenant: Some(bound), .. }) if bound != tenant => {
            let error = StoreError::OtherTenant { bound, configured: tenant.to_owned() };
            Check { exit: exit::CONFIG, ..Check::failed(Topic::Store, &error) }
        }
        Ok(Inspection { schema, .. }) if schema < known => Check::warn(
            Topic::Store,
            format!("{place}: schema {schema}, older than this seatsync's {known}"),
            "Back the store up, then start the agent: it brings the store up to date.",
        ),
        Ok(Inspection { schema, tenant: bound }) => {
            let whose = bound.map_or_else(|| "no tenant met yet".to_owned(), |bound| format!("tenant {bound}"));
            Check::ok(Topic::Store, format!("{place}: schema {schema}, {whose}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn a_store_is_judged_by_schema_and_tenant() {
        let store = |schema, tenant: Option<&str>| Ok(Inspection { schema, tenant: tenant.map(str::to_owned) });
        for (found, state, code) in [
            (store(2, Some("ours")), State::Ok, None),
            (store(2, None), State::Ok, None),
            (store(1, Some("ours")), State::Warn, None),
            (store(0, None), State::Skipped, None),
            (store(3, Some("ours")), State::Fail, Some("store-newer")),
            (store(2, Some("theirs")), State::Fail, Some("store-other-tenant")),
            (Err(StoreError::Missing("x".into())), State::Skipped, None),
            (Err(StoreError::Corrupt { path: "x".into(), what: "y".into() }), State::Fail, Some("store-corrupt")),
        ] {
            let check = judge(Path::new("x"), found, 2, "ours");
            assert_eq!((check.state, check.code), (state, code), "{check:?}");
            assert_eq!(check.exit == 0, state != State::Fail, "{check:?}");
        }
    }
}
