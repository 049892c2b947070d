# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of VDE share: programs of this build and of Debian side by side, a guest that
speaks to a switch without any library, and the end of everything that was started.
"""
from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("VSQ_BUILD", ROOT / "build")).resolve()
PATIENCE = 30.0  # seconds; bounds a hang and decides nothing else

MAGIC = 0xFEEDFACE
BROADCAST = b"\xff" * 6


def ours(name: str) -> str:
    return str(BUILD / "bin" / name)


def debian(name: str) -> str:
    return f"/usr/bin/{name}"


PROGRAM = {"ours": ours, "debian": debian}


def frame(to: bytes, source: int, payload: bytes, kind: int = 0x88B5) -> bytes:
    """An Ethernet frame from station number source."""
    return to + station(source) + struct.pack("!H", kind) + payload


def station(number: int) -> bytes:
    return b"\x02\x00\x00\x00" + struct.pack("!H", number)


def until(condition, what: str):
    """Waits for a condition; its value. Time is only a bound for a hang."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"in {PATIENCE} s: not {what}"
        time.sleep(0.01)
    return value


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Refused(Exception):
    """The switch closed the control connection instead of answering."""


class Guest:
    """A client by hand: the request, the answer, datagrams."""

    counter = 0

    def __init__(self, directory: pathlib.Path, port: int | None = None, descr: str = "guest",
                 buffer: int = 0) -> None:
        Guest.counter += 1
        self.path = str(directory / f".{os.getpid()}-{Guest.counter:05d}")
        self.ctl = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.data = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ctl.settimeout(PATIENCE)
        self.data.settimeout(PATIENCE)
        if buffer:
            self.data.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        self.data.bind(self.path)
        try:
            self.ctl.connect(str(directory / "ctl"))
            self.ctl.sendall(self.request(port, descr))
            answer = b""
            while len(answer) < 110:
                piece = self.ctl.recv(110 - len(answer))
                if not piece:
                    raise Refused(descr)
                answer += piece
        except (Refused, OSError):
            self.close()
            raise
        self.peer = answer[2:].split(b"\0")[0].decode()
        self.data.connect(self.peer)

    def request(self, port: int | None, descr: str) -> bytes:
        kind = 1 if port == 0 else (port or 0) << 8
        return (struct.pack("=III", MAGIC, 3, kind) + sun(self.path) + descr.encode())

    def send(self, data: bytes) -> None:
        self.data.send(data)

    def recv(self) -> bytes:
        return self.data.recv(70000)

    def recv_from(self, number: int) -> bytes:
        """The next frame of that station: others may be under way too."""
        while (got := self.recv())[6:12] != station(number):
            pass
        return got

    def silent(self) -> bool:
        """Whether nothing is waiting. Send something that must arrive first, or it says little."""
        return not select.select([self.data], [], [], 0)[0]

    def close(self) -> None:
        self.ctl.close()
        self.data.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)


def sun(path: str | bytes) -> bytes:
    raw = path.encode() if isinstance(path, str) else path
    return struct.pack("=H", socket.AF_UNIX) + raw.ljust(108, b"\0")


class Console:
    """A management socket, spoken to line by line."""

    def __init__(self, path: pathlib.Path, prompt: bytes = b"vde$ ") -> None:
        self.prompt = prompt
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(path))
        self.greeting = self.read()

    def read(self) -> str:
        got = b""
        while not got.endswith(self.prompt):
            piece = self.socket.recv(65536)
            if not piece:
                break
            got += piece
        return got.decode()

    def ask(self, line: str) -> str:
        self.socket.sendall(line.encode() + b"\n")
        return self.read()

    def close(self) -> None:
        self.socket.close()


class World:
    """A short directory (names of sockets have 107 bytes), and everything started in it."""

    def __init__(self) -> None:
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="vde"))
        self.processes: list[subprocess.Popen] = []
        self.things: list = []
        self.namespaces: list[str] = []

    def start(self, command: list[str], **options) -> subprocess.Popen:
        options.setdefault("stdin", subprocess.PIPE)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        process = subprocess.Popen([str(word) for word in command], preexec_fn=_die_with_parent,
                                   bufsize=0, **options)
        self.processes.append(process)
        return process

    def switch(self, maker: str = "ours", name: str = "sw", *options, prefix=()) -> "Switch":
        directory, mgmt = self.dir / name, self.dir / (name + ".mgmt")
        process = self.start([*prefix, PROGRAM[maker]("vde_switch"), "-s", directory, "-M", mgmt,
                              *options], stdout=subprocess.DEVNULL)
        until(lambda: (mgmt.exists() and (directory / "ctl").exists()) or
              process.poll() is not None, "a switch")
        assert process.poll() is None, process.stderr.read()
        return Switch(directory, mgmt, process)

    def guest(self, switch: "Switch", **options) -> Guest:
        guest = Guest(switch.dir, **options)
        self.things.append(guest)
        return guest

    def console(self, switch: "Switch") -> Console:
        console = Console(switch.mgmt)
        self.things.append(console)
        return console

    def namespace(self) -> str:
        name = f"vde{os.getpid()}n{len(self.namespaces)}"
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.namespaces.append(name)
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        return name

    def close(self) -> None:
        for thing in self.things:
            thing.close()
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe:
                    with contextlib.suppress(OSError):
                        pipe.close()
        for name in self.namespaces:
            subprocess.run(["ip", "netns", "del", name], check=False)
        shutil.rmtree(self.dir, ignore_errors=True)


class Switch:
    def __init__(self, directory, mgmt, process) -> None:
        self.dir, self.mgmt, self.process = directory, mgmt, process


class Stream:
    """The VDE stream of a process."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process
        self.held = b""

    def send(self, data: bytes) -> None:
        self.process.stdin.write(struct.pack("!H", len(data)) + data)

    def _fill(self, size: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while len(self.held) < size:
            left = deadline - time.monotonic()
            ready = select.select([self.process.stdout], [], [], max(left, 0))[0]
            assert ready, f"the stream gave {len(self.held)} of {size} bytes"
            piece = os.read(self.process.stdout.fileno(), 65536)
            assert piece, "the stream has ended"
            self.held += piece

    def recv(self) -> bytes:
        self._fill(2)
        size = struct.unpack("!H", self.held[:2])[0]
        self._fill(2 + size)
        data, self.held = self.held[2:2 + size], self.held[2 + size:]
        return data

    def recv_from(self, number: int) -> bytes:
        while (got := self.recv())[6:12] != station(number):
            pass
        return got


def joined(switch: Switch, console: Console, count: int) -> None:
    """Waits until so many endpoints are on the switch."""
    until(lambda: console.ask("port/print").count("-- endpoint") >= count, f"{count} endpoints")
