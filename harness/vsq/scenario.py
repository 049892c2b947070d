# SPDX-License-Identifier: GPL-2.0-or-later
"""A scenario: what a TOML file says, read strictly (docs/scenario.md is its reference)."""
from __future__ import annotations

import ipaddress
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from . import apps, expect, inline, links, overrides, settings, source, units
from .errors import InputError, InputErrors, listing, quote, suggest
from .fields import Document, Table

SIZE_MAX = 4 << 20
WORD = re.compile(r"[A-Za-z_][\w-]{0,62}", re.ASCII)	# dots part the names of metrics
SECTIONS = ("lab", "host", "router", "switch", "peer", "cable", "app", "at", "expect")


@dataclass
class Node:
    name: str
    kind: str
    ports: int = 0
    # (interface: a number from 1, or the name of a cable or neighbour; address)
    addresses: list[tuple[int | str, str]] = field(default_factory=list)
    routes: list[tuple[str, str]] = field(default_factory=list)
    settings: list[tuple[str, str]] = field(default_factory=list)
    # VLAN -> (untagged ports, tagged ports), each a number or a neighbour's or cable's name
    vlans: dict[int, tuple[list, list]] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)


@dataclass
class Capture:
    side: int	# 0 left, 1 right, -1 both
    path: str


@dataclass
class Cable:
    name: str
    left: str
    right: str
    ports: tuple[int, int] = (0, 0)
    link: links.Link = field(default_factory=links.Link)
    captures: list[Capture] = field(default_factory=list)


@dataclass
class Event:
    time: int
    command: str


@dataclass
class Scenario:
    file: str
    text: str = ""
    name: str = "lab"
    about: str = ""
    seed: int = 1
    until: int = 60 * 10**9
    stop: str = ""
    nodes: list[Node] = field(default_factory=list)
    cables: list[Cable] = field(default_factory=list)
    apps: list[apps.App] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    expectations: list[expect.Expectation] = field(default_factory=list)

    def node(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)


def _address(text: str) -> bool:
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return "/" in text


def _addresses(table: Table) -> list[tuple[int | str, str]]:
    allowed = '"10.0.0.1/24", "2001:db8::1/64"'
    given = table.value.get("addr")
    found: list[tuple[int | str, str]] = []
    if isinstance(given, dict):
        inner = table.table("addr")
        for key in given:
            interface = int(key) if key.isdigit() and len(key) < 4 else key
            if interface == 0:
                inner.note(key, "interfaces are numbered from 1", "1, 2, ... or a cable's name")
            found += [(interface, text) for text in inner.texts(key)]
    else:
        found = [(1, text) for text in table.texts("addr")]
    for _, text in found:
        if not _address(text):
            table.note("addr", f"{quote(text)} is no address with its prefix length", allowed)
    return found


def _routes(table: Table) -> list[tuple[str, str]]:
    found = [("default", gateway) for gateway in table.texts("gateway")]
    routes = table.table("routes")
    for key in routes.value if routes else ():
        gateway = routes.text(key)
        if gateway is not None:
            found.append((key, gateway))
            try:
                if key != "default":
                    ipaddress.ip_network(key)
            except ValueError:
                routes.note(key, f"{quote(key)} is no destination",
                            '"default", "10.1.0.0/16", "2001:db8:1::/48"')
    for _, gateway in found:
        try:
            ipaddress.ip_address(gateway)
        except ValueError:
            table.note("gateway" if table.has("gateway") else "routes",
                       f"{quote(gateway)} is no address of a gateway", '"10.0.0.254"')
    return found


def read_host(name: str, table: Table, kind: str = "host") -> Node:
    node = Node(name, kind)
    node.addresses = _addresses(table)
    node.routes = _routes(table)
    node.settings = settings.read(table)
    table.done()
    return node


def read_peer(name: str, table: Table) -> Node:
    node = Node(name, "peer")
    node.addresses = [(1, text) for text in table.texts("addr")]
    for _, text in node.addresses:
        if not _address(text):
            table.note("addr", f"{quote(text)} is no address with its prefix length",
                       '"10.0.0.1/24", "2001:db8::1/64"')
    table.done()
    return node


