/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which calls a tracer is told of; and taking events in rows. */
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "kernel/kmview/test/tracer.h"

static unsigned told[1024];

static bool tell(int fd, const struct kmview_event *e)
{
	(void)fd;
	if (e->tag == KMVIEW_EVENT_SYSCALL_ENTRY && e->x.syscall.scno < 1024)
		told[e->x.syscall.scno]++;
	return false;
}

static void gets_ids(void)
{
	getppid();
	getuid();
	syscall(SYS_statx, AT_FDCWD, "/", 0, 0, NULL);
}

static void calls_in_the_bitmap_are_not_told(void)
{
	int fd = tracer_open(0);
	unsigned int bitmap[INT_PER_MAXSYSCALL];
	pid_t pid;

	scbitmap_fill(bitmap);
	scbitmap_clr(bitmap, SYS_getuid);
	CHECK(scbitmap_isset(bitmap, SYS_getppid) && !scbitmap_isset(bitmap, SYS_getuid));
	CHECK_OK(ioctl(fd, KMVIEW_SYSCALLBITMAP, bitmap));
	CHECK_ERRNO(ioctl(fd, KMVIEW_SYSCALLBITMAP, 0), EFAULT);
	pid = tracer_start(fd, gets_ids);
	tracer_run(fd, tell);
	CHECK_EQUAL(told[SYS_getppid], 0);
	CHECK_EQUAL(told[SYS_getuid], 1);
	tracer_wait(pid, 0);
}

static void polls_late(void)
{
	struct pollfd nobody = {.fd = -1};

	syscall(SYS_epoll_pwait2, -1, NULL, 0, NULL, NULL, 0); /* 441: past the old bitmap */
	poll(&nobody, 1, 0);
}

static void newer_calls_have_a_bitmap_too(void)
{
	int fd = tracer_open(0);
	__u32 bits[32] = {0};
	struct kmview_scbitmap map = {.arch = AUDIT_ARCH_X86_64, .count = 1024,
				      .bits = (unsigned long)bits};
	pid_t pid;

	bits[SYS_epoll_pwait2 / 32] = 1U << SYS_epoll_pwait2 % 32;
	CHECK_OK(ioctl(fd, KMVIEW_SCBITMAP, &map));
	map.arch = 1;
	CHECK_ERRNO(ioctl(fd, KMVIEW_SCBITMAP, &map), EINVAL);
	map.arch = AUDIT_ARCH_I386;
	map.count = 1056;
	CHECK_ERRNO(ioctl(fd, KMVIEW_SCBITMAP, &map), EINVAL);
	pid = tracer_start(fd, polls_late);
	tracer_run(fd, tell);
	CHECK_EQUAL(told[SYS_epoll_pwait2], 0);
	CHECK_EQUAL(told[SYS_poll], 1);
	tracer_wait(pid, 0);
}

/* lseek is told with KMVIEW_FLAG_FDSET only for descriptors of the set. */
static void seeks(void)
{
	CHECK_ERRNO(lseek(900, 0, SEEK_SET), EBADF);
	syscall(MARK, 1); /* the tracer adds 900 */
	CHECK_ERRNO(lseek(900, 0, SEEK_SET), EBADF);
	CHECK_ERRNO(lseek(901, 0, SEEK_SET), EBADF);
	if (!fork()) {
		CHECK_ERRNO(lseek(900, 0, SEEK_SET), EBADF);
		_exit(0);
	}
	wait(NULL);
	syscall(MARK, 2); /* and takes it away again */
	CHECK_ERRNO(lseek(900, 0, SEEK_SET), EBADF);
	close(950);
	CHECK_ERRNO(fchdir(950), EBADF);
	shutdown(950, SHUT_RD);
}

static bool change_fds(int fd, const struct kmview_event *e)
{
	struct kmview_fd f = {.kmpid = e->x.syscall.x.umpid, .fd = 900};

	tell(fd, e);
	if (e->tag == KMVIEW_EVENT_SYSCALL_ENTRY && e->x.syscall.scno == MARK) {
		CHECK_OK(ioctl(fd, e->x.syscall.args[0] == 1 ? KMVIEW_ADDFD : KMVIEW_DELFD, &f));
		f.fd = -1;
		CHECK_ERRNO(ioctl(fd, KMVIEW_ADDFD, &f), EBADF);
		f.fd = 70000; /* grows */
		CHECK_OK(ioctl(fd, KMVIEW_ADDFD, &f));
	}
	return false;
}

static void descriptor_calls_are_told_for_the_set_only(void)
{
	int fd = tracer_open(KMVIEW_FLAG_FDSET);
	pid_t pid = tracer_start(fd, seeks);

	tracer_run(fd, change_fds);
	CHECK_EQUAL(told[SYS_lseek], 2); /* in the process and, inherited, in its child */
	CHECK_EQUAL(told[SYS_close], 0);
	CHECK_EQUAL(told[SYS_fchdir], 0);
	CHECK_EQUAL(told[SYS_shutdown], 0);
	tracer_wait(pid, 0);
}

