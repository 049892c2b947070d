# SPDX-License-Identifier: GPL-2.0-or-later
"""Which modules a guest loads, each after those that it depends on."""
from __future__ import annotations

import bz2
import gzip
import lzma
import re
from dataclasses import dataclass
from pathlib import Path

from vsq.errors import VsqError


@dataclass(frozen=True)
class Module:
    name: str
    data: bytes
    arguments: str = ""
    own: bool = False  # given as a file: it must load, and unload


def plain(path: Path) -> bytes:
    """A module as insmod takes it."""
    data = path.read_bytes()
    if path.suffix == ".xz":
        return lzma.decompress(data)
    if path.suffix == ".gz":
        return gzip.decompress(data)
    if path.suffix == ".bz2":
        return bz2.decompress(data)
    return data


def info(data: bytes, key: str) -> str:
    """One field of a module's .modinfo."""
    found = re.search(rb"\0" + key.encode() + rb"=([^\0]*)\0", data)
    return found[1].decode(errors="replace") if found else ""


class Stock:
    """The modules that came with a kernel."""

    def __init__(self, release: str) -> None:
        self.release, self.folder = release, Path("/lib/modules") / release
        self.paths: dict[str, Path] = {}
        self.needs: dict[str, list[str]] = {}
        table = self.folder / "modules.dep"
        for line in table.read_text().splitlines() if table.is_file() else []:
            path, _, needs = line.partition(":")
            self.paths[self.name(path)] = self.folder / path
            self.needs[self.name(path)] = [self.name(need) for need in needs.split()]
        table = self.folder / "modules.builtin"
        self.builtin = {self.name(line) for line in table.read_text().split()} \
            if table.is_file() else set()

    @staticmethod
    def name(path: str) -> str:
        return Path(path).name.partition(".")[0].replace("-", "_")


def _own(word: str, release: str) -> Module:
    path, _, arguments = word.partition(" ")
    try:
        data = plain(Path(path))
    except OSError as error:
        raise VsqError(f"--module {path}: {error.strerror}") from error
    name = info(data, "name")
    if not name:
        raise VsqError(f"--module {path}: is no kernel module")
    built = info(data, "vermagic").split(" ")[0]
    if built != release:
        raise VsqError(f"--module {path}: was built for kernel {built}, and the guest's is "
                       f"{release}")
    return Module(name, data, arguments.strip(), own=True)


def plan(words: list[str], more: list[str], release: str) -> list[Module]:
    """All modules in the order in which to load them.  WORDS name files (with a '/' or ending in
    .ko, parameters after a blank) or modules of the kernel's; MORE is what the harness needs."""
    stock = Stock(release)
    given: dict[str, Module] = {}
    for word in words:
        if "/" in word.split(" ")[0] or word.split(" ")[0].endswith((".ko", ".ko.xz")):
            module = _own(word, release)
            given[module.name] = module
    ordered: dict[str, Module] = {}

    def need(name: str, why: str, arguments: str = "") -> None:
        name = Stock.name(name)
        if name in ordered or name in stock.builtin:
            return
        if name in given:
            module = given[name]
            needs = [need for need in info(module.data, "depends").split(",") if need]
        elif name in stock.paths:
            module = Module(name, plain(stock.paths[name]), arguments)
            needs = list(reversed(stock.needs[name]))
        else:
            raise VsqError(f"{why}: there is no module {name} for kernel {release}, nor is one "
                           "given")
        for other in needs:
            need(other, f"module {name} needs {other}")
        ordered[name] = module

    for name in more:
        need(name, "the guest")
    for word in words:
        first, _, arguments = word.partition(" ")
        if "/" in first or first.endswith((".ko", ".ko.xz")):
            need(_own(word, release).name, f"--module {word}")
        else:
            need(first, f"--module {word}", arguments.strip())
    return list(ordered.values())
