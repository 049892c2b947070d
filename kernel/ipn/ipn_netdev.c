// SPDX-License-Identifier: GPL-2.0-or-later
/* Interfaces as nodes: a new one whose wire is the network (TAP), or one that is there (GRAB). */
#include <linux/etherdevice.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/workqueue.h>

#include "kernel/ipn/ipn_impl.h"

struct tap {
	struct ipn_node *node;
};

static netdev_tx_t tap_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct ipn_node *node = ((struct tap *)netdev_priv(dev))->node;
	struct ipn_network *ipnn = node->ipn;
	struct msgpool_item *msg;

	if (skb->len > ipnn->mtu || !ipn_connected(node))
		goto drop;
	msg = ipn_msg_alloc_pooled(ipnn, 0, GFP_ATOMIC | __GFP_NOWARN);
	if (PTR_ERR(msg) == -EAGAIN) {
		/* Lossless: the queue waits, as a process would. */
		netif_stop_queue(dev);
		atomic_set(&ipnn->taps_stopped, 1);
		smp_mb__after_atomic();
		if (ipn_pool_room(ipnn))
			netif_start_queue(dev);
		return NETDEV_TX_BUSY;
	}
	if (IS_ERR(msg))
		goto drop;
	msg->len = skb->len;
	skb_copy_bits(skb, 0, msg->data, skb->len);
	dev_sw_netstats_tx_add(dev, 1, skb->len);
	ipn_proto_inject(node, msg);
	ipn_msgpool_put(msg);
	consume_skb(skb);
	return NETDEV_TX_OK;
drop:
	dev->stats.tx_dropped++;
	kfree_skb(skb);
	return NETDEV_TX_OK;
}

static int tap_init(struct net_device *dev)
{
	dev->tstats = netdev_alloc_pcpu_stats(struct pcpu_sw_netstats);
	return dev->tstats ? 0 : -ENOMEM;
}

static void tap_uninit(struct net_device *dev)
{
	free_percpu(dev->tstats);
}

static const struct net_device_ops tap_ops = {
	.ndo_init = tap_init,
	.ndo_uninit = tap_uninit,
	.ndo_start_xmit = tap_xmit,
	.ndo_get_stats64 = dev_get_tstats64,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
};

static void tap_setup(struct net_device *dev)
{
	ether_setup(dev);
	dev->netdev_ops = &tap_ops;
	dev->needs_free_netdev = true;
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
	eth_hw_addr_random(dev);
}

bool ipn_is_tap(const struct net_device *dev)
{
	return dev->netdev_ops == &tap_ops;
}

struct ipn_node *ipn_tap_node(const struct net_device *dev)
{
	return ((struct tap *)netdev_priv(dev))->node;
}

struct net_device *ipn_tap_alloc(struct ipn_node *node, const char *name, struct net *net)
{
	int mtu = node->ipn->mtu - ETH_HLEN;
	struct net_device *dev;

	if (mtu < ETH_MIN_MTU)
		return ERR_PTR(-EINVAL);
	dev = alloc_netdev(sizeof(struct tap), name[0] ? name : "ipn%d",
			   name[0] ? NET_NAME_USER : NET_NAME_ENUM, tap_setup);
	if (!dev)
		return ERR_PTR(-ENOMEM);
	dev_net_set(dev, net);
	dev->mtu = min(mtu, ETH_DATA_LEN);
	dev->max_mtu = mtu;
	((struct tap *)netdev_priv(dev))->node = node;
	return dev;
}

void ipn_tap_receive(struct net_device *dev, const struct msgpool_item *msg)
{
	struct sk_buff *skb;

	if (!netif_running(dev))
		return;
	if (msg->len < ETH_HLEN)
		goto drop;
	skb = netdev_alloc_skb_ip_align(dev, msg->len);
	if (!skb)
		goto drop;
	skb_put_data(skb, msg->data, msg->len);
	skb->protocol = eth_type_trans(skb, dev);
	dev_sw_netstats_rx_add(dev, msg->len);
	netif_rx(skb);
	return;
drop:
	dev->stats.rx_dropped++;
}

void ipn_netdev_sendmsg(struct ipn_node *node, const struct msgpool_item *msg)
{
	struct net_device *dev;

	rcu_read_lock();
	dev = READ_ONCE(node->netdev);
	if (dev && node->flags & IPN_NODEFLAG_TAP)
		ipn_tap_receive(dev, msg);
	else if (dev)
		ipn_grab_transmit(dev, msg);
	rcu_read_unlock();
}

