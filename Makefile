# SPDX-License-Identifier: ISC
#
# Ravelin.  `make help` lists the targets.

include mk/config.mk

# As many jobs as CPUs, unless the caller says otherwise.
ifeq ($(filter -j% --jobserver%,$(MAKEFLAGS)),)
MAKEFLAGS+=	-j$(shell nproc)
endif
.NOTPARALLEL:

DIRS:=		$(patsubst %/Makefile,%,$(wildcard sys/Makefile sbin/Makefile))

all: deps
	+@$(MAKE) -C lib all
	+@for d in $(DIRS); do $(MAKE) -C $$d all NOREC=1 || exit 1; done

deps: $(TOOLS)
	+@$(MAKE) -f mk/deps.mk

check:
	+@$(MAKE) all CHECK=1

# The appliance's disk, and a machine that boots it.
image: all
	+@$(MAKE) -f mk/image.mk

image-run: all
	+@$(MAKE) -f mk/image.mk run

$(sort $(TOOLS) $(DEPS)/tools.test $(DEPS)/tools.check $(DEPS)/tools.web): mk/packages
	+@$(MAKE) -f mk/deps.mk $@

# The first tunnel, under traffic, in namespaces: KEEP=1 leaves it running.
demo: all $(DEPS)/tools.test
	@TOP=$(TOP) OBJ=$(OBJ) BIN=$(BIN) KEEP='$(KEEP)' regress/demo/demo.sh

# Both builds, of all that builds; what does not is a failed case.
test: deps $(DEPS)/tools.test $(DEPS)/tools.check $(DEPS)/tools.web
	@rm -f obj/failed-builds
	+@for check in '' 1; do for d in lib $(DIRS) regress; do \
		$(MAKE) -k -C $$d all NOREC=1 CHECK=$$check || \
		    echo "make -C $$d CHECK=$$check" >>obj/failed-builds; \
	done; done
	@/usr/bin/python3 mk/regress.py --builds obj/failed-builds \
	    --mode release$(VARIANT) --mode check$(VARIANT) regress

# Every parser's harness for FUZZ_SECONDS (60) each; finds stay in obj/corpus.
fuzz: deps
	+@$(MAKE) check
	+@$(MAKE) -C regress fuzz

bench: all $(DEPS)/tools.test
	+@$(MAKE) -C regress bench

# What takes longer than anybody waits for.
soak: all
	+@$(MAKE) -C regress/image soak
	+@$(MAKE) -C regress/web soak

install: all
	+@for d in $(DIRS) $(patsubst %/Makefile,%,$(wildcard lib/Makefile etc/Makefile)); do \
		$(MAKE) -C $$d install NOREC=1 || exit 1; done

clean:
	rm -rf obj/release* obj/check* obj/failed-builds

distclean:
	rm -rf obj

help:
	@echo 'make            the release build: static, hardened, in obj/release'
	@echo 'make demo       two gateways, a tunnel, traffic; KEEP=1 leaves it running'
	@echo 'make test       all tests, in the release and the checked build'
	@echo 'make bench      ns/packet and Gbit/s of the packet path'
	@echo 'make fuzz       each parser under libFuzzer, FUZZ_SECONDS=60 each'
	@echo 'make soak       260 power cuts and kills of the appliance, attacks on its pages'
	@echo 'make check      the checked build: clang, ASan, UBSan, in obj/check'
	@echo 'make deps       only the third-party libraries, in obj/deps'
	@echo 'make image      obj/ravelin.img, a disk that boots to a gateway; see image(8)'
	@echo 'make image-run  boots it in QEMU: serial console, two cards; KEEP=1 keeps its disk'
	@echo 'make install    programs, manuals, default files: DESTDIR= PREFIX=/usr/local'
	@echo 'make clean      removes both builds; distclean the libraries too'
	@echo
	@echo 'CHECK=1         the checked build of whatever is asked for'
	@echo 'VECTOR=no       without the vector engine (as on other CPUs than x86-64)'
	@echo 'V=1             shows the commands'
	@echo 'make -C DIR     builds one folder and what it needs'
	@echo 'make -C regress/DIR run T=NAME    one test'

.PHONY: all deps check image image-run demo test fuzz bench soak install clean distclean help
