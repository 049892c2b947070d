/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a message costs that one process sends and N receive: on an IPN network, by datagrams over
 * AF_UNIX (one for each receiver), and, given its path, through a vde_switch. A line for each,
 * "NAME-N NS": ns a message. In a guest whose clock counts instructions these are instructions, of
 * sender, switch and receivers together.
 */
#include <time.h>

#include "core/plug/proto.h"
#include "kernel/test/ipn_net.h"

#define MESSAGES  500
#define SIZE	  64
#define NODES_MAX 16

static char message[SIZE];

static long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return now.tv_sec * 1000000000L + now.tv_nsec;
}

static void receive(const int *nodes, int count)
{
	char data[SIZE];

	for (int i = 0; i < count; i++)
		CHECK_EQUAL(recv(nodes[i], data, sizeof(data), 0), SIZE);
}

static void by_ipn(int count)
{
	int nodes[NODES_MAX], sender = ipn_peer(NET);
	long begin;

	for (int i = 0; i < count; i++)
		nodes[i] = ipn_join(NET);
	for (int round = 0; round < 2; round++) { /* the first warms what is allocated lazily */
		begin = now_ns();
		for (int m = 0; m < MESSAGES; m++) {
			CHECK_EQUAL(send(sender, message, SIZE, 0), SIZE);
			receive(nodes, count);
		}
	}
	printf("ipn-%d %ld\n", count, (now_ns() - begin) / MESSAGES);
	for (int i = 0; i < count; i++)
		close(nodes[i]);
	close(sender);
	clean_names();
}

static void by_unix(int count)
{
	int pairs[NODES_MAX][2], nodes[NODES_MAX];
	long begin;

	for (int i = 0; i < count; i++) {
		CHECK_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pairs[i]));
		nodes[i] = pairs[i][1];
	}
	for (int round = 0; round < 2; round++) {
		begin = now_ns();
		for (int m = 0; m < MESSAGES; m++) {
			for (int i = 0; i < count; i++)
				CHECK_EQUAL(send(pairs[i][0], message, SIZE, 0), SIZE);
			receive(nodes, count);
		}
	}
	printf("unix-%d %ld\n", count, (now_ns() - begin) / MESSAGES);
	for (int i = 0; i < count; i++) {
		close(pairs[i][0]);
		close(pairs[i][1]);
	}
}

/* A plug; its control connection stays open for as long as we live. */
static int plug(const char *path, int number)
{
	struct plug_request_v3 request = {.magic = PLUG_MAGIC, .version = PLUG_VERSION};
	struct sockaddr_un control = {.sun_family = AF_UNIX}, data;
	int s = (int)CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));
	int plugged = (int)CHECK_OK(socket(AF_UNIX, SOCK_DGRAM, 0));

	snprintf(control.sun_path, sizeof(control.sun_path), "%s/ctl", path);
	CHECK_OK(connect(s, (struct sockaddr *)&control, sizeof(control)));
	request.sock.sun_family = AF_UNIX;
	snprintf(request.sock.sun_path, sizeof(request.sock.sun_path), "/tmp/plug.%d", number);
	unlink(request.sock.sun_path);
	CHECK_OK(bind(plugged, (struct sockaddr *)&request.sock, sizeof(request.sock)));
	CHECK_EQUAL(send(s, &request, sizeof(request), 0), sizeof(request));
	CHECK_EQUAL(recv(s, &data, sizeof(data), 0), sizeof(data));
	CHECK_OK(connect(plugged, (struct sockaddr *)&data, sizeof(data)));
	return plugged;
}

static void by_switch(const char *path, int count)
{
	int nodes[NODES_MAX], sender = plug(path, 100);
	long begin;

	for (int i = 0; i < count; i++)
		nodes[i] = plug(path, i);
	for (int round = 0; round < 2; round++) {
		begin = now_ns();
		for (int m = 0; m < MESSAGES; m++) {
			CHECK_EQUAL(send(sender, message, SIZE, 0), SIZE);
			receive(nodes, count);
		}
	}
	printf("switch-%d %ld\n", count, (now_ns() - begin) / MESSAGES);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	memset(message, 0xff, 6); /* an Ethernet broadcast from 02:...:01 */
	message[6] = 2;
	message[11] = 1;
	for (int count = 1; count <= NODES_MAX; count += NODES_MAX - 1) {
		by_ipn(count);
		by_unix(count);
	}
	if (argc > 2)
		by_switch(argv[1], 1);
	if (argc > 2)
		by_switch(argv[2], NODES_MAX);
	return 0;
}
