/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tracer to test with: every event goes to a function that answers it, or is answered by
 * "as if I were not here". umpid is kmpid.
 */
#ifndef KMVIEW_TEST_TRACER_H
#define KMVIEW_TEST_TRACER_H

#include <fcntl.h>
#include <linux/audit.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "kernel/test/ktap.h"
#include "kernel/uapi/kmview.h"

#define MARK 100000 /* the number of a call that no kernel knows: a traced program's "here I am" */

static inline int tracer_open(unsigned long flags)
{
	int fd = CHECK_OK(open("/dev/kmview", O_RDONLY));

	CHECK_OK(ioctl(fd, KMVIEW_SET_FLAGS, flags));
	return fd;
}

/* Starts a traced process. Its status is 0 when body returns. */
static inline pid_t tracer_start(int fd, void (*body)(void))
{
	pid_t pid = CHECK_OK(fork());

	if (pid)
		return pid;
	CHECK_OK(ioctl(fd, KMVIEW_ATTACH));
	close(fd);
	body();
	_exit(0);
}

/* An answer is taken, unless the thread has just been killed. */
static inline void tracer_answer(int fd, unsigned long request, const void *arg)
{
	CHECK(ioctl(fd, request, arg) >= 0 || errno == ESRCH);
}

static inline void tracer_number(int fd, pid_t kmpid, pid_t umpid)
{
	struct kmview_ioctl_umpid number = {.kmpid = kmpid, .umpid = umpid};

	tracer_answer(fd, KMVIEW_UMPID, &number);
}

static inline void tracer_resume(int fd, pid_t kmpid)
{
	tracer_answer(fd, KMVIEW_SYSRESUME, (void *)(long)kmpid);
}

static inline void tracer_virtualize(int fd, pid_t kmpid, long retval, long erno)
{
	struct kmview_event_ioctl_sysreturn r = {.retval = retval, .erno = erno};

	r.x.kmpid = kmpid;
	tracer_answer(fd, KMVIEW_SYSVIRTUALIZED, &r);
}

static inline struct kmview_event tracer_read(int fd)
{
	struct kmview_event event;

	memset(&event, 0, sizeof(event));
	CHECK(read(fd, &event, sizeof(event)) > 0);
	return event;
}

/* Whether it answered; if not, the call goes on as it is. */
typedef bool tracer_handler(int fd, const struct kmview_event *);

/* Until the last traced thread is gone. */
static inline void tracer_run(int fd, tracer_handler *handle)
{
	for (;;) {
		struct kmview_event e = tracer_read(fd);

		if (handle && handle(fd, &e))
			continue;
		switch (e.tag) {
		case KMVIEW_EVENT_NEWTHREAD:
			tracer_number(fd, e.x.newthread.kmpid, e.x.newthread.kmpid);
			break;
		case KMVIEW_EVENT_TERMTHREAD:
			if (!e.x.termthread.remaining)
				return;
			break;
		case KMVIEW_EVENT_SYSCALL_ENTRY:
		case KMVIEW_EVENT_SOCKETCALL_ENTRY:
			tracer_resume(fd, e.x.syscall.x.umpid);
			break;
		case KMVIEW_EVENT_SYSCALL_EXIT:
			tracer_resume(fd, e.x.sysreturn.x.umpid);
			break;
		case KMVIEW_EVENT_SIGNAL:
			break;
		default:
			CHECK(!"an event of a known kind");
		}
	}
}

static inline void tracer_wait(pid_t pid, int wanted)
{
	int status;

	CHECK_EQUAL(waitpid(pid, &status, 0), pid);
	CHECK_EQUAL(status, wanted);
}

/* A call through int 0x80: i386's, whatever the program is. */
static inline long i386_call(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c)
			 : "memory", "r8", "r9", "r10", "r11");
	return result;
}

#endif
