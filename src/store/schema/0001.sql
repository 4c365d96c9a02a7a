-- The first schema. Forward only: a later version is a further numbered file, and this one is never edited.
-- Times are milliseconds since 1970-01-01 UTC. GUIDs are dashed lower-case text. `body` and `detail` are JSON.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- Directory side ---------------------------------------------------------------------------------------------------

CREATE TABLE domains (
    guid              TEXT PRIMARY KEY,
    name              TEXT NOT NULL,
    first_contact     INTEGER NOT NULL,         -- when it was first bound
    first_scan        INTEGER,                  -- when the first complete read ended
    next_scan         INTEGER,                  -- when everything is to be read again, for what no delta tells
    generation        INTEGER NOT NULL DEFAULT 0,
    last_read         INTEGER                   -- when a tick last succeeded
) STRICT;

CREATE TABLE watermarks (
    domain      TEXT NOT NULL REFERENCES domains (guid),
    ntds        TEXT NOT NULL,
    invocation  TEXT NOT NULL,
    coverage    TEXT NOT NULL,
    usn         INTEGER NOT NULL,
    moved       INTEGER NOT NULL,
    PRIMARY KEY (domain, ntds, invocation, coverage)
) STRICT, WITHOUT ROWID;

CREATE TABLE people (
    id              INTEGER PRIMARY KEY,
    made            INTEGER NOT NULL,
    name            TEXT NOT NULL,              -- to show: UPN, else account name, else GUID
    revision        INTEGER NOT NULL DEFAULT 1, -- rises with each news
    dirty           INTEGER NOT NULL DEFAULT 1, -- must be judged
    look_again      INTEGER,                    -- must be judged then
    presence        TEXT,                       -- NULL: never judged
    presence_detail TEXT,
    presence_since  INTEGER,
    awaited         INTEGER NOT NULL DEFAULT 0,
    coverage        TEXT,
    location        TEXT                        -- what shall become of the usage location
) STRICT;
CREATE INDEX people_dirty ON people (id) WHERE dirty = 1;
CREATE INDEX people_look_again ON people (look_again) WHERE look_again IS NOT NULL;
CREATE INDEX people_presence ON people (presence);

CREATE TABLE accounts (
    guid             TEXT PRIMARY KEY,
    domain           TEXT NOT NULL REFERENCES domains (guid),
    person           INTEGER NOT NULL REFERENCES people (id),
    anchor           TEXT NOT NULL,
    sam              TEXT COLLATE NOCASE,
    upn              TEXT COLLATE NOCASE,
    usn              INTEGER NOT NULL,
    body             TEXT NOT NULL,
    first_seen       INTEGER NOT NULL,
    changed          INTEGER NOT NULL,
    at_first_contact INTEGER NOT NULL,
    generation       INTEGER NOT NULL,          -- of the last complete or running scan that met it
    missed           INTEGER NOT NULL DEFAULT 0, -- complete scans since then that did not
    gone             INTEGER                    -- when it was known to be deleted or absent
) STRICT;
CREATE INDEX accounts_person ON accounts (person);
CREATE INDEX accounts_anchor ON accounts (anchor);
CREATE INDEX accounts_sam ON accounts (sam);
CREATE INDEX accounts_upn ON accounts (upn);

-- Tenant side ------------------------------------------------------------------------------------------------------

CREATE TABLE tenant_feed (
    id                INTEGER PRIMARY KEY CHECK (id = 1),
    contact_started   INTEGER,
    contact_completed INTEGER,
    link              TEXT,                     -- where the next delta starts
    listing_link      TEXT,                     -- where it will start once the running listing is complete
    generation        INTEGER NOT NULL DEFAULT 0,
    last_read         INTEGER
) STRICT;
INSERT INTO tenant_feed (id) VALUES (1);

CREATE TABLE users (
    id           TEXT PRIMARY KEY,
    person       INTEGER NOT NULL REFERENCES people (id),
    anchor       TEXT,
    upn          TEXT COLLATE NOCASE,
    body         TEXT NOT NULL,
    first_seen   INTEGER NOT NULL,
    changed      INTEGER NOT NULL,
    read_alone   INTEGER,                       -- when it was last read by itself: older news is not believed over that
    located      INTEGER,                       -- when our usage location was accepted
    generation   INTEGER NOT NULL,
    removed      TEXT,
    removed_at   INTEGER
) STRICT;
CREATE INDEX users_person ON users (person);
CREATE INDEX users_anchor ON users (anchor);
CREATE INDEX users_upn ON users (upn);

CREATE TABLE skus (
    id      TEXT PRIMARY KEY,
    body    TEXT NOT NULL,
    ledger  TEXT NOT NULL,
    read    INTEGER NOT NULL
) STRICT;

CREATE TABLE quarantine (
    source  TEXT NOT NULL CHECK (source IN ('directory', 'tenant')),
    key     TEXT NOT NULL,
    reason  TEXT NOT NULL,
    since   INTEGER NOT NULL,
    last    INTEGER NOT NULL,
    PRIMARY KEY (source, key)
) STRICT, WITHOUT ROWID;

-- Decisions --------------------------------------------------------------------------------------------------------

