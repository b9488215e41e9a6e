/* SPDX-License-Identifier: ISC */
/*
 * The ingress program, by bpf(2), and what does in its place, by sysctl(8).
 */
#include "dev/ingress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "dev/bpf.h"

#define TCX_DROP	2	/* enum tcx_action_base, Linux 6.6 */
#define TCX_INGRESS	46	/* BPF_TCX_INGRESS */

/* Of the process: loaded once at its start, and only read then. */
static _Atomic int program = -1;

void
ingress_prepare(void)
{
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TCX_DROP },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	atomic_store(&program, bpf_load(BPF_PROG_TYPE_SCHED_CLS, TCX_INGRESS, code,
	    sizeof(code) / sizeof(code[0])));
}

int
ingress_hold(int ifindex)
{
	int prog = atomic_load(&program);

	return prog == -1 ? -1 : bpf_attach(prog, ifindex, TCX_INGRESS, 0);
}

static int
set(const char *ifname, const char *name, char value)
{
	char path[128];
	int fd, error = 0;

	(void)snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/%s", ifname, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd == -1)
		return errno;
	if (write(fd, &value, 1) != 1)
		error = errno;
	close(fd);
	return error;
}

int
ingress_quiet(const char *ifname)
{
	int error = set(ifname, "rp_filter", '1');

	if (error == 0)
		error = set(ifname, "arp_ignore", '8');
	return error != 0 ? error : set(ifname, "forwarding", '0');
}
