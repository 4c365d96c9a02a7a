//! `[tenant]`: which tenant, in which cloud, who asks for tokens, and what stands on the way.

use toml::Spanned;

use super::secret;
use super::table::Table;
use super::values::{self, Wrong};
use crate::model::certificate::CertificateSource;
use crate::model::settings::{
    AssertionAlgorithm, Credential, IdentitySource, Proof, Proxy, ProxySettings, TenantSettings,
};
use crate::system;

/// Where Azure Arc's agent listens when nothing says otherwise.
const ARC: &str = "http://localhost:40342/metadata/identity/oauth2/token";
/// The instance metadata service of every Azure machine.
const IMDS: &str = "http://169.254.169.254/metadata/identity/oauth2/token";

/// `[tenant]` and what it points to.
pub(super) fn tenant(table: &Table<'_>) -> Option<TenantSettings> {
    let inner = table.table("credential");
    let method = inner.as_ref().and_then(|inner| inner.choice("method"));
    let credential = inner.and_then(|inner| credential(table, &inner, method));
    // The variables that Kubernetes' webhook sets are about nothing but federation.
    let azure = |name| (method == Some("federation")).then_some(name);
    let id = table.parse_or("id", azure("AZURE_TENANT_ID"), values::guid);
    let cloud = table.choice("cloud");
    let authority = azure("AZURE_AUTHORITY_HOST").filter(|_| !table.has("cloud"));
    let login = table.parse_or("login_url", authority, values::url);
    let graph = table.parse("graph_url", values::url).map(Spanned::into_inner);
    let ca_file = table.file("ca_file");
    let proxy = proxy(table);
    let poll = table.duration("poll");
    let poll_awaiting = table.duration("poll_awaiting");
    if let (Some(poll), Some(awaiting)) = (poll, poll_awaiting)
        && awaiting > poll
    {
        let at = if table.has("poll_awaiting") { "poll_awaiting" } else { "poll" };
        table.wrong(at, "\"poll_awaiting\" is longer than \"poll\"", "who is awaited is looked for at least as often");
    }
    let group_poll = table.duration("group_poll");
    let group_licensing_grace = table.duration("group_licensing_grace");
    let timeout = table.duration("timeout");
    let reread = table.duration("reread");
    let sync_limit = table.duration("sync_limit");
    let (login_host, graph_host) = cloud_hosts(cloud?);
    // Tokens do not cross clouds, so another Graph is another resource; a simulator on this machine is not.
    let scope =
        graph.as_ref().filter(|url| !url.loopback).map_or_else(|| graph_host.to_owned(), |url| url.text.clone());
    Some(TenantSettings {
        id: id?.into(),
        credential: credential?,
        login_url: login.map_or_else(|| login_host.to_owned(), |url| url.text),
        graph_url: graph.map_or_else(|| graph_host.to_owned(), |url| url.text),
        scope,
        ca_file,
        proxy: proxy?,
        poll: poll?,
        poll_awaiting: poll_awaiting?,
        group_poll: group_poll?,
        group_licensing_grace: group_licensing_grace?,
        timeout: timeout?,
        reread: reread?,
        sync_limit: sync_limit?,
    })
}

