/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Claims about LWIPv6, each by its name: two stacks of this process on one switch. */
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "stack/lwip/lwipv6.h"

#define CHECK(claim)                                                                               \
	do {                                                                                       \
		if (!(claim)) {                                                                    \
			fprintf(stderr, "%s:%d: %s: errno %s\n", __func__, __LINE__, #claim,       \
				strerror(errno));                                                  \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

#define FAILS(call, why) CHECK((call) == -1 && errno == (why))

static struct stack *stacks[2];
static struct netif *netifs[2];

static void set_up(const char *vnl)
{
	for (int i = 0; i < 2; i++) {
		struct ip_addr addr, mask;

		CHECK((stacks[i] = lwip_stack_new()));
		CHECK((netifs[i] = lwip_vdeif_add(stacks[i], (void *)(uintptr_t)vnl)));
		IP64_ADDR(&addr, 10, 0, 0, 1 + i);
		IP64_MASKADDR(&mask, 255, 255, 255, 0);
		CHECK(!lwip_add_addr(netifs[i], &addr, &mask));
		IP6_ADDR(&addr, 0x2001, 0xdb8, 0, 0, 0, 0, 0, 1 + i);
		IP6_ADDR(&mask, 0xffff, 0xffff, 0xffff, 0xffff, 0, 0, 0, 0);
		CHECK(!lwip_add_addr(netifs[i], &addr, &mask));
		CHECK(!lwip_ifup(netifs[i]));
	}
}

struct name {
	struct sockaddr_storage storage;
	socklen_t len;
};

static struct sockaddr *sa(struct name *name)
{
	return (struct sockaddr *)(void *)&name->storage;
}

static struct name name_of(int domain, int host, uint16_t port)
{
	struct name name = {.len = sizeof(struct sockaddr_in6)};

	if (domain == AF_INET) {
		struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(port)};

		in4.sin_addr.s_addr = htonl(0x0a000001 + (uint32_t)host);
		memcpy(&name.storage, &in4, sizeof(in4));
		name.len = sizeof(in4);
	} else {
		struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

		memcpy(&in6.sin6_addr, "\x20\x01\x0d\xb8", 4);
		in6.sin6_addr.s6_addr[15] = (uint8_t)(1 + host);
		memcpy(&name.storage, &in6, sizeof(in6));
	}
	return name;
}

static int listener(int host, int domain, uint16_t port)
{
	struct name name = name_of(domain, host, port);
	int fd = lwip_msocket(stacks[host], domain, SOCK_STREAM, 0), on = 1;

	CHECK(fd >= 0);
	CHECK(!lwip_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	CHECK(!lwip_bind(fd, sa(&name), name.len));
	CHECK(!lwip_listen(fd, 8));
	return fd;
}

static void connected_pair(int domain, uint16_t port, int *client, int *server)
{
	struct name name = name_of(domain, 1, port), peer = {.len = sizeof(peer.storage)};
	struct name local = {.len = sizeof(local.storage)};
	int fd = listener(1, domain, port);

	*client = lwip_msocket(stacks[0], domain, SOCK_STREAM, 0);
	CHECK(*client >= 0);
	CHECK(!lwip_connect(*client, sa(&name), name.len));
	*server = lwip_accept(fd, sa(&peer), &peer.len);
	CHECK(*server >= 0);
	CHECK(!lwip_getsockname(*client, sa(&local), &local.len));
	CHECK(peer.len == name.len && local.len == peer.len);
	CHECK(!memcmp(&peer.storage, &local.storage, peer.len));
	CHECK(!lwip_close(fd));
}

#define MUCH (4 << 20)

static void *echo(void *ctx)
{
	int fd = *(int *)ctx;
	char buf[30000];
	ssize_t got;

	while ((got = lwip_read(fd, buf, sizeof(buf))) > 0)
		CHECK(lwip_write(fd, buf, (int)got) == got);
	CHECK(!got);
	CHECK(!lwip_close(fd));
	return NULL;
}

static void *send_much(void *ctx)
{
	int fd = *(int *)ctx;
	char *buf = malloc(MUCH);

	CHECK(buf);
	for (unsigned i = 0, x = 1; i < MUCH; i++, x = x * 1103515245 + 12345)
		buf[i] = (char)(x >> 16);
	CHECK(lwip_send(fd, buf, MUCH, 0) == MUCH);
	CHECK(!lwip_shutdown(fd, SHUT_WR));
	free(buf);
	return NULL;
}

static void exchange(int domain, uint16_t port)
{
	int client, server, got;
	pthread_t echoing, sending;
	char *buf = malloc(MUCH);
	unsigned x = 1;

	connected_pair(domain, port, &client, &server);
	CHECK(!pthread_create(&echoing, NULL, echo, &server));
	CHECK(!pthread_create(&sending, NULL, send_much, &client));
	got = (int)lwip_recv(client, buf, MUCH, MSG_WAITALL);
	CHECK(got == MUCH);
	for (unsigned i = 0; i < MUCH; i++, x = x * 1103515245 + 12345)
		CHECK(buf[i] == (char)(x >> 16));
	CHECK(lwip_read(client, buf, 1) == 0);
	pthread_join(echoing, NULL);
	pthread_join(sending, NULL);
	CHECK(!lwip_close(client));
	free(buf);
}

static void tcp_carries_bytes(void)
{
	exchange(AF_INET, 4000);
	exchange(AF_INET6, 4000);
}

static void udp_messages(int domain)
{
	struct name here = name_of(domain, 1, 5000), from = {.len = sizeof(from.storage)};
	struct iovec parts[2] = {{"he", 2}, {"llo", 3}};
	char buf[8] = "", left[3], right[8];
	struct iovec places[2] = {{left, 3}, {right, 1}};
	struct msghdr msg = {.msg_iov = parts, .msg_iovlen = 2};
	int a = lwip_msocket(stacks[0], domain, SOCK_DGRAM, 0);
	int b = lwip_msocket(stacks[1], domain, SOCK_DGRAM, IPPROTO_UDP), bytes = -1;

	CHECK(a >= 0 && b >= 0);
	CHECK(!lwip_bind(b, sa(&here), here.len));
	CHECK(lwip_sendto(a, "abc", 3, 0, sa(&here), here.len) == 3);
	CHECK(lwip_recv(b, buf, sizeof(buf), MSG_PEEK) == 3);
	CHECK(!lwip_ioctl(b, FIONREAD, &bytes) && bytes == 3);
	CHECK(lwip_recvfrom(b, buf, sizeof(buf), 0, sa(&from), &from.len) == 3);
	CHECK(!memcmp(buf, "abc", 3) && from.len == here.len);
	CHECK(!lwip_connect(b, sa(&from), from.len));
	CHECK(lwip_sendmsg(b, &msg, 0) == 5);
	msg = (struct msghdr){.msg_iov = places, .msg_iovlen = 2};
	CHECK(lwip_recvmsg(a, &msg, 0) == 4);
	CHECK(msg.msg_flags == MSG_TRUNC && !memcmp(left, "hel", 3) && right[0] == 'l');
	FAILS(lwip_recv(a, buf, 1, MSG_DONTWAIT), EAGAIN);
	CHECK(!lwip_close(a) && !lwip_close(b));
	FAILS(lwip_close(b), EBADF);
}

static void udp_carries_messages(void)
{
	udp_messages(AF_INET);
	udp_messages(AF_INET6);
}

static short look(int fd, short events)
{
	struct pollfd p = {fd, events, 0};

	CHECK(lwip_poll(&p, 1, 0) >= 0);
	return p.revents;
}

/* What a kernel poll alone sees. */
static short see(int fd)
{
	struct pollfd p = {fd, POLLIN | POLLOUT, 0};

	CHECK(poll(&p, 1, 0) >= 0);
	return p.revents;
}

static void poll_waits_for_both_kinds(void)
{
	struct pollfd p[2] = {{.events = POLLIN}, {.events = POLLIN}};
	int client, server, pipes[2];
	fd_set in, out;
	char c;

	connected_pair(AF_INET, 4100, &client, &server);
	CHECK(!pipe(pipes));
	p[0].fd = pipes[0];
	p[1].fd = server;
	CHECK(lwip_poll(p, 2, 0) == 0);
	CHECK(lwip_write(client, "x", 1) == 1);
	CHECK(lwip_poll(p, 2, -1) == 1 && p[1].revents == POLLIN && !p[0].revents);
	CHECK(write(pipes[1], "y", 1) == 1);
	CHECK(lwip_poll(p, 2, -1) == 2 && p[0].revents == POLLIN);
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(server, &in);
	FD_SET(pipes[0], &in);
	FD_SET(client, &out);
	CHECK(lwip_select(FD_SETSIZE, &in, &out, NULL, NULL) == 3);
	CHECK(lwip_read(server, &c, 1) == 1 && c == 'x');
	CHECK(look(server, POLLIN | POLLOUT) == POLLOUT && see(server) == POLLOUT);
	CHECK(!lwip_close(client));
	p[1].revents = 0;
	p[0].fd = -1;
	CHECK(lwip_poll(p, 2, -1) == 1 && p[1].revents & POLLIN);
	CHECK(lwip_read(server, &c, 1) == 0);
	CHECK(!lwip_close(server));
	CHECK(look(server, POLLIN) == POLLNVAL);
}

static void a_kernel_poll_sees_readiness(void)
{
	struct epoll_event e = {.events = EPOLLIN}, got;
	static char buf[65536];
	int client, server, epoll = epoll_create1(0), on = 1;

	connected_pair(AF_INET6, 4200, &client, &server);
	e.data.fd = server;
	CHECK(!epoll_ctl(epoll, EPOLL_CTL_ADD, server, &e));
	CHECK(epoll_wait(epoll, &got, 1, 0) == 0);
	CHECK(lwip_write(client, "x", 1) == 1);
	CHECK(epoll_wait(epoll, &got, 1, -1) == 1 && got.data.fd == server);
	CHECK(lwip_read(server, buf, 1) == 1);
	CHECK(epoll_wait(epoll, &got, 1, 0) == 0);
	CHECK(!lwip_ioctl(client, FIONBIO, &on));
	CHECK(lwip_fcntl(client, F_GETFL, 0) == (O_RDWR | O_NONBLOCK));
	while (lwip_write(client, buf, sizeof(buf)) > 0)
		continue;
	CHECK(errno == EAGAIN);
	e.events = EPOLLOUT;
	e.data.fd = client;
	CHECK(!epoll_ctl(epoll, EPOLL_CTL_DEL, server, NULL));
	CHECK(!epoll_ctl(epoll, EPOLL_CTL_ADD, client, &e));
	while (epoll_wait(epoll, &got, 1, 0) == 0)
		CHECK(lwip_read(server, buf, sizeof(buf)) > 0);
	CHECK(got.data.fd == client && got.events == EPOLLOUT);
	CHECK(lwip_write(client, buf, 1) == 1);
	CHECK(!lwip_close(client) && !lwip_close(server) && !close(epoll));
}

static void connect_does_not_block(void)
{
	struct name name = name_of(AF_INET, 1, 4300), closed = name_of(AF_INET, 1, 4301);
	int server = listener(1, AF_INET, 4300), error = -1;
	int fd = lwip_msocket(stacks[0], AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(error);
	struct pollfd p = {.events = POLLOUT};

	CHECK(lwip_fcntl(fd, F_GETFD, 0) == FD_CLOEXEC);
	FAILS(lwip_connect(fd, sa(&name), name.len), EINPROGRESS);
	p.fd = fd;
	CHECK(lwip_poll(&p, 1, -1) == 1 && p.revents == POLLOUT);
	CHECK(!lwip_getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) && !error);
	CHECK(!lwip_close(fd));
	CHECK((fd = lwip_msocket(stacks[0], AF_INET, SOCK_STREAM, 0)) >= 0);
	FAILS(lwip_connect(fd, sa(&closed), closed.len), ECONNREFUSED);
	CHECK(!lwip_close(fd));
	CHECK((fd = lwip_msocket(stacks[0], AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) >= 0);
	FAILS(lwip_connect(fd, sa(&closed), closed.len), EINPROGRESS);
	p.fd = fd;
	CHECK(lwip_poll(&p, 1, -1) == 1 && p.revents & POLLERR);
	CHECK(!lwip_getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) && error == ECONNREFUSED);
	CHECK(!lwip_close(fd) && !lwip_close(server));
}

static void on_signal(int signal)
{
	(void)signal;
}

static atomic_int phase;

static void *block(void *ctx)
{
	int fd = *(int *)ctx;
	char c;

	phase = 1;
	FAILS(lwip_read(fd, &c, 1), EINTR);
	phase = 2;
	FAILS(lwip_read(fd, &c, 1), EBADF);
	phase = 3;
	return NULL;
}

static void waits_end_by_signal_time_and_close(void)
{
	struct timespec pause = {.tv_nsec = 2000000};
	struct sigaction action = {.sa_handler = on_signal};
	struct timeval t = {.tv_usec = 20000};
	int client, server;
	pthread_t thread;
	char c;

	connected_pair(AF_INET, 4400, &client, &server);
	sigaction(SIGUSR1, &action, NULL);
	CHECK(!pthread_create(&thread, NULL, block, &server));
	while (phase != 2) {
		if (phase == 1)
			pthread_kill(thread, SIGUSR1);
		nanosleep(&pause, NULL);
	}
	CHECK(!lwip_setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)));
	FAILS(lwip_read(client, &c, 1), EAGAIN);
	CHECK(!lwip_close(server));
	pthread_join(thread, NULL);
	CHECK(phase == 3 && lwip_read(client, &c, 1) == 0);
	CHECK(!lwip_close(client));
}

