# SPDX-License-Identifier: GPL-2.0-or-later
"""What a user can get wrong, said so that they can put it right: file, key, found, allowed."""
from __future__ import annotations

import difflib
from collections.abc import Iterable


class VsqError(Exception):
    """Anything vsq refuses to do because of what it was given. The command exits with 2."""


class InputError(VsqError):
    """One mistake in a scenario, at a key."""

    def __init__(self, message: str, *, file: str = "", line: int | None = None,
                 key: str = "", allowed: str = "") -> None:
        self.message, self.file, self.line = message, file, line
        self.key, self.allowed = key, allowed
        super().__init__(message)

    def __str__(self) -> str:
        where = self.file
        if self.line is not None:
            where += f":{self.line}" if where else f"line {self.line}"
        text = ": ".join(part for part in (where, self.key, self.message) if part)
        return f"{text} (allowed: {self.allowed})" if self.allowed else text


class InputErrors(VsqError):
    """Several mistakes, all those found in one reading."""

    LIMIT = 20

    def __init__(self, errors: list[InputError]) -> None:
        self.errors = errors
        super().__init__(errors[0].message if errors else "")

    def __str__(self) -> str:
        lines = [str(error) for error in self.errors[:self.LIMIT]]
        if len(self.errors) > self.LIMIT:
            lines.append(f"... and {len(self.errors) - self.LIMIT} more")
        return "\n".join(lines)


def quote(value: object, limit: int = 60) -> str:
    """A value as a scenario shows it, cut where it would drown the sentence."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str):
        text = '"' + value.encode("unicode_escape").decode("ascii").replace('"', '\\"') + '"'
    else:
        text = str(value)
    return text if len(text) <= limit else text[:limit - 4] + " ..."


def suggest(word: str, known: Iterable[str]) -> str:
    """' Did you mean "delay"?' or nothing."""
    close = difflib.get_close_matches(str(word), list(known), n=1, cutoff=0.5)
    return f' Did you mean "{close[0]}"?' if close else ""


def listing(words: Iterable[object], limit: int = 24) -> str:
    names = [str(word) for word in words]
    if len(names) <= limit:
        return ", ".join(names) if names else "nothing"
    return ", ".join(names[:limit]) + f", ... ({len(names)} in all)"
