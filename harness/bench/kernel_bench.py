# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel modules cost, in a guest whose clock counts instructions: the same every time.

    kmview       a call whose result a tracer gives, against ptrace's two ways

A program of kernel/*/test prints a line "NAME NS" for each thing it measures; here they become
instructions and ratios.
"""
import os
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
NS_AN_INSTRUCTION = 8  # icount's shift=3
KMVIEW = {"bare": "not traced, kmview not loaded",
          "untraced": "not traced, kmview loaded", "kmview": "kmview, KMVIEW_NEXT",
          "kmview-read": "kmview, read and ioctl", "ptrace-syscall": "ptrace, PTRACE_SYSCALL",
          "ptrace-sysemu": "ptrace, PTRACE_SYSEMU"}


def measured(modules: list[str], program: str) -> dict[str, float]:
    from guest import Order, run, suite
    done = run(Order(modules=[suite.module(word) for word in modules],
                     programs=[suite.program(program)], icount=True))
    if not done.passed:
        raise RuntimeError(done.account())
    found = re.findall(r"^(?:\[ *[\d.]+\])? *(?:# )?([a-z0-9-]+) (\d+)$", done.console, re.M)
    return {name: int(ns) / NS_AN_INSTRUCTION for name, ns in found}


def kmview() -> None:
    bare = measured([], "kmview_cost untraced")["untraced"]
    for mode in ("ftrace", "tracepoint"):
        costs = measured([f"kmview mode={mode}"], "kmview_cost")
        costs["bare"] = bare
        print(f"  a system call, in instructions (kmview mode={mode}); of them the last column "
              "times kmview's")
        best = min(costs["kmview"], costs["kmview-read"])
        for name, words in KMVIEW.items():
            print(f"  {words:38} {costs[name]:8.0f} {costs[name] / best:8.2f}")


def main(build: pathlib.Path) -> int:
    os.environ["VSQ_BUILD"] = str(build)
    sys.path.insert(0, str(HERE.parent))
    from guest import suite
    from vsq.errors import VsqError
    if why := suite.missing():
        print(f"  not measured: {why}")
        return 0
    try:
        kmview()
    except (RuntimeError, VsqError) as error:
        print(f"  {error}", file=sys.stderr)
        return 1
    return 0