static void options_are_the_engines(void)
{
	int fd = lwip_msocket(stacks[0], AF_INET, SOCK_STREAM, 0), value = 1;
	socklen_t len = sizeof(value);
	struct timeval t = {.tv_sec = 7, .tv_usec = 5000};
	struct linger linger = {1, 9};

	CHECK(!lwip_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, len));
	value = 0;
	CHECK(!lwip_getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &len) && value == 1);
	CHECK(!lwip_getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len) && value == SOCK_STREAM);
	CHECK(!lwip_setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)));
	t.tv_sec = 0;
	len = sizeof(t);
	CHECK(!lwip_getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, &len));
	CHECK(t.tv_sec == 7 && t.tv_usec == 5000);
	CHECK(!lwip_setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	len = sizeof(linger);
	linger.l_linger = 0;
	CHECK(!lwip_getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len) && linger.l_linger == 9);
	FAILS(lwip_setsockopt(fd, SOL_SOCKET, 9999, &value, sizeof(value)), ENOPROTOOPT);
	FAILS(lwip_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, 1), EINVAL);
	FAILS(lwip_msocket(stacks[0], AF_UNIX, SOCK_STREAM, 0), EAFNOSUPPORT);
	CHECK(!lwip_close(fd));
}

static void a_stack_ends_under_its_sockets(void)
{
	struct name name = name_of(AF_INET, 1, 4500);
	int fd, client;

	lwip_stack_set(stacks[1]);
	CHECK(lwip_stack_get() == stacks[1]);
	CHECK((fd = lwip_socket(AF_INET, SOCK_STREAM, 0)) >= 0);
	lwip_del_stack(stacks[1]);
	CHECK(!lwip_stack_get());
	FAILS(lwip_listen(fd, 1), EBADF);
	CHECK(look(fd, POLLIN) == POLLNVAL);
	CHECK(!lwip_close(fd));
	CHECK(!lwip_ifdown(netifs[0]));
	client = lwip_msocket(stacks[0], AF_INET, SOCK_STREAM, 0);
	FAILS(lwip_connect(client, sa(&name), name.len), ENETUNREACH);
	CHECK(!lwip_close(client));
	lwip_stack_flags_set(stacks[0], LWIP_STACK_FLAG_FORWARDING);
	CHECK(lwip_stack_flags_get(stacks[0]) == LWIP_STACK_FLAG_FORWARDING);
}

