/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "net.ipv4.tcp_...": Linux's names, for both families. A table says where each is and how large
 * it may be; a vector has three numbers.
 */
#include "stack/tcp/tcp_impl.h"

#include <string.h>

#include "core/base/text.h"

#define PREFIX "net.ipv4.tcp_"

struct setting {
	char name[32];
	uint16_t offset;
	uint8_t numbers;
	uint32_t least, most;
};

#define SETTING(name, field, numbers, least, most)                                                 \
	{                                                                                          \
		name, offsetof(struct tcp_settings, field), numbers, least, most                   \
	}

static const struct setting settings[] = {
	SETTING("sack", sack, 1, 0, 1),
	SETTING("dsack", dsack, 1, 0, 1),
	SETTING("timestamps", timestamps, 1, 0, 2),
	SETTING("window_scaling", window_scaling, 1, 0, 1),
	SETTING("rmem", rmem, 3, 1, 1 << 30),
	SETTING("wmem", wmem, 3, 1, 1 << 30),
	SETTING("initial_cwnd", initial_cwnd, 1, 1, 1000),
	SETTING("syn_retries", syn_retries, 1, 1, 127),
	SETTING("synack_retries", synack_retries, 1, 0, 127),
	SETTING("retries2", retries2, 1, 0, 127),
	SETTING("orphan_retries", orphan_retries, 1, 0, 127),
	SETTING("keepalive_time", keepalive_time, 1, 1, 32767),
	SETTING("keepalive_intvl", keepalive_intvl, 1, 1, 32767),
	SETTING("keepalive_probes", keepalive_probes, 1, 1, 127),
	SETTING("fin_timeout", fin_timeout, 1, 0, 120),
	SETTING("max_syn_backlog", max_syn_backlog, 1, 1, 1 << 20),
	SETTING("slow_start_after_idle", slow_start_after_idle, 1, 0, 1),
	SETTING("challenge_ack_limit", challenge_ack_limit, 1, 0, 1 << 30),
	SETTING("invalid_ratelimit", invalid_ratelimit_ms, 1, 0, 1 << 30),
	SETTING("rto_min_ms", rto_min_ms, 1, 1, 120000),
	SETTING("min_tso_segs", min_tso_segs, 1, 1, 63),
	SETTING("recovery", recovery, 1, 0, 7),
	SETTING("early_retrans", early_retrans, 1, 0, 4),
	SETTING("syncookies", syncookies, 1, 0, 2),
	SETTING("frto", frto, 1, 0, 2),
	SETTING("ecn", ecn, 1, 0, 2),
	SETTING("ecn_fallback", ecn_fallback, 1, 0, 1),
	SETTING("rfc1337", rfc1337, 1, 0, 1),
	SETTING("max_orphans", max_orphans, 1, 0, 1 << 30),
	SETTING("retries1", retries1, 1, 0, 127),
	SETTING("mtu_probing", mtu_probing, 1, 0, 2),
	SETTING("base_mss", base_mss, 1, 48, 65535),
	SETTING("mtu_probe_floor", mtu_probe_floor, 1, 48, 65535),
	SETTING("probe_threshold", mtu_probe_threshold, 1, 1, 65535),
	SETTING("probe_interval", mtu_probe_interval_s, 1, 1, 1 << 30),
	SETTING("max_tw_buckets", max_tw_buckets, 1, 0, 1 << 30),
	SETTING("tw_reuse", tw_reuse, 1, 0, 2),
	SETTING("fastopen", fastopen, 1, 0, INT32_MAX),
	SETTING("fastopen_blackhole_timeout_sec", fastopen_blackhole_s, 1, 0, 1 << 30),
};

static const struct setting *find(const char *name)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		if (!strcmp(name, settings[i].name))
			return &settings[i];
	return NULL;
}

static uint32_t *place(struct tcp *t, const struct setting *set)
{
	return (uint32_t *)((char *)&t->settings + set->offset);
}

/* Digits of base 16 up to a mark or the end: moves past them. */
static int read_hex(const char **text, uint32_t *n)
{
	unsigned digits = 0;

	for (*n = 0;; (*text)++, digits++) {
		char c = **text;
		unsigned digit;

		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (unsigned)((c | 0x20) - 'a') + 10;
		else
			break;
		*n = *n << 4 | digit;
	}
	return digits && digits <= 8 ? 0 : -EINVAL;
}

/* A number as sysctl takes it: 0x... too. */
static int read_number(const char *word, uint32_t most, uint32_t *n)
{
	uint64_t big;

	if (word[0] == '0' && (word[1] | 0x20) == 'x') {
		word += 2;
		return read_hex(&word, n) || *word || *n > most ? -EINVAL : 0;
	}
	if (vs_parse_uint(word, most, &big))
		return -EINVAL;
	*n = (uint32_t)big;
	return 0;
}

