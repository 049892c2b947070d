# SPDX-License-Identifier: GPL-2.0-or-later
"""What came of a run: the object, and result.json (its schema is in docs/scenario.md).

Everything but "timing" is a function of scenario, seed and version.
"""
from __future__ import annotations

import json
import math
import os
import shlex
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from . import apps as kinds
from . import engine, links, units

if TYPE_CHECKING:
    from .lab import Lab

SCHEMA = "vsq-result-1"
Series = tuple[list[int], list[float]]


@dataclass
class Result:
    lab: dict
    seed: int
    version: str
    digest: str
    metrics: dict[str, float]
    nodes: list[dict]
    cables: list[dict]
    apps: list[dict]
    events: list[dict]
    judgements: list[dict]
    captures: list[str]
    timing: dict
    series: dict[str, Series] = field(default_factory=dict)
    scenario: str = ""

    @property
    def held(self) -> bool:
        return all(one["held"] for one in self.judgements)

    @property
    def failed(self) -> list[str]:
        """What did not hold, a sentence each."""
        return [sentence(self, one) for one in self.judgements if not one["held"]]

    def metric(self, name: str, default: float | None = None) -> float | None:
        return self.metrics.get(name, default)

    def table(self, **style) -> str:
        from . import table
        return table.render(self, **style)

    def command(self) -> str:
        return reproduce(self.lab["file"], self.seed, self.lab["assignments"],
                         self.lab.get("until_given"))

    @classmethod
    def of(cls, lab: Lab, assignments: list[str] | None = None) -> Result:
        plan = lab.plan
        metrics = lab.metrics()
        groups = grouped(metrics)
        simulated = lab.now
        frames = metrics.get("lab.frames", math.nan)
        return cls(
            lab={"name": plan.name, "about": plan.about, "file": plan.file,
                 "until_ns": plan.until, "ended_ns": simulated,
                 "assignments": assignments or []},
            seed=plan.seed, version=engine.version(), digest=lab.digest, metrics=metrics,
            nodes=[{"name": node.name, "kind": node.kind,
                    "addresses": [address for _, address in node.addresses],
                    "ports": node.ports} for node in plan.nodes],
            cables=[_cable(cable, groups) for cable in plan.cables],
            apps=[_app(index, app, groups) for index, app in enumerate(plan.apps)],
            events=[{"time_ns": event.time, "command": event.command} for event in plan.events],
            judgements=_judgements(lab),
            captures=[path.name for path in lab.captures],
            timing={"wall_s": round(lab.wall, 4),
                    "simulated_s": simulated / 1e9,
                    "frames_per_wall_s": round(frames / lab.wall)
                    if lab.wall > 0 and math.isfinite(frames) else None},
            series={name: lab.series(name) for name in lab.series_names()},
            scenario=plan.text)

    def document(self) -> dict:
        """result.json as a dictionary."""
        return {
            "schema": SCHEMA, "lab": self.lab, "seed": self.seed, "version": self.version,
            "digest": self.digest, "held": self.held, "nodes": self.nodes,
            "cables": self.cables, "apps": self.apps, "events": self.events,
            "judgements": self.judgements, "captures": self.captures,
            "metrics": {name: _number(value) for name, value in self.metrics.items()},
            "series": {name: {"time_ns": times, "value": [_number(v) for v in values]}
                       for name, (times, values) in self.series.items()},
            "timing": self.timing,
        }

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.document(), allow_nan=False,
                                   separators=(",", ":")) + "\n")

    @classmethod
    def read(cls, path: Path) -> Result:
        found = json.loads(path.read_text())
        if found.get("schema") != SCHEMA:
            raise ValueError(f"{path} is no {SCHEMA}")
        series = {name: (one["time_ns"], one["value"])
                  for name, one in found.pop("series").items()}
        for key in ("schema", "held"):
            found.pop(key)
        return cls(series=series, **found)


def program() -> str:
    """How to call vsq from here: as it was called, else the launcher of this tree, else by name."""
    called = Path(sys.argv[0])
    if called.name != "vsq" or not called.is_file():
        called = Path(__file__).with_name("vsq")
    found = shutil.which("vsq")
    if not called.is_file() or found and os.path.samefile(found, called):
        return "vsq"
    near = os.path.relpath(called)
    return str(called.absolute()) if near.startswith("..") else os.path.join(".", near)


