/* SPDX-License-Identifier: ISC */
/*
 * Which extensions a message must and may carry, in each direction (RFC 2367
 * section 3.1, and what Linux' key socket takes and sends).  pfkey_parse()
 * asks this table before anyone looks at a message's meaning.
 */
#include <errno.h>

#include "libpfkey/legal.h"

#define B(ext)		PFKEY_BIT(ext)

#define SA		B(SADB_EXT_SA)
#define ENDS		(B(SADB_EXT_ADDRESS_SRC) | B(SADB_EXT_ADDRESS_DST))
#define PROXY		B(SADB_EXT_ADDRESS_PROXY)
#define CURRENT		B(SADB_EXT_LIFETIME_CURRENT)
#define LIMITS		(B(SADB_EXT_LIFETIME_HARD) | B(SADB_EXT_LIFETIME_SOFT))
#define KEYS		(B(SADB_EXT_KEY_AUTH) | B(SADB_EXT_KEY_ENCRYPT))
#define IDENTS		(B(SADB_EXT_IDENTITY_SRC) | B(SADB_EXT_IDENTITY_DST))
#define PROP		B(SADB_EXT_PROPOSAL)
#define SUPPORTED	(B(SADB_EXT_SUPPORTED_AUTH) | B(SADB_EXT_SUPPORTED_ENCRYPT))
#define RANGE		B(SADB_EXT_SPIRANGE)
#define POLICY		B(SADB_X_EXT_POLICY)
#define SA2		B(SADB_X_EXT_SA2)
#define PORTS		(B(SADB_X_EXT_NAT_T_SPORT) | B(SADB_X_EXT_NAT_T_DPORT))
#define NATT		(B(SADB_X_EXT_NAT_T_TYPE) | PORTS | B(SADB_X_EXT_NAT_T_OA))
#define FILTER		B(SADB_X_EXT_FILTER)
#define ASK		B(PFKEY_EXT_ASK)
#define REPLAY		B(PFKEY_EXT_REPLAY)
#define SELECTOR	B(PFKEY_EXT_SELECTOR)
#define NAME		B(PFKEY_EXT_NAME)
#define STATS		B(PFKEY_EXT_STATS)
#define PACKET		B(PFKEY_EXT_PACKET)
#define ACQUIRE		B(PFKEY_EXT_ACQUIRE)
#define PMTU		B(PFKEY_EXT_PMTU)

/* What describes an SA. */
#define SA_BODY		(CURRENT | LIMITS | PROXY | IDENTS | SA2 | NATT | REPLAY | SELECTOR | NAME)
/* What describes a policy. */
#define SP_BODY		(CURRENT | LIMITS | SELECTOR | NAME | ACQUIRE)

struct legal {
	uint8_t		lg_type;
	const char	*lg_refused;	/* known, and why it is not taken */
	uint64_t	lg_must, lg_may;
};

static const struct legal from_user[] = {
	{ SADB_GETSPI,		NULL, ENDS,		RANGE | SA2 | PROXY | NAME },
	{ SADB_UPDATE,		NULL, SA | ENDS,	KEYS | SA_BODY | PMTU },
	{ SADB_ADD,		NULL, SA | ENDS,	KEYS | SA_BODY | PMTU },
	{ SADB_DELETE,		NULL, SA | ENDS,	SA2 },
	{ SADB_GET,		NULL, SA | ENDS,	SA2 },
	{ SADB_ACQUIRE,		NULL, 0,		ENDS | PROXY | PROP | IDENTS | POLICY | SA2 |
							SELECTOR | NAME | PACKET },
	{ SADB_REGISTER,	NULL, 0,		SUPPORTED },
	{ SADB_FLUSH,		NULL, 0,		0 },
	{ SADB_DUMP,		NULL, 0,		FILTER },
	{ SADB_X_PROMISC,	NULL, 0,		0 },
	{ SADB_X_PCHANGE,	"PCHANGE: policies are told by SPDADD, SPDUPDATE and SPDDELETE", 0, 0 },
	{ SADB_X_SPDUPDATE,	NULL, ENDS | POLICY,	SP_BODY },
	{ SADB_X_SPDADD,	NULL, ENDS | POLICY,	SP_BODY },
	{ SADB_X_SPDDELETE,	NULL, ENDS | POLICY,	SP_BODY },
	{ SADB_X_SPDGET,	NULL, POLICY,		0 },
	{ SADB_X_SPDACQUIRE,	"SPDACQUIRE: policies are not acquired", 0, 0 },
	{ SADB_X_SPDDUMP,	NULL, 0,		0 },
	{ SADB_X_SPDFLUSH,	NULL, 0,		0 },
	{ SADB_X_SPDSETIDX,	"SPDSETIDX: use SPDADD", 0, 0 },
	{ SADB_X_SPDEXPIRE,	"SPDEXPIRE: policies do not expire", 0, 0 },
	{ SADB_X_SPDDELETE2,	NULL, POLICY,		0 },
	{ SADB_X_MIGRATE,	"MIGRATE: use UPDATE of each SA", 0, 0 },
};

