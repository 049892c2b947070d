/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/bin/script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

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
		err = -EIO;
	free(text);
	fclose(file);
	return err;
}
