# SPDX-License-Identifier: ISC
#
# A program: the SSH server, a static PIE, with public keys as the only way in
# and without forwarding, file transfer or anything made of SHA-1.
cat >localoptions.h <<END
#define DROPBEAR_SMALL_CODE 0
#define DROPBEAR_SVR_PASSWORD_AUTH 0
#define DROPBEAR_X11FWD 0
#define DROPBEAR_SVR_LOCALTCPFWD 0
#define DROPBEAR_SVR_REMOTETCPFWD 0
#define DROPBEAR_SVR_AGENTFWD 0
#define DROPBEAR_SFTPSERVER 0
#define DROPBEAR_SHA1_HMAC 0
#define DROPBEAR_RSA_SHA1 0
#define DROPBEAR_DH_GROUP14_SHA1 0
#define DO_MOTD 0
#define MAX_AUTH_TRIES 6
#define MAX_UNAUTH_CLIENTS 12
#define DEFAULT_KEEPALIVE 60
#define DEFAULT_PATH "/sbin:/bin"
END
./configure --host="$(uname -m)-linux-musl" CC="$CC" CFLAGS="$CFLAGS" \
    --enable-bundled-libtom --disable-harden --disable-zlib --disable-pam \
    --disable-syslog --disable-lastlog --disable-utmp --disable-utmpx \
    --disable-wtmp --disable-wtmpx --disable-loginfunc --disable-pututline \
    --disable-pututxline
make -j"$JOBS" PROGRAMS=dropbear LDFLAGS="$PIE" LIBS="$PIE_END"
strip dropbear
done_with dropbear
