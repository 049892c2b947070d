/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Consoles of the switch: what it tells by itself, and the menus hash and fstp. Answers have the
 * words of vde_switch; arguments are read strictly, which it did not do.
 */
#include <errno.h>

#include "core/base/assert.h"
#include "core/switch/vsw_mgmt_impl.h"
#include "core/wire/print.h"

static const char *skip_blanks(const char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

bool vsw_arg_word(const char **args, char *word, size_t size)
{
	const char *s = skip_blanks(*args);
	size_t len = strcspn(s, " \t");

	if (len == 0 || len >= size)
		return false;
	memcpy(word, s, len);
	word[len] = '\0';
	*args = s + len;
	return true;
}

int vsw_arg(const char **args, uint64_t min, uint64_t max, unsigned *out)
{
	char word[24];
	uint64_t n;

	if (*skip_blanks(*args) == '\0')
		return -ENODATA;
	if (!vsw_arg_word(args, word, sizeof(word)) || vs_parse_uint(word, max, &n) != 0 || n < min)
		return -EINVAL;
	*out = (unsigned)n;
	return 0;
}

int vsw_arg_end(const char *args)
{
	return *skip_blanks(args) == '\0' ? 0 : -EINVAL;
}

int vsw_arg_maybe(const char *args, uint64_t max, unsigned *out, bool *given)
{
	int error = vsw_arg(&args, 0, max, out);

	*given = error != -ENODATA;
	if (error && *given)
		return error;
	return vsw_arg_end(args);
}

static void key_mac(uint64_t key, uint8_t mac[6])
{
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)(key >> (56 - 8 * i));
}

#define MAC_FORMAT  "%02x:%02x:%02x:%02x:%02x:%02x"
#define MAC_ARGS(m) (m)[0], (m)[1], (m)[2], (m)[3], (m)[4], (m)[5]

void vsw_tell_station(struct vsw *sw, enum vsw_event event, uint64_t key, unsigned port)
{
	uint8_t mac[6];

	if (!sw->mgmt || !mgmt_debugging(sw->mgmt, event))
		return;
	key_mac(key, mac);
	mgmt_debug(sw->mgmt, event, MAC_FORMAT " VLAN %02x:%02x Port %u", MAC_ARGS(mac),
		   (unsigned)(key >> 8 & 0xff), (unsigned)(key & 0xff), port);
}

void vsw_tell_port(struct vsw *sw, enum vsw_event event, unsigned port, int endpoint)
{
	if (!sw->mgmt || !mgmt_debugging(sw->mgmt, event))
		return;
	if (endpoint < 0)
		mgmt_debug(sw->mgmt, event, "%02u", port);
	else if (event == VSW_PORT_DESCR)
		mgmt_debug(sw->mgmt, event, "Port %02u FD %2d -> \"%s\"", port, endpoint,
			   sw->endpoints[endpoint].descr);
	else
		mgmt_debug(sw->mgmt, event, "Port %02u FD %2d", port, endpoint);
}

void vsw_tell_packet(struct vsw *sw, enum vsw_event event, unsigned port, int endpoint,
		     const struct vs_frame *f)
{
	char line[512];
	struct vs_text text;

	if (!mgmt_debugging(sw->mgmt, event))
		return;
	vs_text_init(&text, line, sizeof(line));
	wire_print(&text, f->data, f->len);
	mgmt_debug(sw->mgmt, event, "Port %02u FD %2d %s", port, endpoint, line);
}

static const struct mgmt_category categories[] = {
	{"hash/+", "hash: new element", VSW_HASH_NEW},
	{"hash/-", "hash: discarded element", VSW_HASH_GONE},
	{"port/+", "new port", VSW_PORT_NEW},
	{"port/-", "closed port", VSW_PORT_GONE},
	{"port/descr", "set port description", VSW_PORT_DESCR},
	{"port/ep/+", "new endpoint", VSW_EP_NEW},
	{"port/ep/-", "closed endpoint", VSW_EP_GONE},
	{"packet/in", "incoming packet", VSW_PACKET_IN},
	{"packet/out", "outgoing packet", VSW_PACKET_OUT},
};

