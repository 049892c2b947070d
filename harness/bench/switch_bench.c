/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Measures one switch that runs already: a sender and receivers of the system's libvdeplug, the
 * frames that arrive, and the processor time that the switch needs for them.
 *
 *	switch_bench DIR PID SIZE RECEIVERS[p] MILLISECONDS RATE BURNERS [DIR2]
 *
 * With DIR2 the receivers are on that switch, and PID is what joins the two.
 * With one receiver frames are unicast to it, with more they are flooded. All receivers are one
 * process, or with a p behind their number a process each, as virtual machines are. RATE is in
 * frames per second, 0 for as fast as the switch takes them. BURNERS processes compete for the
 * processors.
 * Prints one JSON object: sent, delivered (by all receivers), seconds, cpu_ns of the switch.
 * The library is loaded at run time, so that building needs none.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/plug/libvdeplug.h"

#define RECEIVERS_MAX 64

struct lib {
	VDECONN *(*open)(char *, char *, int, struct vde_open_args *);
	ssize_t (*recv)(VDECONN *, void *, size_t, int);
	ssize_t (*send)(VDECONN *, const void *, size_t, int);
	int (*datafd)(VDECONN *);
};

/* What the processes tell each other. */
struct board {
	volatile bool stop;
	volatile uint64_t sent, delivered[RECEIVERS_MAX]; /* by each receiving process */
	volatile int64_t last_ns; /* when the last frame came */
};

struct bench {
	struct lib lib;
	char *dir, *dir_to; /* of the sender's switch, and the receivers' */
	int pid;
	size_t size;
	int receivers, processes, milliseconds, burners;
	long rate;
	struct board *board;
};

