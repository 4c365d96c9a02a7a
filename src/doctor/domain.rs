//! What a domain and its controllers have to show, judged: pure.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use jiff::Timestamp;

use super::{Check, Topic};
use crate::directory::{Deletions, Own};
use crate::model::expiry::{Expiry, ExpiryWarning};
use crate::model::fault::exit;
use crate::model::settings::{AnchorSource, Bind, DirectorySettings, LocationSettings, Server};
use crate::model::watermark::DcState;

/// Which controllers are tried, and where their names come from.
pub(super) fn controllers(settings: &DirectorySettings, servers: &[Server], examined: usize) -> Check {
    let names: Vec<String> =
        servers.iter().take(examined).map(|server| format!("{}:{}", server.host, server.port)).collect();
    let more = match servers.len() - names.len() {
        0 => String::new(),
        more => format!(" and {more} more, which are not examined"),
    };
    let from = if settings.servers.is_empty() { "DNS names" } else { "listed:" };
    let found = format!("{}: {from} {}{more}", settings.domain, names.join(", "));
    let check = Check::ok(Topic::Controllers, found);
    if servers.len() > 1 { check } else { check.hint("With a second one nothing waits while this one is down.") }
}

/// How long the certificate lasts, whose name and chain the handshake has verified.
pub(super) fn certificate(expiry: Option<Expiry>, now: Timestamp) -> Check {
    const RENEW: &str = "Renew the domain controller's certificate before then: after its end no connection is made.";
    let Some(expiry) = expiry else { return Check::ok(Topic::Tls, "trusted, and in the controller's name") };
    let (day, days) = (expiry.at.strftime("%Y-%m-%d"), expiry.days_left(now));
    match expiry.warning(now) {
        None => Check::ok(Topic::Tls, format!("trusted, in the controller's name, and good until {day}, {days} days")),
        Some(_) => Check::warn(Topic::Tls, format!("trusted, and ends on {day}, in {days} days"), RENEW),
    }
}

/// Whether what it shows can be followed.
pub(super) fn controller(state: &DcState) -> Check {
    let name = state.key.ntds.split(',').nth(1).and_then(|part| part.split_once('=')).map_or("", |(_, name)| name);
    let epoch = format!("{name}, invocationId {}, USN {}", state.key.invocation, state.highest_usn);
    match (state.writable, state.synchronized) {
        (true, true) => Check::ok(Topic::Controller, epoch),
        (false, _) => Check::warn(
            Topic::Controller,
            format!("{epoch}: holds a read-only copy, which lacks attributes"),
            "Name a writable domain controller in directory.servers: this one is followed only where there is no other.",
        ),
        (true, false) => Check::warn(
            Topic::Controller,
            format!("{epoch}: has finished no replication since it started (isSynchronized is FALSE)"),
            "Look at its replication (repadmin /showrepl): it is followed only where there is no other.",
        ),
    }
}

/// Whether it does what is asked of it.
pub(super) fn controls(lacking: &[&str]) -> Check {
    if lacking.is_empty() {
        return Check::ok(Topic::Controls, "paged results, show deleted, domain scope: all known");
    }
    let found = format!("does not know {}", lacking.join(", "));
    if lacking.contains(&"paged results") {
        return Check::fail(
            Topic::Controls,
            found,
            "Name a domain controller: this server cannot be read.",
            exit::CONFIG,
        );
    }
    let remedy = "Nothing has to be done: deletions are then noticed by the regular full reading.";
    Check::warn(Topic::Controls, found, remedy)
}

/// Who we are, and until when.
pub(super) fn account(bind: &Bind, own: Option<&Own>, now: Timestamp) -> Check {
    let who = bind.who();
    if matches!(bind, Bind::Own) {
        return Check::ok(Topic::Account, format!("{who} is signed in; its password is renewed by Windows"));
    }
    let Some(own) = own else {
        return Check::warn(
            Topic::Account,
            format!("{who} is signed in, and its account is not to be found by that name"),
            "Write bind.user as the account's UPN or DN: the end of its password cannot be watched.",
        );
    };
    let found = format!("{who} is {}", own.dn);
    let Some(expiry) = own.password else {
        return Check::ok(Topic::Account, format!("{found}; its password never ends"));
    };
    let (day, days) = (expiry.at.strftime("%Y-%m-%d"), expiry.days_left(now));
    let remedy = match bind {
        Bind::Kerberos { .. } => "Set a new password and export the key table anew: it is worth nothing from then on.",
        _ => "Set a new password and store it for seatsync: it counts from the next connection on.",
    };
    match expiry.warning(now) {
        None => Check::ok(Topic::Account, format!("{found}; its password ends on {day}, in {days} days")),
        Some(ExpiryWarning::Expired) => {
            Check::warn(Topic::Account, format!("{found}; its password ended on {day}"), remedy)
        }
        Some(_) => Check::warn(Topic::Account, format!("{found}; its password ends on {day}, in {days} days"), remedy),
    }
}

