/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the lab share. Only for harness/lab and harness/oracle.
 *
 *      vsq.h     what users call           lab.c      a lab, its memory, running and finishing
 *      node.c    hosts, switches, probes   cable.c    joins, links, what passes them
 *      app.c     applications in general   app_*.c    one kind each
 *      peer.c    peers that break TCP's rules (peer.h)
 *      flow.c    what TCP is seen doing    capture.c  pcapng        digest.c   the run's hash
 *      command.c management commands       metric.c   names for values, expectations
 *      series.c  values over time          histogram.c percentiles
 */
#ifndef VSQ_LAB_LAB_H
#define VSQ_LAB_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/counter.h"
#include "core/base/frame.h"
#include "core/base/time.h"
#include "core/base/timer.h"
#include "core/base/trace.h"
#include "core/link/link.h"
#include "harness/lab/histogram.h"
#include "harness/lab/series.h"
#include "harness/lab/vsq.h"
#include "harness/sim/sim.h"
#include "stack/stk.h"

struct vsw;
struct mgmt;
struct lab_app;
struct lab_cable;
struct lab_capture;
struct lab_digest;
struct lab_flow;
struct lab_node;
struct lab_peer;
struct lab_probe;

/* Arrays of pointers that grow. */
struct lab_list {
	void **items;
	unsigned count, size;
};

int lab_list_add(struct lab_list *, void *item); /* 0 or -ENOMEM */
void lab_list_fini(struct lab_list *);		 /* the array only */

enum lab_kind {
	LAB_HOST,
	LAB_ROUTER,
	LAB_SWITCH,
	LAB_PROBE,
	LAB_PEER,
};

const char *lab_kind_name(enum lab_kind);

/* A copy of an engine's counters, for when the engine is gone. */
struct lab_counters {
	const char *const *names;
	uint64_t *values;
	unsigned count;
};

/* Which application hears of a socket. */
struct lab_socket {
	struct lab_app *app;
	struct lab_flow *flow; /* NULL: nobody looks at this connection */
	int role;	       /* the application's own */
};

struct lab_interface {
	bool joined;
	bool numbered; /* has an address of the user's */
};

/* Drops that an engine told of, by the counter that it says counts them; most frequent first. */
#define LAB_REASONS 32

struct lab_tally {
	const char *reason; /* the engine's own string */
	uint64_t count;
};

struct lab_node {
	struct vsq_lab *lab;
	int number;
	enum lab_kind kind;
	char *name;
	struct sim_engine engine;
	bool in_world; /* the engine is in the sim */
	struct vs_trace trace;
	uint64_t drops; /* told by the engine */
	struct lab_tally told[LAB_REASONS];
	struct lab_counters counters;

	/* Hosts and routers. */
	struct stk *stk;
	struct lab_interface interface[STK_IF_MAX];
	int interfaces;
	uint32_t mtu; /* of interfaces to come; 0: the stack's own */
	struct wire_addr address[2]; /* the first of each family: 0 IPv4, 1 IPv6 */
	bool has_address[2];
	struct lab_socket *sockets; /* by number */
	unsigned sockets_size;
	struct lab_flow *flows; /* connections that somebody looks at */

	/* Switches. */
	struct vsw *vsw;
	struct mgmt *mgmt;

	struct lab_probe *probe;
	struct lab_peer *peer;
};

/* One direction of a cable: 0 enters at the left end. */
struct lab_way {
	struct sim_edge enter; /* out of the end: into the link, or straight across */
	struct sim_edge leave; /* out of the link, into the other end */
	struct lab_cable *cable;
	int direction;
	uint64_t frames, bytes;			    /* put on the cable */
	uint64_t crossed;			    /* of them, straight across */
	uint64_t delivered_frames, delivered_bytes; /* came out of it */
	struct lab_series queue;
};

struct lab_cable {
	struct vsq_lab *lab;
	int number;
	char *name;
	struct lab_node *end[2];
	int port[2]; /* the end's interface or endpoint */
	struct lab_way way[2];
	bool in_world;
	bool faulty;	   /* frames go through the link */
	struct link *link; /* NULL until somebody asks for it */
	struct sim_engine engine;
	struct vs_trace trace;
	struct mgmt *mgmt; /* NULL until a command of its console is given */
	uint64_t drops;
	struct lab_counters counters[2];
	struct lab_series node; /* of the Markov chain */
	const char *queue_name; /* the link's own string */
	struct lab_list captures;
};

struct lab_judgement {
	char *text;
	bool held;
};

struct vsq_lab {
	char *name;
	uint64_t seed;
	char error[512];
	char digest_text[33];
	size_t memory; /* bytes for frames */
	struct vs_arena frames_arena, arena;
	struct vs_pool *pool;
	struct sim *sim;
	struct lab_digest *digest;
	bool started, finished;
	bool duplicates; /* some link makes copies */
	struct lab_list nodes, cables, apps, captures, commands, expectations, judgements;
	struct lab_list metric_names, series_names;
	uint64_t frames, bytes; /* delivered over cables */
	uint64_t looped;	/* kept when the world is gone */
	uint64_t unjoined;
	uint64_t events;
	struct vs_pool_stats pool_stats;
	size_t engine_bytes_max;
	vs_time end; /* when it was finished */
	char *answer; /* of vsq_command() */
	uint8_t *pattern; /* lab_pattern() */
	uint8_t *scratch; /* LAB_SCRATCH bytes for receiving */
};

#define LAB_SCRATCH 65536

