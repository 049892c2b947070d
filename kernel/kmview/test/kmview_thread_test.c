/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Offspring, programs and signals: who is traced, and until when. */
#include <pthread.h>
#include <spawn.h>
#include <sys/prctl.h>

#include "kernel/kmview/test/tracer.h"

static struct kmview_event births[32];
static unsigned born, died, execs, signals;
static unsigned long last_remaining;

static bool count(int fd, const struct kmview_event *e)
{
	(void)fd;
	switch (e->tag) {
	case KMVIEW_EVENT_NEWTHREAD:
		births[born++] = *e;
		break;
	case KMVIEW_EVENT_TERMTHREAD:
		died++;
		last_remaining = e->x.termthread.remaining;
		break;
	case KMVIEW_EVENT_SYSCALL_ENTRY:
		execs += e->x.syscall.scno == SYS_execve;
		break;
	}
	return false;
}

static void forks_twice(void)
{
	pid_t pid = CHECK_OK(fork());

	if (!pid) {
		pid = CHECK_OK(fork());
		if (!pid)
			_exit(3);
		tracer_wait(pid, 3 << 8);
		_exit(4);
	}
	tracer_wait(pid, 4 << 8);
}

static void offspring_is_traced_and_names_its_parent(void)
{
	int fd = tracer_open(0);
	pid_t pid = tracer_start(fd, forks_twice);

	tracer_run(fd, count);
	CHECK_EQUAL(born, 3);
	CHECK_EQUAL(died, 3);
	CHECK_EQUAL(last_remaining, 0);
	CHECK_EQUAL(births[1].x.newthread.umppid, births[0].x.newthread.kmpid);
	CHECK_EQUAL(births[2].x.newthread.umppid, births[1].x.newthread.kmpid);
	CHECK_EQUAL(births[1].x.newthread.flags & 0xff, SIGCHLD);
	tracer_wait(pid, 0);
}

static void *marks(void *how_many)
{
	for (long i = 0; i < (long)how_many; i++)
		CHECK(syscall(MARK, i) == i + 1);
	return NULL;
}

static void runs_threads(void)
{
	pthread_t threads[8];

	for (unsigned i = 0; i < 8; i++)
		CHECK(!pthread_create(&threads[i], NULL, marks, (void *)50L));
	for (unsigned i = 0; i < 8; i++)
		CHECK(!pthread_join(threads[i], NULL));
}

static bool count_marks(int fd, const struct kmview_event *e)
{
	count(fd, e);
	if (e->tag != KMVIEW_EVENT_SYSCALL_ENTRY || e->x.syscall.scno != MARK)
		return false;
	tracer_virtualize(fd, e->x.syscall.x.umpid, (long)e->x.syscall.args[0] + 1, 0);
	return true;
}

static void threads_have_calls_of_their_own(void)
{
	int fd = tracer_open(0);
	pid_t pid = tracer_start(fd, runs_threads);

	tracer_run(fd, count_marks);
	CHECK_EQUAL(born, 9);
	CHECK(births[1].x.newthread.flags & CLONE_THREAD);
	tracer_wait(pid, 0);
}

static void vforks_a_program(void)
{
	char *argv[] = {"sh", "-c", "exit 5", NULL};
	pid_t pid;

	CHECK(!posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, NULL));
	tracer_wait(pid, 5 << 8);
}

static void vfork_and_exec_are_followed(void)
{
	int fd = tracer_open(0);
	pid_t pid = tracer_start(fd, vforks_a_program);

	tracer_run(fd, count);
	CHECK_EQUAL(born, 2);
	CHECK(births[1].x.newthread.flags & CLONE_VFORK);
	CHECK_EQUAL(execs, 1);
	tracer_wait(pid, 0);
}

static void *execs_a_program(void *unused)
{
	(void)unused;
	execl("/bin/sh", "sh", "-c", "exit 6", NULL);
	return NULL;
}

static void execs_from_a_thread(void)
{
	pthread_t threads[3];

	CHECK(!pthread_create(&threads[0], NULL, marks, (void *)1000000000L));
	CHECK(!pthread_create(&threads[1], NULL, execs_a_program, NULL));
	pause();
}

static void exec_by_another_thread_than_the_first_is_followed(void)
{
	int fd = tracer_open(0);
	pid_t pid = tracer_start(fd, execs_from_a_thread);

	tracer_run(fd, count_marks);
	CHECK_EQUAL(born, 3);
	CHECK_EQUAL(died, 3);
	tracer_wait(pid, 6 << 8);
}

static bool modify_exec(int fd, const struct kmview_event *e)
{
	if (e->tag == KMVIEW_EVENT_SYSCALL_EXIT && !e->x.sysreturn.retval)
		execs++;
	if (e->tag != KMVIEW_EVENT_SYSCALL_ENTRY || e->x.syscall.scno != SYS_execve)
		return false;
	CHECK_OK(ioctl(fd, KMVIEW_SYSMODIFIED, &e->x.syscall));
	return true;
}

