/* SPDX-License-Identifier: ISC */
/*
 * seed.conf(5): statements and parts (see seed.h).
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libpolicy/lex.h"
#include "libseed/seed.h"
#include "libutil/cur.h"
#include "libutil/sha256.h"

enum { WORDS_MAX = 8, WORD_MAX = SSHKEY_LINE };

struct reader {
	struct seed		*re_seed;
	struct policy_errors	*re_errs;
	size_t			 re_off;	/* where the line begins */
	unsigned		 re_line;
	char			 re_word[WORDS_MAX][WORD_MAX];
	size_t			 re_col[WORDS_MAX + 1];	/* from 0 */
	unsigned		 re_n;
	bool			 re_ok;
};

static bool complain(struct reader *, unsigned, const char *, ...)
    __attribute__((format(printf, 3, 4)));

static bool
complain(struct reader *re, unsigned word, const char *fmt, ...)
{
	const struct policy_text *text = &re->re_seed->sd_text;
	size_t col = re->re_col[word < re->re_n ? word : re->re_n];
	struct tok tk = { .tk_file = text->tx_name, .tk_body = text->tx_body,
	    .tk_bodylen = text->tx_len, .tk_line = re->re_line,
	    .tk_off = re->re_off + col, .tk_col = (unsigned)col + 1 };
	char msg[300];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	policy_errors_add(re->re_errs, &tk, msg);
	re->re_ok = false;
	return false;
}

/* ---- words ---- */

/* One word that begins with `first`; quoted, up to the next quote. */
static bool
word(struct reader *re, struct cur *c, uint8_t first, size_t col)
{
	char *out = re->re_word[re->re_n];
	bool quoted = first == '"', closed = false;
	size_t n = 0;

	re->re_col[re->re_n] = col;
	if (!quoted)
		out[n++] = (char)first;
	while (cur_left(c) != 0 && !closed) {
		struct cur ahead = *c;
		uint8_t b = cur_u8(&ahead);

		if (!quoted && (b == ' ' || b == '\t' || b == '\r'))
			break;
		*c = ahead;
		closed = quoted && b == '"';
		if (closed)
			break;
		if (n == WORD_MAX - 1)
			return complain(re, re->re_n, "this word is too long");
		if (b < 0x20 || b == 0x7f)
			return complain(re, re->re_n, "this word holds a "
			    "character that cannot be printed");
		out[n++] = (char)b;
	}
	out[n] = '\0';
	if (quoted && !closed)
		return complain(re, re->re_n, "a quote without its end");
	re->re_n++;
	return true;
}

static bool
split(struct reader *re, struct cur line)
{
	size_t len = cur_left(&line);

	re->re_n = 0;
	re->re_col[0] = 0;
	while (cur_left(&line) != 0) {
		size_t col = len - cur_left(&line);
		uint8_t b = cur_u8(&line);

		if (b == ' ' || b == '\t' || b == '\r')
			continue;
		if (b == '#')
			break;
		if (re->re_n == WORDS_MAX) {
			re->re_col[re->re_n] = col;
			return complain(re, re->re_n, "too many words");
		}
		if (!word(re, &line, b, col))
			return false;
		re->re_col[re->re_n] = len - cur_left(&line);
	}
	return true;
}

static bool
words(struct reader *re, unsigned n, const char *form)
{
	if (re->re_n == n)
		return true;
	return complain(re, re->re_n < n ? re->re_n : n, "%s: it is '%s'",
	    re->re_n < n ? "something is missing" : "something too much", form);
}

/* ---- statements ---- */

static bool
hostname(struct reader *re)
{
	const char *name = re->re_word[1];
	size_t n;

	if (!words(re, 2, "hostname name"))
		return false;
	for (n = 0; name[n] != '\0'; n++) {
		if (!isalnum((unsigned char)name[n]) && name[n] != '-' &&
		    name[n] != '.')
			return complain(re, 1, "a host name consists of "
			    "letters, digits, '-' and '.'");
	}
	if (n == 0 || n > SEED_HOST_MAX || name[0] == '-' || name[0] == '.')
		return complain(re, 1, "a host name has 1 to %d characters "
		    "and begins with a letter or digit", SEED_HOST_MAX);
	if (re->re_seed->sd_hostname[0] != '\0')
		return complain(re, 0, "hostname stands here twice");
	memcpy(re->re_seed->sd_hostname, name, n + 1);
	return true;
}

