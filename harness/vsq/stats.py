# SPDX-License-Identifier: GPL-2.0-or-later
"""Statistics of paired samples: two variants under the same seeds, seed by seed.

The difference of a pair is b - a. Its mean has an interval by Student's t and one by the bootstrap
(BCa, which follows a skewed sample); its median has one by order statistics, which supposes
nothing about the distribution. Ranks and signs have exact tests. Chance comes from a stream with a
name, so that the same sample always gives the same answer.
"""
from __future__ import annotations

import math
import random
from dataclasses import dataclass
from statistics import NormalDist

LEVEL = 0.95
RESAMPLES = 4000
BOOTSTRAP_MAX = 10_000	# pairs; with more, the t interval is as good
EXACT_MAX = 60		# ranks; with more, their sum is as good as normal
NORMAL = NormalDist()

Interval = tuple[float, float]


def quantile(ordered: list[float], share: float) -> float:
    """Of a sorted sample that is not empty, linear between its values."""
    at = share * (len(ordered) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def deviation(values: list[float]) -> float:
    """The sample's standard deviation (n - 1); 0 of a single value."""
    if len(values) < 2 or min(values) == max(values):
        return 0.0
    middle = mean(values)
    return math.sqrt(math.fsum((v - middle) ** 2 for v in values) / (len(values) - 1))


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    tiny = 1e-300
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > tiny else tiny)
    found = d
    for m in range(1, 10_000):
        for factor in (m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                       -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))):
            d = 1 + factor * d
            d = 1 / (d if abs(d) > tiny else tiny)
            c = 1 + factor / c
            c = c if abs(c) > tiny else tiny
            found *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return found


