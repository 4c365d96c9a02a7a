//! How large a domain may be. `cargo test --release -p seatsync-lab --lib size:: -- --ignored --nocapture`

use std::time::Instant;

use ldap3::Scope;
use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};

use super::*;

const MANY: usize = 500_000;

/// Memory of this process that is in RAM, in MB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it is there");
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<usize>().ok()).expect("a number") / 1024
}

#[tokio::test]
#[ignore = "takes minutes without --release"]
async fn half_a_million_accounts_fit() {
    let begun = Instant::now();
    let directory = directory(MANY).await;
    println!("{MANY} accounts: {} MB after {:.1?}", resident(), begun.elapsed());
    let mut ldap = bound(&directory).await;
    let begun = Instant::now();
    let adapters: Vec<Box<dyn Adapter<_, _>>> = vec![Box::new(EntriesOnly::new()), Box::new(PagedResults::new(1000))];
    let attributes = vec!["objectGUID", "uSNChanged"];
    let mut stream =
        ldap.streaming_search_with(adapters, ROOT, Scope::Subtree, PEOPLE, attributes).await.expect("it starts");
    let mut met = 0;
    while stream.next().await.expect("an entry").is_some() {
        met += 1;
    }
    println!("listed by 1000 in {:.1?}; {} MB", begun.elapsed(), resident());
    assert_eq!((met, stream.finish().await.rc), (MANY + 4, 0));

    directory.noise(1000);
    let begun = Instant::now();
    ldap.with_controls(vec![domain_scope()]);
    let filter = format!("(&(uSNChanged>={}){PEOPLE})", directory.highest_usn() - 1000);
    let found = texts(&mut ldap, ROOT, Scope::Subtree, &filter, &["1.1"]).await;
    println!("a delta of 1000, {} of them users, in {:.1?}", found.len(), begun.elapsed());

    let begun = Instant::now();
    directory.add_dc(&DcOptions::default()).await.expect("promoted");
    println!("with a second domain controller: {} MB after {:.1?}", resident(), begun.elapsed());
}
