//! What single texts of the file mean.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use uuid::Uuid;

use super::problem::suggestion;
use crate::model::certificate::{NoThumbprint, Thumbprint};
use crate::model::filter::Filter;
use crate::model::location::{LocationError, UsageLocation};
use crate::model::rule::Dn;
use crate::model::settings::{Proxy, Server, Transport};

/// Why a text is not what it should be; never repeats it. The message continues `"key" …`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub what: String,
    pub hint: Option<String>,
}

impl Wrong {
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None }
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// A DNS name, in lower case.
pub(super) fn dns_name(text: &str) -> Result<String, Wrong> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.len() > 253 || !text.split('.').all(label) || text.parse::<Ipv4Addr>().is_ok() {
        return Err(Wrong::new("is not a DNS name").hint("such as corp.example.com: letters, digits, \"-\" and dots"));
    }
    Ok(text.to_ascii_lowercase())
}

/// A domain controller: a host name, or a URL with the transport.
pub(super) fn server(text: &str) -> Result<Server, Wrong> {
    let forms = "write dc1.corp.example.com, ldaps://host[:port] or ldap+starttls://host[:port]";
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest.strip_suffix('/').unwrap_or(rest)),
        None if text.contains(':') => return Err(Wrong::new("has a port but no scheme").hint(forms)),
        None => ("ldaps".to_owned(), text),
    };
    let (transport, default) = match scheme.as_str() {
        "ldaps" => (Transport::Ldaps, 636),
        "ldap+starttls" => (Transport::StartTls, 389),
        "ldap" => {
            return Err(Wrong::new("asks for a connection without TLS, which would show the password to the network")
                .hint("write ldaps://… (port 636), or ldap+starttls://… (port 389)"));
        }
        _ => return Err(Wrong::new("has an unknown scheme").hint(forms)),
    };
    let (host, port) = authority(rest)?;
    Ok(Server { host, port: port.unwrap_or(default), transport })
}

/// A DNS server: `address[:port]`, IPv6 with a port in brackets.
pub(super) fn dns_server(text: &str) -> Result<SocketAddr, Wrong> {
    let alone = text.parse::<IpAddr>().map(|address| SocketAddr::new(address, 53));
    text.parse().or(alone).map_err(|_| Wrong::new("is no address").hint("such as 10.0.0.53 or 10.0.0.53:53"))
}

/// `host[:port]`; an IPv6 address stands in brackets, which are taken off.
fn authority(text: &str) -> Result<(String, Option<u16>), Wrong> {
    if text.contains(['@', '/', '?', '#']) {
        return Err(Wrong::new("has more than a host and a port").hint("leave out user, path and query"));
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, port)) if host.parse::<Ipv6Addr>().is_ok() => (host.to_ascii_lowercase(), port),
            _ => return Err(Wrong::new("has a bad IPv6 address").hint("such as [2001:db8::1]")),
        },
        None => {
            let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            (if host.parse::<Ipv4Addr>().is_ok() { host.to_owned() } else { dns_name(host)? }, port)
        }
    };
    if port.is_empty() {
        return Ok((host, None));
    }
    match port.strip_prefix(':').and_then(|port| port.parse().ok()).filter(|port| *port > 0) {
        Some(port) => Ok((host, Some(port))),
        None => Err(Wrong::new("has a bad port").hint("a number from 1 to 65535")),
    }
}

/// A web address and whether it is this machine's own.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Url {
    /// Without a slash at the end.
    pub text: String,
    pub loopback: bool,
}

/// `https://host[:port][/path]`; `http` for loopback addresses.
pub(super) fn url(text: &str) -> Result<Url, Wrong> {
    address(text, false)
}

/// An address to post to, with whatever path and query; `http` for loopback addresses. What is wrong is said without it.
pub(super) fn webhook(text: &str) -> Result<(), Wrong> {
    let end = |text: &str| text.find(['/', '?']).unwrap_or(text.len());
    let origin = match text.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", &rest[..end(rest)]),
        None => text.to_owned(),
    };
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) || text.contains('#') {
        return Err(Wrong::new("holds a blank, a line break or a \"#\"").hint("one https:// address and nothing else"));
    }
    address(&origin, false).map(drop).map_err(|wrong| {
        wrong.hint("an address such as https://hooks.example.com/…; http:// is for loopback addresses only")
    })
}

/// Where an identity's tokens come from: `http` for link-local addresses too, which never leave the machine's own network.
pub(super) fn metadata_url(text: &str) -> Result<String, Wrong> {
    address(text, true).map(|url| url.text)
}

