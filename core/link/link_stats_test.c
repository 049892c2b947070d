/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each impairment over a million frames lies within three standard errors of its setting. Seeds are
 * fixed, so this is no matter of luck after the first time.
 */
#include <math.h>

#include "core/link/link_test.h"

#define FRAMES 1000000

#define within_three(measured, expected, variance)                                                 \
	check_within(__LINE__, (double)(measured), (double)(expected), (double)(variance))

static void check_within(int line, double measured, double expected, double variance)
{
	double off = measured - expected;

	if (off * off > 9 * variance)
		fail_msg("line %d: %.9g instead of %.9g, %.2f standard errors off", line, measured,
			 expected, off / sqrt(variance));
}

/* Sends FRAMES frames of len bytes, one a microsecond; calls got() for each that leaves. */
static void flood(struct world *w, size_t len,
		  void (*got)(void *ctx, vs_time now, const struct vs_frame *), void *ctx)
{
	for (uint64_t i = 0; i < FRAMES; i++) {
		vs_time now = (vs_time)i * VS_USEC;
		struct vs_frame *f = vs_frame_new(w->pool, len, 0);
		int port;

		assert_non_null(f);
		memset(f->data, 0, len);
		if (len >= 8)
			memcpy(f->data, &i, 8);
		link_input(w->link, now, LINK_LEFT, f);
		while ((f = link_output(w->link, &port))) {
			if (got)
				got(ctx, now, f);
			vs_frame_put(f);
		}
	}
}

static void independent_loss(void **state)
{
	static const char *const settings[] = {"0.1", "10", "63"};

	(void)state;
	for (int i = 0; i < 3; i++) {
		double p = (double[]){0.001, 0.1, 0.63}[i];
		struct world w;

		world_open(&w, 100);
		world_set(&w, 0, "loss", settings[i]);
		flood(&w, 8, NULL, NULL);
		within_three(world_count(&w, 0, "drop_loss"), FRAMES * p, FRAMES * p * (1 - p));
		world_close(&w);
	}
}

static void loss_with_a_spread_keeps_its_mean(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, 100);
	world_set(&w, 0, "loss", "10+10U");
	flood(&w, 8, NULL, NULL);
	within_three(world_count(&w, 0, "drop_loss"), FRAMES * 0.1, FRAMES * 0.1 * 0.9);
	world_close(&w);
}

struct bursts {
	uint64_t expected; /* the frame that comes next if none is lost */
	uint64_t count;
};

static void burst_got(void *ctx, vs_time now, const struct vs_frame *f)
{
	struct bursts *b = ctx;
	uint64_t number;

	(void)now;
	memcpy(&number, f->data, 8);
	b->count += number != b->expected;
	b->expected = number + 1;
}

/* The loss is a two-state chain whose state remembers with r = 1 - enter - leave: the variance of
 * its share is that of independent frames times (1+r)/(1-r). Burst lengths are geometric.
 */
