# SPDX-License-Identifier: GPL-2.0-or-later
"""A cpio archive (newc) as the kernel unpacks it: no tool, no root, the same bytes each time."""
from __future__ import annotations

import stat
import subprocess
from pathlib import Path, PurePosixPath

from vsq.errors import VsqError


class Archive:
    """Files by their path in the guest; folders come by themselves."""

    def __init__(self) -> None:
        self._members: dict[str, tuple[int, bytes]] = {}

    def folder(self, path: str) -> None:
        path = str(PurePosixPath("/", path))
        if path == "/" or path in self._members:
            return
        self.folder(str(PurePosixPath(path).parent))
        self._members[path] = (stat.S_IFDIR | 0o755, b"")

    def file(self, path: str, data: bytes, mode: int = 0o755) -> None:
        path = str(PurePosixPath("/", path))
        self.folder(str(PurePosixPath(path).parent))
        self._members[path] = (stat.S_IFREG | mode, data)

    def link(self, path: str, target: str) -> None:
        path = str(PurePosixPath("/", path))
        self.folder(str(PurePosixPath(path).parent))
        self._members[path] = (stat.S_IFLNK | 0o777, target.encode())

    def copy(self, path: str, source: Path) -> None:
        try:
            self.file(path, source.read_bytes(), 0o755 if source.stat().st_mode & 0o111 else 0o644)
        except OSError as error:
            raise VsqError(f"{source}: {error.strerror}") from error

    def has(self, path: str) -> bool:
        return str(PurePosixPath("/", path)) in self._members

    def program(self, path: str, source: Path) -> None:
        """A program with the shared libraries that it needs, each where it expects it."""
        self.copy(path, source)
        done = subprocess.run(["ldd", source], capture_output=True, text=True)
        if done.returncode != 0:  # static, or a script
            return
        for line in done.stdout.splitlines():
            words = line.split()
            if "not found" in line:
                raise VsqError(f"{source}: needs {words[0]}, which is not here")
            for word in words:
                if word.startswith("/") and not self.has(word):
                    self.copy(word, Path(word))

    def data(self) -> bytes:
        parts = []
        members = [*self._members.items(), ("/TRAILER!!!", (0, b""))]
        for inode, (path, (mode, data)) in enumerate(members, 1):
            name = path[1:].encode() + b"\0"
            links = 2 if stat.S_ISDIR(mode) else 1
            fields = (inode, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(name), 0)
            head = b"070701" + b"".join(b"%08x" % value for value in fields) + name
            parts += [head, b"\0" * (-len(head) % 4), data, b"\0" * (-len(data) % 4)]
        return b"".join(parts)


def busybox(archive: Archive) -> None:
    """The guest's shell and tools."""
    source = next((path for path in map(Path, ("/bin/busybox", "/usr/bin/busybox"))
                   if path.is_file()), None)
    if source is None:
        raise VsqError("there is no /bin/busybox for the guest; `ci/bootstrap kernel` installs it")
    archive.program("/bin/busybox", source)
    listed = subprocess.run([source, "--list"], capture_output=True, text=True, check=True)
    for applet in listed.stdout.split():
        if applet != "busybox":
            archive.link(f"/bin/{applet}", "busybox")
