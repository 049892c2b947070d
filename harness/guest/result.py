# SPDX-License-Identifier: GPL-2.0-or-later
"""What came of a guest: cases, faults, console; as a table and as JUnit XML."""
from __future__ import annotations

import re
import xml.etree.ElementTree as xml
from dataclasses import dataclass, field
from pathlib import Path

LAST_LINES = 25


@dataclass
class Case:
    name: str
    verdict: str  # passed, failed, skipped
    seconds: float = 0.0  # of the guest's time
    detail: str = ""
    cases: list["Case"] = field(default_factory=list)
    output: str = ""


@dataclass
class Result:
    """A run passes when its programs did, in a kernel that had nothing to complain about."""
    cases: list[Case]
    faults: list[str]  # of the console, or of how the guest ended
    console: str
    seconds: float  # of real time, QEMU's whole life
    accel: str
    kernel: str
    status: int | None  # what the guest left with; None: it was ended, or died

    @property
    def passed(self) -> bool:
        return not self.faults and bool(self.cases) and \
            all(case.verdict != "failed" for case in self.cases)

    def case(self, *path: str) -> Case | None:
        """A case by its name, and the names of those inside."""
        cases, found = self.cases, None
        for name in path:
            found = next((case for case in cases if case.name == name), None)
            if found is None:
                return None
            cases = found.cases
        return found

    def leaves(self) -> list[tuple[str, Case]]:
        """Every case that has none inside, and every failed one."""
        found = []
        for case in self.cases:
            found += [(f"{case.name}: {inside.name}", inside) for inside in case.cases]
            if not case.cases or (case.verdict == "failed" and
                                  all(inside.verdict != "failed" for inside in case.cases)):
                found.append((case.name, case))
        return found

    def tail(self, lines: int = LAST_LINES) -> str:
        return "\n".join(self.console.splitlines()[-lines:])

    def account(self) -> str:
        """Why it failed, for people."""
        lines = list(self.faults)
        for name, case in self.leaves():
            if case.verdict == "failed":
                lines.append(f"{name}: failed" + (f" ({case.detail})" if case.detail else ""))
                lines += [f"    {line}" for line in case.output.splitlines()[-12:]]
        if self.status is None or self.faults or not self.cases:
            lines += ["the console's last lines:", *(f"  {line}" for line in
                                                     self.tail().splitlines())]
        return "\n".join(lines)

    def table(self) -> str:
        leaves = self.leaves()
        width = max([len(name) for name, _ in leaves], default=4)
        lines = [f"{'test':{width}}  verdict  guest s"]
        for name, case in leaves:
            line = f"{name:{width}}  {case.verdict:7}  {case.seconds:7.3f}  {case.detail}"
            lines.append(line.rstrip())
        lines += [f"FAULT  {fault}" for fault in self.faults]
        count = {word: sum(case.verdict == word for _, case in leaves)
                 for word in ("passed", "failed", "skipped")}
        lines.append(f"{'passed' if self.passed else 'FAILED'}: {count['passed']} passed, "
                     f"{count['failed']} failed, {count['skipped']} skipped, "
                     f"{len(self.faults)} faults; {self.kernel}, {self.accel}, "
                     f"{self.seconds:.1f} s")
        return "\n".join(lines)

    def junit(self, path: Path) -> None:
        leaves = self.leaves()
        root = xml.Element("testsuite", name=f"guest {self.kernel}", tests=str(len(leaves) + 1),
                           failures=str(sum(case.verdict == "failed" for _, case in leaves)
                                        + bool(self.faults)),
                           skipped=str(sum(case.verdict == "skipped" for _, case in leaves)),
                           time=f"{self.seconds:.3f}")
        for name, case in leaves:
            element = xml.SubElement(root, "testcase", classname="guest", name=_clean(name),
                                     time=f"{case.seconds:.3f}")
            if case.verdict == "failed":
                xml.SubElement(element, "failure",
                               message=_clean(case.detail) or "failed").text = _clean(case.output)
            elif case.verdict == "skipped":
                xml.SubElement(element, "skipped", message=_clean(case.detail))
        element = xml.SubElement(root, "testcase", classname="guest", name="console",
                                 time=f"{self.seconds:.3f}")
        if self.faults:
            xml.SubElement(element, "failure", message=_clean(self.faults[0])).text = \
                _clean("\n".join(self.faults))
        xml.SubElement(root, "system-out").text = _clean(self.console)
        path.parent.mkdir(parents=True, exist_ok=True)
        xml.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _clean(text: str) -> str:
    """XML has no place for control characters."""
    return re.sub(r"[^\t\n\x20-\ud7ff\ue000-\ufffd]", "?", text)
