//! What the pages show works: each command line is one that the program takes, each piece of configuration is right, each link
//! leads to something that is there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use clap::error::ErrorKind;
use seatsync::cli::Cli;
use seatsync::config::{self, Environment};

use crate::manuals;

/// What stands where a page leaves something to its reader, and what does as an example of it.
const PLACEHOLDERS: [(&str, &str); 3] =
    [("N", "1"), ("DATE", "2026-09-01"), ("8d1c4a52-…", "8d1c4a52-3b7e-4f6a-9c20-5e1f7a2b6d34")];

#[test]
fn every_command_line_is_one_that_the_program_takes() {
    let mut found = 0;
    for page in pages() {
        for line in command_lines(&read(&page)) {
            takes(&line, &page.display().to_string());
            found += 1;
        }
    }
    assert!(found > 150, "{found} command lines were found");
}

#[test]
fn every_example_of_the_help_is_one_that_the_program_takes() {
    let mut found = 0;
    for (words, command) in manuals::commands() {
        let below = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let lines = below.lines().filter(|line| line.starts_with("  seatsync ")).map(|line| line.trim().to_owned());
        for line in lines.chain(spans(&below).into_iter().filter(|span| span.starts_with("seatsync "))) {
            takes(&line, &words.join(" "));
            found += 1;
        }
    }
    assert!(found > 30, "{found} examples were found");
}

#[test]
fn every_piece_of_configuration_is_right() {
    let mut found = 0;
    for page in pages() {
        for block in fenced(&read(&page), "toml") {
            match check(&block) {
                Ok(()) => {}
                // What only Windows has is refused here for that alone.
                Err(problem) if block.contains("# on Windows") && problem.contains("is for Windows") => {}
                Err(problem) => panic!("{} shows configuration that is refused:\n{block}\n{problem}", page.display()),
            }
            found += 1;
        }
    }
    assert!(found > 12, "{found} pieces were found");
}

#[test]
fn every_link_leads_to_something() {
    let mut found = 0;
    for page in pages() {
        for target in links(&read(&page)) {
            if target.contains("://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let beside = page.parent().expect("it lies somewhere");
            let path = if file.is_empty() { page.clone() } else { beside.join(file) };
            assert!(path.exists(), "{} links to {target}, which is not there", page.display());
            if !anchor.is_empty() {
                assert!(
                    anchors(&read(&path)).contains(anchor),
                    "{} links to {target}: no such heading",
                    page.display()
                );
            }
            found += 1;
        }
    }
    assert!(found > 80, "{found} links were found");
}

/// Parses one line as the program does. Where the page leaves words out, they may be missing.
fn takes(line: &str, place: &str) {
    let words: Vec<String> = shell_words(line);
    let left_out = words.iter().any(|word| word.contains('…')) || words.len() <= 3;
    let words = words.iter().filter(|word| *word != "…").map(|word| {
        let example = PLACEHOLDERS.iter().find(|(name, _)| name == word).map(|(_, example)| *example);
        example.unwrap_or_else(|| word.trim_end_matches('…').trim_matches(['[', ']'])).to_owned()
    });
    let Err(error) = Cli::command().try_get_matches_from(words) else { return };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {}
        ErrorKind::MissingRequiredArgument | ErrorKind::MissingSubcommand if left_out => {}
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if left_out => {}
        _ => panic!("{place} shows `{line}`, which the program does not take:\n{error}"),
    }
}

/// As a shell parts them, up to a pipe, a redirection or a comment.
fn shell_words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '|' | '>' | '#' | ';' | '&') if word.is_none() => break,
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Lines of blocks and code within sentences that begin with the program's name.
fn command_lines(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for block in blocks(page) {
        let prompted = block.iter().any(|line| line.starts_with("$ "));
        for line in &block {
            let line = match line.strip_prefix("$ ") {
                Some(line) => line,
                None if prompted => continue,
                None => line,
            };
            let line = line.strip_prefix("sudo ").unwrap_or(line);
            let line = line.strip_prefix("-u seatsync ").unwrap_or(line);
            found.extend(line.starts_with("seatsync ").then(|| line.to_owned()));
        }
    }
    found.extend(spans(&prose(page)).into_iter().filter(|span| span.starts_with("seatsync ")));
    found
}

/// Blocks by fence or by indentation, without the latter.
fn blocks(page: &str) -> Vec<Vec<String>> {
    let mut found = vec![Vec::new()];
    for (line, kind) in lines(page) {
        match kind {
            Kind::Prose => found.push(Vec::new()),
            Kind::Code => found.last_mut().expect("one at least").push(line.trim_start_matches("    ").to_owned()),
        }
    }
    found.retain(|block| !block.is_empty());
    found
}

