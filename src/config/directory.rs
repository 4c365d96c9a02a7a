//! `[directory]`, or one `[[directory]]` for each domain.

use std::collections::BTreeSet;

use toml::Spanned;

use super::bind;
use super::table::Table;
use super::values;
use crate::model::rule::Dn;
use crate::model::settings::{AnchorSource, Bind, DirectorySettings, Server, Transport};

/// All domains, in the order of the file; `None` when something about them is wrong.
pub(super) fn directories(root: &Table<'_>) -> Option<Vec<DirectorySettings>> {
    let tables = root.tables("directory")?;
    if tables.is_empty() {
        root.wrong("directory", "there is no domain", "add a [directory] with at least \"domain\" and \"bind\"");
        return None;
    }
    let mut seen: Vec<String> = Vec::new();
    for table in &tables {
        let Some(domain) = table.parse("domain", values::dns_name).map(Spanned::into_inner) else { continue };
        if seen.contains(&domain) {
            table.wrong("domain", "\"domain\" is another table's too", "each domain is followed once");
        }
        seen.push(domain);
    }
    let directories: Vec<_> = tables.iter().map(directory).collect();
    let directories: Vec<DirectorySettings> = directories.into_iter().collect::<Option<_>>()?;
    one_key_table(&tables, &directories);
    Some(directories)
}

/// Kerberos takes one key table for the whole process.
fn one_key_table(tables: &[Table<'_>], directories: &[DirectorySettings]) {
    let mut first = None;
    for (table, directory) in tables.iter().zip(directories) {
        let Bind::Kerberos { keytab, .. } = &directory.bind else { continue };
        if *first.get_or_insert(keytab) != keytab {
            let hint = "put the keys of all principals into one file (ktutil: rkt, wkt) and name it in each table";
            table.wrong("bind", "\"keytab\" names another file than the table before", hint);
        }
    }
}

fn directory(table: &Table<'_>) -> Option<DirectorySettings> {
    let domain = table.parse("domain", values::dns_name).map(Spanned::into_inner);
    let servers = servers(table);
    let site = table.parse("site", values::identifier).map(Spanned::into_inner);
    let transport = table.choice("transport");
    let dns = table.parse("dns", values::dns_server).map(Spanned::into_inner);
    let ca_file = table.file("ca_file");
    let hosts = servers.iter().flatten().map(|server| server.host.as_str());
    let bind = table.table("bind").and_then(|table| bind::bind(&table, hosts));
    let bases = bases(table, domain.as_deref());
    let anchor = table.parse("anchor", anchor).map(Spanned::into_inner);
    let poll = table.duration("poll");
    let timeout = table.duration("timeout");
    Some(DirectorySettings {
        domain: domain?,
        servers: servers?,
        site,
        transport: if transport? == "starttls" { Transport::StartTls } else { Transport::Ldaps },
        dns,
        ca_file,
        bind: bind?,
        bases: bases?,
        anchor: anchor?,
        attributes: BTreeSet::new(),
        groups: BTreeSet::new(),
        groups_matter: false,
        poll: poll?,
        timeout: timeout?,
    })
}

fn anchor(text: &str) -> Result<AnchorSource, values::Wrong> {
    match text.to_ascii_lowercase().as_str() {
        "auto" => Ok(AnchorSource::Auto),
        "objectguid" | "ms-ds-consistencyguid" => {
            Err(values::Wrong::new("names an attribute that \"auto\" already uses")
                .hint("write anchor = \"auto\", or leave it out"))
        }
        _ => values::attribute(text).map(AnchorSource::Attribute),
    }
}

/// The bases; by default the domain itself.
fn bases(table: &Table<'_>, domain: Option<&str>) -> Option<Vec<String>> {
    let root = domain.map(|domain| domain.split('.').map(|label| format!("DC={label}")).collect::<Vec<_>>().join(","));
    if !table.has("bases") {
        return root.map(|root| vec![root]);
    }
    let bases = table.parse_each("bases", values::dn)?;
    if bases.is_empty() {
        table.wrong(
            "bases",
            "\"bases\" is empty",
            "name at least one DN, or leave the key out to read the whole domain",
        );
    }
    let root_dn = root.as_deref().and_then(Dn::parse);
    for (i, base) in bases.iter().enumerate() {
        let (text, dn) = base.get_ref();
        if root_dn.as_ref().is_some_and(|root| !dn.is_within(root)) {
            let hint = format!("a base ends with {}", root.as_deref().unwrap_or_default());
            table.context.report.add(base.span(), "\"bases\" names a place outside the domain", Some(hint));
        }
        let mut others = bases.iter().enumerate().filter(|(j, _)| *j != i).map(|(j, other)| (j, other.get_ref()));
        // Of two equal ones the second is the one too many.
        let outer = others.find(|(j, (_, other))| dn.is_within(other) && (*j < i || !other.is_within(dn)));
        if let Some((_, (outer, _))) = outer {
            let hint = format!("leave it out: {outer} already covers {text}");
            table.context.report.add(base.span(), "\"bases\" names a place within another base", Some(hint));
        }
    }
    Some(bases.into_iter().map(|base| base.into_inner().0).collect())
}

/// The listed controllers; none where they are to be found in DNS.
fn servers(table: &Table<'_>) -> Option<Vec<Server>> {
    if !table.has("servers") {
        return Some(Vec::new());
    }
    let servers = table.parse_each("servers", values::server)?;
    if servers.is_empty() {
        let hint = "name at least one domain controller, or leave the key out to find them in DNS";
        table.wrong("servers", "\"servers\" is empty", hint);
    }
    for (i, server) in servers.iter().enumerate() {
        if servers[..i].iter().any(|before| before.get_ref() == server.get_ref()) {
            table.context.report.add(server.span(), "\"servers\" names this one twice", None);
        }
    }
    Some(servers.into_iter().map(Spanned::into_inner).collect())
}
