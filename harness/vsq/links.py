# SPDX-License-Identifier: GPL-2.0-or-later
"""The parameters of a cable: from a scenario's words with units to wirefilter's notation.

A value is a number or a text "BASE+SPREAD" with U (uniform, the default) or N (Gaussian) behind it.
Numbers without a unit are in wirefilter's own: ms of delay, percent, bytes, bytes per second.
"""
from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from . import units
from .errors import listing, quote, suggest
from .fields import Table


@dataclass(frozen=True)
class Parameter:
    name: str	    # in scenarios
    command: str    # of wirefilter
    quantity: str
    divisor: int    # inner unit -> wirefilter's
    what: str	    # one line for people
    top: Decimal | None = None
    spread: bool = True


_PERCENT = Decimal(100)
PARAMETERS = {p.name: p for p in (
    Parameter("loss", "loss", "percent", 1, "frames lost, percent", _PERCENT),
    Parameter("lostburst", "lostburst", "number", 1, "mean length of a burst of lost frames"),
    Parameter("delay", "delay", "time", 10**6, "extra delay"),
    Parameter("dup", "dup", "percent", 1, "frames duplicated, percent", _PERCENT),
    Parameter("bandwidth", "bandwidth", "rate", 8, "rate of the channel (the sender may queue)"),
    Parameter("speed", "speed", "rate", 8, "rate of the interface"),
    Parameter("capacity", "chanbufsize", "size", 1, "bytes the channel's queue can hold"),
    Parameter("noise", "noise", "number", 1, "bits damaged per megabyte"),
    Parameter("mtu", "mtu", "size", 1, "longest frame that passes", spread=False),
    Parameter("reorder", "reorder", "percent", 1, "frames that others overtake, percent", _PERCENT),
    Parameter("reorder-delay", "reorder-delay", "time", 10**6,
              "how long a reordered frame is held back"),
    Parameter("ecn", "ecn", "size", 1, "bytes in the queue beyond which packets are marked (CE)"),
    Parameter("corrupt", "corrupt", "percent", 1, "frames damaged as a whole, percent", _PERCENT),
)}
COMMANDS = {p.command: p for p in PARAMETERS.values()}
DIRECTIONS = ("lr", "rl")

_TERM = r"([0-9.eE]*[0-9.])\s*([A-Za-zµμ/%]*?)"
_VALUE = re.compile(rf"\s*(?:(LR|RL)\s*)?{_TERM}\s*(?:\+\s*{_TERM}\s*([UN])?)?\s*")
# Rates and sizes as wirefilter abbreviates them: powers of 1024 of its own unit.
_SHORT = {"K": 2**10, "M": 2**20, "G": 2**30}


@dataclass(frozen=True)
class Setting:
    """One parameter of a link: direction "" is both, node None every node of the chain."""
    parameter: str
    direction: str
    value: str
    node: int | None = None

    def command(self) -> tuple[str, str]:
        known = PARAMETERS.get(self.parameter)
        prefix = f"{self.direction.upper()} " if self.direction else ""
        suffix = "" if self.node is None else f"[{self.node}]"
        return (known.command if known else self.parameter), f"{prefix}{self.value}{suffix}"


@dataclass
class Chain:
    """A Markov chain: names of nodes, edges as weights in percent per step."""
    time: int = 100_000_000
    start: int = 0
    names: list[str] = field(default_factory=list)
    edges: list[tuple[int, int, Decimal]] = field(default_factory=list)


@dataclass
class Link:
    """Everything one cable is told, in the order it is told."""
    settings: list[Setting] = field(default_factory=list)
    chain: Chain | None = None
    traces: list[tuple[int, str, str]] = field(default_factory=list) # direction, kind, path

    def commands(self) -> Iterator[tuple[str, str]]:
        if self.chain:
            yield "markov-numnodes", str(len(self.chain.names))
            yield "markov-time", units.plain(Decimal(self.chain.time) / 10**6)
            for number, name in enumerate(self.chain.names):
                if name:
                    yield "markov-name", f"{number},{name}"
            for a, b, weight in self.chain.edges:
                yield "markov-setedge", f"{a},{b},{units.plain(weight)}"
        for setting in self.settings:
            if self.chain and setting.node is None and setting.parameter != "fifo":
                for node in range(len(self.chain.names)):
                    yield Setting(setting.parameter, setting.direction, setting.value,
                                  node).command()
            else:
                yield setting.command()
        if self.chain and self.chain.start:
            yield "markov-setnode", str(self.chain.start)


