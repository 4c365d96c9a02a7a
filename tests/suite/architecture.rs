//! The rules of the house that a compiler does not keep.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Which rooms each room may import.
const MAY_IMPORT: [(&str, &[&str]); 18] = [
    ("model", &[]),
    ("clock", &[]),
    ("system", &[]),
    ("vitals", &["clock"]),
    ("decide", &["model"]),
    ("config", &["model", "system"]),
    ("store", &["model", "system"]),
    ("directory", &["model", "tls", "system"]),
    ("tenant", &["model", "clock", "tls", "system"]),
    ("notify", &["model", "tls"]),
    ("tls", &["model"]),
    ("observe", &["model"]),
    ("apply", &["model", "clock", "vitals", "decide", "store", "tenant", "observe"]),
    (
        "agent",
        &["model", "clock", "vitals", "decide", "directory", "tenant", "store", "apply", "notify", "tls", "observe"],
    ),
    ("service", &["model", "clock", "vitals", "store", "agent", "observe", "system"]),
    ("watch", &["model", "clock", "vitals", "store", "agent", "observe"]),
    ("doctor", &["model", "clock", "decide", "config", "store", "directory", "tenant", "tls", "system"]),
    (
        "cli",
        &[
            "model", "clock", "vitals", "config", "store", "tenant", "notify", "agent", "service", "watch", "doctor",
            "tls", "observe", "system",
        ],
    ),
];

/// Who alone may name a library.
const OWNERS: [(&str, &[&str]); 20] = [
    ("ldap3", &["directory"]),
    ("prometheus", &["watch"]),
    ("hyper", &["watch"]),
    ("cross_krb5", &["directory"]),
    ("hickory_resolver", &["directory"]),
    ("reqwest", &["tenant", "notify"]),
    ("rusqlite", &["store"]),
    ("rustls", &["tls", "directory", "tenant", "notify", "agent", "doctor"]),
    ("rustix", &["system"]),
    ("sd_notify", &["service"]),
    ("windows_service", &["service"]),
    ("windows_registry", &["service", "system"]),
    ("windows_sys", &["observe", "system"]),
    ("tracing_appender", &["observe"]),
    ("signal_hook", &["service"]),
    ("toml", &["config"]),
    ("tracing_journald", &["observe"]),
    ("x509_parser", &["tenant", "tls"]),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
];

#[test]
fn imports_run_one_way() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_IMPORT.into_iter().collect();
    let mut wrong = Vec::new();
    for (file, room, text) in product_files().filter(|(file, ..)| !is_test(file)) {
        let may = allowed.get(room.as_str()).unwrap_or_else(|| panic!("src/{room} is in no rule of the house"));
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for other in line.match_indices("crate::").map(|(at, found)| &line[at + found.len()..]) {
                let other: String = other.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if allowed.contains_key(other.as_str()) && other != room && !may.contains(&other.as_str()) {
                    wrong.push(format!("{}: {room} imports {other}: {}", file.display(), line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_outside_thing_has_one_owner() {
    let mut wrong = Vec::new();
    for (file, room, text) in product_files() {
        // Tests may stand on any library.
        let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for (library, owners) in OWNERS {
            let named = product
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .any(|line| line.contains(&format!("{library}::")) || line.contains(&format!("use {library}")));
            if named && !owners.contains(&room.as_str()) {
                wrong.push(format!("{}: only {} may name {library}", file.display(), owners.join(", ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn systems_differ_in_few_rooms() {
    let mut wrong = Vec::new();
    for (file, room, text) in product_files() {
        let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        // What is for tests alone may differ.
        let lines = product.replace("#[cfg(test)]\n#[cfg(unix)]", "");
        for line in lines.lines().filter(|line| line.contains("cfg")) {
            let differs = ["windows", "unix", "target_os"].iter().any(|word| line.contains(word));
            if differs && !["service", "observe", "system"].contains(&room.as_str()) {
                wrong.push(format!("{}: {}", file.display(), line.trim()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "what differs between systems belongs into system, service or observe:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn unsafe_code_is_for_windows_and_says_why_it_is_sound() {
    let mut blocks = 0;
    for (file, _, text) in product_files() {
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("#")).collect();
        for (at, _) in lines.iter().enumerate().filter(|(_, line)| line.contains("unsafe ")) {
            let name = file.display().to_string();
            assert!(name.contains("windows") || name.contains("event_log"), "{name} has unsafe code");
            let reason = lines[..at]
                .iter()
                .rev()
                .take(3)
                .any(|line| line.contains("// SAFETY: ") || line.contains("/// # Safety"));
            assert!(reason, "{name}: why is this sound? {}", lines[at].trim());
            blocks += 1;
        }
    }
    assert!(blocks > 5, "{blocks} blocks were found");
}

#[test]
fn no_product_file_outgrows_a_readers_head() {
    const MOST: usize = 450;
    let long: Vec<String> = product_files()
        .map(|(file, _, text)| {
            let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().lines().count();
            (file, product)
        })
        .filter(|(_, lines)| *lines > MOST)
        .map(|(file, lines)| format!("{}: {lines} lines", file.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// Tests may stand on any room.
fn is_test(file: &Path) -> bool {
    let name = file.to_string_lossy();
    name.contains("test") || name.ends_with("sample.rs")
}

/// Every source file in a room, with the room's name and the text.
pub fn product_files() -> impl Iterator<Item = (PathBuf, String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&src, &mut found);
    found.into_iter().filter_map(move |file| {
        let inside = file.strip_prefix(&src).ok()?.to_path_buf();
        let room = inside.components().next()?.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned();
        let text = std::fs::read_to_string(&file).ok()?;
        (room != "main" && room != "lib" && !is_test(&inside)).then_some((inside, room, text))
    })
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder is read").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}
