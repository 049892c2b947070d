# SPDX-License-Identifier: GPL-2.0-or-later
"""The applications a host can run, and what each may be told."""
from __future__ import annotations

from dataclasses import dataclass, field

from .errors import listing, quote, suggest
from .fields import Table

FAMILIES = ("4", "6", "any")


@dataclass(frozen=True)
class Kind:
    name: str
    what: str
    keys: dict[str, str]	# key -> quantity: time, size, rate, count
    flow: str			# "tcp", "udp", "icmp"


KINDS = {kind.name: kind for kind in (
    Kind("ping", "ICMP echo requests, one every interval",
         {"count": "count", "interval": "time", "size": "size"}, "icmp"),
    Kind("udp-cbr", "UDP datagrams at a constant rate",
         {"rate": "rate", "interval": "time", "size": "size", "bytes": "size", "count": "count",
          "port": "port"}, "udp"),
    Kind("tcp-bulk", "one TCP connection that sends and closes",
         {"bytes": "size", "port": "port"}, "tcp"),
    Kind("tcp-request-response", "requests and answers over one TCP connection",
         {"requests": "count", "request": "size", "response": "size", "interval": "time",
          "port": "port"}, "tcp"),
    Kind("tcp-echo", "messages sent over TCP, compared when they come back",
         {"count": "count", "size": "size", "interval": "time", "port": "port"}, "tcp"),
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
    able = [name for name, what in hosts.items() if what != "switch"]
    for key in ("from", "to"):
        ends[key] = table.text(key)
        if ends[key] is None:
            if not table.has(key):
                table.note(None, f'"{key}" is missing', listing(able))
        elif ends[key] not in hosts:
            table.note(key, f"no node {quote(ends[key])}.{suggest(ends[key], able)}",
                       listing(able))
            ends[key] = None
        elif hosts[ends[key]] == "switch":
            table.note(key, f"{quote(ends[key])} is a switch, which runs no application",
                       listing(able))
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