def read_switch(name: str, table: Table) -> Node:
    node = Node(name, "switch")
    node.ports = table.integer("ports", 1, 4096, 0)
    if table.flag("hub"):
        node.commands.append("port/sethub 1")
    vlans = table.table("vlan")
    for key in vlans.value if vlans else ():
        inner = vlans.table(key)
        if not key.isdigit() or not 1 <= int(key) <= 4094:
            vlans.note(key, f"{quote(key)} is no VLAN", "1 to 4094")
            continue
        members = []
        for what in ("untagged", "tagged"):
            given = inner.raw(what, [])
            given = given if isinstance(given, list) else [given]
            for item in given:
                if type(item) not in (int, str):
                    inner.note(what, f"{quote(item)} is no port",
                               "a port's number, or the name of a cable or neighbour")
            members.append([item for item in given if type(item) in (int, str)])
        inner.done()
        node.vlans[int(key)] = (members[0], members[1])
    node.commands += table.texts("commands")
    table.done()
    return node


def _captures(table: Table) -> list[Capture]:
    given = table.value.get("capture")
    if isinstance(given, dict):
        inner = table.table("capture")
        found = [Capture(side, path) for side, key in ((0, "left"), (1, "right"), (-1, "both"))
                 if (path := inner.text(key)) is not None]
        inner.done()
    else:
        path = table.text("capture")
        found = [] if path is None else [Capture(-1, path)]
    for capture in found:
        if not re.fullmatch(r"[\w][\w.+-]*\.pcapng", capture.path):
            table.note("capture", f"{quote(capture.path)} is no file name for a capture",
                       '"NAME.pcapng", without a folder: --out says where')
    return found


def read_cable(table: Table, nodes: dict[str, str], taken: list[str]) -> Cable | None:
    ends: list[str] = []
    join = table.raw("join")
    shape = '["NODE", "NODE"]'
    if join is None:
        table.note(None, '"join" is missing', shape)
    elif not isinstance(join, list) or len(join) != 2 or not all(
            isinstance(end, str) for end in join):
        table.note("join", f"{quote(join)} is no pair of nodes", shape)
    else:
        for index, end in enumerate(join):
            if end in nodes:
                ends.append(end)
            else:
                table.document.note(table.path + ("join", index),
                                    f"no node {quote(end)}.{suggest(end, nodes)}",
                                    listing(nodes))
    ports = table.raw("ports", [0, 0])
    if not isinstance(ports, list) or len(ports) != 2 or not all(
            type(port) is int and 0 <= port <= 4095 for port in ports):
        table.note("ports", f"{quote(ports)} is no pair of ports",
                   "[LEFT, RIGHT], each from 1; 0: the next free one")
        ports = [0, 0]
    name = table.text("name") or ("-".join(ends) if len(ends) == 2 else "?")
    if len(ends) == 2 and not table.has("name"):
        base, count = name, 2
        while name in taken:
            name, count = f"{base}-{count}", count + 1
    if not WORD.fullmatch(name) and len(ends) == 2:
        table.note("name", f"{quote(name)} is no word", "letters, digits, _ and -")
    elif name in taken:
        table.note("name", f"{quote(name)} is taken", "names that differ")
    for end, port in zip(ends, ports):
        if port and nodes[end] != "switch":
            table.note("ports", f"{quote(end)} is no switch: its interfaces are numbered by "
                       "their cables", "0 there")
    link = links.read(table, _trace)
    captures = _captures(table)
    table.done()
    if len(ends) != 2:
        return None
    taken.append(name)
    return Cable(name, ends[0], ends[1], (ports[0], ports[1]), link, captures)


def _trace(table: Table, key: str, path: str) -> str | None:
    base = Path(table.document.file).parent
    found = base / path if table.document.file not in ("", "-") else Path(path)
    if "\0" in path or not found.is_file():
        table.note(key, f"no file {quote(path)} (looked in {base})", "a file of a trace")
        return None
    return str(found)


def assign_ports(scenario: Scenario, document: Document) -> None:
    """Gives every cable's end at a switch its port, as the engine would: the next free from 1."""
    used: dict[str, set[int]] = {}
    for cable in scenario.cables:
        for end, port in zip((cable.left, cable.right), cable.ports):
            if port:
                if port in used.setdefault(end, set()):
                    document.note(("cable", scenario.cables.index(cable), "ports"),
                                  f"port {port} of {end} has a cable already", "a free port")
                used[end].add(port)
    for index, cable in enumerate(scenario.cables):
        given = list(cable.ports)
        for side, end in enumerate((cable.left, cable.right)):
            node = scenario.node(end)
            if node.kind != "switch":
                continue
            if not given[side]:
                port = 1
                while port in used.setdefault(end, set()):
                    port += 1
                used[end].add(port)
                given[side] = port
            if given[side] >= (node.ports or 32):
                document.note(("cable", index, "ports"),
                              f"{end} has no port {given[side]}",
                              f"1 to {(node.ports or 32) - 1}, or more ports in [switch.{end}]")
        cable.ports = (given[0], given[1])


