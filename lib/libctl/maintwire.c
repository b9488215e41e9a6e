/* SPDX-License-Identifier: ISC */
/*
 * Records of maint.sock: parse and build (see maint.h).
 */
#include <string.h>

#include "libctl/maint.h"

static bool
plain(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

/* A text of at most cap - 1 bytes, none of them a control character. */
static bool
take_text(struct cur *c, char *out, size_t cap)
{
	size_t n = cur_u16(c);

	if (n >= cap || !cur_copy(c, out, n))
		return false;
	out[n] = '\0';
	return strlen(out) == n && plain(out);
}

static bool
take_id(struct cur *c, char out[MAINT_ID + 1])
{
	return take_text(c, out, MAINT_ID + 1) && (out[0] == '\0' ||
	    strspn(out, "0123456789abcdef") == MAINT_ID);
}

static bool
take_user(struct cur *c, char out[MAINT_USER + 1])
{
	return take_text(c, out, MAINT_USER + 1) && out[strspn(out,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789-_.")] == '\0';
}

static bool
take_kind(struct cur *c, enum maint_kind *kind)
{
	unsigned k = cur_u8(c);

	*kind = (enum maint_kind)k;
	return k < MAINT_KINDS;
}

static bool
take_run(struct maint_request *mq, struct cur *c)
{
	unsigned command = cur_u8(c);

	mq->mq_command = (enum maint_command)command;
	mq->mq_base = cur_u64(c);
	mq->mq_confirm = cur_u32(c);
	return command < MAINT_COMMANDS && mq->mq_confirm <= MAINT_CONFIRM &&
	    take_id(c, mq->mq_id) && take_user(c, mq->mq_user) &&
	    take_text(c, mq->mq_password, sizeof(mq->mq_password)) &&
	    take_text(c, mq->mq_passphrase, sizeof(mq->mq_passphrase)) &&
	    take_text(c, mq->mq_reason, sizeof(mq->mq_reason));
}

static bool
take_body(struct maint_request *mq, struct cur *c)
{
	switch (mq->mq_op) {
	case MAINT_STATUS:
		return take_kind(c, &mq->mq_kind);
	case MAINT_UPLOAD:
		if (!take_kind(c, &mq->mq_kind))
			return false;
		mq->mq_size = cur_u64(c);
		return take_user(c, mq->mq_user);
	case MAINT_DATA:
		mq->mq_data = cur_sub(c, cur_left(c));
		return cur_left(&mq->mq_data) <= MAINT_PIECE;
	case MAINT_DONE:
		mq->mq_size = cur_u64(c);
		return true;
	case MAINT_DROP:
		return take_kind(c, &mq->mq_kind) && take_id(c, mq->mq_id);
	case MAINT_RUN:
		return take_run(mq, c);
	default:
		return false;
	}
}

bool
maint_parse(struct maint_request *mq, const void *record, size_t n)
{
	struct cur c = cur_init(record, n);

	memset(mq, 0, sizeof(*mq));
	if (cur_u16(&c) != MAINT_VERSION)
		return false;
	mq->mq_op = (enum maint_op)cur_u16(&c);
	mq->mq_seq = cur_u32(&c);
	return cur_ok(&c) && take_body(mq, &c) && cur_end(&c);
}

/* ---- building ---- */

static void
put_header(struct wcur *w, enum maint_op op, uint32_t seq)
{
	wcur_u16(w, MAINT_VERSION);
	wcur_u16(w, (uint16_t)op);
	wcur_u32(w, seq);
}

static void
put_run(struct wcur *w, const struct maint_request *mq)
{
	wcur_u8(w, (uint8_t)mq->mq_command);
	wcur_u64(w, mq->mq_base);
	wcur_u32(w, mq->mq_confirm);
	wcur_text(w, mq->mq_id, sizeof(mq->mq_id));
	wcur_text(w, mq->mq_user, sizeof(mq->mq_user));
	wcur_text(w, mq->mq_password, sizeof(mq->mq_password));
	wcur_text(w, mq->mq_passphrase, sizeof(mq->mq_passphrase));
	wcur_text(w, mq->mq_reason, sizeof(mq->mq_reason));
}

size_t
maint_build(const struct maint_request *mq, void *record, size_t cap)
{
	struct wcur w = wcur_init(record, cap);
	struct cur data = mq->mq_data;
	size_t n;

	put_header(&w, mq->mq_op, mq->mq_seq);
	switch (mq->mq_op) {
	case MAINT_RUN:
		put_run(&w, mq);
		break;
	case MAINT_DATA:
		n = cur_left(&data);
		wcur_put(&w, cur_bytes(&data, n), n);
		break;
	case MAINT_DONE:
		wcur_u64(&w, mq->mq_size);
		break;
	default:
		wcur_u8(&w, (uint8_t)mq->mq_kind);
		if (mq->mq_op == MAINT_UPLOAD) {
			wcur_u64(&w, mq->mq_size);
			wcur_text(&w, mq->mq_user, sizeof(mq->mq_user));
		} else if (mq->mq_op == MAINT_DROP) {
			wcur_text(&w, mq->mq_id, sizeof(mq->mq_id));
		}
	}
	return wcur_ok(&w) ? wcur_len(&w) : 0;
}

size_t
maint_build_answer(uint32_t seq, enum maint_status status, const char *text,
    void *record, size_t cap)
{
	struct wcur w = wcur_init(record, cap);

	put_header(&w, MAINT_ANSWER, seq);
	wcur_u8(&w, (uint8_t)status);
	wcur_text(&w, text, MAINT_TEXT);
	return wcur_ok(&w) ? wcur_len(&w) : 0;
}
