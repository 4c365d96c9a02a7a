//! Searches: scopes, filters, pages, names of the base.

use std::collections::BTreeSet;

use ldap3::Scope;
use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};
use ldap3::controls::{Control, ControlType, MakeCritical, PagedResults as PagedControl};

use super::*;
use crate::directory::{Kind, NewAccount};

async fn count(ldap: &mut Ldap, filter: &str) -> usize {
    ldap.with_controls(vec![domain_scope()]);
    texts(ldap, ROOT, Scope::Subtree, filter, &["1.1"]).await.len()
}

#[tokio::test]
async fn a_paged_search_meets_every_account_once() {
    let directory = directory(2_500).await;
    let mut ldap = bound(&directory).await;
    let adapters: Vec<Box<dyn Adapter<_, _>>> = vec![Box::new(EntriesOnly::new()), Box::new(PagedResults::new(1000))];
    let attributes = vec!["objectGUID", "sAMAccountName"];
    let mut stream =
        ldap.streaming_search_with(adapters, ROOT, Scope::Subtree, PEOPLE, attributes).await.expect("it starts");
    let mut seen = BTreeSet::new();
    while let Some(entry) = stream.next().await.expect("an entry") {
        let entry = SearchEntry::construct(entry);
        seen.insert(entry.bin_attrs["objectGUID"][0].clone());
    }
    assert_eq!(stream.finish().await.rc, 0);
    let expected: BTreeSet<_> =
        directory.accounts().iter().map(|account| account.guid.to_bytes_le().to_vec()).collect();
    assert_eq!(seen, expected);
    let pages: Vec<_> = directory.operations().into_iter().filter(|op| op.kind == Kind::Search).collect();
    assert_eq!(
        pages.iter().map(|op| (op.page, op.entries)).collect::<Vec<_>>(),
        [(Some(1), 1000), (Some(2), 1000), (Some(3), 504)]
    );
}

#[tokio::test]
async fn an_unpaged_search_ends_at_the_page_size() {
    let directory = directory(1_200).await;
    let mut ldap = bound(&directory).await;
    let (entries, result) = search(&mut ldap, ROOT, Scope::Subtree, PEOPLE, &["1.1"]).await;
    assert_eq!((entries.len(), result.rc), (1000, 4));
}

#[tokio::test]
async fn a_cookie_of_another_time_is_refused() {
    let directory = directory(30).await;
    let mut ldap = bound(&directory).await;
    let paged = |cookie| RawControlled(10, cookie).raw();
    ldap.with_controls(vec![paged(Vec::new())]);
    let first = ldap.search(ROOT, Scope::Subtree, PEOPLE, vec!["1.1"]).await.expect("an answer").1;
    assert_eq!(first.rc, 0);
    let cookie = cookie_of(&first);
    assert!(!cookie.is_empty());
    directory.evict_cookies();
    for cookie in [cookie, b"bogus".to_vec()] {
        ldap.with_controls(vec![paged(cookie)]);
        let (_, result) = search(&mut ldap, ROOT, Scope::Subtree, PEOPLE, &["1.1"]).await;
        assert_eq!(result.rc, 12);
        assert!(result.text.starts_with("00000057"), "{}", result.text);
    }
}

struct RawControlled(i32, Vec<u8>);

impl RawControlled {
    fn raw(self) -> ldap3::controls::RawControl {
        PagedControl { size: self.0, cookie: self.1 }.critical().into()
    }
}

fn cookie_of(result: &LdapResult) -> Vec<u8> {
    let paged = result.ctrls.iter().find(|Control(kind, _)| matches!(kind, Some(ControlType::PagedResults)));
    paged.expect("a paged control").1.parse::<PagedControl>().cookie
}

