//! What lies between us and the tenant, and how long it lasts: cloud, proxy, clock, credential, synchronisation. Pure: judges
//! what was configured or measured.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use jiff::{SignedDuration, Timestamp};

use super::{Check, Topic};
use crate::model::expiry::{Expiry, ExpiryWarning};
use crate::model::fault::exit;
use crate::model::settings::{Credential, IdentitySource, Proof, ProxySettings, TenantSettings};
use crate::tenant::Organization;

/// From here on a difference of clocks is warned of: certificates and federation live on times that both sides agree on.
const SKEW_WARNED: SignedDuration = SignedDuration::from_secs(60);

/// From here on it is an error: Microsoft's own libraries allow five minutes for the validity of tokens.
const SKEW_WRONG: SignedDuration = SignedDuration::from_mins(5);

/// A cloud of Microsoft's ("National cloud deployments").
struct Cloud {
    name: &'static str,
    login: &'static str,
    graph: &'static str,
    environment: Option<&'static str>,
}

const CLOUDS: [Cloud; 4] = [
    cloud_of("public", "https://login.microsoftonline.com", "https://graph.microsoft.com", None),
    cloud_of("gcc-high", "https://login.microsoftonline.us", "https://graph.microsoft.us", Some("USGov")),
    cloud_of("dod", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us", Some("USGovDoD")),
    cloud_of("china", "https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn", Some("China")),
];

const fn cloud_of(
    name: &'static str,
    login: &'static str,
    graph: &'static str,
    environment: Option<&'static str>,
) -> Cloud {
    Cloud { name, login, graph, environment }
}

/// Microsoft's name of the cloud for its PowerShell, unless it is the public one.
pub(super) fn environment(tenant: &TenantSettings) -> Option<&'static str> {
    CLOUDS.iter().find(|cloud| cloud.graph == tenant.graph_url).and_then(|cloud| cloud.environment)
}

/// Whether the hosts belong together. A managed identity asks no login endpoint.
pub(super) fn cloud(tenant: &TenantSettings) -> Check {
    let (login, graph) = (tenant.login_url.as_str(), tenant.graph_url.as_str());
    if matches!(tenant.credential, Credential::ManagedIdentity { .. }) {
        return Check::ok(Topic::Cloud, format!("Graph at {graph}, tokens from this machine"));
    }
    let of_graph = CLOUDS.iter().find(|cloud| cloud.graph == graph);
    let of_login = CLOUDS.iter().find(|cloud| cloud.login == login);
    let hosts = format!("login at {login}, Graph at {graph}");
    match (of_graph, of_login) {
        (Some(cloud), Some(_)) if cloud.login == login => Check::ok(Topic::Cloud, format!("{}: {hosts}", cloud.name)),
        (Some(cloud), Some(other)) => Check::fail(
            Topic::Cloud,
            format!("{hosts}: tokens do not cross clouds, and these are \"{}\" and \"{}\"", other.name, cloud.name),
            "Leave tenant.login_url and tenant.graph_url out and write the tenant's cloud in tenant.cloud.",
            exit::CONFIG,
        ),
        _ => Check::ok(Topic::Cloud, format!("addresses of its own: {hosts}")),
    }
}

/// What is asked through whom. Whether it lets us through shows at the login.
pub(super) fn proxy(proxy: &ProxySettings, graph: &str) -> Check {
    let used = if graph.starts_with("https") { &proxy.https } else { &proxy.http };
    let Some(used) = used else { return Check::ok(Topic::Proxy, "none: asked directly") };
    let login = used.login.as_ref().map(|(user, _)| format!(" as {user}")).unwrap_or_default();
    let except = if proxy.except.is_empty() { String::new() } else { format!(", except for {}", proxy.except) };
    Check::ok(Topic::Proxy, format!("{}{login}{except}", used.url))
}

/// How far this machine's clock is from Graph's, told in whole seconds between the two readings of ours.
pub(super) fn clock(before: Timestamp, graph: Option<Timestamp>, after: Timestamp) -> Check {
    let Some(graph) = graph else { return Check::skipped(Topic::Clock, "Graph's answer does not say what time it is") };
    let remedy =
        "Set this machine's clock and keep it set (NTP): tokens and certificates are only good within their time.";
    skew(Topic::Clock, "Graph's", before, graph, after, remedy)
}

