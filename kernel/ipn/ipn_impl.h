/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IPN inside.
 *
 * A network hangs on an inode; all are in one list under ipn_networks_mutex, which also guards
 * their reference counts.  What belongs to one network, its nodes, ports and options, is under its
 * own mutex; messages take neither.  A sender walks nodes under RCU and takes the receiver's
 * msglock for the time of an enqueue, so receivers on other processors go on.
 *
 * Order of locks: lock_sock, ipn_networks_mutex, ipn_network.mutex, RTNL, ipn_node.msglock.
 *
 * A node lives from socket() to close() of its socket; one with a persistent interface lives on
 * without a socket.  `closed` under msglock is its end for senders, RCU frees it.
 */
#ifndef KERNEL_IPN_IPN_IMPL_H
#define KERNEL_IPN_IPN_IMPL_H

#include <linux/net.h>
#include <linux/poll.h>
#include <linux/version.h>
#include <net/sock.h>
#include <sys/af_ipn.h>

#define IPN_MTU_DEFAULT         1514
#define IPN_NUMNODES_DEFAULT    32
#define IPN_MSGPOOLSIZE_DEFAULT 8

/* What will make the network, should bind() make one. */
struct ipn_prebind {
	int mtu, numnodes, msgpoolsize, flags, mode;
};

struct ipn_sock {
	struct sock      sk;		/* first */
	struct ipn_node *node;
	struct ipn_node *replaced;	/* the node it had before IPN_JOIN_NETDEV */
};

/* One message in one node's queue. */
struct msgitem {
	struct list_head     list;
	struct msgpool_item *msg;
};

static inline struct ipn_sock *ipn_sk(struct socket *sock)
{
	return container_of(sock->sk, struct ipn_sock, sk);
}

/* A node that takes messages, for the time that the caller is sure it has a user. */
static inline bool ipn_connected(const struct ipn_node *node)
{
	return smp_load_acquire(&node->flags) & IPN_NODEFLAG_CONNECTED;
}

/* ipn_net.c: networks. */
extern struct mutex ipn_networks_mutex;
extern struct list_head ipn_networks;

/* Takes a reference to the network of PATH, a socket's; NULL: there is none.  Both under the mutex
 * of the networks. */
struct ipn_network *ipn_network_get(const struct path *path);
/* Takes PATH, if any, once it succeeds; gives a network with one reference, or ERR_PTR. */
struct ipn_network *ipn_network_create(const struct path *path, int protocol,
				       const struct ipn_prebind *pbp);
/* Gives a reference back; not under the mutex of the networks, nor the network's. */
void ipn_network_put(struct ipn_network *ipnn);
/* Both under the mutex of the network.  Connecting can fail with -errno. */
int ipn_network_connect(struct ipn_network *ipnn, struct ipn_node *node);
void ipn_network_disconnect(struct ipn_network *ipnn, struct ipn_node *node);
int ipn_network_resize(struct ipn_network *ipnn, int maxports);
/* Changes which directions of a node are shut, and tells those who want to know. */
void ipn_network_shutdown(struct ipn_network *ipnn, struct ipn_node *node, int shutdown);

/* ipn_node.c: nodes and their queues. */
int ipn_node_init(void);
void ipn_node_exit(void);
struct ipn_node *ipn_node_alloc(int protocol);
/* Makes a node one of a network, whose reference it takes. */
void ipn_node_join(struct ipn_node *node, struct ipn_network *ipnn);
/* Disconnects, unbinds and frees, whatever its state. */
void ipn_node_free(struct ipn_node *node);
/* Ends a node for senders and drops what it had queued. */
void ipn_node_close(struct ipn_node *node);
int ipn_node_send(struct ipn_node *node, struct iov_iter *from, size_t len, long timeout);
/* FLAGS: MSG_PEEK, MSG_OOB, MSG_TRUNC; writes MSG_OOB and MSG_TRUNC to *OUT. */
int ipn_node_receive(struct ipn_node *node, struct iov_iter *to, int flags, long timeout, int *out);
__poll_t ipn_node_poll(struct ipn_node *node, struct file *file, poll_table *wait);
/* Bytes of the first message, or 0. */
int ipn_node_pending(struct ipn_node *node);

/* ipn_msg.c: messages. */
struct ipn_mtu *ipn_mtu_get(int mtu);	/* ERR_PTR; the three under the mutex of the networks */
void ipn_mtu_put(struct ipn_mtu *pool);
bool ipn_msg_exit(void);
/* Room for one message in a lossless network's pool. */
bool ipn_pool_room(const struct ipn_network *ipnn);
/* A message that counts in the pool; ERR_PTR(-EAGAIN) when it is full.  With TIMEOUT waits. */
struct msgpool_item *ipn_msg_alloc_pooled(struct ipn_network *ipnn, long timeout, gfp_t gfp);

/* ipn_proto.c: policies. */
int ipn_proto_init(void);
void ipn_proto_exit(void);
/* The policy with its module held, or NULL. */
struct ipn_protocol *ipn_proto_get(int protocol);
void ipn_proto_put(struct ipn_protocol *proto);
bool ipn_proto_known(int protocol);
/* Hands a message of NODE to the policy of its network, which lends it. */
void ipn_proto_inject(struct ipn_node *node, struct msgpool_item *msg);
/* Tells the numbers of readers and writers; under the mutex of the network. */
void ipn_proto_tell_numbers(struct ipn_network *ipnn);

/* ipn_opt.c: options. */
int ipn_setsockopt(struct socket *sock, int level, int name, sockptr_t value, unsigned int len);
int ipn_getsockopt(struct socket *sock, int level, int name, char __user *value, int __user *len);

/* ipn_netdev.c, ipn_grab.c: interfaces. */
int ipn_netdev_init(void);
void ipn_netdev_exit(void);
int ipn_netdev_ioctl(struct socket *sock, unsigned int request, unsigned long arg);
/* Detaches the interface of a node; under no mutex but lock_sock and the network's. */
void ipn_netdev_close(struct ipn_node *node);
void ipn_netdev_sendmsg(struct ipn_node *node, const struct msgpool_item *msg);
/* The pool has room again. */
void ipn_netdev_wake(struct ipn_network *ipnn);
struct net_device *ipn_tap_alloc(struct ipn_node *node, const char *name, struct net *net);
bool ipn_is_tap(const struct net_device *dev);
struct ipn_node *ipn_tap_node(const struct net_device *dev);
void ipn_tap_receive(struct net_device *dev, const struct msgpool_item *msg);
int ipn_grab(struct ipn_node *node, struct net_device *dev);	/* these four under RTNL */
void ipn_ungrab(struct net_device *dev);
bool ipn_is_grabbed(const struct net_device *dev);
struct ipn_node *ipn_grab_node(const struct net_device *dev);
void ipn_grab_transmit(struct net_device *dev, const struct msgpool_item *msg);

/* ipn_chrdev.c: character devices. */
int ipn_chrdev_init(void);
void ipn_chrdev_exit(void);
int ipn_chrdev_ioctl(struct socket *sock, unsigned int request, unsigned long arg);
void ipn_chrdev_free(struct ipn_network *ipnn);

/* ipn_seq.c: /proc/net/ipn. */
int ipn_seq_init(void);
void ipn_seq_exit(void);

#endif
