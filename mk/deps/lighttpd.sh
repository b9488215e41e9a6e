# SPDX-License-Identifier: ISC
#
# A program: the web server, static, with the few modules that its
# configuration names (etc/lighttpd.conf) and mbed TLS.
export CC CFLAGS="$CFLAGS -I$out/include"
mkdir tls
for a in crypto x509 tls; do ln -s "$out/lib/libmbedtls.a" tls/libmbed$a.a; done
./configure --host="$(uname -m)-linux-musl" --enable-static --disable-shared \
    --disable-dependency-tracking --with-mbedtls --without-openssl \
    --without-pcre2 --without-pcre --without-zlib --without-bzip2 \
    --without-brotli --without-zstd --without-lua LDFLAGS="-static -L$PWD/tls"
grep -q '^#define HAVE_LIBMBEDTLS' config.h
cd src
modules='access alias cgi expire mbedtls redirect setenv staticfile'
for m in $modules; do echo "PLUGIN_INIT(mod_$m)"; done >plugin-static.h
core='base64 buffer burl log http_header http_kv keyvalue chunk http_chunk
    fdevent fdevent_fdnode gw_backend stat_cache http_etag array algo_md5
    algo_sha1 algo_splaytree configfile-glue http-header-glue http_cgi http_date
    rand request sock_addr fdlog_maint fdlog sys-setjmp ck server response
    connections h2 reqpool plugin sock_addr_cache network network_write
    ls-hpack/lshpack algo_xxhash fdevent_impl http_range data_config configfile
    configparser'
objects=
for f in $core $(printf 'mod_%s ' $modules); do objects="$objects $f.o"; done
cat >each.mk <<END
lighttpd: $(echo $objects)
	$CC -static -o \$@ \$^ -L$out/lib -lmbedtls
	strip \$@
%.o: %.c
	$CC $CFLAGS -I. -I.. -Ils-hpack -DHAVE_CONFIG_H -DLIGHTTPD_STATIC \\
	    -D_GNU_SOURCE -DLIBRARY_DIR='"/"' -DSBIN_DIR='"/"' -c \$< -o \$@
END
make -f each.mk -j"$JOBS"
done_with lighttpd
