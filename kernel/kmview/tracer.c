// SPDX-License-Identifier: GPL-2.0-or-later
/* A tracer and what it has yet to read. It is gone when its process exits, closes the device, or
 * the last descriptor of it is closed; then all its threads are killed.
 */
#include <linux/pid_namespace.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "kernel/kmview/regs.h"

static LIST_HEAD(tracers);
static DEFINE_SPINLOCK(tracers_lock);

struct kmv_tracer *kmv_tracer_create(void)
{
	struct kmv_tracer *t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);

	if (!t)
		return NULL;
	kref_init(&t->ref);
	spin_lock_init(&t->lock);
	init_rwsem(&t->conf);
	init_waitqueue_head(&t->wait);
	INIT_LIST_HEAD(&t->events);
	INIT_LIST_HEAD(&t->layers);
	t->ghost.deltalen[0] = GH_TERMINATE;
	t->tgid = get_pid(task_tgid(current));
	t->pid_ns = get_pid_ns(task_active_pid_ns(current));
	t->mm = current->mm;
	spin_lock(&tracers_lock);
	list_add(&t->all, &tracers);
	spin_unlock(&tracers_lock);
	return t;
}

static void tracer_free(struct kref *ref)
{
	struct kmv_tracer *t = container_of(ref, struct kmv_tracer, ref);

	put_pid_ns(t->pid_ns);
	put_pid(t->tgid);
	kfree(t);
}

void kmv_tracer_put(struct kmv_tracer *t)
{
	kref_put(&t->ref, tracer_free);
}

void kmv_post(struct kmv_tracer *t, struct kmv_event *e)
{
	if (t->gone)
		return;
	kref_get(&e->layer->ref);
	list_add_tail(&e->list, &t->events);
	/* Who posts is about to sleep: the tracer can have its processor. */
	wake_up_interruptible_sync_poll(&t->wait, EPOLLIN | EPOLLRDNORM);
}

void kmv_unpost(struct kmv_event *e)
{
	if (list_empty(&e->list))
		return;
	list_del_init(&e->list);
	kmv_layer_put(e->layer);
}

static void tell_call(struct kmview_event *out, struct kmv_layer *l)
{
	out->x.syscall = l->said;
	out->x.syscall.x.id = l->umpid;
}

/* Takes the first event and says what it is. The caller ends with kmv_taken() or, if it could not
 * pass it on, with kmv_give_back(). False: there is none.
 */
bool kmv_take(struct kmv_tracer *t, struct kmview_event *out, struct kmv_event **taken)
{
	struct kmv_event *e;
	struct kmv_layer *l;

	memset(out, 0, sizeof(*out));
	spin_lock(&t->lock);
	e = list_first_entry_or_null(&t->events, struct kmv_event, list);
	*taken = e;
	if (!e) {
		spin_unlock(&t->lock);
		return false;
	}
	list_del_init(&e->list);
	l = e->layer;
	out->tag = e->tag;
	switch (e->tag) {
	case KMVIEW_EVENT_NEWTHREAD:
		out->x.newthread = l->birth;
		break;
	case KMVIEW_EVENT_TERMTHREAD:
		out->x.termthread.umpid = l->umpid;
		out->x.termthread.remaining = l->remaining;
		break;
	case KMVIEW_EVENT_SYSCALL_ENTRY:
	case KMVIEW_EVENT_SOCKETCALL_ENTRY:
		tell_call(out, l);
		break;
	case KMVIEW_EVENT_SYSCALL_EXIT:
		out->x.sysreturn.x = (typeof(out->x.sysreturn.x)){.id = l->umpid,
								  .arch = l->said.x.arch};
		out->x.sysreturn.retval = l->said_retval;
		if (IS_ERR_VALUE(l->said_retval)) {
			out->x.sysreturn.retval = -1;
			out->x.sysreturn.erno = -l->said_retval;
			/* The kernel's own wishes to restart are nobody else's business. */
			if (out->x.sysreturn.erno >= 512 && out->x.sysreturn.erno <= 516)
				out->x.sysreturn.erno = EINTR;
		}
		break;
	case KMVIEW_EVENT_SIGNAL:
		out->x.signal.umpid = l->umpid;
		break;
	}
	spin_unlock(&t->lock);
	return true;
}

void kmv_give_back(struct kmv_tracer *t, struct kmv_event *e)
{
	bool gone;

	spin_lock(&t->lock);
	gone = t->gone || !list_empty(&e->list);
	if (!gone)
		list_add(&e->list, &t->events);
	spin_unlock(&t->lock);
	if (gone)
		kmv_layer_put(e->layer);
}

void kmv_taken(struct kmv_event *e)
{
	kmv_layer_put(e->layer);
}

/* Its threads are killed and its news dropped; what still refers to it lives on until then. */
void kmv_tracer_gone(struct kmv_tracer *t)
{
	struct kmv_event *e, *next;
	struct kmv_layer *l;

	spin_lock(&t->lock);
	if (t->gone) {
		spin_unlock(&t->lock);
		return;
	}
	t->gone = true;
	list_for_each_entry_safe(e, next, &t->events, list)
		kmv_unpost(e);
	list_for_each_entry(l, &t->layers, in_tracer) {
		send_sig(SIGKILL, l->thread->task, 1);
		wake_up_process(l->thread->task);
	}
	spin_unlock(&t->lock);
	spin_lock(&tracers_lock);
	list_del_init(&t->all);
	spin_unlock(&tracers_lock);
	wake_up_interruptible_poll(&t->wait, EPOLLHUP);
}

/* The last thread of a process exits: its traced offspring must not outlive it, even if they
 * hold a copy of its descriptor.
 */
void kmv_tracer_exits(struct task_struct *task)
{
	struct kmv_tracer *t, *mine;

	if (list_empty(&tracers))
		return;
	do {
		mine = NULL;
		spin_lock(&tracers_lock);
		list_for_each_entry(t, &tracers, all)
			if (t->tgid == task_tgid(task) && !READ_ONCE(t->gone)) {
				mine = t;
				kref_get(&t->ref);
				break;
			}
		spin_unlock(&tracers_lock);
		if (mine) {
			kmv_tracer_gone(mine);
			kmv_tracer_put(mine);
		}
	} while (mine);
}
