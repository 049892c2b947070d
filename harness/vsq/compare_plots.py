# SPDX-License-Identifier: GPL-2.0-or-later
"""Two variants in one drawing: bands over time, distributions, pairs of dots, intervals.

Bands are panels as those of a run's report, so that the same script zooms them and reads them.
"""
from __future__ import annotations

import math
from html import escape

from . import curves, plots, units
from .plots import BOTTOM, INNER, LEFT, RIGHT, TOP, WIDTH
from .stats import quantile

MINUS = "\u2212"
COLOURS = ("c0", "c1")	# of A and B
WIDE, TALL, EDGE, BASE = 560, 232, 78, 204
STYLE = """
.spread{fill:var(--k);opacity:.17;stroke:none}
.data:has(path[data-layer="0"][style*="none"]) .of0,
.data:has(path[data-layer="1"][style*="none"]) .of1{display:none}
.word{display:inline-block;border-radius:99px;padding:1px 10px;font-weight:640;font-size:12.5px;
background:var(--tint);color:var(--soft);white-space:nowrap}
.word.better{background:var(--goodbg);color:var(--good)}
.word.worse{background:var(--badbg);color:var(--bad)}
.word.higher,.word.lower{color:var(--accent)}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:8px 26px}
.metric{margin-top:14px}
.metric h3{display:flex;flex-wrap:wrap;gap:3px 12px;align-items:baseline;justify-content:flex-start;
font-size:15.5px;margin-bottom:4px}
.metric .meta{margin:0 0 8px}
.dot{fill:var(--k)}.lean{stroke:var(--line2);stroke-width:1.5}
.lean.better{stroke:var(--good);opacity:.6}.lean.worse{stroke:var(--bad);opacity:.6}
.median{stroke:var(--k);stroke-width:1.4;stroke-dasharray:4 4;fill:none}
.chart .start{text-anchor:start}
.forest{display:block;width:280px;height:24px;overflow:visible}
.forest .zero{stroke:var(--line2);stroke-width:1}
.forest .quarter{stroke:var(--line);stroke-width:1;stroke-dasharray:2 4}
.forest .reach{stroke:currentColor;stroke-width:3;stroke-linecap:round}
.forest .at{fill:currentColor;stroke:var(--card);stroke-width:1.5}
.forest .past{fill:currentColor}
.forest text{font-size:11px;fill:var(--soft);text-anchor:middle}
.better .forest{color:var(--good)}.worse .forest{color:var(--bad)}
.higher .forest,.lower .forest{color:var(--accent)}.none .forest{color:var(--quiet)}
.figure.better{color:var(--good)}.figure.worse{color:var(--bad)}
.vs{display:inline-flex;align-items:center;gap:9px}.vs i{width:13px;height:13px;border-radius:4px}
h1 .and{color:var(--soft);font-weight:400;padding:0 .28em}h1 .and:last-child{padding:0 0 0 .06em}
td.caution{white-space:normal}td small,.soft{color:var(--soft)}
@media (max-width:860px){.pair{grid-template-columns:1fr}}
"""