static bool
password(struct reader *re)
{
	const char *hash = re->re_word[1];
	size_t n = strlen(hash);

	if (!words(re, 2, "password-hash \"$argon2id$...\""))
		return false;
	if (strncmp(hash, "$argon2id$v=19$", 15) != 0)
		return complain(re, 1, "this is no hash by argon2id; 'seed "
		    "hash' makes one from a password");
	if (n > SEED_HASH_MAX)
		return complain(re, 1, "a hash has at most %d characters",
		    SEED_HASH_MAX);
	if (re->re_seed->sd_password[0] != '\0')
		return complain(re, 0, "password-hash stands here twice");
	memcpy(re->re_seed->sd_password, hash, n + 1);
	re->re_seed->sd_password_line = re->re_line;
	return true;
}

/* Letters and a number, as network.conf(5) has it. */
static bool
interface_name(const char *name)
{
	size_t a = 0, d;

	while (isalpha((unsigned char)name[a]))
		a++;
	for (d = a; isdigit((unsigned char)name[d]); d++)
		continue;
	return a > 0 && d > a && name[d] == '\0' && d < 16;
}

static bool
nic_mac(struct reader *re, struct seed_nic *sn)
{
	const char *p = re->re_word[3];
	static const char digits[] = "0123456789abcdef";

	if (strlen(p) != 17)
		return complain(re, 3, "an address is six pairs of hexadecimal "
		    "digits with ':' between");
	for (unsigned i = 0; i < 17; i++) {
		const char *d;

		if (i % 3 == 2) {
			if (p[i] != ':')
				return complain(re, 3, "a ':' stands between "
				    "the pairs of an address");
			continue;
		}
		d = memchr(digits, tolower((unsigned char)p[i]), 16);
		if (d == NULL)
			return complain(re, 3, "'%c' is no hexadecimal digit",
			    p[i]);
		sn->sn_mac[i / 3] = (uint8_t)(sn->sn_mac[i / 3] << 4 |
		    (d - digits));
	}
	return true;
}

static bool
nic_how(struct reader *re, struct seed_nic *sn)
{
	static const char *const hows[] = { "mac", "pci", "name", NULL };
	const char *how = re->re_word[2], *value = re->re_word[3], *near;
	char *end;

	if (strcmp(how, "mac") == 0) {
		sn->sn_how = SEED_NIC_MAC;
		return nic_mac(re, sn);
	}
	if (strcmp(how, "pci") == 0) {
		sn->sn_how = SEED_NIC_PCI;
		sn->sn_place = (unsigned)strtoul(value, &end, 10);
		if (isdigit((unsigned char)value[0]) && *end == '\0' &&
		    strlen(value) < 4 && sn->sn_place > 0)
			return true;
		return complain(re, 3, "cards are counted from 1");
	}
	if (strcmp(how, "name") == 0) {
		sn->sn_how = SEED_NIC_NAME;
		if (value[0] == '\0' || strlen(value) >= sizeof(sn->sn_linux) ||
		    strchr(value, '/') != NULL)
			return complain(re, 3, "a name that Linux gives a card "
			    "has 1 to 15 characters and no '/'");
		memcpy(sn->sn_linux, value, strlen(value) + 1);
		return true;
	}
	near = nearest_word(how, hows);
	return complain(re, 2, "a card is told by mac, pci or name%s%s%s",
	    near == NULL ? "" : "; is it '", near == NULL ? "" : near,
	    near == NULL ? "" : "'?");
}

