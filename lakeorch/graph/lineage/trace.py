"""Lineage through many models: what a column is made of, and what is made of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from lakeorch.graph.lineage.edges import ALL, Edge, Kind, Path, join_path, split_path

if TYPE_CHECKING:
    from lakeorch.graph import Graph

EdgesOf = Callable[[str], Sequence[Edge]]

_STRENGTH: dict[Kind, int] = {"copied": 0, "derived": 1, "filter": 2}
# paths that stand for more than a column: all columns of a table, and which rows it has
_EVERY: Path = ()
_ROWS: Path = (ALL,)


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """One step of a trace: a column of `source` has a say in a column of `target`.

    Attributes:
        distance: how many steps it lies from where the trace began, the first being 1.
        source, column: the end further up. The column is `*` for which rows the source has, or all its columns.
        target, target_column: the end further down. The column is `*` for which rows the target has, or all columns.
        kind: of this step.
        overall: of the whole way from the far end of this step to where the trace began: `copied` where every step
            is, `filter` where any is, `derived` otherwise.
    """

    distance: int
    source: str
    column: str
    target: str
    target_column: str
    kind: Kind
    overall: Kind


def trace(
    model: str, column: str | None, edges_of: EdgesOf, direction: Literal["up", "down"], graph: Graph
) -> tuple[Link, ...]:
    """Follows edges through the graph, all the way.

    Which rows a model has depends on which rows each of its inputs has: such a link has `*` at both ends.

    Args:
        model: where to begin: a model; going down also a table of the catalog, or `file:` and a pattern.
        column: a column or a struct's field, as a path; None for all columns.
        edges_of: the edges of a model, as `column_lineage` gives them; asked at most once for each model.
        direction: `up` to what it is made of, `down` to what is made of it.
        graph: which models read which.

    Returns:
        Every link once for each overall kind, sorted, the nearest first.
    """
    walk = _Walk(edges_of, graph)
    steps = walk.up if direction == "up" else walk.down
    first = _Node(model, _EVERY if column is None else split_path(column), "copied")
    distances = {first: 0}
    waiting = deque([first])
    found: dict[tuple[object, ...], Link] = {}
    while waiting:
        node = waiting.popleft()
        distance = distances[node]
        for far, ends in steps(node):
            if ends is not None:
                link = Link(distance + 1, *ends, far.overall)
                found.setdefault((*ends, far.overall), link)
            if far not in distances:
                distances[far] = distance + (ends is not None)
                (waiting.appendleft if ends is None else waiting.append)(far)
    return tuple(sorted(found.values()))


# source, column, target, target column, kind; None for a step within one model
_Ends = tuple[str, str, str, str, Kind] | None


@dataclass(frozen=True, slots=True)
class _Node:
    """A column and how it hangs together with the beginning."""

    name: str
    path: Path
    overall: Kind


@dataclass(frozen=True, slots=True)
class _Parsed:
    """An edge with its ends as paths: `*` is all columns of the source, and of the target in all edges but filters."""

    edge: Edge
    path: Path
    target: Path


@dataclass(slots=True)
class _Edges:
    """The edges of a model: those to values by the first name of either end, and filters."""

    by_target: dict[str, list[_Parsed]] = field(default_factory=dict)
    by_source: dict[tuple[str, str], list[_Parsed]] = field(default_factory=dict)
    filters: list[_Parsed] = field(default_factory=list)
    sources: set[str] = field(default_factory=set)


class _Walk:
    def __init__(self, edges_of: EdgesOf, graph: Graph) -> None:
        self._edges_of = edges_of
        self._graph = graph
        self._edges: dict[str, _Edges] = {}

    def up(self, node: _Node) -> Iterator[tuple[_Node, _Ends]]:
        """The steps from a column to what it is made of."""
        if node.name not in self._graph.models:
            return
        edges = self._of(node.name)
        if node.path == _ROWS:
            for each in edges.filters:
                ends = (each.edge.source, each.edge.column, node.name, ALL, each.edge.kind)
                yield _Node(each.edge.source, each.path, "filter"), ends
            for parent in self._graph.parents(node.name):
                yield _Node(parent, _ROWS, "filter"), (parent, ALL, node.name, ALL, "filter")
            return
        yield _Node(node.name, _ROWS, "filter"), None
        for each in _touching(edges.by_target, node.path):
            if not _meet(each.target, node.path):
                continue
            path = _behind(each, each.target, each.path, node.path)
            far = _Node(each.edge.source, path, _weaker(node.overall, each.edge.kind))
            yield far, (far.name, _text(path), node.name, each.edge.target_column, each.edge.kind)

    def down(self, node: _Node) -> Iterator[tuple[_Node, _Ends]]:
        """The steps from a column to what is made of it."""
        for reader in self._readers(node.name):
            edges = self._of(reader)
            if node.path in (_ROWS, _EVERY):
                yield _Node(reader, _ROWS, "filter"), (node.name, ALL, reader, ALL, "filter")
            if node.path == _ROWS:
                continue
            here = {first: found for (source, first), found in edges.by_source.items() if source == node.name}
            for each in _touching(here, node.path):
                if not _meet(each.path, node.path):
                    continue
                is_filter = each.edge.kind == "filter"
                path = _ROWS if is_filter else _behind(each, each.path, each.target, node.path)
                far = _Node(reader, path, _weaker(node.overall, each.edge.kind))
                yield far, (node.name, each.edge.column, reader, _text(path), each.edge.kind)

    def _readers(self, name: str) -> Iterable[str]:
        if name in self._graph.models:
            return self._graph.children(name)
        return [each for each in self._graph.order if name in self._of(each).sources]

    def _of(self, name: str) -> _Edges:
        if name not in self._edges:
            self._edges[name] = found = _Edges()
            for edge in self._edges_of(name):
                each = _Parsed(edge, _path(edge.column), _path(edge.target_column))
                found.sources.add(edge.source)
                found.by_source.setdefault((edge.source, _first(each.path)), []).append(each)
                if edge.kind == "filter":
                    found.filters.append(each)
                else:
                    found.by_target.setdefault(_first(each.target), []).append(each)
        return self._edges[name]


def _path(text: str) -> Path:
    return _EVERY if text == ALL else split_path(text)


def _text(path: Path) -> str:
    return ALL if path in (_EVERY, _ROWS) else join_path(path)


def _first(path: Path) -> str:
    return path[0].lower() if path else ALL


def _touching(edges: dict[str, list[_Parsed]], path: Path) -> Iterable[_Parsed]:
    """The edges whose end may meet a path: all of them for all columns."""
    names = edges if path == _EVERY else dict.fromkeys((_first(path), ALL))
    return [each for name in names for each in edges.get(name, ())]


def _meet(one: Path, other: Path) -> bool:
    """Whether two paths are the same, or one is a field within the other."""
    return all(a.lower() == b.lower() for a, b in zip(one, other, strict=False))


def _behind(each: _Parsed, near: Path, far: Path, asked: Path) -> Path:
    """The other end of an edge, for who asked for a field within its near end: the same field, if it was copied."""
    return (*far, *asked[len(near) :]) if each.edge.kind == "copied" else far


def _weaker(one: Kind, other: Kind) -> Kind:
    return max(one, other, key=_STRENGTH.__getitem__)
