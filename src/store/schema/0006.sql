-- What is long over is removed; by these it is found.

CREATE INDEX accounts_gone ON accounts (gone) WHERE gone IS NOT NULL;
CREATE INDEX users_removed ON users (removed_at) WHERE removed_at IS NOT NULL;
CREATE INDEX intents_closed ON intents (closed) WHERE closed IS NOT NULL;
CREATE INDEX requests_done ON requests (done) WHERE done IS NOT NULL;
CREATE INDEX entitlements_intent ON entitlements (intent) WHERE intent IS NOT NULL;

-- The last complete reading of the domain that met the container.
ALTER TABLE containers ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
UPDATE containers SET generation = (SELECT generation FROM domains WHERE guid = domain);
