//! The record of every LDAP operation, which is what tests take as witness.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// Operations kept; older ones go, the counters stay.
const KEPT: usize = 100_000;

/// What kind of operation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A connection was made. Faults on it strike before TLS begins.
    Connect,
    /// A bind.
    Bind,
    /// A base search for the rootDSE.
    RootDse,
    /// Any other search; each page of a paged search is one.
    Search,
    /// StartTLS, who-am-I and the like.
    Extended,
    /// Add, modify, delete, rename, compare: refused, but recorded.
    Write,
    /// An abandon.
    Abandon,
    /// An unbind.
    Unbind,
    /// A question to the DNS server: its base is the name, its filter the type of record.
    Dns,
}

/// An operation as it came and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Operation {
    /// Counts operations, from 1.
    pub number: u64,
    /// Counts connections, from 1.
    pub connection: u64,
    /// Which domain controller was asked.
    pub dc: usize,
    /// When it arrived, RFC 3339.
    pub at: String,
    /// What it is.
    pub kind: Kind,
    /// The base of a search, the name of a bind, the OID of an extended operation.
    pub base: String,
    /// The scope of a search: base, one, sub.
    pub scope: &'static str,
    /// The filter of a search.
    pub filter: String,
    /// The attributes asked for.
    pub attributes: Vec<String>,
    /// The OIDs of its controls.
    pub controls: Vec<String>,
    /// Which page of a paged search this is, from 1.
    pub page: Option<u32>,
    /// Entries sent.
    pub entries: usize,
    /// Bytes of the answer, without TLS.
    pub bytes: usize,
    /// The LDAP result code sent; none while it is under way, or when the connection was cut.
    pub code: Option<i64>,
    /// The diagnostic message sent.
    pub text: String,
    /// Whether all that was to be said has been said.
    pub finished: bool,
}

impl Operation {
    /// An operation that has just arrived.
    pub fn arriving(kind: Kind, dc: usize, connection: u64) -> Operation {
        Operation {
            number: 0,
            connection,
            dc,
            at: jiff::Timestamp::now().to_string(),
            kind,
            base: String::new(),
            scope: "",
            filter: String::new(),
            attributes: Vec::new(),
            controls: Vec::new(),
            page: None,
            entries: 0,
            bytes: 0,
            code: None,
            text: String::new(),
            finished: false,
        }
    }
}

/// What an answer came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Entries.
    pub entries: usize,
    /// Bytes, without TLS.
    pub bytes: usize,
}

/// Totals since the start, or since they were last reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Connections made.
    pub connections: u64,
    /// Binds, good and bad.
    pub binds: u64,
    /// Reads of the rootDSE.
    pub root_dse_reads: u64,
    /// Searches, pages counted one by one, the rootDSE left out.
    pub searches: u64,
    /// Entries sent, the rootDSE left out.
    pub entries: u64,
    /// Bytes of all answers, without TLS.
    pub bytes: u64,
    /// Questions to the DNS server.
    pub dns: u64,
    /// Attempts to write.
    pub writes: u64,
}

#[derive(Default)]
struct Record {
    operations: VecDeque<Operation>,
    counters: Counters,
    by_dc: BTreeMap<usize, Counters>,
    last: u64,
}

impl Record {
    fn totals(&mut self, dc: usize, change: impl Fn(&mut Counters)) {
        change(&mut self.counters);
        change(self.by_dc.entry(dc).or_default());
    }
}

/// The record, and a way to wait for what is to be recorded.
pub struct Log {
    record: Mutex<Record>,
    moved: watch::Sender<u64>,
}

impl Log {
    /// An empty record.
    pub fn new() -> Log {
        Log { record: Mutex::default(), moved: watch::Sender::new(0) }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records an operation that has arrived, and numbers it.
    pub fn begin(&self, mut operation: Operation) -> u64 {
        let number = {
            let mut record = self.record();
            record.last += 1;
            operation.number = record.last;
            record.totals(operation.dc, |totals| totals.count(operation.kind));
            record.operations.push_back(operation);
            if record.operations.len() > KEPT {
                record.operations.pop_front();
            }
            record.last
        };
        self.moved.send_modify(|moves| *moves += 1);
        number
    }

    /// Records how an operation ended. `code` is none when the connection was cut instead.
    pub fn end(&self, number: u64, sent: Sent, code: Option<i64>, text: &str) {
        {
            let mut record = self.record();
            let newest_first = record.operations.iter_mut().rev();
            if let Some(operation) = newest_first.take_while(|op| op.number >= number).find(|op| op.number == number) {
                operation.entries = sent.entries;
                operation.bytes = sent.bytes;
                operation.code = code;
                operation.text = text.to_owned();
                operation.finished = true;
                let (dc, kind) = (operation.dc, operation.kind);
                record.totals(dc, |totals| totals.add(kind, sent));
            }
        }
        self.moved.send_modify(|moves| *moves += 1);
    }

    /// Everything recorded and still kept.
    pub fn operations(&self) -> Vec<Operation> {
        self.record().operations.iter().cloned().collect()
    }

    /// The totals.
    pub fn counters(&self) -> Counters {
        self.record().counters
    }

    /// The totals of one domain controller.
    pub fn counters_of(&self, dc: usize) -> Counters {
        self.record().by_dc.get(&dc).copied().unwrap_or_default()
    }

    /// Forgets operations and totals; numbers go on.
    pub fn clear(&self) {
        let mut record = self.record();
        record.operations.clear();
        record.counters = Counters::default();
        record.by_dc.clear();
    }

    /// The number of the latest operation.
    pub fn last(&self) -> u64 {
        self.record().last
    }

    /// Waits until an operation after that number fits, and gives it.
    pub async fn wait_for(&self, after: u64, fits: impl Fn(&Operation) -> bool) -> Operation {
        let mut moved = self.moved.subscribe();
        loop {
            moved.mark_unchanged();
            let found = {
                let record = self.record();
                record.operations.iter().find(|operation| operation.number > after && fits(operation)).cloned()
            };
            if let Some(operation) = found {
                return operation;
            }
            moved.changed().await.expect("the sender lives as long as self");
        }
    }

    /// Waits until the totals fit.
    pub async fn wait_until(&self, fits: impl Fn(&Counters) -> bool) {
        let mut moved = self.moved.subscribe();
        loop {
            moved.mark_unchanged();
            if fits(&self.counters()) {
                return;
            }
            moved.changed().await.expect("the sender lives as long as self");
        }
    }
}

impl Default for Log {
    fn default() -> Log {
        Log::new()
    }
}

impl Counters {
    fn add(&mut self, kind: Kind, sent: Sent) {
        self.bytes += sent.bytes as u64;
        if kind == Kind::Search {
            self.entries += sent.entries as u64;
        }
    }

    fn count(&mut self, kind: Kind) {
        match kind {
            Kind::Connect => self.connections += 1,
            Kind::Bind => self.binds += 1,
            Kind::RootDse => self.root_dse_reads += 1,
            Kind::Search => self.searches += 1,
            Kind::Write => self.writes += 1,
            Kind::Dns => self.dns += 1,
            Kind::Extended | Kind::Abandon | Kind::Unbind => {}
        }
    }
}
