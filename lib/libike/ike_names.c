/* SPDX-License-Identifier: ISC */
/*
 * Words for people: identities, notifies, reasons, states, events.
 */
#include <stdio.h>

#include "libike/ike_msg.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

bool
ike_id_parse(const char *text, struct ike_id *out)
{
	size_t n = strlen(text);
	struct ike_id id;
	struct addr a;

	memset(&id, 0, sizeof(id));
	if (n == 0 || n > IKE_ID_MAX)
		return false;
	if (addr_parse(text, &a)) {
		id.id_type = a.ad_af == AF_INET6 ? IKE_ID_IPV6_ADDR :
		    IKE_ID_IPV4_ADDR;
		id.id_len = a.ad_af == AF_INET6 ? 16 : 4;
		memcpy(id.id_data, a.ad_bytes, id.id_len);
	} else {
		id.id_type = strchr(text, '@') != NULL ? IKE_ID_RFC822_ADDR :
		    IKE_ID_FQDN;
		id.id_len = (uint16_t)n;
		memcpy(id.id_data, text, n);
	}
	*out = id;
	return true;
}

static bool
id_is_text(const struct ike_id *id)
{
	if (id->id_type != IKE_ID_FQDN && id->id_type != IKE_ID_RFC822_ADDR)
		return false;
	for (unsigned i = 0; i < id->id_len; i++)
		if (id->id_data[i] <= ' ' || id->id_data[i] > '~')
			return false;
	return true;
}

static bool
text_begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/*
 * A name that is read as something else, were it printed as it is: an address, a
 * key's number, none at all.
 */
static bool
id_misleads(const struct ike_id *id)
{
	char text[IKE_ID_MAX + 1] = "";
	struct ike_id as;

	memcpy(text, id->id_data, id->id_len);
	return !ike_id_parse(text, &as) || as.id_type != id->id_type ||
	    strcmp(text, "any") == 0 || text_begins(text, "0x") ||
	    text_begins(text, "fqdn:") || text_begins(text, "mail:");
}

static void
id_print_text(const struct ike_id *id, char *buf, size_t len)
{
	int n = snprintf(buf, len, "%s%.*s", !id_misleads(id) ? "" :
	    id->id_type == IKE_ID_FQDN ? "fqdn:" : "mail:", id->id_len,
	    (const char *)id->id_data);

	if (n >= 0 && (size_t)n >= len && len > 3)
		memcpy(buf + len - 4, "...", 3);
}

static void
id_print_hex(const struct ike_id *id, char *buf, size_t len)
{
	size_t used = (size_t)snprintf(buf, len, "0x");

	for (unsigned i = 0; i < id->id_len && used + 3 <= len; i++)
		used += (size_t)snprintf(buf + used, len - used, "%02x",
		    id->id_data[i]);
	if (used < 2 + 2 * (size_t)id->id_len && len > 8)
		memcpy(buf + used - 3, "...", 3);
}

char *
ike_id_print(const struct ike_id *id, char *buf, size_t len)
{
	struct addr a = { .ad_af = AF_INET };
	char text[ADDR_STRLEN];

	if (len == 0)
		return buf;
	switch (id->id_type) {
	case IKE_ID_NONE:
		(void)snprintf(buf, len, "any");
		break;
	case IKE_ID_IPV6_ADDR:
		a.ad_af = AF_INET6;
		/* FALLTHROUGH */
	case IKE_ID_IPV4_ADDR:
		memcpy(a.ad_bytes, id->id_data, a.ad_af == AF_INET6 ? 16 : 4);
		(void)snprintf(buf, len, "%s", addr_print(&a, text));
		break;
	default:
		if (id_is_text(id))
			id_print_text(id, buf, len);
		else
			id_print_hex(id, buf, len);
	}
	return buf;
}

bool
ike_id_equal(const struct ike_id *a, const struct ike_id *b)
{
	return a->id_type == b->id_type && a->id_len == b->id_len &&
	    memcmp(a->id_data, b->id_data, a->id_len) == 0;
}

