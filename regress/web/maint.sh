#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Backup and restore, import and upgrade by the web pages, over maintd(8): every
# form, what must be refused, and that nothing changes by it (maint.py).  The
# slots of the upgrade are plain folders.

set -u
. "$TOP/regress/live/two.sh"
. "$TOP/regress/web/server.sh"
web_two active passive
gw A ipsecctl commit --pf "$W/A/pf.conf" -m 'as it began' || exit 1
web_up
web_python maint.py
