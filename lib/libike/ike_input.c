/* SPDX-License-Identifier: ISC */
/*
 * A datagram's way in.
 *
 *	ike_input -> input_header -> init_requested / init_response
 *	                          -> input_protected -> input_window
 *	    -> seal_open -> reasm_add -> input_message
 *	    -> input_request / input_response -> the exchange
 *
 * Nothing of an IKE SA changes before the ICV has been verified and the message
 * ID found to be the next of a request, or that of our outstanding request
 * (RFC 7296 sections 2.1 to 2.3).
 */
#include "libike/ike_var.h"

enum window {
	WINDOW_NEW,	/* the peer's next request, or the answer to ours */
	WINDOW_AGAIN,	/* the request before: it is answered from memory */
	WINDOW_OUT,
};

static enum window
input_window(const struct ikesa *sa, const struct ike_hdr *h)
{
	if (h->h_flags & IKE_F_RESPONSE)
		return sa->sa_req != NULL && sa->sa_req->x_sent &&
		    h->h_msgid == sa->sa_req->x_msgid &&
		    h->h_exchange == sa->sa_req->x_exchange ? WINDOW_NEW :
		    WINDOW_OUT;
	if (h->h_msgid == sa->sa_next_rsp && sa->sa_rsp == NULL)
		return WINDOW_NEW;
	if (sa->sa_next_rsp != 0 && h->h_msgid == sa->sa_next_rsp - 1)
		return WINDOW_AGAIN;
	return WINDOW_OUT;
}

static struct ike_datagram
answer_path(const struct ike_datagram *dg)
{
	struct ike_datagram to = *dg;

	to.dg_data = NULL;
	to.dg_len = 0;
	to.dg_keepalive = false;
	return to;
}

/* Section 2.23: the address of a peer behind NAT follows what is verified. */
static void
input_path(struct ikesa *sa, const struct inmsg *im)
{
	const struct ike_datagram *dg = im->im_dg;
	bool moved = !addr_equal(&dg->dg_remote, &sa->sa_remote) ||
	    dg->dg_rport != sa->sa_rport;
	uint64_t quiet = sa->sa_ike->i_now - sa->sa_heard;

	ikesa_heard(sa);
	if (!(im->im_hdr.h_flags & IKE_F_RESPONSE))
		sa->sa_reply_to = answer_path(dg);
	if (sa->sa_state == SA_HALF_R) {
		/* IKE_AUTH tells which port the initiator floated to. */
		sa->sa_remote = dg->dg_remote;
		sa->sa_rport = dg->dg_rport;
		sa->sa_local = dg->dg_local;
		sa->sa_lport = dg->dg_lport;
		sa->sa_natt = dg->dg_natt;
	} else if (sa->sa_state == SA_UP && moved && sa->sa_natt &&
	    dg->dg_natt && sa->sa_nat_peer && !sa->sa_nat_us) {
		ikesa_moved(sa, dg, quiet);
	}
}

/* May a request of this exchange come in this state? */
static bool
request_legal(const struct ikesa *sa, uint8_t exchange)
{
	switch (sa->sa_state) {
	case SA_HALF_R:
		return exchange == IKE_X_AUTH;
	case SA_UP:
	case SA_REPLACED:
	case SA_DELETING:
		return exchange == IKE_X_CREATE_CHILD ||
		    exchange == IKE_X_INFORMATIONAL;
	default:
		return false;
	}
}

/*
 * A malformed message that the peer has signed: it is told, and since the two
 * ends do not speak the same protocol the SA ends (section 2.21.3).
 */
