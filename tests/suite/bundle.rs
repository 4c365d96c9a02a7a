//! `seatsync doctor --bundle`: everything that helps, and nobody's name, address or secret.

use std::os::unix::fs::PermissionsExt as _;

use seatsync_lab::directory::DirectoryOptions;
use seatsync_lab::directory::NewAccount;
use seatsync_lab::tenant::{NewUser, World};
use serde_json::Value;

use crate::bench::{Bench, Joiner, sid, until, until_standing};
use crate::daemon::Daemon;

const PASSWORD: &str = "Sommer-2026!geheim";

/// Names that look like words of the program, like syntax, or like nothing.
const HOSTILE: [&str; 5] =
    ["Ida Refused", "Åsa \"Tenant\" Öberg", "x] [graph-refused] Zoltan", "{{7*7}} Quentin", "Ynes; DROP"];

/// Joins under a display name, and a mail address.
fn join(bench: &Bench, number: usize, name: &str) -> Joiner {
    let (sam, upn) = (format!("zq{number}werty"), format!("zq{number}.werty@corp.example.test"));
    let rid = bench.directory.highest_usn() as u32;
    let account = NewAccount::named(name)
        .sam(&sam)
        .in_ou("Staff")
        .country("DE")
        .with("userPrincipalName", upn.as_str())
        .with("displayName", name)
        .with("mail", format!("mail.{upn}").as_str())
        .with("objectSid", sid(rid));
    let guid = bench.directory.create_account(account);
    let id = uuid::Uuid::parse_str(&guid.to_string()).expect("a GUID");
    let joiner = Joiner { guid, upn, sid: format!("S-1-5-21-1-2-3-{rid}") };
    let user = NewUser::synced(&joiner.upn, id)
        .with("displayName", name)
        .with("mail", format!("mail.{}", joiner.upn))
        .with("onPremisesSecurityIdentifier", joiner.sid.as_str());
    bench.tenant.add_user(user).expect("a user is added");
    joiner
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_holds_what_helps_and_no_name_or_secret() {
    let options = DirectoryOptions { password: PASSWORD.into(), ..DirectoryOptions::with_accounts(5) };
    let mut bench = Bench::with(options, World::empty_contoso()).await;
    // A secret that somebody wrote into the wrong place, and a key that there is not.
    bench.extra = "# hunter-two\n[notes]\nowner = \"petra.private@example.test\"\nsecret = \"hunter2hunter2\"\n".into();
    let broken = bench.config_text();
    bench.extra.clear();
    let daemon = Daemon::acquainted(&bench).await;
    let store = bench.store();
    let joiners: Vec<Joiner> = HOSTILE.iter().enumerate().map(|(number, name)| join(&bench, number, name)).collect();
    for joiner in &joiners {
        until_standing(&store, joiner, "licensed").await;
    }
    bench.says(&["pause", "Hildegard is on leave"]).await;
    until(&store, |report| report.paused.is_some()).await;
    bench.directory.set_down(true);
    until(&store, |report| !report.troubles.is_empty()).await;

    let path = bench.path("bundle.json");
    let file = path.to_str().expect("text");
    let said = bench.output(&["doctor", "--bundle", file]).await;
    assert!(String::from_utf8_lossy(&said.stdout).contains("bundle.json: written"), "{said:?}");
    let text = std::fs::read_to_string(&path).expect("a bundle");
    assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    let bundle: Value = serde_json::from_str(&text).expect("JSON");

    // What helps.
    assert_eq!(bundle["status"]["standing"]["licensed"], 5);
    assert_eq!(bundle["status"]["running"], true);
    assert_eq!(bundle["configuration"]["mode"], "apply");
    assert_eq!(bundle["configuration"]["work"]["retry_first"], "100ms");
    assert_eq!(bundle["configuration"]["license"][0]["sku"], "EMS");
    assert!(bundle["status"]["troubles"].to_string().contains("[directory-"), "{}", bundle["status"]["troubles"]);
    let checks = bundle["examination"]["checks"].as_array().expect("checks");
    assert!(checks.iter().any(|check| check["check"] == "tls" && check["state"] == "fail"), "{checks:#?}");
    let rows = bundle["audit"].as_array().expect("rows");
    let answers: Vec<&Value> = rows.iter().filter(|row| row["kind"] == "answer").collect();
    assert_eq!(answers.len(), 10);
    let subject = |row: &&Value| row["subject"].as_str().expect("a pseudonym").to_owned();
    let subjects: std::collections::BTreeSet<String> = answers.iter().map(subject).collect();
    assert_eq!(subjects.len(), 5, "each has one pseudonym: {subjects:?}");
    assert!(answers.iter().all(|row| row["request_id"].as_str().is_some_and(|id| id.len() == 36)), "{answers:#?}");

    // What does not.
    let lower = text.to_lowercase();
    let mut secrets: Vec<String> = vec![PASSWORD.into(), "lab-secret".into(), bench.directory.bind_user()];
    secrets.extend(["corp.example", "localhost", "hildegard", "dc=", "s-1-5-21", "svc-"].map(str::to_owned));
    secrets.extend(["zoltan", "quentin", "ynes", "öberg", "åsa", "7*7", "werty"].map(str::to_owned));
    secrets.push(bench.tenant.tenant_id().to_string());
    secrets.push("11111111-1111-1111-1111-111111111111".into());
    secrets.push(bench.files.path().display().to_string());
    secrets.extend(joiners.iter().flat_map(|joiner| {
        [joiner.upn.clone(), joiner.guid.to_string(), joiner.sid.clone(), bench.user(joiner).id.to_string()]
    }));
    let seeded = store.people(None, None, 1_000).await.expect("people");
    secrets.extend(seeded.into_iter().map(|person| person.name).filter(|name| name.contains('@')));
    for secret in secrets {
        assert!(!lower.contains(&secret.to_lowercase()), "{secret:?} is in the bundle:\n{text}");
    }

    let again = bench.output(&["doctor", "--bundle", file]).await;
    assert_eq!(again.status.code(), Some(73), "nothing is overwritten");
    daemon.stop().await;

    // Beside a configuration that does not load, too.
    bench.write("broken.toml", &broken);
    let (config, second) = (bench.path("broken.toml"), bench.path("second.json"));
    let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_seatsync"));
    let ended = program.arg("--config").arg(&config).arg("doctor").arg("--bundle").arg(&second).output().await;
    let ended = ended.expect("the program runs");
    assert_eq!(ended.status.code(), Some(78));
    let text = std::fs::read_to_string(second).expect("a bundle");
    for secret in ["hunter", "petra", "example.test", "lab-secret"] {
        assert!(!text.contains(secret), "{secret:?} is in the bundle:\n{text}");
    }
    assert!(text.contains("config-invalid") && text.contains("retry_first"), "{text}");
}
