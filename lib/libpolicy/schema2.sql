-- SPDX-License-Identifier: ISC
--
-- From version 1 of the store to version 2: a revision holds the texts of
-- pf.conf and of interfaces and routes too, and may wait for its confirm.

ALTER TABLE text ADD COLUMN part TEXT NOT NULL DEFAULT 'ipsec'
	CHECK (part = 'ipsec' OR part = 'iked' OR part = 'pf' OR
		part = 'network');
ALTER TABLE rule ADD COLUMN part TEXT NOT NULL DEFAULT 'ipsec'
	CHECK (part = 'ipsec' OR part = 'iked');

-- Revisions that came from a file called iked.conf alone.
UPDATE text SET part = 'iked' WHERE revision NOT IN (SELECT revision FROM text
	WHERE kind = 'main' AND name NOT LIKE '%/iked%' AND name NOT LIKE 'iked%');
UPDATE rule SET part = 'iked' WHERE EXISTS (SELECT 1 FROM text
	WHERE text.revision = rule.revision AND text.part = 'iked');

-- The revision that goes back by itself unless it is confirmed in time.
CREATE TABLE pending (
	one	INTEGER PRIMARY KEY CHECK (one = 1),
	revision INTEGER NOT NULL REFERENCES revision (number),
	back	INTEGER NOT NULL CHECK (back >= 0), -- to which; 0: to no policy
	span	INTEGER NOT NULL CHECK (span > 0), -- milliseconds in all
	time	INTEGER NOT NULL,		-- its end, ms since 1970
	boot	TEXT NOT NULL,			-- the system's boot id
	uptime	INTEGER NOT NULL		-- its end, ms since that boot
) STRICT;
