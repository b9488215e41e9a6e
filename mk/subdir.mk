# SPDX-License-Identifier: ISC
#
# A folder of folders: SUBDIR= or, without it, each that has a Makefile.

include $(dir $(lastword $(MAKEFILE_LIST)))config.mk

SUBDIR?=	$(sort $(patsubst %/Makefile,%,$(wildcard */Makefile)))
PRESENT:=	$(patsubst %/Makefile,%,$(wildcard $(SUBDIR:%=%/Makefile)))

all install clean test fuzz bench: $(PRESENT)
	@:

$(PRESENT): FORCE
	+@$(MAKE) -C $@ $(filter all install clean test fuzz bench,$(MAKECMDGOALS))

.PHONY: all install clean test fuzz bench
