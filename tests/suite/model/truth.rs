//! The model: what is true of everybody, and what of it the store must say by when.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use seatsync::model::account::Account;
use seatsync::model::rule::Dn;
use seatsync_lab::directory::{Account as Seen, Guid};

use super::domain::Domain;

/// Whether a unit that got another name is noticed without a regular reading of everything: those below it move no USN.
const A_RENAMED_UNIT_IS_NOTICED_AT_ONCE: bool = true;

/// What the store must agree with, and how strictly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// A while after all was repaired and replicated. Until the next regular reading there may be differences of some kinds:
    /// deletions that may not be seen, names of units, what a controller was rolled back over; and where the controllers were
    /// changed over, what excluded somebody before, and who left one of them before it was ever read.
    Soon {
        /// Whether they were.
        changed_over: bool,
    },
    /// After regular readings: no difference at all.
    InTheEnd,
}

/// What is known of everybody's past.
#[derive(Default)]
pub struct Truth {
    /// Who was at any time, on any controller, deleted, not there, disabled or outside of the bases.
    stirred: BTreeSet<Guid>,
    /// Who was disabled at any time, on any controller.
    disabled: BTreeSet<Guid>,
    /// The first people, who were on all controllers from the start.
    first: BTreeSet<Guid>,
    bases: Vec<Dn>,
    epoch: u32,
    /// Up to which USN each controller was looked at.
    read: Vec<u64>,
}

/// One line of the store.
#[derive(Debug)]
struct Line {
    account: Account,
    gone: bool,
}

impl Truth {
    pub fn new(domain: &Domain) -> Self {
        Self { first: domain.people.iter().copied().collect(), ..Self::default() }
    }

    /// Notes what anybody could have seen since the last time.
    pub fn watch(&mut self, domain: &Domain, bases: &[Dn]) {
        let fresh = self.bases != bases || domain.epoch != self.epoch;
        (self.bases, self.epoch) = (bases.to_vec(), domain.epoch);
        self.read.resize(domain.machines.len(), 0);
        for dc in 0..domain.machines.len() {
            let replica = domain.world.dc(dc);
            let before = std::mem::replace(&mut self.read[dc], replica.usn);
            if fresh {
                domain.people.iter().for_each(|guid| self.note(domain, dc, *guid));
                continue;
            }
            for (_, id) in replica.by_usn(before + 1..=u64::MAX) {
                let guid = replica.get(id).map(|slot| slot.object.guid);
                guid.filter(|guid| domain.people.contains(guid))
                    .into_iter()
                    .for_each(|guid| self.note(domain, dc, guid));
            }
        }
        for guid in domain.people.iter().skip(self.first.len()) {
            // Who was hired later was not there before.
            self.stirred.insert(*guid);
        }
    }

    fn note(&mut self, domain: &Domain, dc: usize, guid: Guid) {
        let seen = domain.seen(dc, guid);
        if !seen.as_ref().is_some_and(|seen| !seen.deleted && is_within(seen, &self.bases)) {
            self.stirred.insert(guid);
        }
        if seen.is_some_and(|seen| !seen.enabled) {
            self.disabled.insert(guid);
        }
    }

