/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as ipsec.conf(5): refused with places that are in the text, or
 * loaded; and what is loaded prints to what loads and prints the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpolicy/policy.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *
read_nothing(void *arg, const char *name, bool secret, size_t *len,
    const char **why)
{
	(void)arg;
	(void)name;
	(void)secret;
	*len = 0;
	*why = "no files here";
	return NULL;
}

static bool
unseal(void *arg, uint64_t id, uint8_t buf[POLICY_KEY_MAX], size_t *len)
{
	(void)arg;
	*len = id % 40;
	for (size_t i = 0; i < *len; i++)
		buf[i] = (uint8_t)(i * 7 + 1);
	return id < 1000;
}

/* em0, and any other: as many addresses as the name has letters. */
static size_t
interface(void *arg, const char *name, struct policy_ifaddr *out, size_t max,
    const char **why)
{
	size_t n = strlen(name);

	(void)arg;
	*why = "no such interface";
	if (n == 0 || n >= 16 || max < 16)
		abort();
	memset(out, 0, n * sizeof(*out));
	for (size_t i = 0; i < n; i++) {
		out[i].pi_addr.ad_af = name[i] == 'x' ? AF_INET6 : AF_INET;
		memcpy(out[i].pi_addr.ad_bytes, "\12\1\2", 3);
		out[i].pi_addr.ad_bytes[3] = (uint8_t)name[i];
		out[i].pi_len = (uint8_t)(name[i] % 33);
	}
	return name[0] == 'z' ? 0 : n;
}

static void
secret(void *arg, const char *form, size_t len, const struct policy_key *keys,
    size_t nkeys)
{
	(void)arg;
	if (len == 0 || nkeys == 0 || nkeys > 2 || keys[0].pk_len == 0)
		abort();
	for (size_t i = 0; i < len; i++) {
		volatile char c = form[i];

		(void)c;
	}
}

/* Parsed and printed, or NULL if it was refused. */
static char *
load(const char *text, size_t len)
{
	struct policy_env env = { .env_read = read_nothing,
	    .env_unseal = unseal, .env_secret = secret,
	    .env_iface = interface };
	struct policy_text tx = { "fuzz", text, len };
	struct policy_errors errs;
	struct policy pol;
	char *out = NULL;
	size_t n = 0;
	FILE *f;

	memset(&errs, 0, sizeof(errs));
	policy_init(&pol);
	if (policy_parse(&pol, &tx, &env, NULL, 0, &errs) &&
	    policy_finish(&pol, &errs)) {
		if (errs.per_n != 0 || (f = open_memstream(&out, &n)) == NULL)
			abort();
		policy_print(&pol, f, POLICY_PRINT_KEYS);
		fclose(f);
	} else if (errs.per_n == 0) {
		abort();		/* refused without a word */
	}
	for (unsigned i = 0; i < errs.per_n; i++) {
		if (errs.per_list[i].pe_msg[0] == '\0')
			abort();
	}
	policy_errors_free(&errs);
	policy_free(&pol);
	return out;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *first, *second;

	if (size > 8192 || (first = load((const char *)data, size)) == NULL)
		return 0;
	second = load(first, strlen(first));
	if (second == NULL || strcmp(first, second) != 0) {
		fprintf(stderr, "first:\n%ssecond:\n%s", first,
		    second != NULL ? second : "(refused)\n");
		abort();
	}
	free(first);
	free(second);
	return 0;
}
