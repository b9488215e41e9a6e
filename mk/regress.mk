# SPDX-License-Identifier: ISC
#
# A folder of tests.
#
#   TESTS=    CUnit programs (NAME.c, see regress/test.h), built and run in
#             both builds; SRCS_NAME= further sources of one, SRCS= of all
#   SCRIPTS=  NAME.sh or NAME.py, run once with each build's programs
#   ONCE=     the same, run with the release only
#   LIVE=     scripts that make network namespaces or machines: release only,
#             one at a time; other tests run beside them, niced
#   FUZZ=     libFuzzer harnesses (NAME.c), checked build; run for a few
#             seconds by the tests, for FUZZ_SECONDS each by `make fuzz`;
#             seeds lie in corpus/NAME/, words in NAME.dict
#   BENCH=    programs or scripts that `make bench` runs, release only
#   TOOLS_C=  programs that the scripts here use (NAME.c), not tests
#   LIBS=     as in prog.mk; cunit comes by itself
#   TIMEOUT=  seconds for one test here (120)
#
# A script runs in its own folder with TOP, OBJ, BIN (the programs), O (this
# folder's outputs), MODE (release or check) and an empty TMPDIR of its own.
# Exit 0 is passed, 77 skipped (the last line says why), all else failed.  If
# it prints `N passed, N failed` or `N passed, N failed, N skipped` as its
# last line, those cases are counted instead of one.
#
#   make -C regress/DIR             builds this folder, one build
#   make -C regress/DIR run T=NAME  builds and runs, one build (CHECK=1)
#   make -C regress/DIR test        builds and runs, both builds

LIBS+=		$(if $(TESTS),cunit)
include $(dir $(lastword $(MAKEFILE_LIST)))build.mk

CPPFLAGS+=	-iquote $(TOP)/regress
TIMEOUT?=	120
FUZZ_SECONDS?=	60
PROGS:=		$(TESTS) $(TOOLS_C) $(foreach b,$(BENCH),$(if $(wildcard $b.c),$b))
COMMON:=	$(call obj_of,$(SRCS))
objs=		$(call obj_of,$1.c $(SRCS_$1)) $(COMMON)
ALL_OBJS:=	$(sort $(foreach p,$(PROGS) $(if $(CHECK),$(FUZZ)),$(call objs,$p)))

all: $(PROGS:%=$(O)/%) $(if $(CHECK),$(FUZZ:%=$(O)/fuzz-%)) $(O)/tests
	@:

.SECONDEXPANSION:
$(PROGS:%=$(O)/%): $(O)/%: $$(call objs,$$*) $(OUR_A) $(THIRD_A) Makefile
	$(call say,LD,$(REL)/$*)
	$(Q)$(call link,$(call objs,$*))

$(FUZZ:%=$(O)/fuzz-%): $(O)/fuzz-%: $$(call objs,$$*) $(OUR_A) Makefile
	$(call say,LD,$(REL)/fuzz-$*)
	$(Q)$(call link,-fsanitize=fuzzer $(call objs,$*))

# What mk/regress.py runs here: kind, name, seconds.
$(O)/tests: FORCE
	@mkdir -p $(O)
	@{ :; $(foreach t,$(TESTS),echo test $t $(or $(TIMEOUT_$t),$(TIMEOUT));) \
	   $(foreach t,$(SCRIPTS),echo script $t $(or $(TIMEOUT_$t),$(TIMEOUT));) \
	   $(foreach t,$(if $(CHECK),,$(ONCE)),echo script $t $(or $(TIMEOUT_$t),$(TIMEOUT));) \
	   $(foreach t,$(if $(CHECK),,$(LIVE)),echo live $t $(or $(TIMEOUT_$t),$(TIMEOUT));) \
	   $(foreach t,$(if $(CHECK),$(FUZZ)),echo fuzz $t $(TIMEOUT);) \
	   $(foreach t,$(if $(CHECK),,$(BENCH)),echo bench $t 1800;) } >$@

run: all programs
	@/usr/bin/python3 $(TOP)/mk/regress.py --mode $(notdir $(OBJ)) \
	    $(if $(T),--only '$(T)') $(REL)

# What scripts run; one that does not build is their failure, not ours.
programs:
	$(if $(SCRIPTS)$(ONCE)$(LIVE),+@$(MAKE) -k -C $(TOP)/sys all; $(MAKE) -k -C $(TOP)/sbin all; :)

test:
	+@$(MAKE) all programs CHECK=
	+@$(MAKE) all programs CHECK=1
	@/usr/bin/python3 $(TOP)/mk/regress.py --mode release$(VARIANT) \
	    --mode check$(VARIANT) $(if $(T),--only '$(T)') $(REL)

# Longer, and on top of what earlier runs found (obj/corpus).
fuzz:
	+@$(MAKE) all CHECK=1
	@/usr/bin/python3 $(TOP)/mk/regress.py --mode check$(VARIANT) --fuzz $(FUZZ_SECONDS) \
	    $(if $(T),--only '$(T)') $(REL)

bench: all
	@/usr/bin/python3 $(TOP)/mk/regress.py --mode release$(VARIANT) --bench \
	    $(if $(T),--only '$(T)') $(REL)

install:

clean:
	rm -rf $(O)

-include $(ALL_OBJS:.o=.d)
.PHONY: run programs test fuzz bench install clean