/// Where a cloud's tokens come from, and where its Graph is (Microsoft's list of national cloud deployments).
fn cloud_hosts(cloud: &str) -> (&'static str, &'static str) {
    match cloud {
        "gcc-high" => ("https://login.microsoftonline.us", "https://graph.microsoft.us"),
        "dod" => ("https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
        "china" => ("https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"),
        _ => ("https://login.microsoftonline.com", "https://graph.microsoft.com"),
    }
}

/// The keys that belong to each method.
const METHODS: [(&str, &[&str]); 4] = [
    ("secret", &["secret", "expires"]),
    ("certificate", &["file", "key", "thumbprint", "algorithm"]),
    ("federation", &["token_file"]),
    ("managed-identity", &["source", "endpoint", "key_directory"]),
];

fn credential(tenant: &Table<'_>, inner: &Table<'_>, method: Option<&str>) -> Option<Credential> {
    // Whatever the method, a secret that stands here itself is never shown.
    let secret = inner.has("secret").then(|| secret::read(inner, "secret")).flatten();
    for (owner, keys) in METHODS.into_iter().filter(|(owner, _)| method.is_some_and(|method| *owner != method)) {
        for key in keys.iter().filter(|key| inner.has(key)) {
            let what = format!("\"{key}\" is a key of method \"{owner}\"");
            inner.wrong(key, what, "leave it out, or write that method");
        }
    }
    let client_id = match method == Some("managed-identity") && !tenant.has("client_id") {
        true => None,
        false => {
            let variable = (method == Some("federation")).then_some("AZURE_CLIENT_ID");
            tenant.parse_or("client_id", variable, values::guid).map(|id| id.hyphenated().to_string())
        }
    };
    let proof = match method? {
        "secret" => {
            inner.needs("secret");
            let expires = inner.parse("expires", values::date).map(Spanned::into_inner);
            secret.map(|value| Proof::Secret { value, expires })
        }
        "certificate" => certificate(inner),
        "federation" => federation(inner),
        _ => {
            let source = identity_source(inner)?;
            if matches!(source, IdentitySource::Arc { .. }) && tenant.has("client_id") {
                let hint = "leave client_id out: a machine under Azure Arc has no identity but its own";
                tenant.wrong("client_id", "\"client_id\" cannot be chosen with Azure Arc", hint);
            }
            return Some(Credential::ManagedIdentity { client_id, source });
        }
    };
    Some(Credential::App { client_id: client_id?, proof: proof? })
}

fn certificate(inner: &Table<'_>) -> Option<Proof> {
    let algorithm = match inner.choice("algorithm") {
        Some("RS256") => AssertionAlgorithm::Rs256,
        _ => AssertionAlgorithm::Ps256,
    };
    let source = if inner.has("thumbprint") { machine_certificate(inner) } else { certificate_files(inner) };
    Some(Proof::Certificate { source: source?, algorithm })
}

fn certificate_files(inner: &Table<'_>) -> Option<CertificateSource> {
    if !inner.needs("file") {
        return None;
    }
    let (certificate, key) = match inner.has("key") {
        true => (inner.file("file"), secret::path(inner, "key")),
        false => (secret::path(inner, "file"), inner.path("file")),
    };
    Some(CertificateSource::Files { certificate: certificate?, key: key? })
}

/// Whether it is there, and its key may be used, is found out by whoever signs with it.
fn machine_certificate(inner: &Table<'_>) -> Option<CertificateSource> {
    for key in ["file", "key"].into_iter().filter(|key| inner.has(key)) {
        let what = format!("\"{key}\" stands beside \"thumbprint\"");
        inner.wrong(key, what, "one of both: a PEM file, or a certificate of the machine's store with its key there");
    }
    let thumbprint = inner.parse("thumbprint", |text| match values::thumbprint(text)? {
        _ if !system::CERTIFICATE_STORE => {
            Err(Wrong::new("is for Windows: this system has no certificate store of the machine")
                .hint("name a PEM file: file = \"seatsync.pem\""))
        }
        thumbprint => Ok(thumbprint),
    });
    Some(CertificateSource::Machine(thumbprint?.into_inner()))
}

/// The token's file need not be there yet: whoever writes it may start after us.
fn federation(inner: &Table<'_>) -> Option<Proof> {
    let variable = "AZURE_FEDERATED_TOKEN_FILE";
    let context = inner.context;
    if context.variable(variable).is_none() && !inner.needs("token_file") {
        return None;
    }
    let token_file = inner.parse_or("token_file", Some(variable), |path| Ok(context.directory.join(path)))?;
    Some(Proof::Federation { token_file })
}

fn identity_source(inner: &Table<'_>) -> Option<IdentitySource> {
    let context = inner.context;
    let told = context.variable("IDENTITY_ENDPOINT").is_some() && context.variable("IMDS_ENDPOINT").is_some();
    let is_arc = match inner.choice("source")? {
        "arc" => true,
        "imds" => false,
        _ => told,
    };
    let variable = (is_arc && told).then_some("IDENTITY_ENDPOINT");
    let has_endpoint = inner.has("endpoint") || variable.is_some();
    let endpoint = inner.parse_or("endpoint", variable, values::metadata_url);
    let endpoint = |default: &str| if has_endpoint { endpoint } else { Some(default.to_owned()) };
    if !is_arc {
        if inner.has("key_directory") {
            inner.wrong(
                "key_directory",
                "\"key_directory\" is about Azure Arc",
                "leave it out, or write source = \"arc\"",
            );
        }
        return Some(IdentitySource::Imds { endpoint: endpoint(IMDS)? });
    }
    let keys = inner.path("key_directory").unwrap_or_else(system::arc_keys);
    Some(IdentitySource::Arc { endpoint: endpoint(ARC)?, keys })
}

/// The keys `proxy`, `proxy_user` and `proxy_password` of a table, else what the environment says.
pub(super) fn proxy(table: &Table<'_>) -> Option<ProxySettings> {
    let login = proxy_login(table);
    if !table.has("proxy") {
        for key in ["proxy_user", "proxy_password"].into_iter().filter(|key| table.has(key)) {
            table.wrong(key, format!("\"{key}\" stands without \"proxy\""), "name the proxy it is for");
        }
        return proxy_of_environment(table);
    }
    let given = table.parse("proxy", |text| match text {
        "none" => Ok(None),
        text if text.contains('@') => Err(Wrong::new("holds a name or a password")
            .hint("write them as proxy_user and proxy_password; change the password if others could read this file")),
        text => values::proxy(text).map(Some),
    });
    let proxy = match given {
        Some(given) => given.into_inner().map(|proxy| Proxy { login: login.flatten(), ..proxy }),
        None => {
            // What could not be read may hold a password.
            table.context.report.mask(table.span_of("proxy"));
            return None;
        }
    };
    Some(ProxySettings { https: proxy.clone(), http: proxy, except: String::new() })
}

/// `None` when half of it is missing or wrong.
fn proxy_login(table: &Table<'_>) -> Option<Option<(String, secrecy::SecretString)>> {
    if !table.has("proxy_user") && !table.has("proxy_password") {
        return Some(None);
    }
    let user = table.needs("proxy_user").then(|| table.text("proxy_user")).flatten();
    let password = table.needs("proxy_password").then(|| secret::read(table, "proxy_password")).flatten();
    Some(Some((user?.into_inner(), password?)))
}

/// Lower-case names count first, as with curl; `HTTP_PROXY` matters for nothing but loopback addresses.
fn proxy_of_environment(table: &Table<'_>) -> Option<ProxySettings> {
    let context = table.context;
    let first = |names: [&'static str; 4]| names.into_iter().find_map(|name| Some((name, context.variable(name)?)));
    let read = |names| match first(names) {
        Some((name, text)) => context.checked(&table.span_of("proxy"), name, values::proxy(text.trim())).map(Some),
        None => Some(None),
    };
    let https = read(["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]);
    let http = read(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]);
    let except = first(["no_proxy", "NO_PROXY", "", ""]).map_or_else(String::new, |(_, text)| text.trim().to_owned());
    Some(ProxySettings { https: https?, http: http?, except })
}
