#!/bin/sh
# SPDX-License-Identifier: ISC
#
# mk/libs.sh: what LIBS= means once the libraries' own LIBS= are followed.

. "$TOP/regress/cases.sh"
check() {	# WANT NAME...
	want=$1; shift
	got=$("$TOP/mk/libs.sh" "$TMPDIR" "$@")
	[ "$got" = "$want" ]
	verdict $? "$*: \"$got\", should be \"$want\""
}
lib() {		# FOLDER ; its Makefile on standard input
	mkdir -p "$TMPDIR/$1"
	cat >"$TMPDIR/$1/Makefile"
}

lib lib/libone <<'END'
LIB=	one
END
lib lib/libtwo <<'END'
LIBS=	one third
END
lib lib/libthree <<'END'
LIBS=	two \
	fourth
END
lib lib/libloop <<'END'
LIBS=	loop one
END
lib sys <<'END'
LIBS=	three
END

check 'one' one
check 'two one third' two
check 'three two fourth one third' three
check 'loop one' loop
check 'one two third' one two one
check 'netkern three two fourth one third' netkern
check 'unknown' unknown

summary
