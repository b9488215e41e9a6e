/* SPDX-License-Identifier: ISC */
/*
 * Reading a capture file in pcap format (version 2.4; either byte order,
 * micro- or nanoseconds) from memory.  Only Ethernet (LINKTYPE_ETHERNET).
 */
#ifndef DEV_PCAP_FILE_H
#define DEV_PCAP_FILE_H

#include "libutil/cur.h"

#define PCAP_FRAME_MAX	65549		/* 65535 and an Ethernet header */

struct pcap_reader {
	struct cur	pr_cur;
	struct cur	pr_start;	/* first record, for another round */
	bool		pr_swap;
};

struct pcap_frame {
	const uint8_t	*pf_data;	/* in the file's memory */
	uint32_t	 pf_len;
};

/* The file must outlive the reader. NULL, or what is wrong with it. */
const char	*pcap_reader_init(struct pcap_reader *, const void *file, size_t len);
/* The next frame that is whole; false at the end or where the file is damaged. */
bool		 pcap_reader_next(struct pcap_reader *, struct pcap_frame *);
/* From the first frame again. */
void		 pcap_reader_rewind(struct pcap_reader *);

#endif
