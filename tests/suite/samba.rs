//! The same against a real domain controller: what the lab's directory only claims is shown here. Samba's own tools make
//! the domain (`tests/samba`), the lab's tenant follows it as Entra Connect would, and the agent reads it with the plain
//! domain account that the README asks for.

mod diagnosis;
#[cfg(feature = "gssapi")]
mod kerberos;
mod membership;
mod pair;
mod site;

use std::process::Output;

use seatsync::store::Dossier;
use seatsync_lab::tenant::Counters;
use site::{DISABLED, ENABLED, Site, bulk, by_guid, dc, env};

use crate::bench::{Joiner, person};

/// Somebody who never expires, and a time long past, as 100 ns since 1601.
const NEVER: &str = "9223372036854775807";
const LONG_AGO: &str = "132223104000000000";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real Samba AD DC: tests/run samba"]
async fn a_new_account_is_licensed_within_two_polls_of_its_user() {
    let mut site = Site::new("Joining").await;
    // Long enough for location, license and reading back to happen between two of them.
    site.bench.edit("poll = \"200ms\"\npoll_awaiting = \"100ms\"", "poll = \"5s\"\npoll_awaiting = \"2s\"");
    let agent = site.bench.running().await;
    let _follower = site.follow(&site.unit);
    let dana = site.hire("Dana Doe", "dana", &[("c", "DK")]).await;
    let nora = site.hire("Nora Null", "nora", &[]).await;
    let (dana_polls, nora_polls) = tokio::join!(polls_until_licensed(&site, &dana), polls_until_licensed(&site, &nora));
    assert!(dana_polls <= 2 && nora_polls <= 2, "{dana_polls} and {nora_polls} polls");
    agent.until_standing(&dana, "licensed").await;
    agent.until_standing(&nora, "licensed").await;

    for (joiner, location) in [(&dana, "DK"), (&nora, "SE")] {
        assert_licensed(&site, joiner, location);
        let dossier = person(&agent.store, joiner).await.expect("known");
        assert_eq!(moves(&dossier), ["awaiting", "present"], "{}", joiner.upn);
    }
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real Samba AD DC: tests/run samba"]
async fn the_seeded_domain_is_understood() {
    let mut site = Site::new("Seeded").await;
    let base = env("SAMBA_BASE");
    let units = ["OU=Staff", "OU=Contractors", "OU=Service", "CN=Users"].map(|unit| format!("{unit},{base}"));
    site.read_instead(&units.each_ref().map(String::as_str));
    let agent = site.bench.running().await;

    let report = agent.store.report().await.unwrap();
    // 20 people and our own account; Dora, Dirk, Egon, Olga, MSOL_, and the domain's own four.
    assert_eq!(report.presence, [("excluded".to_owned(), 9), ("not-synced".to_owned(), 21)].into(), "{report:#?}");
    let excluded = [("disabled-in-directory", 2), ("expired", 1), ("system", 6)];
    assert_eq!(report.excluded, excluded.map(|(kind, count)| (kind.to_owned(), count)).into());
    assert_eq!(report.quarantined, 0, "{:?}", agent.store.quarantined().await);

    let _follower = site.follow(&base);
    agent.until(|report| report.standing.get("licensed") == Some(&21)).await;
    for (sam, location) in [("ada", "GB"), ("alan", "SE"), ("jnunez", "ES"), ("lzolc", "PL"), ("tyamada", "JP")] {
        let user = site.bench.tenant.view(|view| view.user(&format!("{sam}@corp.example.test"))).expect(sam);
        assert_eq!((user.holds("EMS"), user.usage_location.as_deref()), (true, Some(location)), "{sam}");
    }
    // Anchors that are not the account's own GUID, one of them bytes that read as text.
    for (sam, anchor) in [("anna", "AAAAAAoAzhEAAAAAAAAAAA=="), ("tess", "QUJDREVGR0hJSktMTU5PUA==")] {
        let user = site.bench.tenant.view(|view| view.user(&format!("{sam}@corp.example.test"))).expect(sam);
        assert_eq!((user.holds("EMS"), user.anchor.as_deref()), (true, Some(anchor)), "{sam}");
    }
    let state = site.bench.tenant.state();
    let licensed =
        |name: &str| state.users.iter().any(|user| user.user_principal_name.starts_with(name) && user.holds("EMS"));
    assert!(["frida@", "nils@", "zoe@", "ned@", "svc-seatsync@"].iter().all(|name| licensed(name)));
    assert!(!["dora@", "dirk@", "egon@", "olga@", "MSOL_"].iter().any(|name| licensed(name)));
    assert_eq!(state.counters.assign_license.calls, 21);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real Samba AD DC: tests/run samba"]
async fn whoever_is_enabled_later_is_licensed_then() {
    let site = Site::new("Later").await;
    let dora = site.hire("Later Dora", "later-dora", &[("userAccountControl", DISABLED), ("c", "DE")]).await;
    let agent = site.bench.running().await;
    let _follower = site.follow(&site.unit);
    let egon = site.hire("Later Egon", "later-egon", &[("accountExpires", LONG_AGO), ("c", "DE")]).await;
    let olga = site.hire("Later Olga", "later-olga", &[("adminDescription", "User_NoSync")]).await;
    let engine = site.hire("Later Engine", "MSOL_later", &[]).await;
    site.bench.until_user(&dora, |_| true).await;
    site.bench.until_user(&egon, |_| true).await;
    agent.until(|report| report.presence.get("excluded") == Some(&4)).await;

    site.set(&dora, "userAccountControl", ENABLED).await;
    site.set(&egon, "accountExpires", NEVER).await;
    agent.until_standing(&dora, "licensed").await;
    agent.until_standing(&egon, "licensed").await;
    for joiner in [&dora, &egon] {
        assert_licensed(&site, joiner, "DE");
    }
    let report = agent.store.report().await.unwrap();
    assert_eq!(report.excluded, [("system".to_owned(), 2)].into());
    for joiner in [&olga, &engine] {
        assert!(site.bench.tenant.view(|view| view.user(&joiner.upn)).is_none(), "{}", joiner.upn);
    }
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real Samba AD DC: tests/run samba"]
async fn names_and_anchors_are_taken_as_they_are() {
    let site = Site::new("Names, and “more”").await;
    let agent = site.bench.running().await;
    let follower = site.follow(&site.unit);
    let comma = site.hire("O'Neil, Zoë \"Z\" + 1", "zoneil", &[("c", "IE")]).await;
    let wide = site.hire("中村 さくら #2", "snakamura", &[("c", "JP")]).await;
    // Anchors written before the first synchronisation: one that is text, one that is a GUID from elsewhere.
    let text = site.hire("Text Anchor", "text-anchor", &[("mS-DS-ConsistencyGuid", "sixteen letters!")]).await;
    let foreign = site.hire("Foreign Anchor", "foreign-anchor", &[("userAccountControl", DISABLED)]).await;
    site.set(&foreign, "mS-DS-ConsistencyGuid", [0xf0, 0x9f, 0, 0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]).await;
    site.set(&foreign, "userAccountControl", ENABLED).await;
    for joiner in [&comma, &wide, &text, &foreign] {
        agent.until_standing(joiner, "licensed").await;
    }
    assert_eq!(site.bench.user(&text).anchor.as_deref(), Some("c2l4dGVlbiBsZXR0ZXJzIQ=="));
    assert_licensed(&site, &comma, "IE");
    assert_licensed(&site, &wide, "JP");

    // The sync engine writes the anchor it used back into the account: still the same person, and no news.
    site.set(&comma, "mS-DS-ConsistencyGuid", comma.guid.to_bytes_le()).await;
    // A rename keeps the person too.
    let cycles = follower.progress().cycles;
    site.set(&wide, "displayName", "Sakura").await;
    follower.wait_until(|progress| progress.cycles > cycles + 1).await;
    agent.until(|report| report.standing.get("licensed") == Some(&4)).await;
    let dossier = person(&agent.store, &comma).await.expect("known");
    assert_eq!((dossier.accounts.len(), dossier.users.len()), (1, 1), "{dossier:#?}");
    assert!(dossier.accounts[0].account.dn.contains("Zoë"), "{}", dossier.accounts[0].account.dn);
    assert_eq!(site.bench.tenant.counters().assign_license.calls, 4);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real Samba AD DC: tests/run samba"]
async fn who_moves_into_a_base_joins_and_who_moves_out_has_left() {
    let mut site = Site::new("Moving").await;
    let (inside, outside) = (format!("OU=Inside,{}", site.unit), format!("OU=Outside,{}", site.unit));
    for unit in [&inside, &outside] {
        site.add(unit, &[("objectClass", "organizationalUnit")]).await;
    }
    site.read_instead(&[&inside]);
    let mia = site.hire("Mover, Mia", "mia", &[("c", "IT")]).await;
    let leo = site.hire("Leaver Leo", "leo", &[("userAccountControl", DISABLED), ("c", "IT")]).await;
    site.move_to(&mia, &outside).await;
    site.move_to(&leo, &inside).await;
    let _follower = site.follow(&site.unit);
    site.bench.until_user(&mia, |_| true).await;
    site.bench.until_user(&leo, |_| true).await;
    let agent = site.bench.running().await;
    let report = agent.store.report().await.unwrap();
    let expected = [("excluded".to_owned(), 1), ("unknown-in-directory".to_owned(), 1)];
    assert_eq!(report.presence, expected.into());

    site.move_to(&mia, &inside).await;
    agent.until_standing(&mia, "licensed").await;
    assert_licensed(&site, &mia, "IT");
    site.move_to(&leo, &outside).await;
    agent.until(|report| report.presence.get("departed") == Some(&1)).await;
    site.set(&leo, "userAccountControl", ENABLED).await;
    site.bench.until_user(&leo, |user| user.account_enabled).await;
    // Whoever came after him is licensed: he was judged by then.
    let nia = site.hire("Next Nia", "nia", &[]).await;
    site.move_to(&nia, &inside).await;
    agent.until_standing(&nia, "licensed").await;
    assert!(!site.bench.user(&leo).holds("EMS"), "outside of the bases nobody is licensed");
    site.move_to(&leo, &inside).await;
    agent.until_standing(&leo, "licensed").await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real Samba AD DC: tests/run samba"]
async fn a_deletion_that_may_be_seen_is_noticed_at_once() {
    let mut site = Site::new("Tombstones").await;
    site.sign_in_as(&env("SAMBA_ADMIN_USER"), &env("SAMBA_ADMIN_PASSWORD"));
    let agent = site.bench.running().await;
    let tom = site.hire("Tombstone Tom", "tom", &[]).await;
    agent.until(|report| report.presence.get("awaiting") == Some(&1)).await;
    site.delete(&tom).await;
    agent.until(|report| report.presence.get("departed") == Some(&1)).await;
    assert!(person(&agent.store, &tom).await.expect("known").accounts[0].gone);
    agent.stop().await;
}

/// The least-privileged account sees no tombstones: what tells it is the tenant.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real Samba AD DC: tests/run samba"]
async fn a_deletion_that_may_not_be_seen_is_told_by_the_tenant() {
    let site = Site::new("Hidden").await;
    let agent = site.bench.running().await;
    let _follower = site.follow(&site.unit);
    let hal = site.hire("Hidden Hal", "hal", &[]).await;
    agent.until_standing(&hal, "licensed").await;
    site.delete(&hal).await;
    agent.until_standing(&hal, "lapsed").await;
    let dossier = person(&agent.store, &hal).await.expect("known");
    assert!(dossier.users.is_empty() && !dossier.accounts[0].gone, "{dossier:#?}");
    let user = site.bench.tenant.view(|view| view.users().next()).expect("the tenant remembers");
    assert_eq!((user.counters.assign_license.calls, user.removed.as_deref()), (1, Some("changed")));
    assert!(agent.store.report().await.unwrap().troubles.is_empty());
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real Samba AD DC: tests/run samba"]
async fn thousands_come_in_pages() {
    let site = Site::new("Bulk").await;
    bulk(2500, 1, "OU=Bulk").await;
    let agent = site.bench.running().await;
    let report = agent.store.report().await.unwrap();
    assert_eq!((report.presence, report.quarantined), ([("not-synced".to_owned(), 2500)].into(), 0));
    bulk(1, 2501, "OU=Bulk").await;
    let report = agent.until(|report| report.presence.contains_key("awaiting")).await;
    assert_eq!(report.awaited_longest.expect("somebody is awaited").0, "bulk02501@corp.example.test");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real Samba AD DC: tests/run samba"]
async fn a_second_run_reads_changes_only_and_writes_nothing() {
    const EVERYTHING: &str = "reading the whole directory";
    let site = Site::new("Again").await;
    let _follower = site.follow(&site.unit);
    let ann = site.hire("Again Ann", "again-ann", &[("c", "NO")]).await;
    site.bench.until_user(&ann, |_| true).await;
    let first = spoken(&site.bench.output(&["once"]).await);
    assert!(first.contains(EVERYTHING), "{first}");
    assert_licensed(&site, &ann, "NO");

    site.bench.tenant.reset_counters();
    let second = spoken(&site.bench.output(&["once"]).await);
    assert!(!second.contains(EVERYTHING) && second.contains("0 writes sent"), "{second}");
    let asked = site.bench.tenant.counters().requests_by_route;
    assert!(!asked.contains_key("GET /users") && asked["GET /users/delta"] == 1, "{asked:?}");

    let bea = site.hire("Again Bea", "again-bea", &[("c", "NO")]).await;
    site.bench.until_user(&bea, |_| true).await;
    let third = spoken(&site.bench.output(&["once"]).await);
    assert!(!third.contains(EVERYTHING) && third.contains("1 new accounts"), "{third}");
    assert_licensed(&site, &bea, "NO");
    assert_eq!(site.bench.user(&ann).counters.assign_license.calls, 0, "counted since the second run");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real Samba AD DC: tests/run samba"]
async fn a_restart_of_the_controller_loses_nobody() {
    let site = Site::new("Restarted").await;
    let agent = site.bench.running().await;
    let follower = site.follow(&site.unit);
    let before = site.hire("Restart Before", "restart-before", &[]).await;
    agent.until_standing(&before, "licensed").await;

    // Nobody waits here until this one was seen.
    let late = site.hire("Restart Late", "restart-late", &[]).await;
    dc("stop").await;
    agent.until(|report| report.troubles.contains_key("directory")).await;
    dc("start").await;
    let after = site.hire("Restart After", "restart-after", &[]).await;
    agent.until_standing(&late, "licensed").await;
    agent.until_standing(&after, "licensed").await;
    agent.until(|report| report.troubles.is_empty()).await;
    for joiner in [&before, &late, &after] {
        assert_licensed(&site, joiner, "SE");
    }
    assert!(follower.progress().total.deleted == 0, "a failed read concludes nothing");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real Samba AD DC: tests/run samba"]
async fn its_own_first_sign_in_moves_the_counter_and_harms_nothing() {
    const PASSWORD: &str = "Fr3sh!Fr3sh";
    let mut site = Site::new("Fresh").await;
    let fresh = site.hire("Fresh Service", "svc-fresh", &[("userAccountControl", "514")]).await;
    let quoted: Vec<u8> = format!("\"{PASSWORD}\"").encode_utf16().flat_map(u16::to_le_bytes).collect();
    site.set(&fresh, "unicodePwd", quoted).await;
    site.set(&fresh, "userAccountControl", "512").await;
    site.sign_in_as(&fresh.upn, PASSWORD);
    let before = site.usn().await;
    let agent = site.bench.running().await;
    let after = site.usn().await;
    let stamp = site.entry(&by_guid(&fresh), "lastLogonTimestamp").await;
    assert!(after > before && stamp.attrs.contains_key("lastLogonTimestamp"), "{before} → {after}, {stamp:?}");

    // Both sides are looked at about as often: while the tenant is asked ten times, the controller is too.
    let asked = |counters: &Counters| counters.requests_by_route.get("GET /users/delta").copied().unwrap_or(0);
    let so_far = asked(&site.bench.tenant.counters());
    site.bench.tenant.wait_until(|view| asked(view.counters()) >= so_far + 10).await;
    assert_eq!(site.usn().await, after, "looking writes nothing");
    let report = agent.store.report().await.unwrap();
    assert_eq!(report.presence, [("not-synced".to_owned(), 1)].into());
    assert!(report.troubles.is_empty(), "{report:#?}");

    // The domain's policy gives a password 42 days.
    agent.clock.advance(std::time::Duration::from_hours(24 * 15));
    let part = format!("directory password {}", fresh.upn);
    let report = agent.until(|report| report.troubles.contains_key(&part)).await;
    assert!(report.troubles[&part].contains("[password-expiring]"), "{report:#?}");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real Samba AD DC: tests/run samba"]
async fn start_tls_serves_as_well() {
    let mut site = Site::new("StartTls").await;
    let url = env("SAMBA_LDAP_URL").replace("ldap://", "ldap+starttls://");
    site.bench.edit(&env("SAMBA_LDAPS_URL"), &url);
    let agent = site.bench.running().await;
    let _follower = site.follow(&site.unit);
    let stella = site.hire("Start Stella", "stella", &[("c", "CH")]).await;
    agent.until_standing(&stella, "licensed").await;
    assert_licensed(&site, &stella, "CH");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real Samba AD DC: tests/run samba"]
async fn what_an_operator_got_wrong_is_said_with_the_way_out() {
    let site = Site::new("Wrong").await;
    site.bench.write_secret("bind-password", "not the password");
    refused(&site.bench.output(&["once"]).await, 77, &["svc-seatsync@corp.example.test", "password", "directory-bind"]);
    site.bench.write_secret("bind-password", &env("SAMBA_BIND_PASSWORD"));
    site.bench.write("ca.pem", site.bench.directory.ca_pem());
    refused(&site.bench.output(&["once"]).await, 78, &["issued by no authority that is trusted", "ca_file"]);
    assert_eq!(site.bench.tenant.counters().assign_license.calls, 0);
}

/// How many delta requests began between the user's appearance and its license being asked for.
async fn polls_until_licensed(site: &Site, joiner: &Joiner) -> usize {
    let tenant = &site.bench.tenant;
    let mut appeared = 0;
    tenant
        .wait_until(|view| {
            appeared = view.requests().last().map_or(0, |last| last.seq);
            view.user(&joiner.upn).is_some()
        })
        .await;
    site.bench.until_user(joiner, |user| user.holds("EMS")).await;
    let id = site.bench.user(joiner).id;
    let requests = tenant.requests();
    let assigned = requests.iter().find(|asked| asked.user == Some(id) && asked.path.ends_with("/assignLicense"));
    let assigned = assigned.expect("the license was asked for").seq;
    let delta = |path: &str| path.ends_with("/users/delta");
    requests.iter().filter(|asked| (appeared..assigned).contains(&asked.seq) && delta(&asked.path)).count()
}

/// Location and license are there, with all its plans, each written once.
fn assert_licensed(site: &Site, joiner: &Joiner, location: &str) {
    let user = site.bench.user(joiner);
    assert_eq!(user.usage_location.as_deref(), Some(location), "{user:?}");
    let license = user.direct("EMS").unwrap_or_else(|| panic!("no license: {user:?}"));
    assert!(license.disabled_plans.is_empty() && user.has_plan("INTUNE_A") && user.has_plan("AAD_PREMIUM"), "{user:?}");
    let (licenses, locations) = (user.counters.assign_license, user.counters.patch_usage_location);
    assert_eq!((licenses.calls, licenses.effective, locations.calls, locations.effective), (1, 1, 1, 1), "{user:?}");
}

/// Where somebody stood, in order.
fn moves(dossier: &Dossier) -> Vec<&str> {
    let rows = dossier.timeline.iter().filter(|row| row.kind == "presence");
    rows.filter_map(|row| row.detail["to"].as_str()).collect()
}

/// What a run that went well said, log and all.
fn spoken(output: &Output) -> String {
    let text = [&output.stderr[..], &output.stdout[..]].concat();
    let text = String::from_utf8(text).expect("text");
    assert!(output.status.success(), "{}: {text}", output.status);
    text
}

/// It ended with that status and said all of that.
fn refused(output: &Output, status: i32, said: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{text}");
    assert!(said.iter().all(|part| text.contains(part)), "{text}");
    assert!(!text.contains("not the password"), "{text}");
}
