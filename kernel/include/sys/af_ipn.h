/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IPN for policies: modules that decide which node of a network gets a message.  The Virtual
 * Square book, 6.5.
 *
 * handlemsg() runs in softirq or with bottom halves disabled, under rcu_read_lock(), and on several
 * processors at once: it may not sleep, and guards what it keeps with its own spin_lock().  Under
 * that lock of RCU it walks the nodes (connectqueue, connport[]).  All other calls may sleep; those
 * about one network come one after the other.
 */
#ifndef SYS_AF_IPN_H
#define SYS_AF_IPN_H

#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/path.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <net/af_ipn.h>

struct ipn_chrdev;
struct ipn_mtu;
struct ipn_protocol;
struct net_device;

/* What a message may pass through before it is taken for one that runs in circles. */
#define IPN_MAX_DEPTH 8

/* One message.  A policy may change it before it sends it, within the MTU of the network. */
struct msgpool_item {
	refcount_t          count;
	bool                pooled;	/* it counts in the network's pool */
	struct ipn_network *ipn;
	int                 len;	/* bytes, at most ipn->mtu */
	unsigned char       data[];
};

struct ipn_network {
	struct list_head     hnext;		/* among all networks */
	struct list_head     unconnectqueue;	/* nodes that are bound only */
	struct list_head     connectqueue;	/* of struct ipn_node, by nodelist (RCU) */
	struct ipn_node __rcu *__rcu *connport; /* by port number (RCU) */
	struct mutex         mutex;		/* all but messages */
	int                  refcnt;		/* nodes, and the persistence of devices */
	struct path          path;		/* in the file system; none: by device only */
	int                  protocol;
	struct ipn_protocol *proto;
	int                  maxports;
	int                  mtu;
	int                  flags;		/* IPN_FLAG_ */
	int                  msgpool_size;
	atomic_t             msgpool_nelem;	/* messages pending or being sent */
	struct ipn_mtu      *pool;
	atomic_t             taps_stopped;	/* some interface waits for room in the pool */
	int                  numreaders, numwriters;
	wait_queue_head_t    send_wait;
	void                *proto_private;	/* the policy's own */
	struct ipn_chrdev   *chrdev;
	bool                 chrdev_persistent;
};

struct ipn_node {
	struct list_head    nodelist;		/* in connectqueue or unconnectqueue */
	struct ipn_network *ipn;
	int                 protocol;
	int                 portno;
	unsigned int        flags;		/* IPN_NODEFLAG_ */
	int                 shutdown;		/* RCV_SHUTDOWN, SEND_SHUTDOWN */
	char                descr[IPN_DESCRLEN];
	kuid_t              uid;		/* who opened it */
	dev_t               chrdev;		/* 0: not a device */
	struct net_device  *netdev;		/* TAP and GRAB */
	void               *proto_private;	/* the policy's own */
	struct ipn_prebind *pbp;		/* until it is bound */
	struct ipn_sock    *sk;			/* the socket that controls it, if any */
	spinlock_t          msglock;		/* the queues */
	bool                closed;		/* nothing is queued any more */
	struct list_head    msgqueue, oobmsgqueue;
	int                 msgcount, oobcount;
	unsigned long       dropped;
	wait_queue_head_t   read_wait;
	struct rcu_head     rcu;
};

#define IPN_NODEFLAG_BOUND            0x01
#define IPN_NODEFLAG_CONNECTED        0x02
#define IPN_NODEFLAG_PERSIST          0x40
#define IPN_NODEFLAG_OOB              0x80
#define IPN_NODEFLAG_OOB_NUMNODES     0x100
#define IPN_NODEFLAG_NETDEV           (IPN_NODEFLAG_TAP | IPN_NODEFLAG_GRAB)

/* Says who gets a message of FROM's, which it lends; 0. */
typedef int ipn_handlemsg(struct ipn_node *from, struct msgpool_item *msgitem, int depth);

/* A policy.  Only newport and handlemsg must be there. */
struct ipn_protocol {
	int refcnt;	/* networks; IPN's own */
	/* The port of a new node, or -errno.  portno is what it asked for.  When the port is taken
	 * and it asked for none, IPN gives it a free one. */
	int (*ipn_p_newport)(struct ipn_node *newport);
	/* An ipn_handlemsg.  The book declares it with a depth and shows it without: both are
	 * taken, so the compiler cannot check which it is. */
	void *ipn_p_handlemsg;
	void (*ipn_p_delport)(struct ipn_node *oldport);
	void (*ipn_p_postnewport)(struct ipn_node *newport);
	void (*ipn_p_predelport)(struct ipn_node *oldport);
	int (*ipn_p_newnet)(struct ipn_network *newnet);
	int (*ipn_p_resizenet)(struct ipn_network *net, int oldsize, int newsize);
	void (*ipn_p_delnet)(struct ipn_network *oldnet);
	int (*ipn_p_setsockopt)(struct ipn_node *port, int optname, char __user *optval,
				int optlen);
	int (*ipn_p_getsockopt)(struct ipn_node *port, int optname, char __user *optval,
				int *optlen);
	int (*ipn_p_ioctl)(struct ipn_node *port, unsigned int request, unsigned long arg);
	struct module *owner;	/* IPN's own: a network keeps its policy loaded */
};

int ipn_proto_register_owner(int protocol, struct ipn_protocol *service, struct module *owner);
#define ipn_proto_register(protocol, service) \
	ipn_proto_register_owner(protocol, service, THIS_MODULE)
/* -EBUSY while there are networks of the policy. */
int ipn_proto_deregister(int protocol);

/* Queues a message for one node, which lends it; it may be sent to several.  Never sleeps. */
void ipn_proto_send(struct ipn_node *to, struct msgpool_item *msg, int depth);
/* ipn_proto_sendmsg(to, msg, depth); a policy that is not told the depth leaves it out. */
#define ipn_proto_sendmsg(...) IPN_PROTO_SENDMSG(__VA_ARGS__, 0, 0)
#define IPN_PROTO_SENDMSG(to, msg, depth, ...) ipn_proto_send(to, msg, depth)
/* The same, before all normal messages, if the node handles them. */
void ipn_proto_oobsendmsg(struct ipn_node *to, struct msgpool_item *msg);

/* Ends a node's part in its network, from a call that has the network to itself, as ipn_p_ioctl. */
void ipn_proto_shutdown(struct ipn_node *node);

/* A message of the policy's own, NULL without memory.  Never sleeps; put it when it is sent. */
struct msgpool_item *ipn_msgpool_alloc(struct ipn_network *ipnn);
void ipn_msgpool_hold(struct msgpool_item *msg);
void ipn_msgpool_put(struct msgpool_item *msg);

#endif
