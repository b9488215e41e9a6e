/* SPDX-License-Identifier: ISC */
/*
 * The policy as a value: made, grown, compared, wiped (see policy.h).
 */
#include <stdlib.h>
#include <string.h>

#include "libpolicy/parse.h"

void
policy_init(struct policy *pol)
{
	memset(pol, 0, sizeof(*pol));
	pol->pol_set = (struct policy_set){
		.set_active = true,
		.set_coupled = true,
		.set_fragmentation = true,
		.set_pathmtu = true,
		.set_nattport = 4500,
		.set_dpd = 60,
	};
	pol->pol_split = (struct policy_split){ SIZE_MAX, SIZE_MAX, SIZE_MAX,
	    { pol->pol_set, pol->pol_set } };
}

void
policy_key_wipe(struct policy_key *key)
{
	if (key->pk_bytes != NULL)
		explicit_bzero(key->pk_bytes, key->pk_len);
	free(key->pk_bytes);
	memset(key, 0, sizeof(*key));
}

void
policy_key_copy(struct policy_key *to, const struct policy_key *from)
{
	*to = (struct policy_key){ .pk_id = from->pk_id };
	if (from->pk_len == 0 || (to->pk_bytes = malloc(from->pk_len)) == NULL)
		return;
	memcpy(to->pk_bytes, from->pk_bytes, from->pk_len);
	to->pk_len = from->pk_len;
}

/* ---- memory ---- */

enum { ARENA_FIRST = 4096, ARENA_MAX = 1 << 20, ARENA_ALIGN = 16 };

/* What comes before the bytes of a block; the newest is the first. */
struct policy_arena {
	struct policy_arena	*pa_next;
	size_t			 pa_size;	/* with this */
	size_t			 pa_used;
};

enum { ARENA_HEAD = (sizeof(struct policy_arena) + ARENA_ALIGN - 1) /
    ARENA_ALIGN * ARENA_ALIGN };

static bool
arena_grow(struct policy *pol, size_t n)
{
	struct policy_arena *old = pol->pol_arena, *pa;
	size_t size = old == NULL ? ARENA_FIRST : old->pa_size * 2;

	if (size > ARENA_MAX)
		size = ARENA_MAX;
	if (size < n + ARENA_HEAD)
		size = n + ARENA_HEAD;
	if ((pa = malloc(size)) == NULL)
		return false;
	*pa = (struct policy_arena){ old, size, ARENA_HEAD };
	pol->pol_arena = pa;
	return true;
}

