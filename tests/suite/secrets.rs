//! Must hold 12: at TRACE, in text and in JSON, through success and failure, no output and no stored byte holds a secret.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use seatsync_lab::directory::DirectoryOptions;
use seatsync_lab::tenant::{Fault, Match, World};

use crate::bench::{Bench, until_standing};
use crate::daemon::Daemon;

const PASSWORD: &str = "pw+Äq/ 7Zk%x9";
const SECRET: &str = "cs~8Q+Vn/ 3&yW";

/// Everything the program said, by what it did.
struct Said(Vec<(String, String)>);

impl Said {
    async fn of(&mut self, bench: &Bench, arguments: &[&str]) {
        let output = bench.output(arguments).await;
        self.add(&arguments.join(" "), &[output.stdout, output.stderr].concat());
    }

    fn file(&mut self, path: &Path) {
        if let Ok(bytes) = std::fs::read(path) {
            self.add(&path.display().to_string(), &bytes);
        }
    }

    /// Secrets are text: where bytes are none, no secret is cut.
    fn add(&mut self, what: &str, bytes: &[u8]) {
        self.0.push((what.to_owned(), String::from_utf8_lossy(bytes).into_owned()));
    }

    /// Nowhere does a secret stand, in none of the forms it travels or is shown in.
    fn hold_none_of(&self, secrets: &[String]) {
        for secret in secrets {
            for form in forms(secret) {
                for (what, text) in &self.0 {
                    assert!(!text.contains(&form), "{what} holds {form:?}");
                }
            }
        }
    }
}

/// As it is, in base64, percent-encoded, as a form field, and as Rust and JSON show text and bytes.
fn forms(secret: &str) -> Vec<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~*".contains(&byte);
    let encoded = |space: &str| -> String {
        let one = |byte: u8| match byte {
            b' ' => space.to_owned(),
            _ if plain(byte) => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        };
        secret.bytes().map(one).collect()
    };
    let numbers: Vec<String> = secret.bytes().map(|byte| byte.to_string()).collect();
    vec![
        secret.to_owned(),
        encoded("%20"),
        encoded("+"),
        encoded("+").replace('~', "%7E"),
        BASE64_STANDARD.encode(secret),
        numbers.join(", "),
        secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
        secret.escape_debug().to_string(),
        secret.bytes().flat_map(std::ascii::escape_default).map(char::from).collect(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_any_output_or_store() {
    for format in ["text", "json"] {
        let options = DirectoryOptions { password: PASSWORD.into(), ..DirectoryOptions::with_accounts(5) };
        let mut bench = Bench::with(options, World::empty_contoso()).await;
        bench.tenant.set_secret(SECRET, None);
        bench.write_secret("client-secret", SECRET);
        bench.edit("level = \"debug\"", &format!("level = \"trace\"\nformat = \"{format}\""));
        let mut said = Said(Vec::new());

        // All goes well, with a token that is renewed and one that is refused on the way.
        let daemon = Daemon::run(&bench);
        daemon.until_said("first contact complete").await;
        let ada = bench.join("ada", "DE");
        let store = bench.store();
        until_standing(&store, &ada, "licensed").await;
        bench.tenant.expire_tokens();
        let bob = bench.join("bob", "DE");
        until_standing(&store, &bob, "licensed").await;
        bench.tenant.set_secret("renewed in the portal", None);
        bench.tenant.expire_tokens();
        daemon.until_said("AADSTS7000215").await;
        drop(store);
        // Killed, so that the write-ahead log stays.
        let log = daemon.log().to_owned();
        daemon.kill().await;
        said.file(&log);
        for file in ["seatsync.db", "seatsync.db-wal", "seatsync.db-shm", "seatsync.db.lock"] {
            said.file(&bench.path(file));
        }

        // What operators read.
        for command in
            [&["config", "check"][..], &["config", "check", "--json"], &["config", "example"], &["status", "--json"]]
        {
            said.of(&bench, command).await;
        }
        for command in
            [&["users", "--json"][..], &["explain", "ada", "--json"], &["explain", "ada"], &["pause"], &["resume"]]
        {
            said.of(&bench, command).await;
        }
        for command in [&["doctor"][..], &["doctor", "--json"], &["doctor", "--pilot", "ada"]] {
            said.of(&bench, command).await;
        }

        // All goes wrong.
        said.of(&bench, &["once"]).await;
        bench.tenant.set_secret(SECRET, None);
        bench.directory.set_password("renewed in the directory");
        said.of(&bench, &["once"]).await;
        said.of(&bench, &["plan"]).await;
        said.of(&bench, &["doctor", "--json"]).await;
        bench.directory.set_password(PASSWORD);
        let token = Match::path("/token");
        bench.tenant.fault(Fault::raw(token.clone().once(), 200, "application/json", "{\"access_token\": 1}"));
        said.of(&bench, &["once"]).await;
        bench.tenant.fault(Fault::cut(token.clone()));
        said.of(&bench, &["once"]).await;
        bench.tenant.clear_faults();
        bench.tenant.fault(Fault::truncated(Match::path("users/delta"), 20));
        said.of(&bench, &["once"]).await;
        bench.tenant.clear_faults();
        bench.tenant.set_roles(&[]);
        bench.tenant.expire_tokens();
        said.of(&bench, &["once", "--json"]).await;
        said.of(&bench, &["doctor"]).await;
        bench.directory.set_down(true);
        said.of(&bench, &["once"]).await;
        // A secret in the place of its file's name.
        let file = "password = { file = \"bind-password\" }";
        bench.edit(file, &format!("password = {PASSWORD:?}"));
        said.of(&bench, &["config", "check"]).await;
        said.of(&bench, &["config", "check", "--json"]).await;
        said.of(&bench, &["doctor"]).await;
        bench.edit("credential = {", &format!("client_secret = {SECRET:?}\ncredential = {{"));
        said.of(&bench, &["once"]).await;

        assert!(said.0.iter().any(|(what, text)| what.contains("log-") && text.contains("TRACE")));
        let tokens = bench.tenant.issued_tokens();
        assert!(tokens.len() > 3, "{}", tokens.len());
        let secrets: Vec<String> = [PASSWORD, SECRET].map(str::to_owned).into_iter().chain(tokens).collect();
        said.hold_none_of(&secrets);
    }
}

#[test]
fn what_is_looked_for_would_be_found() {
    let said = Said(vec![("a log".into(), format!("BindRequest {:?}", PASSWORD.as_bytes()))]);
    let found = std::panic::catch_unwind(|| said.hold_none_of(&[PASSWORD.to_owned()]));
    assert!(found.is_err());
}
