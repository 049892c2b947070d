/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of core/base/assert.h: BUG(), after which the kernel's tools know that nothing comes. */
#ifndef VSQ_BASE_ASSERT_H
#define VSQ_BASE_ASSERT_H

#include <linux/bug.h>
#include <linux/build_bug.h>

#define vs_assert(expression) BUG_ON(!(expression))

#endif
