# SPDX-License-Identifier: GPL-2.0-or-later
"""Large topologies: nodes that differ only in their name share a card, so that the picture shows
how networks are joined and not a hundred lines to a hundred hosts.

A card holds a switch or router with the nodes that only it is joined to; or, without such a hub,
nodes that are all joined to the same others.
"""
from __future__ import annotations

import math
from dataclasses import dataclass

FROM = 25	# nodes of a topology; fewer are drawn one by one
LEAVES_MIN, ALIKE_MIN = 2, 3	# with a hub, and without one
PAD = 12
GAP_X, GAP_Y = 10, 18	# between members; a row's cable runs in the gap above it
SMALL_HEIGHT = 26


@dataclass
class Card:
    """Its members stand in rows below the hub; x and y are the card's middle."""
    hub: int | None
    members: list[int]
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0
    columns: int = 1

    @property
    def left(self) -> float:
        return self.x - self.width / 2

    @property
    def top(self) -> float:
        return self.y - self.height / 2

    @property
    def trunk(self) -> float:
        """Where the members' cable goes down from the hub."""
        return self.left + PAD + 8

    def measure(self, boxes) -> None:
        """Finds the size of the card, a little wider than high."""
        cell_x = max(boxes[i].width for i in self.members) + GAP_X
        cell_y = SMALL_HEIGHT + GAP_Y
        count = len(self.members)
        self.columns = min(count, max(2, round(math.sqrt(count * 1.7 * cell_y / cell_x))))
        rows = -(-count // self.columns)
        head = boxes[self.hub].height if self.hub is not None else 0
        self.width = self.columns * cell_x - GAP_X + 2 * PAD + self._indent()
        self.height = head + rows * cell_y + 2 * PAD - (0 if self.hub is not None else GAP_Y)
        if self.hub is not None:
            self.width = max(self.width, boxes[self.hub].width + 2 * PAD)

    def _indent(self) -> float:
        return 18 if self.hub is not None else 0

    def fill(self, boxes) -> None:
        """Puts hub and members where they belong."""
        y = self.top + PAD
        if self.hub is not None:
            hub = boxes[self.hub]
            hub.x, hub.y = self.left + PAD + hub.width / 2, y + hub.height / 2
            y += hub.height + GAP_Y
        cell_x = max(boxes[i].width for i in self.members) + GAP_X
        for index, i in enumerate(self.members):
            row, column = divmod(index, self.columns)
            boxes[i].x = (self.left + PAD + self._indent() + column * cell_x
                          + (cell_x - GAP_X) / 2)
            boxes[i].y = y + row * (SMALL_HEIGHT + GAP_Y) + SMALL_HEIGHT / 2


def group(near: list[set[int]]) -> list[Card]:
    """The cards of a graph, given for each node the others it is joined to."""
    alike: dict[frozenset[int], list[int]] = {}
    for i, others in enumerate(near):
        alike.setdefault(frozenset(others), []).append(i)
    return [Card(next(iter(others)) if len(others) == 1 else None, members)
            for others, members in alike.items()
            if len(members) >= (LEAVES_MIN if len(others) == 1 else ALIKE_MIN)]
