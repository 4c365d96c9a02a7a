//! What goes wrong on demand: faults that strike operations, and gates that hold them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::log::{Kind, Operation};

/// Which operations are meant. What is left out fits all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Target {
    /// The kind.
    pub kind: Option<Kind>,
    /// A part of the base of a search, or of the name of a bind.
    pub base: Option<String>,
    /// A part of the filter.
    pub filter: Option<String>,
    /// The page of a paged search, from 1.
    pub page: Option<u32>,
    /// The domain controller, from 0.
    pub dc: Option<usize>,
}

impl Target {
    /// All operations of a kind.
    pub fn kind(kind: Kind) -> Target {
        Target { kind: Some(kind), ..Target::default() }
    }

    /// That page of any paged search.
    pub fn page(page: u32) -> Target {
        Target { page: Some(page), ..Target::kind(Kind::Search) }
    }

    /// Only those whose filter holds this text, as the log writes it.
    #[must_use]
    pub fn filter(mut self, part: &str) -> Target {
        self.filter = Some(part.to_owned());
        self
    }

    /// Only those on that domain controller, from 0.
    #[must_use]
    pub fn on(mut self, dc: usize) -> Target {
        self.dc = Some(dc);
        self
    }

    fn fits(&self, operation: &Operation) -> bool {
        let within = |part: &Option<String>, whole: &str| {
            part.as_ref().is_none_or(|part| whole.to_lowercase().contains(&part.to_lowercase()))
        };
        self.kind.is_none_or(|kind| kind == operation.kind)
            && within(&self.base, &operation.base)
            && within(&self.filter, &operation.filter)
            && self.page.is_none_or(|page| Some(page) == operation.page)
            && self.dc.is_none_or(|dc| dc == operation.dc)
    }
}

/// A fault: what it strikes, how often, and what it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What it strikes.
    #[serde(rename = "match", default)]
    pub target: Target,
    /// How many operations that fit pass before it strikes.
    #[serde(default)]
    pub skip: u32,
    /// How often it strikes; without a number, until faults are cleared.
    #[serde(default = "once")]
    pub times: Option<u32>,
    /// How many entries of the answer are sent before it strikes.
    #[serde(default)]
    pub after_entries: usize,
    /// What it does.
    pub then: Effect,
}

fn once() -> Option<u32> {
    Some(1)
}

impl Fault {
    /// Strikes once, before anything is sent.
    pub fn once(target: Target, then: Effect) -> Fault {
        Fault { target, skip: 0, times: once(), after_entries: 0, then }
    }

    /// Lets so many entries through first.
    #[must_use]
    pub fn after_entries(mut self, entries: usize) -> Fault {
        self.after_entries = entries;
        self
    }

    /// Strikes again and again until faults are cleared.
    #[must_use]
    pub fn always(mut self) -> Fault {
        self.times = None;
        self
    }
}

/// What a fault does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// Ends the operation with that result.
    Result {
        /// The LDAP result code.
        code: i64,
        /// The diagnostic message.
        #[serde(default)]
        text: String,
    },
    /// Drops the connection.
    Cut,
    /// Says goodbye with a Notice of Disconnection, formed as AD forms it, and drops the connection.
    Disconnect,
    /// Ends a search with success and without a cookie, whatever is still to come: what a broken middlebox leaves.
    Truncate,
    /// Never answers (any further). The connection stays.
    Hang,
    /// Waits, then goes on.
    Delay {
        /// For how long.
        milliseconds: u64,
    },
    /// Puts bytes onto the connection as they are, then goes on.
    Raw {
        /// The bytes, base64.
        base64: String,
    },
}

impl Effect {
    /// 51, as a domain controller says that it has too much to do.
    pub fn busy() -> Effect {
        let text = "0000200E: SvcErr: DSID-03100441, problem 5001 (BUSY), data 0\n";
        Effect::Result { code: 51, text: text.to_owned() }
    }

    /// 52, as a domain controller says that it is going away.
    pub fn unavailable() -> Effect {
        let text = "0000200F: SvcErr: DSID-03100442, problem 5002 (UNAVAILABLE), data 0\n";
        Effect::Result { code: 52, text: text.to_owned() }
    }

    /// 3, as a search says that has taken longer than MaxQueryDuration. Entries before it were sent.
    pub fn time_limit() -> Effect {
        let text = "00002022: LdapErr: DSID-0C0907F1, comment: Error processing search, data 0, v4563";
        Effect::Result { code: 3, text: text.to_owned() }
    }
}