def _term(number: str, unit: str, parameter: Parameter) -> Decimal:
    if unit in _SHORT and parameter.quantity in ("rate", "size"):
        return units.parse(number, "number") * _SHORT[unit]
    if not unit:
        return units.parse(number, "number")
    return units.parse(f"{number}{unit}", parameter.quantity) / parameter.divisor


def value(parameter: Parameter, given: object) -> tuple[str, str]:
    """(direction, wirefilter's text). units.UnitError says what is wrong."""
    example = units.EXAMPLE[parameter.quantity]
    if parameter.spread and parameter.quantity == "time":
        example += ', "20ms+5ms", "20ms+5msN"'
    if isinstance(given, bool) or not isinstance(given, (int, float, str)):
        raise units.UnitError(f"{quote(given)} is not a value of {parameter.name}", example)
    if not isinstance(given, str):
        given = units.plain(units.parse(given, "number"), 9)
    match = _VALUE.fullmatch(given)
    if not match:
        raise units.UnitError(f"{quote(given)} is not a value of {parameter.name}", example)
    direction, base, unit, spread, spread_unit, kind = match.groups()
    if spread and not parameter.spread:
        raise units.UnitError(f"{parameter.name} takes no spread", example)
    number = _term(base, unit, parameter)
    if parameter.top is not None and number > parameter.top:
        raise units.UnitError(f"{quote(given)} is above {parameter.top}", f"0 to {parameter.top}")
    if number > units.TIME_MAX:
        raise units.UnitError(f"{quote(given)} is too large", f"up to {units.TIME_MAX}")
    text = units.plain(number)
    if spread:
        text += "+" + units.plain(_term(spread, spread_unit or unit, parameter)) + (kind or "")
    return (direction or "").lower(), text


def _settings(table: Table, direction: str, node: int | None) -> list[Setting]:
    found = []
    for name, parameter in PARAMETERS.items():
        given = table.raw(name)
        if given is None:
            continue
        try:
            own, text = value(parameter, given)
        except units.UnitError as error:
            table.note(name, str(error), error.allowed)
            continue
        if own and direction and own != direction:
            table.note(name, f"{own.upper()} inside .{direction}", "no prefix here")
            continue
        found.append(Setting(name, own or direction, text, node))
    return found


def _both(table: Table, node: int | None) -> list[Setting]:
    """The parameters of a table and of its lr and rl sub-tables, which say it last."""
    found = _settings(table, "", node)
    for direction in DIRECTIONS:
        inner = table.table(direction)
        if inner:
            found += _settings(inner, direction, node)
            inner.done()
    return found


def _node_number(table: Table, key: object, where: str, names: list[str]) -> int | None:
    allowed = listing([name or str(i) for i, name in enumerate(names)])
    if type(key) is int and 0 <= key < len(names):
        return key
    if isinstance(key, str) and key in names:
        return names.index(key)
    hint = suggest(key, [n for n in names if n]) if isinstance(key, str) else ""
    table.note(where, f"no node {quote(key)}.{hint}", allowed)
    return None


def _edges(table: Table, chain: Chain) -> None:
    given = table.raw("edges", [])
    shape = '[["FROM", "TO", PERCENT], ...]'
    if not isinstance(given, list):
        table.note("edges", f"{quote(given)} is no array", shape)
        return
    leaving = [Decimal(0)] * len(chain.names)
    seen = set()
    for index, edge in enumerate(given):
        at = Table(table.document, table.path + ("edges",), {})
        if not isinstance(edge, list) or len(edge) != 3:
            at.note(index, f"{quote(edge)} is no edge", shape)
            continue
        ends = [_node_number(at, end, index, chain.names) for end in edge[:2]]
        try:
            weight = units.parse(edge[2], "percent")
        except units.UnitError as error:
            at.note(index, str(error), error.allowed)
            continue
        if None in ends:
            continue
        if ends[0] == ends[1]:
            at.note(index, "an edge to the node itself is computed: 100 less the others",
                    "edges between two nodes")
        elif (ends[0], ends[1]) in seen:
            at.note(index, "this edge has been given already", "one weight for each pair")
        elif not 0 <= weight <= 100:
            at.note(index, f"{quote(edge[2])} is no share", "0 to 100")
        else:
            seen.add((ends[0], ends[1]))
            leaving[ends[0]] += weight
            chain.edges.append((ends[0], ends[1], weight))
    for number, total in enumerate(leaving):
        if total > 100:
            name = chain.names[number] or number
            table.note("edges", f"edges out of {name} sum to {units.plain(total)} percent",
                       "up to 100")