fn address(text: &str, link_local: bool) -> Result<Url, Wrong> {
    let forms = "write https://host, without query";
    let (scheme, rest) = text.split_once("://").ok_or_else(|| Wrong::new("is not a URL").hint(forms))?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if !path.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.' | '~')) {
        return Err(Wrong::new("has a path with special characters").hint(forms));
    }
    let (host, port) = authority(host)?;
    let v4 = |fits: fn(&Ipv4Addr) -> bool| host.parse().is_ok_and(|ip| fits(&ip));
    let loopback =
        host == "localhost" || v4(Ipv4Addr::is_loopback) || host.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback());
    let scheme = scheme.to_ascii_lowercase();
    match scheme.as_str() {
        "https" => {}
        "http" if loopback || (link_local && v4(Ipv4Addr::is_link_local)) => {}
        "http" => {
            return Err(Wrong::new("would send secrets without TLS").hint("http:// is for loopback addresses only"));
        }
        _ => return Err(Wrong::new("has an unknown scheme").hint(forms)),
    }
    Ok(Url { text: format!("{scheme}://{}{}", joined(&host, port), path.trim_end_matches('/')), loopback })
}

/// Host and port as a URL has them.
fn joined(host: &str, port: Option<u16>) -> String {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
}

/// A proxy: `[http[s]://][user[:password]@]host[:port]`.
pub(super) fn proxy(text: &str) -> Result<Proxy, Wrong> {
    let forms = "write http://host:port";
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") {
        return Err(Wrong::new("is a proxy of an unknown kind").hint(forms));
    }
    let (login, rest) = match rest.rsplit_once('@') {
        Some((login, rest)) => (Some(login), rest),
        None => (None, rest),
    };
    let (host, port) = authority(rest.strip_suffix('/').unwrap_or(rest))?;
    let login = login.map(|login| {
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        (percent_decoded(user), percent_decoded(password).into())
    });
    Ok(Proxy { url: format!("{scheme}://{}", joined(&host, port)), login })
}

/// What escapes in a URL stand for; what is none stays.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let escape = after.get(..2).filter(|_| *byte == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match escape.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A day.
pub(super) fn date(text: &str) -> Result<jiff::civil::Date, Wrong> {
    text.parse().map_err(|_| Wrong::new("is not a date").hint("year, month and day, such as \"2027-01-31\""))
}

/// A certificate's SHA-1 thumbprint.
pub(super) fn thumbprint(text: &str) -> Result<Thumbprint, Wrong> {
    let hint = "as PowerShell shows it: Get-ChildItem Cert:\\LocalMachine\\My";
    text.parse().map_err(|wrong: NoThumbprint| Wrong::new(wrong.to_string()).hint(hint))
}

/// A GUID in its dashed form.
pub(super) fn guid(text: &str) -> Result<Uuid, Wrong> {
    let hint = "32 hexadecimal digits in groups, such as 6f9f2c3e-7d1b-4a58-9a4e-0c2b8e5d1f37: the portal shows it on the object's overview page";
    Uuid::parse_str(text).ok().filter(|_| text.len() == 36).ok_or_else(|| Wrong::new("is not a GUID").hint(hint))
}

/// A duration such as `10s`.
pub(super) fn duration(text: &str) -> Result<Duration, Wrong> {
    let wrong = || {
        Wrong::new("is not a duration").hint("a whole number and a unit: ms, s, m, h or d, such as \"250ms\" or \"5m\"")
    };
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let count: u64 = text[..digits].parse().map_err(|_| wrong())?;
    let unit = match text[digits..].trim_start() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    count.checked_mul(unit).map(Duration::from_millis).ok_or_else(wrong)
}

/// A duration between two others, both included.
pub(super) fn duration_within(text: &str, from: &str, to: &str) -> Result<Duration, Wrong> {
    let given = duration(text)?;
    if given < duration(from)? || given > duration(to)? {
        return Err(Wrong::new(format!("must be from {from} to {to}")));
    }
    Ok(given)
}

/// A distinguished name: as written, and taken apart.
pub(super) fn dn(text: &str) -> Result<(String, Dn), Wrong> {
    let hint = "such as OU=Staff,DC=corp,DC=example,DC=com; a comma within a name is written \\,";
    Dn::parse(text).map(|dn| (text.to_owned(), dn)).ok_or_else(|| Wrong::new("is not a distinguished name").hint(hint))
}

/// The name of an attribute that can be read as text and followed, in lower case.
pub(super) fn attribute(text: &str) -> Result<String, Wrong> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if text.len() > 64 || !text.starts_with(|c: char| c.is_ascii_alphabetic()) || !text.chars().all(word) {
        return Err(
            Wrong::new("is not the name of an attribute").hint("its LDAP display name, such as extensionAttribute1")
        );
    }
    let name = text.to_ascii_lowercase();
    match unfit(&name) {
        Some(wrong) => Err(wrong),
        None => Ok(name),
    }
}

/// Attributes of accounts whose values are bytes, in AD's schema or in fact (`userParameters`); the usual ones, not all.
const BYTES: &[&str] = &[
    "auditingpolicy",
    "jpegphoto",
    "logonhours",
    "ms-ds-consistencyguid",
    "msds-generationid",
    "msds-keycredentiallink",
    "msexcharchiveguid",
    "msexchblockedsendershash",
    "msexchmailboxguid",
    "msexchmailboxsecuritydescriptor",
    "msexchmasteraccountsid",
    "msexchsaferecipientshash",
    "msexchsafesendershash",
    "ntsecuritydescriptor",
    "objectguid",
    "objectsid",
    "photo",
    "replpropertymetadata",
    "replicationsignature",
    "sidhistory",
    "terminalserver",
    "thumbnaillogo",
    "thumbnailphoto",
    "userparameters",
    "usercert",
    "usercertificate",
    "userpkcs12",
    "usersmimecertificate",
    "x500uniqueidentifier",
];

