/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libvsq: a network in one process, under a virtual clock.
 *
 * A lab is made from a seed; hosts, switches and routers are added by name and joined by cables,
 * each of them a link with its faults; applications, management commands and expectations are
 * scheduled; then it runs, as fast as the machine can and always the same. Two threads may use two
 * labs. Python binds this very file with cffi, so it holds declarations only.
 *
 * Functions return 0 (or a number from 0: the object made), or -errno; then vsq_error() lends a
 * sentence that says what was wrong. Times are ns of the virtual clock. Text parameters are
 * "key=value" pairs separated by blanks.
 */
#ifndef VSQ_LAB_VSQ_H
#define VSQ_LAB_VSQ_H

#include <stddef.h>
#include <stdint.h>

struct vsq_lab;

#define VSQ_API __attribute__((visibility("default")))

VSQ_API const char *vsq_version(void);

/* A lab; NULL when there is no memory. Its name is part of no stream of chance. */
VSQ_API struct vsq_lab *vsq_new(const char *name, uint64_t seed);
VSQ_API void vsq_free(struct vsq_lab *);
VSQ_API const char *vsq_error(const struct vsq_lab *);

/* Nodes: their numbers count from 0 in the order they were added; names are unique words of
 * letters, digits, '_' and '-'.
 */
VSQ_API int vsq_add_host(struct vsq_lab *, const char *name);
VSQ_API int vsq_add_router(struct vsq_lab *, const char *name);
VSQ_API int vsq_add_switch(struct vsq_lab *, const char *name, unsigned ports); /* 0: 32 */
VSQ_API int vsq_add_peer(struct vsq_lab *, const char *name); /* see tcp-peer, syn-flood */
VSQ_API int vsq_node(struct vsq_lab *, const char *name);
VSQ_API int vsq_node_count(struct vsq_lab *);
VSQ_API const char *vsq_node_name(struct vsq_lab *, int node);
/* "host", "router", "switch", "probe", "peer" */
VSQ_API const char *vsq_node_kind(struct vsq_lab *, int node);

/* Hosts and routers. Interfaces are numbered from 1, one per cable in the order of joining;
 * an address may be given before its cable. address is "10.0.0.1/24"; gateway and destination are
 * text too ("default", "10.1.0.0/16"). Settings have Linux's names, or short ones: mtu, cc, sack,
 * timestamps, window_scaling, ecn, rmem, wmem, ttl, forwarding; and clock, how far the host's is
 * ahead ("-3s"), before its connections. A switch has hub, ports, expire, gc and persistence. Node
 * -1 is the lab itself: memory (bytes for frames, before the first node).
 */
VSQ_API int vsq_address(struct vsq_lab *, int node, int interface, const char *address);
VSQ_API int vsq_route(struct vsq_lab *, int node, const char *destination, const char *gateway);
VSQ_API int vsq_setting(struct vsq_lab *, int node, const char *name, const char *value);

/* A probe: a bare port on which frames are put and heard, as for replaying a capture. vsq_inject()
 * puts a frame at a time, now or later. vsq_heard() lends the next frame that the probe has heard
 * until the next call: 1, or 0 when there is none.
 */
VSQ_API int vsq_add_probe(struct vsq_lab *, const char *name);
VSQ_API int vsq_inject(struct vsq_lab *, int probe, int64_t time, const uint8_t *bytes, size_t len);
VSQ_API int vsq_heard(struct vsq_lab *, int probe, int64_t *time, const uint8_t **bytes,
		      size_t *len);

/* A cable from node a (its left end) to node b (its right end); name NULL: "a-b". On a switch it
 * takes port_a or port_b, 0: the next free one.
 */
VSQ_API int vsq_join(struct vsq_lab *, const char *name, int a, int port_a, int b, int port_b);
VSQ_API int vsq_cable_count(struct vsq_lab *);
VSQ_API const char *vsq_cable_name(struct vsq_lab *, int cable);
VSQ_API int vsq_cable_end(struct vsq_lab *, int cable, int side); /* the node at side 0 or 1 */
VSQ_API int vsq_cable(struct vsq_lab *, const char *name);

/* One parameter of the cable's link in wirefilter's notation (core/link/link.h). */
VSQ_API int vsq_link(struct vsq_lab *, int cable, const char *parameter, const char *value);

/* A recorded trace for a direction (0: frames entering at the left end): kind is "loss" (text of 0s
 * and 1s) or "capacity" (ascending milliseconds, one a line).
 */
VSQ_API int vsq_link_trace(struct vsq_lab *, int cable, int direction, const char *kind,
			   const char *text, size_t len);

/* Writes what passes the cable to a pcapng file: side 0 or 1: as seen at that end; -1: both ends,
 * an interface each. Drops on the cable are written too, with a comment that says why, at the end
 * that the frame did not reach (or the only one there is). Other comments: the Markov node that a
 * frame met, and where it is sent the queue, the variables of its connection, and on its host's own
 * cable why a segment leaves once more.
 */
VSQ_API int vsq_capture(struct vsq_lab *, int cable, int side, const char *path);