static const struct legal from_kernel[] = {
	{ SADB_GETSPI,		NULL, SA | ENDS,	SA2 | PROXY | NAME | CURRENT | REPLAY },
	{ SADB_UPDATE,		NULL, SA | ENDS,	SA_BODY },
	{ SADB_ADD,		NULL, SA | ENDS,	SA_BODY },
	{ SADB_DELETE,		NULL, SA | ENDS,	SA2 | REPLAY },
	{ SADB_GET,		NULL, SA | ENDS,	KEYS | SA_BODY | STATS | PMTU },
	{ SADB_ACQUIRE,		NULL, ENDS | PROP,	PROXY | IDENTS | POLICY | SA2 | SELECTOR |
							NAME | PACKET },
	{ SADB_REGISTER,	NULL, 0,		SUPPORTED },
	{ SADB_EXPIRE,		NULL, SA | CURRENT | ENDS, LIMITS | SA2 | NAME | STATS | REPLAY |
							PMTU },
	{ SADB_FLUSH,		NULL, 0,		0 },
	{ SADB_DUMP,		NULL, SA | ENDS,	KEYS | SA_BODY | STATS | PMTU },
	{ SADB_X_PROMISC,	NULL, 0,		0 },
	{ SADB_X_SPDUPDATE,	NULL, ENDS | POLICY,	SP_BODY },
	{ SADB_X_SPDADD,	NULL, ENDS | POLICY,	SP_BODY },
	{ SADB_X_SPDDELETE,	NULL, ENDS | POLICY,	SP_BODY },
	{ SADB_X_SPDGET,	NULL, ENDS | POLICY,	SP_BODY },
	{ SADB_X_SPDDUMP,	NULL, ENDS | POLICY,	SP_BODY },
	{ SADB_X_SPDFLUSH,	NULL, 0,		0 },
	{ SADB_X_SPDDELETE2,	NULL, ENDS | POLICY,	SP_BODY },
	{ SADB_X_NAT_T_NEW_MAPPING, NULL, SA | ENDS | PORTS, SA2 | REPLAY | NAME },
};

static const struct legal *
find(unsigned type, enum pfkey_from from)
{
	const struct legal *t = from == PFKEY_FROM_USER ? from_user : from_kernel;
	size_t n = from == PFKEY_FROM_USER ? sizeof(from_user) / sizeof(*t) :
	    sizeof(from_kernel) / sizeof(*t);

	for (size_t i = 0; i < n; i++) {
		if (t[i].lg_type == type)
			return &t[i];
	}
	return NULL;
}

int
legal_check(const struct pfkey_msg *m, enum pfkey_from from, const char **why)
{
	const struct legal *lg = find(m->pm_type, from);
	bool failed = m->pm_errno != 0 &&
	    (from == PFKEY_FROM_KERNEL || m->pm_type == SADB_ACQUIRE);

	if (lg == NULL) {
		*why = "unknown message type";
		if (failed)	/* an error answers whatever was asked */
			return 0;
		return EINVAL;
	}
	if (lg->lg_refused != NULL) {
		*why = lg->lg_refused;
		return EOPNOTSUPP;
	}
	if (!failed && (lg->lg_must & ~m->pm_has) != 0) {
		*why = "extension missing";
		return EINVAL;
	}
	if ((m->pm_has & ~(lg->lg_must | lg->lg_may | (from == PFKEY_FROM_USER ? ASK : 0))) != 0) {
		*why = "extension not legal in this message";
		return EINVAL;
	}
	return 0;
}

const char *
pfkey_legal(const struct pfkey_msg *m, enum pfkey_from from)
{
	const char *why = NULL;

	return legal_check(m, from, &why) == 0 ? NULL : why;
}

