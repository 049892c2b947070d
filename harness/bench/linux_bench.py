# SPDX-License-Identifier: GPL-2.0-or-later
"""Goodput over a lossy path: our sender and Linux's (cubic), through the same link engine.

    Linux -> TAP -> link_taps -> TAP -> Linux      the reference
    stk_host [our stack, link] -> TAP -> Linux     ours, in real time
    the lab                                        ours at both ends, in virtual time

Ours is expected above Linux's. At 1 and 3 % a window of W segments has on average sqrt(1.5 / loss),
which the lab shows; Linux's cubic follows its Reno estimate a round trip late and in whole
segments, and keeps its slope where RFC 9438 4.3 raises it to Reno's. At 0.1 % it also leaves slow
start earlier, by the length of ACK trains, which HyStart++ (RFC 9406) does not look at.

The receiver on Linux is the same in both; a run is the bytes it has received in SECONDS from the
connection's beginning. Linux and ours take turns, a few pairs at a time: the rates are far below
what a processor can do. By itself: linux_bench.py [--seeds N] [--seconds S] [--loss P ...].
"""
import argparse
import concurrent.futures
import contextlib
import itertools
import math
import os
import pathlib
import statistics
import subprocess
import sys

from lab_bench import SECOND, Lab

HERE = pathlib.Path(__file__).resolve().parent
LOSSES = (0.1, 1, 3)  # percent, both ways
DELAY_MS = 10  # each way
RATE = "100Mbit/s"
SEEDS = 20
SECONDS = 10
AT_ONCE = 4
HANG = 60  # seconds beyond a run's own

RECEIVER = """
import socket, sys, time
listener = socket.create_server(("", 9))
print("ready", flush=True)
connection, _ = listener.accept()
end = time.monotonic() + float(sys.argv[1])
received = 0
while (left := end - time.monotonic()) > 0:
    connection.settimeout(left)
    try:
        received += len(connection.recv(1 << 20))
    except TimeoutError:
        pass
print(received)
"""
SENDER = """
import socket
connection = socket.socket()
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
connection.connect(("10.77.0.2", 9))
while True:
    connection.send(bytes(65536))
"""
numbers = itertools.count()


def parameters(loss: float) -> list[str]:
    return [f"loss={loss}", f"delay={DELAY_MS}", f"bandwidth={RATE}"]


