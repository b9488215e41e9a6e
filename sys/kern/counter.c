/* SPDX-License-Identifier: ISC */
/*
 * Names and texts of counters, made of the one list in kern/counter.h.
 */
#include "kern/counter.h"

static const struct {
	const char	*ct_area;
	const char	*ct_name;
	const char	*ct_text;
} counters[CNT_MAX] = {
#define X(name, area, text) [CNT_##name] = { area, #name, text },
	COUNTERS(X)
#undef X
};

const char *
counter_area(enum counter c)
{
	return counters[c].ct_area;
}

const char *
counter_name(enum counter c)
{
	return counters[c].ct_name;
}

const char *
counter_text(enum counter c)
{
	return counters[c].ct_text;
}
