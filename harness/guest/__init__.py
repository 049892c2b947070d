# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU guests that load kernel modules, run test programs, and end with a verdict.

    from guest import Order, Program, run

    result = run(Order(modules=["build/kernel/6.1.0-56-amd64/ipn.ko"],
                       programs=[Program("./prog --all")]))
    assert result.passed, result.account()

Nothing here touches the kernel of the machine that runs it.  `vsq guest run` is this from the
command line, `guest.suite` makes a pytest case of each KTAP line.
"""
from .order import Order, Program
from .result import Case, Result
from .run import run

__all__ = ["Case", "Order", "Program", "Result", "run"]
