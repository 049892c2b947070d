# SPDX-License-Identifier: GPL-2.0-or-later
"""The topology as SVG: for the report, where the page's colours apply, and as a file of its own."""
from __future__ import annotations

import math
from html import escape

from .cards import Card
from .topology import Box, Edge, Graph

STYLE = """
.topo text{font:12px "Inter","Segoe UI",system-ui,"Helvetica Neue",Arial,sans-serif;fill:var(--ink)}
.topo .box{fill:var(--card);stroke:var(--line2);stroke-width:1.2}
.topo .switch .box{fill:var(--tint);stroke:var(--accent)}
.topo .router .box{stroke:var(--accent)}
.topo .name{font-weight:650;font-size:14px;text-anchor:middle}
.topo .addr{font-size:10.5px;fill:var(--soft);text-anchor:middle;font-variant-numeric:tabular-nums}
.topo .glyph{fill:none;stroke:var(--soft);stroke-width:1.5;stroke-linecap:round}
.topo .glyph{stroke-linejoin:round}.topo .switch .glyph{stroke:var(--accent)}
.topo .cable{stroke:var(--soft);stroke-width:2;fill:none}
.topo .cable.faulty{stroke:var(--accent);stroke-dasharray:7 4}
.topo .label{font-size:11px;fill:var(--soft);text-anchor:middle}
.topo .cname{font-weight:600;font-size:12px;fill:var(--ink);text-anchor:middle}
.topo .halo{paint-order:stroke;stroke:var(--page);stroke-width:5px;stroke-linejoin:round}
.topo .frame{fill:var(--tint);stroke:var(--line2)}
.topo .small .name{font-size:12px;font-weight:500}.topo .thin{stroke-width:1.2}
.topo .stub{stroke-width:3;stroke-dasharray:none}
.topo .port{font-size:9.5px;fill:var(--soft);text-anchor:middle}
.topo .tap{fill:var(--card);stroke:var(--soft);stroke-width:1.4}
"""
COLOURS = """
:root{--page:#fff;--card:#fff;--tint:#eef3fb;--ink:#1b2330;--soft:#5d6b7e;--line2:#c3ccd8;
--accent:#2f6fd0;--s0:#7fbf9f;--s1:#e9b44c;--s2:#d9604c;--s3:#8d6fc0;--s4:#5a9bd4;--s5:#9aa5b1}
@media (prefers-color-scheme:dark){:root{--page:#12161c;--card:#1b212a;--tint:#1c2a40;
--ink:#e8edf4;--soft:#97a4b5;--line2:#3a4553;--accent:#7aa9f0}}
svg{background:var(--page)}
"""

# 18 by 14, around the origin.
GLYPHS = {
    "host": "M-8-6h16v10h-16zM-3 7h6M0 4v3",
    "switch": "M-8-3h14m-3-3 3 3-3 3M8 4h-14m3-3-3 3 3 3",
    "peer": "M-7-7h14v9a7 7 0 0 1-14 0zM-3-2h.01M3-2h.01M-3 4q3-3 6 0",
    "router": "M0-7a7 7 0 1 0 .01 0zM-4 0h8M0-4v8",
}


def _node(box: Box) -> str:
    x, y = box.x - box.width / 2, box.y - box.height / 2
    top = y + (17 if box.small else 24)
    glyph_x = x + (13 if box.small else 18)
    scale = " scale(.7)" if box.small else ""
    parts = [f'<g class="{box.kind}{" small" if box.small else ""}"><rect class="box" '
             f'x="{x:.1f}" y="{y:.1f}" rx="9" width="{box.width:.1f}" height="{box.height:.1f}"/>',
             f'<path class="glyph" transform="translate({glyph_x:.1f} {top - 4:.1f}){scale}" '
             f'd="{GLYPHS.get(box.kind, GLYPHS["host"])}"/>',
             f'<text class="name" x="{box.x + 10:.1f}" y="{top:.1f}">{escape(box.name)}</text>']
    for index, line in enumerate(box.lines):
        parts.append(f'<text class="addr" x="{box.x:.1f}" y="{top + 17 + 14 * index:.1f}">'
                     f"{escape(line)}</text>")
    return "".join(parts) + "</g>"


