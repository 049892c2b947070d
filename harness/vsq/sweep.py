# SPDX-License-Identifier: GPL-2.0-or-later
"""The same scenario under many seeds, in worker processes: which fail, and how metrics spread."""
from __future__ import annotations

import json
import multiprocessing
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field

from . import units
from .errors import VsqError
from .result import reproduce, title
from .run import Order, run
from .table import Style, grid

SEEDS_MAX = 1_000_000


@dataclass
class Outcome:
    seed: int
    held: bool = False
    digest: str = ""
    failed: list[str] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    expected: list[str] = field(default_factory=list)
    error: str = ""


def seeds(text: str) -> range:
    """"1..200", both included. VsqError."""
    match = re.fullmatch(r"(\d{1,18})\.\.(\d{1,18})", text)
    if not match:
        raise VsqError(f"--seeds {text!r} is no range (allowed: FIRST..LAST, as 1..200)")
    first, last = int(match[1]), int(match[2])
    if last < first or last - first >= SEEDS_MAX:
        raise VsqError(f"--seeds {text} is {'empty' if last < first else 'too long'} "
                       f"(allowed: up to {SEEDS_MAX:,} seeds, ascending)")
    return range(first, last + 1)


def one(work: tuple[Order, int]) -> Outcome:
    order, seed = work
    try:
        result = run(order, seed)
    except VsqError as error:
        return Outcome(seed, error=str(error))
    return Outcome(seed, result.held, result.digest, result.failed, result.metrics,
                   [j["metric"] for j in result.judgements if j["metric"]])


def outcomes(order: Order, which: range, jobs: int) -> Iterator[Outcome]:
    yield from spread_out(one, [(order, seed) for seed in which], jobs)


def spread_out(function: Callable, work: list, jobs: int) -> Iterator:
    """What the function makes of each piece of work, in their order. VsqError."""
    if jobs <= 1:
        yield from map(function, work)
        return
    # Spawned, not forked: a worker must find the engine as a new process would.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(work)), mp_context=spawn) as pool:
        try:
            yield from pool.map(function, work)
        except BrokenProcessPool as error:
            raise VsqError("a worker process died; run the seeds with -j 1") from error


def quantile(ordered: list[float], share: float) -> float:
    at = share * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def spread(found: list[Outcome]) -> dict[str, dict[str, float]]:
    """metric -> min, p5, p50, p95, max, mean over the seeds that have it."""
    values: dict[str, list[float]] = {}
    for outcome in found:
        for name, value in outcome.metrics.items():
            if value == value:
                values.setdefault(name, []).append(value)
    return {name: {"min": min(v), "p5": quantile(sorted(v), .05), "p50": quantile(sorted(v), .5),
                   "p95": quantile(sorted(v), .95), "max": max(v), "mean": sum(v) / len(v),
                   "seeds": len(v)} for name, v in values.items()}


def interesting(found: list[Outcome], table: dict[str, dict]) -> list[str]:
    """The metrics expectations are about, and the headline ones of the applications."""
    names = list(dict.fromkeys(name for outcome in found for name in outcome.expected))
    names += [name for name in table
              if re.fullmatch(r"app\.\d+\.(goodput|rtt\.p50|rtt\.p99|retransmits|duration)", name)]
    return [name for name in dict.fromkeys(names) if name in table]


def sweep(order: Order, which: range, jobs: int, as_json: bool, stream=None) -> int:
    """Prints as it goes; the exit code."""
    stream = stream or sys.stdout
    style = Style.of(stream)
    plan = order.plan()	# mistakes are told once, before any worker starts
    labels = [app.name or f"{app.kind} {app.source}→{app.target}" for app in plan.apps]
    found, bad = [], 0
    tty = sys.stderr.isatty()
    for outcome in outcomes(order, which, jobs):
        found.append(outcome)
        if outcome.error:
            raise VsqError(f"seed {outcome.seed}: {outcome.error}")
        if not outcome.held:
            bad += 1
            if not as_json:
                again = reproduce(order.file, outcome.seed, order.assignments, order.until)
                print(f"seed {outcome.seed} failed: {'; '.join(outcome.failed)}\n  {again}",
                      file=stream, flush=True)
        if tty:
            print(f"\r{len(found)} of {len(which)} seeds, {bad} failed ", end="",
                  file=sys.stderr, flush=True)
    if tty:
        print("\r" + " " * 50 + "\r", end="", file=sys.stderr, flush=True)
    table = spread(found)
    if as_json:
        json.dump({"schema": "vsq-sweep-1", "scenario": order.file,
                   "seeds": [{"seed": o.seed, "held": o.held, "digest": o.digest,
                              "failed": o.failed,
                              "command": reproduce(order.file, o.seed, order.assignments,
                                                   order.until)} for o in found],
                   "metrics": table}, stream, indent=1)
        print(file=stream)
        return 1 if bad else 0
    rows = []
    for name in interesting(found, table):
        quantity = units.quantity_of(name)
        rows.append([title(name, labels), *(units.show(table[name][key], quantity)
                             for key in ("min", "p5", "p50", "p95", "max"))])
    text = grid(["metric", "min", "p5", "median", "p95", "max"], rows, style)
    print(text, file=stream)
    print(f"{len(found)} seeds, {len(found) - bad} held, {bad} failed", file=stream)
    return 1 if bad else 0