static bool
nic(struct reader *re)
{
	struct seed *sd = re->re_seed;
	struct seed_nic *sn = &sd->sd_nic[sd->sd_nnics];

	if (!words(re, 4, "nic name mac | pci | name value"))
		return false;
	if (!interface_name(re->re_word[1]))
		return complain(re, 1, "the name of an interface is letters "
		    "and a number, at most 15");
	for (size_t i = 0; i < sd->sd_nnics; i++) {
		if (strcmp(sd->sd_nic[i].sn_name, re->re_word[1]) == 0)
			return complain(re, 1, "%s has its card already",
			    re->re_word[1]);
	}
	if (sd->sd_nnics == SEED_NICS_MAX)
		return complain(re, 0, "at most %d cards", SEED_NICS_MAX);
	memset(sn, 0, sizeof(*sn));
	if (!nic_how(re, sn))
		return false;
	memcpy(sn->sn_name, re->re_word[1], strlen(re->re_word[1]) + 1);
	(void)snprintf(sn->sn_text, sizeof(sn->sn_text), "%.8s %.20s",
	    re->re_word[2], re->re_word[3]);
	sd->sd_nnics++;
	return true;
}

/* ---- ssh, ntp ---- */

static bool
ssh(struct reader *re)
{
	static const char *const names[] = { "on", "off", NULL };
	struct seed *sd = re->re_seed;
	const char *near;

	if (!words(re, 2, "ssh on | off"))
		return false;
	if (sd->sd_ssh != SEED_AS_IT_IS)
		return complain(re, 0, "ssh stands here twice");
	for (unsigned i = 0; i < 2; i++) {
		if (strcmp(re->re_word[1], names[i]) == 0)
			sd->sd_ssh = i == 0 ? SEED_ON : SEED_OFF;
	}
	if (sd->sd_ssh != SEED_AS_IT_IS)
		return true;
	near = nearest_word(re->re_word[1], names);
	return complain(re, 1, "ssh is on or off%s%s%s", near == NULL ? "" :
	    "; is it '", near == NULL ? "" : near, near == NULL ? "" : "'?");
}

static bool
ssh_key(struct reader *re)
{
	struct seed *sd = re->re_seed;
	const char *why = "";
	struct sshkey key;

	if (!words(re, 2, "ssh-key \"ssh-ed25519 AAAA... comment\""))
		return false;
	if (sd->sd_nssh_keys == SEED_SSH_KEYS_MAX)
		return complain(re, 0, "at most %d keys", SEED_SSH_KEYS_MAX);
	if (!sshkey_parse(&key, re->re_word[1], &why))
		return complain(re, 1, "%s", why);
	sshkey_print(key.sk_kind, key.sk_blob, key.sk_len, key.sk_comment,
	    sd->sd_ssh_key[sd->sd_nssh_keys++]);
	return true;
}

static bool
ntp(struct reader *re)
{
	struct seed *sd = re->re_seed;
	struct addr addr;

	if (re->re_n < 2)
		return complain(re, re->re_n, "something is missing: it is "
		    "'ntp address ... | off'");
	if (sd->sd_ntp != SEED_AS_IT_IS)
		return complain(re, 0, "ntp stands here twice");
	sd->sd_ntp = strcmp(re->re_word[1], "off") == 0 ? SEED_OFF : SEED_ON;
	if (sd->sd_ntp == SEED_OFF)
		return words(re, 2, "ntp off");
	for (unsigned i = 1; i < re->re_n; i++) {
		if (sd->sd_nntp == SEED_NTP_MAX)
			return complain(re, i, "at most %d time servers",
			    SEED_NTP_MAX);
		if (!addr_parse(re->re_word[i], &addr) ||
		    addr.ad_af != AF_INET)
			return complain(re, i, "a time server is named by its "
			    "IPv4 address: the router looks up no names");
		(void)addr_print(&addr, sd->sd_ntp_server[sd->sd_nntp++]);
	}
	return true;
}

static const struct statement {
	const char	*st_name;
	bool		(*st_read)(struct reader *);
} statements[] = {
	{ "hostname", hostname },
	{ "password-hash", password },
	{ "nic", nic },
	{ "ssh", ssh },
	{ "ssh-key", ssh_key },
	{ "ntp", ntp },
};

