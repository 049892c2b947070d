/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Switch: a learning bridge with VLANs. IEEE 802.1Q-2018 8; the vde_switch of the Virtual Square
 * book, chapter 4.
 *
 * A port has any number of endpoints (the book's "several entry points"): a frame for a port
 * leaves by each of its endpoints, and endpoints of one port do not hear each other. Frames enter
 * and leave by endpoint. Port 0 is the management client's.
 */
#ifndef VSQ_SWITCH_SWITCH_H
#define VSQ_SWITCH_SWITCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/counter.h"
#include "core/base/frame.h"
#include "core/base/time.h"
#include "core/base/trace.h"

#define VSW_VLANS     4096 /* 0 is the untagged default, 4095 is reserved */
#define VSW_DESCR_MAX 128
#define VSW_NAME_MAX  32
#define VSW_NONE      UINT32_MAX /* no user, no group */

struct vsw;
struct mgmt;

struct vsw_conf {
	unsigned ports;	     /* numports; 0: 32 */
	unsigned hash_size;  /* 0: 128 */
	bool hub;
	uint8_t mac[6];	     /* the bridge's own address; all zero: none yet */
	uint16_t priority;   /* for the spanning tree; 0: 0x8000 */
	uint32_t mtu;	     /* 0: 9216; longer frames are counted drops */
	vs_time gc_interval; /* 0: 2 s */
	vs_time expire;	     /* 0: 100 s */
	vs_time persistence; /* 0: 3 s */
	const struct vs_trace *trace;

	/* Names of users and groups belong to the world. May be NULL: then only numbers are
	 * understood. Each returns 0 or -ENOENT; to_name writes "NONE"-free text.
	 */
	void *ctx;
	int (*user_id)(void *ctx, const char *name, uint32_t *id);
	int (*group_id)(void *ctx, const char *name, uint32_t *id);
	void (*user_name)(void *ctx, uint32_t id, char name[VSW_NAME_MAX]);
	void (*group_name)(void *ctx, uint32_t id, char name[VSW_NAME_MAX]);
	bool (*in_group)(void *ctx, uint32_t user, uint32_t group);

	/* An endpoint has been closed by a management command: the world drops its connection.
	 * Called from within the command, after the endpoint is gone.
	 */
	void (*closed)(void *ctx, int endpoint);
};

/* Who asks for an endpoint. */
struct vsw_guest {
	int port;	    /* 1..ports-1; 0 with any: the first free one that is allocatable */
	bool any;
	uint32_t user;	    /* VSW_NONE: not checked, as for the switch's own tap */
	const char *module; /* "unix prog", "tuntap": shown by port/print */
	const char *descr;  /* up to VSW_DESCR_MAX */
};

int vsw_create(struct vsw **, const struct vsw_conf *, struct vs_arena *);
void vsw_destroy(struct vsw *);

/* Gives an endpoint number (0.. dense, reused) or: -EACCES, -ENXIO (no such port), -EMFILE (no
 * free port), -EBUSY, -ENOMEM.
 */
int vsw_attach(struct vsw *, vs_time now, const struct vsw_guest *);
void vsw_detach(struct vsw *, vs_time now, int endpoint);
int vsw_port_of(const struct vsw *, int endpoint); /* or -ENOENT */

/* The engine verbs. vsw_input() takes f and may change it if nobody else holds it. The driver
 * pulls all output after each input or run; what it leaves is kept up to a bound, then dropped and
 * counted.
 */
void vsw_input(struct vsw *, vs_time now, int endpoint, struct vs_frame *f);
void vsw_run(struct vsw *, vs_time now);
vs_time vsw_poll_at(const struct vsw *);
struct vs_frame *vsw_output(struct vsw *, int *endpoint);

/* Configuration; 0, -EINVAL, -ENXIO, -EEXIST, -ENOMEM ... as the management commands answer. */
int vsw_set_ports(struct vsw *, unsigned ports);
int vsw_set_hub(struct vsw *, bool);
int vsw_port_create(struct vsw *, unsigned port);
int vsw_port_remove(struct vsw *, vs_time now, unsigned port);
int vsw_port_set_vlan(struct vsw *, vs_time now, unsigned port, unsigned vlan);
int vsw_port_set_allocatable(struct vsw *, unsigned port, bool);
int vsw_port_set_user(struct vsw *, unsigned port, uint32_t user);
int vsw_port_set_group(struct vsw *, unsigned port, uint32_t group);
int vsw_vlan_create(struct vsw *, unsigned vlan);
int vsw_vlan_remove(struct vsw *, unsigned vlan);
int vsw_vlan_add_port(struct vsw *, unsigned vlan, unsigned port);
int vsw_vlan_del_port(struct vsw *, unsigned vlan, unsigned port);

/* Copies to port `to` what enters (in) and leaves (out) port `from`; neither ends it. */
int vsw_mirror(struct vsw *, unsigned from, unsigned to, bool in, bool out);

/* Where a station was last heard: a port, or -ENOENT. */
int vsw_find(const struct vsw *, vs_time now, const uint8_t mac[6], unsigned vlan);

/* Counters of the whole switch, and of a port (count 0 if there is none). */
struct vs_counters vsw_counters(const struct vsw *);
struct vs_counters vsw_port_counters(const struct vsw *, unsigned port);

/* Adds the menus hash, port, vlan (and fstp, when it comes) to a command tree, with the words and
 * forms of vde_switch, and the debug categories hash/..., port/..., packet/....
 */
int vsw_mgmt_add(struct vsw *, struct mgmt *);

/* Takes the menus back; needed before the tree or the switch goes while the other stays. */
void vsw_mgmt_remove(struct vsw *);

#endif
