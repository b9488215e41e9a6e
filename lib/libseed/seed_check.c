/* SPDX-License-Identifier: ISC */
/*
 * The parts of a seed, each by the parser of its language (see seed.h).  A
 * part is handed over with as many empty lines before it as the seed has
 * lines before it, so that its errors name lines of the seed.
 */
#include <stdlib.h>
#include <string.h>

#include "libpf/pf.h"
#include "libpolicy/network.h"
#include "libseed/seed.h"

char *
seed_part_text(const struct seed_part *sp, size_t before, size_t *len)
{
	char *body = malloc(before + sp->sp_len + 1);
	size_t n = before;

	if (body == NULL)
		return NULL;
	memset(body, '\n', before);
	for (size_t i = 0; i < sp->sp_len; i++) {
		if (sp->sp_body[i] != '\r' || i + 1 == sp->sp_len ||
		    sp->sp_body[i + 1] != '\n')
			body[n++] = sp->sp_body[i];
	}
	body[n] = '\0';
	*len = n;
	return body;
}

static bool
check_filter(const char *name, const char *body, size_t len, FILE *out)
{
	struct pf_env env = { 0 };
	struct pf_conf pc;
	bool ok = pf_parse(&pc, name, body, len, &env);

	if (!ok)
		fputs(pc.pc_errors != NULL ? pc.pc_errors : "out of memory\n",
		    out);
	pf_conf_free(&pc);
	return ok;
}

/* Addresses of interfaces are those that the seed itself gives them. */
static size_t
ask_iface(void *arg, const char *name, struct policy_ifaddr *out, size_t max,
    const char **why)
{
	const struct network *ne = arg;
	size_t n = 0;

	for (size_t i = 0; i < ne->ne_nifs; i++) {
		const struct ctl_if *ci = &ne->ne_if[i];

		if (strcmp(ci->ci_name, name) != 0)
			continue;
		for (unsigned k = 0; k < ci->ci_naddrs && n < max; k++) {
			out[n].pi_addr = ci->ci_addr[k];
			out[n++].pi_len = ci->ci_plen[k];
		}
	}
	if (n == 0)
		*why = "the seed's network.conf gives it no address";
	return n;
}

static bool
check_rest(const struct seed *sd, struct policy_texts *tx,
    struct policy_errors *errs, FILE *out)
{
	struct network ne = { 0 };
	struct policy_env env = { .env_iface = ask_iface, .env_arg = &ne };
	struct policy pol;
	bool ok = true, filter = true;

	for (size_t i = 0; i < tx->tx_n; i++) {
		struct policy_text text = { sd->sd_text.tx_name,
		    tx->tx_v[i].ti_body, tx->tx_v[i].ti_len };

		if (tx->tx_v[i].ti_part == POLICY_PART_NETWORK)
			ok = network_parse(&ne, &text, errs) && ok;
	}
	ok = policy_texts_parse(tx, &pol, &env, errs) && ok;
	policy_free(&pol);
	network_free(&ne);
	policy_errors_print(errs, out);
	for (size_t i = 0; i < tx->tx_n; i++) {
		if (tx->tx_v[i].ti_part == POLICY_PART_PF)
			filter = check_filter(sd->sd_text.tx_name,
			    tx->tx_v[i].ti_body, tx->tx_v[i].ti_len, out);
	}
	return ok && filter;
}

bool
seed_check(const struct seed *sd, struct policy_errors *errs, FILE *out)
{
	struct policy_texts tx = { 0 };
	bool ok = errs->per_n == 0;

	for (unsigned i = 0; i < POLICY_PARTS; i++) {
		size_t len;
		char *body;

		if (!sd->sd_part[i].sp_there)
			continue;
		if ((body = seed_part_text(&sd->sd_part[i],
		    sd->sd_part[i].sp_line - 1, &len)) == NULL ||
		    !policy_texts_add_part(&tx, (enum policy_part)i,
		    POLICY_TEXT_MAIN, sd->sd_text.tx_name, body, len)) {
			fputs("out of memory\n", out);
			ok = false;
		}
		if (body != NULL)
			explicit_bzero(body, len);
		free(body);
	}
	ok = check_rest(sd, &tx, errs, out) && ok;
	policy_texts_free(&tx);
	return ok;
}

bool
seed_texts(const struct seed *sd, struct policy_texts *tx)
{
	size_t len;
	char *body;

	for (unsigned i = 0; i < POLICY_PARTS; i++) {
		const struct seed_part *sp = &sd->sd_part[i];
		bool ok;

		if (!sp->sp_there)
			continue;
		if ((body = seed_part_text(sp, 0, &len)) == NULL)
			return false;
		ok = policy_texts_add_part(tx, (enum policy_part)i,
		    POLICY_TEXT_MAIN, policy_part_name((enum policy_part)i),
		    body, len);
		explicit_bzero(body, len);
		free(body);
		if (!ok)
			return false;
	}
	return true;
}
