//! Whether it does its work, and if not, why: pure.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::store::Figures;

/// Troubles of these parts keep it from its work; those of `directory`, too.
const PARTS: [&str; 3] = ["work", "tenant", "groups"];

/// What keeps it from its work, a sentence each; nothing when it is ready. `domains` are those that are followed, `limit` is
/// after how long a side that is not read is told of.
pub(super) fn hindrances(
    figures: &Figures,
    domains: &BTreeSet<String>,
    limit: Duration,
    now: Timestamp,
) -> Vec<String> {
    let mut found = Vec::new();
    let unread = domains.iter().filter(|name| figures.domains.get(*name).copied().flatten().is_none());
    found.extend(unread.map(|name| format!("the domain {name} was never read to its end")));
    if figures.tenant_read.is_none() {
        found.push("the tenant was never read to its end".to_owned());
    }
    if found.is_empty() && !figures.acquainted {
        found.push("the first readings are being judged: nothing is decided yet".to_owned());
    }
    if figures.paused.is_some() {
        found.push("an operator has paused writing: `seatsync resume` goes on".to_owned());
    }
    if let Some(halt) = figures.halted.as_ref().filter(|halt| halt.until > now) {
        let until = halt.until.strftime("%Y-%m-%d %H:%M:%SZ");
        found.push(format!("nothing is written until {until} [{}]", halt.reason.code));
    }
    for (part, complaint) in figures.troubles.iter().filter(|(part, _)| hinders(part, domains)) {
        found.push(format!("{part} is in trouble [{}]: `seatsync status` says what to do", code(complaint)));
    }
    let limit = SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX);
    let late = |at: &Timestamp| now.duration_since(*at) >= limit;
    let ago = |at: Timestamp| now.duration_since(at).as_mins();
    for (name, at) in domains.iter().filter_map(|name| Some((name, figures.domains.get(name).copied().flatten()?))) {
        if late(&at) {
            found.push(format!("the domain {name} was last read {} minutes ago", ago(at)));
        }
    }
    if let Some(at) = figures.tenant_read.filter(late) {
        found.push(format!("the tenant was last read {} minutes ago", ago(at)));
    }
    found
}

/// Whether a part in trouble keeps it from its work, and not merely one of several controllers, a webhook or an end in sight.
fn hinders(part: &str, domains: &BTreeSet<String>) -> bool {
    let of_domain = |domain: &String| part.strip_prefix("directory ") == Some(domain);
    PARTS.contains(&part) || part == "directory" || domains.iter().any(of_domain)
}

/// The code that a complaint ends with. Its text may name accounts, and stays in `status`.
fn code(complaint: &str) -> &str {
    complaint.rsplit_once('[').and_then(|(_, rest)| rest.strip_suffix(']')).unwrap_or("unknown")
}

/// The kind of part, which names neither a host nor an account: the first word of its name.
pub(super) fn kind(part: &str) -> &str {
    part.split([' ', ':']).next().unwrap_or(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::plan::Admitted;
    use crate::model::sample::at;
    use crate::model::standing::Reason;
    use crate::store::Halt;

    const HALF_AN_HOUR: Duration = Duration::from_mins(30);

    fn well() -> Figures {
        Figures {
            acquainted: true,
            domains: [("corp.example.com".to_owned(), Some(at(0)))].into(),
            tenant_read: Some(at(0)),
            synchronization: None,
            presence: Default::default(),
            entitlements: Default::default(),
            skus: Vec::new(),
            held: Default::default(),
            admitted: Admitted::default(),
            paused: None,
            halted: None,
            troubles: Default::default(),
            quarantined: Default::default(),
            unconfirmed: 0,
            awaited_since: None,
            unusable: 0,
            endings: Vec::new(),
        }
    }

    fn said(figures: &Figures, now: i64) -> String {
        hindrances(figures, &["corp.example.com".to_owned()].into(), HALF_AN_HOUR, at(now)).join("; ")
    }

    #[test]
    fn each_hindrance_is_said_in_words() {
        assert_eq!(said(&well(), 60), "");
        assert_eq!(
            said(&Figures { acquainted: false, ..well() }, 0),
            "the first readings are being judged: nothing is decided yet"
        );
        let unread = Figures { acquainted: false, tenant_read: None, ..well() };
        assert_eq!(said(&unread, 0), "the tenant was never read to its end");
        assert!(
            said(&Figures { paused: Some("holiday of ada".into()), ..well() }, 0).starts_with("an operator has paused")
        );
        let halt = Halt { until: at(60), reason: Reason::new("graph-forbidden", "Ada may not") };
        let halted = Figures { halted: Some(halt), ..well() };
        assert_eq!(said(&halted, 0), "nothing is written until 2027-01-15 08:01:00Z [graph-forbidden]");
        assert_eq!(said(&halted, 60), "");
        assert_eq!(
            said(&well(), 1_800),
            "the domain corp.example.com was last read 30 minutes ago; the tenant was last read 30 minutes ago"
        );
    }

    #[test]
    fn only_troubles_that_keep_from_work_hinder_and_none_is_told_with_its_text() {
        for (part, hinders) in [
            ("directory", true),
            ("directory corp.example.com", true),
            ("directory other.example.com", false),
            ("directory: dc1:636", false),
            ("directory certificate dc1", false),
            ("tenant", true),
            ("work", true),
            ("groups", true),
            ("notify ops", false),
            ("heartbeat", false),
            ("details", false),
        ] {
            let troubles = [(part.to_owned(), "svc@x cannot sign in. Do this. [directory-bind-refused]".to_owned())];
            let said = said(&Figures { troubles: troubles.into(), ..well() }, 0);
            assert_eq!(said.contains("[directory-bind-refused]"), hinders, "{part}: {said}");
            assert!(!said.contains("svc@"), "{said}");
        }
        assert_eq!(["directory: dc1:636", "notify ops", "work"].map(kind), ["directory", "notify", "work"]);
    }
}