    /// What must hold at every moment: whoever lives on every controller and always did is never gone, nor disabled.
    pub fn check_now(&self, db: &Connection) -> Result<(), String> {
        let sql =
            "SELECT guid, gone IS NOT NULL FROM accounts WHERE gone IS NOT NULL OR body LIKE '%\"enabled\":false%'";
        let mut query = db.prepare_cached(sql).map_err(|error| error.to_string())?;
        let rows = query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?)));
        for row in rows.map_err(|error| error.to_string())? {
            let (guid, gone) = row.map_err(|error| error.to_string())?;
            let guid: Guid = guid.parse().map_err(|_| guid)?;
            if gone && self.first.contains(&guid) && !self.stirred.contains(&guid) {
                return Err(format!("{guid} is gone for the store, and lives on every controller"));
            }
            if !gone && self.first.contains(&guid) && !self.disabled.contains(&guid) {
                return Err(format!("{guid} is disabled for the store, and never was"));
            }
        }
        Ok(())
    }

    /// Compares the store with what the controller says whose word is content.
    pub fn check(&self, db: &Connection, domain: &Domain, bases: &[Dn], when: When) -> Result<(), String> {
        let content: String = db
            .query_row("SELECT content FROM domains", [], |row| row.get(0))
            .map_err(|error| format!("no controller is content: {error}"))?;
        let is_content = |dc: &usize| domain.world.dc(*dc).dn(domain.world.dc(*dc).ntds) == content;
        let dc = (0..domain.machines.len()).find(is_content).ok_or_else(|| format!("who is {content}?"))?;
        let mut lines = lines(db)?;
        for seen in everybody(domain, dc, bases) {
            let line = lines.remove(&seen.guid).ok_or_else(|| format!("lost: {seen:?}"))?;
            self.check_one(&seen, &line, domain, when)?;
        }
        for (guid, line) in lines {
            let hidden =
                domain.world.policy.hide_deleted_objects && domain.seen(dc, guid).is_none_or(|seen| seen.deleted);
            if !line.gone
                && !(when != When::InTheEnd
                    && (hidden || domain.was_rolled_back || when == When::Soon { changed_over: true }))
            {
                let seen = domain.seen(dc, guid);
                return Err(format!("the store has somebody who is not there: {}; in truth {seen:?}", line.account.dn));
            }
        }
        Ok(())
    }

    /// In the end nothing is open of what the connected controllers had hinted at, if all controllers agree.
    pub fn check_hints(&self, db: &Connection, domain: &Domain, connected: &[String]) -> Result<(), String> {
        let open = |ntds: &String| {
            db.query_row("SELECT count(*) FROM hints WHERE ntds = ?1", [ntds], |row| row.get::<_, i64>(0))
        };
        let open: i64 = connected.iter().filter_map(|ntds| open(ntds).ok()).sum();
        if open > 0 && agree(domain) {
            return Err(format!("{open} hints are open, and all controllers agree"));
        }
        Ok(())
    }

    fn check_one(&self, seen: &Seen, line: &Line, domain: &Domain, when: When) -> Result<(), String> {
        let soon = when != When::InTheEnd;
        let wrong = |what: &str| Err(format!("{what}: {seen:?}; the store has {line:?}"));
        if soon && domain.was_rolled_back {
            return Ok(());
        }
        let excluded = soon && (self.stirred.contains(&seen.guid) || self.disabled.contains(&seen.guid));
        if line.gone {
            return if excluded { Ok(()) } else { wrong("gone") };
        }
        let account = &line.account;
        let enabled = account.enabled == seen.enabled || excluded && !account.enabled;
        if !enabled {
            return wrong("enabled");
        }
        let lenient = soon && domain.was_renamed && !A_RENAMED_UNIT_IS_NOTICED_AT_ONCE;
        let leaf = |dn: &str| dn.split(',').next().map(str::to_owned);
        if account.dn != seen.dn && !(lenient && leaf(&account.dn) == leaf(&seen.dn)) {
            return wrong("DN");
        }
        let c = account.attributes.get("c").and_then(|values| values.first());
        if (&account.sam, &account.upn, c) != (&seen.sam, &seen.upn, seen.c.as_ref()) {
            return wrong("attributes");
        }
        Ok(())
    }
}

fn is_within(seen: &Seen, bases: &[Dn]) -> bool {
    Dn::parse(&seen.dn).is_some_and(|dn| bases.iter().any(|base| dn.is_within(base)))
}

/// All live users below the bases, as one controller has them.
fn everybody(domain: &Domain, dc: usize, bases: &[Dn]) -> Vec<Seen> {
    let world = &domain.world;
    let users = world.dc(dc).by_class(seatsync_lab::directory::world::schema::Class::User);
    let users = users.into_iter().filter_map(|id| Some(world.view(dc, id)?.account()));
    users.filter(|seen| is_within(seen, bases)).collect()
}

/// Whether all controllers have the same people.
fn agree(domain: &Domain) -> bool {
    let all = |dc| -> Vec<_> {
        let seen = domain.people.iter().map(|guid| domain.seen(dc, *guid));
        seen.map(|seen| seen.map(|seen| Seen { usn_changed: 0, usn_created: 0, ..seen })).collect()
    };
    (1..domain.machines.len()).all(|dc| all(dc) == all(0))
}

/// Opens the store beside the agent, to look only.
pub fn peer(path: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).expect("the store opens");
    db.busy_timeout(std::time::Duration::from_secs(10)).expect("a timeout");
    db
}

fn lines(db: &Connection) -> Result<BTreeMap<Guid, Line>, String> {
    let mut query = db.prepare_cached("SELECT guid, body, gone IS NOT NULL FROM accounts").expect("a query");
    let rows = query
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, bool>(2)?)))
        .map_err(|error| error.to_string())?;
    rows.map(|row| {
        let (guid, body, gone) = row.map_err(|error| error.to_string())?;
        let account = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        Ok((guid.parse().map_err(|_| guid)?, Line { account, gone }))
    })
    .collect()
}
