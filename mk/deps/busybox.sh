# SPDX-License-Identifier: ISC
#
# A program: the shell of the appliance and the small commands beside it.  It
# has none that is called like one of the router's, and its shell finds commands
# by PATH alone, so that nothing hides those.
want='ASH SH_IS_ASH BUSYBOX AWK BASE64 BASENAME BLOCKDEV CAT CHMOD CHOWN CLEAR CMP CP
    CUT DATE DD DF DIFF DIRNAME DMESG DU ECHO ENV EXPR FALSE FIND FREE GREP
    GUNZIP GZIP ZCAT HEAD HEXDUMP HOSTNAME ID KILL KILLALL LESS LN LOGGER LS
    LSMOD MD5SUM MKDIR MKNOD MKTEMP MORE MOUNT MV NC OD PIDOF PING PRINTF PS
    PWD READLINK REALPATH RM RMDIR SED SEQ SETSID SHA256SUM SHA512SUM SLEEP
    SORT STAT STRINGS STTY SYNC TAIL TAR TEE TEST TIME TIMEOUT TOP TOUCH TR
    TRACEROUTE TRUE TTY UMOUNT UNAME UNIQ UPTIME USLEEP VI WATCH WC WGET WHICH
    WHOAMI XARGS XXD XZCAT'
export KCONFIG_NOTIMESTAMP=1
make defconfig
for c in $(grep -rhoE '^//applet: *IF_[A-Z0-9_]+' --include='*.c' . |
    sed 's/.*IF_//' | sort -u) FEATURE_WGET_HTTPS FEATURE_UTMP FEATURE_WTMP; do
	case " $(echo $want) " in
	*" $c "*) ;;
	*) sed -i "s/^CONFIG_$c=y/# CONFIG_$c is not set/" .config ;;
	esac
done
yes '' | make oldconfig >/dev/null
grep -q '^# CONFIG_FEATURE_PREFER_APPLETS is not set' .config
grep -q '^# CONFIG_FEATURE_SH_STANDALONE is not set' .config
! grep -qE '^CONFIG_(IFCONFIG|ROUTE|NETSTAT|BB_SYSCTL|INIT)=y' .config
make -j"$JOBS" CC="$CC" CFLAGS="$CFLAGS" LDFLAGS=-static SKIP_STRIP=y busybox
strip busybox
done_with busybox
