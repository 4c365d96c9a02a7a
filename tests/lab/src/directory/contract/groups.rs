//! Groups: what moves with a membership, chains, ranges, the primary group.

use ldap3::Scope;

use super::peer::{Peer, extended_dn, one, search};

pub async fn membership_moves_the_group_alone(peer: &Peer<'_>) {
    let unit = peer.unit("Contract Members").await;
    let group = peer.group(&unit, "contract-members").await;
    let person = peer.account(&unit, "Member", "contract-member", &[]).await;
    let before = (peer.usn(group).await, peer.usn(person).await);
    peer.member(group, person, true).await;
    let added = peer.usn(group).await;
    assert!(added > before.0);
    assert_eq!(peer.usn(person).await, before.1);
    let mut ldap = peer.reader().await;
    let member = one(&mut ldap, &format!("<GUID={person}>"), &["memberOf"]).await.expect("there");
    assert_eq!(member.texts("memberOf"), [format!("CN=contract-members,{unit}")]);
    peer.member(group, person, false).await;
    assert!(peer.usn(group).await > added);
    assert_eq!(peer.usn(person).await, before.1);
    let member = one(&mut ldap, &format!("<GUID={person}>"), &["memberOf"]).await.expect("there");
    assert!(member.attributes.is_empty(), "{member:?}");

    // Whoever is deleted is a member no more, and the group's uSN does not tell.
    peer.member(group, person, true).await;
    let before = peer.usn(group).await;
    peer.delete(person).await;
    assert_eq!(peer.usn(group).await, before);
    let group = one(&mut ldap, &format!("<GUID={group}>"), &["member"]).await.expect("there");
    assert!(group.texts("member").is_empty(), "{group:?}");
}

pub async fn chains_are_followed(peer: &Peer<'_>) {
    let unit = peer.unit("Contract Chains").await;
    let (outer, inner) = (peer.group(&unit, "contract-outer").await, peer.group(&unit, "contract-inner").await);
    let person = peer.account(&unit, "Chained", "contract-chained", &[]).await;
    peer.account(&unit, "Unchained", "contract-unchained", &[]).await;
    peer.member(outer, inner, true).await;
    peer.member(inner, person, true).await;
    let dn = |name: &str| format!("CN={name},{unit}");
    let cases = [
        (format!("(memberOf={})", dn("contract-outer")), vec!["contract-inner"]),
        (format!("(memberOf:1.2.840.113556.1.4.1941:={})", dn("contract-outer")), vec!["Chained", "contract-inner"]),
        (format!("(&(objectClass=user)(memberOf:1.2.840.113556.1.4.1941:={}))", dn("contract-outer")), vec!["Chained"]),
        (format!("(member={})", dn("Chained")), vec!["contract-inner"]),
        (format!("(member:1.2.840.113556.1.4.1941:={})", dn("Chained")), vec!["contract-inner", "contract-outer"]),
    ];
    let mut ldap = peer.reader().await;
    for (filter, expected) in cases {
        let (entries, result) = search(&mut ldap, &unit, Scope::Subtree, &filter, &["cn"]).await;
        let mut names: Vec<_> = entries.iter().map(|entry| entry.text("cn")).collect();
        names.sort();
        assert_eq!((result.rc, names), (0, expected.into_iter().map(str::to_owned).collect()), "{filter}");
    }
    let filter = format!("(memberOf:1.2.840.113556.1.4.1941:={})", dn("contract-outer"));
    let (entries, _) = search(&mut ldap, &format!("<GUID={person}>"), Scope::Base, &filter, &["cn"]).await;
    assert_eq!(entries.len(), 1);
}

pub async fn values_come_in_ranges(peer: &Peer<'_>) {
    let unit = peer.unit("Contract Ranges").await;
    let group = peer.group(&unit, "contract-ranges").await;
    for number in 0..5 {
        let person = peer.account(&unit, &format!("Range {number}"), &format!("range{number}"), &[]).await;
        peer.member(group, person, true).await;
    }
    let mut ldap = peer.reader().await;
    let base = format!("<GUID={group}>");
    let cases = [
        ("member", "member", 5),
        ("member;range=0-*", "member;range=0-*", 5),
        ("member;range=0-1", "member;range=0-1", 2),
        ("member;range=2-3", "member;range=2-3", 2),
        ("member;range=3-*", "member;range=3-*", 2),
        ("member;range=2-9", "member;range=2-*", 3),
    ];
    for (asked, name, count) in cases {
        let entry = one(&mut ldap, &base, &[asked]).await.unwrap_or_else(|error| panic!("{asked}: {error:?}"));
        let met: Vec<_> = entry.attributes.iter().map(|(name, values)| (name.as_str(), values.len())).collect();
        assert_eq!(met, [(name, count)], "{asked}");
    }
    // Samba says by an empty last range what Windows says by an error.
    match one(&mut ldap, &base, &["member;range=5-*"]).await {
        Err(past) => assert_eq!(past.rc, 1),
        Ok(entry) => assert!(peer.is_samba() && entry.texts("member;range=5-*").is_empty(), "{entry:?}"),
    }
}

