# SPDX-License-Identifier: GPL-2.0-or-later
"""Every scenario is a test: `pytest scenarios/` runs each .toml that has a [lab], twice.

A test holds when every expectation and every oracle does and both runs have the same digest. One
that fails says the seed and the command that reproduces it. `--vsq-seeds 1..20` makes a test of
each seed. Loaded by a conftest.py: from vsq.pytest_plugin import *.
"""
from __future__ import annotations

import re
from pathlib import Path

import pytest

from . import sweep
from .errors import VsqError
from .result import reproduce
from .run import Order, run

__all__ = ["pytest_addoption", "pytest_collect_file"]


class Failed(Exception):
    """A scenario did not hold; the text is for people."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("vsq")
    group.addoption("--vsq-seeds", metavar="A..B", default=None,
                    help="run every scenario under each of these seeds")


def pytest_collect_file(file_path: Path, parent: pytest.Collector):
    if file_path.suffix != ".toml":
        return None
    try:
        text = file_path.read_text(errors="replace")
    except OSError:
        return None
    if not re.search(r"^\s*\[lab\]", text, re.MULTILINE):
        return None
    return ScenarioFile.from_parent(parent, path=file_path)


class ScenarioFile(pytest.File):
    def collect(self):
        given = self.config.getoption("--vsq-seeds", default=None)
        if not given:
            yield ScenarioItem.from_parent(self, name="holds", seed=None)
            return
        for seed in sweep.seeds(given):
            yield ScenarioItem.from_parent(self, name=f"seed {seed}", seed=seed)


class ScenarioItem(pytest.Item):
    def __init__(self, *, seed: int | None, **more) -> None:
        super().__init__(**more)
        self.seed = seed

    def runtest(self) -> None:
        order = Order(str(self.path))
        first = run(order, self.seed)
        if not first.held:
            raise Failed(self.account(first.seed, [f"does not hold: {text}"
                                                   for text in first.failed]))
        second = run(order, self.seed)
        if first.digest != second.digest:
            raise Failed(self.account(first.seed, [
                f"two runs differ: digest {first.digest}", f"            then: {second.digest}"]))

    def account(self, seed: int, lines: list[str]) -> str:
        try:
            shown = str(self.path.relative_to(Path.cwd()))
        except ValueError:
            shown = str(self.path)
        return "\n".join([f"{shown}, seed {seed}", *("  " + line for line in lines),
                          "again: " + reproduce(shown, seed, [])])

    def repr_failure(self, excinfo, style=None):
        if isinstance(excinfo.value, (Failed, VsqError)):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, 0, f"{self.path.stem}: {self.name}"
