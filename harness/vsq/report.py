# SPDX-License-Identifier: GPL-2.0-or-later
"""report.html: one file that needs nothing else, and is complete without its script."""
from __future__ import annotations

import re
from html import escape
from pathlib import Path

from . import links, panels, picture, plots, table, units
from .result import Result, label, spoken
from .topology import Graph

HERE = Path(__file__).resolve().parent
TICK = ('<svg class="mark" viewBox="0 0 18 18" fill="none" stroke="currentColor" '
        'stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round">')
RING = '<circle cx="9" cy="9" r="7.6" stroke-width="1.5"/>'
HOLDS = TICK + RING + '<path d="m5.6 9.3 2.3 2.3 4.4-5"/></svg>'
FAILS = TICK + RING + '<path d="m6.3 6.3 5.4 5.4m0-5.4-5.4 5.4"/></svg>'


def _value(metrics: dict, quantity: str, *names: str) -> str | None:
    found = next((metrics[name] for name in names if metrics.get(name) is not None), None)
    return None if found is None else units.show(found, quantity)


def _facts(rows: list[tuple[str, str | None]]) -> str:
    body = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
                   for name, value in rows if value is not None)
    return f'<dl class="facts">{body}</dl>'


def _figure(text: str | None, what: str) -> str:
    number, _, unit = (text or "–").partition(" ")
    return (f'<div class="figure">{escape(number)}<small>{escape(unit)}'
            f"{' ' if unit else ''}{escape(what)}</small></div>")


def _resent(found: dict) -> str | None:
    if found.get("retransmits") is None:
        return None
    text = units.show_count(found["retransmits"])
    timeouts = found.get("retransmits_rto")
    return f"{text} ({units.show_count(timeouts)} by timeout)" if timeouts else text


def _card(app: dict, colour: str) -> str:
    found = app["metrics"]
    if app["flow"] == "icmp":
        sent, back = found.get("sent"), found.get("received")
        lost = (f"{100 * (sent - back) / sent:.3g} %"
                if sent and back is not None else None)
        body = _figure(_value(found, "time", "rtt.p50"), "median RTT") + _facts([
            ("answered", None if sent is None else f"{back:,} of {sent:,}"), ("lost", lost),
            ("RTT p95", _value(found, "time", "rtt.p95")),
            ("RTT p99", _value(found, "time", "rtt.p99"))])
    else:
        body = _figure(_value(found, "rate", "goodput"), "goodput") + _facts([
            ("delivered", _value(found, "size", "bytes_received")),
            ("time", _value(found, "time", "duration")),
            ("lost", _value(found, "number", "segments_lost", "lost")),
            ("sent again", _resent(found)),
            ("RTT p50", _value(found, "time", "rtt.p50")),
            ("RTT p99", _value(found, "time", "rtt.p99")),
            ("delay p50", _value(found, "time", "delay.p50")),
            ("delay p99", _value(found, "time", "delay.p99"))])
    title = label(app)
    detail = f"{app['kind']}, {app['from']} → {app['to']}" if app["name"] else ""
    return (f'<section class="card flow {colour}"><h3>{escape(title)}'
            f"<small>{escape(detail)}</small></h3>{body}</section>")


def _verdicts(result: Result) -> str:
    rows = []
    oracles = [one for one in result.judgements if one["kind"] == "oracle"]
    shown = [one for one in result.judgements if one["kind"] != "oracle" or not one["held"]]
    last = ""
    for one in shown:
        if one["metric"]:
            what, condition, value = spoken(result, one)
            text = f'{escape(what)} <span class="cond">{escape(condition)}</span>'
        else:
            text, value = escape(one["text"]), ""
        why = one["why"] if one["why"] != last else ""
        last = one["why"]
        rows.append(f'<li class="{"held" if one["held"] else "bad"}">'
                    f'{HOLDS if one["held"] else FAILS}<span>{text}</span><b>{escape(value)}</b>'
                    + (f'<span class="why">{escape(why)}</span>' if why else "") + "</li>")
    held = [one for one in oracles if one["held"]]
    if held:
        rows.append(f'<li class="held">{HOLDS}<span>every frame accounted for, memory whole, '
                    f'no loop</span><b>{len(held)} oracles</b></li>')
    return f'<ul class="verdicts">{"".join(rows)}</ul>'


def _bar(counts: dict, causes: list[str], most: float) -> str:
    x, parts = 0.0, []
    for index, cause in enumerate(causes):
        width = 100 * (counts.get(cause) or 0) / most if most else 0
        if width:
            parts.append(f'<rect class="area {COLOURS[index % 8]}" style="opacity:.9" '
                         f'x="{x:.3f}" y="0" width="{width:.3f}" height="14"><title>'
                         f"{escape(cause.removeprefix('drop_'))}</title></rect>")
            x += width
    return ('<svg viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">'
            f'{"".join(parts)}</svg>')


