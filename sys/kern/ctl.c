/* SPDX-License-Identifier: ISC */
/*
 * Dispatch of control requests: check the record against the operation's
 * row, call it, send what it put and a last record.
 *
 * Operations are found by a two-step index, group (high byte) and number
 * (low byte), so that registering is filling in pointers.
 */
#include "kern/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kern/ctl_conn.h"
#include "kern/nk.h"

#define CTL_GROUPS	8
#define CTL_OPS		64
#define CTL_CLOSERS	8

struct ctl {
	const struct ctl_entry	*ct_op[CTL_GROUPS][CTL_OPS];
	void			(*ct_close[CTL_CLOSERS])(struct nk *, uint64_t);
	unsigned		 ct_nclose;
	void			*ct_mem;	/* records under construction */
};

int
ctl_init(struct nk *nk)
{
	nk->nk_ctl = calloc(1, sizeof(*nk->nk_ctl));
	if (nk->nk_ctl == NULL)
		return ENOMEM;
	nk->nk_ctl->ct_mem = malloc(sizeof(struct ctl_hdr) + CTL_MSG_MAX);
	if (nk->nk_ctl->ct_mem == NULL) {
		ctl_fini(nk);
		return ENOMEM;
	}
	return 0;
}

void
ctl_fini(struct nk *nk)
{
	if (nk->nk_ctl == NULL)
		return;
	free(nk->nk_ctl->ct_mem);
	free(nk->nk_ctl);
	nk->nk_ctl = NULL;
}

int
ctl_register(struct nk *nk, const struct ctl_entry *ce)
{
	unsigned group, op;

	for (; ce->ce_fn != NULL; ce++) {
		group = ce->ce_op >> 8;
		op = ce->ce_op & 0xff;
		if (group >= CTL_GROUPS || op >= CTL_OPS)
			return EINVAL;
		if (nk->nk_ctl->ct_op[group][op] != NULL)
			return EEXIST;
		nk->nk_ctl->ct_op[group][op] = ce;
	}
	return 0;
}

int
ctl_register_close(struct nk *nk, void (*fn)(struct nk *, uint64_t))
{
	struct ctl *ct = nk->nk_ctl;

	if (ct->ct_nclose == CTL_CLOSERS)
		return ENOSPC;
	ct->ct_close[ct->ct_nclose++] = fn;
	return 0;
}

void
ctl_closed(struct nk *nk, uint64_t client)
{
	unsigned i;

	for (i = 0; i < nk->nk_ctl->ct_nclose; i++)
		nk->nk_ctl->ct_close[i](nk, client);
}

/* A reply that knows its request and connection. */
struct reply {
	struct ctl_reply	 re_reply;	/* first: handlers see this */
	struct ctl_conn		*re_conn;
	struct ctl_hdr		 re_hdr;
	uint8_t			*re_mem;
	bool			 re_gone;
};

static int
reply_send(struct reply *re, uint16_t flags, int error, const void *body, size_t len)
{
	struct ctl_hdr h = re->re_hdr;

	if (re->re_gone)
		return ENOBUFS;
	if (len > CTL_MSG_MAX)
		return EMSGSIZE;
	h.ch_flags = flags;
	h.ch_errno = (uint16_t)error;
	memcpy(re->re_mem, &h, sizeof(h));
	if (len != 0)
		memcpy(re->re_mem + sizeof(h), body, len);
	if (!re->re_conn->cc_send(re->re_conn, re->re_mem, sizeof(h) + len)) {
		re->re_gone = true;
		return ENOBUFS;
	}
	return 0;
}

static int
reply_put(struct ctl_reply *cr, const void *body, size_t len)
{
	return reply_send((struct reply *)cr->cr_arg, 0, 0, body, len);
}

static const struct ctl_entry *
ctl_find(const struct ctl *ct, uint16_t op)
{
	if (op >> 8 >= CTL_GROUPS || (op & 0xff) >= CTL_OPS)
		return NULL;
	return ct->ct_op[op >> 8][op & 0xff];
}

/* The row that serves the request; NULL with errno and text. */
static const struct ctl_entry *
ctl_check(struct nk *nk, const struct ctl_conn *cc, const struct ctl_hdr *h,
    size_t len, int *error, const char **text)
{
	const struct ctl_entry *ce;

	*error = EINVAL;
	if (h->ch_version != CTL_VERSION) {
		*text = "this program is of another version than netkern";
		return NULL;
	}
	ce = ctl_find(nk->nk_ctl, h->ch_op);
	if (ce == NULL) {
		*error = EOPNOTSUPP;
		*text = "netkern does not know this request";
		return NULL;
	}
	if (len < ce->ce_min || len > ce->ce_max) {
		*text = "request of wrong length";
		return NULL;
	}
	if (ce->ce_privileged && !cc->cc_privileged) {
		*error = EPERM;
		*text = "only root may change this";
		return NULL;
	}
	return ce;
}

void
ctl_message(struct nk *nk, struct clock_now now, struct ctl_conn *cc,
    const void *rec, size_t len)
{
	struct reply re = { .re_conn = cc, .re_mem = nk->nk_ctl->ct_mem };
	struct ctl_request rq = { .cq_hdr = &re.re_hdr, .cq_client = cc->cc_id,
	    .cq_fd = cc->cc_fd };
	struct cur c = cur_init(rec, len);
	const struct ctl_entry *ce;
	const char *text = "";
	int error = EINVAL;

	re.re_reply.cr_put = reply_put;
	re.re_reply.cr_arg = &re;
	if (!cur_copy(&c, &re.re_hdr, sizeof(re.re_hdr))) {
		text = "request without a header";
		(void)reply_send(&re, CTL_F_END, EINVAL, text, strlen(text));
		return;
	}
	ce = ctl_check(nk, cc, &re.re_hdr, cur_left(&c), &error, &text);
	if (ce != NULL) {
		rq.cq_body = c;
		error = ce->ce_fn(nk, now, &rq, &re.re_reply);
		text = re.re_reply.cr_err;
	}
	if (error != 0 && text[0] == '\0')
		text = strerror(error);
	(void)reply_send(&re, CTL_F_END, error, error == 0 ? "" : text,
	    error == 0 ? 0 : strnlen(text, sizeof(re.re_reply.cr_err)));
}
