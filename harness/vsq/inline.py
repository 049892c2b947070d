# SPDX-License-Identifier: GPL-2.0-or-later
"""Inline tables over several lines, as TOML 1.1 allows them and tomllib does not yet read them.

A markov table with its nodes and edges does not fit a line, and nobody should have to know why it
must. Newlines, comments and a last comma inside braces become blanks; everything else stays as it
was, to the byte.
"""
from __future__ import annotations

import re
import tomllib

_STRING = re.compile(r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'',
                     re.DOTALL)
_COMMENT = re.compile(r"#[^\n]*")


def _drop_last_comma(out: list[str]) -> None:
    """Of an inline table that is about to close; one that holds nothing but a comma keeps it."""
    comma = len(out) - 1
    while comma >= 0 and not out[comma].strip():
        comma -= 1
    before = comma - 1
    while before >= 0 and not out[before].strip():
        before -= 1
    if before >= 0 and out[comma] == "," and out[before] != "{":
        del out[comma]


def joined(text: str) -> str:
    """The text with each inline table on one line."""
    out: list[str] = []
    open_brackets: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        inside = bool(open_brackets) and open_brackets[-1] == "{"
        match = _STRING.match(text, at) if char in "\"'" else None
        comment = _COMMENT.match(text, at) if char == "#" else None
        if comment:
            out.append("" if inside else comment[0])
            at = comment.end()
            continue
        if match:
            out.append(match[0])
            at = match.end()
            continue
        if char in "[{":
            open_brackets.append(char)
        elif char in "]}" and open_brackets:
            if open_brackets.pop() == "{":
                _drop_last_comma(out)
        out.append(" " if inside and char in "\r\n" else char)
        at += 1
    return "".join(out)


def loads(text: str) -> dict[str, object]:
    """As tomllib.loads(), inline tables of several lines included; its error for anything else."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        try:
            return tomllib.loads(joined(text))
        except (tomllib.TOMLDecodeError, RecursionError):
            raise error from None
