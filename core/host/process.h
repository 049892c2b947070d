/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a program is to its system: a daemon with a pid file, a voice, users and groups by name, and
 * the numbers on its command line.
 */
#ifndef VSQ_HOST_PROCESS_H
#define VSQ_HOST_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Goes to the background: a session of its own, / as its directory, nothing on stdin, stdout and
 * stderr. The parent ends with 0, once the pid file is written if one is named (else NULL). 0 or
 * -errno, in the process that was called; then nothing has changed.
 */
int process_daemonize_pidfile(const char *pid_file);
int process_daemonize(void);

/* Lets this process open as many files as it may: a switch has two for each guest. */
void process_files_max(void);

/* Writes the pid of this process to a file. 0 or -errno. */
int process_pidfile(const char *path);

/* Makes path absolute without looking at what it names. 0 or -ENAMETOOLONG, -errno. */
int process_absolute(const char *path, char *out, size_t size);

/* Says "NAME: text" on stderr or, after process_log_syslog(), in the system's log. */
void process_log_init(const char *name);
void process_log_syslog(void);
void process_log(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Names of users and groups; numbers are understood too. 0 or -ENOENT. */
int process_user_id(const char *name, uint32_t *id);
int process_group_id(const char *name, uint32_t *id);

/* The name of an id, or its number as text. */
void process_user_name(uint32_t id, char *name, size_t size);
void process_group_name(uint32_t id, char *name, size_t size);
bool process_in_group(uint32_t user, uint32_t group);

/* Reads an octal mode, 0..7777. 0 or -EINVAL. */
int process_parse_mode(const char *text, mode_t *mode);

#endif
