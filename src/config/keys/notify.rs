//! The keys of what is told, and to whom: `[seats]`, `[alarm]`, `[[notify]]` and `[heartbeat]`.

use super::Kind::{Choice, Duration, Number, Secret, Text, Texts};
use super::Presence::{Default, Optional, Required};
use super::{Key, Section, key};

pub(super) static SEATS: Section = Section {
    meaning: "From when on the free seats of a product that a rule assigns are few. \"seatsync status\" has the forecast.",
    keys: &[
        key("warn_free", Number(0, 1_000_000), Default("5"), "So many free seats, or fewer."),
        key(
            "warn_days",
            Number(0, 365),
            Default("7"),
            "Free seats that will be gone in so many days, or fewer, at the rate of the last four weeks.",
        ),
    ],
};

pub(super) static ALARM: Section = Section {
    meaning: "From when on what lasts is told of.",
    keys: &[
        key(
            "unreachable_after",
            Duration("1s", "7d"),
            Default("\"30m\""),
            "A domain or the tenant could not be read for so long.",
        ),
        key(
            "awaited_after",
            Duration("1m", "90d"),
            Default("\"24h\""),
            "A person has been in the directory for so long and is not in the tenant.",
        ),
    ],
};

const URL: &str = "Where the address is: a secret, since whoever knows it may post there. https:// (http:// for loopback \
                   addresses only). Read for each message: a renewed one counts by itself.";
const PROXY: &str = "The proxy on the way; \"none\" for no proxy at all. Without it: HTTPS_PROXY, ALL_PROXY and NO_PROXY of \
                     the environment.";

const CA_FILE: Key =
    key("ca_file", Text, Optional("\"proxy-ca.pem\""), "PEM file with a CA to trust beside the system's.");
const WAY: Key = key("proxy", Text, Optional("\"http://proxy.corp.example.com:8080\""), PROXY);
const PROXY_USER: Key = key("proxy_user", Text, Optional("\"svc-seatsync\""), "The name to log in to the proxy with.");
const PROXY_PASSWORD: Key =
    key("proxy_password", Secret, Optional("{ file = \"proxy-password\" }"), "Where that name's password is.");

pub(super) static NOTIFY: Section = Section {
    meaning: "Whom to tell, by webhook, when something begins or ends that somebody should know of: one table for each. \
              \"seatsync notify test\" tries them.",
    keys: &[
        key("id", Text, Required("\"operations\""), "Its name in the log: letters, digits, \"-\" and \"_\"."),
        key("url", Secret, Required("{ file = \"webhook-url\" }"), URL),
        key(
            "shape",
            Choice(&[
                ("json", "one flat object: code, state, about, title, text, todo, at"),
                ("teams", "an Adaptive Card, for a Workflow of Microsoft Teams"),
                ("slack", "an incoming webhook of Slack"),
            ]),
            Default("\"json\""),
            "What a message looks like.",
        ),
        key(
            "only",
            Texts,
            Optional("[\"seats-low\", \"seats-gone\", \"cohort-held\"]"),
            "Only these codes, as docs/operations.md has them under Notices. Without it: all.",
        ),
        CA_FILE,
        WAY,
        PROXY_USER,
        PROXY_PASSWORD,
    ],
};

pub(super) static HEARTBEAT: Section = Section {
    meaning: "A sign of life for a dead man's switch, which alarms when none comes: sent as long as both sides are read and \
              what is due can be written.",
    keys: &[
        key("url", Secret, Required("{ file = \"heartbeat-url\" }"), URL),
        key("every", Duration("1s", "1d"), Default("\"1h\""), "How often."),
        key(
            "method",
            Choice(&[("GET", "as most services take it"), ("POST", "with an empty body")]),
            Default("\"GET\""),
            "How it is asked.",
        ),
        CA_FILE,
        WAY,
        PROXY_USER,
        PROXY_PASSWORD,
    ],
};
