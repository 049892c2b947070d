# SPDX-License-Identifier: GPL-2.0-or-later
"""A table of a scenario, read strictly: every key is taken by a reader that knows what it wants,
and what nobody took is an error that names the nearest key there is.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from . import source, units
from .errors import InputError, InputErrors, listing, quote, suggest

KINDS = {bool: "true or false", int: "an integer", float: "a number", str: "a text",
         list: "an array", dict: "a table"}


def kind_name(value: object) -> str:
    for kind, name in KINDS.items():
        if type(value) is kind:
            return name
    return type(value).__name__


@dataclass
class Document:
    """A text being read: its name, its lines, and the mistakes found so far."""
    file: str
    lines: dict[source.Path, int] = field(default_factory=dict)
    errors: list[InputError] = field(default_factory=list)
    overridden: dict[source.Path, str] = field(default_factory=dict)

    def error(self, path: source.Path, message: str, allowed: str = "") -> InputError:
        for override, text in self.overridden.items():
            if path[:len(override)] == override:
                return InputError(message, file=f"--set {text}", key=source.show(path),
                                  allowed=allowed)
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        return InputError(message, file=self.file, line=self.lines.get(known),
                          key=source.show(path), allowed=allowed)

    def note(self, path: source.Path, message: str, allowed: str = "") -> None:
        self.errors.append(self.error(path, message, allowed))

    def judge(self) -> None:
        if self.errors:
            raise InputErrors(self.errors)


class Table:
    """The readers return a default when the key is missing or wrong; a wrong one is noted."""

    def __init__(self, document: Document, path: source.Path, value: object) -> None:
        self.document, self.path = document, path
        self.taken: list[str] = []
        if not isinstance(value, dict):
            document.note(path, f"{quote(value)} is {kind_name(value)}", "a table")
            value = {}
        self.value: dict = value

    def note(self, key: str | None, message: str, allowed: str = "") -> None:
        self.document.note(self.path if key is None else self.path + (key,), message, allowed)

    def has(self, key: str) -> bool:
        return key in self.value

    def raw(self, key: str, default: object = None) -> object:
        self.taken.append(key)
        return self.value.get(key, default)

    def of(self, key: str, kinds: tuple[type, ...], what: str, default: object = None) -> object:
        value = self.raw(key)
        if value is None:
            return default
        if type(value) not in kinds:
            self.note(key, f"{quote(value)} is {kind_name(value)}", what)
            return default
        return value

    def text(self, key: str, default: str | None = None) -> str | None:
        return self.of(key, (str,), "a text", default)

    def flag(self, key: str, default: bool | None = None) -> bool | None:
        return self.of(key, (bool,), "true, false", default)

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int | None:
        value = self.of(key, (int,), f"{low} to {high}", default)
        if value is not None and value is not default and not low <= value <= high:
            self.note(key, f"{value} is out of range", f"{low} to {high}")
            return default
        return value

    def choice(self, key: str, allowed: list[str], default: str | None = None) -> str | None:
        value = self.of(key, (str,), listing(allowed), default)
        if value is not None and value is not default and value not in allowed:
            self.note(key, f"{quote(value)} is unknown.{suggest(value, allowed)}",
                      listing(allowed))
            return default
        return value

    def texts(self, key: str) -> list[str]:
        """A text or an array of texts."""
        value = self.raw(key)
        if value is None:
            return []
        if isinstance(value, str):
            return [value]
        if not isinstance(value, list):
            self.note(key, f"{quote(value)} is {kind_name(value)}", "a text or an array of texts")
            return []
        for index, item in enumerate(value):
            if not isinstance(item, str):
                self.document.note(self.path + (key, index),
                                   f"{quote(item)} is {kind_name(item)}", "a text")
        return [item for item in value if isinstance(item, str)]

    def quantity(self, key: str, quantity: str, *, low: float | None = 0,
                 bare: bool = False, default=None):
        """A Decimal in the inner unit."""
        value = self.raw(key)
        if value is None:
            return default
        try:
            number = units.parse(value, quantity, bare=bare)
        except units.UnitError as error:
            self.note(key, str(error), error.allowed)
            return default
        if low is not None and number < low:
            self.note(key, f"{quote(value)} is below {low}", f"from {low}")
            return default
        if abs(number) > units.TIME_MAX:
            self.note(key, f"{quote(value)} is too large", f"up to {units.TIME_MAX}")
            return default
        return number

    def time(self, key: str, default: int | None = None) -> int | None:
        value = self.quantity(key, "time")
        return default if value is None else int(value)

    def table(self, key: str) -> Table | None:
        value = self.raw(key)
        return None if value is None else Table(self.document, self.path + (key,), value)

    def each(self, key: str, read: Callable[[Table], object]) -> list:
        """An array of tables, each read by a function."""
        value = self.raw(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.note(key, f"{quote(value)} is {kind_name(value)}", f"[[{key}]] sections")
            return []
        return [read(Table(self.document, self.path + (key, index), item))
                for index, item in enumerate(value)]

    def named(self, key: str) -> list[tuple[str, Table]]:
        """A table of tables: [host.alice], [host.bob]."""
        value = self.raw(key)
        if value is None:
            return []
        if not isinstance(value, dict):
            self.note(key, f"{quote(value)} is {kind_name(value)}", f"[{key}.NAME] sections")
            return []
        return [(name, Table(self.document, self.path + (key, name), item))
                for name, item in value.items()]

    def done(self) -> None:
        """Everything that could be taken has been asked for: the rest is unknown."""
        for key in self.value:
            if key not in self.taken:
                known = sorted(set(self.taken))
                self.note(key, f"unknown key.{suggest(key, known)}", listing(known))
