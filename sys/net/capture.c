/* SPDX-License-Identifier: ISC */
/*
 * Captures.
 *
 * A capture is a descriptor and a buffer.  Workers append records to the
 * buffer under the capture's lock, which nobody holds while writing; the
 * control thread takes the buffer's front away and writes it.  A reader that
 * is gone (EPIPE) or a full disk ends the capture.
 *
 * Formats: the file header and record header of pcap (version 2.4, native
 * byte order, microseconds); the link headers are documented at
 * www.tcpdump.org/linktypes: LINKTYPE_ETHERNET 1, LINKTYPE_ENC 109,
 * LINKTYPE_PFLOG 117.
 */
#include "net/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libutil/cur.h"
#include "net/if.h"

#define CAPTURES	16
#define BUFFER		(4u << 20)
#define SNAPLEN		262144u

#define DLT_ETHERNET	1
#define DLT_ENC		109
#define DLT_PFLOG	117

#define ENC_HLEN	12
#define ENC_AUTH_CONF	0x0c00		/* M_CONF | M_AUTH, as tcpdump prints them */
#define PFLOG_HLEN	64		/* padded to a multiple of 4 of its length field */
#define PFLOG_LEN	61

struct sink {
	char			 sk_name[IFNAME_MAX];
	pthread_mutex_t		 sk_lock;
	int			 sk_fd;
	unsigned		 sk_snaplen;
	uint8_t			*sk_buf;	/* being filled */
	size_t			 sk_len;
	uint8_t			*sk_out;	/* being written; the control thread's */
	size_t			 sk_outlen, sk_outoff;
	uint64_t		 sk_base;	/* wall clock minus w_now, ns; 0: not known */
	uint64_t		 sk_lost;
	bool			 sk_ending;
};

struct capture {
	struct sink		*ca_sink[CAPTURES];
	struct sink		*_Atomic ca_enc, *_Atomic ca_pflog;
};

struct pcap_file {
	uint32_t	pf_magic;
	uint16_t	pf_major, pf_minor;
	uint32_t	pf_zone, pf_sigfigs, pf_snaplen, pf_linktype;
};

struct pcap_record {
	uint32_t	pr_sec, pr_usec, pr_caplen, pr_len;
};

int
capture_init(struct nk *nk)
{
	nk->nk_capture = calloc(1, sizeof(*nk->nk_capture));
	return nk->nk_capture == NULL ? ENOMEM : 0;
}

static void
sink_free(void *arg)
{
	struct sink *sk = arg;

	close(sk->sk_fd);
	pthread_mutex_destroy(&sk->sk_lock);
	free(sk->sk_buf);
	free(sk->sk_out);
	free(sk);
}

void
capture_fini(struct nk *nk)
{
	unsigned i;

	capture_write(nk);
	for (i = 0; i < CAPTURES; i++)
		if (nk->nk_capture->ca_sink[i] != NULL)
			sink_free(nk->nk_capture->ca_sink[i]);
	free(nk->nk_capture);
	nk->nk_capture = NULL;
}

/* ---- records ---- */

/* Appends a record of a link header and a packet. */
static void
sink_put(struct sink *sk, struct clock_now now, const void *hdr, size_t hlen,
    const struct pkt *p)
{
	struct pcap_record r;
	uint64_t ns;
	size_t n = p->pkt_len;

	if (hlen + n > sk->sk_snaplen)
		n = sk->sk_snaplen > hlen ? sk->sk_snaplen - hlen : 0;
	r.pr_caplen = (uint32_t)(hlen + n);
	r.pr_len = (uint32_t)(hlen + p->pkt_len);
	pthread_mutex_lock(&sk->sk_lock);
	if (sk->sk_ending || sizeof(r) + hlen + n > BUFFER - sk->sk_len) {
		sk->sk_lost++;
		pthread_mutex_unlock(&sk->sk_lock);
		return;
	}
	if (sk->sk_base == 0)
		sk->sk_base = (uint64_t)now.now_wall * NSEC_PER_SEC - now.now_ns;
	ns = sk->sk_base + now.now_ns;
	r.pr_sec = (uint32_t)(ns / NSEC_PER_SEC);
	r.pr_usec = (uint32_t)(ns % NSEC_PER_SEC / 1000);
	memcpy(sk->sk_buf + sk->sk_len, &r, sizeof(r));
	sk->sk_len += sizeof(r);
	if (hlen != 0)
		memcpy(sk->sk_buf + sk->sk_len, hdr, hlen);
	sk->sk_len += hlen;
	memcpy(sk->sk_buf + sk->sk_len, p->pkt_data, n);
	sk->sk_len += n;
	pthread_mutex_unlock(&sk->sk_lock);
}

