# SPDX-License-Identifier: GPL-2.0-or-later
"""Our vde_switch against Debian's, between the same clients of Debian's libvdeplug.

Both switches run for the whole measurement and are measured in turns, so that a busy machine is
busy for both; figures are medians, and a ratio is the median of the ratios of neighbours. A flood
is measured twice: to one process that has eight plugs, and to eight processes, as virtual machines
are.
"""
from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

PEER = "/usr/bin/vde_switch"
PAIRS = 7
MILLISECONDS = 400
LOSS_RATE = 100_000
LOSS_PAIRS = 3
LOSS_MILLISECONDS = 1000


class Switch:
    """A vde_switch in the background, in a directory of its own."""

    def __init__(self, program: str, directory: pathlib.Path) -> None:
        self.directory = directory
        # In the foreground, with a pipe that stays open: Debian's daemons leave their parent.
        self.process = subprocess.Popen(
            [program, "-s", str(directory)], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not (directory / "ctl").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise OSError(f"{program} does not start")
            time.sleep(0.01)

    def close(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def measure(tool: pathlib.Path, switch: Switch, size: int, receivers: str, milliseconds: int,
            rate: int = 0, burners: int = 0) -> dict[str, float]:
    return run(tool, switch.directory, switch.process.pid, size, receivers, milliseconds, rate,
               burners)


def run(tool: pathlib.Path, *arguments: object) -> dict[str, float]:
    answer = subprocess.run([str(word) for word in (tool, *arguments)], capture_output=True,
                            text=True, timeout=60, check=True)
    return json.loads(answer.stdout)


def per_second(run: dict[str, float]) -> float:
    return run["delivered"] / run["seconds"]


def cpu_per_frame(run: dict[str, float]) -> float:
    return run["cpu_ns"] / max(run["delivered"], 1)


def loss(run: dict[str, float]) -> float:
    return 1 - run["delivered_total"] / max(run["sent_total"], 1)


def capacity(tool: pathlib.Path, ours: Switch, peer: Switch) -> None:
    print("deliveries per second, and the switch's processor time for each (median of "
          f"{PAIRS} pairs)")
    print(f"{'':>18} {'Debian':>10} {'ours':>10} {'ratio':>6}   "
          f"{'Debian':>8} {'ours':>8} {'ratio':>6}")
    for receivers, name in (("1", "unicast"), ("8", "flood to 8"), ("8p", "8 processes")):
        for size in (64, 1514):
            pairs = []
            for _ in range(PAIRS):
                a = measure(tool, peer, size, receivers, MILLISECONDS)
                b = measure(tool, ours, size, receivers, MILLISECONDS)
                pairs.append((a, b))
            median = statistics.median
            rates = [median(per_second(p[i]) for p in pairs) for i in (0, 1)]
            cpus = [median(cpu_per_frame(p[i]) for p in pairs) for i in (0, 1)]
            rate_ratio = median(per_second(b) / max(per_second(a), 1) for a, b in pairs)
            cpu_ratio = median(cpu_per_frame(b) / cpu_per_frame(a) for a, b in pairs)
            print(f"{name:>11} {size:>6} {rates[0]:>10,.0f} {rates[1]:>10,.0f} "
                  f"{rate_ratio:>6.2f}   {cpus[0]:>5,.0f} ns {cpus[1]:>5,.0f} ns "
                  f"{cpu_ratio:>6.2f}", flush=True)


def contention(tool: pathlib.Path, ours: Switch, peer: Switch) -> None:
    burners = os.cpu_count() or 2
    print(f"{LOSS_RATE:,} frames/s asked for while {burners} processes compete for the processors: "
          "frames sent, and lost")
    for name, switch in (("Debian", peer), ("ours", ours)):
        runs = [measure(tool, switch, 64, "1", LOSS_MILLISECONDS, LOSS_RATE, burners)
                for _ in range(LOSS_PAIRS)]
        sent = sum(run["sent_total"] for run in runs)
        lost = sent - sum(run["delivered_total"] for run in runs)
        print(f"{name:>18} {sent:>10,.0f} sent {lost:>8,.0f} lost: {100 * lost / sent:.3f} %",
              flush=True)


def main(build: pathlib.Path) -> int:
    if not os.path.exists(PEER):
        print("Debian's vde_switch is not installed: nothing to compare with")
        return 1
    root = pathlib.Path(tempfile.mkdtemp(prefix="vsq-bench-"))
    switches: list[Switch] = []
    try:
        for program in (PEER, str(build / "bin/vde_switch")):
            switches.append(Switch(program, root / f"s{len(switches)}"))
        peer, ours = switches
        capacity(build / "tool/switch_bench", ours, peer)
        contention(build / "tool/switch_bench", ours, peer)
    finally:
        for switch in switches:
            switch.close()
        shutil.rmtree(root, ignore_errors=True)
    return 0
