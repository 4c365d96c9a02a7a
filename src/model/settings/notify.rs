//! Who is told what, and when.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::ProxySettings;
use crate::model::notice::Matter;
use crate::model::secret::SecretSource;

/// `[seats]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeatSettings {
    /// So many free seats of a product, or fewer, are few.
    pub warn_free: u32,
    /// Free seats that will do for so many days, or fewer, are few.
    pub warn_days: u32,
}

/// `[alarm]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlarmSettings {
    /// A side that could not be read for so long is told of.
    pub unreachable_after: Duration,
    /// Who is awaited for so long is told of.
    pub awaited_after: Duration,
}

/// `[[notify]]`.
#[derive(Clone, Debug)]
pub struct NotifySettings {
    /// Its name, which stands in the log in place of its address.
    pub id: String,
    /// Where messages go.
    pub webhook: WebhookSettings,
    /// What a message looks like.
    pub shape: Shape,
    /// Only these matters; `None`: all.
    pub only: Option<BTreeSet<Matter>>,
}

/// `[heartbeat]`.
#[derive(Clone, Debug)]
pub struct HeartbeatSettings {
    /// Where it goes.
    pub webhook: WebhookSettings,
    /// How often.
    pub every: Duration,
    /// POST with an empty body rather than GET.
    pub post: bool,
}

/// An address that is asked over https, and the way to it.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// The address: whoever knows it may post there.
    pub url: SecretSource,
    /// PEM file with a CA to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// What stands on the way.
    pub proxy: ProxySettings,
}

/// What a message looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One flat object of our own.
    Json,
    /// An Adaptive Card, as a Workflow of Microsoft Teams takes it.
    Teams,
    /// An incoming webhook of Slack.
    Slack,
}
