//! Names that would like to be something else: filters, DNs, further log lines, commands to a terminal.

use seatsync_lab::directory::NewAccount;

use crate::bench::{Bench, Joiner, sid, until, until_standing};
use crate::daemon::Daemon;

/// Would end a filter, a DN, a quote, a line; and ends in a blank.
const NAME: &str =
    " #*)(objectClass=*)\\2a,OU=Staff+\"x\";<y>=\u{1b}[2J\u{2028}ERROR forged\n2026-01-01T00:00:00Z ERROR forged ";
/// The same as a value of a filter, written by hand.
const IN_A_FILTER: &str = r" #\2a\29\28objectClass=\2a\29\5c2a,OU=Staff+\22x\22;<y>=\1b[2J\e2\80\a8ERROR forged\0a2026-01-01T00:00:00Z ERROR forged ";
/// A unit of such a name, as it is made and as its DN is written.
const UNIT: (&str, &str) = ("#Härte, (\"*\") \\ + 1", r#"OU=\#Härte\, (\"*\") \\ \+ 1,DC=corp,DC=example,DC=test"#);

/// Somebody whose every name is hostile.
fn hire(bench: &Bench) -> Joiner {
    bench.directory.create_ou(UNIT.0);
    let account = NewAccount::named(NAME).sam(NAME).in_ou(UNIT.1).country("DE");
    let account = account.with("userPrincipalName", NAME).with("department", NAME).with("objectSid", sid(7_777));
    let guid = bench.directory.create_account(account);
    Joiner { guid, upn: "mallory@corp.example.test".into(), sid: "S-1-5-21-1-2-3-7777".into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_hostile_names_is_followed_licensed_and_told_of_like_any_other() {
    let mut bench = Bench::start(10).await;
    bench.rules = format!(
        "[[license]]\nid = \"intune\"\nsku = \"EMS\"\nwho = {{ all = [{{ filter = '(department={IN_A_FILTER})' }}, \
         {{ ou = '{}' }}] }}\n",
        UNIT.1
    );
    let daemon = Daemon::acquainted(&bench).await;
    let ada = bench.join("ada", "DE");
    let mallory = hire(&bench);
    let store = bench.store();
    until(&store, |report| report.presence.get("awaiting") == Some(&1)).await;
    let user = bench.user_of(&mallory).with("displayName", NAME);
    bench.tenant.add_user(user).expect("a user is added");
    until_standing(&store, &mallory, "licensed").await;
    assert!(bench.user(&mallory).holds("EMS") && !bench.user(&ada).holds("EMS"));

    let shown = [
        bench.says(&["status"]).await,
        bench.says(&["users"]).await,
        bench.says(&["explain", &mallory.guid.to_string()]).await,
        bench.says(&["plan"]).await,
        bench.says(&["doctor", "--directory"]).await,
    ];
    daemon.signal(rustix::process::Signal::TERM);
    let (_, log) = daemon.ended().await;
    assert!(log.contains("mallory") || log.contains("ERROR forged"), "{log}");
    for text in shown.iter().chain([&log]) {
        let forged = text.lines().find(|line| {
            line.trim_start().starts_with("ERROR") || line.contains("Z ERROR forged ") && line.starts_with("2026-01-01")
        });
        assert_eq!(forged, None, "{text}");
        let breaks = |letter: char| letter != '\n' && (letter.is_control() || letter == '\u{2028}');
        assert!(!text.contains(breaks), "{text:?}");
    }
    // Each line of the log is one that the program began.
    assert!(log.lines().all(|line| line.starts_with("20") && line.as_bytes().get(10) == Some(&b'T')), "{log}");
    assert!(shown[4].contains("means 1 of"), "the controller finds the same one:\n{}", shown[4]);
    assert_eq!(store.broken_audit_row().await.expect("the audit is read"), None);
}
