//! Searches: pages, cookies, names, errors, filters.

use std::collections::BTreeSet;

use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};
use ldap3::controls::{Control, ControlType, MakeCritical, PagedResults as PagedControl, RawControl};
use ldap3::{LdapResult, Scope, SearchEntry};

use super::peer::{Entry, Peer, control, one, search};

fn paged(cookie: Vec<u8>) -> Vec<RawControl> {
    vec![PagedControl { size: 2, cookie }.critical().into()]
}

fn cookie_of(result: &LdapResult) -> Vec<u8> {
    let paged = result.ctrls.iter().find(|Control(kind, _)| matches!(kind, Some(ControlType::PagedResults)));
    paged.expect("a paged control").1.parse::<PagedControl>().cookie
}

pub async fn paging_meets_everyone_once(peer: &Peer<'_>) {
    let unit = peer.unit("Contract Paging").await;
    let mut expected = BTreeSet::new();
    for number in 0..7 {
        expected.insert(peer.account(&unit, &format!("Paged {number}"), &format!("paged{number}"), &[]).await);
    }
    let mut ldap = peer.reader().await;
    for size in [2, 7, 5000] {
        let adapters: Vec<Box<dyn Adapter<_, _>>> =
            vec![Box::new(EntriesOnly::new()), Box::new(PagedResults::new(size))];
        let mut stream = ldap
            .streaming_search_with(adapters, &unit, Scope::Subtree, "(objectClass=user)", vec!["objectGUID"])
            .await
            .expect("it starts");
        let mut met = Vec::new();
        while let Some(entry) = stream.next().await.expect("an entry") {
            met.push(Entry::from(SearchEntry::construct(entry)).guid());
        }
        assert_eq!(stream.finish().await.rc, 0);
        assert_eq!(met.len(), 7, "pages of {size}");
        assert_eq!(met.into_iter().collect::<BTreeSet<_>>(), expected);
    }
}

pub async fn a_cookie_means_nothing_elsewhere(peer: &Peer<'_>) {
    let unit = peer.unit("Contract Cookies").await;
    for number in 0..4 {
        peer.account(&unit, &format!("Cookie {number}"), &format!("cookie{number}"), &[]).await;
    }
    let mut ldap = peer.reader().await;
    ldap.with_controls(paged(Vec::new()));
    let (entries, first) = search(&mut ldap, &unit, Scope::Subtree, "(objectClass=user)", &["cn"]).await;
    let cookie = cookie_of(&first);
    assert_eq!((entries.len(), first.rc), (2, 0));
    assert!(!cookie.is_empty());

    let mut other = peer.reader().await;
    for cookie in [cookie.clone(), b"nobody gave this".to_vec()] {
        other.with_controls(paged(cookie));
        let (entries, result) = search(&mut other, &unit, Scope::Subtree, "(objectClass=user)", &["cn"]).await;
        assert!(entries.is_empty());
        // Samba has 53 for a cookie it does not know.
        assert_eq!(result.rc, if peer.is_samba() { 53 } else { 12 }, "{}", result.text);
    }
    ldap.with_controls(paged(cookie));
    let (entries, last) = search(&mut ldap, &unit, Scope::Subtree, "(objectClass=user)", &["cn"]).await;
    assert_eq!((entries.len(), last.rc), (2, 0));
}

pub async fn an_object_answers_to_all_its_names(peer: &Peer<'_>) {
    let unit = peer.unit("Contract Names").await;
    let guid = peer.account(&unit, "Berg, Zoë", "contract-zoe", &[]).await;
    let mut ldap = peer.reader().await;
    let dashed = one(&mut ldap, &format!("<GUID={guid}>"), &["objectSid", "objectGUID"]).await.expect("by GUID");
    assert_eq!(dashed.dn, format!("CN=Berg\\, Zoë,{unit}"));
    assert_eq!(dashed.guid(), guid);
    let sid = &dashed.attributes["objectSid"][0];
    let parts = sid[8..].chunks(4).map(|part| u32::from_le_bytes(part.try_into().expect("four")).to_string());
    let sid = format!("<SID=S-1-5-{}>", parts.collect::<Vec<_>>().join("-"));
    let wire: String = guid.to_bytes_le().iter().map(|byte| format!("{byte:02x}")).collect();
    let escaped = format!("cn=berg\\2c zoë,{}", unit.to_lowercase());
    for base in [format!("<GUID={wire}>"), sid, escaped] {
        let found = one(&mut ldap, &base, &["cn"]).await.unwrap_or_else(|error| panic!("{base}: {error:?}"));
        assert_eq!(found.dn, dashed.dn, "{base}");
    }
    let users = format!("<WKGUID=A9D1CA15768811D1ADED00C04FD8D5CD,{}>", peer.base);
    let found = one(&mut ldap, &users, &["cn"]).await.expect("by well-known GUID");
    assert_eq!(found.dn, format!("CN=Users,{}", peer.base));
}

