//! Kerberos against a real KDC: with the key table it signs in, and what keeps it from that has its code.

use std::path::Path;

use super::site::{Site, env, tool};
use super::{refused, spoken};
use crate::bench::Joiner;

const PASSWORD: &str = "K3rberos!K3rberos";

/// A site whose agent signs in with this key table.
async fn site(name: &str, principal: &str, keytab: &Path) -> Site {
    let mut site = Site::new(name).await;
    let simple = format!("method = \"simple\", user = \"{}\"", env("SAMBA_BIND_USER"));
    // The bench's own edit has put the user there.
    site.bench.edit(&simple, &format!("method = \"kerberos\", principal = \"{principal}\""));
    site.bench.edit("password = { file = \"bind-password\" }", &format!("keytab = {keytab:?}"));
    site.bench.variables.insert("KRB5_CONFIG".into(), env("SAMBA_KRB5_CONFIG"));
    site
}

/// An account of the test's own that can sign in, and its key table.
async fn account(site: &Site, sam: &str) -> (Joiner, std::path::PathBuf) {
    let joiner = site.hire(sam, sam, &[("userAccountControl", "514")]).await;
    set_password(site, &joiner, PASSWORD).await;
    site.set(&joiner, "userAccountControl", "512").await;
    let keytab = site.bench.path(&format!("{sam}.keytab"));
    let configuration = format!("--configfile={}/etc/smb.conf", env("SAMBA_DIR"));
    let principal = format!("--principal={sam}");
    let path = keytab.display().to_string();
    tool("samba-tool", &["domain", "exportkeytab", &path, &principal, &configuration]).await;
    (joiner, keytab)
}

async fn set_password(site: &Site, joiner: &Joiner, password: &str) {
    let quoted: Vec<u8> = format!("\"{password}\"").encode_utf16().flat_map(u16::to_le_bytes).collect();
    site.set(joiner, "unicodePwd", quoted).await;
}

fn realm(sam: &str) -> String {
    format!("{sam}@CORP.EXAMPLE.TEST")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real Samba AD DC: tests/run samba"]
async fn the_key_table_signs_in_over_ldaps_and_start_tls() {
    let mut site = site("Kerberos", &env("SAMBA_PRINCIPAL"), Path::new(&env("SAMBA_KEYTAB"))).await;
    site.hire("Kerberos Kim", "kerberos-kim", &[]).await;
    let said = spoken(&site.bench.output(&["once"]).await);
    assert!(said.contains("directory read: 1 accounts"), "{said}");
    let planned = spoken(&site.bench.output(&["plan"]).await);
    assert!(planned.contains("0 persons would be licensed"), "{planned}");

    let url = env("SAMBA_LDAP_URL").replace("ldap://", "ldap+starttls://");
    site.bench.edit(&env("SAMBA_LDAPS_URL"), &url);
    site.hire("Kerberos Kai", "kerberos-kai", &[]).await;
    let said = spoken(&site.bench.output(&["once"]).await);
    assert!(said.contains("1 new accounts"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real Samba AD DC: tests/run samba"]
async fn a_key_table_that_does_not_fit_is_told() {
    let mut site = site("Keys", &realm("krb-rekeyed"), Path::new("krb-rekeyed.keytab")).await;
    let (joiner, keytab) = account(&site, "krb-rekeyed").await;
    spoken(&site.bench.output(&["once"]).await);
    // A new password makes old keys worthless.
    set_password(&site, &joiner, "An0ther!An0ther").await;
    refused(
        &site.bench.output(&["once"]).await,
        77,
        &["krb-rekeyed@CORP", "Export the key table", "kerberos-key-refused"],
    );
    set_password(&site, &joiner, PASSWORD).await;
    site.set(&joiner, "userAccountControl", "514").await;
    refused(&site.bench.output(&["once"]).await, 77, &["disabled", "kerberos-account-refused"]);
    site.bench.edit(&realm("krb-rekeyed"), &realm("krb-nobody"));
    refused(&site.bench.output(&["once"]).await, 78, &["klist -k", "kerberos-key-table"]);
    site.bench.write_secret("krb-rekeyed.keytab", "no key table");
    refused(&site.bench.output(&["once"]).await, 78, &["kerberos-key-table"]);
    std::fs::remove_file(keytab).expect("it was there");
    refused(&site.bench.output(&["once"]).await, 78, &["krb-rekeyed.keytab", "config-invalid"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real Samba AD DC: tests/run samba"]
async fn what_is_wrong_around_the_key_table_is_told() {
    let mut site = site("Around", &env("SAMBA_PRINCIPAL"), Path::new(&env("SAMBA_KEYTAB"))).await;
    let good = std::fs::read_to_string(env("SAMBA_KRB5_CONFIG")).expect("it is read");
    site.bench.variables.insert("KRB5_CONFIG".into(), site.bench.path("krb5.conf").display().to_string());
    for (text, status, code) in [
        (good.replace("kdc = 127.0.0.1", "kdc = 127.0.0.1:1"), 69, "kerberos-kdc-unreachable"),
        (good.replace("CORP.EXAMPLE.TEST", "OTHER.EXAMPLE.TEST"), 78, "kerberos-kdc-unknown"),
        ("[libdefaults\n".to_owned(), 78, "kerberos-configuration"),
    ] {
        site.bench.write("krb5.conf", &text);
        refused(&site.bench.output(&["once"]).await, status, &[code]);
    }
    site.bench.write("krb5.conf", &good);
    // A name that the certificate carries and nobody has as a service.
    site.bench.edit(&env("SAMBA_LDAPS_URL"), "ldaps://corp.example.test:636");
    refused(&site.bench.output(&["once"]).await, 78, &["setspn -L", "kerberos-service-unknown"]);
}
