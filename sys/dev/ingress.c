/* SPDX-License-Identifier: ISC */
/*
 * The ingress program, by bpf(2), and what does in its place, by sysctl(8).
 */
#include "dev/ingress.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TCX_DROP	2	/* enum tcx_action_base, Linux 6.6 */
#define TCX_INGRESS	46	/* BPF_TCX_INGRESS */

/* Of the process: loaded once at its start, and only read then. */
static _Atomic int program = -1;

static int
bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

void
ingress_prepare(void)
{
	static const char license[] = "ISC";
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TCX_DROP },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
	attr.insns = (uintptr_t)code;
	attr.insn_cnt = sizeof(code) / sizeof(code[0]);
	attr.license = (uintptr_t)license;
	attr.expected_attach_type = TCX_INGRESS;
	atomic_store(&program, bpf(BPF_PROG_LOAD, &attr));
}

int
ingress_hold(int ifindex)
{
	union bpf_attr attr;

	if (atomic_load(&program) == -1)
		return -1;
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = (uint32_t)atomic_load(&program);
	attr.link_create.target_ifindex = (uint32_t)ifindex;
	attr.link_create.attach_type = TCX_INGRESS;
	return bpf(BPF_LINK_CREATE, &attr);
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