/* Keeps a sentence for vsq_error() and returns err. */
int lab_fail(struct vsq_lab *, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
struct lab_node *lab_node_at(struct vsq_lab *, int node);    /* NULL, with an error kept */
struct lab_cable *lab_cable_at(struct vsq_lab *, int cable); /* likewise */
struct lab_app *lab_app_at(struct vsq_lab *, int app);	     /* likewise */
struct lab_node *lab_node_find(struct vsq_lab *, const char *name, size_t len);
struct lab_cable *lab_cable_find(struct vsq_lab *, const char *name, size_t len);
vs_time lab_now(const struct vsq_lab *);
int lab_check_name(struct vsq_lab *, const char *name, const char *what);
char *lab_copy(const char *text, size_t len); /* malloc()ed, or NULL */
void lab_judge(struct vsq_lab *, bool held, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void lab_counters_keep(struct lab_counters *, struct vs_counters);
uint64_t lab_counters_sum(struct vs_counters, const char *prefix);

/* Bytes that applications send: the byte at offset i of a stream is the byte at i modulo
 * LAB_PATTERN, a prime, so no segment or buffer size lines up with it. LAB_SCRATCH more follow.
 */
#define LAB_PATTERN 65521
const uint8_t *lab_pattern(const struct vsq_lab *, uint64_t offset);

/* node.c */
void lab_node_free(struct lab_node *); /* engine and structure; frames go to the pool */
void lab_node_stop(struct lab_node *); /* engine only, its counters kept */
struct vs_counters lab_node_counters(const struct lab_node *);
bool lab_node_is_host(const struct lab_node *);
int lab_node_plug(struct lab_node *, int port, struct sim_edge *); /* the port taken, or -errno */
void lab_node_unplug(struct lab_node *, int port);
const struct wire_addr *lab_node_address(const struct lab_node *, int family); /* or NULL */
int lab_socket_watch(struct lab_node *, int fd, struct lab_app *, int role);
void lab_socket_forget(struct lab_node *, int fd);
int lab_node_interfaces(struct lab_node *, int interface); /* there are that many. 0 or -errno */
int lab_node_set(struct lab_node *, const char *name, const char *value);
int lab_node_set_address(struct lab_node *, int interface, const char *address);
int lab_node_set_route(struct lab_node *, const char *destination, const char *gateway);

/* probe.c */
int lab_probe_create(struct lab_node *);
void lab_probe_stop(struct lab_node *); /* what it heard stays */
void lab_probe_free(struct lab_node *);

/* cable.c */
int lab_cable_link(struct lab_cable *); /* makes sure there is a link. 0 or -ENOMEM */
int lab_cable_set(struct lab_cable *, const char *parameter, const char *value);
int lab_cable_mgmt(struct lab_cable *); /* makes sure there is a command tree */
void lab_cable_stop(struct lab_cable *);
void lab_cable_free(struct lab_cable *);
struct vs_counters lab_cable_counters(struct lab_cable *, int direction);
int lab_cable_node(const struct lab_cable *);

/* digest.c */
enum lab_passage {
	LAB_ENTERS = 1, /* into a link; its bytes count when they leave it */
	LAB_LEAVES,
	LAB_CROSSES, /* a cable without faults */
	LAB_DROPS,
};

struct lab_digest *lab_digest_new(void);
void lab_digest_free(struct lab_digest *);
void lab_digest_frame(struct lab_digest *, enum lab_passage, int cable, int direction, vs_time,
		      const struct vs_frame *f);
void lab_digest_hash(struct lab_digest *, struct vs_frame *f); /* before it enters a link */
void lab_digest_text(struct lab_digest *, char text[33]);

/* capture.c */
void lab_capture_frame(struct lab_cable *, int side, bool sent, vs_time, const struct vs_frame *f);
void lab_capture_drop(struct lab_cable *, int direction, vs_time, const struct vs_frame *f,
		      const char *reason);
void lab_captures_close(struct vsq_lab *); /* judges what could not be written */
void lab_capture_free(struct lab_capture *);

/* flow.c */
struct lab_flow *lab_flow_new(struct lab_app *, struct lab_node *, int fd);
void lab_flow_free(struct lab_flow *);
void lab_flow_detach(struct lab_flow *); /* its node is going */
void lab_flow_sample(void *node, vs_time now, const struct tcp_sample *);
void lab_flow_lost(struct vsq_lab *, vs_time now, const struct vs_frame *f);
struct lab_flow *lab_flow_of(struct vsq_lab *, const struct vs_frame *f, uint32_t *seq,
			     uint32_t *len); /* the connection whose data f carries, or NULL */

/* command.c */
void lab_commands_free(struct vsq_lab *);

/* metric.c */
struct lab_accessor {
	double (*get)(const struct lab_accessor *); /* NaN: no value */
	void *object;
	unsigned arg;
};

int lab_metric_find(struct vsq_lab *, const char *name, struct lab_accessor *);
void lab_expectations_judge(struct vsq_lab *);
void lab_expectations_free(struct vsq_lab *);

/* Whether somebody expects that the application fails: then it is no fault of the run. */
bool lab_failure_expected(const struct lab_app *);

#define LAB_TERMS_MAX 8

struct lab_condition {
	struct lab_accessor accessor[LAB_TERMS_MAX];
	unsigned char relation[LAB_TERMS_MAX];
	double value[LAB_TERMS_MAX];
	unsigned terms;
};

int lab_condition_parse(struct vsq_lab *, const char *text, struct lab_condition *);
bool lab_condition_holds(const struct lab_condition *);

/* harness/oracle */
void oracle_links(struct vsq_lab *);  /* frames: delivered, waiting or counted as dropped */
void oracle_engines(struct vsq_lab *); /* what engines say they took and gave, and drops */
void oracle_loops(struct vsq_lab *);
void oracle_apps(struct vsq_lab *);
void oracle_memory(struct vsq_lab *); /* once the engines are gone */

#endif
