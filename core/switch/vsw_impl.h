/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of the switch share: port.c has ports, endpoints and who may use them, vlan.c who
 * is in which VLAN, vsw.c the way of a frame. The spanning tree sets states and takes BPDUs here.
 */
#ifndef VSQ_SWITCH_VSW_IMPL_H
#define VSQ_SWITCH_VSW_IMPL_H

#include <string.h>

#include "core/base/queue.h"
#include "core/switch/fdb.h"
#include "core/switch/switch.h"

#define VSW_NO_VLAN  4095	    /* a port without an untagged VLAN */
#define VSW_PORTS_MAX 65536
#define VSW_QUEUE_MIN 1024 /* frames of output that wait to be pulled; at least 4 per endpoint */
#define VSW_MODULE_MAX 16

/* Each frame that enters is forwarded (at least one copy was due), taken as a BPDU, or dropped with
 * one reason: rx_frames = forwarded + bpdus + the sum of drop_*. Each copy that is due leaves,
 * waits, or is dropped: copies = tx_frames + waiting + the sum of copy_drop_*. Mirror copies are
 * copies too.
 */
enum vsw_counter {
	VSW_RX_FRAMES,
	VSW_RX_BYTES,
	VSW_TX_FRAMES,
	VSW_TX_BYTES,
	VSW_FORWARDED,
	VSW_FLOODED, /* of those forwarded */
	VSW_BPDUS,
	VSW_COPIES,
	VSW_MIRRORED, /* of the copies */
	VSW_FDB_LEARNED,
	VSW_FDB_MOVED,
	VSW_FDB_MOVE_REFUSED,
	VSW_FDB_EXPIRED,
	VSW_FDB_FULL,
	VSW_DROP_RUNT,	       /* no whole header */
	VSW_DROP_TOO_LONG,     /* payload beyond the MTU */
	VSW_DROP_NO_ENDPOINT,  /* came by an endpoint that is not there */
	VSW_DROP_INGRESS_VLAN, /* 8.6.2: the port is not in the frame's VLAN */
	VSW_DROP_BLOCKING,     /* the spanning tree blocks the port */
	VSW_DROP_LEARNING,     /* or does not let it forward yet */
	VSW_DROP_RESERVED,     /* 8.6.3: for a reserved group address */
	VSW_DROP_OWN,	       /* for the bridge itself */
	VSW_DROP_SAME_PORT,    /* 8.6.1: the station is where the frame came from */
	VSW_DROP_EGRESS,       /* the port of the station does not forward in the VLAN */
	VSW_DROP_NOBODY,       /* flooded, and there is no other port */
	VSW_COPY_DROP_QUEUE,   /* the output was not pulled */
	VSW_COPY_DROP_MEMORY,  /* the pool had no frame for another form of tag */
	VSW_COPY_DROP_CLOSED,  /* the endpoint went while the frame waited */
	VSW_COUNTERS,
};

enum vsw_port_counter {
	VSW_PORT_RX_FRAMES,
	VSW_PORT_RX_BYTES,
	VSW_PORT_TX_FRAMES,
	VSW_PORT_TX_BYTES,
	VSW_PORT_RX_DROPS, /* entered here, forwarded nowhere */
	VSW_PORT_TX_DROPS, /* copies due here that were dropped */
	VSW_PORT_COUNTERS,
};

/* BLOCKING: frames neither teach nor pass (BPDUs do). To LEARNING and on by the spanning tree.
 * LEARNING: source addresses are learned, nothing passes.
 * FORWARDING: all passes; how ports are without a spanning tree.
 */
enum vsw_state {
	VSW_BLOCKING,
	VSW_LEARNING,
	VSW_FORWARDING,
};

struct vsw_endpoint {
	int32_t port; /* -1: free */
	int32_t next; /* of its port, or of the free ones; -1: the last */
	uint32_t user;
	char module[VSW_MODULE_MAX];
	char *descr; /* descr_size bytes; NULL: none */
	uint32_t descr_size;
};

struct vsw_vlan;

struct vsw_port {
	bool exists;
	bool allocatable;
	uint16_t vlan; /* untagged; or VSW_NO_VLAN */
	struct vsw_vlan *untagged; /* the same, or NULL */
	int32_t first; /* endpoint; -1: none, the port is inactive */
	uint32_t user, group; /* who may use it; VSW_NONE: anyone */
	uint32_t mirror_in, mirror_out; /* port that gets copies; 0: none */
	uint64_t counters[VSW_PORT_COUNTERS];
};

