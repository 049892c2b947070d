/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/wire/bpdu.h"
#include "core/wire/print_impl.h"

static void print_id(struct vs_text *t, const uint8_t id[8])
{
	vs_text_add(t, "%04x.", wire_get16(id));
	print_mac(t, id + 2);
}

/* Times of BPDUs count 1/256 s. */
static void print_seconds(struct vs_text *t, const char *name, unsigned v)
{
	vs_text_add(t, ", %s %u.%02us", name, v / 256, v % 256 * 100 / 256);
}

static void print_bpdu_flags(struct vs_text *t, unsigned flags)
{
	static const char *const role[] = {"", "Alternate", "Root", "Designated"};
	static const struct {
		unsigned bit;
		const char *name;
	} flag[] = {{0x02, "Proposal"}, {0x10, "Learn"}, {0x20, "Forward"}, {0x40, "Agreement"},
		    {0x01, "Topology change"}, {0x80, "Topology change ACK"}};
	const char *between = "";

	vs_text_add(t, ", Flags [");
	if (flags >> 2 & 3) {
		vs_text_add(t, "%s", role[flags >> 2 & 3]);
		between = ", ";
	}
	for (size_t i = 0; i < sizeof(flag) / sizeof(flag[0]); i++) {
		if (!(flags & flag[i].bit))
			continue;
		vs_text_add(t, "%s%s", between, flag[i].name);
		between = ", ";
	}
	vs_text_add(t, "%s]", flags ? "" : "none");
}

void print_bpdu(struct vs_text *t, const uint8_t *bytes, size_t len)
{
	struct wire_bpdu bpdu;

	if (wire_bpdu_parse(&bpdu, bytes, len) < 0) {
		vs_text_add(t, "[|stp]");
		return;
	}
	vs_text_add(t, "STP %s", bpdu.version >= 2 ? "802.1w" : "802.1d");
	if (bpdu.type == WIRE_BPDU_TCN) {
		vs_text_add(t, ", Topology Change");
		return;
	}
	vs_text_add(t, ", %s", bpdu.type == WIRE_BPDU_RST ? "Rapid STP" : "Config");
	print_bpdu_flags(t, bpdu.flags);
	vs_text_add(t, ", bridge-id ");
	print_id(t, bpdu.bridge);
	vs_text_add(t, ".%04x, root-id ", bpdu.port);
	print_id(t, bpdu.root);
	vs_text_add(t, ", root-pathcost %u", bpdu.root_path_cost);
	print_seconds(t, "message-age", bpdu.message_age);
	print_seconds(t, "max-age", bpdu.max_age);
	print_seconds(t, "hello-time", bpdu.hello_time);
	print_seconds(t, "forwarding-delay", bpdu.forward_delay);
}