static void closing_and_changing_directory_are_exceptions(void)
{
	int fd = tracer_open(KMVIEW_FLAG_FDSET | KMVIEW_FLAG_EXCEPT_CLOSE |
			     KMVIEW_FLAG_EXCEPT_FCHDIR);
	pid_t pid = tracer_start(fd, seeks);

	tracer_run(fd, change_fds);
	CHECK_EQUAL(told[SYS_close], 2); /* the device's and 950 */
	CHECK_EQUAL(told[SYS_fchdir], 1);
	CHECK_EQUAL(told[SYS_shutdown], 1);
	tracer_wait(pid, 0);
}

static void names_paths(void)
{
	struct stat st;

	access("/1", 0);	   /* a ghost */
	access("/123/4", 0);	   /* begins with one */
	access("/2", 0);	   /* none */
	access("1", 0);		   /* relative */
	access("/3/4567890/a", 0); /* the third */
	access("/3/456789", 0);
	access((char *)8, 0);
	link("/2", "/1/2");	   /* the second path counts as well */
	stat("", &st);
}

static bool chroot_at_mark(int fd, const struct kmview_event *e)
{
	tell(fd, e);
	if (e->tag == KMVIEW_EVENT_SYSCALL_ENTRY && e->x.syscall.scno == MARK)
		CHECK_OK(ioctl(fd,
			       e->x.syscall.args[0] == 1 ? KMVIEW_SET_CHROOT : KMVIEW_CLR_CHROOT,
			       e->x.syscall.x.umpid));
	return false;
}

static void path_calls_are_told_below_ghost_mounts_only(void)
{
	struct ghosthash64 gh = {{2, 2, 6, GH_TERMINATE}, {0x633, 0x193694, 0x5f710af7}};
	int fd = tracer_open(KMVIEW_FLAG_PATH_SYSCALL_SKIP);
	pid_t pid;

	CHECK_EQUAL(ghosthash_sign("/1", 2), gh.hash[0]);
	CHECK_EQUAL(ghosthash_sign("/1/2", 4), gh.hash[1]);
	CHECK_EQUAL(ghosthash_sign("/3/4567890", 10), gh.hash[2]);
	CHECK_OK(ioctl(fd, KMVIEW_GHOSTMOUNTS, &gh));
	pid = tracer_start(fd, names_paths);
	tracer_run(fd, tell);
	CHECK_EQUAL(told[SYS_access], 3);
	CHECK_EQUAL(told[SYS_link], 1);
	CHECK_EQUAL(told[SYS_newfstatat] + told[SYS_stat], 0);
	tracer_wait(pid, 0);
}

static void names_paths_in_a_chroot(void)
{
	access("/2", 0);
	syscall(MARK, 1);
	access("/2", 0);
	if (!fork()) {
		access("/2", 0);
		_exit(0);
	}
	wait(NULL);
	syscall(MARK, 2);
	access("/2", 0);
}

static void path_calls_of_a_chrooted_thread_are_all_told(void)
{
	int fd = tracer_open(KMVIEW_FLAG_PATH_SYSCALL_SKIP);
	pid_t pid = tracer_start(fd, names_paths_in_a_chroot);

	tracer_run(fd, chroot_at_mark);
	CHECK_EQUAL(told[SYS_access], 2);
	tracer_wait(pid, 0);
}

static void names_a_long_path(void)
{
	char path[401] = {0};

	memset(path, 'p', 400);
	path[0] = '/';
	access(path, 0);
	path[399] = 'q';
	access(path, 0);
	path[399] = '\0';
	access(path, 0);
}

static void ghost_mounts_may_be_long(void)
{
	struct ghosthash64 gh = {{GH_DUMMY, 400 - GH_DUMMY, GH_TERMINATE}, {0}};
	int fd = tracer_open(KMVIEW_FLAG_PATH_SYSCALL_SKIP);
	char path[400];
	pid_t pid;

	memset(path, 'p', 400);
	path[0] = '/';
	gh.hash[1] = ghosthash_sign(path, 400);
	CHECK_OK(ioctl(fd, KMVIEW_GHOSTMOUNTS, &gh));
	pid = tracer_start(fd, names_a_long_path);
	tracer_run(fd, tell);
	CHECK_EQUAL(told[SYS_access], 1);
	tracer_wait(pid, 0);
}

static void marks_in_a_row(void)
{
	for (long i = 0; i < 100; i++)
		CHECK_EQUAL(syscall(MARK, i), i);
}

static void marks_in_four(void)
{
	for (unsigned i = 0; i < 3; i++)
		if (!fork()) {
			marks_in_a_row();
			_exit(0);
		}
	marks_in_a_row();
	while (wait(NULL) > 0)
		continue;
}

/* Answers one event of a row; whether it was the last of all. */
static bool answer_row(int fd, const struct kmview_event *e, unsigned *marked)
{
	switch (e->tag) {
	case KMVIEW_EVENT_NEWTHREAD:
		tracer_number(fd, e->x.newthread.kmpid, e->x.newthread.kmpid);
		break;
	case KMVIEW_EVENT_TERMTHREAD:
		return !e->x.termthread.remaining;
	case KMVIEW_EVENT_SYSCALL_ENTRY:
		if (e->x.syscall.scno == MARK) {
			++*marked;
			tracer_virtualize(fd, e->x.syscall.x.umpid, e->x.syscall.args[0], 0);
		} else
			tracer_resume(fd, e->x.syscall.x.umpid);
		break;
	}
	return false;
}

