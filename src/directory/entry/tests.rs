use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::raw::tests::{entry, trees};
use super::*;

const DN: &str = r"CN=Byron\, Ada,OU=Staff,DC=corp,DC=example,DC=test";
const GUID: [u8; 16] = [0xe0, 4, 0x25, 0x3f, 0x89, 0x4f, 0xd3, 0x41, 0x9a, 0x0c, 3, 5, 0xe8, 0x2c, 0x33, 1];
const SID: &[u8] = &[1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 80, 4, 0, 0];

fn question() -> Question {
    Question { anchor: AnchorSource::Auto, extra: BTreeSet::from(["c".into(), "department".into()]), groups: true }
}

/// Ada's entry with one attribute replaced; without values it is left out.
fn ada(name: &str, values: &[&[u8]]) -> StructureTag {
    let ordinary: [(&str, &[&[u8]]); 10] = [
        ("objectGUID", &[&GUID]),
        ("objectSid", &[SID]),
        ("sAMAccountName", &[b"ada"]),
        ("userPrincipalName", &[b"ada@example.test"]),
        ("displayName", &["Ada Byron".as_bytes()]),
        ("userAccountControl", &[b"512"]),
        ("accountExpires", &[b"9223372036854775807"]),
        ("whenCreated", &[b"20261120093000.0Z"]),
        ("uSNChanged", &[b"4711"]),
        ("c", &[b"SE"]),
    ];
    let mut attributes: Vec<(&str, &[&[u8]])> =
        ordinary.into_iter().filter(|(known, _)| !known.eq_ignore_ascii_case(name)).collect();
    if !values.is_empty() {
        attributes.push((name, values));
    }
    entry(DN, &attributes)
}

fn account(tag: StructureTag) -> Account {
    match parse(tag, &question()) {
        Parsed::Account(account) => *account,
        other => panic!("{other:?}"),
    }
}

