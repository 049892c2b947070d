/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Settings by their Linux names. What concerns TCP goes to TCP; the rest is a table of numbers with
 * their bounds.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "core/base/text.h"
#include "stack/ip/ip.h"

struct setting {
	const char *name;
	size_t at; /* in struct ip_settings */
	int64_t initial, min, max;
};

#define AT(field) offsetof(struct ip_settings, field)

static const struct setting table[] = {
	{"net.ipv4.ip_default_ttl", AT(ttl), 64, 1, 255},
	{"net.ipv6.conf.all.hop_limit", AT(hop_limit), 64, 1, 255},
	{"net.ipv6.conf.default.hop_limit", AT(hop_limit), 64, 1, 255},
	{"net.ipv4.ip_forward", AT(forwarding4), 0, 0, 1},
	{"net.ipv4.conf.all.forwarding", AT(forwarding4), 0, 0, 1},
	{"net.ipv6.conf.all.forwarding", AT(forwarding6), 0, 0, 1},
	{"net.ipv4.ipfrag_time", AT(frag_time_s), 30, 1, 3600},
	{"net.ipv6.ip6frag_time", AT(frag6_time_s), 60, 1, 3600},
	{"net.ipv4.ipfrag_high_thresh", AT(frag_bytes), 4194304, 0, 1 << 26},
	{"net.ipv6.ip6frag_high_thresh", AT(frag6_bytes), 4194304, 0, 1 << 26},
	{"net.ipv6.max_hbh_opts_number", AT(hop_options_max), 8, 0, 65535},
	{"net.ipv6.max_dst_opts_number", AT(dst_options_max), 8, 0, 65535},
	{"net.ipv4.route.mtu_expires", AT(mtu_expires_s), 600, 1, 86400},
	{"net.ipv6.route.mtu_expires", AT(mtu_expires_s), 600, 1, 86400},
	{"net.core.rmem_default", AT(rmem_default), 212992, 2304, 1 << 30},
	{"net.core.rmem_max", AT(rmem_max), 212992, 2304, 1 << 30},
	{"net.ipv4.icmp_echo_ignore_all", AT(echo_ignore_all), 0, 0, 1},
	{"net.ipv4.icmp_echo_ignore_broadcasts", AT(echo_ignore_broadcasts), 1, 0, 1},
	{"net.ipv6.icmp.echo_ignore_all", AT(echo6_ignore_all), 0, 0, 1},
	{"net.ipv4.icmp_ratelimit", AT(icmp_rate_ms), 1000, 0, 3600000},
	{"net.ipv6.icmp.ratelimit", AT(icmp6_rate_ms), 1000, 0, 3600000},
	{"net.ipv4.icmp_msgs_per_sec", AT(icmp_msgs_per_sec), 1000, 0, 1000000},
	{"net.ipv4.icmp_msgs_burst", AT(icmp_msgs_burst), 50, 0, 1000000},
	{"net.ipv4.neigh.default.base_reachable_time_ms", AT(reachable_ms), 30000, 1, 86400000},
	{"net.ipv6.neigh.default.base_reachable_time_ms", AT(reachable_ms), 30000, 1, 86400000},
	{"net.ipv4.neigh.default.retrans_time_ms", AT(retrans_ms), 1000, 1, 86400000},
	{"net.ipv6.neigh.default.retrans_time_ms", AT(retrans_ms), 1000, 1, 86400000},
	{"net.ipv4.neigh.default.delay_first_probe_time", AT(delay_probe_s), 5, 0, 86400},
	{"net.ipv6.neigh.default.delay_first_probe_time", AT(delay_probe_s), 5, 0, 86400},
	{"net.ipv4.neigh.default.mcast_solicit", AT(solicit_multicast), 3, 1, 100},
	{"net.ipv6.neigh.default.mcast_solicit", AT(solicit_multicast), 3, 1, 100},
	{"net.ipv4.neigh.default.ucast_solicit", AT(solicit_unicast), 3, 1, 100},
	{"net.ipv6.neigh.default.ucast_solicit", AT(solicit_unicast), 3, 1, 100},
	{"net.ipv4.neigh.default.gc_thresh3", AT(neigh_max), 1024, 1, 1 << 20},
	{"net.ipv6.neigh.default.gc_thresh3", AT(neigh_max), 1024, 1, 1 << 20},
	{"net.ipv6.conf.all.accept_dad", AT(accept_dad), 0, 0, 2},
	{"net.ipv6.conf.default.accept_dad", AT(accept_dad), 0, 0, 2},
	{"net.ipv6.conf.all.dad_transmits", AT(dad_transmits), 1, 0, 16},
	{"net.ipv6.conf.default.dad_transmits", AT(dad_transmits), 1, 0, 16},
#define BOTH(name, field, initial, min, max)                                                       \
	{"net.ipv6.conf.all." name, AT(field), initial, min, max},                                 \
	{                                                                                          \
		"net.ipv6.conf.default." name, AT(field), initial, min, max                        \
	}
	BOTH("force_mld_version", force_mld, 0, 0, 2),
	BOTH("mldv1_unsolicited_report_interval", mld1_unsolicited_ms, 10000, 1, 3600000),
	BOTH("mldv2_unsolicited_report_interval", mld2_unsolicited_ms, 1000, 1, 3600000),
	BOTH("mld_own_reports", mld_own_reports, 0, 0, 1),
	BOTH("accept_redirects", accept_redirects6, 1, 0, 1),
	BOTH("accept_ra", accept_ra, 0, 0, 2),
	BOTH("accept_ra_rtr_pref", accept_ra_rtr_pref, 1, 0, 1),
	BOTH("accept_ra_min_hop_limit", accept_ra_min_hop_limit, 1, 0, 255),
	BOTH("accept_ra_rt_info_min_plen", accept_ra_rt_min, 0, 0, 128),
	BOTH("accept_ra_rt_info_max_plen", accept_ra_rt_max, 0, 0, 128),
	BOTH("accept_ra_defrtr", accept_ra_defrtr, 1, 0, 1),
	BOTH("accept_ra_pinfo", accept_ra_pinfo, 1, 0, 1),
	BOTH("accept_ra_mtu", accept_ra_mtu, 1, 0, 1),
	BOTH("autoconf", autoconf, 1, 0, 1),
	BOTH("use_tempaddr", use_tempaddr, 0, 0, 2),
	BOTH("temp_valid_lft", temp_valid_s, 172800, 10, INT32_MAX),
	BOTH("temp_prefered_lft", temp_preferred_s, 86400, 10, INT32_MAX),
	BOTH("addr_gen_mode", addr_gen_mode, 0, 0, 3),
	BOTH("router_solicitations", solicitations, 1000000, 0, 1000000),
	BOTH("router_solicitation_delay", solicit_delay_s, 1, 0, 3600),
	BOTH("router_solicitation_interval", solicit_interval_s, 4, 1, 3600),
	BOTH("router_solicitation_max_interval", solicit_interval_max_s, 3600, 1, 86400),
#undef BOTH
	{"net.ipv4.conf.all.acd", AT(acd), 0, 0, 2},
	{"net.ipv4.conf.all.accept_redirects", AT(accept_redirects4), 1, 0, 1},
	{"net.ipv4.conf.default.accept_redirects", AT(accept_redirects4), 1, 0, 1},
	{"net.ipv4.conf.all.secure_redirects", AT(secure_redirects), 1, 0, 1},
	{"net.ipv4.conf.default.secure_redirects", AT(secure_redirects), 1, 0, 1},
	{"net.ipv4.conf.all.shared_media", AT(shared_media), 1, 0, 1},
	{"net.ipv4.conf.default.shared_media", AT(shared_media), 1, 0, 1},
	{"net.ipv4.conf.all.send_redirects", AT(send_redirects), 1, 0, 1},
	{"net.ipv4.conf.default.send_redirects", AT(send_redirects), 1, 0, 1},
	{"net.ipv4.igmp_max_memberships", AT(igmp_max_memberships), 20, 0, 1 << 20},
	{"net.ipv4.igmp_max_msf", AT(igmp_max_msf), 10, 0, 1 << 16},
	{"net.ipv4.igmp_qrv", AT(igmp_qrv), 2, 1, 7},
	{"net.ipv4.igmp_link_local_mcast_reports", AT(igmp_link_local), 1, 0, 1},
	{"net.ipv4.conf.all.force_igmp_version", AT(force_igmp), 0, 0, 3},
	{"net.ipv4.conf.default.force_igmp_version", AT(force_igmp), 0, 0, 3},
	{"net.ipv4.conf.all.igmpv2_unsolicited_report_interval", AT(igmp2_unsolicited_ms), 10000, 1,
	 3600000},
	{"net.ipv4.conf.all.igmpv3_unsolicited_report_interval", AT(igmp3_unsolicited_ms), 1000, 1,
	 3600000},
	{"net.ipv6.mld_max_msf", AT(mld_max_msf), 64, 0, 1 << 16},
	{"net.ipv6.mld_qrv", AT(mld_qrv), 2, 1, 7},
	{"net.ipv4.route.gc_timeout", AT(redirect_timeout_s), 300, 1, 86400},
};

