# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest runs what it is given; a fault in its kernel, a silent one, a dead one never pass."""
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as xml

import pytest

from guest import Order, Program, run
from guest.suite import BUILD, ROOT, missing, module

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


def script(folder: pathlib.Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return str(path)


def fault(what: str) -> Program:
    return Program(f"sh -c 'echo {what} >/proc/faulty'", name=what)


def test_programs_modules_and_libraries_reach_a_verdict(guest, tmp_path) -> None:
    done = guest(modules=["faulty"], programs=[
        "/usr/bin/env true",  # a dynamic program of Debian's, with its libraries
        script(tmp_path, "nested", "echo KTAP version 1; echo 1..1; echo ok 1 - inner\n"),
        "uname -r", "false"])
    assert [(case.name, case.verdict) for case in done.cases] == [
        ("load faulty", "passed"), ("env true", "passed"), ("nested", "passed"),
        ("uname -r", "passed"), ("false", "failed"), ("unload faulty", "passed")]
    assert done.case("nested", "inner").verdict == "passed"
    assert not done.faults and not done.passed
    assert "false: failed (status 1)" in done.account()


@pytest.mark.parametrize("what, rule", [
    ("bug", "BUG"), ("warning", "WARNING"), ("oops", "BUG"), ("panic", "oops"),
    ("leak", "leaked object"), ("say BUG: KASAN: wild access", "KASAN report"),
    ("say WARNING: possible recursive locking detected", "lockdep splat"),
])
def test_a_fault_of_the_kernel_fails_the_run(guest, what: str, rule: str) -> None:
    done = guest(modules=["faulty"], programs=[fault(what)])
    assert any(found.startswith(rule + ": ") for found in done.faults), done.console[-3000:]
    assert not done.passed


def test_a_task_that_waits_for_ever_is_a_fault(guest) -> None:
    done = guest(modules=["faulty"], seconds=60, icount=True, unload=False,
                 programs=[Program(
                     "sh -c '(echo sleep >/proc/faulty) >/tmp/o 2>&1 & sleep 45'", name="s")])
    assert any(found.startswith("hung task: ") for found in done.faults), done.console[-3000:]


def test_a_guest_that_stops_talking_fails_with_its_last_lines(guest) -> None:
    done = guest(modules=["faulty"], programs=[fault("hang")], silence_seconds=8)
    assert done.status is None and not done.passed
    assert "silent: no line for 8 s" in done.account()
    assert "# Subtest: hang" in done.account()


def test_a_module_that_stays_used_fails_to_unload(guest) -> None:
    done = guest(modules=["faulty"], programs=[fault("hold")])
    assert done.case("unload faulty").verdict == "failed" and not done.passed


def test_a_module_that_does_not_load_ends_the_run(guest) -> None:
    done = guest(modules=["faulty refuse=1"], programs=["true"])
    assert done.case("load faulty").verdict == "failed" and not done.passed


def test_a_program_that_takes_too_long_is_ended_in_the_guests_time(guest) -> None:
    done = guest(programs=[Program("sleep 1000", seconds=20)], icount=True)
    assert done.cases[0].verdict == "failed" and 19 < done.cases[0].seconds < 22


def test_with_icount_two_runs_have_the_same_console(guest) -> None:
    first, second = (guest(programs=["uname -a"], icount=True).console for _ in range(2))
    assert first == second


def test_artefacts_are_outside_while_the_guest_runs(guest, tmp_path) -> None:
    done = guest(programs=[Program("sh -c 'echo kept >/artefacts/x; echo 1 >/proc/self/comm'")],
                 artefacts=tmp_path / "out")
    assert done.passed, done.account()
    assert (tmp_path / "out" / "x").read_text() == "kept\n"


def test_three_guests_on_our_switch_reach_each_other(tmp_path) -> None:
    sock = tmp_path / "sw"
    switch = subprocess.Popen([BUILD / "bin" / "vde_switch", "-s", sock], stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL)
    try:
        while not (sock / "ctl").exists():
            assert switch.poll() is None
        # Each answers until all have reached all: who is done says so and waits for the others.
        talk = script(tmp_path, "talk", """me=$1
ip link set eth0 up
ip addr add 10.0.0.$me/24 dev eth0
for peer in 1 2 3; do
    until ping -c 1 -W 1 10.0.0.$peer >/dev/null; do :; done
done
touch /artefacts/$me
until [ -e /artefacts/1 ] && [ -e /artefacts/2 ] && [ -e /artefacts/3 ]; do sleep 0.1; done
""")
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            results = list(pool.map(lambda me: run(Order(
                programs=[Program(f"{talk} {me}")], nics=[f"vde,sock={sock}"],
                artefacts=tmp_path / "met")), (1, 2, 3)))
    finally:
        switch.kill()
        switch.wait()
        switch.stdin.close()
    for result in results:
        assert result.passed, result.account()


def vsq(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, ROOT / "harness" / "vsq" / "vsq", "guest", "run",
                           *words], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env={**os.environ, "VSQ_BUILD": str(BUILD)}, timeout=300)


def test_the_command_prints_a_table_and_writes_junit(tmp_path) -> None:
    done = vsq("--module", module("faulty"), "--test", "true", "--test", "false", "--junit",
               str(tmp_path / "j.xml"), "--console", str(tmp_path / "console"))
    assert done.returncode == 1, done.stderr
    assert "FAILED: 3 passed, 1 failed, 0 skipped, 0 faults" in done.stdout
    cases = {case.get("name"): case.find("failure") is None
             for case in xml.parse(tmp_path / "j.xml").iter("testcase")}
    assert cases == {"load faulty": True, "true": True, "false": False, "unload faulty": True,
                     "console": True}
    assert "KTAP version 1" in (tmp_path / "console").read_text()


@pytest.mark.parametrize("words, said", [
    (["--test", "./nowhere"], "there is no file nowhere"),
    (["--module", "no_such_module", "--test", "true"], "there is no module no_such_module"),
    (["--module", "README.md/x.ko", "--test", "true"], "README.md/x.ko: Not a directory"),
    (["--kernel", "/etc/passwd", "--test", "true"], "neither a bzImage nor an ELF file"),
    (["--icount", "--smp", "2", "--test", "true"], "--icount runs one processor"),
    ([], "nothing to do"),
])
def test_what_cannot_be_run_is_said(words: list[str], said: str) -> None:
    done = vsq(*words)
    assert done.returncode == 2 and said in done.stderr, done.stderr
