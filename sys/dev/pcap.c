/* SPDX-License-Identifier: ISC */
/*
 * Driver "pcap": receives the frames of one capture file, as fast as they
 * are taken, and records what is sent into another.
 *
 *	pcap in=FILE,out=FILE,loop=N
 *
 * Either file may be missing.  loop repeats the first N times (0: for ever).
 * Files are read whole when the interface is created; worker 0 alone
 * receives, all send, under a lock.  Meant for tests and for looking into
 * a problem, not for speed.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dev/dev.h"
#include "dev/options.h"
#include "dev/pcap_file.h"

struct pcap_dev {
	void			*pd_file;
	size_t			 pd_len;
	struct pcap_reader	 pd_reader;
	uint64_t		 pd_rounds;	/* that remain; UINT64_MAX: no end */
	pthread_mutex_t		 pd_lock;
	FILE			*pd_out;
	char			 pd_in_name[OPTION_MAX], pd_out_name[OPTION_MAX];
};

static void
pcap_close(struct ifnet *ifp)
{
	struct pcap_dev *pd = ifp->if_priv;

	if (pd->pd_file != NULL)
		munmap(pd->pd_file, pd->pd_len);
	if (pd->pd_out != NULL)
		fclose(pd->pd_out);
	pthread_mutex_destroy(&pd->pd_lock);
	free(pd);
	ifp->if_priv = NULL;
}

static int
parse(struct pcap_dev *pd, const char *arg, char *err, size_t errlen)
{
	struct option_iter oi;

	pd->pd_rounds = 1;
	option_start(&oi, arg);
	while (option_next(&oi)) {
		if (strcmp(oi.oi_name, "in") == 0)
			memcpy(pd->pd_in_name, oi.oi_value, sizeof(oi.oi_value));
		else if (strcmp(oi.oi_name, "out") == 0)
			memcpy(pd->pd_out_name, oi.oi_value, sizeof(oi.oi_value));
		else if (strcmp(oi.oi_name, "loop") != 0 ||
		    !option_number(oi.oi_value, 0, UINT32_MAX, &pd->pd_rounds)) {
			snprintf(err, errlen, "driver pcap does not know '%s=%s'; "
			    "there are: in=FILE, out=FILE, loop=NUMBER", oi.oi_name, oi.oi_value);
			return EINVAL;
		}
	}
	if (pd->pd_rounds == 0)
		pd->pd_rounds = UINT64_MAX;
	return 0;
}