static const char port_range[] = "net.ipv4.ip_local_port_range";
static const char stable_secret[] = "net.ipv6.conf.all.stable_secret";
static const char tcp_prefix[] = "net.ipv4.tcp_";

static int64_t *place(struct ip_settings *set, const struct setting *setting)
{
	return (int64_t *)(void *)((char *)set + setting->at);
}

void stk_settings_init(struct stk *s)
{
	struct ip_settings *set = &s->ip->set;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		*place(set, &table[i]) = table[i].initial;
	set->port_low = 32768;
	set->port_high = 60999;
	set->forwarding4 = s->conf.forwarding;
	set->forwarding6 = s->conf.forwarding;
}

static const struct setting *find(const char *name)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}

/* "32768 60999", separated by blanks or a tab as in /proc. */
static int set_port_range(struct ip_settings *set, const char *value)
{
	size_t first = strcspn(value, " \t");
	size_t gap = strspn(value + first, " \t");
	uint64_t low, high;
	char text[8];

	if (!first || first >= sizeof(text))
		return -EINVAL;
	memcpy(text, value, first);
	text[first] = '\0';
	if (vs_parse_uint(text, 65535, &low) || vs_parse_uint(value + first + gap, 65535, &high) ||
	    !low || low > high)
		return -EINVAL;
	set->port_low = (int64_t)low;
	set->port_high = (int64_t)high;
	return 0;
}

