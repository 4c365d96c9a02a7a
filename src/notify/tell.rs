//! What is to be said: from what was said before and what is so now. Pure.
//!
//! Each thing is told of when it begins and when it ends, once. What was said is a value that the store keeps, so that a restart
//! repeats nothing.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::people::persons;
use crate::model::expiry::{Expiry, ExpiryWarning};
use crate::model::identity::{HoldId, SkuId};
use crate::model::notice::{Ending, Matter, Notice, Phase, Said};
use crate::model::seats::Outlook;
use crate::model::settings::{AlarmSettings, SeatSettings};
use crate::model::standing::Reason;

/// A halt counts as over when it was not renewed for so long after its end: the next try follows it closely.
const HALT_OVER: SignedDuration = SignedDuration::from_mins(2);

/// What is so now.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Products that rules assign.
    pub products: Vec<ProductFact>,
    /// Cohorts that are held.
    pub holds: Vec<HoldFact>,
    /// What became of former ones.
    pub decided: BTreeMap<HoldId, String>,
    /// What ends, by a name of its own; `None`: it was replaced.
    pub endings: BTreeMap<String, Option<Ending>>,
    /// The domains and the tenant.
    pub sides: Vec<SideFact>,
    /// Why Entra Connect brings nobody.
    pub stalled: Option<String>,
    /// Until when nothing is written, and why; it may be over.
    pub halt: Option<(Timestamp, Reason)>,
    /// Who is awaited for long.
    pub awaited: Persons,
    /// Who was refused.
    pub refused: Persons,
}

/// The seats of a product.
#[derive(Clone, Debug)]
pub struct ProductFact {
    /// Which.
    pub id: SkuId,
    /// Its name.
    pub name: String,
    /// `capabilityStatus`.
    pub status: String,
    /// Whether any of it can be assigned.
    pub assignable: bool,
    /// Whether its subscription has expired and is in its grace period.
    pub in_grace: bool,
    /// Seats that can be planned with.
    pub free: i64,
    /// Who waits for one.
    pub waiting: u64,
    /// How long they will do.
    pub outlook: Option<Outlook>,
}

/// A held cohort.
#[derive(Clone, Debug)]
pub struct HoldFact {
    /// Its number.
    pub id: HoldId,
    /// Of which rule.
    pub rule: String,
    /// Why.
    pub reason: String,
    /// How many.
    pub members: u64,
    /// What an approval names.
    pub digest: String,
}

/// One side that is read.
#[derive(Clone, Debug)]
pub struct SideFact {
    /// Directory or tenant.
    pub matter: Matter,
    /// Which.
    pub name: String,
    /// When it was last read.
    pub read: Option<Timestamp>,
    /// Since when we try.
    pub started: Timestamp,
    /// What keeps it from being read.
    pub complaint: Option<String>,
}

/// Persons whom one message is about.
#[derive(Clone, Debug, Default)]
pub struct Persons {
    /// How many there are at all.
    pub all: u64,
    /// How many of them are news.
    pub new: u64,
    /// The first few of the news.
    pub named: Vec<String>,
    /// The newest.
    pub last: Option<Timestamp>,
}

/// From when on something is told.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    /// Of seats.
    pub seats: SeatSettings,
    /// Of what lasts.
    pub alarm: AlarmSettings,
}

/// What is to be said, and what then was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// In the order in which it is said.
    pub notices: Vec<Notice>,
    /// By what it is about.
    pub said: BTreeMap<String, Said>,
}

/// Compares what is so with what was said.
#[must_use]
pub fn tell(said: &BTreeMap<String, Said>, facts: &Facts, thresholds: Thresholds, now: Timestamp) -> Told {
    let mut teller = Teller { said, told: Told::default(), now };
    for product in &facts.products {
        teller.subscription(product);
        teller.seats(product, thresholds.seats);
    }
    for hold in &facts.holds {
        teller.held(hold);
    }
    teller.decided(facts);
    for (part, ending) in &facts.endings {
        teller.ending(part, ending.as_ref());
    }
    for side in &facts.sides {
        teller.side(side, thresholds.alarm.unreachable_after);
    }
    teller.stalled(facts.stalled.as_deref());
    teller.halted(facts.halt.as_ref());
    persons(&mut teller, Matter::PersonsAwaited, &facts.awaited);
    persons(&mut teller, Matter::PersonsRefused, &facts.refused);
    teller.told
}

