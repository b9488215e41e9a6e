#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The release programs are what the README promises: static, position
# independent, hardened, free of the builder's paths, and small; and each
# tells how to use it.

. "$TOP/regress/cases.sh"

limit_netkern=$((16 * 1024 * 1024))
limit_others=$((10 * 1024 * 1024))
others=0
for program in $(sed -n 's/^PROG=[ 	]*//p' "$TOP"/sys/Makefile "$TOP"/sbin/*/Makefile); do
	file=$BIN/$program
	test -x "$file"
	verdict $? "$program: not built"
	[ -x "$file" ] || continue
	headers=$(readelf -lW "$file")
	dynamic=$(readelf -dW "$file" 2>/dev/null)

	! echo "$headers" | grep -q INTERP
	verdict $? "$program: asks for an interpreter"
	! echo "$dynamic" | grep -q NEEDED
	verdict $? "$program: needs shared libraries"
	readelf -hW "$file" | grep -q 'Type: *DYN'
	verdict $? "$program: is not position independent"
	echo "$headers" | grep -q GNU_RELRO && echo "$dynamic" | grep -q 'FLAGS_1.*NOW'
	verdict $? "$program: relocations stay writable"
	echo "$headers" | grep -q 'GNU_STACK.* RW  *0x'
	verdict $? "$program: the stack is executable"
	! echo "$dynamic" | grep -q TEXTREL
	verdict $? "$program: has text relocations"
	readelf -sW "$file" | grep -q __stack_chk_fail
	verdict $? "$program: has no stack protector"
	! strings -a "$file" | grep -F "$TOP/"
	verdict $? "$program: names the folder that it was built in"

	usage=$(timeout 5 "$file" --no-such-option 2>&1 </dev/null)
	[ $? -le 2 ] && ! timeout 5 "$file" --no-such-option >/dev/null 2>&1 </dev/null &&
	    echo "$usage" | grep -q '^usage: '
	verdict $? "$program: an unknown option is not answered with the usage"
	! echo "$usage" | sed "s|^$BIN/||" | grep '.\{81\}'
	verdict $? "$program: the usage is wider than 80 columns"

	strip -o "$TMPDIR/stripped" "$file"
	size=$(stat -c %s "$TMPDIR/stripped")
	echo "$program: $size bytes"
	if [ "$program" = netkern ]; then
		[ "$size" -le "$limit_netkern" ]
		verdict $? "netkern: $size bytes, more than $limit_netkern"
	else
		others=$((others + size))
	fi
done
echo "all but netkern: $others bytes"
[ "$others" -le "$limit_others" ]
verdict $? "all but netkern: $others bytes, more than $limit_others"

summary
