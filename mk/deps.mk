# SPDX-License-Identifier: ISC
#
# Third-party libraries for the release: Debian source packages, built with
# musl-gcc into obj/deps/release.
#
#   make -f mk/deps.mk [NAME...]    all, or some of: bearssl sqlite3 cunit
#                                   seccomp event cjson sodium ipsecmb mbedtls,
#                                   and of the programs: lighttpd dropbear
#                                   openntpd busybox
#
# The sources come through a private apt configuration made of the
# machine's own sources; apt checks the signatures, nothing in /etc changes.
# obj/deps/versions records what was used.  A library is built once, and
# again when its recipe mk/deps/NAME.sh changes.  The checked build takes
# Debian's own packages of the same source versions (mk/packages).

include $(dir $(lastword $(MAKEFILE_LIST)))config.mk

# name, source package, least version
DEP_bearssl:=	bearssl		0.6
DEP_sqlite3:=	sqlite3		3.40
DEP_cunit:=	cunit		2.1-3
DEP_seccomp:=	libseccomp	2.5.4
DEP_event:=	libevent	2.1.12
DEP_cjson:=	cjson		1.7.15
DEP_sodium:=	libsodium	1.0.18
DEP_ipsecmb:=	intel-ipsec-mb	1.3
DEP_mbedtls:=	mbedtls		2.28
DEP_lighttpd:=	lighttpd	1.4.69
DEP_dropbear:=	dropbear	2022.83
DEP_openntpd:=	openntpd	1:6.2p3
DEP_busybox:=	busybox		1:1.35

NAMES:=		bearssl sqlite3 cunit seccomp event cjson sodium mbedtls \
		$(if $(filter x86_64,$(MACHINE)),ipsecmb)
PROGRAMS:=	lighttpd dropbear openntpd busybox
A:=		$(NAMES:%=$(DEPS)/release/lib/lib%.a)
P:=		$(PROGRAMS:%=$(DEPS)/release/bin/%)

all: $(A) $(P)
	@:

$(NAMES): %: $(DEPS)/release/lib/lib%.a
$(PROGRAMS): %: $(DEPS)/release/bin/%
.PHONY: $(NAMES) $(PROGRAMS)

ALL:=		$(NAMES) $(PROGRAMS)
count=		$(words $(ALL))
index=		$(words $(shell echo '$(ALL)' | sed 's/\b$1\b.*/$1/'))

$(A): $(DEPS)/release/lib/lib%.a: $(TOP)/mk/deps/%.sh | \
    $(DEPS)/sources $(DEPS)/tools.release $(DEPS)/kernel
	+@flock $(DEPS)/.lock-$* $(TOP)/mk/deps/build.sh $(DEPS) $* \
	    '$(call index,$*)/$(count)' $(DEP_$*)

$(P): $(DEPS)/release/bin/%: $(TOP)/mk/deps/%.sh | \
    $(DEPS)/sources $(DEPS)/tools.release $(DEPS)/kernel
	+@flock $(DEPS)/.lock-$* $(TOP)/mk/deps/build.sh $(DEPS) $* \
	    '$(call index,$*)/$(count)' $(DEP_$*)
$(DEPS)/release/bin/lighttpd: $(DEPS)/release/lib/libmbedtls.a

$(DEPS)/sources: $(TOP)/mk/deps/fetch.sh $(TOP)/mk/deps.mk | $(DEPS)/tools.release
	@mkdir -p $(DEPS)
	@flock $(DEPS)/.lock-fetch $(TOP)/mk/deps/fetch.sh $(DEPS) \
	    $(foreach n,$(ALL),$(firstword $(DEP_$n)))
	@touch $@

# Kernel headers for musl, behind its own: -idirafter this folder.
$(DEPS)/kernel: $(DEPS)/tools.release
	@mkdir -p $(DEPS)/release/kernel/sys
	@m=$$(gcc -print-multiarch); cd $(DEPS)/release/kernel && \
	    ln -sfn /usr/include/linux linux && \
	    ln -sfn /usr/include/asm-generic asm-generic && \
	    ln -sfn /usr/include/$$m/asm asm && \
	    ln -sfn /usr/include/$$m/sys/queue.h sys/queue.h
	@touch $@

# Nothing fails for want of a browser: tests that need one are skipped.
$(DEPS)/tools.web: $(TOP)/mk/packages $(TOP)/mk/web.sh
	@mkdir -p $(DEPS)
	@if flock $(DEPS)/.lock-setup $(TOP)/mk/web.sh $(DEPS); then touch $@; else \
	    echo 'no browser here: regress/web browse will be skipped'; fi

$(DEPS)/tools.%: $(TOP)/mk/packages
	@mkdir -p $(DEPS)
	@flock $(DEPS)/.lock-setup $(TOP)/mk/setup.sh $*
	@touch $@
