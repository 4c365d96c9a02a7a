//! How fast many new users are licensed: `cargo bench --bench licensing [-- USERS LATENCY_MS]`.
//!
//! A tenant of the lab answers every request after a fixed latency. The figure of merit is a ratio within one run: the time
//! from the first to the last batch of writes, over the floor that latency and the fixed number of batches at once allow
//! (the quota is set out of the way; its floor is kept by a test in virtual time). Reads and the store's work count against us.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use seatsync::agent::Agent;
use seatsync::clock::Clock;
use seatsync::config::{self, Environment};
use seatsync::store::Store;
use seatsync_lab::directory::{Directory, DirectoryOptions, NewAccount};
use seatsync_lab::tenant::{NewUser, Tenant, World};

const BATCHES_AT_ONCE: usize = 4;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = std::env::args().skip(1).filter_map(|text| text.parse::<usize>().ok());
    let users = numbers.next().unwrap_or(1_000);
    let latency = Duration::from_millis(numbers.next().unwrap_or(80) as u64);
    let files = tempfile::tempdir()?;
    let directory = Directory::start(DirectoryOptions::with_accounts(0)).await?;
    let tenant = Tenant::start(World::empty_contoso()).await?;
    tenant.set_seats("EMS", u32::try_from(users)? + 10)?;
    for number in 0..users {
        let (sam, upn) = (format!("user{number}"), format!("user{number}@corp.example.test"));
        let account = NewAccount::named(&sam).sam(&sam).country("DE").without("objectSid");
        let guid = directory.create_account(account.with("userPrincipalName", upn.as_str()));
        tenant.add_user(NewUser::synced(&upn, guid.to_string().parse()?))?;
    }
    tenant.set_knobs(|knobs| knobs.latency = latency);
    let settings = config::load(&configure(&files, &directory, &tenant)?, &Environment::default())?;
    let store = Store::open(&settings.store)?;
    let stop = tokio::sync::watch::channel(false).1;
    let agent = Agent::new(settings, store.clone(), Clock::system(), stop).await?;
    agent.once().await?;
    while store.report().await?.standing.get("licensed").copied().unwrap_or(0) < users as u64 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        agent.once().await?;
    }
    report(&tenant, users, latency);
    Ok(())
}

fn configure(
    files: &tempfile::TempDir,
    directory: &Directory,
    tenant: &Tenant,
) -> Result<std::path::PathBuf, Box<dyn Error>> {
    let write = |name: &str, text: &str| -> std::io::Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        let path = files.path().join(name);
        std::fs::write(&path, text)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
    };
    write("ca.pem", directory.ca_pem())?;
    write("bind", &directory.bind_password())?;
    write("secret", "lab-secret")?;
    let (port, user) = (directory.ldaps_addr().port(), directory.bind_user());
    let (url, id) = (tenant.url(), tenant.tenant_id());
    write(
        "seatsync.toml",
        &format!(
            r#"mode = "apply"
store = "seatsync.db"
[directory]
domain = "corp.example.test"
servers = ["ldaps://localhost:{port}"]
ca_file = "ca.pem"
bases = ["OU=Staff,DC=corp,DC=example,DC=test"]
bind = {{ method = "simple", user = "{user}", password = {{ file = "bind" }} }}
[tenant]
id = "{id}"
client_id = "11111111-1111-1111-1111-111111111111"
login_url = "{url}"
graph_url = "{url}"
credential = {{ method = "secret", secret = {{ file = "secret" }} }}
[guard]
existing = "license"
assignments_per_day = 1000000
[work]
concurrency = {BATCHES_AT_ONCE}
quota = 1000000
[[license]]
id = "intune"
sku = "EMS"
"#
        ),
    )?;
    Ok(files.path().join("seatsync.toml"))
}

/// Prints what the tenant's log of requests tells.
fn report(tenant: &Tenant, users: usize, latency: Duration) {
    let requests: Vec<_> = tenant.requests().into_iter().filter(|request| request.batch_item.is_none()).collect();
    let writes: Vec<_> = requests.iter().filter(|request| request.path.ends_with("/$batch")).collect();
    let counters = tenant.counters();
    let sent = counters.patch_usage_location.calls + counters.assign_license.calls;
    // Reading back uses batches as well, after the last write.
    let needed = usize::try_from(sent).unwrap_or_default().div_ceil(20);
    let rounds = writes.iter().take(needed);
    let started = rounds.clone().map(|request| request.started).min().unwrap_or_default();
    let ended = rounds.filter_map(|request| request.ended).max().unwrap_or_default();
    let took = ended.duration_since(started).as_secs_f64();
    let per_round = (users.div_ceil(20)).div_ceil(BATCHES_AT_ONCE);
    let floor = 2.0 * per_round as f64 * latency.as_secs_f64();
    let mut others: BTreeMap<String, usize> = BTreeMap::new();
    for request in &requests {
        if !request.path.ends_with("/$batch") {
            *others.entry(format!("{} {}", request.method, request.path)).or_default() += 1;
        }
    }
    *others.entry("POST /v1.0/$batch (reading back)".into()).or_default() += writes.len().saturating_sub(needed);
    println!("{users} users, {} ms latency, {BATCHES_AT_ONCE} batches at once", latency.as_millis());
    println!("writes            {sent} in {needed} batches, throttled {}", counters.throttled);
    println!("first to last     {took:.2} s, {:.0} users per second", users as f64 / took);
    println!("floor             {floor:.2} s, ratio {:.3}", took / floor);
    println!(
        "other requests    {} ({:.1} % of the users)",
        others.values().sum::<usize>(),
        others.values().sum::<usize>() as f64 * 100.0 / users as f64
    );
    for (request, count) in others {
        println!("  {count:5} {request}");
    }
}
