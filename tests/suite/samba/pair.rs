//! Two real domain controllers that replicate only when told to: what one has and the other lacks, whoever dies.

use super::site::{Site, env, tool};
use super::{assert_licensed, moves};
use crate::bench::person;

/// `pair` with these arguments.
async fn pair(arguments: &[&str]) {
    tool("tests/samba/pair", arguments).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs two real Samba AD DCs: tests/run samba"]
async fn whichever_controller_dies_and_comes_back_older_nobody_is_lost_or_noticed_twice() {
    let mut site = Site::new("Pair").await;
    let (a, b) = (env("SAMBA_A_URL"), env("SAMBA_B_URL"));
    site.bench.edit(&format!("servers = [{a:?}]"), &format!("servers = [{a:?}, {b:?}]"));
    let old = site.hire("Old Olaf", "old-olaf", &[("c", "NO")]).await;
    pair(&["replicate", "a", "b"]).await;
    // The copy that `a` is to be put back from.
    pair(&["stop", "a"]).await;
    pair(&["keep", "a"]).await;
    pair(&["start", "a"]).await;
    let agent = site.bench.running().await;

    // One is written on each, and `b` dies before anything is replicated.
    let ann = site.hire("Ann on A", "ann", &[("c", "AT")]).await;
    site.controller.clone_from(&b);
    let bob = site.hire("Bob on B", "bob", &[("c", "BE")]).await;
    pair(&["kill", "b"]).await;
    agent.until_presence(&ann, "awaiting").await;
    // Replicated late, `bob` comes by way of `a`.
    pair(&["start", "b"]).await;
    pair(&["replicate", "b", "a"]).await;
    pair(&["replicate", "a", "b"]).await;
    agent.until_presence(&bob, "awaiting").await;

    // `a` dies: the word of `b` counts, from its own watermark.
    site.controller.clone_from(&a);
    let given_out = site.usn().await;
    pair(&["kill", "a"]).await;
    site.controller = b;
    let carl = site.hire("Carl on B", "carl", &[("c", "CH")]).await;
    agent.until_presence(&carl, "awaiting").await;
    // It comes back as it was before all of them, says nothing of it, and catches up only later.
    pair(&["restore", "a"]).await;
    pair(&["start", "a"]).await;
    let dora = site.hire("Dora on B", "dora-on-b", &[("c", "DK")]).await;
    agent.until_presence(&dora, "awaiting").await;
    pair(&["replicate", "b", "a"]).await;
    site.controller = a;
    // `b` takes nothing that `a` writes under numbers which it gave out in its first life: it has to get past them.
    while site.usn().await <= given_out {
        site.set(&old, "description", uuid::Uuid::new_v4().to_string()).await;
    }
    let emil = site.hire("Emil on A", "emil", &[("c", "EE")]).await;
    pair(&["replicate", "a", "b"]).await;
    agent.until_presence(&emil, "awaiting").await;

    let _follower = site.follow(&site.unit);
    for (joiner, location) in [(&ann, "AT"), (&bob, "BE"), (&carl, "CH"), (&dora, "DK"), (&emil, "EE"), (&old, "NO")] {
        agent.until_standing(joiner, "licensed").await;
        assert_licensed(&site, joiner, location);
        let noticed: &[&str] = if joiner.upn == old.upn { &["present"] } else { &["awaiting", "present"] };
        assert_eq!(moves(&person(&agent.store, joiner).await.expect("known")), noticed, "{}", joiner.upn);
    }
    agent.stop().await;
}
