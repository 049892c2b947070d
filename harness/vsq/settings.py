# SPDX-License-Identifier: GPL-2.0-or-later
"""Settings of hosts and routers: Linux's names as they are, and short ones."""
from __future__ import annotations

from .errors import quote
from .fields import Table, kind_name

# Short names are keys of [host.NAME] itself; the engine knows them too.
SHORT = {
    "mtu": "longest packet of its interfaces, bytes",
    "cc": "congestion control of TCP: cubic or reno (newreno means reno)",
    "sack": "selective acknowledgements, 0 or 1",
    "timestamps": "TCP timestamps, 0 or 1",
    "window_scaling": "TCP window scaling, 0 or 1",
    "ecn": "explicit congestion notification, 0 to 2",
    "rmem": 'TCP receive buffer: "MIN DEFAULT MAX" in bytes',
    "wmem": 'TCP send buffer: "MIN DEFAULT MAX" in bytes',
    "ttl": "hop limit of what it sends",
    "forwarding": "whether it forwards packets, 0 or 1 (a router does)",
    "clock": "how far its clock is ahead, a time; behind: below 0",
}


# NewReno is what the engine, as Linux, calls reno.
CONTROLS = ("cc", "net.ipv4.tcp_congestion_control")


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str) and value and value.isprintable():
        return value
    if isinstance(value, list) and value and all(type(item) is int for item in value):
        return " ".join(map(str, value))
    return None


def _flat(table: Table, key: str, value: object, name: str) -> list[tuple[str, str]]:
    if isinstance(value, dict) and value:
        return [pair for inner, below in value.items()
                for pair in _flat(table, key, below, f"{name}.{inner}")]
    text = _text(value)
    if text is None:
        table.note(key, f"{name} = {quote(value)} is {kind_name(value)}",
                   "a number, true, false, a text or an array of integers")
        return []
    return [(name, "reno" if name in CONTROLS and text == "newreno" else text)]


def read(table: Table) -> list[tuple[str, str]]:
    """The settings in a [host.NAME]: short keys, net.* keys, and a table [host.NAME.settings]."""
    found = []
    for key in (*SHORT, "net"):
        if key == "clock":
            ahead = table.quantity(key, "time", low=None)
            found += [] if ahead is None else [(key, str(int(ahead)))]
            continue
        value = table.raw(key)
        if value is not None:
            found += _flat(table, key, value, key)
    inner = table.table("settings")
    for key in inner.value if inner else ():
        found += _flat(inner, key, inner.raw(key), key)
    return found