/// How far it is from the clock of `whose`.
pub(super) fn skew(
    topic: Topic,
    whose: &str,
    before: Timestamp,
    theirs: Timestamp,
    after: Timestamp,
    remedy: &str,
) -> Check {
    // Their time is cut to the second: a clock within the second before or after is right.
    let second = SignedDuration::from_secs(1);
    let ahead = before.duration_since(theirs) - second;
    let behind = theirs.duration_since(after);
    let (off, way) = if ahead > behind { (ahead, "ahead of") } else { (behind, "behind") };
    let found = format!("{} {way} {whose}", span(off));
    match off {
        off if off >= SKEW_WRONG => Check::fail(topic, found, remedy, exit::CONFIG),
        off if off >= SKEW_WARNED => Check::warn(topic, found, remedy),
        off if off >= second => Check::ok(topic, found),
        _ => Check::ok(topic, format!("agrees with {whose}")),
    }
}

fn span(off: SignedDuration) -> String {
    match off.as_secs() {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3_600),
    }
}

/// With what we prove who we are.
pub(super) fn proof(credential: &Credential) -> &'static str {
    match credential {
        Credential::App { proof: Proof::Secret { .. }, .. } => "the client secret",
        Credential::App { proof: Proof::Certificate { .. }, .. } => "the certificate",
        Credential::App { proof: Proof::Federation { .. }, .. } => "the federated token",
        Credential::ManagedIdentity { source: IdentitySource::Arc { .. }, .. } => "the managed identity (Azure Arc)",
        Credential::ManagedIdentity { source: IdentitySource::Imds { .. }, .. } => "the managed identity (IMDS)",
    }
}

/// How long the credential lasts, as far as anything tells. `works` is whether it let us in just now.
pub(super) fn credential(credential: &Credential, expiry: Option<Expiry>, works: bool, now: Timestamp) -> Check {
    const C: Topic = Topic::Credential;
    let Some(expiry) = expiry else {
        return match credential {
            Credential::App { proof: Proof::Secret { .. }, .. } => Check::warn(
                C,
                "when the client secret ends is written nowhere",
                "Write its end beside it, such as expires = \"2027-01-31\": then it is warned of 30 days ahead.",
            ),
            Credential::App { .. } => Check::ok(C, "a federated token, renewed by whoever issues it"),
            Credential::ManagedIdentity { .. } => Check::ok(C, "a managed identity, renewed by Azure"),
        };
    };
    let day = expiry.at.strftime("%Y-%m-%d");
    let days = expiry.days_left(now);
    let renew = "Make a new one, add it to the app registration, then put it where tenant.credential points.";
    match expiry.warning(now) {
        None => Check::ok(C, format!("{} is good until {day}, {days} days", expiry.what)),
        Some(ExpiryWarning::Expired) if works => Check::warn(
            C,
            format!("{} should have ended on {day}, and still works", expiry.what),
            "Correct `expires`, or renew it at once.",
        ),
        Some(ExpiryWarning::Expired) => Check::fail(C, format!("{} ended on {day}", expiry.what), renew, exit::REFUSED),
        Some(_) => Check::warn(C, format!("{} ends on {day}, in {days} days", expiry.what), renew),
    }
}