/// One comparison under way.
pub(super) struct Teller<'a> {
    pub(super) said: &'a BTreeMap<String, Said>,
    pub(super) told: Told,
    pub(super) now: Timestamp,
}

impl Teller<'_> {
    fn seats(&mut self, product: &ProductFact, limits: SeatSettings) {
        let key = format!("seats {}", product.id);
        let was = self.said.get(&key).cloned();
        if !product.assignable {
            // Its status is what there is to tell; seats are none by that.
            self.keep(key, was);
            return;
        }
        let is = if product.free == 0 {
            Some(Said::SeatsGone)
        } else {
            is_few(product, limits, was.is_some()).then_some(Said::SeatsLow)
        };
        let (name, free) = (product.name.as_str(), product.free);
        let outlook = product.outlook.map(|outlook| format!(", {outlook}")).unwrap_or_default();
        let waiting = match product.waiting {
            0 => String::new(),
            1 => "One person waits for one.".to_owned(),
            many => format!("{many} persons wait for one."),
        };
        let buy = "Buy or free seats; who waits goes on without further ado.";
        match (&was, &is) {
            (None | Some(Said::SeatsLow), Some(Said::SeatsGone)) => {
                self.begins(Matter::SeatsGone, name, format!("No seat of {name} is free"), waiting, buy);
            }
            (None, Some(_)) => {
                let title = format!("Few seats of {name} are left: {free} free{outlook}");
                self.begins(Matter::SeatsLow, name, title, String::new(), "Buy seats before they are gone.");
            }
            (Some(Said::SeatsGone), Some(Said::SeatsLow)) => {
                self.ends(Matter::SeatsGone, name, format!("Seats of {name} are back, and few: {free} free{outlook}"));
            }
            (Some(Said::SeatsGone), None) => {
                self.ends(Matter::SeatsGone, name, format!("Seats of {name} are back: {free} free{outlook}"));
            }
            (Some(_), None) => {
                self.ends(Matter::SeatsLow, name, format!("Enough seats of {name} again: {free} free{outlook}"));
            }
            _ => {}
        }
        self.keep(key, is);
    }

    fn subscription(&mut self, product: &ProductFact) {
        let key = format!("subscription {}", product.id);
        let (name, status) = (product.name.as_str(), product.status.clone());
        let is = (!product.assignable || product.in_grace).then_some(Said::Subscription { status });
        let was = self.said.get(&key);
        match (&is, product.in_grace) {
            _ if was == is.as_ref() => {}
            (Some(_), true) => self.begins(
                Matter::SubscriptionEnding,
                name,
                format!("The subscription of {name} has expired and is in its grace period"),
                "It can still be assigned; when the grace period ends, nothing can.".to_owned(),
                "Renew it in the Microsoft 365 admin center.",
            ),
            (Some(_), false) => self.begins(
                Matter::SubscriptionEnding,
                name,
                format!("Nothing of {name} can be assigned: its subscription is {}", product.status),
                "Who is due waits and goes on without further ado.".to_owned(),
                "Renew it in the Microsoft 365 admin center, or name another product in the rule.",
            ),
            (None, _) => {
                self.ends(Matter::SubscriptionEnding, name, format!("The subscription of {name} is in order again"))
            }
        }
        self.keep(key, is);
    }

    fn held(&mut self, hold: &HoldFact) {
        let (id, members, rule) = (hold.id, hold.members, hold.rule.as_str());
        let key = format!("cohort {id}");
        // It grows with each person who is due: told again when it has doubled.
        let phase = match self.said.get(&key) {
            None => Phase::Begins,
            Some(Said::Held { members: known, .. }) if members >= known.saturating_mul(2).max(1) => Phase::Continues,
            Some(was) => return self.keep(key, Some(was.clone())),
        };
        let title = format!("Cohort {id} is held: {members} of rule {rule}");
        let todo = format!(
            "Look at `seatsync status`, then `seatsync approve {id} --digest {digest}` or `seatsync reject {id} --digest \
             {digest}`.",
            digest = hold.digest
        );
        self.say(Matter::CohortHeld, phase, Some(&id.to_string()), title, hold.reason.clone(), &todo);
        self.keep(key, Some(Said::Held { members, rule: rule.to_owned() }));
    }

    /// Cohorts that were told of and are held no longer.
    fn decided(&mut self, facts: &Facts) {
        for (key, was) in self.said {
            let (Some(id), Said::Held { rule, .. }) = (key.strip_prefix("cohort "), was) else { continue };
            if facts.holds.iter().any(|hold| hold.id.to_string() == id) {
                continue;
            }
            let outcome = facts.decided.iter().find(|(known, _)| known.to_string() == id);
            let outcome = outcome.map_or("is held no longer", |(_, outcome)| match outcome.as_str() {
                "approved" => "was approved",
                "rejected" => "was rejected",
                _ => "has dissolved: nobody in it is held any more",
            });
            self.ends(Matter::CohortHeld, id, format!("Cohort {id} of rule {rule} {outcome}"));
        }
    }

    fn ending(&mut self, part: &str, ending: Option<&Ending>) {
        let key = format!("ending {part}");
        let was = self.said.get(&key);
        let due = ending.and_then(|ending| {
            let expiry = Expiry { what: "", at: ending.at };
            Some((ending, expiry.warning(self.now)?, expiry.days_left(self.now)))
        });
        let Some((ending, warning, days)) = due else {
            if let Some(Said::Ending { ending: known, .. }) = was {
                self.ends(known.matter, &known.what, format!("{} was renewed", capital(&known.what)));
            }
            return;
        };
        let phase = match was {
            Some(Said::Ending { ending: known, warning: said }) if known.at == ending.at && *said >= warning => {
                return self.keep(key, was.cloned());
            }
            Some(Said::Ending { ending: known, .. }) if known.at == ending.at => Phase::Continues,
            _ => Phase::Begins,
        };
        let at = ending.at.strftime("%Y-%m-%d %H:%MZ");
        let title = match (warning, days) {
            (ExpiryWarning::Expired, _) => format!("{} expired at {at}", capital(&ending.what)),
            (_, 1) => format!("{} expires in 1 day, at {at}", capital(&ending.what)),
            (_, days) => format!("{} expires in {days} days, at {at}", capital(&ending.what)),
        };
        let (text, todo) = advice(ending.matter);
        self.say(ending.matter, phase, Some(&ending.what), title, text.to_owned(), todo);
        self.keep(key, Some(Said::Ending { ending: ending.clone(), warning }));
    }

    fn side(&mut self, side: &SideFact, limit: Duration) {
        let key = format!("side {} {}", side.matter.word(), side.name);
        if let Some(Said::Unreachable { since }) = self.said.get(&key) {
            if side.read.is_some_and(|read| read > *since) {
                let since = since.strftime("%Y-%m-%d %H:%MZ");
                self.ends(side.matter, &side.name, format!("{} is read again; it was not since {since}", side.name));
            } else {
                self.keep(key, Some(Said::Unreachable { since: *since }));
            }
            return;
        }
        let Some(complaint) = &side.complaint else { return };
        let tried = side.read.map_or(side.started, |read| read.max(side.started));
        let limit = SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX);
        if self.now.duration_since(tried) < limit {
            return;
        }
        let since = side.read.unwrap_or(side.started);
        let title = format!("{} cannot be read since {}", side.name, since.strftime("%Y-%m-%d %H:%MZ"));
        let todo = "Nobody new is seen until it can; nothing is lost. See `seatsync status` and `seatsync doctor`.";
        self.begins(side.matter, &side.name, title, complaint.clone(), todo);
        self.keep(key, Some(Said::Unreachable { since }));
    }

    fn stalled(&mut self, complaint: Option<&str>) {
        let was = self.said.contains_key("sync");
        match complaint {
            Some(complaint) if !was => self.say(
                Matter::SyncStalled,
                Phase::Begins,
                None,
                "The directory is not synchronized into the tenant".to_owned(),
                complaint.to_owned(),
                "Look at the server of Entra Connect: its service, its scheduler (Get-ADSyncScheduler) and staging mode.",
            ),
            None if was => {
                let title = "The directory is synchronized into the tenant again".to_owned();
                self.say(Matter::SyncStalled, Phase::Ends, None, title, String::new(), "");
            }
            _ => {}
        }
        self.keep("sync".to_owned(), complaint.map(|_| Said::Stalled));
    }

    fn halted(&mut self, halt: Option<&(Timestamp, Reason)>) {
        let was = self.said.contains_key("halt");
        let is = halt.filter(|(until, _)| {
            // Between two halts for the same cause lies one try.
            let over = if was { *until + HALT_OVER } else { *until };
            over > self.now
        });
        match is {
            Some((_, reason)) if !was => self.say(
                Matter::WritingHalted,
                Phase::Begins,
                None,
                "Nothing is written: Graph refuses it for everybody".to_owned(),
                reason.to_string(),
                "`seatsync doctor` says what is missing; writing goes on by itself, at once after `seatsync retry --all`.",
            ),
            None if was => {
                let title = "Nothing keeps seatsync from writing any more".to_owned();
                self.say(Matter::WritingHalted, Phase::Ends, None, title, String::new(), "");
            }
            _ => {}
        }
        self.keep("halt".to_owned(), is.map(|_| Said::Halted));
    }

    fn begins(&mut self, matter: Matter, about: &str, title: String, text: String, todo: &str) {
        self.say(matter, Phase::Begins, Some(about), title, text, todo);
    }

    fn ends(&mut self, matter: Matter, about: &str, title: String) {
        self.say(matter, Phase::Ends, Some(about), title, String::new(), "");
    }

    pub(super) fn say(
        &mut self,
        matter: Matter,
        state: Phase,
        about: Option<&str>,
        title: String,
        text: String,
        todo: &str,
    ) {
        let at = self.now;
        let todo = todo.to_owned();
        self.told.notices.push(Notice { matter, state, about: about.map(str::to_owned), title, text, todo, at });
    }

    pub(super) fn keep(&mut self, key: String, said: Option<Said>) {
        if let Some(said) = said {
            self.told.said.insert(key, said);
        }
    }
}

/// Whether the seats are few. What was few is so until there are a fifth more than that, so that one seat that comes and goes is
/// no news.
fn is_few(product: &ProductFact, limits: SeatSettings, was: bool) -> bool {
    let upto = |limit: u32| match (was, limit) {
        (true, 1..) => u64::from(limit) + u64::from(limit / 5).max(1),
        (_, limit) => u64::from(limit),
    };
    let lasts = product.outlook.and_then(|outlook| outlook.lasts);
    product.free.cast_unsigned() <= upto(limits.warn_free) || lasts.is_some_and(|lasts| lasts <= upto(limits.warn_days))
}

fn advice(matter: Matter) -> (&'static str, &'static str) {
    match matter {
        Matter::CertificateExpiring => (
            "After its end no connection to this domain controller is made.",
            "Renew the certificate on that controller.",
        ),
        Matter::PasswordExpiring => (
            "After its end the directory cannot be read.",
            "Set a new password and store it for seatsync: it counts from the next connection on.",
        ),
        _ => (
            "After its end nothing can be read from the tenant or written to it.",
            "Make a new one in the app registration and store it for seatsync.",
        ),
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
