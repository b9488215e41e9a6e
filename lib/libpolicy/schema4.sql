-- SPDX-License-Identifier: ISC
--
-- From version 3 of the store to version 4: revisions share the rules that
-- they have in common.  chunk.c fills these tables from `rule` and drops it.

-- A run of rules in normal form, keys as `sealed "ID"`.  Never changed: a
-- commit adds the chunks that no revision has had.
CREATE TABLE chunk (
	id	INTEGER PRIMARY KEY CHECK (id > 0),
	digest	BLOB NOT NULL UNIQUE CHECK (length(digest) = 32), -- SHA-256
	part	TEXT NOT NULL CHECK (part = 'ipsec' OR part = 'iked'),
	kind	TEXT NOT NULL CHECK (kind = 'set' OR kind = 'flow' OR
		kind = 'sa' OR kind = 'ikev2'),
	rules	INTEGER NOT NULL CHECK (rules > 0),
	bytes	INTEGER NOT NULL,		-- of body
	reqids	BLOB NOT NULL,			-- of ikev2 rules, 4 bytes each
	body	TEXT NOT NULL,
	CHECK (length(reqids) = CASE kind WHEN 'ikev2' THEN 4 * rules ELSE 0 END)
) STRICT;

-- The rules of a revision: its chunks in their order.
CREATE TABLE revision_chunk (
	revision INTEGER NOT NULL REFERENCES revision (number) ON DELETE CASCADE,
	ord	INTEGER NOT NULL,
	chunk	INTEGER NOT NULL REFERENCES chunk (id),
	PRIMARY KEY (revision, ord)
) STRICT, WITHOUT ROWID;

-- The keys that the rules of a chunk name.
CREATE TABLE chunk_secret (
	chunk	INTEGER NOT NULL REFERENCES chunk (id),
	secret	INTEGER NOT NULL REFERENCES secret (id),
	PRIMARY KEY (chunk, secret)
) STRICT, WITHOUT ROWID;

DROP TABLE secret_use;

-- Texts are large: a table with rowids keeps them out of the way of searches,
-- which read a whole row of a table without.
CREATE TABLE text4 (
	revision INTEGER NOT NULL REFERENCES revision (number) ON DELETE CASCADE,
	ord	INTEGER NOT NULL,
	part	TEXT NOT NULL CHECK (part = 'ipsec' OR part = 'iked' OR
		part = 'pf' OR part = 'network' OR part = 'assert'),
	kind	TEXT NOT NULL CHECK (kind = 'main' OR kind = 'include' OR
		kind = 'macro'),
	name	TEXT NOT NULL,			-- file name; of a macro, its name
	body	BLOB NOT NULL,
	UNIQUE (revision, ord)
) STRICT;
INSERT INTO text4 (revision, ord, part, kind, name, body)
	SELECT revision, ord, part, kind, name, body FROM text ORDER BY 1, 2;
DROP TABLE text;
ALTER TABLE text4 RENAME TO text;
