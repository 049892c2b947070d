/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Group membership: IGMP (RFC 1112, 2236, 3376) and MLD (RFC 2710, 3810). The versions are counted
 * as IGMP's: MLDv1 says what IGMPv2 does, MLDv2 what IGMPv3 does, in longer addresses.
 */
#ifndef VSQ_WIRE_GROUP_H
#define VSQ_WIRE_GROUP_H

#include "core/wire/addr.h"

#define WIRE_IGMP_QUERY	  0x11
#define WIRE_IGMP_REPORT1 0x12
#define WIRE_IGMP_REPORT2 0x16
#define WIRE_IGMP_LEAVE	  0x17
#define WIRE_IGMP_REPORT3 0x22

/* Types of the records in a report of version 3: RFC 3376 4.2.12, RFC 3810 5.2.12. */
#define WIRE_GROUP_IS_IN 1
#define WIRE_GROUP_IS_EX 2
#define WIRE_GROUP_TO_IN 3
#define WIRE_GROUP_TO_EX 4
#define WIRE_GROUP_ALLOW 5
#define WIRE_GROUP_BLOCK 6

struct wire_group_query {
	uint8_t version;	/* 1, 2 or 3 */
	struct wire_addr group; /* any: a general query */
	uint32_t max_resp_ms;
	uint8_t robustness;  /* version 3; 0: not said */
	uint32_t interval_s; /* the same */
	unsigned sources;    /* the same */
	const uint8_t *source; /* of the message: 4 or 16 bytes each */
};

/* Reads an IGMP query (is4) or an MLD one. The message's length, or -EBADMSG. The checksum is the
 * caller's to verify.
 */
int wire_group_query_parse(struct wire_group_query *, const uint8_t *bytes, size_t len, bool is4);

/* Gives source i of a query. */
struct wire_addr wire_group_query_source(const struct wire_group_query *, unsigned i, bool is4);

/* A query, for tests and queriers: bytes has room for it. Returns the length; the checksum is 0. */
size_t wire_group_query_emit(uint8_t *bytes, const struct wire_group_query *, bool is4);

/* A report or leave of versions 1 and 2 with a zero checksum: 8 bytes of IGMP, 24 of MLD. */
size_t wire_group_emit(uint8_t *bytes, uint8_t type, const struct wire_addr *group, bool is4);

/* Version 3's report: a header, then records. Each returns its length; count is of records, and
 * sources follow their record's header.
 */
#define WIRE_GROUP_REPORT_LEN 8
size_t wire_group_report_emit(uint8_t *bytes, unsigned count, bool is4);
size_t wire_group_record_emit(uint8_t *bytes, uint8_t type, const struct wire_addr *group,
			      unsigned sources, bool is4);
size_t wire_group_source_emit(uint8_t *bytes, const struct wire_addr *source, bool is4);

static inline size_t wire_group_addr_len(bool is4)
{
	return is4 ? 4 : 16;
}

#endif
