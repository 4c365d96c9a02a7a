//! What the documentation says is so: every code an operator can meet has its section in docs/codes.md, no section outlives its
//! code, and the configuration that a newcomer starts with loads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use seatsync::config::{self, Environment};
use seatsync::model::settings::Mode;

use crate::architecture::product_files;

/// What stands before the code of a reason that is kept with an entitlement or a hold.
const REASONS: [&str; 6] = ["Reason::new(", "said(", "refusal(", "refused(Scope::", "Meaning::User(", "Meaning::Sku("];

#[test]
fn every_event_and_error_has_its_section_and_every_section_its_code() {
    let events: BTreeSet<String> = codes_of(|file| file.starts_with("observe"));
    let errors: BTreeSet<String> = codes_of(|file| !file.starts_with("observe"));
    assert!(events.len() > 20 && errors.len() > 50, "{} events, {} errors were found", events.len(), errors.len());
    same("event", &events.union(&traced()).cloned().collect());
    same("error", &errors);
}

#[test]
fn every_reason_has_its_section_and_every_section_its_reason() {
    let mut found = BTreeSet::new();
    for text in product_texts(|_| true) {
        for needle in REASONS {
            found.extend(after(&text, needle).filter_map(first_literal));
        }
        found.extend(after(&text, "refused_for_all(answer, at, ").filter_map(first_literal));
        found.extend(after(&text, "const SPLIT: &str = ").filter_map(first_literal));
    }
    assert!(found.len() > 20, "{found:?}");
    same("reason", &found);
}

#[test]
fn every_notice_has_its_section() {
    let codes: BTreeSet<String> = seatsync::model::notice::Matter::WORDS.into_iter().map(str::to_owned).collect();
    same("notice", &codes);
}

#[test]
fn every_exit_status_has_its_row() {
    let text = source("src/model/fault.rs");
    let page = source("docs/operations.md");
    let table = section(&page, "Exit status");
    let mut statuses = 0;
    for line in text.lines().filter_map(|line| line.trim().strip_prefix("pub const ")) {
        let number = line.split(" = ").nth(1).unwrap_or_default().trim_end_matches(';');
        assert!(table.contains(&format!("| {number} |")), "docs/operations.md has no row for exit status {line}");
        statuses += 1;
    }
    assert!(statuses > 5, "{statuses} exit statuses were found");
}

#[test]
fn the_configuration_that_a_newcomer_starts_with_loads() {
    let page = source("docs/install.md");
    let toml = fenced(&page, "toml").into_iter().find(|block| block.contains("[directory]"));
    let files = tempfile::tempdir().expect("a directory for files");
    let path = files.path().join("seatsync.toml");
    std::fs::write(&path, toml.expect("the page has a configuration")).expect("it is written");
    std::fs::write(files.path().join("corp-ca.pem"), "not read here").expect("it is written");
    for secret in ["bind-password", "seatsync.pem"] {
        use std::os::unix::fs::PermissionsExt as _;
        let secret = files.path().join(secret);
        std::fs::write(&secret, "not a secret").expect("it is written");
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).expect("its mode is set");
    }
    match config::load(&path, &Environment::default()) {
        Ok(settings) => assert_eq!(settings.mode, Mode::Observe, "a newcomer starts by looking"),
        Err(error) => panic!("the configuration of docs/install.md is refused:\n{error}"),
    }
}

#[test]
fn every_section_says_what_a_code_means_and_what_to_do() {
    let page = source("docs/codes.md");
    let mut before = "";
    for (code, text) in sections(&page) {
        assert!(before < code, "docs/codes.md: {code} stands after {before}; the order is that of the alphabet");
        let (means, todo) = text.split_once("\n**To do:** ").unwrap_or_else(|| panic!("{code}: what is to be done?"));
        let means = means.lines().filter(|line| !line.starts_with('*')).map(str::len).sum::<usize>();
        assert!(means > 10 && todo.trim().len() > 5, "{code}: {text}");
        before = code;
    }
}

#[test]
fn every_code_of_the_log_has_its_number_on_windows() {
    let (page, mut numbers) = (source("docs/codes.md"), BTreeSet::new());
    for (code, text) in sections(&page) {
        let kinds = kinds(code, text);
        let told = kinds.iter().find_map(|kind| kind.strip_prefix("Windows event ")).map(str::parse);
        match kinds.contains(&"event") || kinds.contains(&"error") || kinds.contains(&"notice") {
            true => assert_eq!(
                told,
                Some(Ok(seatsync::observe::number(code))),
                "docs/codes.md: {code}: src/observe/numbers.txt"
            ),
            false => assert_eq!(told, None, "docs/codes.md: {code} is never logged by itself"),
        }
        if let Some(Ok(number)) = told {
            assert!(
                number < seatsync::observe::UNNUMBERED,
                "{code} has no line in src/observe/numbers.txt: add it at the end"
            );
            assert!(numbers.insert(number), "{code}: two codes of one number");
        }
    }
    assert_eq!(
        numbers.len(),
        source("src/observe/numbers.txt").lines().count(),
        "no line is ever taken out, and none stands twice"
    );
}

