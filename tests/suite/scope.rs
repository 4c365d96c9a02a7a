//! What is said at the start of the bases and of whom rules mean, and whether a controller sees it so too.

use seatsync_lab::directory::{Change, DirectoryOptions};
use seatsync_lab::tenant::World;

use crate::bench::Bench;
use crate::daemon::Daemon;

const BEFORE: &str = "timeout = \"20s\"\n[tenant]";

/// Rules by their ids and whom they are about.
fn rules(bench: &mut Bench, rules: &[(&str, &str)]) {
    let rule = |(id, who): &(&str, &str)| format!("[[license]]\nid = \"{id}\"\nsku = \"EMS\"\nwho = {who}\n");
    bench.rules = rules.iter().map(rule).collect();
}

/// Lines of an event.
fn told(said: &str, words: &str) -> Vec<String> {
    said.lines().filter(|line| line.contains(words)).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_each_rule_means_is_said_once_and_what_means_nobody_is_warned_of() {
    let mut bench = Bench::start(20).await;
    for sam in ["ada", "bob"] {
        let joiner = bench.hire(sam, "DE");
        bench.directory.modify(joiner.guid, &[Change::set("department", "Lab")]);
    }
    rules(
        &mut bench,
        &[
            ("lab", "{ filter = \"(department=lab)\" }"),
            ("typo", "{ filter = \"(department=Laab)\" }"),
            ("unit", "{ ou = \"OU=Contractor,DC=corp,DC=example,DC=test\" }"),
            (
                "mixed",
                "{ any = [{ entra_group = \"0a53c2c5-1111-4222-8333-444444444444\" }, { filter = \"(c=XX)\" }] }",
            ),
        ],
    );
    let accounts = bench.directory.accounts().len();
    let daemon = Daemon::acquainted(&bench).await;
    daemon.until_said("rule mixed: filter (c=XX) means nobody").await;
    daemon.until_said("ou OU=Contractor,DC=corp,DC=example,DC=test does not exist").await;
    // Everything is read again: it is not said again.
    bench.directory.set_invocation_id(uuid::Uuid::from_u128(7));
    bench.directory.set_down(true);
    daemon.until_said("[directory-").await;
    bench.directory.set_down(false);
    daemon.until_said("is void and all of it is read again").await;
    bench.some_polls().await;
    let said = daemon.said();
    let count = |words: &str| told(&said, words).len();
    assert_eq!(count(&format!("rule lab means 2 of the {accounts} accounts")), 1, "{said}");
    assert_eq!((count("rule typo means 0 of"), count("rule typo: filter (department=Laab) means nobody")), (1, 1));
    let unit = told(&said, "rule unit: ou");
    assert!(unit.len() == 1 && unit[0].contains("Did you mean OU=Contractors,DC=corp"), "{unit:?}");
    assert_eq!((count("rule mixed means"), count("rule lab: filter")), (0, 0), "{said}");
    assert_eq!(count("as it is answered here"), 0, "nothing differs: {said}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_the_controller_answers_otherwise_is_told_with_both_numbers() {
    let options = DirectoryOptions { hide_deleted_objects: true, ..DirectoryOptions::with_accounts(20) };
    let mut bench = Bench::with(options, World::empty_contoso()).await;
    // An attribute that the schema lacks: nobody has it here, nobody can tell there.
    rules(&mut bench, &[("all", "{ filter = \"(!(extraType=x))\" }"), ("fine", "{ filter = \"(!(department=x))\" }")]);
    let gone = bench.hire("gone", "DE");
    let accounts = bench.directory.accounts().len();
    let daemon = Daemon::acquainted(&bench).await;
    daemon.until_said("counts 0: check").await;
    let said = daemon.said();
    let lines = told(&said, "rule all: filter (!(extratype=x))");
    assert_eq!(lines.len(), 1, "{said}");
    assert!(lines[0].contains(&format!("means {accounts} accounts")) && lines[0].contains("counts 0"), "{lines:?}");
    daemon.stop().await;

    // Who was deleted unseen is counted by one side alone: that is no difference of filters.
    rules(&mut bench, &[("fine", "{ filter = \"(!(department=x))\" }")]);
    bench.directory.delete(gone.guid);
    let daemon = Daemon::run(&bench);
    daemon.until_said("rule fine means").await;
    bench.some_polls().await;
    bench.some_polls().await;
    assert_eq!(told(&daemon.said(), "as it is answered here"), Vec::<String>::new());
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_that_is_not_there_is_said_at_the_start_with_what_is() {
    let mut bench = Bench::start(5).await;
    bench.edit(BEFORE, &format!("bases = [\"OU=Staf,DC=corp,DC=example,DC=test\"]\n{BEFORE}"));
    let daemon = Daemon::run(&bench);
    daemon.until_said("[directory-base-missing]").await;
    let said = daemon.said();
    assert!(said.contains("of it exists DC=corp,DC=example,DC=test"), "{said}");
    assert!(said.contains("Did you mean OU=Staff,DC=corp,DC=example,DC=test?"), "{said}");
    daemon.stop().await;
    let once = bench.output(&["once"]).await;
    assert_eq!(once.status.code(), Some(78), "{once:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_shows_the_mode_and_the_rules_that_cannot_be_used() {
    let mut bench = Bench::start(3).await;
    bench.edit("mode = \"apply\"", "mode = \"observe\"");
    bench.rules.push_str("[[license]]\nid = \"typo\"\nsku = \"SPE_E4\"\n");
    let daemon = Daemon::acquainted(&bench).await;
    let text = bench.says(&["status"]).await;
    for part in ["running; a rule cannot be used", "mode       observe", "unusable   rule \"typo\"", "SPE_E4"] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    daemon.stop().await;

    bench.edits.clear();
    bench.rules = bench.rules.replace("SPE_E4", "SPE_E3");
    bench.once().await.expect("a turn");
    let text = bench.says(&["status"]).await;
    assert!(text.contains("mode       apply") && !text.contains("unusable"), "{text}");
}