pub async fn errors_have_the_codes_of_ad(peer: &Peer<'_>) {
    let mut ldap = peer.reader().await;
    let cases = [
        (format!("OU=Nowhere,{}", peer.base), 32),
        ("<GUID=00000000-0000-4000-8000-000000000001>".to_owned(), 32),
        ("DC=elsewhere,DC=invalid".to_owned(), 10),
        ("nonsense".to_owned(), 34),
    ];
    for (base, code) in cases {
        let refused = one(&mut ldap, &base, &["cn"]).await.expect_err("no such base");
        // Samba has 32 for what lies outside of all it holds.
        let code = if peer.is_samba() && code == 10 { vec![10, 32] } else { vec![code] };
        assert!(code.contains(&refused.rc), "{base}: {} {}", refused.rc, refused.text);
    }
    // Samba answers a critical control it does not know with an extended response, which breaks the client.
    if !peer.is_samba() {
        ldap.with_controls(vec![control("1.2.3.4.5")]);
        assert_eq!(one(&mut ldap, &peer.base, &["cn"]).await.expect_err("an unknown control").rc, 12);
    }
    ldap.with_controls(vec![RawControl { crit: false, ..control("1.2.3.4.5") }]);
    assert!(one(&mut ldap, &peer.base, &["cn"]).await.is_ok());

    let (_, with) = search(&mut ldap, &peer.base, Scope::Subtree, "(cn=nobody at all)", &["cn"]).await;
    assert_eq!(with.rc, 0);
    assert!(with.refs.iter().any(|url| url.contains("CN=Configuration,")), "{:?}", with.refs);
    ldap.with_controls(vec![control("1.2.840.113556.1.4.1339")]);
    let (_, without) = search(&mut ldap, &peer.base, Scope::Subtree, "(cn=nobody at all)", &["cn"]).await;
    assert_eq!((without.rc, without.refs.len()), (0, 0));
}

pub async fn extended_filters_and_unknown_attributes(peer: &Peer<'_>) {
    let unit = peer.unit("Contract Filters").await;
    peer.account(&unit, "On", "contract-on", &[("c", "SE"), ("title", "Boss")]).await;
    peer.account(&unit, "Off", "contract-off", &[("userAccountControl", "546"), ("c", "NO")]).await;
    let mut ldap = peer.reader().await;
    let cases = [
        ("(userAccountControl:1.2.840.113556.1.4.803:=2)", 1),
        ("(userAccountControl:1.2.840.113556.1.4.803:=514)", 1),
        ("(userAccountControl:1.2.840.113556.1.4.804:=514)", 2),
        ("(&(objectClass=user)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))", 1),
        ("(&(objectCategory=person)(objectClass=user))", 2),
        ("(objectClass=computer)", 0),
        ("(c=se)", 1),
        ("(&(objectClass=user)(!(title=boss)))", 1),
        ("(&(objectClass=user)(title=*))", 1),
        ("(title=b*s)", 1),
        ("(noSuchAttributeAtAll=x)", 0),
        ("(|(noSuchAttributeAtAll=x)(c=NO))", 1),
        ("(sAMAccountName>=contract-on)", 1),
    ];
    for (filter, expected) in cases {
        let (entries, result) = search(&mut ldap, &unit, Scope::Subtree, filter, &["cn"]).await;
        assert_eq!((entries.len(), result.rc), (expected, 0), "{filter}: {}", result.text);
    }
}
