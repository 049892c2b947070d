# SPDX-License-Identifier: GPL-2.0-or-later
"""Where in a TOML text each key stands, which tomllib does not tell.

It walks text that tomllib has accepted already, so it only has to find names and brackets, never
to judge. Should it lose its way all the same, errors merely lose their line numbers.
"""
from __future__ import annotations

import re
from bisect import bisect_right

Path = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_ESCAPE = re.compile(r'\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)')
_PLAIN = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}


class _Walk:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.begins = [0, *(match.end() for match in re.finditer("\n", text))]
        self.lines: dict[Path, int] = {}
        self.counts: dict[Path, int] = {}

    def line(self) -> int:
        return bisect_right(self.begins, self.at)

    def blank(self) -> None:
        self.at = _BLANK.match(self.text, self.at).end()

    def peek(self, length: int = 1) -> str:
        return self.text[self.at:self.at + length]

    def string(self) -> str:
        quote = self.peek()
        if self.peek(3) == quote * 3:
            end = self.text.index(quote * 3, self.at + 3)
            while quote == '"' and self._escaped(end):
                end = self.text.index(quote * 3, end + 1)
            while self.text[end + 3:end + 4] == quote:
                end += 1
            body, self.at = self.text[self.at + 3:end], end + 3
            return body
        end = self.text.index(quote, self.at + 1)
        while quote == '"' and self._escaped(end):
            end = self.text.index(quote, end + 1)
        body, self.at = self.text[self.at + 1:end], end + 1
        if quote == '"':
            body = _ESCAPE.sub(lambda m: chr(int(m[1][1:], 16)) if m[1][0] in "uU"
                               else _PLAIN.get(m[1], m[1]), body)
        return body

    def _escaped(self, at: int) -> bool:
        slashes = 0
        while self.text[at - 1 - slashes] == "\\":
            slashes += 1
        return slashes % 2 == 1

    def key(self) -> list[str]:
        names = []
        while True:
            self.blank()
            if self.peek() in "\"'":
                names.append(self.string())
            else:
                match = _BARE.match(self.text, self.at)
                names.append(match.group())
                self.at = match.end()
            self.blank()
            if self.peek() != ".":
                return names
            self.at += 1

    def note(self, path: Path) -> None:
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], self.line())

    def pair(self, base: Path) -> None:
        start = self.at
        path = self.resolve(base, self.key())
        after, self.at = self.at, start
        self.note(path)
        self.at = after + 1		# the "="
        self.value(path)

    def resolve(self, base: Path, names: list[str]) -> Path:
        """The path of a key, through the last element of each array of tables on its way."""
        path = base
        for name in names:
            path += (name,)
            if path in self.counts:
                path += (self.counts[path],)
        return path

    def value(self, path: Path) -> None:
        self.blank()
        self.lines.setdefault(path, self.line())
        first = self.peek()
        if first in "\"'":
            self.string()
        elif first == "[":
            self.at += 1
            index = 0
            while True:
                self.blank()
                if self.peek() == "]":
                    break
                if self.peek() == ",":
                    self.at += 1
                    continue
                self.value(path + (index,))
                index += 1
            self.at += 1
        elif first == "{":
            self.at += 1
            while True:
                self.blank()
                if self.peek() == "}":
                    break
                if self.peek() == ",":
                    self.at += 1
                    continue
                self.pair(path)
            self.at += 1
        else:
            self.at = re.compile(r"[^,\]}\n#]+").match(self.text, self.at).end()

    def document(self) -> None:
        table: Path = ()
        while True:
            self.blank()
            if self.at >= len(self.text):
                return
            if self.peek(2) == "[[":
                line_at = self.at
                self.at += 2
                names = self.key()
                path = self.resolve((), names[:-1]) + (names[-1],)
                self.counts[path] = self.counts.get(path, -1) + 1
                table = path + (self.counts[path],)
                after, self.at = self.at, line_at
                self.note(table)
                self.at = after + 2
            elif self.peek() == "[":
                line_at = self.at
                self.at += 1
                table = self.resolve((), self.key())
                after, self.at = self.at, line_at
                self.note(table)
                self.at = after + 1
            else:
                self.pair(table)


def locate(text: str) -> dict[Path, int]:
    """The line (from 1) of every key, table and array element."""
    walk = _Walk(text)
    try:
        walk.document()
    except (AttributeError, ValueError, IndexError, RecursionError):
        pass
    return walk.lines


def show(path: Path) -> str:
    """cable[1].markov.edges[0]"""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if re.fullmatch(r"[\w-]+", part) else '"' + part + '"'
            text += f".{name}" if text else name
    return text
