//! The page seatsync.toml(5), made from the declared keys. Only tests make it; it is kept in `packaging/man`.

use std::path::Path;

use roff::{Inline, Roff, bold, italic, roman};

use super::keys::{self, Key, Kind, Presence, Section};

/// Fixed, so that the same source makes the same page.
const DATE: &str = "2026-11-21";

#[test]
fn the_page_about_the_file_is_current() {
    let text = page();
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/man/seatsync.toml.5");
    if std::env::var_os("SEATSYNC_WRITE_EXAMPLE").is_some() {
        std::fs::create_dir_all(kept.parent().unwrap()).unwrap();
        std::fs::write(&kept, &text).unwrap();
    }
    let on_disk = std::fs::read_to_string(&kept).unwrap_or_default();
    assert_eq!(on_disk, text, "write it anew: SEATSYNC_WRITE_EXAMPLE=1 cargo test --lib config");
}

#[test]
fn the_page_tells_of_every_key() {
    let text = page();
    each(&keys::ROOT, &mut |key| {
        let title = match key.kind {
            Kind::Tables(_) => format!("[[{}]]", key.name),
            Kind::Table(_) | Kind::OneOrMore(_) => format!("[{}]", key.name),
            _ => format!("\\fB{}\\fR", quoted(key.name)),
        };
        assert!(text.contains(&title), "{title}");
    });
}

fn each(section: &Section, check: &mut impl FnMut(&Key)) {
    for key in section.keys {
        check(key);
        // A table that may hold itself is walked once.
        if let Some(inner) = inner(key).filter(|inner| !std::ptr::eq(*inner, section)) {
            each(inner, check);
        }
    }
}

/// As roff writes a name: a hyphen that may be copied.
fn quoted(name: &str) -> String {
    name.replace('-', "\\-")
}

fn page() -> String {
    let version = concat!("seatsync ", env!("CARGO_PKG_VERSION"));
    let mut roff = Roff::new();
    roff.control("TH", ["SEATSYNC.TOML", "5", DATE, version, "seatsync"]);
    head(&mut roff, "NAME");
    words(&mut roff, "seatsync.toml - the configuration of seatsync");
    head(&mut roff, "SYNOPSIS");
    roff.text([bold("/etc/seatsync/seatsync.toml")]);
    head(&mut roff, "DESCRIPTION");
    words(
        &mut roff,
        "A file in TOML. A key that is not listed here is an error. Relative paths start at the file's directory. \
         Durations are a whole number and a unit: ms, s, m, h or d. \"seatsync config check\" says everything that is wrong \
         with a file; \"seatsync config example\" prints one with every key.",
    );
    roff.control("PP", []);
    words(&mut roff, keys::SECRET.meaning);
    list(&mut roff, &keys::SECRET);
    head(&mut roff, "TOP LEVEL");
    list(&mut roff, &keys::ROOT);
    for key in keys::ROOT.keys {
        let (Kind::Table(section) | Kind::OneOrMore(section) | Kind::Tables(section)) = key.kind else { continue };
        let double = matches!(key.kind, Kind::Tables(_));
        head(&mut roff, &if double { format!("[[{}]]", key.name) } else { format!("[{}]", key.name) });
        words(&mut roff, section.meaning);
        list(&mut roff, section);
    }
    tables_within(&mut roff);
    head(&mut roff, "FILES");
    for (file, meaning) in [
        ("/etc/seatsync/seatsync.toml", "Read unless --config or SEATSYNC_CONFIG names another."),
        ("/var/lib/seatsync/seatsync.db", "The store, unless the key \"store\" names another."),
    ] {
        roff.control("TP", []).text([italic(file)]);
        words(&mut roff, meaning);
    }
    head(&mut roff, "SEE ALSO");
    roff.text([bold("seatsync"), roman("(8), "), bold("seatsync-config-check"), roman("(8)")]);
    roff.render().replace('…', "\\[u2026]")
}

/// Each inline table once, with the keys whose value it is.
fn tables_within(roff: &mut Roff) {
    let mut within: Vec<(&Section, Vec<String>)> = Vec::new();
    for table in keys::ROOT.keys {
        let Some(section) = inner(table) else { continue };
        for key in section.keys {
            let (Kind::Inline(inner) | Kind::Inlines(inner)) = key.kind else { continue };
            let name = format!("{}.{}", table.name, key.name);
            match within.iter_mut().find(|(there, _)| std::ptr::eq(*there, inner)) {
                Some((_, names)) => names.push(name),
                None => within.push((inner, vec![name])),
            }
        }
    }
    for (section, names) in within {
        head(roff, &format!("IN {}", names.join(", ")));
        words(roff, &format!("What stands between the braces of {}.", names.join(", ")));
        list(roff, section);
    }
}

fn inner(key: &Key) -> Option<&'static Section> {
    match key.kind {
        Kind::Inline(inner)
        | Kind::Inlines(inner)
        | Kind::Table(inner)
        | Kind::Tables(inner)
        | Kind::OneOrMore(inner) => Some(inner),
        _ => None,
    }
}

fn list(roff: &mut Roff, section: &Section) {
    for key in section.keys {
        if matches!(key.kind, Kind::Table(_) | Kind::Tables(_) | Kind::OneOrMore(_)) {
            continue;
        }
        roff.control("TP", []).text(title(key));
        words(roff, &meaning(key));
        if let Kind::Choice(values) = key.kind {
            for (value, meaning) in values {
                roff.control("br", []);
                roff.text([bold(format!("\"{value}\"")), roman(":")]);
                words(roff, meaning);
            }
        }
        if let Presence::Required(value) | Presence::Optional(value) = key.presence {
            roff.control("br", []);
            roff.text([roman("Example:")]);
            for part in value.split_inclusive(", ") {
                roff.text([italic(part.trim_end())]);
            }
        }
    }
}

/// The name, and what holds without the key.
fn title(key: &Key) -> Vec<Inline> {
    let mut line = vec![bold(key.name)];
    match key.presence {
        Presence::Default(value) => line.extend([roman(" = "), italic(value)]),
        Presence::Required(_) => line.push(roman(" (required)")),
        Presence::Optional(_) => {}
    }
    line
}

fn meaning(key: &Key) -> String {
    match key.kind {
        Kind::Number(from, to) => format!("{} From {from} to {to}.", key.meaning),
        Kind::Duration(from, to) => format!("{} From {from} to {to}.", key.meaning),
        _ => key.meaning.to_owned(),
    }
}

fn head(roff: &mut Roff, title: &str) {
    roff.control("SH", [title]);
}

/// Lines of 78 columns at most, as `mandoc -T lint` wants them.
fn words(roff: &mut Roff, text: &str) {
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && line.len() + 1 + word.len() > 72 {
            roff.text([roman(std::mem::take(&mut line))]);
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    roff.text([roman(line)]);
}
