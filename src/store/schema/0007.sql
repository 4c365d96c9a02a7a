-- Keys in no order are few. A page of a reading changes the index of each nearly everywhere, and all of that is written.

-- 0: the anchor is the GUID in another form, and is looked up by that.
ALTER TABLE accounts ADD COLUMN own_anchor INTEGER NOT NULL DEFAULT 1;
DROP INDEX accounts_anchor;
CREATE INDEX accounts_anchor ON accounts (anchor) WHERE own_anchor = 1;

-- Only operators look for names: all are gone through, in the order of the persons.
DROP INDEX accounts_sam;
DROP INDEX accounts_upn;
DROP INDEX accounts_person;
CREATE INDEX accounts_person ON accounts (person, sam, upn);
