/* SPDX-License-Identifier: ISC */
/*
 * Names and texts of drop reasons, made of the one list in kern/drop.h.
 */
#include "kern/drop.h"

static const struct {
	const char	*dr_area;
	const char	*dr_name;
	const char	*dr_text;
} reasons[DROP_MAX] = {
	[DROP_NONE] = { "", "NONE", "not dropped" },
#define X(name, area, text) [DROP_##name] = { area, #name, text },
	DROP_REASONS(X)
#undef X
};

const char *
drop_area(enum drop_reason why)
{
	return reasons[why].dr_area;
}

const char *
drop_name(enum drop_reason why)
{
	return reasons[why].dr_name;
}

const char *
drop_text(enum drop_reason why)
{
	return reasons[why].dr_text;
}
