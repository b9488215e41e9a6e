-- SPDX-License-Identifier: ISC
--
-- From version 2 of the store to version 3: a revision holds assertions, too.

CREATE TABLE text3 (
	revision INTEGER NOT NULL REFERENCES revision (number) ON DELETE CASCADE,
	ord	INTEGER NOT NULL,
	kind	TEXT NOT NULL CHECK (kind = 'main' OR kind = 'include' OR
		kind = 'macro'),
	name	TEXT NOT NULL,			-- file name; of a macro, its name
	body	BLOB NOT NULL,
	part	TEXT NOT NULL CHECK (part = 'ipsec' OR part = 'iked' OR
		part = 'pf' OR part = 'network' OR part = 'assert'),
	PRIMARY KEY (revision, ord)
) STRICT, WITHOUT ROWID;
INSERT INTO text3 (revision, ord, kind, name, body, part)
	SELECT revision, ord, kind, name, body, part FROM text;
DROP TABLE text;
ALTER TABLE text3 RENAME TO text;
