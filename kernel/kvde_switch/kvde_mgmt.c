/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Management: a command line in, the lines of its answer out.  Consoles, prompts and scripts are
 * of user space. */
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <net/kvde_switch.h>

#include "kernel/kvde_switch/kvde_impl.h"

#include "core/base/text.h"

int kvde_mgmt_create(struct kvde *k)
{
	static const struct mgmt_conf conf = { .prompt = "", .greeting = "" };
	int error = mgmt_create(&k->mgmt, &conf, &k->arena);

	return error ? error : vsw_mgmt_add(k->sw, k->mgmt);
}

/* Nodes whose endpoint a command closed: they read an end and send no more. */
static void shut_closed(struct kvde *k, const int *closed, int count)
{
	int i;

	for (i = 0; i < count; i++) {
		struct ipn_node *node;

		spin_lock_bh(&k->lock);
		node = k->nodes[closed[i]];
		k->nodes[closed[i]] = NULL;
		if (node)
			WRITE_ONCE(node->proto_private, NULL);
		spin_unlock_bh(&k->lock);
		if (node)
			ipn_proto_shutdown(node);
	}
}

/* Runs LINE; what it says goes to TEXT.  The caller has the mutex of the network. */
static int run(struct kvde *k, const char *line, struct vs_text *text)
{
	int *closed = kvmalloc_array(k->size, sizeof(*closed), GFP_KERNEL);
	int code, count;

	if (!closed)
		return -ENOMEM;
	spin_lock_bh(&k->lock);
	k->closed = closed;
	k->closed_count = 0;
	code = mgmt_run(k->mgmt, ktime_get_ns(), line, text);
	count = k->closed_count;
	k->closed = NULL;
	kvde_arm(k);
	spin_unlock_bh(&k->lock);
	shut_closed(k, closed, count);
	kvfree(closed);
	return code;
}

static int command(struct kvde *k, struct kvde_command *c)
{
	char *line = memdup_user_nul(u64_to_user_ptr(c->line), c->line_len);
	struct vs_text text;
	char *bytes;
	int error = 0;

	if (IS_ERR(line))
		return PTR_ERR(line);
	bytes = kvmalloc(c->text_len + 1, GFP_KERNEL);
	if (!bytes) {
		kfree(line);
		return -ENOMEM;
	}
	vs_text_init(&text, bytes, c->text_len + 1);
	c->code = run(k, line, &text);
	c->text_len = text.len;
	c->cut = text.cut;
	if (c->code < 0)
		error = c->code;
	else if (copy_to_user(u64_to_user_ptr(c->text), bytes, text.len))
		error = -EFAULT;
	kvfree(bytes);
	kfree(line);
	return error;
}

int kvde_ioctl(struct ipn_node *node, unsigned int request, unsigned long arg)
{
	struct kvde_command c;
	int error;

	if (request != KVDE_COMMAND)
		return -ENOTTY;
	if (!(node->flags & IPN_NODEFLAG_BOUND))
		return -EPERM;	/* only those that manage the network */
	if (copy_from_user(&c, (void __user *)arg, sizeof(c)))
		return -EFAULT;
	if (c.line_len > KVDE_LINE_MAX || c.text_len > KVDE_TEXT_MAX)
		return -EINVAL;
	error = command(node->ipn->proto_private, &c);
	if (!error && copy_to_user((void __user *)arg, &c, sizeof(c)))
		error = -EFAULT;
	return error;
}
