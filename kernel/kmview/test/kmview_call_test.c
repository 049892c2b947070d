/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A call, from its entry to its exit: what the tracer is told, and what its answers do. */
#include <sys/mman.h>
#include <sys/prctl.h>

#include "kernel/kmview/test/tracer.h"

static unsigned entries, exits, births;
static struct kmview_event seen[64];

static bool is_mark(const struct kmview_event *e)
{
	return e->tag == KMVIEW_EVENT_SYSCALL_ENTRY && e->x.syscall.scno == MARK;
}

static void nothing(void)
{
}

static void book_layouts_are_kept(void)
{
	CHECK_EQUAL(sizeof(struct kmview_event), 88);
	CHECK_EQUAL(sizeof(struct kmview_event_ioctl_syscall), 80);
	CHECK_EQUAL(sizeof(struct kmview_event_ioctl_sysreturn), 24);
	CHECK_EQUAL(sizeof(struct ghosthash64), 320);
	CHECK_EQUAL(KMVIEW_SYSRESUME, 0x760a);
}

static bool note_ends(int fd, const struct kmview_event *e)
{
	(void)fd;
	if (e->tag == KMVIEW_EVENT_NEWTHREAD)
		seen[0] = *e;
	if (e->tag == KMVIEW_EVENT_TERMTHREAD)
		seen[1] = *e;
	return false;
}

static void birth_and_death_are_told(void)
{
	int fd = tracer_open(0);
	pid_t pid = tracer_start(fd, nothing);

	tracer_run(fd, note_ends);
	CHECK_EQUAL(seen[0].x.newthread.pid, pid);
	CHECK_EQUAL(seen[0].x.newthread.umppid, -1);
	CHECK_EQUAL(seen[1].x.termthread.umpid, seen[0].x.newthread.kmpid);
	CHECK_EQUAL(seen[1].x.termthread.remaining, 0);
	tracer_wait(pid, 0);
}

static void marks_once(void)
{
	CHECK_ERRNO(syscall(MARK, 1L, 2L, 3L, 4L, 5L, 6L), ENOSYS);
}

static bool note_mark(int fd, const struct kmview_event *e)
{
	(void)fd;
	exits += e->tag == KMVIEW_EVENT_SYSCALL_EXIT;
	if (!is_mark(e))
		return false;
	entries++;
	seen[0] = *e;
	return false;
}

static void entry_tells_number_and_arguments_and_resume_makes_the_call(void)
{
	int fd = tracer_open(0);
	pid_t pid = tracer_start(fd, marks_once);

	tracer_run(fd, note_mark);
	CHECK_EQUAL(entries, 1);
	CHECK_EQUAL(exits, 0);
	for (unsigned long i = 0; i < 6; i++)
		CHECK_EQUAL(seen[0].x.syscall.args[i], i + 1);
	CHECK(seen[0].x.syscall.pc && seen[0].x.syscall.sp);
	CHECK_EQUAL(seen[0].x.syscall.x.arch, AUDIT_ARCH_X86_64);
	tracer_wait(pid, 0);
}

static void marks_virtual(void)
{
	CHECK_EQUAL(syscall(MARK, 0), 4711);
	CHECK_ERRNO(syscall(MARK, 1), EXDEV);
	CHECK_EQUAL(syscall(MARK, 2), -5000);
	/* And one that the kernel knows is not made. */
	CHECK_EQUAL(syscall(SYS_getppid), 12);
}

static bool virtualize(int fd, const struct kmview_event *e)
{
	exits += e->tag == KMVIEW_EVENT_SYSCALL_EXIT;
	if (e->tag == KMVIEW_EVENT_SYSCALL_ENTRY && e->x.syscall.scno == SYS_getppid) {
		tracer_virtualize(fd, e->x.syscall.x.umpid, 12, 0);
		return true;
	}
	if (!is_mark(e))
		return false;
	switch (e->x.syscall.args[0]) {
	case 0:
		tracer_virtualize(fd, e->x.syscall.x.umpid, 4711, 0);
		break;
	case 1:
		tracer_virtualize(fd, e->x.syscall.x.umpid, -1, EXDEV);
		break;
	case 2:
		tracer_virtualize(fd, e->x.syscall.x.umpid, -5000, 0);
		break;
	}
	return true;
}

