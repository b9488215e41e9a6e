/* SPDX-License-Identifier: ISC */
/*
 * bpf(2): loading a program, and attaching it to an interface.  All return a
 * descriptor, or -1 with errno.
 */
#ifndef DEV_BPF_H
#define DEV_BPF_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int
bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* attach: the hook that it is for, if its type has several. */
static inline int
bpf_load(uint32_t type, uint32_t attach, const struct bpf_insn *code, size_t n)
{
	static const char license[] = "ISC";
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.expected_attach_type = attach;
	attr.insns = (uintptr_t)code;
	attr.insn_cnt = (uint32_t)n;
	attr.license = (uintptr_t)license;
	return bpf(BPF_PROG_LOAD, &attr);
}

/* It stays attached while the descriptor is open. */
static inline int
bpf_attach(int prog, int ifindex, uint32_t attach, uint32_t flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = (uint32_t)prog;
	attr.link_create.target_ifindex = (uint32_t)ifindex;
	attr.link_create.attach_type = attach;
	attr.link_create.flags = flags;
	return bpf(BPF_LINK_CREATE, &attr);
}

#endif
