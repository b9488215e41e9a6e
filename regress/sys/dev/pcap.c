/* SPDX-License-Identifier: ISC */
/*
 * Capture files: read back as they were written, in either byte order, and
 * damaged ones are survived.
 */
#include "devtest.h"

#include <signal.h>
#include <unistd.h>

#include "dev/pcap_file.h"
#include "net/capture.h"

#define HEADER		24
#define RECORD		16

static char name[64], arg[80];

static void
write_file(const void *data, size_t len)
{
	FILE *f;

	snprintf(name, sizeof(name), "%s/rvpcap%d", getenv("TMPDIR") != NULL ?
	    getenv("TMPDIR") : "/tmp", (int)getpid());
	f = fopen(name, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fwrite(data, 1, len, f), len);
	fclose(f);
}

static uint32_t
order(uint32_t v, bool swap)
{
	return swap ? __builtin_bswap32(v) : v;
}

/* n frames of 60, 61, ... bytes. */
static size_t
build(uint8_t *buf, unsigned n, uint32_t magic, uint32_t link, bool swap)
{
	uint32_t h[6] = { order(magic, swap), 0, 0, 0, order(65535, swap), order(link, swap) };
	size_t at = HEADER;

	memcpy(buf, h, sizeof(h));
	for (unsigned i = 0; i < n; i++) {
		uint32_t r[4] = { 0, 0, order(60 + i, swap), order(60 + i, swap) };

		memcpy(buf + at, r, sizeof(r));
		memset(buf + at + RECORD, (int)i, 60 + i);
		at += RECORD + 60 + i;
	}
	return at;
}

static void
reading(void)
{
	static const struct {
		const char *name; uint32_t magic, link; bool swap, ok;
	} cases[] = {
		{ "microseconds", 0xa1b2c3d4, 1, false, true },
		{ "nanoseconds", 0xa1b23c4d, 1, false, true },
		{ "other byte order", 0xa1b2c3d4, 1, true, true },
		{ "not Ethernet", 0xa1b2c3d4, 101, false, false },
		{ "not pcap", 0x0a0d0d0a, 1, false, false },
	};
	uint8_t buf[2000];
	struct pcap_reader pr;
	struct pcap_frame pf;

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		size_t n = build(buf, 5, cases[i].magic, cases[i].link, cases[i].swap);
		unsigned got = 0;

		test_row("%s", cases[i].name);
		CU_ASSERT_EQUAL(pcap_reader_init(&pr, buf, n) == NULL, cases[i].ok);
		if (!cases[i].ok)
			continue;
		while (pcap_reader_next(&pr, &pf)) {
			CU_ASSERT_EQUAL(pf.pf_len, 60 + got);
			CU_ASSERT_EQUAL(pf.pf_data[0], got);
			got++;
		}
		CU_ASSERT_EQUAL(got, 5);
		pcap_reader_rewind(&pr);
		CU_ASSERT_TRUE(pcap_reader_next(&pr, &pf));
		CU_ASSERT_EQUAL(pf.pf_len, 60);
	}
}

static void
truncated(void)
{
	uint8_t buf[2000], *copy;
	size_t n = build(buf, 3, 0xa1b2c3d4, 1, false);
	struct pcap_reader pr;
	struct pcap_frame pf;

	for (size_t len = 0; len <= n; len++) {
		unsigned got = 0, whole = 0;
		size_t at = HEADER;

		copy = malloc(len + 1);
		CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
		memcpy(copy, buf, len);
		for (unsigned i = 0; i < 3 && at + RECORD + 60 + i <= len; i++, whole++)
			at += RECORD + 60 + i;
		if (pcap_reader_init(&pr, copy, len) == NULL)
			while (pcap_reader_next(&pr, &pf))
				got++;
		if (got != whole)
			CU_FAIL("wrong number of whole frames");
		free(copy);
	}
}