/// The faults in force.
#[derive(Default)]
pub struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    fn faults(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a fault in force.
    pub fn add(&self, fault: Fault) {
        self.faults().push(fault);
    }

    /// Lifts all faults.
    pub fn clear(&self) {
        self.faults().clear();
    }

    /// The fault that strikes this operation, if one does; the first in force wins.
    pub fn strike(&self, operation: &Operation) -> Option<Fault> {
        let mut faults = self.faults();
        let place = faults.iter_mut().position(|fault| {
            let fits = fault.target.fits(operation);
            let passes = fits && fault.skip > 0;
            fault.skip -= u32::from(passes);
            fits && !passes
        })?;
        let fault = faults[place].clone();
        match &mut faults[place].times {
            Some(times) if *times > 1 => *times -= 1,
            Some(_) => drop(faults.remove(place)),
            None => {}
        }
        Some(fault)
    }
}

/// At which moment a gate holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Before the directory is read: what happens while it holds is part of the answer.
    Request,
    /// After it is read: the answer is what was true when the request arrived.
    #[default]
    Reply,
}

/// A gate in force.
struct Barrier {
    id: u64,
    target: Target,
    moment: Moment,
    held: watch::Sender<usize>,
    open: watch::Sender<bool>,
}

/// All gates in force.
#[derive(Default)]
pub struct Gates {
    barriers: Mutex<(u64, Vec<Arc<Barrier>>)>,
}

/// A hold on operations, for tests in this process. Dropping it releases them.
pub struct Gate {
    gates: Arc<Gates>,
    barrier: Arc<Barrier>,
}

impl Gates {
    fn barriers(&self) -> MutexGuard<'_, (u64, Vec<Arc<Barrier>>)> {
        self.barriers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes a gate, and gives its number.
    pub fn close(&self, target: Target, moment: Moment) -> u64 {
        let mut barriers = self.barriers();
        barriers.0 += 1;
        let id = barriers.0;
        let (held, open) = (watch::Sender::new(0), watch::Sender::new(false));
        barriers.1.push(Arc::new(Barrier { id, target, moment, held, open }));
        id
    }

    /// How many operations a gate holds or has held; none if there is no such gate.
    pub fn held(&self, id: u64) -> Option<usize> {
        self.find(id).map(|barrier| *barrier.held.borrow())
    }

    /// Opens a gate for good. Whether there was one.
    pub fn open(&self, id: u64) -> bool {
        let mut barriers = self.barriers();
        let Some(place) = barriers.1.iter().position(|barrier| barrier.id == id) else {
            return false;
        };
        barriers.1.remove(place).open.send_replace(true);
        true
    }

    /// A handle to a gate just closed.
    pub(super) fn handle(self: &Arc<Self>, target: Target, moment: Moment) -> Gate {
        let id = self.close(target, moment);
        let barrier = self.find(id).expect("it has just been closed");
        Gate { gates: Arc::clone(self), barrier }
    }

    /// Holds an operation for as long as a gate for it is closed.
    pub(super) async fn pass(&self, operation: &Operation, moment: Moment) {
        let barrier = {
            let barriers = self.barriers();
            let fitting = |barrier: &&Arc<Barrier>| barrier.moment == moment && barrier.target.fits(operation);
            barriers.1.iter().find(fitting).cloned()
        };
        if let Some(barrier) = barrier {
            barrier.held.send_modify(|held| *held += 1);
            let mut open = barrier.open.subscribe();
            open.wait_for(|open| *open).await.expect("the sender lives as long as the barrier");
        }
    }

    fn find(&self, id: u64) -> Option<Arc<Barrier>> {
        self.barriers().1.iter().find(|barrier| barrier.id == id).cloned()
    }
}

impl Gate {
    /// Waits until at least one operation is held.
    pub async fn arrived(&self) {
        self.arrivals(1).await;
    }

    /// Waits until so many operations are, or have been, held.
    pub async fn arrivals(&self, count: usize) {
        let mut held = self.barrier.held.subscribe();
        held.wait_for(|held| *held >= count).await.expect("the sender lives as long as the barrier");
    }

    /// Lets them go, and all that come after.
    pub fn release(self) {}
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.gates.open(self.barrier.id);
    }
}
