/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the menus share. */
#ifndef VSQ_SWITCH_VSW_MGMT_IMPL_H
#define VSQ_SWITCH_VSW_MGMT_IMPL_H

#include "core/mgmt/mgmt.h"
#include "core/switch/vsw_impl.h"

/* Reads the next word of *args as a number from min to max and moves on. 0 or -EINVAL; -ENODATA
 * when there is none.
 */
int vsw_arg(const char **args, uint64_t min, uint64_t max, unsigned *out);

/* Takes the next word, up to size - 1 bytes; false if there is none or it is longer. */
bool vsw_arg_word(const char **args, char *word, size_t size);

/* 0, or -EINVAL when words are left that the command has no use for. */
int vsw_arg_end(const char *args);

/* A number that may be missing, and nothing else: sets *given. */
int vsw_arg_maybe(const char *args, uint64_t max, unsigned *out, bool *given);

extern const struct mgmt_command vsw_mgmt_port[];
extern const size_t vsw_mgmt_port_count;
extern const struct mgmt_command vsw_mgmt_vlan[];
extern const size_t vsw_mgmt_vlan_count;

#endif