static void virtualized_call_returns_what_the_tracer_says(void)
{
	int fd = tracer_open(0);
	pid_t pid = tracer_start(fd, marks_virtual);

	tracer_run(fd, virtualize);
	CHECK_EQUAL(exits, 0);
	tracer_wait(pid, 0);
}

/* The registers after a call, without a C library's view of them. */
static void calls_keeping_registers(void)
{
	register long r10 __asm__("r10") = 44, r8 __asm__("r8") = 55, r9 __asm__("r9") = 66;
	long di = 11, si = 22, dx = 33, ax = MARK;

	__asm__ volatile("syscall" : "+a"(ax), "+D"(di), "+S"(si), "+d"(dx), "+r"(r10), "+r"(r8),
			 "+r"(r9) : : "rcx", "r11", "memory");
	CHECK_EQUAL(ax, getpid());
	CHECK(di == 11 && si == 22 && dx == 33 && r10 == 44 && r8 == 55 && r9 == 66);
}

static bool modify_to_getpid(int fd, const struct kmview_event *e)
{
	struct kmview_event_ioctl_syscall m = e->x.syscall;

	if (e->tag == KMVIEW_EVENT_SYSCALL_EXIT) {
		exits++;
		seen[1] = *e;
	}
	if (!is_mark(e))
		return false;
	m.scno = SYS_getpid;
	for (unsigned i = 0; i < 6; i++)
		m.args[i] = 1000 + i;
	CHECK_OK(ioctl(fd, KMVIEW_SYSMODIFIED, &m));
	return true;
}

static void modified_call_is_made_told_and_leaves_the_registers(void)
{
	int fd = tracer_open(0);
	pid_t pid = tracer_start(fd, calls_keeping_registers);

	tracer_run(fd, modify_to_getpid);
	CHECK_EQUAL(exits, 1);
	CHECK_EQUAL(seen[1].x.sysreturn.retval, pid);
	CHECK_EQUAL(seen[1].x.sysreturn.erno, 0);
	tracer_wait(pid, 0);
}

static bool argmod_to_getpid(int fd, const struct kmview_event *e)
{
	struct kmview_event_ioctl_syscall m = e->x.syscall;

	exits += e->tag == KMVIEW_EVENT_SYSCALL_EXIT;
	if (!is_mark(e))
		return false;
	m.scno = SYS_getpid;
	m.args[0] = 99;
	CHECK_OK(ioctl(fd, KMVIEW_SYSARGMOD, &m));
	return true;
}

static void argmod_makes_another_call_without_an_exit(void)
{
	int fd = tracer_open(0);
	pid_t pid = tracer_start(fd, calls_keeping_registers);

	tracer_run(fd, argmod_to_getpid);
	CHECK_EQUAL(exits, 0);
	tracer_wait(pid, 0);
}

static void opens_what_is_not_there(void)
{
	CHECK_EQUAL(open("/nowhere", O_RDONLY), 77);
}

static bool return_77(int fd, const struct kmview_event *e)
{
	struct kmview_event_ioctl_sysreturn r = {.retval = 77};

	if (e->tag == KMVIEW_EVENT_SYSCALL_EXIT) {
		CHECK_EQUAL(e->x.sysreturn.retval, -1);
		CHECK_EQUAL(e->x.sysreturn.erno, ENOENT);
		r.x.kmpid = e->x.sysreturn.x.umpid;
		CHECK_OK(ioctl(fd, KMVIEW_SYSRETURN, &r));
		exits++;
		return true;
	}
	if (e->tag != KMVIEW_EVENT_SYSCALL_ENTRY || e->x.syscall.scno != SYS_openat)
		return false;
	CHECK_OK(ioctl(fd, KMVIEW_SYSMODIFIED, &e->x.syscall));
	return true;
}