fn reason(tag: StructureTag) -> String {
    match parse(tag, &question()) {
        Parsed::Quarantined(quarantined) => quarantined.reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_ordinary_user_is_read_whole() {
    let account = account(ada("", &[]));
    assert_eq!(account.guid.to_string(), "3f2504e0-4f89-41d3-9a0c-0305e82c3301");
    assert_eq!(account.dn, DN);
    assert_eq!(account.anchor.as_str(), "4AQlP4lP00GaDAMF6CwzAQ==");
    assert_eq!(account.sid.unwrap().as_str(), "S-1-5-21-1-2-3-1104");
    assert_eq!((account.sam.as_deref(), account.upn.as_deref()), (Some("ada"), Some("ada@example.test")));
    assert_eq!(account.display_name.as_deref(), Some("Ada Byron"));
    assert_eq!(account.created, Some("2026-11-20T09:30:00Z".parse().unwrap()));
    assert_eq!((account.enabled, account.expires, account.system), (true, None, None));
    assert_eq!(account.usn_changed, 4711);
    assert_eq!(account.attributes, BTreeMap::from([("c".to_owned(), vec!["SE".to_owned()])]));
}

#[test]
fn what_decides_and_cannot_be_read_is_quarantined_by_name() {
    let long = vec![b'9'; 2000];
    let cases: &[(&str, &[&[u8]])] = &[
        ("objectGUID", &[&[0; 15]]),
        ("objectGUID", &[&GUID, &GUID]),
        ("objectSid", &[&[1, 5, 0]]),
        ("sAMAccountName", &[b"\xff\xfe"]),
        ("userAccountControl", &[b"abc"]),
        ("userAccountControl", &[b""]),
        ("userAccountControl", &[b"512", b"514"]),
        ("accountExpires", &[b"tomorrow"]),
        ("accountExpires", &[b"-5"]),
        ("accountExpires", &[&long]),
        ("whenCreated", &[b"yesterday"]),
        ("whenCreated", &[b"20261399093000.0Z"]),
        ("whenCreated", &["2026112009300ä.0Z".as_bytes()]),
        ("whenCreated", &[b"20261120093000.Z"]),
        ("uSNChanged", &[b"0x12"]),
        ("isDeleted", &[b"maybe"]),
        ("msExchRecipientTypeDetails", &[b"user"]),
        ("mS-DS-ConsistencyGuid", &[b"a", b"b"]),
        ("c", &[b"\xff"]),
    ];
    for (name, values) in cases {
        let reason = reason(ada(name, values));
        assert!(reason.contains(name), "{name}: {reason}");
        assert!(reason.len() < 700, "{reason}");
    }
    for missing in ["objectGUID", "userAccountControl", "uSNChanged"] {
        let rest = ada(missing, &[]);
        assert!(reason(rest).contains(missing), "{missing}");
    }
    assert!(reason(ada("department;range=0-1499", &[b"x"])).contains("more values"));
}

#[test]
fn a_quarantined_entry_keeps_its_guid_and_a_printable_dn() {
    let broken = entry("CN=a\u{1b}[31m\nb,DC=x", &[("objectGUID", &[&GUID]), ("uSNChanged", &[b"x"])]);
    let Parsed::Quarantined(quarantined) = parse(broken, &question()) else { panic!("understood") };
    assert_eq!(quarantined.guid, ObjectGuid::from_wire(&GUID));
    assert!(!quarantined.dn.chars().any(char::is_control), "{:?}", quarantined.dn);
}

#[test]
fn what_decorates_is_read_as_far_as_possible() {
    assert_eq!(account(ada("displayName", &[b"A\xffda"])).display_name.as_deref(), Some("A\u{fffd}da"));
    assert_eq!(account(ada("displayName", &[])).display_name, None);
    assert_eq!(account(ada("userPrincipalName", &[])).upn, None);
    assert_eq!(account(ada("whenCreated", &[])).created, None);
    assert_eq!(account(ada("objectSid", &[])).sid, None);
}

#[test]
fn state_and_expiry_follow_the_bits() {
    for (flags, enabled) in [("512", true), ("514", false), ("546", false), ("66048", true), ("528", true)] {
        assert_eq!(account(ada("userAccountControl", &[flags.as_bytes()])).enabled, enabled, "{flags}");
    }
    for (ticks, at) in [
        ("0", None),
        ("9223372036854775807", None),
        ("9223372036854775806", None),
        ("2650467744000000000", None),
        ("132000000000000000", Some("2019-04-17T18:40:00Z")),
        ("133775712000000001", Some("2024-12-02T00:00:00.0000001Z")),
        ("1", Some("1601-01-01T00:00:00.0000001Z")),
    ] {
        let at = at.map(|text| text.parse::<Timestamp>().unwrap());
        assert_eq!(account(ada("accountExpires", &[ticks.as_bytes()])).expires, at, "{ticks}");
    }
    assert_eq!(account(ada("accountExpires", &[])).expires, None);
}

#[test]
fn a_deleted_account_is_known_by_its_guid_alone() {
    let stripped: [(&str, &[&[u8]]); 3] =
        [("objectGUID", &[&GUID]), ("isDeleted", &[b"TRUE"]), ("uSNChanged", &[b"5000"])];
    let dn = "CN=Ada\\0ADEL:3f2504e0-4f89-41d3-9a0c-0305e82c3301,CN=Deleted Objects,DC=corp,DC=example,DC=test";
    let expected = Tombstone { guid: ObjectGuid::from_wire(&GUID).unwrap(), usn_changed: 5000 };
    assert_eq!(parse(entry(dn, &stripped), &question()), Parsed::Deleted(expected));
    assert!(matches!(parse(ada("isDeleted", &[b"FALSE"]), &question()), Parsed::Account(_)));
}

#[test]
fn the_anchor_is_the_consistency_guid_then_the_object_guid() {
    assert_eq!(account(ada("mS-DS-ConsistencyGuid", &[b"any bytes"])).anchor, Anchor::from_bytes(b"any bytes"));
    assert_eq!(account(ada("mS-DS-ConsistencyGuid", &[b""])).anchor.as_str(), "4AQlP4lP00GaDAMF6CwzAQ==");
}

#[test]
fn an_anchor_attribute_is_taken_as_it_is_and_its_absence_excludes() {
    let question =
        Question { anchor: AnchorSource::Attribute("employeeid".into()), extra: BTreeSet::new(), groups: true };
    let Parsed::Account(with) = parse(ada("employeeID", &[b"E-17"]), &question) else { panic!("not read") };
    assert_eq!((with.anchor.as_str(), with.system), ("E-17", None));
    let Parsed::Account(without) = parse(ada("", &[]), &question) else { panic!("not read") };
    assert_eq!(without.system.as_deref(), Some("employeeid, the source anchor, is empty"));
}

#[test]
fn exclusions_reach_the_account() {
    let critical = account(ada("isCriticalSystemObject", &[b"TRUE"]));
    assert_eq!(critical.system.as_deref(), Some("isCriticalSystemObject is set"));
    assert_eq!(account(ada("sAMAccountName", &[])).system.as_deref(), Some("it has no sAMAccountName"));
}

#[test]
fn well_known_bytes_are_kept_in_the_form_filters_use() {
    let question = Question {
        anchor: AnchorSource::Auto,
        extra: BTreeSet::from(["objectsid".into(), "objectguid".into(), "useraccountcontrol".into()]),
        groups: true,
    };
    let Parsed::Account(account) = parse(ada("", &[]), &question) else { panic!("not read") };
    assert_eq!(account.attributes["objectsid"], ["S-1-5-21-1-2-3-1104"]);
    assert_eq!(account.attributes["objectguid"], ["3f2504e0-4f89-41d3-9a0c-0305e82c3301"]);
    assert_eq!(account.attributes["useraccountcontrol"], ["512"]);
}

proptest! {
    #[test]
    fn no_tree_makes_it_panic(tree in trees()) {
        let _ = parse(tree, &question());
    }

    #[test]
    fn no_value_makes_it_panic(
        which in 0usize..16,
        values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..3),
    ) {
        let mut names = question().attributes();
        names.push("department".into());
        let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        let _ = parse(ada(&names[which % names.len()], &values), &question());
    }

    #[test]
    fn numbers_of_any_size_are_a_time_or_none(ticks in any::<i64>()) {
        let parsed = parse(ada("accountExpires", &[ticks.to_string().as_bytes()]), &question());
        prop_assert_eq!(matches!(parsed, Parsed::Quarantined(_)), ticks < 0);
    }

    #[test]
    fn text_of_any_kind_is_a_time_or_none(text in "[0-9]{10,16}(\\.[0-9]{0,3})?Z?") {
        let _ = generalized_time(&text);
    }
}

#[test]
fn a_search_for_changes_tells_groups_and_containers_from_accounts() {
    let guid = [7; 16];
    let read = |classes: &[&[u8]], deleted: bool| {
        let key: &[&[u8]] = &[&guid];
        let mut attributes: Vec<(&str, &[&[u8]])> = vec![("objectClass", classes), ("objectGUID", key)];
        attributes.push(("uSNChanged", &[b"42"]));
        if deleted {
            attributes.push(("isDeleted", &[b"TRUE"]));
        }
        parse(entry("OU=Staff,DC=corp", &attributes), &question())
    };
    let key = ObjectGuid::from_wire(&guid).unwrap();
    assert_eq!(read(&[b"top", b"group"], false), Parsed::Group(key, 42));
    for class in [&b"organizationalUnit"[..], b"container"] {
        assert_eq!(read(&[b"top", class], false), Parsed::Container(key, "OU=Staff,DC=corp".into()));
    }
    for class in [&b"group"[..], b"organizationalUnit", b"user"] {
        assert_eq!(read(&[b"top", class], true), Parsed::Deleted(Tombstone { guid: key, usn_changed: 42 }));
    }
    assert!(matches!(read(&[b"top", b"person", b"user"], false), Parsed::Quarantined(_)), "it lacks its state");
}
