//! Where a person stands between the directory and the tenant.

use jiff::Timestamp;

use crate::model::account::Account;
use crate::model::person::{KnownAccount, KnownUser, Person};
use crate::model::standing::{Exclusion, Presence};

/// The account that speaks for a person: of several with one anchor, the first live one that could sign in.
#[must_use]
pub fn speaker(person: &Person, now: Timestamp) -> Option<&KnownAccount> {
    let live = || person.accounts.iter().filter(|known| !known.gone);
    live().find(|known| account_exclusion(&known.account, now).is_none()).or_else(|| live().next())
}

/// Where the person stands now.
#[must_use]
pub fn presence(person: &Person, now: Timestamp) -> Presence {
    stands(person, now, false)
}

/// Whether the person would be present if nothing disabled counted: the account, its expiry, the user.
#[must_use]
pub fn is_present_but_disabled(person: &Person, now: Timestamp) -> bool {
    stands(person, now, true) == Presence::Present
}

fn stands(person: &Person, now: Timestamp, though_disabled: bool) -> Presence {
    let speaker = speaker(person, now);
    let excluded = speaker.and_then(|known| account_exclusion(&known.account, now));
    let excluded = excluded.filter(|exclusion| !(though_disabled && exclusion.is_disabled()));
    match person.users.as_slice() {
        [] => match (speaker, excluded) {
            (None, _) => Presence::Departed,
            (Some(_), Some(exclusion)) => Presence::Excluded(exclusion),
            (Some(known), None) if known.at_first_contact => Presence::NotSynced,
            (Some(_), None) => Presence::Awaiting,
        },
        [known] => with_user(person, known, speaker, excluded, though_disabled),
        several => {
            Presence::Excluded(Exclusion::AnchorShared { users: several.iter().map(|known| known.user.id).collect() })
        }
    }
}

fn with_user(
    person: &Person,
    known: &KnownUser,
    speaker: Option<&KnownAccount>,
    excluded: Option<Exclusion>,
    though_disabled: bool,
) -> Presence {
    let user = &known.user;
    if user.guest {
        return Presence::Excluded(Exclusion::Guest);
    }
    match speaker {
        _ if user.synced != Some(true) => Presence::CloudOnly,
        None if person.accounts.is_empty() => Presence::UnknownInDirectory,
        None => Presence::Departed,
        Some(_) if excluded.is_some() => excluded.map_or(Presence::Present, Presence::Excluded),
        Some(_) if !user.enabled && !though_disabled => Presence::Excluded(Exclusion::DisabledInTenant),
        Some(speaker) => sid_conflict(person, known, speaker).map_or(Presence::Present, Presence::Excluded),
    }
}

/// The cross-check of the anchor: some account of the person must carry the SID that the tenant knows.
fn sid_conflict(person: &Person, known: &KnownUser, speaker: &KnownAccount) -> Option<Exclusion> {
    let (ours, theirs) = (speaker.account.sid.as_ref()?, known.user.sid.as_ref()?);
    let agrees = person.accounts.iter().any(|account| account.account.sid.as_ref() == Some(theirs));
    (!agrees).then(|| Exclusion::SidDiffers { account: ours.to_string(), user: theirs.to_string() })
}

/// Why an account must not be given anything.
fn account_exclusion(account: &Account, now: Timestamp) -> Option<Exclusion> {
    if let Some(rule) = &account.system {
        return Some(Exclusion::System { rule: rule.clone() });
    }
    if !account.enabled {
        return Some(Exclusion::DisabledInDirectory);
    }
    account.expires.filter(|at| *at <= now).map(|at| Exclusion::Expired { at })
}
