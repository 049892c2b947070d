# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU: its command line, whether its KVM works, and its console until it ends or falls silent."""
from __future__ import annotations

import itertools
import os
import selectors
import shutil
import subprocess
import sys
import time
from pathlib import Path

from vsq.errors import VsqError

from .image import cache
from .order import Order
from .script import PORT

QEMU = "qemu-system-x86_64"
PROBE_SECONDS = 5
STATIONS = itertools.count(1)  # guests of one process on one network differ by these
CPU = "max"  # with SMAP and SMEP: a module that touches user memory unasked faults here too

# What makes a guest quick: no calibration against devices it lacks, no grace periods to wait for.
PARAMETERS = ("console=ttyS0 tsc=reliable no_timer_check mitigations=off nokaslr "
              "rcupdate.rcu_expedited=1 random.trust_cpu=on 8250.nr_uarts=1 audit=0 nowatchdog "
              "printk.devkmsg=on oops=panic panic=-1")


def program() -> str:
    found = shutil.which(QEMU)
    if found is None:
        raise VsqError(f"there is no {QEMU}; `ci/bootstrap kernel` installs it")
    return found


def _machine(kernel: Path, memory_mib: int, parameters: str) -> list[str]:
    return [program(), "-machine", "pc", "-m", str(memory_mib), "-nodefaults", "-display", "none",
            "-serial", "stdio", "-no-reboot", "-kernel", str(kernel), "-append", parameters]


def kvm_works(kernel: Path) -> bool:
    """Boots the kernel without a root; a KVM that works panics within the limit.  Some nested
    ones have the device and run firmware, and hang in the kernel: the answer is kept until the
    machine boots again."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    kept = cache() / f"kvm-{boot}"
    if kept.is_file():
        return kept.read_text() == "yes"
    try:
        done = subprocess.run(
            [*_machine(kernel, 256, PARAMETERS), "-accel", "kvm", "-cpu", "host"],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_SECONDS)
        works = done.returncode == 0 and b"Kernel panic - not syncing: VFS" in done.stdout
    except subprocess.TimeoutExpired:
        works = False
    kept.write_text("yes" if works else "no")
    return works


def accelerator(order: Order, kernel: Path) -> str:
    if order.icount:
        if order.accel == "kvm":
            raise VsqError("--icount counts instructions, which KVM cannot; leave --accel kvm out")
        return "tcg"
    if order.accel == "auto":
        return "kvm" if kvm_works(kernel) else "tcg"
    return order.accel


def command(order: Order, kernel: Path, initrd: Path, accel: str) -> list[str]:
    words = _machine(kernel, order.memory_mib, f"{PARAMETERS} {order.append}".strip())
    words += ["-initrd", str(initrd), "-accel", accel, "-smp", str(order.smp),
              "-cpu", "host" if accel == "kvm" else CPU,
              "-device", f"isa-debug-exit,iobase={PORT:#x},iosize=4"]
    if order.icount:
        if order.smp != 1:
            raise VsqError("--icount runs one processor; leave --smp out")
        words[words.index(CPU)] += ",rdrand=off,rdseed=off"
        words += ["-icount", "shift=3,sleep=off", "-rtc", "base=2020-01-01,clock=vm"]
    if order.artefacts is not None:
        words += ["-virtfs", f"local,path={order.artefacts},mount_tag=artefacts,"
                  "security_model=none"]
    for number, nic in enumerate(order.nics):
        station = os.getpid() % 65536 << 8 | next(STATIONS) % 256
        mac = ":".join(f"{byte:02x}" for byte in (0x52, 0x54, 0, *station.to_bytes(3, "big")))
        words += ["-netdev", f"{nic},id=n{number}", "-device",
                  f"e1000,netdev=n{number},mac={mac},romfile="]
    if order.gdb is not None:
        words += ["-S", "-gdb", f"tcp:localhost:{order.gdb}"]
    return words


class Machine:
    """A running guest.  Ended when it is closed, whatever happened."""

    def __init__(self, words: list[str]) -> None:
        self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT)

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def listen(self, silence_seconds: float | None, echo: bool) -> tuple[str, int | None]:
        """The console until QEMU ends, and its status; None if it had to be given up."""
        heard = bytearray()
        descriptor = self._process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            last = time.monotonic()
            while True:
                left = None if silence_seconds is None else \
                    last + silence_seconds - time.monotonic()
                if left is not None and left <= 0:
                    return heard.decode(errors="replace").replace("\r", ""), None
                if not selector.select(left):
                    continue
                part = os.read(descriptor, 65536)
                if not part:
                    break
                heard += part
                last = time.monotonic()
                if echo:
                    sys.stderr.write(part.decode(errors="replace").replace("\r", ""))
                    sys.stderr.flush()
        return heard.decode(errors="replace").replace("\r", ""), self._process.wait()
