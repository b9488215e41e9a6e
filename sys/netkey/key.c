/* SPDX-License-Identifier: ISC */
/*
 * The key socket: from a record to its handler, and answers to whom they
 * concern (RFC 2367 section 3).
 *
 * A request is parsed and checked whole (libpfkey) before a handler sees it;
 * handlers stand in a table.  One that fails changes nothing and is answered
 * to its sender alone, with the base header and an errno.  Who hears of what:
 *
 *	the sender	GETSPI, GET, SPDGET, DUMP, SPDDUMP, PROMISC, errors
 *	all		ADD, UPDATE, DELETE, FLUSH, SPDADD ... SPDFLUSH, without keys
 *	the registered	REGISTER, ACQUIRE, EXPIRE, NAT_T_NEW_MAPPING
 *
 * Everything runs under nk_lock.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "kern/sysctl.h"
#include "netkey/key_var.h"

static int (*const handlers[])(struct key_req *) = {
	[SADB_GETSPI] = key_getspi,
	[SADB_UPDATE] = key_update,
	[SADB_ADD] = key_add,
	[SADB_DELETE] = key_delete,
	[SADB_GET] = key_get,
	[SADB_ACQUIRE] = key_acquire_failed,
	[SADB_REGISTER] = key_register,
	[SADB_FLUSH] = key_flush,
	[SADB_DUMP] = key_dump,
	[SADB_X_PROMISC] = key_promisc,
	[SADB_X_SPDUPDATE] = key_spdupdate,
	[SADB_X_SPDADD] = key_spdadd,
	[SADB_X_SPDDELETE] = key_spddelete,
	[SADB_X_SPDGET] = key_spdget,
	[SADB_X_SPDDUMP] = key_dump,
	[SADB_X_SPDFLUSH] = key_spdflush,
	[SADB_X_SPDDELETE2] = key_spddelete2,
};

/* ---- sending ---- */

/* A message in its two forms, each built when first wanted. */
struct forms {
	const struct pfkey_msg	*fo_m;
	size_t			 fo_len[2];
	uint8_t			 fo_buf[2][PFKEY_MSG_MAX];
};

static const uint8_t *
form_of(struct forms *fo, bool private, size_t *len)
{
	if (fo->fo_len[private] == 0) {
		struct pfkey_msg m = *fo->fo_m;

		if (!private)
			m.pm_has &= ~PFKEY_PRIVATE_BITS;
		fo->fo_len[private] = pfkey_build(&m, fo->fo_buf[private], PFKEY_MSG_MAX);
	}
	*len = fo->fo_len[private];
	return fo->fo_buf[private];
}

static void
forms_init(struct forms *fo, const struct pfkey_msg *m)
{
	fo->fo_m = m;
	fo->fo_len[0] = fo->fo_len[1] = 0;
}

/* Keys of a DUMP or GET do not stay on the stack. */
static void
forms_wipe(struct forms *fo)
{
	explicit_bzero(fo->fo_buf[0], fo->fo_len[0]);
	explicit_bzero(fo->fo_buf[1], fo->fo_len[1]);
}

static bool
send_form(struct key_socket *ks, struct forms *fo)
{
	size_t len;
	const uint8_t *p = form_of(fo, ks->ks_private, &len);

	return len != 0 && ks->ks_send(ks->ks_arg, p, len);
}

bool
key_send_one(struct nk *nk, struct key_socket *ks, const struct pfkey_msg *m)
{
	struct forms fo;
	bool sent;

	(void)nk;
	forms_init(&fo, m);
	sent = send_form(ks, &fo);
	forms_wipe(&fo);
	return sent;
}

static void
lost(struct nk *nk, struct key_socket *ks)
{
	ks->ks_lost++;
	nk->nk_key->k_lost++;
}

static bool
concerns(const struct key_socket *ks, enum key_to to, const struct key_socket *one, uint8_t satype)
{
	switch (to) {
	case KEY_TO_ONE:
		return ks == one;
	case KEY_TO_REGISTERED:
		return (ks->ks_registered & 1u << satype) != 0;
	default:
		return true;
	}
}

/* A copy behind a PROMISC header, for those who listen to everything. */
static bool
send_promisc(struct key_socket *ks, struct forms *fo)
{
	uint8_t buf[PFKEY_MSG_MAX + 16];
	struct pfkey_msg m;
	uint16_t words;
	size_t len;
	const uint8_t *p = form_of(fo, ks->ks_private, &len);

	if (len == 0)
		return false;
	pfkey_init(&m, SADB_X_PROMISC, 1);
	pfkey_build(&m, buf, 16);
	memcpy(buf + 16, p, len);
	words = (uint16_t)((16 + len) / 8);
	memcpy(buf + 4, &words, 2);
	return ks->ks_send(ks->ks_arg, buf, 16 + len);
}

void
key_send(struct nk *nk, enum key_to to, struct key_socket *one, const struct pfkey_msg *m)
{
	bool secret = (m->pm_has & (PFKEY_BIT(SADB_EXT_KEY_AUTH) |
	    PFKEY_BIT(SADB_EXT_KEY_ENCRYPT))) != 0;
	struct key_socket *ks;
	struct forms fo;

	forms_init(&fo, m);
	for (ks = nk->nk_key->k_sockets; ks != NULL; ks = ks->ks_next) {
		if (concerns(ks, to, one, m->pm_satype)) {
			if (!send_form(ks, &fo))
				lost(nk, ks);
		} else if (ks->ks_promisc && !secret && !send_promisc(ks, &fo))
			lost(nk, ks);
	}
	forms_wipe(&fo);
}

