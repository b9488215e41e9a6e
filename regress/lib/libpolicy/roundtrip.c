/* SPDX-License-Identifier: ISC */
/*
 * Policies made from a seed, of all that can be loaded: what is printed
 * loads, and prints to the same.  And the names of interfaces, which are
 * asked of whoever knows them.
 */
#include <stdarg.h>

#include "dice.h"
#include "libalg/alg.h"
#include "libpolicy/ifaddr.h"
#include "libpolicy/policy.h"
#include "test.h"

enum { POLICIES = 5000, TEXT_MAX = 16384 };

static uint64_t state = 20261121;

static unsigned
below(unsigned n)
{
	return dice(&state, n);
}

static bool
chance(unsigned percent)
{
	return below(100) < percent;
}

/* ---- texts ---- */

struct text {
	char	te_buf[TEXT_MAX];
	size_t	te_n;
};

static void add(struct text *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

static void
add(struct text *te, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(te->te_buf + te->te_n, TEXT_MAX - te->te_n, fmt, ap);
	va_end(ap);
	if (n > 0 && te->te_n + (size_t)n < TEXT_MAX)
		te->te_n += (size_t)n;
}

/* A list of up to three, or one alone; sep now and then a comma. */
static void
add_list(struct text *te, void (*one)(struct text *, unsigned),
    unsigned arg)
{
	unsigned n = 1 + below(3);

	if (n == 1) {
		one(te, arg);
		return;
	}
	add(te, " {");
	for (unsigned i = 0; i < n; i++) {
		one(te, arg + i);
		if (chance(30))
			add(te, ",");
	}
	add(te, " }");
}

/* Another network for each arg, so that no two rules decide the same. */
static void
add_net(struct text *te, unsigned arg)
{
	switch (below(5)) {
	case 0:
		add(te, " 2001:db8:%x::/48", arg);
		break;
	case 1:
		add(te, " 10.%u.%u.7", arg / 256, arg % 256);
		break;
	default:
		add(te, " 10.%u.%u.0/%u", arg / 256, arg % 256,
		    24 + below(6));
	}
}

static void
add_net6(struct text *te, unsigned arg)
{
	add(te, " 2001:db8:%x::/48", arg);
}

static void
add_net4(struct text *te, unsigned arg)
{
	add(te, " 10.%u.%u.%u/%u", arg / 256, arg % 256, below(256),
	    24 + below(9));
}

static void
add_port(struct text *te, unsigned arg)
{
	if (chance(50))
		add(te, " %u", 1 + arg % 60000);
	else
		add(te, " %u:%u", arg % 3000, 3000 + arg % 60000);
}

/* proto, from and to; each side of its own block of networks. */
static void
add_selector(struct text *te, unsigned block, bool mixed)
{
	static const char *const protos[] = { "tcp", "udp", "6", "sctp" };
	bool any = mixed && chance(30), ports = chance(40);
	void (*net)(struct text *, unsigned) = any ? add_net :
	    mixed && chance(20) ? add_net6 : add_net4;

	if (ports)
		add(te, " proto %s", protos[below(4)]);
	else if (chance(30))
		add(te, " proto { icmp %u }", 60 + below(20));
	add(te, " from");
	add_list(te, net, block);
	if (ports && chance(50)) {
		add(te, " port");
		add_list(te, add_port, 100 + below(100) * 7);
	}
	if (any) {
		add(te, " to any");
	} else {
		add(te, " to");
		add_list(te, net, block + 0x4000);
	}
	if (ports && chance(50)) {
		add(te, " port");
		add_list(te, add_port, 100 + below(100) * 7);
	}
}

static void
add_hex(struct text *te, unsigned bytes)
{
	add(te, " 0x");
	for (unsigned i = 0; i < bytes; i++)
		add(te, "%02x", below(256));
}

static void
add_flow(struct text *te, unsigned block)
{
	static const char *const types[] = { "use", "require", "bypass",
	    "deny" };
	unsigned type = below(4);

	add(te, "flow%s%s%s", chance(50) ? " esp" : "",
	    chance(30) ? chance(50) ? " tunnel" : " transport" : "",
	    chance(40) ? chance(50) ? " in" : " out" : "");
	add_selector(te, block, true);
	if (type < 2 && chance(50))
		add(te, " local 192.0.2.%u", 1 + below(200));
	if (type < 2)
		add(te, " peer 198.51.100.%u", 1 + below(200));
	if (type != 1 || chance(50))
		add(te, " type %s", types[type]);
	add(te, "\n");
}

/* The n-th algorithm of a kind that can be used; weak ones among them. */
static const struct alg *
some_alg(enum alg_kind kind, unsigned want, unsigned not)
{
	const struct alg *v[64];
	unsigned n = 0;

	for (const struct alg *a = alg_next(kind, NULL); a != NULL;
	    a = alg_next(kind, a)) {
		if ((a->al_flags & want) == want && (a->al_flags & not) == 0)
			v[n++] = a;
	}
	return v[below(n)];
}

static const char *
weak(const struct alg *a)
{
	return (a->al_flags & ALG_WEAK) != 0 ? "weak " : "";
}

static void
add_esp(struct text *te, unsigned block)
{
	const struct alg *enc = some_alg(ALG_ENCR, ALG_ESP, ALG_COUNTER);
	const struct alg *auth = some_alg(ALG_INTEG, ALG_ESP, 0);
	bool two = chance(50);

	add(te, "esp%s from 192.0.2.1 to 198.51.100.1 spi 0x%x",
	    chance(50) ? " transport" : "", 0x1000 + 2 * block);
	if (two)
		add(te, ":%u", 0x1001 + 2 * block);
	add(te, " auth %s%s enc %s%s authkey", weak(auth), auth->al_name,
	    weak(enc), enc->al_name);
	add_hex(te, auth->al_key);
	if (two) {
		add(te, ":");
		for (unsigned i = 0; i < auth->al_key; i++)
			add(te, "%02x", below(256));
	}
	if (enc->al_key != 0) {
		add(te, " enckey");
		add_hex(te, enc->al_key);
		for (unsigned i = 0; two && i < enc->al_key; i++)
			add(te, "%s%02x", i == 0 ? ":" : "", below(256));
	}
	add(te, "\n");
}

static void
add_words(struct text *te, const char *word, enum alg_kind kind,
    unsigned want, unsigned not)
{
	const struct alg *a = some_alg(kind, want, not);
	const struct alg *b = some_alg(kind, want, not);

	if (a == b)
		add(te, " %s %s%s", word, weak(a), a->al_name);
	else
		add(te, " %s { %s%s %s%s }", word, weak(a), a->al_name,
		    weak(b), b->al_name);
}

static void
add_proposal(struct text *te, bool ike)
{
	unsigned use = ike ? ALG_IKE : ALG_ESP;
	bool aead = chance(50);

	add(te, " %s", ike ? "ikesa" : "childsa");
	add_words(te, "enc", ALG_ENCR, use | (aead ? ALG_AEAD : 0),
	    aead ? 0 : ALG_AEAD);
	if (!aead && chance(70))
		add_words(te, "auth", ALG_INTEG, use, 0);
	if (ike && chance(50))
		add_words(te, "prf", ALG_PRF, ALG_IKE, 0);
	if (chance(50))
		add_words(te, "group", ALG_DH, ALG_IKE, 0);
	if (!ike && chance(50))
		add(te, "%s", chance(50) ? " esn" : " noesn");
}

static void
add_identity(struct text *te, const char *word)
{
	static const char *const ids[] = { "gw.example.com", "192.0.2.7",
	    "me@example.com", "\"/C=FR/O=x y/CN=gw\"", "2001:db8::7" };

	add(te, " %s %s", word, ids[below(5)]);
}

static void
add_ikev2(struct text *te, unsigned block)
{
	bool any = chance(20), active = !any && chance(50);

	add(te, "ikev2");
	if (chance(60))
		add(te, " \"r%u.%s\"", block, chance(50) ? "x" : "y@z");
	add(te, "%s%s%s", chance(10) ? " quick" : "",
	    chance(10) ? " default" : "", active ? " active" : "");
	if (chance(40))
		add(te, "%s", chance(50) ? " esp transport" : " tunnel");
	add_selector(te, block, false);
	if (chance(30))
		add(te, " local 192.0.2.%u", 1 + below(200));
	if (!any)
		add(te, " peer 198.51.100.%u", 1 + below(200));
	else
		add(te, " peer %s", chance(50) ? "any" : "198.51.100.0/25");
	for (unsigned n = below(3); n > 0; n--)
		add_proposal(te, true);
	for (unsigned n = below(3); n > 0; n--)
		add_proposal(te, false);
	if (chance(40))
		add_identity(te, "srcid");
	if (chance(40))
		add_identity(te, "dstid");
	if (chance(30))
		add(te, " ikelifetime %u%c", below(100), "smhd"[below(4)]);
	if (chance(30))
		add(te, " lifetime %um bytes %uG", below(100), below(1000));
	add(te, " psk");
	if (chance(50))
		add_hex(te, 16 + below(48));
	else
		add(te, " \"correct horse %c battery %u\"", "'\\#{"[below(4)],
		    below(1000));
	if (chance(20))
		add(te, " tag vpn%u", block);
	add(te, "\n");
}

static void
add_set(struct text *te)
{
	static const char *const sets[] = { "passive", "active",
	    "nofragmentation", "dpd_check_interval 0", "couple",
	    "dpd_check_interval 5m", "nostickyaddress", "nattport 4500", "nopathmtu",
	    "pathmtu" };

	add(te, "set %s\n", sets[below(10)]);
}

/* ---- round trip ---- */

static char *
print(const char *text, size_t len, bool tell)
{
	struct policy_text tx = { "text", text, len };
	static struct policy_errors errs;
	struct policy pol;
	char *out = NULL;
	size_t n = 0;
	FILE *f;

	policy_init(&pol);
	if (policy_parse(&pol, &tx, NULL, NULL, 0, &errs) &&
	    policy_finish(&pol, &errs) &&
	    (f = open_memstream(&out, &n)) != NULL) {
		policy_print(&pol, f, POLICY_PRINT_KEYS);
		fclose(f);
	} else if (tell) {
		policy_errors_print(&errs, stdout);
	}
	policy_errors_free(&errs);
	policy_free(&pol);
	return out;
}

static void
make(struct text *te)
{
	te->te_n = 0;
	te->te_buf[0] = '\0';
	for (unsigned n = below(3); n > 0; n--)
		add_set(te);
	for (unsigned n = 1 + below(5), i = 0; i < n; i++) {
		switch (below(3)) {
		case 0:
			add_flow(te, 16 * i);
			break;
		case 1:
			add_esp(te, 16 * i);
			break;
		default:
			add_ikev2(te, 16 * i);
		}
	}
}

static void
round_trip(void)
{
	static struct text te;
	unsigned refused = 0, different = 0;

	for (unsigned i = 0; i < POLICIES; i++) {
		char *first, *second;

		make(&te);
		first = print(te.te_buf, te.te_n, refused < 3);
		if (first == NULL) {
			refused++;
			continue;
		}
		second = print(first, strlen(first), true);
		if (second == NULL || strcmp(first, second) != 0) {
			if (different++ < 3)
				printf("of:\n%sfirst:\n%ssecond:\n%s",
				    te.te_buf, first, second);
		}
		free(first);
		free(second);
	}
	CU_ASSERT_EQUAL(refused, 0);
	CU_ASSERT_EQUAL(different, 0);
}

/* ---- names of interfaces ---- */

/* em0: two addresses in one network, another, and an IPv6 one. */
static size_t
interface(void *arg, const char *name, struct policy_ifaddr *out, size_t max,
    const char **why)
{
	static const struct {
		const char	*text;
		uint8_t		 len;
	} em0[] = { { "2001:db8:1::1", 64 }, { "10.1.0.1", 24 },
	    { "10.1.0.2", 24 }, { "10.9.0.1", 16 } };
	unsigned *asked = arg;
	size_t n = 0;

	(*asked)++;
	*why = "none of that name";
	if (!policy_ifname_matches("em0", name))
		return 0;
	for (; n < TEST_COUNT(em0) && n < max; n++) {
		memset(&out[n], 0, sizeof(out[n]));
		(void)addr_parse(em0[n].text, &out[n].pi_addr);
		out[n].pi_len = em0[n].len;
	}
	return n;
}

/* The sources of the flows of a rule, or what it is refused with. */
static void
sources(const char *rule, const struct policy_env *env, char *out, size_t cap)
{
	struct policy_text tx = { "text", rule, strlen(rule) };
	static struct policy_errors errs;
	char buf[PREFIX_STRLEN];
	struct policy pol;
	size_t n = 0;

	out[0] = '\0';
	policy_init(&pol);
	if (!policy_parse(&pol, &tx, env, NULL, 0, &errs)) {
		(void)snprintf(out, cap, "%u: %s", errs.per_list[0].pe_col,
		    errs.per_list[0].pe_msg);
		policy_errors_free(&errs);
	} else {
		for (size_t i = 0; i < pol.pol_nflows && n < cap; i++)
			n += (size_t)snprintf(out + n, cap - n, "%s%s",
			    i == 0 ? "" : " ", prefix_print(
			    &pol.pol_flows[i].fl_sel.ps_src, buf));
	}
	policy_free(&pol);
}

static void
interfaces(void)
{
	static const struct { const char *rule, *want; } rows[] = {
		{ "flow out from em0 to any type deny",
		    "2001:db8:1::1 10.1.0.1 10.1.0.2 10.9.0.1" },
		{ "flow out from em to any type deny",
		    "2001:db8:1::1 10.1.0.1 10.1.0.2 10.9.0.1" },
		{ "flow out from em0 to 10.0.0.0/8 type deny",
		    "10.1.0.1 10.1.0.2 10.9.0.1" },
		{ "flow out from em0:network to any type deny",
		    "2001:db8:1::/64 10.1.0.0/24 10.9.0.0/16" },
		{ "flow out from em0/24 to any type deny",
		    "2001:d00::/24 10.1.0.0/24 10.9.0.0/24" },
		{ "flow out from em0/64 to any type deny",
		    "2001:db8:1::/64" },
		{ "flow out from { em0/32 10.4.0.0/16 } to 10.0.0.0/8 type deny",
		    "10.1.0.1 10.1.0.2 10.9.0.1 10.4.0.0/16" },
		{ "flow out from em0:0 to any type deny",
		    "15: 'em0:0' is not an address" },
		{ "flow out from em00 to any type deny", "15: 'em00' is not "
		    "an address, and as an interface: none of that name" },
		{ "flow out from e to any type deny", "15: 'e' is not an "
		    "address, and as an interface: none of that name" },
		{ "flow out from em0/129 to any type deny", "15: 'em0/129' is "
		    "not a network: 192.0.2.0/24 or 2001:db8::/32 expected" },
	};
	unsigned asked = 0;
	struct policy_env env = { .env_iface = interface, .env_arg = &asked };
	char got[512];

	for (size_t i = 0; i < TEST_COUNT(rows); i++) {
		test_row("%s", rows[i].rule);
		sources(rows[i].rule, &env, got, sizeof(got));
		TEST_STRING(got, rows[i].want);
	}
	test_row("nobody to ask");
	sources("flow out from em0 to any type deny", NULL, got, sizeof(got));
	TEST_STRING(got, "15: 'em0' is not an address, and as an interface: "
	    "interfaces are not known here: write the address");
	CU_ASSERT_EQUAL(asked, 9);
}

TEST_MAIN(
	TEST("5,000 policies from a seed: print, load, print", round_trip),
	TEST("interfaces as addresses", interfaces))
