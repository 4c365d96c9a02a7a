//! `[directory]`.

use super::Kind::{Choice, Duration, Inline, Text, Texts};
use super::Presence::{Default, Optional, Required};
use super::{BIND, Section, key};

pub(super) static DIRECTORY: Section = Section {
    meaning: "The Active Directory domain whose accounts are followed. For several domains, write [[directory]] once for each.",
    keys: &[
        key("domain", Text, Required("\"corp.example.com\""), "DNS name of the domain."),
        key(
            "servers",
            Texts,
            Optional("[\"dc1.corp.example.com\", \"dc2.corp.example.com\"]"),
            "Domain controllers in the order of preference: a host name (LDAPS, port 636), or a URL: ldaps://host[:port], \
             ldap+starttls://host[:port]. The certificate must carry the name. Without it they are found in DNS, and looked \
             up again every five minutes.",
        ),
        key(
            "site",
            Text,
            Optional("\"Stockholm\""),
            "Found in DNS, controllers of this Active Directory site come first.",
        ),
        key(
            "transport",
            Choice(&[("ldaps", "TLS from the first byte, port 636"), ("starttls", "StartTLS, port 389")]),
            Default("\"ldaps\""),
            "How controllers found in DNS are connected to. A port other than 389 in their record is believed.",
        ),
        key(
            "dns",
            Text,
            Optional("\"10.0.0.53:53\""),
            "The DNS server to ask for controllers and their addresses, address[:port], instead of the system's.",
        ),
        key("ca_file", Text, Optional("\"corp-ca.pem\""), "PEM file with the CA to trust instead of the system's."),
        key(
            "bind",
            Inline(&BIND),
            Required(
                "{ method = \"simple\", user = \"svc-seatsync@corp.example.com\", password = { file = \"bind-password\" } }",
            ),
            "The service account; it only reads.",
        ),
        key(
            "bases",
            Texts,
            Optional("[\"OU=Staff,DC=corp,DC=example,DC=com\"]"),
            "DNs below which accounts are read; none inside another. Without it: the whole domain.",
        ),
        key(
            "anchor",
            Text,
            Default("\"auto\""),
            "Which attribute joins accounts to tenant users. \"auto\": mS-DS-ConsistencyGuid where it is set, else objectGUID, as \
             Entra Connect chooses; otherwise the name of the text attribute that Entra Connect was told to use.",
        ),
        key(
            "poll",
            Duration("100ms", "1h"),
            Default("\"10s\""),
            "Between two looks at the controller's change counter.",
        ),
        key("timeout", Duration("100ms", "10m"), Default("\"30s\""), "For connecting, and for each answer."),
    ],
};
