-- SPDX-License-Identifier: ISC
--
-- The store of revisions, version 1; schema2.sql goes on from here.  Rows are
-- only ever added; a revision is whole because it is one transaction.

-- What an operator committed: who, when, why.
CREATE TABLE revision (
	number	INTEGER PRIMARY KEY CHECK (number > 0),
	author	TEXT NOT NULL,			-- user name, or uid=N
	time	INTEGER NOT NULL,		-- seconds since 1970
	reason	TEXT NOT NULL,			-- may be empty
	digest	BLOB NOT NULL CHECK (length(digest) = 32) -- SHA-256 of its rules
) STRICT;

-- The texts as they were given, with each key replaced by `sealed "ID"`.
CREATE TABLE text (
	revision INTEGER NOT NULL REFERENCES revision (number) ON DELETE CASCADE,
	ord	INTEGER NOT NULL,
	kind	TEXT NOT NULL CHECK (kind = 'main' OR kind = 'include' OR
		kind = 'macro'),
	name	TEXT NOT NULL,			-- file name; of a macro, its name
	body	BLOB NOT NULL,
	PRIMARY KEY (revision, ord)
) STRICT, WITHOUT ROWID;

-- The parsed policy: each rule in normal form, keys as `sealed "ID"`.
CREATE TABLE rule (
	revision INTEGER NOT NULL REFERENCES revision (number) ON DELETE CASCADE,
	ord	INTEGER NOT NULL,
	kind	TEXT NOT NULL CHECK (kind = 'set' OR kind = 'flow' OR
		kind = 'sa' OR kind = 'ikev2'),	-- IN makes a table each time
	name	TEXT,				-- of ikev2 rules
	reqid	INTEGER,			-- of ikev2 rules
	body	TEXT NOT NULL,
	PRIMARY KEY (revision, ord)
) STRICT, WITHOUT ROWID;

-- Keys, sealed by ChaCha20-Poly1305 under the machine key; the id is the
-- associated data.  The fingerprint is a keyed hash: equal keys share a row.
CREATE TABLE secret (
	id	INTEGER PRIMARY KEY CHECK (id > 0),
	finger	BLOB NOT NULL UNIQUE CHECK (length(finger) = 32),
	nonce	BLOB NOT NULL CHECK (length(nonce) = 12),
	sealed	BLOB NOT NULL CHECK (length(sealed) BETWEEN 17 AND 272)
) STRICT;

CREATE TABLE secret_use (
	revision INTEGER NOT NULL REFERENCES revision (number) ON DELETE CASCADE,
	secret	INTEGER NOT NULL REFERENCES secret (id),
	PRIMARY KEY (revision, secret)
) STRICT, WITHOUT ROWID;
