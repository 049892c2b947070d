// SPDX-License-Identifier: GPL-2.0-or-later
/* Mode "ftrace": the kernel's slow path into a system call, syscall_trace_enter(), is entered
 * through us. ftrace calls redirect() at its first instruction; for a traced thread that changes
 * the address to go on at to enter(), which finds the very arguments in the registers, may sleep,
 * and calls the original if the call is to be made. Only threads with some SYSCALL_WORK bit come
 * this way at all, so nobody else pays.
 */
#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/version.h>

#include "kernel/kmview/kmview_impl.h"

#include <asm/syscall.h>

/* Compilers drop or pass in another register what they find constant: all three of its possible
 * arguments are passed on as they came.
 */
typedef long enter_fn(struct pt_regs *, unsigned long, unsigned long);

static enter_fn *original;
static atomic_t inside = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(all_out);

static struct {
	struct task_struct *task; /* that tries the hook */
	struct pt_regs regs;
	bool hit;
} trial;

static noinline long enter(struct pt_regs *regs, unsigned long b, unsigned long c)
{
	struct kmv_thread *th;
	long ret = -1;

	if (regs == &trial.regs) {
		trial.hit = true;
		return 0;
	}
	atomic_inc(&inside);
	th = kmv_current();
	if (!th || kmv_call_enter(th, regs, syscall_get_nr(current, regs)) == KMV_RUN) {
		if (th)
			kmv_call_watch_exit(th);
		ret = original(regs, b, c);
	} else {
		kmv_call_watch_exit(th);
	}
	/* After this the module's text is left without another sleep; and because of it, the
	 * call above cannot become a jump, by which ftrace would take us for the kernel.
	 */
	if (atomic_dec_and_test(&inside))
		wake_up(&all_out);
	return ret;
}

static void notrace redirect(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			     struct ftrace_regs *fregs)
{
	struct pt_regs *regs = ftrace_get_regs(fregs);

	if (regs && regs->di == (unsigned long)&trial.regs && current == trial.task)
		;
	else if (within_module(parent_ip, THIS_MODULE) || !kmv_current())
		return;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	ftrace_regs_set_instruction_pointer(fregs, (unsigned long)enter);
#else
	ftrace_instruction_pointer_set(fregs, (unsigned long)enter);
#endif
}

static struct ftrace_ops ops = {
	.func = redirect,
	.flags = FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT,
};

/* Kernel symbols are looked up as a probe would. */
static unsigned long address_of(const char *name)
{
	struct kprobe kp = {.symbol_name = name};
	unsigned long address;

	if (register_kprobe(&kp) < 0)
		return 0;
	address = (unsigned long)kp.addr;
	unregister_kprobe(&kp);
	return address;
}

static unsigned long find_original(void)
{
	static const char *const names[] = {"syscall_trace_enter",
					    "syscall_trace_enter.constprop.0",
					    "syscall_trace_enter.isra.0"};
	unsigned long address = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(names) && !address; i++)
		address = address_of(names[i]);
	return address;
}

/* Whether the kernel really goes through us: the function is called with registers of our own. */
static bool works(void)
{
	trial.regs.orig_ax = -1;
	trial.hit = false;
	WRITE_ONCE(trial.task, current);
	original(&trial.regs, 0, 0);
	WRITE_ONCE(trial.task, NULL);
	return trial.hit;
}

int kmv_hook_ftrace_init(void)
{
	unsigned long address = find_original();
	int error;

	if (!address)
		return -ENOENT;
	original = (enter_fn *)address;
	error = ftrace_set_filter_ip(&ops, address, 0, 0);
	if (error)
		return error;
	error = register_ftrace_function(&ops);
	if (!error && works())
		return 0;
	if (!error) {
		unregister_ftrace_function(&ops);
		synchronize_rcu_tasks();
		error = -EOPNOTSUPP;
	}
	ftrace_free_filter(&ops);
	return error;
}

void kmv_hook_ftrace_exit(void)
{
	unregister_ftrace_function(&ops);
	ftrace_free_filter(&ops);
	/* Who was sent to enter() is in it, who is in it leaves, who left is gone. */
	synchronize_rcu_tasks();
	wait_event(all_out, !atomic_read(&inside));
	synchronize_rcu_tasks();
}
