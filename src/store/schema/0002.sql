-- Several domain controllers for each domain, and several domains.

ALTER TABLE domains ADD COLUMN coverage TEXT;       -- what was read to its end last: decisions are made on that
ALTER TABLE domains ADD COLUMN content TEXT;        -- NTDS Settings of the controller whose word the accounts are
ALTER TABLE domains ADD COLUMN guarded INTEGER;     -- up to this USN of it, its word lifts no exclusion
UPDATE domains SET coverage = (SELECT value FROM meta WHERE key = 'coverage'),
    content = (SELECT ntds FROM watermarks WHERE domain = guid ORDER BY moved DESC LIMIT 1);
DELETE FROM meta WHERE key = 'coverage';

ALTER TABLE watermarks ADD COLUMN behind INTEGER;   -- the watermark of some minutes before; NULL: the same
ALTER TABLE watermarks ADD COLUMN canary TEXT;      -- a live account as this controller showed it last
ALTER TABLE watermarks ADD COLUMN canary_usn INTEGER;

-- What a controller showed beside the one whose word is content, and what that one has not confirmed yet.
CREATE TABLE hints (
    domain    TEXT NOT NULL REFERENCES domains (guid),
    ntds      TEXT NOT NULL,
    guid      TEXT NOT NULL,
    body      TEXT,                                 -- the account as it showed it; NULL: not there
    since     INTEGER NOT NULL,
    tries     INTEGER NOT NULL DEFAULT 0,           -- how often the account was read again for it
    check_at  INTEGER NOT NULL,                     -- when it is the next time
    PRIMARY KEY (domain, ntds, guid)
) STRICT, WITHOUT ROWID;
CREATE INDEX hints_guid ON hints (guid);
CREATE INDEX hints_check ON hints (domain, check_at);

-- Following the tenant.

-- Whom this complete listing did not meet is read by itself before it is taken as gone.
ALTER TABLE tenant_feed ADD COLUMN doubted INTEGER NOT NULL DEFAULT 0;
CREATE INDEX users_generation ON users (generation, id) WHERE removed IS NULL;

-- When somebody awaited is looked up in the tenant by anchor; NULL: not looked up since it is awaited.
ALTER TABLE people ADD COLUMN look_up INTEGER;
CREATE INDEX people_look_up ON people (look_up, presence_since) WHERE presence = 'awaiting' AND awaited = 1;

-- Groups that rules name. A group without `read` decides nothing.
CREATE TABLE scope_groups (
    id     TEXT PRIMARY KEY,
    name   TEXT,                                -- displayName, once it was read
    read   INTEGER,                             -- when it was read to its end for the first time
    fault  TEXT                                 -- what is wrong with it, as JSON
) STRICT;

CREATE TABLE scope_members (
    user      TEXT NOT NULL,
    group_id  TEXT NOT NULL REFERENCES scope_groups (id) ON DELETE CASCADE,
    PRIMARY KEY (user, group_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX scope_members_group ON scope_members (group_id);

-- Groups that give licenses, and for whom it was asked which of them the user is in.
CREATE TABLE licensing_groups (
    id    TEXT PRIMARY KEY,
    body  TEXT NOT NULL
) STRICT;

CREATE TABLE memberships (
    user      TEXT PRIMARY KEY,
    read      INTEGER NOT NULL,
    group_ids TEXT NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE matches ADD COLUMN unread INTEGER NOT NULL DEFAULT 0;
ALTER TABLE matches ADD COLUMN group_ids TEXT NOT NULL DEFAULT '[]';

-- A further standing: SQLite changes no CHECK in place.
CREATE TABLE entitlements_2 (
    person     INTEGER NOT NULL REFERENCES people (id),
    sku        TEXT NOT NULL,
    user       TEXT NOT NULL,
    rules      TEXT NOT NULL,
    disabled   TEXT NOT NULL,
    wanted     TEXT NOT NULL,
    priority   INTEGER NOT NULL,
    standing   TEXT NOT NULL CHECK (standing IN (
        'baseline', 'satisfied', 'differs', 'expected', 'due', 'awaiting-seat', 'held', 'in-flight', 'retrying',
        'confirming', 'licensed', 'removed-by-other', 'refused', 'lapsed', 'reclaiming', 'reclaimed')),
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
INSERT INTO entitlements_2 (person, sku, user, rules, disabled, wanted, priority, standing, detail, since, due_since,
                            admitted, check_at, hold, intent, observed, ours)
SELECT person, sku, user, rules, disabled, wanted, priority, standing, detail, since, due_since,
       admitted, check_at, hold, intent, observed, ours FROM entitlements;
DROP TABLE entitlements;
ALTER TABLE entitlements_2 RENAME TO entitlements;
CREATE INDEX entitlements_standing ON entitlements (standing, check_at);
CREATE INDEX entitlements_hold ON entitlements (hold) WHERE hold IS NOT NULL;
