//! The tenant's side: asks the login endpoint and Graph, and has the answers judged.

use super::permissions::{self, Evidence, Grantee, Probe, Uses};
use super::{Check, Examination, Topic, products, surroundings};
use crate::clock::Clock;
use crate::model::settings::{Credential, Settings};
use crate::tenant::{Graph, TenantError};
use crate::tls::{self, Roots};

/// Examines the tenant's side, with reads only.
pub async fn tenant(settings: &Settings, clock: &Clock) -> Examination {
    let tenant = &settings.tenant;
    let mut checks = vec![surroundings::cloud(tenant), surroundings::proxy(&tenant.proxy, &tenant.graph_url)];
    let made = tls::client_config(&Roots::SystemAnd(tenant.ca_file.clone()))
        .map_err(|error| Check::failed(Topic::Graph, &error))
        .and_then(|tls| Graph::new(tenant, tls, clock.clone()).map_err(|error| Check::failed(Topic::Graph, &error)));
    let graph = match made {
        Ok(graph) => graph,
        Err(check) => {
            checks.push(check);
            return Examination { checks, grant: None };
        }
    };
    let reached = reach(&graph, clock, &mut checks).await;
    let works = login(settings, &graph, clock, &mut checks).await;
    if !reached || !works {
        let why = if works { "Graph cannot be reached" } else { "the login does not work" };
        for topic in [Topic::Organization, Topic::Permission, Topic::Rule, Topic::Product] {
            checks.push(Check::skipped(topic, format!("not asked: {why}")));
        }
        return Examination { checks, grant: None };
    }
    ask(settings, &graph, clock, checks).await
}

/// Whether Graph answers at all, and what time it has: known before any login, which a wrong clock may be what prevents.
async fn reach(graph: &Graph, clock: &Clock, checks: &mut Vec<Check>) -> bool {
    let before = clock.now();
    match graph.server_time().await {
        Ok(time) => {
            let after = clock.now();
            let took = after.duration_since(before).as_millis();
            checks.push(Check::ok(Topic::Graph, format!("{} answers, after {took} ms", graph.host())));
            checks.push(surroundings::clock(before, time, after));
            true
        }
        Err(error) => {
            checks.push(Check::failed(Topic::Graph, &error));
            checks.push(Check::skipped(Topic::Clock, "not told: Graph cannot be reached"));
            false
        }
    }
}

/// Whether the credential lets us in, and how long it lasts.
async fn login(settings: &Settings, graph: &Graph, clock: &Clock, checks: &mut Vec<Check>) -> bool {
    let credential = &settings.tenant.credential;
    let login = graph.login().await;
    checks.push(match &login {
        Ok(()) => Check::ok(Topic::Login, format!("a token was given for {}", surroundings::proof(credential))),
        Err(error) => Check::failed(Topic::Login, error),
    });
    checks.push(match graph.credential_expiry() {
        Ok(expiry) => surroundings::credential(credential, expiry, login.is_ok(), clock.now()),
        Err(error) => Check::failed(Topic::Credential, &error),
    });
    login.is_ok()
}

async fn ask(settings: &Settings, graph: &Graph, clock: &Clock, mut checks: Vec<Check>) -> Examination {
    let (organization, users, skus, claims) =
        tokio::join!(graph.organization(), graph.probe_users(), graph.skus(), graph.token_claims());
    checks.push(match &organization {
        Ok(found) => surroundings::organization(&settings.tenant, found, clock.now()),
        Err(TenantError::Forbidden(_)) => {
            Check::skipped(Topic::Organization, "not told: reading it is forbidden, User.Read.All allows it")
        }
        Err(error) => Check::failed(Topic::Organization, error),
    });
    // A token that cannot be had again just after one was given is told by the reads themselves.
    let claims = claims.ok().flatten();
    let app = claims.as_ref().and_then(|claims| claims.app.clone());
    let evidence = Evidence {
        roles: claims.map(|claims| claims.roles),
        users: probe(&users, "reading users", &mut checks),
        products: probe(&skus, "reading products", &mut checks),
    };
    let grantee = grantee(settings, app);
    let (permissions, grant) = permissions::examine(Uses::of(settings), &evidence, &grantee);
    checks.extend(permissions);
    match skus {
        Ok(catalog) => checks.extend(products::examine(&settings.rules, &catalog)),
        Err(_) => {
            let unread = |topic| Check::skipped(topic, "not told: products cannot be read");
            checks.extend([Topic::Rule, Topic::Product].map(unread));
        }
    }
    Examination { checks, grant }
}

/// What an attempt shows of its permission. An error that shows nothing of it is a line of its own.
fn probe<T>(tried: &Result<T, TenantError>, what: &str, checks: &mut Vec<Check>) -> Probe {
    match tried {
        Ok(_) => Probe::Works,
        Err(TenantError::Forbidden(_)) => Probe::Forbidden,
        Err(error) => {
            checks.push(Check::failed(Topic::Graph, error).about(what));
            Probe::Untold
        }
    }
}

fn grantee(settings: &Settings, app: Option<String>) -> Grantee {
    let (configured, managed) = match &settings.tenant.credential {
        Credential::App { client_id, .. } => (Some(client_id.clone()), false),
        Credential::ManagedIdentity { client_id, .. } => (client_id.clone(), true),
    };
    Grantee { app: configured.or(app), managed, environment: surroundings::environment(&settings.tenant) }
}
