# SPDX-License-Identifier: ISC
$CC $CFLAGS -DENABLE_LOCALES=0 -c cJSON.c -o cJSON.o
ar rcs libcjson.a cJSON.o
include_dir=cjson
done_with libcjson.a cJSON.h
