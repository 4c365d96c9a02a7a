-- What is told outside of the log.

-- What was said last of each thing, so that nothing is said twice, over a restart too.
CREATE TABLE said (
    about  TEXT PRIMARY KEY,
    state  TEXT NOT NULL                        -- JSON
) STRICT, WITHOUT ROWID;

-- What somebody is still to be told; addresses are secrets and stand in no row.
CREATE TABLE outbox (
    id        INTEGER PRIMARY KEY,
    target    TEXT NOT NULL,                    -- id of the [[notify]] table
    body      TEXT NOT NULL,
    made      INTEGER NOT NULL,
    tries     INTEGER NOT NULL DEFAULT 0,
    check_at  INTEGER NOT NULL                  -- when it is tried next
) STRICT;
CREATE INDEX outbox_target ON outbox (target, id);

-- When credentials, certificates and passwords end, as far as a warning is due.
CREATE TABLE endings (
    part  TEXT PRIMARY KEY,                     -- its name among the troubles
    body  TEXT,                                 -- NULL: a warning was due and is no longer
    seen  INTEGER NOT NULL                      -- not on to the half day
) STRICT, WITHOUT ROWID;

CREATE INDEX people_awaited_since ON people (presence_since) WHERE awaited = 1;