enum { STATEMENTS = sizeof(statements) / sizeof(statements[0]) };

static bool
statement(struct reader *re)
{
	const char *names[STATEMENTS + 1] = { NULL }, *near;

	if (re->re_n == 0)
		return true;
	for (size_t i = 0; i < STATEMENTS; i++) {
		names[i] = statements[i].st_name;
		if (strcmp(re->re_word[0], statements[i].st_name) == 0)
			return statements[i].st_read(re);
	}
	near = nearest_word(re->re_word[0], names);
	return complain(re, 0, "'%s' is not known here%s%s%s",
	    re->re_word[0], near == NULL ? "; policy stands behind a line "
	    "such as '### pf.conf'" : "; is it '", near == NULL ? "" : near,
	    near == NULL ? "" : "'?");
}

/* ---- parts ---- */

static bool
same(struct cur c, const char *text)
{
	size_t n = strlen(text);

	return cur_left(&c) == n && memcmp(cur_bytes(&c, n), text, n) == 0;
}

static bool
starts(struct cur c, const char *text)
{
	size_t n = strlen(text);

	return cur_left(&c) >= n && memcmp(cur_bytes(&c, n), text, n) == 0;
}

/* What stands behind "###", without the blanks around it. */
static struct cur
title(struct cur line)
{
	struct cur c = line, ahead;
	size_t begin = 3, end = 3, at = 3;
	bool any = false;

	cur_skip(&c, 3);
	for (; cur_left(&c) != 0; at++) {
		uint8_t b = cur_u8(&c);

		if (b == ' ' || b == '\t')
			continue;
		begin = any ? begin : at;
		any = true;
		end = at + 1;
	}
	ahead = line;
	cur_skip(&ahead, begin);
	return cur_sub(&ahead, end - begin);
}

static void
no_such_part(struct reader *re, struct cur name)
{
	const char *names[POLICY_PARTS + 1] = { NULL }, *near;
	char text[32] = "";

	for (unsigned i = 0; i < POLICY_PARTS; i++)
		names[i] = policy_part_name((enum policy_part)i);
	if (cur_left(&name) < sizeof(text))
		(void)cur_copy(&name, text, cur_left(&name));
	near = nearest_word(text, names);
	if (near != NULL)
		(void)complain(re, 0, "there is no such part; is it '%s'?", near);
	else
		(void)complain(re, 0, "there is no such part; there are "
		    "network.conf, pf.conf, ipsec.conf and iked.conf");
}

/*
 * "### pf.conf": the part; NULL after telling. "### revision N" is passed over.
 */
static struct seed_part *
heading(struct reader *re, struct cur line)
{
	struct cur name = title(line);

	re->re_n = 0;
	re->re_col[0] = 4;
	for (unsigned i = 0; i < POLICY_PARTS; i++) {
		struct seed_part *sp = &re->re_seed->sd_part[i];

		if (!same(name, policy_part_name((enum policy_part)i)))
			continue;
		if (!sp->sp_there)
			return sp;
		(void)complain(re, 0, "this part stands here twice");
		return NULL;
	}
	if (!starts(name, "revision "))
		no_such_part(re, name);
	return NULL;
}

/* "###pf.conf" is a heading to who wrote it, and a comment to all else. */
static bool
glued(struct cur line)
{
	if (!starts(line, "###") || starts(line, "### "))
		return false;
	for (unsigned i = 0; i < POLICY_PARTS; i++) {
		if (same(title(line), policy_part_name((enum policy_part)i)))
			return true;
	}
	return false;
}

/* The next line without its newline (and carriage return). */
static struct cur
next_line(struct cur *c)
{
	struct cur ahead = *c, line;
	size_t n = 0;
	bool cr = false;

	while (cur_left(&ahead) != 0) {
		uint8_t b = cur_u8(&ahead);

		if (b == '\n')
			break;
		cr = b == '\r';
		n++;
	}
	line = cur_sub(c, n - (cr && n != 0));
	*c = ahead;
	return line;
}