/* Sets of ports, a bit each, of `words` words. */
struct vsw_vlan {
	uint32_t words;
	uint64_t *member; /* tagged or untagged */
	uint64_t *tagged;
	uint64_t *blocked; /* neither learns nor forwards */
	uint64_t *held;	   /* does not forward */
	uint64_t *flood;   /* member, active, not held: kept up to date for the path of frames */
};

/* Takes nothing; true if the frame was for the spanning tree, which then has read it. */
typedef bool vsw_bpdu_fn(void *ctx, vs_time now, unsigned port, unsigned vlan,
			 const struct vs_frame *f);

struct vsw {
	struct vsw_conf conf;
	struct vs_arena *arena;
	struct mgmt *mgmt; /* NULL: nobody to tell */
	struct vsw_port *ports;
	uint32_t ports_len, ports_size;
	uint32_t words; /* of sets of ports */
	uint64_t *active;
	uint32_t active_words;
	struct vsw_endpoint *endpoints;
	uint32_t endpoints_size, endpoints_live;
	int32_t endpoints_free;
	struct vsw_vlan *vlans[VSW_VLANS];
	struct fdb fdb;
	struct vs_queue queue;
	vsw_bpdu_fn *bpdu;
	void *bpdu_ctx;
	uint64_t counters[VSW_COUNTERS];
};

static inline bool vsw_bit(const uint64_t *set, unsigned n)
{
	return set[n / 64] >> (n % 64) & 1;
}

static inline void vsw_bit_set(uint64_t *set, unsigned n, bool on)
{
	uint64_t bit = (uint64_t)1 << (n % 64);

	set[n / 64] = on ? set[n / 64] | bit : set[n / 64] & ~bit;
}

/* Port 0 comes with the guest who asks for it: until then there is none to configure. */
static inline bool vsw_port_valid(const struct vsw *sw, unsigned port)
{
	return port < sw->ports_len && (port > 0 || sw->ports[0].exists);
}

static inline bool vsw_port_exists(const struct vsw *sw, unsigned port)
{
	return vsw_port_valid(sw, port) && sw->ports[port].exists;
}

extern const char *const vsw_counter_names[];
extern const char *const vsw_port_counter_names[];

/* vlan.c */
int vsw_vlan_make(struct vsw *, unsigned vlan);
void vsw_vlan_free(struct vsw *, unsigned vlan);
int vsw_vlans_widen(struct vsw *, uint32_t words);
void vsw_vlan_refresh(struct vsw *, struct vsw_vlan *, unsigned port); /* its bit in flood */
void vsw_vlans_refresh(struct vsw *, unsigned port);
void vsw_vlans_leave(struct vsw *, unsigned port); /* out of every VLAN */

/* The state of a port in a VLAN; what was learned there goes when it starts blocking. */
enum vsw_state vsw_state(const struct vsw *, unsigned vlan, unsigned port);
int vsw_set_state(struct vsw *, unsigned vlan, unsigned port, enum vsw_state);

/* Who reads frames for 01-80-c2-00-00-00, before they are dropped. */
void vsw_set_bpdu(struct vsw *, vsw_bpdu_fn *, void *ctx);

/* port.c */
int vsw_ports_init(struct vsw *, unsigned ports);
void vsw_ports_fini(struct vsw *);
bool vsw_may_use(const struct vsw *, const struct vsw_port *, uint32_t user);
int vsw_endpoint_close(struct vsw *, vs_time now, unsigned port, unsigned endpoint);
void vsw_reset_counters(struct vsw *, unsigned port);

/* vsw.c: frames that wait for an endpoint are dropped */
void vsw_queue_purge(struct vsw *, vs_time now, int endpoint);
void vsw_fdb_told(struct vsw *, enum fdb_learned, uint64_t key, unsigned port);

/* vsw_mgmt.c: debug lines; they cost a test when there is no console */
enum vsw_event {
	VSW_HASH_NEW = 3011,
	VSW_HASH_GONE = 3012,
	VSW_PORT_NEW = 3021,
	VSW_PORT_GONE = 3022,
	VSW_PORT_DESCR = 3023,
	VSW_EP_NEW = 3031,
	VSW_EP_GONE = 3032,
	VSW_PACKET_IN = 3051,
	VSW_PACKET_OUT = 3052,
};

void vsw_tell_station(struct vsw *, enum vsw_event, uint64_t key, unsigned port);
void vsw_tell_port(struct vsw *, enum vsw_event, unsigned port, int endpoint);
void vsw_tell_packet(struct vsw *, enum vsw_event, unsigned port, int endpoint,
		     const struct vs_frame *f);

#endif
