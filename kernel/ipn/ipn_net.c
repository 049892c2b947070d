// SPDX-License-Identifier: GPL-2.0-or-later
/* Networks: one for each socket inode that someone uses.  Unlinking the name leaves the network to
 * those that have it; who comes later by that name makes another. */
#include <linux/slab.h>

#include "kernel/ipn/ipn_impl.h"

DEFINE_MUTEX(ipn_networks_mutex);
LIST_HEAD(ipn_networks);

struct ipn_network *ipn_network_get(const struct path *path)
{
	struct ipn_network *ipnn;

	list_for_each_entry(ipnn, &ipn_networks, hnext)
		if (ipnn->path.dentry &&
		    d_backing_inode(ipnn->path.dentry) == d_backing_inode(path->dentry)) {
			ipnn->refcnt++;
			return ipnn;
		}
	return NULL;
}

static void network_free(struct ipn_network *ipnn)
{
	if (ipnn->pool)
		ipn_mtu_put(ipnn->pool);
	if (ipnn->proto)
		ipn_proto_put(ipnn->proto);
	kvfree(rcu_access_pointer(ipnn->connport));
	kfree(ipnn);
}

struct ipn_network *ipn_network_create(const struct path *path, int protocol,
				       const struct ipn_prebind *pbp)
{
	struct ipn_network *ipnn = kzalloc(sizeof(*ipnn), GFP_KERNEL);
	int error = -ENOMEM;

	if (!ipnn)
		return ERR_PTR(error);
	ipnn->protocol = protocol == IPN_ANY ? IPN_BROADCAST : protocol;
	ipnn->maxports = pbp->numnodes;
	ipnn->mtu = pbp->mtu;
	ipnn->flags = pbp->flags;
	ipnn->msgpool_size = pbp->msgpoolsize;
	ipnn->refcnt = 1;
	mutex_init(&ipnn->mutex);
	init_waitqueue_head(&ipnn->send_wait);
	INIT_LIST_HEAD(&ipnn->connectqueue);
	INIT_LIST_HEAD(&ipnn->unconnectqueue);
	RCU_INIT_POINTER(ipnn->connport,
			 kvcalloc(ipnn->maxports, sizeof(struct ipn_node *), GFP_KERNEL));
	if (!rcu_access_pointer(ipnn->connport))
		goto fail;
	ipnn->proto = ipn_proto_get(ipnn->protocol);
	if (!ipnn->proto) {
		error = -EPROTONOSUPPORT;
		goto fail;
	}
	ipnn->pool = ipn_mtu_get(ipnn->mtu);
	if (IS_ERR(ipnn->pool)) {
		error = PTR_ERR(ipnn->pool);
		ipnn->pool = NULL;
		goto fail;
	}
	error = ipnn->proto->ipn_p_newnet ? ipnn->proto->ipn_p_newnet(ipnn) : 0;
	if (error)
		goto fail;
	if (path)
		ipnn->path = *path;
	list_add_tail(&ipnn->hnext, &ipn_networks);
	return ipnn;
fail:
	network_free(ipnn);
	return ERR_PTR(error);
}

void ipn_network_put(struct ipn_network *ipnn)
{
	struct path path;

	mutex_lock(&ipn_networks_mutex);
	if (--ipnn->refcnt) {
		mutex_unlock(&ipn_networks_mutex);
		return;
	}
	list_del(&ipnn->hnext);
	ipn_chrdev_free(ipnn);
	if (ipnn->proto->ipn_p_delnet)
		ipnn->proto->ipn_p_delnet(ipnn);
	path = ipnn->path;
	network_free(ipnn);
	mutex_unlock(&ipn_networks_mutex);
	if (path.dentry)
		path_put(&path);
}

/* Counts a node's open directions in (SIGN 1) or out (-1). */
static void count_directions(struct ipn_network *ipnn, const struct ipn_node *node, int sign)
{
	if (!(node->shutdown & RCV_SHUTDOWN))
		ipnn->numreaders += sign;
	if (!(node->shutdown & SEND_SHUTDOWN))
		ipnn->numwriters += sign;
}

static struct ipn_node __rcu **port_slot(struct ipn_network *ipnn, int port)
{
	return &rcu_dereference_protected(ipnn->connport, lockdep_is_held(&ipnn->mutex))[port];
}

