# SPDX-License-Identifier: GPL-2.0-or-later
"""Expectations: a metric, a relation, a value with its unit; and for people, why."""
from __future__ import annotations

import errno
import re
from dataclasses import dataclass

from . import units
from .errors import listing, quote, suggest
from .fields import Table

RELATIONS = (">=", "<=", "==", "!=", ">", "<")
_FORM = re.compile(r"\s*(>=|<=|==|!=|>|<)?\s*(.+?)\s*", re.DOTALL)
SHAPE = '">= 2Mbit/s", "<= 60ms", "== 0", "> 10"'


@dataclass(frozen=True)
class Expectation:
    metric: str
    relation: str
    value: float
    text: str	    # as the scenario says it: ">= 2Mbit/s"
    why: str = ""


def _error(given: str) -> tuple[str, float, str]:
    match = _FORM.fullmatch(given)
    number = getattr(errno, match[2], None) if match else None
    if match and match[2] == "none":
        number = 0
    if number is None or match[1] not in (None, "==", "!="):
        raise units.UnitError(f"{quote(given)} is no error",
                              '"ETIMEDOUT", "ECONNRESET", "!= EPIPE", "none" ...')
    return match[1] or "==", float(number), f"{match[1] or '=='} {match[2]}"


def condition(metric: str, given: object) -> tuple[str, float, str]:
    """(relation, value, text) from what a scenario says. units.UnitError."""
    quantity = units.quantity_of(metric)
    if quantity == "error" and isinstance(given, str):
        return _error(given)
    if isinstance(given, bool):
        return "==", float(given), f"== {int(given)}"
    if isinstance(given, (int, float)):
        number = units.parse(given, "number")
        if number and quantity in ("time", "size", "rate"):
            raise units.UnitError(f"{given} has no unit", units.EXAMPLE[quantity])
        return "==", float(number), f"== {given}"
    if not isinstance(given, str):
        raise units.UnitError(f"{quote(given)} is no condition", SHAPE)
    match = _FORM.fullmatch(given)
    if not match:
        raise units.UnitError(f"{quote(given)} is no condition", SHAPE)
    relation = match[1] or "=="
    value = units.parse(match[2], quantity, bare=quantity in ("number", "percent"))
    return relation, float(value), f"{relation} {match[2]}"


def stop(text: str, apps: list[str]) -> str:
    """A condition that ends a run, as the engine reads it: names become numbers, units go.
    "app.bulk.done and app.0.duration > 5s". units.UnitError.
    """
    terms = []
    for term in re.split(r"\s+and\s+|\s*&&\s*", text.strip()) if text.strip() else []:
        match = re.fullmatch(r"([\w.-]+)\s*(.*)", term.strip())
        if not match:
            raise units.UnitError(f"{quote(term)} is no condition",
                                  "METRIC RELATION VALUE, joined by and")
        metric, rest = match.groups()
        for number, name in enumerate(apps):
            if name and metric.startswith(f"app.{name}."):
                metric = f"app.{number}." + metric.removeprefix(f"app.{name}.")
        relation, value, _ = condition(metric, rest or ">= 1")
        terms.append(f"{metric} {relation} {value:.17g}")
    return " and ".join(terms)


def _target(table: Table, apps: list[str], nodes: dict[str, str],
            cables: list[str] | None) -> str | None:
    """The prefix of the metrics that a selector (app, node, cable) means."""
    given = [key for key in ("app", "node", "cable") if table.has(key)]
    if len(given) != 1:
        found = " and ".join(given) if given else "none of them"
        table.note(None, f"an expectation is about one thing, here {found}",
                   "one of app, node, cable; or metric and value")
        for key in ("app", "node", "cable"):
            table.raw(key)
        return None
    key, name = given[0], table.raw(given[0])
    for other in ("app", "node", "cable"):
        table.raw(other)
    if key == "app":
        if type(name) is int and 0 <= name < len(apps):
            return f"app.{name}"
        if isinstance(name, str) and name and name in apps:
            return f"app.{apps.index(name)}"
        known = [n or str(i) for i, n in enumerate(apps)]
    else:
        known = list(nodes) if key == "node" else cables
        if known is None:
            return None
        if isinstance(name, str) and name in known:
            return f"{key}.{name}"
    hint = suggest(name, known) if isinstance(name, str) else ""
    table.note(key, f"no {key} {quote(name)}.{hint}", listing(known))
    return None


def _flat(prefix: str, value: object) -> list[tuple[str, object]]:
    if isinstance(value, dict):
        return [pair for key, below in value.items() for pair in _flat(f"{prefix}.{key}", below)]
    return [(prefix, value)]


def read(table: Table, apps: list[str], nodes: dict[str, str],
         cables: list[str] | None) -> list[Expectation]:
    why = table.text("why", "")
    pairs: list[tuple[str, str, object]] = []
    if table.has("metric"):
        metric = table.text("metric")
        given = table.raw("value")
        if given is None:
            table.note(None, '"value" is missing', SHAPE)
        elif metric:
            pairs.append(("value", metric, given))
        table.done()
    else:
        prefix = _target(table, apps, nodes, cables)
        for key in table.value:
            if key not in ("app", "node", "cable", "why"):
                pairs += [(key, f"{prefix}.{name}", given)
                          for name, given in _flat(key, table.raw(key))]
        if prefix is None:
            return []
        if not pairs:
            table.note(None, "nothing is expected", 'METRIC = ' + SHAPE)
    found = []
    for key, metric, given in pairs:
        if not re.fullmatch(r"[\w.:%-]{1,120}", metric):
            table.note(key, f"{quote(metric)} is no name of a metric", "app.0.goodput ...")
            continue
        several = given if isinstance(given, list) else [given]
        for one in several:
            try:
                relation, value, text = condition(metric, one)
            except units.UnitError as error:
                table.note(key, str(error), error.allowed)
                continue
            found.append(Expectation(metric, relation, value, text, why))
    return found
