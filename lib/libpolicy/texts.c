/* SPDX-License-Identifier: ISC */
/*
 * Texts of a load: collected from files, found again in memory (texts.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "libpolicy/texts.h"

static const char *const part_names[POLICY_PARTS] = {
	"ipsec.conf", "iked.conf", "pf.conf", "network.conf", "assert.conf",
};

const char *
policy_part_name(enum policy_part part)
{
	return part_names[part];
}

enum policy_part
policy_part_of_file(const char *name)
{
	const char *slash = strrchr(name, '/');

	if (slash != NULL)
		name = slash + 1;
	for (unsigned i = POLICY_PARTS; i-- > 0;) {
		if (strncmp(name, part_names[i], strcspn(part_names[i],
		    ".")) == 0)
			return (enum policy_part)i;
	}
	return POLICY_PART_IPSEC;
}

bool
policy_texts_has(const struct policy_texts *tx, enum policy_part part)
{
	for (size_t i = 0; i < tx->tx_n; i++) {
		if (tx->tx_v[i].ti_part == part &&
		    tx->tx_v[i].ti_kind != POLICY_TEXT_MACRO)
			return true;
	}
	return false;
}

bool
policy_texts_whole(const struct policy_texts *tx)
{
	for (size_t i = 0; i < tx->tx_n; i++) {
		const struct policy_text_item *ti = &tx->tx_v[i];

		if (memmem(ti->ti_body, ti->ti_len, "include", 7) != NULL ||
		    memmem(ti->ti_body, ti->ti_len, "file", 4) != NULL)
			return false;
	}
	return true;
}

bool
policy_texts_add(struct policy_texts *tx, enum policy_text_kind kind,
    const char *name, const char *body, size_t len)
{
	return policy_texts_add_part(tx, POLICY_PART_IPSEC, kind, name, body,
	    len);
}

bool
policy_texts_add_part(struct policy_texts *tx, enum policy_part part,
    enum policy_text_kind kind, const char *name, const char *body, size_t len)
{
	struct policy_text_item *v, *ti;

	if (tx->tx_n >= POLICY_TEXTS_MAX || len > POLICY_TEXT_MAX)
		return false;
	v = reallocarray(tx->tx_v, tx->tx_n + 1, sizeof(*v));
	if (v == NULL)
		return false;
	tx->tx_v = v;
	ti = &v[tx->tx_n];
	*ti = (struct policy_text_item){ .ti_kind = kind, .ti_part = part };
	ti->ti_name = strdup(name);
	ti->ti_body = malloc(len + 1);
	ti->ti_len = len;
	ti->ti_cap = len + 1;
	if (ti->ti_name == NULL || ti->ti_body == NULL) {
		free(ti->ti_name);
		free(ti->ti_body);
		return false;
	}
	if (len != 0)
		memcpy(ti->ti_body, body, len);
	ti->ti_body[len] = '\0';
	tx->tx_n++;
	return true;
}

bool
policy_texts_more(struct policy_texts *tx, const char *body, size_t len)
{
	struct policy_text_item *ti;
	size_t cap;
	char *more;

	if (tx->tx_n == 0)
		return false;
	ti = &tx->tx_v[tx->tx_n - 1];
	if (len > POLICY_TEXT_MAX - ti->ti_len)
		return false;
	if (ti->ti_len + len + 1 > ti->ti_cap) {
		cap = (ti->ti_len + len + 1) * 2;
		if ((more = malloc(cap)) == NULL)
			return false;
		memcpy(more, ti->ti_body, ti->ti_len);
		explicit_bzero(ti->ti_body, ti->ti_len);
		free(ti->ti_body);
		ti->ti_body = more;
		ti->ti_cap = cap;
	}
	memcpy(ti->ti_body + ti->ti_len, body, len);
	ti->ti_len += len;
	ti->ti_body[ti->ti_len] = '\0';
	return true;
}

void
policy_texts_free(struct policy_texts *tx)
{
	for (size_t i = 0; i < tx->tx_n; i++) {
		explicit_bzero(tx->tx_v[i].ti_body, tx->tx_v[i].ti_len);
		free(tx->tx_v[i].ti_body);
		free(tx->tx_v[i].ti_name);
	}
	free(tx->tx_v);
	*tx = (struct policy_texts){ 0 };
}

struct policy_text_item *
policy_texts_find(struct policy_texts *tx, enum policy_text_kind kind,
    const char *name)
{
	for (size_t i = 0; i < tx->tx_n; i++) {
		struct policy_text_item *ti = &tx->tx_v[i];

		if (ti->ti_kind == kind && !ti->ti_kept &&
		    strcmp(ti->ti_name, name) == 0)
			return ti;
	}
	return NULL;
}

/* Written or, if it is secret, read by nobody but its owner and us? */
static bool
mode_ok(int fd, bool secret, const char **why)
{
	struct stat sb;

	if (fstat(fd, &sb) == -1) {
		*why = strerror(errno);
		return false;
	}
	if (S_ISDIR(sb.st_mode)) {
		*why = "it is a directory";
		return false;
	}
	if (!S_ISREG(sb.st_mode))
		return true;
	if (sb.st_uid != 0 && sb.st_uid != geteuid())
		*why = "its owner is neither root nor you";
	else if ((sb.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		*why = "others may write it: chmod go-w";
	else if (secret && (sb.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		*why = "others may read the key: chmod 600";
	else
		return true;
	return false;
}

/* The rest of fd, malloc'd; NULL with *why. */
static char *
read_all(int fd, size_t *len, const char **why)
{
	size_t cap = 65536, n = 0;
	char *buf = malloc(cap), *more;
	ssize_t r = 0;

	while (buf != NULL && (r = read(fd, buf + n, cap - n)) > 0) {
		n += (size_t)r;
		if (n < cap)
			continue;
		more = cap < POLICY_TEXT_MAX ? malloc(cap * 2) : NULL;
		if (more != NULL)
			memcpy(more, buf, n);
		explicit_bzero(buf, n);
		free(buf);
		buf = more;
		cap *= 2;
	}
	if (buf == NULL) {
		*why = "it is too large";
		return NULL;
	}
	if (r == -1) {
		*why = strerror(errno);
		free(buf);
		return NULL;
	}
	*len = n;
	return buf;
}

bool
policy_texts_read(struct policy_texts *tx, enum policy_part part,
    enum policy_text_kind kind, const char *name, const char **why)
{
	bool input = strcmp(name, "-") == 0 && kind == POLICY_TEXT_MAIN, ok;
	int fd = input ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
	char *body = NULL;
	size_t len = 0;

	if (fd == -1) {
		*why = strerror(errno);
		return false;
	}
	if (input || mode_ok(fd, kind == POLICY_TEXT_KEY, why))
		body = read_all(fd, &len, why);
	if (!input)
		(void)close(fd);
	if (body == NULL)
		return false;
	ok = policy_texts_add_part(tx, part, kind, input ? "stdin" : name, body,
	    len);
	if (!ok)
		*why = "too many or too large texts";
	explicit_bzero(body, len);
	free(body);
	return ok;
}

char *
policy_texts_env_memory(void *arg, const char *name, bool secret,
    size_t *len, const char **why)
{
	struct policy_text_item *ti = policy_texts_find(arg,
	    secret ? POLICY_TEXT_KEY : POLICY_TEXT_INCLUDE, name);
	char *copy;

	if (ti == NULL) {
		*why = "it was not sent along";
		return NULL;
	}
	if ((copy = malloc(ti->ti_len + 1)) == NULL) {
		*why = "out of memory";
		return NULL;
	}
	memcpy(copy, ti->ti_body, ti->ti_len + 1);
	*len = ti->ti_len;
	return copy;
}

char *
policy_texts_env_disk(void *arg, const char *name, bool secret, size_t *len,
    const char **why)
{
	enum policy_text_kind kind = secret ? POLICY_TEXT_KEY :
	    POLICY_TEXT_INCLUDE;
	struct policy_texts *tx = arg;

	if (policy_texts_find(arg, kind, name) == NULL &&
	    !policy_texts_read(tx, tx->tx_part, kind, name, why))
		return NULL;
	return policy_texts_env_memory(arg, name, secret, len, why);
}

/* The macros that count, those of pf.conf apart; malloc'd. */
static struct policy_macro *
macros_of(const struct policy_texts *tx, size_t *n)
{
	struct policy_macro *v = calloc(tx->tx_n + 1, sizeof(*v));

	*n = 0;
	for (size_t i = 0; v != NULL && i < tx->tx_n; i++) {
		const struct policy_text_item *ti = &tx->tx_v[i];

		if (ti->ti_kind == POLICY_TEXT_MACRO && !ti->ti_kept &&
		    ti->ti_part <= POLICY_PART_IKED)
			v[(*n)++] = (struct policy_macro){ ti->ti_name,
			    ti->ti_body };
	}
	return v;
}

static bool
parse_part(struct policy_texts *tx, enum policy_part part, struct policy *pol,
    const struct policy_env *env, struct policy_errors *errs)
{
	size_t nmacros, given = tx->tx_n;
	struct policy_macro *macros = macros_of(tx, &nmacros);
	bool ok = macros != NULL;

	tx->tx_part = part;
	for (size_t i = 0; macros != NULL && i < given; i++) {
		/* by value: reading files moves the array */
		struct policy_text_item ti = tx->tx_v[i];
		struct policy_text text = { ti.ti_name, ti.ti_body, ti.ti_len };

		if (ti.ti_part != part || ti.ti_kept)
			continue;
		if (ti.ti_kind == POLICY_TEXT_RULES && ti.ti_len == 0 &&
		    env->env_kept != NULL)
			ok &= env->env_kept(env->env_arg, part, pol);
		else if (ti.ti_kind == POLICY_TEXT_MAIN ||
		    ti.ti_kind == POLICY_TEXT_RULES)
			ok &= policy_parse(pol, &text, env, macros, nmacros,
			    errs);
	}
	free(macros);
	return ok;
}

/* What the lines of both parts say together. */
static void
join_sets(struct policy_split *sp, struct policy_set *set)
{
	const struct policy_set *b = &sp->sp_set[1];
	struct policy def;

	policy_init(&def);
	*set = sp->sp_set[0];
	if (b->set_active != def.pol_set.set_active)
		set->set_active = b->set_active;
	if (b->set_coupled != def.pol_set.set_coupled)
		set->set_coupled = b->set_coupled;
	if (b->set_fragmentation != def.pol_set.set_fragmentation)
		set->set_fragmentation = b->set_fragmentation;
	if (b->set_pathmtu != def.pol_set.set_pathmtu)
		set->set_pathmtu = b->set_pathmtu;
	if (b->set_mobike != def.pol_set.set_mobike)
		set->set_mobike = b->set_mobike;
	if (b->set_enforcesingleikesa != def.pol_set.set_enforcesingleikesa)
		set->set_enforcesingleikesa = b->set_enforcesingleikesa;
	if (b->set_vendorid != def.pol_set.set_vendorid)
		set->set_vendorid = b->set_vendorid;
	if (b->set_nattport != def.pol_set.set_nattport)
		set->set_nattport = b->set_nattport;
	if (b->set_dpd != def.pol_set.set_dpd)
		set->set_dpd = b->set_dpd;
}

bool
policy_texts_parse(struct policy_texts *tx, struct policy *pol,
    const struct policy_env *env, struct policy_errors *errs)
{
	struct policy_split *sp = &pol->pol_split;
	struct policy def;
	bool ok;

	policy_init(pol);
	policy_init(&def);
	ok = parse_part(tx, POLICY_PART_IPSEC, pol, env, errs);
	*sp = (struct policy_split){ .sp_flows = pol->pol_nflows,
	    .sp_sas = pol->pol_nsas, .sp_ikes = pol->pol_nikes,
	    .sp_set = { pol->pol_set } };
	pol->pol_set = def.pol_set;
	ok &= parse_part(tx, POLICY_PART_IKED, pol, env, errs);
	sp->sp_set[1] = pol->pol_set;
	join_sets(sp, &pol->pol_set);
	return ok && policy_finish(pol, errs);
}
