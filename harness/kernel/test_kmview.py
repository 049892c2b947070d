# SPDX-License-Identifier: GPL-2.0-or-later
"""kmview in a guest, by each of its two ways of catching calls."""
import re
from pathlib import Path

import pytest

from guest import Program
from guest.suite import BUILD, TESTS, Suite, missing, module, program

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


SHELL = r"""#!/bin/sh
kmtrace -o /tmp/all sh -c '/bin/cat /etc/passwd >/dev/null; exit 3'
[ $? = 3 ] || exit 1
grep -q 'execve("/bin/cat", \["/bin/cat", "/etc/passwd"\]' /tmp/all || exit 2
grep -q 'openat(AT_FDCWD, "/etc/passwd", .*) = 3' /tmp/all || exit 3
for by in next read poll; do
	[ "$(kmtrace -b $by -o /tmp/fake -f getuid=4711 id -u)" = 4711 ] || exit 4
	grep -q 'getuid() faked = 4711' /tmp/fake || exit 5
done
kmtrace -o /tmp/none -f openat=ENOENT cat /etc/passwd 2>/dev/null
[ $? = 1 ] || exit 6
kmtrace -n -P /etc/pass -o /tmp/path ls /etc/passwd /proc >/dev/null
grep -q '"/etc/passwd"' /tmp/path && ! grep -q '"/proc"' /tmp/path || exit 7
kmtrace -n -d 1 -o /tmp/fd cat /etc/passwd >/dev/null
grep -Eq '(write|sendfile)\(1,' /tmp/fd && ! grep -q ' read(' /tmp/fd || exit 8
kmtrace -c -e write,exit_group -o /tmp/count sh -c 'echo a; echo b' >/dev/null
[ "$(tr -s ' ' </tmp/count | tr '\n' ,)" = " 2 write, 1 exit_group," ] || exit 9
kmtrace -s -o /tmp/signal sh -c 'kill -9 $$'
[ $? = 137 ] || exit 10
kmtrace no-such-program 2>/dev/null
[ $? = 127 ] || exit 11
kmtrace -e no_such_call true 2>/dev/null
[ $? = 125 ] || exit 12
"""


@needs_guest
def test_kmtrace_shows_and_fakes_calls(guest, tmp_path) -> None:
    script = tmp_path / "kmtrace-test"
    script.write_text(SHELL)
    script.chmod(0o755)
    done = guest(modules=["kmview"], programs=[Program(str(script))],
                 files={"/bin/kmtrace": BUILD / "bin" / "kmtrace"})
    assert done.passed, done.account()


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


@needs_guest
def test_who_is_not_traced_pays_nothing(guest) -> None:
    def cost(*modules: str) -> int:
        done = guest(modules=modules, programs=["kmview_cost untraced"], icount=True)
        assert done.passed, done.account()
        return int(re.search(r"untraced (\d+)$", done.console, re.M)[1])
    instruction_ns = 8
    assert abs(cost("kmview mode=ftrace") - cost()) < 4 * instruction_ns