static void
input_malformed(struct ikesa *sa, const struct inmsg *im, enum ike_parse e,
    uint8_t critical)
{
	const struct ike_hdr *h = &im->im_hdr;
	bool response = (h->h_flags & IKE_F_RESPONSE) != 0;

	if (e == IKE_PARSE_ILLEGAL || e == IKE_PARSE_MISSING ||
	    e == IKE_PARSE_CRITICAL)
		sa->sa_ike->i_stats.is_in_illegal++;
	else
		sa->sa_ike->i_stats.is_in_malformed++;
	if (sa->sa_state == SA_HALF_R)
		act_event(sa->sa_ike, IKE_EV_FAILED, IKE_R_SYNTAX, sa, "", 0,
		    "the peer's IKE_AUTH is malformed: %s", ike_parse_text(e));
	else
		act_event(sa->sa_ike, IKE_EV_NOTE, IKE_R_SYNTAX, sa, "", 0,
		    "a message of exchange %u is malformed: %s",
		    h->h_exchange, ike_parse_text(e));
	if (e == IKE_PARSE_CRITICAL && !response) {
		seal_respond_notify(sa, h->h_exchange, h->h_msgid,
		    IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD, &critical, 1);
		if (sa->sa_state == SA_HALF_R)
			ikesa_refused(sa);
		return;
	}
	if (!response)
		seal_respond_notify(sa, h->h_exchange, h->h_msgid,
		    IKE_N_INVALID_SYNTAX, NULL, 0);
	if (sa->sa_state == SA_AUTH_I)
		ikesa_fail(sa, IKE_R_SYNTAX, "the peer's IKE_AUTH is malformed"
		    ": %s", ike_parse_text(e));
	else if (!response)
		ikesa_closed(sa, IKE_R_SYNTAX);
	else
		ikesa_kill(sa, IKE_R_SYNTAX);
}

static void
input_request(struct ikesa *sa, const struct inmsg *im, const struct ike_msg *m)
{
	if (im->im_hdr.h_exchange == IKE_X_CREATE_CHILD ||
	    (m->m_ndelete != 0 && m->m_delete[0].d_proto != IKE_PROTO_IKE))
		rekey_decided(sa);
	switch (im->im_hdr.h_exchange) {
	case IKE_X_AUTH:
		auth_requested(sa, im, m);
		break;
	case IKE_X_CREATE_CHILD:
		if (m->m_has_tsi)
			create_requested(sa, im, m);
		else
			rekey_requested(sa, im, m);
		break;
	default:
		info_requested(sa, im, m);
		break;
	}
}

static void
input_response(struct ikesa *sa, const struct inmsg *im,
    const struct ike_msg *m)
{
	struct xchg *x = sa->sa_req;

	if (x->x_tries == 1)
		sa->sa_path.pa_rtt = (uint32_t)(sa->sa_ike->i_now - x->x_when);
	switch (x->x_type) {
	case X_AUTH:
		auth_response(x, im, m);
		break;
	case X_CHILD_NEW:
	case X_CHILD_REKEY:
		create_response(x, m);
		break;
	case X_IKE_REKEY:
		rekey_response(x, m);
		break;
	case X_PROBE:
		path_response(x);
		break;
	default:
		info_response(x, m);
		break;
	}
}

/* A whole, verified, new message. */
static void
input_message(struct ikesa *sa, struct inmsg *im)
{
	bool response = (im->im_hdr.h_flags & IKE_F_RESPONSE) != 0;
	enum ike_parse e;
	struct ike_msg m;

	if (!response && !request_legal(sa, im->im_hdr.h_exchange)) {
		sa->sa_ike->i_stats.is_in_state++;
		return;
	}
	e = ike_msg_parse(im->im_hdr.h_exchange, response, im->im_first,
	    im->im_p, im->im_n, &m);
	if (!response) {
		sa->sa_next_rsp++;
		outmsg_free(sa->sa_cached);
		sa->sa_cached = NULL;
	}
	if (e != IKE_PARSE_OK)
		input_malformed(sa, im, e, m.m_critical);
	else if (response)
		input_response(sa, im, &m);
	else
		input_request(sa, im, &m);
}

