/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many threads, many signals, tracers that die at any step, arguments at random. */
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#include "kernel/kmview/test/tracer.h"

static unsigned long marked;

static bool answer_marks(int fd, const struct kmview_event *e)
{
	if (e->tag != KMVIEW_EVENT_SYSCALL_ENTRY || e->x.syscall.scno != MARK)
		return false;
	marked++;
	tracer_virtualize(fd, e->x.syscall.x.umpid, (long)e->x.syscall.args[0] + 1, 0);
	return true;
}

static void *marks_200(void *unused)
{
	(void)unused;
	for (long i = 0; i < 200; i++)
		CHECK(syscall(MARK, i) == i + 1);
	return NULL;
}

static void runs_64_threads(void)
{
	pthread_t threads[64];

	for (unsigned i = 0; i < 64; i++)
		CHECK(!pthread_create(&threads[i], NULL, marks_200, NULL));
	for (unsigned i = 0; i < 64; i++)
		CHECK(!pthread_join(threads[i], NULL));
}

static void threads_64_each_get_their_answers(void)
{
	int fd = tracer_open(0);
	pid_t pid = tracer_start(fd, runs_64_threads);

	tracer_run(fd, answer_marks);
	CHECK_EQUAL(marked, 64 * 200);
	tracer_wait(pid, 0);
}

static volatile sig_atomic_t handled;

static void handle(int number)
{
	(void)number;
	handled++;
	/* The handler has calls of its own. */
	CHECK(syscall(MARK, 1000) == 1001);
}

static void is_stormed(void)
{
	struct sigaction act = {.sa_handler = handle, .sa_flags = SA_RESTART};
	pid_t storm;

	sigaction(SIGUSR1, &act, NULL);
	storm = CHECK_OK(fork());
	if (!storm) {
		pid_t parent = getppid();

		for (unsigned i = 0; i < 500; i++)
			kill(parent, SIGUSR1);
		_exit(0);
	}
	for (long i = 0; i < 500; i++)
		CHECK(syscall(MARK, i) == i + 1);
	while (waitpid(storm, NULL, 0) < 0)
		continue;
	CHECK(handled > 0);
}

static void signals_in_a_storm_disturb_no_call(void)
{
	int fd = tracer_open(0);
	pid_t pid = tracer_start(fd, is_stormed);

	tracer_run(fd, answer_marks);
	CHECK(marked >= 500);
	tracer_wait(pid, 0);
}

static void storm_is_told_and_does_no_harm(void)
{
	int fd = tracer_open(KMVIEW_FLAG_SIGNAL);
	pid_t pid = tracer_start(fd, is_stormed);

	tracer_run(fd, answer_marks);
	tracer_wait(pid, 0);
}

static void *execs(void *unused)
{
	(void)unused;
	execl("/bin/sh", "sh", "-c", "exit 0", NULL);
	return NULL;
}

static void *marks_for_ever(void *unused)
{
	(void)unused;
	for (;;)
		syscall(MARK, 1);
	return NULL;
}

static void execs_amid_threads(void)
{
	for (unsigned i = 0; i < 10; i++) {
		pid_t pid = CHECK_OK(fork());

		if (!pid) {
			pthread_t threads[5];

			for (unsigned k = 0; k < 4; k++)
				pthread_create(&threads[k], NULL, marks_for_ever, NULL);
			pthread_create(&threads[4], NULL, execs, NULL);
			for (;;)
				pause();
		}
		tracer_wait(pid, 0);
	}
}

static void exec_ends_the_other_threads(void)
{
	int fd = tracer_open(0);
	pid_t pid = tracer_start(fd, execs_amid_threads);

	tracer_run(fd, answer_marks);
	tracer_wait(pid, 0);
}

static void forks_and_marks(void)
{
	for (;;) {
		pid_t pid = fork();

		syscall(MARK, 3);
		if (!pid)
			_exit(0);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			continue;
	}
}

/* A tracer that answers n events and is gone. */
static void dies_after(unsigned n)
{
	int fd = tracer_open(0);

	tracer_start(fd, forks_and_marks);
	for (unsigned i = 0; i < n; i++) {
		struct kmview_event e = tracer_read(fd);

		if (e.tag == KMVIEW_EVENT_NEWTHREAD)
			tracer_number(fd, e.x.newthread.kmpid, e.x.newthread.kmpid);
		if (e.tag == KMVIEW_EVENT_SYSCALL_ENTRY &&
		    ioctl(fd, KMVIEW_SYSMODIFIED, &e.x.syscall))
			CHECK(errno == ESRCH);
		if (e.tag == KMVIEW_EVENT_SYSCALL_EXIT &&
		    ioctl(fd, KMVIEW_SYSRESUME, e.x.sysreturn.x.umpid))
			CHECK(errno == ESRCH);
	}
	_exit(9);
}

