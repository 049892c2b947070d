# SPDX-License-Identifier: GPL-2.0-or-later
"""An order carried out: image, initramfs, QEMU, verdict."""
from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from vsq.errors import VsqError

from . import image, initramfs, modules, qemu, script, verdict
from .order import Order
from .result import Result

# What the guest itself needs of the kernel's modules.
FOR_ARTEFACTS = ["virtio_pci", "9pnet_virtio", "9p"]
FOR_NICS = ["e1000"]


def _archive(order: Order, plan: list[modules.Module]) -> bytes:
    archive = initramfs.Archive()
    for folder in ("/proc", "/sys", "/dev", "/tmp", "/run", "/etc", "/artefacts"):
        archive.folder(folder)
    initramfs.busybox(archive)
    archive.file("/init", script.init(order, plan))
    archive.file("/etc/passwd", b"root:x:0:0:root:/:/bin/sh\n"
                 b"user:x:1000:1000:user:/tmp:/bin/sh\nother:x:1001:1001:other:/tmp:/bin/sh\n",
                 0o644)
    archive.file("/etc/group", b"root:x:0:\nuser:x:1000:\nother:x:1001:\n", 0o644)
    for module in plan:
        archive.file(f"/modules/{module.name}.ko", module.data, 0o644)
    sources: dict[str, Path] = {}
    for program in order.programs:
        if program.file is None:
            continue
        name = program.file.name
        if sources.setdefault(name, program.file) != program.file:
            raise VsqError(f"--test: {sources[name]} and {program.file} have the same name")
        if not archive.has(f"/test/{name}"):
            archive.program(f"/test/{name}", program.file)
    for path, source in order.files.items():
        archive.program(path, source)
    return archive.data()


def _faults(console: str, status: int | None, missing: str, order: Order) -> list[str]:
    found = verdict.faults(console)
    if status is None:
        found.append(f"silent: no line for {order.silence_seconds} s, the guest hangs")
    elif status == 0:
        found.append("died: the guest reset itself")
    elif status not in (2 * script.PASSED + 1, 2 * script.FAILED + 1):
        found.append(f"died: QEMU ended with status {status}")
    if missing:
        found.append(f"incomplete: {missing}")
    return found


def run(order: Order, echo: bool = False) -> Result:
    """Boots a fresh guest and does what ORDER says.  Raises VsqError for what cannot be run."""
    if not order.modules and not order.programs:
        raise VsqError("guest run: nothing to do; name a --module or a --test")
    given = order.kernel or image.installed()
    kernel = image.unpack(given)
    release = image.release(given)
    more = (FOR_ARTEFACTS if order.artefacts is not None else []) + (FOR_NICS if order.nics else [])
    plan = modules.plan(order.modules, more, release)
    if order.artefacts is not None:
        order.artefacts.mkdir(parents=True, exist_ok=True)
    accel = qemu.accelerator(order, kernel)
    with tempfile.TemporaryDirectory(prefix="vsq-guest-") as folder:
        initrd = Path(folder, "initrd")
        initrd.write_bytes(_archive(order, plan))
        if order.gdb is not None:
            print(f"vsq: the guest waits: gdb -ex 'target remote :{order.gdb}' {kernel}",
                  file=sys.stderr)
        began = time.monotonic()
        with qemu.Machine(qemu.command(order, kernel, initrd, accel)) as machine:
            console, status = machine.listen(
                None if order.gdb is not None else order.silence_seconds, echo)
        seconds = time.monotonic() - began
    cases, missing = verdict.read(console)
    faults = _faults(console, status, missing, order)
    if status == 2 * script.FAILED + 1 and not any(case.verdict == "failed" for case in cases):
        faults.append("the guest says that something failed, and its console does not say what")
    return Result(cases, faults, console, seconds, accel, release, status)