def reproduce(file: str, seed: int, assignments: list[str], until: str | None = None) -> str:
    words = [program(), "run", file or "SCENARIO", "--seed", str(seed)]
    for one in assignments:
        words += ["--set", one]
    if until:
        words += ["--until", until]
    return " ".join(shlex.quote(word) for word in words)


def _number(value: float) -> float | int | None:
    """JSON knows no NaN; whole numbers lose their .0."""
    if not math.isfinite(value):
        return None
    return int(value) if value == int(value) and abs(value) < 2**53 else value


Groups = dict[str, dict[str, float | int | None]]


def grouped(metrics: dict[str, float]) -> Groups:
    """Metrics by the thing they are about: "app.0", "cable.radio.lr"."""
    found: Groups = {}
    for name, value in metrics.items():
        words = name.split(".")
        length = 3 if words[0] == "cable" and words[2:3] in (["lr"], ["rl"]) else 2
        found.setdefault(".".join(words[:length]), {})[".".join(words[length:])] = _number(value)
    return found


def _cable(cable, groups: Groups) -> dict:
    prefix = f"cable.{cable.name}"
    found = {"name": cable.name, "left": cable.left, "right": cable.right,
             "ports": list(cable.ports),
             "settings": [" ".join(one.command()) for one in cable.link.settings],
             "markov": None,
             "lr": groups.get(prefix + ".lr", {}), "rl": groups.get(prefix + ".rl", {})}
    chain = cable.link.chain
    if chain:
        found["markov"] = {
            "time_ns": chain.time,
            "nodes": [name or str(i) for i, name in enumerate(chain.names)],
            "settings": [[" ".join(one.command()).rsplit("[", 1)[0]
                          for one in cable.link.settings if one.node == number]
                         for number in range(len(chain.names))],
            "edges": [[a, b, float(weight)] for a, b, weight in chain.edges],
            "stationary": [round(share, 6) for share in links.stationary(chain)]}
    return found


def _app(index: int, app, groups: Groups) -> dict:
    parameters = {key: int(value) if value.isdigit() else value
                  for key, value in app.parameters.items()}
    return {"index": index, "name": app.name, "kind": app.kind, "from": app.source,
            "to": app.target, "flow": kinds.KINDS[app.kind].flow, "parameters": parameters,
            "metrics": groups.get(f"app.{index}", {})}


def _judgements(lab: Lab) -> list[dict]:
    """Expectations are told in their order; the rest is the oracles'."""
    found = []
    expected = iter(lab.plan.expectations)
    for text, held in lab.judgements():
        one = next(expected, None) if text.startswith("expected ") else None
        found.append({
            "kind": "expectation" if one else "oracle", "text": text, "held": held,
            "metric": one.metric if one else None,
            "expected": one.text if one else None,
            "value": _number(lab.metric(one.metric)) if one else None,
            "why": one.why if one else ""})
    return found


def title(metric: str, labels: list[str]) -> str:
    """A metric for people: labels are those of the applications, by number."""
    prefix, _, rest = metric.partition(".")
    number, _, rest = rest.partition(".")
    if prefix == "app" and rest:
        return f"{labels[int(number)]} {rest}"
    return f"{number} {rest}" if prefix in ("node", "cable") else metric


def spoken(result: Result, one: dict) -> tuple[str, str, str]:
    """An expectation for people: (what, condition, value), with names of applications."""
    rest = one["metric"].split(".", 2)[-1]
    what = title(one["metric"], [label(app) for app in result.apps])
    value = one["value"]
    quantity = units.quantity_of(one["metric"])
    if rest in ("done", "failed") and one["expected"] in ("== 1", "== 0", ">= 1"):
        yes = one["expected"] != "== 0"
        return what if yes else f"not {what}", "", "yes" if value else "no"
    return what, one["expected"], "none" if value is None else units.show(value, quantity)


def sentence(result: Result, one: dict) -> str:
    """A judgement in one line: what was expected, and what is."""
    if not one["metric"]:
        return one["text"]
    what, condition, value = spoken(result, one)
    return f"{what} {condition}".rstrip() + f": {value}"


def label(app: dict) -> str:
    """A short name of an application for tables and legends."""
    if app["name"]:
        return app["name"]
    family = app["parameters"].get("family")
    suffix = f" IPv{family}" if family in (4, 6) else ""
    return f"{app['kind']}{suffix} {app['from']}→{app['to']}"
