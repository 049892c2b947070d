// SPDX-License-Identifier: GPL-2.0-or-later
/* kmview: a process's system calls, told to and answered by another. See ../uapi/kmview.h. */
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/rcupdate.h>

#include "kernel/kmview/kmview_impl.h"

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("System call virtualization by a tracing process (View-OS)");
MODULE_ALIAS_MISCDEV(233);
MODULE_ALIAS("devname:kmview");

static char *mode = "auto";
module_param(mode, charp, 0444);
MODULE_PARM_DESC(mode, "how calls are caught: ftrace, tracepoint, or auto: ftrace where it works; "
		       "reads as the one in use");

static bool by_ftrace;

static int hook_init(void)
{
	bool any = !strcmp(mode, "auto");
	int error = -EINVAL;

	if (any || !strcmp(mode, "ftrace")) {
		error = kmv_hook_ftrace_init();
		by_ftrace = !error;
		if (error && any)
			pr_info("kmview: ftrace cannot be used (%d), tracepoints are\n", error);
	}
	if (!by_ftrace && (any || !strcmp(mode, "tracepoint")))
		error = kmv_hook_tracepoint_init();
	if (!error)
		mode = by_ftrace ? "ftrace" : "tracepoint";
	return error;
}

static void hook_exit(void)
{
	if (by_ftrace)
		kmv_hook_ftrace_exit();
	else
		kmv_hook_tracepoint_exit();
}

static int __init kmview_init(void)
{
	int error = hook_init();

	if (error)
		return error;
	error = kmv_probe_init();
	if (error)
		goto unhook;
	error = kmv_device_init();
	if (error)
		goto unprobe;
	return 0;
unprobe:
	kmv_probe_exit();
unhook:
	hook_exit();
	return error;
}

static void __exit kmview_exit(void)
{
	kmv_device_exit();
	/* No tracer is left; their threads were killed and die while the probes still listen. */
	kmv_threads_exit();
	kmv_probe_exit();
	hook_exit();
	synchronize_rcu_tasks();
}

module_init(kmview_init);
module_exit(kmview_exit);
