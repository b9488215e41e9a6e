/* SPDX-License-Identifier: ISC */
/*
 * The pcap file format, read with a cursor.
 */
#include "dev/pcap_file.h"

#define MAGIC_USEC	0xa1b2c3d4u
#define MAGIC_NSEC	0xa1b23c4du
#define LINK_ETHERNET	1u

static uint32_t
field(struct cur *c, bool swap)
{
	uint32_t v = cur_u32_host(c);

	return swap ? __builtin_bswap32(v) : v;
}

const char *
pcap_reader_init(struct pcap_reader *pr, const void *file, size_t len)
{
	struct cur c = cur_init(file, len);
	uint32_t magic = cur_u32_host(&c), link;

	*pr = (struct pcap_reader){ .pr_cur = c };
	if (magic != MAGIC_USEC && magic != MAGIC_NSEC) {
		magic = __builtin_bswap32(magic);
		pr->pr_swap = true;
	}
	if (magic != MAGIC_USEC && magic != MAGIC_NSEC)
		return "not a pcap file (pcapng must be converted: editcap -F pcap)";
	cur_skip(&c, 16);
	link = field(&c, pr->pr_swap);
	if (!cur_ok(&c))
		return "shorter than a pcap file's header";
	if ((link & 0x0fffffff) != LINK_ETHERNET)
		return "not a capture of Ethernet frames";
	pr->pr_cur = pr->pr_start = c;
	return NULL;
}

bool
pcap_reader_next(struct pcap_reader *pr, struct pcap_frame *pf)
{
	struct cur *c = &pr->pr_cur;
	uint32_t caplen, wire;

	while (cur_left(c) != 0) {
		cur_skip(c, 8);
		caplen = field(c, pr->pr_swap);
		wire = field(c, pr->pr_swap);
		pf->pf_data = cur_bytes(c, caplen);
		pf->pf_len = caplen;
		if (pf->pf_data == NULL)
			return false;
		if (caplen == wire && caplen != 0 && caplen <= PCAP_FRAME_MAX)
			return true;	/* cut ones are passed over */
	}
	return false;
}

void
pcap_reader_rewind(struct pcap_reader *pr)
{
	pr->pr_cur = pr->pr_start;
}
