"""Where the boxes of a drawing go: layers from left to right, few crossings, short straight lines.

The usual four steps for layered drawings: a layer for every node; long edges cut into steps through the layers between,
all edges of one node along one trunk; an order in every layer by the mean position of the neighbours; and heights as
near to the neighbours as order and distance allow. Pure, and without recursion.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

HEIGHT = 28.0
GAP = 10.0
TRUNK = 8.0
BETWEEN = 60.0
APART = 48.0
LEAST = 900.0
SWEEPS = 24

Point = tuple[float, float]
# a node by its name, or the trunk of a node's edges in a layer that they only cross
_Item = str | tuple[str, int]


@dataclass(frozen=True, slots=True)
class Box:
    """Where a node is: its left side, its middle, how wide it is drawn; and its layer, counted from the left."""

    x: float
    y: float
    width: float
    layer: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A drawing without its ink.

    Attributes:
        boxes: node → where it is; the boxes of a layer are of one width.
        ways: edge (from, to) → the points between the two boxes that its line passes, from left to right.
        width, height: of the whole.
    """

    boxes: Mapping[str, Box]
    ways: Mapping[tuple[str, str], tuple[Point, ...]]
    width: float
    height: float


def layout(parents: Mapping[str, Sequence[str]], widths: Mapping[str, float]) -> Layout:
    """Places a graph.

    Args:
        parents: node → the nodes that its edges come from; free of cycles. The order of the keys breaks ties.
        widths: that the boxes need.
    """
    boxes: dict[str, Box] = {}
    ways: dict[tuple[str, str], tuple[Point, ...]] = {}
    width = left = top = bottom = 0.0
    connected = _parts(parents)
    for names in (names for names in connected if len(names) > 1):
        part = _Part({name: parents[name] for name in names}, widths)
        if left + part.rights[-1] > max(width, LEAST):
            left, top = 0.0, bottom + APART
        boxes |= {name: replace(box, x=box.x + left, y=box.y + top) for name, box in part.boxes().items()}
        ways |= {edge: tuple((x + left, y + top) for x, y in way) for edge, way in part.ways().items()}
        left += part.rights[-1] + APART
        width, bottom = max(width, left - APART), max(bottom, top + part.height())
    alone = [names[0] for names in connected if len(names) == 1]
    top = bottom + APART if bottom else 0.0
    boxes |= {name: replace(box, y=box.y + top) for name, box in _grid(alone, widths, max(width, LEAST)).items()}
    width = max((box.x + box.width for box in boxes.values()), default=0.0)
    bottom = max([bottom, *(box.y + HEIGHT / 2 for box in boxes.values())])
    return Layout(boxes, ways, width, bottom)


