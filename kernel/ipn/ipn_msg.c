// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages and the pool that bounds them.  Each MTU in use has a slab of its own. */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "kernel/ipn/ipn_impl.h"

struct ipn_mtu {
	struct list_head   list;
	struct kmem_cache *cache;
	int                mtu;
	int                networks;
	char               name[24];
};

static LIST_HEAD(mtus);

struct ipn_mtu *ipn_mtu_get(int mtu)
{
	struct ipn_mtu *pool;

	list_for_each_entry(pool, &mtus, list)
		if (pool->mtu == mtu) {
			pool->networks++;
			return pool;
		}
	pool = kzalloc(sizeof(*pool), GFP_KERNEL);
	if (!pool)
		return ERR_PTR(-ENOMEM);
	pool->mtu = mtu;
	pool->networks = 1;
	snprintf(pool->name, sizeof(pool->name), "ipn_msg_%d", mtu);
	/* What users read and write is the message, and nothing before it. */
	pool->cache = kmem_cache_create_usercopy(pool->name, sizeof(struct msgpool_item) + mtu, 0,
						 SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT,
						 offsetof(struct msgpool_item, data), mtu, NULL);
	if (!pool->cache) {
		kfree(pool);
		return ERR_PTR(-ENOMEM);
	}
	list_add(&pool->list, &mtus);
	return pool;
}

void ipn_mtu_put(struct ipn_mtu *pool)
{
	if (--pool->networks)
		return;
	list_del(&pool->list);
	kmem_cache_destroy(pool->cache);
	kfree(pool);
}

bool ipn_pool_room(const struct ipn_network *ipnn)
{
	return !(ipnn->flags & IPN_FLAG_LOSSLESS) ||
		atomic_read(&ipnn->msgpool_nelem) < ipnn->msgpool_size;
}

/* A place in the pool.  Only a lossless network can be full: a lossy one drops at its queues. */
static bool pool_take(struct ipn_network *ipnn)
{
	if (ipnn->flags & IPN_FLAG_LOSSLESS)
		return atomic_add_unless(&ipnn->msgpool_nelem, 1, ipnn->msgpool_size);
	atomic_inc(&ipnn->msgpool_nelem);
	return true;
}

static void pool_give(struct ipn_network *ipnn)
{
	/* Full ordering: who saw the pool full is seen in the queue below, or sees it not full. */
	atomic_dec_return(&ipnn->msgpool_nelem);
	if (!(ipnn->flags & IPN_FLAG_LOSSLESS))
		return;
	if (wq_has_sleeper(&ipnn->send_wait))
		wake_up_interruptible_poll(&ipnn->send_wait, EPOLLOUT | EPOLLWRNORM);
	if (atomic_read(&ipnn->taps_stopped))
		ipn_netdev_wake(ipnn);
}

/* 0 with a place in the pool; -EAGAIN, or what a signal makes of the call. */
static int pool_wait(struct ipn_network *ipnn, long timeout)
{
	DEFINE_WAIT(wait);
	int error = 0;

	for (;;) {
		prepare_to_wait_exclusive(&ipnn->send_wait, &wait, TASK_INTERRUPTIBLE);
		if (pool_take(ipnn))
			break;
		if (!timeout)
			error = -EAGAIN;
		else if (signal_pending(current))
			error = sock_intr_errno(timeout);
		if (error)
			break;
		timeout = schedule_timeout(timeout);
	}
	finish_wait(&ipnn->send_wait, &wait);
	/* Who leaves without a place may have been the one that was woken for it. */
	if (error && ipn_pool_room(ipnn))
		wake_up_interruptible(&ipnn->send_wait);
	return error;
}

static struct msgpool_item *item_alloc(struct ipn_network *ipnn, gfp_t gfp)
{
	struct msgpool_item *msg = kmem_cache_alloc(ipnn->pool->cache, gfp);

	if (!msg)
		return NULL;
	refcount_set(&msg->count, 1);
	msg->pooled = false;
	msg->ipn = ipnn;
	msg->len = 0;
	return msg;
}

struct msgpool_item *ipn_msg_alloc_pooled(struct ipn_network *ipnn, long timeout, gfp_t gfp)
{
	struct msgpool_item *msg;

	if (!pool_take(ipnn)) {
		int error = timeout ? pool_wait(ipnn, timeout) : -EAGAIN;

		if (error)
			return ERR_PTR(error);
	}
	msg = item_alloc(ipnn, gfp);
	if (!msg) {
		pool_give(ipnn);
		return ERR_PTR(-ENOMEM);
	}
	msg->pooled = true;
	return msg;
}

struct msgpool_item *ipn_msgpool_alloc(struct ipn_network *ipnn)
{
	return item_alloc(ipnn, GFP_ATOMIC | __GFP_NOWARN);
}
EXPORT_SYMBOL_GPL(ipn_msgpool_alloc);

void ipn_msgpool_hold(struct msgpool_item *msg)
{
	refcount_inc(&msg->count);
}
EXPORT_SYMBOL_GPL(ipn_msgpool_hold);

void ipn_msgpool_put(struct msgpool_item *msg)
{
	struct ipn_network *ipnn = msg->ipn;
	bool pooled = msg->pooled;

	if (!refcount_dec_and_test(&msg->count))
		return;
	kmem_cache_free(ipnn->pool->cache, msg);
	if (pooled)
		pool_give(ipnn);
}
EXPORT_SYMBOL_GPL(ipn_msgpool_put);
