# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads packetdrill's script language: a timeline of packets, system calls, shell lines and code.

    0    socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
    +.1  < S 0:0(0) win 1000 <mss 1460,nop,wscale 7>
    +0   > S. 0:0(0) ack 1 <...>
    +0   `sysctl -q net.ipv4.tcp_sack=0`
    +0   %{ assert tcpi_snd_cwnd == 10 }%
"""
from __future__ import annotations

import dataclasses
import re
import typing

TOKEN = re.compile(r"""
    (?P<blank>\s+|//[^\n]*|/\*.*?\*/|\#[^\n]*)
  | (?P<code>%\{.*?\}%)
  | (?P<command>`[^`]*`)
  | (?P<string>"(?:[^"\\]|\\.)*")
  | (?P<ellipsis>\.\.\.)
  | (?P<number>0x[0-9a-fA-F]+|\d+\.\d+|\.\d+|\d+)
  | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<sign><<|==|[-+*~<>=(){}\[\],:;.|&!@/?'%])
""", re.X | re.S)


class ScriptError(Exception):
    """Something in a script: the file's line, and what was expected there."""


@dataclasses.dataclass
class Token:
    kind: str
    text: str
    line: int


@dataclasses.dataclass
class Time:
    kind: str  # "absolute", "relative", "any", "range", "relative range"
    start: float
    end: float = 0.0  # of a range
    until: float | None = None  # when a call that waits ends


@dataclasses.dataclass
class Packet:
    out: bool
    kind: str = "tcp"  # or "udp", "icmp"
    flags: str = ""
    seq: int = 0
    len: int = 0
    ack: int | None = None
    win: int | None = None
    urg: int = 0
    options: list[tuple[str, list[int | str]]] | None = None  # None: any
    ecn: str | None = None
    icmp: tuple[str, str, int] | None = None  # type, code, MTU
    ports: tuple[int, int] | None = None


@dataclasses.dataclass
class Call:
    name: str
    args: list[typing.Any]
    result: typing.Any
    error: str | None = None


@dataclasses.dataclass
class Event:
    line: int
    time: Time
    what: Packet | Call | str
    kind: str  # "packet", "call", "command", "code"


@dataclasses.dataclass
class Script:
    options: dict[str, str]
    init: str | None
    events: list[Event]


class Any_:
    """The script's "...": whatever it is."""

    def __repr__(self) -> str:
        return "..."


ANY = Any_()


class Reader:
    def __init__(self, text: str, name: str, symbols: dict[str, int]) -> None:
        self.name, self.symbols = name, symbols
        self.tokens: list[Token] = []
        self.at = 0
        position, line = 0, 1
        while position < len(text):
            match = TOKEN.match(text, position)
            if not match:
                raise ScriptError(f"{name}:{line}: unexpected {text[position]!r}")
            kind = str(match.lastgroup)
            if kind != "blank":
                self.tokens.append(Token(kind, match[0], line))
            line += match[0].count("\n")
            position = match.end()
        self.tokens.append(Token("end", "", line))

    def peek(self, ahead: int = 0) -> Token:
        return self.tokens[min(self.at + ahead, len(self.tokens) - 1)]

    def next(self) -> Token:
        token = self.peek()
        self.at += 1
        return token

    def accept(self, *texts: str) -> Token | None:
        if self.peek().text in texts and self.peek().kind != "string":
            return self.next()
        return None

    def fail(self, expected: str) -> typing.NoReturn:
        token = self.peek()
        raise ScriptError(f"{self.name}:{token.line}: {token.text!r}: expected {expected}")

    def expect(self, text: str) -> None:
        if not self.accept(text):
            self.fail(repr(text))

    def number(self) -> float:
        token = self.next()
        if token.kind != "number":
            self.at -= 1
            self.fail("a number")
        return int(token.text, 0) if token.text.startswith("0x") else float(token.text)

    def integer(self) -> int:
        if self.accept("-"):
            return -int(self.number())
        return int(self.number())

    # Times.

    def time(self) -> Time:
        if self.accept("*"):
            return Time("any", 0)
        relative = bool(self.accept("+"))
        time = Time("relative" if relative else "absolute", self.number())
        if self.accept("~"):
            self.accept("+")
            time.kind = "relative range" if relative else "range"
            time.end = self.number()
        if self.accept("..."):
            time.until = self.number()
        return time

    # Packets.

    def packet(self) -> Packet:
        packet = Packet(out=self.next().text == ">")
        echoed: Packet | None = None
        while self.peek().text in ("[", "("):
            closing = "]" if self.next().text == "[" else ")"
            word = self.peek()
            if word.text in ("ect0", "ect1", "ce", "noecn", "ect01", "ECT0", "ECT1"):
                packet.ecn = self.next().text.lower()
            elif word.text in ("flowlabel", "tos", "ttl"):
                while self.peek().text != closing:
                    self.next()
            else:
                echoed = Packet(out=True)
                self.span(echoed)
            while self.accept(","):
                self.next()
            self.expect(closing)
        if self.accept("icmp"):
            return self.icmp(packet, echoed)
        if self.accept("udp"):
            packet.kind = "udp"
            self.expect("(")
            packet.len = self.integer()
            self.expect(")")
            return packet
        if self.peek().kind == "number" and self.peek(1).text == ">":
            source = self.integer()
            self.next()
            packet.ports = (source, self.integer())
        packet.flags = self.flags()
        self.span(packet)
        if self.accept("ack"):
            packet.ack = self.integer()
        if self.accept("win"):
            packet.win = self.integer()
        if self.accept("urg"):
            packet.urg = self.integer()
        packet.options = self.options() if self.accept("<") else []
        return packet

    def flags(self) -> str:
        flags = ""
        while (self.peek().kind == "word" or self.peek().text in (".", "-")) and \
                self.peek(0).text != "seq":
            flags += self.next().text
        if not flags:
            self.fail("TCP flags")
        return flags

    def span(self, packet: Packet) -> None:
        self.accept("seq")
        packet.seq = self.integer()
        if self.accept(":"):
            self.integer()
            self.expect("(")
            packet.len = self.integer()
            self.expect(")")

    def icmp(self, packet: Packet, echoed: Packet | None) -> Packet:
        kind, code, mtu = self.next().text, "", 0
        if self.peek().kind == "word" and self.peek().text != "mtu":
            code = self.next().text
        if self.accept("mtu"):
            mtu = self.integer()
        packet.kind, packet.icmp = "icmp", (kind, code, mtu)
        if echoed:
            packet.seq, packet.len = echoed.seq, echoed.len
        return packet

    def options(self) -> list[tuple[str, list[int | str]]] | None:
        found: list[tuple[str, list[int | str]]] = []
        if self.accept("..."):
            self.expect(">")
            return None
        while not self.accept(">"):
            name = self.next().text
            values: list[int | str] = []
            while self.peek().text not in (",", ">"):
                token = self.next()
                if token.text in (":", "=", "-"):
                    continue
                values.append(token.text if name in ("FO", "FOEXP", "md5")
                              else int(token.text, 0) if token.kind == "number" else token.text)
            if name in ("FO", "FOEXP"):
                values = ["".join(str(v) for v in values)]
            found.append((name, values))
            self.accept(",")
        return found

    # Calls.

    def call(self) -> Call:
        name = self.next().text
        self.expect("(")
        args = self.list(")")
        self.expect("=")
        call = Call(name, args, self.expression())
        if self.peek().kind == "word":
            call.error = self.next().text
        if self.accept("("):
            while not self.accept(")"):
                self.next()
        return call

    def list(self, closing: str) -> list[typing.Any]:
        found = []
        while not self.accept(closing):
            found.append(self.expression())
            self.accept(",")
        return found

    def expression(self) -> typing.Any:
        value = self.term()
        while self.peek().text in ("|", "<<"):
            value = value | self.term() if self.next().text == "|" else value << self.term()
        return value

    def term(self) -> typing.Any:
        token = self.next()
        if token.kind == "ellipsis":
            return ANY
        if token.kind == "number":
            return int(token.text, 0)
        if token.text == "-":
            return -self.term()
        if token.text == "~":
            return ~self.term()
        if token.kind == "string":
            text = token.text[1:-1].encode().decode("unicode_escape").encode("latin-1")
            while self.peek().kind == "string":
                text += self.next().text[1:-1].encode().decode("unicode_escape").encode("latin-1")
            return text
        if token.text == "[":
            return self.list("]")
        if token.text == "{":
            return self.struct()
        if token.text == "(":
            value = self.expression()
            self.expect(")")
            return value
        if token.kind == "word":
            return self.word(token)
        self.at -= 1
        self.fail("an expression")

    def word(self, token: Token) -> typing.Any:
        if self.accept("("):
            return (token.text, self.list(")"))
        if token.text not in self.symbols:
            raise ScriptError(f"{self.name}:{token.line}: {token.text}: an unknown symbol")
        return self.symbols[token.text]

    def struct(self) -> dict[typing.Any, typing.Any]:
        fields: dict[typing.Any, typing.Any] = {}
        while not self.accept("}"):
            if self.peek().kind == "word" and self.peek(1).text in ("=", "("):
                name = self.next().text
                if self.accept("("):  # msg_iov(1)=...
                    self.list(")")
                self.expect("=")
                fields[name] = self.expression()
            else:
                fields[len(fields)] = self.expression()
            self.accept(",")
        return fields

    # Events.

    def events(self) -> list[Event]:
        found: list[Event] = []
        while self.peek().kind != "end":
            line = self.peek().line
            token = self.peek()
            if found and token.kind in ("code", "command"):
                time = Time("relative", 0)
            elif found and token.text in ("<", ">"):
                time = Time("relative", 0)
            else:
                time = self.time()
            token = self.peek()
            if token.kind == "code":
                found.append(Event(self.next().line, time, token.text[2:-2], "code"))
            elif token.kind == "command":
                found.append(Event(self.next().line, time, token.text[1:-1], "command"))
            elif token.text in ("<", ">"):
                found.append(Event(line, time, self.packet(), "packet"))
            else:
                found.append(Event(line, time, self.call(), "call"))
        return found


def read(text: str, name: str, symbols: dict[str, int]) -> Script:
    """A whole script; what a line lacks is told as a ScriptError."""
    options: dict[str, str] = {}
    kept = []
    for line in text.splitlines():
        match = re.match(r"\s*--(\w+)(?:=(\S*))?", line)
        if match:
            options[match[1]] = match[2] or ""
            line = ""
        kept.append(line)
    reader = Reader("\n".join(kept), name, symbols)
    init = reader.next().text[1:-1] if reader.peek().kind == "command" else None
    return Script(options, init, reader.events())