bool
capture_enc_on(const struct nk *nk)
{
	return atomic_load_explicit(&nk->nk_capture->ca_enc,
	    memory_order_acquire) != NULL;
}

bool
capture_pflog_on(const struct nk *nk)
{
	return atomic_load_explicit(&nk->nk_capture->ca_pflog,
	    memory_order_acquire) != NULL;
}

/* LINKTYPE_ENC: family and flags in host order, SPI in network order. */
void
capture_enc(struct worker *w, const struct pkt *p, int dir, uint32_t spi)
{
	struct sink *sk = atomic_load(&w->w_nk->nk_capture->ca_enc);
	uint32_t hdr[ENC_HLEN / 4] = { p->pkt_af != 0 ? p->pkt_af : AF_INET, spi,
	    ENC_AUTH_CONF };

	(void)dir;
	if (sk != NULL)
		sink_put(sk, w->w_now, hdr, sizeof(hdr), p);
}

/* LINKTYPE_PFLOG as FreeBSD and OpenBSD write it: multi-byte fields in network order. */
void
capture_pflog(struct worker *w, const struct pkt *p, const struct capture_pflog *cp)
{
	struct sink *sk = atomic_load(&w->w_nk->nk_capture->ca_pflog);
	uint8_t hdr[PFLOG_HLEN];
	struct wcur c = wcur_init(hdr, sizeof(hdr));
	char name[IFNAME_MAX] = "";

	if (sk == NULL)
		return;
	if (cp->cp_ifp != NULL)
		memcpy(name, cp->cp_ifp->if_name, sizeof(name));
	wcur_u8(&c, PFLOG_LEN);
	wcur_u8(&c, p->pkt_af != 0 ? p->pkt_af : AF_INET);
	wcur_u8(&c, cp->cp_pass ? 0 : 1);		/* PF_PASS, PF_DROP */
	wcur_u8(&c, cp->cp_reason);
	wcur_put(&c, name, sizeof(name));
	wcur_zero(&c, 16);				/* anchor */
	wcur_u32(&c, cp->cp_rule);
	wcur_u32(&c, UINT32_MAX);			/* no rule in an anchor */
	wcur_u32(&c, UINT32_MAX);			/* no user, no process */
	wcur_u32(&c, 0);
	wcur_u32(&c, UINT32_MAX);
	wcur_u32(&c, 0);
	wcur_u8(&c, cp->cp_dir);			/* PF_IN 1, PF_OUT 2 */
	wcur_zero(&c, 3);
	sink_put(sk, w->w_now, hdr, wcur_len(&c), p);
}

/* The interface's sink; NULL if its capture has just ended. */
static struct sink *
sink_find(const struct capture *ca, const char *name)
{
	unsigned i;
	struct sink *sk;

	for (i = 0; i < CAPTURES; i++) {
		sk = EPOCH_READ(ca->ca_sink[i]);
		if (sk != NULL && !sk->sk_ending && strcmp(sk->sk_name, name) == 0)
			return sk;
	}
	return NULL;
}

void
capture_frame(struct worker *w, struct ifnet *ifp, const struct pkt *p)
{
	struct sink *sk = sink_find(w->w_nk->nk_capture, ifp->if_name);

	if (sk != NULL)
		sink_put(sk, w->w_now, NULL, 0, p);
}

/* ---- control ---- */

static struct sink *
sink_new(const char *name, int fd, unsigned snaplen, uint32_t linktype)
{
	struct pcap_file h = { .pf_magic = 0xa1b2c3d4, .pf_major = 2, .pf_minor = 4,
	    .pf_snaplen = snaplen, .pf_linktype = linktype };
	struct sink *sk = calloc(1, sizeof(*sk));

	if (sk == NULL)
		return NULL;
	sk->sk_buf = malloc(BUFFER);
	sk->sk_out = malloc(BUFFER);
	if (sk->sk_buf == NULL || sk->sk_out == NULL) {
		free(sk->sk_buf);
		free(sk->sk_out);
		free(sk);
		return NULL;
	}
	pthread_mutex_init(&sk->sk_lock, NULL);
	memcpy(sk->sk_name, name, strnlen(name, sizeof(sk->sk_name) - 1));
	sk->sk_fd = fd;
	sk->sk_snaplen = snaplen;
	memcpy(sk->sk_buf, &h, sizeof(h));
	sk->sk_len = sizeof(h);
	return sk;
}