/* Seconds as the original prints them, with a fraction if there is one. */
static void say_secs(struct mgmt_reply *r, const char *what, const char *key, vs_time t)
{
	long long secs = t / VS_SEC, msecs = t % VS_SEC / VS_MSEC;

	if (msecs)
		mgmt_line(r, "%s %lld.%03lld secs", what, secs, msecs);
	else
		mgmt_line(r, "%s %lld secs", what, secs);
	mgmt_json_micro(r, key, t / VS_USEC);
}

static int run_hash_showinfo(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	struct vsw *sw = owner;

	(void)now;
	if (vsw_arg_end(args) != 0)
		return -EINVAL;
	mgmt_line(r, "Hash size %u", sw->fdb.hash_size);
	mgmt_json_int(r, "hash_size", sw->fdb.hash_size);
	say_secs(r, "GC interval", "gc_interval", sw->fdb.gc_interval);
	say_secs(r, "GC expire", "expire", sw->fdb.expire);
	say_secs(r, "Min persistence", "min_persistence", sw->fdb.persistence);
	mgmt_json_int(r, "entries", sw->fdb.count);
	mgmt_json_int(r, "entries_max", sw->fdb.max);
	return 0;
}

static int run_hash_setsize(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	struct vsw *sw = owner;
	unsigned n;

	(void)now, (void)r;
	if (vsw_arg(&args, 1, FDB_HASH_SIZE_MAX, &n) != 0 || vsw_arg_end(args) != 0)
		return -EINVAL;
	return fdb_resize(&sw->fdb, n);
}

/* Reads whole seconds, up to a century. */
static int set_secs(vs_time *to, unsigned min, const char *args)
{
	unsigned n;

	if (vsw_arg(&args, min, (uint64_t)100 * 366 * 86400, &n) != 0 || vsw_arg_end(args) != 0)
		return -EINVAL;
	*to = n * VS_SEC;
	return 0;
}

static int run_hash_setgcint(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	(void)now, (void)r;
	return set_secs(&((struct vsw *)owner)->fdb.gc_interval, 1, args);
}

static int run_hash_setexpire(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	(void)now, (void)r;
	return set_secs(&((struct vsw *)owner)->fdb.expire, 1, args);
}

static int run_hash_setminper(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	(void)now, (void)r;
	return set_secs(&((struct vsw *)owner)->fdb.persistence, 0, args);
}

static void say_entry(struct vsw *sw, vs_time now, struct mgmt_reply *r, const struct fdb_entry *e)
{
	unsigned vlan = e->key & 0xffff;
	vs_time age = now - e->seen;
	char text[18];
	struct vs_text t;
	uint8_t mac[6];

	key_mac(e->key, mac);
	mgmt_line(r, "Hash: %04u Addr: " MAC_FORMAT " VLAN %04u to port: %03u  age %lld secs",
		  fdb_hash(&sw->fdb, e->key) & (sw->fdb.hash_size - 1), MAC_ARGS(mac), vlan,
		  e->port, (long long)(age / VS_SEC));
	vs_text_init(&t, text, sizeof(text));
	vs_text_add(&t, MAC_FORMAT, MAC_ARGS(mac));
	mgmt_json_open(r, NULL, '{');
	mgmt_json_text(r, "addr", text);
	mgmt_json_int(r, "vlan", vlan);
	mgmt_json_int(r, "port", e->port);
	mgmt_json_micro(r, "age", age / VS_USEC);
	mgmt_json_close(r);
}

static int run_hash_print(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	struct vsw *sw = owner;

	if (vsw_arg_end(args) != 0)
		return -EINVAL;
	mgmt_json_open(r, "stations", '[');
	for (uint32_t i = 0; i < sw->fdb.count; i++)
		if (!fdb_expired(&sw->fdb, &sw->fdb.entries[i], now))
			say_entry(sw, now, r, &sw->fdb.entries[i]);
	return 0;
}

/* Six bytes in hex, of one or two digits each, with colons or dashes between. */
static bool read_mac(const char *s, uint8_t mac[6])
{
	for (int i = 0; i < 6; i++) {
		unsigned byte = 0, digits = 0;

		for (; digits < 3; s++, digits++) {
			static const char hex[] = "0123456789abcdef0123456789ABCDEF";
			const char *digit = *s ? strchr(hex, *s) : NULL;

			if (!digit)
				break;
			byte = byte * 16 + (unsigned)(digit - hex) % 16;
		}
		if (digits == 0 || digits > 2)
			return false;
		mac[i] = (uint8_t)byte;
		if (i < 5 && *s != ':' && *s != '-')
			return false;
		s += i < 5;
	}
	return *s == '\0';
}

