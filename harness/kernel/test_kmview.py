# SPDX-License-Identifier: GPL-2.0-or-later
"""kmview in a guest, by each of its two ways of catching calls."""
from pathlib import Path

import pytest

from guest import Program
from guest.suite import TESTS, Suite, missing, module, program

PROGRAMS = ["kmview_call_test", "kmview_thread_test", "kmview_filter_test", "kmview_stress_test"]
BY_FTRACE = Suite("kmview-ftrace", modules=["kmview mode=ftrace"], programs=PROGRAMS)
BY_TRACEPOINT = Suite("kmview-tracepoint", modules=["kmview mode=tracepoint"], programs=PROGRAMS)

test_by_ftrace = BY_FTRACE.tests()
test_by_tracepoint = BY_TRACEPOINT.tests()

needs_guest = pytest.mark.skipif(bool(missing()), reason=missing())


@needs_guest
def test_ftrace_is_chosen_where_it_works(guest) -> None:
    done = guest(modules=["kmview"], programs=[
        "grep -qx ftrace /sys/module/kmview/parameters/mode", "test -c /dev/kmview"])
    assert done.passed, done.account()


@needs_guest
def test_unknown_mode_is_refused(guest) -> None:
    done = guest(modules=["kmview mode=magic"])
    assert not done.passed


@needs_guest
def test_several_processors_make_no_difference(guest) -> None:
    done = guest(smp=2, modules=["kmview"], programs=[
        program(name) for name in ("kmview_thread_test", "kmview_stress_test")])
    assert done.passed, done.account()


@needs_guest
def test_module_comes_and_goes_fifty_times(guest, tmp_path) -> None:
    script = tmp_path / "reload"
    script.write_text("""#!/bin/sh
i=0
while [ $i -lt 50 ]; do
	insmod /kmview.ko || exit 1
	[ $((i % 10)) != 0 ] || /kmview_thread_test tracers_nest >/dev/null || exit 2
	rmmod kmview || exit 3
	i=$((i + 1))
done
""")
    script.chmod(0o755)
    done = guest(programs=[Program(str(script), seconds=120)],
                 files={"/kmview.ko": Path(module("kmview")),
                        "/kmview_thread_test": TESTS / "kmview_thread_test"})
    assert done.passed, done.account()
