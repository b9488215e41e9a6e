-- SPDX-License-Identifier: ISC
--
-- A store of version 1 as it was left by a policyd of that time: two
-- revisions, the second with a sealed key (its machine key is in store.c).

PRAGMA application_id = 1383485489;
PRAGMA user_version = 1;
CREATE TABLE revision (
	number	INTEGER PRIMARY KEY CHECK (number > 0),
	author	TEXT NOT NULL,
	time	INTEGER NOT NULL,
	reason	TEXT NOT NULL,
	digest	BLOB NOT NULL CHECK (length(digest) = 32)
) STRICT;
CREATE TABLE text (
	revision INTEGER NOT NULL REFERENCES revision (number) ON DELETE CASCADE,
	ord	INTEGER NOT NULL,
	kind	TEXT NOT NULL CHECK (kind = 'main' OR kind = 'include' OR
		kind = 'macro'),
	name	TEXT NOT NULL,
	body	BLOB NOT NULL,
	PRIMARY KEY (revision, ord)
) STRICT, WITHOUT ROWID;
CREATE TABLE rule (
	revision INTEGER NOT NULL REFERENCES revision (number) ON DELETE CASCADE,
	ord	INTEGER NOT NULL,
	kind	TEXT NOT NULL CHECK (kind = 'set' OR kind = 'flow' OR
		kind = 'sa' OR kind = 'ikev2'),
	name	TEXT,
	reqid	INTEGER,
	body	TEXT NOT NULL,
	PRIMARY KEY (revision, ord)
) STRICT, WITHOUT ROWID;
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
INSERT INTO revision VALUES (1,
	'root',
	1795301353,
	'first',
	x'966b06733065b9bb446f0443ecb619f6088ce6e015f206b6fb08de95390195e0');
INSERT INTO revision VALUES (2,
	'root',
	1795301353,
	'second',
	x'c2f3c34bcc2646c5affe5d965fa3f678522853d95ed7c4a2ffe2c754f3bb109f');
INSERT INTO text VALUES (1,
	0,
	'main',
	'ipsec.conf',
	x'73657420706173736976650a666c6f77206573702066726f6d2031302e312e302e302f313620746f2031302e322e302e302f31362070656572203139322e302e322e320a');
INSERT INTO text VALUES (2,
	0,
	'main',
	'iked.conf',
	x'696b657632202270617269732220616374697665206573702066726f6d2031302e312e302e302f323420746f2031302e322e302e302f3234206c6f63616c203139322e302e322e312070656572203139322e302e322e322070736b207365616c6564202231220a');
INSERT INTO rule VALUES (1,
	0,
	'set',
	NULL,
	NULL,
	'set passive
');
INSERT INTO rule VALUES (1,
	1,
	'flow',
	NULL,
	NULL,
	'flow esp tunnel out from 10.1.0.0/16 to 10.2.0.0/16 peer 192.0.2.2 type require
');
INSERT INTO rule VALUES (1,
	2,
	'flow',
	NULL,
	NULL,
	'flow esp tunnel in from 10.2.0.0/16 to 10.1.0.0/16 peer 192.0.2.2 type require
');
INSERT INTO rule VALUES (2,
	0,
	'set',
	NULL,
	NULL,
	'');
INSERT INTO rule VALUES (2,
	1,
	'ikev2',
	'paris',
	1341812309,
	'ikev2 "paris" active esp tunnel \
	from 10.1.0.0/24 to 10.2.0.0/24 \
	local 192.0.2.1 peer 192.0.2.2 \
	ikesa enc aes-128-gcm enc aes-256-gcm enc chacha20-poly1305 prf hmac-sha2-256 prf hmac-sha2-384 prf hmac-sha2-512 group curve25519 group ecp256 group ecp384 group modp2048 group modp3072 group modp4096 \
	ikesa enc aes-128 enc aes-256 prf hmac-sha2-256 prf hmac-sha2-384 prf hmac-sha2-512 auth hmac-sha2-256 auth hmac-sha2-384 auth hmac-sha2-512 group curve25519 group ecp256 group ecp384 group modp2048 group modp3072 group modp4096 \
	childsa enc aes-128-gcm enc aes-256-gcm enc chacha20-poly1305 esn noesn \
	childsa enc aes-128 enc aes-256 auth hmac-sha2-256 auth hmac-sha2-384 auth hmac-sha2-512 esn noesn \
	ikelifetime 86400 lifetime 10800 psk sealed "1"
');
INSERT INTO secret VALUES (1,
	x'360bb41e91b0d1cd0ce6d65acb4e24d656939f981c82221c17de198473999e25',
	x'eafa199dccee976dd7f5effa',
	x'7eedb75645ef77d933f5fc3522b9738148fe8b0a5cad3697d58f8b9ffa190fba33794130fe1e9b45b8a290f5');
INSERT INTO secret_use VALUES (2,
	1);
