/* SPDX-License-Identifier: ISC */
/*
 * A router on trial (see candidate.h).
 */
#include "candidate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "crypto/engine.h"
#include "dev/null.h"
#include "kern/ctl_conn.h"
#include "kern/nk.h"
#include "libpolicy/keymsg.h"
#include "net/if.h"
#include "net/if_ctl.h"
#include "netinet/udp.h"
#include "netipsec/ipsec.h"
#include "netkey/key.h"
#include "revise.h"

enum {
	SMALL		= 64,		/* packet buffers; each trial has its own */
	LARGE		= 2,
	SPI_MADE_UP	= 0xfffff000u,	/* and below */
	KEY_BITS	= 160,		/* of AES-128-GCM, the salt too */
	IKE_PORT	= 500,
	NATT_PORT	= 4500,
};

struct candidate {
	struct nk		*ca_nk;
	struct ctl_client	*ca_ctl;
	struct ctl_conn		 ca_conn;
	struct key_socket	 ca_key;
	int			 ca_error;	/* of the key socket's last answer */
	struct udp_client	 ca_udp;
	struct policy_flow	*ca_flows;
	size_t			 ca_nflows;
	uint32_t		 ca_spi;	/* of the last SA that was made up */
};

/* Linked before the library's: the portable engine alone. */
const struct xform_engine *const xform_engines[] = { &bear_engine };
const unsigned xform_nengines = 1;

/* ---- drivers of no device ---- */

static const struct if_ops drivers[] = {
	NULL_DRIVER("packet"), NULL_DRIVER("xdp"), NULL_DRIVER("nic"), NULL_DRIVER("tap"),
	NULL_DRIVER("pcap"), NULL_DRIVER("pktgen"),
};

/* ---- the sides of the instance ---- */

static struct clock_now
now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (struct clock_now){
	    .now_ns = (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec + 1,
	    .now_wall = time(NULL) };
}

static void
random_bytes(void *arg, void *buf, size_t n)
{
	uint8_t *p = buf;
	ssize_t got;

	(void)arg;
	for (; n != 0; p += got, n -= (size_t)got)
		while ((got = getrandom(p, n, 0)) <= 0)
			;
}

static void
ctl_in(void *arg, const void *rec, size_t len)
{
	struct candidate *ca = arg;

	nk_lock(ca->ca_nk);
	ctl_message(ca->ca_nk, now(), &ca->ca_conn, rec, len);
	nk_unlock(ca->ca_nk);
}

static bool
ctl_out(struct ctl_conn *cc, const void *rec, size_t len)
{
	struct candidate *ca = cc->cc_arg;

	ctl_answer(ca->ca_ctl, rec, len);
	return true;
}

static bool
key_out(void *arg, const void *msg, size_t len)
{
	struct candidate *ca = arg;
	struct pfkey_msg m;

	ca->ca_error = pfkey_parse(msg, len, PFKEY_FROM_KERNEL, &m, NULL) == 0 ?
	    m.pm_errno : EBADMSG;
	return true;
}

static bool
udp_out(void *arg, const struct udp_msg *um, const void *data, size_t len)
{
	(void)arg;
	(void)um;
	(void)data;
	(void)len;
	return true;
}

/* A message of the key socket; 0 or an errno. */
static int
key_in(struct candidate *ca, struct pfkey_msg *m)
{
	uint8_t buf[PFKEY_MSG_MAX];
	size_t n;

	m->pm_pid = 1;
	m->pm_seq = 1;
	if ((n = pfkey_build(m, buf, sizeof(buf))) == 0)
		return EMSGSIZE;
	ca->ca_error = ECONNRESET;
	nk_lock(ca->ca_nk);
	key_message(ca->ca_nk, now(), &ca->ca_key, buf, n);
	nk_unlock(ca->ca_nk);
	return ca->ca_error;
}

/* Somebody will answer when an SA is asked for. */
static int
key_register(struct candidate *ca)
{
	struct pfkey_msg m;

	pfkey_init(&m, SADB_REGISTER, SADB_SATYPE_ESP);
	return key_in(ca, &m);
}

