//! What an edited configuration would do, before it is put in place; and why somebody is, or is not, to be written for.

use serde_json::{Value, json};

use crate::bench::{Bench, Joiner};

const CONTRACTORS: &str = "{ ou = \"OU=Contractors,DC=corp,DC=example,DC=test\" }";

fn rule(id: &str, sku: &str, more: &str) -> String {
    format!("[[license]]\nid = \"{id}\"\nsku = \"{sku}\"\n{more}\n")
}

/// Three who were there before (one of them a contractor) and two who joined and were licensed (one of them, too).
async fn company() -> (Bench, Vec<Joiner>) {
    let mut bench = Bench::start(0).await;
    bench.rules = rule("intune", "EMS", "");
    for product in ["EMS", "SPE_E3"] {
        bench.tenant.set_seats(product, 20).expect("the product is there");
    }
    let mut joiners: Vec<Joiner> = ["old-1", "old-2", "c-old"].map(|sam| bench.hire(sam, "DE")).into();
    bench.directory.move_to(joiners[2].guid, "Contractors");
    joiners.iter().for_each(|joiner| bench.sync_old(joiner, 400));
    let agent = bench.running().await;
    for sam in ["new", "c-new"] {
        let joiner = bench.hire(sam, "DE");
        if sam == "c-new" {
            bench.directory.move_to(joiner.guid, "Contractors");
        }
        bench.sync(&joiner);
        agent.until_standing(&joiner, "licensed").await;
        joiners.push(joiner);
    }
    agent.stop().await;
    (bench, joiners)
}

async fn plan(bench: &Bench) -> Value {
    serde_json::from_str(&bench.says(&["plan", "--json"]).await).expect("JSON")
}

