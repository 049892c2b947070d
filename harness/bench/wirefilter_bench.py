# SPDX-License-Identifier: GPL-2.0-or-later
"""Our wirefilter against Debian's, without any fault set, as fast as it goes: between two switches
of ours, a sender of Debian's libvdeplug on one and a receiver on the other.

Both filters run for the whole measurement and are measured in turns. What the filter loses is lost
because it reads more than it can hand on; the figure that counts is what arrives.
"""
from __future__ import annotations

import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

import switch_bench
from switch_bench import Switch, cpu_per_frame, loss, per_second

PEER = "/usr/bin/wirefilter"
PAIRS = 7
MILLISECONDS = 400


class Filter:
    """A wirefilter between two switches."""

    def __init__(self, program: str, build: pathlib.Path, root: pathlib.Path) -> None:
        root.mkdir()
        self.switches: list[Switch] = []
        self.process: subprocess.Popen | None = None
        try:
            for side in "ab":
                self.switches.append(Switch(str(build / "bin/vde_switch"), root / side))
            a, b = (switch.directory for switch in self.switches)
            self.process = subprocess.Popen([program, "-v", f"{a}:{b}"], stdin=subprocess.PIPE,
                                            stdout=subprocess.DEVNULL,
                                            stderr=subprocess.DEVNULL)
            deadline = time.monotonic() + 10
            while not all(list(one.glob("*.*")) for one in (a, b)):	# its data sockets
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise OSError(f"{program} does not start")
                time.sleep(0.01)
        except BaseException:
            self.close()
            raise

    def measure(self, tool: pathlib.Path, size: int) -> dict[str, float]:
        a, b = (switch.directory for switch in self.switches)
        assert self.process
        return switch_bench.run(tool, a, self.process.pid, size, 1, MILLISECONDS, 0, 0, b)

    def close(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
        for switch in self.switches:
            switch.close()


def compare(tool: pathlib.Path, ours: Filter, peer: Filter) -> None:
    median = statistics.median
    print("frames that arrive per second, and the filter's processor time for each (median of "
          f"{PAIRS} pairs)")
    print(f"{'':>6} {'Debian':>10} {'ours':>10} {'ratio':>6}   {'Debian':>8} {'ours':>8} "
          f"{'ratio':>6}   lost: Debian, ours")
    for size in (64, 1514):
        pairs = [(peer.measure(tool, size), ours.measure(tool, size)) for _ in range(PAIRS)]
        rates = [median(per_second(pair[i]) for pair in pairs) for i in (0, 1)]
        cpus = [median(cpu_per_frame(pair[i]) for pair in pairs) for i in (0, 1)]
        losses = [100 * median(loss(pair[i]) for pair in pairs) for i in (0, 1)]
        rate_ratio = median(per_second(b) / max(per_second(a), 1) for a, b in pairs)
        cpu_ratio = median(cpu_per_frame(b) / cpu_per_frame(a) for a, b in pairs)
        print(f"{size:>6} {rates[0]:>10,.0f} {rates[1]:>10,.0f} {rate_ratio:>6.2f}   "
              f"{cpus[0]:>5,.0f} ns {cpus[1]:>5,.0f} ns {cpu_ratio:>6.2f}   "
              f"{losses[0]:.1f} %, {losses[1]:.1f} %", flush=True)


def main(build: pathlib.Path) -> int:
    if not os.path.exists(PEER):
        print("Debian's wirefilter is not installed: nothing to compare with")
        return 1
    root = pathlib.Path(tempfile.mkdtemp(prefix="vsq-bench-"))
    filters: list[Filter] = []
    try:
        for number, program in enumerate((PEER, str(build / "bin/wirefilter"))):
            filters.append(Filter(program, build, root / str(number)))
        compare(build / "tool/switch_bench", filters[1], filters[0])
    finally:
        for one in filters:
            one.close()
        shutil.rmtree(root, ignore_errors=True)
    return 0