static void execs_directly(void)
{
	execs_a_program(NULL);
}

static void modified_exec_does_not_spoil_the_new_program(void)
{
	int fd = tracer_open(0);
	pid_t pid = tracer_start(fd, execs_directly);

	tracer_run(fd, modify_exec);
	CHECK_EQUAL(execs, 1);
	tracer_wait(pid, 6 << 8);
}

static void spins(void)
{
	for (;;)
		syscall(MARK);
}

/* A tracer in a process of its own; its traced process's pid comes through a pipe. */
static pid_t tracer_aside(int *pipe_in, bool closes)
{
	int fds[2];
	pid_t tracer;

	CHECK_OK(pipe(fds));
	tracer = CHECK_OK(fork());
	if (!tracer) {
		int fd = tracer_open(0);
		pid_t pid = tracer_start(fd, spins);

		CHECK(write(fds[1], &pid, sizeof(pid)) == sizeof(pid));
		for (unsigned i = 0; !closes || i < 100; i++) {
			struct kmview_event e = tracer_read(fd);

			if (e.tag == KMVIEW_EVENT_NEWTHREAD)
				tracer_number(fd, e.x.newthread.kmpid, e.x.newthread.kmpid);
			if (e.tag == KMVIEW_EVENT_SYSCALL_ENTRY)
				tracer_resume(fd, e.x.syscall.x.umpid);
		}
		close(fd);
		tracer_wait(pid, SIGKILL);
		_exit(7);
	}
	close(fds[1]);
	*pipe_in = fds[0];
	return tracer;
}

static void wait_until_gone(pid_t pid)
{
	while (!kill(pid, 0))
		usleep(1000);
	CHECK(errno == ESRCH);
}

static void traced_processes_die_with_their_tracer(void)
{
	for (unsigned i = 0; i < 20; i++) {
		int in;
		pid_t tracer, pid;

		tracer = tracer_aside(&in, false);
		CHECK(read(in, &pid, sizeof(pid)) == sizeof(pid));
		close(in);
		usleep(i * 500);
		kill(tracer, SIGKILL);
		tracer_wait(tracer, SIGKILL);
		wait_until_gone(pid);
	}
}

static void traced_processes_die_when_the_device_is_closed(void)
{
	int in;
	pid_t tracer = tracer_aside(&in, true);

	tracer_wait(tracer, 7 << 8);
}

static void keeps_the_device(int fd)
{
	CHECK_OK(ioctl(fd, KMVIEW_ATTACH));
	for (;;)
		pause(); /* and does not close its copy */
}

static void copy_of_the_device_does_not_keep_a_tracer_alive(void)
{
	int fds[2];
	pid_t tracer, pid;

	CHECK_OK(pipe(fds));
	tracer = CHECK_OK(fork());
	if (!tracer) {
		int fd = tracer_open(0);
		struct kmview_event e;

		pid = CHECK_OK(fork());
		if (!pid)
			keeps_the_device(fd);
		e = tracer_read(fd);
		CHECK_EQUAL(e.tag, KMVIEW_EVENT_NEWTHREAD);
		CHECK(write(fds[1], &pid, sizeof(pid)) == sizeof(pid));
		_exit(0);
	}
	CHECK(read(fds[0], &pid, sizeof(pid)) == sizeof(pid));
	tracer_wait(tracer, 0);
	wait_until_gone(pid);
}

static volatile sig_atomic_t handled;

static void on_signal(int number)
{
	(void)number;
	handled++;
}

static void waits_in_a_virtual_call(void)
{
	struct sigaction act = {.sa_handler = on_signal};

	sigaction(SIGUSR1, &act, NULL);
	CHECK_ERRNO(syscall(MARK, 0), EINTR);
	CHECK_EQUAL(handled, 1);
}

static pid_t to_signal;

static bool interrupt(int fd, const struct kmview_event *e)
{
	if (e->tag == KMVIEW_EVENT_SYSCALL_ENTRY && e->x.syscall.scno == MARK) {
		CHECK_OK(kill(to_signal, SIGUSR1));
		return true; /* no answer yet */
	}
	if (e->tag == KMVIEW_EVENT_SIGNAL) {
		signals++;
		tracer_virtualize(fd, e->x.signal.umpid, -1, EINTR);
		return true;
	}
	return false;
}

static void signal_to_a_waiting_call_is_told(void)
{
	int fd = tracer_open(KMVIEW_FLAG_SIGNAL);

	to_signal = tracer_start(fd, waits_in_a_virtual_call);
	tracer_run(fd, interrupt);
	CHECK_EQUAL(signals, 1);
	tracer_wait(to_signal, 0);
}

