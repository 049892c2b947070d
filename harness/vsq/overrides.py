# SPDX-License-Identifier: GPL-2.0-or-later
"""--set key=value: changes a scenario's table before it is read, so that it is checked alike."""
from __future__ import annotations

import re
import tomllib

from .errors import InputError, listing, quote, suggest
from .fields import Document

NAMED = ("host", "router", "switch", "peer")
_SHAPE = "host.alice.cc=reno, cable.0.loss=5, lab.seed=3"
_KEY = re.compile(r'"([^"]*)"|([^."\[\]]+)|\[(\d+)\]')


def _value(text: str) -> object:
    """A TOML value; what is none is a text, so that cc=reno needs no quotes."""
    try:
        parsed = tomllib.loads(f"x = {text}")
    except (ValueError, RecursionError):
        return text
    return parsed["x"] if len(parsed) == 1 else text


def _index(items: list, part: str) -> int | None:
    if part.isdigit() and len(part) < 9 and int(part) < len(items):
        return int(part)
    for index, item in enumerate(items):
        if isinstance(item, dict) and item.get("name", None) == part:
            return index
        if isinstance(item, dict) and isinstance(item.get("join"), list) \
                and "name" not in item and "-".join(map(str, item["join"])) == part:
            return index
    return None


def apply(top: dict, assignment: str, document: Document) -> None:
    """Notes in the document what cannot be assigned."""
    key, equals, text = assignment.partition("=")
    parts = ["".join(groups) for groups in _KEY.findall(key.strip())]

    def wrong(message: str, allowed: str) -> None:
        document.errors.append(InputError(message, file=f"--set {assignment}", allowed=allowed))

    if not equals or len(parts) < 2:
        wrong(f"{quote(assignment)} is no assignment", _SHAPE)
        return
    at: object = top
    path: list = []
    for part in parts[:-1]:
        if isinstance(at, list):
            found = _index(at, part)
            if found is None:
                wrong(f"no {quote(part)} in {'.'.join(map(str, path))}",
                      listing(range(len(at))))
                return
            at = at[found]
            path.append(found)
        elif isinstance(at, dict):
            if not path and part not in at and part != "lab":
                wrong(f"no section {quote(part)}.{suggest(part, at)}", listing(at))
                return
            if len(path) == 1 and path[0] in NAMED and part not in at:
                wrong(f"no {path[0]} {quote(part)}.{suggest(part, at)}", listing(at))
                return
            at = at.setdefault(part, {})
            path.append(part)
        else:
            wrong(f"{'.'.join(map(str, path))} holds {quote(at)}, no table", _SHAPE)
            return
    last: object = parts[-1]
    if isinstance(at, list):
        last = _index(at, parts[-1])
        if last is None:
            wrong(f"no {quote(parts[-1])} in {'.'.join(map(str, path))}", listing(range(len(at))))
            return
    elif not isinstance(at, dict):
        wrong(f"{'.'.join(map(str, path))} holds {quote(at)}, no table", _SHAPE)
        return
    at[last] = _value(text.strip())
    document.overridden[tuple(path + [last])] = assignment