/* Applications, numbered from 0. from and to are hosts or routers. Parameters, all optional:
 *   every kind            start= (0), stop= (never; ns), family=4|6|any (any: 4 if both have it)
 *   ping                  count= (0: until stop), interval= (1 s; ns), size= (56)
 *   udp-cbr               rate= (1,000,000 bit/s of payload) or interval=, size= (1,000), count=,
 *                         bytes=, port=
 *   every kind over TCP   port=, from_port=, nodelay=0|1, keepalive=0|1, user_timeout=, maxseg=,
 *                         sndbuf=, rcvbuf=: of both ends' sockets, but for from_port
 *   tcp-bulk              bytes= (0: until stop); the receiver: read= (a rate; 0: all at once),
 *                         interval= (10 ms, between its reads), pause=, resume= (moments)
 *   tcp-request-response  requests= (100; 0: until stop), request= (64), response= (1,024),
 *                         interval= (0: at once), writes= (1, of which a request is made)
 *   tcp-echo              count= (100; 0: until stop), size= (64), interval= (100 ms)
 *   tcp-exchange          bytes=, response= (the other way), close=, close_back= (moments when an
 *                         end closes; once it has sent, and `to` read, all), reset=, reset_back=,
 *                         simultaneous=0|1 (neither listens)
 *   tcp-peer              to is a peer: bytes=, response=, act= (plain; docs/scenario.md has them
 *                         all), n= (the act's own number), after= (data segments before it
 *                         begins), hold= (how long a window stays closed; 0: for ever), window=
 *                         (65,535), mss= (1,460)
 *   syn-flood             from is a peer: count= (1,000), interval= (1 ms), port=
 * Times may have a unit (ns us ms s m h), bytes B KB MB GB KiB MiB GiB, rates bit/s kbit/s Mbit/s
 * Gbit/s. port 0 is one of the application's own.
 */
VSQ_API int vsq_app(struct vsq_lab *, const char *kind, int from, int to, const char *parameters);
VSQ_API int vsq_app_count(struct vsq_lab *);
VSQ_API const char *vsq_app_kind(struct vsq_lab *, int app);
VSQ_API int vsq_app_end(struct vsq_lab *, int app, int side); /* the node: 0 from, 1 to */

/* A command at a virtual time: "NODE command..." (a switch's are those of its management console; a
 * host's are "address INTERFACE ADDRESS", "route DESTINATION GATEWAY", "set NAME VALUE", "up
 * INTERFACE", "down INTERFACE"), "CABLE parameter value" or a command of its console for a link
 * ("cable:NAME" where a name is both). One that fails is a judgement of its own.
 */
VSQ_API int vsq_at(struct vsq_lab *, int64_t time, const char *command);

/* Runs a command now; its answer is lent until the next call; NULL on an error. */
VSQ_API const char *vsq_command(struct vsq_lab *, const char *command);

/* An expectation about a metric, judged at the end: "app.0.goodput", ">=", 2000000. relation is one
 * of >= > <= < == !=. A metric that does not exist, or has no value, does not hold.
 */
VSQ_API int vsq_expect(struct vsq_lab *, const char *metric, const char *relation, double value);

/* Runs until a time, or until the condition holds ("app.0.done >= 1", several with "and"; NULL: no
 * condition) or nothing can ever happen again. Calls progress, if not NULL, now and then; non-zero
 * stops. Returns 0, 1 when the condition holds, or -errno. It may be called again to go on.
 */
VSQ_API int vsq_run(struct vsq_lab *, int64_t until, const char *condition,
		    int (*progress)(void *ctx, int64_t now), void *ctx);
VSQ_API int64_t vsq_now(const struct vsq_lab *);

/* Ends the run: lets the oracles look (pools whole, every frame delivered or counted with a reason,
 * no loop), closes captures. Returns the number of failed expectations and oracle checks.
 */
VSQ_API int vsq_finish(struct vsq_lab *);

/* What failed or held, a line each: judgement 0 <= i < count; held is 0 or 1. */
VSQ_API int vsq_judgement_count(struct vsq_lab *);
VSQ_API const char *vsq_judgement(struct vsq_lab *, int i, int *held);

/* 32 hexadecimal digits over every frame on every cable with its virtual time. */
VSQ_API const char *vsq_digest(struct vsq_lab *);

/* Metrics by name: "app.0.goodput" (bit/s), "app.0.rtt.p50" (ns), "node.alice.TcpRetransSegs",
 * "cable.NAME.lr.drop_loss", "lab.frames" ... vsq_metric_name() enumerates them. -ENOENT: there is
 * no such metric; -ENODATA: it has no value (percentiles of nothing).
 */
VSQ_API int vsq_metric_count(struct vsq_lab *);
VSQ_API const char *vsq_metric_name(struct vsq_lab *, int i);
VSQ_API int vsq_metric(struct vsq_lab *, const char *name, double *value);

/* Time series: "app.0.goodput" (bit/s), "app.0.rtt" (ns), "app.0.tcp.cwnd", ".ssthresh",
 * ".in_flight" (bytes; RFC 6675's pipe), ".window" (the peer's, bytes), ".srtt", ".rto" (ns),
 * ".seq" (data sent: end, relative), ".ack", ".rtt" (of segments), ".state" (RFC 9293's, numbered
 * as enum tcp_state), ".phase" (0 open, 1 disorder, 2 cwr, 3 recovery, 4 loss),
 * ".retransmit_fast", ".retransmit_rto", ".resent.REASON" for each of syn fast partial prr rescue
 * rack tlp rto frto loss mtu text, ".lost" (starts of segments, relative),
 * "cable.NAME.node", "cable.NAME.lr.queue" (bytes). A long series is thinned out, but keeps its
 * extremes. Lends two arrays of count values until the lab goes on; -ENOENT.
 */
VSQ_API int vsq_series_count(struct vsq_lab *);
VSQ_API const char *vsq_series_name(struct vsq_lab *, int i);
VSQ_API int vsq_series(struct vsq_lab *, const char *name, const int64_t **times,
		       const double **values, size_t *count);

#endif