class Pair:
    """Two namespaces and what runs in them, until it is closed."""

    def __init__(self, build: pathlib.Path) -> None:
        self.tools = build / "tool"
        number = next(numbers)
        self.names = [f"vsq-bench-{os.getpid()}-{number}-{side}" for side in "ab"]
        self.taps = [f"vb{os.getpid() % 100000}.{number}{side}" for side in "ab"]
        self.stack = contextlib.ExitStack()

    def __enter__(self) -> "Pair":
        for name in self.names:
            self.command("ip", "netns", "add", name)
            self.stack.callback(self.command, "ip", "netns", "del", name)
        return self

    def __exit__(self, *_) -> None:
        self.stack.close()

    def command(self, *words: str) -> None:
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL, capture_output=True)

    def start(self, side: int | None, *words) -> subprocess.Popen:
        inside = [] if side is None else ["ip", "netns", "exec", self.names[side]]
        process = subprocess.Popen([*inside, *map(str, words)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

        def end() -> None:
            process.kill()
            process.communicate()
        self.stack.callback(end)
        return process

    def tap(self, side: int) -> None:
        """A TAP device; it goes with its namespace."""
        self.command("ip", "tuntap", "add", "dev", self.taps[side], "mode", "tap")
        self.command("ip", "link", "set", self.taps[side], "netns", self.names[side])
        for words in (["link", "set", self.taps[side], "up"],
                      ["addr", "add", f"10.77.0.{side + 1}/24", "dev", self.taps[side]]):
            self.command("ip", "-n", self.names[side], *words)

    def join(self, seed: int, loss: float) -> None:
        """Our link between both: it holds the devices, which then move to their namespaces."""
        for tap in self.taps:
            self.command("ip", "tuntap", "add", "dev", tap, "mode", "tap")
        link = self.start(None, self.tools / "link_taps", "--seed", seed, *self.taps,
                          *parameters(loss))
        assert link.stdout.readline() == b"ready\n"
        for side in (0, 1):
            self.command("ip", "link", "set", self.taps[side], "netns", self.names[side])
            for words in (["addr", "add", f"10.77.0.{side + 1}/24", "dev", self.taps[side]],
                          ["link", "set", self.taps[side], "up"]):
                self.command("ip", "-n", self.names[side], *words)

    def receive(self, seconds: float, *sender) -> float:
        """Mbit/s of what the sender's process gets to the receiver on side 1."""
        receiver = self.start(1, sys.executable, "-c", RECEIVER, seconds)
        assert receiver.stdout.readline() == b"ready\n"
        self.start(*sender)
        out, _ = receiver.communicate(timeout=seconds + HANG)
        return int(out) * 8 / seconds / 1e6


def linux(build: pathlib.Path, seed: int, loss: float, seconds: float) -> float:
    with Pair(build) as pair:
        pair.join(seed, loss)
        return pair.receive(seconds, 0, sys.executable, "-c", SENDER)


def ours(build: pathlib.Path, seed: int, loss: float, seconds: float) -> float:
    with Pair(build) as pair:
        pair.tap(1)
        link = [word for text in (f"seed={seed}", *parameters(loss)) for word in ("--link", text)]
        return pair.receive(seconds, 1, pair.tools / "stk_host", "--tap", pair.taps[1], "--addr",
                            "10.77.0.1/24", *link, "--send", f"10.77.0.2,9,{1 << 40}")


def lab(build: pathlib.Path, seed: int, loss: float, seconds: float) -> float:
    world = Lab(build, seed)
    for number, name in enumerate(["alice", "bob"]):
        world.add_host(name)
        world.address(number, 1, f"10.77.0.{number + 1}/24")
    world.join(None, 0, 0, 1, 0)
    for text in parameters(loss):
        world.link(0, *text.split("="))
    world.app("tcp-bulk", 0, 1, f"stop={int(seconds * SECOND)}ns")
    world.run(int(seconds))
    received = world.metric("app.0.bytes_received")
    world.lib.vsq_free(world.lab)
    return received * 8 / seconds / 1e6


def interval(values: list[float]) -> float:
    """Half of the mean's 95 % confidence interval; Student's t by a fit that is good to 1 %."""
    freedom = len(values) - 1
    if freedom < 1:
        return math.inf
    t = 1.96 + 2.5 / freedom + 3 / freedom ** 2
    return t * statistics.stdev(values) / math.sqrt(len(values))


def measure(build: pathlib.Path, loss: float, seeds: int, seconds: float) -> dict[str, list]:
    kinds = {"Linux": linux, "vsq": ours, "lab": lab}
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        runs = {name: [] for name in kinds}
        for seed in range(seeds):
            for name in ("Linux", "vsq"):
                runs[name].append(pool.submit(kinds[name], build, seed, loss, seconds))
        result = {name: [run.result() for run in runs[name]] for name in ("Linux", "vsq")}
    result["lab"] = [lab(build, seed, loss, seconds) for seed in range(seeds)]
    return result


def table(build: pathlib.Path, losses, seeds: int, seconds: float) -> None:
    print(f"goodput in Mbit/s over {RATE}, {DELAY_MS} ms each way: the first {seconds:g} s, "
          f"mean of {seeds} seeds, 95 % interval", flush=True)
    print("  loss      Linux cubic            vsq         vsq/Linux     lab (virtual time)")
    for loss in losses:
        result = measure(build, loss, seeds, seconds)
        means = {name: statistics.mean(values) for name, values in result.items()}
        text = {name: f"{means[name]:6.2f} +- {interval(values):4.2f}"
                for name, values in result.items()}
        ratio = means["vsq"] / means["Linux"]
        print(f"  {loss:3g} %  {text['Linux']}  {text['vsq']}     {ratio:5.2f}        "
              f"{text['lab']}", flush=True)


def main(build: pathlib.Path, losses=LOSSES, seeds: int = SEEDS, seconds: float = SECONDS) -> int:
    try:
        table(build, losses, seeds, seconds)
    except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build", type=pathlib.Path)
    parser.add_argument("--seeds", default=SEEDS, type=int)
    parser.add_argument("--seconds", default=SECONDS, type=float)
    parser.add_argument("--loss", default=LOSSES, type=float, nargs="+")
    given = parser.parse_args()
    sys.exit(main(given.build.resolve(), given.loss, given.seeds, given.seconds))
