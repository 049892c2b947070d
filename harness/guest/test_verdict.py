# SPDX-License-Identifier: GPL-2.0-or-later
"""Every rule of the verdict fails a run, in a guest where the kernel can be made to, and no rule
fails one for what a program says."""
import pytest

from guest import verdict

SAID = {
    "KASAN report": "BUG: KASAN: slab-use-after-free in x+0x1/0x2",
    "leaked object": "kmemleak: 2 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
    "lockdep splat": "WARNING: possible circular locking dependency detected",
    "hung task": "INFO: task sleeper:12 blocked for more than 20 seconds.",
    "BUG": "BUG: unable to handle page fault for address: ffff",
    "WARNING": "WARNING: CPU: 0 PID: 1 at x.c:1 y+0x1/0x2",
    "UBSAN report": "UBSAN: shift-out-of-bounds in x.c:1:2",
    "oops": "Oops: 0002 [#1] PREEMPT SMP NOPTI",
    "scheduling while atomic": "scheduling while atomic: x/1/0x00000002",
    "refcount": "refcount_t: underflow; use-after-free.",
    "list corruption": "list_del corruption. prev->next should be ffff",
}


@pytest.mark.parametrize("rule", sorted({name for name, _ in verdict.RULES}))
def test_each_rule_has_a_line_that_breaks_it(rule: str) -> None:
    found = verdict.faults(f"[    1.000001] {SAID[rule]}\n")
    assert found == [f"{rule}: [    1.000001] {SAID[rule]}"]


@pytest.mark.parametrize("line", [
    "INFO: rcu_sched detected stalls on CPUs/tasks:", "rcu: INFO: rcu_preempt self-detected stall",
    "kernel BUG at x.c:12!", "WARNING: suspicious RCU usage", "general protection fault, maybe",
    "BUG faulty (Tainted: G): Objects remaining in faulty on __kmem_cache_shutdown()",
    "watchdog: BUG: soft lockup - CPU#0 stuck for 22s!", "Kernel panic - not syncing: x",
    "unregister_netdevice: waiting for ipn0 to become free. Usage count = 1",
])
def test_other_words_for_the_same_fault_are_known(line: str) -> None:
    assert len(verdict.faults(f"[    1.000001] {line}\n")) == 1
    assert len(verdict.faults(f"[    1.000001][  T123] {line}\n")) == 1


@pytest.mark.parametrize("line", [
    "    WARNING: a program says so", "    BUG: as a test's name", "ipn: loading out-of-tree",
    "x86/mm: Checked W+X mappings: passed, no W+X pages found.", "ok 1 - BUG",
])
def test_what_a_program_says_condemns_nobody(line: str) -> None:
    assert verdict.faults(f"[    1.000001] {line}\n") == []


CONSOLE = """
[    1.000000] KTAP version 1
[    1.000000] 1..2
[    1.000000]     # Subtest: one
[    1.100000]     KTAP version 1
[    1.100000]     1..{planned}
[    1.200000]     ok 1 - a
[    1.300000]     # why
[    1.400000]     {second} 2 - b
[    1.500000] ok 1 - one
[    1.500000]     # Subtest: two
[    1.750000] {last}
"""


def read(planned: int = 2, second: str = "ok", last: str = "ok 2 - two"):
    return verdict.read(CONSOLE.format(planned=planned, second=second, last=last))


def test_the_cases_of_a_console_are_read_with_their_times() -> None:
    cases, missing = read()
    assert missing == ""
    assert [case.name for case in cases] == ["one", "two"]
    assert [(case.name, case.verdict) for case in cases[0].cases] == [("a", "passed"),
                                                                    ("b", "passed")]
    assert cases[0].cases[1].seconds == pytest.approx(0.2)
    assert cases[1].seconds == pytest.approx(0.25)


def test_a_failed_case_fails_its_program_whatever_its_status_says() -> None:
    cases, _ = read(second="not ok")
    assert cases[0].verdict == "failed" and cases[0].cases[1].output == "# why"


def test_fewer_cases_than_planned_fail_the_program() -> None:
    cases, _ = read(planned=3)
    assert cases[0].verdict == "failed" and cases[0].detail == "2 of 3 tests reported"


def test_a_console_that_ends_early_is_incomplete() -> None:
    cases, missing = read(last="    ok 1 - inside")
    assert missing == "1 of 2 tests reported"
    assert cases[-1].cases[0].name == "inside"


def test_a_console_without_tests_is_incomplete() -> None:
    assert verdict.read("[    0.1] Linux version 6.1\n")[1] == "the guest did not reach its tests"
