# SPDX-License-Identifier: GPL-2.0-or-later
"""The report of a comparison: one file, both variants drawn over each other."""
from __future__ import annotations

from html import escape

from . import compare, compare_plots, curves, engine, plots, report, stats, units
from .compare import Comparison, Metric, Trial

CARDS_MAX = 4
METRICS_MAX = 24	# with drawings of their own
FAILED_MAX = 8
PANELS = (("goodput", "goodput", "rate", "what the application received"),
          ("tcp.cwnd", "congestion window", "size", "of the sender"),
          ("rtt", "round-trip time", "time", "as measured"),
          ("tcp.srtt", "smoothed round-trip time", "time", "of the sender"),
          ("delay", "one-way delay", "time", "of its datagrams"))


def _signed(one: Metric, value: float) -> str:
    return compare.signed(value, one.quantity).replace("-", compare_plots.MINUS)


def _percent(value: float | None) -> str:
    return compare.percent(value).replace("-", compare_plots.MINUS)


def _word(one: Metric) -> str:
    kind = one.verdict if one.verdict in ("better", "worse", "higher", "lower") else ""
    return f'<span class="word {kind}">{one.verdict}</span>'


def _row(one: Metric) -> str:
    return one.verdict if one.verdict in ("better", "worse", "higher", "lower") else "none"


def _aim(one: Metric) -> str:
    return {1: "more is better", -1: "less is better", 0: ""}[one.better]


def _variant(found: Comparison, side: int) -> str:
    name = (found.a, found.b)[side].name
    return (f'<span class="vs"><i class="swatch {compare_plots.COLOURS[side]}"></i>'
            f"{escape(name)}</span>")


def _sentence(one: Metric, found: Comparison) -> str:
    """What a metric's pairs say, in words."""
    p = one.found
    if not p.interval:
        return "One pair says nothing about chance."
    low, high = (_signed(one, end) for end in p.interval)
    text = (f"From {found.a.name} to {found.b.name} the mean moves by {_signed(one, p.mean)}"
            + (f" ({_percent(one.relative)})" if one.relative is not None else "")
            + f"; 95 % interval {low} to {high}")
    if p.bootstrap:
        text += ", by bootstrap " + " to ".join(_signed(one, end) for end in p.bootstrap)
    text += (f". It goes up in {p.up} seed{'s' * (p.up != 1)}, down in {p.down}. p = "
             f"{compare.spell(p.p)} by t, {compare.spell(p.rank_p)} by ranks, "
             f"{compare.spell(p.sign_p)} by signs")
    return text.replace("= <", "<") + (
        f". Caution: {one.caution}." if one.caution else ".")


def _card(one: Metric, found: Comparison) -> str:
    text = _signed(one, one.found.mean) if one.relative is None else _percent(one.relative)
    number, _, unit = text.partition(" ")
    interval = None
    if one.found.interval:
        interval = " to ".join(
            _signed(one, end) if one.relative is None
            else _percent(100 * end / one.found.mean_a) for end in one.found.interval)
    kind = one.verdict if one.verdict in ("better", "worse") else ""
    return (
        f'<section class="card"><h3>{escape(one.text)}{_word(one)}</h3>'
        f'<div class="figure {kind}">{escape(number)}<small>{escape(unit)}'
        f"{_aim(one) and ' · ' + _aim(one)}</small></div>"
        + report._facts([
            (found.a.name, units.show(one.found.mean_a, one.quantity)),
            (found.b.name, units.show(one.found.mean_b, one.quantity)),
            ("95 % interval", interval),
            ("p", compare.spell(one.found.p))]) + "</section>")


def _cards(found: Comparison) -> str:
    """The goodput and the delays first, then what is surest."""
    def rank(one: Metric) -> tuple:
        kind = next((i for i, word in enumerate(("goodput", ".rtt.p99", ".delay.p99",
                                                 ".retransmits", ".duration"))
                     if one.name.endswith(word)), 9)
        return kind, one.found.p

    kinds: dict[int, list[Metric]] = {}
    for one in sorted(found.telling(), key=rank):
        kinds.setdefault(rank(one)[0], []).append(one)
    # One of each kind before a second of any.
    queue = [(place, kind, one) for kind, ones in kinds.items() for place, one in enumerate(ones)]
    chosen = [one for *_, one in sorted(queue, key=lambda entry: entry[:2])][:CARDS_MAX]
    return "".join(_card(one, found) for one in chosen)


def _limit(rows: list[Metric]) -> float:
    """A round reach of the column of intervals, in percent, at most 100."""
    ends = [abs(100 * end / one.found.mean_a) for one in rows
            if one.relative is not None and one.found.interval for end in one.found.interval]
    widest = max(ends, default=1) or 1
    return next((step for step in (.1, .2, .5, 1, 2, 5, 10, 20, 50) if widest <= step), 100)


