//! How far from ideal the tenant behaves.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{clock::span, language::Language, storm::Storm, throttling::Throttling};

/// How far from ideal the tenant behaves; the default is an ideal one: no lag at all.
///
/// Times run on the lab's clock ([`super::Tenant::advance`]). Where a lag is given both as a time and as a count, it lasts
/// until both are over; counts make tests deterministic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Knobs {
    /// What each request takes before it is carried out; a `$batch` is one.
    #[serde(with = "span")]
    pub latency: Duration,
    /// For how long a new user is 404 when addressed by id, though listed.
    #[serde(with = "span")]
    pub absent_for: Duration,
    /// How many calls that address a new user are answered 404.
    pub absent_calls: u32,
    /// For how long after PATCH usageLocation assignLicense still says `invalid usage location`.
    #[serde(with = "span")]
    pub location_lag: Duration,
    /// How many assignLicense calls after a PATCH still say so.
    pub location_lag_calls: u32,
    /// For how long reads show the licenses from before an assignLicense.
    #[serde(with = "span")]
    pub license_lag: Duration,
    /// How many reads show them. A read is a GET of that user, a page that lists the user, or the start of a delta round.
    pub license_lag_reads: u32,
    /// By how much `consumedUnits` trails.
    #[serde(with = "span")]
    pub seat_lag: Duration,
    /// `expires_in`; tokens live exactly that long.
    #[serde(with = "span")]
    pub token_lifetime: Duration,
    /// No page holds more than this many items, whatever `$top` says.
    pub page_size: Option<usize>,
    /// Whether the tenant has Intune; without it requests for devices are refused.
    pub intune: bool,
    /// An empty page with a nextLink stands between any two pages.
    pub empty_pages: bool,
    /// How long a skip token lives; then 400 `Directory_ExpiredPageToken`.
    #[serde(with = "span")]
    pub page_token_lifetime: Duration,
    /// How long a delta token lives; Microsoft documents seven days.
    #[serde(with = "span")]
    pub delta_token_lifetime: Duration,
    /// What an expired delta token is answered with.
    pub expired_delta: ExpiredDelta,
    /// How much of a changed user a delta shows.
    pub delta_shape: DeltaShape,
    /// Each delta round starts with so many users that changed before its token.
    pub delta_replay: usize,
    /// Each delta page shows each of its items twice.
    pub delta_duplicates: bool,
    /// New users are told by no delta: what was new while this is on stays untold.
    pub delta_misses_new: bool,
    /// Two license writes for one user at once: whether and how the later one is refused.
    pub concurrency: Concurrency,
    /// So many license writes at once are borne in the whole tenant; one more is a concurrency violation as well.
    pub parallel_writes: Option<u32>,
    /// What the tenant limits.
    pub throttling: Throttling,
    /// Random trouble with writes.
    pub storm: Storm,
    /// For how long a new user is not found by advanced queries, whose index trails.
    #[serde(with = "span")]
    pub index_lag: Duration,
    /// The second page of a plain `assignedLicenses/any(…)` filter says `Directory_ExpiredPageToken`, as seen in the field.
    pub license_filter_expires: bool,
    /// What a change of a group or its licenses takes to reach the members' licenses.
    #[serde(with = "span")]
    pub group_licensing_delay: Duration,
    /// What hidden members look like to who may not see them; which of the two it is, is not documented.
    pub hidden_members: HiddenMembers,
    /// How long after its issue a token becomes valid (`nbf`).
    #[serde(with = "span")]
    pub token_not_before: Duration,
    /// Seconds that the `Date` header is ahead of the tenant; behind if negative.
    pub date_skew: i64,
    /// The language of Graph's error texts.
    pub language: Language,
    /// Answers are packed for clients that accept gzip.
    pub gzip: bool,
    /// Keep request and answer bodies in the log (never those of the login endpoint).
    pub record_bodies: bool,
}

/// What an expired delta token is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ExpiredDelta {
    /// 410 with `Location`, code `syncStateNotFound`.
    SyncStateNotFound,
    /// 410 with `Location`, code `resyncRequired`.
    ResyncRequired,
    /// 400, code `syncStateNotFound`, no `Location`: the documentation allows a 40x as well.
    BadRequest,
}

/// How much of a changed user a delta shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DeltaShape {
    /// All selected properties.
    Full,
    /// Only the changed ones, as with `Prefer: return=minimal`.
    Changed,
}

/// What a caller without `Member.Read.Hidden` is shown of a group with hidden membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HiddenMembers {
    /// 200, without members.
    Empty,
    /// 403.
    Denied,
}

/// How two license writes for one user at once are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Concurrency {
    /// Both are carried out.
    Allowed,
    /// 409 `Directory_ConcurrencyViolation`, as the error page documents.
    Conflict,
    /// 400 `Request_BadRequest` with the same words, as seen in the field.
    BadRequest,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            absent_for: Duration::ZERO,
            absent_calls: 0,
            location_lag: Duration::ZERO,
            location_lag_calls: 0,
            license_lag: Duration::ZERO,
            license_lag_reads: 0,
            seat_lag: Duration::ZERO,
            token_lifetime: Duration::from_secs(3599),
            page_size: None,
            intune: true,
            empty_pages: false,
            page_token_lifetime: Duration::from_secs(86_400),
            delta_token_lifetime: Duration::from_secs(7 * 86_400),
            expired_delta: ExpiredDelta::SyncStateNotFound,
            delta_shape: DeltaShape::Full,
            delta_replay: 0,
            delta_duplicates: false,
            delta_misses_new: false,
            concurrency: Concurrency::Allowed,
            parallel_writes: None,
            throttling: Throttling::default(),
            storm: Storm::default(),
            index_lag: Duration::ZERO,
            license_filter_expires: false,
            group_licensing_delay: Duration::ZERO,
            hidden_members: HiddenMembers::Empty,
            token_not_before: Duration::ZERO,
            date_skew: 0,
            language: Language::English,
            gzip: true,
            record_bodies: false,
        }
    }
}