static void sysreturn_changes_the_result(void)
{
	int fd = tracer_open(0);
	pid_t pid = tracer_start(fd, opens_what_is_not_there);

	tracer_run(fd, return_77);
	CHECK_EQUAL(exits, 1);
	tracer_wait(pid, 0);
}

static char exchanged[9000];

static void lends_its_memory(void)
{
	char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(exchanged, 'x', sizeof(exchanged));
	strcpy(exchanged + 4090, "across a page");
	munmap(edge + 4096, 4096);
	CHECK_EQUAL(syscall(MARK, exchanged, exchanged + 4090, edge + 4090), 0);
	CHECK(!strcmp(exchanged, "written"));
}

static bool exchange(int fd, const struct kmview_event *e)
{
	static char here[sizeof(exchanged)];
	struct kmview_ioctl_data d = {.kmpid = e->x.syscall.x.umpid, .localaddr = here};

	if (!is_mark(e))
		return false;
	d.addr = e->x.syscall.args[0];
	d.len = sizeof(here);
	CHECK_EQUAL(ioctl(fd, KMVIEW_READDATA, &d), sizeof(here));
	CHECK(here[0] == 'x' && here[sizeof(here) - 1] == 'x' &&
	      !strcmp(here + 4090, "across a page"));
	memset(here, 'y', sizeof(here));
	d.addr = e->x.syscall.args[1];
	CHECK_EQUAL(ioctl(fd, KMVIEW_READSTRINGDATA, &d), 14);
	CHECK(!strcmp(here, "across a page") && here[14] == 'y');
	d.addr = e->x.syscall.args[2];
	d.len = 100;
	CHECK_EQUAL(ioctl(fd, KMVIEW_READDATA, &d), 6);
	d.addr = 8;
	CHECK_ERRNO(ioctl(fd, KMVIEW_READDATA, &d), EFAULT);
	d.len = -1;
	CHECK_ERRNO(ioctl(fd, KMVIEW_READDATA, &d), EINVAL);
	strcpy(here, "written");
	d.addr = e->x.syscall.args[0];
	d.len = 8;
	CHECK_EQUAL(ioctl(fd, KMVIEW_WRITEDATA, &d), 8);
	tracer_virtualize(fd, e->x.syscall.x.umpid, 0, 0);
	return true;
}

static void memory_is_read_and_written(void)
{
	int fd = tracer_open(0);
	pid_t pid = tracer_start(fd, lends_its_memory);

	tracer_run(fd, exchange);
	tracer_wait(pid, 0);
}

static void calls_as_i386(void)
{
	/* getpid is 20 there, writev here. */
	CHECK_EQUAL(i386_call(20, 1, 2, 3), getpid());
	CHECK_EQUAL(i386_call(MARK, 7, 8, 9), 5);
}

static bool answer_i386(int fd, const struct kmview_event *e)
{
	if (e->tag != KMVIEW_EVENT_SYSCALL_ENTRY || e->x.syscall.x.arch != AUDIT_ARCH_I386)
		return false;
	seen[entries++] = *e;
	if (e->x.syscall.scno != MARK)
		return false;
	tracer_virtualize(fd, e->x.syscall.x.umpid, 5, 0);
	return true;
}

static void i386_calls_say_so(void)
{
	int fd = tracer_open(0);
	pid_t pid = tracer_start(fd, calls_as_i386);

	tracer_run(fd, answer_i386);
	CHECK_EQUAL(entries, 2);
	CHECK_EQUAL(seen[0].x.syscall.scno, 20);
	CHECK_EQUAL(seen[1].x.syscall.args[0], 7);
	CHECK_EQUAL(seen[1].x.syscall.args[2], 9);
	tracer_wait(pid, 0);
}

static bool note_socketcall(int fd, const struct kmview_event *e)
{
	(void)fd;
	if (e->tag == KMVIEW_EVENT_SOCKETCALL_ENTRY)
		seen[entries++] = *e;
	return false;
}

static void makes_a_socketcall(void)
{
	unsigned *args = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	args[0] = 1; /* AF_UNIX, SOCK_STREAM: socket(2) is number 1 */
	args[1] = 1;
	CHECK(i386_call(102, 1, (long)args, 0) >= 0);
}

