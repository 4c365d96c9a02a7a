//! What Graph's answer to one write means for us. Made by `tenant/reply` from status, headers and body, carried out by
//! `apply/attempt`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::identity::ClientRequestId;

/// What an answer means.
#[must_use]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Verdict {
    /// The write was taken.
    Accepted,
    /// The wanted state was there already (`No license changes provided`).
    AlreadySo,
    /// 404: not replicated yet, or gone.
    NotFound,
    /// `invalid usage location`: missing, not acceptable, or not replicated yet.
    LocationNotReady,
    /// No seat is left of the product that was asked for.
    NoSeat,
    /// 429: the whole client must wait.
    Throttled {
        /// `Retry-After`, where it was sent.
        after: Option<Duration>,
    },
    /// Another write to this user or tenant was under way (`Directory_ConcurrencyViolation`).
    Concurrency,
    /// 500, 502, 503, 509: not now.
    Unavailable {
        /// `Retry-After`, where it was sent.
        after: Option<Duration>,
    },
    /// 504, a timeout or a broken connection: it may have been done or not; read before anything else.
    Unknown,
    /// The token was refused even though it was fresh.
    Unauthorized,
    /// 403: a permission is missing.
    Forbidden,
    /// Stays so until a person changes something.
    Refused(Refusal),
}

/// A refusal that waiting does not mend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Stable code in kebab case, such as `plans-mutually-exclusive`.
    pub code: String,
    /// How far it reaches.
    pub scope: Scope,
}

/// How far a refusal reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// This user.
    User,
    /// Every user who shall get this product.
    Sku,
    /// Everything.
    Tenant,
}

/// One answer to one write, with what support asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// What it means.
    pub verdict: Verdict,
    /// HTTP status; `None` when no answer came.
    pub status: Option<u16>,
    /// Graph's `error.code`.
    pub code: Option<String>,
    /// Graph's `error.message`, or what went wrong on the way; never a secret.
    pub message: Option<String>,
    /// Graph's `request-id`.
    pub request_id: Option<String>,
    /// Ours.
    pub client_request_id: ClientRequestId,
}