COLOURS = ["lost", "c1", "c3", "c2", "c4", "c5", "c6", "c7"]


def _losses(result: Result) -> str:
    causes = table.causes(result)
    ways = []
    for cable in result.cables:
        for way, a, b in (("lr", "left", "right"), ("rl", "right", "left")):
            if cable[way].get("frames"):
                ways.append((f"{escape(cable['name'])} <span class=cond>{escape(cable[a])} → "
                             f"{escape(cable[b])}</span>", cable[way]))
    if not ways:
        return ""
    if not causes:
        return ('<h2>Losses by cause</h2><div class="card"><p class="meta" style="margin:0">'
                "No cable lost a frame.</p></div>")
    most = max(sum(counts.get(cause) or 0 for cause in causes) for _, counts in ways)
    head = "".join(f'<th><span class="key" style="color:inherit"><i class="swatch '
                   f'{COLOURS[i % 8]}"></i>{escape(cause.removeprefix("drop_"))}</span></th>'
                   for i, cause in enumerate(causes))
    rows, whole = [], 0
    for name, counts in ways:
        lost = sum(counts.get(cause) or 0 for cause in causes)
        if not lost:
            whole += 1
            continue
        entered = counts["frames"]
        cells = "".join(f"<td>{units.show_count(counts.get(cause) or 0)}</td>"
                        for cause in causes)
        rows.append(f"<tr><td>{name}</td><td>{units.show_count(entered)}</td>{cells}"
                    f"<td>{100 * lost / entered:.2f} %</td>"
                    f'<td class="stack">{_bar(counts, causes, most)}</td></tr>')
    return ('<h2>Losses by cause</h2><div class="card scroll"><table><thead><tr><th>cable</th>'
            f"<th>frames entered</th>{head}<th>lost</th><th></th></tr></thead><tbody>"
            f'{"".join(rows)}</tbody></table>'
            + (f'<p class="meta">In {whole} other direction{"s" * (whole > 1)} no frame was lost.'
               "</p>" if whole else "") + "</div>")


SUFFIX = {"rtt": "", "delay": " (one way)", "tcp.srtt": " (smoothed)"}
PERCENTILES = ("min", "p50", "p90", "p95", "p99", "max")


def _rtt(result: Result) -> str:
    rows, samples = [], []
    for app in result.apps:
        colour = panels.colour(app)
        found = app["metrics"]
        prefix = next((p for p in ("rtt", "delay") if f"{p}.p50" in found), None)
        if prefix:
            cells = "".join(f"<td>{_value(found, 'time', f'{prefix}.{p}') or '–'}</td>"
                            for p in PERCENTILES)
            rows.append(f'<tr><td><span class="key"><i class="swatch {colour}"></i>'
                        f"{escape(label(app))}</span></td>{cells}</tr>")
        for name in ("rtt", "delay", "tcp.srtt"):
            pair = result.series.get(f"app.{app['index']}.{name}")
            if pair and len(pair[1]) > 1:
                samples.append((label(app) + SUFFIX[name], colour,
                                [v for v in pair[1] if v]))
                break
    if not rows and not samples:
        return ""
    head = "".join(f"<th>{p}</th>" for p in PERCENTILES)
    left = ('<div class="card scroll"><h2>Percentiles</h2><table><thead><tr><th></th>'
            f'{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>') if rows else ""
    right = (f'<div class="card"><h2>Cumulative distribution</h2>{plots.cdf(samples, "time")}'
             "</div>") if samples else ""
    return f'<h2>Round-trip times</h2><div class="two">{left}{right}</div>'


def _again(result: Result) -> str:
    command = result.command()
    events = "".join(f"<li><code>{event['time_ns'] / 1e9:g} s</code> "
                     f"<code>{escape(event['command'])}</code></li>" for event in result.events)
    captures = ", ".join(f'<a href="{escape(name)}">{escape(name)}</a>'
                         for name in result.captures)
    return ('<h2>Again</h2><div class="card"><p class="meta" style="margin:0">The same seed, '
            "scenario and version give the same packets, byte for byte."
            '</p><pre><code id="command">' + escape(command) + "</code></pre>"
            f'<p class="meta">digest <b class="mono">{result.digest}</b></p>'
            + (f'<p class="meta">captures: {captures}</p>' if captures else "")
            + (f'<p class="meta">scheduled:</p><ul>{events}</ul>' if events else "")
            + (f"<details><summary>The scenario</summary><pre><code>{escape(result.scenario)}"
               "</code></pre></details>" if result.scenario else "") + "</div>")


