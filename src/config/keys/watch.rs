//! The keys of `[watch]`.

use super::Kind::Text;
use super::Presence::Default;
use super::{Section, key};

pub(super) static WATCH: Section = Section {
    meaning: "How the service can be watched over HTTP: /metrics (Prometheus), /healthz and /readyz. It shows counts, no names.",
    keys: &[key(
        "listen",
        Text,
        Default("\"127.0.0.1:10707\""),
        "Address and port, or \"off\". Whoever reaches it may read it: other addresses than loopback only where a firewall \
         stands before them. A port that is taken is warned of and tried again.",
    )],
};
