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