/// What becomes of a rule: what was done to it, and whom it drops, adds as baseline and adds to license.
fn of_rule(plan: &Value, id: &str) -> Value {
    let rules = plan["effect"]["rules"].as_array().cloned().unwrap_or_default();
    let found = rules.into_iter().find(|rule| rule["rule"] == id).unwrap_or_default();
    json!([found["change"], found["dropped"], found["addedAsBaseline"], found["addedToLicense"]])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_file_says_whom_it_drops_and_adds_and_what_becomes_of_licenses_and_touches_nothing() {
    let (mut bench, _) = company().await;
    let store = rusqlite::Connection::open(bench.path("seatsync.db")).expect("the store opens");
    let version = || -> i64 { store.query_row("PRAGMA data_version", [], |row| row.get(0)).expect("a version") };
    let (before, writes) = (version(), bench.writes());
    assert_eq!(plan(&bench).await["effect"], Value::Null, "it was judged with this very file");

    bench.rules = rule("intune", "EMS", &format!("who = {CONTRACTORS}")) + &rule("office", "SPE_E3", "");
    let edited = plan(&bench).await;
    assert_eq!(of_rule(&edited, "intune"), json!(["edited", 3, 0, 0]), "{edited:#}");
    assert_eq!(of_rule(&edited, "office"), json!(["new", 0, 5, 0]), "{edited:#}");
    let text = bench.says(&["plan"]).await;
    for line in [
        "effect of the edited configuration on everyone who is known",
        "rule intune (edited): drops 3 persons from scope",
        "rule office (new): adds 5 as baseline",
        "EMS: 1 license that no rule wants any more, which stay (lapsed)",
        "EMS: not wanted any more for 2 persons without it",
    ] {
        assert!(text.contains(line), "{line:?} is not in:\n{text}");
    }

    bench.rules = rule("office", "SPE_E3", "");
    let renamed = plan(&bench).await;
    assert_eq!(of_rule(&renamed, "intune"), json!(["removed", 5, 0, 0]), "{renamed:#}");
    let fates: Vec<_> = licenses(&renamed);
    assert_eq!(fates, ["EMS dismissed 3", "EMS lapsed 2", "SPE_E3 baseline 3"], "{renamed:#}");

    bench.rules = rule("intune", "SPE_E3", "");
    let swapped = plan(&bench).await;
    let fates = licenses(&swapped);
    assert!(fates.contains(&"EMS exchanged 2".to_owned()) && fates.contains(&"SPE_E3 given 2".to_owned()), "{fates:?}");

    bench.rules = rule("intune", "EMS", "disable_plans = [\"INTUNE_A\"]");
    assert_eq!(licenses(&plan(&bench).await), ["EMS changed 2"]);
    assert_eq!((version(), bench.writes()), (before, writes), "nothing is written anywhere");
}

fn licenses(plan: &Value) -> Vec<String> {
    let licenses = plan["effect"]["licenses"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let one = |license: &Value| ["product", "fate", "persons"].map(|key| text(&license[key])).join(" ");
    let mut told: Vec<String> = licenses.iter().map(one).collect();
    told.sort();
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_read_needs_a_scan_and_is_not_guessed() {
    let (mut bench, _) = company().await;
    bench.rules = rule("lab", "EMS", "who = { filter = \"(roomNumber=7)\" }");
    let effect = plan(&bench).await["effect"].clone();
    assert_eq!(effect["effect"], "needs-scan", "{effect:#}");
    let missing = "corp.example.test: no account was read with roomnumber, which rule lab asks for";
    assert_eq!(effect["missing"], json!([missing]));
    let text = bench.says(&["plan"]).await;
    assert!(text.contains("needs a scan") && text.contains(missing) && text.contains("throw-away copy"), "{text}");

    // What is read already is no reason to read again, and the directory need not be there.
    bench.rules = rule("intune", "EMS", &format!("who = {CONTRACTORS}"));
    bench.directory.set_down(true);
    let output = bench.output(&["plan"]).await;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success() && said.contains("drops 3 persons from scope"), "{output:?}");
}

/// A tenant with one seat of EMS and two rules for it; `ada` gets it, `bob` waits, `eve` has SPE_E3, `old` was there before.
/// Nothing is written yet.
async fn seats() -> Bench {
    let mut bench = Bench::start(0).await;
    bench.edit("mode = \"apply\"", "mode = \"observe\"");
    bench.rules = rule("staff", "EMS", "priority = 10") + &rule("everyone", "EMS", "disable_plans = [\"AAD_PREMIUM\"]");
    bench.rules += &rule("lab", "SPE_E3", &format!("who = {CONTRACTORS}"));
    bench.tenant.set_seats("EMS", 1).expect("there is EMS");
    bench.tenant.set_seats("SPE_E3", 5).expect("there is SPE_E3");
    let old = bench.hire("old", "DE");
    bench.sync_old(&old, 400);
    bench.once().await.expect("first contact");
    bench.join("ada", "DE");
    bench.once().await.expect("a turn");
    bench.join("bob", "DE");
    let eve = bench.hire("eve", "DE");
    let license = seatsync_lab::tenant::NewLicense::direct("SPE_E3");
    bench.tenant.add_user(bench.user_of(&eve).with("usageLocation", "DE").licensed(license)).expect("a user is added");
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn of_everyone_it_is_said_what_from_which_rule_and_why_not_another() {
    let bench = seats().await;
    for (who, said) in [
        ("ada", ["give", "rule staff wants it", "rule staff wants the same product, with priority 10 before 100"]),
        ("bob", ["wait for a seat", "no seat is free", "not below OU=Contractors"]),
        ("eve", ["nothing", "SPE_E3 brings INTUNE_A (unless_has_plan)", "outranked"]),
        ("old", ["baseline", "`seatsync include` ends that", "not meant"]),
    ] {
        let text = bench.says(&["plan", "--user", who]).await.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in said {
            assert!(unwrapped(&text).contains(&unwrapped(part)), "{who}: {part:?} is not in:\n{text}");
        }
    }
    let stranger = bench.output(&["plan", "--user", "nobody"]).await;
    assert_eq!(stranger.status.code(), Some(67), "{stranger:?}");
}

/// Without blanks: cells of a table are broken where they are too wide.
fn unwrapped(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_plan_says_to_programs_has_the_documented_keys_and_no_others() {
    let mut bench = seats().await;
    let plan_of_all = plan(&bench).await;
    let one = serde_json::from_str::<Value>(&bench.says(&["plan", "--user", "bob", "--json"]).await).expect("JSON");
    assert_eq!((one["writes"].clone(), one["persons"][0]["name"].clone()), (json!([]), json!("bob@corp.example.test")));
    bench.rules += &rule("more", "SPE_E3", "unless_has_plan = []");
    let edited = plan(&bench).await;
    let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    let (persons, effect) = (&plan_of_all["persons"], &edited["effect"]);
    let names: Vec<_> = persons.as_array().expect("a list").iter().map(|person| person["name"].clone()).collect();
    assert_eq!(names, ["ada@corp.example.test", "bob@corp.example.test"], "whom it writes for, and who waits");
    let person = &persons[0];
    let write = &plan_of_all["writes"][0];
    let documented =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md")).expect("a page");
    let section = documented.split("## What `plan --json` prints").nth(1).expect("a section");
    let section = section.split("\n## ").next().unwrap_or_default();
    for (value, expected) in [
        (&plan_of_all, &["effect", "held", "persons", "unusableRules", "waitingForSeat", "writes"][..]),
        (write, &["licenses", "location", "name", "removals", "user"]),
        (&write["licenses"][0], &["changed", "disabledPlans", "product", "rule", "sku"]),
        (person, &["name", "presence", "products", "rules"]),
        (&person["products"][0], &["outcome", "product", "rule", "sku", "standing", "why"]),
        (&person["rules"][0], &["product", "rule", "verdict", "why"]),
        (effect, &["effect", "licenses", "rules", "unusable"]),
        (
            &effect["rules"][0],
            &[
                "addedAsBaseline",
                "addedOtherwise",
                "addedToLicense",
                "becomeBaseline",
                "change",
                "dropped",
                "meant",
                "rule",
            ],
        ),
        (&effect["licenses"][0], &["fate", "persons", "product", "sku"]),
    ] {
        assert_eq!(keys(value), expected, "{value:#}");
        for key in expected {
            assert!(section.contains(&format!("`{key}`")), "{key} is not documented");
        }
    }
}
