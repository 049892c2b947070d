# SPDX-License-Identifier: GPL-2.0-or-later
"""One run of a scenario, from file to result; with what it leaves in a folder."""
from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import scenario, units
from .errors import VsqError
from .lab import LabError, build
from .result import Result


@dataclass
class Order:
    """What to run: picklable, so that a sweep can hand it to workers."""
    file: str
    assignments: list[str] = field(default_factory=list)
    until: str | None = None

    def plan(self) -> scenario.Scenario:
        plan = scenario.load(self.file, self.assignments)
        if self.until:
            try:
                plan.until = units.time_ns(self.until)
            except units.UnitError as error:
                raise VsqError(f"--until: {error} (allowed: {error.allowed})") from error
        return plan


class ProgressLine:
    """One line on a terminal's stderr, once the run has taken a while."""

    AFTER, EVERY = 0.5, 0.1

    def __init__(self, until: int, stream=None) -> None:
        self.stream = stream or sys.stderr
        self.until = until
        self.begun = time.monotonic()
        self.drawn = 0.0
        self.active = self.stream.isatty()

    def __call__(self, now: int) -> bool:
        wall = time.monotonic()
        if not self.active or wall - self.begun < self.AFTER or wall - self.drawn < self.EVERY:
            return False
        self.drawn = wall
        share = min(1.0, now / self.until) if self.until else 1.0
        spent = wall - self.begun
        left = spent / share - spent if share > 0.01 else 0
        bar = ("#" * round(share * 30)).ljust(30, ".")
        text = f"\r[{bar}] {now / 1e9:.2f} s of {self.until / 1e9:g} s"
        text += f", at most {left:.0f} s to go" if left else ""
        print(text.ljust(78), end="", file=self.stream, flush=True)
        return False

    def end(self) -> None:
        if self.drawn:
            print("\r" + " " * 78 + "\r", end="", file=self.stream, flush=True)


def run(order: Order, seed: int | None = None, out: Path | None = None,
        progress: bool = False) -> Result:
    """Runs; with a folder, captures go there as the run goes. VsqError."""
    plan = order.plan()
    if seed is not None:
        plan.seed = seed
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise VsqError(f"--out {out}: {error.strerror}") from error
    line = ProgressLine(plan.until) if progress else None
    with build(plan, out=out) as lab:
        try:
            lab.advance(plan.until, plan.stop or None, line)
        except LabError as error:
            raise VsqError(f"{order.file}: {error}") from error
        finally:
            if line:
                line.end()
        lab.finish()
        result = Result.of(lab, order.assignments)
    result.lab["until_given"] = order.until
    return result


def publish(result: Result, out: Path) -> list[Path]:
    """Writes result.json and report.html beside the captures; all paths, the report first."""
    from . import report
    try:
        report.write(result, out / "report.html")
        result.write(out / "result.json")
    except OSError as error:
        raise VsqError(f"{error.filename or out}: {error.strerror}") from error
    return [out / "report.html", out / "result.json", *(out / name for name in result.captures)]


def shown(path: Path) -> str:
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