/// Back links: they change without the account changing.
const BACK_LINKS: &[&str] = &["directreports", "isprivilegeholder", "managedobjects", "memberof"];

/// Computed when asked for.
const COMPUTED: &[&str] = &[
    "allowedattributes",
    "allowedattributeseffective",
    "allowedchildclasses",
    "canonicalname",
    "createtimestamp",
    "modifytimestamp",
    "msds-memberoftransitive",
    "msds-principalname",
    "msds-user-account-control-computed",
    "msds-userpasswordexpirytimecomputed",
    "primarygrouptoken",
    "structuralobjectclass",
    "tokengroups",
    "tokengroupsglobalanduniversal",
    "tokengroupsnogcacceptable",
];

/// Why no rule can be built on an attribute (its name in lower case).
fn unfit(name: &str) -> Option<Wrong> {
    let wrong = if BYTES.contains(&name) {
        Wrong::new(format!("uses {name}, which holds bytes, not text")).hint("use a text attribute")
    } else if BACK_LINKS.contains(&name) {
        Wrong::new(format!("uses {name}, which changes without the account's own change counter (uSNChanged) moving"))
            .hint("a change of it would go unseen: use an attribute of the account itself, \"ou\" or \"group\"")
    } else if COMPUTED.contains(&name) {
        Wrong::new(format!("uses {name}, which the domain controller computes when asked, so its changes go unseen"))
            .hint("use an attribute that is stored")
    } else {
        return None;
    };
    Some(wrong)
}

/// An LDAP filter over attributes that can be followed.
pub(super) fn filter(text: &str) -> Result<Filter, Wrong> {
    let filter = Filter::parse(text).map_err(|error| {
        Wrong::new(format!("is not an LDAP filter: {error}")).hint("such as (employeeType=contractor)")
    })?;
    match filter.attributes().iter().find_map(|name| unfit(name)) {
        Some(wrong) => Err(wrong),
        None => Ok(filter),
    }
}

/// A usage location.
pub(super) fn location(text: &str) -> Result<UsageLocation, Wrong> {
    text.parse().map_err(|error| {
        let hint = match error {
            LocationError::Uk => "the United Kingdom is \"GB\"",
            LocationError::Unknown(_) => "two letters of ISO 3166-1, such as \"SE\"",
        };
        Wrong::new("is not a country code").hint(hint)
    })
}

/// A name that stands in the history: letters, digits, `-` and `_`.
pub(super) fn identifier(text: &str) -> Result<String, Wrong> {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if text.len() > 64 || !text.chars().all(word) {
        return Err(Wrong::new("is not a simple name").hint("up to 64 letters, digits, \"-\" and \"_\""));
    }
    Ok(text.to_owned())
}

/// Who binds: `user@domain`, a DN or `DOMAIN\name`. An anonymous or half-written name is not sent.
pub(super) fn bind_user(text: &str) -> Result<String, Wrong> {
    if !text.contains(['@', '\\', '=']) {
        return Err(Wrong::new("is no name a domain controller takes for a simple bind")
            .hint("write name@domain, a DN, or DOMAIN\\\\name with the backslash doubled"));
    }
    Ok(text.to_owned())
}

/// A Kerberos principal: `name@REALM`. A domain's realm is its DNS name in capitals, and Kerberos tells them from small ones.
pub(super) fn principal(text: &str) -> Result<String, Wrong> {
    let hint = "such as svc-seatsync@CORP.EXAMPLE.COM";
    match text.split_once('@') {
        Some((name, realm)) if !name.is_empty() && !realm.is_empty() && !realm.contains('@') => {
            if realm.chars().any(char::is_lowercase) {
                return Err(Wrong::new("has a realm in small letters").hint("write the domain's name in capitals"));
            }
            Ok(text.to_owned())
        }
        _ => Err(Wrong::new("is no principal with a realm").hint(hint)),
    }
}

/// Log directives: levels, by themselves or `target=level`, with commas between.
pub(super) fn log_level(text: &str) -> Result<String, Wrong> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    for part in text.split(',') {
        let (target, level) = part.split_once('=').map_or((None, part), |(target, level)| (Some(target), level));
        let named =
            |target: &str| !target.is_empty() && target.chars().all(|c| c.is_ascii_alphanumeric() || "_:-".contains(c));
        if !LEVELS.contains(&level.trim()) {
            return Err(Wrong::new("has an unknown level").hint(suggestion("levels", level.trim(), LEVELS)));
        }
        if !target.is_none_or(|target| named(target.trim())) {
            return Err(Wrong::new("has a bad target").hint("such as \"info,seatsync::tenant=debug\""));
        }
    }
    Ok(text.chars().filter(|c| !c.is_whitespace()).collect())
}
