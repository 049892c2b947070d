/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UNIX sockets with a name: listening on one that may be left over from a dead process, giving it
 * to a group, and knowing who is at the other end.
 */
#ifndef VSQ_HOST_SOCK_H
#define VSQ_HOST_SOCK_H

#include <stdbool.h>
#include <sys/types.h>

/* Listens on a stream socket of that path, created with this mode and, unless gid is (gid_t)-1,
 * group. A socket that nobody listens on is replaced. Gives a descriptor that does not block and
 * is closed on exec, or -errno: -EADDRINUSE when somebody listens, -ENOTSOCK when the path is
 * something else, -ENAMETOOLONG.
 */
int sock_listen(const char *path, mode_t mode, gid_t gid);

/* Binds fd, a datagram socket, to path, which must not exist or be a socket nobody uses. Before
 * anybody can open it it has its mode and, unless they are -1, user and group. 0 or -errno.
 */
int sock_bind(int fd, const char *path, mode_t mode, uid_t uid, gid_t gid);

/* Connects fd to the socket at path. 0 or -errno. */
int sock_connect(int fd, const char *path);

/* The same for the very socket that was looked at: path itself must be a socket (-ENOTSOCK) of that
 * user (-EPERM), root may name anybody's. Whoever puts something else there meanwhile gains
 * nothing. Needs /proc.
 */
int sock_connect_owned(int fd, const char *path, uid_t user);

/* Whether path is a socket that nobody has open any more. */
bool sock_dead(const char *path, int type);

/* Takes a connection: a descriptor that does not block and is closed on exec, or -errno, -EAGAIN
 * when there is none. Out of descriptors (-EMFILE, -ENFILE) the spare one, which sock_spare() made,
 * serves to take the connection and close it: its peer hears of the refusal, and the listener does
 * not stay ready for ever.
 */
int sock_spare(void);
int sock_accept(int listener, int *spare);

/* The user at the other end of a stream socket, or (uid_t)-1. */
uid_t sock_peer_user(int fd);

#endif
