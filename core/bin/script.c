/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/bin/script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "core/mgmt/mgmt.h"

int script_read(void *ctx, const char *path,
		int (*line)(void *line_ctx, const char *text, unsigned number), void *line_ctx)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	unsigned number = 0;
	int err = 0;
	ssize_t len;

	(void)ctx;
	if (!file)
		return -errno;
	while (!err && (len = getline(&text, &size, file)) >= 0) {
		while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
			text[--len] = '\0';
		err = line(line_ctx, text, ++number);
	}
	if (!err && ferror(file))
		err = errno ? -errno : -EIO;
	free(text);
	fclose(file);
	return err;
}

int script_load(struct mgmt *mgmt, vs_time now, const char *path, char *why, size_t size)
{
	struct vs_text text;
	int err;

	vs_text_init(&text, why, size);
	err = mgmt_load(mgmt, now, path, true, &text);
	if (err && !text.len)
		snprintf(why, size, "%s: %s", path, strerror(-err));
	why[strcspn(why, "\n")] = '\0';
	return err;
}
