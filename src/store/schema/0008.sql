-- Members of groups that lie in another domain: whether they are groups is asked there.

-- The DNS name of the child's domain, where that is not the group's.
ALTER TABLE group_walk ADD COLUMN domain TEXT;

CREATE TABLE group_strangers (
    guid    TEXT PRIMARY KEY,
    domain  TEXT NOT NULL,                      -- name of the domain it lies in, followed or not
    asked   INTEGER NOT NULL DEFAULT 0,         -- that domain has answered
    due     INTEGER                             -- when it is to be asked; NULL: when there is news of it
) STRICT, WITHOUT ROWID;
CREATE INDEX group_strangers_due ON group_strangers (domain, due) WHERE due IS NOT NULL;

-- Where groups may have been followed up to the edge of their domain alone, they are read anew, and whom that shows was there
-- before: nobody has joined.
UPDATE group_nodes SET due = 0 WHERE (SELECT count(*) FROM domains) > 1;
UPDATE directory_groups SET read = NULL, unsettled = 1 WHERE (SELECT count(*) FROM domains) > 1;
UPDATE matches SET unread = 1, baseline = CASE WHEN eligible = 1 THEN baseline ELSE 1 END
    WHERE (SELECT count(*) FROM domains) > 1 AND EXISTS (SELECT 1 FROM directory_groups);
DELETE FROM meta WHERE key = 'pass'
    AND (SELECT count(*) FROM domains) > 1 AND EXISTS (SELECT 1 FROM directory_groups);