/* "x-x-x-x", or two of those with a comma between: the key and one that was (tcp(7)). */
static int fastopen_key_set(struct tcp *t, const char *value)
{
	struct tcp_fastopen_keys keys;
	uint8_t bytes[32];
	size_t len = 0;

	while (len < sizeof(bytes)) {
		uint32_t word;

		if (read_hex(&value, &word))
			return -EINVAL;
		for (unsigned i = 0; i < 4; i++)
			bytes[len++] = (uint8_t)(word >> 8 * i);
		if (len % 16 ? *value != '-' : *value != ',')
			break;
		value++;
	}
	if (*value || tcp_fastopen_keys_read(&keys, bytes, len))
		return -EINVAL;
	t->fastopen_keys = keys;
	return 0;
}

static void fastopen_key_get(const struct tcp *t, struct vs_text *text)
{
	for (unsigned i = 0; i < t->fastopen_keys.count; i++)
		for (unsigned k = 0; k < 2; k++) {
			uint64_t word = t->fastopen_keys.key[i][k];

			vs_text_add(text, "%s%08x-%08x", k ? "-" : i ? "," : "",
				    (unsigned)word, (unsigned)(word >> 32));
		}
}

/* Reads `numbers` numbers between blanks. */
static int read_numbers(const struct setting *set, const char *value, uint32_t *numbers)
{
	for (unsigned i = 0; i < set->numbers; i++) {
		char word[16];
		size_t len;

		value += strspn(value, " \t");
		len = strcspn(value, " \t");
		if (!len || len >= sizeof(word))
			return -EINVAL;
		memcpy(word, value, len);
		word[len] = '\0';
		value += len;
		if (read_number(word, set->most, &numbers[i]) || numbers[i] < set->least)
			return -EINVAL;
	}
	return value[strspn(value, " \t")] ? -EINVAL : 0;
}

static int congestion_set(struct tcp *t, const char *value)
{
	const struct tcp_cc *cc;

	for (unsigned i = 0; (cc = tcp_cc_by_index(i)); i++)
		if (!strcmp(cc->name, value)) {
			t->settings.cc_index = i;
			return 0;
		}
	return -ENOENT;
}

static int port_range_set(struct tcp *t, const char *value)
{
	static const struct setting range = {"", 0, 2, 1, 65535};
	uint32_t ports[3];
	int error = read_numbers(&range, value, ports);

	if (error || ports[0] > ports[1])
		return -EINVAL;
	t->settings.port_first = ports[0];
	t->settings.port_last = ports[1];
	return 0;
}

int tcp_set(struct stk *s, const char *name, const char *value)
{
	const struct setting *set;
	uint32_t numbers[3];
	int error;

	if (!strcmp(name, "net.ipv4.ip_local_port_range"))
		return port_range_set(s->tcp, value);
	if (strncmp(name, PREFIX, strlen(PREFIX)))
		return -ENOENT;
	name += strlen(PREFIX);
	if (!strcmp(name, "congestion_control"))
		return congestion_set(s->tcp, value) ? -EINVAL : 0;
	if (!strcmp(name, "fastopen_key"))
		return fastopen_key_set(s->tcp, value);
	set = find(name);
	if (!set)
		return -ENOENT;
	error = read_numbers(set, value, numbers);
	if (error)
		return error;
	if (set->numbers == 3 && (numbers[0] > numbers[1] || numbers[1] > numbers[2]))
		return -EINVAL;
	memcpy(place(s->tcp, set), numbers, set->numbers * sizeof(*numbers));
	return 0;
}

int tcp_get(const struct stk *s, const char *name, char *value, size_t size)
{
	const struct setting *set;
	const uint32_t *numbers;
	const struct tcp_cc *cc;
	struct vs_text text;

	if (strncmp(name, PREFIX, strlen(PREFIX)))
		return -ENOENT;
	name += strlen(PREFIX);
	vs_text_init(&text, value, size);
	if (!strcmp(name, "congestion_control")) {
		vs_text_add(&text, "%s", tcp_cc_by_index(s->tcp->settings.cc_index)->name);
		return 0;
	}
	if (!strcmp(name, "fastopen_key")) {
		fastopen_key_get(s->tcp, &text);
		return 0;
	}
	if (!strcmp(name, "available_congestion_control")) {
		for (unsigned i = 0; (cc = tcp_cc_by_index(i)); i++)
			vs_text_add(&text, "%s%s", i ? " " : "", cc->name);
		return 0;
	}
	set = find(name);
	if (!set)
		return -ENOENT;
	numbers = place(s->tcp, set);
	for (unsigned i = 0; i < set->numbers; i++)
		vs_text_add(&text, "%s%u", i ? "\t" : "", (unsigned)numbers[i]);
	return 0;
}

int tcp_setting_name(unsigned index, char *name, size_t size)
{
	static const char *const beside[] = {"congestion_control", "available_congestion_control",
					     "fastopen_key"};
	const unsigned count = sizeof(settings) / sizeof(settings[0]);
	struct vs_text text;

	if (index >= count + sizeof(beside) / sizeof(beside[0]))
		return -ENOENT;
	vs_text_init(&text, name, size);
	vs_text_add(&text, PREFIX "%s",
		    index < count ? settings[index].name : beside[index - count]);
	return text.cut ? -ENOSPC : 0;
}