void ipn_netdev_wake(struct ipn_network *ipnn)
{
	struct ipn_node *node;

	if (!atomic_xchg(&ipnn->taps_stopped, 0))
		return;
	rcu_read_lock();
	list_for_each_entry_rcu(node, &ipnn->connectqueue, nodelist) {
		struct net_device *dev = READ_ONCE(node->netdev);

		if (dev && node->flags & IPN_NODEFLAG_TAP)
			netif_wake_queue(dev);
	}
	rcu_read_unlock();
}

void ipn_netdev_close(struct ipn_node *node)
{
	struct net_device *dev = READ_ONCE(node->netdev);

	if (!dev)
		return;
	if (node->flags & IPN_NODEFLAG_TAP) {
		WRITE_ONCE(node->netdev, NULL);
		unregister_netdev(dev);
		return;
	}
	rtnl_lock();
	dev = node->netdev;	/* it may just have gone */
	if (dev) {
		WRITE_ONCE(node->netdev, NULL);
		ipn_ungrab(dev);
		dev_put(dev);
	}
	rtnl_unlock();
}

/* Connects a bound node whose interface is DEV; then frames flow. */
static int activate(struct ipn_node *node, struct net_device *dev, unsigned int kind)
{
	int error;

	WRITE_ONCE(node->netdev, dev);
	node->flags |= kind;
	error = ipn_network_connect(node->ipn, node);
	if (!error) {
		if (kind == IPN_NODEFLAG_TAP) {
			error = register_netdev(dev);
		} else {
			rtnl_lock();
			error = dev->reg_state == NETREG_REGISTERED ? ipn_grab(node, dev) : -ENODEV;
			rtnl_unlock();
		}
		if (error) {
			ipn_network_disconnect(node->ipn, node);
			/* It stays bound: senders must be past it before it is in a list again. */
			synchronize_rcu();
			list_add_tail(&node->nodelist, &node->ipn->unconnectqueue);
			node->closed = false;
			node->portno = IPN_PORTNO_ANY;
		}
	}
	if (error) {
		WRITE_ONCE(node->netdev, NULL);
		node->flags &= ~kind;
		synchronize_net();
	}
	return error;
}

static int conn_netdev(struct socket *sock, struct ifreq *ifr)
{
	struct ipn_node *node = ipn_sk(sock)->node;
	unsigned int kind = ifr->ifr_flags;
	struct net_device *dev;
	int error;

	if (!(node->flags & IPN_NODEFLAG_BOUND))
		return -EINVAL;
	if (node->flags & IPN_NODEFLAG_CONNECTED)
		return -EISCONN;
	if (kind != IPN_NODEFLAG_TAP && kind != IPN_NODEFLAG_GRAB)
		return -EINVAL;
	if (kind == IPN_NODEFLAG_TAP) {
		dev = ipn_tap_alloc(node, ifr->ifr_name, sock_net(sock->sk));
		if (IS_ERR(dev))
			return PTR_ERR(dev);
	} else {
		dev = dev_get_by_name(sock_net(sock->sk), ifr->ifr_name);
		if (!dev)
			return -ENODEV;
	}
	mutex_lock(&node->ipn->mutex);
	error = activate(node, dev, kind);
	mutex_unlock(&node->ipn->mutex);
	if (!error) {
		sock->state = SS_CONNECTED;
		strscpy(ifr->ifr_name, dev->name, IFNAMSIZ);
	} else if (kind == IPN_NODEFLAG_TAP) {
		free_netdev(dev);
	} else {
		dev_put(dev);
	}
	return error;
}

/* The node whose interface is DEV, with its network's mutex locked and a reference to it; NULL. */
static struct ipn_node *node_of(const struct net_device *dev)
{
	struct ipn_network *ipnn;
	struct ipn_node *node;

	mutex_lock(&ipn_networks_mutex);
	list_for_each_entry(ipnn, &ipn_networks, hnext) {
		mutex_lock(&ipnn->mutex);
		list_for_each_entry(node, &ipnn->connectqueue, nodelist)
			if (node->netdev == dev) {
				ipnn->refcnt++;
				mutex_unlock(&ipn_networks_mutex);
				return node;
			}
		mutex_unlock(&ipnn->mutex);
	}
	mutex_unlock(&ipn_networks_mutex);
	return NULL;
}

static int join_netdev(struct socket *sock, struct ipn_node *node)
{
	struct ipn_sock *sk = ipn_sk(sock);

	if (node->sk)
		return -EADDRNOTAVAIL;
	if (!(node->flags & IPN_NODEFLAG_PERSIST))
		return -EINVAL;
	sk->replaced = sk->node;
	node->sk = sk;
	/* Who polls the old node may do so until the socket closes. */
	WRITE_ONCE(sk->node, node);
	sock->state = SS_CONNECTED;
	return 0;
}

