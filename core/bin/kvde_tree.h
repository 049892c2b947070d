/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of a switch in the kernel, in a management tree of user space. */
#ifndef VSQ_BIN_KVDE_TREE_H
#define VSQ_BIN_KVDE_TREE_H

#include "core/mgmt/mgmt.h"

struct kvde_tree;

/* Asks the switch of a network's socket for its commands and adds those that the tree has not; each
 * is run by the switch. 0 or -errno.
 */
int kvde_tree_create(struct kvde_tree **, struct mgmt *, int fd);
void kvde_tree_destroy(struct kvde_tree *); /* after the tree */

#endif
