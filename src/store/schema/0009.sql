-- The rules of a judging are the same for everybody. So each person keeps which rules these were, and how those of them met the
-- person that meant it, or of which that was not known. All others did not mean the person.

CREATE TABLE rule_sets (
    id      INTEGER PRIMARY KEY,
    digests TEXT NOT NULL UNIQUE                -- of each rule by its id, in the order of the ids; JSON
) STRICT;
ALTER TABLE people ADD COLUMN rule_set INTEGER REFERENCES rule_sets (id);

CREATE TEMP TABLE versions (id INTEGER PRIMARY KEY, rule TEXT NOT NULL, digest TEXT NOT NULL, UNIQUE (rule, digest));
INSERT INTO versions (rule, digest) SELECT DISTINCT rule, digest FROM matches;
CREATE TEMP TABLE judged (person INTEGER PRIMARY KEY, versions TEXT NOT NULL);
INSERT INTO judged
    SELECT m.person, group_concat(v.id ORDER BY m.rule) FROM matches m JOIN versions v USING (rule, digest) GROUP BY m.person;
CREATE TEMP TABLE sets (versions TEXT PRIMARY KEY, digests TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO sets
    SELECT j.versions, (SELECT json_group_object(v.rule, v.digest ORDER BY v.rule)
                        FROM json_each('[' || j.versions || ']') e JOIN versions v ON v.id = e.value)
    FROM (SELECT DISTINCT versions FROM judged) j;
INSERT INTO rule_sets (digests) SELECT digests FROM sets;
UPDATE people SET rule_set = r.id
    FROM judged j JOIN sets s USING (versions) JOIN rule_sets r USING (digests) WHERE j.person = people.id;
DROP TABLE sets;
DROP TABLE judged;
DROP TABLE versions;

CREATE TABLE met (
    person    INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    rule      TEXT NOT NULL,
    eligible  INTEGER NOT NULL,
    baseline  INTEGER NOT NULL,
    unread    INTEGER NOT NULL,
    group_ids TEXT NOT NULL,
    PRIMARY KEY (person, rule)
) STRICT, WITHOUT ROWID;
INSERT INTO met
    SELECT person, rule, eligible, baseline, unread, group_ids FROM matches WHERE eligible OR baseline OR unread;
DROP TABLE matches;
ALTER TABLE met RENAME TO matches;
CREATE INDEX matches_baseline ON matches (rule, person) WHERE baseline = 1;
