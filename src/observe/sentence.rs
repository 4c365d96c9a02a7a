//! The sentence of each event.

use std::fmt;

use super::Event;

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { version, mode, config } => {
                write!(f, "seatsync {version} started in mode {mode}, configuration {}", short(config))
            }
            Self::Stopping => f.write_str("stopping: writes under way are brought to their end"),
            Self::Stopped => f.write_str("stopped, nothing left half-done"),
            Self::DirectoryConnected { server } => write!(f, "connected to domain controller {server}"),
            Self::DirectorySwitched { server } => {
                write!(f, "domain controller {server} is followed from now on, from where it had been read")
            }
            Self::DirectorySecondChoice { server } => write!(
                f,
                "only domain controller {server} can be used, which has finished no replication since it started or holds a \
                 read-only copy: what it shows may be old"
            ),
            Self::DirectoryDoubted { server, why, .. } => write!(
                f,
                "{server}: {why}. What was known of its changes is void and all of it is read again; check its Directory \
                 Service log and its replication (repadmin /showrepl)"
            ),
            Self::ScanStarted { server, why, witness: false } => {
                write!(f, "reading the whole directory from {server}: {why}")
            }
            Self::ScanStarted { server, why, witness: true } => {
                write!(f, "comparing all accounts of {server} with those known: {why}")
            }
            Self::ScanComplete { met, new, gone, quarantined } => {
                write!(f, "directory read: {met} accounts, {new} new, {gone} gone, {quarantined} not understood")
            }
            Self::ScanShrunk { source, met, missing } => write!(
                f,
                "a complete read of the {source} met {met} and missed {missing} that were known: nobody is taken as gone; \
                 check bases and rights, then see guard.shrink_percent"
            ),
            Self::DirectoryChanged { new, changed, gone, quarantined } => {
                write!(f, "directory: {new} new accounts, {changed} changed, {gone} gone, {quarantined} not understood")
            }
            Self::ListingStarted { why } => write!(f, "listing all users of the tenant: {why}"),
            Self::ListingComplete { users, missing: 0 } => write!(f, "tenant read: {users} users"),
            Self::ListingComplete { users, missing } => {
                write!(
                    f,
                    "tenant read: {users} users; {missing} known ones were not among them, and are read by themselves"
                )
            }
            Self::MissingRead { gone, there } => {
                write!(f, "of the users that the listing missed {gone} are gone and {there} are there")
            }
            Self::FoundByAnchor { users } => {
                write!(f, "{users} awaited users were found by their anchor; no change of the tenant had told of them")
            }
            Self::LicensesReadAgain { changed } => {
                write!(f, "{changed} users were read again and differ from what the changes had told")
            }
            Self::SyncStalled { alarm } => alarm.fmt(f),
            Self::SyncResumed => f.write_str("synchronization from the directory keeps nobody waiting any more"),
            Self::SyncUnwatched { why } => {
                write!(f, "whether the directory is synchronized into the tenant cannot be watched: {why}")
            }
            Self::TenantChanged { new, changed, gone } => {
                write!(f, "tenant: {new} users appeared, {changed} changed, {gone} left")
            }
            Self::GroupRead { group, members } => {
                write!(f, "group {group} read: {members} users, all of whom were there before")
            }
            Self::GroupChanged { group, joined, left } => {
                write!(f, "group {group}: {joined} users joined, {left} left")
            }
            Self::GroupShrunk { group, met, missing } => write!(
                f,
                "a complete read of group {group} met {met} users and missed {missing} that were known: nobody is taken as \
                 having left; see who changed the group, then guard.shrink_percent"
            ),
            Self::GroupDoubted { group, fault } => write!(f, "group {group}: {fault}"),
            Self::ContainerMoved { accounts } => {
                write!(f, "an organizational unit or container was renamed or moved, and {accounts} accounts with it")
            }
            Self::Acquainted { baseline_without_license } => write!(
                f,
                "first contact complete; {baseline_without_license} who were there before lack a license that a rule wants \
                 (`seatsync include` brings them in)"
            ),
            Self::PersonMoved { name, from, to, why } => moved(f, name, None, from.as_deref(), to, why.as_deref()),
            Self::StandingMoved { name, product, from, to, why, .. } => {
                moved(f, name, Some(product), from.as_deref(), to, why.as_deref())
            }
            Self::WouldWrite { names } => write!(f, "observe mode: would license {}", listed(names)),
            Self::LocationSet { name, location, .. } => write!(f, "{name}: usage location set to {location}"),
            Self::LicenseAccepted { name, products, .. } => write!(f, "{name}: {products}: accepted, reading back"),
            Self::WriteFailed { name, what, why, .. } => write!(f, "{name}: {what} not written: {why}"),
            Self::WriteSettled { name, visible } => {
                let seen = if *visible { "was done" } else { "was not done, and is decided anew" };
                write!(f, "{name}: the outcome of a write was unknown; reading shows that it {seen}")
            }
            Self::Waiting { product, persons } => {
                write!(f, "{persons} more wait for a seat of {product}; they go on by themselves when seats return")
            }
            Self::ProductStopped { product, why, until } => write!(
                f,
                "{product} is refused for everybody and asked for by nobody: {why} One user asks again at {}, or once its \
                 numbers or status change",
                until.strftime("%Y-%m-%d %H:%M:%SZ")
            ),
            Self::Unconfirmed { names, minutes } => write!(
                f,
                "accepted more than {minutes} minutes ago and not yet seen to work: {}; nothing is written again, reading \
                 back goes on",
                listed(names)
            ),
            Self::Held { hold, rule, persons, reason } => write!(
                f,
                "{persons} persons of rule {rule} are held as cohort {hold}: {reason}; see `seatsync status`, then \
                 `seatsync approve {hold}` or `seatsync reject {hold}`"
            ),
            Self::Halted { until, why } => write!(f, "nothing is written until {until}: {why}"),
            Self::RuleUnusable { problem } => f.write_str(problem),
            Self::RuleScope { rule, meant, accounts } => {
                write!(f, "rule {rule} means {meant} of the {accounts} accounts of the directory")
            }
            Self::RuleMeansNobody { rule, clause, missing: Some(missing) } => {
                write!(f, "rule {rule}: {clause} does not exist, or may not be seen, and means nobody{missing}")?;
                f.write_str("Correct it: it was renamed, moved, or never there")
            }
            Self::RuleMeansNobody { rule, clause, missing: None } => write!(
                f,
                "rule {rule}: {clause} means nobody: check its spelling, and that the attributes are filled in and may be read"
            ),
            Self::FilterDiffers { rule, filter, ours, theirs, server } => {
                write!(
                    f,
                    "rule {rule}: filter {filter} means {ours} accounts as it is answered here, while {server} "
                )?;
                match theirs {
                    Some(theirs) => write!(f, "counts {theirs}: ")?,
                    None => f.write_str("cannot answer it: ")?,
                }
                f.write_str(
                    "check that its schema knows each attribute, that they are stored and not constructed ones, and that the \
                     account may read them (`seatsync doctor --directory`)",
                )
            }
            Self::CredentialExpiring { what, at, expired: true, .. } => {
                write!(f, "{what} that seatsync logs in with expired at {at}: replace it")
            }
            Self::CredentialExpiring { what, at, days, .. } => {
                write!(f, "{what} that seatsync logs in with expires in {days} days, at {at}: replace it before then")
            }
            Self::CertificateExpiring { server, at, expired: true, .. } => {
                write!(f, "the certificate of {server} expired at {at}: renew it")
            }
            Self::CertificateExpiring { server, at, days, .. } => {
                write!(f, "the certificate of {server} expires in {days} days, at {at}: renew it before then")
            }
            Self::PasswordExpiring { user, at, expired: true, .. } => {
                write!(f, "the password of {user} expired at {at}: set a new one and store it for seatsync")
            }
            Self::PasswordExpiring { user, at, days, .. } => write!(
                f,
                "the password of {user} expires in {days} days, at {at}: set a new one before then and store it for seatsync"
            ),
            Self::Trouble { part, code, what, advice, retry, .. } => {
                let (what, retry) = (what.trim_end_matches('.'), retry.strftime("%Y-%m-%d %H:%M:%SZ"));
                write!(f, "{part}: {what}. {advice} [{code}] Next try at {retry}")
            }
            Self::Recovered { part } => write!(f, "{part}: well again"),
            Self::Noticed { notice } => {
                f.write_str(&notice.title)?;
                let more = [&notice.text, &notice.todo].into_iter().flat_map(|text| text.lines());
                more.filter(|line| !line.is_empty()).try_for_each(|line| write!(f, "; {line}"))
            }
            Self::NoticesDropped { target, number, why } => {
                write!(f, "{number} messages for {target} are given up: {why}")
            }
            Self::HeartbeatWithheld { why } => write!(f, "no heartbeat is sent: {why}"),
            Self::WatchListening { at } => write!(f, "metrics, /healthz and /readyz are served on http://{at}"),
            Self::WatchExposed { at } => write!(
                f,
                "metrics are served on http://{at}, to whoever reaches it, without a login: let only the monitoring reach it"
            ),
            Self::WatchUnavailable { at, why } => write!(
                f,
                "metrics cannot be served on {at}: {why}. All else goes on, and it is tried again every minute; give another \
                 address in watch.listen, or \"off\", where several agents run on one host"
            ),
            Self::AuditHead { head } => write!(f, "the newest row of the audit is {head}"),
            Self::AuditShortened { rows, upto } => write!(f, "{rows} old rows of the audit are removed, up to {upto}"),
            Self::StoreRestored { made } => write!(f, "the store is a copy of {made:.0}: both sides are read first"),
            Self::RequestDone { by, outcome } => write!(f, "{by} asked: {outcome}"),
            Self::RequestRefused { by, outcome } => write!(f, "{by} asked in vain: {outcome}"),
            Self::TaskOverdue { task, by } => write!(
                f,
                "{task} makes no progress and is {by:.0?} beyond what its step may take: unless it goes on, the service manager's \
                 watchdog ends this process and starts it anew, which loses nothing"
            ),
            Self::Reload(reload) => reload.fmt(f),
        }
    }
}

fn moved(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    product: Option<&str>,
    from: Option<&str>,
    to: &str,
    why: Option<&str>,
) -> fmt::Result {
    write!(f, "{name}")?;
    if let Some(product) = product {
        write!(f, " {product}")?;
    }
    match from {
        Some(from) => write!(f, ": {from} → {to}")?,
        None => write!(f, ": {to}")?,
    }
    if let Some(why) = why {
        write!(f, " ({why})")?;
    }
    Ok(())
}

/// The first few names and how many more.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let more = names.len().saturating_sub(SHOWN);
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

/// The beginning of a digest: enough to tell configurations apart.
#[must_use]
pub fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
