#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Upgrade files and slots that are plain folders: what is refused, and that it
# changes nothing; what is installed, and what the loader is told.

cd "$TMPDIR" || exit 1
PATH=$BIN:$PATH
. "$TOP/regress/cases.sh"
case_failed() { cat out; }
ok() {		# NAME COMMAND...
	_n=$1; shift
	"$@" >out 2>&1
	verdict $? "$_n"
}
state() { (cd boot && find . -type f | sort | xargs sha256sum); }
refused() {	# NAME REASON FILE [OPTION...]: by check and by install, and nothing changes
	_n=$1 _r=$2 _f=$3; shift 3
	state >before
	upgrade check -p key.pub -R release "$@" "$_f" >out 2>&1
	[ $? -eq 1 ] && grep -q "$_r" out
	verdict $? "$_n: check"
	upgrade install -b boot -s a -p key.pub -R release "$@" "$_f" >out 2>&1
	[ $? -eq 1 ] && grep -q "$_r" out && state | cmp -s - before
	verdict $? "$_n: install"
}
grubenv() {	# SLOT BOOT
	awk -v s="$1" -v b="$2" 'BEGIN {
	    t = "# GRUB Environment Block\nargs=quiet\nslot=" s "\nboot=" b "\n"
	    printf "%s", t; for (i = length(t); i < 1024; i++) printf "#" }'
}
is() {		# KEY VALUE: of grubenv
	tr '#' '\n' <boot/grubenv | grep -qx "$1=$2" && [ "$(wc -c <boot/grubenv)" -eq 1024 ]
}
poke() {	# FILE OFFSET BYTE
	cp new.upgrade "$1"
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

mkdir -p boot/a
echo one >boot/a/vmlinuz; echo two >boot/a/initrd; echo 1.0 >boot/a/version
grubenv a a >boot/grubenv
echo serial=100 >release
head -c 300000 /dev/urandom >vmlinuz
head -c 500001 /dev/urandom >initrd

ok 'a key' upgrade keygen -o key
ok 'that is ours alone' test "$(stat -c %a key)" = 600
ok 'is not made twice' sh -c '! upgrade keygen -o key'
ok 'another key' upgrade keygen -o other
create() {	# KEY SERIAL OUT [MACHINE]
	upgrade create -V "1.$2-x" -S "$2" -k "$1" -K vmlinuz -I initrd ${4:+-m} $4 -o "$3"
}
ok 'a version' create key 101 new.upgrade
ok 'is right' upgrade check -p key.pub -R release new.upgrade
size=$(stat -c %s new.upgrade)
ok 'has its length' test "$size" -eq $((512 + 300000 + 500001))

for n in 0 15 100 511 512 1000 300512 $((size - 1)); do
	head -c $n new.upgrade >bad
	refused "truncated to $n bytes" truncated bad
done
{ cat new.upgrade; echo; } >bad
refused 'a byte too much' 'longer than signed' bad
poke bad 512 X; refused 'kernel altered' 'kernel in the file has been altered' bad
poke bad 300511 '\000'; poke bad 300511 '\001'
refused 'last byte of the kernel' 'altered' bad
poke bad $((size - 1)) '\000'; cmp -s bad new.upgrade && poke bad $((size - 1)) '\001'
refused 'last byte of the root' 'root in the file has been altered' bad
for at in 24 32 40 96 112 120 128 176 208 300; do
	poke bad $at '\377'
	refused "header altered at $at" 'signature is wrong' bad
done
poke bad 500 '\377'; cmp -s bad new.upgrade && poke bad 500 '\376'
refused 'signature altered' 'signature is wrong' bad
poke bad 0 r; refused 'another kind of file' 'no upgrade file' bad
poke bad 17 '\002'; refused 'a newer format' 'format is newer' bad
cp new.upgrade bad; dd if=/dev/zero of=bad bs=1 seek=440 count=72 conv=notrunc 2>/dev/null
refused 'unsigned' 'not signed' bad
create other 101 bad >/dev/null; refused 'of a stranger' 'key that is not ours' bad
create key 99 old.upgrade >/dev/null; refused 'older' 'older than what runs' old.upgrade
create key 101 bad sparc; refused 'of another machine' 'another kind of machine' bad
refused 'no file' 'No such file' nothing

ok 'older, if it is wanted' upgrade check -p key.pub -R release --allow-older old.upgrade
ok 'install' upgrade install -b boot -s a -p key.pub -R release new.upgrade
ok 'kernel' cmp vmlinuz boot/b/vmlinuz
ok 'root' cmp initrd boot/b/initrd
ok 'version' grep -qx '1.101-x' boot/b/version
ok 'the loader tries it' is boot b
ok 'the good one stays' is slot a
ok 'other settings stay' is args quiet
ok 'its files stay' test "$(cat boot/a/vmlinuz boot/a/initrd boot/a/version)" = "one
two
1.0"
ok 'nothing is left over' test -z "$(find boot -name '*.new')"
ok 'status' sh -c 'upgrade status -b boot -s a | tee out | grep -qx "slot b: 1.101-x, next" &&
    grep -qx "slot a: 1.0, runs, good" out'
ok 'once more' upgrade install -b boot -s a -p key.pub -R release new.upgrade

state >before
flock boot upgrade install -b boot -s a -p key.pub -R release new.upgrade >out 2>&1
[ $? -eq 1 ] && grep -q 'another process' out && state | cmp -s - before
verdict $? 'not two at once'
# b waits to be tried, and is being written anew when the disk fails
is boot b && rm boot/b/initrd && mkdir -p boot/b/initrd/x
upgrade install -b boot -s a -p key.pub -R release new.upgrade >out 2>&1
[ $? -eq 1 ] && is boot a && is slot a
verdict $? 'a slot of old and new parts is not tried'
rm -r boot/b/initrd
ok 'but once it is whole' upgrade install -b boot -s a -p key.pub -R release new.upgrade
mkdir small
if unshare -m mount -t tmpfs none small 2>/dev/null; then
	ok 'what a power cut has left makes room' unshare -m sh -ec '
	    mount -t tmpfs -o size=1700k none small; cp -r boot/. small
	    head -c 850000 /dev/zero >small/b/initrd.new
	    upgrade install -b small -s a -p key.pub -R release new.upgrade
	    cmp initrd small/b/initrd; test -z "$(find small -name "*.new")"'
else
	echo 'SKIPPED what a power cut has left makes room: needs root'
fi

state >before
upgrade install -b boot -s b -p key.pub -R release new.upgrade >out 2>&1
[ $? -eq 1 ] && grep -q 'only being tried' out && state | cmp -s - before
verdict $? 'not while a slot is tried'
grubenv b b >boot/grubenv
ok 'then into the other one' upgrade install -b boot -s b -p key.pub -R release new.upgrade
ok 'which is a' cmp vmlinuz boot/a/vmlinuz
ok 'the loader tries a' is boot a

grubenv a a >boot/grubenv
echo garbage >boot/grubenv
state >before
upgrade install -b boot -s a -p key.pub -R release new.upgrade >out 2>&1
[ $? -eq 1 ] && grep -q grubenv out && state | cmp -s - before
verdict $? 'a loader without state'
: >key.pub
upgrade check -p key.pub -R release new.upgrade >out 2>&1
[ $? -eq 1 ] && grep -q 'holds no key' out
verdict $? 'no key'

summary
