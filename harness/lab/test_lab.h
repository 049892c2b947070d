/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of the lab share: a lab that fails the test with the lab's own words. */
#ifndef VSQ_LAB_TEST_LAB_H
#define VSQ_LAB_TEST_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/time.h"
#include "harness/lab/vsq.h"

/* The number that a call gave; an error fails the test. */
#define must(lab, call) must_at(lab, call, __FILE__, __LINE__)

static inline int must_at(struct vsq_lab *lab, int result, const char *file, int line)
{
	if (result < 0) {
		print_error("%d: %s\n", result, vsq_error(lab));
		_fail(file, line);
	}
	return result;
}

/* Two hosts, alice 10.0.0.1 and bob 10.0.0.2 (2001:db8::1, ::2), and the cable between them, 0. */
static inline struct vsq_lab *pair_new(uint64_t seed)
{
	struct vsq_lab *lab = vsq_new("pair", seed);

	assert_non_null(lab);
	for (int i = 0; i < 2; i++) {
		char address[40];

		must(lab, vsq_add_host(lab, i ? "bob" : "alice"));
		snprintf(address, sizeof(address), "10.0.0.%d/24", i + 1);
		must(lab, vsq_address(lab, i, 1, address));
		snprintf(address, sizeof(address), "2001:db8::%d/64", i + 1);
		must(lab, vsq_address(lab, i, 1, address));
	}
	must(lab, vsq_join(lab, NULL, 0, 0, 1, 0));
	return lab;
}

static inline double metric(struct vsq_lab *lab, const char *name)
{
	double value = 0;

	must(lab, vsq_metric(lab, name, &value));
	return value;
}

static inline void run(struct vsq_lab *lab, int64_t until)
{
	must(lab, vsq_run(lab, until, NULL, NULL, NULL));
}

/* Finishes the lab; every judgement must hold. The digest goes to text. Frees the lab. */
static inline void done(struct vsq_lab *lab, char text[33])
{
	int failed = vsq_finish(lab);

	for (int i = 0; i < vsq_judgement_count(lab); i++) {
		int held;
		const char *judgement = vsq_judgement(lab, i, &held);

		if (!held)
			print_error("%s\n", judgement);
	}
	assert_int_equal(failed, 0);
	if (text)
		strcpy(text, vsq_digest(lab));
	vsq_free(lab);
}

/* The text of the first judgement that does not hold and contains words; NULL if none does. */
static inline const char *complaint(struct vsq_lab *lab, const char *words)
{
	for (int i = 0; i < vsq_judgement_count(lab); i++) {
		int held;
		const char *judgement = vsq_judgement(lab, i, &held);

		if (!held && strstr(judgement, words))
			return judgement;
	}
	return NULL;
}

#endif