static void socketcall_comes_with_its_arguments(void)
{
	int fd = tracer_open(KMVIEW_FLAG_SOCKETCALL);
	pid_t pid = tracer_start(fd, makes_a_socketcall);

	tracer_run(fd, note_socketcall);
	CHECK_EQUAL(entries, 1);
	CHECK_EQUAL(seen[0].x.syscall.scno, 1);
	CHECK(seen[0].x.syscall.args[0] == 1 && seen[0].x.syscall.args[1] == 1);
	tracer_wait(pid, 0);
}

static void answers_out_of_turn_are_refused(void)
{
	int fd = tracer_open(0), other = tracer_open(0);
	pid_t pid = tracer_start(fd, marks_once), kmpid;
	struct kmview_event e = tracer_read(fd);
	struct kmview_event_ioctl_sysreturn r = {.erno = 5000};

	kmpid = e.x.newthread.kmpid;
	CHECK_ERRNO(ioctl(other, KMVIEW_SYSRESUME, kmpid), EPERM);
	CHECK_ERRNO(ioctl(fd, KMVIEW_SYSRESUME, kmpid + 1000), ESRCH);
	CHECK_ERRNO(ioctl(fd, KMVIEW_SET_FLAGS, 0), EACCES);
	CHECK_ERRNO(ioctl(fd, KMVIEW_ATTACH), EPERM); /* nobody is his own tracer */
	tracer_number(fd, kmpid, kmpid);
	do {
		e = tracer_read(fd);
		if (!is_mark(&e))
			tracer_resume(fd, kmpid);
	} while (!is_mark(&e));
	r.x.kmpid = kmpid;
	CHECK_ERRNO(ioctl(fd, KMVIEW_SYSVIRTUALIZED, &r), EINVAL);
	r.erno = 0;
	CHECK_ERRNO(ioctl(fd, KMVIEW_SYSRETURN, &r), EINVAL); /* it has not been made yet */
	CHECK_ERRNO(ioctl(fd, KMVIEW_SYSVIRTUALIZED, (void *)8), EFAULT);
	CHECK_ERRNO(ioctl(fd, 12345, 0), ENOTTY);
	CHECK_OK(ioctl(fd, KMVIEW_SYSRESUME, kmpid));
	CHECK(read(fd, &e, sizeof(e) - 1) < 0 && errno == EINVAL);
	tracer_run(fd, NULL);
	CHECK_ERRNO(ioctl(fd, KMVIEW_SYSRESUME, kmpid), ESRCH);
	tracer_wait(pid, 0);
}

static bool note_privilege(int fd, const struct kmview_event *e)
{
	(void)fd;
	births += e->tag == KMVIEW_EVENT_NEWTHREAD;
	return false;
}

static void has_no_new_privileges(void)
{
	CHECK_EQUAL(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
}

static void traced_program_of_a_user_gains_no_privilege(void)
{
	int fd;
	pid_t pid;

	CHECK_OK(setresuid(1000, 1000, 1000));
	fd = tracer_open(0);
	pid = tracer_start(fd, has_no_new_privileges);
	tracer_run(fd, note_privilege);
	CHECK_EQUAL(births, 1);
	tracer_wait(pid, 0);
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		KTAP_CASE(book_layouts_are_kept),
		KTAP_CASE(birth_and_death_are_told),
		KTAP_CASE(entry_tells_number_and_arguments_and_resume_makes_the_call),
		KTAP_CASE(virtualized_call_returns_what_the_tracer_says),
		KTAP_CASE(modified_call_is_made_told_and_leaves_the_registers),
		KTAP_CASE(argmod_makes_another_call_without_an_exit),
		KTAP_CASE(sysreturn_changes_the_result),
		KTAP_CASE(memory_is_read_and_written),
		KTAP_CASE(i386_calls_say_so),
		KTAP_CASE(socketcall_comes_with_its_arguments),
		KTAP_CASE(answers_out_of_turn_are_refused),
		KTAP_CASE(traced_program_of_a_user_gains_no_privilege),
	};

	return ktap_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