static void poll_leaves_events_in_the_buffer(void)
{
	struct kmview_event row[8];
	struct kmview_magicpoll magic = {.magicpoll_addr = (long)row, .magicpoll_cnt = 8};
	int fd = tracer_open(0);
	struct pollfd wanted = {.fd = fd, .events = POLLIN};
	unsigned marked = 0;
	bool end = false;
	pid_t pid;

	CHECK_OK(ioctl(fd, KMVIEW_MAGICPOLL, &magic));
	pid = tracer_start(fd, marks_in_four);
	while (!end) {
		CHECK_EQUAL(poll(&wanted, 1, -1), 1);
		CHECK_EQUAL(wanted.revents, POLLIN);
		CHECK(row[0].tag != KMVIEW_EVENT_NONE);
		for (unsigned i = 0; i < 8 && row[i].tag != KMVIEW_EVENT_NONE; i++)
			end |= answer_row(fd, &row[i], &marked);
	}
	CHECK_EQUAL(marked, 400);
	tracer_wait(pid, 0);
}

/* Makes the answer to an event; 0: it needs none. */
static unsigned long answer_of(const struct kmview_event *e, struct kmview_answer *a, bool *end)
{
	memset(a, 0, sizeof(*a));
	switch (e->tag) {
	case KMVIEW_EVENT_NEWTHREAD:
		a->x.umpid.kmpid = a->x.umpid.umpid = e->x.newthread.kmpid;
		return KMVIEW_UMPID;
	case KMVIEW_EVENT_TERMTHREAD:
		*end = !e->x.termthread.remaining;
		return 0;
	case KMVIEW_EVENT_SYSCALL_ENTRY:
		a->x.kmpid = e->x.syscall.x.umpid;
		if (e->x.syscall.scno != MARK)
			return KMVIEW_SYSRESUME;
		a->x.sysreturn.retval = e->x.syscall.args[0];
		return KMVIEW_SYSVIRTUALIZED;
	}
	return 0;
}

static void answers_and_events_go_in_one_call(void)
{
	struct kmview_event events[8];
	struct kmview_answer answers[8];
	struct kmview_next next = {.events = (unsigned long)events, .events_count = 8,
				   .answers = (unsigned long)answers};
	int fd = tracer_open(0);
	pid_t pid = tracer_start(fd, marks_in_four);
	bool end = false;
	unsigned marked = 0;

	while (!end) {
		long n = CHECK_OK(ioctl(fd, KMVIEW_NEXT, &next));

		CHECK_EQUAL(next.answers_taken, next.answers_count);
		next.answers_count = 0;
		for (long i = 0; i < n; i++) {
			struct kmview_answer *a = &answers[next.answers_count];

			marked += events[i].tag == KMVIEW_EVENT_SYSCALL_ENTRY &&
				  events[i].x.syscall.scno == MARK;
			a->verb = answer_of(&events[i], a, &end);
			next.answers_count += a->verb != 0;
		}
	}
	CHECK_EQUAL(marked, 400);
	next.answers_count = 0;
	next.flags = KMVIEW_NEXT_NOWAIT;
	CHECK_EQUAL(ioctl(fd, KMVIEW_NEXT, &next), 0);
	next.flags = 8;
	CHECK_ERRNO(ioctl(fd, KMVIEW_NEXT, &next), EINVAL);
	tracer_wait(pid, 0);
}

static void event_that_cannot_be_stored_is_not_lost(void)
{
	int fd = tracer_open(0);
	pid_t pid = tracer_start(fd, gets_ids);
	struct pollfd wanted = {.fd = fd, .events = POLLIN};

	CHECK_EQUAL(poll(&wanted, 1, -1), 1);
	CHECK_ERRNO(syscall(SYS_read, fd, 8, sizeof(struct kmview_event)), EFAULT);
	tracer_run(fd, tell);
	CHECK_EQUAL(told[SYS_getppid], 1);
	tracer_wait(pid, 0);
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		KTAP_CASE(calls_in_the_bitmap_are_not_told),
		KTAP_CASE(newer_calls_have_a_bitmap_too),
		KTAP_CASE(descriptor_calls_are_told_for_the_set_only),
		KTAP_CASE(closing_and_changing_directory_are_exceptions),
		KTAP_CASE(path_calls_are_told_below_ghost_mounts_only),
		KTAP_CASE(path_calls_of_a_chrooted_thread_are_all_told),
		KTAP_CASE(ghost_mounts_may_be_long),
		KTAP_CASE(poll_leaves_events_in_the_buffer),
		KTAP_CASE(answers_and_events_go_in_one_call),
		KTAP_CASE(event_that_cannot_be_stored_is_not_lost),
	};

	return ktap_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
