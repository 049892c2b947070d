/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a call costs whose result a tracer gives: by kmview, in one exchange and in two, and by
 * ptrace, with PTRACE_SYSCALL and with PTRACE_SYSEMU. A line for each, "NAME NS": ns a call. In a
 * guest whose clock counts instructions these are instructions. Then each tracer's threads pay;
 * "untraced" is what a call costs everybody else while kmview is loaded.
 */
#include <sys/ptrace.h>
#include <sys/user.h>
#include <time.h>

#include "kernel/kmview/test/tracer.h"

#define CALLS 2000

static int results[2];

static long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return now.tv_sec * 1000000000L + now.tv_nsec;
}

static long calls(void)
{
	long begin = now_ns();

	for (long i = 0; i < CALLS; i++)
		syscall(MARK, i);
	return (now_ns() - begin) / CALLS;
}

/* Without the ticks of the clock, which would weigh as much as the difference looked for. */
static long untraced(void)
{
	long best = calls();

	for (unsigned batch = 0; batch < 200; batch++) {
		long begin = now_ns(), ns;

		for (long i = 0; i < 100; i++)
			syscall(MARK, i);
		ns = (now_ns() - begin) / 100;
		if (ns < best)
			best = ns;
	}
	return best;
}

/* In the traced process; a long way round for its result, as its calls are not its own. */
static void calls_counted(void)
{
	long ns = calls();

	CHECK(write(results[1], &ns, sizeof(ns)) == sizeof(ns));
}

static void report(const char *name)
{
	long ns;

	CHECK(read(results[0], &ns, sizeof(ns)) == sizeof(ns));
	printf("%s %ld\n", name, ns);
}

static bool virtualize(int fd, const struct kmview_event *e)
{
	if (e->tag != KMVIEW_EVENT_SYSCALL_ENTRY || e->x.syscall.scno != MARK)
		return false;
	tracer_virtualize(fd, e->x.syscall.x.umpid, 0, 0);
	return true;
}

static void by_read(void)
{
	int fd = tracer_open(0);
	pid_t pid = tracer_start(fd, calls_counted);

	tracer_run(fd, virtualize);
	tracer_wait(pid, 0);
	report("kmview-read");
}

static void by_next(void)
{
	struct kmview_event event;
	struct kmview_answer a;
	struct kmview_next next = {.events = (unsigned long)&event, .events_count = 1,
				   .answers = (unsigned long)&a};
	int fd = tracer_open(0);
	pid_t pid = tracer_start(fd, calls_counted);

	memset(&a, 0, sizeof(a));
	for (bool end = false; !end;) {
		CHECK_EQUAL(ioctl(fd, KMVIEW_NEXT, &next), 1);
		next.answers_count = event.tag != KMVIEW_EVENT_TERMTHREAD;
		end = !next.answers_count;
		if (event.tag == KMVIEW_EVENT_NEWTHREAD) {
			a.verb = KMVIEW_UMPID;
			a.x.umpid.kmpid = a.x.umpid.umpid = event.x.newthread.kmpid;
		} else {
			a.verb = event.x.syscall.scno == MARK ? KMVIEW_SYSVIRTUALIZED
							      : KMVIEW_SYSRESUME;
			a.x.sysreturn.x.kmpid = event.x.syscall.x.umpid;
		}
	}
	tracer_wait(pid, 0);
	report("kmview");
}

static void step(pid_t pid, int request, int *status)
{
	CHECK_OK(ptrace(request, pid, 0, 0));
	CHECK_EQUAL(waitpid(pid, status, 0), pid);
}

static pid_t ptraced(void)
{
	pid_t pid = CHECK_OK(fork());

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		calls_counted();
		_exit(0);
	}
	CHECK_EQUAL(waitpid(pid, NULL, 0), pid);
	CHECK_OK(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD));
	return pid;
}

static void by_ptrace(void)
{
	struct user_regs_struct regs;
	pid_t pid = ptraced();
	int status;

	for (;;) {
		bool mark;

		step(pid, PTRACE_SYSCALL, &status);
		if (WIFEXITED(status))
			break;
		CHECK_OK(ptrace(PTRACE_GETREGS, pid, 0, &regs));
		mark = regs.orig_rax == MARK;
		if (mark) {
			regs.orig_rax = -1UL;
			CHECK_OK(ptrace(PTRACE_SETREGS, pid, 0, &regs));
		}
		step(pid, PTRACE_SYSCALL, &status);
		if (WIFEXITED(status))
			break;
		if (mark) {
			regs.rax = 0;
			CHECK_OK(ptrace(PTRACE_SETREGS, pid, 0, &regs));
		}
	}
	report("ptrace-syscall");
}

/* Every call is void here; those that are not ours are taken up again. */
static void by_sysemu(void)
{
	struct user_regs_struct regs;
	pid_t pid = ptraced();
	int status;

	for (;;) {
		step(pid, PTRACE_SYSEMU, &status);
		if (WIFEXITED(status))
			break;
		CHECK_OK(ptrace(PTRACE_GETREGS, pid, 0, &regs));
		if (regs.orig_rax == MARK) {
			regs.rax = 0;
			CHECK_OK(ptrace(PTRACE_SETREGS, pid, 0, &regs));
			continue;
		}
		regs.rip -= 2;
		regs.rax = regs.orig_rax;
		CHECK_OK(ptrace(PTRACE_SETREGS, pid, 0, &regs));
		step(pid, PTRACE_SYSCALL, &status); /* into the call, */
		if (WIFEXITED(status))
			break;
		step(pid, PTRACE_SYSCALL, &status); /* and out of it */
		if (WIFEXITED(status))
			break;
	}
	report("ptrace-sysemu");
}

int main(int argc, char **argv)
{
	CHECK_OK(pipe(results));
	printf("untraced %ld\n", untraced());
	fflush(stdout);
	if (argc > 1 && !strcmp(argv[1], "untraced"))
		return 0;
	by_read();
	by_next();
	by_ptrace();
	by_sysemu();
	return 0;
}