static void count(void *arg)
{
	++*(atomic_int *)arg;
}

static void a_callback_tells_an_event_once(void)
{
	lwipvoidfun call = (lwipvoidfun)count;
	atomic_int calls = 0, others = 0;
	int client, server;
	char c;

	connected_pair(AF_INET, 4600, &client, &server);
	CHECK(lwip_event_subscribe(NULL, NULL, server, POLLIN | POLLOUT) == POLLOUT);
	CHECK(lwip_event_subscribe(call, &calls, server, POLLIN) == 0);
	CHECK(lwip_event_subscribe(call, &others, server, POLLIN) == 0);
	CHECK(lwip_event_subscribe(NULL, &others, server, POLLIN) == 0);
	CHECK(calls == 0);
	CHECK(lwip_write(client, "xy", 2) == 2);
	while (!calls)
		sched_yield();
	CHECK(lwip_event_subscribe(call, &others, server, POLLIN) == POLLIN);
	CHECK(lwip_read(server, &c, 1) == 1 && lwip_read(server, &c, 1) == 1);
	CHECK(lwip_event_subscribe(call, &others, server, POLLIN) == 0);
	CHECK(!lwip_close(server) && !lwip_close(client));
	CHECK(calls == 1 && others == 0);
	FAILS(lwip_event_subscribe(call, &others, server, POLLIN), EBADF);
}