const char *
ike_notify_name(uint16_t type)
{
	static const struct {
		uint16_t	 type;
		const char	*name;
	} names[] = {
#define N(n)	{ IKE_N_##n, #n }
		N(UNSUPPORTED_CRITICAL_PAYLOAD), N(INVALID_IKE_SPI),
		N(INVALID_MAJOR_VERSION), N(INVALID_SYNTAX),
		N(INVALID_MESSAGE_ID), N(INVALID_SPI), N(NO_PROPOSAL_CHOSEN),
		N(INVALID_KE_PAYLOAD), N(AUTHENTICATION_FAILED),
		N(SINGLE_PAIR_REQUIRED), N(NO_ADDITIONAL_SAS),
		N(INTERNAL_ADDRESS_FAILURE), N(FAILED_CP_REQUIRED),
		N(TS_UNACCEPTABLE), N(INVALID_SELECTORS), N(TEMPORARY_FAILURE),
		N(CHILD_SA_NOT_FOUND), N(INITIAL_CONTACT), N(SET_WINDOW_SIZE),
		N(ADDITIONAL_TS_POSSIBLE), N(NAT_DETECTION_SOURCE_IP),
		N(NAT_DETECTION_DESTINATION_IP), N(COOKIE),
		N(USE_TRANSPORT_MODE), N(REKEY_SA),
		N(ESP_TFC_PADDING_NOT_SUPPORTED), N(NON_FIRST_FRAGMENTS_ALSO),
		N(FRAGMENTATION_SUPPORTED), N(SIGNATURE_HASH_ALGORITHMS),
#undef N
	};

	for (unsigned i = 0; i < COUNT(names); i++)
		if (names[i].type == type)
			return names[i].name;
	return type <= IKE_N_ERROR_MAX ? "an unknown error" :
	    "an unknown status";
}

static const struct {
	const char	*id, *title;
} reasons[IKE_R_COUNT] = {
#define X(n, i, t)	[IKE_R_##n] = { i, t },
	IKE_REASONS(X)
#undef X
};

const char *
ike_reason_id(enum ike_reason r)
{
	return r < IKE_R_COUNT ? reasons[r].id : "";
}

const char *
ike_reason_title(enum ike_reason r)
{
	return r < IKE_R_COUNT ? reasons[r].title : "";
}

static const char *const advices[IKE_R_COUNT] = {
	[IKE_R_ASKED] = "Nothing is wrong: ikectl up brings it up.",
	[IKE_R_POLICY] = "Compare the revisions; what did not change is not "
	    "touched.",
	[IKE_R_SHUTDOWN] = "Here: start iked again.",
	[IKE_R_PROP_IKE] = "Here or at the peer: add to ikesa a combination "
	    "that the other side accepts.",
	[IKE_R_PROP_ESP] = "Here or at the peer: add to childsa a combination "
	    "that the other side accepts.",
	[IKE_R_PROP_PFS] = "Here or at the peer: give both sides the same group "
	    "in childsa, or none.",
	[IKE_R_KE_GROUP] = "Nothing is wrong: listing the peer's group first "
	    "saves a round trip.",
	[IKE_R_AUTH_KEY] = "Compare psk here with that at the peer, and the "
	    "identities that select it: one side has another key.",
	[IKE_R_AUTH_PEER] = "Compare psk here with that at the peer, and srcid "
	    "here with dstid there.",
	[IKE_R_AUTH_NOKEY] = "Here: give the rule a psk, and load it again.",
	[IKE_R_ID_UNKNOWN] = "Correct dstid here, or srcid at the peer.",
	[IKE_R_TS_NONE] = "What is from and to here must be to and from at the "
	    "peer: correct one of both sides.",
	[IKE_R_TS_NARROWED] = "If the whole was meant: name the same networks "
	    "on both sides.",
	[IKE_R_MODE] = "Use the same mode, tunnel or transport, on both sides.",
	[IKE_R_NO_ANSWER] = "Here: is the peer's address right, and do the rules "
	    "pass UDP port 500 and 4500? At the peer: does its daemon run and "
	    "know us, and does its filter pass them?",
	[IKE_R_NO_AUTH_ANSWER] = "On the way: let UDP port 4500 and fragments "
	    "pass. On both sides: leave IKE fragmentation on.",
	[IKE_R_ONE_WAY] = "Here and on the way: let ESP (IP protocol 50; UDP "
	    "port 4500 behind a NAT) from the peer pass. At the peer: does its "
	    "rule name these networks, has it a route to them, and does its "
	    "filter let the answers pass?",
	[IKE_R_NO_ROUTE] = "Here: add a route to the peer, set the interface "
	    "up, name an address of this router with local, or pass UDP port "
	    "500 and 4500 and ESP to the peer in pf.conf.",
	[IKE_R_MTU] = "Here nothing is to be changed. At the peer: keep its "
	    "side to the same size (mtu of its interface, or max-mss for "
	    "TCP), or let ICMP type 3 code 4 pass on the way.",
	[IKE_R_NAT] = "On the way: let UDP port 4500 pass both ways, for IKE and "
	    "ESP; a NAT should keep its mapping for more than 20 s of silence. "
	    "At the peer: is NAT traversal on?",
	[IKE_R_REPLAY] = "None of them got through. On the way: does something "
	    "send packets twice, or hold some back for longer than others "
	    "(parallel lines, a queue for some of them)? At the peer: let all "
	    "packets of the tunnel go through one queue. If neither is so, "
	    "somebody repeats what was recorded.",
	[IKE_R_DEAD] = "See that the peer runs and that UDP reaches it; an "
	    "active rule connects again by itself.",
	[IKE_R_REKEY] = "Make ikesa and childsa of both sides agree before the "
	    "old keys end.",
	[IKE_R_EXPIRED] = "Look for the reason before it in the history.",
	[IKE_R_PEER_DELETED] = "At the peer: its log says why.",
	[IKE_R_PEER_REPLACED] = "Nothing is wrong.",
	[IKE_R_PEER_BUSY] = "Nothing is wrong: the peer is asked again.",
	[IKE_R_PEER_ERROR] = "At the peer: its log says more.",
	[IKE_R_MANY] = "Look at what repeats: its reason says what is to be "
	    "changed; ikectl monitor shows each.",
	[IKE_R_SYNTAX] = "Report it to the peer's maker.",
	[IKE_R_KERNEL] = "Here: the log of netkern says why.",
	[IKE_R_MEMORY] = "Here: ikectl stats shows floods of half-open SAs.",
	[IKE_R_TIMEOUT] = "Here: are netkern and all processes of iked running?",
	[IKE_R_CONFIG] = "Here: change the rule, and load it again.",
};

