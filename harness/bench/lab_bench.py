# SPDX-License-Identifier: GPL-2.0-or-later
"""How fast the lab runs: bulk TCP flows, one and 256, over a link against ns-3; a thousand stacks
with ten connections each; and a thousand hosts on forty switches.

A packet here is a frame that reached the far end of a cable. The wall time is that of the run
alone, without building the network, for both.
"""
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import cffi

HERE = pathlib.Path(__file__).resolve().parent
HEADER = HERE.parent / "lab" / "vsq.h"
NS3_MODULES = ["applications", "point-to-point", "internet", "traffic-control", "network", "core"]
PAIRS = 3  # runs of each, alternating; the median counts
SECOND = 1_000_000_000
ONE = 1000  # s simulated: long enough that starting up does not count
MANY = 60
FLOWS = 256
STACKS, CONNECTIONS, ROUND = 1000, 10, 60
PINGS = 60


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


def bulk(build: pathlib.Path, seed: int, seconds: int, flows: int) -> dict:
    """The link of ns3_bulk.cc: what waits for its rate and what is under way is its capacity."""
    lab = Lab(build, seed)
    for number, name in enumerate(["alice", "bob"]):
        lab.add_host(name)
        lab.address(number, 1, f"10.0.0.{number + 1}/24")
        lab.setting(number, "cc", "reno")
    lab.join(None, 0, 0, 1, 0)
    lab.link(0, "bandwidth", "12500000")
    lab.link(0, "delay", "10")
    lab.link(0, "capacity", str(1000 * 1514 + 12_500_000 // 100))
    lab.link(0, "loss", "LR 1")
    for number in range(flows):
        lab.app("tcp-bulk", 0, 1, f"port={5001 + number}")
    wall = lab.run(seconds)
    result = {"frames": lab.metric("lab.frames"), "wall": wall,
              "bytes": sum(lab.metric(f"app.{n}.bytes_received") for n in range(flows))}
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


def told(name: str, runs: list[dict], seconds: int) -> float:
    rate = statistics.median(run["frames"] / run["wall"] for run in runs)
    print(f"  {name:5} {rate:12,.0f} packets per wall second"
          f"   ({runs[0]['frames']:,.0f} packets, {runs[0]['bytes'] * 8 / seconds / 1e6:.1f}"
          f" Mbit/s of goodput, {statistics.median(run['wall'] for run in runs):.3f} s)")
    return rate


def bulk_flows(build: pathlib.Path, program: pathlib.Path | None, seconds: int, flows: int) -> None:
    print(f"{flows} bulk TCP flow{'s' * (flows > 1)} (NewReno) from host to host: 100 Mbit/s, "
          f"10 ms, 1 % loss, 1,000 frames of queue; {seconds} s, median of {PAIRS}", flush=True)
    ours, theirs = [], []
    for seed in range(PAIRS):
        ours.append(bulk(build, seed, seconds, flows))
        if program:
            done = subprocess.run([program, str(seconds), "0.01", str(flows)],
                                  capture_output=True, text=True, check=True)
            theirs.append(json.loads(done.stdout))
    rate = told("vsq", ours, seconds)
    if theirs:
        print(f"  ratio {rate / told('ns-3', theirs, seconds):.1f}")
    else:
        print("  ns-3 is not installed (libns3-dev, g++)")


def thousand_stacks(build: pathlib.Path) -> None:
    """In pairs: each stack opens ten connections to the other one. In a process of its own, so that
    its memory is told alone.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, json.dumps(stacks_run(build)).encode())
        except RuntimeError as error:
            print(error, file=sys.stderr, flush=True)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        told_by = answer.read()
    os.waitpid(child, 0)
    if not told_by:
        raise RuntimeError("the thousand stacks did not run")
    run = json.loads(told_by)
    print(f"{STACKS:,} stacks in pairs, {CONNECTIONS} connections from each, a request and an"
          f" answer of 1,000 bytes a second on each connection, {ROUND} s")
    print(f"  vsq   {run['wall']:.2f} s of wall time ({run['made']:.2f} s to build),"
          f" {run['frames']:,.0f} packets, {run['answers']:,.0f} answers,"
          f" {run['kilobytes'] / 1024:.0f} MB of memory"
          f" ({run['kilobytes'] / STACKS / CONNECTIONS:.1f} kB a connection, both ends)")


def stacks_run(build: pathlib.Path) -> dict:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.perf_counter()
    lab = Lab(build, 1)
    for number in range(STACKS):
        lab.add_host(f"h{number}")
    for number in range(0, STACKS, 2):
        cable = lab.join(None, number, 0, number + 1, 0)
        lab.link(cable, "delay", "5")
        for end in (0, 1):
            lab.address(number + end, 1, f"10.{number // 250}.{number % 250}.{end + 1}/24")
    for number in range(STACKS):
        for connection in range(CONNECTIONS):
            lab.app("tcp-request-response", number, number ^ 1,
                    f"port={7000 + connection} request=1000 response=1000 "
                    f"interval=1s start={(number * CONNECTIONS + connection) % 1000}ms")
    made = time.perf_counter() - begin
    wall = lab.run(ROUND)
    result = {"wall": wall, "made": made, "frames": lab.metric("lab.frames"),
              "answers": sum(lab.metric(f"app.{n}.received")
                             for n in range(STACKS * CONNECTIONS)),
              "kilobytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before}
    lab.close()
    return result


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
        with tempfile.TemporaryDirectory() as folder:
            program = build_ns3(pathlib.Path(folder))
            bulk_flows(build, program, ONE, 1)
            bulk_flows(build, program, MANY, FLOWS)
        thousand_stacks(build)
        thousand_hosts(build)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0