static void fail(const char *what)
{
	fprintf(stderr, "switch_bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Processor time of a process, in ns. */
static uint64_t cpu_ns(int pid)
{
	unsigned long long ns = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%llu", &ns) != 1)
		fail(path);
	fclose(file);
	return ns;
}

static void lib_load(struct lib *lib)
{
	void *so = dlopen("libvdeplug.so.2", RTLD_NOW);

	if (!so) {
		fprintf(stderr, "switch_bench: %s\n", dlerror());
		exit(1);
	}
	*(void **)&lib->open = dlsym(so, "vde_open_real");
	*(void **)&lib->recv = dlsym(so, "vde_recv");
	*(void **)&lib->send = dlsym(so, "vde_send");
	*(void **)&lib->datafd = dlsym(so, "vde_datafd");
	if (!lib->open || !lib->recv || !lib->send || !lib->datafd)
		fail("libvdeplug.so.2");
}

static VDECONN *join(const struct bench *b, char *dir, const char *name)
{
	struct vde_open_args args = {.mode = 0700};
	VDECONN *conn = b->lib.open(dir, (char *)name, LIBVDEPLUG_INTERFACE_VERSION, &args);

	if (!conn)
		fail(dir);
	return conn;
}

static void frame_make(unsigned char *frame, size_t size, const char *to, const char *from)
{
	memset(frame, 0, size);
	memcpy(frame, to, 6);
	memcpy(frame + 6, from, 6);
	frame[12] = 0x88; /* an experimental type, IEEE 802 9.2.3 */
	frame[13] = 0xb5;
}

static const char mac_sender[] = "\x02\0\0\0\0\1", mac_receiver[] = "\x02\0\0\0\0\2",
		  mac_all[] = "\xff\xff\xff\xff\xff\xff";

/* Process number `number` of the receivers: what comes for these of them. */
static void receive(const struct bench *b, int number, VDECONN **conns, int count)
{
	struct pollfd pfds[RECEIVERS_MAX];
	unsigned char frame[VDE_ETHBUFSIZE];

	for (int i = 0; i < count; i++) {
		int fd = b->lib.datafd(conns[i]);

		/* Debian's library does not honour MSG_DONTWAIT. */
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		pfds[i] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	for (;;) {
		uint64_t got = 0;

		if (poll(pfds, (nfds_t)count, 100) <= 0) {
			if (b->board->stop)
				return;
			continue;
		}
		for (int i = 0; i < count; i++) {
			if (!(pfds[i].revents & POLLIN))
				continue;
			while (b->lib.recv(conns[i], frame, sizeof(frame), 0) > 1)
				got++;
		}
		b->board->delivered[number] += got;
		b->board->last_ns = now_ns();
	}
}

static void send_all(const struct bench *b, VDECONN *conn)
{
	unsigned char frame[VDE_ETHBUFSIZE];
	int64_t start = now_ns();
	uint64_t sent = 0;

	frame_make(frame, b->size, b->receivers == 1 ? mac_receiver : mac_all, mac_sender);
	while (!b->board->stop) {
		if (b->rate) {
			uint64_t due = (uint64_t)((now_ns() - start) / 1000 * b->rate / 1000000);

			if (sent >= due) {
				struct timespec ms = {0, 500000};

				nanosleep(&ms, NULL);
				continue;
			}
		}
		if (b->lib.send(conn, frame, b->size, 0) > 0)
			b->board->sent = ++sent;
	}
}

static pid_t child(const struct bench *b)
{
	pid_t parent = getpid(), pid = fork();

	(void)b;
	if (pid < 0)
		fail("fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	return pid;
}

static uint64_t delivered_by_all(const struct bench *b)
{
	uint64_t sum = 0;

	for (int i = 0; i < b->processes; i++)
		sum += b->board->delivered[i];
	return sum;
}

/* Every connection lives in this process and is inherited, so that their ends close together. */
static void measure(struct bench *b)
{
	VDECONN *sender = join(b, b->dir, "bench sender"), *receivers[RECEIVERS_MAX];
	unsigned char frame[64];
	pid_t burners[RECEIVERS_MAX], readers[RECEIVERS_MAX], s;
	int each = b->receivers / b->processes;
	uint64_t cpu, delivered;
	int64_t start, end;

	for (int i = 0; i < b->receivers; i++) {
		char name[32];

		snprintf(name, sizeof(name), "bench receiver %d", i);
		receivers[i] = join(b, b->dir_to, name);
	}
	/* The switch learns where the receiver is. */
	frame_make(frame, sizeof(frame), mac_sender, mac_receiver);
	b->lib.send(receivers[0], frame, sizeof(frame), 0);
	usleep(20000);
	for (int i = 0; i < b->burners; i++) {
		burners[i] = child(b);
		while (burners[i] == 0)
			;
	}
	for (int i = 0; i < b->processes; i++) {
		readers[i] = child(b);
		if (readers[i] == 0) {
			receive(b, i, receivers + i * each, each);
			_exit(0);
		}
	}
	s = child(b);
	if (s == 0) {
		send_all(b, sender);
		_exit(0);
	}
	usleep(100000);
	cpu = cpu_ns(b->pid);
	delivered = delivered_by_all(b);
	start = now_ns();
	usleep((useconds_t)b->milliseconds * 1000);
	cpu = cpu_ns(b->pid) - cpu;
	delivered = delivered_by_all(b) - delivered;
	end = now_ns();
	b->board->stop = true;
	waitpid(s, NULL, 0);
	for (int i = 0; i < b->processes; i++)
		waitpid(readers[i], NULL, 0);
	for (int i = 0; i < b->burners; i++) {
		kill(burners[i], SIGKILL);
		waitpid(burners[i], NULL, 0);
	}
	printf("{\"seconds\": %.6f, \"delivered\": %llu, \"cpu_ns\": %llu, \"sent_total\": %llu, "
	       "\"delivered_total\": %llu}\n",
	       (double)(end - start) / 1e9, (unsigned long long)delivered, (unsigned long long)cpu,
	       (unsigned long long)b->board->sent, (unsigned long long)delivered_by_all(b));
}

int main(int argc, char **argv)
{
	struct bench b = {0};

	if (argc != 8 && argc != 9) {
		fputs("usage: switch_bench DIR PID SIZE RECEIVERS[p] MILLISECONDS RATE BURNERS "
		      "[DIR2]\n",
		      stderr);
		return 2;
	}
	b.dir = argv[1];
	b.dir_to = argc == 9 ? argv[8] : argv[1];
	b.pid = atoi(argv[2]);
	b.size = (size_t)atoi(argv[3]);
	b.receivers = atoi(argv[4]);
	b.processes = strchr(argv[4], 'p') ? b.receivers : 1;
	b.milliseconds = atoi(argv[5]);
	b.rate = atol(argv[6]);
	b.burners = atoi(argv[7]);
	if (b.size < 60 || b.size > VDE_ETHBUFSIZE || b.receivers < 1 ||
	    b.receivers > RECEIVERS_MAX || b.burners < 0 || b.burners > RECEIVERS_MAX) {
		fputs("switch_bench: a number is out of range\n", stderr);
		return 2;
	}
	b.board = mmap(NULL, sizeof(*b.board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (b.board == MAP_FAILED)
		fail("mmap");
	lib_load(&b.lib);
	measure(&b);
	return 0;
}