static void
lengths(void)
{
	uint8_t buf[2000];
	size_t n = build(buf, 1, 0xa1b2c3d4, 1, false);
	struct pcap_reader pr;
	struct pcap_frame pf;
	uint32_t v;

	test_row("longer than the file");
	v = UINT32_MAX;
	memcpy(buf + HEADER + 8, &v, 4);
	memcpy(buf + HEADER + 12, &v, 4);
	CU_ASSERT_PTR_NULL(pcap_reader_init(&pr, buf, n));
	CU_ASSERT_FALSE(pcap_reader_next(&pr, &pf));
	test_row("cut when it was captured: passed over");
	v = 60;
	memcpy(buf + HEADER + 8, &v, 4);
	v = 1500;
	memcpy(buf + HEADER + 12, &v, 4);
	CU_ASSERT_PTR_NULL(pcap_reader_init(&pr, buf, n));
	CU_ASSERT_FALSE(pcap_reader_next(&pr, &pf));
	test_row("records of length 0 end");
	memset(buf + HEADER, 0, sizeof(buf) - HEADER);
	CU_ASSERT_PTR_NULL(pcap_reader_init(&pr, buf, sizeof(buf)));
	CU_ASSERT_FALSE(pcap_reader_next(&pr, &pf));
}

static void
replay(void)
{
	static const struct { const char *suffix; unsigned frames; } cases[] = {
		{ "", 5 }, { ",loop=3", 15 }, { ",loop=40", 200 },
	};
	uint8_t buf[2000];
	size_t n = build(buf, 5, 0xa1b2c3d4, 1, false);
	struct nk *nk = devtest_nk();
	struct ifnet *ifp;
	struct pktvec v;

	write_file(buf, n);
	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		unsigned got = 0, last;

		test_row("replay%s", cases[i].suffix);
		snprintf(arg, sizeof(arg), "in=%.50s%s", name, cases[i].suffix);
		ifp = devtest_if(nk, &pcap_ops, arg);
		CU_ASSERT_PTR_NOT_NULL_FATAL(ifp);
		while ((last = devtest_rx(ifp, &v)) != 0) {
			for (unsigned j = 0; j < v.pv_n; j++)
				CU_ASSERT_EQUAL(v.pv_pkt[j]->pkt_len, 60 + (got + j) % 5);
			got += last;
			devtest_free(ifp, &v);
		}
		CU_ASSERT_EQUAL(got, cases[i].frames);
		CU_ASSERT_EQUAL(if_destroy(nk, ifp), 0);
	}
	test_row("a file without frames, for ever");
	write_file(buf, HEADER);
	snprintf(arg, sizeof(arg), "in=%.50s,loop=0", name);
	ifp = devtest_if(nk, &pcap_ops, arg);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ifp);
	CU_ASSERT_EQUAL(devtest_rx(ifp, &v), 0);
	CU_ASSERT_EQUAL(if_destroy(nk, ifp), 0);
	test_row("refused");
	CU_ASSERT_PTR_NULL(devtest_if(nk, &pcap_ops, "in=/nonexistent/x"));
	CU_ASSERT_PTR_NULL(devtest_if(nk, &pcap_ops, "out=/nonexistent/x"));
	CU_ASSERT_PTR_NULL(devtest_if(nk, &pcap_ops, "loop=x"));
	CU_ASSERT_PTR_NULL(devtest_if(nk, &pcap_ops, "file=x"));
	(void)unlink(name);
	nk_free(nk);
}

/* What one interface records, another replays. */
static void
record(void)
{
	struct nk *nk = devtest_nk();
	struct worker *w = nk->nk_worker[0];
	struct ifnet *ifp;
	struct pktvec v;
	struct pkt *p;

	write_file("", 0);
	snprintf(arg, sizeof(arg), "out=%.50s", name);
	ifp = devtest_if(nk, &pcap_ops, arg);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ifp);
	for (int i = 0; i < 70; i++) {
		p = pkt_alloc(w, 100);
		CU_ASSERT_PTR_NOT_NULL_FATAL(p);
		p->pkt_len = 100;
		memset(p->pkt_data, i, 100);
		if_output(w, ifp, p);
	}
	worker_turn(w, w->w_now);
	CU_ASSERT_EQUAL(if_destroy(nk, ifp), 0);
	snprintf(arg, sizeof(arg), "in=%.50s", name);
	ifp = devtest_if(nk, &pcap_ops, arg);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ifp);
	CU_ASSERT_EQUAL(devtest_rx(ifp, &v), 64);
	CU_ASSERT_EQUAL(v.pv_pkt[63]->pkt_data[99], 63);
	devtest_free(ifp, &v);
	while (devtest_rx(ifp, &v) != 0)
		devtest_free(ifp, &v);
	(void)unlink(name);
	nk_free(nk);
}

