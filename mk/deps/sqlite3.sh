# SPDX-License-Identifier: ISC
#
# The source package holds no amalgamation: its own makefile writes it.
CC=gcc ./configure --disable-tcl --disable-shared --disable-readline
make CC=gcc sqlite3.c sqlite3.h
$CC $CFLAGS -DSQLITE_THREADSAFE=1 -DSQLITE_OMIT_LOAD_EXTENSION \
    -DSQLITE_OMIT_DEPRECATED -DSQLITE_OMIT_SHARED_CACHE -DSQLITE_DQS=0 \
    -DSQLITE_DEFAULT_WAL_SYNCHRONOUS=1 -DSQLITE_DEFAULT_FOREIGN_KEYS=1 \
    -c sqlite3.c -o sqlite3.o
ar rcs libsqlite3.a sqlite3.o
done_with libsqlite3.a sqlite3.h
