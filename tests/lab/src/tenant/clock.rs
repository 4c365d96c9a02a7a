//! Instants and durations as the lab writes them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// `at` plus `span`, saturating.
pub(super) fn after(at: Timestamp, span: Duration) -> Timestamp {
    SignedDuration::try_from(span).ok().and_then(|span| at.checked_add(span).ok()).unwrap_or(Timestamp::MAX)
}

/// Reads `90`, `1.5` (seconds) or `"2s"`, `"15m"`, `"7d"`.
///
/// # Errors
/// When the text is none of these.
pub(super) fn parse_span(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string());
    }
    if let Some(days) = text.strip_suffix('d').and_then(|days| days.trim().parse::<u64>().ok()) {
        return Ok(Duration::from_secs(days.saturating_mul(86_400)));
    }
    let span: SignedDuration = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    Duration::try_from(span).map_err(|error| error.to_string())
}

/// Durations in TOML and JSON: a number is seconds, a text is `2s`, `15m`, `7d`; written as seconds.
pub(super) mod span {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Seconds(f64),
        Text(String),
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        match Written::deserialize(from)? {
            Written::Seconds(seconds) => Duration::try_from_secs_f64(seconds).map_err(D::Error::custom),
            Written::Text(text) => super::parse_span(&text).map_err(D::Error::custom),
        }
    }

    pub(in super::super) fn serialize<S: Serializer>(span: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(span.as_secs_f64())
    }
}