/// What follows from seeing deletions, or not. Neither is wrong.
pub(super) fn deletions(seen: Deletions, who: &str) -> Check {
    let found = match seen {
        Deletions::Seen => {
            let found = "Deleted Objects can be seen: a deletion is noticed at the next look";
            return Check::ok(Topic::Deletions, found);
        }
        Deletions::NoneSeen => "in Deleted Objects is nothing, or nothing that may be seen: then",
        Deletions::Hidden => "Deleted Objects cannot be seen:",
    };
    let follows =
        "a deletion is noticed by what the tenant tells, or when two regular readings running have missed the account";
    Check::ok(Topic::Deletions, format!("{found} {follows}")).hint(format!(
        "To notice it at once, as a domain administrator: dsacls \"CN=Deleted Objects,DC=…\" /takeownership, then dsacls \
         \"CN=Deleted Objects,DC=…\" /G {who}:LCRP."
    ))
}

/// Accounts below a base.
pub(super) fn base(base: &str, accounts: u64) -> Check {
    let check = match accounts {
        0 => Check::warn(
            Topic::Base,
            "exists, and no account below it can be seen",
            "Check directory.bases, and that the bind account may list and read below it.",
        ),
        accounts => Check::ok(Topic::Base, format!("exists, {accounts} accounts")),
    };
    check.about(base)
}

/// Of how many of all accounts the state can be read, on which it hangs whether they count as enabled.
pub(super) fn rights(all: u64, readable: u64) -> Check {
    match all.saturating_sub(readable) {
        _ if all == 0 => Check::fail(
            Topic::Rights,
            "not one account can be seen below the bases",
            "Give the bind account the right to list and read accounts there; Authenticated Users have it by default.",
            exit::REFUSED,
        ),
        0 => Check::ok(Topic::Rights, format!("all {all} accounts can be read")),
        hidden => Check::warn(
            Topic::Rights,
            format!("of {hidden} of {all} accounts userAccountControl cannot be read: they are kept apart, unlicensed"),
            "Give the bind account \"Read all properties\" on them; look for blocked inheritance and adminCount.",
        ),
    }
}

/// Whether accounts have what joins them to users.
pub(super) fn anchor(source: &AnchorSource, all: u64, set: u64) -> Check {
    match source {
        AnchorSource::Auto => Check::ok(
            Topic::Anchor,
            format!("mS-DS-ConsistencyGuid is set for {set} of {all} accounts; objectGUID joins the others"),
        ),
        AnchorSource::Attribute(name) if set == all => {
            Check::ok(Topic::Anchor, format!("all {all} accounts have {name}"))
        }
        AnchorSource::Attribute(name) if set == 0 => Check::fail(
            Topic::Anchor,
            format!("none of {all} accounts has {name}, or it cannot be read: nobody could be joined"),
            "Correct directory.anchor (see the source anchor of Entra Connect), or grant reading that attribute.",
            exit::CONFIG,
        ),
        AnchorSource::Attribute(name) => Check::warn(
            Topic::Anchor,
            format!("{} of {all} accounts lack {name}: they join nobody", all - set),
            "Fill it in, or leave them: Entra Connect passes over them too.",
        ),
    }
}

/// Whether accounts have what their usage location is made of.
pub(super) fn location(settings: &LocationSettings, all: u64, set: u64) -> Check {
    let from = settings.attributes().collect::<Vec<_>>().join(", ");
    match &settings.default {
        Some(default) if from.is_empty() => Check::ok(Topic::Location, format!("{default} for everybody")),
        Some(default) => Check::ok(
            Topic::Location,
            format!("{set} of {all} accounts have one of {from}; {default} where there is none"),
        ),
        None if set == all => Check::ok(Topic::Location, format!("all {all} accounts have one of {from}")),
        None => Check::warn(
            Topic::Location,
            format!(
                "{} of {all} accounts have none of {from}: who lacks a location in Entra too is refused",
                all - set
            ),
            "Fill one of them in, grant reading them, or write usage_location.default.",
        ),
    }
}

