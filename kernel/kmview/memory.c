// SPDX-License-Identifier: GPL-2.0-or-later
/* Between the memories of a tracer and of its threads. */
#include <linux/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "kernel/kmview/kmview_impl.h"

#define CHUNK 4096

/* One piece. Bytes moved, fewer at the edge of what is mapped; ends after a NUL if asked to. */
static long move(struct task_struct *task, unsigned long there, char __user *here, int len,
		 char *buf, unsigned int cmd, bool *end)
{
	int n;

	if (cmd == KMVIEW_WRITEDATA) {
		if (copy_from_user(buf, here, len))
			return -EFAULT;
		return access_process_vm(task, there, buf, len, FOLL_WRITE | FOLL_FORCE);
	}
	n = access_process_vm(task, there, buf, len, FOLL_FORCE);
	if (cmd == KMVIEW_READSTRINGDATA && n > 0) {
		char *nul = memchr(buf, '\0', n);

		if (nul) {
			n = nul - buf + 1;
			*end = true;
		}
	}
	return n > 0 && copy_to_user(here, buf, n) ? -EFAULT : n;
}

/* Bytes moved; -EFAULT when none could be. A string's NUL counts. */
long kmv_memory(struct kmv_layer *l, unsigned int cmd, const struct kmview_ioctl_data *d)
{
	struct task_struct *task = NULL;
	char __user *here = (char __user *)d->localaddr;
	bool end = false;
	long done = 0, n = 0;
	char *buf;

	if (d->len < 0)
		return -EINVAL;
	spin_lock(&l->tracer->lock);
	if (l->thread)
		task = get_task_struct(l->thread->task);
	spin_unlock(&l->tracer->lock);
	if (!task)
		return -ESRCH;
	buf = kmalloc(CHUNK, GFP_KERNEL);
	if (!buf) {
		put_task_struct(task);
		return -ENOMEM;
	}
	while (done < d->len && !end) {
		unsigned long there = d->addr + done;
		int want = min_t(long, d->len - done, CHUNK - (there & (CHUNK - 1)));

		n = fatal_signal_pending(current)
			    ? -EINTR
			    : move(task, there, here + done, want, buf, cmd, &end);
		if (n <= 0)
			break;
		done += n;
	}
	kfree(buf);
	put_task_struct(task);
	if (done || !d->len)
		return done;
	return n < 0 ? n : -EFAULT;
}
