/* SPDX-License-Identifier: ISC */
/*
 * What ikectl status and status -v print fits 80 columns, however long names,
 * addresses, identities and selectors are, and nothing of them is lost.
 */
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "../../../sbin/ikectl/ikectl.h"
#include "test.h"

#define LONG_NAME "a-name-of-as-many-letters-as-the-policy-allows-it-to-have-63-xx"
#define LONG_ID	"a-road-warrior-with-a-long-name@and.a.domain.that.is.longer.example"

static char out[16384];

/* What the printer wrote to standard output. */
static void
capture(void (*print)(const struct tunnel *, size_t), const struct tunnel *tu)
{
	char path[300];
	int fd, saved;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/out", getenv("TMPDIR"));
	(void)fflush(stdout);
	saved = dup(STDOUT_FILENO);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	CU_ASSERT_FATAL(saved != -1 && fd != -1);
	(void)dup2(fd, STDOUT_FILENO);
	print(tu, 1);
	(void)fflush(stdout);
	(void)dup2(saved, STDOUT_FILENO);
	(void)close(saved);
	n = pread(fd, out, sizeof(out) - 1, 0);
	(void)close(fd);
	(void)unlink(path);
	out[n > 0 ? n : 0] = '\0';
}

static void
fits(void)
{
	const char *line = out;

	while (*line != '\0') {
		size_t n = strcspn(line, "\n");

		CU_ASSERT(n <= 80);
		if (n > 80)
			printf("%zu columns: %.*s\n", n, (int)n, line);
		line += n + (line[n] != '\0');
	}
}

static struct addr
addr_of(const char *text)
{
	struct addr a = { 0 };

	CU_ASSERT_FATAL(addr_parse(text, &a));
	return a;
}

/* A tunnel with as much to say as there is. */
static struct tunnel
tunnel_of(const char *name, const char *peer, enum ike_state state)
{
	struct tunnel tu = { .tu_now = 400000000, .tu_asked = true,
	    .tu_counted = state == IKE_ST_UP, .tu_in = 1234567890,
	    .tu_out = 987654321000, .tu_in_last = time(NULL) - 7,
	    .tu_out_last = time(NULL) };
	struct ike_status *st = &tu.tu_st;

	(void)snprintf(st->st_policy, sizeof(st->st_policy), "%s", name);
	(void)snprintf(st->st_child, sizeof(st->st_child), "%s", name);
	st->st_state = state;
	st->st_since = 1000;
	st->st_local = st->st_peer = addr_of(peer);
	st->st_lport = st->st_rport = 4500;
	st->st_natt = true;
	st->st_ike_up = true;
	st->st_ike_spi_i = st->st_ike_spi_r = UINT64_C(0xfedcba9876543210);
	st->st_local_id.id_type = st->st_peer_id.id_type = 3;
	(void)snprintf((char *)st->st_local_id.id_data,
	    sizeof(st->st_local_id.id_data), LONG_ID);
	st->st_local_id.id_len = strlen(LONG_ID);
	st->st_peer_id = st->st_local_id;
	st->st_rekey_at = tu.tu_now + 2000000;
	st->st_spi_in = st->st_spi_out = 0xfedcba98;
	st->st_path_at = 5000;
	st->st_path_mtu = 1280;
	st->st_path_link = 1500;
	return tu;
}

static void
columns(void)
{
	static const char *const names[] = { "paris", "exactly-9", "one-longer",
	    LONG_NAME };
	static const char *const peers[] = { "192.0.2.1",
	    "2001:db8:1111:2222:3333:4444:5555:6666" };
	static const enum ike_state states[] = { IKE_ST_UP, IKE_ST_CONNECTING,
	    IKE_ST_RETRY, IKE_ST_WAITING, IKE_ST_DEMAND, IKE_ST_DOWN,
	    IKE_ST_DISABLED, IKE_ST_BLOCKED };

	for (size_t i = 0; i < TEST_COUNT(names) * TEST_COUNT(peers) *
	    TEST_COUNT(states); i++) {
		const char *name = names[i % TEST_COUNT(names)];
		const char *peer = peers[i / TEST_COUNT(names) % TEST_COUNT(peers)];
		enum ike_state state = states[i / TEST_COUNT(names) /
		    TEST_COUNT(peers)];
		struct tunnel tu = tunnel_of(name, peer, state);

		test_row("%s %s %d", name, peer, (int)state);
		if (state != IKE_ST_UP) {
			tu.tu_st.st_reason = IKE_R_NO_ANSWER;
			memset(tu.tu_st.st_note, 'n', sizeof(tu.tu_st.st_note) - 1);
		}
		capture(status_table, &tu);
		fits();
		CU_ASSERT_PTR_NOT_NULL(strstr(out, name));
		CU_ASSERT_PTR_NOT_NULL(strstr(out, peer));
		capture(status_verbose, &tu);
		fits();
		CU_ASSERT_PTR_NOT_NULL(strstr(out, name));
		CU_ASSERT_PTR_NOT_NULL(strstr(out, LONG_ID));
		CU_ASSERT_PTR_NOT_NULL(strstr(out, "0xfedcba9876543210"));
	}
}

/* A child that has been silent for long names the command that tells more. */
static void
silent(void)
{
	struct tunnel tu = tunnel_of(LONG_NAME, "192.0.2.1", IKE_ST_UP);

	tu.tu_in_last = time(NULL) - 7300;
	capture(status_table, &tu);
	fits();
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "up, silent"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "nothing received for 2h01m"));
}

TEST_MAIN(
	TEST("80 columns", columns),
	TEST("silent", silent))
