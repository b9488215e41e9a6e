/* SPDX-License-Identifier: ISC */
/*
 * XDP programs and their maps, by bpf(2).
 */
#include "dev/xdpprog.h"

#include <errno.h>
#include <linux/if_link.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "dev/bpf.h"

/* Of the process: loaded once at its start. */
static struct { int map, prog; } slot[XDPPROG_MAX];
static int loaded, load_error = ENOSYS;
static _Atomic uint32_t taken;		/* bit per slot */

static int
map_new(void)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_XSKMAP;
	attr.key_size = attr.value_size = sizeof(uint32_t);
	attr.max_entries = XDPPROG_QUEUES;
	return bpf(BPF_MAP_CREATE, &attr);
}

/* return bpf_redirect_map(map, ctx->rx_queue_index, XDP_DROP) */
static int
program_load(int map)
{
	struct bpf_insn code[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_1,
		    .off = offsetof(struct xdp_md, rx_queue_index) },
		{ .code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = BPF_REG_1,
		    .src_reg = BPF_PSEUDO_MAP_FD, .imm = map },
		{ .code = 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = XDP_DROP },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect_map },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_load(BPF_PROG_TYPE_XDP, 0, code, sizeof(code) / sizeof(code[0]));
}

void
xdpprog_prepare(void)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	int map, prog;

	(void)setrlimit(RLIMIT_MEMLOCK, &all);
	for (loaded = 0; loaded < XDPPROG_MAX; loaded++) {
		map = map_new();
		prog = map == -1 ? -1 : program_load(map);
		if (prog == -1) {
			load_error = errno;
			if (map != -1)
				close(map);
			return;
		}
		slot[loaded].map = map;
		slot[loaded].prog = prog;
	}
	load_error = EMFILE;
}

int
xdpprog_take(void)
{
	uint32_t bit;
	int i;

	for (i = 0; i < loaded; i++) {
		bit = UINT32_C(1) << i;
		if ((atomic_fetch_or(&taken, bit) & bit) == 0)
			return i;
	}
	errno = load_error;
	return -1;
}

void
xdpprog_give_back(int prog)
{
	atomic_fetch_and(&taken, ~(UINT32_C(1) << prog));
}

int
xdpprog_queue(int prog, unsigned queue, int fd)
{
	union bpf_attr attr;
	uint32_t key = queue, value = (uint32_t)fd;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)slot[prog].map;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)&value;
	return bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

int
xdpprog_attach(int prog, int ifindex, bool generic)
{
	return bpf_attach(slot[prog].prog, ifindex, BPF_XDP,
	    generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
}
