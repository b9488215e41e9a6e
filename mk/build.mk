# SPDX-License-Identifier: ISC
#
# How a folder's sources become objects, a library, a program.  Included
# by prog.mk, lib.mk and regress.mk; a folder's Makefile includes those.
#
# Outputs are written aside and renamed, so that two makes in one tree
# cannot hand each other half a file.

include $(dir $(lastword $(MAKEFILE_LIST)))config.mk

# Names for which LIBS= means somebody else's library, and what the checked
# build, which uses Debian's packages of the same libraries, links for them.
THIRD:=		bearssl sqlite3 cunit ipsecmb seccomp event cjson sodium
LD_bearssl:=	-l:libbearssl.a
LD_sqlite3:=	-lsqlite3
LD_cunit:=	-lcunit
LD_ipsecmb:=	-lIPSec_MB
LD_seccomp:=	-lseccomp
LD_event:=	-levent_core
LD_cjson:=	-lcjson
LD_sodium:=	-lsodium

# LIBS= and what those libraries name in their own LIBS=, once each.
ALL_LIBS:=	$(if $(strip $(LIBS)),$(shell $(TOP)/mk/libs.sh $(TOP) $(LIBS)))
ifneq ($(VECTOR),yes)
ALL_LIBS:=	$(filter-out ipsecmb,$(ALL_LIBS))
endif
OUR_LIBS:=	$(filter-out $(THIRD) $(LIB),$(ALL_LIBS))
THIRD_LIBS:=	$(filter $(THIRD),$(ALL_LIBS))
OUR_A:=		$(OUR_LIBS:%=$(LIB_OUT)/lib%.a)
ifneq ($(CHECK),)
THIRD_A:=
LDTHIRD:=	$(foreach l,$(THIRD_LIBS),$(LD_$l))
else
THIRD_A:=	$(THIRD_LIBS:%=$(DEPS)/release/lib/lib%.a)
LDTHIRD:=	$(THIRD_A)
endif

# x.c and x.y become x.o; generated C (y.tab) lives in the object folder.
# ../x.c becomes up/x.o: each folder has its own object of a shared source, so
# that what make knows of it is told by one name.
obj_of=		$(addprefix $(O)/,$(subst ../,up/,$(patsubst %.c,%.o,$(patsubst %.y,%.o,$1))))
GENERATED:=	$(patsubst %.y,$(O)/%.h,$(filter %.y,$(SRCS) $(MAIN)))

compile=	$(CC) $(CPPFLAGS) $(DEP_CPPFLAGS) $(CFLAGS) -MMD -MP -MT $@ \
		-MF $@.$$$$.d -c -o $@.$$$$ $1 && \
		mv $@.$$$$.d $(@:.o=.d) && mv $@.$$$$ $@ || \
		{ rm -f $@.$$$$ $@.$$$$.d; exit 1; }

$(O)/%.o: %.c $(TOP)/mk/config.mk | $(TOOLS) $(THIRD_A) $(GENERATED)
	@mkdir -p $(@D)
	$(call say,CC,$(REL)/$<)
	$(Q)$(call compile,$<)

define up_rule
$(O)/$(subst ../,up/,$1)%.o: $1%.c $(TOP)/mk/config.mk | $(TOOLS) $(THIRD_A) $(GENERATED)
	@mkdir -p $$(@D)
	$$(call say,CC,$(REL)/$$<)
	$$(Q)$$(call compile,$$<)
endef
$(foreach u,../ ../../ ../../../,$(eval $(call up_rule,$u)))

$(O)/%.o: $(O)/%.c $(TOP)/mk/config.mk | $(TOOLS) $(THIRD_A) $(GENERATED)
	$(call say,CC,$(REL)/$*.c)
	$(Q)$(call compile,$<)

# bison, with locations and reentrant parsers as the grammar asks for them.
$(O)/%.c $(O)/%.h &: %.y | $(TOOLS)
	@mkdir -p $(@D)
	$(call say,YACC,$(REL)/$<)
	$(Q)bison -Wno-yacc --header=$(O)/$*.tmp.h -o $(O)/$*.tmp.c $< && \
	    sed -i 's/$(notdir $*)\.tmp\.\([ch]\)/$(notdir $*).\1/g' \
	    $(O)/$*.tmp.c $(O)/$*.tmp.h && \
	    mv $(O)/$*.tmp.h $(O)/$*.h && mv $(O)/$*.tmp.c $(O)/$*.c

# bison defines more than a grammar may use.
$(patsubst %.h,%.o,$(GENERATED)): CFLAGS+= -Wno-unused-function -Wno-unused-but-set-variable

# The list of a library's objects, so that a file that goes away leaves it.
$(O)/objects: FORCE
	@mkdir -p $(@D)
	@echo '$(LIB_OBJS)' | cmp -s - $@ || echo '$(LIB_OBJS)' >$@

archive=	rm -f $@.$$$$ && $(AR) rcs $@.$$$$ $1 && mv $@.$$$$ $@

link=		$(CC) $(LDFLAGS) -o $@.$$$$ $1 \
		-Wl,--start-group $(OUR_A) $(LDTHIRD) -Wl,--end-group \
		-lm -lpthread $(LDEND) && mv $@.$$$$ $@ || \
		{ rm -f $@.$$$$; exit 1; }

# Another folder's library: its own Makefile knows.  One make at a time
# per library; NOREC=1 says that whoever called has built them already.
lib_dir=	$(patsubst %/Makefile,%,$(firstword \
		$(wildcard $(TOP)/lib/lib$1/Makefile) \
		$(if $(filter netkern,$1),$(wildcard $(TOP)/sys/Makefile)) \
		$(wildcard $(TOP)/sbin/$1/Makefile)))
ifndef NOREC
$(OUR_A): $(LIB_OUT)/lib%.a: FORCE
	@mkdir -p $(LIB_OUT)
	@test -n '$(call lib_dir,$*)' || { echo 'LIBS= names $*: no lib/lib$*,' \
	    'and not one of: $(THIRD)' >&2; exit 1; }
	+@flock $(LIB_OUT)/.lock-$* $(MAKE) -C '$(call lib_dir,$*)' \
	    $(LIB_OUT)/lib$*.a
endif

$(TOOLS): $(TOP)/mk/packages
	+@$(MAKE) -f $(TOP)/mk/deps.mk $@

$(DEPS)/release/lib/lib%.a:
	+@$(MAKE) -f $(TOP)/mk/deps.mk $*
