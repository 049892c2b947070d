// SPDX-License-Identifier: GPL-2.0-or-later
/* What a tracer says to a thread that waits. */
#include <linux/sched/signal.h>

#include "kernel/kmview/regs.h"

static int answer_entry(struct kmv_layer *l, unsigned int verb, const struct kmview_answer *a)
{
	switch (verb) {
	case KMVIEW_SYSRESUME:
		return 0;
	case KMVIEW_SYSVIRTUALIZED:
		l->retval = kmv_result(a->x.sysreturn.retval, a->x.sysreturn.erno);
		return 0;
	case KMVIEW_SYSMODIFIED:
	case KMVIEW_SYSARGMOD:
		l->modified = a->x.syscall;
		return 0;
	}
	return -EINVAL;
}

static int answer_exit(struct kmv_layer *l, unsigned int verb, const struct kmview_answer *a)
{
	switch (verb) {
	case KMVIEW_SYSRESUME:
		return 0;
	case KMVIEW_SYSRETURN:
		l->retval = kmv_result(a->x.sysreturn.retval, a->x.sysreturn.erno);
		return 0;
	case KMVIEW_SYSMODIFIED:
	case KMVIEW_SYSARGMOD:
		l->modified = a->x.syscall;
		return 0;
	}
	return -EINVAL;
}

/* Instructions are fetched and stacks lie in user space, whatever a tracer says. */
static bool addresses_valid(unsigned int verb, const struct kmview_answer *a)
{
	if (verb != KMVIEW_SYSMODIFIED && verb != KMVIEW_SYSARGMOD)
		return true;
	return a->x.syscall.pc < TASK_SIZE_MAX && a->x.syscall.sp < TASK_SIZE_MAX;
}

static bool result_valid(unsigned int verb, const struct kmview_answer *a)
{
	if (verb != KMVIEW_SYSVIRTUALIZED && verb != KMVIEW_SYSRETURN)
		return true;
	return a->x.sysreturn.erno >= 0 && a->x.sysreturn.erno <= MAX_ERRNO;
}

/* 0, -ESRCH (no such thread: it may just have died), -EPERM (another tracer's), -EINVAL (not
 * waiting for that).
 */
int kmv_answer(struct kmv_tracer *t, unsigned int verb, const struct kmview_answer *a)
{
	struct kmv_layer *l = kmv_layer_find(t, a->x.kmpid);
	int error = -EINVAL;

	if (IS_ERR(l))
		return PTR_ERR(l);
	spin_lock(&t->lock);
	if (!l->thread || l->state == KMV_DYING)
		error = -ESRCH;
	else if (verb == KMVIEW_UMPID) {
		l->umpid = a->x.umpid.umpid;
		error = 0;
	} else if (!addresses_valid(verb, a) || !result_valid(verb, a))
		error = -EINVAL;
	else if (l->state == KMV_ASKED_ENTRY)
		error = answer_entry(l, verb, a);
	else if (l->state == KMV_ASKED_EXIT)
		error = answer_exit(l, verb, a);
	if (!error && verb != KMVIEW_UMPID) {
		l->verb = verb;
		l->state = KMV_ANSWERED;
		kmv_unpost(&l->call);
		wake_up_process(l->thread->task);
	}
	spin_unlock(&t->lock);
	kmv_layer_put(l);
	return error;
}