static void *many(void *ctx)
{
	uint16_t port = (uint16_t)(6000 + *(int *)ctx);

	for (int i = 0; i < 4; i++)
		exchange(i % 2 ? AF_INET : AF_INET6, port);
	return NULL;
}

static void threads_share_stacks(void)
{
	pthread_t threads[4];
	int ids[4] = {0, 1, 2, 3};

	for (int i = 0; i < 4; i++)
		CHECK(!pthread_create(&threads[i], NULL, many, &ids[i]));
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

static const struct claim {
	const char *name;
	void (*check)(void);
} claims[] = {
	{"tcp_carries_bytes", tcp_carries_bytes},
	{"udp_carries_messages", udp_carries_messages},
	{"poll_waits_for_both_kinds", poll_waits_for_both_kinds},
	{"a_kernel_poll_sees_readiness", a_kernel_poll_sees_readiness},
	{"connect_does_not_block", connect_does_not_block},
	{"waits_end_by_signal_time_and_close", waits_end_by_signal_time_and_close},
	{"options_are_the_engines", options_are_the_engines},
	{"a_stack_ends_under_its_sockets", a_stack_ends_under_its_sockets},
	{"a_callback_tells_an_event_once", a_callback_tells_an_event_once},
	{"threads_share_stacks", threads_share_stacks},
};

/* lwip_check VNL CLAIM, or without arguments: the names of all claims. */
int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		if (argc < 3) {
			puts(claims[i].name);
		} else if (!strcmp(claims[i].name, argv[2])) {
			set_up(argv[1]);
			claims[i].check();
			lwip_fini();
			return 0;
		}
	}
	return argc >= 3;
}
