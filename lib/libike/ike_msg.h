/* SPDX-License-Identifier: ISC */
/*
 * The codec: bytes of a message to a structure and back.  It knows no SA and no
 * key and links alone, so that daemon, tests and fuzzers use the same object.
 *
 * Parsing goes in two steps.  ike_hdr_parse() reads the 28 bytes in front.
 * ike_msg_parse() then walks a chain of payloads (of the message itself for
 * IKE_SA_INIT, of the decrypted SK payload for the rest), consults the table
 * of legality (ike_legal.c) and fills a struct ike_msg, whose pointers lead
 * into the bytes given.  It decides nothing else and touches nothing else.
 *
 * Building: an ike_writer appends payloads to a buffer and keeps the chain of
 * next-payload fields; a payload that does not fit fails the writer for good.
 */
#ifndef LIBIKE_IKE_MSG_H
#define LIBIKE_IKE_MSG_H

#include "libike/ike.h"
#include "libike/ike_wire.h"
#include "libutil/cur.h"

struct ike_hdr {
	uint64_t	h_spi_i, h_spi_r;
	uint8_t		h_next;
	uint8_t		h_version;
	uint8_t		h_exchange;
	uint8_t		h_flags;
	uint32_t	h_msgid;
	uint32_t	h_len;
};

enum ike_parse {
	IKE_PARSE_OK = 0,
	IKE_PARSE_SHORT,	/* a length that its bytes do not have */
	IKE_PARSE_SYNTAX,	/* a field with a value that cannot be */
	IKE_PARSE_ILLEGAL,	/* a payload where or as often as not allowed */
	IKE_PARSE_MISSING,	/* a payload that must be there is not */
	IKE_PARSE_CRITICAL,	/* unknown and critical: m_critical */
	IKE_PARSE_LIMIT,	/* more of something than we store */
};
const char *ike_parse_text(enum ike_parse e);

/*
 * => False if the bytes are fewer than a header or the length field is not
 *    exactly their number.
 */
bool	ike_hdr_parse(const void *p, size_t n, struct ike_hdr *h);
void	ike_hdr_build(struct wcur *w, const struct ike_hdr *h);

#define IKE_PAYLOADS_MAX	64	/* in one chain, any type */
#define IKE_NOTIFIES_MAX	32
#define IKE_DELETES_MAX		4

struct ike_blob {
	const uint8_t	*b_p;
	size_t		 b_n;
};

struct ike_notify {
	uint16_t	n_type;
	uint8_t		n_proto;	/* 0 without SPI */
	uint32_t	n_spi;		/* of ESP or AH; 0 without */
	struct ike_blob	n_data;
};

struct ike_delete {
	uint8_t		d_proto;
	uint16_t	d_n;
	struct ike_blob	d_spis;		/* d_n times 4 bytes; none for IKE */
};

struct ike_msg {
	bool			m_has_sa, m_has_ke, m_has_tsi, m_has_tsr;
	bool			m_has_idi, m_has_idr, m_has_auth, m_has_eap;
	bool			m_has_cp;
	struct ike_blob		m_sa;		/* proposals, checked */
	uint16_t		m_group;	/* of the KE payload */
	struct ike_blob		m_ke;
	struct ike_blob		m_nonce;	/* b_p NULL: none */
	struct ike_id		m_idi, m_idr;
	/* Body of the ID payloads, as prf(SK_p, ID') takes it. */
	struct ike_blob		m_idi_raw, m_idr_raw;
	uint8_t			m_auth_method;
	struct ike_blob		m_auth;
	struct ike_ts_list	m_tsi, m_tsr;
	uint8_t			m_nnotify;
	struct ike_notify	m_notify[IKE_NOTIFIES_MAX];
	uint8_t			m_ndelete;
	struct ike_delete	m_delete[IKE_DELETES_MAX];
	uint8_t			m_critical;	/* type, IKE_PARSE_CRITICAL */
};

/*
 * => first is the type of the first payload, p the first byte after the
 *    IKE header or of the decrypted content without padding.
 * => On anything but IKE_PARSE_OK only m_critical means something.
 */
enum ike_parse ike_msg_parse(uint8_t exchange, bool response, uint8_t first,
	    const void *p, size_t n, struct ike_msg *m);

/* The first notify of this type; NULL. */
const struct ike_notify *ike_msg_notify(const struct ike_msg *m, uint16_t type);
/* The first notify that is an error (below 16384); NULL. */
const struct ike_notify *ike_msg_error(const struct ike_msg *m);
const char *ike_notify_name(uint16_t type);

/*
 * The table of legality: may a message of this exchange and direction carry
 * this payload, how often (most), and must it (least)?
 */
struct ike_legal {
	uint8_t		l_payload;
	uint8_t		l_least, l_most;
};
/* Rows for the message, ended by payload 0; an error message needs less. */
const struct ike_legal *ike_legal_rows(uint8_t exchange, bool response,
	    bool has_sa, bool has_ts);

/* ---------------------------------------------------------------- write */

struct ike_writer {
	struct wcur	w_out;
	size_t		w_next;		/* where the next type is written */
	size_t		w_start;	/* of the open payload */
	uint8_t		w_first;	/* type of the first payload */
	bool		w_any;
};

/* Payloads only: the content of SK.  w_first tells the first type. */
void	ike_writer_init(struct ike_writer *w, void *buf, size_t cap);
/* A whole clear message; ike_writer_finish() sets the length. */
void	ike_writer_message(struct ike_writer *w, void *buf, size_t cap,
	    const struct ike_hdr *h);
