// SPDX-License-Identifier: GPL-2.0-or-later
/* Grabbed interfaces: what one receives goes to its network instead of this host, as with a bridge
 * (which has the same hook, so a device is in one or the other). */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/version.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#include <net/gso.h>
#endif

#include "kernel/ipn/ipn_impl.h"

static void receive_one(struct ipn_node *node, struct sk_buff *skb)
{
	struct msgpool_item *msg = ERR_PTR(-EMSGSIZE);

	if (skb->len <= node->ipn->mtu)
		msg = ipn_msg_alloc_pooled(node->ipn, 0, GFP_ATOMIC | __GFP_NOWARN);
	if (IS_ERR(msg)) {
		WRITE_ONCE(node->dropped, node->dropped + 1);
		return;
	}
	msg->len = skb->len;
	if (!skb_copy_bits(skb, 0, msg->data, skb->len))
		ipn_proto_inject(node, msg);
	ipn_msgpool_put(msg);
}

/* Frames as they would be on a wire: tag in place, sums filled in, no larger than the device's. */
static void receive_all(struct ipn_node *node, struct sk_buff *skb)
{
	struct sk_buff *list = NULL, *next;

	if (skb_is_gso(skb)) {
		list = skb_gso_segment(skb, 0);
		if (IS_ERR(list)) {
			WRITE_ONCE(node->dropped, node->dropped + 1);
			return;
		}
	}
	if (!list) {
		if (skb->ip_summed != CHECKSUM_PARTIAL || !skb_checksum_help(skb))
			receive_one(node, skb);
		return;
	}
	for (; list; list = next) {
		next = list->next;
		skb_mark_not_on_list(list);
		if (list->ip_summed != CHECKSUM_PARTIAL || !skb_checksum_help(list))
			receive_one(node, list);
		consume_skb(list);
	}
}

static rx_handler_result_t grab_receive(struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb;
	struct ipn_node *node = rcu_dereference(skb->dev->rx_handler_data);

	if (skb->pkt_type == PACKET_LOOPBACK)
		return RX_HANDLER_PASS;
	skb = skb_share_check(skb, GFP_ATOMIC);
	if (!skb)
		return RX_HANDLER_CONSUMED;
	skb_push(skb, ETH_HLEN);
	if (skb_vlan_tag_present(skb)) {
		skb = __vlan_hwaccel_push_inside(skb);
		if (!skb)
			return RX_HANDLER_CONSUMED;
	}
	if (ipn_connected(node))
		receive_all(node, skb);
	consume_skb(skb);
	return RX_HANDLER_CONSUMED;
}

bool ipn_is_grabbed(const struct net_device *dev)
{
	return rcu_access_pointer(dev->rx_handler) == grab_receive;
}

struct ipn_node *ipn_grab_node(const struct net_device *dev)
{
	return rtnl_dereference(dev->rx_handler_data);
}

int ipn_grab(struct ipn_node *node, struct net_device *dev)
{
	int error;

	if (dev->flags & IFF_LOOPBACK || dev->type != ARPHRD_ETHER || ipn_is_tap(dev) ||
	    !is_valid_ether_addr(dev->dev_addr))
		return -EINVAL;
	error = netdev_rx_handler_register(dev, grab_receive, node);
	if (error)
		return error;
	error = dev_set_promiscuity(dev, 1);
	if (error) {
		netdev_rx_handler_unregister(dev);
		return error;
	}
	dev_disable_lro(dev);
	return 0;
}

void ipn_ungrab(struct net_device *dev)
{
	dev_set_promiscuity(dev, -1);
	netdev_rx_handler_unregister(dev);
}

void ipn_grab_transmit(struct net_device *dev, const struct msgpool_item *msg)
{
	struct sk_buff *skb;

	if (msg->len < ETH_HLEN || !netif_running(dev))
		return;
	skb = alloc_skb(LL_RESERVED_SPACE(dev) + msg->len, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return;
	skb_reserve(skb, LL_RESERVED_SPACE(dev));
	skb_put_data(skb, msg->data, msg->len);
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, ETH_HLEN);
	skb->dev = dev;
	skb->protocol = eth_hdr(skb)->h_proto;
	dev_queue_xmit(skb);
}