int stk_set(struct stk *s, vs_time now, const char *name, const char *value)
{
	const struct setting *setting;
	uint64_t number;

	s->now = now;
	if (!strncmp(name, tcp_prefix, sizeof(tcp_prefix) - 1))
		return tcp_set(s, name, value);
	if (!strcmp(name, port_range)) {
		int error = set_port_range(&s->ip->set, value);

		if (!error)
			tcp_set(s, name, value); /* it chooses its ports itself */
		return error;
	}
	if (!strcmp(name, stable_secret))
		return wire_addr_parse(value, &s->ip->set.stable_secret);
	setting = find(name);
	if (!setting)
		return -ENOENT;
	if (vs_parse_uint(value, (uint64_t)setting->max, &number) || (int64_t)number < setting->min)
		return -EINVAL;
	*place(&s->ip->set, setting) = (int64_t)number;
	for (int i = 1; setting->at == AT(accept_ra) && i <= STK_IF_MAX; i++) {
		int error = s->ip->ifs[i] ? ra_start(s, now, s->ip->ifs[i]) : 0;

		if (error)
			return error;
	}
	return 0;
}

int stk_get(const struct stk *s, const char *name, char *value, size_t size)
{
	const struct setting *setting;
	struct vs_text text;

	if (!strncmp(name, tcp_prefix, sizeof(tcp_prefix) - 1))
		return tcp_get(s, name, value, size);
	vs_text_init(&text, value, size);
	if (!strcmp(name, port_range)) {
		vs_text_add(&text, "%lld\t%lld", (long long)s->ip->set.port_low,
			    (long long)s->ip->set.port_high);
	} else if (!strcmp(name, stable_secret)) {
		char secret[WIRE_ADDR_TEXT];

		vs_text_add(&text, "%s", wire_addr_format(&s->ip->set.stable_secret, secret));
	} else {
		setting = find(name);
		if (!setting)
			return -ENOENT;
		vs_text_add(&text, "%lld", (long long)*place(&s->ip->set, setting));
	}
	return text.cut ? -ENOSPC : 0;
}

int stk_setting_name(unsigned index, char *name, size_t size)
{
	static const char *const beside[] = {port_range, stable_secret};
	const unsigned numbers = sizeof(table) / sizeof(table[0]);
	struct vs_text text;

	if (index >= numbers + 2)
		return tcp_setting_name(index - numbers - 2, name, size);
	vs_text_init(&text, name, size);
	vs_text_add(&text, "%s", index < numbers ? table[index].name : beside[index - numbers]);
	return text.cut ? -ENOSPC : 0;
}
