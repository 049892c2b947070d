/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gives each file of its arguments (files or folders) to a fuzz target once: how `make check` keeps
 * what fuzzing has found, without a fuzzing engine.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = NULL;
	size_t len = 0, size = 0, n;

	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	do {
		if (len == size) {
			uint8_t *more = realloc(bytes, size = size ? size * 2 : 4096);

			if (!more) {
				fprintf(stderr, "%s: out of memory\n", path);
				free(bytes);
				fclose(file);
				return 1;
			}
			bytes = more;
		}
		n = fread(bytes + len, 1, size - len, file);
		len += n;
	} while (n > 0);
	fclose(file);

	/* An exact copy, so that a sanitizer sees the first byte beyond the end. */
	uint8_t *exact = malloc(len ? len : 1);

	if (exact && len)
		memcpy(exact, bytes, len);
	free(bytes);
	if (!exact)
		return 1;
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	return 0;
}

static int replay(const char *path)
{
	struct dirent **entries;
	struct stat st;
	int failed = 0;
	int count;

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return replay_file(path);
	count = scandir(path, &entries, NULL, alphasort);
	if (count < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	for (int i = 0; i < count; i++) {
		char name[4096];

		if (entries[i]->d_name[0] != '.') {
			snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
			failed |= replay(name);
		}
		free(entries[i]);
	}
	free(entries);
	return failed;
}

int main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	return failed;
}