/// Whether it is the tenant that is meant, and whether a directory still comes into it.
pub(super) fn organization(tenant: &TenantSettings, found: &Organization, now: Timestamp) -> Check {
    let (tenant, limit) =
        (tenant.id.to_string(), SignedDuration::try_from(tenant.sync_limit).unwrap_or(SignedDuration::MAX));
    const O: Topic = Topic::Organization;
    let name = found.display_name.as_deref().unwrap_or("without a name");
    if !found.id.eq_ignore_ascii_case(&tenant) {
        return Check::fail(
            O,
            format!("the credential leads to the tenant {name} ({}), not to {tenant}", found.id),
            "Correct tenant.id, or use a credential of that tenant.",
            exit::CONFIG,
        );
    }
    let look = "See the Entra Connect or Cloud Sync that serves this tenant: nobody new appears until it works.";
    match (found.on_premises_sync_enabled, found.on_premises_last_sync_date_time) {
        (Some(true), Some(at)) if now.duration_since(at) > limit => {
            Check::warn(O, format!("{name}: last synchronised {} ago", span(now.duration_since(at))), look)
        }
        (Some(true), Some(at)) => {
            let ago = now.duration_since(at).max(SignedDuration::ZERO);
            Check::ok(O, format!("{name}, synchronised {} ago", span(ago)))
        }
        (Some(true), None) => Check::warn(O, format!("{name}: synchronisation is on and never ran"), look),
        _ => Check::warn(
            O,
            format!("{name}: no directory is synchronised into it"),
            "Only synchronised users are given anything: set Entra Connect or Cloud Sync up, or name the right tenant.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::doctor::State;
    use crate::model::sample::at;

    fn tenant(login: &str, graph: &str) -> TenantSettings {
        let proof = Proof::Secret { value: "s".to_owned().into(), expires: None };
        TenantSettings {
            id: uuid::Uuid::nil().into(),
            credential: Credential::App { client_id: "c".into(), proof },
            login_url: login.into(),
            graph_url: graph.into(),
            scope: graph.into(),
            ca_file: None,
            proxy: ProxySettings::default(),
            poll: Duration::ZERO,
            poll_awaiting: Duration::ZERO,
            group_poll: Duration::from_secs(300),
            group_licensing_grace: Duration::ZERO,
            timeout: Duration::ZERO,
            reread: Duration::ZERO,
            sync_limit: Duration::from_hours(3),
        }
    }

    #[test]
    fn hosts_of_one_cloud_belong_together() {
        let (com, us, china) =
            ("https://login.microsoftonline.com", "https://login.microsoftonline.us", "https://login.chinacloudapi.cn");
        let (graph, high, dod) =
            ("https://graph.microsoft.com", "https://graph.microsoft.us", "https://dod-graph.microsoft.us");
        for (login, graph, state, word) in [
            (com, graph, State::Ok, "public:"),
            (us, high, State::Ok, "gcc-high:"),
            (us, dod, State::Ok, "dod:"),
            (com, high, State::Fail, "\"gcc-high\""),
            (china, graph, State::Fail, "\"china\""),
            ("http://127.0.0.1:1", "http://127.0.0.1:1", State::Ok, "of its own"),
            ("http://127.0.0.1:1", graph, State::Ok, "of its own"),
        ] {
            let check = cloud(&tenant(login, graph));
            assert_eq!(check.state, state, "{check:?}");
            assert!(check.found.contains(word), "{check:?}");
        }
    }

    #[test]
    fn a_minute_is_warned_of_and_five_are_wrong() {
        for (ours, state, said) in [
            (0, State::Ok, "agrees"),
            (1, State::Ok, "agrees"),
            (-1, State::Ok, "1 s behind"),
            (59, State::Ok, "58 s ahead of"),
            (61, State::Warn, "60 s ahead of"),
            (-60, State::Warn, "60 s behind"),
            (300, State::Warn, "4 min ahead of"),
            (301, State::Fail, "5 min ahead of"),
            (-300, State::Fail, "5 min behind"),
            (-90_000, State::Fail, "25 h behind"),
        ] {
            let check = clock(at(ours), Some(at(0)), at(ours));
            assert_eq!(check.state, state, "{ours}: {check:?}");
            assert!(check.found.contains(said), "{ours}: {check:?}");
        }
        // What the answer took is nobody's fault.
        assert_eq!(clock(at(0), Some(at(50)), at(100)).state, State::Ok);
        assert_eq!(clock(at(0), None, at(1)).state, State::Skipped);
    }

    #[test]
    fn an_end_is_judged_with_what_the_login_says() {
        let tenant = tenant("x", "y");
        let ends = |days: i64| Some(Expiry::of_certificate(at(days * 86_400)));
        for (expiry, works, state) in [
            (None, true, State::Warn),
            (ends(31), true, State::Ok),
            (ends(30), true, State::Warn),
            (ends(0), true, State::Warn),
            (ends(0), false, State::Fail),
            (ends(-5), false, State::Fail),
        ] {
            assert_eq!(credential(&tenant.credential, expiry, works, at(0)).state, state, "{expiry:?} {works}");
        }
    }

    #[test]
    fn a_tenant_is_judged_by_id_and_synchronisation() {
        let settings = TenantSettings { id: uuid::Uuid::from_u128(0xab).into(), ..tenant("", "") };
        let (id, loud) = (settings.id.to_string(), settings.id.to_string().to_uppercase());
        let found = |id: &str, enabled, last| Organization {
            id: id.into(),
            display_name: Some("Contoso".into()),
            on_premises_sync_enabled: enabled,
            on_premises_last_sync_date_time: last,
        };
        for (organization_found, state) in [
            (found(&id, Some(true), Some(at(-60))), State::Ok),
            (found(&loud, Some(true), Some(at(5))), State::Ok),
            (found(&id, Some(true), Some(at(-4 * 3_600))), State::Warn),
            (found(&id, Some(true), None), State::Warn),
            (found(&id, Some(false), Some(at(0))), State::Warn),
            (found(&id, None, None), State::Warn),
            (found("other", Some(true), Some(at(0))), State::Fail),
        ] {
            let check = organization(&settings, &organization_found, at(0));
            assert_eq!(check.state, state, "{check:?}");
        }
    }
}
