/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kmtrace: shows the system calls of a command and its offspring, and fakes some, through kmview.
 * A strace in miniature; it uses everything that the device can do.
 */
#include "kernel/bin/kmtrace.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/audit.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVENTS	     16
#define SCNO_MAX     1024
#define THREADS_MAX  65536
#define FAKES_MAX    64
#define GHOST_PATHS  32

enum how { BY_NEXT, BY_READ, BY_POLL };

struct fake {
	long scno;
	long retval, erno;
};

/* A thread's number here, umpid, is its place in this table. */
struct thread {
	int kmpid, pid; /* kmpid 0: nobody */
	struct kmview_event_ioctl_syscall call; /* that it is in */
};

struct trace {
	FILE *out;
	int device;
	enum how how;
	bool results, counting, called[SCNO_MAX];
	unsigned long flags, counts[SCNO_MAX];
	unsigned only;	/* calls named by --trace */
	struct fake fakes[FAKES_MAX];
	unsigned fakes_count;
	char *paths[GHOST_PATHS];
	unsigned paths_count;
	int fds[64];
	unsigned fds_count;
	struct thread *threads;
	struct thread *unfinished; /* whose call's line has no end yet */
	struct kmview_answer answers[EVENTS];
	unsigned answers_count;
	pid_t child;
};

static const char help[] =
	"Usage: kmtrace [OPTIONS] COMMAND [ARGUMENT...]\n"
	"Shows the system calls of a command and of all that it starts, through /dev/kmview.\n"
	"  -e, --trace NAME,...     only these calls\n"
	"  -P, --path PREFIX        of the calls with path names, only those below PREFIX\n"
	"  -d, --fd N               of the calls on descriptors, only those on descriptor N\n"
	"  -f, --fake NAME=VALUE    do not make the call NAME, return VALUE: a number or an error\n"
	"                           name, as open=ENOENT\n"
	"  -n, --no-results         do not wait for results (faster)\n"
	"  -s, --signals            show signals that interrupt a faked call\n"
	"  -c, --count              count calls, show only the sums\n"
	"  -b, --by next|read|poll  how events are fetched: answers and events in one call, one\n"
	"                           event a read, rows of events at a poll (default next)\n"
	"  -o, --output FILE        write there (default: stderr)\n"
	"  -h, --help               show this help and exit\n"
	"The exit status is the command's, 128 + N when signal N ended it, 125 when kmtrace "
	"failed.\n";

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "kmtrace: %s: %s\n", what, why);
	exit(125);
}

static long number_of(const char *name)
{
	long scno = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name);

	if (scno < 0 || scno >= SCNO_MAX)
		fail(name, "no such system call");
	return scno;
}

static void parse_trace(struct trace *t, char *names)
{
	for (char *name = strtok(names, ","); name; name = strtok(NULL, ",")) {
		t->called[number_of(name)] = true;
		t->only++;
	}
}

static void parse_fake(struct trace *t, char *text)
{
	struct fake *f = &t->fakes[t->fakes_count];
	char *value = strchr(text, '='), *end;

	if (!value)
		fail(text, "a fake is NAME=VALUE");
	if (t->fakes_count == FAKES_MAX)
		fail(text, "too many fakes");
	*value++ = '\0';
	*f = (struct fake){.scno = number_of(text)};
	f->retval = strtol(value, &end, 0);
	if (end == value || *end) {
		for (int e = 1; e < 256 && !f->erno; e++)
			if (strerrorname_np(e) && !strcmp(strerrorname_np(e), value))
				f->erno = e;
		if (!f->erno)
			fail(value, "neither a number nor the name of an error");
		f->retval = -1;
	}
	t->fakes_count++;
}

static void parse_fd(struct trace *t, const char *text)
{
	char *end;
	long fd = strtol(text, &end, 10);

	if (end == text || *end || fd < 0 || fd > 65535)
		fail(text, "no descriptor");
	if (t->fds_count == sizeof(t->fds) / sizeof(t->fds[0]))
		fail(text, "too many descriptors");
	t->fds[t->fds_count++] = (int)fd;
	t->flags |= KMVIEW_FLAG_FDSET | KMVIEW_FLAG_EXCEPT_CLOSE | KMVIEW_FLAG_EXCEPT_FCHDIR;
}

static void parse_by(struct trace *t, const char *text)
{
	static const char *const names[] = {"next", "read", "poll"};

	for (unsigned i = 0; i < 3; i++)
		if (!strcmp(text, names[i])) {
			t->how = (enum how)i;
			return;
		}
	fail(text, "events are fetched by next, read or poll");
}

