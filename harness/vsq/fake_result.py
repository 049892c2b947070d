# SPDX-License-Identifier: GPL-2.0-or-later
"""For tests: a result as a run of scenarios/radio.toml gives it, made up by a crude model of TCP,
so that report and tables can be tested without the engine.
"""
from __future__ import annotations

import random
from pathlib import Path

from . import scenario
from .result import Result, _app, _cable, grouped

RADIO = Path(__file__).resolve().parent.parent.parent / "scenarios" / "radio.toml"


def chain(plan, rng, end):
    found = plan.cables[1].link.chain
    state, times, values = 0, [0], [0.0]
    for t in range(0, end, found.time):
        draw = rng.random() * 100
        for a, b, weight in found.edges:
            if a == state:
                draw -= float(weight)
                if draw < 0:
                    state = b
                    times.append(t)
                    values.append(float(state))
                    break
    return times, values


def transfer(rng, state_at, start, total, end, mss=1428):
    series = {name: ([], []) for name in ("goodput", "tcp.cwnd", "tcp.ssthresh", "tcp.in_flight",
                                          "tcp.srtt", "tcp.seq", "tcp.ack", "tcp.retransmit",
                                          "tcp.lost", "tcp.rto")}

    def put(name, t, v):
        series[name][0].append(t)
        series[name][1].append(float(v))

    now, sent, cwnd, ssthresh = start, 0, 10 * mss, 2**31 - 1
    counts = {"fast": 0, "rto": 0}
    while sent < total and now < end:
        state = state_at(now)
        rate, base, loss = [(25e6, 24e6, .0002), (10e6, 32e6, .01), (3e6, 50e6, .3)][state]
        bdp = rate / 8 * base / 1e9
        rtt = int(base * max(1, cwnd / bdp * .8) * (1 + rng.random() * .1))
        count = min(int(cwnd // mss), 200)
        lost = 0
        for i in range(count):
            t = now + rtt * i // count
            put("tcp.seq", t, sent + (i + 1) * mss)
            if rng.random() < loss:
                lost += 1
                put("tcp.lost", t, sent + i * mss)
                put("tcp.retransmit", t + rtt, sent + i * mss)
        now += rtt
        sent += count * mss
        put("tcp.ack", now, sent)
        put("tcp.srtt", now, rtt)
        put("tcp.rto", now, rtt + 2e8)
        put("tcp.in_flight", now, count * mss)
        if lost > 5:
            ssthresh, cwnd = max(2 * mss, cwnd / 2), 2 * mss
            counts["rto"] += 1
            now += 200_000_000
        elif lost or cwnd > bdp * 3:
            ssthresh = cwnd = max(2 * mss, cwnd * .7)
            counts["fast"] += lost
        else:
            cwnd += cwnd if cwnd < ssthresh else mss * 4
        put("tcp.cwnd", now, cwnd)
        put("tcp.ssthresh", now, ssthresh)
    for name in ("tcp.seq", "tcp.retransmit", "tcp.lost"):
        order = sorted(range(len(series[name][0])), key=lambda i: series[name][0][i])
        series[name] = tuple([column[i] for i in order] for column in series[name])
    bins = {}
    for t, v in zip(*series["tcp.seq"]):
        bins[t // 250_000_000] = bins.get(t // 250_000_000, 0) + mss
    for b in range(max(bins) + 1):
        put("goodput", (b + 1) * 250_000_000, bins.get(b, 0) * 8 * 4)
    seconds = (now - start) / 1e9
    retransmits = len(series["tcp.retransmit"][0])
    metrics = {"goodput": sent * 8 / seconds, "bytes_received": sent, "done": 1,
               "duration": seconds * 1e9, "retransmits": retransmits,
               "retransmits_fast": counts["fast"],
               "segments_lost": retransmits, "retransmits_rto": counts["rto"]}
    for p, q in (("min", 0), ("p50", .5), ("p95", .95), ("p99", .99), ("max", 1)):
        ordered = sorted(series["tcp.srtt"][1])
        metrics[f"rtt.{p}"] = ordered[int(q * (len(ordered) - 1))]
    return series, metrics


def make(seed: int = 7) -> Result:
    rng = random.Random(seed)
    plan = scenario.load(RADIO)
    end = 60 * 10**9
    times, states = chain(plan, rng, end)

    def state_at(now):
        from bisect import bisect_right
        return int(states[max(0, bisect_right(times, now) - 1)])

    metrics = {"lab.frames": 61234.0, "node.alice.TcpRetransSegs": 164.0}
    series = {"cable.radio.node": (times, states)}
    for index in (0, 1):
        own, values = transfer(rng, state_at, (index + 1) * 500_000_000, 20_000_000, end)
        series.update({f"app.{index}.{name}": pair for name, pair in own.items()})
        metrics.update({f"app.{index}.{name}": value for name, value in values.items()})
    for index in (2, 3):
        at, rtt = [], []
        for t in range(0, end, 100_000_000):
            state = state_at(t)
            if rng.random() > [.0004, .02, .5][state]:
                at.append(t)
                rtt.append(2 * rng.gauss([12e6, 18e6, 30e6][state], 1e6))
        series[f"app.{index}.rtt"] = (at, rtt)
        metrics.update({f"app.{index}.sent": 600, f"app.{index}.received": len(at)})
        for p, q in (("min", 0), ("p50", .5), ("p95", .95), ("p99", .99), ("max", 1)):
            metrics[f"app.{index}.rtt.{p}"] = sorted(rtt)[int(q * (len(rtt) - 1))]
    for cable, way, counts in (
            ("wire", "lr", dict(frames=30021, delivered_frames=30021)),
            ("wire", "rl", dict(frames=16400, delivered_frames=16400)),
            ("radio", "lr", dict(frames=30021, delivered_frames=29406, drop_loss=180,
                                 drop_burst=312, drop_queue=123, duplicated=0)),
            ("radio", "rl", dict(frames=16544, delivered_frames=16400, drop_loss=60,
                                 drop_burst=84))):
        for name, value in counts.items():
            metrics[f"cable.{cable}.{way}.{name}"] = float(value)
    judgements = []
    for one in plan.expectations:
        value = metrics.get(one.metric, 0)
        held = {">": value > one.value, "<": value < one.value, ">=": value >= one.value,
                "<=": value <= one.value, "==": value == one.value}[one.relation]
        judgements.append({"kind": "expectation", "text": f"{one.metric} {one.text}",
                           "held": held, "metric": one.metric, "expected": one.text,
                           "value": value, "why": one.why})
    for text in ("every frame delivered or counted", "pools whole", "no forwarding loop"):
        judgements.append({"kind": "oracle", "text": text, "held": True, "metric": None,
                           "expected": None, "value": None, "why": ""})
    return Result(
        lab={"name": plan.name, "about": plan.about, "file": "scenarios/radio.toml",
             "until_ns": end, "ended_ns": end, "assignments": []},
        seed=seed, version="0.1", digest="0123456789abcdef" * 2, metrics=metrics,
        nodes=[{"name": n.name, "kind": n.kind, "ports": n.ports,
                "addresses": [a for _, a in n.addresses]} for n in plan.nodes],
        cables=[_cable(cable, grouped(metrics)) for cable in plan.cables],
        apps=[_app(i, app, grouped(metrics)) for i, app in enumerate(plan.apps)],
        events=[], judgements=judgements, captures=["alice.pcapng", "bob.pcapng"],
        timing={"wall_s": 0.81, "simulated_s": end / 1e9, "frames_per_wall_s": 75597},
        series=series, scenario=plan.text)


