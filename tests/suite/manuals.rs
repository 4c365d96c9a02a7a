//! Help, man pages and completions are what the program takes. They are generated from it, kept as files and compared here:
//! help in tests/suite/help, the rest in packaging. Written anew by
//!
//!     SEATSYNC_WRITE_MANUALS=1 cargo test --test suite manuals

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use roff::{Roff, bold, italic, roman};
use seatsync::cli::Cli;

const WRITE: &str = "SEATSYNC_WRITE_MANUALS";

/// Fixed, so that the same source makes the same pages.
const DATE: &str = "2026-11-21";

/// Every command with its words, the program itself first.
pub(crate) fn commands() -> Vec<(Vec<String>, Command)> {
    let mut root = Cli::command().term_width(100);
    root.build();
    let mut found = Vec::new();
    gather(&root, vec!["seatsync".to_owned()], &mut found);
    found
}

fn gather(command: &Command, words: Vec<String>, found: &mut Vec<(Vec<String>, Command)>) {
    found.push((words.clone(), command.clone()));
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        let words = words.iter().cloned().chain([below.get_name().to_owned()]).collect();
        gather(below, words, found);
    }
}

/// What `--help` prints, a hundred columns wide.
fn help(words: &[String]) -> String {
    let asked = words.iter().cloned().chain(["--help".to_owned()]);
    let answer = Cli::command().term_width(100).try_get_matches_from(asked).expect_err("help is asked for");
    answer.render().to_string()
}

#[test]
fn help_is_as_kept_fits_and_says_what_each_thing_is() {
    let mut files = BTreeMap::new();
    for (words, command) in commands() {
        let text = help(&words);
        for line in text.lines() {
            let usage = line.starts_with("Usage: ");
            assert!(usage || line.chars().count() <= 100, "{words:?}: longer than 100 columns:\n{line}");
            assert!(line == line.trim_end(), "{words:?}: {line:?}");
        }
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{words:?}: {} has no help", argument.get_id());
        }
        assert!(command.get_about().is_some(), "{words:?} has no help");
        let below = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(below.lines().all(|line| line.chars().count() <= 100), "{words:?}: longer than 100 columns:\n{below}");
        files.insert(format!("{}.txt", words.join("-")), text);
    }
    assert!(files.len() > 20, "{} commands", files.len());
    compare("tests/suite/help", |_| true, &files);
}

#[test]
fn one_thing_has_one_value_name() {
    let agreed = [
        ("config", "FILE"),
        ("store", "FILE"),
        ("sku", "SKU"),
        ("plan", "PLAN"),
        ("disable", "PLAN"),
        ("user", "USER"),
        ("users", "USER"),
        ("pilot", "USER"),
        ("rule", "RULE"),
        ("hold", "COHORT"),
        ("limit", "NUMBER"),
        ("since", "DATE"),
    ];
    for (words, command) in commands() {
        for argument in command.get_arguments().filter(|argument| argument.get_action().takes_values()) {
            let name = argument.get_value_names().and_then(|names| names.first()).map(|name| name.to_string());
            if let Some((_, wanted)) = agreed.iter().find(|(id, _)| argument.get_id() == id) {
                assert_eq!(name.as_deref(), Some(*wanted), "{words:?} {}", argument.get_id());
            }
        }
    }
}

#[test]
fn man_pages_are_current() {
    let files =
        commands().into_iter().map(|(words, command)| (format!("{}.8", words.join("-")), page(&words, command)));
    compare("packaging/man", |name| name.ends_with(".8"), &files.collect());
}

#[test]
fn completions_are_current() {
    let mut files = BTreeMap::new();
    for (shell, name) in shells() {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "seatsync", &mut text);
        files.insert(name.to_owned(), String::from_utf8(text).expect("a script is text"));
    }
    compare("packaging/completions", |_| true, &files);
}