static void waits_and_is_restarted(void)
{
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	sigaction(SIGUSR1, &act, NULL);
	CHECK_EQUAL(syscall(MARK, 0), 8);
	CHECK_EQUAL(handled, 1);
}

static bool restart_once(int fd, const struct kmview_event *e)
{
	if (e->tag == KMVIEW_EVENT_SYSCALL_ENTRY && e->x.syscall.scno == MARK) {
		execs++;
		if (execs == 1)
			CHECK_OK(kill(to_signal, SIGUSR1));
		else
			tracer_virtualize(fd, e->x.syscall.x.umpid, 8, 0);
		return true;
	}
	if (e->tag == KMVIEW_EVENT_SIGNAL) {
		tracer_virtualize(fd, e->x.signal.umpid, -1, 512); /* ERESTARTSYS */
		return true;
	}
	return false;
}

static void virtual_call_is_restarted_as_the_kernel_would(void)
{
	int fd = tracer_open(KMVIEW_FLAG_SIGNAL);

	to_signal = tracer_start(fd, waits_and_is_restarted);
	tracer_run(fd, restart_once);
	CHECK_EQUAL(execs, 2);
	tracer_wait(to_signal, 0);
}

static bool kill_at_mark(int fd, const struct kmview_event *e)
{
	(void)fd;
	if (e->tag != KMVIEW_EVENT_SYSCALL_ENTRY || e->x.syscall.scno != MARK)
		return false;
	CHECK_OK(kill(to_signal, SIGKILL));
	return true;
}

static void waiting_thread_can_be_killed(void)
{
	int fd = tracer_open(0);

	to_signal = tracer_start(fd, spins);
	tracer_run(fd, kill_at_mark);
	tracer_wait(to_signal, SIGKILL);
}

/* Two tracers, one inside the other: MARK 1 is for the outer, MARK 2 for the inner one. */
static void marks_for_both(void)
{
	CHECK_EQUAL(syscall(MARK, 1), 100);
	CHECK_EQUAL(syscall(MARK, 2), 200);
	CHECK_EQUAL(syscall(MARK, 3), getpid());
}

static bool inner(int fd, const struct kmview_event *e)
{
	struct kmview_event_ioctl_syscall m = e->x.syscall;

	if (e->tag != KMVIEW_EVENT_SYSCALL_ENTRY || e->x.syscall.scno != MARK)
		return false;
	if (m.args[0] == 2) {
		tracer_virtualize(fd, m.x.umpid, 200, 0);
		return true;
	}
	if (m.args[0] == 3) { /* becomes MARK 4, which the outer makes a getpid */
		m.args[0] = 4;
		CHECK_OK(ioctl(fd, KMVIEW_SYSMODIFIED, &m));
		return true;
	}
	return false;
}

static void traces_another(void)
{
	int fd = tracer_open(0);
	pid_t pid = tracer_start(fd, marks_for_both);

	tracer_run(fd, inner);
	tracer_wait(pid, 0);
}

static bool outer(int fd, const struct kmview_event *e)
{
	struct kmview_event_ioctl_syscall m = e->x.syscall;

	count(fd, e);
	if (e->tag != KMVIEW_EVENT_SYSCALL_ENTRY || m.scno != MARK)
		return false;
	CHECK(m.args[0] != 2 && m.args[0] != 3);
	if (m.args[0] == 1)
		tracer_virtualize(fd, m.x.umpid, 100, 0);
	else {
		m.scno = SYS_getpid;
		CHECK_OK(ioctl(fd, KMVIEW_SYSMODIFIED, &m));
	}
	return true;
}

static void tracers_nest(void)
{
	int fd = tracer_open(0);
	pid_t pid = tracer_start(fd, traces_another);

	tracer_run(fd, outer);
	CHECK_EQUAL(born, 2);
	tracer_wait(pid, 0);
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		KTAP_CASE(offspring_is_traced_and_names_its_parent),
		KTAP_CASE(threads_have_calls_of_their_own),
		KTAP_CASE(vfork_and_exec_are_followed),
		KTAP_CASE(exec_by_another_thread_than_the_first_is_followed),
		KTAP_CASE(modified_exec_does_not_spoil_the_new_program),
		KTAP_CASE(traced_processes_die_with_their_tracer),
		KTAP_CASE(traced_processes_die_when_the_device_is_closed),
		KTAP_CASE(copy_of_the_device_does_not_keep_a_tracer_alive),
		KTAP_CASE(signal_to_a_waiting_call_is_told),
		KTAP_CASE(virtual_call_is_restarted_as_the_kernel_would),
		KTAP_CASE(waiting_thread_can_be_killed),
		KTAP_CASE(tracers_nest),
	};

	return ktap_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
