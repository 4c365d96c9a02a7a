use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use uuid::Uuid;

use super::Bench;
use crate::tenant::{
    Tenant, World,
    follow::{DirectoryRecord, Follower, SyncEngine},
};

fn account(n: u128, sam: &str) -> DirectoryRecord {
    DirectoryRecord {
        object_guid: Uuid::from_u128(n),
        distinguished_name: format!("CN={sam},OU=Staff,DC=corp,DC=example,DC=test"),
        sam_account_name: Some(sam.to_owned()),
        user_principal_name: Some(format!("{sam}@corp.example.test")),
        user_account_control: 512,
        ..DirectoryRecord::default()
    }
}

#[tokio::test]
async fn accounts_become_users_after_the_delay_and_stay_in_step() {
    let tenant = Tenant::start(World::empty_contoso()).await.unwrap();
    let mut engine = SyncEngine::new(Duration::from_secs(600));
    let mut ada = account(1, "ada");
    let mut bob = account(2, "bob");
    bob.user_principal_name = Some("bob@internal.local".to_owned());
    bob.user_account_control = 514;
    bob.consistency_guid = Some(b"anything".to_vec());
    let service = account(3, "MSOL_0123");
    let imported = engine.import(&tenant, &[ada.clone(), bob.clone(), service.clone()]);
    assert_eq!((imported.created, imported.waiting), (0, 2));
    tenant.advance(Duration::from_secs(601));
    assert_eq!(engine.import(&tenant, &[ada.clone(), bob.clone(), service.clone()]).created, 2);
    let state = tenant.state();
    let user = state.user("ada@corp.example.test").unwrap();
    assert_eq!((user.anchor.as_deref(), user.account_enabled), (Some("AAAAAAAAAAAAAAAAAAAAAQ=="), true));
    assert_eq!(user.usage_location, None);
    let user = state.user("bob@contoso.onmicrosoft.com").unwrap();
    assert_eq!((user.anchor.as_deref(), user.account_enabled), (Some("YW55dGhpbmc="), false));
    assert_eq!(state.users.len(), 2);

    ada.user_account_control = 514;
    ada.usage_location = Some("SE".to_owned());
    let imported = engine.import(&tenant, &[ada.clone()]);
    assert_eq!((imported.updated, imported.deleted), (1, 1));
    let state = tenant.state();
    let user = state.user("ada@corp.example.test").unwrap();
    assert_eq!((user.account_enabled, user.usage_location.as_deref()), (false, Some("SE")));
    assert_eq!(state.user("bob@contoso.onmicrosoft.com").unwrap().removed.as_deref(), Some("changed"));
    engine.import(&tenant, &[ada.clone(), bob]);
    assert_eq!(tenant.state().user("bob@contoso.onmicrosoft.com").unwrap().removed, None, "back in scope");
    assert_eq!(engine.import(&tenant, &[ada]).updated, 0);
}

#[tokio::test]
async fn users_that_the_engine_never_saw_are_left_alone() {
    let bench = Bench::contoso().await;
    let mut engine = SyncEngine::new(Duration::ZERO);
    let imported = engine.import(&bench.tenant, &[account(1, "new")]);
    assert_eq!((imported.created, imported.deleted), (1, 0));
    assert!(bench.tenant.state().users.iter().all(|user| user.removed.is_none()));
}

#[tokio::test]
async fn a_failed_read_concludes_nothing() {
    let tenant = Tenant::start(World::empty_contoso()).await.unwrap();
    let directory = Arc::new(Mutex::new(Ok(vec![account(1, "ada")])));
    let source = Arc::clone(&directory);
    let hour = Duration::from_secs(3600);
    let follower =
        Follower::start_with(&tenant, Duration::ZERO, hour, move || std::future::ready(source.lock().unwrap().clone()));
    tenant.wait_until(|view| view.user("ada@corp.example.test").is_some()).await;
    *directory.lock().unwrap() = Err("the line broke".to_owned());
    follower.sync_now();
    let progress = follower.wait_until(|progress| progress.failed == 1).await;
    assert_eq!(progress.error.as_deref(), Some("the line broke"));
    assert!(tenant.state().users[0].removed.is_none());
    *directory.lock().unwrap() = Ok(vec![]);
    follower.sync_now();
    tenant.wait_until(|view| view.users().all(|user| user.removed.is_some())).await;
    assert_eq!(follower.wait_until(|progress| progress.cycles == 2).await.total.deleted, 1);
}
