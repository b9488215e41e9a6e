# SPDX-License-Identifier: ISC
#
# A netkern of the script's own, whose sockets are in $RAVELIN_RUN.  Source it.

. "$TOP/regress/cases.sh"
RAVELIN_RUN=$TMPDIR/run
export RAVELIN_RUN
PATH=$BIN:$PATH
pid=

netkern_run() {		# netkern_run option...: until it is ready; $pid
	nice netkern -d -u root "$@" >"$TMPDIR/log" 2>&1 &
	pid=$!
	for _i in $(seq 100); do
		grep -q '^netkern: ready' "$TMPDIR/log" && return
		sleep 0.1
	done
}
