/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The Internet checksum: RFC 1071, and its incremental update: RFC 1624. Partial sums are 32 bits
 * in host order of 16-bit network words, so they may be added with wire_cksum_add().
 */
#ifndef VSQ_WIRE_CKSUM_H
#define VSQ_WIRE_CKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "core/wire/addr.h"

/* The sum of len bytes added to sum; an odd last byte counts as a high byte. Only the last of
 * several pieces may be odd.
 */
uint32_t wire_cksum_add(uint32_t sum, const void *bytes, size_t len);

/* The same while copying. */
uint32_t wire_cksum_copy(uint32_t sum, void *to, const void *from, size_t len);

/* The sum of a pseudo-header: RFC 793's for mapped addresses, RFC 8200 8.1's otherwise. */
uint32_t wire_cksum_pseudo(const struct wire_addr *src, const struct wire_addr *dst,
			   uint8_t protocol, uint32_t len);

/* Folds a sum into the checksum field's value: what wire_put16() stores. Over data that holds its
 * own checksum the result is 0 exactly when it is right.
 */
uint16_t wire_cksum_fold(uint32_t sum);

/* The checksum after a 16-bit or 32-bit field changed (RFC 1624 eqn 3). */
uint16_t wire_cksum_update16(uint16_t cksum, uint16_t before, uint16_t after);
uint16_t wire_cksum_update32(uint16_t cksum, uint32_t before, uint32_t after);

#endif
