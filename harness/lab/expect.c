/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Relations between a metric and a number: expectations at the end, conditions on the way. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/lab/app.h"
#include "harness/lab/lab.h"

struct expectation {
	char *metric;
	unsigned relation;
	double value;
};

static const char *const relations[] = {">=", ">", "<=", "<", "==", "!="};

#define RELATIONS (sizeof(relations) / sizeof(relations[0]))

static bool holds(double value, unsigned relation, double bound)
{
	switch (relation) {
	case 0:
		return value >= bound;
	case 1:
		return value > bound;
	case 2:
		return value <= bound;
	case 3:
		return value < bound;
	case 4:
		return value == bound;
	default:
		return value != bound && !isnan(value);
	}
}

static int relation_of(struct vsq_lab *lab, const char *text, unsigned *relation)
{
	*relation = 0;
	for (unsigned i = 0; text && i < RELATIONS; i++)
		if (!strcmp(text, relations[i])) {
			*relation = i;
			return 0;
		}
	return lab_fail(lab, -EINVAL, "relation \"%s\": it must be one of >= > <= < == !=",
			text ? text : "");
}

int vsq_expect(struct vsq_lab *lab, const char *metric, const char *relation, double value)
{
	struct expectation *expectation;
	unsigned number;
	int err = relation_of(lab, relation, &number);

	if (err)
		return err;
	if (lab->finished)
		return lab_fail(lab, -EINVAL, "this lab is finished");
	if (!metric || !*metric)
		return lab_fail(lab, -EINVAL, "an expectation needs a metric");
	expectation = calloc(1, sizeof(*expectation));
	if (!expectation || !(expectation->metric = lab_copy(metric, strlen(metric))) ||
	    lab_list_add(&lab->expectations, expectation)) {
		if (expectation)
			free(expectation->metric);
		free(expectation);
		return lab_fail(lab, -ENOMEM, "no memory for an expectation");
	}
	expectation->relation = number;
	expectation->value = value;
	return 0;
}

void lab_expectations_judge(struct vsq_lab *lab)
{
	for (unsigned i = 0; i < lab->expectations.count; i++) {
		struct expectation *e = lab->expectations.items[i];
		double value;
		int err = vsq_metric(lab, e->metric, &value);

		if (err)
			lab_judge(lab, false, "expected %s %s %.12g: %s", e->metric,
				  relations[e->relation], e->value, lab->error);
		else
			lab_judge(lab, holds(value, e->relation, e->value),
				  "expected %s %s %.12g: it is %.12g", e->metric,
				  relations[e->relation], e->value, value);
	}
}

bool lab_failure_expected(const struct lab_app *app)
{
	static const char *const metrics[] = {"failed", "error", "error_back"};
	char name[48];

	for (unsigned i = 0; i < app->lab->expectations.count; i++) {
		const struct expectation *e = app->lab->expectations.items[i];

		for (size_t m = 0; m < sizeof(metrics) / sizeof(metrics[0]); m++) {
			snprintf(name, sizeof(name), "app.%d.%s", app->number, metrics[m]);
			if (e->value != 0 && e->relation == 4 && !strcmp(e->metric, name))
				return true;
		}
	}
	return false;
}

void lab_expectations_free(struct vsq_lab *lab)
{
	for (unsigned i = 0; i < lab->expectations.count; i++) {
		struct expectation *e = lab->expectations.items[i];

		free(e->metric);
		free(e);
	}
	lab_list_fini(&lab->expectations);
}

/* One "METRIC RELATION NUMBER" of a condition; *text moves behind it. */
static int term_parse(struct vsq_lab *lab, const char **text, struct lab_condition *c)
{
	char metric[192], relation[4], *end;
	unsigned number;
	int used = 0, err;
	double value;

	if (sscanf(*text, " %191[^ <>=!] %3[<>=!] %n", metric, relation, &used) != 2 || !used)
		return lab_fail(lab, -EINVAL,
				"condition \"%s\": it must be like app.0.done >= 1", *text);
	err = relation_of(lab, relation, &number);
	if (!err)
		err = lab_metric_find(lab, metric, &c->accessor[c->terms]);
	if (err)
		return err;
	value = strtod(*text + used, &end);
	if (end == *text + used)
		return lab_fail(lab, -EINVAL, "condition \"%s\": \"%s\" is not a number", *text,
				*text + used);
	c->relation[c->terms] = (unsigned char)number;
	c->value[c->terms] = value;
	c->terms++;
	*text = end;
	return 0;
}

int lab_condition_parse(struct vsq_lab *lab, const char *text, struct lab_condition *c)
{
	c->terms = 0;
	for (;;) {
		int err = term_parse(lab, &text, c);

		if (err)
			return err;
		text += strspn(text, " ");
		if (!*text)
			return 0;
		if (strncmp(text, "and ", 4))
			return lab_fail(lab, -EINVAL,
					"condition: \"%s\": only \"and\" joins two of them", text);
		if (c->terms == LAB_TERMS_MAX)
			return lab_fail(lab, -EINVAL, "a condition has at most %d terms",
					LAB_TERMS_MAX);
		text += 4;
	}
}

bool lab_condition_holds(const struct lab_condition *c)
{
	for (unsigned i = 0; i < c->terms; i++)
		if (!holds(c->accessor[i].get(&c->accessor[i]), c->relation[i], c->value[i]))
			return false;
	return true;
}