fn prose(page: &str) -> String {
    let kept = lines(page).into_iter().filter(|(_, kind)| *kind == Kind::Prose);
    kept.map(|(line, _)| format!("{line}\n")).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Prose,
    Code,
}

fn lines(page: &str) -> Vec<(&str, Kind)> {
    let (mut found, mut fence, mut before) = (Vec::new(), false, "");
    for line in page.lines() {
        if line.starts_with("```") {
            fence = !fence;
            found.push(("", Kind::Prose));
        } else {
            let indented = line.starts_with("    ") && (before.is_empty() || before.starts_with("    "));
            found.push((line, if fence || indented { Kind::Code } else { Kind::Prose }));
        }
        before = line;
    }
    found
}

/// What stands between single backticks; a line that ends within counts as a space.
fn spans(text: &str) -> Vec<String> {
    let paragraphs = text.split("\n\n");
    paragraphs
        .flat_map(|paragraph| {
            paragraph.split('`').skip(1).step_by(2).map(|span| span.replace('\n', " ")).collect::<Vec<_>>()
        })
        .collect()
}

/// Checks a whole file, or what a part comes to in an ordinary one.
fn check(block: &str) -> Result<(), String> {
    // The lab's domain, where a part is about that.
    let domain = if block.contains("DC=test") { "corp.example.test" } else { "corp.example.com" };
    let example = include_str!("../../config/seatsync.toml").replace("\"corp.example.com\"", &format!("{domain:?}"));
    let mut whole: toml::Table = toml::from_str(&example).expect("the example is TOML");
    whole.insert("store".into(), "seatsync.db".into());
    let part: toml::Table = toml::from_str(block).map_err(|error| error.to_string())?;
    for (name, value) in part {
        match (whole.get_mut(&name), value) {
            // What names the tenant or the domain stands for itself; else it is added.
            (Some(toml::Value::Table(there)), toml::Value::Table(new))
                if !new.contains_key("id") && !new.contains_key("domain") =>
            {
                there.extend(new);
            }
            (_, value) => drop(whole.insert(name, value)),
        }
    }
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    files(&toml::Value::Table(whole.clone()), directory.path());
    let path = directory.path().join("seatsync.toml");
    std::fs::write(&path, whole.to_string()).map_err(|error| error.to_string())?;
    let environment = Environment { credentials: Some(directory.path().to_owned()), ..Environment::default() };
    match config::load(&path, &environment) {
        Ok(_) => Ok(()),
        // Said by builds without Kerberos of what is right otherwise.
        Err(error)
            if !cfg!(feature = "gssapi")
                && error.problems().iter().all(|one| format!("{one:?}").contains("gssapi")) =>
        {
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Makes the files that a configuration names.
fn files(value: &toml::Value, directory: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    match value {
        toml::Value::Table(table) => {
            for (name, value) in table {
                let named = ["file", "ca_file", "keytab", "key", "credential"].contains(&name.as_str());
                if let Some(file) = value.as_str().filter(|file| named && !file.starts_with('/')) {
                    let path = directory.join(file);
                    std::fs::write(&path, "https://example.com/not-a-secret").expect("a file is written");
                    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("its mode is set");
                }
                files(value, directory);
            }
        }
        toml::Value::Array(values) => values.iter().for_each(|value| files(value, directory)),
        _ => {}
    }
}

/// What links outside of code point to.
fn links(page: &str) -> Vec<String> {
    let prose = prose(page);
    let outside: String = prose.split('`').step_by(2).collect::<Vec<_>>().join("`");
    outside.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target.to_owned()).collect()
}

/// Headings as a browser jumps to them.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    headings
        .map(|heading| {
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
            kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
        })
        .collect()
}

fn fenced(page: &str, language: &str) -> Vec<String> {
    let fence = format!("\n```{language}\n");
    page.split(&fence).skip(1).filter_map(|rest| rest.split("\n```").next()).map(|block| format!("{block}\n")).collect()
}

/// Every page that is for readers of the product.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_dir(root.join("docs")).expect("there are pages").flatten().map(|entry| entry.path());
    let mut pages: Vec<PathBuf> = docs.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    pages.extend(["README.md", "CONTRIBUTING.md"].map(|name| root.join(name)));
    pages.sort();
    pages
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
