# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest is asked to do."""
from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path

from vsq.errors import VsqError


@dataclass
class Program:
    """One test: a command line.  Its first word is a file here, or a command of the guest's."""
    command: str
    name: str = ""
    seconds: int = 60  # of the guest's own time; then it is killed, which fails it

    def __post_init__(self) -> None:
        try:
            self.words = shlex.split(self.command)
        except ValueError as error:
            raise VsqError(f"--test {self.command!r}: {error}") from None
        if not self.words:
            raise VsqError("--test: an empty command")
        self.file = Path(self.words[0]) if "/" in self.words[0] else None
        if self.file is not None and not self.file.is_file():
            raise VsqError(f"--test {self.command!r}: there is no file {self.file}")
        if not self.name:
            self.name = " ".join([Path(self.words[0]).name, *self.words[1:]])
        self.name = self.name.replace("#", "").replace("\n", " ")


@dataclass
class Order:
    """One run of one guest."""
    modules: list[str] = field(default_factory=list)  # "x.ko param=1", or a name of the kernel's
    programs: list[Program] = field(default_factory=list)
    kernel: Path | None = None  # None: the newest in /boot that has its modules
    files: dict[str, Path] = field(default_factory=dict)  # path in the guest: file here
    artefacts: Path | None = None  # a folder, /artefacts in the guest as it runs
    nics: list[str] = field(default_factory=list)  # QEMU's -netdev without id=; e1000 cards
    smp: int = 1
    memory_mib: int = 256
    icount: bool = False  # instructions are the clock: two runs have the same console
    accel: str = "auto"  # kvm, tcg, or kvm if it works
    gdb: int | None = None  # a TCP port; the guest waits for its debugger
    silence_seconds: int = 120  # of real time without a line: the guest hangs
    unload: bool = True  # modules must unload after the tests
    append: str = ""  # more kernel parameters
    setup: list[str] = field(default_factory=list)  # shell lines in the guest before the modules