static void gilbert_keeps_loss_and_burst_length(void **state)
{
	static const struct {
		const char *loss, *burst;
		double l, b;
	} settings[] = {{"10", "5", 0.1, 5},
			{"1", "20", 0.01, 20},
			{"50", "2", 0.5, 2},
			{"30", "1", 0.3, 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		double l = settings[i].l, b = settings[i].b;
		double r = 1 - 1 / b - l / (b * (1 - l));
		struct bursts bursts = {0};
		struct world w;
		uint64_t lost;

		world_open(&w, 7 + i);
		world_set(&w, 0, "loss", settings[i].loss);
		world_set(&w, 0, "lostburst", settings[i].burst);
		flood(&w, 8, burst_got, &bursts);
		lost = world_count(&w, 0, "drop_burst");
		within_three(lost, FRAMES * l, FRAMES * l * (1 - l) * (1 + r) / (1 - r));
		within_three((double)lost / (double)bursts.count, b,
			     b * (b - 1) / (double)bursts.count + 1e-6);
		world_close(&w);
	}
}

/* Bursts of one frame cannot lose 90 %: the loss holds, and bursts are as short as it allows. */
static void gilbert_keeps_a_loss_that_the_burst_length_forbids(void **state)
{
	double l = 0.9, r = 1 - 1 - (1 - l) / l;
	struct world w;

	(void)state;
	world_open(&w, 7);
	world_set(&w, 0, "loss", "90");
	world_set(&w, 0, "lostburst", "1");
	flood(&w, 8, NULL, NULL);
	within_three(world_count(&w, 0, "drop_burst"), FRAMES * l,
		     FRAMES * l * (1 - l) * (1 + r) / (1 - r));
	world_close(&w);
}

static void duplicates_are_drawn_again_for_each_copy(void **state)
{
	static const char *const settings[] = {"10", "50"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		double p = (double[]){0.1, 0.5}[i];
		struct world w;

		world_open(&w, 3);
		world_set(&w, 0, "dup", settings[i]);
		flood(&w, 8, NULL, NULL);
		within_three(world_count(&w, 0, "duplicated"), FRAMES * p / (1 - p),
			     FRAMES * p / (1 - p) / (1 - p));
		assert_int_equal(world_count(&w, 0, "tx_frames"),
				 FRAMES + world_count(&w, 0, "duplicated"));
		world_close(&w);
	}
}

struct delays {
	double sum, squares, fourths, centre;
	uint64_t count, inside;
	double bound;
	uint64_t bins[20];
};

static void delay_got(struct delays *d, double delay)
{
	double x = delay - d->centre;

	d->sum += x;
	d->squares += x * x;
	d->fourths += x * x * x * x;
	d->count++;
	d->inside += fabs(x) <= d->bound;
	if (fabs(x) < d->bound)
		d->bins[(int)((x + d->bound) / (2 * d->bound) * 20)]++;
}

/* A frame at a time, so that each delay is seen exactly. */
static void measure_delays(const char *setting, uint64_t seed, struct delays *d)
{
	struct world w;
	vs_time now = 0;

	world_open(&w, seed);
	world_set(&w, 0, "delay", setting);
	for (int i = 0; i < FRAMES; i++) {
		vs_time at;

		world_send(&w, now, LINK_LEFT, 8);
		at = world_next(&w, VS_NEVER, NULL, NULL);
		delay_got(d, (double)(at - now) / VS_MSEC);
		now = at;
	}
	world_close(&w);
}

static void uniform_delay_has_its_mean_deviation_and_shape(void **state)
{
	struct delays d = {.centre = 100, .bound = 50};
	double variance = 50.0 * 50 / 3, chi = 0;

	(void)state;
	measure_delays("100+50U", 5, &d);
	within_three(d.sum / FRAMES, 0, variance / FRAMES);
	within_three(d.squares / FRAMES, variance, (pow(50, 4) / 5 - variance * variance) / FRAMES);
	assert_int_equal(d.inside, FRAMES);
	for (int i = 0; i < 20; i++)
		chi += pow((double)d.bins[i] - FRAMES / 20.0, 2) / (FRAMES / 20.0);
	assert_true(chi < 43.8); /* 19 degrees of freedom, one in a thousand */
}

static void gaussian_delay_has_its_mean_deviation_and_shape(void **state)
{
	struct delays d = {.centre = 100, .bound = 50};
	double variance = (50.0 / 3) * (50.0 / 3), p = erf(3 / sqrt(2));

	(void)state;
	measure_delays("100+50N", 6, &d);
	within_three(d.sum / FRAMES, 0, variance / FRAMES);
	within_three(d.squares / FRAMES, variance, 2 * variance * variance / FRAMES);
	within_three(d.fourths / FRAMES, 3 * variance * variance,
		     (105 - 9) * pow(variance, 4) / FRAMES);
	within_three(d.inside, FRAMES * p, FRAMES * p * (1 - p)); /* 99.7 % within the spread */
}

struct bits {
	uint64_t damaged;
	uint64_t half; /* in the first half of the frame, after its number */
};

static void noise_got(void *ctx, vs_time now, const struct vs_frame *f)
{
	struct bits *b = ctx;
	uint64_t word, number = (uint64_t)(now / VS_USEC);

	for (uint32_t i = 0; i + 8 <= f->len; i += 8) {
		memcpy(&word, f->data + i, 8);
		if (i == 0)
			word ^= number;
		if (!word)
			continue;
		b->damaged += (uint64_t)__builtin_popcountll(word);
		b->half += i < f->len / 2 ? (uint64_t)__builtin_popcountll(word) : 0;
	}
}

static void noise_damages_bits_per_megabyte(void **state)
{
	static const struct {
		const char *text;
		double bits;
	} settings[] = {{"100", 100}, {"1000", 1000}, {"20000", 20000}, {"5000+5000U", 5000}};

	(void)state;
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		double p = settings[i].bits / (8.0 * 1048576), n = FRAMES * 256.0 * 8;
		struct bits bits = {0};
		struct world w;

		world_open(&w, 20 + i);
		world_set(&w, 0, "noise", settings[i].text);
		flood(&w, 256, noise_got, &bits);
		assert_int_equal(bits.damaged, world_count(&w, 0, "noise_bits"));
		within_three(bits.damaged, n * p, n * p * (1 - p) * (i == 3 ? 1.01 : 1));
		within_three(bits.half, n * p / 2, n * p / 2 * (i == 3 ? 1.01 : 1));
		world_close(&w);
	}
}

