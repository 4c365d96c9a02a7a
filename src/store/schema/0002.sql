-- Groups of the tenant. Forward only, as the first: once released this file is never edited.

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
