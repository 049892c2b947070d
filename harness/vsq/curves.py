# SPDX-License-Identifier: GPL-2.0-or-later
"""Series of many runs over each other: each is brought to even steps of time, then for every step
there is a median over the runs and a band that holds most of them.
"""
from __future__ import annotations

import math
from dataclasses import dataclass

from .result import Result
from .stats import quantile

CELLS = 600		# of one run, as it leaves its worker
STEPS = 300		# drawn
FLOWS_MAX = 6
LOW, HIGH = 0.1, 0.9	# the band


@dataclass
class Curve:
    """Means over even cells of 0 to end; NaN where the run has no value."""
    end: int
    values: list[float]


@dataclass
class Band:
    times: list[int]
    low: list[float]
    middle: list[float]
    high: list[float]


def held(times: list[int], values: list[float], end: int, last: int | None = None,
         cells: int = CELLS) -> list[float]:
    """The mean in each cell of 0 to end of a value that holds until the next one, the final one
    until last (if not given, a cell more); NaN where there is no value.
    """
    width = end / cells
    pairs = [(t, v) for t, v in zip(times, values) if v is not None and math.isfinite(v)]
    total, weight = [0.0] * cells, [0.0] * cells
    for i, (at, value) in enumerate(pairs):
        until = pairs[i + 1][0] if i + 1 < len(pairs) else at + width if last is None else last
        until = min(until, end)
        for cell in range(max(0, int(at / width)), min(cells, int(until / width) + 1)):
            share = min(until, (cell + 1) * width) - max(at, cell * width)
            if share > 0:
                total[cell] += value * share
                weight[cell] += share
    return [t / w if w else math.nan for t, w in zip(total, weight)]


def _told_late(times: list[int], values: list[float], end: int) -> list[float]:
    """Of a rate that is told at the end of its stretch of time."""
    first = times[0] - (times[1] - times[0]) if len(times) > 1 else 0
    return held([max(0, first), *times[:-1]], values, end, times[-1])


def of(result: Result) -> dict[str, Curve]:
    """Goodput, windows and round-trip times of the run's first flows, as app.N.WHAT."""
    found = {}
    end = max(1, result.lab["ended_ns"])
    for app in result.apps[:FLOWS_MAX]:
        for name in ("goodput", "tcp.cwnd", "rtt", "tcp.srtt", "delay"):
            times, values = result.series.get(f"app.{app['index']}.{name}", ([], []))
            if not times or name == "tcp.srtt" and f"app.{app['index']}.rtt" in found:
                continue
            cells = (_told_late if name == "goodput" else held)(times, values, end)
            if any(v == v for v in cells):
                found[f"app.{app['index']}.{name}"] = Curve(end, cells)
    return found


def _at(curve: Curve, low: float, high: float) -> float:
    """The mean between two times."""
    width = curve.end / len(curve.values)
    first, last = int(low / width), max(int(low / width) + 1, math.ceil(high / width - 1e-9))
    inside = [v for v in curve.values[first:last] if v == v]
    return sum(inside) / len(inside) if inside else math.nan


def band(curves: list[Curve], end: int, steps: int = STEPS) -> Band | None:
    """Over the runs that have a value, where at least half of them do; None where never."""
    times, rows = [], []
    for step in range(steps):
        low, high = end * step / steps, end * (step + 1) / steps
        values = sorted(v for v in (_at(curve, low, high) for curve in curves) if v == v)
        if values and 2 * len(values) >= len(curves):
            times.append(round((low + high) / 2))
            rows.append([quantile(values, share) for share in (LOW, 0.5, HIGH)])
    return Band(times, *map(list, zip(*rows))) if times else None


def median_end(ends: list[int]) -> int:
    """When half of the runs are over: bands reach so far."""
    return sorted(ends)[len(ends) // 2] if ends else 1
