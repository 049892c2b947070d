/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy: nodes are endpoints of the engine, messages are frames. */
#include <linux/etherdevice.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/version.h>

#include "kernel/kvde_switch/kvde_impl.h"

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("IPN policy: the switch of vde_switch, in the kernel");
MODULE_ALIAS("ipn-proto-2");

#define POOL_BYTES  (8 << 20)
#define ARENA_BYTES (64 << 20)
#define OUTS        24	/* frames given out for one input that need no memory of their own */

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define timer_shutdown_sync(timer) del_timer_sync(timer)
#endif

static void *get_sleeping(size_t size)
{
	return kzalloc(size, GFP_KERNEL | __GFP_NOWARN);
}

static void *get_atomic(size_t size)
{
	return kzalloc(size, GFP_ATOMIC | __GFP_NOWARN);
}

static void put_chunk(void *chunk)
{
	kfree(chunk);
}

static struct kvde *of_network(const struct ipn_network *ipnn)
{
	return ipnn->proto_private;
}

/* A node's endpoint is one less than what it keeps, so that none is NULL. */
static int endpoint_of(const struct ipn_node *node)
{
	return (int)(unsigned long)READ_ONCE(node->proto_private) - 1;
}

struct out {
	struct ipn_node     *to;
	struct msgpool_item *msg;
};

struct outs {
	struct out  few[OUTS];
	struct out *all;
	int         count, size;
};

/* Room for one more; more than the engine gives for most inputs takes memory. */
static bool outs_grow(struct outs *outs)
{
	struct out *more;

	if (outs->count < outs->size)
		return true;
	more = kmalloc_array(outs->size * 4, sizeof(*more), GFP_ATOMIC | __GFP_NOWARN);
	if (!more)
		return false;
	memcpy(more, outs->all, outs->count * sizeof(*more));
	if (outs->all != outs->few)
		kfree(outs->all);
	outs->all = more;
	outs->size *= 4;
	return true;
}

/* The message that holds a frame: the one that came in, if the engine changed nothing. */
static struct msgpool_item *message(struct kvde *k, const struct vs_frame *f,
				    struct msgpool_item *in)
{
	struct msgpool_item *msg;

	if (in && in->len == f->len && !memcmp(in->data, f->data, f->len)) {
		ipn_msgpool_hold(in);
		return in;
	}
	if (f->len > k->ipn->mtu)
		return NULL;
	msg = ipn_msgpool_alloc(k->ipn);
	if (msg) {
		msg->len = f->len;
		memcpy(msg->data, f->data, f->len);
	}
	return msg;
}

/* Takes all that the engine gives out; under the lock. */
static void collect(struct kvde *k, struct msgpool_item *in, struct outs *outs)
{
	struct msgpool_item *last = NULL;
	struct vs_frame *f;
	u64 last_id = 0;
	int endpoint;

	outs->all = outs->few;
	outs->size = OUTS;
	outs->count = 0;
	while ((f = vsw_output(k->sw, &endpoint))) {
		struct ipn_node *to = endpoint < k->size ? k->nodes[endpoint] : NULL;

		/* A flood is one frame many times over: it is one message too. */
		if (!last || last_id != f->id || last->len != f->len) {
			if (last)
				ipn_msgpool_put(last);
			last = message(k, f, in);
			last_id = f->id;
		}
		if (!last || !outs_grow(outs)) {
			k->no_memory++;
		} else if (to) {
			ipn_msgpool_hold(last);
			outs->all[outs->count++] = (struct out){ to, last };
		}
		vs_frame_put(f);
	}
	if (last)
		ipn_msgpool_put(last);
}

static void send_all(struct outs *outs, int depth)
{
	int i;

	for (i = 0; i < outs->count; i++) {
		ipn_proto_sendmsg(outs->all[i].to, outs->all[i].msg, depth);
		ipn_msgpool_put(outs->all[i].msg);
	}
	if (outs->all != outs->few)
		kfree(outs->all);
}

void kvde_arm(struct kvde *k)
{
	vs_time at = vsw_poll_at(k->sw), now = ktime_get_ns();

	if (at == VS_NEVER)
		return;
	mod_timer(&k->timer, jiffies + (at > now ? nsecs_to_jiffies(at - now) + 1 : 1));
}

static void timer_runs(struct timer_list *timer)
{
	struct kvde *k = container_of(timer, struct kvde, timer);
	struct outs outs;

	rcu_read_lock();
	spin_lock(&k->lock);
	vsw_run(k->sw, ktime_get_ns());
	collect(k, NULL, &outs);
	kvde_arm(k);
	spin_unlock(&k->lock);
	send_all(&outs, 0);
	rcu_read_unlock();
}

static int kvde_handlemsg(struct ipn_node *from, struct msgpool_item *msg, int depth)
{
	struct kvde *k = of_network(from->ipn);
	struct vs_frame *f;
	struct outs outs;
	int endpoint;

	spin_lock(&k->lock);
	endpoint = endpoint_of(from);
	f = endpoint < 0 ? NULL : vs_frame_from(k->pool, msg->data, msg->len);
	if (f) {
		vsw_input(k->sw, ktime_get_ns(), endpoint, f);
		collect(k, msg, &outs);
		if (!timer_pending(&k->timer))
			kvde_arm(k);
	} else {
		k->no_memory += endpoint >= 0;
		outs.all = outs.few;
		outs.count = 0;
	}
	spin_unlock(&k->lock);
	send_all(&outs, depth);
	return 0;
}

static const char *kind(const struct ipn_node *node)
{
	return node->flags & IPN_NODEFLAG_TAP ? "tap" : node->flags & IPN_NODEFLAG_GRAB ? "grab" :
		node->chrdev ? "chrdev" : "ipn";
}