#[test]
fn every_test_that_keeps_an_invariant_exists() {
    let page = source("docs/architecture.md");
    let mut found = 0;
    for name in section(&page, "Invariants").split('`').skip(1).step_by(2) {
        let Some((room, test)) = name.rsplit_once("::").filter(|(_, test)| test.contains('_')) else { continue };
        let place = room.trim_end_matches("::tests").replace("::", "/");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let suite = ["tests/suite/{}.rs", "tests/suite/{}/mod.rs"].map(|form| form.replace("{}", &place));
        let unit = ["src/{}.rs", "src/{}/mod.rs", "src/{}/tests.rs"].map(|form| form.replace("{}", &place));
        let holds = suite.iter().chain(&unit).any(|file| {
            std::fs::read_to_string(root.join(file)).is_ok_and(|text| text.contains(&format!("fn {test}(")))
        });
        assert!(holds, "docs/architecture.md names the test {name}, which is not there");
        found += 1;
    }
    assert!(found > 8, "{found} tests are named");
}

/// Compares codes of a kind with the sections of docs/codes.md that say to be of it.
fn same(kind: &str, codes: &BTreeSet<String>) {
    let page = source("docs/codes.md");
    let sections: BTreeMap<&str, Vec<&str>> = sections(&page).map(|(code, text)| (code, kinds(code, text))).collect();
    let told: BTreeSet<String> =
        sections.iter().filter(|(_, kinds)| kinds.contains(&kind)).map(|(code, _)| (*code).to_owned()).collect();
    let missing: Vec<_> = codes.difference(&told).collect();
    let stale: Vec<_> = told.difference(codes).collect();
    assert!(missing.is_empty(), "docs/codes.md has no section of kind \"{kind}\" for {missing:?}");
    assert!(stale.is_empty(), "docs/codes.md has sections of kind \"{kind}\" for {stale:?}, which no source has");
}

/// Each code with the text below its heading.
fn sections(page: &str) -> impl Iterator<Item = (&str, &str)> {
    after(page, "\n## ").filter_map(|rest| rest.split("\n## ").next()?.split_once('\n'))
}

/// What a section says its code is: `*event: warn · notice*`.
fn kinds<'a>(code: &str, text: &'a str) -> Vec<&'a str> {
    let line = text.trim_start().lines().next().and_then(|line| line.strip_prefix('*')?.strip_suffix('*'));
    let kinds = line.unwrap_or_else(|| panic!("docs/codes.md: of what kind is {code}?")).split(" · ");
    kinds.map(|kind| kind.split(':').next().unwrap_or_default()).collect()
}

/// Literals in kebab case within the bodies of `fn code`.
fn codes_of(which: impl Fn(&Path) -> bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for text in product_texts(which) {
        for body in
            after(&text, "fn code(self) -> &'static str {").chain(after(&text, "fn code(&self) -> &'static str {"))
        {
            let body = body.split("\n    }\n").next().unwrap_or_default();
            found.extend(body.split('"').skip(1).step_by(2).filter(|code| is_kebab(code)).map(str::to_owned));
        }
        // The commands' own, which carry their code.
        found.extend(after(&text, " code: \"").filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
    }
    found
}

/// Events that are logged without being an `Event`.
fn traced() -> BTreeSet<String> {
    product_texts(|_| true)
        .flat_map(|text| {
            after(&text, "event = \"")
                .map(|rest| rest.split('"').next().unwrap_or_default().to_owned())
                .collect::<Vec<_>>()
        })
        .collect()
}

fn first_literal(text: &str) -> Option<String> {
    let end = text.find([')', ';', '\n']).filter(|at| *at > 0).unwrap_or(text.len());
    let text = text.trim_start();
    let within = if text.starts_with('"') { text } else { text.get(..end)? };
    let code = within.split('"').nth(1)?;
    is_kebab(code).then(|| code.to_owned())
}

fn is_kebab(text: &str) -> bool {
    text.contains('-') && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte.is_ascii_digit())
        || ["started", "stopping", "stopped", "acquainted", "recovered", "reloading", "reloaded"].contains(&text)
}

/// The text that follows each occurrence.
fn after<'a>(text: &'a str, needle: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(needle).map(move |(at, found)| &text[at + found.len()..])
}

/// Product sources without their tests.
fn product_texts(which: impl Fn(&Path) -> bool) -> impl Iterator<Item = String> {
    product_files()
        .filter(move |(file, _, _)| which(file) && !file.to_string_lossy().contains("test"))
        .map(|(_, _, text)| text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned())
}

fn source(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// From a heading of the second level to the next.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let start = page.find(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no section \"{heading}\"")) + 1;
    let body = &page[start + 3..];
    body.split("\n## ").next().unwrap_or_default()
}

/// The fenced blocks of a language.
fn fenced(page: &str, language: &str) -> Vec<String> {
    let fence = format!("\n```{language}\n");
    after(page, &fence).filter_map(|rest| rest.split("\n```").next()).map(|block| format!("{block}\n")).collect()
}
