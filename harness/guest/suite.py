# SPDX-License-Identifier: GPL-2.0-or-later
"""Each case of a guest's test programs as a pytest case.

    from guest.suite import Suite

    SUITE = Suite("ipn", modules=["ipn"], programs=["ipn_socket_test", "ipn_lossless_test"])
    test_ipn = SUITE.tests()

A suite boots one guest, when its first case is wanted, and gives each case its own verdict.
Modules are names of what `make kernel` built, of the kernel's own, or paths; programs are names in
BUILD/kernel/test, or commands.  A program that knows --list (kernel/test/ktap.h) is asked for its
cases, another one is a single case.  `python3 -m pytest FILE -k NAME` runs the whole guest and
shows NAME.  Where the guest cannot be run (no headers, no QEMU) there is one case, skipped, that
says why.
"""
from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from vsq.errors import VsqError

from . import image, qemu
from .order import Order, Program
from .result import Case, Result
from .run import run

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("VSQ_BUILD", ROOT / "build")).resolve()
TESTS = BUILD / "kernel" / "test"


def missing() -> str:
    """Why no guest can be run here, or nothing."""
    try:
        qemu.program()
        release = image.release(image.installed())
    except VsqError as error:
        return str(error)
    if not shutil.which("busybox"):
        return "there is no busybox for the guest"
    if not (BUILD / "kernel" / release / "built").exists():
        return f"no modules for kernel {release} in {BUILD / 'kernel'}: `make kernel` builds " \
               f"them where there is /lib/modules/{release}/build (ci/bootstrap kernel)"
    return ""


def module(word: str) -> str:
    """A module by its name: the one that was built here, else the kernel's own."""
    name, blank, arguments = word.partition(" ")
    if "/" in name:
        return word
    built = BUILD / "kernel" / image.release(image.installed())
    found = sorted(built.glob(f"**/{name}.ko"))
    return f"{found[0]}{blank}{arguments}" if found else word


def program(word: str, seconds: int = 120) -> Program:
    name, blank, arguments = word.partition(" ")
    if "/" not in name and (TESTS / name).is_file():
        return Program(f"{TESTS / name}{blank}{arguments}", name=word, seconds=seconds)
    return Program(word, seconds=seconds)


def listed(one: Program) -> list[str]:
    """The names of a program's cases."""
    if one.file is None or one.file.parent != TESTS:
        return []
    done = subprocess.run([one.file, "--list"], capture_output=True, text=True, timeout=30)
    return done.stdout.split() if done.returncode == 0 else []


def published(result: Result, name: str) -> None:
    """Console, table and JUnit of a run, kept in the build."""
    folder = BUILD / "guest"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.console").write_text(result.console)
    (folder / f"{name}.txt").write_text(result.table() + "\n")
    result.junit(folder / f"{name}.xml")


@dataclass
class Suite:
    name: str
    modules: list[str] = field(default_factory=list)
    programs: list[str] = field(default_factory=list)
    seconds: int = 120
    order: dict[str, Any] = field(default_factory=dict)  # more fields of Order, as smp=2

    def __post_init__(self) -> None:
        self._result: Result | None = None
        self._error: VsqError | None = None

    def names(self) -> list[tuple[str, ...]]:
        found: list[tuple[str, ...]] = []
        for word in self.programs:
            one = program(word, self.seconds)
            inside = listed(one)
            found += [(one.name, name) for name in inside] or [(one.name,)]
        own = [Path(module(word).split(" ")[0]).stem for word in self.modules
               if "/" in module(word)]
        found += [(f"{verb} {name}",) for name in own for verb in ("load", "unload")]
        return [*found, ("console",)]

    def result(self) -> Result:
        if self._error is not None:
            raise self._error
        if self._result is None:
            try:
                self._result = run(Order(
                    modules=[module(word) for word in self.modules],
                    programs=[program(word, self.seconds) for word in self.programs],
                    **self.order))
            except VsqError as error:
                self._error = error
                raise
            published(self._result, self.name)
        return self._result

    def tests(self):
        """A test function with a parameter for each case."""
        why = missing()
        names = [] if why else self.names()
        if why:
            marked = [pytest.param(("all",), id="all", marks=pytest.mark.skip(reason=why))]
        else:
            marked = [pytest.param(name, id="-".join(name).replace(" ", "_")) for name in names]

        @pytest.mark.parametrize("path", marked)
        def test(path: tuple[str, ...]) -> None:
            self.check(path)
        return test

    def check(self, path: tuple[str, ...]) -> None:
        result = self.result()
        if path == ("console",):
            assert not result.faults, result.account()
            return
        case: Case | None = result.case(*path)
        if case is None:
            pytest.fail(f"{': '.join(path)}: the guest did not come to it\n{result.account()}",
                        pytrace=False)
        if case.verdict == "skipped":
            pytest.skip(case.output or case.detail or "skipped in the guest")
        if case.verdict == "failed":
            pytest.fail(f"{': '.join(path)}: {case.detail or 'failed'}\n{case.output}",
                        pytrace=False)