pub async fn the_primary_group_is_not_a_membership(peer: &Peer<'_>) {
    let unit = peer.unit("Contract Primary").await;
    let person = peer.account(&unit, "Primary", "contract-primary", &[]).await;
    let mut ldap = peer.reader().await;
    let entry = one(&mut ldap, &format!("<GUID={person}>"), &["primaryGroupID", "memberOf"]).await.expect("there");
    assert_eq!((entry.text("primaryGroupID").as_str(), entry.texts("memberOf").len()), ("513", 0));
    let (found, _) = search(&mut ldap, &unit, Scope::Subtree, "(primaryGroupID=513)", &["cn"]).await;
    assert_eq!(found.len(), 1);
    let users = format!("CN=Domain Users,CN=Users,{}", peer.base);
    let filter = format!("(memberOf:1.2.840.113556.1.4.1941:={users})");
    let (found, _) = search(&mut ldap, &unit, Scope::Subtree, &filter, &["cn"]).await;
    assert!(found.is_empty());
}

pub async fn links_come_with_guid_and_sid_where_asked(peer: &Peer<'_>) {
    let unit = peer.unit("Contract Extended").await;
    let group = peer.group(&unit, "contract-extended").await;
    let person = peer.account(&unit, "Extended", "contract-extended-p", &[]).await;
    let inner = peer.group(&unit, "contract-extended-in").await;
    for member in [person, inner] {
        peer.member(group, member, true).await;
    }
    let mut ldap = peer.reader().await;
    let text = [0x30, 3, 2, 1, 1];
    let asked = ["member;range=0-1499", "objectGUID"];
    let entry = one(ldap.with_controls(vec![extended_dn(&text)]), &format!("<GUID={group}>"), &asked).await;
    let entry = entry.expect("there");
    // The entry's own DN, too; and a range means the same as without.
    assert!(entry.dn.starts_with(&format!("<GUID={group}>;<SID=S-1-5-21-")), "{}", entry.dn);
    assert!(entry.dn.ends_with(&format!(">;CN=contract-extended,{unit}")), "{}", entry.dn);
    let mut members = entry.texts("member;range=0-*");
    members.sort_by_key(|member| member.contains("extended-in"));
    for (member, (guid, name)) in members.iter().zip([(person, "Extended"), (inner, "contract-extended-in")]) {
        assert!(member.starts_with(&format!("<GUID={guid}>;<SID=S-1-5-21-")), "{member}");
        assert!(member.ends_with(&format!(">;CN={name},{unit}")), "{member}");
    }
    assert_eq!(members.len(), 2);
    // Without a value, or with 0, in hexadecimal digits.
    for value in [None, Some([0x30, 3, 2, 1, 0].as_slice())] {
        let control = ldap3::controls::RawControl { val: value.map(<[u8]>::to_vec), ..extended_dn(&[]) };
        let entry = one(ldap.with_controls(vec![control]), &format!("<GUID={person}>"), &["cn"]).await.expect("there");
        let hex: String = person.to_bytes_le().iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(entry.dn.starts_with(&format!("<GUID={hex}>;<SID=0105")), "{}", entry.dn);
    }
    // The groups within a group are found by it, and only in the domain that holds them.
    let filter = format!("(&(objectClass=group)(memberOf=CN=contract-extended,{unit}))");
    let (found, result) = search(&mut ldap, &peer.base, Scope::Subtree, &filter, &["cn"]).await;
    assert_eq!((result.rc, found.len(), found[0].text("cn").as_str()), (0, 1, "contract-extended-in"));
}

pub async fn below_a_unit_is_found_by_the_guid_of_the_unit(peer: &Peer<'_>) {
    let unit = peer.unit("Contract Below").await;
    let person = peer.account(&unit, "Below", "contract-below", &[]).await;
    let mut ldap = peer.reader().await;
    let guid = one(&mut ldap, &unit, &["objectGUID"]).await.expect("there").guid();
    let renamed = peer.rename_unit(&unit, "Contract Beneath").await;
    let filter = "(&(objectClass=user)(!(objectClass=computer)))";
    let (found, result) = search(&mut ldap, &format!("<GUID={guid}>"), Scope::Subtree, filter, &["objectGUID"]).await;
    assert_eq!((result.rc, found.len(), found[0].guid()), (0, 1, person));
    assert_eq!(found[0].dn, format!("CN=Below,{renamed}"));
    let filter = "(|(objectClass=organizationalUnit)(objectClass=container))";
    let (found, result) = search(&mut ldap, &format!("<GUID={guid}>"), Scope::Subtree, filter, &["objectGUID"]).await;
    assert_eq!((result.rc, found.len(), found[0].guid()), (0, 1, guid));
}