def bands(title: str, note: str, quantity: str, layers: list[tuple[str, curves.Band]],
          axis: plots.Axis, height: int = 190) -> str:
    """Medians as lines, each in its band; layers are of A and B, in this order."""
    high = max(max(band.high) for _, band in layers)
    high = high * 1.06 or 1
    uy = plots.step(high, plots.STEPS_Y) if high > 100 else high / plots.STEPS_Y
    steps = round(high / uy)
    bottom = height - BOTTOM
    marks = plots.ticks(0, high, max(2, (bottom - TOP) // 34))
    size = marks[1] - marks[0] if len(marks) > 1 else 1
    frame = [axis.grid(TOP, bottom, True)]
    for value in marks:
        y = bottom - (bottom - TOP) * value / high
        frame.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/><text class="ty" '
                     f'x="{LEFT - 8}" y="{y + 4:.1f}">{plots.show_tick(value, size, quantity)}'
                     "</text>")
    spreads, lines, keys = [], [], []
    for index, (name, band) in enumerate(layers):
        colour = COLOURS[index]
        there = [f"{round(t / axis.unit)} {round(v / uy)}" for t, v in zip(band.times, band.low)]
        back = [f"{round(t / axis.unit)} {round(v / uy)}" for t, v in zip(band.times, band.high)]
        spreads.append(f'<path class="spread of{index} {colour}" '
                       f'd="M{"L".join(there + back[::-1])}z"/>')
        lines.append(f'<path class="line {colour}" data-layer="{index}" '
                     f'd="{plots.path(band.times, band.middle, axis.unit, uy, False)}"/>')
        keys.append(f'<button type="button" class="key {colour}" data-layer="{index}" '
                    f'aria-pressed="true"><i class="bar"></i>{escape(name)}'
                    "<output></output></button>")
    return (
        f'<figure class="panel" data-uy="{uy!r}" data-low="0" data-quantity="{quantity}" '
        f'data-floor="1" data-high="{steps}"><figcaption><h3>{escape(title)}</h3>'
        f'<small>{escape(note)}</small><span class="keys">{"".join(keys)}</span></figcaption>'
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}"><g class="frame">{"".join(frame)}</g>'
        f'<svg class="data" x="{LEFT}" y="{TOP}" width="{INNER}" height="{bottom - TOP}" '
        f'viewBox="0 0 {axis.steps:.6g} {steps}" preserveAspectRatio="none">'
        f'<g transform="matrix(1 0 0 -1 0 {steps})">{"".join(spreads)}{"".join(lines)}</g></svg>'
        f'<path class="axis" d="M{LEFT} {TOP}V{bottom}H{WIDTH - RIGHT}"/>'
        f'<path class="cursor" d="M0 {TOP}V{bottom}"/>'
        f'<rect class="brush" y="{TOP}" height="{bottom - TOP}" width="0"/>'
        f'<rect class="hit" x="{LEFT}" y="{TOP}" width="{INNER}" height="{bottom - TOP}"/>'
        "</svg></figure>")


class Scale:
    """A quantity along a side of a small chart, no wider than its values need."""

    def __init__(self, values: list[float], at_low: float, at_high: float, count: int) -> None:
        low, high = min(values), max(values)
        pad = (high - low) * 0.06 or abs(high) * 0.06 or 1
        self.low, self.high = low - pad, high + pad
        if 0 <= low < 0.3 * high:
            self.low = 0
        self.at_low, self.at_high = at_low, at_high
        self.marks = plots.ticks(self.low, self.high, count)
        self.size = self.marks[1] - self.marks[0] if len(self.marks) > 1 else abs(high) or 1

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.at_low + (self.at_high - self.at_low) * share

    def label(self, value: float, quantity: str) -> str:
        if quantity == "percent":
            places = max(0, min(3, -math.floor(math.log10(self.size) + 1e-9)))
            return f"{value:.{places}f} %"
        if abs(value) < 1e-9 * self.size:
            return "0"
        if quantity == "number" and self.size < 1:
            return f"{value:.3g}"
        return plots.show_tick(value, self.size, quantity)


def _chart(parts: list[str], what: str) -> str:
    return (f'<svg class="chart" viewBox="0 0 {WIDE} {TALL}" role="img" '
            f'aria-label="{escape(what)}">{"".join(parts)}<path class="axis" '
            f'd="M{EDGE} 10V{BASE}H{WIDE - 14}"/></svg>')