#[tokio::test]
async fn filters_answer_as_the_schema_has_it() {
    let directory = directory(0).await;
    directory
        .create_account(NewAccount::named("Berg, Anna").sam("aberg").country("SE").with("extensionAttribute1", "x"));
    directory.create_account(NewAccount::named("Björn (Ö)").sam("bo").country("").disabled());
    let mut ldap = bound(&directory).await;
    let cases = [
        ("(sAMAccountName=ABERG)", 1),
        ("(cn=berg\\2c anna)", 1),
        ("(cn=Björn \\28ö\\29)", 1),
        ("(displayName=*berg*an*)", 1),
        ("(&(objectCategory=person)(c=*))", 1),
        ("(&(objectCategory=computer)(objectClass=user))", 6),
        ("(&(objectClass=user)(sAMAccountName>=svc))", 1),
        ("(userAccountControl:1.2.840.113556.1.4.803:=2)", 3),
        ("(&(sAMAccountName=bo)(userAccountControl:1.2.840.113556.1.4.804:=514))", 1),
        ("(&(sAMAccountName=bo)(!(c=SE)))", 1),
        ("(noSuchAttribute=x)", 0),
        ("(!(noSuchAttribute=x))", 0),
        ("(|(noSuchAttribute=x)(sAMAccountName=bo))", 1),
        ("(extensionAttribute1=x)", 1),
        ("(isCriticalSystemObject=TRUE)", 8),
    ];
    for (filter, expected) in cases {
        assert_eq!(count(&mut ldap, filter).await, expected, "{filter}");
    }
    directory.set_policy(|policy| policy.exchange_schema = false);
    assert_eq!(count(&mut ldap, "(!(extensionAttribute1=y))").await, 0);
    let (_, result) = search(&mut ldap, ROOT, Scope::Subtree, "(tokenGroups=x)", &["1.1"]).await;
    assert_eq!(result.rc, 18);
}

#[tokio::test]
async fn an_entry_carries_what_was_asked_for() {
    let directory = directory(0).await;
    let guid = directory.create_account(NewAccount::named("Berg, Anna").sam("aberg").country("SE"));
    let mut ldap = bound(&directory).await;
    let everything = texts(&mut ldap, ROOT, Scope::Subtree, "(sAMAccountName=aberg)", &["*", "CANONICALNAME"]).await;
    let entry = &everything[0];
    assert_eq!(entry.dn, "CN=Berg\\, Anna,OU=Staff,DC=corp,DC=example,DC=test");
    assert_eq!(entry.attrs["objectClass"], ["top", "person", "organizationalPerson", "user"]);
    assert_eq!(entry.attrs["co"], ["Sweden"]);
    assert_eq!(entry.attrs["countryCode"], ["752"]);
    assert_eq!(entry.attrs["userAccountControl"], ["512"]);
    assert_eq!(entry.attrs["sAMAccountType"], ["805306368"]);
    assert_eq!(entry.attrs["primaryGroupID"], ["513"]);
    assert!(entry.attrs["whenCreated"][0].ends_with(".0Z"));
    assert_eq!(entry.attrs["canonicalName"], ["corp.example.test/Staff/Berg, Anna"]);
    assert_eq!(entry.bin_attrs["objectGUID"], [guid.to_bytes_le().to_vec()]);
    assert_eq!(entry.bin_attrs["objectSid"][0].len(), 28);

    let named = texts(&mut ldap, ROOT, Scope::Subtree, "(sAMAccountName=aberg)", &["SAMACCOUNTNAME", "nonsense"]).await;
    assert_eq!(named[0].attrs.keys().collect::<Vec<_>>(), ["sAMAccountName"]);
    let none = texts(&mut ldap, ROOT, Scope::Subtree, "(sAMAccountName=aberg)", &["1.1"]).await;
    assert!(none[0].attrs.is_empty() && none[0].bin_attrs.is_empty());
}

