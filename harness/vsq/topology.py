# SPDX-License-Identifier: GPL-2.0-or-later
"""What is joined to what: as a graph laid out for drawing, and as text.

The layout is stress majorization (Gansner, Koren, North 2004): distances on the page follow
distances along cables. It starts from a circle in the order of the file, so a scenario has one
picture; then the widest axis is laid flat and boxes that overlap are pushed apart.
"""
from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from . import links
from .result import Result, _cable
from .scenario import Scenario

STRESS_MAX = 120	# nodes; beyond, layers are good enough and quick


@dataclass
class Box:
    name: str
    kind: str
    lines: list[str]
    x: float = 0.0
    y: float = 0.0

    @property
    def width(self) -> float:
        longest = max([len(self.name) * 8.4, *(len(line) * 6.3 for line in self.lines)])
        return max(76.0, longest + 26)

    @property
    def height(self) -> float:
        return 40.0 + 14 * len(self.lines)


@dataclass
class Edge:
    a: int
    b: int
    name: str
    labels: list[str]
    ports: tuple[int, int] = (0, 0)
    states: list[str] = field(default_factory=list)
    captured: bool = False


@dataclass
class Graph:
    boxes: list[Box]
    edges: list[Edge]

    @classmethod
    def of(cls, nodes: list[dict], cables: list[dict], captured: set[str]) -> Graph:
        number = {node["name"]: i for i, node in enumerate(nodes)}
        crowded = len(nodes) > 16
        boxes = [Box(node["name"], node["kind"], [] if crowded else list(node["addresses"][:3]))
                 for node in nodes]
        edges = []
        for cable in cables:
            labels = [] if crowded else [links.describe(one) for one in cable["settings"]
                                         if "[" not in one]
            states = cable["markov"]["nodes"] if cable["markov"] else []
            edges.append(Edge(number[cable["left"]], number[cable["right"]], cable["name"],
                              labels[:3], tuple(cable["ports"]), states,
                              cable["name"] in captured))
        graph = cls(boxes, edges)
        graph.place()
        return graph

    @classmethod
    def of_result(cls, result: Result) -> Graph:
        captured = {cable["name"] for cable in result.cables if cable.get("captures")}
        return cls.of(result.nodes, result.cables, captured)

    @classmethod
    def of_plan(cls, plan: Scenario) -> Graph:
        return cls.of([{"name": node.name, "kind": node.kind,
                        "addresses": [address for _, address in node.addresses]}
                       for node in plan.nodes],
                      [_cable(cable, {}) for cable in plan.cables],
                      {cable.name for cable in plan.cables if cable.captures})

    def neighbours(self) -> list[list[int]]:
        found: list[list[int]] = [[] for _ in self.boxes]
        for edge in self.edges:
            found[edge.a].append(edge.b)
            found[edge.b].append(edge.a)
        return found

    def hops(self) -> list[list[float]]:
        """Distances in cables; between separate parts, a little more than the longest."""
        near = self.neighbours()
        far = []
        for start in range(len(self.boxes)):
            seen = {start: 0}
            queue = deque([start])
            while queue:
                at = queue.popleft()
                for other in near[at]:
                    if other not in seen:
                        seen[other] = seen[at] + 1
                        queue.append(other)
            far.append(seen)
        longest = max((max(seen.values()) for seen in far), default=1) or 1
        return [[float(seen.get(i, longest + 1)) for i in range(len(self.boxes))]
                for seen in far]

    def place(self) -> None:
        count = len(self.boxes)
        if count > STRESS_MAX:
            self._layers()
        elif count > 1:
            self._stress(self.hops())
        self._flatten()
        self._scale()
        if count <= STRESS_MAX:
            self._separate()

    def _layers(self) -> None:
        hops = self.hops()
        core = min(range(len(self.boxes)), key=lambda i: (sum(hops[i]), i))
        layers: dict[float, list[int]] = {}
        for i, distance in enumerate(hops[core]):
            layers.setdefault(distance, []).append(i)
        radius = 0.0
        for distance, members in sorted(layers.items()):
            if distance:
                radius = max(radius + 1.2, len(members) * 0.12)
            for index, i in enumerate(members):
                angle = 2 * math.pi * index / len(members)
                self.boxes[i].x, self.boxes[i].y = (radius * math.cos(angle),
                                                    radius * math.sin(angle))

    def _stress(self, hops: list[list[float]]) -> None:
        boxes, count = self.boxes, len(self.boxes)
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

    def _flatten(self) -> None:
        """Turns the widest axis to the horizontal, the first box to the left."""
        boxes, count = self.boxes, len(self.boxes)
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

    def _scale(self) -> None:
        """From hops to pixels."""
        labelled = any(edge.labels or edge.states for edge in self.edges)
        wide = max(box.width for box in self.boxes)
        hop = wide + (150 if labelled else 50 + 3 * min(len(self.boxes), 60))
        for box in self.boxes:
            box.x, box.y = box.x * hop, box.y * hop * 0.72

    def _separate(self) -> None:
        """Pushes boxes apart that come too near."""
        for _ in range(200):
            moved = False
            for i, a in enumerate(self.boxes):
                for b in self.boxes[i + 1:]:
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

    def bounds(self, margin: float = 24) -> tuple[float, float, float, float]:
        left = min(b.x - b.width / 2 for b in self.boxes) - margin
        right = max(b.x + b.width / 2 for b in self.boxes) + margin
        top = min(b.y - b.height / 2 for b in self.boxes) - margin
        bottom = max(b.y + b.height / 2 for b in self.boxes) + margin
        for edge in self.edges:	# labels hang below the middle of a cable
            middle = (self.boxes[edge.a].y + self.boxes[edge.b].y) / 2
            bottom = max(bottom, middle + 34 + 15 * (len(edge.labels) + bool(edge.states)))
        return left, top, right - left, bottom - top


