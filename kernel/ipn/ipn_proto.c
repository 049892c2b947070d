// SPDX-License-Identifier: GPL-2.0-or-later
/* Policies: their table, the one that is built in (IPN_BROADCAST), and the way into them. */
#include "kernel/ipn/ipn_impl.h"

static DEFINE_MUTEX(table_mutex);
static struct ipn_protocol *table[IPN_PROTOCOLS];

static bool in_table(int protocol)
{
	return protocol > 0 && protocol < IPN_PROTOCOLS;
}

int ipn_proto_register_owner(int protocol, struct ipn_protocol *service, struct module *owner)
{
	int error = 0;

	if (!in_table(protocol) || !service || !service->ipn_p_newport || !service->ipn_p_handlemsg)
		return -EINVAL;
	mutex_lock(&table_mutex);
	if (table[protocol]) {
		error = -EEXIST;
	} else {
		service->refcnt = 0;
		service->owner = owner;
		table[protocol] = service;
	}
	mutex_unlock(&table_mutex);
	return error;
}
EXPORT_SYMBOL_GPL(ipn_proto_register_owner);

int ipn_proto_deregister(int protocol)
{
	int error = 0;

	if (!in_table(protocol))
		return -EINVAL;
	mutex_lock(&table_mutex);
	if (!table[protocol])
		error = -ENOENT;
	else if (table[protocol]->refcnt)
		error = -EBUSY;
	else
		table[protocol] = NULL;
	mutex_unlock(&table_mutex);
	return error;
}
EXPORT_SYMBOL_GPL(ipn_proto_deregister);

bool ipn_proto_known(int protocol)
{
	return protocol == IPN_ANY || (in_table(protocol) && READ_ONCE(table[protocol]));
}

struct ipn_protocol *ipn_proto_get(int protocol)
{
	struct ipn_protocol *proto = NULL;

	mutex_lock(&table_mutex);
	if (in_table(protocol) && table[protocol] && try_module_get(table[protocol]->owner)) {
		proto = table[protocol];
		proto->refcnt++;
	}
	mutex_unlock(&table_mutex);
	return proto;
}

void ipn_proto_put(struct ipn_protocol *proto)
{
	struct module *owner = proto->owner;

	mutex_lock(&table_mutex);
	proto->refcnt--;
	mutex_unlock(&table_mutex);
	module_put(owner);
}

void ipn_proto_inject(struct ipn_node *node, struct msgpool_item *msg)
{
	ipn_handlemsg *handle = node->ipn->proto->ipn_p_handlemsg;

	local_bh_disable();
	rcu_read_lock();
	handle(node, msg, 0);
	rcu_read_unlock();
	local_bh_enable();
}

void ipn_proto_tell_numbers(struct ipn_network *ipnn)
{
	struct numnode_oob numbers = { .level = 0, .tag = IPN_OOB_NUMNODE_TAG,
				       .numreaders = ipnn->numreaders,
				       .numwriters = ipnn->numwriters };
	struct msgpool_item *msg = NULL;
	struct ipn_node *node;

	list_for_each_entry(node, &ipnn->connectqueue, nodelist) {
		if (!(node->flags & IPN_NODEFLAG_OOB_NUMNODES))
			continue;
		if (!msg)
			msg = ipn_msgpool_alloc(ipnn);
		if (!msg)
			return;
		msg->len = min_t(int, sizeof(numbers), ipnn->mtu);
		memcpy(msg->data, &numbers, msg->len);
		ipn_proto_oobsendmsg(node, msg);
	}
	if (msg)
		ipn_msgpool_put(msg);
}

void ipn_proto_shutdown(struct ipn_node *node)
{
	ipn_network_shutdown(node->ipn, node, SHUTDOWN_MASK);
}
EXPORT_SYMBOL_GPL(ipn_proto_shutdown);

static int broadcast_newport(struct ipn_node *node)
{
	return node->portno == IPN_PORTNO_ANY ? 0 : node->portno;
}

static int broadcast_handlemsg(struct ipn_node *from, struct msgpool_item *msg, int depth)
{
	struct ipn_node *to;

	list_for_each_entry_rcu(to, &from->ipn->connectqueue, nodelist)
		if (to != from)
			ipn_proto_sendmsg(to, msg, depth);
	return 0;
}

static struct ipn_protocol broadcast = {
	.ipn_p_newport = broadcast_newport,
	.ipn_p_handlemsg = broadcast_handlemsg,
};

int ipn_proto_init(void)
{
	/* Without an owner: a persistent network of this policy does not keep IPN loaded. */
	return ipn_proto_register_owner(IPN_BROADCAST, &broadcast, NULL);
}

void ipn_proto_exit(void)
{
	ipn_proto_deregister(IPN_BROADCAST);
}
