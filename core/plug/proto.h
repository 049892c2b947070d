/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What client and switch say to each other on the control socket DIR/ctl. The Virtual Square book,
 * section 4.8. The client sends one request, as long as its description; the switch answers with
 * the struct sockaddr_un of its data socket, or closes. After that the stream is silent, and its
 * end is the end of the connection. All of it is in the byte order and layout of the host.
 */
#ifndef VSQ_PLUG_PROTO_H
#define VSQ_PLUG_PROTO_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#define PLUG_MAGIC     0xfeedfaceu
#define PLUG_VERSION   3
#define PLUG_DESCR_MAX 128 /* bytes of description; a zero ends it, or the end of the request */

/* The low 8 bits of type; the others are the port, 0 for any. */
#define PLUG_REQ_NEW   0
#define PLUG_REQ_PORT0 1 /* port 0, the management client's */

struct plug_request_v3 {
	uint32_t magic;
	uint32_t version;
	uint32_t type;
	struct sockaddr_un sock; /* where the client's data socket is bound */
	char description[PLUG_DESCR_MAX];
} __attribute__((packed));

/* Clients of uml_switch: the second word is the type, and there is no version. */
struct plug_request_v1 {
	uint32_t magic;
	uint32_t type;
	uint8_t address[6];
	struct sockaddr_un sock;
	char description[PLUG_DESCR_MAX];
} __attribute__((packed));

static_assert(sizeof(struct sockaddr_un) == 110, "the address is two bytes and a path of 108");
static_assert(offsetof(struct plug_request_v3, description) == 122, "request_v3");

#endif
