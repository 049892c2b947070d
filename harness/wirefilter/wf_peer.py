# SPDX-License-Identifier: GPL-2.0-or-later
"""Peers for tests of wirefilter and the terminals: switches, plugs and management sessions.

A Plug speaks the protocol of vde_switch itself (the Virtual Square book, section 4.8), so that no
library of ours stands between a test and the program it looks at.
"""
import os
import pathlib
import select
import socket
import struct
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("VSQ_BUILD", "build"))
BIN = (BUILD if BUILD.is_absolute() else ROOT / BUILD) / "bin"
OURS = str(BIN / "wirefilter")
PATIENCE = 20  # seconds; bounds a hang, decides nothing else


def wait_for(what, described: str):
    """Waits until what() is true; for things that only time can show, such as a socket."""
    end = time.monotonic() + PATIENCE
    while not (value := what()):
        if time.monotonic() > end:
            raise AssertionError(f"no {described} within {PATIENCE} s")
        time.sleep(0.005)
    return value


class Program:
    """A process with pipes, which does not outlive its test."""

    def __init__(self, *args: str, **popen) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(args, **(pipes | popen))

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.communicate(timeout=PATIENCE)
        except (subprocess.TimeoutExpired, ValueError):
            self.process.kill()
            self.process.wait()


def listens(path: pathlib.Path) -> bool:
    """Whether somebody accepts connections there; a socket exists before it listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(path)) == 0


class Switch(Program):
    """Debian's vde_switch, or another with the same options."""

    def __init__(self, path: pathlib.Path, program: str = "/usr/bin/vde_switch",
                 *args: str) -> None:
        # It says much, and would wait for ever for somebody to read it.
        super().__init__(program, "-s", str(path), *args, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
        self.path = str(path)
        wait_for(lambda: listens(path / "ctl"), f"switch at {path}")


class Plug:
    """A client of a switch: frames out and in."""

    def __init__(self, path: str) -> None:
        self.ctl = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.ctl.settimeout(PATIENCE)
        self.ctl.connect(f"{path}/ctl")
        self.data = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        own = f"{path}/.test.{os.getpid()}-{self.data.fileno()}"
        self.own = own
        self.data.bind(own)
        request = struct.pack("=III", 0xfeedface, 3, 0) + struct.pack("=H108s", 1, own.encode())
        self.ctl.sendall(request + b"test\0")
        answer = self.ctl.recv(110)
        self.data.connect(answer[2:].split(b"\0")[0].decode())
        self.data.settimeout(PATIENCE)

    def __enter__(self) -> "Plug":
        return self

    def __exit__(self, *_: object) -> None:
        self.data.close()
        self.ctl.close()
        os.unlink(self.own)

    def send(self, frame: bytes) -> None:
        self.data.send(frame)

    def ready(self, seconds: float) -> bool:
        return bool(select.select([self.data], [], [], seconds)[0])

    def receive(self, seconds: float = PATIENCE) -> bytes | None:
        return self.data.recv(65536) if self.ready(seconds) else None


def frame(number: int, size: int = 60, source: int = 1) -> bytes:
    """A broadcast frame of the experimental type that carries a number."""
    header = b"\xff" * 6 + struct.pack(">HI", 0x0200, source) + b"\x88\xb5"
    return (header + struct.pack(">Q", number)).ljust(size, b"\0")


def number_of(data: bytes) -> int:
    return struct.unpack_from(">Q", data, 14)[0]


class Session:
    """A management session: commands and their answers."""

    def __init__(self, path: pathlib.Path | str, prompt: str = "$ ") -> None:
        wait_for(lambda: listens(pathlib.Path(path)), f"management socket {path}")
        self.prompt = prompt
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(path))
        self.greeting = self.read_prompt()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def read_prompt(self) -> str:
        text = ""
        while not text.endswith(self.prompt):
            got = self.socket.recv(65536).decode()
            if not got:
                return text
            text += got
        return text[:text.rindex("\n")]

    def command(self, line: str) -> str:
        self.socket.sendall(line.encode() + b"\n")
        return self.read_prompt()
