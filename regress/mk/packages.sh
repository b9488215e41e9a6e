#!/bin/sh
# SPDX-License-Identifier: ISC
#
# mk/setup.sh: a package that is there needs nothing, one that is missing is
# named to who is not root, and other kinds and other CPUs do not count.

. "$TOP/regress/cases.sh"
as_user() {
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	else
		"$@"
	fi >"$TMPDIR/log" 2>&1
}

chmod 755 "$TMPDIR"
cp "$TOP/mk/setup.sh" "$TMPDIR/"
cat >"$TMPDIR/packages" <<'END'
# comment
here	dpkg
gone	ravelin-no-such-package
gone	dpkg
cpu	ravelin-no-such-package	no-such-cpu
END
as_user "$TMPDIR/setup.sh" here
verdict $? 'a package that is installed'
as_user "$TMPDIR/setup.sh" cpu
verdict $? 'a package for another CPU'
! as_user "$TMPDIR/setup.sh" gone
verdict $? 'a missing package is an error'
grep -q 'apt-get install ravelin-no-such-package$' "$TMPDIR/log"
verdict $? 'the missing package is named, alone'
! as_user "$TMPDIR/setup.sh" here gone
verdict $? 'one of two kinds'

summary
