/* SPDX-License-Identifier: ISC */
/*
 * A key socket without a network kernel: fakekey SOCKET LOG [STATE].  It
 * keeps policies and SAs as messages, answers SPDADD, SPDUPDATE, SPDDELETE,
 * SPDDUMP, ADD, DELETE and DUMP, and writes a line to LOG for each change:
 * so a test sees what was touched, and what was not.  A file STATE, if it
 * exists, makes each change whose text it contains fail with EINVAL.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/un.h>

#include "libpolicy/diff.h"
#include "libpolicy/keymsg.h"

enum { CLIENTS = 32, ENTRIES = 120000 };

struct entry {
	uint8_t			 en_type;	/* SADB_X_SPDADD, SADB_ADD; 0 free */
	struct policy_flow	 en_flow;
	struct policy_sa	 en_sa;
	uint8_t			*en_msg;	/* as it came */
	size_t			 en_len;
};

static struct entry *entries;
static size_t nentries;
static FILE *logfile;
static const char *statefile;
static bool asked[CLIENTS + 1];

static struct entry *
find(const struct entry *key)
{
	for (size_t i = 0; i < nentries; i++) {
		struct entry *en = &entries[i];

		if (en->en_type != key->en_type)
			continue;
		if (key->en_type == SADB_X_SPDADD &&
		    en->en_flow.fl_dir == key->en_flow.fl_dir &&
		    memcmp(&en->en_flow.fl_sel, &key->en_flow.fl_sel,
		    sizeof(en->en_flow.fl_sel)) == 0)
			return en;
		if (key->en_type == SADB_ADD &&
		    en->en_sa.sa_spi == key->en_sa.sa_spi &&
		    addr_equal(&en->en_sa.sa_dst, &key->en_sa.sa_dst))
			return en;
	}
	return NULL;
}

/* Is the text of the change named in the state file? */
static bool
must_fail(const char *text)
{
	FILE *f = statefile != NULL ? fopen(statefile, "r") : NULL;
	char line[512];
	bool fail = false;

	if (f == NULL)
		return false;
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		fail |= line[0] != '\0' && strstr(text, line) != NULL;
	}
	fclose(f);
	return fail;
}

static void
describe(const struct entry *en, char *out, size_t cap)
{
	FILE *f = fmemopen(out, cap, "w");

	if (en->en_type == SADB_X_SPDADD)
		policy_print_flow(&en->en_flow, f);
	else
		policy_print_sa(&en->en_sa, f, POLICY_PRINT_NO_KEYS);
	fclose(f);
}

static void
entry_clear(struct entry *en)
{
	policy_sa_wipe(&en->en_sa);
	free(en->en_msg);
	memset(en, 0, sizeof(*en));
}

static int
change(uint8_t type, struct entry *en)
{
	struct entry *old = find(en);
	bool del = type == SADB_X_SPDDELETE || type == SADB_DELETE;
	char text[1024] = "";

	describe(en, text, sizeof(text));
	if (must_fail(text))
		return EINVAL;
	if ((type == SADB_X_SPDADD || type == SADB_ADD) && old != NULL)
		return EEXIST;
	if (del && old == NULL)
		return ENOENT;
	fprintf(logfile, "%s %s", pfkey_type_name(type), text);
	fflush(logfile);
	if (old != NULL)
		entry_clear(old);
	if (del)
		return 0;
	if (old == NULL) {
		if (nentries == ENTRIES)
			return ENOBUFS;
		old = &entries[nentries++];
	}
	*old = *en;
	en->en_msg = NULL;
	memset(&en->en_sa, 0, sizeof(en->en_sa));
	return 0;
}

static void
answer(int fd, struct pfkey_msg *m, int error)
{
	uint8_t buf[PFKEY_MSG_MAX];
	size_t n;

	m->pm_errno = (uint8_t)error;
	if (error != 0)
		m->pm_has = 0;
	n = pfkey_build(m, buf, sizeof(buf));
	if (n != 0 && send(fd, buf, n, MSG_NOSIGNAL) == -1 && errno != EPIPE)
		perror("fakekey: send");
}

