# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/rfc9293.md is whole, and every test that it names runs and passes."""
import functools
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / os.environ.get("VSQ_BUILD", "build")
PAGE = ROOT / "docs" / "rfc9293.md"
WHOLE = ([f"MUST-{n}" for n in range(1, 70)] + [f"SHLD-{n}" for n in range(1, 32)] + ["REC-1"] +
         [f"MAY-{n}" for n in range(1, 19)])


def rows() -> list[tuple[str, str, list[tuple[str, str]]]]:
    found = []
    for line in PAGE.read_text().splitlines():
        match = re.match(r"\| ((?:MUST|SHLD|REC|MAY)-\d+) \| (.+) \| (.+) \|$", line)
        if match:
            tests = re.findall(r"`([\w/]+_test\.c):(\w+)`", match[3])
            found.append((match[1], match[2], tests))
    return found


@functools.cache
def passed(source: str) -> set[str]:
    program = BUILD / "test" / source.removesuffix(".c")
    done = subprocess.run([program], capture_output=True, text=True, timeout=120, cwd=ROOT)
    return set(re.findall(r"^\[ +OK \] (\w+)$", done.stdout + done.stderr, re.M))


def test_every_requirement_has_one_row():
    assert [name for name, _, _ in rows()] == WHOLE


def test_a_row_names_a_test_or_says_why_not():
    for name, text, tests in rows():
        assert tests or text.startswith(("does not apply: ", "not taken: ")), name
        assert tests or not name.startswith(("MUST", "REC")), name


def test_every_test_that_is_named_runs_and_passes():
    missing = [f"{name}: {source}:{test}" for name, _, tests in rows() for source, test in tests
               if test not in passed(source)]
    assert not missing