/* Requests about the node of a named interface, from a socket that has no network. */
static int by_name(struct socket *sock, unsigned int request, const struct ifreq *ifr)
{
	struct net *net = sock_net(sock->sk);
	struct net_device *dev;
	struct ipn_network *ipnn;
	struct ipn_node *node;
	bool orphan = false;
	int error = 0;

	if (ipn_sk(sock)->node->ipn)
		return -EISCONN;
	dev = ifr->ifr_name[0] ? dev_get_by_name(net, ifr->ifr_name) :
		dev_get_by_index(net, ifr->ifr_ifindex);
	if (!dev)
		return -ENODEV;
	node = node_of(dev);
	dev_put(dev);
	if (!node)
		return -EADDRNOTAVAIL;
	ipnn = node->ipn;
	if (request == IPN_JOIN_NETDEV) {
		error = join_netdev(sock, node);
	} else if (request == IPN_SETPERSIST_NETDEV) {
		node->flags |= IPN_NODEFLAG_PERSIST;
	} else {
		orphan = !node->sk && node->flags & IPN_NODEFLAG_PERSIST;
		node->flags &= ~IPN_NODEFLAG_PERSIST;
	}
	mutex_unlock(&ipnn->mutex);
	if (orphan)
		ipn_node_free(node);
	ipn_network_put(ipnn);
	return error;
}

static int set_persist(struct ipn_node *node, bool on)
{
	if (!(node->flags & IPN_NODEFLAG_NETDEV))
		return -EINVAL;
	mutex_lock(&node->ipn->mutex);
	if (on)
		node->flags |= IPN_NODEFLAG_PERSIST;
	else
		node->flags &= ~IPN_NODEFLAG_PERSIST;
	mutex_unlock(&node->ipn->mutex);
	return 0;
}

int ipn_netdev_ioctl(struct socket *sock, unsigned int request, unsigned long arg)
{
	struct ifreq ifr;
	int error;

	if (!ns_capable(sock_net(sock->sk)->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	if (request != IPN_SETPERSIST) {
		if (copy_from_user(&ifr, (void __user *)arg, sizeof(ifr)))
			return -EFAULT;
		ifr.ifr_name[IFNAMSIZ - 1] = '\0';
	}
	lock_sock(sock->sk);
	if (request == IPN_SETPERSIST)
		error = set_persist(ipn_sk(sock)->node, arg);
	else if (request == IPN_CONN_NETDEV)
		error = conn_netdev(sock, &ifr);
	else
		error = by_name(sock, request, &ifr);
	release_sock(sock->sk);
	if (!error && request == IPN_CONN_NETDEV &&
	    copy_to_user((void __user *)arg, &ifr, sizeof(ifr)))
		error = -EFAULT;
	return error;
}

/* A persistent node that has no socket, of any network; it is the caller's now.  With ALL, any;
 * else one whose interface has gone. */
static struct ipn_node *take_orphan(bool all)
{
	struct ipn_network *ipnn;
	struct ipn_node *node, *found = NULL;

	mutex_lock(&ipn_networks_mutex);
	list_for_each_entry(ipnn, &ipn_networks, hnext) {
		mutex_lock(&ipnn->mutex);
		list_for_each_entry(node, &ipnn->connectqueue, nodelist)
			if (node->flags & IPN_NODEFLAG_PERSIST && !node->sk &&
			    (all || !READ_ONCE(node->netdev))) {
				node->flags &= ~IPN_NODEFLAG_PERSIST;
				found = node;
				break;
			}
		mutex_unlock(&ipnn->mutex);
		if (found)
			break;
	}
	mutex_unlock(&ipn_networks_mutex);
	return found;
}

static void reap(struct work_struct *work)
{
	struct ipn_node *node;

	while ((node = take_orphan(false)))
		ipn_node_free(node);
}

static DECLARE_WORK(reap_work, reap);

/* A grabbed interface goes away: its node stays with its socket, and dies without one. */
static int netdev_event(struct notifier_block *block, unsigned long event, void *info)
{
	struct net_device *dev = netdev_notifier_info_to_dev(info);
	struct ipn_node *node;

	if (event != NETDEV_UNREGISTER || !ipn_is_grabbed(dev))
		return NOTIFY_DONE;
	node = ipn_grab_node(dev);
	WRITE_ONCE(node->netdev, NULL);
	ipn_ungrab(dev);
	dev_put(dev);
	schedule_work(&reap_work);
	return NOTIFY_DONE;
}

static struct notifier_block notifier = { .notifier_call = netdev_event };

int ipn_netdev_init(void)
{
	return register_netdevice_notifier(&notifier);
}

void ipn_netdev_exit(void)
{
	struct ipn_node *node;

	unregister_netdevice_notifier(&notifier);
	cancel_work_sync(&reap_work);
	while ((node = take_orphan(true)))
		ipn_node_free(node);
}
