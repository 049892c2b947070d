/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole labs from bytes: any topology, any faults, applications and commands at any time, and raw
 * frames put in between. Whatever comes of it, the oracles hold: frames are conserved, pools come
 * home, memory is given back.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/time.h"
#include "harness/lab/vsq.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct script {
	const uint8_t *bytes;
	size_t left;
};

static unsigned take(struct script *s, unsigned below)
{
	unsigned value;

	if (!s->left)
		return 0;
	value = *s->bytes++;
	s->left--;
	return value % below;
}

struct world {
	struct vsq_lab *lab;
	struct script *script;
	int hosts, switches, probe, cables;
	bool tampered; /* content may differ from what was sent */
};

static int any_node(struct world *w)
{
	return (int)take(w->script, (unsigned)(w->hosts + w->switches));
}

static void make_nodes(struct world *w)
{
	char text[64];

	w->hosts = 2 + (int)take(w->script, 3);
	w->switches = (int)take(w->script, 4);
	for (int i = 0; i < w->hosts; i++) {
		snprintf(text, sizeof(text), "h%d", i);
		if (take(w->script, 4))
			vsq_add_host(w->lab, text);
		else
			vsq_add_router(w->lab, text);
		snprintf(text, sizeof(text), "10.0.0.%d/24", i + 1);
		vsq_address(w->lab, i, 1, text);
		snprintf(text, sizeof(text), "2001:db8::%d/64", i + 1);
		vsq_address(w->lab, i, 1, text);
	}
	for (int i = 0; i < w->switches; i++) {
		snprintf(text, sizeof(text), "s%d", i);
		vsq_add_switch(w->lab, text, 16);
		vsq_join(w->lab, NULL, i % w->hosts, 0, w->hosts + i, 0);
	}
	vsq_join(w->lab, NULL, 0, 0, w->switches ? w->hosts : 1, 0);
	w->probe = vsq_add_probe(w->lab, "probe");
	vsq_join(w->lab, NULL, w->probe, 0, w->switches ? w->hosts : 1, 0);
}

static void set_link(struct world *w)
{
	static const struct {
		const char *name, *format;
	} parameters[] = {
		{"loss", "%u"},		    {"lostburst", "%u"},      {"delay", "%u"},
		{"delay", "20+%uU"},	    {"delay", "30+%uN"},      {"dup", "%u"},
		{"bandwidth", "%u000"},	    {"speed", "%u000"},	      {"chanbufsize", "%u00"},
		{"mtu", "%u0"},		    {"reorder", "%u"},	      {"fifo", "%u"},
		{"markov-numnodes", "%u"},  {"markov-setnode", "%u"}, {"markov-setedge", "0,1,%u"},
		{"markov-setedge", "1,0,%u"}, {"loss", "%u[1]"},      {"markov-time", "%u"},
		{"noise", "%u"},	    {"corrupt", "%u"},
	};
	unsigned which = take(w->script, sizeof(parameters) / sizeof(parameters[0]));
	char value[32], command[96];
	int cable = (int)take(w->script, (unsigned)vsq_cable_count(w->lab));
	unsigned time = take(w->script, 50);

	snprintf(value, sizeof(value), parameters[which].format, take(w->script, 101));
	w->tampered |= !strcmp(parameters[which].name, "noise") ||
		       !strcmp(parameters[which].name, "corrupt");
	if (time < 10) {
		vsq_link(w->lab, cable, parameters[which].name, value);
		return;
	}
	snprintf(command, sizeof(command), "cable:%s %s %s", vsq_cable_name(w->lab, cable),
		 parameters[which].name, value);
	vsq_at(w->lab, time * 100 * VS_MSEC, command);
}

static void add_app(struct world *w)
{
	static const char *const kinds[] = {"ping", "udp-cbr", "tcp-bulk", "tcp-request-response",
					    "tcp-echo"};
	static const char *const sizes[] = {"count=20 interval=50ms size=%u0",
					    "count=200 interval=5ms size=%u0", "bytes=%uKB",
					    "requests=10 request=%u0 response=%u00",
					    "count=10 size=%u0"};
	unsigned which = take(w->script, 5);
	char parameters[128], rest[64];
	unsigned size = 2 + take(w->script, 200);

	snprintf(parameters, sizeof(parameters), sizes[which], size, size);
	snprintf(rest, sizeof(rest), " start=%u00ms family=%s", take(w->script, 30),
		 take(w->script, 2) ? "6" : "4");
	strcat(parameters, rest);
	vsq_app(w->lab, kinds[which], (int)take(w->script, (unsigned)w->hosts),
		(int)take(w->script, (unsigned)w->hosts), parameters);
}