static int kvde_newport(struct ipn_node *node)
{
	struct kvde *k = of_network(node->ipn);
	struct vsw_guest guest = {
		.port = node->portno == IPN_PORTNO_ANY ? 0 : node->portno,
		.any = node->portno == IPN_PORTNO_ANY,
		.user = node->flags & IPN_NODEFLAG_NETDEV ? VSW_NONE :
			from_kuid(&init_user_ns, node->uid),
		.module = kind(node), .descr = node->descr,
	};
	int endpoint, port;

	if (node->portno == 0)
		return -ENXIO;	/* port 0 is the management's */
	spin_lock_bh(&k->lock);
	endpoint = vsw_attach(k->sw, ktime_get_ns(), &guest);
	port = endpoint;
	if (endpoint >= k->size) {
		vsw_detach(k->sw, ktime_get_ns(), endpoint);
		port = -EMFILE;
	} else if (endpoint >= 0) {
		k->nodes[endpoint] = node;
		WRITE_ONCE(node->proto_private, (void *)(endpoint + 1UL));
		port = vsw_port_of(k->sw, endpoint);
	}
	spin_unlock_bh(&k->lock);
	return port;
}

/* Takes a node from the engine: before it leaves, or when it did not get in. */
static void kvde_detach(struct ipn_node *node)
{
	struct kvde *k = of_network(node->ipn);
	int endpoint;

	spin_lock_bh(&k->lock);
	endpoint = endpoint_of(node);
	if (endpoint >= 0) {
		k->nodes[endpoint] = NULL;
		WRITE_ONCE(node->proto_private, NULL);
		vsw_detach(k->sw, ktime_get_ns(), endpoint);
	}
	spin_unlock_bh(&k->lock);
}

/* By number only: names are of user space.  The group is that of whoever connects just now. */
static bool in_group(void *ctx, uint32_t user, uint32_t group)
{
	kgid_t gid = make_kgid(&init_user_ns, group);

	return gid_valid(gid) && in_egroup_p(gid);
}

static void endpoint_closed(void *ctx, int endpoint)
{
	struct kvde *k = ctx;

	if (k->closed && k->closed_count < k->size)
		k->closed[k->closed_count++] = endpoint;
}

static void kvde_free(struct kvde *k)
{
	if (k->mgmt && k->sw)
		vsw_mgmt_remove(k->sw);
	if (k->sw)
		vsw_destroy(k->sw);
	if (k->mgmt)
		mgmt_destroy(k->mgmt);
	vs_arena_fini(&k->arena);
	kvfree(k->nodes);
	kfree(k);
}

static int kvde_newnet(struct ipn_network *ipnn)
{
	struct vs_pool_conf pool = { .bytes_max = POOL_BYTES };
	struct vsw_conf conf = {
		.ports = ipnn->maxports, .mtu = ipnn->mtu, .in_group = in_group,
		.closed = endpoint_closed,
	};
	struct kvde *k = kzalloc(sizeof(*k), GFP_KERNEL);
	int error = -ENOMEM;

	if (!k)
		return error;
	spin_lock_init(&k->lock);
	timer_setup(&k->timer, timer_runs, 0);
	k->ipn = ipnn;
	k->size = ipnn->maxports;
	conf.ctx = k;
	eth_random_addr(conf.mac);
	vs_arena_init(&k->arena, get_sleeping, put_chunk, ARENA_BYTES);
	k->nodes = kvcalloc(k->size, sizeof(struct ipn_node *), GFP_KERNEL);
	if (!k->nodes)
		goto fail;
	error = vs_pool_create(&k->pool, &pool, &k->arena);
	if (!error)
		error = vsw_create(&k->sw, &conf, &k->arena);
	if (!error)
		error = kvde_mgmt_create(k);
	if (error)
		goto fail;
	k->arena.get = get_atomic;
	ipnn->proto_private = k;
	return 0;
fail:
	kvde_free(k);
	return error;
}

static void kvde_delnet(struct ipn_network *ipnn)
{
	struct kvde *k = of_network(ipnn);

	timer_shutdown_sync(&k->timer);
	kvde_free(k);
}

static int kvde_resizenet(struct ipn_network *ipnn, int oldsize, int newsize)
{
	struct kvde *k = of_network(ipnn);
	struct ipn_node **new = kvcalloc(newsize, sizeof(*new), GFP_KERNEL), **old = NULL;
	int error, i;

	if (!new)
		return -ENOMEM;
	spin_lock_bh(&k->lock);
	error = 0;
	for (i = newsize; i < k->size; i++)
		if (k->nodes[i])
			error = -EBUSY;
	if (!error)
		error = vsw_set_ports(k->sw, newsize);
	if (!error) {
		memcpy(new, k->nodes, min(newsize, k->size) * sizeof(*new));
		old = k->nodes;
		k->nodes = new;
		k->size = newsize;
	}
	spin_unlock_bh(&k->lock);
	kvfree(error ? new : old);
	return error;
}

static struct ipn_protocol kvde_switch = {
	.ipn_p_newport = kvde_newport,
	.ipn_p_handlemsg = kvde_handlemsg,
	.ipn_p_predelport = kvde_detach,
	.ipn_p_delport = kvde_detach,
	.ipn_p_newnet = kvde_newnet,
	.ipn_p_resizenet = kvde_resizenet,
	.ipn_p_delnet = kvde_delnet,
	.ipn_p_ioctl = kvde_ioctl,
};

static int __init kvde_init(void)
{
	return ipn_proto_register(IPN_VDESWITCH, &kvde_switch);
}

static void __exit kvde_exit(void)
{
	ipn_proto_deregister(IPN_VDESWITCH);
}

module_init(kvde_init);
module_exit(kvde_exit);