void
key_reply_init(const struct key_req *kr, struct pfkey_msg *m)
{
	pfkey_init(m, kr->kr_m.pm_type, kr->kr_m.pm_satype);
	m->pm_seq = kr->kr_m.pm_seq;
	m->pm_pid = kr->kr_m.pm_pid;
}

static void
key_reply_error(struct key_req *kr, int error)
{
	struct pfkey_msg m;

	key_reply_init(kr, &m);
	m.pm_errno = (uint8_t)error;
	key_send(kr->kr_nk, KEY_TO_ONE, kr->kr_ks, &m);
	nk_log(kr->kr_nk, LOG_DEBUG, "key: %s: %s%s%s", pfkey_type_name(m.pm_type),
	    strerror(error), kr->kr_why != NULL ? ": " : "",
	    kr->kr_why != NULL ? kr->kr_why : "");
}

/* ---- counting changes ---- */

static void
get_policy_changes(struct nk *nk, char *buf, size_t len)
{
	snprintf(buf, len, "%llu", (unsigned long long)nk->nk_key->k_policy_changes);
}

static void
get_manual_changes(struct nk *nk, char *buf, size_t len)
{
	snprintf(buf, len, "%llu", (unsigned long long)nk->nk_key->k_manual_changes);
}

static const struct sysctl_entry key_sysctl[] = {
	{ .sy_name = "net.key.policy_changes", .sy_descr = "requests that changed the SPD",
	  .sy_readonly = true, .sy_get = get_policy_changes },
	{ .sy_name = "net.key.manual_changes",
	  .sy_descr = "manual SAs that were made, changed, deleted or ended",
	  .sy_readonly = true, .sy_get = get_manual_changes },
	{ 0 },
};

void
key_sa_changed(struct nk *nk, uint32_t reqid)
{
	if (reqid <= IPSEC_MANUAL_REQID_MAX || reqid == UINT32_MAX)
		nk->nk_key->k_manual_changes++;
}

static bool
changes_spd(unsigned type)
{
	return type == SADB_X_SPDADD || type == SADB_X_SPDUPDATE || type == SADB_X_SPDDELETE ||
	    type == SADB_X_SPDDELETE2 || type == SADB_X_SPDFLUSH;
}

/* ---- requests ---- */

void
key_message(struct nk *nk, struct clock_now now, struct key_socket *ks, const void *buf, size_t len)
{
	struct key_req kr = { .kr_nk = nk, .kr_now = now, .kr_ks = ks };
	unsigned type;
	int error;

	error = pfkey_parse(buf, len, PFKEY_FROM_USER, &kr.kr_m, &kr.kr_why);
	type = kr.kr_m.pm_type;
	if (error == 0 && ks->ks_dump != NULL)
		error = EBUSY;
	if (error == 0 && (type >= sizeof(handlers) / sizeof(handlers[0]) || handlers[type] == NULL))
		error = EOPNOTSUPP;
	if (error == 0) {
		if (PFKEY_HAS(&kr.kr_m, PFKEY_EXT_ASK))
			ks->ks_private = true;
		error = handlers[type](&kr);
		if (error == 0 && changes_spd(type))
			nk->nk_key->k_policy_changes++;
	}
	if (error != 0)
		key_reply_error(&kr, error);
}

int
key_promisc(struct key_req *kr)
{
	struct pfkey_msg m;

	if (kr->kr_m.pm_satype > 1)
		return EINVAL;
	kr->kr_ks->ks_promisc = kr->kr_m.pm_satype == 1;
	key_reply_init(kr, &m);
	key_send(kr->kr_nk, KEY_TO_ONE, kr->kr_ks, &m);
	return 0;
}

/* ---- sockets ---- */

void
key_socket_add(struct nk *nk, struct key_socket *ks)
{
	ks->ks_next = nk->nk_key->k_sockets;
	nk->nk_key->k_sockets = ks;
}

void
key_socket_remove(struct nk *nk, struct key_socket *ks)
{
	struct key_socket **pp = &nk->nk_key->k_sockets;

	key_dump_end(nk, ks);
	while (*pp != NULL && *pp != ks)
		pp = &(*pp)->ks_next;
	if (*pp == ks)
		*pp = ks->ks_next;
}

int
key_init(struct nk *nk)
{
	struct key *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return ENOMEM;
	if (sysctl_register(nk, key_sysctl) != 0) {
		free(k);
		return ENOMEM;
	}
	k->k_reqid = IPSEC_MANUAL_REQID_MAX;
	nk->nk_key = k;
	key_tables(nk, k);
	return 0;
}

void
key_fini(struct nk *nk)
{
	struct key_socket *ks;

	if (nk->nk_key == NULL)
		return;
	for (ks = nk->nk_key->k_sockets; ks != NULL; ks = ks->ks_next)
		key_dump_end(nk, ks);
	free(nk->nk_key);
	nk->nk_key = NULL;
}
