/* SPDX-License-Identifier: ISC */
/*
 * A router on trial: an instance of the network kernel inside policyd, made
 * of a revision that is not in force, in which described packets are tried
 * out (pf/explain.h).
 *
 * It is the library that netkern itself is made of, without workers, drivers
 * and sockets, and it is filled by the same requests that put a revision in
 * force: CTL_IF_*, CTL_RT_*, CTL_PF_* and messages of the key socket.  So
 * what it says of a packet is what netkern will do with it.  Interfaces have
 * drivers of the right names that open no device.
 *
 * Why here, and not by a request to netkern to build the instance aside: a
 * fault in an untried policy, or memory that it takes, is then no matter of
 * the process that moves packets; and an instance in a process that holds
 * no key socket and no device (judge.h) cannot take effect by mistake.  The
 * price is 300 KB of program.  Ciphers are the portable ones.
 *
 * What it does not have: states, neighbours, negotiated SAs, and whatever
 * other programs than policyd have put into netkern.  For a packet that came
 * through a policy's SA an inbound SA is made up, as iked(8) would add it,
 * with a key of zeroes: whether it is accepted is decided by its reqid.
 */
#ifndef CANDIDATE_H
#define CANDIDATE_H

#include "libctl/client.h"
#include "libpf/pf.h"
#include "libpolicy/network.h"
#include "libpolicy/policy.h"
#include "pf/explain_msg.h"

struct candidate;

/* NULL: no memory, or a cipher fails its self-test. */
struct candidate *candidate_new(void);
void	candidate_free(struct candidate *ca);
/* In this order, each at most once; false: why, `cap' bytes, says what is wrong. */
bool	candidate_sysctl(struct candidate *ca, const char *name, const char *value);
bool	candidate_network(struct candidate *ca, const struct network *ne, char *why,
	    size_t cap);
bool	candidate_filter(struct candidate *ca, const struct pf_conf *pc, char *why,
	    size_t cap);
/* The policy must outlive the candidate. */
bool	candidate_policy(struct candidate *ca, const struct policy *pol, char *why,
	    size_t cap);
/* What would become of the packet; false: why it cannot be tried. */
bool	candidate_try(struct candidate *ca, const struct explain_req *er,
	    struct explain_info *ei, char *why, size_t cap);

#endif
