//! Every key of the file, declared once: its name, kind, default and meaning. The reader ([`super::table`]), the hints and
//! the example file all come from here; what a value becomes is in [`super::resolve`] and [`super::rules`].

mod directory;
mod license;
mod notify;
mod tenant;
mod watch;

use directory::DIRECTORY;
use license::LICENSE;
use notify::{ALARM, HEARTBEAT, NOTIFY, SEATS};
use tenant::TENANT;
use watch::WATCH;

/// A table of the file.
#[derive(Debug)]
pub(super) struct Section {
    /// Said in the example above the table.
    pub meaning: &'static str,
    /// What may stand in it.
    pub keys: &'static [Key],
}

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    pub name: &'static str,
    pub kind: Kind,
    pub presence: Presence,
    pub meaning: &'static str,
}

/// What a key's value must be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Text,
    Texts,
    Flag,
    /// From, to; both included.
    Number(i64, i64),
    /// From, to as text; both included.
    Duration(&'static str, &'static str),
    /// The values and what each means.
    Choice(&'static [(&'static str, &'static str)]),
    /// A pointer to a secret: exactly one key of [`SECRET`].
    Secret,
    /// A table, usually written inline.
    Inline(&'static Section),
    /// A list of tables, usually written inline.
    Inlines(&'static Section),
    /// `[name]`.
    Table(&'static Section),
    /// `[[name]]`.
    Tables(&'static Section),
    /// `[name]`, or several times `[[name]]`.
    OneOrMore(&'static Section),
}

/// Whether a key must be there. The text is the value in TOML.
#[derive(Clone, Copy, Debug)]
pub(super) enum Presence {
    /// It must; the text is only an example.
    Required(&'static str),
    /// The text is what holds when it is not.
    Default(&'static str),
    /// It need not, and nothing takes its place; the text is only an example.
    Optional(&'static str),
}

use Kind::{Choice, Duration, Flag, Inline, Inlines, Number, OneOrMore, Secret, Table, Tables, Text, Texts};
use Presence::{Default, Optional, Required};

const fn key(name: &'static str, kind: Kind, presence: Presence, meaning: &'static str) -> Key {
    Key { name, kind, presence, meaning }
}

/// The file itself.
pub(super) static ROOT: Section = Section {
    meaning: "",
    keys: &[
        key(
            "mode",
            Choice(&[("observe", "record what would be done, write nothing to the tenant"), ("apply", "do it")]),
            Required("\"observe\""),
            "Whether seatsync writes to the tenant.",
        ),
        key(
            "store",
            Text,
            Default("\"/var/lib/seatsync/seatsync.db\""),
            "The database file, on a local disk. Relative paths here and below start at this file's directory.",
        ),
        key("directory", OneOrMore(&DIRECTORY), Required(""), DIRECTORY.meaning),
        key("tenant", Table(&TENANT), Required(""), TENANT.meaning),
        key("usage_location", Table(&USAGE_LOCATION), Default(""), USAGE_LOCATION.meaning),
        key("license", Tables(&LICENSE), Required(""), LICENSE.meaning),
        key("guard", Table(&GUARD), Default(""), GUARD.meaning),
        key("work", Table(&WORK), Default(""), WORK.meaning),
        key("seats", Table(&SEATS), Default(""), SEATS.meaning),
        key("alarm", Table(&ALARM), Default(""), ALARM.meaning),
        key("notify", Tables(&NOTIFY), Optional(""), NOTIFY.meaning),
        key("heartbeat", Table(&HEARTBEAT), Optional(""), HEARTBEAT.meaning),
        key("audit", Table(&AUDIT), Default(""), AUDIT.meaning),
        key("watch", Table(&WATCH), Default(""), WATCH.meaning),
        key("log", Table(&LOG), Default(""), LOG.meaning),
    ],
};

static BIND: Section = Section {
    meaning: "",
    keys: &[
        key(
            "method",
            Choice(&[("simple", "user name and password"), ("kerberos", "the key of a key table")]),
            Required("\"simple\""),
            "\"simple\", with user name and password, or \"kerberos\", with a key table (only in builds with the feature gssapi).",
        ),
        key(
            "user",
            Text,
            Optional("\"svc-seatsync@corp.example.com\""),
            "simple: a user principal name, a DN, or DOMAIN\\\\name.",
        ),
        key(
            "password",
            Secret,
            Optional("{ file = \"bind-password\" }"),
            "simple: where its password is. Read for each connection: a renewed one counts by itself.",
        ),
        key(
            "principal",
            Text,
            Optional("\"svc-seatsync@CORP.EXAMPLE.COM\""),
            "kerberos: the account's principal, with its realm.",
        ),
        key(
            "keytab",
            Text,
            Optional("\"seatsync.keytab\""),
            "kerberos: the key table with its key (chmod 600). Read for each connection.",
        ),
    ],
};

/// Where a secret is; exactly one of these.
pub(super) static SECRET: Section = Section {
    meaning: "Secrets never stand in this file. In place of each stands a table with exactly one of these keys:",
    keys: &[
        key("file", Text, Optional("\"bind-password\""), "A file that nobody but its owner can read (chmod 600)."),
        key("env", Text, Optional("\"BIND_PASSWORD\""), "An environment variable."),
        key(
            "credential",
            Text,
            Optional("\"bind-password\""),
            "A file in $CREDENTIALS_DIRECTORY: systemd's LoadCredential=, the best choice on Linux.",
        ),
    ],
};

static USAGE_LOCATION: Section = Section {
    meaning: "The country a person needs before Entra accepts a license.",
    keys: &[
        key(
            "from",
            Texts,
            Default("[\"msExchUsageLocation\", \"c\"]"),
            "Attributes of the account to take it from: the first that holds a country code of two letters.",
        ),
        key(
            "default",
            Text,
            Optional("\"SE\""),
            "What to take when none does. Without it such a person waits and is listed.",
        ),
        key(
            "overwrite",
            Flag,
            Default("false"),
            "Whether a location that is set in the tenant and differs is replaced.",
        ),
        key("write", Flag, Default("true"), "Whether locations are written at all."),
        key(
            "source",
            Inlines(&LOCATION_SOURCE),
            Optional(
                "[{ attribute = \"l\", values = [\"Berlin = DE\"] }, { ou = \"OU=Wien,DC=corp,DC=example,DC=com\", location = \"AT\" }]",
            ),
            "Where else to take it from, after \"from\" and in this order: each an attribute, or an OU.",
        ),
    ],
};

static LOCATION_SOURCE: Section = Section {
    meaning: "",
    keys: &[
        key("attribute", Text, Optional("\"physicalDeliveryOfficeName\""), "An attribute of the account."),
        key(
            "values",
            Texts,
            Optional("[\"Berlin HQ = DE\", \"Wien = AT\"]"),
            "What the attribute's values mean. Without it they are country codes of two letters.",
        ),
        key("ou", Text, Optional("\"OU=Wien,DC=corp,DC=example,DC=com\""), "Everyone below this DN …"),
        key("location", Text, Optional("\"AT\""), "… is in this country."),
    ],
};

static WHO: Section = Section {
    meaning: "",
    keys: &[
        key("ou", Text, Optional("\"OU=Staff,DC=corp,DC=example,DC=com\""), "Everyone below this DN."),
        key(
            "filter",
            Text,
            Optional("\"(employeeType=contractor)\""),
            "Everyone whose account matches this LDAP filter; text attributes only, and not memberOf.",
        ),
        key(
            "group",
            Text,
            Optional("\"CN=Contractors,OU=Groups,DC=corp,DC=example,DC=com\""),
            "Every member of this group of the directory, of the groups within it, and whoever has one of them as primary \
             group. Once found, the group stays the one that is meant, whatever it is renamed to and wherever it is moved. \
             Nobody is licensed by the rule before the group was read once; who is in it by then was there before.",
        ),
        key(
            "entra_group",
            Text,
            Optional("\"8d1c4a52-3b7e-4f6a-9c20-5e1f7a2b6d34\""),
            "Every member of this group of the tenant, by its object id, and of the groups within it. Nobody is licensed by \
             the rule before the group was read once; who is in it by then was there before.",
        ),
        key(
            "cloud_domain",
            Text,
            Optional("\"contoso.com\""),
            "Users who never came from a directory, with a name in this domain; guests never.",
        ),
        key(
            "any",
            Inlines(&WHO),
            Optional("[{ ou = \"…\" }, { filter = \"…\" }]"),
            "Whoever is meant by at least one of these.",
        ),
        key(
            "all",
            Inlines(&WHO),
            Optional("[{ ou = \"…\" }, { filter = \"…\" }]"),
            "Whoever is meant by each of these.",
        ),
        key("not", Inline(&WHO), Optional("{ ou = \"…\" }"), "Everyone else."),
    ],
};

static GUARD: Section = Section {
    meaning: "What limits the rules.",
    keys: &[
        key(
            "existing",
            Choice(&[
                ("leave", "they are only counted, until \"seatsync include\" brings them in"),
                ("license", "they are licensed like anyone else, under the limits here"),
            ]),
            Default("\"leave\""),
            "What happens to those who were in the tenant before seatsync first saw it.",
        ),
        key(
            "assignments_per_day",
            Number(0, 1_000_000),
            Default("500"),
            "Licenses given in any 24 hours; the excess is held until someone approves it.",
        ),
        key(
            "changes_per_day",
            Number(0, 1_000_000),
            Default("100"),
            "Licenses whose plans are changed in any 24 hours; the excess is held.",
        ),
        key(
            "removals_per_day",
            Number(0, 1_000_000),
            Default("10"),
            "Licenses taken back in any 24 hours, exchanges aside; the excess is held.",
        ),
        key(
            "shrink_percent",
            Number(1, 100),
            Default("20"),
            "A complete answer that lacks more than this share of what was known removes nobody and raises an alarm.",
        ),
        key(
            "protected",
            Inlines(&WHO),
            Optional("[{ filter = \"(adminCount=1)\" }]"),
            "To whom nothing is ever given, and from whom nothing is taken or changed, whatever rules and operators say.",
        ),
    ],
};

static WORK: Section = Section {
    meaning: "How writes are tried.",
    keys: &[
        key(
            "retry_first",
            Duration("10ms", "1h"),
            Default("\"2s\""),
            "The longest wait before a failed write is tried again; doubles with each failure.",
        ),
        key("retry_max", Duration("10ms", "1d"), Default("\"15m\""), "Where that doubling ends."),
        key("concurrency", Number(1, 64), Default("4"), "Batches of up to twenty writes under way at once."),
        key(
            "quota",
            Number(20, 1_000_000),
            Default("3000"),
            "Writes that Graph allows this app in the tenant within \"quota_window\"; bursts are fine.",
        ),
        key("quota_window", Duration("1s", "1h"), Default("\"150s\""), "The length of that window."),
        key(
            "confirm_after",
            Duration("10ms", "1h"),
            Default("\"30s\""),
            "An accepted license that no feed has shown to work by then is read back by itself.",
        ),
        key(
            "patience",
            Duration("0s", "1d"),
            Default("\"15m\""),
            "For how long \"no such user\" and \"invalid usage location\" are put down to Entra's replication.",
        ),
        key(
            "clock_skew",
            Duration("0s", "1h"),
            Default("\"5m\""),
            "Tolerated difference between this clock and Entra's.",
        ),
    ],
};

static AUDIT: Section = Section {
    meaning: "What is kept of what is over.",
    keys: &[key(
        "keep",
        Duration("1d", "36500d"),
        Default("\"400d\""),
        "For how long the audit, ended writes and requests, and persons who have left both sides are kept. What is open, and what \
         proves a license to be ours, is kept as long as it is so.",
    )],
};

static LOG: Section = Section {
    meaning: "How the log is written.",
    keys: &[
        key(
            "format",
            Choice(&[
                ("auto", "to the journal when started by systemd, else text"),
                ("text", "lines for people"),
                ("json", "one object per line"),
                ("journald", "to systemd's journal, with fields"),
            ]),
            Default("\"auto\""),
            "The form of log lines. All but those for the journal go to standard error.",
        ),
        key(
            "level",
            Text,
            Default("\"info\""),
            "error, warn, info, debug or trace; also per part, such as \"info,seatsync::tenant=debug\".",
        ),
    ],
};