def _minified(text: str, script: bool) -> str:
    """Without comments and indentation; lines stay, since a script's end where they do."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    lines = (line.strip() for line in text.splitlines())
    return ("\n" if script else "").join(line for line in lines if line)


def _states(result: Result) -> str:
    """What each state of a Markov chain does, and how long it lasted against the long run."""
    found = []
    for band in panels.bands(result)[:2]:
        cable = next(one for one in result.cables if one["name"] == band.name)
        chain = cable["markov"]
        total = sum(b - a for a, b, _ in band.spans) or 1
        rows = []
        for state, name in enumerate(band.states):
            share = sum(b - a for a, b, s in band.spans if s == state) / total
            does = ", ".join(links.describe(one) for one in chain["settings"][state])
            rows.append(f'<tr><td><span class="key"><i class="swatch s{state % 6}"></i>'
                        f"{escape(name)}</span></td><td class=left>{escape(does) or '–'}</td>"
                        f"<td>{100 * share:.3g} %</td>"
                        f"<td>{100 * chain['stationary'][state]:.3g} %</td></tr>")
        found.append(f'<table class="states"><thead><tr><th>{escape(band.name)}</th>'
                     "<th class=left>its own settings</th><th>of this run</th>"
                     f"<th>in the long run</th></tr></thead><tbody>{''.join(rows)}"
                     "</tbody></table>")
    return "".join(found)


def _header(result: Result) -> str:
    failed = len(result.failed)
    total = len(result.judgements)
    if failed:
        pill = f'<span class="pill bad">{FAILS}{failed} of {total} checks failed</span>'
    else:
        what = f"All {total} checks hold" if total else "Nothing was expected"
        pill = f'<span class="pill">{HOLDS}{what}</span>'
    simulated, wall = result.timing["simulated_s"], result.timing["wall_s"]
    ratio = f", {simulated / wall:,.0f} × real time" if wall else ""
    frames = result.metrics.get("lab.frames")
    about = f'<p class="about">{escape(result.lab["about"])}</p>' if result.lab["about"] else ""
    return (f'<header><div class="brand"><span><b>vsq</b> {escape(result.version)} '
            f'· {escape(result.lab["file"])}</span>'
            '<button id="theme" class="nojs" type="button">light / dark</button></div>'
            f'<h1>{escape(result.lab["name"])}</h1>{about}<div class="row">{pill}'
            f'<span class="meta">seed <b>{result.seed}</b></span>'
            f'<span class="meta"><b>{simulated:.6g} s</b> simulated in <b>{wall:.2f} s</b>'
            f"{ratio}</span>"
            + (f'<span class="meta"><b>{units.show_count(frames)}</b> frames</span>'
               if frames else "")
            + f'<span class="meta">digest <b class="mono">{result.digest[:12]}…</b></span>'
            "</div></header>")


TOOLS = (("left", "←", "earlier"), ("right", "→", "later"), ("in", "+", "zoom in"),
         ("out", "−", "zoom out"), ("all", "whole run", "the whole run"))


def html(result: Result) -> str:
    axis = plots.Axis(max(1, result.lab["ended_ns"]))
    cards = "".join(_card(app, panels.colour(app)) for app in result.apps[:12])
    over_time = panels.render(result, axis)
    tools = "".join(f'<button type="button" data-act="{act}" aria-label="{what}">{sign}</button>'
                    for act, sign, what in TOOLS)
    frame = f"{plots.LEFT} {plots.INNER} {plots.TOP} {plots.BOTTOM} {plots.WIDTH}"
    graph = Graph.of_result(result)
    css = _minified((HERE / "report.css").read_text() + picture.STYLE, False)
    script = _minified((HERE / "report.js").read_text(), True)
    timeline = (f'<div class="bar"><h2>Over time</h2><div class="tools nojs"><output></output>'
                f"{tools}</div></div>{over_time}") if over_time else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>{escape(result.lab["name"])} · vsq</title><style>{css}</style></head>'
        f"<body>{_header(result)}"
        f'<main data-unit="{axis.unit}" data-end="{axis.end}" data-frame="{frame}">'
        f'<div class="cards">{cards}</div>'
        f'<div class="two"><section class="card"><h2>Topology</h2>{picture.svg(graph)}'
        f"{_states(result)}</section>"
        f'<section class="card"><h2>Checks</h2>{_verdicts(result)}</section></div>'
        f"{timeline}{_losses(result)}{_rtt(result)}{_again(result)}</main>"
        "<footer>Times are of the virtual clock. Plots show at most a few thousand points per "
        "line; result.json has them all. Drag to zoom, double-click for the whole run, "
        "click a name to hide its line; keys + − 0 ← →.</footer>"
        f"<script>{script}</script></body></html>\n")


def write(result: Result, path: Path) -> None:
    path.write_text(html(result), encoding="utf-8", errors="backslashreplace")
