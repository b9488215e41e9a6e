/* SPDX-License-Identifier: ISC */
/*
 * Randomness before any key is made.
 *
 * The seed file holds 64 bytes that the kernel's generator made while it was
 * known to be good.  At the start it is replaced first, by a hash of the old
 * seed, the time and the kernel's present randomness, and only when that is
 * on the disk the old bytes are given to the kernel with credit: so no two
 * starts are ever credited with the same bytes, whenever the power goes.  A
 * file that is not ours alone, or not of that length, gets no credit; nor
 * does the first start, as there is no file.
 *
 * Then getrandom(2) is waited for: it returns once the kernel's generator is
 * seeded, by credit, by the CPU's instruction, by a virtio device or by the
 * jitter of its own clock.
 */
#include <bearssl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/random.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "boot.h"

#define SEED	BOOT_ETC "/random.seed"

enum { SEED_BYTES = 64 };

/* struct rand_pool_info, with its bytes. */
struct credit {
	int		cr_entropy;	/* bits */
	int		cr_size;
	uint8_t		cr_bytes[SEED_BYTES];
};

static bool
read_seed(uint8_t seed[SEED_BYTES])
{
	int fd = open(SEED, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat sb;
	bool ok = fd != -1 && fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode) &&
	    sb.st_uid == 0 && (sb.st_mode & 077) == 0 &&
	    sb.st_size == SEED_BYTES &&
	    read(fd, seed, SEED_BYTES) == SEED_BYTES;

	if (fd != -1)
		close(fd);
	return ok;
}

/* What replaces a seed before it is used, when randomness may be poor. */
static bool
replace_early(const uint8_t old[SEED_BYTES])
{
	uint8_t next[SEED_BYTES] = { 0 };
	struct timespec now;
	br_sha512_context hash;
	bool ok;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)getrandom(next, sizeof(next), GRND_NONBLOCK);
	br_sha512_init(&hash);
	br_sha512_update(&hash, old, SEED_BYTES);
	br_sha512_update(&hash, &now, sizeof(now));
	br_sha512_update(&hash, next, sizeof(next));
	br_sha512_out(&hash, next);
	ok = file_replace(SEED, next, sizeof(next), 0600);
	explicit_bzero(next, sizeof(next));
	return ok;
}

static void
give(const uint8_t seed[SEED_BYTES], bool credit)
{
	struct credit cr = { .cr_entropy = credit ? SEED_BYTES * 8 : 0,
	    .cr_size = SEED_BYTES };
	int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);

	memcpy(cr.cr_bytes, seed, SEED_BYTES);
	if (fd == -1 || ioctl(fd, RNDADDENTROPY, &cr) == -1)
		quiet("the random seed was not taken: %s", strerror(errno));
	if (fd != -1)
		close(fd);
	explicit_bzero(&cr, sizeof(cr));
}

int
task_entropy(void)
{
	uint8_t seed[SEED_BYTES];
	bool had = read_seed(seed);

	if (had)
		give(seed, replace_early(seed));
	if (getrandom(seed, sizeof(seed), GRND_NONBLOCK) == -1) {
		loud("waiting for randomness");
		while (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
			continue;
	}
	quiet("randomness is good%s", had ? ", with the seed of the last run" :
	    "");
	if (!file_replace(SEED, seed, sizeof(seed), 0600))
		quiet("%s: %s", SEED, strerror(errno));
	explicit_bzero(seed, sizeof(seed));
	return 0;
}
