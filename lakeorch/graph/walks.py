"""Walks over edges (name → names it points at): order, cycles, reach. None recurses; all are linear."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

Edges = Mapping[str, Sequence[str]]


def turned(parents: Edges) -> dict[str, tuple[str, ...]]:
    """The same edges the other way round."""
    children: dict[str, list[str]] = {name: [] for name in parents}
    for name, inputs in parents.items():
        for parent in inputs:
            children[parent].append(name)
    return {name: tuple(found) for name, found in children.items()}


def order(parents: Edges, groups: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Names, each behind what it points at; the edges inside of cycles do not count."""
    ring = {name: number for number, members in enumerate(groups) for name in members}
    waits: dict[str, int] = {}
    free: dict[str, list[str]] = {}
    for name in sorted(parents):
        behind = [each for each in parents[name] if name not in ring or ring.get(each) != ring[name]]
        waits[name] = len(behind)
        for each in behind:
            waits.setdefault(each, 0)
            free.setdefault(each, []).append(name)
    found = [name for name, count in waits.items() if not count]
    for name in found:  # which grows
        for after in free.get(name, ()):
            waits[after] -= 1
            if not waits[after]:
                found.append(after)
    return tuple(found)


def cycles(parents: Edges) -> list[list[str]]:
    """The groups of models that need each other: Tarjan's algorithm, without recursion."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    trail: dict[str, None] = {}
    groups = []
    for start in sorted(parents):
        work = [] if start in number else [(start, iter(parents[start]))]
        while work:
            name, inputs = work[-1]
            if name not in number:
                number[name] = low[name] = len(number)
                trail[name] = None
            for parent in inputs:
                if parent not in number:
                    work.append((parent, iter(parents[parent])))
                    break
                if parent in trail:
                    low[name] = min(low[name], number[parent])
            else:
                work.pop()
                if work:
                    above = work[-1][0]
                    low[above] = min(low[above], low[name])
                if low[name] == number[name]:
                    group = _cut(trail, name)
                    if len(group) > 1:
                        groups.append(group)
    return groups


def _cut(trail: dict[str, None], name: str) -> list[str]:
    """Takes the end of a trail off, from `name` on."""
    group: list[str] = []
    while not group or group[-1] != name:
        group.append(trail.popitem()[0])
    return group


def ring(start: str, members: set[str], parents: Edges) -> list[str]:
    """A shortest way from a model back to itself inside a cycle."""
    came: dict[str, str] = {}
    waiting = deque([start])
    while start not in came:
        at = waiting.popleft()
        for parent in parents[at]:
            if parent in members and parent not in came:
                came[parent] = at
                waiting.append(parent)
    way = [start]
    while came[way[-1]] != start:
        way.append(came[way[-1]])
    return [start, *reversed(way[1:])]


def spread(names: Iterable[str], edges: Edges, depth: int | None) -> dict[str, int]:
    """Everything at most `depth` steps from any of `names`, these included, with the steps."""
    away = dict.fromkeys(names, 0)
    waiting = deque(away)
    while waiting:
        at = waiting.popleft()
        if depth is not None and away[at] >= depth:
            continue
        for after in edges[at]:
            if after not in away:
                away[after] = away[at] + 1
                waiting.append(after)
    return away