/* ---- captures (net/capture.h) ---- */

static void
captures(void)
{
	struct nk *nk = devtest_nk();
	struct worker *w = nk->nk_worker[0];
	struct ifnet *ifp = devtest_if(nk, &pktgen_ops, "sink");
	struct capture_pflog cp = { .cp_dir = CAPTURE_IN, .cp_rule = 7, .cp_ifp = ifp };
	uint8_t buf[4096];
	int fds[2][2];
	struct pkt *p;
	ssize_t n;
	uint32_t v;

	nk_lock(nk);
	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL_FATAL(pipe(fds[i]), 0);
	test_row("frames");
	CU_ASSERT_EQUAL(capture_start(nk, "em0", fds[0][1], 0), 0);
	CU_ASSERT_TRUE(capture_start(nk, "em0", fds[0][1], 0) != 0);
	CU_ASSERT_TRUE(capture_start(nk, "em9", fds[0][1], 0) != 0);
	p = pkt_alloc(w, 100);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	p->pkt_len = 100;
	memset(p->pkt_data, 0xab, 100);
	if_output(w, ifp, p);
	capture_write(nk);
	n = read(fds[0][0], buf, sizeof(buf));
	CU_ASSERT_EQUAL(n, HEADER + RECORD + 100);
	memcpy(&v, buf + 20, 4);
	CU_ASSERT_EQUAL(v, 1);
	memcpy(&v, buf + HEADER, 4);
	CU_ASSERT_EQUAL(v, 1700000000);
	CU_ASSERT_EQUAL(buf[n - 1], 0xab);
	CU_ASSERT_EQUAL(capture_stop(nk, "em0"), 0);
	CU_ASSERT_TRUE(capture_stop(nk, "em0") != 0);
	CU_ASSERT_FALSE(ifp->if_capture);

	test_row("logged packets, cut");
	CU_ASSERT_FALSE(capture_pflog_on(nk));
	CU_ASSERT_EQUAL(capture_start(nk, "pflog0", fds[1][1], 64 + 20), 0);
	CU_ASSERT_TRUE(capture_pflog_on(nk));
	p = pkt_alloc(w, 100);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	p->pkt_len = 100;
	p->pkt_af = AF_INET;
	capture_pflog(w, p, &cp);
	pkt_free(w, p);
	capture_write(nk);
	n = read(fds[1][0], buf, sizeof(buf));
	CU_ASSERT_EQUAL(n, HEADER + RECORD + 64 + 20);
	memcpy(&v, buf + 20, 4);
	CU_ASSERT_EQUAL(v, 117);
	CU_ASSERT_EQUAL(buf[HEADER + RECORD], 61);
	CU_ASSERT_EQUAL(buf[HEADER + RECORD + 2], 1);
	TEST_STRING((const char *)buf + HEADER + RECORD + 4, "em0");
	CU_ASSERT_EQUAL(buf[HEADER + RECORD + 39], 7);
	CU_ASSERT_EQUAL(buf[HEADER + RECORD + 60], CAPTURE_IN);

	test_row("the reader goes away");
	close(fds[1][0]);
	signal(SIGPIPE, SIG_IGN);
	p = pkt_alloc(w, 100);
	p->pkt_len = 100;
	capture_pflog(w, p, &cp);
	pkt_free(w, p);
	capture_write(nk);
	CU_ASSERT_FALSE(capture_pflog_on(nk));
	CU_ASSERT_FALSE(capture_active(nk));
	close(fds[0][0]);
	nk_unlock(nk);
	nk_free(nk);
}

TEST_MAIN(
	TEST("reading", reading),
	TEST("truncated", truncated),
	TEST("lengths", lengths),
	TEST("replay", replay),
	TEST("record", record),
	TEST("captures", captures))
