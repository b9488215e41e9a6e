/* SPDX-License-Identifier: ISC */
/*
 * Which payloads a message may, must and must not carry (RFC 7296 sections
 * 1.2, 1.3 and 1.4, appendix C).  The parser consults these rows before any
 * code looks inside a payload: what is not in the rows is not allowed.
 *
 * All exchanges but IKE_SA_INIT stand inside an encrypted payload; the parser
 * is given only what was decrypted, so a payload in the clear there is never
 * even seen.  An answer that refuses (an error notify in place of SA) needs
 * none of the payloads, so the least counts of answers are those of the shape
 * that the message has: with SA or without, with selectors or without.
 *
 * CERT, CERTREQ, CP and EAP are allowed where RFC 7296 has them, since a peer
 * may send them unasked; what we do not use is skipped whole.
 */
#include "libike/ike_msg.h"

#define MANY	IKE_PAYLOADS_MAX

#define ANYWHERE							\
	{ IKE_P_NOTIFY,	 0, IKE_NOTIFIES_MAX },				\
	{ IKE_P_VENDOR,	 0, MANY },					\
	{ IKE_P_NONE,	 0, 0 }

static const struct ike_legal legal_init_request[] = {
	{ IKE_P_SA,	 1, 1 },
	{ IKE_P_KE,	 1, 1 },
	{ IKE_P_NONCE,	 1, 1 },
	ANYWHERE
};

static const struct ike_legal legal_init_answer[] = {
	{ IKE_P_SA,	 1, 1 },
	{ IKE_P_KE,	 1, 1 },
	{ IKE_P_NONCE,	 1, 1 },
	{ IKE_P_CERTREQ, 0, MANY },
	ANYWHERE
};

/* COOKIE, INVALID_KE_PAYLOAD, NO_PROPOSAL_CHOSEN and other refusals. */
static const struct ike_legal legal_notify_only[] = {
	{ IKE_P_NOTIFY,	 1, IKE_NOTIFIES_MAX },
	{ IKE_P_VENDOR,	 0, MANY },
	{ IKE_P_NONE,	 0, 0 }
};

/* AUTH is missing if the peer asks for EAP: refused later, by name. */
static const struct ike_legal legal_auth_request[] = {
	{ IKE_P_IDI,	 1, 1 },
	{ IKE_P_IDR,	 0, 1 },
	{ IKE_P_AUTH,	 0, 1 },
	{ IKE_P_CERT,	 0, MANY },
	{ IKE_P_CERTREQ, 0, MANY },
	{ IKE_P_CP,	 0, 1 },
	{ IKE_P_SA,	 0, 1 },
	{ IKE_P_TSI,	 0, 1 },
	{ IKE_P_TSR,	 0, 1 },
	ANYWHERE
};

/* Without IDr and AUTH it can only be a refusal: see ike_iauth.c. */
static const struct ike_legal legal_auth_answer[] = {
	{ IKE_P_IDR,	 0, 1 },
	{ IKE_P_AUTH,	 0, 1 },
	{ IKE_P_CERT,	 0, MANY },
	{ IKE_P_CP,	 0, 1 },
	{ IKE_P_EAP,	 0, 1 },
	{ IKE_P_SA,	 0, 1 },
	{ IKE_P_TSI,	 0, 1 },
	{ IKE_P_TSR,	 0, 1 },
	ANYWHERE
};

static const struct ike_legal legal_child[] = {
	{ IKE_P_SA,	 1, 1 },
	{ IKE_P_NONCE,	 1, 1 },
	{ IKE_P_KE,	 0, 1 },
	{ IKE_P_TSI,	 1, 1 },
	{ IKE_P_TSR,	 1, 1 },
	{ IKE_P_CP,	 0, 1 },
	ANYWHERE
};

static const struct ike_legal legal_rekey_ike[] = {
	{ IKE_P_SA,	 1, 1 },
	{ IKE_P_NONCE,	 1, 1 },
	{ IKE_P_KE,	 1, 1 },
	ANYWHERE
};

static const struct ike_legal legal_informational[] = {
	{ IKE_P_DELETE,	 0, IKE_DELETES_MAX },
	{ IKE_P_CP,	 0, 1 },
	ANYWHERE
};

static const struct ike_legal legal_nothing[] = {
	{ IKE_P_NONE,	 0, 0 }
};

const struct ike_legal *
ike_legal_rows(uint8_t exchange, bool response, bool has_sa, bool has_ts)
{
	switch (exchange) {
	case IKE_X_SA_INIT:
		if (!response)
			return legal_init_request;
		return has_sa ? legal_init_answer : legal_notify_only;
	case IKE_X_AUTH:
		return response ? legal_auth_answer : legal_auth_request;
	case IKE_X_CREATE_CHILD:
		if (response && !has_sa)
			return legal_notify_only;
		return has_ts ? legal_child : legal_rekey_ike;
	case IKE_X_INFORMATIONAL:
		return legal_informational;
	default:
		return legal_nothing;
	}
}
