/* SPDX-License-Identifier: ISC */
/*
 * Capture files: every frame lies within the file, and reading ends.
 */
#include <stdlib.h>

#include "dev/pcap_file.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pcap_reader pr;
	struct pcap_frame pf;
	size_t frames = 0;

	if (pcap_reader_init(&pr, data, size) != NULL)
		return 0;
	while (pcap_reader_next(&pr, &pf)) {
		if (pf.pf_data < data || pf.pf_len > size ||
		    pf.pf_data + pf.pf_len > data + size || ++frames > size)
			abort();
	}
	pcap_reader_rewind(&pr);
	while (pcap_reader_next(&pr, &pf))
		frames--;
	if (frames != 0)
		abort();
	return 0;
}
