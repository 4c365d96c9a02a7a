//! Users made by hand: once, with an initial password that nothing keeps, whatever becomes of the answer.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use seatsync_lab::tenant::{Fault, Match, NewUser, UserView};
use serde_json::Value;

use crate::bench::{Bench, until};
use crate::daemon::Daemon;

const UPN: &str = "eva.new@contoso.com";

fn asked<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let plain = ["create-user", "--display-name", "Eva New", "--upn", UPN, "--usage-location", "se"];
    [&plain, more].concat()
}

/// A tenant that has been met, which keeps what is sent to it.
async fn bench() -> Bench {
    let bench = Bench::start(1).await;
    bench.tenant.set_knobs(|knobs| knobs.record_bodies = true);
    bench.once().await.expect("first contact");
    bench
}

fn made(bench: &Bench) -> Option<UserView> {
    bench.tenant.view(|view| view.user(UPN))
}

/// What was sent to make users.
fn sent(bench: &Bench) -> Vec<Value> {
    let requests = bench.tenant.requests();
    let bodies = requests.iter().filter(|request| request.method == "POST" && request.path == "/v1.0/users");
    bodies
        .map(|request| serde_json::from_str(request.request_body.as_deref().expect("a body")).expect("JSON"))
        .collect()
}

fn password(body: &Value) -> String {
    body["passwordProfile"]["password"].as_str().expect("a password").to_owned()
}

/// Exit status, and all that was said.
async fn fails(bench: &Bench, arguments: &[&str]) -> (i32, String) {
    let output = bench.output(arguments).await;
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().expect("a status"), String::from_utf8_lossy(&said).into_owned())
}

fn posts() -> Match {
    Match::new("POST", "*/v1.0/users")
}

