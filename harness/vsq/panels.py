# SPDX-License-Identifier: GPL-2.0-or-later
"""Which series of a result make which panels over time."""
from __future__ import annotations

from . import plots
from .plots import Band, Layer, Panel
from .result import Result, label

FLOWS_MAX = 8		# applications with panels of their own
QUEUE_MIN = 3000	# bytes; less is frames in transit rather than a queue
RECOVERY = (("retransmit_fast", "fast resend", "retx"),
            ("retransmit_rto", "timeout resend", "c3"),
            ("retransmit", "resend", "retx"),
            ("lost", "lost", "lost"))


def colour(app: dict) -> str:
    return f"c{app['index'] % 8}"


def _line(result: Result, name: str, text: str, style: str, **more) -> list[Layer]:
    pair = result.series.get(name)
    return [Layer(text, style, *pair, **more)] if pair and pair[0] else []


def bands(result: Result) -> list[Band]:
    """A band for every cable whose chain has more than one node; the liveliest first."""
    found = []
    for cable in result.cables:
        pair = result.series.get(f"cable.{cable['name']}.node")
        if cable["markov"] and len(cable["markov"]["nodes"]) > 1:
            times, values = pair or ([], [])
            found.append(Band(cable["name"], cable["markov"]["nodes"],
                              plots.spans(times, values, result.lab["ended_ns"])))
    return sorted(found, key=lambda band: -len(band.spans))


def goodput(result: Result) -> Panel:
    layers = []
    for app in result.apps[:FLOWS_MAX]:
        layers += _line(result, f"app.{app['index']}.goodput", label(app), colour(app), area=True)
    return Panel("Goodput", "what applications received", "rate", layers, 190)


def rtt(result: Result) -> Panel:
    layers = []
    for app in result.apps[:FLOWS_MAX]:
        samples = _line(result, f"app.{app['index']}.rtt", label(app), colour(app), dots=True)
        samples = samples or _line(result, f"app.{app['index']}.delay",
                                   f"{label(app)} one way", colour(app), dots=True)
        layers += samples or _line(result, f"app.{app['index']}.tcp.srtt",
                                   f"{label(app)} smoothed", colour(app), dashed=True)
    return Panel("Round-trip time", "of pings, requests and segments", "time", layers, 180)


def window(result: Result, app: dict) -> Panel:
    prefix = f"app.{app['index']}.tcp."
    cwnd = _line(result, prefix + "cwnd", "congestion window", colour(app),
                 stepped=True)
    most = max((v for v in cwnd[0].values if v is not None), default=0) if cwnd else 0
    layers = _line(result, prefix + "in_flight", "in flight", "quiet", area=True,
                   stepped=True)
    for layer in _line(result, prefix + "ssthresh", "slow-start threshold",
                       "c2" if colour(app) != "c2" else "c6", dashed=True, stepped=True):
        # Before the first loss it is as good as infinite, which would flatten the rest.
        kept = [(t, v) for t, v in zip(layer.times, layer.values)
                if v is not None and v <= 1.5 * most]
        if kept:
            layer.times, layer.values = [t for t, _ in kept], [v for _, v in kept]
            layers.append(layer)
    return Panel(f"{label(app)}: window", "", "size", layers + cwnd, 180)


def sequence(result: Result, app: dict) -> Panel:
    prefix = f"app.{app['index']}.tcp."
    layers = _line(result, prefix + "seq", "sent", colour(app))
    layers += _line(result, prefix + "ack", "acknowledged", "quiet", stepped=True)
    split = any(result.series.get(prefix + name, ([],))[0]
                for name in ("retransmit_fast", "retransmit_rto"))
    for name, text, style in RECOVERY:
        if name == "retransmit" and split:
            continue
        layers += _line(result, prefix + name, text, style, marks=True)
    return Panel(f"{label(app)}: sequence numbers", "", "size", layers, 250, floor=False)


def queues(result: Result) -> Panel:
    layers = []
    for cable in result.cables:
        for way, a, b in (("lr", "left", "right"), ("rl", "right", "left")):
            pair = result.series.get(f"cable.{cable['name']}.{way}.queue")
            if pair and pair[1] and max(pair[1]) > QUEUE_MIN:
                layers.append((max(pair[1]), Layer(
                    f"{cable['name']} {cable[a]}→{cable[b]}", f"c{len(layers) % 8}", *pair,
                    stepped=True)))
    layers = [layer for _, layer in sorted(layers, key=lambda pair: -pair[0])[:6]]
    return Panel("Queues", "bytes waiting in cables", "size", layers, 150)


def render(result: Result, axis: plots.Axis) -> str:
    found = bands(result)
    shade = found[0] if found else None
    ribbons = [plots.ribbon(band, axis) for band in found[:4]]
    panels = [goodput(result), rtt(result), queues(result)]
    for app in result.apps:
        if app["flow"] == "tcp" and f"app.{app['index']}.tcp.seq" in result.series:
            panels += [sequence(result, app), window(result, app)]
    drawn = [plots.draw(panel, axis, shade, number)
             for number, panel in enumerate(panels[:3 + 2 * FLOWS_MAX])]
    drawn = [text for text in drawn if text]
    if not drawn:
        return "".join(ribbons)
    return "".join([drawn[0], *ribbons, *drawn[1:]])