def switch_port(scenario: Scenario, node: Node, given: int | str) -> int | None:
    """The port of a switch that a number, a cable's name or a neighbour's name means."""
    if isinstance(given, int):
        return given if 1 <= given < (node.ports or 32) else None
    for cable in scenario.cables:
        ends = (cable.left, cable.right)
        if node.name in ends:
            side = ends.index(node.name)
            if given in (cable.name, ends[1 - side]):
                return cable.ports[side]
    return None


def _vlans(scenario: Scenario, document: Document) -> None:
    """Checks the members, and turns the tables into the switch's own commands."""
    for node in scenario.nodes:
        commands = []
        for vlan, members in node.vlans.items():
            commands.append(f"vlan/create {vlan}")
            for what, command in ((0, "port/setvlan {port} {vlan}"),
                                  (1, "vlan/addport {vlan} {port}")):
                for given in members[what]:
                    port = switch_port(scenario, node, given)
                    if port is None:
                        document.note(("switch", node.name, "vlan", str(vlan)),
                                      f"{quote(given)} is no port of {node.name}",
                                      "a number from 1, or a cable or neighbour of the switch")
                    else:
                        commands.append(command.format(port=port, vlan=vlan))
        node.commands = commands + node.commands


def interface(scenario: Scenario, node: str, given: int | str) -> int | None:
    """The number of the interface that a number, a cable's or a neighbour's name means."""
    number = 0
    for cable in scenario.cables:
        for end, other in ((cable.left, cable.right), (cable.right, cable.left)):
            if end == node:
                number += 1
                if given in (number, cable.name, other):
                    return number
    return given if isinstance(given, int) and given == 1 else None


def event_command(command: str, cables: list[str]) -> str:
    """A cable's parameter may carry units: "sw-bob delay 20ms" becomes wirefilter's notation."""
    words = command.split(None, 2)
    name = words[0].removeprefix("cable:") if words else ""
    if len(words) == 3 and name in cables and words[1] in links.PARAMETERS:
        parameter = links.PARAMETERS[words[1]]
        text = words[2]
        node = re.search(r"\s*\[(\d+)\]$", text)
        direction, value = links.value(parameter, text[:node.start()] if node else text)
        setting = links.Setting(words[1], direction, value, int(node[1]) if node else None)
        return " ".join((words[0], *setting.command()))
    return command


def _event(table: Table, scenario: Scenario) -> None:
    at = table.time("time")
    if not table.has("time"):
        table.note(None, '"time" is missing', units.EXAMPLE["time"])
    commands = table.texts("do")
    if not table.has("do"):
        table.note(None, '"do" is missing', '"NODE COMMAND" or "CABLE PARAMETER VALUE"')
    table.done()
    nodes = [node.name for node in scenario.nodes]
    cables = [cable.name for cable in scenario.cables]
    for command in commands:
        words = command.split()
        known = nodes + cables
        if len(words) < 2 or "\n" in command:
            table.note("do", f"{quote(command)} is no command",
                       '"NODE COMMAND" or "CABLE PARAMETER VALUE"')
        elif words[0].removeprefix("cable:") not in known:
            table.note("do", f"no node or cable {quote(words[0])}.{suggest(words[0], known)}",
                       listing(known))
        elif at is not None:
            try:
                scenario.events.append(Event(at, event_command(command, cables)))
            except units.UnitError as error:
                table.note("do", str(error), error.allowed)


def _lab(table: Table | None, scenario: Scenario) -> None:
    if table is None:
        return
    scenario.name = table.text("name", scenario.name)
    scenario.about = table.text("about", "")
    scenario.seed = table.integer("seed", 0, 2**63 - 1, scenario.seed)
    scenario.until = table.time("until", scenario.until)
    scenario.stop = table.text("stop", "")
    table.done()


