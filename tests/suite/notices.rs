//! What people are told by webhook: once when it begins, once when it ends, over restarts and receivers that are down.

use std::time::Duration;

use seatsync_lab::tenant::{Fault, Match};
use seatsync_lab::webhook::{Answer, Post, Receiver};
use serde_json::Value;

use crate::bench::{Bench, PATIENCE, Running};
use crate::daemon::{Daemon, soon};

const MINUTE: Duration = Duration::from_secs(60);

/// The address's secret part.
const TOKEN: &str = "pUma-77/lynX+q";

async fn receiver(bench: &mut Bench, tables: &str) -> Receiver {
    let receiver = Receiver::start().await.expect("a receiver");
    bench.write_secret("webhook-url", &receiver.url("/hooks/T0/pUma-77?sig=lynX%2Bq"));
    bench.write_secret("heartbeat-url", &receiver.url("/beat"));
    bench.extra.push_str(tables);
    receiver
}

const JSON: &str = "[[notify]]\nid = \"ops\"\nurl = { file = \"webhook-url\" }\n";

/// `code state` of what was taken, in order.
fn told(receiver: &Receiver) -> Vec<String> {
    let taken = receiver.posts().into_iter().filter(|post| (200..300).contains(&post.status));
    taken.filter_map(|post| post.json).filter_map(|json| words(&json)).collect()
}

fn words(json: &Value) -> Option<String> {
    Some(format!("{} {}", json["code"].as_str()?, json["state"].as_str()?))
}

