# SPDX-License-Identifier: ISC
#
# Flags, folders and names that every other fragment shares.
#
#   make            the release: musl, true static PIE, hardened   obj/release
#   make CHECK=1    the checked build: clang, glibc, ASan + UBSan  obj/check
#   make VECTOR=no  without Intel's ipsec-mb (as on any CPU but x86-64)
#   make V=1        shows the commands
#
# Warnings, hardening and sanitizers are set here and nowhere else.

ifndef CONFIG_MK
CONFIG_MK:=	1

MAKEFLAGS+=	--no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:

TOP:=		$(abspath $(dir $(lastword $(MAKEFILE_LIST)))/..)
REL:=		$(patsubst /%,%,$(patsubst $(TOP)%,%,$(CURDIR)))
MACHINE:=	$(shell uname -m)
VECTOR?=	$(if $(filter x86_64,$(MACHINE)),yes,no)

ifneq ($(CHECK),)
MODE:=		check
else
MODE:=		release
endif
VARIANT:=	$(if $(filter yes,$(VECTOR)),,-portable)
OBJ:=		$(TOP)/obj/$(MODE)$(VARIANT)
DEPS:=		$(TOP)/obj/deps
O:=		$(OBJ)/$(REL)
BIN:=		$(OBJ)/bin
LIB_OUT:=	$(OBJ)/lib

PREFIX?=	/usr/local
BINDIR?=	$(PREFIX)/sbin
MANDIR?=	$(PREFIX)/share/man
SYSCONFDIR?=	/etc

# Short lines unless V=1: the kind of step, and what it makes.
Q:=		$(if $(V),,@)
say=		@$(if $(V),:,printf '%-5s %s\n' '$1' '$2')

WARN:=		-Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
		-Wmissing-prototypes -Wcast-qual -Wvla
CPPFLAGS+=	-iquote . -iquote $(O) -iquote $(TOP)/sys -iquote $(TOP)/lib \
		-D_GNU_SOURCE \
		$(if $(filter yes,$(VECTOR)),-DHAVE_IPSECMB)
CSTD:=		-std=gnu11

ifneq ($(CHECK),)
# Every object is instrumented for coverage too, so that the fuzz harnesses
# link the same libraries as the tests.  _FORTIFY_SOURCE hides calls from
# the address sanitizer, which checks them more closely.
CC:=		clang
AR:=		ar
SANITIZE:=	-fsanitize=address,undefined -fno-sanitize-recover=all
CFLAGS:=	$(CSTD) -O1 -g -fno-omit-frame-pointer $(SANITIZE) \
		-fsanitize=fuzzer-no-link $(WARN)
DEP_CPPFLAGS:=
LDFLAGS:=	$(SANITIZE) -fsanitize=fuzzer-no-link
else
# musl has no fortified functions, hence no -D_FORTIFY_SOURCE.  gcc's
# -static-pie asks for an interpreter under musl-gcc; the start files of a
# true static PIE are therefore named by hand.
CC:=		musl-gcc
AR:=		ar
CFLAGS:=	$(CSTD) -O2 -fPIE -fstack-protector-strong \
		-fstack-clash-protection -ffunction-sections -fdata-sections \
		-fno-strict-aliasing -ffile-prefix-map=$(TOP)/= $(WARN)
DEP_CPPFLAGS=	-isystem $(DEPS)/release/include -idirafter $(DEPS)/release/kernel
MUSLLIB=	$(patsubst %/,%,$(dir $(shell \
		sed -n 's/.*-specs "\([^"]*\)".*/\1/p' $$(command -v musl-gcc))))
GCCLIB=		$(dir $(shell gcc -print-file-name=crtbeginS.o))
LDFLAGS=	-nostartfiles -static -Wl,-pie -Wl,--no-dynamic-linker \
		-Wl,-z,relro -Wl,-z,now -Wl,-z,text -Wl,-z,noexecstack \
		-Wl,--gc-sections \
		$(MUSLLIB)/rcrt1.o $(MUSLLIB)/crti.o $(GCCLIB)crtbeginS.o
LDEND=		$(GCCLIB)crtendS.o $(MUSLLIB)/crtn.o
endif

# The packages that this build needs are there (mk/packages, mk/setup.sh).
TOOLS:=		$(DEPS)/$(if $(CHECK),tools.check,kernel)

FORCE:
.PHONY: FORCE all
.DEFAULT_GOAL:=	all
all:

endif
