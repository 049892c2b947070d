# SPDX-License-Identifier: GPL-2.0-or-later
"""`vsq guest run`.  Exit status: 0 all passed, 1 something failed, 2 it could not be run."""
from __future__ import annotations

import argparse
from pathlib import Path

from vsq.errors import VsqError

from .order import Order, Program
from .run import run


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return int(text)


def add(commands: argparse._SubParsersAction) -> None:
    """The command's place in vsq's own parser."""
    top = commands.add_parser(
        "guest", help="test kernel modules in a QEMU guest",
        description="Boots a kernel in QEMU, loads modules, runs test programs.")
    inner = top.add_subparsers(dest="guest_command", metavar="COMMAND", required=True)
    one = inner.add_parser(
        "run", help="boot a guest, load modules, run tests, print the verdict",
        description="Boots a fresh guest, loads the modules in the order of their dependencies, "
        "runs the tests and unloads. A test passes when its status is 0, each KTAP line that it "
        "prints is ok, and the kernel has nothing to complain about. Exit status: 0 all passed, "
        "1 something failed, 2 it could not be run.")
    one.add_argument("--kernel", metavar="FILE", type=Path,
                     help="a bzImage or vmlinux (default: the newest in /boot)")
    one.add_argument("--module", metavar="FILE", action="append", default=[], dest="modules",
                     help="load it; parameters follow a blank; a name is the kernel's own module")
    one.add_argument("--test", metavar="COMMAND", action="append", default=[], dest="tests",
                     help="run it; a first word with a / is a program here, which is taken along")
    one.add_argument("--file", metavar="FILE[:PATH]", action="append", default=[], dest="files",
                     help="take a file along, with the libraries it needs (default: /NAME)")
    one.add_argument("--setup", metavar="LINE", action="append", default=[],
                     help="a line of shell for the guest, before the modules")
    one.add_argument("--nic", metavar="NETDEV", action="append", default=[], dest="nics",
                     help="a network card, as vde,sock=/tmp/switch (QEMU's -netdev)")
    one.add_argument("--smp", metavar="N", type=_positive, default=1, help="processors")
    one.add_argument("--memory", metavar="MIB", type=_positive, default=256, help="memory")
    one.add_argument("--icount", action="store_true",
                     help="instructions are the clock: two runs are the same to the byte")
    one.add_argument("--accel", choices=("auto", "kvm", "tcg"), default="auto",
                     help="auto: KVM where a probe shows that it works")
    one.add_argument("--gdb", metavar="PORT", type=_positive, nargs="?", const=1234,
                     help="the guest waits for a debugger on this TCP port (default: 1234)")
    one.add_argument("--timeout", metavar="S", type=_positive, default=60,
                     help="of the guest's time, for each test (default: 60)")
    one.add_argument("--silence", metavar="S", type=_positive, default=120,
                     help="of real time without a line, and the guest hangs (default: 120)")
    one.add_argument("--append", metavar="WORDS", default="", help="more kernel parameters")
    one.add_argument("--no-unload", action="store_true", help="leave the modules loaded")
    one.add_argument("--artefacts", metavar="DIR", type=Path,
                     help="a folder that the guest has as /artefacts")
    one.add_argument("--junit", metavar="FILE", type=Path, help="write JUnit XML")
    one.add_argument("--console", metavar="FILE", type=Path, help="write the console")
    one.add_argument("--verbose", action="store_true", help="show the console as it comes")


def _files(words: list[str]) -> dict[str, Path]:
    found = {}
    for word in words:
        name, _, path = word.partition(":")
        if not Path(name).is_file():
            raise VsqError(f"--file {word}: there is no file {name}")
        found[path or "/" + Path(name).name] = Path(name)
    return found


def main(arguments: argparse.Namespace) -> int:
    result = run(Order(
        modules=arguments.modules,
        programs=[Program(words, seconds=arguments.timeout) for words in arguments.tests],
        kernel=arguments.kernel, files=_files(arguments.files), artefacts=arguments.artefacts,
        nics=arguments.nics, smp=arguments.smp, memory_mib=arguments.memory,
        icount=arguments.icount, accel=arguments.accel, gdb=arguments.gdb,
        silence_seconds=arguments.silence, unload=not arguments.no_unload,
        append=arguments.append, setup=arguments.setup), echo=arguments.verbose)
    if arguments.console:
        arguments.console.write_text(result.console)
    if arguments.junit:
        result.junit(arguments.junit)
    if not result.passed:
        print(result.account() + "\n")
    print(result.table())
    return 0 if result.passed else 1