static int
open_in(struct pcap_dev *pd, char *err, size_t errlen)
{
	const char *name = pd->pd_in_name, *why;
	struct stat st;
	int error, fd = open(name, O_RDONLY | O_CLOEXEC);

	if (fd == -1 || fstat(fd, &st) == -1) {
		error = errno;
		snprintf(err, errlen, "%s: %s", name, strerror(error));
		if (fd != -1)
			close(fd);
		return error;
	}
	pd->pd_len = (size_t)st.st_size;
	pd->pd_file = pd->pd_len == 0 ? MAP_FAILED :
	    mmap(NULL, pd->pd_len, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (pd->pd_file == MAP_FAILED) {
		pd->pd_file = NULL;
		snprintf(err, errlen, "%s: cannot be read whole", name);
		return EINVAL;
	}
	why = pcap_reader_init(&pd->pd_reader, pd->pd_file, pd->pd_len);
	if (why == NULL)
		return 0;
	snprintf(err, errlen, "%s: %s", name, why);
	return EINVAL;
}

static int
open_out(struct pcap_dev *pd, char *err, size_t errlen)
{
	static const uint32_t head[6] = { 0xa1b2c3d4, 0, 0, 0, PCAP_FRAME_MAX, 1 };
	uint32_t h[6];
	uint16_t version[2] = { 2, 4 };
	int error;

	pd->pd_out = fopen(pd->pd_out_name, "we");
	if (pd->pd_out == NULL) {
		error = errno;
		snprintf(err, errlen, "%s: %s", pd->pd_out_name, strerror(error));
		return error;
	}
	memcpy(h, head, sizeof(h));
	memcpy(&h[1], version, sizeof(version));
	fwrite(h, sizeof(h), 1, pd->pd_out);
	fflush(pd->pd_out);
	return 0;
}

static int
pcap_open(struct ifnet *ifp, const char *arg, unsigned nq, char *err, size_t errlen)
{
	struct pcap_dev *pd = calloc(1, sizeof(*pd));
	int error;

	(void)nq;
	if (pd == NULL)
		return ENOMEM;
	pthread_mutex_init(&pd->pd_lock, NULL);
	ifp->if_priv = pd;
	error = parse(pd, arg, err, errlen);
	if (error == 0 && pd->pd_in_name[0] != '\0')
		error = open_in(pd, err, errlen);
	if (error == 0 && pd->pd_out_name[0] != '\0')
		error = open_out(pd, err, errlen);
	if (error != 0) {
		pcap_close(ifp);
		return error;
	}
	ifp->if_mac[0] = 0x02;
	ifp->if_mac[4] = 0x9c;
	ifp->if_mac[5] = (uint8_t)ifp->if_nk->nk_ifs->it_n;
	return 0;
}

static bool
next_frame(struct pcap_dev *pd, struct pcap_frame *pf)
{
	if (pd->pd_rounds == 0)
		return false;
	if (pcap_reader_next(&pd->pd_reader, pf))
		return true;
	if (pd->pd_rounds != UINT64_MAX)
		pd->pd_rounds--;
	pcap_reader_rewind(&pd->pd_reader);
	if (pd->pd_rounds == 0)
		return false;
	if (pcap_reader_next(&pd->pd_reader, pf))
		return true;
	pd->pd_rounds = 0;		/* no frame in it */
	return false;
}

static unsigned
pcap_rx(struct ifnet *ifp, unsigned q, struct worker *w, struct pktvec *v)
{
	struct pcap_dev *pd = ifp->if_priv;
	unsigned had = v->pv_n;
	struct pcap_frame pf;
	struct pkt *p;

	if (q != 0 || pd->pd_file == NULL || (ifp->if_flags & IF_F_UP) == 0)
		return 0;
	while (!pktvec_full(v) && next_frame(pd, &pf)) {
		p = pkt_alloc(w, pf.pf_len);
		if (p == NULL)
			break;
		memcpy(p->pkt_data, pf.pf_data, pf.pf_len);
		p->pkt_len = pf.pf_len;
		pktvec_add(v, p);
	}
	return v->pv_n - had;
}

static void
record(struct pcap_dev *pd, struct clock_now now, const struct pkt *p)
{
	uint32_t h[4] = { (uint32_t)now.now_wall,
	    (uint32_t)(now.now_ns % NSEC_PER_SEC / 1000), p->pkt_len, p->pkt_len };

	fwrite(h, sizeof(h), 1, pd->pd_out);
	fwrite(p->pkt_data, p->pkt_len, 1, pd->pd_out);
}

static void
pcap_tx(struct ifnet *ifp, unsigned q, struct worker *w, struct pktvec *v)
{
	struct pcap_dev *pd = ifp->if_priv;
	unsigned i;

	(void)q;
	pthread_mutex_lock(&pd->pd_lock);
	for (i = 0; i < v->pv_n; i++) {
		if (pd->pd_out != NULL)
			record(pd, w->w_now, v->pv_pkt[i]);
		pkt_free(w, v->pv_pkt[i]);
	}
	if (pd->pd_out != NULL)
		fflush(pd->pd_out);
	pthread_mutex_unlock(&pd->pd_lock);
	v->pv_n = 0;
}

static int
pcap_fd(struct ifnet *ifp, unsigned q)
{
	(void)ifp;
	(void)q;
	return -1;
}

const struct if_ops pcap_ops = {
	.io_name = "pcap",
	.io_open = pcap_open,
	.io_close = pcap_close,
	.io_rx = pcap_rx,
	.io_tx = pcap_tx,
	.io_fd = pcap_fd,
};