def _parts(parents: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The connected parts, the largest first; of equal ones the first first."""
    near: dict[str, list[str]] = {name: list(inputs) for name, inputs in parents.items()}
    for name, inputs in parents.items():
        for up in inputs:
            near[up].append(name)
    part: dict[str, int] = {}
    for number, start in enumerate(parents):
        waiting = [] if start in part else [start]
        while waiting:
            name = waiting.pop()
            if name not in part:
                part[name] = number
                waiting += near[name]
    found: dict[int, list[str]] = {}
    for name in parents:
        found.setdefault(part[name], []).append(name)
    return sorted(found.values(), key=len, reverse=True)


def _grid(names: Sequence[str], widths: Mapping[str, float], width: float) -> dict[str, Box]:
    """Boxes without edges, in rows."""
    wide = max((widths[name] for name in names), default=0.0)
    columns = max(1, int(width // (wide + 2 * GAP))) if names else 1
    return {
        name: Box(at % columns * (wide + 2 * GAP), HEIGHT / 2 + at // columns * (HEIGHT + GAP), wide, 0)
        for at, name in enumerate(names)
    }


@dataclass
class _Part:
    """One connected part while it is placed."""

    parents: Mapping[str, Sequence[str]]
    widths: Mapping[str, float]
    layer: dict[str, int] = field(init=False)
    rows: list[list[_Item]] = field(init=False)
    left: dict[_Item, list[_Item]] = field(init=False)
    right: dict[_Item, list[_Item]] = field(init=False)
    lefts: list[float] = field(init=False)
    rights: list[float] = field(init=False)
    y: dict[_Item, float] = field(init=False)

    def __post_init__(self) -> None:
        self.layer = _layers(self.parents)
        self._cut()
        self._sort()
        self._raise()
        self.lefts, self.rights = [], []
        left = 0.0
        for row in self.rows:
            self.lefts.append(left)
            self.rights.append(left + max((self.widths[item] for item in row if isinstance(item, str)), default=0.0))
            # many lines need room to cross
            lines = sum(len(self.right[item]) for item in row)
            left = self.rights[-1] + BETWEEN + min(9.0 * lines**0.5, 2 * BETWEEN)

    def boxes(self) -> dict[str, Box]:
        """Where the nodes are."""
        wide = [right - left for left, right in zip(self.lefts, self.rights, strict=True)]
        return {name: Box(self.lefts[at], self.y[name], wide[at], at) for name, at in self.layer.items()}

    def height(self) -> float:
        """From the top of the highest to the bottom of the lowest box."""
        return max(self.y[item] + _tall(item) / 2 for item in self.y)

    def ways(self) -> dict[tuple[str, str], tuple[Point, ...]]:
        """The points that every edge passes: both ends of its trunk in each layer between."""
        found = {}
        for name, inputs in self.parents.items():
            for up in inputs:
                points: list[Point] = []
                for layer in range(self.layer[up] + 1, self.layer[name]):
                    y = self.y[up, layer]
                    points += [(self.lefts[layer], y), (self.rights[layer], y)]
                found[up, name] = tuple(points)
        return found

    def _cut(self) -> None:
        """Items and edges between neighbouring layers only."""
        self.rows = [[] for _ in range(max(self.layer.values()) + 1)]
        self.left, self.right = {name: [] for name in self.layer}, {name: [] for name in self.layer}
        for name, layer in self.layer.items():
            self.rows[layer].append(name)
        for name, inputs in self.parents.items():
            for up in inputs:
                before: _Item = up
                for layer in range(self.layer[up] + 1, self.layer[name]):
                    trunk = (up, layer)
                    if trunk not in self.left:
                        self.left[trunk], self.right[trunk] = [before], []
                        self.right[before].append(trunk)
                        self.rows[layer].append(trunk)
                    before = trunk
                self.right[before].append(name)
                self.left[name].append(before)

    def _sort(self) -> None:
        """Orders every layer so that few edges cross; keeps the best of all sweeps."""
        best, fewest = [list(row) for row in self.rows], self._crossings()
        for sweep in range(SWEEPS):
            rightwards = sweep % 2 == 0
            near = self.left if rightwards else self.right
            for row, other in zip(*self._neighbours(rightwards=rightwards), strict=True):
                place = {item: at for at, item in enumerate(other)}
                mean = {
                    item: sum(place[each] for each in near[item]) / len(near[item]) if near[item] else at
                    for at, item in enumerate(row)
                }
                row.sort(key=mean.__getitem__)
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(row) for row in self.rows], crossings
            if not fewest:
                break
        self.rows = best

    def _neighbours(self, *, rightwards: bool) -> tuple[list[list[_Item]], list[list[_Item]]]:
        """The layers in the order of a sweep, and for each the one that it looks at."""
        rows = self.rows if rightwards else self.rows[::-1]
        return rows[1:], rows[:-1]

    def _crossings(self) -> int:
        total = 0
        for row, after in pairwise(self.rows):
            place = {item: at for at, item in enumerate(after)}
            seen: list[int] = []
            for item in row:
                ends = sorted(place[each] for each in self.right[item])
                total += sum(len(seen) - bisect_right(seen, end) for end in ends)
                for end in ends:
                    insort(seen, end)
        return total

    def _raise(self) -> None:
        """Heights: every item as near to the mean of its neighbours as order and distance allow."""
        self.y = {}
        for row in self.rows:
            below = 0.0
            for item in row:
                self.y[item] = below + _tall(item) / 2
                below += _tall(item) + GAP
        for sweep in range(SWEEPS):
            for row in self.rows if sweep % 2 == 0 else self.rows[::-1]:
                wanted = [self._wanted(item, sweep) for item in row]
                self.y |= zip(row, _spaced(row, wanted), strict=True)
        top = min(self.y[item] - _tall(item) / 2 for item in self.y)
        self.y = {item: y - top for item, y in self.y.items()}

    def _wanted(self, item: _Item, sweep: int) -> tuple[float, float]:
        """Where an item would like to be, and how much: trunks most, so that long lines are straight."""
        # first from one side only, which lets a whole chain move; in the end from both
        sides = (self.left, self.right) if sweep >= SWEEPS // 2 else (self.left if sweep % 2 == 0 else self.right,)
        near = [(each, 1 + 3 * (_is_trunk(item) + _is_trunk(each))) for side in sides for each in side[item]]
        if not near:
            return self.y[item], 0.2
        weight = sum(pull for _, pull in near)
        return sum(self.y[each] * pull for each, pull in near) / weight, float(weight)


def _layers(parents: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """A layer for every node, right of all its parents; a node without parents stands next to its first reader."""
    found: dict[str, int] = {}
    waiting = list(parents)
    while waiting:
        name = waiting[-1]
        missing = [up for up in parents[name] if up not in found]
        if missing and name not in found:
            waiting += missing
            continue
        waiting.pop()
        found[name] = max((found[up] + 1 for up in parents[name]), default=0)
    nearest: dict[str, int] = {}
    for name, inputs in parents.items():
        for up in inputs:
            nearest[up] = min(nearest.get(up, found[name]), found[name])
    return {name: nearest[name] - 1 if not parents[name] and name in nearest else at for name, at in found.items()}


def _spaced(row: Sequence[_Item], wanted: Sequence[tuple[float, float]]) -> list[float]:
    """Heights in the given order, far enough apart, with the least weighted square distance from those wanted.

    Isotonic regression by pooling: neighbours that would come too near move as one.
    """
    offsets = [0.0]
    for above, below in pairwise(row):
        offsets.append(offsets[-1] + (_tall(above) + _tall(below)) / 2 + GAP)
    pools: list[tuple[float, float, int]] = []
    for (y, weight), offset in zip(wanted, offsets, strict=True):
        mean, heavy, count = y - offset, weight, 1
        while pools and pools[-1][0] > mean:
            before, more, others = pools.pop()
            mean = (mean * heavy + before * more) / (heavy + more)
            heavy, count = heavy + more, count + others
        pools.append((mean, heavy, count))
    means = [mean for mean, _, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def _tall(item: _Item) -> float:
    return TRUNK if _is_trunk(item) else HEIGHT


def _is_trunk(item: _Item) -> bool:
    return not isinstance(item, str)
