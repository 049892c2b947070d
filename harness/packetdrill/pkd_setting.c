/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What shell lines change: settings by Linux's names, and what a route says of TCP. Names that
 * Linux has and the stack has not are kept, so that scripts which set and restore them run; they
 * change nothing, and docs/packetdrill.md lists them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/packetdrill/pkd_impl.h"

static const struct {
	const char *name, *value; /* at first */
} kept[PKD_SETTINGS_KEPT] = {
	{"net.ipv4.tcp_fack", "0"},
	{"net.ipv4.tcp_reordering", "3"},
	{"net.ipv4.tcp_max_reordering", "300"},
	{"net.ipv4.tcp_tso_win_divisor", "3"},
	{"net.ipv4.tcp_tso_rtt_log", "9"},
	{"net.ipv4.tcp_pacing_ss_ratio", "200"},
	{"net.ipv4.tcp_pacing_ca_ratio", "120"},
	{"net.ipv4.tcp_notsent_lowat", "4294967295"},
	{"net.ipv4.tcp_limit_output_bytes", "1048576"},
	{"net.ipv4.tcp_min_snd_mss", "48"},
	{"net.ipv4.tcp_no_metrics_save", "0"},
	{"net.ipv4.tcp_no_ssthresh_metrics_save", "1"},
	{"net.ipv4.tcp_moderate_rcvbuf", "1"},
	{"net.ipv4.tcp_adv_win_scale", "1"},
	{"net.ipv4.tcp_app_win", "31"},
	{"net.ipv4.tcp_autocorking", "1"},
	{"net.ipv4.tcp_abort_on_overflow", "0"},
	{"net.ipv4.tcp_stdurg", "0"},
	{"net.ipv4.tcp_thin_linear_timeouts", "0"},
	{"net.ipv4.tcp_workaround_signed_windows", "0"},
	{"net.ipv4.tcp_comp_sack_delay_ns", "1000000"},
	{"net.ipv4.tcp_comp_sack_slack_ns", "100000"},
	{"net.ipv4.tcp_comp_sack_nr", "44"},
	{"net.ipv4.tcp_shrink_window", "0"},
	{"net.ipv4.tcp_backlog_ack_defer", "1"},
	{"net.ipv4.tcp_syn_linear_timeouts", "4"},
	{"net.ipv4.tcp_plb_enabled", "0"},
	{"net.ipv4.tcp_ecn_option", "2"},
	{"net.ipv4.tcp_ecn_option_beacon", "3"},
	{"net.ipv4.tcp_mem", "22701 30269 45402"},
	{"net.ipv4.ip_no_pmtu_disc", "0"},
	{"net.ipv4.ip_forward_use_pmtu", "0"},
	{"net.core.somaxconn", "4096"},
	{"net.core.wmem_max", "212992"},
	{"net.core.optmem_max", "131072"},
	{"net.core.default_qdisc", "pfifo_fast"},
	{"net.core.netdev_max_backlog", "1000"},
	{"net.mptcp.enabled", "0"},
};

/* Which kept name this is: an index, or -1. */
static int find_kept(const char *name)
{
	for (int i = 0; i < PKD_SETTINGS_KEPT && kept[i].name; i++)
		if (!strcmp(kept[i].name, name))
			return i;
	return -1;
}

int pkd_setting_set(struct pkd *w, const char *name, const char *value)
{
	int error = stk_set(w->stk, w->now, name, value), i;

	if (error != -ENOENT)
		return error;
	i = find_kept(name);
	if (i < 0)
		return -ENOENT;
	snprintf(w->kept[i], sizeof(w->kept[i]), "%s", value);
	return 0;
}

int pkd_setting_get(struct pkd *w, const char *name, char *value, size_t size)
{
	int error = stk_get(w->stk, name, value, size), i;

	if (error != -ENOENT)
		return error;
	i = find_kept(name);
	if (i < 0)
		return -ENOENT;
	snprintf(value, size, "%s", w->kept[i][0] ? w->kept[i] : kept[i].value);
	return 0;
}

/* ip route change ... WORD VALUE: what is said of TCP holds for all connections that begin now. */
int pkd_route_set(struct pkd *w, const char *prefix, char *words)
{
	char *rest = NULL;
	int error = 0;

	(void)prefix;
	for (char *word = strtok_r(words, " ", &rest); word && !error;
	     word = strtok_r(NULL, " ", &rest)) {
		if (!strcmp(word, "initcwnd"))
			error = stk_set(w->stk, w->now, "net.ipv4.tcp_initial_cwnd",
					(word = strtok_r(NULL, " ", &rest)) ? word : "");
	}
	return error;
}
