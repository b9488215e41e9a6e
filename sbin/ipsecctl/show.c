/* SPDX-License-Identifier: ISC */
/*
 * What is in force: the SPD and the SAD of the network kernel, read from
 * the key socket, in the words of ipsec.conf(5).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libctl/json.h"
#include "libpfkey/pfkey.h"
#include "libpolicy/keymsg.h"
#include "libpolicy/store.h"
#include "ipsecctl.h"

struct show {
	const struct options	*sh_op;
	size_t			 sh_n;
};

static struct pfkey *
open_key(const struct options *op)
{
	char path[512];
	struct pfkey *pk;

	(void)snprintf(path, sizeof(path), "%s/key.sock", op->op_rundir);
	pk = pfkey_open(path, PFKEY_O_PRIVATE);
	if (pk == NULL)
		fprintf(stderr, errno == ENOENT || errno == ECONNREFUSED ?
		    "ipsecctl: netkern does not run (%s)\n" :
		    "ipsecctl: %s: %s\n", path, strerror(errno));
	return pk;
}

static void
print_stats(const struct pfkey_msg *m)
{
	const struct pfkey_stats *st = &m->pm_stats;

	if (!PFKEY_HAS(m, PFKEY_EXT_STATS))
		return;
	printf("\tpackets %" PRIu64 " bytes %" PRIu64, st->st_packets,
	    st->st_bytes);
	if (st->st_last != 0)
		printf(" last used %" PRIu64 "s ago",
		    (uint64_t)time(NULL) - st->st_last);
	for (unsigned i = 0; i < PFKEY_DROPS; i++) {
		if (st->st_drops[i] != 0 && pfkey_drop_name(i) != NULL)
			printf(" %s %" PRIu64, pfkey_drop_name(i),
			    st->st_drops[i]);
	}
	printf("\n");
}

static int
show_flow(void *arg, const struct pfkey_msg *m)
{
	struct show *sh = arg;
	struct policy_flow fl;
	bool ours;

	if (!keymsg_to_flow(m, &fl, &ours))
		return 0;
	sh->sh_n++;
	policy_print_flow(&fl, stdout);
	if (sh->sh_op->op_verbose == 0)
		return 0;
	printf("\tid %u priority %u", m->pm_policy.pp_id,
	    m->pm_policy.pp_priority);
	if (fl.fl_reqid != 0)
		printf(" reqid %u", fl.fl_reqid);
	if (PFKEY_HAS(m, PFKEY_EXT_NAME))
		printf(" name \"%s\"", m->pm_name);
	printf("%s\n", ours ? "" : " (not of the policy store)");
	print_stats(m);
	return 0;
}

static bool
no_limit(const struct pfkey_lifetime *pl)
{
	return pl->pl_allocations == 0 && pl->pl_bytes == 0 &&
	    pl->pl_addtime == 0 && pl->pl_usetime == 0;
}

static void
print_limits(const char *what, const struct pfkey_lifetime *pl)
{
	if (no_limit(pl))
		return;
	printf("\t%s lifetime", what);
	if (pl->pl_allocations != 0)
		printf(" packets %u", pl->pl_allocations);
	if (pl->pl_bytes != 0)
		printf(" bytes %" PRIu64, pl->pl_bytes);
	if (pl->pl_addtime != 0)
		printf(" %" PRIu64 "s", pl->pl_addtime);
	if (pl->pl_usetime != 0)
		printf(" %" PRIu64 "s after the first use", pl->pl_usetime);
	printf("\n");
}

/* The dates of CURRENT, as what has passed since. */
static void
print_age(const struct pfkey_lifetime *pl)
{
	uint64_t now = (uint64_t)time(NULL);

	if (pl->pl_addtime == 0 || pl->pl_addtime > now)
		return;
	printf("\tadded %" PRIu64 "s ago", now - pl->pl_addtime);
	if (pl->pl_usetime != 0 && pl->pl_usetime <= now)
		printf(", first used %" PRIu64 "s ago", now - pl->pl_usetime);
	printf("\n");
}

