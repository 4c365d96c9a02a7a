//! What bytes from outside meet first, reachable for the fuzz targets (`tests/fuzz`) and for the replay of their corpus. Each
//! function panics when something is not as it must be, whatever the input.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use std::collections::BTreeSet;

use ldap3::asn1::parse_tag;

use super::dc::RootDse;
use super::entry::{Parsed, parse, shown};
use super::question::Question;
use super::raw::Raw;
use super::refusal::Refusal;
use super::search::cookie;
use crate::model::filter::Filter;
use crate::model::rule::Dn;
use crate::model::settings::AnchorSource;

/// A search result entry in BER, read by two questions: an account that can be placed, a deletion, or a reason on one line.
pub fn entry(bytes: &[u8]) {
    let extra: BTreeSet<String> = ["c", "memberof", "objectsid", "objectguid"].map(str::to_owned).into();
    for anchor in [AnchorSource::Auto, AnchorSource::Attribute("employeeid".into())] {
        let Ok((_, tree)) = parse_tag(bytes) else { return };
        match parse(tree, &Question { anchor, extra: extra.clone(), groups: true }) {
            Parsed::Account(account) => {
                assert!(Dn::parse(&account.dn).is_some(), "an account that stands nowhere");
                assert!(!account.anchor.to_string().is_empty(), "an account that joins to anybody");
                assert!(account.attributes.values().all(|values| !values.is_empty()));
            }
            Parsed::Deleted(_) | Parsed::Group(..) | Parsed::Container(..) => {}
            Parsed::Quarantined(entry) => {
                assert!(!entry.reason.is_empty());
                assert!(!entry.dn.chars().chain(entry.reason.chars()).any(char::is_control), "{entry:?}");
            }
        }
    }
}

/// Whatever else a controller sends: the value of a paged results control, the rootDSE, attributes with options, the text of a
/// refusal.
pub fn control(bytes: &[u8]) {
    if let Some(cookie) = cookie(bytes) {
        assert!(cookie.is_empty() || bytes.windows(cookie.len()).any(|part| part == cookie));
    }
    if let Ok(raw) = parse_tag(bytes).map_err(drop).and_then(|(_, tree)| Raw::read(tree).map_err(drop)) {
        assert!(raw.attributes.iter().all(|(name, values)| !name.contains(';') && !values.is_empty()));
        assert!(raw.partial.iter().all(|name| !name.contains(';')));
        let _ = RootDse::read(&raw);
    }
    let text = String::from_utf8_lossy(bytes);
    let _ = Refusal::read(&text);
    assert!(!shown(bytes).chars().any(char::is_control));
}

/// The text of a filter: what is written back is read as what it was, and asked of any values it gives an answer.
pub fn filter(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let values = [text.to_owned(), "514".to_owned(), String::new()];
    let read = |filter: &Filter| {
        let written = filter.to_string();
        assert!(!written.chars().any(char::is_control), "{written:?}");
        Filter::parse(&written).unwrap_or_else(|error| panic!("{written}: {error}"))
    };
    if let Ok(filter) = Filter::parse(text) {
        let again = read(&filter);
        assert_eq!(read(&again), again, "{text}");
        for values in [&values[..], &values[..1], &[]] {
            assert_eq!(filter.matches(&|_: &str| values), again.matches(&|_: &str| values), "{text}");
        }
    }
    if let Some(dn) = Dn::parse(text) {
        assert!(Dn::parse(&dn.to_string()).is_some_and(|again| again == dn) && dn.is_within(&dn));
        assert!(dn.parent().is_none_or(|parent| dn.is_within(&parent) && parent.depth() + 1 == dn.depth()), "{text}");
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// What was found by fuzzing, and what it started from, stays found.
    #[test]
    fn the_corpus_holds() {
        type Target = fn(&[u8]);
        let targets: [(&str, Target); 3] =
            [("entry", super::entry), ("control", super::control), ("filter", super::filter)];
        for (name, target) in targets {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name);
            let mut inputs = 0;
            for input in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
                target(&std::fs::read(input.unwrap().path()).unwrap());
                inputs += 1;
            }
            assert!(inputs > 5, "{name}: {inputs} inputs");
        }
    }
}
