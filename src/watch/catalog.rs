//! Every metric, declared once: the exposition, the documentation's table and the dashboards are held to this.

/// What kind of metric it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only ever rises, from 0 at the start of the process.
    Counter,
    /// Rises and falls.
    Gauge,
    /// How often a value fell below each of some bounds.
    Histogram,
}

impl Kind {
    /// The word of the exposition format.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name, the unit last.
    pub name: &'static str,
    /// What kind it is.
    pub kind: Kind,
    /// What tells its values apart. No label ever holds a person's name.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, labels, help }
}

const fn histogram(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Histogram, labels: &[], help }
}

macro_rules! catalog {
    ($($id:ident = $metric:expr;)*) => {
        $(pub(super) static $id: Metric = $metric;)*
        /// All of them.
        pub static CATALOG: &[&Metric] = &[$(&$id),*];
    };
}

catalog! {
    BUILD = gauge("seatsync_build_info", &["version", "kerberos"], "The program that runs: always 1.");
    STARTED = gauge("process_start_time_seconds", &[], "When the process started, in seconds since 1970.");
    MODE = gauge("seatsync_mode_info", &["mode"], "The mode, observe or apply: always 1.");
    READY = gauge("seatsync_ready", &[], "1 while it does its work, as /readyz has it.");
    STORE = gauge("seatsync_store_readable", &[], "1 while the store can be read; what is counted there is missing else.");
    PERSONS = gauge("seatsync_persons", &["presence"], "Persons by presence.");
    ENTITLEMENTS = gauge("seatsync_entitlements", &["standing", "sku"], "Entitlements by standing and product.");
    SINCE_SEEN = histogram(
        "seatsync_first_seen_to_licensed_seconds",
        "Newcomers: from first seen in the directory until the license was seen to work.");
    SINCE_APPEARED = histogram(
        "seatsync_appeared_to_licensed_seconds",
        "Newcomers: from appearing in the tenant until the license was seen to work.");
    FEED_SUCCESS = gauge(
        "seatsync_feed_last_success_timestamp_seconds", &["feed", "domain"],
        "When a feed was last read up to its end, in seconds since 1970.");
    FEED_LAG = gauge("seatsync_feed_lag_seconds", &["feed", "domain"], "How long ago that was.");
    SYNC_SUCCESS = gauge(
        "seatsync_sync_last_success_timestamp_seconds", &[],
        "When the directory was last synchronized into the tenant by Entra, in seconds since 1970.");
    SEATS_ENABLED = gauge("seatsync_seats_enabled", &["sku"], "Seats that are bought and usable, those in grace included.");
    SEATS_CONSUMED = gauge("seatsync_seats_consumed", &["sku"], "Seats in use, as the tenant counts.");
    SEATS_FREE = gauge("seatsync_seats_free", &["sku"], "Seats that can be planned with, our writes not shown yet subtracted.");
    SEATS_WAITING = gauge("seatsync_seats_waiting", &["sku"], "Entitlements that wait for a seat.");
    WRITES = counter("seatsync_writes_total", &["write", "outcome"], "Answered writes by what was written and what came of it.");
    THROTTLED = counter(
        "seatsync_throttled_total", &["request"],
        "How often a read or write was throttled, or met a throttling that still lasted.");
    ERRORS = counter("seatsync_errors_total", &["code"], "Failures by code, each try.");
    EVENTS = counter("seatsync_events_total", &["event", "level"], "Events of the log by code and level.");
    BUDGET = gauge("seatsync_write_budget_remaining", &[], "Writes that work.quota lets be sent now.");
    BUDGET_LIMIT = gauge("seatsync_write_budget_limit", &[], "Writes that work.quota lets be sent in its window.");
    BATCHES = gauge("seatsync_write_batches_allowed", &[], "Batches of writes that may be under way at once.");
    GUARD = gauge("seatsync_guard_remaining", &["action"], "What the guard still lets in of its limit of 24 hours.");
    GUARD_LIMIT = gauge("seatsync_guard_limit", &["action"], "The guard's limit of 24 hours.");
    HELD_COHORTS = gauge("seatsync_held_cohorts", &["rule"], "Cohorts that wait for an approval, by rule.");
    HELD_PERSONS = gauge("seatsync_held_persons", &["rule"], "Persons in those cohorts, by rule.");
    PAUSED = gauge("seatsync_paused", &[], "1 while an operator has paused writing.");
    HALTED = gauge("seatsync_writing_halted", &["code"], "1 while nothing is written, by the reason; missing else.");
    TROUBLE = gauge("seatsync_troubles", &["part"], "Troubles that last, by the kind of part.");
    QUARANTINED = gauge("seatsync_quarantined_entries", &["feed"], "Entries that could not be understood.");
    UNCONFIRMED = gauge("seatsync_unconfirmed_licenses", &[], "Licenses accepted long ago and not seen to work.");
    AWAITED = gauge(
        "seatsync_longest_awaited_timestamp_seconds", &[],
        "Since when the person awaited longest has been awaited; missing when nobody is.");
    UNUSABLE = gauge("seatsync_unusable_rules", &[], "Rules that mean nothing in the tenant.");
    EXPIRY = gauge(
        "seatsync_expiry_timestamp_seconds", &["of"],
        "When a credential, certificate or password ends, once a warning is due.");
}
