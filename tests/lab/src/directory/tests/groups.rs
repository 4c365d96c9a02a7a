//! Groups: ranges of members, chains, primary groups, and members that come and go.

use ldap3::Scope;

use super::*;
use crate::directory::{Guid, NewAccount};

async fn values(ldap: &mut Ldap, guid: Guid, attribute: &str) -> Result<BTreeMap<String, Vec<String>>, LdapResult> {
    let base = format!("<GUID={guid}>");
    let (entries, result) = search(ldap, &base, Scope::Base, "(objectClass=*)", &[attribute]).await;
    let entry = entries.into_iter().next().map(SearchEntry::construct).ok_or(result)?;
    Ok(entry.attrs.into_iter().collect())
}

#[tokio::test]
async fn thirteen_thousand_members_come_in_ranges() {
    let directory = directory(0).await;
    let group = directory.create_group("Everybody");
    let people: Vec<_> = (0..13_000).map(|_| directory.create_account(NewAccount::new())).collect();
    let before = directory.highest_usn();
    directory.dc(0).add_members(group, &people);
    assert_eq!(directory.highest_usn(), before + 1);
    let mut ldap = bound(&directory).await;

    let plain = values(&mut ldap, group, "member").await.expect("an entry");
    let counts: Vec<_> = plain.iter().map(|(name, values)| (name.as_str(), values.len())).collect();
    assert_eq!(counts, [("member", 0), ("member;range=0-1499", 1500)]);

    let (mut met, mut low) = (Vec::new(), 0);
    loop {
        let answer = values(&mut ldap, group, &format!("member;range={low}-*")).await.expect("an entry");
        let (name, part) = answer.iter().next().expect("values");
        met.extend(part.clone());
        if name == &format!("member;range={low}-*") {
            break;
        }
        assert_eq!(name, &format!("member;range={low}-{}", low + 1499));
        low += 1500;
    }
    met.sort();
    met.dedup();
    assert_eq!((met.len(), low), (13_000, 12_000));

    let few = values(&mut ldap, group, "member;range=10-12").await.expect("an entry");
    assert_eq!(few["member;range=10-12"].len(), 3);
    let error = values(&mut ldap, group, "member;range=13000-*").await.expect_err("past the end");
    assert_eq!(error.rc, 1);
    ldap.with_controls(vec![control("1.2.840.113556.1.4.1948")]);
    values(&mut ldap, group, "member;range=13000-*").await.expect("no error");
}

#[tokio::test]
async fn chains_are_followed_up_and_down() {
    let directory = directory(20).await;
    let groups = ["A", "B", "C"].map(|name| directory.create_group(name));
    let person = directory.create_account(NewAccount::named("Eva").sam("eva"));
    directory.set_membership(groups[2], person, true);
    for (above, below) in [(0, 1), (1, 2), (2, 0)] {
        directory.set_membership(groups[above], groups[below], true);
    }
    let mut ldap = bound(&directory).await;
    let dn = |name: &str| format!("CN={name},CN=Users,{ROOT}");
    let eva = format!("CN=Eva,OU=Staff,{ROOT}");
    let cases = [
        (format!("(&(objectClass=user)(memberOf:1.2.840.113556.1.4.1941:={}))", dn("A")), 1),
        (format!("(memberOf:1.2.840.113556.1.4.1941:={})", dn("A")), 4),
        (format!("(&(objectClass=user)(memberOf={}))", dn("A")), 0),
        (format!("(memberOf=<GUID={}>)", groups[2]), 2),
        (format!("(member:1.2.840.113556.1.4.1941:={eva})"), 3),
        (format!("(member={eva})"), 1),
        (format!("(!(memberOf={}))", dn("nobody")), 1000),
        ("(memberOf:1.2.840.113556.1.4.1941:=CN=nobody)".to_owned(), 0),
    ];
    for (filter, expected) in cases {
        ldap.with_controls(vec![domain_scope()]);
        let found = texts(&mut ldap, ROOT, Scope::Subtree, &filter, &["1.1"]).await.len();
        assert!(found == expected || expected == 1000 && found > 20, "{filter}: {found}");
    }
    let base = format!("<GUID={person}>");
    let filter = format!("(memberOf:1.2.840.113556.1.4.1941:={})", dn("B"));
    assert_eq!(texts(&mut ldap, &base, Scope::Base, &filter, &["1.1"]).await.len(), 1);
}

#[tokio::test]
async fn the_primary_group_shows_in_neither_direction() {
    let directory = directory(0).await;
    let person = directory.create_account(NewAccount::named("Eva"));
    let (group, users) = (directory.create_group("Main"), format!("CN=Domain Users,CN=Users,{ROOT}"));
    let mut ldap = bound(&directory).await;
    let all = values(&mut ldap, person, "memberOf").await.expect("an entry");
    assert!(all.is_empty(), "{all:?}");
    directory.set_membership(group, person, true);
    let usn = directory.account(person).expect("there").usn_changed;
    directory.dc(0).set_primary_group(person, group);
    let member_of = values(&mut ldap, person, "memberOf").await.expect("an entry");
    assert_eq!(member_of["memberOf"], [users]);
    assert!(values(&mut ldap, group, "member").await.expect("an entry").is_empty());
    assert!(directory.account(person).expect("there").usn_changed > usn);

    let found = texts(&mut ldap, &format!("<GUID={person}>"), Scope::Base, "(objectClass=*)", &["tokenGroups"]).await;
    let tokens = found[0].attrs.get("tokenGroups").map_or(0, Vec::len)
        + found[0].bin_attrs.get("tokenGroups").map_or(0, Vec::len);
    assert_eq!(tokens, 2);
    ldap.with_controls(vec![domain_scope()]);
    let found = texts(&mut ldap, ROOT, Scope::Subtree, "(cn=Eva)", &["tokenGroups"]).await;
    assert!(found[0].attrs.is_empty() && found[0].bin_attrs.is_empty());
}

#[tokio::test]
async fn who_is_deleted_leaves_all_groups_and_the_recycle_bin_remembers() {
    let directory = directory(0).await;
    let mut ldap = bound(&directory).await;
    for (bin, left) in [(false, 0), (true, 1)] {
        directory.set_policy(|policy| policy.recycle_bin = bin);
        let group = directory.create_group(&format!("G{bin}"));
        let person = directory.create_account(NewAccount::named(&format!("Eva {bin}")));
        directory.set_membership(group, person, true);
        let usn = directory.account(group).expect("there").usn_changed;
        directory.delete(person);
        assert!(values(&mut ldap, group, "member").await.expect("an entry").is_empty());
        assert_eq!(directory.account(group).expect("there").usn_changed, usn);
        directory.undelete(person);
        let back = values(&mut ldap, group, "member").await.expect("an entry");
        assert_eq!(back.get("member").map_or(0, Vec::len), left, "recycle bin: {bin}");
    }
}