static void
dump(int fd, const struct pfkey_msg *req)
{
	uint8_t want = req->pm_type == SADB_X_SPDDUMP ? SADB_X_SPDADD :
	    SADB_ADD;
	uint32_t left = 0;
	struct pfkey_msg m = *req;

	for (size_t i = 0; i < nentries; i++)
		left += entries[i].en_type == want;
	if (left == 0)
		answer(fd, &m, ENOENT);
	for (size_t i = 0; i < nentries; i++) {
		if (entries[i].en_type != want)
			continue;
		if (pfkey_parse(entries[i].en_msg, entries[i].en_len,
		    PFKEY_FROM_USER, &m, NULL) != 0)
			abort();
		m.pm_type = req->pm_type;
		m.pm_pid = req->pm_pid;
		m.pm_seq = --left;
		answer(fd, &m, 0);
	}
}

static void
serve(int fd, size_t client, const uint8_t *buf, size_t n)
{
	struct pfkey_msg m;
	struct entry en = { 0 };
	bool ours;
	int error = pfkey_parse(buf, n, PFKEY_FROM_USER, &m, NULL);

	if (error == 0 && PFKEY_HAS(&m, PFKEY_EXT_ASK))
		asked[client] = true;
	if (error == 0 && (m.pm_type == SADB_X_SPDDUMP ||
	    m.pm_type == SADB_DUMP)) {
		dump(fd, &m);
		return;
	}
	en.en_msg = malloc(n);
	en.en_len = n;
	memcpy(en.en_msg, buf, n);
	if (error != 0) {
		/* told in the answer */
	} else if (keymsg_to_flow(&m, &en.en_flow, &ours)) {
		en.en_type = SADB_X_SPDADD;
		error = change(m.pm_type, &en);
	} else if (keymsg_to_sa(&m, &en.en_sa, &ours)) {
		en.en_type = SADB_ADD;
		error = change(m.pm_type, &en);
	}
	free(en.en_msg);
	policy_sa_wipe(&en.en_sa);
	/* RFC 2367 section 3.1.3: no keys in the answer */
	m.pm_has &= ~(PFKEY_BIT(SADB_EXT_KEY_AUTH) |
	    PFKEY_BIT(SADB_EXT_KEY_ENCRYPT));
	answer(fd, &m, error);
}

static int
open_socket(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    listen(fd, 8) == -1) {
		perror(path);
		exit(1);
	}
	return fd;
}

int
main(int argc, char **argv)
{
	struct pollfd pfd[CLIENTS + 1];
	static uint8_t buf[PFKEY_MSG_MAX];
	nfds_t n = 1;

	if (argc < 3)
		return 1;
	entries = calloc(ENTRIES, sizeof(*entries));
	logfile = fopen(argv[2], "a");
	statefile = argc > 3 ? argv[3] : NULL;
	if (logfile == NULL || entries == NULL)
		return 1;
	pfd[0] = (struct pollfd){ open_socket(argv[1]), POLLIN, 0 };
	for (;;) {
		if (poll(pfd, n, -1) == -1)
			return 1;
		for (nfds_t i = 1; i < n; i++) {
			ssize_t len;

			if (pfd[i].revents == 0)
				continue;
			len = recv(pfd[i].fd, buf, sizeof(buf), 0);
			if (len > 0) {
				serve(pfd[i].fd, i, buf, (size_t)len);
				continue;
			}
			close(pfd[i].fd);
			pfd[i] = pfd[--n];
			break;		/* the rest next time */
		}
		if (pfd[0].revents != 0 && n <= CLIENTS)
			pfd[n++] = (struct pollfd){ accept(pfd[0].fd, NULL,
			    NULL), POLLIN, 0 };
	}
}
