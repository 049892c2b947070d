// SPDX-License-Identifier: GPL-2.0-or-later
/* Threads are born and die: the kernel's tracepoints tell. They are not exported by name, so they
 * are looked up.
 */
#include <linux/sched/signal.h>
#include <linux/tracepoint.h>

#include "kernel/kmview/kmview_impl.h"

struct wanted {
	const char *name;
	struct tracepoint *found;
};

static void match(struct tracepoint *tp, void *context)
{
	struct wanted *w = context;

	if (!strcmp(tp->name, w->name))
		w->found = tp;
}

int kmv_tracepoint_add(const char *name, void *probe)
{
	struct wanted w = {.name = name};

	for_each_kernel_tracepoint(match, &w);
	return w.found ? tracepoint_probe_register(w.found, probe, NULL) : -ENOENT;
}

void kmv_tracepoint_remove(const char *name, void *probe)
{
	struct wanted w = {.name = name};

	for_each_kernel_tracepoint(match, &w);
	if (w.found)
		tracepoint_probe_unregister(w.found, probe, NULL);
}

static void on_fork(void *data, struct task_struct *parent, struct task_struct *child)
{
	kmv_forked(parent, child);
}

static void on_exit(void *data, struct task_struct *task)
{
	kmv_exits(task);
	if (!atomic_read(&task->signal->live))
		kmv_tracer_exits(task);
}

int kmv_probe_init(void)
{
	int error = kmv_tracepoint_add("sched_process_fork", on_fork);

	if (error)
		return error;
	error = kmv_tracepoint_add("sched_process_exit", on_exit);
	if (error) {
		kmv_tracepoint_remove("sched_process_fork", on_fork);
		tracepoint_synchronize_unregister();
	}
	return error;
}

void kmv_probe_exit(void)
{
	kmv_tracepoint_remove("sched_process_fork", on_fork);
	kmv_tracepoint_remove("sched_process_exit", on_exit);
	tracepoint_synchronize_unregister();
}
