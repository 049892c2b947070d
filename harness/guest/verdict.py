# SPDX-License-Identifier: GPL-2.0-or-later
"""What a console says: the tests in it (KTAP), and what no kernel may say while they run."""
from __future__ import annotations

import re

from .result import Case

# [    1.234567] or, with CONFIG_PRINTK_CALLER, [    1.234567][   T12]
STAMP = re.compile(r"^(?:<\d+>)?\[ *(\d+\.\d+)\](?:\[ *[TC]\d+\])? ?(.*)$")

# Each rule: what it is called, and what the kernel's line looks like after its stamp.
RULES: list[tuple[str, re.Pattern[str]]] = [(name, re.compile(pattern)) for name, pattern in [
    ("KASAN report", r"BUG: (KASAN|KFENCE|KMSAN|KCSAN)\b"),
    ("leaked object", r"kmemleak: (unreferenced object|\d+ new suspected memory leaks)"),
    ("leaked object", r"BUG \S+ .*: Objects remaining in|.*Slab cache still has objects"),
    ("leaked object", r"(unregister_netdevice: waiting for|leaked reference)"),
    ("leaked object", r"page_pool_release_retry|.*ref_tracker: .*leaked"),
    ("lockdep splat", r"(WARNING: |INFO: )?(possible (circular|recursive|irq lock inversion)|"
     r"inconsistent lock state|suspicious RCU usage|bad unlock balance|held lock freed|"
     r"lock held when returning to user space|\[ BUG: )"),
    ("lockdep splat", r"WARNING: (possible|inconsistent|suspicious|bad unlock|lock held|held lock|"
     r"nested lock)|=+ *WARNING: "),
    ("lockdep splat", r"(INFO: trying to register non-static key|INFO: HARDIRQ-safe)"),
    ("hung task", r"INFO: (task .* blocked for more than|rcu\w* (self-)?detected)|"
     r"rcu: INFO: .*(stall|detected)|watchdog: BUG: |INFO: rcu_tasks detected stalls"),
    ("BUG", r"(kernel )?BUG[: ]|BUG$"),
    ("WARNING", r"WARNING: "),
    ("UBSAN report", r"UBSAN: "),
    ("oops", r"(Oops|general protection fault|Unable to handle|invalid opcode|stack segment|"
     r"double fault|traps: .*\btrap|int3|PANIC: )(:|,| )|Kernel panic"),
    ("oops", r"(Internal error|stack guard page was hit|Call Trace:$|------------\[ cut here)"),
    ("scheduling while atomic", r"(BUG: )?scheduling while atomic"),
    ("refcount", r"refcount_t: "),
    ("list corruption", r"list_(add|del) corruption"),
]]


def plain(line: str) -> tuple[float | None, str]:
    """The guest's time of a line, and the line without its stamp."""
    found = STAMP.match(line)
    return (float(found[1]), found[2]) if found else (None, line)


def faults(console: str) -> list[str]:
    """Each line that condemns the run, with the rule that it breaks; the first of each rule."""
    seen: dict[str, str] = {}
    for line in console.splitlines():
        time, text = plain(line)
        if time is None or text.startswith("    "):
            continue
        for name, pattern in RULES:
            if pattern.match(text):
                seen.setdefault(name, f"{name}: {line.strip()}")
                break
    return list(seen.values())


RESULT = re.compile(r"(not )?ok (\d+)(?: -)? *([^#]*?) *(?:# *(.*))?$")
PLAN = re.compile(r"1\.\.(\d+)(?: *# *(.*))?$")


class _Level:
    """One KTAP document while it is read."""

    def __init__(self) -> None:
        self.cases: list[Case] = []
        self.planned: int | None = None
        self.last: float | None = None
        self.notes: list[str] = []

    def line(self, time: float | None, text: str) -> Case | None:
        if self.last is None:
            self.last = time
        if (found := PLAN.match(text)) and self.planned is None:
            self.planned = int(found[1])
        elif found := RESULT.match(text):
            detail = found[4] or ""
            verdict = "failed" if found[1] else "passed"
            if re.match(r"(?i)skip", detail):
                verdict, detail = "skipped", detail[4:].strip(" :")
            seconds = time - self.last if time is not None and self.last is not None else 0.0
            case = Case(found[3], verdict, seconds, detail, output="\n".join(self.notes))
            self.cases.append(case)
            self.last, self.notes = time, []
            return case
        else:
            self.notes.append(text)
        return None

    def short(self) -> str:
        """What is missing from the plan, or nothing."""
        if self.planned is not None and len(self.cases) < self.planned:
            return f"{len(self.cases)} of {self.planned} tests reported"
        return ""


def read(console: str) -> tuple[list[Case], str]:
    """The guest's tests with the tests inside them, and what is missing."""
    top, inner = _Level(), _Level()
    begun = False
    for line in console.splitlines():
        time, text = plain(line)
        if text == "KTAP version 1":
            begun = True
        if not begun or time is None:
            continue
        if text.startswith("    "):
            if text.startswith("    # Subtest: "):
                inner = _Level()
            inner.line(time, text[4:])
            continue
        case = top.line(time, text)
        if case is None:
            continue
        case.cases, missing = inner.cases, inner.short()
        case.output = "\n".join(note for note in
                                [line for inside in inner.cases for line in [inside.output]
                                 if line] + inner.notes)
        if case.verdict == "passed" and (missing or any(inside.verdict == "failed"
                                                        for inside in inner.cases)):
            case.verdict = "failed"
            case.detail = missing or "a test in it failed, though its status is 0"
        elif missing:
            case.detail = f"{case.detail}; {missing}".lstrip("; ")
        inner = _Level()
    missing = top.short() if begun else "the guest did not reach its tests"
    if missing and inner.cases:  # it died inside a program: keep what was heard
        top.cases.append(Case("(interrupted)", "failed", 0.0, inner.short(), cases=inner.cases,
                              output="\n".join(inner.notes)))
    return top.cases, missing
