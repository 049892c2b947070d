# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel modules cost, in a guest whose clock counts instructions: the same every time.

    ipn          a message to 1 and to 16 receivers, against AF_UNIX and a vde_switch
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


IPN = {"ipn": "IPN broadcast", "unix": "AF_UNIX datagrams", "switch": "vde_switch"}


def measured(modules: list[str], program: str, **more) -> dict[str, float]:
    from guest import Order, run, suite
    done = run(Order(modules=[suite.module(word) for word in modules],
                     programs=[suite.program(program)], icount=True, **more))
    if not done.passed:
        raise RuntimeError(done.account())
    found = re.findall(r"^(?:\[ *[\d.]+\])? *(?:# )?([a-z0-9-]+) (\d+)$", done.console, re.M)
    return {name: int(ns) / NS_AN_INSTRUCTION for name, ns in found}


def ipn(build: pathlib.Path) -> None:
    switches = ("/tmp/one", "/tmp/many")
    costs = measured(["ipn"], "ipn_cost " + " ".join(switches),
                     files={"/bin/vde_switch": build / "bin" / "vde_switch"},
                     setup=[f"vde_switch -d -s {path}" for path in switches])
    for receivers in (1, 16):
        print(f"  a message of 64 bytes to {receivers} and its reception, in instructions; the "
              "last column: times IPN's")
        for name, words in IPN.items():
            cost = costs[f"{name}-{receivers}"]
            print(f"  {words:38} {cost:8.0f} {cost / costs[f'ipn-{receivers}']:8.2f}")


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
        ipn(build)
        kmview()
    except (RuntimeError, VsqError) as error:
        print(f"  {error}", file=sys.stderr)
        return 1
    return 0