static void
udp_bind(struct candidate *ca, uint16_t port, uint16_t flags)
{
	struct udp_msg um = { .um_op = UDP_BIND, .um_lport = htons(port),
	    .um_flags = flags | UDP_M_BYPASS };

	nk_lock(ca->ca_nk);
	udp_client_message(ca->ca_nk->nk_worker[0], &ca->ca_udp, &um, sizeof(um));
	nk_unlock(ca->ca_nk);
}

struct candidate *
candidate_new(void)
{
	struct nk_conf nc = { .nc_workers = 1, .nc_small = SMALL, .nc_large = LARGE,
	    .nc_flows = 1, .nc_rand = random_bytes };
	struct candidate *ca = calloc(1, sizeof(*ca));

	if (ca == NULL)
		return NULL;
	ca->ca_spi = SPI_MADE_UP;
	ca->ca_conn = (struct ctl_conn){ .cc_id = 1, .cc_privileged = true, .cc_fd = -1,
	    .cc_send = ctl_out, .cc_arg = ca };
	ca->ca_key = (struct key_socket){ .ks_send = key_out, .ks_arg = ca };
	ca->ca_udp = (struct udp_client){ .uc_send = udp_out, .uc_arg = ca };
	ca->ca_ctl = ctl_open_direct(ctl_in, ca);
	ca->ca_nk = nk_new(&nc, now());
	if (ca->ca_nk == NULL || ca->ca_ctl == NULL) {
		candidate_free(ca);
		return NULL;
	}
	nk_lock(ca->ca_nk);
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		(void)if_driver_register(ca->ca_nk, &drivers[i]);
	key_socket_add(ca->ca_nk, &ca->ca_key);
	udp_client_add(ca->ca_nk, &ca->ca_udp);
	nk_unlock(ca->ca_nk);
	return ca;
}

void
candidate_free(struct candidate *ca)
{
	if (ca == NULL)
		return;
	ctl_close(ca->ca_ctl);
	if (ca->ca_nk != NULL) {
		nk_lock(ca->ca_nk);
		key_socket_remove(ca->ca_nk, &ca->ca_key);
		udp_client_remove(ca->ca_nk, &ca->ca_udp);
		nk_unlock(ca->ca_nk);
		nk_free(ca->ca_nk);
	}
	free(ca->ca_flows);
	free(ca);
}

/* ---- filling it ---- */

bool
candidate_sysctl(struct candidate *ca, const char *name, const char *value)
{
	struct ctl_sysctl cs = { .cs_name = "" };

	(void)snprintf(cs.cs_name, sizeof(cs.cs_name), "%s", name);
	(void)snprintf(cs.cs_value, sizeof(cs.cs_value), "%s", value);
	return ctl_call(ca->ca_ctl, CTL_SYSCTL_SET, &cs, sizeof(cs), -1, NULL, NULL) == 0;
}

bool
candidate_network(struct candidate *ca, const struct network *ne, char *why, size_t cap)
{
	size_t changes = 0;

	return netconf_make(ca->ca_ctl, ne, &changes, why, cap);
}

bool
candidate_filter(struct candidate *ca, const struct pf_conf *pc, char *why, size_t cap)
{
	if (filter_send(ca->ca_ctl, pc) == 0 &&
	    ctl_call(ca->ca_ctl, CTL_PF_COMMIT, NULL, 0, -1, NULL, NULL) == 0)
		return true;
	(void)snprintf(why, cap, "%s", ctl_error(ca->ca_ctl));
	return false;
}

static bool
refused(const char *what, int error, char *why, size_t cap)
{
	(void)snprintf(why, cap, "%s: %s", what, strerror(error));
	return false;
}

bool
candidate_policy(struct candidate *ca, const struct policy *pol, char *why, size_t cap)
{
	uint16_t natt = pol->pol_set.set_nattport;
	struct pfkey_msg m;
	int error = key_register(ca);

	if (error != 0)
		return refused("the key socket", error, why, cap);
	ca->ca_flows = policy_flows(pol, &ca->ca_nflows);
	if (ca->ca_flows == NULL && ca->ca_nflows != 0)
		return refused("the policy", ENOMEM, why, cap);
	for (size_t i = 0; i < pol->pol_nsas; i++) {
		keymsg_from_sa(&m, SADB_ADD, &pol->pol_sas[i]);
		if ((error = key_in(ca, &m)) != 0)
			return refused("a manual SA", error, why, cap);
	}
	for (size_t i = 0; i < ca->ca_nflows; i++) {
		keymsg_from_flow(&m, SADB_X_SPDADD, &ca->ca_flows[i]);
		if ((error = key_in(ca, &m)) != 0)
			return refused("a flow", error, why, cap);
	}
	if (pol->pol_nikes != 0) {
		udp_bind(ca, IKE_PORT, 0);
		udp_bind(ca, natt != 0 ? natt : NATT_PORT, UDP_M_NATT);
	}
	return true;
}

