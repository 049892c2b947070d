# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel as QEMU boots it fastest: the ELF file inside a bzImage, entered through PVH."""
from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import re
import struct
import subprocess
import tempfile
from pathlib import Path

from vsq.errors import VsqError

MAGIC_ELF = b"\x7fELF"


def cache() -> Path:
    """Where unpacked kernels and the answer about KVM are kept."""
    root = os.environ.get("VSQ_CACHE") or \
        os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "vsq")
    try:
        Path(root).mkdir(parents=True, exist_ok=True)
        return Path(root)
    except OSError:
        made = Path(tempfile.gettempdir()) / f"vsq-{os.getuid()}"
        made.mkdir(mode=0o700, exist_ok=True)
        return made


def stock() -> str:
    """The release of the kernel that Debian's linux-image-amd64 stands for, or nothing."""
    try:
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Depends}", "linux-image-amd64"],
                              capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    found = re.search(r"linux-image-([0-9]\S*)", done.stdout)
    return found[1] if found else ""


def installed() -> Path:
    """The stock kernel, else the newest of /boot, whose modules are here too."""
    debian = stock()

    def rank(path: Path) -> list[int]:
        return [int(number) for number in re.findall(r"\d+", path.name)]
    found = [path for path in Path("/boot").glob("vmlinuz-*")
             if Path("/lib/modules", path.name.removeprefix("vmlinuz-")).is_dir()]
    if not found:
        raise VsqError("there is no kernel in /boot with its modules in /lib/modules; "
                       "`ci/bootstrap kernel` installs Debian's, or name one with --kernel")
    return next((path for path in found if path.name == f"vmlinuz-{debian}"),
                max(found, key=rank))


def release(path: Path) -> str:
    """What `uname -r` will say, from the image itself."""
    data = path.read_bytes()
    if data[0x202:0x206] == b"HdrS":
        at = struct.unpack_from("<H", data, 0x20e)[0] + 0x200
        text = data[at:data.index(b"\0", at)]
    else:
        found = re.search(rb"Linux version (\S+) ", data)
        if not found:
            raise VsqError(f"{path}: neither a bzImage nor a vmlinux of Linux")
        text = found[1]
    return text.split()[0].decode(errors="replace")


def _decompress(path: Path, payload: bytes) -> bytes:
    if payload.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMADecompressor().decompress(payload)
    if payload.startswith(b"\x1f\x8b"):
        return gzip.decompress(payload)
    if payload.startswith(b"BZh"):
        return bz2.BZ2Decompressor().decompress(payload)
    if payload.startswith(b"\x5d\0\0"):
        return lzma.LZMADecompressor(lzma.FORMAT_ALONE).decompress(payload)
    if payload.startswith(b"\x28\xb5\x2f\xfd"):
        try:
            return subprocess.run(["zstd", "-dc"], input=payload, capture_output=True,
                                  check=True).stdout
        except (OSError, subprocess.CalledProcessError) as error:
            raise VsqError(f"{path}: is packed with zstd, which failed: {error}") from error
    raise VsqError(f"{path}: its packing starts with {payload[:6].hex()}, which is not known "
                   "(known: xz, gzip, bzip2, lzma, zstd)")


def unpack(path: Path) -> Path:
    """The ELF file of a kernel; unpacked once and kept."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise VsqError(f"--kernel {path}: {error.strerror}") from error
    if data.startswith(MAGIC_ELF):
        return path
    if data[0x202:0x206] != b"HdrS" or struct.unpack_from("<H", data, 0x206)[0] < 0x208:
        raise VsqError(f"--kernel {path}: neither a bzImage nor an ELF file")
    kept = cache() / f"vmlinux-{hashlib.sha256(data).hexdigest()[:20]}"
    if kept.is_file():
        return kept
    sectors = data[0x1f1] or 4
    offset, length = struct.unpack_from("<II", data, 0x248)
    start = (sectors + 1) * 512 + offset
    # The last four bytes are the size that the kernel's own unpacker reads.
    elf = _decompress(path, data[start:start + length - 4]
                      if not data[start:].startswith(b"\x1f\x8b") else data[start:start + length])
    if not elf.startswith(MAGIC_ELF):
        raise VsqError(f"--kernel {path}: what is packed in it is no ELF file")
    new = kept.with_name(f"{kept.name}.{os.getpid()}")
    new.write_bytes(elf)
    new.rename(kept)
    return kept
