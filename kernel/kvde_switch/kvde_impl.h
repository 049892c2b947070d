/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kvde_switch inside: one engine for each network of the policy IPN_VDESWITCH, under one spinlock
 * taken with bottom halves off, since frames come from processes and from softirq.
 *
 * The engine's memory comes in chunks: sleeping while the network is made, then atomically.  What
 * it gives out for one input is collected under the lock and sent after it, as a grabbed interface
 * may lead into another network.
 */
#ifndef KERNEL_KVDE_SWITCH_KVDE_IMPL_H
#define KERNEL_KVDE_SWITCH_KVDE_IMPL_H

#include <linux/spinlock.h>
#include <linux/timer.h>
#include <sys/af_ipn.h>

#include "core/mgmt/mgmt.h"
#include "core/switch/switch.h"

struct kvde {
	spinlock_t          lock;
	struct ipn_network *ipn;
	struct vs_arena     arena;
	struct vs_pool     *pool;
	struct vsw         *sw;
	struct mgmt        *mgmt;
	struct timer_list   timer;
	struct ipn_node   **nodes;	/* by endpoint */
	int                 size;	/* of nodes */
	unsigned long       no_memory;	/* frames and messages that found none */
	int                *closed;	/* endpoints closed by the command that runs, or NULL */
	int                 closed_count;
};

/* Sets the timer for what the engine does next; under the lock. */
void kvde_arm(struct kvde *k);

/* kvde_mgmt.c: the requests of user space about a network's switch. */
int kvde_ioctl(struct ipn_node *node, unsigned int request, unsigned long arg);
int kvde_mgmt_create(struct kvde *k);

#endif
