# SPDX-License-Identifier: GPL-2.0-or-later
"""Quantities with units: read them strictly, print them for people.

Inside, times are ns, amounts bytes, rates bit/s, shares percent. Powers of 1000 and of 1024 are
told apart as SI and IEC do: kB is 1000 bytes, KiB 1024.
"""
from __future__ import annotations

import errno
import math
import re
from decimal import Decimal, InvalidOperation

TIME = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9,
        "min": 60 * 10**9, "h": 3600 * 10**9}
SIZE = {"B": 1, "byte": 1, "bytes": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9,
        "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
RATE = {"bit/s": 1, "kbit/s": 10**3, "Mbit/s": 10**6, "Gbit/s": 10**9, "bps": 1, "kbps": 10**3,
        "Mbps": 10**6, "Gbps": 10**9, "B/s": 8, "kB/s": 8 * 10**3, "MB/s": 8 * 10**6,
        "GB/s": 8 * 10**9, "KiB/s": 8 * 2**10, "MiB/s": 8 * 2**20}
PERCENT = {"%": 1}

QUANTITY = {"time": TIME, "size": SIZE, "rate": RATE, "percent": PERCENT, "number": {}}
EXAMPLE = {"time": '"20ms", "1.5s", "2min"', "size": '"1500B", "20MB", "64KiB"',
           "rate": '"2Mbit/s", "64kbit/s", "125kB/s"', "percent": '0.5, "0.5%"',
           "number": "a number"}

TIME_MAX = 2**62
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?")


class UnitError(ValueError):
    """A quantity that cannot be read; the message is a sentence, allowed the examples."""

    def __init__(self, message: str, allowed: str) -> None:
        super().__init__(message)
        self.allowed = allowed


def split(text: str) -> tuple[Decimal, str]:
    """'2.5 Mbit/s' -> (2.5, 'Mbit/s'). ValueError when it starts with no number."""
    text = text.strip()
    match = _NUMBER.match(text)
    if not match:
        raise ValueError(f'"{text}" does not start with a number')
    try:
        return Decimal(match.group()), text[match.end():].strip()
    except InvalidOperation as error:
        raise ValueError(f'"{text}" is no number') from error


def parse(value: object, quantity: str, *, bare: bool = False) -> Decimal:
    """A quantity as an exact number of its inner unit. Plain numbers pass when bare (the unit is
    then the inner one) or for numbers and percent. UnitError.
    """
    units = QUANTITY[quantity]
    example = EXAMPLE[quantity]
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise UnitError(f"{type(value).__name__} is not a {quantity}", example)
    if isinstance(value, str):
        try:
            number, unit = split(value)
        except ValueError as error:
            raise UnitError(str(error), example) from error
    else:
        if not math.isfinite(value):
            raise UnitError(f"{value} is not finite", example)
        number, unit = Decimal(str(value)), ""
    if not unit:
        if number and not bare and quantity not in ("number", "percent"):
            raise UnitError(f"{value} has no unit", example)
        return number
    if unit not in units:
        folded = [name for name in units if name.lower() == unit.lower()]
        hint = f'; "{folded[0]}" is one' if folded else ""
        allowed = ", ".join(units) if units else "no unit"
        raise UnitError(f'"{unit}" is no unit of {quantity}{hint}', allowed)
    return number * units[unit]


def time_ns(value: object) -> int:
    """A virtual time in ns, from 0. UnitError."""
    ns = parse(value, "time")
    if ns < 0:
        raise UnitError(f"{value} is negative", EXAMPLE["time"])
    if ns > TIME_MAX:
        raise UnitError(f"{value} is too far away", "up to 146 years")
    return int(ns)


def quantity_of(metric: str) -> str:
    """What a metric counts, told from its name, for printing and for checking units."""
    words = metric.split(".")
    last = words[-1]
    if "goodput" in words or last in ("rate", "throughput"):
        return "rate"
    if {"rtt", "srtt", "rto", "latency", "jitter", "delay", "owd"} & set(words):
        return "time" if last not in ("count", "samples") else "number"
    if last in ("duration", "time", "elapsed", "finished", "started", "connect_time", "until"):
        return "time"
    if last == "bytes" or last.endswith("_bytes") or last.endswith("Octets"):
        return "size"
    if words[0] == "app" and last in ("error", "error_back"):
        return "error"
    if last in ("loss", "loss_percent", "share"):
        return "percent"
    return "number"


def _scaled(value: float, steps: list[tuple[float, str]], digits: int = 3) -> str:
    if not math.isfinite(value):
        return str(value)
    for factor, unit in steps:
        if abs(value) >= factor * 0.9995:
            break
    value /= factor
    if value == 0:
        return f"0 {unit}"
    value = float(f"{value:.{digits - 1}e}")	# rounded first: 999.6 ms is 1.00 s
    places = max(0, digits - 1 - math.floor(math.log10(abs(value)) + 1e-9))
    return f"{value:.{places}f} {unit}"


def show_time(ns: float) -> str:
    return _scaled(ns, [(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1, "ns")])


def show_size(count: float) -> str:
    return _scaled(count, [(1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "B")])


def show_rate(rate: float) -> str:
    return _scaled(rate, [(1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s"), (1, "bit/s")])


def show_count(value: float) -> str:
    """12,345 with thin groups for whole numbers, three digits otherwise."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:.3g}"


def show(value: float, quantity: str) -> str:
    if value is None or not math.isfinite(value):
        return "–"
    return {"time": show_time, "size": show_size, "rate": show_rate,
            "percent": lambda v: f"{v:.3g} %", "number": show_count,
            "error": lambda v: errno.errorcode.get(int(v), "none")}[quantity](value)


def plain(number: Decimal, digits: int = 6) -> str:
    """A decimal without exponent or trailing zeros, as management commands read it."""
    text = f"{number:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
