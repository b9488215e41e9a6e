# SPDX-License-Identifier: ISC
#
# A program: PROG= name, SRCS=, MAN=, LIBS=.
#
# With LIB= as well, SRCS are built as that library, which tests can link,
# and the program is MAIN= (one or more sources) on top of it.

include $(dir $(lastword $(MAKEFILE_LIST)))build.mk

ifdef LIB
LIB_OBJS:=	$(call obj_of,$(SRCS))
PROG_OBJS:=	$(call obj_of,$(MAIN))
OWN_A:=		$(LIB_OUT)/lib$(LIB).a
else
PROG_OBJS:=	$(call obj_of,$(SRCS))
endif

all: $(BIN)/$(PROG)
	@:

ifdef LIB
$(OWN_A): $(LIB_OBJS) $(O)/objects
	@mkdir -p $(@D)
	$(call say,AR,lib$(LIB).a)
	$(Q)$(call archive,$(LIB_OBJS))
endif

$(BIN)/$(PROG): $(PROG_OBJS) $(OWN_A) $(OUR_A) $(THIRD_A) Makefile
	@mkdir -p $(@D)
	$(call say,LD,$(PROG))
	$(Q)$(call link,$(PROG_OBJS) $(OWN_A))

install: $(BIN)/$(PROG)
	@mkdir -p $(DESTDIR)$(BINDIR)
	$(call say,INST,$(BINDIR)/$(PROG))
	$(Q)install -m 755 -s $(BIN)/$(PROG) $(DESTDIR)$(BINDIR)/$(PROG)

clean:
	rm -rf $(O) $(BIN)/$(PROG) $(OWN_A)

include $(TOP)/mk/man.mk
-include $(LIB_OBJS:.o=.d) $(PROG_OBJS:.o=.d)
.PHONY: install clean
