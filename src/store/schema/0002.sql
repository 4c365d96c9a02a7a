-- The second schema, as 0001.sql has the rules.

-- Following the tenant ---------------------------------------------------------------------------------------------

-- Whom this complete listing did not meet is read by itself before it is taken as gone.
ALTER TABLE tenant_feed ADD COLUMN doubted INTEGER NOT NULL DEFAULT 0;
CREATE INDEX users_generation ON users (generation, id) WHERE removed IS NULL;

-- When somebody awaited is looked up in the tenant by anchor; NULL: not looked up since it is awaited.
ALTER TABLE people ADD COLUMN look_up INTEGER;
CREATE INDEX people_look_up ON people (look_up, presence_since) WHERE presence = 'awaiting' AND awaited = 1;