def beta_share(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
                     + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def t_tails(t: float, freedom: int) -> float:
    """P(|T| >= |t|) for Student's t."""
    if math.isinf(t):
        return 0.0
    return beta_share(freedom / (freedom + t * t), freedom / 2, 0.5)


def t_quantile(level: float, freedom: int) -> float:
    """The t with P(|T| <= t) = level, by bisection."""
    low, high = 0.0, 1.0
    while t_tails(high, freedom) > 1 - level:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if t_tails(middle, freedom) > 1 - level:
            low = middle
        else:
            high = middle
    return high


def t_interval(values: list[float], level: float = LEVEL) -> tuple[Interval, float] | None:
    """The interval of the mean and the two-sided p of "the mean is 0"; None of fewer than two."""
    n = len(values)
    if n < 2:
        return None
    middle, error = mean(values), deviation(values) / math.sqrt(n)
    if not error:
        return (middle, middle), 0.0 if middle else 1.0
    reach = t_quantile(level, n - 1) * error
    return (middle - reach, middle + reach), t_tails(middle / error, n - 1)


def bootstrap(values: list[float], stream: str, level: float = LEVEL,
              resamples: int = RESAMPLES) -> Interval | None:
    """The mean's BCa interval (Efron 1987); None of fewer than two values, or far too many."""
    n = len(values)
    if not 2 <= n <= BOOTSTRAP_MAX:
        return None
    middle = mean(values)
    if min(values) == max(values):
        return middle, middle
    rng = random.Random(stream)
    resamples = max(1000, min(resamples, 8_000_000 // n))
    means = sorted(sum(rng.choices(values, k=n)) / n for _ in range(resamples))
    below = sum(m < middle for m in means) + sum(m == middle for m in means) / 2
    bias = NORMAL.inv_cdf(min(max(below / resamples, 1 / resamples), 1 - 1 / resamples))
    # Leaving one out moves the mean by (middle - v) / (n - 1): the scale cancels.
    cubes = math.fsum((v - middle) ** 3 for v in values)
    squares = math.fsum((v - middle) ** 2 for v in values)
    skew = cubes / (6 * squares ** 1.5)

    def end(share: float) -> float:
        z = bias + NORMAL.inv_cdf(share)
        return quantile(means, NORMAL.cdf(bias + z / (1 - skew * z)))

    return end((1 - level) / 2), end((1 + level) / 2)


def binomial_below(k: int, n: int) -> float:
    """P(X <= k) for n tosses of a fair coin."""
    if n > 1000:
        return NORMAL.cdf((k + 0.5 - n / 2) / (math.sqrt(n) / 2))
    return sum(math.comb(n, i) for i in range(k + 1)) / 2 ** n


def sign_test(values: list[float]) -> float:
    """Two-sided p of "up and down are as likely"; zeros say nothing."""
    up = sum(v > 0 for v in values)
    down = sum(v < 0 for v in values)
    return min(1.0, 2 * binomial_below(min(up, down), up + down)) if up + down else 1.0


def median_interval(values: list[float], level: float = LEVEL) -> Interval | None:
    """Between two order statistics, at least at this level; None where there are too few."""
    n = len(values)
    outside = 0		# of each end so many values lie outside
    below = 0.5 ** n if n <= 1000 else 0.0
    while 2 * below <= 1 - level:
        outside += 1
        below = (below + math.comb(n, outside) / 2 ** n if n <= 1000
                 else binomial_below(outside, n))
    ordered = sorted(values)
    return (ordered[outside - 1], ordered[n - outside]) if outside else None


def ranks(values: list[float]) -> list[float]:
    """Ranks from 1; equal values share the middle of theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    at = 0
    while at < len(order):
        end = at
        while end + 1 < len(order) and values[order[end + 1]] == values[order[at]]:
            end += 1
        for i in range(at, end + 1):
            found[order[i]] = (at + end) / 2 + 1
        at = end + 1
    return found


def wilcoxon(values: list[float]) -> tuple[float, float]:
    """The signed-rank test: (sum of the ranks of what went up, two-sided p). Zeros are left out.
    Up to EXACT_MAX values the distribution is counted out, ties and all.
    """
    moved = [v for v in values if v]
    n = len(moved)
    order = ranks([abs(v) for v in moved])
    up = math.fsum(rank for rank, v in zip(order, moved) if v > 0)
    if not n:
        return 0.0, 1.0
    total = n * (n + 1) / 2
    if n <= EXACT_MAX:
        chance = [1.0]	# of each sum of doubled ranks, which are whole numbers
        for rank in order:
            step = round(2 * rank)
            wider = [p / 2 for p in chance] + [0.0] * step
            for i, p in enumerate(chance):
                wider[i + step] += p / 2
            chance = wider
        least = round(2 * min(up, total - up))
        return up, min(1.0, 2 * math.fsum(chance[:least + 1]))
    spread = math.sqrt(math.fsum(rank * rank for rank in order) / 4)
    far = max(0.0, abs(up - total / 2) - 0.5)
    return up, min(1.0, 2 * NORMAL.cdf(-far / spread))


def holm(chances: list[float]) -> list[float]:
    """p values for a family of questions (Holm 1979): what each is worth among all."""
    found = [1.0] * len(chances)
    worst = 0.0
    for place, i in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        worst = max(worst, min(1.0, chances[i] * (len(chances) - place)))
        found[i] = worst
    return found


@dataclass
class Paired:
    """What n pairs say about b - a."""
    n: int
    mean_a: float
    mean_b: float
    median_a: float
    median_b: float
    mean: float
    median: float
    stddev: float
    interval: Interval | None	# of the mean, by t
    p: float
    bootstrap: Interval | None
    median_interval: Interval | None
    up: int
    down: int
    sign_p: float
    rank_sum: float
    rank_p: float

    @property
    def direction(self) -> int:
        """1: b is greater at LEVEL, -1: it is less, 0: they are not told apart."""
        if not self.interval or self.p >= 1 - LEVEL:
            return 0
        return 1 if self.mean > 0 else -1

    @property
    def ranks_agree(self) -> bool:
        """Whether ranks, which no single seed can sway, say the same."""
        middle = (self.up + self.down) * (self.up + self.down + 1) / 4
        told = 0 if self.rank_p >= 1 - LEVEL else 1 if self.rank_sum > middle else -1
        return told == self.direction


def paired(a: list[float], b: list[float], stream: str) -> Paired:
    """a and b: not empty, equally long, finite. stream: names the chance of the bootstrap."""
    moves = [y - x for x, y in zip(a, b, strict=True)]
    found = t_interval(moves)
    interval, p = found if found else (None, 1.0)
    sign_p = sign_test(moves)
    if found and interval[0] == interval[1]:
        p = sign_p	# t knows no spread of 0; two equal differences prove little
    rank_sum, rank_p = wilcoxon(moves)
    return Paired(
        n=len(moves), mean_a=mean(a), mean_b=mean(b), median_a=quantile(sorted(a), .5),
        median_b=quantile(sorted(b), .5), mean=mean(moves), median=quantile(sorted(moves), .5),
        stddev=deviation(moves), interval=interval, p=p, bootstrap=bootstrap(moves, stream),
        median_interval=median_interval(moves), up=sum(m > 0 for m in moves),
        down=sum(m < 0 for m in moves), sign_p=sign_p, rank_sum=rank_sum, rank_p=rank_p)
