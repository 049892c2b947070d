/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/limits.h>
#include <linux/types.h>

#ifndef INT64_MAX
#define INT64_MAX  S64_MAX
#endif
#ifndef INT64_MIN
#define INT64_MIN  S64_MIN
#endif
#ifndef UINT64_MAX
#define UINT64_MAX U64_MAX
#endif
#ifndef UINT32_MAX
#define UINT32_MAX U32_MAX
#endif
#ifndef UINT16_MAX
#define UINT16_MAX U16_MAX
#endif
#ifndef UINT8_MAX
#define UINT8_MAX  U8_MAX
#endif
#ifndef INT32_MAX
#define INT32_MAX  S32_MAX
#endif
