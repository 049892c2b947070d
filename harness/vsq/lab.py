# SPDX-License-Identifier: GPL-2.0-or-later
"""A lab in a few lines of Python, over the same C objects that scenario files make.

    from vsq import Lab

    lab = Lab("two hosts", seed=7)
    alice = lab.host("alice", addr="10.0.0.1/24")
    bob = lab.host("bob", addr="10.0.0.2/24")
    lab.cable(alice, bob, delay="20ms+5msN", loss=1)
    bulk = lab.app("tcp-bulk", alice, bob, bytes="1MB")
    lab.expect(f"{bulk}.goodput", ">= 500kbit/s")
    result = lab.run("60s")
    assert result.held, result.table()
"""
from __future__ import annotations

import errno
import math
import os
import time
from collections.abc import Callable
from pathlib import Path

from . import apps, engine, expect, scenario, units
from .errors import InputError, InputErrors, VsqError, listing, quote, suggest
from .fields import Document, Table
from .result import Result

Progress = Callable[[int], bool | None]


class LabError(VsqError):
    """The engine refused; its own sentence says why."""


class Lab:
    """Owns one C lab, until close() or the end of a with statement."""

    def __init__(self, name: str = "lab", seed: int = 1, out: str | Path | None = None) -> None:
        self.ffi, self.lib = engine.load()
        self.pointer = self.lib.vsq_new(self._c(name), seed)
        if not self.pointer:
            raise LabError("no memory for a lab")
        self.out = Path(out) if out is not None else None
        self.plan = scenario.Scenario("", name=name, seed=seed)
        self.captures: list[Path] = []
        self.finished = False
        self.wall = 0.0

    def close(self) -> None:
        if self.pointer:
            self.lib.vsq_free(self.pointer)
            self.pointer = None

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_exc) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "pointer", None):
            self.close()

    # Plumbing between Python and C.

    def _c(self, text: str | None):
        if text is None:
            return self.ffi.NULL
        if "\0" in text:
            raise LabError(f"{quote(text)} holds a NUL")
        return text.encode(errors="surrogateescape")

    def _text(self, pointer) -> str:
        return "" if pointer == self.ffi.NULL else self.ffi.string(pointer).decode(
            errors="replace")

    def _try(self, code: int, what: str) -> int:
        if code < 0:
            reason = self._text(self.lib.vsq_error(self.pointer)) or os.strerror(-code)
            raise LabError(f"{what}: {reason}")
        return code

    def _read(self, path: tuple, keys: dict) -> tuple[Document, Table]:
        document = Document("")
        return document, Table(document, path, keys)

    # What is in the lab.

    def host(self, name: str, **keys) -> str:
        """A host; keys as in [host.NAME]. Gives its name."""
        return self._host(name, "host", keys)

    def router(self, name: str, **keys) -> str:
        return self._host(name, "router", keys)

    def _host(self, name: str, kind: str, keys: dict) -> str:
        document, table = self._read((kind, name), keys)
        node = scenario.read_host(name, table, kind)
        document.judge()
        return self.add_node(node)

    def switch(self, name: str, **keys) -> str:
        document, table = self._read(("switch", name), keys)
        node = scenario.read_switch(name, table)
        document.judge()
        return self.add_node(node)

    def peer(self, name: str, **keys) -> str:
        """A peer that breaks TCP's rules (tcp-peer, syn-flood); keys as in [peer.NAME]."""
        document, table = self._read(("peer", name), keys)
        node = scenario.read_peer(name, table)
        document.judge()
        return self.add_node(node)

    def add_node(self, node: scenario.Node) -> str:
        name = self._c(node.name)
        if node.kind == "switch":
            code = self.lib.vsq_add_switch(self.pointer, name, node.ports)
        elif node.kind == "peer":
            code = self.lib.vsq_add_peer(self.pointer, name)
        elif node.kind == "router":
            code = self.lib.vsq_add_router(self.pointer, name)
        else:
            code = self.lib.vsq_add_host(self.pointer, name)
        self._try(code, f"{node.kind}.{node.name}")
        self.plan.nodes.append(node)
        for key, value in node.settings:
            self._try(self.lib.vsq_setting(self.pointer, code, self._c(key), self._c(value)),
                      f"{node.kind}.{node.name}.{key} = {value}")
        return node.name

    def cable(self, left: str, right: str, **keys) -> str:
        """A cable; keys as in [[cable]]. Gives its name."""
        document, table = self._read(("cable", len(self.plan.cables)),
                                     {"join": [left, right], **keys})
        nodes = {node.name: node.kind for node in self.plan.nodes}
        cable = scenario.read_cable(table, nodes, [one.name for one in self.plan.cables])
        document.judge()
        return self.add_cable(cable)

    def add_cable(self, cable: scenario.Cable) -> str:
        left, right = (self.lib.vsq_node(self.pointer, self._c(end))
                       for end in (cable.left, cable.right))
        number = self._try(self.lib.vsq_join(self.pointer, self._c(cable.name), left,
                                             cable.ports[0], right, cable.ports[1]),
                           f"cable {cable.name}")
        for parameter, value in cable.link.commands():
            self._try(self.lib.vsq_link(self.pointer, number, self._c(parameter),
                                        self._c(value)), f"cable {cable.name}: {parameter} {value}")
        for direction, kind, path in cable.link.traces:
            try:
                data = Path(path).read_bytes()
            except OSError as error:
                raise LabError(f"cable {cable.name}: trace {path}: {error.strerror}") from error
            self._try(self.lib.vsq_link_trace(self.pointer, number, direction, self._c(kind),
                                              data, len(data)),
                      f"cable {cable.name}: trace {path}")
        for capture in cable.captures:
            if self.out is not None:
                path = self.out / capture.path
                self._try(self.lib.vsq_capture(self.pointer, number, capture.side,
                                               self._c(str(path))), f"capture {path}")
                self.captures.append(path)
        self.plan.cables.append(cable)
        return cable.name

    def _check_metrics(self) -> None:
        """What is expected of metrics that do not exist is better told before a run than after."""
        value = self.ffi.new("double *")
        missing = [one for one in self.plan.expectations if self.lib.vsq_metric(
            self.pointer, self._c(one.metric), value) == -errno.ENOENT]
        if missing:
            known = self.metric_names()
            raise InputErrors([
                InputError(f'no metric "{one.metric}".{suggest(one.metric, known)}',
                           file=self.plan.file, key="expect",
                           allowed=listing(related(one.metric, known))) for one in missing])

    def _configure(self) -> None:
        """Addresses, routes and a switch's commands: what needs the cables to be there."""
        for node in self.plan.nodes:
            number = self.lib.vsq_node(self.pointer, self._c(node.name))
            for given, address in node.addresses:
                where = scenario.interface(self.plan, node.name, given)
                if where is None:
                    raise LabError(f"{node.name} has no interface {quote(given)}")
                self._try(self.lib.vsq_address(self.pointer, number, where, self._c(address)),
                          f"{node.kind}.{node.name}.addr {address}")
            for destination, gateway in node.routes:
                self._try(self.lib.vsq_route(self.pointer, number, self._c(destination),
                                             self._c(gateway)),
                          f"{node.kind}.{node.name}: route {destination} via {gateway}")
            for command in node.commands:
                self.command(f"{node.name} {command}")

    def app(self, kind: str, source: str, target: str, **keys) -> str:
        """An application; keys as in [[app]]. Gives the prefix of its metrics: "app.0"."""
        document, table = self._read(("app", len(self.plan.apps)),
                                     {"kind": kind, "from": source, "to": target, **keys})
        app = apps.read(table, {node.name: node.kind for node in self.plan.nodes})
        document.judge()
        return self.add_app(app)

    def add_app(self, app: apps.App) -> str:
        source, target = (self.lib.vsq_node(self.pointer, self._c(end))
                          for end in (app.source, app.target))
        number = self._try(self.lib.vsq_app(self.pointer, self._c(app.kind), source, target,
                                            self._c(app.text())),
                           f"app[{len(self.plan.apps)}] {app.kind} {app.text()}")
        self.plan.apps.append(app)
        return f"app.{number}"

    def at(self, when: object, command: str) -> None:
        """A command at a virtual time: "NODE command" or "CABLE parameter value"."""
        command = scenario.event_command(command, [one.name for one in self.plan.cables])
        ns = when if type(when) is int else units.time_ns(when)
        self._try(self.lib.vsq_at(self.pointer, ns, self._c(command)), f"at {when}: {command}")
        self.plan.events.append(scenario.Event(ns, command))

    def command(self, command: str) -> str:
        """Runs a command now and gives its answer."""
        answer = self.lib.vsq_command(self.pointer, self._c(command))
        if answer == self.ffi.NULL:
            raise LabError(f"{command}: {self._text(self.lib.vsq_error(self.pointer))}")
        return self._text(answer)

    def expect(self, metric: str, given: object, why: str = "") -> None:
        """expect("app.0.goodput", ">= 2Mbit/s")."""
        relation, value, text = expect.condition(metric, given)
        self.add_expectation(expect.Expectation(metric, relation, value, text, why))

    def add_expectation(self, one: expect.Expectation) -> None:
        self._try(self.lib.vsq_expect(self.pointer, self._c(one.metric), self._c(one.relation),
                                      one.value), f"expect {one.metric} {one.text}")
        self.plan.expectations.append(one)

    # Running, and what came of it.

    @property
    def now(self) -> int:
        return self.lib.vsq_now(self.pointer)

    def advance(self, until: object, condition: str | None = None,
                progress: Progress | None = None) -> bool:
        """Runs on to a time (or until a condition holds: True). progress(now) may stop it."""
        if not self.plan_configured:
            self._configure()
            self._check_metrics()
            self.plan_configured = True
        ns = until if type(until) is int else units.time_ns(until)
        raised: list[BaseException] = []

        def step(_ctx, now: int) -> int:
            try:
                return 1 if progress is not None and progress(now) else 0
            except BaseException as error:	# must not cross C
                raised.append(error)
                return 1

        # Also without progress: a callback is where an interrupt from the keyboard gets through.
        callback = self.ffi.callback("int(void *, int64_t)", step)
        begun = time.perf_counter()
        code = self.lib.vsq_run(self.pointer, ns, self._c(condition or None), callback,
                                self.ffi.NULL)
        self.wall += time.perf_counter() - begun
        if raised:
            raise raised[0]
        return self._try(code, "run") == 1

    plan_configured = False

    def finish(self) -> int:
        """Ends the run: the number of expectations and oracle checks that failed."""
        self.finished = True
        begun = time.perf_counter()
        failed = self._try(self.lib.vsq_finish(self.pointer), "finish")
        self.wall += time.perf_counter() - begun
        return failed

    def run(self, until: object = None, stop: str | None = None,
            progress: Progress | None = None) -> Result:
        """Runs to the end and gives the result; the lab can be looked at until close()."""
        if until is not None:
            self.plan.until = until if type(until) is int else units.time_ns(until)
        self.advance(self.plan.until, stop or self.plan.stop or None, progress)
        self.finish()
        return Result.of(self)

    def metric_names(self) -> list[str]:
        return [self._text(self.lib.vsq_metric_name(self.pointer, i))
                for i in range(self.lib.vsq_metric_count(self.pointer))]

    def metric(self, name: str) -> float:
        """NaN where there is no value yet, as of an RTT without a sample."""
        value = self.ffi.new("double *")
        code = self.lib.vsq_metric(self.pointer, self._c(name), value)
        if code == -errno.ENODATA:
            return math.nan
        self._try(code, name)
        return value[0]

    def metrics(self) -> dict[str, float]:
        return {name: self.metric(name) for name in self.metric_names()}

    def series_names(self) -> list[str]:
        return [self._text(self.lib.vsq_series_name(self.pointer, i))
                for i in range(self.lib.vsq_series_count(self.pointer))]

    def series(self, name: str) -> tuple[list[int], list[float]]:
        times, values = self.ffi.new("int64_t **"), self.ffi.new("double **")
        count = self.ffi.new("size_t *")
        self._try(self.lib.vsq_series(self.pointer, self._c(name),
                                      self.ffi.cast("const int64_t **", times),
                                      self.ffi.cast("const double **", values), count), name)
        return (self.ffi.unpack(times[0], count[0]) if count[0] else [],
                self.ffi.unpack(values[0], count[0]) if count[0] else [])

    def judgements(self) -> list[tuple[str, bool]]:
        held = self.ffi.new("int *")
        found = []
        for i in range(self.lib.vsq_judgement_count(self.pointer)):
            text = self._text(self.lib.vsq_judgement(self.pointer, i, held))
            found.append((text, bool(held[0])))
        return found

    @property
    def digest(self) -> str:
        return self._text(self.lib.vsq_digest(self.pointer))


def related(metric: str, known: list[str]) -> list[str]:
    """The metrics of the same thing, for an error about one that it does not have."""
    prefix = metric.rsplit(".", 1)[0]
    while prefix and not any(name.startswith(prefix + ".") for name in known):
        prefix = prefix.rpartition(".")[0]
    return [name for name in known if name.startswith(prefix + ".")] if prefix else known


def build(plan: scenario.Scenario, seed: int | None = None, out: str | Path | None = None) -> Lab:
    """The lab of a scenario, ready to run. LabError."""
    lab = Lab(plan.name, plan.seed if seed is None else seed, out)
    try:
        for node in plan.nodes:
            lab.add_node(node)
        for cable in plan.cables:
            lab.add_cable(cable)
        for app in plan.apps:
            lab.add_app(app)
        for event in plan.events:
            lab.at(event.time, event.command)
        for one in plan.expectations:
            lab.add_expectation(one)
        lab.plan.file, lab.plan.text, lab.plan.about = plan.file, plan.text, plan.about
        lab.plan.until, lab.plan.stop = plan.until, plan.stop
    except VsqError as error:
        lab.close()
        if isinstance(error, LabError) and plan.file:
            raise LabError(f"{plan.file}: {error}") from error
        raise
    return lab


