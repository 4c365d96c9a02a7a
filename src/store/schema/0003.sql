-- Groups of the directory that rules name, and containers that move with all that is in them.

-- By what a member is known beside its GUID. A SID less its last part is that of the domain.
ALTER TABLE accounts ADD COLUMN sid TEXT AS (json_extract(body, '$.sid')) VIRTUAL;
ALTER TABLE accounts ADD COLUMN primary_group TEXT
    AS (rtrim(json_extract(body, '$.sid'), '0123456789') || json_extract(body, '$.attributes.primarygroupid[0]')) VIRTUAL;
CREATE INDEX accounts_sid ON accounts (sid) WHERE sid IS NOT NULL;
CREATE INDEX accounts_primary_group ON accounts (primary_group) WHERE primary_group IS NOT NULL;

CREATE TABLE directory_groups (
    dn      TEXT PRIMARY KEY,                   -- as configured, in its normal form
    domain  TEXT NOT NULL,                      -- name of the domain it lies in
    guid    TEXT,                               -- which group that was when it was found first; it stays that
    name    TEXT,
    read    INTEGER,                            -- when its members were known to their end for the first time
    lookup  TEXT,                               -- what is wrong with where it is, as JSON
    fault   TEXT,                               -- what is wrong with its members, as JSON
    due     INTEGER,                            -- when it is to be looked up; NULL: when there is news of it
    away    INTEGER NOT NULL DEFAULT 0,         -- it stands elsewhere by now
    unsettled INTEGER NOT NULL DEFAULT 0        -- who is believed to be in it may not follow from what was read
) STRICT;

-- These groups and those within them.
CREATE TABLE group_nodes (
    guid    TEXT PRIMARY KEY,
    domain  TEXT NOT NULL REFERENCES domains (guid),
    dn      TEXT NOT NULL,
    sid     TEXT,
    usn     INTEGER,                            -- uSNChanged of what was read, on the controller it was read from
    walked  INTEGER NOT NULL DEFAULT 0,         -- its members were read to their end
    due     INTEGER,                            -- when they are to be read; NULL: when there is news of it
    fault   TEXT                                -- why they could not be read last
) STRICT;
CREATE INDEX group_nodes_due ON group_nodes (domain, due) WHERE due IS NOT NULL;

-- Who stands in `member` of whom.
CREATE TABLE group_edges (
    parent    TEXT NOT NULL REFERENCES group_nodes (guid) ON DELETE CASCADE,
    child     TEXT NOT NULL,                     -- objectGUID
    foreigner TEXT,                            -- SID, where the child stands in for an account of another forest
    gone      INTEGER,                           -- since when it does not any more
    PRIMARY KEY (parent, child)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_edges_child ON group_edges (child);

-- The members that a reading under way has met.
CREATE TABLE group_walk (
    parent    TEXT NOT NULL,
    child     TEXT NOT NULL,
    foreigner TEXT,
    PRIMARY KEY (parent, child)
) STRICT, WITHOUT ROWID;

-- Who is believed to be in each group that rules name, through whatever other groups: by objectGUID, by SID, or as
-- "primary " with the SID of the group that is the account's primary one.
CREATE TABLE group_members (
    key   TEXT NOT NULL,
    root  TEXT NOT NULL REFERENCES directory_groups (dn) ON DELETE CASCADE,
    PRIMARY KEY (key, root)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_members_root ON group_members (root);

-- Where containers stand. Accounts follow a container that moves, and their uSNChanged does not.
CREATE TABLE containers (
    guid    TEXT PRIMARY KEY,
    domain  TEXT NOT NULL REFERENCES domains (guid),
    dn      TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Containers of which a controller showed another place, and below which has not been read since.
CREATE TABLE container_moves (
    domain  TEXT NOT NULL REFERENCES domains (guid),
    ntds    TEXT NOT NULL,
    guid    TEXT NOT NULL,
    PRIMARY KEY (domain, ntds, guid)
) STRICT, WITHOUT ROWID;

-- Containers are not known yet: everything is read once.
UPDATE domains SET next_scan = 0 WHERE next_scan IS NOT NULL;