def _table(found: Comparison) -> str:
    rows = found.telling()
    limit = _limit(rows)
    body = []
    for one in rows:
        bar = ""
        if one.relative is not None and one.found.interval:
            ends = tuple(100 * end / one.found.mean_a for end in one.found.interval)
            told = " to ".join(map(_percent, ends))
            bar = compare_plots.forest(one.relative, ends, limit, told)
        body.append(
            f'<tr class="{_row(one)}"><td>{escape(one.text)}</td>'
            f"<td>{units.show(one.found.mean_a, one.quantity)}</td>"
            f"<td>{units.show(one.found.mean_b, one.quantity)}</td>"
            f"<td>{_signed(one, one.found.mean)}</td>"
            f"<td>{_percent(one.relative)}</td><td>{bar}</td>"
            f"<td>{compare.spell(one.found.p)}</td><td>{compare.spell(one.found.rank_p)}</td>"
            f'<td>{_word(one)}{"<small> *</small>" if one.caution else ""}</td></tr>')
    notes = []
    same = [one.text for one in found.metrics if one.same]
    if same:
        notes.append(f"The same in every seed: {', '.join(same)}.")
    cautious = [f"{one.text}: {one.caution}" for one in found.metrics if one.caution]
    if cautious:
        notes.append(f"* {'; '.join(cautious)}.")
    notes.append(
        f"Differences are {found.b.name} minus {found.a.name} under the same seed. A verdict is "
        "told where the 95 % interval of their mean (Student's t over pairs) leaves out 0; "
        "ranks are Wilcoxon's. The scale is by square roots. Of twenty metrics that differ in "
        "nothing, one is told apart by chance.")
    surer = sum(one.holm < 1 - stats.LEVEL for one in rows)
    told = sum(bool(one.found.direction) for one in rows)
    if told:
        notes[-1] += f" Corrected for that (Holm), {surer} of these {told} stand."
    head = ("metric", found.a.name, found.b.name, "difference", "%")
    return ('<h2>Differences</h2><div class="card scroll"><table><thead><tr>'
            + "".join(f"<th>{escape(text)}</th>" for text in head)
            + f"<th>{compare_plots.ruler(limit)}</th><th>p (t)</th><th>p (ranks)</th>"
            f"<th>{escape(found.b.name)} is</th></tr></thead><tbody>{''.join(body)}</tbody>"
            "</table>"
            + "".join(f'<p class="meta">{escape(note)}</p>' for note in notes) + "</div>")


def _over_time(found: Comparison) -> tuple[str, plots.Axis]:
    sides: list[list[Trial]] = [[pair[side] for pair in found.trials] for side in (0, 1)]
    end = max(curves.median_end([trial.ended for trial in side]) for side in sides)
    axis = plots.Axis(end)
    names = list(dict.fromkeys(name for side in sides for trial in side for name in trial.curves))
    apps = found.trials[0][0].apps
    panels = []
    for kind, what, quantity, note in PANELS:
        for index, app in enumerate(apps):
            name = f"app.{index}.{kind}"
            if name not in names or kind == "tcp.srtt" and f"app.{index}.rtt" in names:
                continue
            layers = []
            for variant, side in zip((found.a, found.b), sides):
                drawn = curves.band([trial.curves[name] for trial in side
                                     if name in trial.curves], end)
                layers.append((variant.name, drawn))
            if all(band for _, band in layers):
                panels.append(compare_plots.bands(f"{app['label']}: {what}", note, quantity,
                                                  layers, axis))
    return "".join(panels), axis


def _metrics(found: Comparison) -> str:
    keys = (f'<span class="keys"><span class="key">{_variant(found, 0)}</span>'
            f'<span class="key">{_variant(found, 1)}</span></span>')
    blocks = []
    for one in found.telling()[:METRICS_MAX]:
        blocks.append(
            f'<section class="card metric"><h3>{escape(one.text)} {_word(one)}'
            f'<small class="soft">{_aim(one)}</small>{keys}</h3>'
            f'<p class="meta">{escape(_sentence(one, found))}</p><div class="pair">'
            + compare_plots.dots(one.a, one.b, one.seeds, one.quantity, one.better,
                                 (found.a.name, found.b.name))
            + compare_plots.distribution(one.a, one.b, one.quantity) + "</div></section>")
    left = len(found.telling()) - METRICS_MAX
    more = f'<p class="meta">{left} more metrics are in compare.json.</p>' if left > 0 else ""
    return f"<h2>Seed by seed</h2>{''.join(blocks)}{more}" if blocks else ""


