/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The numbers of pcapng: draft-ietf-opsawg-pcapng-02. */
#ifndef VSQ_PCAP_PCAPNG_H
#define VSQ_PCAP_PCAPNG_H

#define PCAPNG_MAGIC 0x1a2b3c4d

/* Blocks. */
#define PCAPNG_SECTION	     0x0a0d0d0a
#define PCAPNG_INTERFACE     1
#define PCAPNG_PACKET_OLD    2
#define PCAPNG_PACKET_SIMPLE 3
#define PCAPNG_STATISTICS    5
#define PCAPNG_PACKET	     6

/* Options. */
#define PCAPNG_END		     0
#define PCAPNG_COMMENT		     1
#define PCAPNG_SECTION_APPLICATION   4
#define PCAPNG_INTERFACE_NAME	     2
#define PCAPNG_INTERFACE_DESCRIPTION 3
#define PCAPNG_INTERFACE_RESOLUTION  9
#define PCAPNG_INTERFACE_OFFSET	     14
#define PCAPNG_PACKET_FLAGS	     2
#define PCAPNG_STATISTICS_START	     2
#define PCAPNG_STATISTICS_END	     3
#define PCAPNG_STATISTICS_RECEIVED   4
#define PCAPNG_STATISTICS_DROPPED    5

/* Link types (the tcpdump group's LINKTYPE_ registry). */
#define PCAPNG_NULL	 0
#define PCAPNG_ETHERNET	 1
#define PCAPNG_RAW	 101
#define PCAPNG_LOOP	 108
#define PCAPNG_LINUX_SLL 113
#define PCAPNG_IPV4	 228
#define PCAPNG_IPV6	 229
#define PCAPNG_LINUX_SLL2 276

#endif