fn holds(file: &Path, text: &str) -> bool {
    std::fs::read(file).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_made_with_location_password_and_license_and_nothing_keeps_the_password() {
    let mut bench = Bench::start(1).await;
    bench.edit("level = \"debug\"", "level = \"trace\"");
    bench.tenant.set_knobs(|knobs| knobs.record_bodies = true);
    let daemon = Daemon::acquainted(&bench).await;
    let license = ["--sku", "EMS", "--disable", "INTUNE_A"];
    let dry = bench.says(&asked(&[&license[..], &["--dry-run"]].concat())).await;
    assert!(dry.contains("eva.new@contoso.com (Eva New) would be created, usage location SE"), "{dry}");
    assert!(dry.contains("EMS without INTUNE_A would then be assigned"), "{dry}");
    assert_eq!((sent(&bench).len(), made(&bench).is_none()), (0, true), "a dry run writes nothing");

    let said = bench.says(&asked(&license)).await;
    let bodies = sent(&bench);
    let password = password(&bodies[0]);
    assert!(bodies.len() == 1 && said.contains(&format!("initial password  {password}\n")), "{said}");
    assert_eq!(said.matches(&password).count(), 1, "{said}");
    assert!(said.contains("EMS: 1 are to have it, under the guard\n"), "{said}");
    assert_eq!(bodies[0]["passwordProfile"]["forceChangePasswordNextSignIn"], true);
    assert_eq!((&bodies[0]["accountEnabled"], &bodies[0]["mailNickname"]), (&true.into(), &"eva.new".into()));
    let store = bench.store();
    until(&store, |report| report.standing.get("licensed") == Some(&1)).await;
    let user = made(&bench).expect("the user");
    assert!(user.holds("EMS") && !user.enabled_plans.contains(&"INTUNE_A".to_owned()), "{user:?}");
    assert_eq!(user.usage_location.as_deref(), Some("SE"));
    assert_eq!(store.broken_audit_row().await.expect("the audit"), None);
    let told = bench.says(&["explain", UPN, "--json"]).await;
    assert!(told.contains("\"outcome\": \"created\""), "{told}");
    drop(store);
    let log = daemon.log().to_owned();
    daemon.kill().await;
    let files = ["seatsync.db", "seatsync.db-wal"].map(|file| bench.path(file));
    assert!(files.iter().any(|file| holds(file, "\"displayName\":\"Eva New\"")), "asking is recorded");
    for file in [&log, &files[0], &files[1]] {
        assert!(!holds(file, &password), "{} holds the password", file.display());
    }
    assert!(!told.contains(&password));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_in_a_file_is_its_owners_alone() {
    let bench = bench().await;
    let file = bench.path("password").display().to_string();
    bench.tenant.fault(Fault::answer(
        posts().once(),
        400,
        "Request_BadRequest",
        "Property userPrincipalName is invalid.",
    ));
    let (code, said) = fails(&bench, &asked(&["--password-file", &file])).await;
    assert!(code == 64 && said.contains("[user-refused]") && !bench.path("password").exists(), "{said}");

    let said = bench.says(&asked(&["--password-file", &file])).await;
    let password = password(&sent(&bench)[1]);
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), format!("{password}\n"));
    let mode = std::fs::metadata(&file).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(said.contains(&file) && !said.contains(&password), "{said}");

    let (code, said) = fails(&bench, &asked(&["--password-file", &file])).await;
    assert!(code == 73 && said.contains("[password-file-unusable]"), "{code}: {said}");
    assert_eq!((sent(&bench).len(), std::fs::read_to_string(&file).ok()), (2, Some(format!("{password}\n"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_settled_by_reading_and_never_by_asking_twice() {
    let gone = |fault: Fault| fault.after_effect();
    for (fault, done) in [
        (gone(Fault::cut(posts())), true),
        (gone(Fault::gateway(posts(), 504)), true),
        (gone(Fault::answer(posts(), 503, "ServiceUnavailable", "Later.")), true),
        (Fault::cut(posts()), false),
        (Fault::gateway(posts(), 502), false),
    ] {
        let bench = bench().await;
        let what = format!("{:?}", fault.then);
        // What was made shows late.
        bench.tenant.set_knobs(|knobs| knobs.absent_calls = u32::from(done));
        bench.tenant.fault(fault);
        let (code, said) = fails(&bench, &asked(&["--sku", "EMS"])).await;
        let bodies = sent(&bench);
        let password = password(&bodies[0]);
        assert_eq!((bodies.len(), made(&bench).is_some()), (1, done), "{what}: {said}");
        if done {
            assert!(code == 0 && said.contains(&password) && said.contains("answer was lost"), "{what}: {said}");
            bench.once().await.expect("a turn");
            assert!(made(&bench).is_some_and(|user| user.holds("EMS")), "{what}");
        } else {
            assert!(code == 69 && said.contains("[user-not-created]") && !said.contains(&password), "{what}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_settled_is_said_and_another_user_of_that_name_is_not_ours() {
    let bench = bench().await;
    bench.tenant.fault(Fault::cut(posts()).after_effect());
    // The look before passes; all that settle do not.
    let reads = Match { skip: 1, ..Match::new("GET", "/v1.0/users/eva.new") };
    bench.tenant.fault(Fault::answer(reads, 503, "ServiceUnavailable", "Later."));
    let (code, said) = fails(&bench, &asked(&[])).await;
    let password = password(&sent(&bench)[0]);
    assert!(code == 69 && said.contains("[user-outcome-unknown]") && said.contains(&password), "{said}");
    bench.tenant.clear_faults();
    let (code, said) = fails(&bench, &asked(&[])).await;
    assert!(code == 64 && said.contains("[user-exists]"), "{said}");

    let bench = self::bench().await;
    bench.tenant.fault(Fault::cut(posts()));
    let held = bench.tenant.gate(posts(), seatsync_lab::tenant::Hold::Before);
    let asking = asked(&[]);
    let (said, ()) = tokio::join!(fails(&bench, &asking), async {
        held.arrived(1).await;
        bench.tenant.add_user(NewUser::cloud(UPN).with("displayName", "Eva Other")).expect("a user");
        held.release();
    });
    assert!(said.0 == 64 && said.1.contains("[user-is-another]"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_made_is_refused_before_anything_is_written() {
    let mut bench = bench().await;
    bench.tenant.add_user(NewUser::cloud("eva.old@contoso.com")).expect("a user");
    let with = |upn: &str, location: &str| -> Vec<String> {
        let arguments = ["create-user", "--display-name", "Eva", "--upn", upn, "--usage-location", location];
        arguments.map(str::to_owned).into()
    };
    for (arguments, status, said) in [
        (with("EVA.old@contoso.com", "SE"), 64, "[user-exists]"),
        (with("eva@fabrikam.com", "SE"), 64, "it has contoso.onmicrosoft.com, contoso.com"),
        (with("eva", "SE"), 64, "name@domain"),
        (with("eva berg@contoso.com", "SE"), 64, "before the @"),
        (with(UPN, "UK"), 64, "GB"),
        (with(UPN, "XX"), 64, "XX"),
        ([with(UPN, "SE"), vec!["--sku".into(), "NOSUCH".into()]].concat(), 67, "no product"),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (code, text) = fails(&bench, &arguments).await;
        assert!(code == status && text.contains(said), "{arguments:?}: {code}: {text}");
    }
    bench.says(&["pause"]).await;
    let (code, said) = fails(&bench, &asked(&[])).await;
    assert!(code == 75 && said.contains("[user-paused]"), "{said}");
    bench.says(&["resume"]).await;
    bench.edit("mode = \"apply\"", "mode = \"observe\"");
    let (code, said) = fails(&bench, &asked(&[])).await;
    assert!(code == 78 && said.contains("[user-observe-mode]"), "{said}");
    assert_eq!(sent(&bench).len(), 0);
    bench.edits.clear();
    bench.tenant.set_roles(&["User.Read.All", "User.ReadUpdate.All", "LicenseAssignment.ReadWrite.All"]);
    bench.tenant.expire_tokens();
    let (code, said) = fails(&bench, &asked(&[])).await;
    assert!(code == 77 && said.contains("User.ReadWrite.All") && said.contains("[graph-creation-forbidden]"), "{said}");
    assert!(made(&bench).is_none());
}
