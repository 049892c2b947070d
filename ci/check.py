#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the tests of one build and counts them: unit tests, fuzz corpora, tidy, pytest, canaries.

Ends with a line `N passed, N failed` (`, N skipped`) and exits 1 if anything failed. The counts are
kept in BUILD/counts.json, which `--sum` adds up over several builds.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
UNIT_SECONDS = 600  # bounds a hang; decides nothing else


class Count:
    """What a group of tests came to."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed: list[str] = []
        self.skipped: list[str] = []

    def add(self, other: "Count") -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def line(self) -> str:
        text = f"{self.passed} passed, {len(self.failed)} failed"
        return text + (f", {len(self.skipped)} skipped" if self.skipped else "")


def run(command: list[str], **environment: str) -> tuple[int, str]:
    try:
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=UNIT_SECONDS,
                              env={**os.environ, **environment})
    except subprocess.TimeoutExpired as late:
        return -1, (late.stdout or b"").decode(errors="replace") + f"\nhung for {UNIT_SECONDS} s\n"
    return done.returncode, done.stdout.decode(errors="replace")


def unit(program: str) -> tuple[Count, str]:
    """One cmocka program. Its TAP lines are the tests; dying is a failure of its own."""
    count = Count()
    status, output = run([program], CMOCKA_MESSAGE_OUTPUT="TAP", UBSAN_OPTIONS="print_stacktrace=1")
    name = pathlib.Path(program).name
    for line in output.splitlines():
        found = re.match(r"(not )?ok \d+ - (\S+)(.*)", line)
        if not found:
            continue
        if "# SKIP" in found[3]:
            count.skipped.append(f"{name}: {found[2]}{found[3]}")
        elif found[1]:
            count.failed.append(f"{name}: {found[2]}")
        else:
            count.passed += 1
    if status != 0 and not count.failed:
        count.failed.append(f"{name}: ended with status {status}")
    if count.passed + len(count.failed) + len(count.skipped) == 0:
        count.failed.append(f"{name}: ran no test")
    return count, output


def fuzz(program: str) -> tuple[Count, str]:
    """Replays a fuzz target's corpus, one test for all of it."""
    count = Count()
    name = pathlib.Path(program).name
    corpus = ROOT / "fixtures" / "corpus" / name.removesuffix("_fuzz")
    if not any(corpus.glob("*")):
        count.failed.append(f"{name}: has no corpus in {corpus.relative_to(ROOT)}")
        return count, ""
    status, output = run([program, str(corpus)])
    if status == 0:
        count.passed += 1
    else:
        count.failed.append(f"{name}: ended with status {status}")
    return count, output


def canary(program: str) -> tuple[Count, str]:
    """A test that must fail: it shows that a failure would be seen."""
    count, output = unit(program)
    seen = Count()
    if len(count.failed) == 1 and count.passed == 1:
        seen.passed = 1
    else:
        seen.failed.append(f"{pathlib.Path(program).name}: the failure was not seen")
    return seen, output


def in_parallel(kind, programs: list[str], label: str) -> Count:
    total = Count()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for program, (count, output) in zip(programs, pool.map(kind, programs)):
            if count.failed:
                print(output, end="")
            print(f"  {label:6} {os.path.relpath(program, ROOT)}: {count.line()}", flush=True)
            total.add(count)
    return total


def tidy(build: str) -> Count:
    count = Count()
    status, output = run(["make", "--no-print-directory", "-s", f"B={build}", "tidy"])
    print(output, end="")
    if status == 0:
        count.passed += 1
    else:
        count.failed.append("tidy")
    return count


def pytest(build: pathlib.Path, paths: list[str], extra: list[str]) -> Count:
    """pytest in the foreground, with its own output; junit gives the counts."""
    count = Count()
    junit = build / "pytest.xml"
    junit.unlink(missing_ok=True)
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-rs", "--durations=8", "-p",
                           "no:cacheprovider", f"--junitxml={junit}", *extra, *paths],
                          cwd=ROOT, stdin=subprocess.DEVNULL,
                          env={**os.environ, "VSQ_BUILD": str(build)})
    if not junit.exists():
        count.failed.append(f"pytest ended with status {done.returncode} and no report")
        return count
    for case in xml.etree.ElementTree.parse(junit).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            count.failed.append(name)
        elif (skip := case.find("skipped")) is not None:
            count.skipped.append(f"{name}: {skip.get('message')}")
        else:
            count.passed += 1
    if done.returncode not in (0, 1):
        count.failed.append(f"pytest ended with status {done.returncode}")
    return count


def pytest_canary(build: pathlib.Path) -> Count:
    count = Count()
    status, _ = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                     "ci/canary.py"])
    if status == 1:
        count.passed += 1
    else:
        count.failed.append("ci/canary.py: the failure was not seen by pytest")
    return count


def finish(total: Count, build: pathlib.Path | None) -> int:
    for skip in total.skipped:
        print(f"  skipped {skip}")
    for failure in total.failed:
        print(f"  FAILED {failure}")
    if build:
        (build / "counts.json").write_text(json.dumps(vars(total)))
    print(total.line(), flush=True)
    return 1 if total.failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build", help="the build to test")
    parser.add_argument("--only-c", action="store_true", help="unit tests and corpora only")
    parser.add_argument("--unit", nargs="*", default=[], help="cmocka programs")
    parser.add_argument("--fuzz", nargs="*", default=[], help="fuzz replays")
    parser.add_argument("--sum", nargs="*", help="add up the counts of these builds, run nothing")
    parser.add_argument("--pytest", nargs="*", default=[], help="more arguments for pytest")
    args = parser.parse_args()
    total = Count()
    if args.sum is not None:
        for build in args.sum:
            part = Count()
            counts = ROOT / build / "counts.json"
            if counts.exists():
                vars(part).update(json.loads(counts.read_text()))
            else:
                part.failed.append(f"{build}: its tests did not finish")
            total.add(part)
        return finish(total, None)
    build = (ROOT / args.build).resolve()
    (build / "counts.json").unlink(missing_ok=True)
    began = time.monotonic()
    units = [program for program in args.unit if not program.endswith("/canary_test")]
    total.add(in_parallel(unit, units, "UNIT"))
    total.add(in_parallel(canary, [p for p in args.unit if p not in units], "CANARY"))
    total.add(in_parallel(fuzz, args.fuzz, "CORPUS"))
    if not args.only_c:
        total.add(tidy(args.build))
        total.add(pytest_canary(build))
        total.add(pytest(build, ["harness", "scenarios"], args.pytest))
    print(f"  {time.monotonic() - began:.0f} s")
    return finish(total, build)


if __name__ == "__main__":
    sys.exit(main())