static void noise_on_every_bit_inverts_the_frame(void **state)
{
	struct vs_frame *f;
	struct world w;
	int port;

	(void)state;
	world_open(&w, 1);
	world_set(&w, 0, "noise", "8388608");
	world_send(&w, 0, LINK_LEFT, 100);
	f = link_output(w.link, &port);
	for (uint32_t i = 0; i < f->len; i++)
		assert_int_equal(f->data[i], 0xff);
	vs_frame_put(f);
	world_close(&w);
}

static void reordering_and_corruption_hit_their_share(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, 8);
	world_set(&w, 0, "reorder", "25");
	world_set(&w, 0, "reorder-delay", "1us");
	world_set(&w, 0, "corrupt", "3");
	flood(&w, 60, NULL, NULL);
	within_three(world_count(&w, 0, "reordered"), FRAMES * 0.25, FRAMES * 0.25 * 0.75);
	within_three(world_count(&w, 0, "corrupted"), FRAMES * 0.03, FRAMES * 0.03 * 0.97);
	world_close(&w);
}

/* The mean of 1/rate: bandwidth is drawn for each frame. */
static void bandwidth_with_a_spread_is_drawn_for_each_frame(void **state)
{
	double mean = log(3) / 2, var = (1.0 / 0.5 - 1.0 / 1.5) / 1.0 - mean * mean * 4, n = FRAMES;
	struct world w;
	vs_time last = 0;

	(void)state;
	world_open(&w, 8);
	world_set(&w, 0, "bandwidth", "1GB/s+500MB/s");
	for (int i = 0; i < FRAMES; i++) {
		world_send(&w, last, LINK_LEFT, 1000);
		last = world_next(&w, VS_NEVER, NULL, NULL);
	}
	/* 1 us at 1 GB/s; the mean of 1/x over 0.5..1.5 is ln 3. A floor costs half a ns each. */
	within_three((double)last / VS_USEC, n * mean * 2 - n * 0.0005, n * var);
	world_close(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(independent_loss),
		cmocka_unit_test(loss_with_a_spread_keeps_its_mean),
		cmocka_unit_test(gilbert_keeps_loss_and_burst_length),
		cmocka_unit_test(gilbert_keeps_a_loss_that_the_burst_length_forbids),
		cmocka_unit_test(duplicates_are_drawn_again_for_each_copy),
		cmocka_unit_test(uniform_delay_has_its_mean_deviation_and_shape),
		cmocka_unit_test(gaussian_delay_has_its_mean_deviation_and_shape),
		cmocka_unit_test(noise_damages_bits_per_megabyte),
		cmocka_unit_test(noise_on_every_bit_inverts_the_frame),
		cmocka_unit_test(reordering_and_corruption_hit_their_share),
		cmocka_unit_test(bandwidth_with_a_spread_is_drawn_for_each_frame),
	};

	return cmocka_run_group_tests_name("link statistics", tests, NULL, NULL);
}
