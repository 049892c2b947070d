# SPDX-License-Identifier: GPL-2.0-or-later
"""The applications a host can run, and what each may be told."""
from __future__ import annotations

from dataclasses import dataclass, field

from .errors import listing, quote, suggest
from .fields import Table

FAMILIES = ("4", "6", "any")

# What a peer may do wrong; the engine knows them by the same names (harness/lab/peer_act.c).
ACTS = ("plain", "stretch", "divide", "optimistic", "beyond", "duplicate", "silent", "shrink",
        "zero", "lost-update", "deaf", "renege", "false-dsack", "echo-ce", "blind-rst",
        "exact-rst", "blind-syn", "blind-data", "outside", "stale", "garbage", "forget", "half")


@dataclass(frozen=True)
class Kind:
    name: str
    what: str
    keys: dict[str, str]	# key -> quantity: time, size, rate, count, port, flag, act
    flow: str			# "tcp", "udp", "icmp"
    peer: str = ""		# the end that is a peer
    to_anyone: bool = False	# to may be one as well


TCP = {"port": "port", "from_port": "port", "nodelay": "flag", "keepalive": "flag",
       "user_timeout": "time", "maxseg": "size", "sndbuf": "size", "rcvbuf": "size"}

KINDS = {kind.name: kind for kind in (
    Kind("ping", "ICMP echo requests, one every interval",
         {"count": "count", "interval": "time", "size": "size"}, "icmp", to_anyone=True),
    Kind("udp-cbr", "UDP datagrams at a constant rate",
         {"rate": "rate", "interval": "time", "size": "size", "bytes": "size", "count": "count",
          "port": "port"}, "udp"),
    Kind("tcp-bulk", "one TCP connection that sends and closes",
         {"bytes": "size", "read": "rate", "interval": "time", "pause": "time", "resume": "time",
          **TCP}, "tcp"),
    Kind("tcp-request-response", "requests and answers over one TCP connection",
         {"requests": "count", "request": "size", "response": "size", "interval": "time",
          "writes": "count", **TCP}, "tcp"),
    Kind("tcp-echo", "messages sent over TCP, compared when they come back",
         {"count": "count", "size": "size", "interval": "time", **TCP}, "tcp"),
    Kind("tcp-exchange", "both ends send and close, or reset, when they are told to",
         {"bytes": "size", "response": "size", "close": "time", "close_back": "time",
          "reset": "time", "reset_back": "time", "simultaneous": "flag", **TCP}, "tcp"),
    Kind("tcp-peer", "a connection to a peer that breaks the rules on purpose",
         {"bytes": "size", "response": "size", "act": "act", "n": "count", "after": "count",
          "hold": "time", "window": "size", "mss": "size", **TCP}, "tcp", "to"),
    Kind("syn-flood", "a peer asks for connections that it never uses",
         {"count": "count", "interval": "time", "port": "port"}, "udp", "from"),
)}


@dataclass
class App:
    kind: str
    source: str
    target: str
    name: str = ""
    parameters: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        return " ".join(f"{key}={value}" for key, value in self.parameters.items())


def _quantity(table: Table, key: str, quantity: str) -> str | None:
    if quantity == "count":
        number = table.integer(key, 1, 2**62)
    elif quantity == "flag":
        return {True: "1", False: "0", None: None}[table.flag(key)]
    elif quantity == "act":
        return table.choice(key, list(ACTS))
    elif quantity == "port":
        number = table.integer(key, 1, 65535)
    elif quantity == "time":
        number = table.time(key)
        if number == 0:
            table.note(key, "0 is no interval", "more than 0")
    else:
        number = table.quantity(key, quantity, low=1)
    return None if number is None else str(int(number))


def read(table: Table, hosts: dict[str, str]) -> App | None:
    """hosts: name -> kind, for all nodes."""
    kind = table.choice("kind", list(KINDS))
    if not table.has("kind"):
        table.note(None, "an application has no kind", listing(KINDS))
    ends = {}
    for key in ("from", "to"):
        peer = kind is not None and KINDS[kind].peer == key
        too = kind is not None and KINDS[kind].to_anyone and key == "to"
        able = [name for name, what in hosts.items()
                if what != "switch" and (too or (what == "peer") == peer)]
        ends[key] = table.text(key)
        if ends[key] is None:
            if not table.has(key):
                table.note(None, f'"{key}" is missing', listing(able))
        elif ends[key] not in hosts:
            table.note(key, f"no node {quote(ends[key])}.{suggest(ends[key], able)}",
                       listing(able))
            ends[key] = None
        elif ends[key] not in able:
            what = hosts[ends[key]]
            why = ", which runs no application" if what == "switch" else ", and here is none" \
                if what == "peer" else ", not a peer"
            table.note(key, f"{quote(ends[key])} is a {what}{why}", listing(able))
            ends[key] = None
    parameters = {}
    for key in ("start", "stop"):
        at = table.time(key)
        if at is not None:
            parameters[key] = str(at)
    if "start" in parameters and "stop" in parameters \
            and int(parameters["stop"]) <= int(parameters["start"]):
        table.note("stop", "it stops before it starts", "a time after start")
    family = table.raw("family")
    if family is not None:
        if isinstance(family, bool) or str(family) not in FAMILIES:
            table.note("family", f"{quote(family)} is no family", "4, 6, \"any\"")
        else:
            parameters["family"] = str(family)
    name = table.text("name", "")
    if kind:
        for key, quantity in KINDS[kind].keys.items():
            found = _quantity(table, key, quantity)
            if found is not None:
                parameters[key] = found
        table.done()
    if not kind or None in ends.values():
        return None
    return App(kind, ends["from"], ends["to"], name, parameters)
