-- What is done about a license beside giving it: its plans are changed, or it is taken away.

-- A further standing, `delayed`.
CREATE TABLE entitlements_4 (
    person     INTEGER NOT NULL REFERENCES people (id),
    sku        TEXT NOT NULL,
    user       TEXT NOT NULL,
    rules      TEXT NOT NULL,
    disabled   TEXT NOT NULL,
    wanted     TEXT NOT NULL,
    priority   INTEGER NOT NULL,
    standing   TEXT NOT NULL CHECK (standing IN (
        'baseline', 'satisfied', 'differs', 'expected', 'delayed', 'due', 'awaiting-seat', 'held', 'in-flight',
        'retrying', 'confirming', 'licensed', 'removed-by-other', 'refused', 'lapsed', 'reclaiming', 'reclaimed')),
    detail     TEXT NOT NULL,                   -- the standing with all it carries
    action     TEXT NOT NULL DEFAULT '{"action":"give"}', -- what is written while it is open, as JSON
    since      INTEGER NOT NULL,
    due_since  INTEGER,
    admitted   INTEGER,
    check_at   INTEGER,                         -- when a retry, a settling, a reading back or a taking back is due
    hold       INTEGER REFERENCES holds (id),
    intent     INTEGER REFERENCES intents (id),
    observed   INTEGER,                         -- when observe mode recorded what it would do
    ours       INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (person, sku)
) STRICT, WITHOUT ROWID;
INSERT INTO entitlements_4 (person, sku, user, rules, disabled, wanted, priority, standing, detail, since, due_since,
                            admitted, check_at, hold, intent, observed, ours)
SELECT person, sku, user, rules, disabled, wanted, priority, standing, detail, since, due_since,
       admitted, check_at, hold, intent, observed, ours FROM entitlements;
DROP TABLE entitlements;
ALTER TABLE entitlements_4 RENAME TO entitlements;
CREATE INDEX entitlements_standing ON entitlements (standing, check_at);
CREATE INDEX entitlements_hold ON entitlements (hold) WHERE hold IS NOT NULL;

ALTER TABLE admissions ADD COLUMN kind TEXT NOT NULL DEFAULT 'give';

-- What operators asked for by hand, for one person and product.
CREATE TABLE manual (
    person  INTEGER NOT NULL REFERENCES people (id),
    sku     TEXT NOT NULL,
    body    TEXT NOT NULL,                      -- assigned with which plans off, or withheld, as JSON
    os_user TEXT NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (person, sku)
) STRICT, WITHOUT ROWID;