def _markov(table: Table, link: Link) -> None:
    chain = Chain()
    chain.time = table.time("time", chain.time)
    if chain.time < 10**3:
        table.note("time", "a step is shorter than a microsecond", "from 1us")

    def node(entry: Table) -> None:
        name = entry.text("name", "")
        if name and not re.fullmatch(r"[\w-]+", name):
            entry.note("name", f"{quote(name)} is no word", "letters, digits, _ and -")
            name = ""
        if name and name in chain.names:
            entry.note("name", f"{quote(name)} is taken", "names that differ")
        chain.names.append(name)
        link.settings += _both(entry, len(chain.names) - 1)
        entry.done()

    table.each("nodes", node)
    if not chain.names:
        table.note("nodes", "a chain has no node", "[{ name = ..., loss = ... }, ...]")
    else:
        _edges(table, chain)
        if table.has("start"):
            chain.start = _node_number(table, table.raw("start"), "start", chain.names) or 0
    table.raw("edges")
    table.raw("start")
    table.done()
    link.chain = chain


def _traces(table: Table, link: Link, resolve) -> None:
    for direction in ("", *DIRECTIONS):
        inner = table.table(direction) if direction else table
        if inner is None:
            continue
        for kind in ("loss", "capacity"):
            path = inner.text(kind)
            if path is not None:
                found = resolve(inner, kind, path)
                if found:
                    for number in ([DIRECTIONS.index(direction)] if direction else [0, 1]):
                        link.traces.append((number, kind, found))
        if direction:
            inner.done()
    table.done()


def read(table: Table, resolve) -> Link:
    """The parameters in a [[cable]] (which stays to be done()). resolve(table, key, path) finds a
    trace file or notes that it is missing.
    """
    link = Link(settings=_both(table, None))
    fifo = table.flag("fifo")
    if fifo is not None:
        link.settings.append(Setting("fifo", "", "1" if fifo else "0"))
    markov = table.table("markov")
    if markov:
        _markov(markov, link)
    traces = table.table("trace")
    if traces:
        _traces(traces, link, resolve)
    return link


def stationary(chain: Chain) -> list[float]:
    """The share of time in each node in the long run, by iterating the chain."""
    count = len(chain.names)
    step = [[0.0] * count for _ in range(count)]
    for a, b, weight in chain.edges:
        step[a][b] = float(weight) / 100
    for a in range(count):
        step[a][a] = 1 - sum(step[a])
    share = [0.0] * count
    share[chain.start] = 1.0
    mean = list(share)
    for turn in range(2, 20_002):
        share = [sum(share[a] * step[a][b] for a in range(count)) for b in range(count)]
        mean = [m + (s - m) / turn for m, s in zip(mean, share)]
    return mean if count > 1 else [1.0]


def describe(setting: str) -> str:
    """A setting in wirefilter's notation for people: "delay LR 20+5N" -> "delay 20±5 ms →"."""
    command, _, text = setting.partition(" ")
    parameter = COMMANDS.get(command)
    match = re.fullmatch(r"(?:(LR|RL) )?([0-9.]+)(?:\+([0-9.]+)([UN])?)?", text.strip())
    if not parameter or not match:
        return setting
    direction, base, spread, _ = match.groups()
    arrow = {"LR": " →", "RL": " ←", None: ""}[direction]
    if parameter.quantity == "time":
        body = f"{base}±{spread} ms" if spread else f"{base} ms"
    elif parameter.quantity in ("rate", "size"):
        show = units.show_rate if parameter.quantity == "rate" else units.show_size
        body = show(float(base) * parameter.divisor)
        body = re.sub(r"\.0+(?= )|(?<=\.\d)0+(?= )", "", body)
        if spread:
            body += f" ± {show(float(spread) * parameter.divisor)}"
    else:
        body = f"{base}±{spread}" if spread else base
        body += " %" if parameter.quantity == "percent" else ""
    name = {"delay": "", "bandwidth": ""}.get(parameter.name, parameter.name + " ")
    return f"{name}{body}{arrow}"
