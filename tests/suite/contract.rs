//! What crosses the wire, kept for `tests/graph/contract.py`, which holds it against Microsoft's description of Graph
//! (`tests/run graph`). Here only: that everything worth holding against it did cross.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use seatsync_lab::tenant::{Fault, Match, NewGroup, RequestRecord};

use crate::bench::Bench;

const EMS: &str = "efccb6f7-5641-4e0e-bd10-b4976e1bf68e";
const PATIENCE: Duration = Duration::from_secs(60);

/// The whole of an agent's life with Graph: first contact, joiners, a leaver, seats, and the refusals of a bad day.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_run_is_recorded() {
    let mut bench = Bench::start(20).await;
    let sales = bench.tenant.add_group(NewGroup::named("Sales")).expect("a group");
    bench.rules += &format!("[[license]]\nid = \"sales\"\nsku = \"EMS\"\nwho = {{ entra_group = \"{sales}\" }}\n");
    bench.edit("[tenant]\n", "[tenant]\ngroup_poll = \"100ms\"\ngroup_licensing_grace = \"1h\"\n");
    bench.tenant.set_knobs(|knobs| {
        knobs.record_bodies = true;
        knobs.page_size = Some(2);
        knobs.empty_pages = true;
        knobs.absent_calls = 1;
    });
    let known: Vec<_> = ["old1", "old2", "old3"].into_iter().map(|sam| bench.join(sam, "DE")).collect();
    let agent = bench.running().await;
    // One momentary obstacle of each kind, for a write each.
    let write = || Match::path("assignLicense").once();
    bench.tenant.fault(Fault::throttled(write(), Some("0.2")));
    bench.tenant.fault(Fault::answer(write(), 503, "ServiceUnavailable", "The service is unavailable."));
    let words = "Error due to concurrent requests being made to the tenant. Please wait briefly and retry.";
    bench.tenant.fault(Fault::answer(write(), 409, "Directory_ConcurrencyViolation", words));
    bench.tenant.fault(Fault::cut(Match::new("PATCH", "/users/").once()));
    let joiners: Vec<_> = ["ada", "bob", "eva"].into_iter().map(|sam| bench.join(sam, "SE")).collect();
    for joiner in &joiners {
        bench.tenant.add_member("Sales", &joiner.upn).expect("a member");
        agent.until_standing(joiner, "licensed").await;
    }
    // A seat that went to someone else in between.
    let taken = format!("Subscription with SKU {EMS} does not have any available licenses.");
    bench.tenant.fault(Fault::answer(write(), 400, "Request_BadRequest", &taken));
    bench.join("zoe", "DE");
    until_answered(&bench, 400).await;
    bench.tenant.set_seats("EMS", 60).expect("more are bought");
    // A leaver, an expired token, and a delta that lost its place.
    bench.tenant.delete_user(&known[0].upn).expect("a user goes");
    bench.tenant.expire_tokens();
    until_answered(&bench, 401).await;
    bench.tenant.expire_delta();
    until_answered(&bench, 410).await;
    let late = bench.join("kim", "DE");
    agent.until_standing(&late, "licensed").await;
    agent.stop().await;

    let requests = bench.tenant.requests();
    let met: BTreeSet<u16> = requests.iter().filter_map(|request| request.status).collect();
    for status in [200, 204, 400, 401, 404, 409, 410, 429, 503] {
        assert!(met.contains(&status), "no {status} among {met:?}");
    }
    for path in ["/transitiveMembers/microsoft.graph.user", "/v1.0/groups"] {
        assert!(requests.iter().any(|request| request.path.ends_with(path)), "nothing was asked of {path}");
    }
    keep(&requests);
}

/// Waits until Graph has answered some request so.
async fn until_answered(bench: &Bench, status: u16) {
    let answered = |request: &RequestRecord| request.status == Some(status);
    let came = bench.tenant.wait_within(PATIENCE, |view| view.requests().any(answered)).await;
    assert!(came, "nothing was answered {status}");
}

/// Where `contract.py` looks for it.
fn keep(requests: &[RequestRecord]) {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("graph-recording.json");
    let text = serde_json::to_string(requests).expect("records are JSON");
    std::fs::write(file, text).expect("the recording is written");
}