def dots(a: list[float], b: list[float], seeds: list[int], quantity: str, better: int,
         names: tuple[str, str]) -> str:
    """A dot for each variant of each seed, the two of a seed joined; seeds in the order of A."""
    scale = Scale(a + b, BASE, 10, 5)
    parts = []
    for value in scale.marks:
        y = scale(value)
        parts.append(f'<path class="grid" d="M{EDGE} {y:.1f}H{WIDE - 14}"/><text class="ty" '
                     f'x="{EDGE - 7}" y="{y + 4:.1f}">{scale.label(value, quantity)}</text>')
    order = sorted(range(len(a)), key=lambda i: (a[i], b[i]))
    order = order[::max(1, len(order) // 250)]
    wide = (WIDE - 14 - EDGE) / len(order)
    radius = max(1.6, min(4.2, wide / 3))
    for place, i in enumerate(order):
        x = EDGE + (place + 0.5) * wide
        move = (b[i] > a[i]) - (b[i] < a[i])
        word = "" if not move * better else " better" if move == better else " worse"
        told = (f"seed {seeds[i]}: {names[0]} {units.show(a[i], quantity)}, "
                f"{names[1]} {units.show(b[i], quantity)}")
        parts.append(f'<g><title>{escape(told)}</title><path class="lean{word}" '
                     f'd="M{x:.1f} {scale(a[i]):.1f}V{scale(b[i]):.1f}"/>'
                     + "".join(f'<circle class="dot {colour}" cx="{x:.1f}" cy="{scale(v):.1f}" '
                               f'r="{radius:.1f}"/>'
                               for colour, v in zip(COLOURS, (a[i], b[i]))) + "</g>")
    parts.append(f'<text class="tx" x="{(EDGE + WIDE - 14) / 2:.0f}" y="{BASE + 19}">'
                 f"{len(a)} seeds, in the order of {escape(names[0])}</text>")
    return _chart(parts, "each seed's pair")


def distribution(a: list[float], b: list[float], quantity: str) -> str:
    """The cumulative distributions of both over the seeds, with their medians."""
    left = 46
    scale = Scale(a + b, left, WIDE - 14, 6)
    parts = []
    for value in scale.marks:
        x = scale(value)
        parts.append(f'<path class="grid" d="M{x:.1f} 10V{BASE}"/><text class="tx" '
                     f'x="{min(x, WIDE - 28):.1f}" y="{BASE + 19}">'
                     f"{scale.label(value, quantity)}</text>")
    for share in (0, 25, 50, 75, 100):
        y = BASE - (BASE - 10) * share / 100
        parts.append(f'<path class="grid" d="M{left} {y:.1f}H{WIDE - 14}"/><text class="ty" '
                     f'x="{left - 7}" y="{y + 4:.1f}">{share} %</text>')
    for colour, values in zip(COLOURS, (sorted(a), sorted(b))):
        corners, y = [f"M{scale.at_low} {BASE}"], BASE
        for i, value in enumerate(values):
            if i + 1 < len(values) and len(values) > 600 and i % (len(values) // 300):
                continue
            y = BASE - (BASE - 10) * (i + 1) / len(values)
            corners.append(f"H{scale(value):.1f}V{y:.1f}")
        corners.append(f"H{scale.at_high}")
        x = scale(quantile(values, 0.5))
        parts.append(f'<path class="median {colour}" d="M{x:.1f} {BASE}V{(BASE + 10) / 2}"/>'
                     f'<path class="line {colour}" d="{"".join(corners)}"/>')
    return _chart(parts, "cumulative distribution").replace(f"M{EDGE} 10V", f"M{left} 10V")


FOREST, HALF = 280, 126		# a row's width, and the reach of its scale to each side


def forest(middle: float, interval: tuple[float, float], limit: float, told: str) -> str:
    """An interval about 0, in percent; what is past the limit ends in an arrow. The scale is by
    square roots, so that a few percent show beside a doubling.
    """
    def x(value: float) -> float:
        share = max(-1.0, min(1.0, value / limit))
        return FOREST / 2 + HALF * math.copysign(math.sqrt(abs(share)), share)

    low, high = interval
    past = "".join(f'<path class="past" d="M{FOREST / 2 + sign * (HALF + 11)} 12l{-sign * 9} -5'
                   f'v10z"/>' for sign, end in ((-1, -low), (1, high)) if end > limit * 1.0001)
    at = (f'<circle class="at" cx="{x(middle):.1f}" cy="12" r="5.5"/>'
          if abs(middle) <= limit else "")
    return (f'<svg class="forest" viewBox="0 0 {FOREST} 24" role="img" '
            f'aria-label="{escape(told)}"><title>{escape(told)}</title>'
            f'<path class="zero" d="M{FOREST / 2} -4V28"/><path class="quarter" d="M'
            f'{FOREST / 2 - HALF / 2} -4V28m{HALF} 0V-4"/>'
            f'<path class="reach" d="M{x(low):.1f} 12H{x(high) + 0.01:.2f}"/>{past}{at}</svg>')


def ruler(limit: float) -> str:
    """The head of a column of intervals."""
    def text(at: float, value: float) -> str:
        return f'<text x="{at}" y="16">{f"{value:+.3g} %" if value else 0}</text>'

    return (f'<svg class="forest" viewBox="0 0 {FOREST} 24" aria-hidden="true">'
            + "".join(text(FOREST / 2 + HALF * at, limit * at * abs(at)).replace("-", MINUS)
                      for at in (-1, -.5, 0, .5, 1))
            + "</svg>")
