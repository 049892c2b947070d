# SPDX-License-Identifier: GPL-2.0-or-later
"""libvsq, bound by cffi from its own public header: there is no second list of its functions.

Header and library are looked for in VSQ_LIB (a library's path) and VSQ_HEADER, beside an installed
package, and in the build tree the package stands in.
"""
from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path

from .errors import VsqError

HERE = Path(__file__).resolve().parent
LIBRARY = "libvsq.so.0"


def _candidates_library() -> list[Path]:
    given = os.environ.get("VSQ_LIB")
    if given:
        return [Path(given)]
    tree = HERE.parent.parent
    build = Path(os.environ.get("VSQ_BUILD", tree / "build"))
    prefix = HERE.parent.parent.parent		# of PREFIX/share/vsq/vsq
    found = [build / "lib" / LIBRARY]
    found += [prefix / lib / LIBRARY for lib in ("lib", "lib64")]
    return found + sorted(prefix.glob(f"lib/*-linux-gnu*/{LIBRARY}"))


def _candidates_header() -> list[Path]:
    given = os.environ.get("VSQ_HEADER")
    if given:
        return [Path(given)]
    return [HERE.parent / "lab" / "vsq.h", HERE.parent / "vsq.h",
            HERE.parent.parent.parent / "include" / "vsq.h"]


def _first(candidates: list[Path], what: str, variable: str) -> Path:
    for path in candidates:
        if path.is_file():
            return path
    looked = "\n  ".join(str(path) for path in candidates)
    raise VsqError(f"{what} not found; build it (make) or set {variable}. Looked for:\n  {looked}")


def declarations(text: str) -> str:
    """A header's declarations as cffi reads them: no preprocessor lines, no attributes."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    text = re.sub(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", "", text, flags=re.MULTILINE)
    text = re.sub(r"__attribute__\s*\(\(.*?\)\)\s*(?=[;\s])", "", text)
    return re.sub(r"\bVSQ_API\b", "", text)


@lru_cache(maxsize=1)
def load():
    """(ffi, lib). VsqError says where it was looked for."""
    try:
        from cffi import FFI
    except ImportError as error:
        raise VsqError("the Python module cffi is missing (Debian: python3-cffi, with "
                       "/usr/bin/python3)") from error
    header = _first(_candidates_header(), "vsq.h", "VSQ_HEADER")
    library = _first(_candidates_library(), LIBRARY, "VSQ_LIB")
    ffi = FFI()
    ffi.cdef(declarations(header.read_text()))
    for replay in (HERE.parent / "replay" / "replay.h", header.with_name("replay.h")):
        if replay.is_file():
            ffi.cdef(declarations(replay.read_text()))
            break
    try:
        return ffi, ffi.dlopen(str(library))
    except OSError as error:
        raise VsqError(f"{library} cannot be loaded: {error}") from error


def version() -> str:
    ffi, lib = load()
    return ffi.string(lib.vsq_version()).decode()