/// What a controller makes of one condition of a rule. `otherwise` is how many it says the opposite of.
pub(super) fn scope(rule: &str, clause: &str, all: u64, meant: u64, otherwise: Option<u64>) -> Check {
    let check = match (meant, otherwise) {
        (0, Some(0)) if all > 0 => Check::warn(
            Topic::Scope,
            format!("{clause}: the directory says neither yes nor no, of anybody"),
            "Most likely its schema does not know an attribute: correct the name. Here such an attribute counts as absent, \
             so the opposite (not) means everybody.",
        ),
        (0, _) => Check::warn(
            Topic::Scope,
            format!("{clause}: means nobody"),
            "Check the spelling, and that the attributes are filled in and may be read.",
        ),
        _ => Check::ok(Topic::Scope, format!("{clause}: means {meant} of {all} accounts")),
    };
    check.about(rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;
    use crate::model::sample::{at, location_from};
    use crate::model::secret::SecretSource;

    fn simple() -> Bind {
        Bind::Simple { user: "svc".into(), password: SecretSource::new(|| Ok("x".to_owned().into())) }
    }

    #[test]
    fn ends_are_told_ahead_with_what_renews_them() {
        let ends = |days: i64| Expiry::of_controller(at(days * 86_400 + 1));
        for (days, state) in [(31, State::Ok), (29, State::Warn), (1, State::Warn)] {
            assert_eq!(certificate(Some(ends(days)), at(0)).state, state, "{days}");
            let own = Own { dn: "CN=svc".into(), password: Some(ends(days)) };
            let check = account(&simple(), Some(&own), at(0));
            assert_eq!(check.state, state, "{check:?}");
            let keytab = Bind::Kerberos { principal: "svc@X".into(), keytab: "k".into() };
            let check = account(&keytab, Some(&own), at(0));
            assert_eq!(check.remedy.is_some_and(|remedy| remedy.contains("key table")), state == State::Warn);
        }
        assert_eq!(account(&simple(), None, at(0)).state, State::Warn);
        let own = Own { dn: "CN=svc".into(), password: None };
        assert!(account(&simple(), Some(&own), at(0)).found.contains("never ends"));
    }

    #[test]
    fn counts_are_judged() {
        let attribute = AnchorSource::Attribute("employeeid".into());
        for (check, state) in [
            (rights(0, 0), State::Fail),
            (rights(5, 5), State::Ok),
            (rights(5, 3), State::Warn),
            (base("OU=a", 0), State::Warn),
            (base("OU=a", 1), State::Ok),
            (anchor(&AnchorSource::Auto, 5, 0), State::Ok),
            (anchor(&attribute, 5, 5), State::Ok),
            (anchor(&attribute, 5, 4), State::Warn),
            (anchor(&attribute, 5, 0), State::Fail),
            (scope("r", "filter (a=b)", 5, 2, None), State::Ok),
            (scope("r", "filter (a=b)", 5, 0, Some(5)), State::Warn),
            (scope("r", "filter (a=b)", 5, 0, Some(0)), State::Warn),
            (controls(&[]), State::Ok),
            (controls(&["show deleted objects"]), State::Warn),
            (controls(&["paged results"]), State::Fail),
        ] {
            assert_eq!(check.state, state, "{check:?}");
            assert_eq!(check.remedy.is_some(), state != State::Ok, "{check:?}");
        }
        let at_a_loss = scope("r", "filter (a=b)", 5, 0, Some(0));
        assert!(at_a_loss.found.contains("neither yes nor no"), "{at_a_loss:?}");
    }

    #[test]
    fn a_location_that_many_lack_matters_where_there_is_no_default() {
        let location_of = |from: &[&str], default: Option<&str>| LocationSettings {
            from: from.iter().map(|name| location_from(name)).collect(),
            default: default.map(|code| code.parse().unwrap()),
            overwrite: false,
            write: true,
        };
        for (settings, set, state) in [
            (location_of(&["c"], None), 5, State::Ok),
            (location_of(&["c"], None), 3, State::Warn),
            (location_of(&["c"], Some("SE")), 3, State::Ok),
            (location_of(&[], Some("SE")), 0, State::Ok),
        ] {
            assert_eq!(location(&settings, 5, set).state, state, "{settings:?}");
        }
    }
}