void *
policy_alloc(struct policy *pol, size_t n)
{
	struct policy_arena *pa = pol->pol_arena;
	void *p;

	n = (n + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
	if ((pa == NULL || pa->pa_size - pa->pa_used < n) &&
	    !arena_grow(pol, n))
		return NULL;
	pa = pol->pol_arena;
	p = (char *)pa + pa->pa_used;
	pa->pa_used += n;
	return p;
}

static void *
arena_copy(struct policy *pol, const void *from, size_t n)
{
	void *p = policy_alloc(pol, n);

	if (p != NULL && n != 0)
		memcpy(p, from, n);
	return p;
}

char *
policy_text(struct policy *pol, const char *text)
{
	return arena_copy(pol, text, strlen(text) + 1);
}

void
policy_free(struct policy *pol)
{
	while (pol->pol_arena != NULL) {
		struct policy_arena *pa = pol->pol_arena;

		pol->pol_arena = pa->pa_next;
		explicit_bzero(pa, pa->pa_used);
		free(pa);
	}
	for (size_t i = 0; i < pol->pol_nfiles; i++)
		free(pol->pol_files[i]);
	free(pol->pol_files);
	free(pol->pol_flows);
	free(pol->pol_sas);
	free(pol->pol_ikes);
	memset(pol, 0, sizeof(*pol));
}

/* Room for one more element; capacity grows at powers of two. */
static void *
grow(void *v, size_t n, size_t size)
{
	if (n != 0 && (n < 8 || (n & (n - 1)) != 0))
		return v;
	return reallocarray(v, n == 0 ? 8 : n * 2, size);
}

static bool
text_copy(struct policy *pol, char **to, const char *from)
{
	*to = NULL;
	return from == NULL || (*to = policy_text(pol, from)) != NULL;
}

static bool
array_copy(struct policy *pol, void **to, const void *from, size_t n,
    size_t size)
{
	*to = NULL;
	return n == 0 || (*to = arena_copy(pol, from, n * size)) != NULL;
}

static bool
key_copy(struct policy *pol, struct policy_key *to,
    const struct policy_key *from)
{
	*to = *from;
	return array_copy(pol, (void **)&to->pk_bytes, from->pk_bytes,
	    from->pk_len, 1);
}

bool
policy_add_flow(struct policy *pol, const struct policy_flow *fl)
{
	struct policy_flow *v = grow(pol->pol_flows, pol->pol_nflows,
	    sizeof(*v));
	struct policy_flow *f;

	if (v == NULL)
		return false;
	pol->pol_flows = v;
	f = &v[pol->pol_nflows++];
	*f = *fl;
	return text_copy(pol, &f->fl_srcid.pi_text, fl->fl_srcid.pi_text) &&
	    text_copy(pol, &f->fl_dstid.pi_text, fl->fl_dstid.pi_text);
}

bool
policy_add_sa(struct policy *pol, const struct policy_sa *sa)
{
	struct policy_sa *v = grow(pol->pol_sas, pol->pol_nsas, sizeof(*v));
	struct policy_sa *s;

	if (v == NULL)
		return false;
	pol->pol_sas = v;
	s = &v[pol->pol_nsas++];
	*s = *sa;
	return key_copy(pol, &s->sa_enckey, &sa->sa_enckey) &&
	    key_copy(pol, &s->sa_authkey, &sa->sa_authkey);
}

bool
policy_add_ike(struct policy *pol, const struct policy_ike *ik)
{
	struct policy_ike *v = grow(pol->pol_ikes, pol->pol_nikes, sizeof(*v));
	struct policy_ike *i;

	if (v == NULL)
		return false;
	pol->pol_ikes = v;
	i = &v[pol->pol_nikes++];
	*i = *ik;
	return key_copy(pol, &i->ik_psk, &ik->ik_psk) &&
	    text_copy(pol, &i->ik_name, ik->ik_name) &&
	    text_copy(pol, &i->ik_srcid.pi_text, ik->ik_srcid.pi_text) &&
	    text_copy(pol, &i->ik_dstid.pi_text, ik->ik_dstid.pi_text) &&
	    text_copy(pol, &i->ik_tag, ik->ik_tag) &&
	    array_copy(pol, (void **)&i->ik_sel, ik->ik_sel, ik->ik_nsel,
	    sizeof(*ik->ik_sel)) && array_copy(pol, (void **)&i->ik_ikesa,
	    ik->ik_ikesa, ik->ik_nikesa, sizeof(*ik->ik_ikesa)) &&
	    array_copy(pol, (void **)&i->ik_childsa, ik->ik_childsa,
	    ik->ik_nchildsa, sizeof(*ik->ik_childsa));
}

/* ---- compare ---- */

static bool
text_equal(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
id_equal(const struct policy_id *a, const struct policy_id *b)
{
	return a->pi_type == b->pi_type && text_equal(a->pi_text, b->pi_text);
}

/* By bytes where both are known, else by the store's number. */
static bool
key_equal(const struct policy_key *a, const struct policy_key *b)
{
	if ((a->pk_len == 0) != (b->pk_len == 0))
		return a->pk_id != 0 && a->pk_id == b->pk_id;
	if (a->pk_len == 0)
		return a->pk_id == b->pk_id;
	return a->pk_len == b->pk_len &&
	    memcmp(a->pk_bytes, b->pk_bytes, a->pk_len) == 0;
}

static bool
transform_equal(const struct policy_transform *a,
    const struct policy_transform *b)
{
	return a->pt_type == b->pt_type && a->pt_id == b->pt_id &&
	    a->pt_bits == b->pt_bits;
}

static bool
selector_equal(const struct policy_selector *a,
    const struct policy_selector *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool
policy_flow_equal(const struct policy_flow *a, const struct policy_flow *b)
{
	return a->fl_type == b->fl_type && a->fl_dir == b->fl_dir &&
	    a->fl_satype == b->fl_satype && a->fl_mode == b->fl_mode &&
	    selector_equal(&a->fl_sel, &b->fl_sel) &&
	    addr_equal(&a->fl_local, &b->fl_local) &&
	    addr_equal(&a->fl_peer, &b->fl_peer) &&
	    id_equal(&a->fl_srcid, &b->fl_srcid) &&
	    id_equal(&a->fl_dstid, &b->fl_dstid) &&
	    a->fl_reqid == b->fl_reqid;
}

bool
policy_sa_equal(const struct policy_sa *a, const struct policy_sa *b)
{
	return a->sa_satype == b->sa_satype && a->sa_mode == b->sa_mode &&
	    a->sa_spi == b->sa_spi && addr_equal(&a->sa_src, &b->sa_src) &&
	    addr_equal(&a->sa_dst, &b->sa_dst) &&
	    transform_equal(&a->sa_enc, &b->sa_enc) &&
	    transform_equal(&a->sa_auth, &b->sa_auth) &&
	    key_equal(&a->sa_enckey, &b->sa_enckey) &&
	    key_equal(&a->sa_authkey, &b->sa_authkey);
}

static bool
proposals_equal(const struct policy_proposal *a, unsigned na,
    const struct policy_proposal *b, unsigned nb)
{
	if (na != nb)
		return false;
	for (unsigned i = 0; i < na; i++) {
		if (a[i].pp_n != b[i].pp_n)
			return false;
		for (unsigned j = 0; j < a[i].pp_n; j++) {
			if (!transform_equal(&a[i].pp_t[j], &b[i].pp_t[j]))
				return false;
		}
	}
	return true;
}

static bool
selectors_equal(const struct policy_ike *a, const struct policy_ike *b)
{
	if (a->ik_nsel != b->ik_nsel)
		return false;
	for (size_t i = 0; i < a->ik_nsel; i++) {
		if (!selector_equal(&a->ik_sel[i], &b->ik_sel[i]))
			return false;
	}
	return true;
}

bool
policy_ike_equal(const struct policy_ike *a, const struct policy_ike *b)
{
	return text_equal(a->ik_name, b->ik_name) &&
	    a->ik_active == b->ik_active && a->ik_default == b->ik_default &&
	    a->ik_quick == b->ik_quick && a->ik_mode == b->ik_mode &&
	    a->ik_encap == b->ik_encap && a->ik_af == b->ik_af && selectors_equal(a, b) &&
	    addr_equal(&a->ik_local, &b->ik_local) &&
	    addr_equal(&a->ik_peer.pr_addr, &b->ik_peer.pr_addr) &&
	    a->ik_peer.pr_len == b->ik_peer.pr_len &&
	    proposals_equal(a->ik_ikesa, a->ik_nikesa, b->ik_ikesa,
	    b->ik_nikesa) &&
	    proposals_equal(a->ik_childsa, a->ik_nchildsa, b->ik_childsa,
	    b->ik_nchildsa) &&
	    id_equal(&a->ik_srcid, &b->ik_srcid) &&
	    id_equal(&a->ik_dstid, &b->ik_dstid) &&
	    a->ik_ikelifetime == b->ik_ikelifetime &&
	    a->ik_lifetime == b->ik_lifetime &&
	    a->ik_lifebytes == b->ik_lifebytes && a->ik_auth == b->ik_auth &&
	    key_equal(&a->ik_psk, &b->ik_psk) &&
	    text_equal(a->ik_tag, b->ik_tag) && a->ik_reqid == b->ik_reqid;
}