static int run_hash_find(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	struct vsw *sw = owner;
	const struct fdb_entry *e;
	char word[24];
	unsigned vlan = 0;
	uint8_t mac[6];
	bool given;

	if (!vsw_arg_word(&args, word, sizeof(word)) || !read_mac(word, mac) ||
	    vsw_arg_maybe(args, VSW_NO_VLAN - 1, &vlan, &given) != 0)
		return -EINVAL;
	e = fdb_lookup(&sw->fdb, fdb_key(mac, vlan));
	if (!e || fdb_expired(&sw->fdb, e, now))
		return -ENODEV;
	mgmt_json_open(r, "stations", '[');
	say_entry(sw, now, r, e);
	return 0;
}

static int run_fstp_showinfo(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	struct vsw *sw = owner;
	char text[18];
	struct vs_text t;

	(void)now;
	if (vsw_arg_end(args) != 0)
		return -EINVAL;
	mgmt_line(r, "MAC " MAC_FORMAT " Priority %u (0x%x)", MAC_ARGS(sw->conf.mac),
		  sw->conf.priority, sw->conf.priority);
	mgmt_line(r, "FSTP=false");
	vs_text_init(&t, text, sizeof(text));
	vs_text_add(&t, MAC_FORMAT, MAC_ARGS(sw->conf.mac));
	mgmt_json_text(r, "mac", text);
	mgmt_json_int(r, "priority", sw->conf.priority);
	mgmt_json_bool(r, "fstp", false);
	return 0;
}

/* There is no spanning tree here yet: off is what it is, on is refused. */
static int run_fstp_setfstp(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	unsigned on;

	(void)owner, (void)now, (void)r;
	if (vsw_arg(&args, 0, 1, &on) != 0 || vsw_arg_end(args) != 0)
		return -EINVAL;
	return on ? -EOPNOTSUPP : 0;
}

static const struct mgmt_command hash_commands[] = {
	{"hash", "", "HASH TABLE MENU", NULL, MGMT_MENU},
	{"hash/showinfo", "", "show hash info", run_hash_showinfo, MGMT_DATA},
	{"hash/setsize", "N", "change hash size", run_hash_setsize, 0},
	{"hash/setgcint", "N", "change garbage collector interval", run_hash_setgcint, 0},
	{"hash/setexpire", "N", "change hash entries expire time", run_hash_setexpire, 0},
	{"hash/setminper", "N", "minimum persistence time", run_hash_setminper, 0},
	{"hash/print", "", "print the hash table", run_hash_print, MGMT_DATA},
	{"hash/find", "MAC [VLAN]", "MAC lookup", run_hash_find, MGMT_DATA},
	{"fstp", "", "FAST SPANNING TREE MENU", NULL, MGMT_MENU},
	{"fstp/showinfo", "", "show fstp info", run_fstp_showinfo, MGMT_DATA},
	{"fstp/setfstp", "0/1", "Fast spanning tree protocol 1=ON 0=OFF", run_fstp_setfstp, 0},
};

int vsw_mgmt_add(struct vsw *sw, struct mgmt *m)
{
	int error = mgmt_add(m, hash_commands, sizeof(hash_commands) / sizeof(hash_commands[0]),
			     sw);

	if (!error)
		error = mgmt_add(m, vsw_mgmt_port, vsw_mgmt_port_count, sw);
	if (!error)
		error = mgmt_add(m, vsw_mgmt_vlan, vsw_mgmt_vlan_count, sw);
	if (!error)
		error = mgmt_add_categories(m, categories,
					    sizeof(categories) / sizeof(categories[0]), sw);
	if (error)
		mgmt_remove(m, sw);
	else
		sw->mgmt = m;
	return error;
}

void vsw_mgmt_remove(struct vsw *sw)
{
	if (sw->mgmt)
		mgmt_remove(sw->mgmt, sw);
	sw->mgmt = NULL;
}