/* The port of a new node: what the policy says, or a free one for who does not mind. */
static int choose_port(struct ipn_network *ipnn, const struct ipn_node *node, int port)
{
	if (port < ipnn->maxports && !rcu_access_pointer(*port_slot(ipnn, port)))
		return port;
	if (node->portno != IPN_PORTNO_ANY)
		return port < ipnn->maxports ? -EADDRINUSE : -EINVAL;
	for (port = 0; port < ipnn->maxports; port++)
		if (!rcu_access_pointer(*port_slot(ipnn, port)))
			return port;
	return -EADDRNOTAVAIL;
}

int ipn_network_connect(struct ipn_network *ipnn, struct ipn_node *node)
{
	struct ipn_protocol *proto = ipnn->proto;
	int asked = node->portno, given, port;

	given = proto->ipn_p_newport(node);
	if (given < 0)
		return given == -1 ? -EADDRNOTAVAIL : given;
	port = choose_port(ipnn, node, given);
	if (port < 0) {
		if (proto->ipn_p_delport)
			proto->ipn_p_delport(node);
		node->portno = asked;
		return port;
	}
	node->portno = port;
	list_del(&node->nodelist);
	list_add_tail_rcu(&node->nodelist, &ipnn->connectqueue);
	rcu_assign_pointer(*port_slot(ipnn, port), node);
	/* Who sees this may send. */
	smp_store_release(&node->flags, node->flags | IPN_NODEFLAG_CONNECTED);
	count_directions(ipnn, node, 1);
	if (proto->ipn_p_postnewport)
		proto->ipn_p_postnewport(node);
	ipn_proto_tell_numbers(ipnn);
	return 0;
}

void ipn_network_disconnect(struct ipn_network *ipnn, struct ipn_node *node)
{
	struct ipn_protocol *proto = ipnn->proto;

	if (proto->ipn_p_predelport)
		proto->ipn_p_predelport(node);
	list_del_rcu(&node->nodelist);
	RCU_INIT_POINTER(*port_slot(ipnn, node->portno), NULL);
	ipn_node_close(node);
	if (proto->ipn_p_delport) {
		/* The policy frees what it keeps of the node: senders must be past it. */
		synchronize_rcu();
		proto->ipn_p_delport(node);
	}
	node->flags &= ~IPN_NODEFLAG_CONNECTED;
	count_directions(ipnn, node, -1);
	ipn_proto_tell_numbers(ipnn);
}

void ipn_network_shutdown(struct ipn_network *ipnn, struct ipn_node *node, int shutdown)
{
	if ((node->shutdown | shutdown) == node->shutdown)
		return;
	count_directions(ipnn, node, -1);
	WRITE_ONCE(node->shutdown, node->shutdown | shutdown);
	count_directions(ipnn, node, 1);
	wake_up_interruptible_all(&node->read_wait);
	wake_up_interruptible_all(&ipnn->send_wait);
	ipn_proto_tell_numbers(ipnn);
}

int ipn_network_resize(struct ipn_network *ipnn, int maxports)
{
	struct ipn_node __rcu **old = rcu_dereference_protected(ipnn->connport,
								lockdep_is_held(&ipnn->mutex));
	struct ipn_node __rcu **new;
	int port, error, oldsize = ipnn->maxports;

	if (maxports < 1 || maxports > IPN_NUMNODES_MAX)
		return -EINVAL;
	for (port = maxports; port < oldsize; port++)
		if (rcu_access_pointer(old[port]))
			return -EBUSY;
	new = kvcalloc(maxports, sizeof(*new), GFP_KERNEL);
	if (!new)
		return -ENOMEM;
	memcpy(new, old, min(oldsize, maxports) * sizeof(*new));
	error = ipnn->proto->ipn_p_resizenet ?
		ipnn->proto->ipn_p_resizenet(ipnn, oldsize, maxports) : 0;
	if (error) {
		kvfree(new);
		return error;
	}
	/* Who reads maxports before it takes the ports finds at least as many. */
	if (maxports < oldsize) {
		WRITE_ONCE(ipnn->maxports, maxports);
		synchronize_rcu();
	}
	rcu_assign_pointer(ipnn->connport, new);
	synchronize_rcu();
	WRITE_ONCE(ipnn->maxports, maxports);
	kvfree(old);
	return 0;
}