CREATE TABLE matches (
    person    INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    rule      TEXT NOT NULL,
    digest    TEXT NOT NULL,
    eligible  INTEGER NOT NULL,
    baseline  INTEGER NOT NULL,
    PRIMARY KEY (person, rule)
) STRICT, WITHOUT ROWID;
CREATE INDEX matches_baseline ON matches (rule, person) WHERE baseline = 1;

CREATE TABLE holds (
    id       INTEGER PRIMARY KEY,
    rule     TEXT NOT NULL,
    code     TEXT NOT NULL,
    reason   TEXT NOT NULL,
    opened   INTEGER NOT NULL,
    closed   INTEGER,
    outcome  TEXT CHECK (outcome IN ('approved', 'rejected', 'dissolved'))
) STRICT;

CREATE TABLE intents (
    id       INTEGER PRIMARY KEY,
    person   INTEGER NOT NULL REFERENCES people (id),
    user     TEXT NOT NULL,
    step     TEXT NOT NULL CHECK (step IN ('location', 'license')),
    body     TEXT NOT NULL,                     -- what is written
    before   TEXT NOT NULL,                     -- what stood there
    config   TEXT NOT NULL,
    made     INTEGER NOT NULL,
    state    TEXT NOT NULL CHECK (state IN ('open', 'accepted', 'refused', 'no-seat', 'abandoned')),
    settle   INTEGER,                           -- not before then read whether an unanswered call took effect
    closed   INTEGER
) STRICT;
CREATE INDEX intents_person ON intents (person);
CREATE UNIQUE INDEX intents_open ON intents (person, step) WHERE state = 'open';

CREATE TABLE calls (
    id                 INTEGER PRIMARY KEY,
    intent             INTEGER NOT NULL REFERENCES intents (id),
    client_request_id  TEXT NOT NULL,
    sent               INTEGER NOT NULL,
    answered           INTEGER,                 -- NULL: the outcome is unknown
    answer             TEXT
) STRICT;
CREATE INDEX calls_intent ON calls (intent);

CREATE TABLE entitlements (
    person     INTEGER NOT NULL REFERENCES people (id),
    sku        TEXT NOT NULL,
    user       TEXT NOT NULL,
    rules      TEXT NOT NULL,
    disabled   TEXT NOT NULL,
    wanted     TEXT NOT NULL,
    priority   INTEGER NOT NULL,
    standing   TEXT NOT NULL CHECK (standing IN (
        'baseline', 'satisfied', 'differs', 'due', 'awaiting-seat', 'held', 'in-flight', 'retrying', 'confirming',
        'licensed', 'removed-by-other', 'refused', 'lapsed', 'reclaiming', 'reclaimed')),
    detail     TEXT NOT NULL,                   -- the standing with all it carries
    since      INTEGER NOT NULL,
    due_since  INTEGER,
    admitted   INTEGER,
    check_at   INTEGER,                         -- when a retry, a settling or a reading back is due
    hold       INTEGER REFERENCES holds (id),
    intent     INTEGER REFERENCES intents (id),
    observed   INTEGER,                         -- when observe mode recorded what it would do
    ours       INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (person, sku)
) STRICT, WITHOUT ROWID;
CREATE INDEX entitlements_standing ON entitlements (standing, check_at);
CREATE INDEX entitlements_hold ON entitlements (hold) WHERE hold IS NOT NULL;

CREATE TABLE admissions (
    at      INTEGER NOT NULL,
    person  INTEGER NOT NULL,
    sku     TEXT NOT NULL
) STRICT;
CREATE INDEX admissions_at ON admissions (at);

CREATE TABLE requests (
    id       INTEGER PRIMARY KEY,
    body     TEXT NOT NULL,
    os_user  TEXT NOT NULL,
    asked    INTEGER NOT NULL,
    done     INTEGER,
    ok       INTEGER,
    outcome  TEXT
) STRICT;
CREATE INDEX requests_open ON requests (id) WHERE done IS NULL;

-- Audit ------------------------------------------------------------------------------------------------------------

CREATE TABLE audit (
    id                 INTEGER PRIMARY KEY,
    at                 INTEGER NOT NULL,
    kind               TEXT NOT NULL,
    person             INTEGER,
    subject            TEXT,
    config             TEXT,
    client_request_id  TEXT,
    request_id         TEXT,
    detail             TEXT NOT NULL,
    previous           BLOB NOT NULL,           -- hash of the row before
    hash               BLOB NOT NULL            -- SHA-256 over previous and all columns of this row
) STRICT;
CREATE INDEX audit_person ON audit (person, id) WHERE person IS NOT NULL;

-- Rows up to a checkpoint may be dropped by retention: its hash stands for them.
CREATE TABLE audit_checkpoints (
    upto  INTEGER PRIMARY KEY,
    hash  BLOB NOT NULL,
    at    INTEGER NOT NULL
) STRICT;

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE (ABORT, 'the audit is append-only'); END;

CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
WHEN OLD.id > (SELECT coalesce(max(upto), 0) FROM audit_checkpoints)
BEGIN SELECT RAISE (ABORT, 'the audit is append-only'); END;
