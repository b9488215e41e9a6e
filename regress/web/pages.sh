#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The web pages of one of two gateways: every page, every action, and what must
# be refused, by pages.py.
#
#	hostA ------- gwA ============= gwB ------- hostB
#	               |
#	         lighttpd, webadmin on 127.0.0.1

set -u
. "$TOP/regress/live/two.sh"
. "$TOP/regress/web/server.sh"
web_two active passive
web_commit
web_up
web_python pages.py