const char *
ike_reason_advice(enum ike_reason r)
{
	return r < IKE_R_COUNT && advices[r] != NULL ? advices[r] : "";
}

const char *
ike_hint_text(enum ike_hint hint)
{
	static const char *const texts[IKE_HINT_COUNT] = {
		[IKE_HINT_NOTHING] = "nothing came back",
		[IKE_HINT_NO_ROUTE] = "this router has no route to the peer",
		[IKE_HINT_NOT_OURS] = "the rule's local address is none of "
		    "this router",
		[IKE_HINT_IF_DOWN] = "the interface towards the peer is down",
		[IKE_HINT_BLOCKED] = "the rules of this router (pf.conf) block "
		    "what it sends to the peer",
		[IKE_HINT_NO_NEIGHBOUR] = "the next hop, or the peer on a "
		    "network of ours, does not answer ARP: it is off, not "
		    "connected, or the address is wrong",
		[IKE_HINT_UNREACHABLE] = "ICMP says that the peer's network or "
		    "host cannot be reached",
		[IKE_HINT_NO_PORT] = "ICMP says that nothing listens there: no "
		    "daemon runs at the peer, or the address is another's",
		[IKE_HINT_PROHIBITED] = "ICMP says that a filter on the way "
		    "prohibits it",
	};

	return texts[hint < IKE_HINT_COUNT ? hint : IKE_HINT_NOTHING];
}

enum ike_reason
ike_hint_reason(enum ike_hint hint)
{
	return hint == IKE_HINT_NO_ROUTE || hint == IKE_HINT_NOT_OURS ||
	    hint == IKE_HINT_IF_DOWN || hint == IKE_HINT_BLOCKED ?
	    IKE_R_NO_ROUTE : IKE_R_NO_ANSWER;
}

const char *
ike_event_name(enum ike_event_type t)
{
	static const char *const names[] = {
		[IKE_EV_CONNECTING] = "connecting",
		[IKE_EV_IKE_UP] = "ike-up",
		[IKE_EV_IKE_REKEYED] = "ike-rekeyed",
		[IKE_EV_IKE_DOWN] = "ike-down",
		[IKE_EV_CHILD_UP] = "child-up",
		[IKE_EV_CHILD_REKEYED] = "child-rekeyed",
		[IKE_EV_CHILD_DOWN] = "child-down",
		[IKE_EV_FAILED] = "failed",
		[IKE_EV_MOVED] = "moved",
		[IKE_EV_NOTE] = "note",
		[IKE_EV_CHECKED] = "checked",
	};

	return t < COUNT(names) ? names[t] : "event";
}

