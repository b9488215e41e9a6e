# SPDX-License-Identifier: ISC
#
# The appliance: a disk that boots to a gateway; see image(8).
#
#   make image                  obj/ravelin.img, .img.zst and .upgrade
#   make image KERNEL=generic   with the drivers of real machines' cards
#   make image UPGRADE_KEY=FILE whose upgrades it takes: a secret key of
#                               upgrade(8), FILE.pub its public half; by default
#                               obj/upgrade.key, which is made if it is missing
#   make image-run              boots it: QEMU, serial console, two cards
#
# No step needs root or loop devices, none but the first time the network:
# then Debian's kernel and the sources of e2fsprogs are fetched into obj/deps.
# The programs are those of the release as they lie there: `make image` at the
# top builds them first.

include $(dir $(lastword $(MAKEFILE_LIST)))config.mk

KERNEL?=	cloud
INIT?=		$(BIN)/init
NAME?=		ravelin
IMAGE?=		$(TOP)/obj/$(NAME).img
WORK?=		$(TOP)/obj/image/$(NAME)-$(KERNEL)
LINUX:=		$(DEPS)/image/kernel-$(KERNEL)
E2FS:=		$(DEPS)/image/e2fsprogs
HERE:=		$(TOP)/mk/image
FILES:=		$(TOP)/etc/image
UPGRADE_KEY?=	$(TOP)/obj/upgrade.key

# All that the image says of when, and its name: see version.sh.
SOURCED:=	$(shell SOURCE_DATE_EPOCH='$(SOURCE_DATE_EPOCH)' $(HERE)/version.sh $(TOP))
ifeq ($(SOURCED),)
$(error the image has no version)
endif
override SOURCE_DATE_EPOCH:= $(firstword $(SOURCED))
VERSION?=	$(lastword $(SOURCED))
export SOURCE_DATE_EPOCH
RELEASE=	version=$(VERSION) serial=$(SOURCE_DATE_EPOCH) \
		kernel=$(firstword $(shell cat $(LINUX)/release)) slots=a,b

WEB:=		$(TOP)/etc/lighttpd.conf $(wildcard $(TOP)/etc/www/*.* $(TOP)/etc/www/static/*)
OTHERS:=	$(foreach p,lighttpd dropbear openntpd busybox,$(DEPS)/release/bin/$p)
PROGRAMS:=	$(shell sed -n 's|.*@bin@/|$(BIN)/|p' $(FILES)/root) $(INIT) $(OTHERS)

all: $(IMAGE)
	@:

$(IMAGE): $(WORK)/disk.img
	$(Q)cp --sparse=always $(WORK)/disk.img $@.new && mv $@.new $@
	$(Q)zstd -q -f -12 $@ -o $@.zst
	$(Q)[ ! -e '$(UPGRADE_KEY)' ] || $(BIN)/upgrade create -V '$(VERSION)' \
	    -S $(SOURCE_DATE_EPOCH) -k '$(UPGRADE_KEY)' -K $(LINUX)/vmlinuz \
	    -I $(WORK)/initrd -o $(@:.img=.upgrade)
	@printf '%-5s obj/%s.img.zst, %d KiB: version %s, %s\n' IMAGE $(NAME) \
	    $$(($$(stat -c %s $@.zst) / 1024)) '$(VERSION)' "$$(cat $(LINUX)/release)"

$(WORK)/disk.img: $(HERE)/disk.py $(HERE)/grub.cfg $(WORK)/initrd $(LINUX)/vmlinuz
	$(call say,DISK,$(@F))
	$(Q)/usr/bin/python3 $(HERE)/disk.py --out $@ --kernel $(LINUX)/vmlinuz \
	    --initrd $(WORK)/initrd --version '$(VERSION)'

$(WORK)/initrd: $(HERE)/root.py $(HERE)/modules.py $(WORK)/what $(PROGRAMS) \
    $(FILES)/root $(FILES)/modules.$(KERNEL) $(FILES)/etc $(wildcard $(FILES)/etc/*) \
    $(WEB) \
    $(LINUX)/release $(E2FS)/mke2fs
	$(call say,ROOT,$(@F))
	$(Q)/usr/bin/python3 $(HERE)/root.py --out $@.new --release '$(RELEASE)' \
	    --modules $(LINUX)/modules --module-list $(FILES)/modules.$(KERNEL) \
	    --dir bin=$(BIN) --dir init=$(INIT) --dir e2fs=$(E2FS) \
	    --dir top=$(TOP) --dir deps=$(DEPS)/release \
	    --dir key=$(WORK) --dir etc=$(FILES)/etc $(FILES)/root && \
	    mv $@.new $@

# What is not a file: a new commit, another INIT=, another key.
$(WORK)/what: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION) $(INIT)' | cmp -s - $@ || echo '$(VERSION) $(INIT)' >$@
	@[ -e '$(UPGRADE_KEY).pub' ] || $(BIN)/upgrade keygen -o '$(UPGRADE_KEY)'
	@cmp -s '$(UPGRADE_KEY).pub' $(WORK)/upgrade.pub || { \
	    cp '$(UPGRADE_KEY).pub' $(WORK)/upgrade.pub; touch $@; }

$(LINUX)/vmlinuz $(LINUX)/release &: $(HERE)/kernel.sh | $(DEPS)/tools.image
	@flock $(DEPS)/.lock-kernel $(HERE)/kernel.sh $(DEPS) $(KERNEL)

$(E2FS)/mke2fs: $(HERE)/e2fsprogs.sh | $(DEPS)/tools.image $(DEPS)/kernel
	@flock $(DEPS)/.lock-e2fsprogs $(HERE)/e2fsprogs.sh $(DEPS)

$(DEPS)/tools.image $(DEPS)/tools.test $(DEPS)/kernel: $(TOP)/mk/packages
	+@$(MAKE) -f $(TOP)/mk/deps.mk $@

$(OTHERS): $(DEPS)/release/bin/%:
	+@$(MAKE) -f $(TOP)/mk/deps.mk $*

# KEEP=1: the disk is kept, and the next KEEP=1 goes on with it.
run: $(IMAGE) $(DEPS)/tools.test
	@$(HERE)/run.sh $(IMAGE) $(TOP)/obj/image/run.img '$(KEEP)'

.PHONY: run
