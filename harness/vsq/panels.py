# SPDX-License-Identifier: GPL-2.0-or-later
"""Which series of a result make which panels over time."""
from __future__ import annotations

from . import plots
from .plots import Band, Layer, Panel
from .result import Result, label

FLOWS_MAX = 8		# applications with panels of their own
QUEUE_MIN = 3000	# bytes; less is frames in transit rather than a queue
TIMERS_MAX = 4		# ... and of them, with a panel of its timers
# Why a segment left again: the series, its name, its colour, and whether a timer did it.
REASONS = (("resent.fast", "fast retransmit", "r-fast", False),
           ("resent.rack", "RACK", "r-rack", False),
           ("resent.prr", "SACK count", "r-prr", False),
           ("resent.partial", "partial ACK", "r-partial", False),
           ("resent.rescue", "rescue", "r-rescue", False),
           ("resent.mtu", "path MTU", "r-mtu", False),
           ("resent.text", "SYN's text", "r-mtu", False),
           ("resent.tlp", "tail probe", "r-tlp", True),
           ("resent.rto", "timeout", "r-rto", True),
           ("resent.frto", "timeout, F-RTO", "r-frto", True),
           ("resent.loss", "after timeout", "r-loss", True),
           ("resent.syn", "SYN", "r-syn", True))
PLAIN = (("retransmit_fast", "fast resend", "r-fast", False),
         ("retransmit_rto", "timeout resend", "r-rto", True),
         ("retransmit", "resend", "r-fast", False))
PHASES = ["open", "disorder", "CWR", "recovery", "loss"]
CLOSED = (0, 10)	# CLOSED and TIME-WAIT: nothing more is sent


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
    for layer in _line(result, prefix + "window", "the peer's", "quiet", dashed=True, stepped=True):
        kept = sorted(v for v in layer.values if v is not None)
        if kept and kept[len(kept) // 2] < 1.2 * most:	# it is in the way more often than not
            layer.values = [min(v, 1.5 * most) if v is not None else v for v in layer.values]
            layers.append(layer)
    return Panel(f"{label(app)}: window", "", "size", layers + cwnd, 180)


def sequence(result: Result, app: dict) -> Panel:
    prefix = f"app.{app['index']}.tcp."
    layers = _line(result, prefix + "seq", "sent", colour(app))
    layers += _line(result, prefix + "ack", "acknowledged", "quiet", stepped=True)
    marks = [layer for name, text, style, timer in REASONS
             for layer in _line(result, prefix + name, text, style, marks=True, square=timer)]
    marks = marks or [layer for name, text, style, timer in PLAIN
                      for layer in _line(result, prefix + name, text, style, marks=True,
                                         square=timer)]
    layers += marks + _line(result, prefix + "lost", "lost", "lost", marks=True)
    return Panel(f"{label(app)}: sequence numbers", "", "size", layers, 250, floor=False)


def timers(result: Result, app: dict) -> Panel:
    prefix = f"app.{app['index']}.tcp."
    layers = _line(result, prefix + "rto", "timeout", "r-rto", stepped=True, dashed=True)
    layers += _line(result, prefix + "srtt", "smoothed round trip", colour(app), stepped=True)
    return Panel(f"{label(app)}: timers", "with back-off", "time", layers, 140)


def phase(result: Result, app: dict) -> Band | None:
    """What the sender thinks of the path, until the connection ends."""
    prefix = f"app.{app['index']}.tcp."
    times, values = result.series.get(prefix + "phase", ([], []))
    if len(times) < 2:
        return None
    end = result.lab["ended_ns"]
    for at, state in zip(*result.series.get(prefix + "state", ([], []))):
        if int(state) in CLOSED and at > times[0]:
            end = min(end, at)
            break
    kept = [(t, v) for t, v in zip(times, values) if t < end]
    return Band(label(app), PHASES, plots.phases(*map(list, zip(*kept)), end),
                f"{label(app)}: phase", "what its sender thinks of the path, and for how long",
                ("p-open", "p-disorder", "p-cwr", "p-recovery", "p-loss"))


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
    panels: list[Panel | Band | None] = [goodput(result), rtt(result), queues(result)]
    flows = [app for app in result.apps if app["flow"] == "tcp"
             and f"app.{app['index']}.tcp.seq" in result.series][:FLOWS_MAX]
    for number, app in enumerate(flows):
        panels += [phase(result, app), sequence(result, app), window(result, app)]
        if number < TIMERS_MAX:
            panels.append(timers(result, app))
    drawn = [plots.ribbon(panel, axis) if isinstance(panel, Band)
             else plots.draw(panel, axis, shade, number) if panel else ""
             for number, panel in enumerate(panels)]
    drawn = [text for text in drawn if text]
    if not drawn:
        return "".join(ribbons)
    return "".join([drawn[0], *ribbons, *drawn[1:]])