def _checks(found: Comparison) -> str:
    rows = []
    for side, variant in enumerate((found.a, found.b)):
        held, total = found.held(side), len(found.trials)
        whole = held == total
        bad = [pair[side].outcome for pair in found.trials if not pair[side].outcome.held]
        why = "".join(f'<span class="why">seed {one.seed}: {escape("; ".join(one.failed))}<br>'
                      f"<code>{escape(variant.command(one.seed))}</code></span>"
                      for one in bad[:FAILED_MAX])
        if len(bad) > FAILED_MAX:
            why += f'<span class="why">and {len(bad) - FAILED_MAX} more in compare.json</span>'
        rows.append(f'<li class="{"held" if whole else "bad"}">'
                    f"{report.HOLDS if whole else report.FAILS}<span>all expectations of "
                    f"{_variant(found, side)}</span><b>{held} of {total} seeds</b>{why}</li>")
    return f'<ul class="verdicts">{"".join(rows)}</ul>'


def _again(found: Comparison) -> str:
    seed = found.seeds[0]
    blocks = "".join(f'<p class="meta">{_variant(found, side)}</p><pre><code>'
                     f"{escape(variant.command(seed))}</code></pre>"
                     for side, variant in enumerate((found.a, found.b)))
    return ('<div class="two"><section class="card"><h2>Again, one seed at a time</h2>'
            f'{blocks}</section><section class="card"><h2>Expectations</h2>{_checks(found)}'
            "</section></div>")


def _header(found: Comparison) -> str:
    lab = found.trials[0][0].lab
    count = {word: sum(one.verdict == word for one in found.metrics)
             for word in ("better", "worse", "higher", "lower")}
    good, bad = count["better"], count["worse"]
    pills = "".join(
        f'<span class="pill {style}">{mark}{escape(found.b.name)} is {word} in {number} '
        f"metric{'s' * (number != 1)}</span>"
        for word, number, style, mark in (("better", good, "", report.HOLDS),
                                          ("worse", bad, "bad", report.FAILS)) if number)
    undecided = len(found.metrics) - sum(count.values())
    other = count["higher"] + count["lower"]
    first, last = found.seeds[0], found.seeds[-1]
    files = " · ".join(dict.fromkeys((found.a.order.file, found.b.order.file)))
    about = f'<p class="about">{escape(lab["name"])}. {escape(lab["about"])}</p>'
    return (
        f'<header><div class="brand"><span><b>vsq</b> {escape(engine.version())} · '
        f'{escape(files)}</span>'
        '<button id="theme" class="nojs" type="button">light / dark</button></div>'
        f'<h1>{_variant(found, 0)}<span class="and">or</span>{_variant(found, 1)}'
        '<span class="and">?</span></h1>'
        f'{about}<div class="row">{pills}'
        + (f'<span class="meta"><b>{other}</b> differ, neither way better</span>' if other else "")
        + f'<span class="meta">no difference told in <b>{undecided}</b></span>'
        f'<span class="meta">seeds <b>{first}</b> to <b>{last}</b>, both variants under each'
        "</span></div></header>")


def html(found: Comparison) -> str:
    over_time, axis = _over_time(found)
    tools = "".join(f'<button type="button" data-act="{act}" aria-label="{what}">{sign}</button>'
                    for act, sign, what in report.TOOLS)
    frame = f"{plots.LEFT} {plots.INNER} {plots.TOP} {plots.BOTTOM} {plots.WIDTH}"
    css = report._minified((report.HERE / "report.css").read_text() + compare_plots.STYLE, False)
    script = report._minified((report.HERE / "report.js").read_text(), True)
    seeds = min(len(found.seeds), compare.CURVES_MAX)
    timeline = (f'<div class="bar"><h2>Over time</h2><div class="tools nojs"><output></output>'
                f'{tools}</div></div><p class="meta">Lines are medians over {seeds} seeds, bands '
                "hold the middle 80 % of them, at each moment among the runs that still go on; "
                f"they end where less than half do.</p>{over_time}") if over_time else ""
    title = f"{found.a.name} or {found.b.name}?"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)} · vsq</title><style>{css}</style></head>"
        f"<body>{_header(found)}"
        f'<main data-unit="{axis.unit}" data-end="{axis.end}" data-frame="{frame}">'
        f'<div class="cards">{_cards(found)}</div>{_table(found)}{timeline}{_metrics(found)}'
        f"{_again(found)}</main><footer>Times are of the virtual clock. compare.json has every "
        "number. Drag over time to zoom, double-click for the whole run, click a name to hide "
        f"its line; keys + − 0 ← →.</footer><script>{script}</script></body></html>")