static void parse_path(struct trace *t, char *path)
{
	if (*path != '/')
		fail(path, "a prefix is absolute");
	if (strlen(path) > 4095 || t->paths_count == GHOST_PATHS)
		fail(path, "too long, or too many");
	t->paths[t->paths_count++] = path;
	t->flags |= KMVIEW_FLAG_PATH_SYSCALL_SKIP;
}

static void parse(struct trace *t, int argc, char **argv)
{
	static const struct option options[] = {
		{"trace", required_argument, NULL, 'e'}, {"path", required_argument, NULL, 'P'},
		{"fd", required_argument, NULL, 'd'}, {"fake", required_argument, NULL, 'f'},
		{"no-results", no_argument, NULL, 'n'}, {"signals", no_argument, NULL, 's'},
		{"count", no_argument, NULL, 'c'}, {"by", required_argument, NULL, 'b'},
		{"output", required_argument, NULL, 'o'}, {"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0}};
	int option;

	while ((option = getopt_long(argc, argv, "+e:P:d:f:nscb:o:h", options, NULL)) >= 0) {
		switch (option) {
		case 'e':
			parse_trace(t, optarg);
			break;
		case 'P':
			parse_path(t, optarg);
			break;
		case 'd':
			parse_fd(t, optarg);
			break;
		case 'f':
			parse_fake(t, optarg);
			break;
		case 'n':
			t->results = false;
			break;
		case 's':
			t->flags |= KMVIEW_FLAG_SIGNAL;
			break;
		case 'c':
			t->counting = true;
			t->results = false;
			break;
		case 'b':
			parse_by(t, optarg);
			break;
		case 'o':
			t->out = fopen(optarg, "we");
			if (!t->out)
				fail(optarg, strerror(errno));
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		default:
			fputs(help, stderr);
			exit(125);
		}
	}
	if (optind == argc) {
		fputs(help, stderr);
		exit(125);
	}
}

static int by_length(const void *a, const void *b)
{
	size_t la = strlen(*(char *const *)a), lb = strlen(*(char *const *)b);

	return la < lb ? -1 : la > lb;
}

/* The prefixes as kmview wants them: by length, each told by how much longer it is. */
static void set_paths(struct trace *t)
{
	struct ghosthash64 gh;
	unsigned n = 0;
	size_t length = 0;

	ghosthash_new(&gh);
	qsort(t->paths, t->paths_count, sizeof(t->paths[0]), by_length);
	for (unsigned i = 0; i < t->paths_count; i++) {
		size_t more = strlen(t->paths[i]) - length;

		while (more >= GH_DUMMY && n < GH_SIZE) {
			gh.deltalen[n++] = GH_DUMMY;
			more -= GH_DUMMY;
			length += GH_DUMMY;
		}
		if (n == GH_SIZE)
			fail(t->paths[i], "too many or too long prefixes");
		gh.deltalen[n] = (unsigned char)more;
		length += more;
		gh.hash[n++] = ghosthash_sign(t->paths[i], (unsigned)length);
	}
	if (n < GH_SIZE)
		gh.deltalen[n] = GH_TERMINATE;
	if (ioctl(t->device, KMVIEW_GHOSTMOUNTS, &gh) < 0)
		fail("KMVIEW_GHOSTMOUNTS", strerror(errno));
}

/* Calls that nobody asked for are not told: in the old bitmap, and in the one for all numbers. */
static void set_calls(struct trace *t)
{
	unsigned int old[INT_PER_MAXSYSCALL];
	__u32 all[SCNO_MAX / 32];
	struct kmview_scbitmap map = {.arch = AUDIT_ARCH_X86_64, .count = SCNO_MAX,
				      .bits = (unsigned long)all};

	scbitmap_fill(old);
	memset(all, 0xff, sizeof(all));
	for (unsigned i = 0; i < t->fakes_count; i++)
		t->called[t->fakes[i].scno] = true;
	for (int i = 0; i < SCNO_MAX; i++)
		if (t->called[i]) {
			scbitmap_clr(old, i);
			all[i / 32] &= ~(1U << i % 32);
		}
	if (ioctl(t->device, KMVIEW_SYSCALLBITMAP, old) < 0 ||
	    ioctl(t->device, KMVIEW_SCBITMAP, &map) < 0)
		fail("KMVIEW_SCBITMAP", strerror(errno));
}

static void begin(struct trace *t, char **command)
{
	t->device = open("/dev/kmview", O_RDONLY | O_CLOEXEC);
	if (t->device < 0)
		fail("/dev/kmview", strerror(errno));
	if (ioctl(t->device, KMVIEW_GET_VERSION) < 2)
		fail("/dev/kmview", "too old a module");
	if (ioctl(t->device, KMVIEW_SET_FLAGS, t->flags) < 0 ||
	    ioctl(t->device, KMVIEW_GET_FLAGS) != (int)t->flags)
		fail("KMVIEW_SET_FLAGS", strerror(errno));
	if (t->only)
		set_calls(t);
	if (t->paths_count)
		set_paths(t);
	t->child = fork();
	if (t->child < 0)
		fail("fork", strerror(errno));
	if (t->child == 0) {
		if (ioctl(t->device, KMVIEW_ATTACH) < 0)
			fail("KMVIEW_ATTACH", strerror(errno));
		close(t->device);
		execvp(command[0], command);
		fprintf(stderr, "kmtrace: %s: %s\n", command[0], strerror(errno));
		_exit(errno == ENOENT ? 127 : 126);
	}
}

/* Begins a line about a thread, or goes on in the one of its call. Whether it goes on. */
static bool line(struct trace *t, struct thread *th, bool go_on)
{
	bool same = go_on && t->unfinished == th;

	if (t->unfinished && !same)
		fputs(" <unfinished ...>\n", t->out);
	t->unfinished = NULL;
	if (!same)
		fprintf(t->out, "[%d] ", th->pid);
	return same;
}

static struct kmview_answer *answer(struct trace *t, unsigned long verb, int kmpid)
{
	struct kmview_answer *a = &t->answers[t->answers_count++];

	*a = (struct kmview_answer){.verb = verb};
	a->x.kmpid = kmpid;
	return a;
}

static void greet(struct trace *t, const struct kmview_event_newthread *n)
{
	struct kmview_fd fd = {.kmpid = n->kmpid};
	int number = 1;

	while (number < THREADS_MAX && t->threads[number].kmpid)
		number++;
	if (number == THREADS_MAX)
		fail("threads", "too many");
	t->threads[number] = (struct thread){.kmpid = n->kmpid, .pid = n->pid};
	answer(t, KMVIEW_UMPID, n->kmpid)->x.umpid.umpid = number;
	/* What the first has, the others inherit. */
	for (unsigned i = 0; n->umppid < 0 && i < t->fds_count; i++) {
		fd.fd = t->fds[i];
		if (ioctl(t->device, KMVIEW_ADDFD, &fd) < 0)
			fail("KMVIEW_ADDFD", strerror(errno));
	}
	if (!t->counting) {
		line(t, &t->threads[number], false);
		fputs(n->umppid < 0 ? "begins\n" : "begins, a child\n", t->out);
	}
}

static const struct fake *fake_of(const struct trace *t,
				  const struct kmview_event_ioctl_syscall *call)
{
	for (unsigned i = 0; i < t->fakes_count; i++)
		if (t->fakes[i].scno == (long)call->scno && call->x.arch == AUDIT_ARCH_X86_64)
			return &t->fakes[i];
	return NULL;
}

static void enter(struct trace *t, const struct kmview_event_ioctl_syscall *call)
{
	struct thread *th = &t->threads[call->x.umpid];
	const struct fake *fake = fake_of(t, call);
	struct kmview_answer *a;

	if (call->scno < SCNO_MAX)
		t->counts[call->scno]++;
	th->call = *call;
	if (!t->counting) {
		line(t, th, false);
		print_call(t->out, t->device, th->kmpid, call);
	}
	if (fake) {
		a = answer(t, KMVIEW_SYSVIRTUALIZED, th->kmpid);
		a->x.sysreturn.retval = fake->retval;
		a->x.sysreturn.erno = fake->erno;
		if (!t->counting) {
			fputs(" faked", t->out);
			print_result(t->out, fake->retval, fake->erno);
		}
	} else if (t->results) {
		/* Unchanged, but with an event when it is over. */
		a = answer(t, KMVIEW_SYSMODIFIED, th->kmpid);
		a->x.syscall = *call;
		a->x.syscall.x.kmpid = th->kmpid;
		t->unfinished = th;
	} else {
		answer(t, KMVIEW_SYSRESUME, th->kmpid);
		if (!t->counting)
			fputc('\n', t->out);
	}
}

static void leave(struct trace *t, const struct kmview_event_ioctl_sysreturn *r)
{
	struct thread *th = &t->threads[r->x.umpid];
	char name[64];

	if (!line(t, th, true)) {
		print_name(th->call.x.arch, th->call.scno, name, sizeof(name));
		fprintf(t->out, "<... %s resumed>", name);
	}
	print_result(t->out, r->retval, r->erno);
	answer(t, KMVIEW_SYSRESUME, th->kmpid);
}

/* Whether this was the last there will be. */
static bool handle(struct trace *t, const struct kmview_event *e)
{
	struct thread *th;

	switch (e->tag) {
	case KMVIEW_EVENT_NEWTHREAD:
		greet(t, &e->x.newthread);
		return false;
	case KMVIEW_EVENT_TERMTHREAD:
		th = &t->threads[e->x.termthread.umpid];
		if (!t->counting) {
			line(t, th, false);
			fputs("ends\n", t->out);
		}
		th->kmpid = 0;
		return e->x.termthread.remaining == 0;
	case KMVIEW_EVENT_SYSCALL_ENTRY:
		enter(t, &e->x.syscall);
		return false;
	case KMVIEW_EVENT_SYSCALL_EXIT:
		leave(t, &e->x.sysreturn);
		return false;
	case KMVIEW_EVENT_SIGNAL:
		line(t, &t->threads[e->x.signal.umpid], false);
		fputs("has a signal\n", t->out);
		return false;
	}
	return false;
}

/* The answers one by one, as the first kmview had it. */
static void send_answers(struct trace *t)
{
	for (unsigned i = 0; i < t->answers_count; i++) {
		struct kmview_answer *a = &t->answers[i];
		int done = a->verb == KMVIEW_SYSRESUME ? ioctl(t->device, a->verb, a->x.kmpid)
						       : ioctl(t->device, a->verb, &a->x);

		if (done < 0 && errno != ESRCH) /* it was killed meanwhile */
			fail("kmview", strerror(errno));
	}
	t->answers_count = 0;
}

static int fetch(struct trace *t, struct kmview_event *events)
{
	struct kmview_next next = {.answers = (unsigned long)t->answers,
				   .answers_count = t->answers_count,
				   .events = (unsigned long)events, .events_count = EVENTS};
	struct pollfd wanted = {.fd = t->device, .events = POLLIN};
	int n = 0;

	switch (t->how) {
	case BY_NEXT:
		n = ioctl(t->device, KMVIEW_NEXT, &next);
		t->answers_count = 0;
		break;
	case BY_READ:
		send_answers(t);
		n = read(t->device, events, sizeof(*events)) > 0 ? 1 : -1;
		break;
	case BY_POLL:
		send_answers(t);
		if (poll(&wanted, 1, -1) != 1 || wanted.revents != POLLIN)
			return -1;
		while (n < EVENTS && events[n].tag != KMVIEW_EVENT_NONE)
			n++;
		break;
	}
	return n;
}

static void run(struct trace *t)
{
	struct kmview_event events[EVENTS];
	struct kmview_magicpoll magic = {.magicpoll_addr = (long)events, .magicpoll_cnt = EVENTS};
	bool end = false;

	if (t->how == BY_POLL && ioctl(t->device, KMVIEW_MAGICPOLL, &magic) < 0)
		fail("KMVIEW_MAGICPOLL", strerror(errno));
	while (!end) {
		int n = fetch(t, events);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			fail("kmview", strerror(errno));
		for (int i = 0; i < n; i++)
			end |= handle(t, &events[i]);
	}
}

static void print_counts(struct trace *t)
{
	char name[64];

	for (;;) {
		int most = 0;

		for (int i = 1; i < SCNO_MAX; i++)
			if (t->counts[i] > t->counts[most])
				most = i;
		if (!t->counts[most])
			return;
		print_name(AUDIT_ARCH_X86_64, (unsigned long)most, name, sizeof(name));
		fprintf(t->out, "%8lu  %s\n", t->counts[most], name);
		t->counts[most] = 0;
	}
}

int main(int argc, char **argv)
{
	static struct trace t;
	int status;

	t.out = stderr;
	t.results = true;
	t.threads = calloc(THREADS_MAX, sizeof(*t.threads));
	if (!t.threads)
		fail("memory", strerror(errno));
	parse(&t, argc, argv);
	begin(&t, argv + optind);
	signal(SIGINT, SIG_IGN); /* the command is told; it ends us by ending */
	run(&t);
	if (t.counting)
		print_counts(&t);
	if (waitpid(t.child, &status, 0) < 0)
		fail("wait", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