def _border(box: Box | Card, dx: float, dy: float, out: float = 0) -> tuple[float, float]:
    """Where a ray from the box's middle leaves it."""
    far = math.hypot(dx, dy) or 1
    ux, uy = dx / far, dy / far
    reach = min((box.width / 2) / abs(ux) if ux else math.inf,
                (box.height / 2) / abs(uy) if uy else math.inf) + out
    return box.x + ux * reach, box.y + uy * reach


def _class(edge: Edge) -> str:
    return "cable faulty" if edge.settings or edge.states else "cable"


def _title(edge: Edge) -> str:
    about = ", ".join([*edge.settings, *(["states " + ", ".join(edge.states)] if edge.states
                                         else [])])
    return f"<title>{escape(edge.name + (': ' if about else '') + about)}</title>"


def _tap(edge: Edge, x: float, y: float) -> str:
    if not edge.captured:
        return ""
    return (f'<circle class="tap" cx="{x:.1f}" cy="{y:.1f}" r="6"><title>captured'
            f'</title></circle><circle cx="{x:.1f}" cy="{y:.1f}" r="2.2" '
            'fill="var(--accent)"/>')


def _within(card: Card, hub: Box, member: Box, edge: Edge, nth: int) -> str:
    """A cable on a card: down from the hub, along above the member's row, and down to it."""
    top = member.y - member.height / 2
    row, x = top - 8 - 3 * nth, member.x + 6 * nth
    start = f"M{card.trunk + 3 * nth:.1f} {hub.y + hub.height / 2:.1f}V{row:.1f}H{x:.1f}"
    if edge.settings or edge.states:	# what is shared belongs to the others too
        return (f'<path class="cable thin" d="{start}"/><path class="{_class(edge)} stub" '
                f'd="M{x:.1f} {row:.1f}V{top:.1f}">{_title(edge)}</path>'
                + _tap(edge, x, row))
    return (f'<path class="cable thin" d="{start}V{top:.1f}">{_title(edge)}</path>'
            + _tap(edge, x, row))


def _bundle(a: Box | Card, b: Box | Card, edges: list[Edge]) -> str:
    """The cables of a card without a hub, all of which end at the same node or card."""
    x0, y0 = _border(a, b.x - a.x, b.y - a.y)
    x1, y1 = _border(b, a.x - b.x, a.y - b.y)
    faulty = next((edge for edge in edges if edge.settings or edge.states), edges[0])
    return (f'<path class="{_class(faulty)}" style="stroke-width:3.5" '
            f'd="M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}"/>'
            f'<text class="cname halo" x="{(x0 + x1) / 2:.1f}" y="{(y0 + y1) / 2 + 4:.1f}">'
            f"{len(edges)} cables</text>")


def _frame(card: Card) -> str:
    return (f'<rect class="frame" x="{card.left:.1f}" y="{card.top:.1f}" rx="12" '
            f'width="{card.width:.1f}" height="{card.height:.1f}"/>')


def _cable(a: Box | Card, b: Box | Card, edge: Edge, bend: float) -> str:
    if a is b:
        return _loop(a, edge, abs(bend))
    dx, dy = b.x - a.x, b.y - a.y
    far = math.hypot(dx, dy) or 1
    mx, my = (a.x + b.x) / 2 - dy / far * bend, (a.y + b.y) / 2 + dx / far * bend
    x0, y0 = _border(a, mx - a.x, my - a.y) if bend else _border(a, dx, dy)
    x1, y1 = _border(b, mx - b.x, my - b.y) if bend else _border(b, -dx, -dy)
    cx, cy = (x0 + 2 * mx + x1) / 4, (y0 + 2 * my + y1) / 4
    if not bend:
        cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    curve = f"Q{mx:.1f} {my:.1f} {x1:.1f} {y1:.1f}" if bend else f"L{x1:.1f} {y1:.1f}"
    parts = [f'<path class="{_class(edge)}" d="M{x0:.1f} {y0:.1f}{curve}">'
             f"{_title(edge)}</path>"]
    for box, port, sign in ((a, edge.ports[0], 1), (b, edge.ports[1], -1)):
        if port:
            towards = (mx - box.x, my - box.y) if bend else (sign * dx, sign * dy)
            px, py = _border(box, *towards, 11)
            parts.append(f'<text class="port halo" x="{px:.1f}" y="{py + 3:.1f}">{port}</text>')
    parts.append(_tap(edge, cx, cy))
    if edge.labels or edge.states:
        parts.append(f'<text class="cname halo" x="{cx:.1f}" y="{cy - 12:.1f}">'
                     f"{escape(edge.name)}</text>")
    for index, label in enumerate(edge.labels):
        parts.append(f'<text class="label halo" x="{cx:.1f}" y="{cy + 20 + 14 * index:.1f}">'
                     f"{escape(label)}</text>")
    if edge.states:
        parts.append(_states(edge, cx, cy + 14 + 14 * len(edge.labels)))
    return "".join(parts)