static void
input_protected(struct ikesa *sa, struct inmsg *im)
{
	struct ike *ike = sa->sa_ike;
	enum window where = input_window(sa, &im->im_hdr);
	struct ike_datagram to;
	enum open_result r;
	unsigned frag, total;

	if (where == WINDOW_OUT) {
		ike->i_stats.is_in_bad_id++;
		return;
	}
	r = seal_open(sa, im, &frag, &total);
	if (r == OPEN_MALFORMED) {
		ike->i_stats.is_in_malformed++;
		return;
	}
	if (r != OPEN_OK) {
		ike->i_stats.is_in_bad_icv++;
		return;
	}
	if (where == WINDOW_AGAIN) {
		/* Of a fragmented request only the first counts (2.6.1). */
		ike->i_stats.is_in_again++;
		to = answer_path(im->im_dg);
		if (frag <= 1 && sa->sa_cached != NULL && sa->sa_rsp == NULL)
			outmsg_send(ike, sa->sa_cached, &to);
		return;
	}
	if (total != 0 && reasm_add(sa, im, frag, total) != OPEN_OK)
		return;
	input_path(sa, im);
	input_message(sa, im);
	if (sa->sa_state == SA_UP && sa->sa_unproven) {
		/* It speaks on the SA, so it has our IKE_AUTH answer. */
		sa->sa_unproven = false;
		ikesa_duplicates(sa);
	}
}

/* The SA of a message; both SPIs and both roles must be as they should. */
static struct ikesa *
input_sa(struct ike *ike, const struct ike_hdr *h)
{
	bool from_initiator = (h->h_flags & IKE_F_INITIATOR) != 0;
	struct ikesa *sa = ikesa_find(ike, from_initiator ? h->h_spi_r :
	    h->h_spi_i);

	if (sa == NULL || sa->sa_initiator == from_initiator)
		return NULL;
	if (h->h_exchange == IKE_X_SA_INIT)
		return sa;
	return sa->sa_spi_i == h->h_spi_i && sa->sa_spi_r == h->h_spi_r &&
	    sa->sa_keyed ? sa : NULL;
}

static bool
input_header(struct ike *ike, struct inmsg *im)
{
	const struct ike_datagram *dg = im->im_dg;
	struct ike_hdr *h = &im->im_hdr;

	if (!ike_hdr_parse(dg->dg_data, dg->dg_len, h) ||
	    dg->dg_len > UINT16_MAX || h->h_spi_i == 0) {
		ike->i_stats.is_in_malformed++;
		return false;
	}
	if (h->h_version >> 4 != IKE_VERSION >> 4) {
		ike->i_stats.is_in_version++;
		return false;
	}
	im->im_first = h->h_next;
	im->im_p = dg->dg_data + IKE_HDR_LEN;
	im->im_n = dg->dg_len - IKE_HDR_LEN;
	return true;
}

static void
input(struct ike *ike, struct inmsg *im)
{
	const struct ike_hdr *h = &im->im_hdr;
	bool response;
	struct ikesa *sa;

	if (!input_header(ike, im))
		return;
	response = (h->h_flags & IKE_F_RESPONSE) != 0;
	if (h->h_exchange == IKE_X_SA_INIT && !response) {
		if (h->h_spi_r == 0 && (h->h_flags & IKE_F_INITIATOR))
			init_requested(ike, im);
		else
			ike->i_stats.is_in_illegal++;
		return;
	}
	sa = input_sa(ike, h);
	if (sa == NULL)
		ike->i_stats.is_in_unknown_sa++;
	else if (h->h_exchange == IKE_X_SA_INIT)
		init_response(sa, im);
	else
		input_protected(sa, im);
}

void
ike_input(struct ike *ike, uint64_t now, const struct ike_datagram *dg)
{
	struct inmsg im = { .im_dg = dg };

	ike_enter(ike, now);
	ike->i_stats.is_in++;
	if (dg->dg_len != 1 || dg->dg_data[0] != 0xff)
		input(ike, &im);
	ike_leave(ike);
}
