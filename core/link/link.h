/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Link: a cable with faults between two ports, left (0) and right (1). The wirefilter of the
 * Virtual Square book, chapter 4: per direction and per node of a Markov chain, loss, bursty loss
 * (Gilbert), delay, duplication, bandwidth, speed, queue capacity, noise and MTU; beyond it, and
 * off by default, reordering, corruption of whole frames, and recorded traces.
 *
 * Every parameter and purpose draws from its own stream: ("link.NAME.lr.loss", ...).
 */
#ifndef VSQ_LINK_LINK_H
#define VSQ_LINK_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/counter.h"
#include "core/base/frame.h"
#include "core/base/text.h"
#include "core/base/time.h"
#include "core/base/trace.h"

#define LINK_LEFT  0
#define LINK_RIGHT 1

struct link;
struct mgmt;

struct link_conf {
	uint64_t seed;
	const char *name;	/* names the streams of chance; copied */
	size_t queue_bytes_max; /* a bound for what capacity leaves unbounded; 0: 64 MiB */
	bool one_way;		/* frames come only from the left: showinfo says so */
	/* port: where the frame entered; values "markov.node" (port -1) and "queue.bytes", the
	 * bytes in the channel. Copied; ctx is lent for the life of the link.
	 */
	const struct vs_trace *trace;
};

int link_create(struct link **, const struct link_conf *, struct vs_arena *);
void link_destroy(struct link *);

/* The engine verbs. Input at a port leaves at the other one. A frame is changed only by a copy. */
void link_input(struct link *, vs_time now, int port, struct vs_frame *f); /* takes f */
void link_run(struct link *, vs_time now);
vs_time link_poll_at(const struct link *);
struct vs_frame *link_output(struct link *, int *port);

/* False while the interface at port has some ms of work (speed): who can hold its sender back does
 * so until then; who cannot gives the frame all the same, and it waits. A little is taken ahead so
 * that an interface need not idle until its driver wakes up.
 */
bool link_ready(const struct link *, int port);

/* Sets a parameter in wirefilter's notation: name is the command, value its argument.
 *
 *   loss delay dup bandwidth speed noise reorder reorder-delay corrupt lostburst mtu ecn
 *   chanbufsize (or capacity)             [LR|RL] VALUE[UNIT][+SPREAD[UNIT]][U|N][[NODE]]
 *   fifo                                  on, off, 1, 0, true, false
 *   markov-numnodes N      markov-time MS[UNIT]       markov-name NODE,NAME
 *   markov-setnode NODE    markov-setedge FROM,TO,PERCENT (or setedge)
 *   trace-loss             [LR|RL] 0s and 1s (1: lost), or off
 *   trace-capacity         [LR|RL] MS,MS,..., or off
 *
 * Without a unit a value is in percent, milliseconds, bytes per second, bytes, bits per megabyte.
 * K, M, G are 2^10, 2^20, 2^30 of that. Units: % ns us ms s min; bit/s kbit/s Mbit/s Gbit/s (or
 * bps ...), B/s kB/s MB/s GB/s KiB/s ...; B kB MB GB KiB .... [*] means every node; no node means
 * node 0, as in the original. A value of 0 turns the parameter off.
 *
 * ecn is a number of bytes: a frame that finds more of them in its channel, itself counted, has its
 * packet marked (RFC 3168) if its ends have agreed to it.
 *
 * A frame drawn by reorder stays reorder-delay longer (10 ms if that is 0) while others overtake
 * it.
 *
 * On an error nothing has changed and *why, if not NULL, lends a sentence saying what was found
 * and what is allowed. 0, -EINVAL, -ERANGE, -ENOENT (no such parameter), -ENOMEM.
 */
int link_set(struct link *, vs_time now, const char *name, const char *value, const char **why);

/* A trace of what a real channel did, played from now on and over again: for "loss" a string of
 * 0s and 1s (lost), one per frame; for "capacity" delivery opportunities of 1,514 bytes each as
 * ascending milliseconds (the format of cellular traces). An opportunity may carry several frames
 * or parts of them; what nobody waits for is lost. Blanks and line ends in bits are skipped.
 * direction: LINK_LEFT for frames entering left. A length of 0 ends the trace. 0, -EINVAL (what is
 * no such trace), -ENOMEM.
 */
int link_trace_loss(struct link *, int direction, const char *bits, size_t len);
int link_trace_capacity(struct link *, vs_time now, int direction, const uint32_t *ms,
			size_t count);

/* The Markov chain now. */
int link_node(const struct link *);
int link_node_met(const struct link *); /* when link_output()'s last frame entered the channel */
const char *link_node_name(const struct link *, int node); /* "" or a name; NULL: no such node */

/* Bytes and frames now waiting that entered at port. */
size_t link_queue_bytes(const struct link *, int port);
size_t link_queue_frames(const struct link *, int port);

/* Counters of a direction: rx_frames, rx_bytes, tx_frames, tx_bytes, drop_loss, drop_burst,
 * drop_trace, drop_mtu, drop_queue, drop_rate (a spread drew a rate of nothing), drop_memory,
 * duplicated, reordered, corrupted, noise_frames, noise_bits, marked. At any time rx_frames +
 * duplicated = tx_frames + every drop + link_queue_frames().
 */
struct vs_counters link_counters(const struct link *, int port);

/* Adds wirefilter's commands (help text, showinfo, loss, ..., markov-...) to a command tree. */
int link_mgmt_add(struct link *, struct mgmt *);

#endif