/// Waits for something about what came, while time passes by a few seconds each look.
async fn until(agent: &Running, receiver: &Receiver, fits: impl Fn(&[Post]) -> bool) -> Vec<Post> {
    let wait = async {
        loop {
            let posts = receiver.posts();
            if fits(&posts) {
                return posts;
            }
            agent.clock.advance(Duration::from_secs(3));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, wait).await {
        Ok(posts) => posts,
        Err(_) => panic!("it never came: {:#?}\n{:#?}", receiver.posts(), agent.store.report().await),
    }
}

async fn until_told(agent: &Running, receiver: &Receiver, what: &str) -> Value {
    let is_it =
        |post: &Post| (200..300).contains(&post.status) && post.json.as_ref().and_then(words).as_deref() == Some(what);
    let posts = until(agent, receiver, |posts| posts.iter().any(is_it)).await;
    posts.into_iter().find(is_it).and_then(|post| post.json).expect("it is there")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_that_lasts_is_told_of_once_and_so_is_its_end() {
    let mut bench = Bench::start(5).await;
    let receiver = receiver(&mut bench, JSON).await;
    let agent = bench.running().await;
    bench.tenant.fault(Fault::gateway(Match::path("users/delta"), 503));
    agent.until(|report| report.troubles.contains_key("tenant")).await;
    agent.clock.advance(20 * MINUTE);
    agent.until(|report| report.troubles.contains_key("tenant")).await;
    assert!(told(&receiver).is_empty(), "it has not lasted yet");
    agent.clock.advance(15 * MINUTE);
    let message = until_told(&agent, &receiver, "tenant-unreachable begins").await;
    assert!(message["text"].as_str().is_some_and(|text| text.contains("graph-unavailable")), "{message}");
    assert!(message["todo"].as_str().is_some_and(|text| text.contains("seatsync doctor")), "{message}");
    agent.stop().await;

    // A restart while it lasts.
    let agent = bench.running().await;
    agent.until(|report| report.troubles.contains_key("tenant")).await;
    agent.clock.advance(45 * MINUTE);
    bench.tenant.clear_faults();
    until_told(&agent, &receiver, "tenant-unreachable ends").await;
    bench.some_polls().await;
    agent.stop().await;
    assert_eq!(told(&receiver), ["tenant-unreachable begins", "tenant-unreachable ends"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_taken_is_sent_again_and_a_pause_is_kept_to() {
    let mut bench = Bench::start(5).await;
    let receiver = receiver(&mut bench, JSON).await;
    receiver.answer_next([Answer::status(500), Answer::status(503), Answer::status(429).after(1_800)]);
    bench.tenant.set_seats("EMS", 3).expect("there is EMS");
    let agent = bench.running().await;
    until(&agent, &receiver, |posts| posts.len() == 3).await;
    agent
        .until(|report| report.troubles.get("notify ops").is_some_and(|text| text.contains("webhook-throttled")))
        .await;
    agent.clock.advance(20 * MINUTE);
    bench.some_polls().await;
    assert_eq!(receiver.posts().len(), 3, "it asked to be left alone for half an hour");
    agent.clock.advance(10 * MINUTE);
    until(&agent, &receiver, |posts| posts.len() == 4).await;
    agent.until(|report| !report.troubles.contains_key("notify ops")).await;
    assert_eq!(told(&receiver), ["seats-low begins"]);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_survives_a_restart_and_comes_in_order() {
    let mut bench = Bench::start(5).await;
    let receiver = receiver(&mut bench, JSON).await;
    receiver.answer(Answer::status(503));
    bench.tenant.set_seats("EMS", 3).expect("there is EMS");
    let agent = bench.running().await;
    until(&agent, &receiver, |posts| posts.len() >= 2).await;
    bench.tenant.set_seats("EMS", 100).expect("there is EMS");
    agent.until(|report| report.skus.iter().any(|sku| sku.name == "EMS" && sku.free == 100)).await;
    bench.some_polls().await;
    agent.stop().await;
    assert!(told(&receiver).is_empty());

    receiver.answer(Answer::status(202));
    let agent = bench.running().await;
    until_told(&agent, &receiver, "seats-low ends").await;
    bench.some_polls().await;
    agent.stop().await;
    assert_eq!(told(&receiver), ["seats-low begins", "seats-low ends"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_turn_tells_too_and_repeats_nothing() {
    let mut bench = Bench::start(5).await;
    let receiver = receiver(&mut bench, JSON).await;
    bench.tenant.set_seats("EMS", 3).expect("there is EMS");
    for _ in 0..2 {
        bench.once().await.expect("a turn");
        assert_eq!(told(&receiver), ["seats-low begins"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_itself_refused_keeps_no_other_waiting() {
    let mut bench = Bench::start(5).await;
    let receiver = receiver(&mut bench, JSON).await;
    receiver.answer_next([Answer::status(400), Answer::status(400), Answer::status(400)]);
    bench.tenant.set_seats("EMS", 3).expect("there is EMS");
    let agent = bench.running().await;
    until(&agent, &receiver, |posts| posts.len() == 3).await;
    bench.tenant.set_seats("EMS", 100).expect("there is EMS");
    until_told(&agent, &receiver, "seats-low ends").await;
    agent.stop().await;
    assert_eq!(told(&receiver), ["seats-low ends"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_down_keeps_neither_work_nor_others_waiting() {
    let mut bench = Bench::start(5).await;
    let other = "[[notify]]\nid = \"dead\"\nurl = { file = \"dead-url\" }\n";
    let receiver = receiver(&mut bench, &format!("{other}{JSON}")).await;
    // Nobody listens there.
    bench.write_secret("dead-url", "http://127.0.0.1:9/x");
    bench.tenant.set_seats("EMS", 1).expect("there is EMS");
    let agent = bench.running().await;
    until_told(&agent, &receiver, "seats-low begins").await;
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "licensed").await;
    until_told(&agent, &receiver, "seats-gone begins").await;
    agent
        .until(|report| report.troubles.get("notify dead").is_some_and(|text| text.contains("webhook-unreachable")))
        .await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_cohort_comes_with_the_command_that_releases_it() {
    let mut bench = Bench::start(5).await;
    bench.edit("assignments_per_day = 500", "assignments_per_day = 1");
    let only = "only = [\"cohort-held\"]\n";
    let receiver = receiver(&mut bench, &format!("{JSON}{only}")).await;
    bench.tenant.set_seats("EMS", 3).expect("there is EMS");
    let agent = bench.running().await;
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "licensed").await;
    let bob = bench.join("bob", "DE");
    let message = until_told(&agent, &receiver, "cohort-held begins").await;
    let todo = message["todo"].as_str().expect("what to do");
    let command = todo.split('`').find(|part| part.starts_with("seatsync approve")).expect("a command");
    let arguments: Vec<&str> = command.split(' ').skip(1).collect();
    bench.says(&arguments).await;
    agent.until_standing(&bob, "licensed").await;
    let message = until_told(&agent, &receiver, "cohort-held ends").await;
    assert!(message["title"].as_str().is_some_and(|title| title.contains("was approved")), "{message}");
    agent.stop().await;
    let codes: Vec<String> = told(&receiver);
    assert_eq!(codes, ["cohort-held begins", "cohort-held ends"], "seats were low meanwhile, and are not asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn persons_are_told_of_together_whatever_they_are_called() {
    let mut bench = Bench::start(5).await;
    bench.edit("default = \"SE\"", "");
    let shape = |id: &str| {
        format!(
            "[[notify]]\nid = \"{id}\"\nurl = {{ file = \"webhook-url\" }}\nshape = \"{id}\"\nonly = [\"persons-refused\"]\n"
        )
    };
    let tables = ["json", "teams", "slack"].map(shape).concat();
    let receiver = receiver(&mut bench, &tables).await;
    let agent = bench.running().await;
    let hostile = "o\"}]\\<!channel>*[x](http:evil)\u{202e}'";
    for name in [hostile, "bob", "carl"] {
        let joiner = bench.join(name, "");
        agent.until_standing(&joiner, "refused").await;
    }
    let posts = until(&agent, &receiver, |posts| posts.len() >= 3).await;
    for post in &posts {
        let body = post.json.as_ref().unwrap_or_else(|| panic!("no JSON: {post:?}")).to_string();
        assert!(body.contains("<!channel>*[x](http:evil)") && !body.contains('\u{202e}'), "{body}");
    }
    assert!(posts.iter().any(|post| post.json.as_ref().is_some_and(|json| json["type"] == "message")));
    assert!(posts.iter().any(|post| post.json.as_ref().is_some_and(|json| json["blocks"].is_array())));
    let all: usize =
        posts.iter().filter_map(|post| post.json.as_ref()).map(|json| json.to_string().matches("bob").count()).sum();
    bench.some_polls().await;
    assert!(all <= 3, "of each once: {posts:#?}");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_awaited_for_long_and_what_expires_is_told_of_once_over_restarts() {
    let mut bench = Bench::start(5).await;
    bench.extra.push_str("[alarm]\nawaited_after = \"1h\"\n");
    let receiver = receiver(&mut bench, JSON).await;
    let end = (bench.tenant.now() + jiff::SignedDuration::from_hours(10 * 24)).strftime("%Y-%m-%d").to_string();
    bench.edit("{ file = \"client-secret\" } }", &format!("{{ file = \"client-secret\" }}, expires = \"{end}\" }}"));
    bench.tenant.set_seats("EMS", 100).expect("there is EMS");
    let agent = bench.running().await;
    for name in ["ada", "bob"] {
        let joiner = bench.hire(name, "DE");
        agent.until_presence(&joiner, "awaiting").await;
    }
    until_told(&agent, &receiver, "credential-expiring begins").await;
    assert_eq!(told(&receiver), ["credential-expiring begins"]);
    agent.clock.advance(61 * MINUTE);
    let message = until_told(&agent, &receiver, "persons-awaited begins").await;
    let text = message["text"].as_str().expect("a text");
    assert!(text.contains("ada@corp.example.test") && text.contains("bob@corp.example.test"), "{text}");
    agent.stop().await;

    let agent = bench.agent().await;
    agent.clock.advance(90 * MINUTE);
    let agent = agent.run();
    bench.some_polls().await;
    agent.stop().await;
    assert_eq!(told(&receiver), ["credential-expiring begins", "persons-awaited begins"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_everything_is_told_of_and_so_is_its_end() {
    let mut bench = Bench::start(5).await;
    let receiver = receiver(&mut bench, &format!("{JSON}only = [\"writing-halted\"]\n")).await;
    let agent = bench.running().await;
    let all = ["User.Read.All", "LicenseAssignment.Read.All", "LicenseAssignment.ReadWrite.All", "User.ReadWrite.All"];
    bench.tenant.set_roles(&all[..2]);
    bench.tenant.expire_tokens();
    let joiners = [bench.join("ada", "DE"), bench.join("bob", "DE")];
    agent.until(|report| report.halted.is_some()).await;
    let message = until_told(&agent, &receiver, "writing-halted begins").await;
    assert!(message["text"].as_str().is_some_and(|text| text.contains("graph-forbidden")), "{message}");
    bench.tenant.set_roles(&all);
    bench.tenant.expire_tokens();
    bench.says(&["retry", "--all"]).await;
    for joiner in &joiners {
        agent.until_standing(joiner, "licensed").await;
    }
    until_told(&agent, &receiver, "writing-halted ends").await;
    agent.stop().await;
    assert_eq!(told(&receiver), ["writing-halted begins", "writing-halted ends"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_heart_beats_as_long_as_all_is_well_and_not_otherwise() {
    let mut bench = Bench::start(5).await;
    let receiver = receiver(&mut bench, "[heartbeat]\nurl = { file = \"heartbeat-url\" }\nevery = \"1h\"\n").await;
    let agent = bench.running().await;
    until(&agent, &receiver, |posts| !posts.is_empty()).await;
    bench.tenant.fault(Fault::gateway(Match::path("users/delta"), 503));
    agent.until(|report| report.troubles.contains_key("tenant")).await;
    let before = receiver.posts().len();
    for _ in 0..3 {
        agent.clock.advance(61 * MINUTE);
        let reads = bench.directory.counters().root_dse_reads;
        soon(bench.directory.wait_until(|counters| counters.root_dse_reads >= reads + 5)).await;
    }
    assert_eq!(receiver.posts().len(), before, "no sign of life while the tenant cannot be read");
    bench.tenant.clear_faults();
    let posts = until(&agent, &receiver, |posts| posts.len() > before).await;
    assert!(posts.iter().all(|post| post.method == "GET" && post.address == "/beat"), "{posts:?}");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_message_shows_what_each_receiver_answers() {
    let mut bench = Bench::start(5).await;
    let slack = "[[notify]]\nid = \"chat\"\nurl = { file = \"webhook-url\" }\nshape = \"slack\"\n";
    let receiver =
        receiver(&mut bench, &format!("{JSON}{slack}[heartbeat]\nurl = {{ file = \"heartbeat-url\" }}\n")).await;
    let text = bench.says(&["notify", "test"]).await;
    assert_eq!(text.matches("answered with status 200, \"ok\"").count(), 3, "{text}");
    assert_eq!(receiver.posts().len(), 3);

    receiver.answer_next([Answer::status(404).saying("no hook at {address}")]);
    let output = bench.output(&["notify", "test"]).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(77), "{text}");
    for part in ["fail  ops: ", "status 404, \"no hook at ", "[webhook-refused]", "ok    chat: ", "ok    heartbeat: "] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    assert!(!text.contains("pUma-77") && !text.contains("lynX"), "{text}");
    let output = bench.output(&["notify", "test", "nobody"]).await;
    assert_eq!(output.status.code(), Some(67));
    let lines: Value =
        serde_json::from_slice(&bench.output(&["notify", "test", "chat", "--json"]).await.stdout).expect("JSON");
    assert_eq!((lines[0]["target"].as_str(), lines[0]["ok"].as_bool()), (Some("chat"), Some(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_address_is_in_any_output_or_store() {
    for format in ["text", "json"] {
        let mut bench = Bench::start(5).await;
        bench.edit("level = \"debug\"", &format!("level = \"trace\"\nformat = \"{format}\""));
        let tables = format!("{JSON}[[notify]]\nid = \"dead\"\nurl = {{ file = \"dead-url\" }}\n");
        let receiver = receiver(&mut bench, &tables).await;
        bench.write_secret("dead-url", &format!("http://127.0.0.1:9/{TOKEN}"));
        receiver.answer(Answer::status(400).saying("what is {address}?"));
        bench.tenant.set_seats("EMS", 0).expect("there is EMS");
        let daemon = Daemon::run(&bench);
        daemon.until_said("webhook-refused").await;
        daemon.until_said("webhook-unreachable").await;
        let log = daemon.log().to_owned();
        daemon.kill().await;
        let mut said = vec![std::fs::read(log).expect("a log")];
        assert!(String::from_utf8_lossy(&said[0]).contains("TRACE"));
        for file in ["seatsync.db", "seatsync.db-wal"] {
            said.extend(std::fs::read(bench.path(file)));
        }
        for arguments in [&["status"][..], &["status", "--json"], &["notify", "test"], &["config", "check"], &["once"]]
        {
            let output = soon(bench.output(arguments)).await;
            said.extend([output.stdout, output.stderr]);
        }
        // A file that holds no address, and one that stands in the configuration itself.
        bench.write_secret("webhook-url", "ftp://pUma-77/lynX%2Bq");
        let output = bench.output(&["config", "check"]).await;
        assert_eq!(output.status.code(), Some(78));
        said.extend([output.stdout, output.stderr]);
        bench.edit("url = { file = \"webhook-url\" }", "url = \"https://example.com/pUma-77\"");
        let output = bench.output(&["config", "check"]).await;
        assert_eq!(output.status.code(), Some(78));
        said.extend([output.stdout, output.stderr]);
        for bytes in said {
            let text = String::from_utf8_lossy(&bytes);
            for part in ["pUma-77", "lynX"] {
                let at = text.find(part);
                let around = at.map(|at| {
                    text.chars().skip(text[..at].chars().count().saturating_sub(300)).take(600).collect::<String>()
                });
                assert!(at.is_none(), "{part} stands in: {around:?}");
            }
        }
    }
}
