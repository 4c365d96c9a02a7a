//! What all sides stand on: the configuration, the store and its disk, its lease, the port, the webhooks' addresses.

use std::net::{SocketAddr, TcpListener};
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

/// What the store may need at least to go on: it grows by kilobytes a person, and its log by the work of minutes.
const SCARCE: u64 = 1024 * 1024 * 1024;
/// With less, a write may fail any moment.
const NONE_LEFT: u64 = 64 * 1024 * 1024;

/// Whether there is room for the store to grow.
#[must_use]
pub fn disk(settings: &Settings) -> Check {
    match store::room(&settings.store) {
        Err(error) => Check::skipped(Topic::Disk, format!("not told: {error}")),
        Ok(free) => room(free, store::size(&settings.store)),
    }
}

fn room(free: u64, size: u64) -> Check {
    let found = format!("{} free, the store takes {}", megabytes(free), megabytes(size));
    let remedy = "Make room, or move the store to another disk (`store` in the configuration, while no agent runs).";
    match free {
        free if free < NONE_LEFT => Check::fail(Topic::Disk, found, remedy, exit::STORE),
        free if free < SCARCE.max(size) => Check::warn(Topic::Disk, found, remedy),
        _ => Check::ok(Topic::Disk, found),
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{} MiB", bytes / (1024 * 1024))
}

/// Whether metrics can be served where they are to be.
#[must_use]
pub fn listen(settings: &Settings) -> Check {
    let Some(at) = settings.watch.listen else {
        return Check::skipped(Topic::Listen, "metrics are off (watch.listen)");
    };
    if Lease::is_held(&settings.store) {
        return Check::skipped(Topic::Listen, format!("{at} is the running agent's, or its log says why not"));
    }
    served(at, TcpListener::bind(at).map(drop))
}

fn served(at: SocketAddr, bound: std::io::Result<()>) -> Check {
    match bound {
        Err(error) => Check::warn(
            Topic::Listen,
            format!("{at} cannot be listened on: {error}"),
            "Name another address in watch.listen, or \"off\". The agent runs all the same, without metrics.",
        ),
        Ok(()) if !at.ip().is_loopback() => Check::warn(
            Topic::Listen,
            format!("metrics will be served on {at}, to whoever reaches it"),
            "Let a firewall keep all but the monitoring away, or name 127.0.0.1 in watch.listen.",
        ),
        Ok(()) => Check::ok(Topic::Listen, format!("metrics will be served on {at}")),
    }
}

/// Whether the addresses of webhooks can be read; nothing is sent.
#[must_use]
pub fn notify(settings: &Settings) -> Vec<Check> {
    let targets = settings.notify.iter().map(|target| (target.id.as_str(), &target.webhook));
    let heartbeat = settings.heartbeat.iter().map(|heartbeat| ("heartbeat", &heartbeat.webhook));
    let found = targets.chain(heartbeat).map(|(id, webhook)| {
        let check = match webhook.url.read() {
            Ok(_) => Check::ok(Topic::Notify, format!("its address can be read; `seatsync notify test {id}` tries it")),
            Err(why) => {
                Check::fail(Topic::Notify, format!("its address {why}"), "Correct where it points to.", exit::CONFIG)
            }
        };
        check.about(id)
    });
    found.collect()
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
    fn room_is_judged_by_what_the_store_takes() {
        const GIB: u64 = 1024 * 1024 * 1024;
        for (free, size, state) in
            [(2 * GIB, 0, State::Ok), (GIB - 1, 0, State::Warn), (2 * GIB, 3 * GIB, State::Warn), (1, 0, State::Fail)]
        {
            assert_eq!(room(free, size).state, state, "{free} {size}");
        }
    }

    #[test]
    fn a_port_that_is_taken_or_open_to_all_is_warned_of() {
        let at = |text: &str| text.parse().unwrap();
        let taken = || Err(std::io::ErrorKind::AddrInUse.into());
        assert_eq!(served(at("127.0.0.1:1"), Ok(())).state, State::Ok);
        assert_eq!(served(at("0.0.0.0:1"), Ok(())).state, State::Warn);
        assert_eq!(served(at("127.0.0.1:1"), taken()).state, State::Warn);
    }

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
