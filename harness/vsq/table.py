# SPDX-License-Identifier: GPL-2.0-or-later
"""Plain text a person understands: boxes where the terminal can draw them."""
from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass

from . import units
from .result import Result, label, sentence

ASCII = {ord("→"): "->", ord("–"): "-", ord("µ"): "u", ord("±"): "+-"}
ROWS_MAX = 24
COLUMNS = 100	# of what is no terminal
RULES = {True: "─│┌┬┐├┼┤└┴┘", False: "-|+++++++++"}


@dataclass(frozen=True)
class Style:
    boxes: bool = False
    colour: bool = False
    columns: int = COLUMNS

    @classmethod
    def of(cls, stream) -> Style:
        tty = hasattr(stream, "isatty") and stream.isatty()
        utf8 = (getattr(stream, "encoding", "") or "").lower().replace("-", "") == "utf8"
        columns = shutil.get_terminal_size((COLUMNS, 24)).columns
        return cls(boxes=tty and utf8, colour=tty, columns=columns)

    def letters(self, text: str) -> str:
        """Text as the stream can show it: ASCII where boxes are not drawn."""
        return text if self.boxes else text.translate(ASCII)

    def paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text


def grid(head: list[str], rows: list[list[str]], style: Style) -> str:
    """The first column stands left, the others right. What is too wide for the style goes on
    below, with the first column again.
    """
    if not rows:
        return ""
    cells = [[style.letters(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    parts = _parts(widths, style.columns)
    narrow = style.columns	# as many parts, but none much wider than another
    while narrow > widths[0] and len(_parts(widths, narrow - 1)) == len(parts):
        narrow -= 1
        parts = _parts(widths, narrow)
    return "\n".join(_part(cells, widths, part, style) for part in parts)


def _parts(widths: list[int], limit: int) -> list[list[int]]:
    """The columns that stand side by side: the first one, and one other at least, in each."""
    parts = [[0]]
    room = limit - widths[0] - 4
    for column in range(1, len(widths)):
        if widths[column] + 3 > room and len(parts[-1]) > 1:
            parts.append([0])
            room = limit - widths[0] - 4
        parts[-1].append(column)
        room -= widths[column] + 3
    return parts


def _part(cells: list[list[str]], widths: list[int], columns: list[int], style: Style) -> str:
    across, down, *corners = RULES[style.boxes]

    def rule(a: str, b: str, c: str) -> str:
        return a + b.join(across * (widths[column] + 2) for column in columns) + c

    def line(row: list[str], code: str = "") -> str:
        shown = [row[column].rjust(widths[column]) if column else row[0].ljust(widths[0])
                 for column in columns]
        shown = [style.paint(cell, code) if code else cell for cell in shown]
        return f"{down} " + f" {down} ".join(shown) + f" {down}"

    return "\n".join([rule(*corners[0:3]), line(cells[0], "1"), rule(*corners[3:6]),
                      *(line(row) for row in cells[1:]), rule(*corners[6:9])])


def _first(metrics: dict, *names: str) -> float | None:
    return next((metrics[name] for name in names if metrics.get(name) is not None), None)


def _cell(value: float | None, quantity: str) -> str:
    return "–" if value is None else units.show(value, quantity)


def transfers(result: Result) -> tuple[list[str], list[list[str]]]:
    head = ["transfer", "goodput", "bytes", "time", "lost", "resent", "timeout",
            "RTT p50", "p95", "p99"]
    rows = []
    for app in result.apps:
        found = app["metrics"]
        if app["flow"] != "tcp":
            continue
        rows.append([label(app), _cell(_first(found, "goodput"), "rate"),
                     _cell(_first(found, "bytes_received"), "size"),
                     _cell(_first(found, "duration"), "time"),
                     _cell(_first(found, "segments_lost", "lost"), "number"),
                     _cell(_first(found, "retransmits"), "number"),
                     _cell(_first(found, "retransmits_rto"), "number"),
                     *(_cell(_first(found, f"rtt.{p}"), "time")
                       for p in ("p50", "p95", "p99"))])
    return head, rows


def streams(result: Result) -> tuple[list[str], list[list[str]]]:
    head = ["stream", "goodput", "sent", "received", "lost", "reordered", "one way p50", "p95",
            "p99"]
    rows = []
    for app in result.apps:
        found = app["metrics"]
        if app["flow"] == "udp":
            rows.append([label(app), _cell(_first(found, "goodput"), "rate"),
                         *(_cell(_first(found, name), "number") for name in ("sent", "received")),
                         _cell(_first(found, "loss"), "percent"),
                         _cell(_first(found, "reordered"), "number"),
                         *(_cell(_first(found, f"delay.{p}"), "time")
                           for p in ("p50", "p95", "p99"))])
    return head, rows


def pings(result: Result) -> tuple[list[str], list[list[str]]]:
    head = ["ping", "sent", "answered", "lost", "RTT min", "p50", "p95", "p99", "max"]
    rows = []
    for app in result.apps:
        found = app["metrics"]
        if app["flow"] != "icmp":
            continue
        sent, back = _first(found, "sent"), _first(found, "received")
        lost = (sent - back) * 100 / sent if sent and back is not None else None
        rows.append([label(app), _cell(sent, "number"), _cell(back, "number"),
                     "–" if lost is None else f"{lost:.1f} %",
                     *(_cell(_first(found, f"rtt.{p}"), "time")
                       for p in ("min", "p50", "p95", "p99", "max"))])
    return head, rows


def causes(result: Result) -> list[str]:
    """The causes of loss that any cable counted, the common ones first."""
    total: dict[str, float] = {}
    for cable in result.cables:
        for way in ("lr", "rl"):
            for name, value in cable[way].items():
                if name.startswith("drop_") and value:
                    total[name] = total.get(name, 0) + value
    return sorted(total, key=lambda name: (-total[name], name))


def losses(result: Result) -> tuple[list[str], list[list[str]]]:
    found = causes(result)
    head = ["cable", "entered", "left", *(name.removeprefix("drop_") for name in found),
            "lost in all", "duplicated"]
    rows = []
    for cable in result.cables:
        for way, a, b in (("lr", "left", "right"), ("rl", "right", "left")):
            counts = cable[way]
            entered = counts.get("frames") or 0
            if not entered:
                continue
            lost = sum(value for name, value in counts.items()
                       if name.startswith("drop_") and value)
            rows.append([f"{cable['name']}  {cable[a]}→{cable[b]}", _cell(entered, "number"),
                         _cell(counts.get("delivered_frames"), "number"),
                         *(_cell(counts.get(name, 0), "number") for name in found),
                         f"{units.show_count(lost)} ({100 * lost / entered:.2f} %)",
                         _cell(counts.get("duplicated"), "number")])
    return head, rows


def verdicts(result: Result, style: Style) -> list[str]:
    lines = []
    last = ""
    for one in result.judgements:
        if one["kind"] == "oracle" and one["held"]:
            continue
        mark = style.paint("holds ", "32") if one["held"] else style.paint("FAILED", "31;1")
        text = sentence(result, one)
        why = one["why"] if one["why"] != last else ""
        last = one["why"]
        lines.append(f"  {mark}  {text}" + (f"  ({why})" if why else ""))
    oracles = [one for one in result.judgements if one["kind"] == "oracle"]
    if oracles and all(one["held"] for one in oracles):
        lines.append(f"  {style.paint('holds ', '32')}  {len(oracles)} oracle checks "
                     "(every frame accounted for, nothing leaked, no loop)")
    return lines


def render(result: Result, style: Style | None = None) -> str:
    style = style or Style()
    lines = [style.paint(result.lab["name"], "1"), ""]
    for head, rows in (transfers(result), streams(result), pings(result),
                       losses(result)):
        used = [i for i in range(len(head))
                if i == 0 or any(row[i] not in ("–", "0") for row in rows)]
        if len(rows) > ROWS_MAX:
            rows = rows[:ROWS_MAX] + [[f"... {len(rows) - ROWS_MAX} more"] + [""] * len(rows[0])]
            rows[-1] = rows[-1][:len(head)]
        if rows:
            lines += [grid([head[i] for i in used], [[row[i] for i in used] for row in rows],
                           style), ""]
    verdict = verdicts(result, style)
    if verdict:
        lines += ["expectations", *verdict, ""]
    lines.append(summary(result))
    return style.letters("\n".join(lines))


def summary(result: Result) -> str:
    simulated, wall = result.timing["simulated_s"], result.timing["wall_s"]
    speed = f", {simulated / wall:,.0f} times real time" if wall > 0 else ""
    frames = result.metrics.get("lab.frames")
    counted = f", {units.show_count(frames)} frames" if frames is not None else ""
    return (f"simulated {simulated:.3f} s in {wall:.2f} s of wall time{speed}{counted}\n"
            f"seed {result.seed}, digest {result.digest}")


def show(result: Result, stream=None) -> None:
    stream = stream or sys.stdout
    print(render(result, Style.of(stream)), file=stream)
