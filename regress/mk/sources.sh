#!/bin/sh
# SPDX-License-Identifier: ISC
#
# mk/apt-sources.awk: of a machine's package sources, in both styles, only
# those of the running release become deb-src lines, options kept.

. "$TOP/regress/cases.sh"
check() {	# NAME FILE ; wanted lines on standard input
	cat >"$TMPDIR/want"
	awk -v suite=bookworm -f "$TOP/mk/apt-sources.awk" "$2" >"$TMPDIR/got"
	diff -u "$TMPDIR/want" "$TMPDIR/got"
	verdict $? "$1"
}

cat >"$TMPDIR/a.sources" <<'END'
# a comment
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/key.gpg

Types: deb deb-src
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://disabled.example/
Suites: bookworm
Components: main

Types: deb
URIs: http://other.example/
Suites: vendor-bookworm
Components: main

Types: deb
URIs: http://nonfree.example/
Suites: bookworm
Components: non-free
END
check 'stanzas' "$TMPDIR/a.sources" <<'END'
deb-src [signed-by=/usr/share/keyrings/key.gpg] http://mirror.example/debian bookworm main
deb-src [signed-by=/usr/share/keyrings/key.gpg] http://mirror.example/debian bookworm-updates main
deb-src http://mirror.example/security bookworm-security main
END

cat >"$TMPDIR/a.list" <<'END'
# deb http://commented.example/debian bookworm main
deb http://mirror.example/debian bookworm main contrib
deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm-security main
deb http://other.example/debian vendor main
deb http://nonfree.example/debian bookworm contrib
END
check 'one-line style' "$TMPDIR/a.list" <<'END'
deb-src http://mirror.example/debian bookworm main
deb-src [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm-security main
END

summary