static void add_command(struct world *w)
{
	static const char *const commands[] = {
		"port/setvlan %u %u",	"vlan/create %u",      "vlan/addport %u %u",
		"vlan/delport %u %u",	"port/sethub %u",      "port/remove %u",
		"port/create %u",	"hash/setexpire %u",   "port/setnumports %u",
		"hash/setsize %u",	"port/epclose %u %u",  "vlan/remove %u",
	};
	unsigned which = take(w->script, sizeof(commands) / sizeof(commands[0]) + 3);
	char command[96], line[128];
	unsigned a = take(w->script, 20), b = take(w->script, 20);

	if (which >= sizeof(commands) / sizeof(commands[0])) {
		snprintf(line, sizeof(line), "h%u %s %u", a % (unsigned)w->hosts,
			 which & 1 ? "down" : "up", 1 + b % 2);
	} else {
		if (!w->switches)
			return;
		snprintf(command, sizeof(command), commands[which], a, b);
		snprintf(line, sizeof(line), "s%u %s", take(w->script, (unsigned)w->switches),
			 command);
	}
	vsq_at(w->lab, take(w->script, 50) * 100 * VS_MSEC, line);
}

/* A frame of the script's bytes behind an Ethernet header that lets it in. */
static void inject(struct world *w)
{
	uint8_t frame[256] = {0x02, 0x76, 0, 0, 0, 1, 0x02, 9, 9, 9, 9, 9, 0x08, 0x00};
	unsigned kind = take(w->script, 4), len = 14 + take(w->script, 120);
	vs_time time = take(w->script, 50) * 100 * VS_MSEC;

	if (kind == 0)
		memset(frame, 0xff, 6);
	if (kind == 1)
		frame[13] = 0x06;
	if (kind == 2) {
		frame[12] = 0x86;
		frame[13] = 0xdd;
	}
	for (unsigned i = kind == 3 ? 0 : 14; i < len; i++)
		frame[i] = (uint8_t)take(w->script, 256);
	vsq_inject(w->lab, w->probe, time, frame, len);
	w->tampered = true;
}

static void check(struct world *w)
{
	int failed = vsq_finish(w->lab);

	for (int i = 0; failed && i < vsq_judgement_count(w->lab); i++) {
		int held;
		const char *text = vsq_judgement(w->lab, i, &held);

		if (held || strstr(text, "a forwarding loop"))
			continue;
		if (!strncmp(text, "oracle:", 7) ||
		    (!w->tampered && strstr(text, "content differs"))) {
			fprintf(stderr, "%s\n", text);
			abort();
		}
	}
}

/* A storm shows what it has to show soon: enough events are enough. */
static int tired(void *ctx, int64_t now)
{
	unsigned *calls = ctx;

	(void)now;
	return ++*calls > 3;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	unsigned calls = 0;
	struct script script = {bytes, size};
	struct world w = {.script = &script};

	w.lab = vsq_new("fuzz", take(&script, 256));
	assert(w.lab);
	vsq_setting(w.lab, -1, "memory", take(&script, 8) ? "16MiB" : "512KiB");
	make_nodes(&w);
	/* Endless exchanges without delay would stop the clock. */
	for (int i = 0; i < vsq_cable_count(w.lab); i++)
		vsq_link(w.lab, i, "delay", "1");
	for (unsigned op = 0; script.left && op < 60; op++) {
		switch (take(&script, 6)) {
		case 0:
			if (vsq_cable_count(w.lab) < 12)
				vsq_join(w.lab, NULL, any_node(&w), 0, any_node(&w), 0);
			break;
		case 1:
		case 2:
			set_link(&w);
			break;
		case 3:
			add_app(&w);
			break;
		case 4:
			add_command(&w);
			break;
		case 5:
			inject(&w);
			break;
		}
	}
	vsq_run(w.lab, 6 * VS_SEC, NULL, tired, &calls);
	check(&w);
	vsq_free(w.lab);
	return 0;
}
