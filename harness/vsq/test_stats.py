# SPDX-License-Identifier: GPL-2.0-or-later
"""Against published tables and examples, and against counting out small cases."""
import itertools
import math
import random

import pytest

from vsq import stats

# Darwin's maize, crossed against self-fertilised plants, in eighths of an inch (Fisher, The Design
# of Experiments, 1935, chapter 3).
MAIZE = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
# Hours of sleep gained with two drugs by the same ten people (Student, 1908).
DRUG1 = [.7, -1.6, -.2, -1.2, -.1, 3.4, 3.7, .8, 0, 2]
DRUG2 = [1.9, .8, 1.1, .1, -.1, 4.4, 5.5, 1.6, 4.6, 3.4]


@pytest.mark.parametrize("freedom, t95, t99", [
    (1, 12.7062, 63.6567), (2, 4.30265, 9.92484), (3, 3.18245, 5.84091), (5, 2.57058, 4.03214),
    (10, 2.22814, 3.16927), (29, 2.04523, 2.75639), (30, 2.04227, 2.75), (60, 2.0003, 2.66028),
    (120, 1.97993, 2.61742), (100_000, 1.95999, 2.57588)])
def test_quantiles_of_t_are_those_of_the_tables(freedom, t95, t99):
    assert stats.t_quantile(.95, freedom) == pytest.approx(t95, rel=5e-6)
    assert stats.t_quantile(.99, freedom) == pytest.approx(t99, rel=5e-6)
    assert stats.t_tails(t95, freedom) == pytest.approx(.05, rel=5e-5)


def test_the_share_of_beta_has_its_closed_forms():
    for x in (.01, .2, .5, .77, .99):
        assert stats.beta_share(x, 1, 1) == pytest.approx(x)
        assert stats.beta_share(x, 2, 1) == pytest.approx(x * x)
        assert stats.beta_share(x, .5, .5) == pytest.approx(2 / math.pi * math.asin(x ** .5))
        assert stats.beta_share(x, 3.5, 9) == pytest.approx(1 - stats.beta_share(1 - x, 9, 3.5))
    assert stats.t_tails(math.inf, 5) == 0 and stats.t_tails(0, 5) == pytest.approx(1)


def test_students_sleep_comes_out_as_he_found_it():
    found = stats.paired(DRUG1, DRUG2, "sleep")
    assert found.mean == pytest.approx(1.58)
    assert found.stddev == pytest.approx(1.2300, abs=5e-5)
    assert found.p == pytest.approx(.002833, abs=5e-7)
    assert found.interval == pytest.approx((.7001142, 2.4598858), abs=5e-7)
    assert found.rank_sum == 45 and found.rank_p == pytest.approx(2 / 2**9)	# one pair is equal
    assert (found.up, found.down) == (9, 0) and found.sign_p == pytest.approx(2 / 2**9)
    assert found.direction == 1 and found.ranks_agree


def test_darwins_maize_comes_out_as_fisher_found_it():
    found = stats.paired([0] * 15, MAIZE, "maize")
    assert found.mean == pytest.approx(20.933, abs=5e-4)
    assert found.mean / (found.stddev / 15**.5) == pytest.approx(2.148, abs=5e-4)
    assert found.p == pytest.approx(.0497, abs=5e-5)
    assert found.interval == pytest.approx((.0312, 41.8355), abs=5e-4)
    assert found.rank_sum == 96 and found.rank_p == pytest.approx(.04126, abs=5e-6)
    assert found.sign_p == pytest.approx(.007385, abs=5e-7)
    assert found.median == 24 and found.median_interval == (8, 49)


@pytest.mark.parametrize("values", [
    [1, 2, 3], [3, -1, 2, -5], [1, 1, -1, 2, 2], [2, -2, 2, -2, 1, 7], [5, 5, 5, -5, 1, 3, -2]])
def test_the_ranks_distribution_is_every_choice_of_signs(values):
    order = stats.ranks([abs(v) for v in values])
    sums = [sum(r for r, sign in zip(order, signs) if sign)
            for signs in itertools.product((0, 1), repeat=len(values))]
    up, p = stats.wilcoxon(values)
    least = min(up, sum(order) - up)
    assert p == pytest.approx(min(1, 2 * sum(s <= least for s in sums) / len(sums)))


