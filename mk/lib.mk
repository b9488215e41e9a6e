# SPDX-License-Identifier: ISC
#
# A library: LIB= name, SRCS=, MAN=, LIBS= what its users must link too
# (and, for third-party ones, what its sources include).

include $(dir $(lastword $(MAKEFILE_LIST)))build.mk

LIB_OBJS:=	$(call obj_of,$(SRCS))

all: $(LIB_OUT)/lib$(LIB).a
	@:

$(LIB_OUT)/lib$(LIB).a: $(LIB_OBJS) $(O)/objects
	@mkdir -p $(@D)
	$(call say,AR,lib$(LIB).a)
	$(Q)$(call archive,$(LIB_OBJS))

install:

clean:
	rm -rf $(O) $(LIB_OUT)/lib$(LIB).a

include $(TOP)/mk/man.mk
-include $(LIB_OBJS:.o=.d)
.PHONY: install clean
