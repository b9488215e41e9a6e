#!/bin/sh
# SPDX-License-Identifier: ISC
#
# web.sh DEPS : what drives the web pages in a browser: Debian's Chromium, and
# from the npm registry playwright-core (Apache licence) and axe-core (MPL), in
# DEPS/node.  Without them those tests are skipped and say so.

set -eu
deps=$1
here=$(dirname "$0")
"$here/setup.sh" web
[ -d "$deps/node/node_modules/axe-core" ] && exit 0
mkdir -p "$deps/node"
cd "$deps/node"
printf '%-5s %s\n' FETCH 'playwright-core axe-core'
npm install --no-audit --no-fund --no-save --loglevel=error \
    playwright-core@1.50 axe-core@4 >npm.log 2>&1 || {
	tail -n 3 npm.log >&2
	exit 1
}