def _loop(box: Box | Card, edge: Edge, more: float) -> str:
    """A cable from a switch to itself: an ear above its box."""
    top, half, up = box.y - box.height / 2, box.width / 4, 46 + more
    return (f'<path class="{_class(edge)}" '
            f'd="M{box.x - half:.1f} {top:.1f}C{box.x - half:.1f} {top - up:.1f} '
            f'{box.x + half:.1f} {top - up:.1f} {box.x + half:.1f} {top:.1f}">{_title(edge)}</path>'
            + "".join(f'<text class="port halo" x="{box.x + side * (half + 8):.1f}" '
                      f'y="{top - 6:.1f}">{port}</text>'
                      for side, port in zip((-1, 1), edge.ports)))


def _states(edge: Edge, cx: float, top: float) -> str:
    """The nodes of its Markov chain as a row of swatches with names."""
    widths = [len(name) * 6.1 + 18 for name in edge.states[:6]]
    x = cx - sum(widths) / 2
    parts = []
    for index, (name, width) in enumerate(zip(edge.states, widths)):
        parts.append(f'<circle cx="{x + 5:.1f}" cy="{top + 5:.1f}" r="4.2" '
                     f'fill="var(--s{index % 6})"/><text class="label" style="text-anchor:start"'
                     f' x="{x + 12:.1f}" y="{top + 9:.1f}">{escape(name)}</text>')
        x += width
    return "".join(parts)


def _cables(graph: Graph) -> tuple[str, str]:
    """The cables between tiles, and those on cards."""
    tiles, tile_of = graph.tiles()
    seen: dict[tuple[int, int], int] = {}
    bundles: dict[tuple[int, int], list[Edge]] = {}
    parts, within = [], []
    for edge in graph.edges:
        a, b = tile_of[edge.a], tile_of[edge.b]
        loose = [tile for tile in (tiles[a], tiles[b])
                 if isinstance(tile, Card) and tile.hub is None]
        if loose and edge.a != edge.b:
            bundles.setdefault((min(a, b), max(a, b)), []).append(edge)
            continue
        inside = a == b and edge.a != edge.b
        pair = (edge.a, edge.b) if inside else (a, b)
        pair = (min(pair), max(pair))
        nth = seen[pair] = seen.get(pair, -1) + 1
        if inside:
            card = tiles[a]
            member = edge.b if edge.a == card.hub else edge.a
            within.append(_within(card, graph.boxes[card.hub], graph.boxes[member], edge, nth))
            continue
        bend = (nth + 1) // 2 * 56 * (1 if nth % 2 else -1) * (1 if edge.a < edge.b else -1)
        ends = (graph.boxes[edge.a],) * 2 if edge.a == edge.b else (tiles[a], tiles[b])
        parts.append(_cable(*ends, edge, bend))
    parts += [_bundle(tiles[a], tiles[b], edges) for (a, b), edges in bundles.items()]
    return "".join(parts), "".join(within)


def svg(graph: Graph, attributes: str = "", defs: str = "") -> str:
    left, top, width, height = graph.bounds()
    between, within = _cables(graph)
    # Cables may cross cards on their way, below the boxes: one sees where they go on.
    body = ("".join(_frame(card) for card in graph.cards) + between + within
            + "".join(_node(box) for box in graph.boxes))
    return (f'<svg class="topo" xmlns="http://www.w3.org/2000/svg" role="img" '
            f'aria-label="topology" viewBox="{left:.0f} {top:.0f} {width:.0f} {height:.0f}" '
            f"{attributes}>{defs}{body}</svg>")


def standalone(graph: Graph) -> str:
    _, _, width, height = graph.bounds()
    return svg(graph, f'width="{width:.0f}" height="{height:.0f}"',
               f"<style>{COLOURS}{STYLE}</style>") + "\n"
