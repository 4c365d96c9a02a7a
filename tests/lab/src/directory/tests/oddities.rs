//! What real networks and real domain controllers do now and then.

use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};
use ldap3::controls::{Control, ControlType, MakeCritical, PagedResults as PagedControl};
use ldap3::{Scope, SearchOptions};

use super::*;
use crate::directory::{Change, Effect, Fault, Kind, NewAccount, Target};

#[tokio::test]
async fn a_page_is_never_larger_than_the_policy() {
    let directory = directory(100).await;
    directory.set_policy(|policy| policy.max_page_size = 30);
    let mut ldap = bound(&directory).await;
    let adapters: Vec<Box<dyn Adapter<_, _>>> = vec![Box::new(EntriesOnly::new()), Box::new(PagedResults::new(5000))];
    let mut stream =
        ldap.streaming_search_with(adapters, ROOT, Scope::Subtree, PEOPLE, vec!["1.1"]).await.expect("it starts");
    let mut met = 0;
    while stream.next().await.expect("an entry").is_some() {
        met += 1;
    }
    let pages: Vec<_> = directory.operations().into_iter().filter(|op| op.kind == Kind::Search).collect();
    assert_eq!((met, stream.finish().await.rc), (104, 0));
    assert_eq!(pages.iter().map(|op| op.entries).collect::<Vec<_>>(), [30, 30, 30, 14]);
    assert!(pages.iter().all(|op| op.bytes > 30 * op.entries));
}

#[tokio::test]
async fn a_cookie_is_good_on_its_own_connection_alone() {
    let directory = directory(50).await;
    let (mut one, mut other) = (bound(&directory).await, bound(&directory).await);
    let paged = |cookie| vec![PagedControl { size: 10, cookie }.critical().into()] as Vec<ldap3::controls::RawControl>;
    one.with_controls(paged(Vec::new()));
    let first = one.search(ROOT, Scope::Subtree, PEOPLE, vec!["1.1"]).await.expect("an answer").1;
    let cookie = first.ctrls.iter().find_map(|Control(kind, raw)| {
        matches!(kind, Some(ControlType::PagedResults)).then(|| raw.parse::<PagedControl>().cookie)
    });
    let cookie = cookie.expect("a cookie");
    other.with_controls(paged(cookie.clone()));
    let (_, refused) = search(&mut other, ROOT, Scope::Subtree, PEOPLE, &["1.1"]).await;
    assert_eq!((refused.rc, &refused.text[..8]), (12, "00000057"));
    one.with_controls(paged(cookie));
    assert_eq!(search(&mut one, ROOT, Scope::Subtree, PEOPLE, &["1.1"]).await.1.rc, 0);
}

#[tokio::test]
async fn partial_answers_carry_the_code_that_says_so() {
    let directory = directory(30).await;
    let mut ldap = bound(&directory).await;
    ldap.with_search_options(SearchOptions::new().sizelimit(7));
    let (entries, result) = search(&mut ldap, ROOT, Scope::Subtree, PEOPLE, &["1.1"]).await;
    assert_eq!((entries.len(), result.rc, &result.text[..8]), (7, 4, "00002023"));

    let cases = [
        (Effect::time_limit(), 3, "00002022"),
        (Effect::busy(), 51, "0000200E"),
        (Effect::unavailable(), 52, "0000200F"),
    ];
    for (effect, code, text) in cases {
        directory.add_fault(Fault::once(Target::kind(Kind::Search), effect).after_entries(5));
        let (entries, result) = search(&mut ldap, ROOT, Scope::Subtree, PEOPLE, &["1.1"]).await;
        assert_eq!((entries.len(), result.rc, &result.text[..8]), (5, code, text));
    }
}

#[tokio::test]
async fn a_truncated_answer_claims_to_be_whole() {
    let directory = directory(96).await;
    let mut ldap = bound(&directory).await;
    directory.add_fault(Fault::once(Target::page(2), Effect::Truncate).after_entries(3));
    let adapters: Vec<Box<dyn Adapter<_, _>>> = vec![Box::new(EntriesOnly::new()), Box::new(PagedResults::new(40))];
    let mut stream =
        ldap.streaming_search_with(adapters, ROOT, Scope::Subtree, PEOPLE, vec!["1.1"]).await.expect("it starts");
    let mut met = 0;
    while stream.next().await.expect("an entry").is_some() {
        met += 1;
    }
    assert_eq!((met, stream.finish().await.rc), (43, 0));
}

#[tokio::test]
async fn binds_fail_for_the_reason_the_account_has() {
    let directory = directory(0).await;
    let svc = directory.accounts().into_iter().find(|account| account.sam.as_deref() == Some("svc")).expect("there");
    let cases = [
        (Change::Disable, Change::Enable, "533"),
        (Change::set("accountExpires", "132223104000000000"), Change::set("accountExpires", "0"), "701"),
        (Change::set("pwdLastSet", "0"), Change::set("pwdLastSet", "132223104000000000"), "773"),
        (Change::set("lockoutTime", "132223104000000000"), Change::clear("lockoutTime"), "775"),
    ];
    let mut ldap = connect(&directory).await;
    let (user, password) = (directory.bind_user(), directory.bind_password());
    for (ill, well, data) in cases {
        directory.modify(svc.guid, &[ill]);
        let refused = ldap.simple_bind(&user, &password).await.expect("an answer");
        assert_eq!(refused.rc, 49);
        assert!(refused.text.starts_with("80090308") && refused.text.contains(&format!("data {data},")), "{data}");
        directory.modify(svc.guid, &[well]);
        assert_eq!(ldap.simple_bind(&user, &password).await.expect("an answer").rc, 0, "{data}");
    }
    for code in [0x525, 0x52e, 0x530, 0x531, 0x532, 0x533, 0x701, 0x773, 0x775, 0x8009_0346_u32] {
        directory.set_bind_failure(Some(code));
        let refused = ldap.simple_bind(&user, &password).await.expect("an answer");
        assert!(refused.rc == 49 && refused.text.contains(&format!("data {code:x},")), "{}", refused.text);
        assert_eq!(refused.text.starts_with("80090346"), code == 0x8009_0346, "{}", refused.text);
    }
}

#[tokio::test]
async fn names_that_lost_a_conflict_are_escaped_in_the_dn() {
    let directory = Directory::start(DirectoryOptions::default().dcs(2)).await.expect("it starts");
    directory.dc(0).create_account(NewAccount::named("Berg, Eva").sam("one"));
    directory.dc(1).create_account(NewAccount::named("Berg, Eva").sam("two"));
    directory.converge();
    for dc in 0..2 {
        let mut ldap = bound_to(&directory, dc).await;
        ldap.with_controls(vec![domain_scope()]);
        let found = texts(&mut ldap, ROOT, Scope::Subtree, "(&(objectClass=user)(cn=berg, eva*))", &["cn"]).await;
        let lost: Vec<_> = found.iter().filter(|entry| entry.dn.contains("CN=Berg\\, Eva\\0ACNF:")).collect();
        assert_eq!((found.len(), lost.len()), (2, 1), "{found:?}");
        assert!(lost[0].attrs["cn"][0].starts_with("Berg, Eva\nCNF:"));
    }
}
