# SPDX-License-Identifier: ISC
#
# A folder of folders: SUBDIR= or, without it, each that has a Makefile.

include $(dir $(lastword $(MAKEFILE_LIST)))config.mk

SUBDIR?=	$(sort $(patsubst %/Makefile,%,$(wildcard */Makefile)))
PRESENT:=	$(patsubst %/Makefile,%,$(wildcard $(SUBDIR:%=%/Makefile)))

# A folder whose LIBS= names the library of another here comes after it.
LIBRARIES:=	$(patsubst %/Makefile,%,$(if $(PRESENT),$(shell \
		grep -ls '^LIB=' $(PRESENT:%=%/Makefile))))
after=		$(filter-out $(1),$(filter $(LIBRARIES),$(shell \
		sed -n 's/^LIBS=//p' $(1)/Makefile)))
$(foreach d,$(PRESENT),$(eval $(d): $(call after,$(d))))

all install clean test fuzz bench: $(PRESENT)
	@:

$(PRESENT): FORCE
	+@$(MAKE) -C $@ $(filter all install clean test fuzz bench,$(MAKECMDGOALS))

.PHONY: all install clean test fuzz bench