static void
print_sa_detail(const struct pfkey_msg *m)
{
	printf("\t%s reqid %u", pfkey_state_name(m->pm_sa.ps_state),
	    m->pm_reqid);
	if (PFKEY_HAS(m, PFKEY_EXT_REPLAY))
		printf(" replay %u", m->pm_window);
	else
		printf(" replay %u", m->pm_sa.ps_replay);
	if ((m->pm_sa.ps_flags & SADB_X_SAFLAGS_ESN) != 0)
		printf(" esn");
	if (m->pm_natt_type != 0)
		printf(" udpencap %u:%u", m->pm_natt_sport, m->pm_natt_dport);
	if (PFKEY_HAS(m, PFKEY_EXT_NAME))
		printf(" name \"%s\"", m->pm_name);
	printf("\n");
	if (PFKEY_HAS(m, SADB_EXT_LIFETIME_CURRENT))
		print_age(&m->pm_current);
	if (PFKEY_HAS(m, SADB_EXT_LIFETIME_SOFT))
		print_limits("soft", &m->pm_soft);
	if (PFKEY_HAS(m, SADB_EXT_LIFETIME_HARD))
		print_limits("hard", &m->pm_hard);
	print_stats(m);
}

static int
show_sa(void *arg, const struct pfkey_msg *m)
{
	struct show *sh = arg;
	struct policy_sa sa;
	bool ours;

	if (keymsg_to_sa(m, &sa, &ours)) {
		sh->sh_n++;
		if (m->pm_sa.ps_state == SADB_SASTATE_LARVAL)
			printf("# larval: ");
		policy_print_sa(&sa, stdout, sh->sh_op->op_keys ?
		    POLICY_PRINT_KEYS : POLICY_PRINT_NO_KEYS);
		if (sh->sh_op->op_verbose != 0)
			print_sa_detail(m);
	}
	policy_sa_wipe(&sa);
	return 0;
}

static int
show_flows(const struct options *op, struct pfkey *pk)
{
	struct show sh = { op, 0 };
	int error = pfkey_dump(pk, SADB_X_SPDDUMP, SADB_SATYPE_UNSPEC,
	    show_flow, &sh);

	if (error == 0 && sh.sh_n == 0)
		printf("No flows\n");
	return error;
}

static int
show_sas(const struct options *op, struct pfkey *pk)
{
	struct show sh = { op, 0 };
	int error = pfkey_dump(pk, SADB_DUMP, SADB_SATYPE_UNSPEC, show_sa, &sh);

	if (error == 0 && sh.sh_n == 0)
		printf("No SAs\n");
	return error;
}

int
ipsecctl_show(const struct options *op)
{
	bool all = strcmp(op->op_show, "all") == 0;
	struct pfkey *pk = open_key(op);
	int error = 0;

	if (pk == NULL)
		return 1;
	if (op->op_json) {
		error = ipsecctl_json(op, pk);
		all = false;
	}
	if (all)
		printf("FLOWS:\n");
	if (!op->op_json && (all || strcmp(op->op_show, "flow") == 0))
		error = show_flows(op, pk);
	if (all)
		printf("\nSAD:\n");
	if (error == 0 && !op->op_json &&
	    (all || strcmp(op->op_show, "sa") == 0))
		error = show_sas(op, pk);
	pfkey_close(pk);
	if (error == 0)
		return 0;
	fprintf(stderr, "ipsecctl: the key socket says: %s\n",
	    strerror(error));
	return 1;
}

/* -m: all that the key socket tells, until it ends. */
/* A message as it is printed, and what it is about: a document a line. */
static void
monitor_json(const struct pfkey_msg *m, unsigned flags)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return;
	pfkey_print(out, m, flags);
	if (fclose(out) == 0) {
		json_begin();
		json_string("type", pfkey_type_name(m->pm_type));
		json_number("errno", m->pm_errno);
		json_number("pid", m->pm_pid);
		json_number("seq", m->pm_seq);
		json_string("text", text);
		json_end();
	}
	explicit_bzero(text, len);
	free(text);
}

int
ipsecctl_monitor(const struct options *op)
{
	struct pfkey *pk = open_key(op);
	struct pfkey_msg m;
	int error;

	if (pk == NULL)
		return 1;
	for (;;) {
		error = pfkey_recv(pk, &m);
		if (error == EBADMSG || error == EINTR || error == EAGAIN)
			continue;
		if (error != 0)
			break;
		if (op->op_json)
			monitor_json(&m, op->op_keys ? PFKEY_PRINT_KEYS : 0);
		else
			pfkey_print(stdout, &m, op->op_keys ? PFKEY_PRINT_KEYS : 0);
		(void)fflush(stdout);
	}
	fprintf(stderr, "ipsecctl: the key socket: %s\n", strerror(error));
	pfkey_close(pk);
	return 1;
}
