# SPDX-License-Identifier: GPL-2.0-or-later
"""Where boxes go on the page.

Stress majorization (Gansner, Koren, North 2004): distances on the page follow distances along
cables. It starts from a circle in the order of the file, so a scenario has one picture; then the
widest axis is laid flat and boxes that overlap are pushed apart. Whatever has x, y, width and
height can be laid out.
"""
from __future__ import annotations

import math

STRESS_MAX = 120	# beyond, layers are good enough and quick


def arrange(tiles: list, hops: list[list[float]], labelled: bool) -> None:
    """Places tiles whose distances along cables are hops; labelled cables need more room."""
    if len(tiles) > STRESS_MAX:
        _layers(tiles, hops)
    elif len(tiles) > 1:
        _stress(tiles, hops)
    _flatten(tiles)
    _scale(tiles, labelled)
    if len(tiles) <= STRESS_MAX:
        _separate(tiles)


def _typical(sizes: list[float]) -> float:
    return (max(sizes) + sum(sizes) / len(sizes)) / 2


def _layers(tiles: list, hops: list[list[float]]) -> None:
    core = min(range(len(tiles)), key=lambda i: (sum(hops[i]), i))
    layers: dict[float, list[int]] = {}
    for i, distance in enumerate(hops[core]):
        layers.setdefault(distance, []).append(i)
    radius = 0.0
    for distance, members in sorted(layers.items()):
        if distance:
            radius = max(radius + 1.2, len(members) * 0.12)
        for index, i in enumerate(members):
            angle = 2 * math.pi * index / len(members)
            tiles[i].x, tiles[i].y = radius * math.cos(angle), radius * math.sin(angle)


def _stress(tiles: list, hops: list[list[float]]) -> None:
    boxes, count = tiles, len(tiles)
    for i, box in enumerate(boxes):
        angle = 2 * math.pi * i / count
        box.x, box.y = math.cos(angle) * count / 4, math.sin(angle) * count / 4
    for _ in range(200 + 4800 // count):
        moved = 0.0
        for i, box in enumerate(boxes):
            x = y = weights = 0.0
            for j, other in enumerate(boxes):
                if i == j:
                    continue
                want = hops[i][j]
                weight = 1 / (want * want)
                dx, dy = box.x - other.x, box.y - other.y
                far = math.hypot(dx, dy) or 1e-9
                x += weight * (other.x + want * dx / far)
                y += weight * (other.y + want * dy / far)
                weights += weight
            moved += abs(box.x - x / weights) + abs(box.y - y / weights)
            box.x, box.y = x / weights, y / weights
        if moved < 1e-6 * count:
            break


def _flatten(tiles: list) -> None:
    """Turns the widest axis to the horizontal, the first box to the left."""
    boxes, count = tiles, len(tiles)
    mx, my = (sum(getattr(b, axis) for b in boxes) / count for axis in "xy")
    sxx = sum((b.x - mx) ** 2 for b in boxes)
    syy = sum((b.y - my) ** 2 for b in boxes)
    sxy = sum((b.x - mx) * (b.y - my) for b in boxes)
    angle = 0.5 * math.atan2(2 * sxy, sxx - syy)
    cos, sin = math.cos(angle), math.sin(angle)
    for b in boxes:
        x, y = b.x - mx, b.y - my
        b.x, b.y = x * cos + y * sin, -x * sin + y * cos
    if boxes[0].x > 0:
        for b in boxes:
            b.x = -b.x
    if boxes[0].y > 0:
        for b in boxes:
            b.y = -b.y


def _scale(tiles: list, labelled: bool) -> None:
    """From hops to pixels."""
    wide = _typical([tile.width for tile in tiles])
    high = _typical([tile.height for tile in tiles])
    hop = wide + (150 if labelled else 50 + min(len(tiles), 60))
    for tile in tiles:
        tile.x, tile.y = tile.x * hop, tile.y * max(hop * 0.72, high + 60)


def _separate(tiles: list) -> None:
    """Pushes boxes apart that come too near."""
    for _ in range(200):
        moved = False
        for i, a in enumerate(tiles):
            for b in tiles[i + 1:]:
                gap_x = (a.width + b.width) / 2 + 26 - abs(a.x - b.x)
                gap_y = (a.height + b.height) / 2 + 22 - abs(a.y - b.y)
                if gap_x <= 0 or gap_y <= 0:
                    continue
                moved = True
                if gap_x < gap_y:
                    push = gap_x / 2 if a.x <= b.x else -gap_x / 2
                    a.x, b.x = a.x - push, b.x + push
                else:
                    push = gap_y / 2 if a.y <= b.y else -gap_y / 2
                    a.y, b.y = a.y - push, b.y + push
        if not moved:
            break
