# SPDX-License-Identifier: ISC
#
# Manuals: MAN= files in mdoc, whose section is the end of the name.

install: install-man

install-man: $(MAN)
	$(if $(strip $(MAN)),$(call say,INST,$(MAN)))
	$(Q)for m in $(MAN); do \
		install -D -m 644 $$m $(DESTDIR)$(MANDIR)/man$${m##*.}/$${m##*/} || exit 1; \
	done

.PHONY: install-man
