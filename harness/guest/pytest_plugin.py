# SPDX-License-Identifier: GPL-2.0-or-later
"""The `guest` fixture: a function that runs an order of its own.

    def test_three_messages(guest):
        result = guest(modules=["ipn"], programs=["ipn_socket_test broadcast"], smp=2)
        assert result.passed, result.account()

Loaded by a conftest.py: `from guest.pytest_plugin import *`.
"""
from __future__ import annotations

import re
from typing import Any

import pytest

from . import suite
from .order import Order, Program
from .result import Result
from .run import run

__all__ = ["guest"]


@pytest.fixture
def guest(request: pytest.FixtureRequest):
    """Runs a guest; keeps its console in BUILD/guest.  Skips, with the reason, where none can be
    run.  MODULES and PROGRAMS are words as a Suite takes them; more arguments are Order's."""
    why = suite.missing()
    if why:
        pytest.skip(why)
    name = re.sub(r"[^A-Za-z0-9_]+", "_", request.node.name).strip("_")

    def one(modules: list[str] = (), programs: list[str | Program] = (), seconds: int = 60,
            **more: Any) -> Result:
        result = run(Order(
            modules=[suite.module(word) for word in modules],
            programs=[word if isinstance(word, Program) else suite.program(word, seconds)
                      for word in programs], **more))
        suite.published(result, name)
        return result
    return one