/* Shows it to the workers. */
static void
sink_publish(struct nk *nk, struct sink *sk, struct ifnet *ifp)
{
	if (ifp != NULL && (ifp->if_flags & IF_F_ENC) == 0)
		atomic_store(&ifp->if_capture, true);
	else if (ifp != NULL)
		atomic_store(&nk->nk_capture->ca_enc, sk);
	else
		atomic_store(&nk->nk_capture->ca_pflog, sk);
}

int
capture_start(struct nk *nk, const char *ifname, int fd, unsigned snaplen)
{
	struct capture *ca = nk->nk_capture;
	struct ifnet *ifp = if_find(nk, ifname);
	bool pflog = strcmp(ifname, "pflog0") == 0;
	struct sink *sk;
	unsigned i;

	if (ifp == NULL && !pflog)
		return ENOENT;
	if (sink_find(ca, ifname) != NULL)
		return EBUSY;
	for (i = 0; i < CAPTURES && ca->ca_sink[i] != NULL; i++)
		continue;
	if (i == CAPTURES)
		return ENOSPC;
	sk = sink_new(ifname, fd, snaplen == 0 || snaplen > SNAPLEN ? SNAPLEN : snaplen,
	    pflog ? DLT_PFLOG : (ifp->if_flags & IF_F_ENC) != 0 ? DLT_ENC : DLT_ETHERNET);
	if (sk == NULL)
		return ENOMEM;
	EPOCH_PUBLISH(ca->ca_sink[i], sk);
	sink_publish(nk, sk, ifp);
	return 0;
}

static void
sink_end(struct nk *nk, struct sink *sk)
{
	struct ifnet *ifp = if_find(nk, sk->sk_name);
	struct sink *expected = sk;

	pthread_mutex_lock(&sk->sk_lock);
	sk->sk_ending = true;
	pthread_mutex_unlock(&sk->sk_lock);
	if (ifp != NULL)
		atomic_store(&ifp->if_capture, false);
	(void)atomic_compare_exchange_strong(&nk->nk_capture->ca_enc, &expected, NULL);
	expected = sk;
	(void)atomic_compare_exchange_strong(&nk->nk_capture->ca_pflog, &expected, NULL);
}

int
capture_stop(struct nk *nk, const char *ifname)
{
	struct sink *sk = sink_find(nk->nk_capture, ifname);

	if (sk == NULL)
		return ENOENT;
	sink_end(nk, sk);
	capture_write(nk);
	return 0;
}

/* Is there something to write? Takes the buffer when the last one is done. */
static bool
sink_swap(struct sink *sk)
{
	uint8_t *buf;

	if (sk->sk_outoff < sk->sk_outlen)
		return true;
	pthread_mutex_lock(&sk->sk_lock);
	buf = sk->sk_out;
	sk->sk_out = sk->sk_buf;
	sk->sk_buf = buf;
	sk->sk_outlen = sk->sk_len;
	sk->sk_outoff = sk->sk_len = 0;
	pthread_mutex_unlock(&sk->sk_lock);
	return sk->sk_outlen != 0;
}

/* Writes what the descriptor takes; false: the reader is gone or the disk full. */
static bool
sink_write(struct sink *sk)
{
	ssize_t n;

	while (sink_swap(sk)) {
		n = write(sk->sk_fd, sk->sk_out + sk->sk_outoff,
		    sk->sk_outlen - sk->sk_outoff);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		sk->sk_outoff += (size_t)n;
	}
	return true;
}

bool
capture_active(const struct nk *nk)
{
	unsigned i;

	for (i = 0; i < CAPTURES; i++)
		if (EPOCH_READ(nk->nk_capture->ca_sink[i]) != NULL)
			return true;
	return false;
}

void
capture_write(struct nk *nk)
{
	struct capture *ca = nk->nk_capture;
	struct sink *sk;
	unsigned i;
	bool ok;

	for (i = 0; i < CAPTURES; i++) {
		sk = ca->ca_sink[i];
		if (sk == NULL)
			continue;
		ok = sink_write(sk);
		if (!ok && !sk->sk_ending)
			sink_end(nk, sk);
		if (!ok || (sk->sk_ending && sk->sk_outoff == sk->sk_outlen)) {
			EPOCH_PUBLISH(ca->ca_sink[i], NULL);
			epoch_retire(&nk->nk_epoch, sink_free, sk);
		}
	}
}
