# SPDX-License-Identifier: GPL-2.0-or-later
"""How fast the lab runs: one bulk TCP flow against ns-3, and a thousand hosts on forty switches.

A packet here is a frame that reached the far end of a cable. The wall time is that of the run
alone, without building the network, for both.
"""
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import cffi

HERE = pathlib.Path(__file__).resolve().parent
HEADER = HERE.parent / "lab" / "vsq.h"
NS3_MODULES = ["applications", "point-to-point", "internet", "network", "core"]
PAIRS = 3  # runs of each, alternating; the median counts
SECOND = 1_000_000_000
BULK = 300  # s simulated: long enough that starting up does not count
PINGS = 60  # s simulated


class Lab:
    """Just enough of libvsq to measure it."""

    def __init__(self, build: pathlib.Path, seed: int) -> None:
        self.ffi = cffi.FFI()
        text = HEADER.read_text()
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        self.ffi.cdef("\n".join(lines).replace("VSQ_API", ""))
        self.lib = self.ffi.dlopen(str(build / "lib" / "libvsq.so.0"))
        self.lab = self.lib.vsq_new(b"bench", seed)

    def __getattr__(self, name: str):
        function = getattr(self.lib, "vsq_" + name)

        def call(*args):
            given = [arg.encode() if isinstance(arg, str) else
                     self.ffi.NULL if arg is None else arg for arg in args]
            result = function(self.lab, *given)
            if isinstance(result, int) and result < 0:
                raise RuntimeError(self.ffi.string(self.lib.vsq_error(self.lab)).decode())
            return result
        return call

    def run(self, seconds: int) -> float:
        """Runs, and gives the wall time it took."""
        begin = time.perf_counter()
        self.__getattr__("run")(seconds * SECOND, None, None, None)
        return time.perf_counter() - begin

    def metric(self, name: str) -> float:
        value = self.ffi.new("double *")
        self.__getattr__("metric")(name, value)
        return value[0]

    def close(self) -> None:
        """Finishes; a benchmark of a run that an oracle rejects would be worth nothing."""
        failed = self.finish()
        held = self.ffi.new("int *")
        for i in range(self.judgement_count() if failed else 0):
            text = self.ffi.string(self.judgement(i, held)).decode()
            if not held[0]:
                print(f"  {text}", file=sys.stderr)
        self.lib.vsq_free(self.lab)
        if failed:
            raise RuntimeError("the run did not pass its own oracles")


def bulk(build: pathlib.Path, seed: int) -> dict:
    lab = Lab(build, seed)
    for number, name in enumerate(["alice", "bob"]):
        lab.add_host(name)
        lab.address(number, 1, f"10.0.0.{number + 1}/24")
        lab.setting(number, "cc", "reno")
    lab.join(None, 0, 0, 1, 0)
    lab.link(0, "speed", "12500000")
    lab.link(0, "delay", "10")
    lab.link(0, "loss", "LR 1")
    lab.app("tcp-bulk", 0, 1, "")
    wall = lab.run(BULK)
    result = {"frames": lab.metric("lab.frames"), "bytes": lab.metric("app.0.bytes_received"),
              "wall": wall}
    lab.close()
    return result


def build_ns3(folder: pathlib.Path) -> pathlib.Path | None:
    """The ns-3 program, compiled for this occasion; None when ns-3 is not here."""
    if not pathlib.Path("/usr/include/ns3/core-module.h").exists():
        return None
    program = folder / "ns3_bulk"
    command = ["g++", "-O2", "-o", str(program), str(HERE / "ns3_bulk.cc"),
               *[f"-lns3-{module}" for module in NS3_MODULES]]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return None
    return program


def told(name: str, runs: list[dict]) -> float:
    rate = statistics.median(run["frames"] / run["wall"] for run in runs)
    print(f"  {name:5} {rate:12,.0f} packets per wall second"
          f"   ({runs[0]['frames']:,.0f} packets, {runs[0]['bytes'] * 8 / BULK / 1e6:.1f}"
          f" Mbit/s of goodput, {statistics.median(run['wall'] for run in runs):.3f} s)")
    return rate


def bulk_flow(build: pathlib.Path) -> None:
    print(f"one bulk TCP flow (NewReno), 100 Mbit/s, 10 ms, 1 % loss, {BULK} s, "
          f"median of {PAIRS}")
    with tempfile.TemporaryDirectory() as folder:
        program = build_ns3(pathlib.Path(folder))
        ours, theirs = [], []
        for seed in range(PAIRS):
            ours.append(bulk(build, seed))
            if program:
                done = subprocess.run([program, str(BULK)], capture_output=True, text=True,
                                      check=True)
                theirs.append(json.loads(done.stdout))
    rate = told("vsq", ours)
    if theirs:
        print(f"  ratio {rate / told('ns-3', theirs):.1f}")
    else:
        print("  ns-3 is not installed (libns3-dev, g++)")


def thousand_hosts(build: pathlib.Path) -> None:
    """Switches in a tree of three branches each; each host pings one that is far away."""
    switches, hosts = 40, 1000
    begin = time.perf_counter()
    lab = Lab(build, 1)
    for number in range(switches):
        lab.add_switch(f"s{number}", 64)
        if number:
            lab.join(None, (number - 1) // 3, 0, number, 0)
    for number in range(hosts):
        host = lab.add_host(f"h{number}")
        lab.address(host, 1, f"10.0.{number // 250}.{number % 250 + 1}/16")
        lab.join(None, host, 0, number % switches, 0)
    for number in range(hosts // 2):
        lab.app("ping", switches + number, switches + hosts - 1 - number,
                f"stop={PINGS}s start={number}ms")
    made = time.perf_counter() - begin
    wall = lab.run(PINGS + 10)
    sent = sum(lab.metric(f"app.{n}.sent") for n in range(hosts // 2))
    received = sum(lab.metric(f"app.{n}.received") for n in range(hosts // 2))
    frames = lab.metric("lab.frames")
    lab.close()
    print(f"{hosts:,} hosts on {switches} switches, pinging pairwise for {PINGS} s")
    print(f"  vsq   {wall:.2f} s of wall time ({made:.2f} s to build), {frames:,.0f} packets,"
          f" {received:,.0f} of {sent:,.0f} pings answered")


def main(build: pathlib.Path) -> int:
    try:
        bulk_flow(build)
        thousand_hosts(build)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0
