//! `directory.bind`: how the service account signs in.

use toml::Spanned;

use super::secret;
use super::table::Table;
use super::values;
use crate::model::settings::Bind;
use crate::system;

/// Whether this build can sign in with Kerberos.
const HAS_KERBEROS: bool = cfg!(feature = "gssapi");

/// The keys that belong to each method.
const METHODS: [(&str, &[&str]); 3] =
    [("simple", &["user", "password"]), ("kerberos", &["principal", "keytab"]), ("own", &[])];

/// `bind`, for controllers of these names.
pub(super) fn bind<'a>(table: &Table<'_>, hosts: impl Iterator<Item = &'a str>) -> Option<Bind> {
    let method = table.choice("method");
    // Whatever the method, a password that stands here itself is never shown.
    let password = table.has("password").then(|| secret::source(table, "password")).flatten();
    for (owner, keys) in METHODS.into_iter().filter(|(owner, _)| method.is_some_and(|method| *owner != method)) {
        for key in keys.iter().filter(|key| table.has(key)) {
            let what = format!("\"{key}\" is a key of method \"{owner}\"");
            table.wrong(key, what, "leave it out, or write that method");
        }
    }
    match method? {
        "kerberos" => return kerberos(table, hosts),
        "own" => return own(table, hosts),
        _ => {}
    }
    table.needs("password");
    let user = table.needs("user").then(|| table.parse("user", values::bind_user)).flatten()?.into_inner();
    Some(Bind::Simple { user, password: password? })
}

fn kerberos<'a>(table: &Table<'_>, hosts: impl Iterator<Item = &'a str>) -> Option<Bind> {
    if !system::KEY_TABLES {
        table.wrong("method", "there are no key tables on this system", "write method \"own\" or \"simple\"");
        return None;
    }
    can_sign_in(table, hosts)?;
    let principal = table.needs("principal").then(|| table.parse("principal", values::principal)).flatten();
    let keytab = table.needs("keytab").then(|| secret::path(table, "keytab")).flatten();
    Some(Bind::Kerberos { principal: principal.map(Spanned::into_inner)?, keytab: keytab? })
}

fn own<'a>(table: &Table<'_>, hosts: impl Iterator<Item = &'a str>) -> Option<Bind> {
    if system::KEY_TABLES {
        table.wrong("method", "only a service on Windows has an account of the domain", "write method \"kerberos\"");
        return None;
    }
    can_sign_in(table, hosts)?;
    Some(Bind::Own)
}

/// Whether Kerberos can be had, and for these controllers.
fn can_sign_in<'a>(table: &Table<'_>, mut hosts: impl Iterator<Item = &'a str>) -> Option<()> {
    if !HAS_KERBEROS {
        let hint = "use a build made with `cargo build --release --features gssapi`, or method \"simple\"";
        table.wrong("method", "this build of seatsync cannot sign in with Kerberos", hint);
        return None;
    }
    // The service's principal is made of the name: ldap/dc1.corp.example.com.
    if let Some(host) = hosts.find(|host| host.parse::<std::net::IpAddr>().is_ok() || !host.contains('.')) {
        let what = format!("Kerberos needs each server's full name, and \"{host}\" is none");
        table.wrong("method", what, "write the server as dc1.corp.example.com");
    }
    Some(())
}
