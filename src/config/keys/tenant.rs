//! The keys of `[tenant]` and of its credential.

use super::Kind::{Choice, Duration, Inline, Secret, Text};
use super::Presence::{Default, Optional, Required};
use super::{Section, key};

pub(super) static TENANT: Section = Section {
    meaning: "The Entra tenant whose users are licensed, and the app registration that does it.",
    keys: &[
        key("id", Text, Required("\"6f9f2c3e-7d1b-4a58-9a4e-0c2b8e5d1f37\""), "The tenant's id, a GUID."),
        key(
            "client_id",
            Text,
            Required("\"b2a4c6d8-1e3f-4a5b-8c7d-9e0f1a2b3c4d\""),
            "The app registration's application (client) id, a GUID. With method \"managed-identity\" only that of a \
             user-assigned identity; leave it out for the machine's own.",
        ),
        key(
            "credential",
            Inline(&CREDENTIAL),
            Required("{ method = \"secret\", secret = { file = \"client-secret\" } }"),
            "How the app proves itself; each method has keys of its own. With \"federation\" id, client_id, login_url and \
             token_file may come from AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_AUTHORITY_HOST and \
             AZURE_FEDERATED_TOKEN_FILE.",
        ),
        key(
            "cloud",
            Choice(&[
                ("global", "the worldwide service, GCC included"),
                ("gcc-high", "US Government L4"),
                ("dod", "US Government L5"),
                ("china", "operated by 21Vianet"),
            ]),
            Default("\"global\""),
            "Which of Microsoft's clouds the tenant is in.",
        ),
        key(
            "login_url",
            Text,
            Optional("\"https://login.microsoftonline.com\""),
            "Where tokens come from, if not where the cloud says. http:// is accepted for loopback addresses only.",
        ),
        key(
            "graph_url",
            Text,
            Optional("\"https://graph.microsoft.com\""),
            "Where Graph is, if not where the cloud says. Tokens are asked for this host, unless it is a loopback address.",
        ),
        key("ca_file", Text, Optional("\"proxy-ca.pem\""), "PEM file with a CA to trust beside the system's."),
        key(
            "proxy",
            Text,
            Optional("\"http://proxy.corp.example.com:8080\""),
            "The proxy for the login endpoint and Graph; \"none\" for no proxy at all. Without it: HTTPS_PROXY, ALL_PROXY and \
             NO_PROXY of the environment. Azure's metadata endpoints are always asked directly.",
        ),
        key("proxy_user", Text, Optional("\"svc-seatsync\""), "The name to log in to the proxy with."),
        key("proxy_password", Secret, Optional("{ file = \"proxy-password\" }"), "Where that name's password is."),
        key(
            "poll",
            Duration("100ms", "1h"),
            Default("\"60s\""),
            "Between two reads of changes while nobody is awaited.",
        ),
        key(
            "poll_awaiting",
            Duration("100ms", "1h"),
            Default("\"10s\""),
            "The same while a person or a seat is awaited; not longer than poll.",
        ),
        key(
            "group_poll",
            Duration("100ms", "1d"),
            Default("\"5m\""),
            "Between two reads of a group that a rule names; for more than ten thousand members as many times longer.",
        ),
        key(
            "group_licensing_grace",
            Duration("0s", "7d"),
            Default("\"0s\""),
            "For whom a group of the tenant is to license (group-based licensing), how long that is waited for before the \
             license is assigned directly, such as \"2h\". \"0s\": groups' licenses are not looked at.",
        ),
        key(
            "timeout",
            Duration("100ms", "10m"),
            Default("\"60s\""),
            "Until an answer begins, and once more until all of it is there. Half of it for connecting, 10 s at most, and \
             for a pause within an answer.",
        ),
        key(
            "reread",
            Duration("1h", "30d"),
            Default("\"1d\""),
            "In which time the licenses of everyone who has one that a rule wants are read once more, spread evenly: whether a \
             license is direct or a group's is told by no change.",
        ),
        key(
            "sync_limit",
            Duration("5m", "365d"),
            Default("\"3h\""),
            "When Entra Connect last ran longer ago, that is an alarm. It runs every half hour. Where Cloud Sync alone is used \
             and the time that Graph tells stands still, make it 365d.",
        ),
    ],
};

static CREDENTIAL: Section = Section {
    meaning: "",
    keys: &[
        key(
            "method",
            Choice(&[
                ("secret", "a client secret"),
                ("certificate", "a certificate with an RSA key"),
                ("federation", "another issuer's token, which Kubernetes and others keep fresh in a file"),
                ("managed-identity", "the identity of an Azure machine, or of one under Azure Arc"),
            ]),
            Required("\"secret\""),
            "\"secret\", \"certificate\", \"federation\" or \"managed-identity\".",
        ),
        key("secret", Secret, Optional("{ file = \"client-secret\" }"), "secret: where the client secret is."),
        key(
            "expires",
            Text,
            Optional("\"2027-01-31\""),
            "secret: the day it expires, as the portal shows it; warned of 30, 14 and 7 days before.",
        ),
        key(
            "file",
            Text,
            Optional("\"seatsync.pem\""),
            "certificate: PEM file with the certificate and, unless \"key\" names another, its private key (chmod 600). Read \
             for each token: a renewed one counts by itself.",
        ),
        key("key", Text, Optional("\"seatsync.key\""), "certificate: PEM file with the private key, PKCS#8 or PKCS#1."),
        key(
            "thumbprint",
            Text,
            Optional("\"0123456789ABCDEF0123456789ABCDEF01234567\""),
            "certificate: on Windows, in place of \"file\": the SHA-1 thumbprint of one in LocalMachine\\My, whose key stays there \
             (CNG). Looked up for each token; a renewed one has another thumbprint.",
        ),
        key(
            "algorithm",
            Choice(&[
                ("PS256", "RSASSA-PSS, named by the SHA-256 thumbprint"),
                ("RS256", "RSASSA-PKCS1-v1.5, named by the SHA-1 thumbprint"),
            ]),
            Default("\"PS256\""),
            "certificate: \"PS256\" (the default) or \"RS256\".",
        ),
        key(
            "token_file",
            Text,
            Optional("\"/var/run/secrets/azure/tokens/azure-identity-token\""),
            "federation: the token's file.",
        ),
        key(
            "source",
            Choice(&[
                ("auto", "Azure Arc where IDENTITY_ENDPOINT and IMDS_ENDPOINT are set, else IMDS"),
                ("arc", "Azure Arc's agent"),
                ("imds", "the instance metadata service of an Azure machine"),
            ]),
            Default("\"auto\""),
            "managed-identity: \"arc\", \"imds\" or \"auto\" (the default): Arc where the environment says so, else IMDS.",
        ),
        key(
            "endpoint",
            Text,
            Optional("\"http://localhost:40342/metadata/identity/oauth2/token\""),
            "managed-identity: where its tokens come from, if not where Azure says.",
        ),
        key(
            "key_directory",
            Text,
            Optional("\"/var/opt/azcmagent/tokens\""),
            "managed-identity: where Arc's agent puts its keys, if not in its usual place.",
        ),
    ],
};
