# SPDX-License-Identifier: GPL-2.0-or-later
"""Panels over time, drawn as SVG on one shared time axis.

A panel is an outer SVG with frame, ticks and labels, and in it a nested SVG whose viewBox is the
data: x in steps of time, y in steps of the quantity, both whole numbers. So the numbers in a path
are the data: the page's script zooms by changing the viewBox, and reads values back from the path.
Strokes do not scale; a mark is a line of no length with a round cap.
"""
from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field
from html import escape

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 1180, 78, 24, 10, 24
INNER = WIDTH - LEFT - RIGHT
STEPS_X, STEPS_Y = 2_000_000, 1_000_000
POINTS_MAX = 3000	# drawn per line; twice the pixels it gets, so a zoom still shows more


@dataclass
class Layer:
    """A line, or marks for events, or dots for samples. colour is a CSS class. A stepped line
    keeps its value until the next one.
    """
    name: str
    colour: str
    times: list[int]
    values: list[float]
    marks: bool = False
    square: bool = False	# of marks: what a timer did
    dots: bool = False
    stepped: bool = False
    dashed: bool = False
    area: bool = False


@dataclass
class Band:
    """States over time, as (begin, end, state); colours are CSS classes."""
    name: str
    states: list[str]
    spans: list[tuple[int, int, int]]
    title: str = ""
    note: str = "its Markov chain, and the share of time in each state"
    colours: tuple[str, ...] = ("s0", "s1", "s2", "s3", "s4", "s5")

    def colour(self, state: int) -> str:
        return self.colours[state % len(self.colours)]


@dataclass
class Panel:
    title: str
    note: str
    quantity: str
    layers: list[Layer]
    height: int = 170
    floor: bool = True	# y starts at 0, also when zoomed
    ident: str = ""
    heads: list[str] = field(default_factory=list)


def step(span: float, steps: int) -> int:
    """The smallest 1, 2 or 5 times a power of ten that divides a span into at most steps."""
    if span <= steps:
        return 1
    power = 10 ** math.floor(math.log10(span / steps))
    return int(next(power * m for m in (1, 2, 5, 10, 20) if span / (power * m) <= steps))


def ticks(low: float, high: float, count: int) -> list[float]:
    if high <= low:
        return [low]
    raw = (high - low) / count
    power = 10 ** math.floor(math.log10(raw))
    size = next(power * m for m in (1, 2, 5, 10) if power * m >= raw * 0.999)
    first = math.ceil(low / size - 1e-9)
    return [i * size for i in range(first, math.floor(high / size + 1e-9) + 1)]


