/* SPDX-License-Identifier: ISC */
/*
 * NAT detection (RFC 7296 section 2.23): each side sends
 * SHA-1(SPIi | SPIr | address | port) of its source and of its destination.
 * A hash that does not match what the datagram shows means that somebody in
 * between has rewritten it.  A rule with `encap' wants ESP in UDP without a
 * NAT as well: its hash of the source is of no address that a datagram has,
 * so that the peer takes us for one behind a NAT.
 */
#include "libike/ike_var.h"

static void
nat_hash(uint64_t spi_i, uint64_t spi_r, const struct addr *a, uint16_t port,
    uint8_t out[IKE_NAT_HASH_LEN])
{
	uint8_t buf[2 * IKE_SPI_LEN + 16 + 2];
	struct wcur w = wcur_init(buf, sizeof(buf));
	struct alg_chunk in = { buf, 0 };

	wcur_u64(&w, spi_i);
	wcur_u64(&w, spi_r);
	wcur_put(&w, a->ad_bytes, a->ad_af == AF_INET6 ? 16 : 4);
	wcur_u16(&w, port);
	in.n = wcur_len(&w);
	(void)hash_iov(ALG_SHA1, &in, 1, out);
}

void
nat_put(struct ike *ike, struct ike_writer *w, const struct ikesa *sa,
    uint64_t spi_r, bool encap)
{
	struct addr nobody = { .ad_af = sa->sa_local.ad_af };
	uint8_t h[IKE_NAT_HASH_LEN];

	if (ike->i_conf.cf_natt_off)
		return;
	nat_hash(sa->sa_spi_i, spi_r, encap ? &nobody : &sa->sa_local,
	    encap ? 0 : sa->sa_lport, h);
	ike_put_notify(w, IKE_N_NAT_DETECTION_SOURCE_IP, h, sizeof(h));
	nat_hash(sa->sa_spi_i, spi_r, &sa->sa_remote, sa->sa_rport, h);
	ike_put_notify(w, IKE_N_NAT_DETECTION_DESTINATION_IP, h, sizeof(h));
}

const char *
nat_who(const struct ikesa *sa)
{
	if (sa->sa_nat_us && sa->sa_nat_peer)
		return "a NAT is in front of both ends";
	if (sa->sa_nat_us)
		return "a NAT is in front of us";
	return sa->sa_nat_peer ? "a NAT is in front of the peer" :
	    "a rule says encap";
}

const char *
nat_refused(const struct ikesa *sa)
{
	if (sa->sa_natt || sa->sa_pol == NULL || !sa->sa_pol->pl_conf.po_encap)
		return NULL;
	return "the rule says encap, but the peer does not offer NAT traversal "
	    "(RFC 7296 section 2.23): ESP goes as IP protocol 50, not in UDP";
}

/* One of the notifies of this type has this hash; *any: there is one. */
static bool
nat_match(const struct ike_msg *m, uint16_t type, const uint8_t *h, bool *any)
{
	bool match = false;

	*any = false;
	for (unsigned i = 0; i < m->m_nnotify; i++) {
		const struct ike_notify *n = &m->m_notify[i];

		if (n->n_type != type)
			continue;
		*any = true;
		if (n->n_data.b_n == IKE_NAT_HASH_LEN &&
		    memcmp(n->n_data.b_p, h, IKE_NAT_HASH_LEN) == 0)
			match = true;
	}
	return match;
}

void
nat_check(struct ikesa *sa, const struct ike_msg *m,
    const struct ike_datagram *dg, uint64_t spi_i, uint64_t spi_r, bool *us,
    bool *peer, bool *supported)
{
	uint8_t h[IKE_NAT_HASH_LEN];
	bool src, dst, any_src, any_dst;

	nat_hash(spi_i, spi_r, &dg->dg_remote, dg->dg_rport, h);
	src = nat_match(m, IKE_N_NAT_DETECTION_SOURCE_IP, h, &any_src);
	nat_hash(spi_i, spi_r, &dg->dg_local, dg->dg_lport, h);
	dst = nat_match(m, IKE_N_NAT_DETECTION_DESTINATION_IP, h, &any_dst);
	*supported = any_src && any_dst && !sa->sa_ike->i_conf.cf_natt_off;
	*peer = *supported && !src;
	*us = *supported && !dst;
}