#[tokio::test]
async fn an_object_answers_to_all_its_names() {
    let directory = directory(0).await;
    let guid = directory.create_account(NewAccount::named("Zoë").sam("zoe"));
    let mut ldap = bound(&directory).await;
    let wire: String = guid.to_bytes_le().iter().map(|byte| format!("{byte:02X}")).collect();
    for name in [format!("<GUID={guid}>"), format!("<GUID={wire}>"), format!("CN=zoë,OU=STAFF,{ROOT}")] {
        let found = texts(&mut ldap, &name, Scope::Base, "(objectClass=*)", &["sAMAccountName", "objectSid"]).await;
        assert_eq!(found[0].attrs["sAMAccountName"], ["zoe"], "{name}");
    }
    let sid = texts(&mut ldap, &format!("<GUID={guid}>"), Scope::Base, "(objectClass=*)", &["objectSid"]).await;
    let sid = sid[0].bin_attrs["objectSid"][0].clone();
    let parts: Vec<_> =
        sid[8..].chunks(4).map(|part| u32::from_le_bytes(part.try_into().expect("four")).to_string()).collect();
    let found =
        texts(&mut ldap, &format!("<SID=S-1-5-{}>", parts.join("-")), Scope::Base, "(objectClass=*)", &["cn"]).await;
    assert_eq!(found[0].attrs["cn"], ["Zoë"]);
}

#[tokio::test]
async fn a_base_that_is_not_there_says_where_it_ends() {
    let directory = directory(0).await;
    let mut ldap = bound(&directory).await;
    let cases = [
        ("OU=Nowhere,DC=corp,DC=example,DC=test".to_owned(), 32, "0000208D", ROOT),
        (format!("<GUID={}>", directory.invocation_id()), 32, "0000208D", ""),
        ("DC=other,DC=test".to_owned(), 10, "0000202B", ""),
        ("nonsense".to_owned(), 34, "0000208F", ""),
    ];
    for (base, code, text, matched) in cases {
        let (_, result) = search(&mut ldap, &base, Scope::Base, "(objectClass=*)", &["1.1"]).await;
        assert_eq!((result.rc, result.matched.as_str()), (code, matched), "{base}");
        assert!(result.text.starts_with(text), "{}", result.text);
    }
}

#[tokio::test]
async fn unknown_controls_are_refused_when_critical() {
    let directory = directory(0).await;
    let mut ldap = bound(&directory).await;
    ldap.with_controls(vec![control("1.2.3.4.5")]);
    let (_, result) = search(&mut ldap, ROOT, Scope::Base, "(objectClass=*)", &["1.1"]).await;
    assert_eq!(result.rc, 12);
    ldap.with_controls(vec![RawControl { crit: false, ..control("1.2.3.4.5") }]);
    let (_, result) = search(&mut ldap, ROOT, Scope::Base, "(objectClass=*)", &["1.1"]).await;
    assert_eq!(result.rc, 0);
}

#[tokio::test]
async fn a_subtree_search_points_at_other_contexts_unless_told_not_to() {
    let directory = directory(0).await;
    let mut ldap = bound(&directory).await;
    let (_, with) = search(&mut ldap, ROOT, Scope::Subtree, "(sAMAccountName=svc)", &["1.1"]).await;
    assert_eq!(with.refs.len(), 3);
    assert!(with.refs[2].ends_with("CN=Configuration,DC=corp,DC=example,DC=test"));
    ldap.with_controls(vec![domain_scope()]);
    let (entries, without) = search(&mut ldap, ROOT, Scope::Subtree, "(sAMAccountName=svc)", &["1.1"]).await;
    assert_eq!((entries.len(), without.refs.len()), (1, 0));
}

#[tokio::test]
async fn scopes_reach_as_far_as_they_say() {
    let directory = directory(0).await;
    directory.create_account(NewAccount::named("A").in_ou("Contractors"));
    let mut ldap = bound(&directory).await;
    let base = format!("OU=Contractors,{ROOT}");
    assert_eq!(texts(&mut ldap, &base, Scope::Subtree, "(objectClass=*)", &["1.1"]).await.len(), 2);
    assert_eq!(texts(&mut ldap, &base, Scope::OneLevel, "(objectClass=*)", &["1.1"]).await.len(), 1);
    assert_eq!(texts(&mut ldap, ROOT, Scope::OneLevel, "(objectClass=user)", &["1.1"]).await.len(), 0);
}
