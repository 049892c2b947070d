// SPDX-License-Identifier: GPL-2.0-or-later
/* Nodes: the ends of a network, each with a queue of messages and one of the policy's messages. */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "kernel/ipn/ipn_impl.h"

/* Messages of the policy that wait in one node at most; the oldest goes, the newest counts. */
#define OOB_MAX 16

static struct kmem_cache *nodes, *items;

int ipn_node_init(void)
{
	nodes = KMEM_CACHE(ipn_node, SLAB_ACCOUNT);
	items = KMEM_CACHE(msgitem, SLAB_ACCOUNT);
	if (nodes && items)
		return 0;
	ipn_node_exit();
	return -ENOMEM;
}

void ipn_node_exit(void)
{
	rcu_barrier();	/* nodes that are still to be freed */
	kmem_cache_destroy(nodes);
	kmem_cache_destroy(items);
}

struct ipn_node *ipn_node_alloc(int protocol)
{
	struct ipn_node *node = kmem_cache_zalloc(nodes, GFP_KERNEL);

	if (!node)
		return NULL;
	INIT_LIST_HEAD(&node->nodelist);
	INIT_LIST_HEAD(&node->msgqueue);
	INIT_LIST_HEAD(&node->oobmsgqueue);
	spin_lock_init(&node->msglock);
	init_waitqueue_head(&node->read_wait);
	node->protocol = protocol;
	node->portno = IPN_PORTNO_ANY;
	node->uid = current_fsuid();
	return node;
}

void ipn_node_join(struct ipn_node *node, struct ipn_network *ipnn)
{
	mutex_lock(&ipnn->mutex);
	node->ipn = ipnn;
	list_add_tail(&node->nodelist, &ipnn->unconnectqueue);
	mutex_unlock(&ipnn->mutex);
	kfree(node->pbp);
	node->pbp = NULL;
}

static void item_free(struct msgitem *item)
{
	struct msgpool_item *msg = item->msg;

	kmem_cache_free(items, item);
	ipn_msgpool_put(msg);
}

void ipn_node_close(struct ipn_node *node)
{
	struct msgitem *item, *next;
	LIST_HEAD(rest);

	spin_lock_bh(&node->msglock);
	node->closed = true;
	list_splice_init(&node->msgqueue, &rest);
	list_splice_init(&node->oobmsgqueue, &rest);
	node->msgcount = node->oobcount = 0;
	spin_unlock_bh(&node->msglock);
	list_for_each_entry_safe(item, next, &rest, list)
		item_free(item);
}

static void node_free_rcu(struct rcu_head *head)
{
	kmem_cache_free(nodes, container_of(head, struct ipn_node, rcu));
}

void ipn_node_free(struct ipn_node *node)
{
	struct ipn_network *ipnn = node->ipn;

	if (ipnn) {
		mutex_lock(&ipnn->mutex);
		ipn_netdev_close(node);
		if (node->flags & IPN_NODEFLAG_CONNECTED)
			ipn_network_disconnect(ipnn, node);
		else
			list_del(&node->nodelist);
		mutex_unlock(&ipnn->mutex);
		ipn_network_put(ipnn);
	}
	kfree(node->pbp);
	call_rcu(&node->rcu, node_free_rcu);
}

/* Queues MSG, in one of two ways.  A normal message finds a lossy node full, and is counted; one of
 * the policy pushes the oldest of its kind out. */
static void enqueue(struct ipn_node *to, struct msgpool_item *msg, bool oob)
{
	struct msgitem *item = kmem_cache_alloc(items, GFP_ATOMIC | __GFP_NOWARN);
	struct msgitem *old = NULL;
	bool taken = false;

	if (item) {
		item->msg = msg;
		ipn_msgpool_hold(msg);
	}
	spin_lock_bh(&to->msglock);
	if (!item || to->closed) {
		to->dropped++;
	} else if (oob) {
		if (to->oobcount == OOB_MAX) {
			old = list_first_entry(&to->oobmsgqueue, struct msgitem, list);
			list_del(&old->list);
			to->oobcount--;
		}
		list_add_tail(&item->list, &to->oobmsgqueue);
		to->oobcount++;
		taken = true;
	} else if (!(to->ipn->flags & IPN_FLAG_LOSSLESS) &&
		   to->msgcount >= to->ipn->msgpool_size) {
		to->dropped++;
	} else {
		list_add_tail(&item->list, &to->msgqueue);
		to->msgcount++;
		taken = true;
	}
	spin_unlock_bh(&to->msglock);
	if (taken)
		wake_up_interruptible_sync_poll(&to->read_wait, oob ? EPOLLPRI | EPOLLIN :
						EPOLLIN | EPOLLRDNORM);
	else if (item)
		item_free(item);
	if (old)
		item_free(old);
}

void ipn_proto_send(struct ipn_node *to, struct msgpool_item *msg, int depth)
{
	if (depth > IPN_MAX_DEPTH || msg->len < 0 || WARN_ON_ONCE(msg->len > msg->ipn->mtu))
		return;
	if (to->flags & IPN_NODEFLAG_NETDEV)
		ipn_netdev_sendmsg(to, msg);
	else if (!(to->shutdown & RCV_SHUTDOWN))
		enqueue(to, msg, false);
}
EXPORT_SYMBOL_GPL(ipn_proto_send);

