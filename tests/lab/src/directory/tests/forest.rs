//! Two domains of one forest.

use ldap3::Scope;

use super::*;
use crate::directory::NewAccount;

const SALES: &str = "DC=sales,DC=corp,DC=example,DC=test";

#[tokio::test]
async fn each_domain_answers_for_itself_and_points_at_the_other() {
    let root = directory(3).await;
    let child = root.start_child("sales", DirectoryOptions::with_accounts(3)).await.expect("it starts");
    assert_eq!((child.base_dn().as_str(), child.bind_user().as_str()), (SALES, "svc@sales.corp.example.test"));
    assert_eq!(child.dc(0).fqdn(), "dc1.sales.corp.example.test");
    assert_eq!(root.ca_pem(), child.ca_pem());
    let (mut above, mut below) = (bound_to(&root, 0).await, bound_to(&child, 0).await);
    assert_eq!(root_dse(&mut below).await["rootDomainNamingContext"], [ROOT]);
    assert_eq!(root_dse(&mut below).await["configurationNamingContext"], [format!("CN=Configuration,{ROOT}")]);

    let (_, result) = search(&mut above, SALES, Scope::Subtree, PEOPLE, &["1.1"]).await;
    assert_eq!((result.rc, &result.text[..8]), (10, "0000202B"));
    assert!(result.refs.iter().any(|url| url.starts_with("ldap://sales.corp.example.test/")), "{:?}", result.refs);
    let (_, result) = search(&mut below, ROOT, Scope::Subtree, PEOPLE, &["1.1"]).await;
    assert_eq!(result.rc, 10);

    let (entries, result) = search(&mut above, ROOT, Scope::Subtree, PEOPLE, &["1.1"]).await;
    assert!(result.refs.iter().any(|url| url.ends_with(&format!("/{SALES}"))), "{:?}", result.refs);
    assert_eq!(entries.len(), root.accounts().len());
    above.with_controls(vec![domain_scope()]);
    assert!(search(&mut above, ROOT, Scope::Subtree, PEOPLE, &["1.1"]).await.1.refs.is_empty());
}

#[tokio::test]
async fn a_member_of_another_domain_is_a_name_and_no_object() {
    let root = directory(0).await;
    let child = root.start_child("sales", DirectoryOptions::default()).await.expect("it starts");
    let guid = child.create_account(NewAccount::named("Eva").sam("eva"));
    let group = root.create_group("All");
    let here = root.create_account(NewAccount::named("Ola"));
    root.set_membership(group, here, true);
    root.add_foreign_member(group, &child, guid);

    let (mut above, mut below) = (bound_to(&root, 0).await, bound_to(&child, 0).await);
    let found = texts(&mut above, &format!("<GUID={group}>"), Scope::Base, "(objectClass=*)", &["member"]).await;
    assert_eq!(found[0].attrs["member"], [format!("CN=Ola,OU=Staff,{ROOT}"), format!("CN=Eva,OU=Staff,{SALES}")]);
    above.with_controls(vec![domain_scope()]);
    let filter = format!("(&(objectClass=*)(memberOf=CN=All,CN=Users,{ROOT}))");
    assert_eq!(texts(&mut above, ROOT, Scope::Subtree, &filter, &["1.1"]).await.len(), 1);
    let (_, result) = search(&mut above, &format!("<GUID={guid}>"), Scope::Base, "(objectClass=*)", &["1.1"]).await;
    assert_eq!(result.rc, 32);
    // The other domain knows nothing of the group.
    let found = texts(&mut below, &format!("<GUID={guid}>"), Scope::Base, "(objectClass=*)", &["memberOf"]).await;
    assert!(!found[0].attrs.contains_key("memberOf"));
}
