#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The web pages of one of two gateways in a browser, with and without JavaScript
# (drive.mjs), pictures of every page in obj/screens, and what axe-core says of
# them (screens.mjs).

set -u
export NODE_FOLDER="$TOP/obj/deps/node"
[ -d "$NODE_FOLDER/node_modules/playwright-core" ] && command -v chromium >/dev/null &&
    command -v node >/dev/null || { echo 'no browser: mk/web.sh obj/deps'; exit 77; }
. "$TOP/regress/live/two.sh"
. "$TOP/regress/web/server.sh"
web_two active passive
web_commit
web_up
URL=https://127.0.0.1:$WEB_PORT

browser() {		# browser SCRIPT.mjs argument...: in the gateway's namespace
	HOME=$W ip netns exec "$NET-gwA" node "$@"
}

# Files for the forms: a policy of another day, one with an error, upgrades.
sealed() {		# an export without its last line, on standard input: with it
	cat >"$W/sealed"
	printf '### end %s\n' "$(sha256sum <"$W/sealed" | cut -d' ' -f1)" >>"$W/sealed"
	cat "$W/sealed"
}
upgrade_file() { "$BIN/upgrade" create -V "1.$1" -S "$1" -k "$W/key" -K "$W/vmlinuz" -I "$W/initrd" -o "$W/$2"; }
{ cat "$W/A/pf.conf"; echo 'pass on wan0 inet proto icmp label "imported"'; } >"$W/imported.conf"
gw A ipsecctl commit --pf "$W/imported.conf" >"$W/log" && gw A ipsecctl export >"$W/good.export" 2>"$W/log" &&
    gw A ipsecctl commit --pf "$W/A/pf.conf" -m 'as it began' >"$W/log" || exit 1
sed -e '/^### end/d' -e 's/label "imported"/lable "imported"/' "$W/good.export" | sealed >"$W/bad.export"
mkdir -p "$W/A/boot/a"; echo 1.100 >"$W/A/boot/a/version"
awk 'BEGIN { t = "# GRUB Environment Block\nslot=a\nboot=a\n"; printf "%s", t
    for (i = length(t); i < 1024; i++) printf "#" }' >"$W/A/boot/grubenv"
head -c 300000 /dev/urandom >"$W/vmlinuz"; head -c 900000 /dev/urandom >"$W/initrd"
"$BIN/upgrade" keygen -o "$W/key" && mv "$W/key.pub" "$W/A/upgrade.pub"
upgrade_file 101 good.upgrade; upgrade_file 99 old.upgrade
export FILES="$W"
code=0
for script in on off; do
	echo "--- JavaScript $script"
	browser drive.mjs $URL $WEB_USER "$WEB_PASSWORD" $script >"$W/drive.$script" 2>&1 || code=1
	cat "$W/drive.$script"
done
# Something to see: a tunnel that is down, one on demand, a table, traffic.
cat >>"$W/A/iked.conf" <<'END'
ikev2 "berlin" active esp from 10.1.0.0/24 to 10.3.0.0/24 local 192.0.2.1 peer 192.0.2.44 psk "another-key-of-decent-length"
ikev2 "oslo" passive esp from 10.1.0.0/24 to 10.9.0.0/24 local 192.0.2.1 peer 192.0.2.9 psk "another-key-of-decent-length"
END
echo 'table <office> persist { 10.1.0.0/24, 10.2.0.0/24, ! 10.2.0.66 }' >"$W/A/pf.new"
cat "$W/A/pf.conf" >>"$W/A/pf.new"
echo 'pass on lan0 inet proto tcp from <office> to any port 443' >>"$W/A/pf.new"
gw A ipsecctl commit --iked "$W/A/iked.conf" --pf "$W/A/pf.new" -m 'Berlin and Oslo' || code=1
ns hostA ping -q -c 400 -i 0.02 -s 1200 10.2.0.2 >/dev/null 2>&1 &
browser screens.mjs $URL "$TOP/obj/screens" $WEB_USER "$WEB_PASSWORD" >"$W/screens" 2>&1 || code=1
cat "$W/screens"
[ $code -eq 0 ] || { tail -n 5 "$W/A/web.log"; logs 5; }
passed=$(cat "$W"/drive.o* | grep -c '^ok')
failed=$(cat "$W"/drive.o* | grep -c '^FAILED')
pages=$(sed -n 's/^\([0-9]*\) pages, .*/\1/p' "$W/screens")
bad=$(sed -n 's/.* pages, \([0-9]*\) complaints/\1/p' "$W/screens")
echo "$((passed + ${pages:-0} - ${bad:-0})) passed, $((failed + ${bad:-1})) failed"
exit $code