void ipn_proto_oobsendmsg(struct ipn_node *to, struct msgpool_item *msg)
{
	if (to->flags & IPN_NODEFLAG_OOB)
		enqueue(to, msg, true);
}
EXPORT_SYMBOL_GPL(ipn_proto_oobsendmsg);

int ipn_node_send(struct ipn_node *node, struct iov_iter *from, size_t len, long timeout)
{
	struct ipn_network *ipnn = node->ipn;
	struct msgpool_item *msg;

	if (len > ipnn->mtu)
		return -EMSGSIZE;
	msg = ipn_msg_alloc_pooled(ipnn, timeout, GFP_KERNEL);
	if (IS_ERR(msg))
		return PTR_ERR(msg);
	msg->len = len;
	if (!copy_from_iter_full(msg->data, len, from)) {
		ipn_msgpool_put(msg);
		return -EFAULT;
	}
	ipn_proto_inject(node, msg);
	ipn_msgpool_put(msg);
	return len;
}

/* The next message: the policy's first.  With PEEK it stays, and the caller holds it as well. */
static struct msgpool_item *dequeue(struct ipn_node *node, bool peek, bool oob_only, bool *oob)
{
	struct msgpool_item *msg = NULL;
	struct msgitem *item = NULL;

	spin_lock_bh(&node->msglock);
	*oob = !list_empty(&node->oobmsgqueue);
	if (*oob)
		item = list_first_entry(&node->oobmsgqueue, struct msgitem, list);
	else if (!oob_only && !list_empty(&node->msgqueue))
		item = list_first_entry(&node->msgqueue, struct msgitem, list);
	if (item) {
		msg = item->msg;
		if (peek) {
			ipn_msgpool_hold(msg);
			item = NULL;
		} else {
			list_del(&item->list);
			if (*oob)
				node->oobcount--;
			else
				node->msgcount--;
		}
	}
	spin_unlock_bh(&node->msglock);
	if (item)
		kmem_cache_free(items, item);
	return msg;
}

/* Waits for a message.  0: there may be one, or the node hears no more; else -errno. */
static int receive_wait(struct ipn_node *node, bool oob_only, long *timeout)
{
	DEFINE_WAIT(wait);
	int error = 0;

	/* One message is for one reader, but not for one that is after another kind. */
	if (oob_only)
		prepare_to_wait(&node->read_wait, &wait, TASK_INTERRUPTIBLE);
	else
		prepare_to_wait_exclusive(&node->read_wait, &wait, TASK_INTERRUPTIBLE);
	if (list_empty(&node->oobmsgqueue) && (oob_only || list_empty(&node->msgqueue)) &&
	    !(READ_ONCE(node->shutdown) & RCV_SHUTDOWN)) {
		if (!*timeout)
			error = -EAGAIN;
		else if (signal_pending(current))
			error = sock_intr_errno(*timeout);
		else
			*timeout = schedule_timeout(*timeout);
	}
	finish_wait(&node->read_wait, &wait);
	if (error && ipn_node_pending(node))
		wake_up_interruptible(&node->read_wait);
	return error;
}

int ipn_node_receive(struct ipn_node *node, struct iov_iter *to, int flags, long timeout, int *out)
{
	struct msgpool_item *msg;
	size_t size = iov_iter_count(to), len;
	bool oob;
	int error;

	*out = 0;
	while (!(msg = dequeue(node, flags & MSG_PEEK, flags & MSG_OOB, &oob))) {
		if (READ_ONCE(node->shutdown) & RCV_SHUTDOWN)
			return 0;
		error = receive_wait(node, flags & MSG_OOB, &timeout);
		if (error)
			return error;
	}
	len = min_t(size_t, msg->len, size);
	if (len < msg->len)
		*out |= MSG_TRUNC;
	if (oob)
		*out |= MSG_OOB;
	error = copy_to_iter(msg->data, len, to) == len ? 0 : -EFAULT;
	if (!error)
		error = flags & MSG_TRUNC ? msg->len : len;
	ipn_msgpool_put(msg);
	return error;
}

__poll_t ipn_node_poll(struct ipn_node *node, struct file *file, poll_table *wait)
{
	__poll_t mask = 0;

	poll_wait(file, &node->read_wait, wait);
	if (!ipn_connected(node))
		return EPOLLHUP;
	poll_wait(file, &node->ipn->send_wait, wait);
	if (!list_empty(&node->oobmsgqueue))
		mask |= EPOLLPRI | EPOLLIN;
	if (!list_empty(&node->msgqueue))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(node->shutdown) & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (READ_ONCE(node->shutdown) == SHUTDOWN_MASK)
		mask |= EPOLLHUP;
	if (!(READ_ONCE(node->shutdown) & SEND_SHUTDOWN) && ipn_pool_room(node->ipn))
		mask |= EPOLLOUT | EPOLLWRNORM;
	return mask;
}

int ipn_node_pending(struct ipn_node *node)
{
	struct msgitem *item = NULL;
	int len = 0;

	spin_lock_bh(&node->msglock);
	if (!list_empty(&node->oobmsgqueue))
		item = list_first_entry(&node->oobmsgqueue, struct msgitem, list);
	else if (!list_empty(&node->msgqueue))
		item = list_first_entry(&node->msgqueue, struct msgitem, list);
	if (item)
		len = item->msg->len;
	spin_unlock_bh(&node->msglock);
	return len;
}