def _end(plan: Scenario, cable, side: int) -> str:
    name = (cable.left, cable.right)[side]
    return f"{name}[{cable.ports[side]}]" if cable.ports[side] else name


def text(plan: Scenario) -> str:
    """Nodes, then cables with their faults, then applications and what is to happen."""
    lines = [f"{plan.name}: seed {plan.seed}, {plan.until / 1e9:g} s", ""]
    wide = max(len(node.name) for node in plan.nodes)
    for node in plan.nodes:
        addresses = ", ".join(address for _, address in node.addresses)
        near = [(cable.right if cable.left == node.name else cable.left)
                for cable in plan.cables if node.name in (cable.left, cable.right)]
        detail = addresses or (f"{node.ports or 32} ports" if node.kind == "switch" else "")
        lines.append(f"  {node.kind:6}  {node.name:{wide}}  {detail}"
                     + (f"  (joined to {', '.join(near)})" if near else "  (joined to nothing)"))
    lines.append("")
    for cable in plan.cables:
        faults = [links.describe(" ".join(one.command())) for one in cable.link.settings
                  if one.node is None]
        lines.append(f"  cable   {cable.name}: {_end(plan, cable, 0)} -- {_end(plan, cable, 1)}"
                     + (f"  {', '.join(faults)}" if faults else ""))
        chain = cable.link.chain
        for number, name in enumerate(chain.names if chain else ()):
            own = [links.describe(" ".join(one.command()).rsplit("[", 1)[0])
                   for one in cable.link.settings if one.node == number]
            out = [f"{chain.names[b] or b} {weight}%" for a, b, weight in chain.edges
                   if a == number]
            lines.append(f"            state {name or number}: {', '.join(own) or 'as above'}; "
                         f"every {chain.time / 1e6:g} ms to {', '.join(out) or 'nowhere'}")
    if plan.apps:
        lines.append("")
    for index, app in enumerate(plan.apps):
        lines.append(f"  app {index:<3} {app.name or app.kind}: {app.kind} {app.source} -> "
                     f"{app.target} {app.text()}".rstrip())
    for event in plan.events:
        lines.append(f"  at {event.time / 1e9:g} s: {event.command}")
    for one in plan.expectations:
        lines.append(f"  expect  {one.metric} {one.text}")
    return "\n".join(lines)