/* ---- an SA of a policy that has none yet ---- */

/* An address of this host for the end that the policy leaves open. */
static bool
any_local(struct candidate *ca, struct addr *out)
{
	for (unsigned i = 0; i < IF_MAX; i++) {
		const struct ifnet *ifp = ca->ca_nk->nk_ifs->it_if[i];

		if (ifp != NULL && (ifp->if_flags & IF_F_LOOPBACK) == 0 && ifp->if_naddrs != 0) {
			*out = ifp->if_addr[0].ia_addr;
			return true;
		}
	}
	return false;
}

static int
add_sa(struct candidate *ca, const struct policy_flow *fl, const char *name)
{
	static const uint8_t zero[KEY_BITS / 8];
	struct addr src = fl->fl_peer, dst = fl->fl_local;
	struct pfkey_msg m;

	if (dst.ad_af == 0 && !any_local(ca, &dst))
		return EADDRNOTAVAIL;
	pfkey_init(&m, SADB_ADD, SADB_SATYPE_ESP);
	pfkey_set_ends(&m, &src, &dst);
	pfkey_set(&m, SADB_EXT_SA);
	m.pm_sa.ps_spi = ca->ca_spi--;
	m.pm_sa.ps_state = SADB_SASTATE_MATURE;
	m.pm_sa.ps_encrypt = SADB_X_EALG_AES_GCM_ICV16;
	pfkey_set(&m, SADB_X_EXT_SA2);
	m.pm_mode = (uint8_t)fl->fl_mode;
	m.pm_reqid = fl->fl_reqid;
	pfkey_set(&m, SADB_EXT_KEY_ENCRYPT);
	m.pm_ekey.pk_bits = KEY_BITS;
	m.pm_ekey.pk_data = zero;
	pfkey_set_name(&m, name);
	return key_in(ca, &m);
}

/* Is there an inbound SA of that name? */
struct seek {
	const char	*se_name;
	bool		 se_found;
};

static void
seek_sa(void *arg, struct sa *sa)
{
	struct seek *se = arg;

	se->se_found |= strcmp(sa->sa_name, se->se_name) == 0 && (sa->sa_flags & SA_F_IN) != 0;
}

static bool
make_up(struct candidate *ca, const char *name, char *why, size_t cap)
{
	struct seek se = { name, false };
	int error;

	nk_lock(ca->ca_nk);
	sad_walk(ca->ca_nk, seek_sa, &se);
	nk_unlock(ca->ca_nk);
	for (size_t i = 0; !se.se_found && i < ca->ca_nflows; i++) {
		const struct policy_flow *fl = &ca->ca_flows[i];

		if (fl->fl_dir != POLICY_IN || fl->fl_name == NULL ||
		    strcmp(fl->fl_name, name) != 0)
			continue;
		if ((error = add_sa(ca, fl, name)) != 0)
			return refused("an SA of that policy", error, why, cap);
		se.se_found = true;
	}
	if (!se.se_found)
		(void)snprintf(why, cap, "came-through \"%s\": the policy has no rule of that "
		    "name with a peer of its own", name);
	return se.se_found;
}

/* ---- the trial ---- */

bool
candidate_try(struct candidate *ca, const struct explain_req *er, struct explain_info *ei,
    char *why, size_t cap)
{
	if ((er->er_flags & EXPLAIN_F_NAME) != 0 && !make_up(ca, er->er_name, why, cap))
		return false;
	if (ctl_get(ca->ca_ctl, CTL_EXPLAIN, er, sizeof(*er), ei, sizeof(*ei)) == 0)
		return true;
	(void)snprintf(why, cap, "%s", ctl_error(ca->ca_ctl));
	return false;
}