static void
read_line(struct reader *re, struct cur line, struct seed_part **part,
    bool *behind)
{
	if (starts(line, "### ")) {
		*behind = true;
		*part = heading(re, line);
		if (*part != NULL)
			(*part)->sp_there = true;
		return;
	}
	if (glued(line)) {
		re->re_n = 0;
		re->re_col[0] = 3;
		(void)complain(re, 0, "a blank stands between '###' and the "
		    "name of a part");
		return;
	}
	if (*behind || !split(re, line))
		return;
	(void)statement(re);
}

/* How an editor has saved it, if no line of it could be understood. */
static const char *
no_text(const struct policy_text *text)
{
	const size_t n = text->tx_len;

	if (n == 0)
		return NULL;
	if (memchr(text->tx_body, '\0', n) != NULL)
		return "this is no plain text (UTF-16?): save the file as UTF-8";
	if (memchr(text->tx_body, '\r', n) != NULL &&
	    memchr(text->tx_body, '\n', n) == NULL)
		return "its lines end with CR alone: save the file with LF, or "
		    "CR LF, at the end of each";
	return NULL;
}

bool
seed_parse(struct seed *sd, const struct policy_text *text,
    struct policy_errors *errs)
{
	struct reader re = { .re_seed = sd, .re_errs = errs, .re_ok = true };
	struct cur c = cur_init(text->tx_body, text->tx_len);
	const char *what;
	struct seed_part *part = NULL, *was;
	bool behind = false;

	memset(sd, 0, sizeof(*sd));
	sd->sd_text = *text;
	sha256(text->tx_body, text->tx_len, sd->sd_digest);
	if (text->tx_len > SEED_MAX)
		return complain(&re, 0, "a seed has at most %d bytes", SEED_MAX);
	if ((what = no_text(text)) != NULL) {
		sd->sd_text.tx_len = 0;		/* no line of it is shown */
		re.re_line = 1;
		return complain(&re, 0, "%s", what);
	}
	if (starts(c, "\xef\xbb\xbf"))
		cur_skip(&c, 3);
	while (cur_left(&c) != 0) {
		re.re_off = text->tx_len - cur_left(&c);
		re.re_line++;
		was = part;
		read_line(&re, next_line(&c), &part, &behind);
		if (part == NULL)
			continue;
		if (part != was) {
			part->sp_body = text->tx_body + text->tx_len -
			    cur_left(&c);
			part->sp_line = re.re_line + 1;
		} else {
			part->sp_len = (size_t)(text->tx_body + text->tx_len -
			    cur_left(&c) - part->sp_body);
		}
	}
	return re.re_ok;
}

bool
seed_has_policy(const struct seed *sd)
{
	for (unsigned i = 0; i < POLICY_PARTS; i++) {
		if (sd->sd_part[i].sp_there)
			return true;
	}
	return false;
}

/* ---- the file of cards ---- */

static char *
read_small(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const size_t cap = 65536;
	char *buf = fd == -1 ? NULL : malloc(cap);
	ssize_t n = buf == NULL ? -1 : read(fd, buf, cap);

	if (fd != -1)
		close(fd);
	if (n >= 0) {
		*len = (size_t)n;
		return buf;
	}
	free(buf);
	return NULL;
}

bool
seed_nics(struct seed *sd, const char *path)
{
	struct policy_errors errs = { 0 };
	struct policy_text text = { .tx_name = path };
	size_t len = 0;
	char *body;
	bool ok;

	memset(sd, 0, sizeof(*sd));
	body = read_small(path, &len);
	if (body == NULL)
		return errno == ENOENT;
	text.tx_body = body;
	text.tx_len = len;
	ok = seed_parse(sd, &text, &errs);
	if (!ok) {
		policy_errors_print(&errs, stderr);
		sd->sd_nnics = 0;
	}
	policy_errors_free(&errs);
	free(body);
	sd->sd_text = (struct policy_text){ 0 };
	return ok;
}