@pytest.mark.parametrize("n, critical, p", [	# two-sided 5 %: the greatest sum that tells
    (6, 0, .03125), (8, 3, .0390625), (10, 8, .048828), (15, 25, .047913), (20, 52, .048441),
    (25, 89, .047874), (30, 137, .049976)])
def test_critical_sums_of_ranks_are_those_of_the_tables(n, critical, p):
    def of_sum(least):
        signs, left = [], least
        for rank in range(n, 0, -1):
            signs.append(-rank if rank > left else rank)
            left -= rank if rank <= left else 0
        return stats.wilcoxon(signs)

    up, found = of_sum(critical)
    assert up == critical and found <= .05 < of_sum(critical + 1)[1]
    assert found == pytest.approx(p, rel=.02)


def test_many_ranks_are_nearly_normal():
    rng = random.Random(1)
    values = [rng.gauss(.2, 1) for _ in range(stats.EXACT_MAX)]
    exact = stats.wilcoxon(values)[1]
    bigger = stats.EXACT_MAX
    try:
        stats.EXACT_MAX = 10
        assert stats.wilcoxon(values)[1] == pytest.approx(exact, rel=.08)
    finally:
        stats.EXACT_MAX = bigger


@pytest.mark.parametrize("up, down, p", [(5, 0, .0625), (6, 0, .03125), (9, 1, .021484375),
                                         (8, 2, .109375), (13, 2, .00738525390625), (4, 4, 1)])
def test_signs_are_a_coin_counted_out(up, down, p):
    assert stats.sign_test([1.0] * up + [-2.0] * down + [0.0] * 3) == pytest.approx(p)


@pytest.mark.parametrize("n, first", [(6, 1), (8, 1), (9, 2), (10, 2), (15, 4), (20, 6), (30, 10),
                                      (50, 18), (100, 40)])
def test_the_medians_interval_takes_the_order_statistics_of_the_tables(n, first):
    assert stats.median_interval([float(i) for i in range(1, n + 1)]) == (first, n + 1 - first)
    assert stats.median_interval([1.0] * 5) is None


def test_the_bootstrap_follows_its_stream_and_nothing_else():
    assert stats.bootstrap(MAIZE, "a") == stats.bootstrap(MAIZE, "a") != stats.bootstrap(MAIZE, "b")
    low, high = stats.bootstrap(MAIZE, "a", resamples=20_000)
    assert low == pytest.approx(-1.5, abs=2.5) and high == pytest.approx(37, abs=2)
    assert stats.bootstrap([3.0, 3.0, 3.0], "a") == (3, 3)


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = random.Random(7)
    held = {"t": 0, "bootstrap": 0, "median": 0}
    runs = 300
    for run in range(runs):
        values = [rng.gauss(5, 2) for _ in range(20)]
        for name, (low, high) in (("t", stats.t_interval(values)[0]),
                                  ("bootstrap", stats.bootstrap(values, str(run))),
                                  ("median", stats.median_interval(values))):
            held[name] += low <= 5 <= high
    assert all(.90 < count / runs < .99 for count in held.values()), held


def test_equal_runs_differ_in_nothing_and_two_equal_steps_prove_little():
    same = stats.paired([1.0] * 9, [1.0] * 9, "")
    assert same.direction == 0 and same.p == same.rank_p == same.sign_p == 1
    assert stats.paired([1.0, 2.0], [2.0, 3.0], "").direction == 0
    assert stats.paired([1.0] * 6, [2.0] * 6, "").direction == 1
    assert stats.paired([1.0], [2.0], "").interval is None


def test_an_outlier_that_makes_the_mean_is_told_from_the_ranks():
    found = stats.paired([0.0] * 12, [-1.0] * 11 + [60.0], "")
    assert found.direction == 0 and not found.ranks_agree


def test_many_questions_cost():
    assert stats.holm([.01, .04, .03]) == pytest.approx([.03, .06, .06])
    assert stats.holm([]) == [] and stats.holm([.9, .9]) == [1, 1]