/// Names as each shell looks for them.
fn shells() -> [(Shell, &'static str); 4] {
    [
        (Shell::Bash, "seatsync.bash"),
        (Shell::Zsh, "_seatsync"),
        (Shell::Fish, "seatsync.fish"),
        (Shell::PowerShell, "seatsync.ps1"),
    ]
}

#[test]
fn bash_completes_commands_options_and_values() {
    for (line, wanted) in [
        ("seatsync us", "users"),
        ("seatsync users --stand", "--standing"),
        ("seatsync users --standing ref", "refused"),
        ("seatsync config che", "check"),
    ] {
        let script = r#"
            source packaging/completions/seatsync.bash
            read -ra COMP_WORDS <<<"$1"
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _seatsync seatsync "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            printf '%s\n' "${COMPREPLY[@]}""#;
        let out = std::process::Command::new("bash")
            .args(["--norc", "-c", script, "bash", line])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("bash runs");
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(said.lines().any(|word| word == wanted), "{line:?}: {said}{}", String::from_utf8_lossy(&out.stderr));
    }
}

/// Compares a directory's files with what they must be, or writes them.
fn compare(directory: &str, ours: impl Fn(&str) -> bool, files: &BTreeMap<String, String>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    if std::env::var_os(WRITE).is_some() {
        std::fs::create_dir_all(&root).expect("the directory is made");
        for (name, text) in files {
            std::fs::write(root.join(name), text).expect("a file is written");
        }
        for stale in kept(&root).into_iter().filter(|name| ours(name) && !files.contains_key(name)) {
            std::fs::remove_file(root.join(stale)).expect("a file is removed");
        }
    }
    let remedy = format!("write it anew: {WRITE}=1 cargo test --test suite manuals");
    for (name, text) in files {
        let on_disk = std::fs::read_to_string(root.join(name)).unwrap_or_default();
        assert_eq!(&on_disk, text, "{directory}/{name} is not current; {remedy}");
    }
    let stale: Vec<_> = kept(&root).into_iter().filter(|name| ours(name) && !files.contains_key(name)).collect();
    assert!(stale.is_empty(), "{directory} has {stale:?}, which no command makes; {remedy}");
}

fn kept(root: &PathBuf) -> Vec<String> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// The page of one command in section 8.
fn page(words: &[String], command: Command) -> String {
    let below = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let man = clap_mangen::Man::new(command)
        .title(words.join("-").to_uppercase())
        .section("8")
        .date(DATE)
        .source(concat!("seatsync ", env!("CARGO_PKG_VERSION")))
        .manual("seatsync");
    let mut text = Vec::new();
    for part in [
        clap_mangen::Man::render_title,
        clap_mangen::Man::render_name_section,
        clap_mangen::Man::render_synopsis_section,
        clap_mangen::Man::render_description_section,
        clap_mangen::Man::render_options_section,
    ] {
        part(&man, &mut text).expect("it is rendered");
    }
    let mut roff = Roff::new();
    after_help(&mut roff, &below);
    if words.len() == 1 {
        commands_section(&mut roff);
        files_and_signals(&mut roff);
    } else {
        roff.control("SH", ["EXIT STATUS"]);
        roff.text([roman("As in "), bold("seatsync"), roman("(8).")]);
    }
    roff.control("SH", ["SEE ALSO"]);
    let parent = if words.len() == 1 { "seatsync-run".to_owned() } else { words[..words.len() - 1].join("-") };
    let mut also = vec![bold(parent), roman("(8), "), bold("seatsync.toml"), roman("(5)")];
    if words.len() == 3 {
        also.splice(0..0, [bold("seatsync"), roman("(8), ")]);
    }
    roff.text(also);
    // Each part comes with the same definitions in front.
    let defined = Roff::new().render();
    let parts = String::from_utf8(text).expect("roff is text") + &roff.render();
    defined.clone() + &tidy(&parts.replace(&defined, ""))
}

/// As `mandoc -T lint` wants it: no line longer than 80 bytes where it may be broken, no break twice, no blanks at ends.
fn tidy(text: &str) -> String {
    let (mut tidied, mut typed, mut whole) = (String::new(), false, false);
    for line in text.replace("\n.br\n\n.br\n", "\n.br\n").lines().map(str::trim_end) {
        let mut width = 0;
        for (n, word) in line.split(' ').enumerate() {
            let breaks = n > 0 && !whole && !line.starts_with('.') && width + 1 + word.len() > 78;
            tidied.push_str(if breaks {
                "\n"
            } else if n > 0 {
                " "
            } else {
                ""
            });
            // A word that would be a request.
            tidied.push_str(if breaks && word.starts_with(['.', '\'']) { "\\&" } else { "" });
            tidied.push_str(word);
            width = if breaks { 0 } else { width + 1 } + word.len();
        }
        tidied.push('\n');
        match line {
            // What is typed stays as it is; a title is one line.
            ".nf" => typed = true,
            ".fi" => typed = false,
            _ => {}
        }
        whole = typed || line == ".TP";
    }
    tidied
}

/// What stands below the options in the help: examples as they are typed, statuses as a list, the rest as words.
fn after_help(roff: &mut Roff, text: &str) {
    let mut notes = false;
    for block in text.split("\n\n").filter(|block| !block.is_empty()) {
        match block.split_once(":\n") {
            Some(("Exit status", list)) => {
                roff.control("SH", ["EXIT STATUS"]);
                for line in list.lines() {
                    let (status, meaning) = line.trim().split_once("  ").expect("a status and what it means");
                    roff.control("TP", []).text([bold(status)]);
                    roff.text([roman(meaning)]);
                }
            }
            Some((title, lines)) if lines.lines().all(|line| line.starts_with("  seatsync ")) => {
                roff.control("SH", ["EXAMPLES"]);
                if !title.starts_with("Example") {
                    roff.text([roman(format!("{title}:"))]).control("PP", []);
                }
                roff.control("nf", []);
                for line in lines.lines() {
                    roff.text([roman(line.trim())]);
                }
                roff.control("fi", []);
            }
            _ => {
                roff.control(if notes { "PP" } else { "SH" }, (!notes).then_some("NOTES"));
                roff.text([roman(block.replace('\n', " "))]);
                notes = true;
            }
        }
    }
}

fn commands_section(roff: &mut Roff) {
    roff.control("SH", ["COMMANDS"]);
    for (words, command) in commands().into_iter().skip(1).filter(|(_, command)| !command.has_subcommands()) {
        roff.control("TP", []).text([bold(words.join("-")), roman("(8)")]);
        roff.text([roman(command.get_about().map(ToString::to_string).unwrap_or_default())]);
    }
}

fn files_and_signals(roff: &mut Roff) {
    roff.control("SH", ["FILES"]);
    for (file, meaning) in [
        ("/etc/seatsync/seatsync.toml", "The configuration: seatsync.toml(5)."),
        ("/var/lib/seatsync/seatsync.db", "The store, unless the configuration names another."),
    ] {
        roff.control("TP", []).text([italic(file)]);
        roff.text([roman(meaning)]);
    }
    roff.control("SH", ["SIGNALS"]);
    roff.control("TP", []).text([bold("SIGTERM"), roman(", "), bold("SIGINT")]);
    roff.text([roman(
        "The agent begins no further write, lets those under way end, and stops. A second one stops it at once.",
    )]);
}