def thin(times: list[int], values: list[float], limit: int) -> tuple[list[int], list[float]]:
    """At most about `limit` points: of each stretch the first, least, greatest and last."""
    count = len(times)
    if count <= limit:
        return times, values
    buckets = limit // 4
    out_t: list[int] = []
    out_v: list[float] = []
    begin, span = times[0], max(1, times[-1] - times[0])
    at = 0
    for bucket in range(buckets):
        end = count if bucket == buckets - 1 else bisect_right(
            times, begin + span * (bucket + 1) // buckets, lo=at)
        if end <= at:
            continue
        window = range(at, end)
        keep = sorted({at, end - 1, min(window, key=values.__getitem__),
                       max(window, key=values.__getitem__)})
        out_t += [times[i] for i in keep]
        out_v += [values[i] for i in keep]
        at = end
    return out_t, out_v


def thin_marks(times: list[int], values: list[float], ux: float, uy: float,
               limit: int) -> tuple[list[int], list[float]]:
    """Marks that would cover each other are drawn once."""
    if len(times) <= limit:
        return times, values
    seen, out = set(), []
    for i, (t, v) in enumerate(zip(times, values)):
        cell = (int(t / ux * 2400 / STEPS_X), int(v / uy * 600 / STEPS_Y))
        if cell not in seen:
            seen.add(cell)
            out.append(i)
    out = out[::max(1, len(out) // limit)]
    return [times[i] for i in out], [values[i] for i in out]


def steps_of(times: list[int], values: list[float]) -> tuple[list[int], list[float]]:
    """The corners of a line that keeps each value until the next."""
    out_t, out_v = list(times[:1]), list(values[:1])
    for time, value in zip(times[1:], values[1:]):
        if value != out_v[-1]:
            out_t += [time, time]
            out_v += [out_v[-1], value]
    if times and out_t[-1] != times[-1]:
        out_t.append(times[-1])
        out_v.append(values[-1])
    return out_t, out_v


def finite(times: list[int], values: list[float]) -> tuple[list[int], list[float]]:
    pairs = [(t, v) for t, v in zip(times, values) if v is not None and math.isfinite(v)]
    return [t for t, _ in pairs], [v for _, v in pairs]


def path(times: list[int], values: list[float], ux: float, uy: float, marks: bool) -> str:
    """Coordinates relative to the one before: short to write, exact to read back."""
    parts = []
    x0 = y0 = 0
    for i, (t, v) in enumerate(zip(times, values)):
        x, y = round(t / ux), round(v / uy)
        if marks:
            parts.append(f"m{x - x0} {y - y0}h0" if i else f"M{x} {y}h0")
        elif i == 0:
            parts.append(f"M{x} {y}l")
        else:
            dx, dy = x - x0, y - y0
            if dx or dy:
                parts.append(f"{dx} {dy} " if dy >= 0 else f"{dx}{dy} ")
        x0, y0 = x, y
    text = "".join(parts).rstrip()
    return text[:-1] if text.endswith("l") else text


def show_tick(value: float, size: float, quantity: str) -> str:
    """A tick with the digits that its distance to the next needs."""
    steps = {"time": [(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1, "ns")],
             "rate": [(1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s"), (1, "bit/s")],
             "size": [(1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "B")]}.get(
                 quantity, [(1e6, "M"), (1e3, "k"), (1, "")])
    factor, unit = next(((f, u) for f, u in steps if abs(value) >= f * 0.9999), steps[-1])
    if not value:
        return "0"
    places = max(0, -math.floor(math.log10(size / factor) + 1e-9)) if size < factor else 0
    return f"{value / factor:.{min(places, 3)}f} {unit}".strip()


class Axis:
    """The time axis that all panels share."""

    def __init__(self, end: int) -> None:
        self.end = max(1, end)
        self.unit = step(self.end, STEPS_X)
        self.steps = self.end / self.unit

    def x(self, time: float) -> float:
        return LEFT + INNER * time / self.end

    def grid(self, top: float, bottom: float, labels: bool) -> str:
        marks = ticks(0, self.end / 1e9, 12)
        size = marks[1] - marks[0] if len(marks) > 1 else 1
        parts = []
        for mark in marks:
            x = self.x(mark * 1e9)
            parts.append(f'<path class="grid" d="M{x:.1f} {top}V{bottom}"/>')
            if labels:
                text = show_tick(mark * 1e9, size * 1e9, "time") if mark else "0 s"
                parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" class="tx">{text}</text>')
        return "".join(parts)


def _shade(band: Band | None, axis: Axis, high: int) -> str:
    if band is None:
        return ""
    parts = []
    for state in range(1, len(band.states)):	# state 0 is the page's own colour
        found = [(round(a / axis.unit), round(b / axis.unit))
                 for a, b, s in band.spans if s == state]
        if found:
            d = "".join(f"M{a} 0h{max(1, b - a)}v{high}h-{max(1, b - a)}z" for a, b in found)
            parts.append(f'<path class="shade {band.colour(state)}" d="{d}"/>')
    return "".join(parts)


def draw(panel: Panel, axis: Axis, band: Band | None, number: int) -> str:
    """A panel with its heading; "" when it has nothing to show."""
    layers = []
    for layer in panel.layers:
        times, values = finite(layer.times, layer.values)
        if times:
            layers.append((layer, times, values))
    if not layers:
        return ""
    high = max(max(values) for _, _, values in layers)
    low = 0 if panel.floor else min(min(values) for _, _, values in layers)
    high = high if high > low else low + 1
    uy = step(high - low, STEPS_Y) if high - low > 100 else (high - low) / STEPS_Y
    top_value = low + (high - low) * 1.06
    bottom = panel.height - BOTTOM
    inner_h = bottom - TOP
    steps_y = round((top_value - low) / uy)
    size_list = ticks(low, top_value, max(2, inner_h // 34))
    size = size_list[1] - size_list[0] if len(size_list) > 1 else 1
    frame = [axis.grid(TOP, bottom, True)]
    for value in size_list:
        y = bottom - inner_h * (value - low) / (top_value - low)
        frame.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
                     f'<text class="ty" x="{LEFT - 8}" y="{y + 4:.1f}">'
                     f"{show_tick(value, size, panel.quantity)}</text>")
    shapes, keys = [], []
    for index, (layer, times, values) in enumerate(layers):
        separate = layer.marks or layer.dots
        if separate:
            times, values = thin_marks(times, values, axis.unit, uy, 2 * POINTS_MAX)
        else:
            times, values = thin(times, values, POINTS_MAX)
            if layer.stepped:
                times, values = steps_of(times, values)
        d = path(times, [v - low for v in values], axis.unit, uy, separate)
        few = " few" if len(times) < 400 else ""
        kind = "line dashed" if layer.dashed else "line"
        if separate:
            kind = f"marks dots{few}" if layer.dots else "marks square" if layer.square else "marks"
        if layer.area:
            first, last = round(times[0] / axis.unit), round(times[-1] / axis.unit)
            shapes.append(f'<path class="area {layer.colour}" d="{d}L{last} 0L{first} 0z"/>')
        shapes.append(f'<path class="{kind} {layer.colour}" data-layer="{index}" d="{d}"/>')
        swatch = "box" if layer.square else "dot" if separate else "dash" if layer.dashed else "bar"
        keys.append(f'<button type="button" class="key {layer.colour}" data-layer="{index}" '
                    f'aria-pressed="true"><i class="{swatch}"></i>{escape(layer.name)}'
                    '<output></output></button>')
    note = f"<small>{escape(panel.note)}</small>" if panel.note else ""
    ident = f' id="{panel.ident}"' if panel.ident else ""
    return (
        f'<figure class="panel"{ident} data-uy="{uy!r}" data-low="{low!r}" '
        f'data-quantity="{panel.quantity}" data-floor="{int(panel.floor)}" '
        f'data-high="{steps_y}">'
        f'<figcaption><h3>{escape(panel.title)}</h3>{note}'
        f'<span class="keys">{"".join(keys)}</span></figcaption>'
        f'<svg class="chart" viewBox="0 0 {WIDTH} {panel.height}" role="img" '
        f'aria-label="{escape(panel.title)}"><g class="frame">{"".join(frame)}</g>'
        f'<svg class="data" x="{LEFT}" y="{TOP}" width="{INNER}" height="{inner_h}" '
        f'viewBox="0 0 {axis.steps:.6g} {steps_y}" preserveAspectRatio="none">'
        f'<g transform="matrix(1 0 0 -1 0 {steps_y})">{_shade(band, axis, steps_y * 4)}'
        f'{"".join(shapes)}</g></svg>'
        f'<path class="axis" d="M{LEFT} {TOP}V{bottom}H{WIDTH - RIGHT}"/>'
        f'<path class="cursor" d="M0 {TOP}V{bottom}"/>'
        f'<rect class="brush" y="{TOP}" height="{inner_h}" width="0"/>'
        f'<rect class="hit" x="{LEFT}" y="{TOP}" width="{INNER}" height="{inner_h}"/>'
        "</svg></figure>")


def ribbon(band: Band, axis: Axis) -> str:
    """States over time; those of the first Markov chain in the colours that shade the panels."""
    parts = []
    for state in range(len(band.states)):
        found = [(round(a / axis.unit), round(b / axis.unit))
                 for a, b, s in band.spans if s == state]
        d = "".join(f"M{a} 0h{max(1, b - a)}v10h-{max(1, b - a)}z" for a, b in found)
        parts.append(f'<path class="state {band.colour(state)}" data-state="{state}" d="{d}"/>')
    total = sum(b - a for a, b, _ in band.spans) or 1
    keys = []
    for state, name in enumerate(band.states):
        share = sum(b - a for a, b, s in band.spans if s == state) / total
        if band.title and not share:
            continue	# a phase that never was
        keys.append(f'<span class="key"><i class="swatch {band.colour(state)}"></i>{escape(name)} '
                    f'<b>{100 * share:.3g} %</b></span>')
    return (
        f'<figure class="panel ribbon" data-states="{escape("|".join(band.states))}">'
        f"<figcaption><h3>{escape(band.title or 'State of ' + band.name)}</h3>"
        f'<small>{escape(band.note)}</small><span class="keys">{"".join(keys)}'
        '<output></output></span></figcaption>'
        f'<svg class="chart" viewBox="0 0 {WIDTH} 56" role="img" '
        f'aria-label="{escape(band.title or band.name)}">'
        f'<g class="frame">{axis.grid(6, 32, True)}</g>'
        f'<svg class="data" x="{LEFT}" y="6" width="{INNER}" height="26" '
        f'viewBox="0 0 {axis.steps:.6g} 10" preserveAspectRatio="none">{"".join(parts)}</svg>'
        '<path class="cursor" d="M0 4V34"/>'
        '<rect class="brush" y="6" height="26" width="0"/>'
        f'<rect class="hit" x="{LEFT}" y="6" width="{INNER}" height="26"/></svg></figure>')


def spans(times: list[int], values: list[float], end: int) -> list[tuple[int, int, int]]:
    """Changes of state to spans; before the first change it is node 0, where chains begin."""
    found = []
    begin, state = 0, 0
    for time, value in zip(times, values):
        if int(value) != state:
            if time > begin:
                found.append((begin, time, state))
            begin, state = time, int(value)
    if end > begin:
        found.append((begin, end, state))
    return found


def phases(times: list[int], values: list[float], end: int) -> list[tuple[int, int, int]]:
    """The same where nothing is before the first change."""
    found = [(a, b, int(v)) for a, b, v in zip(times, [*times[1:], end], values) if b > a]
    merged: list[tuple[int, int, int]] = []
    for a, b, v in found:
        if merged and merged[-1][1] == a and merged[-1][2] == v:
            merged[-1] = (merged[-1][0], b, v)
        else:
            merged.append((a, b, v))
    return merged


def cdf(samples: list[tuple[str, str, list[float]]], quantity: str) -> str:
    """Cumulative distributions of named samples: (name, colour, values)."""
    samples = [(name, colour, sorted(values)) for name, colour, values in samples if values]
    if not samples:
        return ""
    width, height, left, bottom = 560, 240, 46, 212
    high = max(values[min(len(values) - 1, int(len(values) * 0.995))]
               for _, _, values in samples) * 1.05 or 1
    parts = []
    marks = ticks(0, high, 6)
    size = marks[1] - marks[0] if len(marks) > 1 else 1
    for value in marks:
        x = left + (width - left - 14) * value / high
        parts.append(f'<path class="grid" d="M{x:.1f} 10V{bottom}"/><text class="tx" x="{x:.1f}" '
                     f'y="{bottom + 16}">{show_tick(value, size, quantity)}</text>')
    for share in (0, 25, 50, 75, 100):
        y = bottom - (bottom - 10) * share / 100
        parts.append(f'<path class="grid" d="M{left} {y:.1f}H{width - 14}"/><text class="ty" '
                     f'x="{left - 7}" y="{y + 4:.1f}">{share} %</text>')
    for _, colour, values in samples:
        count = len(values)
        chosen = sorted({round(i * (count - 1) / 300) for i in range(301)})
        points = " ".join(
            f"{left + (width - left - 14) * min(values[i], high) / high:.1f},"
            f"{bottom - (bottom - 10) * (i + 1) / count:.1f}" for i in chosen)
        parts.append(f'<polyline class="line {colour}" points="{points}"/>')
    keys = "".join(f'<span class="key {colour}"><i class="bar"></i>{escape(name)}</span>'
                   for name, colour, _ in samples)
    return (f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="distribution">{"".join(parts)}<path class="axis" '
            f'd="M{left} 10V{bottom}H{width - 14}"/></svg><div class="keys">{keys}</div>')


