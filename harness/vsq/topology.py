# SPDX-License-Identifier: GPL-2.0-or-later
"""What is joined to what: as a graph laid out for drawing, and as text.

In a large topology what is laid out are cards (cards.py) and the boxes that are on none.
"""
from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from . import cards, layout, links
from .cards import Card
from .result import Result, _cable
from .scenario import Scenario


@dataclass
class Box:
    name: str
    kind: str
    lines: list[str]
    x: float = 0.0
    y: float = 0.0
    small: bool = False	# a member of a card

    @property
    def width(self) -> float:
        if self.small:
            return max(50.0, len(self.name) * 7.2 + 32)
        longest = max([len(self.name) * 8.4, *(len(line) * 6.3 for line in self.lines)])
        return max(76.0, longest + 26)

    @property
    def height(self) -> float:
        return cards.SMALL_HEIGHT if self.small else 40.0 + 14 * len(self.lines)


@dataclass
class Edge:
    a: int
    b: int
    name: str
    labels: list[str]
    ports: tuple[int, int] = (0, 0)
    states: list[str] = field(default_factory=list)
    captured: bool = False
    settings: list[str] = field(default_factory=list)	# also where there is no room for labels


@dataclass
class Graph:
    boxes: list[Box]
    edges: list[Edge]
    cards: list[Card] = field(default_factory=list)

    @classmethod
    def of(cls, nodes: list[dict], cables: list[dict], captured: set[str]) -> Graph:
        number = {node["name"]: i for i, node in enumerate(nodes)}
        crowded = len(nodes) > 16
        boxes = [Box(node["name"], node["kind"], [] if crowded else list(node["addresses"][:3]))
                 for node in nodes]
        edges = []
        for cable in cables:
            settings = [links.describe(one) for one in cable["settings"] if "[" not in one]
            labels = [] if crowded else settings
            states = cable["markov"]["nodes"] if cable["markov"] else []
            edges.append(Edge(number[cable["left"]], number[cable["right"]], cable["name"],
                              labels[:3], tuple(cable["ports"]), states,
                              cable["name"] in captured, settings))
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

    def deal(self) -> None:
        """Puts nodes of a large topology on cards."""
        near: list[set[int]] = [set() for _ in self.boxes]
        for edge in self.edges:
            if edge.a != edge.b:
                near[edge.a].add(edge.b)
                near[edge.b].add(edge.a)
        self.cards = cards.group(near)
        for card in self.cards:
            for i in card.members:
                self.boxes[i].small = True
            card.measure(self.boxes)

    def tiles(self) -> tuple[list[Box | Card], list[int]]:
        """What is laid out: boxes, and cards instead of the boxes on them; where each box went."""
        home: dict[int, Card] = {}
        for card in self.cards:
            for i in card.members + ([] if card.hub is None else [card.hub]):
                home[i] = card
        found: list[Box | Card] = []
        place: dict[int, int] = {}
        tile_of = []
        for i, box in enumerate(self.boxes):
            tile = home.get(i, box)
            if id(tile) not in place:
                place[id(tile)] = len(found)
                found.append(tile)
            tile_of.append(place[id(tile)])
        return found, tile_of

    def hops(self) -> list[list[float]]:
        """Distances in cables between tiles; to what is not joined, a little more than the most."""
        tiles, tile_of = self.tiles()
        near: list[list[int]] = [[] for _ in tiles]
        for edge in self.edges:
            a, b = tile_of[edge.a], tile_of[edge.b]
            if a != b:
                near[a].append(b)
                near[b].append(a)
        far = []
        for start in range(len(tiles)):
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
        return [[float(seen.get(i, longest + 1)) for i in range(len(tiles))]
                for seen in far]

    def place(self) -> None:
        if len(self.boxes) >= cards.FROM:
            self.deal()
        tiles, _ = self.tiles()
        layout.arrange(tiles, self.hops(), any(edge.labels or edge.states for edge in self.edges))
        for card in self.cards:
            card.fill(self.boxes)

    def bounds(self, margin: float = 24) -> tuple[float, float, float, float]:
        tiles, _ = self.tiles()
        left = min(t.x - t.width / 2 for t in tiles) - margin
        right = max(t.x + t.width / 2 for t in tiles) + margin
        top = min(t.y - t.height / 2 for t in tiles) - margin
        bottom = max(t.y + t.height / 2 for t in tiles) + margin
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
