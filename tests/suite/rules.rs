//! Whom a rule is about, and what moving in and out does.

use seatsync_lab::directory::Change;

use crate::bench::{Bench, Joiner};

fn rule(who: &str) -> String {
    format!("[[license]]\nid = \"intune\"\nsku = \"EMS\"\nwho = {who}\n")
}

/// Staff and contractors of two departments: `s-sales`, `s-labs`, `c-sales`, `c-labs`, and `c-none` without department.
async fn company(bench: &Bench) -> Vec<Joiner> {
    let hire = |sam: &str| {
        let joiner = bench.hire(sam, "DE");
        if sam.starts_with("c-") {
            bench.directory.move_to(joiner.guid, "Contractors");
        }
        let department = match sam.split_once('-').map(|(_, department)| department) {
            Some("sales") => Change::set("department", "Sales"),
            Some("labs") => Change::set("department", "Labs"),
            _ => Change::clear("department"),
        };
        bench.directory.modify(joiner.guid, &[department]);
        joiner
    };
    bench.once().await.expect("first contact");
    let joiners: Vec<Joiner> = ["s-sales", "s-labs", "c-sales", "c-labs", "c-none"].map(hire).into();
    joiners.iter().for_each(|joiner| bench.sync(joiner));
    joiners
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_licenses_whom_it_means_and_nobody_else() {
    const CONTRACTORS: &str = "{ ou = \"OU=Contractors,DC=corp,DC=example,DC=test\" }";
    const SALES: &str = "{ filter = \"(department=Sales)\" }";
    let cases = [
        (CONTRACTORS.to_owned(), vec!["c-sales", "c-labs", "c-none"]),
        (SALES.to_owned(), vec!["s-sales", "c-sales"]),
        (format!("{{ any = [{CONTRACTORS}, {SALES}] }}"), vec!["s-sales", "c-sales", "c-labs", "c-none"]),
        (format!("{{ all = [{CONTRACTORS}, {SALES}] }}"), vec!["c-sales"]),
        (format!("{{ not = {CONTRACTORS} }}"), vec!["s-sales", "s-labs"]),
        // Whoever has no department is not in Sales, as a domain controller sees it.
        (format!("{{ all = [{CONTRACTORS}, {{ not = {SALES} }}] }}"), vec!["c-labs", "c-none"]),
    ];
    for (who, meant) in cases {
        let mut bench = Bench::start(0).await;
        bench.rules = rule(&who);
        let joiners = company(&bench).await;
        bench.once().await.expect("a turn");
        let holders = joiners.iter().filter(|joiner| bench.user(joiner).holds("EMS"));
        let holders: Vec<&str> = holders.filter_map(|joiner| joiner.upn.split('@').next()).collect();
        assert_eq!(holders, meant, "{who}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_moves_in_is_licensed_and_who_moves_out_keeps_the_license() {
    let mut bench = Bench::start(5).await;
    bench.rules = rule("{ ou = \"OU=Contractors,DC=corp,DC=example,DC=test\" }");
    let old = bench.hire("old", "DE");
    bench.sync_old(&old, 400);
    let agent = bench.running().await;
    let ada = bench.join("ada", "DE");
    agent.until_presence(&ada, "present").await;
    bench.some_polls().await;
    assert_eq!(bench.writes(), (0, 0));

    // Moving in is an event, for those who were there before, too.
    for joiner in [&ada, &old] {
        bench.directory.move_to(joiner.guid, "Contractors");
        agent.until_standing(joiner, "licensed").await;
    }
    bench.directory.move_to(ada.guid, "Staff");
    agent.until_standing(&ada, "lapsed").await;
    bench.directory.move_to(ada.guid, "Contractors");
    agent.until_standing(&ada, "licensed").await;
    bench.some_polls().await;
    agent.stop().await;
    assert!(bench.user(&ada).holds("EMS"));
    assert_eq!(bench.writes(), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_moves_out_of_the_bases_is_no_longer_licensed_and_back_in_it_is() {
    let mut bench = Bench::start(5).await;
    let bases = "bases = [\"OU=Staff,DC=corp,DC=example,DC=test\"]\ntimeout = \"20s\"\n[tenant]";
    bench.edit("timeout = \"20s\"\n[tenant]", bases);
    let agent = bench.running().await;
    let ada = bench.hire("ada", "DE");
    agent.until_presence(&ada, "awaiting").await;
    bench.directory.move_to(ada.guid, "Contractors");
    agent.until_presence(&ada, "departed").await;
    bench.sync(&ada);
    bench.some_polls().await;
    assert_eq!(bench.writes(), (0, 0));
    bench.directory.move_to(ada.guid, "Staff");
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
    assert_eq!(bench.writes(), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_that_was_renamed_takes_nobody_away_and_is_said() {
    let mut bench = Bench::start(30).await;
    let bases = "bases = [\"OU=Staff,DC=corp,DC=example,DC=test\"]\ntimeout = \"20s\"\n[tenant]";
    bench.edit("timeout = \"20s\"\n[tenant]", bases);
    let ada = bench.hire("ada", "DE");
    bench.once().await.expect("a turn");
    let before = bench.store().report().await.expect("a report").presence;
    bench.directory.rename_ou("Staff", "People");
    bench.directory.touch_logon(ada.guid);
    let error = bench.once().await.expect_err("the base is not there");
    assert!(error.to_string().contains("OU=Staff"), "{error}");
    assert_eq!(bench.store().report().await.expect("a report").presence, before);
    bench.directory.rename_ou("People", "Staff");
    bench.once().await.expect("a turn");
    assert_eq!(bench.store().report().await.expect("a report").presence, before);
}
