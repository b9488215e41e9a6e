/* SPDX-License-Identifier: ISC */
/*
 * Frames of 60 bytes out of an interface as fast as Linux makes them: by an
 * XDP program that redirects, run over and over on one frame
 * (BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18).  They cost the receiver's side
 * less than any that a socket sends.  Their source ports are random, of FLOWS.
 *
 *	flood INTERFACE STATION SOURCE DESTINATION SECONDS
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "dev/bpf.h"

#define FRAME	60
#define SPORT	34		/* of the UDP header */
#define FLOWS	4096
#define BATCH	64
#define RUN	(1 << 16)

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Writes a random source port, and returns bpf_redirect(ifindex, 0). */
static int
program(unsigned ifindex)
{
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_6, .src_reg = BPF_REG_1 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_prandom_u32 },
		{ .code = BPF_ALU64 | BPF_AND | BPF_K, .dst_reg = BPF_REG_0, .imm = FLOWS - 1 },
		{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_6,
		    .off = offsetof(struct xdp_md, data) },
		{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = BPF_REG_3, .src_reg = BPF_REG_6,
		    .off = offsetof(struct xdp_md, data_end) },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_4, .src_reg = BPF_REG_2 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_4, .imm = SPORT + 2 },
		{ .code = BPF_JMP | BPF_JGT | BPF_X, .dst_reg = BPF_REG_4, .src_reg = BPF_REG_3,
		    .off = 1 },
		{ .code = BPF_STX | BPF_MEM | BPF_H, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_0,
		    .off = SPORT },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = (int)ifindex },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 0 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_load(BPF_PROG_TYPE_XDP, 0, code, sizeof(code) / sizeof(code[0]));
}

static uint16_t
ip_sum(const uint8_t *h)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)h[i] << 8 | h[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~((sum & 0xffff) + (sum >> 16));
}

/* UDP to port 9, without a checksum. */
static void
frame_make(uint8_t f[FRAME], const char *station, const char *src, const char *dst)
{
	unsigned m[6], i;
	uint16_t sum;

	memset(f, 0, FRAME);
	if (sscanf(station, "%x:%x:%x:%x:%x:%x", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]) != 6)
		die("STATION");
	for (i = 0; i < 6; i++)
		f[i] = (uint8_t)m[i];
	f[6] = 0x02;
	f[12] = 0x08;
	f[14] = 0x45;
	f[17] = FRAME - 14;
	f[22] = 64;
	f[23] = 17;
	if (inet_pton(AF_INET, src, &f[26]) != 1 || inet_pton(AF_INET, dst, &f[30]) != 1)
		die("address");
	sum = ip_sum(&f[14]);
	f[24] = (uint8_t)(sum >> 8);
	f[25] = (uint8_t)sum;
	f[37] = 9;
	f[39] = FRAME - 34;
}

int
main(int argc, char **argv)
{
	uint8_t frame[FRAME];
	union bpf_attr attr;
	time_t end;
	int prog;

	if (argc != 6) {
		fprintf(stderr, "usage: flood interface station source destination seconds\n");
		return 1;
	}
	prog = program(if_nametoindex(argv[1]));
	if (prog == -1)
		die("program");
	frame_make(frame, argv[2], argv[3], argv[4]);
	for (end = time(NULL) + atoi(argv[5]); time(NULL) < end; ) {
		memset(&attr, 0, sizeof(attr));
		attr.test.prog_fd = (uint32_t)prog;
		attr.test.data_in = (uintptr_t)frame;
		attr.test.data_size_in = FRAME;
		attr.test.repeat = RUN;
		attr.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
		attr.test.batch_size = BATCH;
		if (bpf(BPF_PROG_TEST_RUN, &attr) == -1 && errno != EINTR)
			die("BPF_PROG_TEST_RUN");
	}
	return 0;
}