def _nodes(top: Table, scenario: Scenario) -> None:
    for kind in ("host", "router", "switch", "peer"):
        for name, table in top.named(kind):
            if not WORD.fullmatch(name):
                top.document.note((kind, name), f"{quote(name)} is no name for a node",
                                  "a letter or _, then letters, digits, _ and -; up to 63")
            elif any(node.name == name for node in scenario.nodes):
                top.document.note((kind, name), "another node has this name",
                                  "names that differ")
            elif kind == "switch":
                scenario.nodes.append(read_switch(name, table))
            elif kind == "peer":
                scenario.nodes.append(read_peer(name, table))
            else:
                scenario.nodes.append(read_host(name, table, kind))


def _interfaces(scenario: Scenario, document: Document) -> None:
    for node in scenario.nodes:
        resolved = []
        for given, address in node.addresses:
            number = interface(scenario, node.name, given)
            if number is None:
                names = [cable.name for cable in scenario.cables
                         if node.name in (cable.left, cable.right)]
                document.note((node.kind, node.name, "addr"),
                              f"no interface {quote(given)}", listing(names))
            else:
                resolved.append((number, address))
        node.addresses = resolved


def read(top: Table, scenario: Scenario) -> Scenario:
    """Fills a scenario from a table; the document's errors say what was wrong."""
    document = top.document
    _lab(top.table("lab"), scenario)
    _nodes(top, scenario)
    nodes = {node.name: node.kind for node in scenario.nodes}
    taken: list[str] = []
    cables = top.each("cable", lambda table: read_cable(table, nodes, taken))
    found = top.each("app", lambda table: apps.read(table, nodes))
    whole = None not in cables
    scenario.cables = [cable for cable in cables if cable]
    scenario.apps = [app or apps.App("?", "", "") for app in found]
    if whole:	# else ports and interfaces would be counted wrong
        assign_ports(scenario, document)
        _vlans(scenario, document)
        _interfaces(scenario, document)
    top.each("at", lambda table: _event(table, scenario))
    names = [app.name for app in scenario.apps]
    for index, name in enumerate(names):
        if name and (name in names[:index] or not WORD.fullmatch(name)):
            document.note(("app", index, "name"), f"{quote(name)} is taken or no word",
                          "names that differ")
    lists = top.each("expect", lambda table: expect.read(
        table, names, nodes, [cable.name for cable in scenario.cables] if whole else None))
    scenario.expectations = [one for several in lists for one in several]
    try:
        scenario.stop = expect.stop(scenario.stop, names)
    except units.UnitError as error:
        document.note(("lab", "stop"), str(error), error.allowed)
    if not scenario.nodes:
        document.note((), "a lab has no node", "[host.NAME], [switch.NAME], [router.NAME]")
    top.done()
    return scenario


def parse(text: str, file: str = "", assignments: list[str] | None = None) -> Scenario:
    """A scenario from the text of a TOML file and assignments "key=value". InputErrors."""
    try:
        value = inline.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        message = re.sub(r"\s*\(at [^)]*\)", "", str(error))
        line = int(match[1]) if match else None
        where = f"column {match[2]}" if match else ""
        raise InputErrors([InputError(message, file=file, line=line, key=where,
                                      allowed="TOML, https://toml.io")]) from error
    except (ValueError, RecursionError) as error:
        raise InputErrors([InputError(f"no TOML: {error}", file=file)]) from error
    document = Document(file, source.locate(text))
    for assignment in assignments or []:
        overrides.apply(value, assignment, document)
    document.judge()
    scenario = read(Table(document, (), value), Scenario(file, text))
    document.judge()
    return scenario


def load(path: str | Path, assignments: list[str] | None = None) -> Scenario:
    """A scenario from a file ("-": standard input). InputErrors."""
    import sys
    name = str(path)
    try:
        if name == "-":
            data = sys.stdin.buffer.read(SIZE_MAX + 1)
        else:
            with open(path, "rb") as file:
                data = file.read(SIZE_MAX + 1)
        if len(data) > SIZE_MAX:
            raise ValueError(f"more than {SIZE_MAX >> 20} MiB is no scenario")
        text = data.decode("utf-8")
    except OSError as error:
        raise InputErrors([InputError(error.strerror or str(error), file=name)]) from error
    except ValueError as error:
        raise InputErrors([InputError(str(error), file=name)]) from error
    return parse(text, name, assignments)