static void tracer_may_die_at_every_step(void)
{
	for (unsigned n = 1; n < 80; n++) {
		pid_t tracer = CHECK_OK(fork());

		if (!tracer)
			dies_after(n);
		tracer_wait(tracer, 9 << 8);
	}
}

static const unsigned requests[] = {
	KMVIEW_GET_VERSION, KMVIEW_SET_FLAGS, KMVIEW_MAGICPOLL, KMVIEW_ATTACH, KMVIEW_UMPID,
	KMVIEW_GET_FLAGS, KMVIEW_SYSRESUME, KMVIEW_SYSVIRTUALIZED, KMVIEW_SYSMODIFIED,
	KMVIEW_SYSRETURN, KMVIEW_SYSARGMOD, KMVIEW_READDATA, KMVIEW_READSTRINGDATA,
	KMVIEW_WRITEDATA, KMVIEW_ADDFD, KMVIEW_DELFD, KMVIEW_SYSCALLBITMAP, KMVIEW_SET_CHROOT,
	KMVIEW_CLR_CHROOT, KMVIEW_GHOSTMOUNTS, KMVIEW_SCBITMAP, KMVIEW_NEXT,
};

static unsigned long chance(unsigned long *state)
{
	*state = *state * 6364136223846793005UL + 1442695040888963407UL;
	return *state >> 33;
}

/* Small numbers are likely kmpids, descriptors and lengths; pointers lead here and nowhere. */
static unsigned long any_word(unsigned long *state, unsigned long *area)
{
	switch (chance(state) % 6) {
	case 0:
		return chance(state) % 8;
	case 1:
		return (unsigned long)area + chance(state) % 4096;
	case 2:
		return 0UL - chance(state) % 10;
	case 3:
		return chance(state) << 31 | chance(state);
	case 4:
		return 1UL << chance(state) % 64;
	default:
		return (unsigned long)area;
	}
}

static void spins(void)
{
	for (unsigned long i = 0;; i++)
		if (!(i % 8) && !fork())
			_exit(0);
		else if (waitpid(-1, NULL, WNOHANG) < 0)
			syscall(MARK, i);
}

static void requests_at_random_are_survived(void)
{
	for (unsigned long seed = 1; seed <= 12; seed++) {
		unsigned long state = seed, *area;
		struct timespec nap = {.tv_nsec = 1000};
		int fd = tracer_open(seed % 64);
		pid_t pid;

		printf("# seed %lu\n", seed);
		fcntl(fd, F_SETFL, O_NONBLOCK);
		area = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		pid = tracer_start(fd, spins);
		for (unsigned i = 0; i < 4000; i++) {
			struct kmview_event event;
			unsigned request = requests[chance(&state) % 22];

			for (unsigned k = 0; k < 24; k++)
				area[k] = any_word(&state, area);
			/* Its answers must not make it fork without end, or kill us. */
			if (request == KMVIEW_SYSMODIFIED || request == KMVIEW_SYSARGMOD)
				area[1] = SYS_getppid;
			if (request == KMVIEW_NEXT) {
				area[2] &= 3UL << 32 | 3;
				area[3] = 1UL << 32;
			}
			ioctl(fd, request, chance(&state) % 4 ? (unsigned long)area
							      : any_word(&state, area));
			if (read(fd, &event, sizeof(event)) > 0 &&
			    event.tag == KMVIEW_EVENT_SYSCALL_ENTRY && chance(&state) % 2)
				ioctl(fd, KMVIEW_SYSRESUME, event.x.syscall.x.umpid);
			if (!(i % 64))
				nanosleep(&nap, NULL);
		}
		close(fd);
		/* Killed, or dead of what was written into its memory. */
		CHECK_EQUAL(waitpid(pid, NULL, 0), pid);
	}
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		KTAP_CASE(threads_64_each_get_their_answers),
		KTAP_CASE(signals_in_a_storm_disturb_no_call),
		KTAP_CASE(storm_is_told_and_does_no_harm),
		KTAP_CASE(exec_ends_the_other_threads),
		KTAP_CASE(tracer_may_die_at_every_step),
		KTAP_CASE(requests_at_random_are_survived),
	};

	return ktap_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