/* Length of all, 0 if it did not fit. */
size_t	ike_writer_finish(struct ike_writer *w, bool message);

void	ike_put_open(struct ike_writer *w, uint8_t type);
void	ike_put_close(struct ike_writer *w);
void	ike_put_bytes(struct ike_writer *w, uint8_t type, const void *p,
	    size_t n);
void	ike_put_ke(struct ike_writer *w, uint16_t group, const void *p,
	    size_t n);
void	ike_put_id(struct ike_writer *w, uint8_t type, const struct ike_id *id);
void	ike_put_auth(struct ike_writer *w, uint8_t method, const void *p,
	    size_t n);
void	ike_put_notify(struct ike_writer *w, uint16_t type, const void *p,
	    size_t n);
/* With protocol and SPI: REKEY_SA and CHILD_SA_NOT_FOUND. */
void	ike_put_notify_spi(struct ike_writer *w, uint16_t type, uint8_t proto,
	    uint32_t spi);
void	ike_put_delete_ike(struct ike_writer *w);
void	ike_put_delete_esp(struct ike_writer *w, const uint32_t *spis,
	    size_t n);
/* spi: of spi_len bytes (0, 4 or 8), the same in each proposal. */
void	ike_put_sa(struct ike_writer *w, const struct ike_proposals *ps,
	    const void *spi, size_t spi_len);
/* As ike_put_sa() for one proposal that answers number `number'. */
void	ike_put_sa_answer(struct ike_writer *w, const struct ike_proposal *pr,
	    uint8_t number, const void *spi, size_t spi_len);
void	ike_put_ts(struct ike_writer *w, uint8_t type,
	    const struct ike_ts_list *tl);

/* Body of an ID payload, as prf(SK_p, ID') takes it; its length. */
#define IKE_ID_BODY_MAX		(4 + IKE_ID_MAX)
size_t	ike_id_body(const struct ike_id *id, uint8_t out[IKE_ID_BODY_MAX]);

/* ----------------------------------------------------------- proposals */

/* Structure of an SA payload's content is sound (all lengths, counts). */
enum ike_parse ike_sa_check(const void *p, size_t n);

/* One proposal of the peer, as far as we know its transforms. */
struct ike_offer {
	struct ike_proposal	of_pr;
	uint8_t			of_number;
	uint8_t			of_spi_len;
	uint8_t			of_spi[IKE_SPI_LEN];
	bool			of_spi_ok;	/* length fits protocol */
	uint8_t			of_types;	/* bit per type offered, also
						   of unknown transforms */
	bool			of_odd;		/* holds an unknown type */
};
/* Reads the next proposal from a checked payload; false at the end. */
bool	ike_offer_next(struct cur *c, struct ike_offer *of);

/*
 * Responder: the first of our proposals that meets one of the peer's, our
 * transforms' order deciding, but a group equal to prefer_group (of the KE
 * payload) is preferred where both sides allow it, to spare a round trip.
 * => True: chosen has one transform per type, number and spi are the peer's.
 * => False: best tells the type of transform that failed in the offer that
 *    came farthest (0: no offer of that protocol).
 */
struct ike_choice {
	struct ike_proposal	pc_pr;
	uint8_t			pc_number;
	uint8_t			pc_spi_len;
	uint8_t			pc_spi[IKE_SPI_LEN];
	uint8_t			pc_failed;
};
/* no_dh: the first child, made in IKE_AUTH, has no group (section 1.2). */
bool	ike_choose(struct ike_blob sa, const struct ike_proposals *ours,
	    uint16_t prefer_group, bool no_dh, struct ike_choice *out);
/*
 * Initiator: the answer is one proposal, one transform per type, out of those
 * that we sent.  False if it is not.
 */
bool	ike_choice_check(struct ike_blob sa, const struct ike_proposals *ours,
	    bool no_dh, struct ike_choice *out);

/* The transform of this type, NULL. */
const struct ike_transform *ike_proposal_get(const struct ike_proposal *pr,
	    uint8_t type);
/* Is it one of pr's, or the NONE that silence means? */
bool	ike_proposal_holds(const struct ike_proposal *pr,
	    const struct ike_transform *t);
/* First DH group of the list, IKE_DH_NONE if it has none. */
uint16_t ike_proposals_group(const struct ike_proposals *ps);
bool	ike_proposals_has_group(const struct ike_proposals *ps, uint16_t group);
/* Prints the peer's offers as ike_proposals_print() does. */
char	*ike_offers_print(struct ike_blob sa, char *buf, size_t len);
const char *ike_transform_name(const struct ike_transform *t);
const char *ike_transform_type_name(uint8_t type);
bool	ike_proposals_equal(const struct ike_proposals *a,
	    const struct ike_proposals *b);
/* Copies without groups, so as IKE_AUTH may offer them. */
void	ike_proposals_strip_dh(const struct ike_proposals *in,
	    struct ike_proposals *out);

/* --------------------------------------------------- traffic selectors */

enum ike_parse ike_ts_parse(const void *p, size_t n, struct ike_ts_list *out);
/* All pairwise meets without those that another covers; false if none. */
bool	ike_ts_narrow(const struct ike_ts_list *a, const struct ike_ts_list *b,
	    struct ike_ts_list *out);
/* Each selector of b lies in one of a. */
bool	ike_ts_list_covers(const struct ike_ts_list *a,
	    const struct ike_ts_list *b);
bool	ike_ts_list_equal(const struct ike_ts_list *a,
	    const struct ike_ts_list *b);
bool	ike_ts_match(const struct ike_ts_list *tl, const struct addr *a,
	    uint8_t proto, uint16_t port);

#endif
